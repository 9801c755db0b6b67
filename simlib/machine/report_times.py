"""Report times: the times for which a forecast gives its numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simlib.arguments import whole
from simlib.errors import ArgumentError
from simlib.typing import Floats

__all__ = ["daily_steps", "grid"]

MOST_TIME_STEPS = 100_000
"""Largest number of steps."""

_MOST, _FEWEST, _OTHERWISE = 100, 30, 60


def daily_steps(horizon: float) -> int:
    """Return the number of equal steps into which a forecast divides its horizon (in days).

    The result is the largest number from 30 to 100 for which each step is a whole number of days. If there is no such
    number, the result is 60.
    """
    if horizon != int(horizon):
        return _OTHERWISE
    whole = [count for count in range(_FEWEST, _MOST + 1) if int(horizon) % count == 0]
    return max(whole, default=_OTHERWISE)


def grid(horizon: float, times: int | Iterable[float] = 60) -> Floats:
    """Return the times, in days, for which a forecast gives its numbers.

    `times` is the number of equal steps from 0 to the horizon, or the times themselves. Raises ValueError for fewer
    than one step, for more than `MOST_TIME_STEPS`, for times that do not increase strictly, and for times outside 0 to
    the horizon.
    """
    if isinstance(times, int | float | np.number):
        return np.linspace(0.0, horizon, whole("times", times, 1, MOST_TIME_STEPS) + 1)
    expected = f"expected a number of steps, or strictly increasing days between 0 and the horizon ({horizon:g} days)"
    try:
        result: Floats = np.array(list(times), dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("times", times, expected) from None
    rising = result.ndim == 1 and len(result) > 0 and np.all(np.diff(result) > 0)
    if not rising or not 0 <= result[0] <= result[-1] <= horizon:
        raise ArgumentError("times", times, expected)
    return result
