"""The shape of scenario and view files: which keys there are, what they hold, how many. The only contact with pydantic.

The same models validate a file and are published as JSON Schema (`python -m simlib.scenario.schema`), so that editors
complete keys and show each description. What a key *means* together with others is in `resolve` and `checks`.
Every scalar arrives as text (see `document`), and numbers with units are read by `simlib.quantities`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    VERSION,
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticCustomError

from simlib.scenario.scalars import DATE, LONGEST, Refusal, read_date, read_flag, read_format, read_name

LETTERS = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"


def _by(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a validator of a function that reads one word, keeping both halves of its refusal."""

    def validator(value: Any) -> Any:
        try:
            return read(value)
        except Refusal as refusal:
            halves = {"what": refusal.what, "expected": refusal.expected}
            raise PydanticCustomError("refused", "{what}; {expected}", halves) from None

    return validator


def _shape(value: object) -> str | None:
    """Which arm of a union a value belongs to; the names cannot occur in a file."""
    shapes = ((str, "\0text"), (dict, "\0mapping"), (list, "\0list"))
    return next((name for kind, name in shapes if isinstance(value, kind)), None)


def _either(expected: str) -> Discriminator:
    return Discriminator(_shape, custom_error_type="shape", custom_error_message=expected)


_ID = StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=LONGEST)
_NAME = StringConstraints(pattern=rf"^[{LETTERS}][{LETTERS}0-9_-]*( [{LETTERS}0-9_-]+)*$", max_length=LONGEST)
Id = Annotated[str, _ID, AfterValidator(_by(read_name))]
Name = Annotated[str, _NAME, AfterValidator(_by(read_name))]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=130)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
Number = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    WithJsonSchema({"type": ["string", "number"], "examples": ["2 per week", "30% within 90 days", "30%", 3]}),
]
Date = Annotated[
    dt.date, BeforeValidator(_by(read_date)), WithJsonSchema({"type": "string", "format": "date", "pattern": DATE})
]
Flag = Annotated[bool, BeforeValidator(_by(read_flag)), WithJsonSchema({"type": "boolean"})]
Format = Annotated[Literal[1], BeforeValidator(_by(read_format))]
SourceIds = Annotated[list[Reference], Field(max_length=50, description="ids from `sources`, such as [gazette]")]
Because = Annotated[Text, Field(description="a reason in a sentence; 'assumed' is a legal reason, silence is not")]


class Shape(BaseModel):
    """Base of every mapping in a file: unknown keys are refused, nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class SourceShape(Shape):
    """Where a claim comes from."""

    title: Label = Field(description="title of the document")
    date: Date | None = Field(None, description="day it was published")
    url: Label | None = Field(None, description="address where it can be read")
    note: Text | None = Field(None, description="anything a reader should know about it")


class ActorShape(Shape):
    """Somebody who makes moves."""

    label: Label = Field(description="name of the actor")


class LiteralShape(Shape):
    """A number written where it is used, with its reason: an assumption named by its place."""

    label: Label | None = Field(None, description="what the number is; default: made from the place")
    value: Number = Field(description="the median, such as '2 per week' (a rate), '30%' (a chance), 3 (a factor)")
    low: Number | None = Field(None, description="5th percentile of the prior")
    high: Number | None = Field(None, description="95th percentile of the prior")
    because: Because
    sources: SourceIds = []
    observed: Number | None = Field(None, description="the rate seen in the record, tempo included")
    uses_log_until: Date | None = Field(None, description="day up to which the event log already set this number")


class AssumptionShape(LiteralShape):
    """A named number that moves, factors and chances refer to."""

    label: Label = Field(description="what the number is, in a sentence")


LiteralOrId = Annotated[
    Annotated[Reference, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    _either("expected the id of an assumption, or {value: ..., because: ...}"),
]
ShareOrId = Annotated[
    Annotated[Number, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    _either("expected a share such as 0.6, the id of an assumption, or {value: ..., because: ...}"),
]
LevelSet = Annotated[
    Annotated[Reference, Tag("\0text")] | Annotated[list[Reference], Field(max_length=16), Tag("\0list")],
    _either("expected a level, a list of levels, 'X or above', 'X or below' or 'not X'"),
]
ClauseShape = Annotated[dict[Reference, LevelSet], Field(max_length=64)]
ConditionShape = Annotated[
    Annotated[ClauseShape, Tag("\0mapping")] | Annotated[list[ClauseShape], Field(max_length=32), Tag("\0list")],
    _either("expected {variable: levels}, or a list of these of which any may hold"),
]
WindowShape = Annotated[list[Date], Field(min_length=2, max_length=2)]
EffectShape = Annotated[Reference, WithJsonSchema({"type": ["string", "integer"], "description": "a level, +1 or -1"})]
EffectsShape = Annotated[dict[Reference, EffectShape], Field(max_length=64)]

WHEN = "{variable: levels}: all must hold; a list of such mappings: any may hold"
BETWEEN = "first and last day, both included: [2031-04-01, 2031-04-30]"
THEN = "{variable: a level to set, or a signed number of levels such as +1}"


class VariableShape(Shape):
    """One dimension of the state: named, ordered levels."""

    label: Label | None = Field(None, description="what the variable is; default: its id")
    levels: list[Name] = Field(
        min_length=2, max_length=16, description="names of its levels in order, such as [quiet, hot]"
    )
    start: Annotated[
        Annotated[Reference, Tag("\0text")]
        | Annotated[dict[Reference, ShareOrId], Field(min_length=2, max_length=16), Tag("\0mapping")],
        _either("expected a level, or {level: share}"),
    ] = Field(description="level on the first day, or {level: share} where it is not known for certain")
    hidden: Flag = Field(False, description="true: nobody observes it")
    because: Text | None = Field(None, description="why it starts there")
    sources: SourceIds = []


class CorrelationShape(Shape):
    """Rank correlation between the priors of two assumptions."""

    of: list[Reference] = Field(min_length=2, max_length=2, description="ids of two assumptions")
    rank: Number = Field(description="Spearman's rank correlation, between -1 and 1")
    because: Because
    sources: SourceIds = []


class FactorShape(Shape):
    """A factor on the rate of a move, while its condition holds and its window is open."""

    by: LiteralOrId = Field(description="id of an assumption, or {value: 3, because: ...}")
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=BETWEEN)


class OutcomeShape(Shape):
    """One branch of a move."""

    label: Label | None = Field(None, description="what happens; default: its id")
    chance: LiteralOrId | None = Field(None, description="its chance; one outcome may leave it out and takes the rest")
    then: EffectsShape | None = Field(None, description=THEN)


class MoveShape(Shape):
    """Something an actor does, or that happens (actor `nature`)."""

    actor: Reference = Field(description="id of the actor who makes the move, or nature")
    target: Reference | None = Field(None, description="id of the actor it is aimed at")
    label: Label = Field(description="the move as a sentence without its subject: 'Sail a patrol through the strait'")
    when: ConditionShape | None = Field(None, description=WHEN)
    between: WindowShape | None = Field(None, description=BETWEEN)
    rate: LiteralOrId = Field(description="how often: id of an assumption, or {value: 2 per week, because: ...}")
    times: list[FactorShape] = Field([], max_length=64, description="factors that multiply the rate")
    outcomes: Annotated[dict[Id, OutcomeShape], Field(min_length=1, max_length=16)] | None = Field(
        None, description="branches, of which one happens when the move is made"
    )
    then: EffectsShape | None = Field(None, description=THEN)
    covert: Flag = Field(False, description="true: nobody observes the move")
    sources: SourceIds = []


class EndingShape(Shape):
    """A named condition that stops the clock; the order in the file is precedence."""

    when: ConditionShape = Field(description=WHEN)
    label: Label = Field(description="what has happened")
    because: Text | None = Field(None, description="why this ends the story")


class QuestionShape(Shape):
    """A named event reported beside the endings: a condition or a move, and how it is settled."""

    label: Label = Field(description="the question, or the event asked about")
    when: ConditionShape | None = Field(None, description=WHEN)
    move: Reference | None = Field(None, description="id of a move: the event is its first firing")
    outcome: Reference | None = Field(None, description="id of an outcome of that move")
    resolves: Text = Field(description="how the question is settled in the world")
    decides: Text | None = Field(None, description="who decides")


class RungShape(Shape):
    """One step of a ladder."""

    rung: Name = Field(description="name of the rung")
    when: ConditionShape | None = Field(None, description=WHEN)
    label: Label | None = Field(None, description="what the rung means")


class LadderShape(Shape):
    """An ordered list of rungs; the state stands on the last one whose condition holds."""

    label: Label | None = Field(None, description="name of the ladder")
    rungs: list[RungShape] = Field(min_length=1, max_length=64, description="from the lowest to the highest")


class ScenarioShape(Shape):
    """One world: who can do what, how often, with which outcomes, and when the story ends."""

    format: Format = Field(description="the version of the file format, which is 1")
    id: Id = Field(description="short name of the scenario")
    title: Label = Field(description="title of the scenario")
    description: LongText | None = Field(None, description="what it is about")
    as_of: Date = Field(description="first day of the forecast; only what happened before it is known")
    horizon: Number = Field(description="how far the forecast reaches, such as '90 days'")
    ladder: Reference | None = Field(None, description="id of the ladder shown first")
    reference_class: Text | None = Field(None, description="the class of past crises this one belongs to, or none")
    sources: dict[Id, SourceShape] = Field({}, max_length=1000, description="where claims come from")
    actors: dict[
        Id,
        Annotated[
            Annotated[Label, Tag("\0text")] | Annotated[ActorShape, Tag("\0mapping")],
            _either("expected the name of the actor"),
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
            _either("expected a list of rungs"),
        ],
    ] = Field({}, max_length=16, description="ways to sum up a state in one word")
    questions: dict[Id, QuestionShape] = Field({}, max_length=200, description="events reported beside the endings")


class ChangeShape(Shape):
    """One assumption changed by a view."""

    value: Number = Field(description="the new median")
    low: Number | None = Field(None, description="the new 5th percentile; default: shifted with the median")
    high: Number | None = Field(None, description="the new 95th percentile; default: shifted with the median")
    because: Because
    sources: SourceIds = []


class ForceShape(Shape):
    """A move made to fire on a day, if its guard holds."""

    force: Reference = Field(description="id of the move")
    outcome: Reference | None = Field(None, description="id of the outcome; default: left to chance")
    on: Date = Field(description="the day")
    because: Text | None = Field(None, description="why")


class ForbidShape(Shape):
    """A move made impossible from a day on."""

    forbid: Reference = Field(description="id of the move")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which it is possible again; default: never")
    when: ConditionShape | None = Field(None, description=f"only while this holds; {WHEN}")
    because: Text | None = Field(None, description="why")


class DelayShape(Shape):
    """A move made impossible before a day."""

    delay: Reference = Field(description="id of the move")
    until: Date = Field(description="first day on which it is possible")
    because: Text | None = Field(None, description="why")


class RepeatShape(Shape):
    """A move made to fire on a day and ever again, each time if its guard holds."""

    repeat: Reference = Field(description="id of the move")
    every: Number = Field(description="from one time to the next, such as '7 days'")
    outcome: Reference | None = Field(None, description="id of the outcome; default: left to chance")
    from_: Date | None = Field(None, alias="from", description="the first day; default: the start")
    until: Date | None = Field(None, description="first day on which it is no longer repeated; default: the horizon")
    because: Text | None = Field(None, description="why")


class PolicyShape(Shape):
    """A move that somebody makes while a condition holds, at a rate of its own."""

    policy: Reference = Field(description="id of the move")
    rate: Number = Field(description="how often while the condition and the move's guard hold, such as 'every 1 day'")
    when: ConditionShape | None = Field(None, description=f"while this holds; {WHEN}")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which it no longer applies; default: never")
    because: Text | None = Field(None, description="why")


class PinShape(Shape):
    """A variable set to a level on a day, once."""

    pin: Reference = Field(description="id of the variable")
    level: Reference = Field(description="the level")
    on: Date = Field(description="the day")
    because: Text | None = Field(None, description="why")


class HoldShape(Shape):
    """A variable set to a level and kept there, whatever moves would do to it."""

    hold: Reference = Field(description="id of the variable")
    level: Reference = Field(description="the level")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which it is free again; default: never")
    because: Text | None = Field(None, description="why")


class AssumeShape(Shape):
    """An assumption with another value from a day on, or while a condition holds."""

    assume: Reference = Field(description="id of the assumption")
    value: Number = Field(description="its median then; a draw keeps its distance from the median")
    when: ConditionShape | None = Field(None, description=f"only while this holds (not for a chance); {WHEN}")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which it no longer applies; default: never")
    because: Text | None = Field(None, description="why")


def _intervention(value: object) -> str | None:
    keys = ("force", "repeat", "forbid", "delay", "policy", "pin", "hold", "assume")
    return next((f"\0{key}" for key in keys if key in value), None) if isinstance(value, dict) else None


InterventionShape = Annotated[
    Annotated[ForceShape, Tag("\0force")]
    | Annotated[RepeatShape, Tag("\0repeat")]
    | Annotated[ForbidShape, Tag("\0forbid")]
    | Annotated[DelayShape, Tag("\0delay")]
    | Annotated[PolicyShape, Tag("\0policy")]
    | Annotated[PinShape, Tag("\0pin")]
    | Annotated[HoldShape, Tag("\0hold")]
    | Annotated[AssumeShape, Tag("\0assume")],
    Discriminator(
        _intervention,
        custom_error_type="shape",
        custom_error_message=(
            "expected one of force: MOVE, repeat: MOVE, forbid: MOVE, delay: MOVE, policy: MOVE, pin: VARIABLE, "
            "hold: VARIABLE or assume: ASSUMPTION among its keys"
        ),
    ),
]


class ViewShape(Shape):
    """A named set of changed assumptions and interventions, with its author's reason."""

    format: Format = Field(description="the version of the file format, which is 1")
    id: Id = Field(description="short name of the view")
    title: Label = Field(description="title of the view")
    author: Label | None = Field(None, description="whose view it is")
    because: Text | None = Field(None, description="what this school of thought holds")
    assumptions: dict[Reference, ChangeShape] = Field({}, max_length=2000, description="the numbers it changes")
    interventions: list[InterventionShape] = Field([], max_length=200, description="what is forced, forbidden or set")
    horizon: Number | None = Field(None, description="another horizon, such as '30 days'")
    ladder: Reference | None = Field(None, description="id of the ladder shown first")


AnyShape = TypeVar("AnyShape", bound=Shape)


def validate(shape: type[AnyShape], data: Any) -> tuple[AnyShape | None, list[Any]]:
    """Return the validated model, or None and pydantic's list of errors."""
    try:
        return shape.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


class _Published(GenerateJsonSchema):
    """Leaves out titles, and `null`: in a file an optional key is left out, never left empty."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the face is pydantic's
        return False

    def dict_schema(self, schema: Any) -> JsonSchemaValue:
        """Refuse keys that do not match, where pydantic would leave them unchecked."""
        made = super().dict_schema(schema)
        for pattern, values in made.pop("patternProperties", {}).items():
            made["additionalProperties"] = values
            made.setdefault("propertyNames", {})["pattern"] = pattern
        return made

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(shape: type[Shape]) -> dict[str, Any]:
    """Return the JSON Schema of a scenario file (`ScenarioShape`) or a view file (`ViewShape`)."""
    head = {"$schema": DIALECT, "$comment": f"made by pydantic {'.'.join(VERSION.split('.')[:2])}; do not edit"}
    return head | shape.model_json_schema(schema_generator=_Published)


def published(shape: type[Shape]) -> str:
    """Return the text of the published JSON Schema file."""
    return json.dumps(json_schema(shape), indent=1, ensure_ascii=False) + "\n"


PUBLISHED: dict[str, type[Shape]] = {"scenario.schema.json": ScenarioShape, "view.schema.json": ViewShape}
"""The published files, which stand beside this module."""

if __name__ == "__main__":
    for name, shape in PUBLISHED.items():
        Path(__file__).with_name(name).write_text(published(shape), encoding="utf-8")
