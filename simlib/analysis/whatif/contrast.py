"""One measure in the baseline and in a variant, and the change with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from simlib.analysis.evaluator import ROUNDING_SHARE
from simlib.formatting import quoted
from simlib.machine.measures import Measure
from simlib.typing import Floats

__all__ = ["Difference", "counts_change"]

TRUNCATED = 1e-6
"""An interval narrower than this is only the exact engine's truncation error, and is not written."""

RATIO_THRESHOLD = 1e-5
"""Probabilities below this are compared by their ratio, because their difference would be written as 0 points."""


@dataclass(frozen=True)
class Difference:
    """One measure in the baseline and in a variant, at T report times.

    before (T,): the values in the baseline.
    after (T,): the values in the variant.
    change (T,): the change from the baseline to the variant.
    low, high (T,): the interval of the change: error bounds if the exact engine answers at the stated values, otherwise
        a 95% interval.
    """

    measure: Measure
    before: Floats
    after: Floats
    change: Floats
    low: Floats
    high: Floats

    @property
    def moved(self) -> bool:
        """Whether the change at the last report time is more than rounding and truncation error."""
        size = abs(float(self.change[-1]))
        unclear = self.low[-1] <= 0 <= self.high[-1] and self.high[-1] - self.low[-1] < TRUNCATED
        return size > ROUNDING_SHARE * max(float(self.before[-1]), float(self.after[-1]), 1e-3) and not unclear

    def sentence(self, by: str = "") -> str:
        """Describe the change at the last report time in a clause without a full stop.

        The clause ends with the text `by`.
        """
        before, after, change, low, high = (
            float(x[-1]) for x in (self.before, self.after, self.change, self.low, self.high)
        )
        m = self.measure
        of = "" if m.probability else "the expected number of " if m.kind == "moves" else "the mean of "
        subject = f"{of}{quoted(m.label)}"
        if not self.moved:
            return f"{subject} stays at {m.write(before)}{by}"
        verb = "rises" if change > 0 else "falls"
        start, end = m.write(before), m.write(after)
        moves = f"{subject} {verb} from {start} to {end}" if start != end else f"{subject} {verb} slightly from {start}"
        if not m.probability:
            interval = f", 95% interval {low:+.2g} to {high:+.2g}" if high - low > ROUNDING_SHARE else ""
            return f"{moves} ({counts_change(change)}{interval}){by}"
        if 0 < max(before, after) < RATIO_THRESHOLD and min(before, after) > 0:
            return f"{moves} (×{after / before:.2g}){by}"
        interval = f", 95% interval {_points(low)} to {_points(high)}" if high - low > TRUNCATED else ""
        return f"{moves} ({_points(change)} points{interval}){by}"


def counts_change(change: float) -> str:
    """Write a change of an expected count: "+1.4", or "±0" if the change is rounding error."""
    return f"{change:+.2g}" if abs(change) > ROUNDING_SHARE else "±0"


def _points(change: float) -> str:
    size = abs(100 * change)
    return f"{100 * change:+.{0 if size >= 9.95 else 1 if size >= 0.095 else 3}f}" if size >= 5e-4 else "±0"
