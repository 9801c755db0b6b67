"""The distribution of a count of firings (happenings of moves).

Let v_n(x) be the probability that the state is x and the count is n. B_w is the flow by firings that add w to the
count, and A is all other flow. Then v_n' = v_n A + Σ_w v_{n-w} B_w. This is the equation of a Markov chain whose states
are pairs (state, count). The chain is solved by uniformisation. All terms are positive, so even very small
probabilities keep their relative accuracy. A firing that changes nothing is a flow from a state to itself.

Only the probabilities of counts below `columns` are kept. A count never falls, so the larger counts do not influence
the kept probabilities P(N = n). The only error of the kept probabilities is the truncation of the Poisson sum. The
missing probability, 1 - Σ_n P(N = n), bounds the error of every P(N ≤ n).

An alternative, the transform at the roots of unity (Abate and Whitt 1992), would take as many products, but of complex
numbers. The rounding errors of the transform hide small probabilities. The transform also adds the probabilities of
counts above the largest kept count to those of small counts (aliasing).

Sizes: N states, C counts kept (`columns`), T times, M moves, O outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.generator import jumps_per_day
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.poisson import pmf, truncation
from simlib.engines.exact.uniformization import blocks
from simlib.machine.interventions import Segment
from simlib.machine.sums import sums_by
from simlib.results import Band
from simlib.typing import Floats, Ints

PRODUCTS = 3e8
"""Limit on the multiplications for the exact distributions of counts in a forecast, over all draws together.

This many multiplications take a third of a second on one core.
"""

COUNT_TOLERANCE = 1e-9
"""Bound on the error of a probability.

The probabilities of more counts are kept until the error is within this bound.
"""

MOST_KEPT_COUNTS = 2048
"""Largest number of counts whose probabilities are kept. Of all larger counts, only the total probability is known."""

_SETTING_UP = 4e5
"""The time to build the matrix of one segment, in units of one multiplication."""

_NUMBERS = 2e7
"""Largest number of probabilities (one for each state and count) in memory at a time (160 MB)."""

_FINE = 1e-13
_STEPS = 64
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class CountLaw:
    """The distribution of a count at T times: `share` (T, C) holds P(count = n) for n < C."""

    share: Floats

    @property
    def bound(self) -> Floats:
        """The probability (T,) missing from `share`, which bounds the error of each P(count ≤ n)."""
        return np.maximum(1 - self.share.sum(axis=1), 0.0)

    def at_most(self) -> Band:
        """Return P(count ≤ n) by the last time, for n = 0, 1, ..., with its error bound."""
        last = self.share[-1]
        p = np.minimum(np.cumsum(last[: int(np.flatnonzero(last)[-1]) + 1]), 1.0)
        return Band(p, p.copy(), np.minimum(p + self.bound[-1], 1.0))


def columns_for(mean: float) -> int:
    """Return how many P(count = n) to keep at first: enough for a Poisson count with this mean."""
    return min(8 * int(np.ceil((mean + 8 * np.sqrt(mean) + 8) / 8)), MOST_KEPT_COUNTS)


def products_of(chain: Chain, means: Floats, steps: int) -> float:
    """Estimate how many multiplications the distributions of counts with these means would take.

    `steps` is the number of steps (jumps of the uniformised chain) in one solution. The estimate is infinite if the
    distributions would take too much memory.
    """
    columns = [columns_for(float(mean)) for mean in means]
    states, setting_up = len(chain.space), _SETTING_UP * len(columns) * len(chain.segments)
    if states * max(columns, default=0) > _NUMBERS:
        return np.inf
    return setting_up + float(sum(columns)) * steps * (len(chain.space.incoming.source) + states)


def count_law(chain: Chain, counts: Ints, mean: float, times: Floats, *, control: Control = UNWATCHED) -> CountLaw:
    """Return the distribution of a count at the given times.

    Args:
        chain: The Markov chain at assumption values.
        counts: How much each of O outcomes adds to the count when it happens (O,), 0 for most outcomes.
        mean: The expected count by the last time, which decides how many probabilities are kept at first.
        times: Days after `as_of` (T,), in rising order.
        control: Cancellation, which raises Cancelled.
    """
    columns = columns_for(mean)
    most = max(min(MOST_KEPT_COUNTS, int(_NUMBERS / len(chain.space))), columns)
    while True:
        law = CountLaw(_shares(chain, counts, columns, times, control))
        if law.bound.max() <= COUNT_TOLERANCE or columns >= most:
            return law
        columns = min(2 * columns, most)


def firing_laws(chain: Chain, means: Floats, by: float, *, control: Control = UNWATCHED) -> dict[str, Band]:
    """Return the probability that each move happens at most n times by a day, for n = 0, 1, ...

    `means` (M,) are the expected numbers of times that the moves happen by this day (`by`, in days after `as_of`).
    Raises Cancelled.
    """
    moves, outcome_move = chain.tables.scenario.moves, chain.tables.outcome_move
    return {
        name: count_law(chain, (outcome_move == move).astype(np.int64), mean, np.array([by]), control=control).at_most()
        for move, (name, mean) in enumerate(zip(moves, means.tolist(), strict=False))
    }


# ---------------------------------------------------------------- the chain over states and numbers


def _shares(chain: Chain, counts: Ints, columns: int, times: Floats, control: Control) -> Floats:
    """Return the probability (T, C) that the count is n by each time, for n below C = `columns`."""
    vector = np.zeros((len(chain.space), columns))
    vector[:, 0] = chain.start()
    share, last = np.zeros((len(times), columns)), float(times[-1])
    for segment in chain.segments:
        if segment.start > last:
            break
        for jump in chain.jumps(segment):
            vector = _acted(jump, vector, counts)
        final = segment is chain.segments[-1]
        rows = (times >= segment.start) & ((times < segment.end) | (final & (times <= segment.end)))
        duration = min(segment.end, last) - segment.start
        if duration <= 0:
            share[rows] = vector.sum(axis=0)
            continue
        matrix = _Matrix.build(chain, segment, counts, duration)
        vector, share[rows] = _carried(matrix, vector, times[rows] - segment.start, duration, control)
    return share


def _acted(jump: Jump, vector: Floats, counts: Ints) -> Floats:
    """Return the joint distribution of state and count (N, C) after an intervention.

    If the intervention makes a move happen, the count goes up as if the move had happened by itself.
    """
    result = vector.copy()
    result[jump.able] = 0.0
    for outcome, chance, target in jump.branches:
        moved = np.reshape(chance, (-1, 1)) * vector[jump.able]
        up = int(counts[outcome]) if outcome >= 0 else 0
        np.add.at(result[:, up:], target, moved[:, : moved.shape[1] - up])
    return result


def _carried(
    matrix: _Matrix, vector: Floats, times: Floats, duration: float, control: Control
) -> tuple[Floats, Floats]:
    """Carry the joint distribution of state and count (N, C) through a segment.

    Return the distribution at the end, and P(count = n) by each of `times` (T, C).
    """
    means = matrix.uniform * np.append(times, duration)
    end, share = np.zeros_like(vector), np.zeros((len(times), vector.shape[1]))
    vector, spare = vector.copy(), np.empty_like(vector)
    for steps in blocks(truncation(matrix.uniform * duration, _FINE), _STEPS):
        weights = pmf(steps, means)
        sums = np.zeros((len(steps), vector.shape[1]))
        vector, spare = matrix.advance(vector, spare, weights[-1], end, sums)
        share += weights[:-1] @ sums
        control.check()
    return end, share


@dataclass(frozen=True, eq=False)
class _Matrix:
    """The transition matrix of one segment, whose entries also add numbers to the count.

    The entries start[x] to start[x + 1] - 1 lead into state x, and some of them can lead out of x itself. Entry k leads
    out of state index[k], has the probability value[k] and adds shift[k]. `uniform` is the number of steps per day.
    """

    start: Ints
    index: Ints
    value: Floats
    shift: Ints
    uniform: float

    @classmethod
    def build(cls, chain: Chain, segment: Segment, counts: Ints, duration: float) -> _Matrix:
        incoming, states = chain.space.held(segment.held, chain.tables).incoming, len(chain.space)
        every, source = np.arange(states), incoming.source.astype(np.int64)
        target = np.repeat(every, np.diff(incoming.start))
        pair_rates, exits = chain.rating(segment).pair_rates, np.zeros(states)
        parts: list[tuple[Ints, Ints, Floats, int]] = []
        for up in np.unique(counts).tolist():
            some = pair_rates * (counts == up)[chain.space.pair_outcome]
            values = incoming.values(some)
            leaving = sums_by(source, values, states)
            stay = _staying(chain, some, counts == up, leaving) if up else np.zeros(states)
            exits += leaving + stay
            parts += [(target, source, values, up), (every, every, stay, up)]
        uniform = jumps_per_day(exits, duration)
        parts.append((every, every, np.maximum(uniform - exits, 0.0), 0))
        return cls._sorted(parts, states, uniform)

    @classmethod
    def _sorted(cls, parts: Sequence[tuple[Ints, Ints, Floats, int]], states: int, uniform: float) -> _Matrix:
        target, source, value = (np.concatenate([part[k] for part in parts]) for k in range(3))
        shift = np.repeat([part[3] for part in parts], [len(part[2]) for part in parts])
        some = np.flatnonzero(value > 0)
        some = some[np.argsort(target[some], kind="stable")]
        start = np.concatenate([[0], np.cumsum(np.bincount(target[some], minlength=states))])
        return cls(start, source[some], value[some] / uniform, shift[some], uniform)

    def advance(
        self, vector: Floats, spare: Floats, weights: Floats, end: Floats, sums: Floats
    ) -> tuple[Floats, Floats]:
        """Multiply the distribution `vector` (N, C) by the matrix once for each of `weights` (K,).

        Before each multiplication, add weight * vector to `end` (N, C), and the column sums of the vector to the next
        row of `sums` (K, C). Return the last vector, and the array to use as `spare` in the next call.
        """
        if kernels is not None:
            matrix = (self.start, self.index, self.value, self.shift)
            after: tuple[Floats, Floats] = kernels.count_steps(vector, spare, *matrix, weights, end, sums)
            return after
        for step, weight in enumerate(weights):
            sums[step] += vector.sum(axis=0)
            end += weight * vector
            spare[:] = 0.0
            for up, matrix in self._parts:
                spare[:, up:] += matrix @ vector[:, : vector.shape[1] - up]
            vector, spare = spare, vector
        return vector, spare

    @cached_property
    def _parts(self) -> list[tuple[int, Any]]:
        from scipy.sparse import csr_array

        shape = (len(self.start) - 1, len(self.start) - 1)
        return [
            (up, csr_array((np.where(self.shift == up, self.value, 0.0), self.index, self.start), shape=shape))
            for up in np.unique(self.shift).tolist()
        ]


def _staying(chain: Chain, pair_rates: Floats, outcomes: Floats, leaving: Floats) -> Floats:
    """Return the rate (N,) at which marked outcomes happen in each state without changing it.

    `leaving` (N,) is the rate at which they happen and change the state.
    """
    fired = np.zeros(len(chain.space))
    for move in np.unique(chain.tables.outcome_move[outcomes]).tolist():
        fired += chain.hazard(pair_rates, move, chain.pairs(move))
    stay = fired - leaving
    return np.where(stay > _ROUNDING * fired, stay, 0.0)
