"""Check a file against its schema, and describe in plain words each part that does not fit.

The smallest part that does not fit is left out, and the rest is checked again. So an unknown key in a move does not
hide other mistakes, not even those in the same move.
"""

from __future__ import annotations

import copy
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_origin

from simlib.errors import did_you_mean
from simlib.scenario.document import Alias, Document, Place
from simlib.scenario.scalars import describe
from simlib.scenario.schema.scalars import AnyShape, Shape, validate

STAND_INS: dict[str, Any] = {
    "because": "-",
    "label": "-",
    "title": "-",
    "resolves": "-",
    "actor": "nature",
    "unit": "units",
    "each": {"value": "1", "because": "-"},
    "amount": {"value": "1", "because": "-"},
    "rate": {"value": "1 per day", "because": "-"},
    "rank": "0.5",
    "format": "1",
    "id": "unnamed",
    "as_of": "2000-01-01",
    "horizon": "1 day",
    "variables": {"unnamed": {"levels": ["first", "second"], "start": "first"}},
    "moves": {},
    "endings": {},
}
"""Values that stand in for missing keys.

A missing key is reported and then gets this value, so that the keys beside it can be checked too.
"""

MAX_ROUNDS = 50
"""Largest number of times that a file is checked again after parts of it were left out."""

EMPTY_OUTCOME = 4
"""Number of keys on the path to an outcome in a file: `moves`, the move, `outcomes`, the outcome.

Only an outcome may be left empty in a file, as in `outcomes: {done: }`.
"""


def fit(document: Document, shape: type[AnyShape]) -> AnyShape:
    """Return the valid part of a document as a pydantic model, and note what does not fit.

    `shape` is the class of the model. The values in `STAND_INS` replace missing keys, so that the other keys can be
    checked too. The model is true to the file only if the document has no problems.
    """
    if not isinstance(document.data, dict):
        document.note((), f"{describe(document.data)} at the top of the file", "expected keys such as 'format: 1'")
        document.refuse_if_any()
    data = copy.deepcopy(document.data)
    gone = set(_leave_out_blanks(document, data))
    for _ in range(MAX_ROUNDS):
        model, errors = validate(shape, data)
        if model is not None:
            return model
        for error in errors:
            _leave_out(document, shape, data, error, gone)
    document.refuse_if_any()
    raise AssertionError("the document does not fit, but no problem was noted")


def _leave_out_blanks(document: Document, data: Any, place: Place = ()) -> Iterable[Place]:
    """Remove empty values and YAML aliases from the mappings in `data`, and yield their places.

    An empty outcome becomes an empty mapping. Any other empty value in a mapping is noted as a problem.
    """
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        value, here = data[key], (*place, key)
        if value is None and len(here) == EMPTY_OUTCOME and here[0] == "moves" and here[2] == "outcomes":
            data[key] = {}
        elif isinstance(data, dict) and (value is None or isinstance(value, Alias)):
            if value is None:
                document.note(here, f"nothing is written after {key!r}", _blank_hint(str(key)))
            del data[key]
            yield here
        elif isinstance(value, dict | list):
            yield from _leave_out_blanks(document, value, here)


def _blank_hint(key: str) -> str:
    if " " in key:
        return "inside {...} a text with a comma needs quotes, and a key has ': ' after it"
    return "write a value, or remove the key"


def _leave_out(document: Document, shape: type[Shape], data: Any, error: Any, gone: set[Place]) -> None:
    """Note the problem of one pydantic error, and remove the smallest wrong part from `data`.

    A missing key gets its value in `STAND_INS`, if it has one there.
    """
    loc = tuple(part for part in error["loc"] if part != "[key]")
    place = tuple(part for part in loc if not str(part).startswith("\0"))
    missing = error["type"] == "missing"
    emptied = error["type"] == "too_short" and any(other[: len(place)] == place for other in gone)
    if not ((missing and place in gone) or emptied or isinstance(error["input"], Alias)):
        what, expected = _words(shape, loc, error)
        document.note(place[:-1] if missing else place, what, expected)
    if missing and place[-1] in STAND_INS and isinstance(holder := _at(data, place[:-1]), dict):
        holder[place[-1]] = copy.deepcopy(STAND_INS[place[-1]])
        return
    _take_out(data, place[:-1] if missing else place, gone)


def _take_out(data: Any, place: Place, gone: set[Place]) -> None:
    """Delete the entry at a place. For an item of a list, delete the entry that holds the list.

    Single items of a list are never deleted, because the items after them would get new numbers.
    """
    while place and isinstance(place[-1], int):
        place = place[:-1]
    gone.add(place)
    holder = _at(data, place[:-1])
    if isinstance(holder, dict):
        holder.pop(place[-1], None)


def _at(data: Any, place: Place) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _words(shape: type[Shape], loc: Place, error: Any) -> tuple[str, str]:
    """Return two half-sentences for one pydantic error: the problem, and the expected input."""
    kind, given, bounds = error["type"], error["input"], error.get("ctx", {})
    if kind == "refused":
        return bounds["what"], bounds["expected"]
    if kind == "shape":
        return f"{describe(given)} does not belong here", error["msg"]
    if kind == "extra_forbidden":
        return f"unknown key {str(loc[-1])!r}", did_you_mean(str(loc[-1]), _fields(_annotation(shape, loc[:-1])))
    if kind == "string_pattern_mismatch":
        return f"{describe(given)} cannot be an id", "expected letters, digits, hyphens and underscores, a letter first"
    if kind in ("too_short", "too_long"):
        count = f"at least {bounds['min_length']}" if kind == "too_short" else f"at most {bounds['max_length']}"
        return f"{len(given)} given", f"expected {count}: {_meaning(shape, loc)}"
    if kind == "string_too_long":
        return f"a text of {len(given):,} characters", f"expected at most {bounds['max_length']:,}"
    what = {
        "missing": f"{str(loc[-1])!r} is missing",
        "string_type": f"{describe(given)} where text belongs",
        "string_too_short": "an empty text",
        "list_type": f"{describe(given)} where a list belongs",
        "dict_type": f"{describe(given)} where a mapping belongs",
        "model_type": f"{describe(given)} where a mapping belongs",
    }.get(kind, f"{describe(given)} does not belong here")
    return what, f"expected {_meaning(shape, loc)}"


def _meaning(shape: type[Shape], loc: Place) -> str:
    """Return the description of the value at a place of the file, from the schema.

    If the schema does not describe the place, return that of the nearest key or mapping around the place.
    """
    for length in range(len(loc), 0, -1):
        field = _fields(_annotation(shape, loc[: length - 1])).get(str(loc[length - 1]))
        if field is not None and field.description:
            return field.description
        here = _annotation(shape, loc[:length])
        if _fields(here) and here.__doc__:
            return here.__doc__[0].lower() + here.__doc__[1:].rstrip(".")
    return "what the file format says"


def _fields(holder: Any) -> dict[str, Any]:
    if not (isinstance(holder, type) and issubclass(holder, Shape)):
        return {}
    return {field.alias or name: field for name, field in holder.model_fields.items()}


def _annotation(shape: type[Shape], loc: Place) -> Any:
    """Return the type at the location of a pydantic error, or None if the schema has none there."""
    annotation: Any = shape
    for part in loc:
        annotation = _step(_bare(annotation), part)
    return _bare(annotation)


def _step(annotation: Any, part: str | int) -> Any:
    if fields := _fields(annotation):
        return fields[str(part)].annotation if str(part) in fields else None
    arms = get_args(annotation)
    if get_origin(annotation) in (list, dict):
        return arms[-1]
    return next((arm for arm in arms if part in [getattr(mark, "tag", None) for mark in _marks(arm)]), None)


def _marks(arm: Any) -> tuple[Any, ...]:
    return getattr(arm, "__metadata__", ())


def _bare(annotation: Any) -> Any:
    """Return a type without its wrappers `Annotated` and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        if get_origin(annotation) in (typing.Union, types.UnionType) and len(arms) == 1:
            annotation = arms[0]
            continue
        return annotation
