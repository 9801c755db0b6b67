"""Intervals of computed probabilities, and the range of how often a move happens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats


@dataclass(frozen=True, slots=True)
class Band:
    """A probability at each of T report times, with its interval: three arrays of shape (T,)."""

    probability: Floats
    low: Floats
    high: Floats

    @classmethod
    def wilson(cls, successes: ArrayLike, trials: ArrayLike) -> Band:
        """Return the 95% Wilson score interval of a proportion at each report time (Wilson 1927).

        `successes` and `trials` are the two counts. `trials` may be an effective number, which need not be whole.
        """
        k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
        p = k / n
        centre = (p + Z_TWO_SIDED_95**2 / (2 * n)) / (1 + Z_TWO_SIDED_95**2 / n)
        half = Z_TWO_SIDED_95 / (1 + Z_TWO_SIDED_95**2 / n) * np.sqrt(p * (1 - p) / n + Z_TWO_SIDED_95**2 / (4 * n**2))
        return cls(p, np.clip(np.minimum(centre - half, p), 0, 1), np.clip(np.maximum(centre + half, p), 0, 1))

    @classmethod
    def of_mean(cls, mean: ArrayLike, variance: ArrayLike, trials: float | None = None) -> Band:
        """Return the Wilson interval of a mean probability over sets of assumption values.

        The interval is that of a proportion with this mean and variance.

        - `mean`: the mean probability.
        - `variance`: the variance of this mean, not of the single probabilities.
        - `trials`: a number of replicates. The interval is at least as wide as that of a proportion counted in so many
          replicates. None: the interval has no width if all sets have the same probability.
        """
        p, var = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
        varies = (var > 0) & (p > 0) & (p < 1)
        effective = np.divide(p * (1 - p), var, out=np.ones_like(p), where=varies)
        if trials:
            effective = np.where(varies, np.minimum(effective, trials), trials)
            return cls.wilson(p * effective, effective)
        band = cls.wilson(p * effective, effective)
        return cls(p, np.where(varies, band.low, p), np.where(varies, band.high, p))


_OFTEN = (1, 2, 3, 5, 10, 20, 50, 100)
"""For each of these numbers n, the probability is listed that a move happens at least n times."""

Known = tuple[float, float, float]
"""A number with its 95% interval: (number, low, high)."""


@dataclass(frozen=True, slots=True)
class FiringRange:
    """The range of the number of times that a move happens by the last report time.

    The range is due to chance. It is not an error of the computation, and more replicates do not narrow it. Each number
    below has the 95% interval of its computation.

    - `points`: the 5th, 50th and 95th percentile of the number of times.
    - `none`: the probability that the move never happens.
    - `at_least`: for each of several n, the probability that the move happens at least n times.
    """

    points: tuple[Known, Known, Known]
    none: Known
    at_least: Mapping[int, Known]

    @classmethod
    def of(cls, at_most: Band) -> FiringRange:
        """Return the range, given the probabilities that a move happens at most 0, 1, 2, ... times."""
        p, low, high = at_most.probability, at_most.low, at_most.high
        last = len(p) - 1

        def point(share: float) -> Known:
            value, least, most = (
                float(np.argmax(side >= share)) if side[-1] >= share else math.inf for side in (p, high, low)
            )
            return value, least, most

        below = {n: min(n - 1, last) for n in _OFTEN}
        above = {n: (1 - float(p[k]), 1 - float(high[k]), 1 - float(low[k])) for n, k in below.items()}
        none = (float(p[0]), float(low[0]), float(high[0]))
        return cls((point(0.05), point(0.5), point(0.95)), none, above)


def above_zero(mean: Floats, half: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (mean, low, high): low and high are `half` from the mean, but low is at least 0."""
    return mean, np.maximum(mean - half, 0.0), mean + half


class Estimate(NamedTuple):
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float
