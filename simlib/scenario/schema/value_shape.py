"""The pydantic models of numbers, probabilities and effects in a scenario file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag, WithJsonSchema

from simlib.scenario.schema.scalars import (
    BRIEFLY,
    AnyId,
    Because,
    Date,
    Label,
    Numeral,
    Shape,
    Short,
    SourceIds,
    either,
)


class LiteralShape(Shape):
    """A number with its reason, written where it is used, and with an id made from its place."""

    label: Label | None = Field(None, description="the quantity in words; default: made from its place in the file")
    value: Numeral = Field(description="the median, such as '2 per week' (a rate), '30%' (a chance), 3 (a factor)")
    low: Numeral | None = Field(None, description="5th percentile of the prior")
    high: Numeral | None = Field(None, description="95th percentile of the prior")
    because: Because
    sources: SourceIds = Field([])
    observed: Numeral | None = Field(
        None, description="the rate counted in past data, including the effect of the factors"
    )
    uses_log_until: Date | None = Field(None, description="last day of the event log that was used to set this number")
    spread: Numeral | None = Field(None, description="standard deviation of an amount from event to event; default: 0")


class AssumptionShape(LiteralShape):
    """A named number to which moves, factors and chances refer."""

    label: Label = Field(description="the quantity in words, such as 'Vessel strikes per week'")
    short: Short | None = Field(None, description=BRIEFLY)


LiteralOrId = Annotated[
    Annotated[AnyId, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    either("expected the id of an assumption, or {value: ..., because: ...}"),
]


ShareOrId = Annotated[
    Annotated[Numeral, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    either("expected a share such as 0.6, the id of an assumption, or {value: ..., because: ...}"),
]


A_LEVEL = "a level, a step such as +1 or -1, or a number of a counter"


EffectShape = Annotated[AnyId, WithJsonSchema({"type": ["string", "integer"], "description": A_LEVEL})]


EffectsShape = Annotated[dict[AnyId, EffectShape], Field(max_length=64)]
