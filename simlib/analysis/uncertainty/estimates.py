"""Estimates from draws of the priors, each with the error of draws and dice together.

Draws (D, K) are answers in K blocks of replicates (one when exact), from independent sequences whose disagreement is
the error of the draws; the blocks give that of the dice. Here is computed what
`simlib.analysis.uncertainty.propagation` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.analysis.evaluator import cross
from simlib.typing import Floats, Ints


@dataclass(frozen=True)
class Number:
    """An estimate with its 95% half-width, the error of draws and dice together, and that of the dice alone."""

    value: float
    half: float
    of_dice: float = 0.0

    @property
    def of_draws(self) -> float:
        """95% half-width by the error of the draws alone."""
        return float(np.sqrt(max(self.half**2 - self.of_dice**2, 0.0)))

    def __iter__(self) -> Any:
        return iter((self.value, self.half))


def estimate(statistic: Callable[[Floats], float], values: Floats, sequence: Ints) -> Number:
    """Return a statistic of draws (D, K) and its 95% half-width.

    The error of the draws is Student's t over the sequences, that of the dice a jackknife over the blocks.
    """
    parts = np.array([statistic(values[sequence == s]) for s in np.unique(sequence)])
    variances = np.array([parts.var(ddof=1) / len(parts), _of_dice(statistic, values)])
    draws, dice = _student(len(parts)) * np.sqrt(variances)
    return Number(statistic(values), float(np.hypot(draws, dice)), float(dice))


def quantile(values: Floats, sequence: Ints, q: float) -> Number:
    """Return a quantile over draws (D, K) and its 95% half-width.

    The error of the draws is that of the share of draws below it, carried back through the quantiles (Woodruff 1952):
    the quantiles of single sequences, a few points in each tail, would agree too well.
    """

    def of(x: Floats, level: float = q) -> float:
        return float(np.quantile(without_noise(x), min(max(level, 0.0), 1.0), method="hazen"))

    found, draws = of(values), without_noise(values)
    below = np.array([np.mean(draws[sequence == s] <= found) for s in np.unique(sequence)])
    reach = _student(len(below)) * float(below.std(ddof=1)) / np.sqrt(len(below)) + 0.5 / len(draws)
    half = max(of(values, q + reach) - found, found - of(values, q - reach))
    dice = _student(len(below)) * float(np.sqrt(_of_dice(of, values)))
    return Number(found, float(np.hypot(half, dice)), dice)


def _student(count: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.975))


def _of_dice(statistic: Callable[[Floats], float], values: Floats) -> float:
    """Return the jackknife variance over the blocks; 0 for a single, exact one."""
    blocks = values.shape[1]
    if blocks < 3:
        return 0.0
    left = np.array([statistic(np.delete(values, block, axis=1)) for block in range(blocks)])
    return float(((left - left.mean()) ** 2).sum()) * (blocks - 1) / blocks


def variance_over_draws(values: Floats) -> float:
    """Return Var(P) over draws (D, K), free of the noise within draws; it may come out below zero."""
    apart = values - values.mean(axis=0)
    return float(cross(apart, apart)) * len(values) / (len(values) - 1)


def doubt_share(values: Floats) -> float:
    """Return Var(P) / (p̄(1 - p̄)) from draws (D, K), between 0 and 1; 0 where nothing is uncertain."""
    p = float(values.mean())
    return min(max(variance_over_draws(values) / (p * (1 - p)), 0.0), 1.0) if 0 < p < 1 else 0.0


def without_noise(values: Floats) -> Floats:
    """Return P at each draw (D,) from blocks (D, K), drawn in to their mean until their variance is Var(P)."""
    average: Floats = values.mean(axis=1)
    if values.shape[1] == 1:
        return average
    seen, true = float(average.var(ddof=1)), max(variance_over_draws(values), 0.0)
    shrink = np.sqrt(min(true / seen, 1.0)) if seen > 0 else 0.0
    return np.asarray(average.mean() + shrink * (average - average.mean()))


@dataclass(frozen=True)
class Stage:
    """How well something was known from so many draws of so many replicates (0 when exact): 95% half-widths."""

    draws: int
    runs: int
    of_draws: float
    of_dice: float

    @property
    def error(self) -> float:
        """95% half-width by both."""
        return float(np.hypot(self.of_draws, self.of_dice))


def enough(stages: Sequence[Stage], tolerance: float) -> tuple[int, int]:
    """Return about how many draws, and replicates for each, would bring the error to a tolerance.

    Either part of the error is to fall below its share of the tolerance; that of the dice falls with the root of the
    replicates, that of the draws as it has fallen so far.
    """
    last = stages[-1]
    share = tolerance / np.sqrt(2) if last.of_dice > 0 else tolerance
    draws = draws_needed([(stage.draws, stage.of_draws) for stage in stages], share)
    return draws, last.runs * _next_power_of_two(max(last.of_dice / share, 1.0) ** 2)


def draws_needed(errors: Sequence[tuple[int, float]], tolerance: float) -> int:
    """Return about how many draws would bring their error to a tolerance, from the (draws, error) so far.

    The rate is the slope of the logarithms, between that of independent draws, which one size alone has, and one over
    the number of draws.
    """
    draws, error = errors[-1]
    if error <= tolerance:
        return draws
    sizes, found = np.log([(n, e) for n, e in errors if e > 0]).T
    rate = -float(np.polyfit(sizes, found, 1)[0]) if len(set(sizes)) > 1 else 0.5
    return _next_power_of_two(draws * (error / tolerance) ** (1 / min(max(rate, 0.5), 1.0)))


def _next_power_of_two(number: float) -> int:
    return int(2 ** np.ceil(np.log2(number)))
