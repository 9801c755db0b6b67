"""The pydantic model of the section `evidence`, which says how to read the event log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag

from simlib.scenario.schema.scalars import (
    AnyId,
    Because,
    ConditionShape,
    Date,
    Flag,
    Name,
    Numeral,
    Shape,
    Text,
    either,
)
from simlib.scenario.schema.value_shape import EffectsShape, LiteralOrId, ShareOrId

StartShape = Annotated[
    Annotated[AnyId, Tag("\0text")]
    | Annotated[dict[AnyId, ShareOrId], Field(min_length=1, max_length=16), Tag("\0mapping")],
    either("expected a level, or {level: share}"),
]


class HistoryShape(Shape):
    """The day from which the event log is used, and how the variables start on that day."""

    from_: Date = Field(alias="from", description="first day of the history")
    because: Because
    start: dict[AnyId, StartShape] = Field(
        {}, max_length=64, description="{variable: its start on that day}; default: `start` of the variable"
    )


class SeenShape(Shape):
    """Whether the event log shows a move when it happens."""

    always: Flag | None = Field(None, description="true: the log shows the move every time it happens")
    never: Flag | None = Field(None, description="true: the log need not show the move, so a missing row says nothing")
    chance: LiteralOrId | None = Field(None, description="the chance that the log shows the move when it happens")
    within: Numeral | None = Field(None, description="longest time from the move to its log row, such as '21 days'")
    from_: Date | None = Field(None, alias="from", description="first day on which the log can show the move")
    because: Text | None = Field(None, description="the reason")


class LogRuleShape(Shape):
    """What rows of the event log mean, if the word in their column `move` does not say enough."""

    row: Annotated[
        Annotated[AnyId, Tag("\0text")] | Annotated[list[AnyId], Field(min_length=1, max_length=100), Tag("\0list")],
        either("expected a word of the log's column `move`, or a list of such words"),
    ] = Field(description="the rule is for rows with one of these words in the column `move`")
    date: Date | None = Field(None, description="only rows of this date")
    actor: Text | None = Field(None, description="only rows with this actor")
    target: Text | None = Field(None, description="only rows with this target")
    confidence: Text | None = Field(None, description="only rows with this confidence")
    is_: AnyId | None = Field(None, alias="is", description="id of the move that happened")
    outcomes: Annotated[list[AnyId], Field(min_length=1, max_length=16)] | None = Field(
        None, description="ids of the outcomes that the move may have had"
    )
    level: ConditionShape | None = Field(None, description="the row reports that this condition holds")
    set_: EffectsShape | None = Field(
        None, alias="set", description="a change from outside the model: {variable: level}"
    )
    ratio: Numeral | None = Field(
        None, description="likelihood ratio: P(row if its report is true) / P(row if its report is false)"
    )
    ignore: Text | None = Field(None, description="why the row is left out")
    because: Text | None = Field(None, description="the reason")


class EvidenceShape(Shape):
    """How the event log is to be read."""

    history: HistoryShape | None = Field(None, description="the day from which the log is used, at the latest `as_of`")
    seen: dict[
        AnyId,
        Annotated[
            Annotated[AnyId, Tag("\0text")] | Annotated[SeenShape, Tag("\0mapping")],
            either("expected always, never, or {chance: ...}"),
        ],
    ] = Field(
        {},
        max_length=500,
        description="whether the log shows a move when it happens: {MOVE: ...}, or {MOVE:OUTCOME: ...}",
    )
    rows: list[LogRuleShape] = Field(
        [], max_length=500, description="rules for what rows mean; the first rule that fits a row decides"
    )
    confidence: dict[Name, Numeral] = Field(
        {},
        max_length=16,
        description="a likelihood ratio, or 'certain', for each word in the log's column `confidence`",
    )
