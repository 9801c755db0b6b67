"""Uniformisation: how probability flows through the states (Jensen 1953.

Grassmann 1977. Stewart 1994, ch. 8). A chain with generator Q and largest exit rate Λ is a discrete chain P = I + Q/Λ
whose jumps come at the times of a Poisson process of rate Λ:

    p(t) = Σ_k Poisson(k; Λt) p(0) P^k,        ∫₀ᵗ p(s) ds = (1/Λ) Σ_k P(N_Λt > k) p(0) P^k.

All terms are positive, so nothing cancels and rare probabilities keep their relative accuracy. Cutting the sum at K
loses at most the tail P(N_Λt > K), which is reported. One pass over k serves every report time: of each p(0) P^k only
histograms over a few partitions of the states are kept, and weighted by the Poisson terms a block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.poisson import pmf, survival, truncation
from simlib.engines.exact.states import Incoming, StateSpace
from simlib.errors import Unsupported
from simlib.machine.tables import sums_by
from simlib.typing import Bools, Floats, Ints

_BLOCK = 64
"""Steps between two weightings of the histograms, and two checks for cancellation."""

_BLOCK_NUMBERS = 8_000_000
"""Numbers in the block of steps held for nodes (64 MB)."""

_WORTH_A_THREAD = 150_000
"""Slots and cells of a step below which handing half of them to a second thread costs more than it saves."""

_FEW = 2
"""Times at which summing whole vectors and counting them once costs less than counting the vector of every step."""

_NEGLIGIBLE = 1e-30

_FINER = 1e-2
"""Share of the tolerance at which a pass with moments is cut: what accumulates grows with the number of jumps."""

_STEP, _EDGE, _PATIENCE = 2e-6, 1e-9, 3600.0
"""Seconds that a step takes at least, seconds more for each edge, and the longest job that is begun, in seconds."""


@dataclass(frozen=True)
class Generator:
    """The transition matrix of one segment in pull form: `step(v)` is the product of Pᵀ and v.

    uniform: Λ per day. values (S,): slot rates over Λ; diagonal (N,): 1 - exit rate / Λ.
    """

    incoming: Incoming
    uniform: float
    values: Floats
    diagonal: Floats

    @classmethod
    def build(cls, incoming: Incoming, pair_rates: Floats, leak: Floats | None, duration: float) -> Generator:
        """Rate the edges; `leak` (N,) is a further exit out of the states (an answered question)."""
        n = len(incoming.start) - 1
        values = incoming.values(pair_rates)
        exit_rate = sums_by(incoming.source, values, n)
        if leak is not None:
            exit_rate = exit_rate + leak
        uniform = max(float(exit_rate.max(initial=0.0)), 1e-3 / max(duration, 1e-9))
        return cls(incoming, uniform, values / uniform, 1 - exit_rate / uniform)

    def step(self, vector: Floats, result: Floats, first: int = 0, last: int | None = None) -> None:
        """Write rows [first, last) of `vector` after one jump of the uniformised chain to `result`."""
        if kernels is None:
            result[:] = self.diagonal * vector + self._matrix @ vector
            return
        incoming, last = self.incoming, len(vector) if last is None else last
        kernels.step(vector, result, incoming.start, incoming.source, self.values, self.diagonal, first, last)

    def step_all(
        self, vectors: Sequence[Floats], results: Sequence[Floats], gains: Sequence[Floats], first: int, last: int
    ) -> None:
        """Do `step` for several vectors, and add a gain (N,) to each: two at a time, which share the matrix."""
        matrix = (self.incoming.start, self.incoming.source, self.values, self.diagonal)
        pairs = 0 if kernels is None else len(vectors) - 1
        for i in range(0, pairs, 2):
            kernels.step_two(*vectors[i : i + 2], *results[i : i + 2], *gains[i : i + 2], *matrix, first, last)
        for i in range(2 * ((pairs + 1) // 2), len(vectors)):
            self.step(vectors[i], results[i], first, last)
            results[i][first:last] += gains[i][first:last]

    @cached_property
    def _matrix(self) -> Any:
        return _csr(self.incoming.start, self.incoming.source, self.values)


@dataclass(frozen=True)
class Kill:
    """An early end of a pass, in a state of `inside` or by a firing with hazard `fire` (N,)."""

    inside: Bools | None = None
    fire: Floats | None = None


@dataclass
class Flow:
    """Result of one pass over a segment.

    at (T, C) and until (T, C): histograms of p(t) and of ∫ p over the segment so far, at each time;
    hits (T,): probability killed so far in the segment; tails (T,): the truncation error by each time;
    vectors (J, N): p at the nodes; end (N,), end_hits and end_tail: the same at the end of the segment.
    """

    at: Floats
    until: Floats
    hits: Floats
    tails: Floats
    end: Floats
    end_hits: float = 0.0
    end_tail: float = 0.0
    steps: int = 0
    vectors: Floats = field(default_factory=lambda: np.zeros((0, 0)))


def _refuse_a_job_of_hours(generator: Generator, duration: float) -> None:
    steps = generator.uniform * duration
    if not steps * (_STEP + _EDGE * len(generator.values)) < _PATIENCE:
        raise Unsupported(
            f"the exact engine would need {steps:.2g} steps, which is hours of work: some state is left "
            f"{generator.uniform:.2g} times a day; look for a rate per minute or hour, or factors that multiply up "
            "(`simlib check` names the move), or take a shorter horizon"
        )


def flow(
    generator: Generator,
    start: Floats,
    duration: float,
    times: Floats,
    *,
    cells: NDArray[np.int32] | None = None,
    bins: int = 0,
    kill: Kill | None = None,
    tolerance: float = 1e-9,
    nodes: Floats | None = None,
    moments: Rider | None = None,
    pool: ThreadPoolExecutor | None = None,
    control: Control = UNWATCHED,
) -> Flow:
    """Carry `start` (N,) through a segment of `duration` days.

    Args:
        generator: The rates of the segment.
        start: Distribution (N,) at its beginning.
        duration: Days.
        times: Days within the segment (T,) at which the distribution is counted into cells.
        cells: Cell of each state in each of G groups (G, N), numbered below `bins`.
        bins: Number of cells, C.
        kill: The early end of a pass.
        tolerance: Bound on the truncation error.
        nodes: Days within the segment (J,) at which whole distributions are kept.
        moments: Moments of impacts, which are carried along.
        pool: A free thread for half of each large step.
        control: Progress callback and cancellation.

    Raises:
        Unsupported: For rates so high that the solution would take hours.
        Cancelled: When `control` cancels the work.
    """
    _refuse_a_job_of_hours(generator, duration)
    ends = np.append(times, duration)
    last = truncation(generator.uniform * duration, tolerance * (1.0 if moments is None else _FINER))
    few = _Few(ends, len(start)) if cells is not None and len(np.unique(ends)) <= _FEW else None
    width = bins if few is None else 0
    sums = _Sums(len(times), width, len(start))
    nodal = NodeSums(0 if nodes is None else len(nodes), len(start))
    advance = _Advance(generator, cells, width, pool, moments)
    vector, spare = start.copy(), np.empty_like(start)
    hit = _inside(vector, kill)
    if moments is not None:
        moments.begin(generator, len(times))
    for steps in blocks(last, nodal.rows):
        weights = pmf(steps, generator.uniform * ends)
        block = np.zeros((len(steps), width))
        hits = np.zeros(len(steps))
        survivals = survival(steps, generator.uniform * ends)
        for row in range(len(steps)):
            hits[row] = hit
            if few is not None:
                few.add(weights[:, row], survivals[:, row], vector)
            sums.keep_end(weights[-1, row], vector)
            nodal.take(row, vector)
            if moments is not None:
                moments.take(row, float(weights[-1, row]), vector)
            hit += _fired(vector, kill, generator.uniform)
            advance(vector, spare, block[row])
            vector, spare = spare, vector
            if moments is not None:
                moments.swap()
            hit += _inside(vector, kill)
        sums.add_block(weights, survivals[:-1], block, hits)
        if moments is not None:
            moments.sums.add_block(weights[:-1], survivals)
        if nodes is not None:
            nodal.weigh(pmf(steps, generator.uniform * nodes))
        control.report((int(steps[-1]) + 1) / (last + 1))
        control.check()
    tails = survival(np.array([last]), generator.uniform * ends)[:, 0]
    if few is not None and cells is not None:
        sums.at, sums.until = few.histograms(sums.end, cells, bins)
    return Flow(
        at=sums.at,
        until=sums.until / generator.uniform,
        hits=sums.hits[:-1],
        tails=tails[:-1],
        end=sums.end,
        end_hits=float(sums.hits[-1]),
        end_tail=float(tails[-1]),
        steps=last + 1,
        vectors=nodal.vectors,
    )


def blocks(last: int, rows: int) -> Iterator[Ints]:
    """Yield the steps 0 to `last` in runs of at most `rows`."""
    for first in range(0, last + 1, rows):
        yield np.arange(first, min(first + rows, last + 1))


class NodeSums:
    """Weighted sums of whole vectors at a few times (J, N), with one matrix product for each block of steps."""

    def __init__(self, nodes: int, states: int) -> None:
        self.vectors = np.zeros((nodes, states))
        self.rows = _BLOCK if nodes == 0 else max(min(_BLOCK, _BLOCK_NUMBERS // max(states, 1)), 8)
        self._block = np.empty((self.rows if nodes else 0, states))

    def take(self, row: int, vector: Floats) -> None:
        """Hold the vector of one step of the block."""
        if len(self._block):
            self._block[row] = vector

    def weigh(self, weights: Floats) -> None:
        """Add the block, weighted (J, steps), to the nodes where it counts."""
        some = np.flatnonzero(weights.max(axis=1, initial=0.0) > _NEGLIGIBLE)
        self.vectors[some] += weights[some] @ self._block[: weights.shape[1]]


class _Sums:
    """Sums over the steps of a pass, weighted by Poisson terms."""

    def __init__(self, times: int, bins: int, states: int) -> None:
        self.at = np.zeros((times, bins))
        self.until = np.zeros((times, bins))
        self.hits = np.zeros(times + 1)
        self.end = np.zeros(states)

    def keep_end(self, weight: float, vector: Floats) -> None:
        _add(self.end, weight, vector)

    def add_block(self, weights: Floats, survivals: Floats, block: Floats, hits: Floats) -> None:
        self.hits += weights @ hits
        at = weights[:-1]
        some = np.flatnonzero(at.max(axis=1, initial=0.0) > _NEGLIGIBLE)
        self.at[some] += at[some] @ block
        whole = survivals.min(axis=1, initial=1.0) >= 1.0
        self.until[whole] += block.sum(axis=0)
        part = np.flatnonzero(~whole & (survivals.max(axis=1, initial=0.0) > _NEGLIGIBLE))
        self.until[part] += survivals[part] @ block


class MomentSums:
    """Sums over the steps of a pass of what rides along: columns at T times, gains up to them and to the end.

    at (T, columns), gained (T + 1, impacts), ends (impacts, N).
    """

    def __init__(self, times: int, columns: int, impacts: int, states: int) -> None:
        self.at = np.zeros((times, columns))
        self.gained = np.zeros((times + 1, impacts))
        self.ends = np.zeros((impacts, states))
        self._width = columns // max(impacts, 1)
        self._columns, self._gains = np.zeros((_BLOCK, columns)), np.zeros((_BLOCK, impacts))

    def take(self, row: int, impact: int, columns: Floats, gain: float) -> None:
        """Note the columns of an impact and its gain per day at one step of the block."""
        self._columns[row, impact * self._width : (impact + 1) * self._width] = columns
        self._gains[row, impact] = gain

    def keep_end(self, impact: int, weight: float, vector: Floats) -> None:
        """Add the vector of an impact with the weight that its step has at the end of the segment."""
        _add(self.ends[impact], weight, vector)

    def add_block(self, weights: Floats, survivals: Floats) -> None:
        """Add the steps noted, with their weights (T, steps) and survivals (T + 1, steps)."""
        steps = weights.shape[1]
        self.at += weights @ self._columns[:steps]
        self.gained += survivals @ self._gains[:steps]


class Rider(Protocol):
    """What `flow` carries along with a distribution."""

    sums: MomentSums

    def begin(self, generator: Generator, times: int) -> None:
        """Get ready for a pass."""

    def take(self, row: int, weight: float, distribution: Floats) -> None:
        """Note one step."""

    def step(self, vector: Floats, result: Floats, first: int, last: int) -> None:
        """Advance a distribution, and the moments beside it, in rows [first, last)."""

    def swap(self) -> None:
        """Go on from the vectors after the jump."""


class _Few:
    """Sums of whole vectors over the steps, at the few times of a pass (the last is its end)."""

    def __init__(self, times: Floats, states: int) -> None:
        self.times, self.first, self.place = np.unique(times, return_index=True, return_inverse=True)
        self.at = np.zeros((len(self.times) - 1, states))
        self.until = np.zeros((len(self.times), states))

    def add(self, weights: Floats, survivals: Floats, vector: Floats) -> None:
        """Add the vector of one step, with the weights of all times."""
        for at, column in zip(self.at, self.first, strict=False):
            _add(at, weights[column], vector)
        for until, column in zip(self.until, self.first, strict=True):
            _add(until, survivals[column], vector)

    def histograms(self, end: Floats, cells: NDArray[np.int32], bins: int) -> tuple[Floats, Floats]:
        """Return the histograms at the times, the end left out, of p(t) and of its sum."""
        tables = []
        for vectors in ([*self.at, end], self.until):
            table = np.zeros((len(self.times), bins))
            for row, vector in zip(table, vectors, strict=True):
                _count(vector, cells, row, 0, len(vector))
            tables.append(table[self.place[:-1]])
        return tables[0], tables[1]


class _Advance:
    """One step of a pass: count the vector into cells, and write the vector after one jump.

    Large steps are done in two parts, side by side where a thread is free: the same sums either way, bit for bit.
    """

    def __init__(
        self,
        generator: Generator,
        cells: NDArray[np.int32] | None,
        bins: int,
        pool: ThreadPoolExecutor | None,
        moments: Rider | None,
    ) -> None:
        self.step = generator.step if moments is None else moments.step
        self.pool = pool
        self.cells = cells if bins else None
        start = generator.incoming.start
        work = len(generator.values) + (0 if self.cells is None else self.cells.size)
        self.states, self.half = len(start) - 1, len(start) - 1
        if kernels is not None and work >= _WORTH_A_THREAD:
            self.half = int(np.searchsorted(start, start[-1] // 2))
        self.second = np.empty(bins)

    def __call__(self, vector: Floats, result: Floats, counts: Floats) -> None:
        """Add the histogram of `vector` to `counts` (C,) and write its successor to `result`."""
        if self.half == self.states:
            self._part(vector, result, counts, 0, self.states)
            return
        self.second[:] = 0.0
        rest = (vector, result, self.second, self.half, self.states)
        waiting = None if self.pool is None else self.pool.submit(self._part, *rest)
        self._part(vector, result, counts, 0, self.half)
        if waiting is None:
            self._part(*rest)
        else:
            waiting.result()
        counts += self.second

    def _part(self, vector: Floats, result: Floats, counts: Floats, first: int, last: int) -> None:
        if self.cells is not None:
            _count(vector, self.cells, counts, first, last)
        self.step(vector, result, first, last)


def _count(vector: Floats, cells: NDArray[np.int32], out: Floats, first: int, last: int) -> None:
    """Add the histogram of states [first, last) to `out` (C,)."""
    if kernels is not None:
        kernels.histogram(vector, cells, out, first, last)
        return
    for group in cells:
        out += sums_by(group[first:last], vector[first:last], len(out))


def _add(total: Floats, weight: float, vector: Floats) -> None:
    if weight <= 0:  # no other threshold: where only long paths lead, they count with their tiny weights
        return
    if kernels is None:
        total += weight * vector
    else:
        kernels.add(total, weight, vector)


def _inside(vector: Floats, kill: Kill | None) -> float:
    """Take the probability that is inside the killing set out of the vector, and return it."""
    if kill is None or kill.inside is None:
        return 0.0
    hit = float(vector[kill.inside].sum())
    vector[kill.inside] = 0.0
    return hit


def _fired(vector: Floats, kill: Kill | None, uniform: float) -> float:
    return 0.0 if kill is None or kill.fire is None else float(vector @ kill.fire) / uniform


def backward(
    space: StateSpace,
    pair_rates: Floats,
    terminal: Floats,
    duration: float,
    times: Floats,
    *,
    kill: Kill | None = None,
    reward: Floats | None = None,
    tolerance: float = 1e-12,
    control: Control = UNWATCHED,
) -> Floats:
    """Return the value u (J, N) at the remaining times `times` (J,) of a segment.

    u at the end is `terminal` (N,). Going back it gains `reward` (N,) per day and is held at 1 inside a killing set,
    and a firing with hazard `kill.fire` is worth 1. This is the push form of the same uniformisation, with P u in place
    of Pᵀ p.

    Args:
        space: The states and the edges of the segment.
        pair_rates: Rate per day of every pair (P,).
        terminal: Value of each state (N,) at the end of the segment.
        duration: Days.
        times: Days that remain (J,).
        kill: The early end of a pass.
        reward: Gain per day in each state (N,).
        tolerance: Bound on the truncation error.
        control: Cancellation.

    Raises:
        Cancelled: When `control` cancels the work.
    """
    leak = None if kill is None else kill.fire
    exit_rate = sums_by(space.source, pair_rates[space.pair], len(space)) + (0.0 if leak is None else leak)
    inside = None if kill is None else kill.inside
    if inside is not None:
        exit_rate = np.where(inside, 0.0, exit_rate)
    uniform = max(float(exit_rate.max(initial=0.0)), 1e-3 / max(duration, 1e-9))
    product = Push(space, pair_rates / uniform, 1 - exit_rate / uniform, inside)
    last = truncation(uniform * duration, tolerance)
    vector = terminal.astype(float, copy=True)
    earned = np.zeros(len(space))
    for gain in (reward, leak):
        earned += 0.0 if gain is None else gain / uniform
    if inside is not None:
        vector[inside], earned[inside] = 1.0, 0.0
    worth = NodeSums(len(times), len(space))
    income = NodeSums(len(times) if np.any(earned) else 0, len(space))
    for steps in blocks(last, worth.rows):
        for row in range(len(steps)):
            worth.take(row, vector)
            vector = product(vector)
            if len(income.vectors):
                income.take(row, earned)
                earned = product(earned)
        worth.weigh(pmf(steps, uniform * times))
        if len(income.vectors):
            income.weigh(survival(steps, uniform * times))
        control.check()
    return worth.vectors + income.vectors if len(income.vectors) else worth.vectors


class Push:
    """The product P u, with edges by source; states of `inside` keep their value."""

    def __init__(self, space: StateSpace, pair_values: Floats, diagonal: Floats, inside: Bools | None) -> None:
        self.space, self.diagonal = space, diagonal
        self.values = pair_values[space.pair]
        if inside is not None:
            self.values[inside[space.source]] = 0.0
        self.matrix: Any = None if kernels is not None else _csr(space.edge_start, space.target, self.values)

    def __call__(self, vector: Floats) -> Floats:
        """Return P u (N,)."""
        if kernels is None:
            return np.asarray(self.diagonal * vector + self.matrix @ vector)
        result = np.empty_like(vector)
        kernels.step(
            vector, result, self.space.edge_start, self.space.target, self.values, self.diagonal, 0, len(vector)
        )
        return result


def _csr(start: Ints, index: NDArray[np.uint32], values: Floats) -> Any:
    from scipy.sparse import csr_array

    n = len(start) - 1
    return csr_array((values, index.astype(np.int64), start), shape=(n, n))
