"""The pydantic model of a view file: changed assumptions and interventions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from simlib.scenario.schema.scalars import (
    WHEN,
    AnyId,
    Because,
    ConditionShape,
    Date,
    Format,
    Id,
    Label,
    Numeral,
    Shape,
    SourceIds,
    Text,
)


class ChangeShape(Shape):
    """One assumption changed by a view."""

    value: Numeral = Field(description="the new median")
    low: Numeral | None = Field(None, description="new 5th percentile; default: the old one, shifted with the median")
    high: Numeral | None = Field(None, description="new 95th percentile; default: the old one, shifted with the median")
    because: Because
    sources: SourceIds = Field([])


class ForceShape(Shape):
    """A move forced to happen on a day, if its `when` holds then."""

    force: AnyId = Field(description="id of the move")
    outcome: AnyId | None = Field(None, description="id of the outcome; default: left to chance")
    on: Date = Field(description="the day")
    because: Text | None = Field(None, description="the reason")


class ForbidShape(Shape):
    """A move that is impossible for a time, or while a condition holds."""

    forbid: AnyId = Field(description="id of the move")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which the move is possible again; default: never")
    when: ConditionShape | None = Field(None, description=f"only while this condition holds; {WHEN}")
    because: Text | None = Field(None, description="the reason")


class DelayShape(Shape):
    """A move that is impossible before a day."""

    delay: AnyId = Field(description="id of the move")
    until: Date = Field(description="first day on which the move is possible")
    because: Text | None = Field(None, description="the reason")


class RepeatShape(Shape):
    """A move forced on a day and again at equal intervals, each time if its `when` holds then."""

    repeat: AnyId = Field(description="id of the move")
    every: Numeral = Field(description="time between two firings, such as '7 days'")
    outcome: AnyId | None = Field(None, description="id of the outcome; default: left to chance")
    from_: Date | None = Field(None, alias="from", description="the first day; default: the start")
    until: Date | None = Field(
        None, description="first day on which the move is no longer repeated; default: the horizon"
    )
    because: Text | None = Field(None, description="the reason")


class PolicyShape(Shape):
    """A standing rule: a move happens at a new rate, at all times or while a condition holds."""

    policy: AnyId = Field(description="id of the move")
    rate: Numeral = Field(description="how often the move happens while its `when` holds, such as 'every 1 day'")
    when: ConditionShape | None = Field(None, description=f"only while this condition holds; {WHEN}")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which the policy no longer applies; default: never")
    because: Text | None = Field(None, description="the reason")


class PinShape(Shape):
    """A variable set to a level once, on a day. Later moves can change it."""

    pin: AnyId = Field(description="id of the variable")
    level: AnyId = Field(description="the level")
    on: Date = Field(description="the day")
    because: Text | None = Field(None, description="the reason")


class HoldShape(Shape):
    """A variable set to a level and kept there, so that no move changes it."""

    hold: AnyId = Field(description="id of the variable")
    level: AnyId = Field(description="the level")
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(
        None, description="first day on which moves can change the variable again; default: never"
    )
    because: Text | None = Field(None, description="the reason")


class AssumeShape(Shape):
    """An assumption with another value from a day on, or while a condition holds."""

    assume: AnyId = Field(description="id of the assumption")
    value: Numeral = Field(description="the new median; draws from the prior shift by the same step as the median")
    when: ConditionShape | None = Field(
        None, description=f"only while this condition holds; not allowed if the assumption is a chance; {WHEN}"
    )
    from_: Date | None = Field(None, alias="from", description="first day; default: from the start")
    until: Date | None = Field(None, description="first day on which the value no longer applies; default: never")
    because: Text | None = Field(None, description="the reason")


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
            "hold: VARIABLE or assume: ASSUMPTION as a key of the intervention"
        ),
    ),
]


class ViewShape(Shape):
    """A named set of changed assumptions and interventions, with its author's reason."""

    format: Format = Field(description="the version of the file format, which is 1")
    id: Id = Field(description="short name of the view")
    title: Label = Field(description="title of the view")
    author: Label | None = Field(None, description="whose view it is")
    because: Text | None = Field(None, description="what the author believes, and why")
    assumptions: dict[AnyId, ChangeShape] = Field({}, max_length=2000, description="the numbers that the view changes")
    interventions: list[InterventionShape] = Field(
        [], max_length=200, description="forced and forbidden moves, fixed levels, and other interventions"
    )
    horizon: Numeral | None = Field(None, description="a new horizon, such as '30 days'")
    ladder: AnyId | None = Field(None, description="id of the ladder shown first")
