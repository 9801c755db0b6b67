"""Uniformisation: how probability flows through the states.

The method is by Jensen (1953) and Grassmann (1977), see Stewart (1994, ch. 8). A chain with generator Q and largest
exit rate Λ is a discrete chain P = I + Q/Λ whose jumps come at the times of a Poisson process of rate Λ:

    p(t) = Σ_k Poisson(k; Λt) p(0) P^k,        ∫₀ᵗ p(s) ds = (1/Λ) Σ_k P(N_Λt > k) p(0) P^k.

All terms are positive, so nothing cancels and rare probabilities keep their relative accuracy. Cutting the sum at K
loses at most the tail P(N_Λt > K), which is reported. `flow` carries one distribution to the end of a segment, and
`backward` carries the values of states back to its beginning. The module `passes` does the same for several vectors and
many report times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.generator import Generator, Kill, Push, refuse_a_job_of_hours
from simlib.engines.exact.poisson import pmf, survival, truncation
from simlib.engines.exact.states import StateSpace
from simlib.machine.tables import sums_by
from simlib.typing import Floats, Ints

_BLOCK = 64
"""Largest number of steps in a block. After each block, kept vectors are weighted and cancellation is checked."""

_BLOCK_NUMBERS = 8_000_000
"""Largest size of the kept vectors of a block, as states times steps (64 MB)."""

_NEGLIGIBLE = 1e-30


@dataclass
class Flow:
    """The result of carrying one distribution through a segment.

    end (N,): p at the end of the segment. hits: the probability that ended early. tail: the truncation error. vectors
    (J, N): p at the nodes.
    """

    end: Floats
    hits: float
    tail: float
    vectors: Floats


def flow(
    generator: Generator,
    start: Floats,
    duration: float,
    *,
    kill: Kill | None = None,
    tolerance: float = 1e-9,
    nodes: Floats | None = None,
    control: Control = UNWATCHED,
) -> Flow:
    """Carry `start` (N,) through a segment of `duration` days.

    Args:
        generator: The rates of the segment.
        start: Distribution (N,) at its beginning.
        duration: Days.
        kill: The states and firings that end the pass early.
        tolerance: Bound on the truncation error.
        nodes: Days within the segment (J,) at which whole distributions are kept.
        control: Progress callback and cancellation.

    Raises:
        Unsupported: For rates so high that the solution would take hours.
        Cancelled: When `control` cancels the work.
    """
    mean = generator.uniform * duration
    refuse_a_job_of_hours(generator.uniform, len(generator.values), duration)
    last = truncation(mean, tolerance)
    nodal = NodeSums(0 if nodes is None else len(nodes), len(start))
    vector, spare, end = start.copy(), np.empty_like(start), np.zeros_like(start)
    hit, hits = _inside(vector, kill), 0.0
    for steps in blocks(last, nodal.rows):
        for row, weight in enumerate(pmf(steps, np.array([mean]))[0].tolist()):
            hits += weight * hit
            add(end, weight, vector)
            nodal.take(row, vector)
            hit += _fired(vector, kill, generator.uniform)
            generator.step(vector, spare)
            vector, spare = spare, vector
            hit += _inside(vector, kill)
        if nodes is not None:
            nodal.weigh(pmf(steps, generator.uniform * nodes))
        control.report((int(steps[-1]) + 1) / (last + 1))
        control.check()
    return Flow(end, hits, float(survival(np.array([last]), np.array([mean]))[0, 0]), nodal.vectors)


def blocks(last: int, rows: int) -> Iterator[Ints]:
    """Yield the steps 0 to `last` in blocks of at most `rows` steps."""
    for first in range(0, last + 1, rows):
        yield np.arange(first, min(first + rows, last + 1))


class NodeSums:
    """Weighted sums of whole vectors at a few times (J, N), with one matrix product for each block of steps."""

    def __init__(self, nodes: int, states: int) -> None:
        self.vectors = np.zeros((nodes, states))
        self.rows = _BLOCK if nodes == 0 else max(min(_BLOCK, _BLOCK_NUMBERS // max(states, 1)), 8)
        self._block = np.empty((self.rows if nodes else 0, states))

    def take(self, row: int, vector: Floats) -> None:
        """Keep the vector of one step of the block."""
        if len(self._block):
            self._block[row] = vector

    def weigh(self, weights: Floats) -> None:
        """Add the block, with `weights` (J, steps), to the nodes. Negligible weights are skipped."""
        some = np.flatnonzero(weights.max(axis=1, initial=0.0) > _NEGLIGIBLE)
        self.vectors[some] += weights[some] @ self._block[: weights.shape[1]]


def add(total: Floats, weight: float, vector: Floats) -> None:
    """Add weight * vector to the total, of the same shape."""
    if weight <= 0:  # tiny weights count, because some states are reached only by long paths
        return
    if kernels is None:
        total += weight * vector
    else:
        kernels.add(total.reshape(-1), weight, vector.reshape(-1))


def _inside(vector: Floats, kill: Kill | None) -> float:
    """Take the probability in the states that end a pass early out of the vector, and return it."""
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
    """Return the value u (J, N) of each state, `times` (J,) days before the end of a segment.

    At the end, u is `terminal` (N,). Backwards in time, u gains `reward` (N,) per day. In the states of `kill.inside`,
    u is always 1. A firing with hazard `kill.fire` has the value 1. This is the push form of the uniformisation in
    `flow`, with P u in place of Pᵀ p.

    Args:
        space: The states and the edges of the segment.
        pair_rates: Rate per day of every pair (P,).
        terminal: Value of each state (N,) at the end of the segment.
        duration: Days.
        times: Days before the end of the segment (J,).
        kill: The states and firings that end the pass early.
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
