"""The shape of a scenario file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag

from simlib.scenario.schema.evidence_shape import EvidenceShape
from simlib.scenario.schema.scalars import (
    BRIEFLY,
    WHEN,
    AtLeast,
    Because,
    ConditionShape,
    CounterEnd,
    Date,
    Days,
    Flag,
    Format,
    Id,
    Label,
    LongText,
    Name,
    Number,
    Reference,
    Shape,
    Short,
    SourceIds,
    Text,
    either,
)
from simlib.scenario.schema.value_shape import AssumptionShape, EffectsShape, LiteralOrId, ShareOrId


class SourceShape(Shape):
    """Where a claim comes from."""

    title: Label = Field(description="title of the document")
    date: Date | None = Field(None, description="day it was published")
    url: Label | None = Field(None, description="address where it can be read")
    note: Text | None = Field(None, description="anything a reader should know about it")


class ActorShape(Shape):
    """Somebody who makes moves."""

    label: Label = Field(description="name of the actor")


WindowShape = Annotated[list[Date], Field(min_length=2, max_length=2)]

THEN = "{variable: a level to set, or a signed number of levels such as +1}, or a list of {set: ..., when: ...}"
SET = "{variable: a level to set, or a signed number of levels such as +1}"
BETWEEN = "first and last day, both included: [2031-04-01, 2031-04-30]"


class EffectsWhenShape(Shape):
    """Some effects of an outcome, with the condition under which they happen."""

    set: EffectsShape = Field(description=SET)
    when: ConditionShape | None = Field(None, description=WHEN)


ThenShape = Annotated[
    Annotated[EffectsShape, Tag("\0mapping")]
    | Annotated[list[EffectsWhenShape], Field(min_length=1, max_length=64), Tag("\0list")],
    either("expected {variable: level}, or a list of {set: {variable: level}, when: {variable: levels}}"),
]


class LevelShape(Shape):
    """A level with a label, which people read in place of its name."""

    level: Name = Field(description="name of the level")
    label: Label = Field(description="what people read")


class CounterShape(Shape):
    """The numbers of a counter, such as {from: 0, to: 60}."""

    from_: CounterEnd = Field(alias="from", description="the lowest number, 0 or more")
    to: CounterEnd = Field(description="the highest number")


LevelsShape = Annotated[
    Annotated[
        list[
            Annotated[
                Annotated[Name, Tag("\0text")] | Annotated[LevelShape, Tag("\0mapping")],
                either("expected the name of a level, or {level: NAME, label: ...}"),
            ]
        ],
        Field(min_length=2, max_length=16),
        Tag("\0list"),
    ]
    | Annotated[CounterShape, Tag("\0mapping")],
    either("expected a list of levels, or {from: 0, to: 60} for a counter"),
]


class VariableShape(Shape):
    """One dimension of the state: named, ordered levels, or the numbers of a counter."""

    label: Label | None = Field(None, description="what the variable is; default: its id")
    levels: LevelsShape = Field(
        description="names of its levels in order, such as [quiet, hot]; {from: 0, to: 60} for a counter"
    )
    start: Annotated[
        Annotated[Reference, Tag("\0text")]
        | Annotated[dict[Reference, ShareOrId], Field(min_length=2, max_length=64), Tag("\0mapping")],
        either("expected a level, or {level: share}"),
    ] = Field(description="level on the first day, or {level: share} where it is not known for certain")
    hidden: Flag = Field(False, description="true: nobody observes it")
    because: Text | None = Field(None, description="why it starts there")
    sources: SourceIds = Field([])


class CorrelationShape(Shape):
    """Rank correlation between the priors of two assumptions."""

    of: list[Reference] = Field(min_length=2, max_length=2, description="ids of two assumptions")
    rank: Number = Field(description="Spearman's rank correlation, between -1 and 1")
    because: Because
    sources: SourceIds = Field([])


class FactorShape(Shape):
    """A factor on the rate of a move or on the odds of an outcome, while its condition and its window hold."""

    by: LiteralOrId | None = Field(None, description="id of an assumption, or {value: 3, because: ...}")
    per: Reference | None = Field(None, description="in place of `by`: id of a counter; the factor is its number")
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=BETWEEN)


class WaitShape(Shape):
    """How long a move takes once it is possible: the median wait, and how much single waits vary."""

    value: Number = Field(
        description="the median wait, such as '12 days', or the id of an assumption, whose low and high say "
        "how uncertain the median is"
    )
    low: Number = Field(description="5th percentile of single waits, such as '5 days'; they vary by chance")
    high: Number = Field(description="95th percentile of single waits, such as '21 days'; they vary by chance")
    because: Text | None = Field(None, description="a reason in a sentence; needed where the value is a number")
    sources: SourceIds = Field([])


class OutcomeShape(Shape):
    """One branch of a move."""

    label: Label | None = Field(None, description="what happens; default: its id")
    chance: LiteralOrId | None = Field(None, description="its chance; one outcome may leave it out and takes the rest")
    times: list[FactorShape] = Field([], max_length=64, description="factors that multiply its odds against the others")
    then: ThenShape | None = Field(None, description=THEN)


class MoveShape(Shape):
    """Something an actor does, or that happens (actor `nature`)."""

    actor: Reference = Field(description="id of the actor who makes the move, or nature")
    target: Reference | None = Field(None, description="id of the actor it is aimed at")
    label: Label = Field(description="the move as a sentence without its subject: 'Sail a patrol through the strait'")
    short: Short | None = Field(None, description=BRIEFLY)
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=BETWEEN)
    rate: LiteralOrId | None = Field(
        None, description="how often: id of an assumption, or {value: 2 per week, because: ...}"
    )
    takes: WaitShape | None = Field(
        None,
        description="in place of `rate`, how long it takes once it is possible: "
        "{value: 12 days, low: 5 days, high: 21 days, because: ...}",
    )
    at: Date | None = Field(
        None, description="in place of `rate`, the day on which it happens if its condition holds then: 2031-05-05"
    )
    times: list[FactorShape] = Field([], max_length=64, description="factors that multiply the rate")
    outcomes: Annotated[dict[Id, OutcomeShape], Field(min_length=1, max_length=16)] | None = Field(
        None, description="branches, one of which happens with the move"
    )
    then: ThenShape | None = Field(None, description=THEN)
    covert: Flag = Field(False, description="true: nobody observes the move")
    sources: SourceIds = Field([])


class EndingShape(Shape):
    """A named condition that stops the clock.

    The order in the file is precedence.
    """

    when: ConditionShape = Field(description=WHEN)
    label: Label = Field(description="what has happened")
    short: Short | None = Field(None, description=BRIEFLY)
    because: Text | None = Field(None, description="why this ends the story")


MoveIds = Annotated[list[Reference], Field(max_length=200, description="ids of moves")]


class LullShape(Shape):
    """A stretch of days in which none of some moves happens."""

    moves: MoveIds
    days: Days = Field(description="length of the stretch in days, such as 28")


class RepeatsShape(Shape):
    """At least so many firings of a move, or of some moves together."""

    move: Reference | None = Field(None, description="id of a move")
    moves: MoveIds | None = Field(None, description="ids of moves that are counted together")
    at_least: AtLeast = Field(description="how many firings make the event, such as 3")


class QuestionShape(Shape):
    """A named event reported beside the endings: a condition, a move, a lull or a count, and how it is settled."""

    label: Label = Field(description="the question, or the event asked about")
    short: Short | None = Field(None, description=BRIEFLY)
    when: ConditionShape | None = Field(None, description=WHEN)
    move: Reference | None = Field(None, description="id of a move: the event is its first firing")
    outcome: Reference | None = Field(None, description="id of an outcome of that move")
    lull: LullShape | None = Field(None, description="the event is the end of a stretch without any of these moves")
    count: RepeatsShape | None = Field(None, description="the event is the firing that reaches a count")
    resolves: Text = Field(description="how the question is settled in the world")
    decides: Text | None = Field(None, description="who decides")


class ImpulseRewardShape(Shape):
    """An amount gained each time a move fires, or fires with one outcome."""

    move: Reference = Field(description="id of a move")
    outcome: Reference | None = Field(None, description="id of an outcome of that move; default: any outcome")
    each: LiteralOrId = Field(description="mean amount: id of an assumption, or {value: 4.3, spread: 2, because: ...}")


class RateRewardShape(Shape):
    """An amount gained per day while a condition holds."""

    when: ConditionShape | None = Field(None, description=WHEN)
    amount: LiteralOrId = Field(description="amount per day: id of an assumption, or {value: 12, because: ...}")


class TerminalRewardShape(Shape):
    """An amount gained once, on reaching an ending."""

    ending: Reference = Field(description="id of an ending")
    amount: LiteralOrId = Field(description="mean amount: id of an assumption, or {value: 900, because: ...}")


class ImpactShape(Shape):
    """A consequence that accumulates until the story ends: how many, or how much."""

    label: Label = Field(description="what is counted, such as 'People killed at sea'")
    unit: Name = Field(description="the unit in free words, such as people")
    on: list[ImpulseRewardShape] = Field([], max_length=64, description="amounts gained with moves")
    per_day: list[RateRewardShape] = Field([], max_length=64, description="amounts gained per day")
    at: list[TerminalRewardShape] = Field([], max_length=64, description="amounts gained on reaching endings")


class RungShape(Shape):
    """One step of a ladder."""

    rung: Name = Field(description="name of the rung")
    when: ConditionShape | None = Field(None, description=WHEN)
    label: Label | None = Field(None, description="what the rung means")
    short: Short | None = Field(None, description=BRIEFLY)


class LadderShape(Shape):
    """An ordered list of rungs.

    The state is on the last rung whose condition holds.
    """

    label: Label | None = Field(None, description="name of the ladder")
    rungs: list[RungShape] = Field(min_length=1, max_length=64, description="from the lowest to the highest")


class ScenarioShape(Shape):
    """One scenario: who can do what, how often, with which outcomes, and when the story ends."""

    format: Format = Field(description="the version of the file format, which is 1")
    id: Id = Field(description="short name of the scenario")
    title: Label = Field(description="title of the scenario")
    description: LongText | None = Field(None, description="what it is about")
    as_of: Date = Field(description="first day of the forecast; only what happened before it is known")
    horizon: Number = Field(description="how far the forecast reaches, such as '90 days'")
    ladder: Reference | None = Field(None, description="id of the ladder shown first")
    headline: Reference | None = Field(
        None,
        description="id of the question or ending that comes first in reports; default: the first question or ending",
    )
    reference_class: Text | None = Field(None, description="the class of past crises this one belongs to, or none")
    sources: dict[Id, SourceShape] = Field({}, max_length=1000, description="where claims come from")
    actors: dict[
        Id,
        Annotated[
            Annotated[Label, Tag("\0text")] | Annotated[ActorShape, Tag("\0mapping")],
            either("expected the name of the actor"),
        ],
    ] = Field({}, max_length=200, description="who makes moves: {id: name}")
    variables: dict[Id, VariableShape] = Field(min_length=1, max_length=64, description="the dimensions of the state")
    assumptions: dict[Id, AssumptionShape] = Field({}, max_length=2000, description="the numbers, each with its reason")
    correlations: list[CorrelationShape] = Field([], max_length=500, description="rank correlations of the priors")
    moves: dict[Id, MoveShape] = Field(max_length=500, description="what can happen")
    endings: dict[Id, EndingShape] = Field(max_length=64, description="what stops the clock, in order of precedence")
    ladders: dict[
        Id,
        Annotated[
            Annotated[list[RungShape], Field(min_length=1, max_length=64), Tag("\0list")]
            | Annotated[LadderShape, Tag("\0mapping")],
            either("expected a list of rungs"),
        ],
    ] = Field({}, max_length=16, description="ways to sum up a state in one word")
    questions: dict[Id, QuestionShape] = Field({}, max_length=200, description="events reported beside the endings")
    evidence: EvidenceShape | None = Field(None, description="how the event log is to be read")
    impacts: dict[Id, ImpactShape] = Field({}, max_length=32, description="consequences that accumulate")
