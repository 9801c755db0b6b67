"""Numbers, shares and effects as files write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Tag, WithJsonSchema

from simlib.scenario.schema.scalars import (
    BRIEFLY,
    Because,
    Date,
    Label,
    Number,
    Reference,
    Shape,
    Short,
    SourceIds,
    either,
)


class LiteralShape(Shape):
    """A number written where it is used, with its reason. It becomes an assumption named by its place."""

    label: Label | None = Field(None, description="what the number is; default: from its place")
    value: Number = Field(description="the median, such as '2 per week' (a rate), '30%' (a chance), 3 (a factor)")
    low: Number | None = Field(None, description="5th percentile of the prior")
    high: Number | None = Field(None, description="95th percentile of the prior")
    because: Because
    sources: SourceIds = Field([])
    observed: Number | None = Field(None, description="the rate seen in the record, with the effect of tempo in it")
    uses_log_until: Date | None = Field(None, description="day up to which the event log already set this number")
    spread: Number | None = Field(None, description="standard deviation of an amount from event to event; default: 0")


class AssumptionShape(LiteralShape):
    """A named number that moves, factors and chances refer to."""

    label: Label = Field(description="what the number is, in a sentence")
    short: Short | None = Field(None, description=BRIEFLY)


LiteralOrId = Annotated[
    Annotated[Reference, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    either("expected the id of an assumption, or {value: ..., because: ...}"),
]


ShareOrId = Annotated[
    Annotated[Number, Tag("\0text")] | Annotated[LiteralShape, Tag("\0mapping")],
    either("expected a share such as 0.6, the id of an assumption, or {value: ..., because: ...}"),
]


A_LEVEL = "a level, +1 or -1; a number of a counter"


EffectShape = Annotated[Reference, WithJsonSchema({"type": ["string", "integer"], "description": A_LEVEL})]


EffectsShape = Annotated[dict[Reference, EffectShape], Field(max_length=64)]
