"""The shape of the section `evidence` of a scenario file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag

from simlib.scenario.schema.scalars import (
    Because,
    ConditionShape,
    Date,
    Flag,
    Name,
    Number,
    Reference,
    Shape,
    Text,
    either,
)
from simlib.scenario.schema.value_shape import EffectsShape, LiteralOrId, ShareOrId

StartShape = Annotated[
    Annotated[Reference, Tag("\0text")]
    | Annotated[dict[Reference, ShareOrId], Field(min_length=1, max_length=16), Tag("\0mapping")],
    either("expected a level, or {level: share}"),
]


class HistoryShape(Shape):
    """The day from which the log is taken in, and the start on that day."""

    from_: Date = Field(alias="from", description="first day of the history")
    because: Because
    start: dict[Reference, StartShape] = Field({}, max_length=64, description="what differs from `start` on that day")


class SeenShape(Shape):
    """Whether the log would show a firing of a move."""

    always: Flag | None = Field(None, description="true: each firing would show")
    never: Flag | None = Field(None, description="true: the absence of a row says nothing")
    chance: LiteralOrId | None = Field(None, description="the chance that a firing would show")
    within: Number | None = Field(None, description="how long it may take until a firing shows, such as '21 days'")
    from_: Date | None = Field(None, alias="from", description="first day on which the log would show it")
    because: Text | None = Field(None, description="why")


class LogRuleShape(Shape):
    """The meaning of rows of the log whose words are not enough."""

    row: Annotated[
        Annotated[Reference, Tag("\0text")]
        | Annotated[list[Reference], Field(min_length=1, max_length=100), Tag("\0list")],
        either("expected a word of the log's column `move`, or a list of them"),
    ] = Field(description="words of the log's column `move`")
    date: Date | None = Field(None, description="only rows of this date")
    actor: Text | None = Field(None, description="only rows with this actor")
    target: Text | None = Field(None, description="only rows with this target")
    confidence: Text | None = Field(None, description="only rows with this confidence")
    is_: Reference | None = Field(None, alias="is", description="the move that fired")
    outcomes: Annotated[list[Reference], Field(min_length=1, max_length=16)] | None = Field(
        None, description="outcomes that it may have had"
    )
    level: ConditionShape | None = Field(None, description="a fact about the state that the row reports")
    set_: EffectsShape | None = Field(None, alias="set", description="an outside change: {variable: level}")
    ratio: Number | None = Field(None, description="how many times likelier the row is if true than if false")
    ignore: Text | None = Field(None, description="why the row is left out")
    because: Text | None = Field(None, description="why")


class EvidenceShape(Shape):
    """How the event log is to be read."""

    history: HistoryShape | None = Field(None, description="from which day on the log counts, before the first day")
    seen: dict[
        Reference,
        Annotated[
            Annotated[Reference, Tag("\0text")] | Annotated[SeenShape, Tag("\0mapping")],
            either("expected always, never, or {chance: ...}"),
        ],
    ] = Field({}, max_length=500, description="moves (or move:outcome) and whether the log would show them")
    rows: list[LogRuleShape] = Field([], max_length=500, description="what rows mean; the first fitting rule decides")
    confidence: dict[Name, Number] = Field(
        {}, max_length=16, description="the likelihood ratio of each word in the log's column `confidence`, or certain"
    )
