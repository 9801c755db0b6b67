"""The days at which a forecast is reported by default."""

from __future__ import annotations

__all__ = ["daily_steps"]

_MOST, _FEWEST, _OTHERWISE = 100, 30, 60


def daily_steps(horizon: float) -> int:
    """Return the number of steps between report times for a horizon in days.

    The steps are whole numbers of days if 30 to 100 such steps fit the horizon. Otherwise there are 60 steps.
    """
    if horizon != int(horizon):
        return _OTHERWISE
    whole = [count for count in range(_FEWEST, _MOST + 1) if int(horizon) % count == 0]
    return max(whole, default=_OTHERWISE)
