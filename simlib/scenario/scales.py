"""The scales on which the values of assumptions vary and shift.

The scale g is the logit for chances and the log for all other kinds, so that g(x) can be any real number. On this scale
a prior is a split normal distribution. A change of the median moves the 5th and 95th percentiles by the same step. So
if a rate is doubled, its low and high are doubled too, and a chance stays between 0 and 1.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, TypeVar

from simlib.errors import Problem, ScenarioError
from simlib.quantities import why_impossible

if TYPE_CHECKING:
    import numpy as np

    from simlib.scenario.model import Assumption

    Real = TypeVar("Real", float, np.ndarray)

Z_95TH_PERCENTILE = 1.6448536269514722
"""The 95th percentile of the standard normal distribution, which is the normal score of `high`."""

Z_TWO_SIDED_95 = 1.959963984540054
"""Normal score of the two-sided 95% interval: 95% of a normal distribution lie within this many standard deviations."""


def possible(assumption: Assumption, value: object) -> float:
    """Return a value of an assumption, in base units, as a float.

    Raises ScenarioError if an assumption of this kind cannot have this value.
    """
    fault = why_impossible(value, assumption.kind)
    if fault:
        raise ScenarioError(Problem("", 0, assumption.id, *fault))
    return float(value)  # type: ignore[arg-type]  # a number


def forward(kind: str, x: Real) -> Real:
    """Return a value on the scale of its kind: the logit of a chance, the log of any other kind.

    `x` is a float or an array of floats in base units. The result has the shape of `x`. A value of 0 gives minus
    infinity, and a chance of 1 gives plus infinity.
    """
    if not isinstance(x, int | float):
        return _forward_array(kind, x)
    if x <= 0:
        return -math.inf
    if kind != "chance":
        return math.log(x)
    return math.inf if x >= 1 else math.log(x) - math.log1p(-x)


def inverse(kind: str, y: Real) -> Real:
    """Return the value x for which `forward(kind, x)` is `y`.

    `y` is a float or an array of floats. The result has the shape of `y`. For a chance, minus infinity gives exactly 0
    and plus infinity exactly 1.
    """
    if not isinstance(y, int | float):
        return _inverse_array(kind, y)
    if kind != "chance":
        return math.exp(y)
    return 1 / (1 + math.exp(-y)) if y >= 0 else math.exp(y) / (1 + math.exp(y))


def _forward_array(kind: str, x: Any) -> Any:
    import numpy as np

    x = np.asarray(x, dtype=float)
    with np.errstate(divide="ignore"):
        return np.log(x) - np.log1p(-x) if kind == "chance" else np.log(x)


def _inverse_array(kind: str, y: Any) -> Any:
    import numpy as np

    y = np.asarray(y, dtype=float)
    if kind != "chance":
        return np.exp(y)
    small = np.exp(-np.abs(y))
    return np.where(y >= 0, 1, small) / (1 + small)


def shifted(assumption: Assumption, value: float, low: float | None = None, high: float | None = None) -> Assumption:
    """Return an assumption with the new median `value`, in base units.

    A bound (`low` or `high`) that is not given moves by the same step as the median, on the scale of the
    assumption's kind. If no bounds are given, a fixed assumption stays fixed, and a chance set to exactly 0 or 1
    becomes fixed. The result is not checked (see `simlib.scenario.checks`).
    """
    kind = assumption.kind
    if value == assumption.value:
        old_low, old_high = assumption.low, assumption.high
    elif assumption.fixed:
        old_low = old_high = value
    else:
        old_low, old_high = (
            _moved(kind, bound, assumption.value, value) for bound in (assumption.low, assumption.high)
        )
    return dataclasses.replace(
        assumption, value=value, low=old_low if low is None else low, high=old_high if high is None else high
    )


def _moved(kind: str, bound: float, old: float, new: float) -> float:
    """Return the new bound of a range whose median changes from `old` to `new`.

    A bound of a chance moves as far as the median on the logit scale. Any other bound is multiplied by `new` / `old`,
    which is the same step on the log scale, but without a rounding error.
    """
    if kind != "chance":
        return bound * (new / old)
    return inverse(kind, forward(kind, bound) + forward(kind, new) - forward(kind, old))
