"""Forecasts: probabilities of endings and questions with intervals, and accumulated amounts."""

from __future__ import annotations

from simlib.results.amounts import AFTERWARDS, FAN, Accumulation, AmountSample
from simlib.results.forecast import NO_ENDING, ONGOING, EventGroup, Forecast, labels
from simlib.results.intervals import Band, Estimate, FiringRange, above_zero

__all__ = ["AFTERWARDS", "FAN", "NO_ENDING", "ONGOING", "Accumulation", "AmountSample", "Band"]
__all__ += ["Estimate", "EventGroup", "FiringRange", "Forecast", "above_zero", "labels"]
