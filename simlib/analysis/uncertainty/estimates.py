"""Estimates from draws of the assumptions, each with its error.

A draw is one set of assumption values. Answers (D, K) are probabilities at each of D draws, in K blocks of replicates
(simulated histories). An exact answer has one block. The draws come in groups, and each group gives an estimate. The
spread between the groups gives the error from the draws. The spread between the blocks gives the error from the
replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.analysis.evaluator import cross, student_95
from simlib.machine.belief import effective_number
from simlib.typing import Floats, Ints

__all__ = ["GROUPS", "Number", "Stage", "Weighting", "draws_needed", "effective", "enough", "estimate", "jackknifed"]
__all__ += ["mean", "quantile", "quantile_of", "scaled", "uncertainty_share", "variance_over_draws", "without_noise"]

GROUPS = 8
"""Number of groups of draws. For the prior, each group is an independently scrambled Sobol sequence."""

Statistic = Callable[[Floats, Floats | None], float]
"""Maps answers (D, ...) at D draws, and the relative weights (D,) of the draws (None: equal), to a number."""


@dataclass(frozen=True)
class Number:
    """An estimate with its error.

    value: the estimate.
    half: the 95% half-width, from the draws of the assumptions and the replicates together.
    of_replicates: the 95% half-width from the replicates (simulated histories) alone, 0 when exact.
    ends: the 95% interval if its two sides differ. `half` is then the longer side. None: both sides are `half`.
    """

    value: float
    half: float
    of_replicates: float = 0.0
    ends: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the 95% interval."""
        return self.ends or (self.value - self.half, self.value + self.half)

    @property
    def known(self) -> bool:
        """Whether the estimate is larger than its error."""
        return self.value > self.half

    def at_least_zero(self) -> Number:
        """Return this estimate, or zero with the same error if the estimate is below zero."""
        return Number(max(self.value, 0.0), self.half)

    @property
    def of_draws(self) -> float:
        """The part of the 95% half-width that comes from the draws of the assumptions alone."""
        return float(np.sqrt(max(self.half**2 - self.of_replicates**2, 0.0)))

    def __iter__(self) -> Iterator[float]:
        return iter((self.value, self.half))


@dataclass(frozen=True, eq=False)
class Weighting:
    """The groups and weights of D draws of the assumptions.

    group (D,): the group to which each draw belongs.
    scale (D,): the weight of each draw, divided by the mean weight (None: equal weights).
    """

    group: Ints
    scale: Floats | None = None

    @classmethod
    def of_belief(cls, weights: Floats) -> Weighting:
        """Divide a belief's draws with these weights (D,) into groups of about equal total weight."""
        rank = np.empty(len(weights), dtype=np.int64)
        rank[np.argsort(-weights, kind="stable")] = np.arange(len(weights))
        turn, place = rank // GROUPS, rank % GROUPS
        group = np.where(turn % 2 == 0, place, GROUPS - 1 - place)
        return cls(group, None if np.all(weights == weights[0]) else weights * len(weights))

    def given(self, probability: Floats) -> Weighting:
        """Return the weighting given an event of this probability (D,) at each draw (Bayes' rule)."""
        weights = probability if self.scale is None else self.scale * probability
        return Weighting(self.group, weights / weights.mean())

    def parts(self, values: Floats, statistic: Statistic) -> tuple[Floats, Floats]:
        """Return a statistic of G groups of draws (G,), and the relative weights of the groups (G,)."""
        parts, shares = [], []
        for group in np.unique(self.group):
            rows = self.group == group
            own = np.ones(rows.sum()) if self.scale is None else self.scale[rows]
            shares.append(own.sum())
            if own.any():
                parts.append(statistic(values[rows], None if self.scale is None else own / own.mean()))
            else:
                parts.append(0.0)  # any number will do, because its weight is 0
        return np.array(parts), np.array(shares) / np.mean(shares)


def estimate(statistic: Statistic, values: Floats, weighting: Weighting) -> Number:
    """Return a statistic of answers (D, K) and its 95% half-width.

    Student's t over the groups of draws gives the error from the draws. A jackknife over the blocks gives the error
    from the replicates.
    """
    parts, shares = weighting.parts(values, statistic)
    of_parts = _variance(parts, shares) / len(parts)
    variances = np.array([of_parts, _replicate_variance(statistic, values, weighting)])
    draws, replicates = student_95(len(parts)) * np.sqrt(variances)
    return Number(statistic(values, weighting.scale), float(np.hypot(draws, replicates)), float(replicates))


def jackknifed(value: float, left: Floats, statistic: Statistic, values: Floats) -> Number:
    """Return an estimate `value` from answers (D, K), with its 95% half-width.

    For each of G groups of draws, `left` (G,) has the estimate from all draws outside the group (delete-a-group
    jackknife). `statistic` already contains the weights of the draws, so it is called without weights.
    """
    of_groups = float(((left - left.mean()) ** 2).sum()) * (len(left) - 1) / len(left)
    of_blocks = _replicate_variance(statistic, values, Weighting(np.zeros(len(values), dtype=np.int64)))
    draws, replicates = student_95(len(left)) * np.sqrt([of_groups, of_blocks])
    return Number(value, float(np.hypot(draws, replicates)), float(replicates))


def quantile(values: Floats, weighting: Weighting, q: float) -> Number:
    """Return quantile `q` of answers (D, K) over draws, its 95% half-width and 95% interval.

    The error from the draws follows Woodruff (1952): an interval of the share of draws below the quantile becomes an
    interval of the quantile. The spread between the quantiles of groups of draws would be too small, because each group
    has only a few points in a tail.
    """

    def at(x: Floats, scale: Floats | None, level: float = q) -> float:
        return quantile_of(without_noise(x, scale), scale, min(max(level, 0.0), 1.0))

    value, draws = at(values, weighting.scale), without_noise(values, weighting.scale)
    below, shares = weighting.parts(draws, lambda x, scale: mean((x <= value).astype(float), scale))
    deviation = float(np.sqrt(_variance(below, shares)))
    reach = student_95(len(below)) * deviation / np.sqrt(len(below)) + 0.5 / effective(len(draws), weighting.scale)
    replicates = student_95(len(below)) * float(np.sqrt(_replicate_variance(at, values, weighting)))
    down, up = (float(np.hypot(at(values, weighting.scale, q + r) - value, replicates)) for r in (-reach, reach))
    return Number(value, max(down, up), replicates, (value - down, value + up))


def quantile_of(values: Floats, scale: Floats | None, level: float) -> float:
    """Return a weighted quantile of values (D,) by Hazen's rule.

    `scale` (D,) are the relative weights (None: equal). The level of the smallest value is half its share of the total
    weight. The level of each further value is higher by half its own share plus half the share of the value before.
    """
    if scale is None:
        return float(np.quantile(values, level, method="hazen"))
    order = np.argsort(values, kind="stable")
    order = order[scale[order] > 0]
    share = scale[order] / scale.sum()
    return float(np.interp(level, np.cumsum(share) - share / 2, values[order]))


def _variance(parts: Floats, shares: Floats) -> float:
    apart = shares * (parts - (shares * parts).mean())
    return float((apart**2).sum() / (len(parts) - 1))


def _replicate_variance(statistic: Statistic, values: Floats, weighting: Weighting) -> float:
    """Return the jackknife variance from leaving out one block of replicates at a time.

    With fewer than three blocks, the result is 0.
    """
    blocks = values.shape[1]
    if blocks < 3:
        return 0.0
    left = np.array([statistic(np.delete(values, block, axis=1), weighting.scale) for block in range(blocks)])
    return float(((left - left.mean()) ** 2).sum()) * (blocks - 1) / blocks


# -------------------------------------------------------------------- statistics of answers (D, K)


def scaled(values: Floats, scale: Floats | None) -> Floats:
    """Return values (D, ...) times the relative weights (D,) of draws (None: equal weights).

    The plain mean of the result is the weighted mean of the values.
    """
    return values if scale is None else scale.reshape(-1, *[1] * (values.ndim - 1)) * values


def effective(draws: int, scale: Floats | None) -> float:
    """Return how many draws of equal weight would tell as much as these draws (Kish 1965)."""
    return draws if scale is None else effective_number(scale)


def mean(values: Floats, scale: Floats | None = None) -> float:
    """Return the mean of answers (D, ...) over draws of relative weights `scale` (None: equal)."""
    return float(scaled(values, scale).mean())


def variance_over_draws(values: Floats, scale: Floats | None = None) -> float:
    """Return Var(P), the variance over draws of a probability P, from answers (D, K).

    Noise of the replicates does not bias the estimate, which may be negative.
    """
    apart = values - scaled(values, scale).mean(axis=0)
    count = effective(len(values), scale)
    return float(cross(scaled(apart, scale), apart)) * count / (count - 1) if count > 1 else 0.0


def uncertainty_share(values: Floats, scale: Floats | None = None) -> float:
    """Return the assumptions' share of the uncertainty about an event, from answers (D, K).

    The share is Var(P) / (p̄(1 - p̄)), kept between 0 and 1. P is the probability of the event at a draw, with mean p̄.
    """
    p = mean(values, scale)
    return min(max(variance_over_draws(values, scale) / (p * (1 - p)), 0.0), 1.0) if 0 < p < 1 else 0.0


def without_noise(values: Floats, scale: Floats | None = None) -> Floats:
    """Return probabilities P at D draws (D,) from K blocks of replicates (D, K), without noise.

    The means over the blocks vary more than P, because of noise. So the means are shrunk towards their common mean
    until their variance is Var(P).
    """
    average: Floats = values.mean(axis=1)
    if values.shape[1] == 1:
        return average
    raw = float(average.var(ddof=1)) if scale is None else variance_over_draws(average[:, None], scale)
    shrink = np.sqrt(min(max(variance_over_draws(values, scale), 0.0) / raw, 1.0)) if raw > 0 else 0.0
    centre = scaled(average, scale).mean()
    return np.asarray(centre + shrink * (average - centre))


# -------------------------------------------------------------------- how much more is needed


@dataclass(frozen=True)
class Stage:
    """The errors (95% half-widths) reached with some numbers of draws and of replicates.

    draws: the number of draws of the assumptions.
    runs: the number of replicates (simulated histories) for each draw, 0 when exact.
    of_draws: the error from the draws.
    of_replicates: the error from the replicates.
    """

    draws: int
    runs: int
    of_draws: float
    of_replicates: float

    @property
    def error(self) -> float:
        """The 95% half-width that comes from draws and replicates together."""
        return float(np.hypot(self.of_draws, self.of_replicates))


def enough(stages: Sequence[Stage], tolerance: float) -> tuple[int, int]:
    """Estimate how many draws, and replicates per draw, would bring the error to a tolerance.

    `stages` are the errors reached so far, the last with the most work. Each part of the error must fall below its
    share of the tolerance. The error from the replicates falls with the square root of their number. The error from the
    draws is assumed to keep falling at the rate seen so far.
    """
    last = stages[-1]
    share = tolerance / np.sqrt(2) if last.of_replicates > 0 else tolerance
    draws = draws_needed([(stage.draws, stage.of_draws) for stage in stages], share)
    return draws, last.runs * _next_power_of_two(max(last.of_replicates / share, 1.0) ** 2)


def draws_needed(errors: Sequence[tuple[int, float]], tolerance: float) -> int:
    """Estimate how many draws would bring the error from the draws to a tolerance.

    `errors` are pairs (number of draws, error) so far. The error is assumed to fall with a power of the number of
    draws. The power is the fitted slope in logarithms, kept between 1/2 (independent draws) and 1. With a single number
    of draws so far, the power is 1/2.
    """
    draws, error = errors[-1]
    if error <= tolerance:
        return draws
    sizes, logs = np.log([(n, e) for n, e in errors if e > 0]).T
    rate = -float(np.polyfit(sizes, logs, 1)[0]) if len(set(sizes)) > 1 else 0.5
    return _next_power_of_two(draws * (error / tolerance) ** (1 / min(max(rate, 0.5), 1.0)))


def _next_power_of_two(number: float) -> int:
    return int(2 ** np.ceil(np.log2(number)))
