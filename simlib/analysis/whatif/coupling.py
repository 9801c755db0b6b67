"""Two worlds, the same dice: replicate by replicate, what one change does.

A counterfactual is the same dice with one change: replicate r of both worlds meets the same exponentials and the same
uniforms, move by move and occurrence by occurrence, so that nearly all of the noise is shared and cancels in the
difference. Endings and questions are compared within each replicate, which gives Tango's (1998) score interval for a
difference of two paired proportions; it keeps its promise also where few pairs differ, or none. Rungs and expected
counts are compared by blocks of replicates, with Student's t over the blocks.

References: Tango, T. (1998) Equivalence test and confidence interval for the difference in proportions for the
paired-sample design, Statistics in Medicine 17. Fréchet, M. (1951) Sur les tableaux de corrélation dont les marges
sont données, Annales de l'Université de Lyon A 14.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simlib.control import in_transition
from simlib.engines.montecarlo.simulator import Simulator
from simlib.formatting import percent
from simlib.machine.measures import Measure, reader
from simlib.results import ONGOING, Z_TWO_SIDED_95, Band
from simlib.scenario.model import Hold
from simlib.scenario.views.wording import intervention_in_words
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    from simlib.engines.montecarlo.counts import Counts

BLOCKS = 40
"""Blocks of replicates that are compared as wholes."""

SAME_DICE = "under the same dice"
"""The label that goes with every share of flips: another coupling of the two worlds would give another number."""


@dataclass(frozen=True)
class Flips:
    """How replicates change their ending from one world to the other, under the same dice.

    matrix (E, E): replicates by ending in the first world (row) and in the second (column), `ongoing` last. The share
    that flips has its 95% Wilson interval, or, over the priors, the `half` width by Student's t over the draws;
    whatever the coupling, it lies within `bounds`, which the two forecasts alone enforce. `by_ending`: for each ending
    the share of replicates that gain or lose it, and the bounds |p₁ - p₀| and min(p₀ + p₁, 2 - p₀ - p₁) on it.
    `forecasts` (2, E): the probabilities of the endings in both worlds where they are known exactly.
    """

    endings: tuple[str, ...]
    labels: tuple[str, ...]
    matrix: Ints
    half: float | None = None
    forecasts: Floats | None = None

    @property
    def runs(self) -> int:
        """Number of pairs of replicates."""
        return int(self.matrix.sum())

    @property
    def share(self) -> float:
        """Share of replicates whose ending changes, under the same dice; within what exact forecasts enforce."""
        return self._within(1 - float(np.trace(self.matrix)) / self.runs)

    def _within(self, share: float) -> float:
        least, most = self.bounds if self.forecasts is not None else (0.0, 1.0)
        return min(max(share, least), most)

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the share."""
        if self.half is not None:
            return self._within(max(self.share - self.half, 0.0)), self._within(min(self.share + self.half, 1.0))
        band = Band.wilson(self.runs - np.trace(self.matrix), self.runs)
        return self._within(float(band.low)), self._within(float(band.high))

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and most that any coupling of these two forecasts could flip (Fréchet)."""
        before, after = self._forecasts()
        least = 1 - float(np.minimum(before, after).sum())
        most = 1 - float(np.maximum(before + after - 1, 0.0).sum())
        return max(least, 0.0), most

    def _forecasts(self) -> Floats:
        """Return the probability of each ending in both worlds (2, E), as well as it is known."""
        if self.forecasts is not None:
            return self.forecasts
        return np.stack([self.matrix.sum(axis=1), self.matrix.sum(axis=0)]) / self.runs

    def by_ending(self) -> list[dict[str, Any]]:
        """Return for each ending p before and after, the share that flips into or out of it, and its bounds."""
        rows = []
        for index, (name, label) in enumerate(zip(self.endings, self.labels, strict=True)):
            before, after = map(float, self._forecasts()[:, index])
            lost_or_won = self.matrix[index].sum() + self.matrix[:, index].sum() - 2 * self.matrix[index, index]
            flips = float(lost_or_won) / self.runs
            rows.append(
                {
                    "ending": name,
                    "label": label,
                    "before": before,
                    "after": after,
                    "flips": flips,
                    "least": abs(after - before),
                    "most": min(before + after, 2 - before - after),
                }
            )
        return rows

    def pairs(self) -> list[tuple[str, str, float]]:
        """Return (from, to, share of replicates) of every flip seen, the most frequent first."""
        found = [
            (self.endings[i], self.endings[j], float(self.matrix[i, j]) / self.runs)
            for i, j in np.argwhere(self.matrix > 0)
            if i != j
        ]
        return sorted(found, key=lambda pair: -pair[2])

    def sentence(self) -> str:
        """Say how many replicates flip, always with the coupling named and its bounds beside it."""
        low, high = self.interval
        least, most = self.bounds
        if self.share < 1e-9:
            return f"no history of {self.runs:,} ends otherwise {SAME_DICE} (at most {percent(high)}, 95% interval)."
        text = (
            f"{percent(self.share)} of histories end otherwise {SAME_DICE} ({percent(low)} to {percent(high)}; another "
            f"coupling of the same two forecasts may flip from {percent(least)} to {percent(most)})"
        )
        named = dict(zip(self.endings, self.labels, strict=True))
        told = [f"{percent(share)} from “{named[a]}” to “{named[b]}”" for a, b, share in self.pairs()[:3]]
        return text + (": " + ", ".join(told) if told else "") + "."

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        low, high = self.interval
        least, most = self.bounds
        return {
            "coupling": SAME_DICE,
            "endings": self.endings,
            "matrix": self.matrix,
            "runs": self.runs,
            "share": self.share,
            "low": low,
            "high": high,
            "least": least,
            "most": most,
            "by_ending": self.by_ending(),
        }


@dataclass(frozen=True)
class World:
    """One world run: `means` (B, T, M) of the measures by block of `sizes` (B,), and all replicates together.

    tried, void (I,): for each intervention that acts, replicates then going and those in which it had no effect.
    """

    means: Floats
    sizes: Floats
    ending: NDArray[np.int32]
    ending_time: Floats
    question_time: Floats
    tried: Ints
    void: Ints

    def mean(self, place: int, *, by_draw: bool = False) -> Floats:
        """Return a measure over all replicates (T,); `by_draw` gives every block the same weight."""
        weights = np.ones_like(self.sizes) if by_draw else self.sizes
        return np.asarray(weights @ self.means[:, :, place] / weights.sum())

    def without_effect(self, simulator: Simulator) -> dict[str, float | None]:
        """Return {intervention that acts once: in which share of the replicates then going it had no effect}."""
        items, numbers = simulator.scenario.interventions, simulator.flat.actions.number
        return {
            intervention_in_words(items[number], simulator.scenario): float(void) / float(tried) if tried else None
            for number, tried, void in zip(numbers, self.tried, self.void, strict=True)
            if not isinstance(items[number], Hold)
        }


@in_transition
def run_world(
    simulator: Simulator,
    measures: Sequence[Measure],
    *,
    thetas: Floats | None,
    centre: Floats | None,
    runs: int,
    seed: int,
    threads: int | None,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> World:
    """Run a world in blocks: `thetas` (B, A) gives each block the values of one draw, None all the stated ones."""
    read = reader(simulator.scenario, measures)
    count = min(BLOCKS, runs) if thetas is None else len(thetas)
    cuts = np.linspace(0, runs, count + 1).astype(int)
    means: list[Floats] = []
    parts: list[Counts] = []
    for block in range(count):
        first, each = int(cuts[block]), int(cuts[block + 1] - cuts[block])
        theta = None if thetas is None else thetas[block]
        counts = simulator.run(
            theta,
            centre=None if thetas is None else centre,
            runs=each,
            seed=seed,
            first=first,
            threads=threads,
            cancel=cancel,
        )
        means.append(read(counts))
        parts.append(counts)
        if progress:
            progress((block + 1) / count)
    join = np.concatenate
    return World(
        np.stack(means),
        np.diff(cuts).astype(float),
        join([c.ending for c in parts]),
        join([c.ending_time for c in parts]),
        join([c.question_time for c in parts]),
        sum((c.tried for c in parts), np.zeros_like(parts[0].tried)),
        sum((c.void for c in parts), np.zeros_like(parts[0].void)),
    )


def flips(before: World, after: World, simulator: Simulator, *, by_draw: bool) -> Flips:
    """Return the matrix of endings by the horizon in two worlds run with the same dice; `by_draw`: blocks are draws."""
    scenario = simulator.scenario
    names = (*scenario.endings, ONGOING)
    one, other = (np.where(w.ending < 0, len(names) - 1, w.ending).astype(np.int64) for w in (before, after))
    matrix = np.bincount(one * len(names) + other, minlength=len(names) ** 2).reshape(len(names), -1)
    labels = (*(ending.label for ending in scenario.endings.values()), "No ending yet")
    if not by_draw:
        return Flips(names, labels, matrix)
    cuts = np.cumsum(before.sizes)[:-1].astype(int)
    shares = np.array([[part.mean()] for part in np.split(one != other, cuts)])
    share, low, _ = by_blocks(shares, False)
    return Flips(names, labels, matrix, float(share[0] - low[0]))


def typical_flips(before: World, after: World, each: int, kinds: int = 2) -> Ints:
    """Return the first `each` replicates of each of the `kinds` commonest flips, the commonest first."""
    flipped = np.flatnonzero(before.ending != after.ending)
    pairs = np.stack([before.ending[flipped], after.ending[flipped]], axis=1)
    found, kind, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    ranked = np.argsort(-count, kind="stable")[: min(kinds, len(found))]
    chosen = [flipped[kind == one][:each] for one in ranked]
    return np.concatenate(chosen).astype(np.int64) if chosen else np.zeros(0, dtype=np.int64)


# -------------------------------------------------------------------- differences


def difference(
    before: World, after: World, measure: Measure, times: Floats, *, place: int, column: int, by_draw: bool
) -> tuple[Floats, Floats, Floats]:
    """Return (change, low, high), each (T,), of one measure: at `place` in `means`, at `column` among its kind.

    `by_draw`: blocks are draws from the priors, between which more than dice differs, so that they are what is counted.
    """
    blocks = after.means[:, :, place] - before.means[:, :, place]
    if by_draw or measure.kind not in ("ending", "question"):
        sizes = None if by_draw else before.sizes
        return by_blocks(blocks, measure.probability, runs=len(before.ending), sizes=sizes)
    first, second = (_when(world, measure, column) for world in (before, after))
    gained, lost = _discordant(first, second, times)
    if measure.of == ONGOING:  # what has ended is no longer ongoing
        gained, lost = lost, gained
    return paired(gained, lost, len(first))


def by_blocks(
    blocks: Floats, probability: bool, *, runs: int | None = None, sizes: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return (mean, low, high), each (T,), of differences by block (B, T): Student's t over the blocks.

    Without `sizes` (B,) every block counts alike. Where no block differs, no difference in `runs` replicates leaves
    the doubt of the rule of three; without `runs`, exactly none.
    """
    from scipy.special import stdtrit

    count = len(blocks)
    share = np.full(count, 1 / count) if sizes is None else sizes / sizes.sum()
    mean = share @ blocks
    if count < 2:
        half = np.full_like(mean, np.inf)
    else:
        half = stdtrit(count - 1, 0.975) * np.sqrt(share**2 @ (blocks - mean) ** 2 * count / (count - 1))
    floor = 0.0 if runs is None else Z_TWO_SIDED_95**2 / (runs + Z_TWO_SIDED_95**2)
    half = np.where(np.all(blocks == 0, axis=0), floor, half)
    low, high = mean - half, mean + half
    return (mean, np.maximum(low, -1.0), np.minimum(high, 1.0)) if probability else (mean, low, high)


def _when(world: World, measure: Measure, column: int) -> Floats:
    """Return when each replicate came to what is asked (R,); for `ongoing` when it came to any ending."""
    if measure.kind == "question":
        return world.question_time[:, column]
    if measure.of == ONGOING:
        return world.ending_time
    return np.where(world.ending == column, world.ending_time, np.inf)


def _discordant(first: Floats, second: Floats, times: Floats) -> tuple[Ints, Ints]:
    """Return how many pairs had come to it by each time (T,) only in the second world, and only in the first."""
    one, other = (_count_by(when, times) for when in (first, second))
    both = _count_by(np.maximum(first, second), times)
    return other - both, one - both


def _count_by(when: Floats, times: Floats) -> Ints:
    place = np.searchsorted(times, when, side="left")
    return np.cumsum(np.bincount(place, minlength=len(times) + 1)[: len(times)])


def paired(gained: ArrayLike, lost: ArrayLike, pairs: int) -> tuple[Floats, Floats, Floats]:
    """Return (difference, low, high) of two paired proportions: Tango's 95% score interval.

    `gained` pairs hold only in the second world, `lost` only in the first; arrays broadcast.
    """
    b, c = np.broadcast_arrays(np.asarray(gained, dtype=float), np.asarray(lost, dtype=float))
    difference = (b - c) / pairs
    low = _bisect(lambda d: _score(b, c, pairs, d) - Z_TWO_SIDED_95, np.full(b.shape, -1.0), difference)
    high = _bisect(lambda d: _score(b, c, pairs, d) + Z_TWO_SIDED_95, difference, np.full(b.shape, 1.0))
    return difference, low, high


def _score(b: Floats, c: Floats, pairs: int, d: Floats) -> Floats:
    """Tango's statistic of the hypothesis that the difference is d: it falls from positive to negative in d."""
    first, second, third = 2.0 * pairs, -b - c + (2.0 * pairs - b + c) * d, -c * d * (1 - d)
    only_first = (np.sqrt(np.maximum(second**2 - 4 * first * third, 0.0)) - second) / (2 * first)
    variance = pairs * (2 * only_first + d * (1 - d))
    above = b - c - pairs * d
    with np.errstate(divide="ignore", invalid="ignore"):
        score = above / np.sqrt(np.maximum(variance, 0.0))
    return np.where(above == 0, 0.0, np.where(variance > 0, score, np.copysign(np.inf, above)))


def _bisect(falling: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Return where a function that falls in its argument crosses zero, between `low` and `high`."""
    for _ in range(60):
        middle = (low + high) / 2
        above = falling(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2
