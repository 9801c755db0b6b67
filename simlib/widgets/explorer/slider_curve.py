"""Quick answers along one slider: a polynomial through exact answers at a few values.

An exact answer is a smooth function of the value of one assumption. `SliderCurve` interpolates the answer between
Chebyshev points, on the log or logit scale of the slider. The intervals between points are halved until the curve
through the earlier points predicts the answer at every new point. An answer on the curve then takes about a
millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from simlib.results import Forecast
from simlib.scenario.model import Assumption
from simlib.scenario.scales import forward, inverse
from simlib.typing import Floats
from simlib.widgets.explorer.forecast_shift import mixture, same_answer

CLOSE = 1e-4
"""The points are enough if predicted and exact answers differ by no more than this.

The prediction comes from half of the points. With all points, the error is much smaller, because the error of a smooth
function falls geometrically with their number (Trefethen 2013, Approximation Theory and Approximation Practice, ch. 8).
"""

MOST_INTERVALS = 16
"""Largest number of intervals between the points. A curve that needs more is not used."""


class SliderCurve:
    """The polynomial through the exact answers at the Chebyshev points of a slider.

    Args:
        forecasts: The exact answers at the points, from the low end of the slider to its high end.
    """

    def __init__(self, forecasts: list[Forecast]) -> None:
        self._forecasts = forecasts
        self._points = points(len(forecasts) - 1)
        self._signs = np.where(np.arange(len(forecasts)) % 2, -1.0, 1.0)
        self._signs[[0, -1]] /= 2

    def at(self, place: float) -> Forecast:
        """Return the answer at a place from -1 (low end) to 1 (high end) on the slider's scale.

        Source: Berrut and Trefethen 2004, Barycentric Lagrange Interpolation, equation 4.2 with the weights 5.4.
        """
        away = place - self._points
        nearest = int(np.argmin(np.abs(away)))
        if abs(away[nearest]) < 1e-12:
            return self._forecasts[nearest]
        weights = self._signs / away
        return mixture(self._forecasts, weights / weights.sum())


def points(intervals: int) -> Floats:
    """Return the Chebyshev points of the second kind from -1 to 1 as an array (intervals + 1,)."""
    return -np.cos(np.pi * np.arange(intervals + 1) / intervals)


def place_of(assumption: Assumption, value: float) -> float:
    """Return the place of a value on a slider: -1 at the low end, and 1 at the high end.

    The place is infinite or nan if an end, or the value, is infinite on the log or logit scale of the slider.
    """
    low, here, high = (forward(assumption.kind, number) for number in (assumption.low, value, assumption.high))
    return (2 * here - low - high) / (high - low)


def value_at(assumption: Assumption, place: float) -> float:
    """Return the value of an assumption at a place on its slider."""
    low, high = (forward(assumption.kind, end) for end in (assumption.low, assumption.high))
    return inverse(assumption.kind, ((1 - place) * low + (1 + place) * high) / 2)


def trace(answer: Callable[[float], Forecast]) -> SliderCurve | None:
    """Return the curve through the answers along a slider.

    `answer` returns the exact answer at a place from -1 to 1. The result is None if `MOST_INTERVALS` intervals are not
    enough, for example because the answer has a kink.
    """
    exact = {place: answer(place) for place in points(2)}
    curve, intervals = SliderCurve(_in_order(exact)), 4
    while intervals <= MOST_INTERVALS:
        new = {place: answer(place) for place in points(intervals)[1::2]}
        predicted = all(same_answer(curve.at(place), forecast, CLOSE) for place, forecast in new.items())
        exact |= new
        curve, intervals = SliderCurve(_in_order(exact)), 2 * intervals
        if predicted:
            return curve
    return None


def _in_order(exact: Mapping[float, Forecast]) -> list[Forecast]:
    return [exact[place] for place in sorted(exact)]
