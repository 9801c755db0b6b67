"""The pydantic model of a scenario file: its keys, and the values that belong to each key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag

from simlib.scenario.schema.evidence_shape import EvidenceShape
from simlib.scenario.schema.scalars import (
    BRIEFLY,
    WHEN,
    AnyId,
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
    Numeral,
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
    date: Date | None = Field(None, description="day on which the document was published")
    url: Label | None = Field(None, description="web address of the document")
    note: Text | None = Field(None, description="anything else that a reader should know about the source")


class ActorShape(Shape):
    """Somebody who makes moves."""

    label: Label = Field(description="name of the actor")


WindowShape = Annotated[list[Date], Field(min_length=2, max_length=2)]

THEN = "{variable: the new level, or a step in levels such as +1}, or a list of {set: ..., when: ...}"
SET = "{variable: the new level, or a step in levels such as +1}"
WINDOW_DESCRIPTION = "first and last day, both included: [2031-04-01, 2031-04-30]"


class EffectsWhenShape(Shape):
    """Effects of an outcome, and the condition under which they happen."""

    set: EffectsShape = Field(description=SET)
    when: ConditionShape | None = Field(None, description=WHEN)


ThenShape = Annotated[
    Annotated[EffectsShape, Tag("\0mapping")]
    | Annotated[list[EffectsWhenShape], Field(min_length=1, max_length=64), Tag("\0list")],
    either("expected {variable: level}, or a list of {set: {variable: level}, when: {variable: levels}}"),
]


class LevelShape(Shape):
    """A level, and the label that people read in place of its name."""

    level: Name = Field(description="name of the level")
    label: Label = Field(description="label of the level")


class CounterShape(Shape):
    """The lowest and the highest number of a counter, such as {from: 0, to: 60}."""

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
    """One dimension of the state, with named levels in order or with the numbers of a counter."""

    label: Label | None = Field(None, description="name of the variable; default: its id")
    levels: LevelsShape = Field(
        description="names of the levels in order, such as [quiet, hot], or {from: 0, to: 60} for a counter"
    )
    start: Annotated[
        Annotated[AnyId, Tag("\0text")]
        | Annotated[dict[AnyId, ShareOrId], Field(min_length=2, max_length=64), Tag("\0mapping")],
        either("expected a level, or {level: share}"),
    ] = Field(description="level on the first day, or {level: share} if that level is uncertain")
    hidden: Flag = Field(False, description="true: nobody observes the variable")
    because: Text | None = Field(None, description="why the variable starts at this level")
    sources: SourceIds = Field([])


class CorrelationShape(Shape):
    """Rank correlation between the priors of two assumptions."""

    of: list[AnyId] = Field(min_length=2, max_length=2, description="ids of two assumptions")
    rank: Numeral = Field(description="Spearman's rank correlation, between -1 and 1")
    because: Because
    sources: SourceIds = Field([])


class FactorShape(Shape):
    """A factor on the rate of a move or on the odds of an outcome."""

    by: LiteralOrId | None = Field(None, description="id of an assumption, or {value: 3, because: ...}")
    per: AnyId | None = Field(None, description="in place of `by`: id of a counter, whose number is the factor")
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=WINDOW_DESCRIPTION)


class WaitShape(Shape):
    """How long a move takes once it is possible: the median, and how much single waits vary."""

    value: Numeral = Field(
        description="the median wait, such as '12 days', or the id of an assumption that gives the median and "
        "its uncertainty"
    )
    low: Numeral = Field(description="5th percentile of single waits, which vary by chance, such as '5 days'")
    high: Numeral = Field(description="95th percentile of single waits, which vary by chance, such as '21 days'")
    because: Text | None = Field(None, description="a reason in a sentence; required if the value is a number")
    sources: SourceIds = Field([])


class OutcomeShape(Shape):
    """One branch of a move."""

    label: Label | None = Field(None, description="what happens; default: its id")
    chance: LiteralOrId | None = Field(
        None, description="chance of the outcome; one outcome may leave it out, and then takes the rest up to 1"
    )
    times: list[FactorShape] = Field(
        [], max_length=64, description="factors that multiply the odds of this outcome against the others"
    )
    then: ThenShape | None = Field(None, description=THEN)


class MoveShape(Shape):
    """Something that an actor does, or that happens by itself (actor `nature`)."""

    actor: AnyId = Field(description="id of the actor who makes the move, or nature")
    target: AnyId | None = Field(None, description="id of the actor at whom the move is aimed")
    label: Label = Field(description="the move as a sentence without its subject: 'Sail a patrol through the strait'")
    short: Short | None = Field(None, description=BRIEFLY)
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=WINDOW_DESCRIPTION)
    rate: LiteralOrId | None = Field(
        None, description="how often: id of an assumption, or {value: 2 per week, because: ...}"
    )
    takes: WaitShape | None = Field(
        None,
        description="in place of `rate`: how long the move takes once it is possible, as "
        "{value: 12 days, low: 5 days, high: 21 days, because: ...}",
    )
    at: Date | None = Field(
        None, description="in place of `rate`: the day on which the move happens if `when` holds, such as 2031-05-05"
    )
    times: list[FactorShape] = Field([], max_length=64, description="factors that multiply the rate")
    outcomes: Annotated[dict[Id, OutcomeShape], Field(min_length=1, max_length=16)] | None = Field(
        None, description="branches: each time the move happens, one of them is drawn"
    )
    then: ThenShape | None = Field(None, description=THEN)
    covert: Flag = Field(False, description="true: nobody observes the move")
    sources: SourceIds = Field([])


class EndingShape(Shape):
    """A named condition that ends the story."""

    when: ConditionShape = Field(description=WHEN)
    label: Label = Field(description="what has happened")
    short: Short | None = Field(None, description=BRIEFLY)
    because: Text | None = Field(None, description="why this ends the story")


MoveIds = Annotated[list[AnyId], Field(max_length=200, description="ids of moves")]


class LullShape(Shape):
    """A stretch of days in which none of the listed moves happens."""

    moves: MoveIds
    days: Days = Field(description="length of the stretch in days, such as 28")


class RepeatsShape(Shape):
    """How often a move must happen, or several moves together."""

    move: AnyId | None = Field(None, description="id of a move")
    moves: MoveIds | None = Field(None, description="ids of moves that are counted together")
    at_least: AtLeast = Field(description="how many times, such as 3")


class QuestionShape(Shape):
    """An event reported beside the endings, such as a move or a lull, and how it is settled."""

    label: Label = Field(description="the question, or the event that it asks about")
    short: Short | None = Field(None, description=BRIEFLY)
    when: ConditionShape | None = Field(None, description=WHEN)
    move: AnyId | None = Field(None, description="id of a move; the event is that it happens for the first time")
    outcome: AnyId | None = Field(None, description="id of an outcome of that move")
    lull: LullShape | None = Field(None, description="the event is a stretch of days without any of the listed moves")
    count: RepeatsShape | None = Field(
        None, description="the event is that moves have happened a given number of times"
    )
    resolves: Text = Field(description="how the question is settled in reality")
    decides: Text | None = Field(None, description="who settles the question")


class ImpulseRewardShape(Shape):
    """An amount added each time a move happens, or happens with a given outcome."""

    move: AnyId = Field(description="id of a move")
    outcome: AnyId | None = Field(None, description="id of an outcome of that move; default: any outcome")
    each: LiteralOrId = Field(description="mean amount: id of an assumption, or {value: 4.3, spread: 2, because: ...}")


class RateRewardShape(Shape):
    """An amount added per day while a condition holds."""

    when: ConditionShape | None = Field(None, description=WHEN)
    amount: LiteralOrId = Field(description="amount per day: id of an assumption, or {value: 12, because: ...}")


class TerminalRewardShape(Shape):
    """An amount added once, when an ending is reached."""

    ending: AnyId = Field(description="id of an ending")
    amount: LiteralOrId = Field(description="mean amount: id of an assumption, or {value: 900, because: ...}")


class ImpactShape(Shape):
    """A consequence that accumulates until the story ends, such as deaths or costs."""

    label: Label = Field(description="what is counted, such as 'People killed at sea'")
    unit: Name = Field(description="the unit in free words, such as people")
    on: list[ImpulseRewardShape] = Field([], max_length=64, description="amounts added each time a move happens")
    per_day: list[RateRewardShape] = Field([], max_length=64, description="amounts added per day")
    at: list[TerminalRewardShape] = Field([], max_length=64, description="amounts added when an ending is reached")


class RungShape(Shape):
    """One step of a ladder."""

    rung: Name = Field(description="name of the rung")
    when: ConditionShape | None = Field(None, description=WHEN)
    label: Label | None = Field(None, description="what the rung means")
    short: Short | None = Field(None, description=BRIEFLY)


class LadderShape(Shape):
    """An ordered list of rungs. The state is on the last rung whose condition holds."""

    label: Label | None = Field(None, description="name of the ladder")
    rungs: list[RungShape] = Field(min_length=1, max_length=64, description="from the lowest to the highest")


class ScenarioShape(Shape):
    """One scenario: who can do what, how often, with which outcomes, and when the story ends."""

    format: Format = Field(description="the version of the file format, which is 1")
    id: Id = Field(description="short name of the scenario")
    title: Label = Field(description="title of the scenario")
    description: LongText | None = Field(None, description="what the scenario is about")
    as_of: Date = Field(description="first day of the forecast, which knows only what happened before that day")
    horizon: Numeral = Field(description="how far the forecast reaches, such as '90 days'")
    ladder: AnyId | None = Field(None, description="id of the ladder shown first")
    headline: AnyId | None = Field(
        None,
        description="id of the question or ending that comes first in reports; "
        "default: the first question, else the first ending",
    )
    reference_class: Text | None = Field(
        None, description="the class of past crises to which this crisis belongs, or none"
    )
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
    correlations: list[CorrelationShape] = Field(
        [], max_length=500, description="rank correlations between the priors of assumptions"
    )
    moves: dict[Id, MoveShape] = Field(max_length=500, description="what can happen")
    endings: dict[Id, EndingShape] = Field(
        max_length=64, description="the conditions that end the story; if several hold at once, the first one counts"
    )
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
