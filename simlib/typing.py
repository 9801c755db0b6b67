"""Array types that many packages share, and a check of a value against an annotation."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint64]
"""Bits packed into words of 64: the one-hot code of a state, or the keys of random streams."""

Returned = TypeVar("Returned")
"""What a function returns that another function is given."""

_NUMBER_TYPES: dict[Any, tuple[type, ...]] = {
    float: (int, float, np.integer, np.floating),
    int: (int, np.integer),
    bool: (bool, np.bool_),
}


def fits(value: object, hint: Any) -> bool:
    """Return whether a value has the type of an annotation such as `tuple[float, ...] | None`.

    `hint` is as `typing.get_type_hints` returns it. A whole number serves as a float. A list serves as a `Sequence`,
    but not as a tuple.
    """
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if kind in _NUMBER_TYPES:
        return isinstance(value, _NUMBER_TYPES[kind]) and isinstance(value, bool | np.bool_) == (kind is bool)
    if kind is Any or not isinstance(kind, type):
        return True
    if not isinstance(value, kind):
        return False
    if issubclass(kind, np.ndarray):
        return value.dtype.kind in "biuf"  # type: ignore[attr-defined]  # an array
    if isinstance(value, Mapping) and parts:
        return all(fits(key, parts[0]) and fits(item, parts[1]) for key, item in value.items())
    if isinstance(value, Sequence) and parts and not isinstance(value, str):
        each = parts if kind is tuple and parts[-1] is not Ellipsis else parts[:1] * len(value)
        return len(each) == len(value) and all(map(fits, value, each))
    return True
