"""Two scenarios under common random numbers: the effect of a change on each replicate.

A replicate is one simulated history, and a firing is one occurrence of a move. In replicate r, the n-th firing of a
move uses the same random numbers in the baseline and in the variant. So nearly all of the noise is shared and cancels
in the difference. Endings and questions are compared within each replicate. Rungs and expected counts are compared
block by block. Over draws of the assumptions, everything is compared block by block, and a block holds the replicates
of one draw and has the weight of this draw.

Reference: Fréchet, M. (1951) Sur les tableaux de corrélation dont les marges sont données, Annales de l'Université de
Lyon A 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.analysis.whatif.paired_intervals import by_blocks, paired, pooled_shares
from simlib.answer import pick
from simlib.control import Control
from simlib.engines.montecarlo.counts import Counts
from simlib.engines.montecarlo.measure_means import means_of
from simlib.engines.montecarlo.simulator import Simulator
from simlib.formatting import in_a_hundred, percent, quoted
from simlib.machine.belief import effective_number
from simlib.machine.measures import Measure, every
from simlib.results import ONGOING, Band
from simlib.scenario.model import Hold, Scenario
from simlib.scenario.views.wording import intervention_in_words
from simlib.typing import Floats, Ints

__all__ = ["COMPARISON_BLOCKS", "COUPLING", "Flips", "Replicates", "change", "flips", "run_replicates", "typical_flips"]

COMPARISON_BLOCKS = 40
"""Number of blocks of replicates at the stated values. Rungs and expected counts are compared block by block."""

COUPLING = "common random numbers"
"""How the random numbers of two scenarios are coupled. Another coupling would give another share of flips."""


@dataclass(frozen=True)
class Flips:
    """The replicates (simulated histories) whose ending changes from the baseline to a variant.

    Both scenarios use common random numbers. E counts the endings. The last one is `ongoing` (no ending yet).

    endings, labels (E,): the ids and the labels of the endings.
    matrix (E, E): the number of replicates by their ending in the baseline (row) and in the variant (column). Over
    draws of unequal weight, each replicate counts with the weight of its draw.
    half: over draws, the 95% half-width of the share of flips by Student's t. None: use the Wilson interval.
    forecasts (2, E): the exact probabilities of the endings in the baseline and in the variant, None if not known.
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
        """The share of replicates whose ending changes, clipped to `bounds` if `forecasts` is known."""
        return self._within(1 - float(np.trace(self.matrix)) / self.runs)

    def _within(self, share: float) -> float:
        least, most = self.bounds if self.forecasts is not None else (0.0, 1.0)
        return min(max(share, least), most)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the share of replicates whose ending changes."""
        if self.half is not None:
            return self._within(max(self.share - self.half, 0.0)), self._within(min(self.share + self.half, 1.0))
        band = Band.wilson(self.runs - np.trace(self.matrix), self.runs)
        return self._within(float(band.low)), self._within(float(band.high))

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest share of replicates whose ending changes (Fréchet 1951).

        These bounds follow from the forecasts of the two scenarios, and hold however their random numbers are coupled.
        """
        before, after = self._forecasts()
        least = 1 - float(np.minimum(before, after).sum())
        most = 1 - float(np.maximum(before + after - 1, 0.0).sum())
        return max(least, 0.0), most

    def _forecasts(self) -> Floats:
        """Return the probability of each ending in both scenarios (2, E).

        The replicates give these probabilities if there are no exact forecasts.
        """
        if self.forecasts is not None:
            return self.forecasts
        return np.stack([self.matrix.sum(axis=1), self.matrix.sum(axis=0)]) / self.runs

    def by_ending(self) -> list[dict[str, Any]]:
        """Return each ending's probability in both scenarios, and its share of flips with bounds.

        This share counts the replicates that have the ending in only one of the two scenarios. Its bounds are
        |p₁ - p₀| and min(p₀ + p₁, 2 - p₀ - p₁), where p₀ and p₁ are the two probabilities.
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
        """Return (from, to, share of replicates) of every change of ending, the most frequent first."""
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
            return f"none of {self.runs:,} simulated histories changes its ending (95% interval: at most {most})."
        labels = dict(zip(self.endings, map(quoted, self.labels), strict=True))
        flips = [f"from {labels[a]} to {labels[b]} ({in_a_hundred(share)})" for a, b, share in self.pairs()[:2]]
        detail = f", most often {' and '.join(flips)}" if flips else ""
        return f"{in_a_hundred(self.share)} simulated histories end differently{detail}."

    def to_dict(self) -> dict[str, Any]:
        """Return the matrix, and the share of flips with its interval and its bounds, as plain data."""
        low, high = self.interval
        least, most = self.bounds
        named = {"low": low, "high": high, "least": least, "most": most, "by_ending": self.by_ending()}
        return {"coupling": COUPLING} | pick(self, "endings", "matrix", "runs", "share") | named


@dataclass(frozen=True)
class Replicates:
    """The R replicates (simulated histories) of one scenario, in B blocks.

    means (B, T, M): the mean of each of M measures at each of T report times, by block.
    sizes (B,): the number of replicates in each block.
    weights (B,): the weight of the draw that each block belongs to. None at the stated values.
    ending (R,): the index of each replicate's ending, -1 for none.
    ending_time (R,): the day of the ending, infinite for none.
    question_time (R, Q): the day on which each of Q questions is answered, infinite for never.
    tried (I,): for each of I one-off interventions, the number of replicates without an ending when the intervention
    acts.
    void (I,): the number of these replicates in which the intervention has no effect.
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
        """The number of blocks or, over weighted draws, the effective number of draws."""
        return len(self.sizes) if self.weights is None else effective_number(self.weights)

    def mean(self, place: int) -> Floats:
        """Return the mean over all replicates of the measure at position `place`, shape (T,).

        Blocks are weighted by their size, or by the weights of the draws.
        """
        weights = self.sizes if self.weights is None else self.weights
        return np.asarray(weights @ self.means[:, :, place] / weights.sum())

    def without_effect(self, simulator: Simulator) -> dict[str, float | None]:
        """Return {one-off intervention in words: share of replicates in which it has no effect}.

        Replicates that have ended before the intervention are left out. If all have ended, the share is None.
        """
        items, numbers = simulator.scenario.interventions, simulator.flat.action_numbers
        return {
            intervention_in_words(items[number], simulator.scenario): float(void) / float(tried) if tried else None
            for number, tried, void in zip(numbers, self.tried, self.void, strict=True)
            if number >= 0 and not isinstance(items[number], Hold)  # -1: a move on its own date
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
        thetas: The values of A assumptions at each of D draws (D, A). Each draw has one block. None simulates the
            stated values in up to `COMPARISON_BLOCKS` blocks.
        starts: The probabilities of the K states in which the scenario may start, at each draw (D, K). None: those of
            the scenario.
        weights: The weights of the draws (D,).
        runs: Replicates in all, divided evenly over the blocks.
        seed: Seed of the random numbers.
        control: Progress callback, cancellation and number of threads.
    """
    means_in = means_of(simulator, [event for measure in measures for event in _events(measure)])
    centre = None if thetas is None else simulator.stated
    count = min(COMPARISON_BLOCKS, runs) if thetas is None else len(thetas)
    cuts = np.linspace(0, runs, count + 1).astype(int)
    quiet = control.silent()
    means: list[Floats] = []
    parts: list[Counts] = []
    for block in range(count):
        first, each = int(cuts[block]), int(cuts[block + 1] - cuts[block])
        theta = None if thetas is None else thetas[block]
        start = None if starts is None else starts[block]
        counts, block_means = means_in(theta, centre, start, range(first, first + each), seed, quiet)
        means.append(block_means)
        parts.append(counts)
        control.report((block + 1) / count)
    join, sizes = np.concatenate, np.diff(cuts).astype(float)
    return Replicates(
        _with_shares(np.stack(means), measures, sizes if weights is None else weights),
        sizes,
        weights,
        join([c.ending for c in parts]),
        join([c.ending_time for c in parts]),
        join([c.question_time for c in parts]),
        sum((c.tried for c in parts), np.zeros_like(parts[0].tried)),
        sum((c.void for c in parts), np.zeros_like(parts[0].void)),
    )


def _events(measure: Measure) -> list[Measure]:
    """Return the two questions behind a conditional probability, or the measure itself."""
    if measure.kind != "given":
        return [measure]
    return [Measure("question", name, measure.label) for name in (measure.both, measure.condition)]


def _with_shares(means: Floats, measures: Sequence[Measure], weights: Floats) -> Floats:
    """Return the means of M measures by block (B, T, M), from means of what `_events` returns."""
    column, columns = iter(np.moveaxis(means, 2, 0)), []
    for measure in measures:
        parts = [next(column) for _ in _events(measure)]
        columns.append(parts[0] if len(parts) == 1 else pooled_shares(parts[0], parts[1], weights, measure))
    return np.stack(columns, axis=2)


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


def typical_flips(before: Replicates, after: Replicates) -> Ints:
    """For each of the two commonest ending changes, return the number of its first replicate."""
    flipped = np.flatnonzero(before.ending != after.ending)
    pairs = np.stack([before.ending[flipped], after.ending[flipped]], axis=1)
    _, first, count = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    return flipped[first[np.argsort(-count, kind="stable")[:2]]]


# -------------------------------------------------------------------- differences


def change(
    before: Replicates, after: Replicates, measure: Measure, scenario: Scenario, times: Floats, place: int
) -> tuple[Floats, Floats, Floats]:
    """Return (change, low, high) of one measure, each (T,), with a 95% interval.

    Over draws of the assumptions, the sample size is the (effective) number of draws, because the change also depends
    on the assumption values.

    Args:
        before: The replicates of the baseline.
        after: The replicates of the variant.
        measure: The measure.
        scenario: The scenario of the baseline.
        times: The report times in days (T,).
        place: The position of the measure in `Replicates.means`.
    """
    blocks = after.means[:, :, place] - before.means[:, :, place]
    if before.weights is not None or not (measure.kind == "ending" or measure.question_id):
        weights, effective = before.weights, before.effective_blocks
        runs = len(before.ending) * effective / len(blocks)
        weights = before.sizes if weights is None else weights
        return by_blocks(blocks, measure.probability, weights, effective=effective, runs=runs)
    column = measure.column(scenario)
    first, second = (_when(replicates, measure, column) for replicates in (before, after))
    gained, lost = _discordant(first, second, times)
    if measure.of == ONGOING:  # a replicate that ends is a loss for `ongoing`
        gained, lost = lost, gained
    return paired(gained, lost, len(first))


def _when(replicates: Replicates, measure: Measure, column: int) -> Floats:
    """Return the day of the measure's event in each replicate (R,), infinite if it never occurs.

    For `ongoing` (no ending yet), return the day on which the replicate ended.
    """
    if measure.question_id:
        return replicates.question_time[:, column]
    if measure.of == ONGOING:
        return replicates.ending_time
    return np.where(replicates.ending == column, replicates.ending_time, np.inf)


def _discordant(first: Floats, second: Floats, times: Floats) -> tuple[Ints, Ints]:
    """Count the pairs of replicates of which only one has the event, by each of T times.

    Returns the number of pairs (T,) in which only the second has it, and the number in which only the first has it.
    """
    one, other = (_count_by(when, times) for when in (first, second))
    both = _count_by(np.maximum(first, second), times)
    return other - both, one - both


def _count_by(when: Floats, times: Floats) -> Ints:
    place = np.searchsorted(times, when, side="left")
    return np.cumsum(np.bincount(place, minlength=len(times) + 1)[: len(times)])
