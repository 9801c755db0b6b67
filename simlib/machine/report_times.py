"""Report times: the times for which a forecast gives its numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simlib.typing import Floats

__all__ = ["daily_steps", "grid"]

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
    than one step, for times that do not increase strictly, and for times outside 0 to the horizon.
    """
    if isinstance(times, int | np.integer):
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        return np.linspace(0.0, horizon, int(times) + 1)
    result = np.asarray(list(times), dtype=float)
    if len(result) == 0 or not (np.all(np.diff(result) > 0) and result[0] >= 0 and result[-1] <= horizon):
        raise ValueError(f"times must increase strictly within 0 and the horizon of {horizon:g} days")
    return result
