"""The types of single values and conditions in a file, and the base class of its mappings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
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
from pydantic_core import PydanticCustomError

from simlib.scenario.scalars import (
    DATE_PATTERN,
    NAME_LENGTH,
    SHORT,
    Refusal,
    read_at_least,
    read_date,
    read_days,
    read_flag,
    read_format,
    read_name,
    read_number,
    read_words,
)

_FIRST, _LATER = r"[^\s\d!-@\[-`{-~]", r"[^\s!-,./:-@\[-^`{-~]"
"""Patterns of the first and of the later characters of a name, for the published schema.

They exclude only ASCII signs. The check when a file is loaded (`read_words`) is stricter.
"""


def _by(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Turn a function that reads one word into a pydantic validator.

    If the function raises Refusal, the validator reports the text of the Refusal.
    """

    def validator(value: Any) -> Any:
        try:
            return read(value)
        except Refusal as refusal:
            halves = {"what": refusal.what, "expected": refusal.expected}
            raise PydanticCustomError("refused", "{what}; {expected}", halves) from None

    return validator


def _shape(value: object) -> str | None:
    """Return a tag for a text, a mapping or a list, and None for any other value.

    The tags begin with a null character, so that no key of a file equals a tag.
    """
    shapes = ((str, "\0text"), (dict, "\0mapping"), (list, "\0list"))
    return next((name for kind, name in shapes if isinstance(value, kind)), None)


def either(expected: str) -> Discriminator:
    """Return a pydantic discriminator that tells text, mapping and list apart.

    A value of any other type is refused with the message `expected`.
    """
    return Discriminator(_shape, custom_error_type="shape", custom_error_message=expected)


_ID = StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=NAME_LENGTH)
Id = Annotated[str, _ID, AfterValidator(_by(read_name))]
Name = Annotated[
    str,
    StringConstraints(max_length=NAME_LENGTH),
    AfterValidator(_by(read_words)),
    WithJsonSchema({"type": "string", "maxLength": NAME_LENGTH, "pattern": f"^{_FIRST}{_LATER}*( {_LATER}+)*$"}),
]
AnyId = Annotated[str, StringConstraints(min_length=1, max_length=130)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=SHORT, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
Numeral = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    WithJsonSchema({"type": ["string", "number"], "examples": ["2 per week", "30% within 90 days", "30%", 3]}),
]
Date = Annotated[
    dt.date,
    BeforeValidator(_by(read_date)),
    WithJsonSchema({"type": "string", "format": "date", "pattern": DATE_PATTERN}),
]
CounterEnd = Annotated[int, BeforeValidator(_by(read_number)), WithJsonSchema({"type": "integer", "minimum": 0})]
Flag = Annotated[bool, BeforeValidator(_by(read_flag)), WithJsonSchema({"type": "boolean"})]
Days = Annotated[float, BeforeValidator(_by(read_days)), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
AtLeast = Annotated[
    int, BeforeValidator(_by(read_at_least)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1000})
]
Format = Annotated[Literal[1], BeforeValidator(_by(read_format))]
SourceIds = Annotated[list[AnyId], Field(max_length=50, description="ids from `sources`, such as [gazette]")]
Because = Annotated[Text, Field(description="a reason in a sentence, or the word 'assumed' if there is none")]
LevelSet = Annotated[
    Annotated[AnyId, Tag("\0text")] | Annotated[list[AnyId], Field(max_length=16), Tag("\0list")],
    either("expected a level, a list of levels, 'X or above', 'X or below' or 'not X'"),
]
ClauseShape = Annotated[dict[AnyId, LevelSet], Field(max_length=64)]
ConditionShape = Annotated[
    Annotated[ClauseShape, Tag("\0mapping")] | Annotated[list[ClauseShape], Field(max_length=32), Tag("\0list")],
    either("expected {variable: levels}, or a list of such mappings"),
]

BRIEFLY = f"a shorter label for sliders and axes, at most {SHORT} characters"
WHEN = (
    "{variable: levels}, which holds if every variable is at one of the levels given for it, "
    "or a list of such mappings, one of which must hold"
)


class Shape(BaseModel):
    """Base of every mapping in a file. Unknown keys are refused. No value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


AnyShape = TypeVar("AnyShape", bound=Shape)


def validate(shape: type[AnyShape], data: Any) -> tuple[AnyShape | None, list[Any]]:
    """Return (model, []) for data that fit `shape`, else (None, pydantic's list of errors)."""
    try:
        return shape.model_validate(data), []
    except ValidationError as error:
        return None, error.errors(include_url=False)
