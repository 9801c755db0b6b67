"""Two scenarios under common random numbers: the effect of a change on each replicate.

In replicate r, the n-th firing of a move uses the same random numbers in the baseline and in the variant. So nearly all
of the noise is shared and cancels in the difference. Endings and questions are compared within each replicate, which
gives Tango's (1998) score interval for a difference of two paired proportions. This interval is valid even if few pairs
differ, or none. Rungs and expected counts are compared block by block, with Student's t over the blocks of replicates.
Over draws of the assumptions each draw is a block with the weight of the draw.

References: Tango, T. (1998) Equivalence test and confidence interval for the difference in proportions for the
paired-sample design, Statistics in Medicine 17. Fréchet, M. (1951) Sur les tableaux de corrélation dont les marges
sont données, Annales de l'Université de Lyon A 14.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simlib.answer import pick
from simlib.control import Control
from simlib.engines.montecarlo.measure_means import means_of
from simlib.engines.montecarlo.simulator import Simulator
from simlib.formatting import in_a_hundred, percent
from simlib.machine.measures import Measure, every
from simlib.results import ONGOING, Z_TWO_SIDED_95, Band
from simlib.scenario.model import Hold, Scenario
from simlib.scenario.views.wording import intervention_in_words
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    from simlib.engines.montecarlo.counts import Counts

__all__ = ["BLOCKS", "COUPLING", "Flips", "Replicates", "by_blocks", "change", "flips", "paired", "run_replicates"]

BLOCKS = 40
"""Number of blocks of replicates. Differences are taken between whole blocks."""

COUPLING = "common random numbers"
"""The label of every share of flips: another coupling of the two scenarios would give another share."""


@dataclass(frozen=True)
class Flips:
    """Changes of ending from the baseline to a variant, under common random numbers.

    `matrix` (E, E) counts replicates by their ending in the baseline (row) and in the variant (column), with `ongoing`
    last. Over draws of unequal weight, it sums weights instead. The share of flips has a 95% Wilson interval or, over
    draws, a half-width `half` by Student's t. Under any coupling of the two forecasts the share lies within `bounds`.
    `forecasts` (2, E) holds the probabilities of the endings in both scenarios, if they are known exactly.
    """

    endings: tuple[str, ...]
    labels: tuple[str, ...]
    matrix: Ints | Floats
    half: float | None = None
    forecasts: Floats | None = None

    @property
    def runs(self) -> int:
        """The number of pairs of replicates."""
        return round(float(self.matrix.sum()))

    @property
    def share(self) -> float:
        """The share of replicates whose ending changes.

        If the forecasts are known exactly, the share is kept within `bounds`.
        """
        return self._within(1 - float(np.trace(self.matrix)) / self.runs)

    def _within(self, share: float) -> float:
        least, most = self.bounds if self.forecasts is not None else (0.0, 1.0)
        return min(max(share, least), most)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share."""
        if self.half is not None:
            return self._within(max(self.share - self.half, 0.0)), self._within(min(self.share + self.half, 1.0))
        band = Band.wilson(self.runs - np.trace(self.matrix), self.runs)
        return self._within(float(band.low)), self._within(float(band.high))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest share of flips that the two forecasts allow (Fréchet 1951).

        Where in between the share lies depends on how the random numbers of the two scenarios are coupled.
        """
        before, after = self._forecasts()
        least = 1 - float(np.minimum(before, after).sum())
        most = 1 - float(np.maximum(before + after - 1, 0.0).sum())
        return max(least, 0.0), most

    def _forecasts(self) -> Floats:
        """Return the probability of each ending in both scenarios (2, E), exact where known."""
        if self.forecasts is not None:
            return self.forecasts
        return np.stack([self.matrix.sum(axis=1), self.matrix.sum(axis=0)]) / self.runs

    def by_ending(self) -> list[dict[str, Any]]:
        """Return both probabilities of each ending, the share that flips, and its bounds.

        The bounds are |p₁ - p₀| and min(p₀ + p₁, 2 - p₀ - p₁).
        """
        rows = []
        for index, (name, label) in enumerate(zip(self.endings, self.labels, strict=True)):
            before, after = map(float, self._forecasts()[:, index])
            changed = self.matrix[index].sum() + self.matrix[:, index].sum() - 2 * self.matrix[index, index]
            flips = float(changed) / self.runs
            bounds = {"least": abs(after - before), "most": min(before + after, 2 - before - after)}
            rows.append({"ending": name, "label": label, "before": before, "after": after, "flips": flips} | bounds)
        return rows

    def pairs(self) -> list[tuple[str, str, float]]:
        """Return (from, to, share of replicates) of every flip that occurs, the most frequent first."""
        pairs = [
            (self.endings[i], self.endings[j], float(self.matrix[i, j]) / self.runs)
            for i, j in np.argwhere(self.matrix > 0)
            if i != j
        ]
        return sorted(pairs, key=lambda pair: -pair[2])

    def sentence(self) -> str:
        """Say how many histories end differently, and which changes are the commonest."""
        if self.share < 1e-9:
            most = percent(self.interval[1])
            return f"none of {self.runs:,} simulated histories ends differently (95% interval: at most {most})."
        labels = dict(zip(self.endings, self.labels, strict=True))
        flips = [f"from “{labels[a]}” to “{labels[b]}” ({in_a_hundred(share)})" for a, b, share in self.pairs()[:2]]
        detail = f", most often {' and '.join(flips)}" if flips else ""
        return f"{in_a_hundred(self.share)} simulated histories end differently{detail}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        low, high = self.interval
        least, most = self.bounds
        named = {"low": low, "high": high, "least": least, "most": most, "by_ending": self.by_ending()}
        return {"coupling": COUPLING} | pick(self, "endings", "matrix", "runs", "share") | named


@dataclass(frozen=True)
class Replicates:
    """The replicates of one scenario: means of the measures by block (B, T, M), and all endings.

    `weights` (B,) are the weights of the draws, with one block for each draw. At the stated values they are None. For
    each intervention (I,), `tried` counts the replicates that are ongoing when it acts, and `void` those of them in
    which it has no effect.
    """

    means: Floats
    sizes: Floats
    weights: Floats | None
    ending: NDArray[np.int32]
    ending_time: Floats
    question_time: Floats
    tried: Ints
    void: Ints

    @property
    def effective_blocks(self) -> float:
        """The number of blocks, or the effective number of draws."""
        return len(self.sizes) if self.weights is None else effective_count(self.weights)

    def mean(self, place: int) -> Floats:
        """Return the mean of a measure over all replicates (T,).

        Blocks are weighted by their size, or by the weights of the draws.
        """
        weights = self.sizes if self.weights is None else self.weights
        return np.asarray(weights @ self.means[:, :, place] / weights.sum())

    def without_effect(self, simulator: Simulator) -> dict[str, float | None]:
        """Return the share of ongoing replicates in which each one-off intervention had no effect."""
        items, numbers = simulator.scenario.interventions, simulator.flat.actions.number
        return {
            intervention_in_words(items[number], simulator.scenario): float(void) / float(tried) if tried else None
            for number, tried, void in zip(numbers, self.tried, self.void, strict=True)
            if not isinstance(items[number], Hold)
        }


def run_replicates(
    simulator: Simulator,
    measures: Sequence[Measure],
    *,
    thetas: Floats | None,
    starts: Floats | None = None,
    weights: Floats | None,
    runs: int,
    seed: int,
    control: Control,
) -> Replicates:
    """Run the replicates of one scenario in blocks.

    Args:
        simulator: The scenario, ready to run.
        measures: The measures whose means are kept by block.
        thetas: The values of each draw (D, A), which makes one block for each draw. None simulates the stated values.
        starts: The probabilities (D, K) of the states of a joint start at each draw. None: those of the scenario.
        weights: The weights of the draws (D,).
        runs: Replicates in all, shared out evenly over the blocks.
        seed: The seed.
        control: Progress, cancelling and threads.
    """
    means_in = means_of(simulator, measures)
    centre = None if thetas is None else simulator.stated
    count = min(BLOCKS, runs) if thetas is None else len(thetas)
    cuts = np.linspace(0, runs, count + 1).astype(int)
    quiet = dataclasses.replace(control, progress=None)
    means: list[Floats] = []
    parts: list[Counts] = []
    for block in range(count):
        first, each = int(cuts[block]), int(cuts[block + 1] - cuts[block])
        theta = None if thetas is None else thetas[block]
        start = None if starts is None else starts[block]
        counts, found = means_in(theta, centre, start, range(first, first + each), seed, quiet)
        means.append(found)
        parts.append(counts)
        control.report((block + 1) / count)
    join = np.concatenate
    return Replicates(
        np.stack(means),
        np.diff(cuts).astype(float),
        weights,
        join([c.ending for c in parts]),
        join([c.ending_time for c in parts]),
        join([c.question_time for c in parts]),
        sum((c.tried for c in parts), np.zeros_like(parts[0].tried)),
        sum((c.void for c in parts), np.zeros_like(parts[0].void)),
    )


def flips(before: Replicates, after: Replicates, scenario: Scenario) -> Flips:
    """Return the changes of ending between two scenarios under common random numbers."""
    measures = list(every(scenario, ("ending",)))
    names, labels = tuple(m.of for m in measures), tuple(m.label for m in measures)
    one, other = (np.where(r.ending < 0, len(names) - 1, r.ending).astype(np.int64) for r in (before, after))
    cells, weights = one * len(names) + other, before.weights
    each = None if weights is None or np.ptp(weights) == 0 else np.repeat(weights, before.sizes.astype(int))
    matrix = np.bincount(cells, weights=each, minlength=len(names) ** 2).reshape(len(names), -1)
    if weights is None:
        return Flips(names, labels, matrix)
    cuts = np.cumsum(before.sizes)[:-1].astype(int)
    shares = np.array([[part.mean()] for part in np.split(one != other, cuts)])
    share, low, _ = by_blocks(shares, False, weights, effective=before.effective_blocks)
    return Flips(names, labels, matrix, float(share[0] - low[0]))


def typical_flips(before: Replicates, after: Replicates, each: int, kinds: int = 2) -> Ints:
    """Return the numbers of some replicates whose ending changes.

    The `kinds` commonest changes of ending are taken, and the first `each` replicates of every one.
    """
    flipped = np.flatnonzero(before.ending != after.ending)
    pairs = np.stack([before.ending[flipped], after.ending[flipped]], axis=1)
    distinct, kind, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    ranked = np.argsort(-count, kind="stable")[: min(kinds, len(distinct))]
    chosen = [flipped[kind == one][:each] for one in ranked]
    return np.concatenate(chosen).astype(np.int64) if chosen else np.zeros(0, dtype=np.int64)


# -------------------------------------------------------------------- differences


def change(
    before: Replicates, after: Replicates, measure: Measure, times: Floats, *, place: int, column: int
) -> tuple[Floats, Floats, Floats]:
    """Return the change of one measure with its 95% interval: (change, low, high), each (T,).

    Over draws of the assumptions, the sample size is the number of draws, not of replicates, because draws differ in
    more than their random numbers.

    Args:
        before: The replicates of the baseline.
        after: The replicates of the variant.
        measure: The measure.
        times: The report times in days (T,).
        place: The position of the measure in `means`.
        column: The position of the measure among those of its kind.
    """
    blocks = after.means[:, :, place] - before.means[:, :, place]
    if before.weights is not None or not (measure.kind == "ending" or measure.asked):
        weights, effective = before.weights, before.effective_blocks
        runs = len(before.ending) * effective / len(blocks)
        weights = before.sizes if weights is None else weights
        return by_blocks(blocks, measure.probability, weights, effective=effective, runs=runs)
    first, second = (_when(replicates, measure, column) for replicates in (before, after))
    gained, lost = _discordant(first, second, times)
    if measure.of == ONGOING:  # a replicate that ends is a loss for `ongoing`
        gained, lost = lost, gained
    return paired(gained, lost, len(first))


def by_blocks(
    blocks: Floats, probability: bool, weights: Floats, *, effective: float, runs: float | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return (mean, low, high) (T,) of differences by block (B, T), by Student's t.

    Args:
        blocks: The difference in each block at each time (B, T).
        probability: Whether the differences lie within -1 and 1.
        weights: The weight of each block (B,).
        effective: The effective number of blocks.
        runs: Replicates in all blocks. If no block differs, the half-width follows from this number, like the rule of
            three. With None, for exact blocks, the interval then has no width.
    """
    from scipy.special import stdtrit

    share = weights / weights.sum()
    mean = share @ blocks
    if effective <= 1:
        half = np.full_like(mean, np.inf)
    else:
        half = stdtrit(effective - 1, 0.975) * np.sqrt(share**2 @ (blocks - mean) ** 2 * effective / (effective - 1))
    floor = 0.0 if runs is None else Z_TWO_SIDED_95**2 / (runs + Z_TWO_SIDED_95**2)
    half = np.where(np.all(blocks == 0, axis=0), floor, half)
    low, high = mean - half, mean + half
    return (mean, np.maximum(low, -1.0), np.minimum(high, 1.0)) if probability else (mean, low, high)


def effective_count(weights: Floats) -> float:
    """Return the effective number of draws with these weights (Kish 1965)."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _when(replicates: Replicates, measure: Measure, column: int) -> Floats:
    """Return when the event of a measure happened in each replicate (R,).

    For `ongoing`, return when the replicate ended.
    """
    if measure.asked:
        return replicates.question_time[:, column]
    if measure.of == ONGOING:
        return replicates.ending_time
    return np.where(replicates.ending == column, replicates.ending_time, np.inf)


def _discordant(first: Floats, second: Floats, times: Floats) -> tuple[Ints, Ints]:
    """Count by each time (T,) the pairs in which the event happened in one replicate only.

    Returns two counts: of the pairs with the event only in the second, and only in the first.
    """
    one, other = (_count_by(when, times) for when in (first, second))
    both = _count_by(np.maximum(first, second), times)
    return other - both, one - both


def _count_by(when: Floats, times: Floats) -> Ints:
    place = np.searchsorted(times, when, side="left")
    return np.cumsum(np.bincount(place, minlength=len(times) + 1)[: len(times)])


def paired(gained: ArrayLike, lost: ArrayLike, pairs: int) -> tuple[Floats, Floats, Floats]:
    """Return (difference, low, high) of two paired proportions: Tango's 95% score interval.

    `gained` is the number of pairs with the event only in the second scenario, `lost` only in the first. Arrays
    broadcast.
    """
    b, c = np.broadcast_arrays(np.asarray(gained, dtype=float), np.asarray(lost, dtype=float))
    difference = (b - c) / pairs
    low = _bisect(lambda d: _score(b, c, pairs, d) - Z_TWO_SIDED_95, np.full(b.shape, -1.0), difference)
    high = _bisect(lambda d: _score(b, c, pairs, d) + Z_TWO_SIDED_95, difference, np.full(b.shape, 1.0))
    return difference, low, high


def _score(b: Floats, c: Floats, pairs: int, d: Floats) -> Floats:
    """Return Tango's statistic for the hypothesis that the difference is d. It decreases in d."""
    first, second, third = 2.0 * pairs, -b - c + (2.0 * pairs - b + c) * d, -c * d * (1 - d)
    only_first = (np.sqrt(np.maximum(second**2 - 4 * first * third, 0.0)) - second) / (2 * first)
    variance = pairs * (2 * only_first + d * (1 - d))
    above = b - c - pairs * d
    with np.errstate(divide="ignore", invalid="ignore"):
        score = above / np.sqrt(np.maximum(variance, 0.0))
    return np.where(above == 0, 0.0, np.where(variance > 0, score, np.copysign(np.inf, above)))


def _bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    for _ in range(60):
        middle = (low + high) / 2
        above = falling(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2
