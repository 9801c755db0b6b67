"""Uniformisation: the flow of probability through a continuous-time Markov chain.

The method is by Jensen (1953) and Grassmann (1977), see Stewart (1994, ch. 8). Let Q be the generator of the chain and
Λ its largest exit rate. The chain behaves like the discrete chain P = I + Q/Λ with jumps at the times of a Poisson
process of rate Λ. So the distribution p(t) over the states is

    p(t) = Σ_k Poisson(k; Λt) p(0) P^k,        ∫₀ᵗ p(s) ds = (1/Λ) Σ_k P(N_Λt > k) p(0) P^k.

All terms are positive, so no digits are lost by cancellation, and rare probabilities keep their relative accuracy.
Cutting the sum at K loses at most the tail P(N_Λt > K), which is reported. `flow` carries one distribution to the end
of a segment of time, and `backward` carries the values of states back to the beginning of a segment. The module
`passes` carries several distributions at once, for many report times.

Sizes: N states, P pairs (rate table entry, outcome), J nodes (days within a segment).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.generator import NO_KILL, Generator, Kill, Push, jumps_per_day, refuse_a_job_of_hours
from simlib.engines.exact.poisson import TOLERANCE, pmf, survival, truncation
from simlib.engines.exact.states import StateSpace
from simlib.machine.sums import sums_by
from simlib.typing import Floats, Ints

_BLOCK = 64
"""Largest number of steps (jumps) in a block.

After each block, the kept vectors are weighted, and cancellation is checked.
"""

_BLOCK_NUMBERS = 8_000_000
"""Largest number of values (states times steps) in the kept vectors of a block of steps (64 MB)."""

_NEGLIGIBLE_WEIGHT = 1e-30


@dataclass
class Flow:
    """The result of carrying one distribution over N states through a segment of time.

    Attributes:
        end (N,): The distribution at the end of the segment.
        hits: The probability of the histories that were stopped within the segment.
        tail: The bound on the truncation error.
        vectors (J, N): The distributions at the J nodes (days within the segment).
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
    kill: Kill = NO_KILL,
    tolerance: float = TOLERANCE,
    nodes: Floats | None = None,
    control: Control = UNWATCHED,
) -> Flow:
    """Carry a distribution over the states through a segment of `duration` days.

    Args:
        generator: The rates of the segment.
        start: Distribution (N,) at the beginning of the segment.
        duration: Length of the segment in days.
        kill: The states and firings (happenings of a move) that stop a history.
        tolerance: Bound on the truncation error.
        nodes: Days within the segment (J,) at which whole distributions are kept.
        control: Progress callback and cancellation, which raises Cancelled.

    Raises Unsupported for rates so high that the solution would take hours.
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
    """The distributions at J nodes, `vectors` (J, N), as weighted sums of all steps' vectors.

    The vectors of a block of steps are kept, and then added with one matrix product.
    """

    def __init__(self, nodes: int, states: int) -> None:
        self.vectors = np.zeros((nodes, states))
        self.rows = _BLOCK if nodes == 0 else max(min(_BLOCK, _BLOCK_NUMBERS // max(states, 1)), 8)
        self._block = np.empty((self.rows if nodes else 0, states))

    def take(self, row: int, vector: Floats) -> None:
        """Store the vector of one step. `row` is the position of the step in its block of steps."""
        if len(self._block):
            self._block[row] = vector

    def weigh(self, weights: Floats) -> None:
        """Add the products of `weights` (J, steps) and the stored vectors to `vectors` (J, N).

        A node is skipped if all its weights are negligible.
        """
        some = np.flatnonzero(weights.max(axis=1, initial=0.0) > _NEGLIGIBLE_WEIGHT)
        self.vectors[some] += weights[some] @ self._block[: weights.shape[1]]


def add(total: Floats, weight: float, vector: Floats) -> None:
    """Add weight * vector to `total`, in place. The two arrays have the same shape."""
    if weight <= 0:  # tiny weights count, because some states are reached only by long paths
        return
    if kernels is None:
        total += weight * vector
    else:
        kernels.add(total.reshape(-1), weight, vector.reshape(-1))


def _inside(vector: Floats, kill: Kill) -> float:
    """Set the vector to 0 in the states that stop a history, and return the removed probability."""
    if kill.inside is None:
        return 0.0
    hit = float(vector[kill.inside].sum())
    vector[kill.inside] = 0.0
    return hit


def _fired(vector: Floats, kill: Kill, uniform: float) -> float:
    return 0.0 if kill.fire is None else float(vector @ kill.fire) / uniform


def backward(
    space: StateSpace,
    pair_rates: Floats,
    terminal: Floats,
    duration: float,
    times: Floats,
    *,
    kill: Kill = NO_KILL,
    reward: Floats | None = None,
    tolerance: float = 1e-12,
    control: Control = UNWATCHED,
) -> Floats:
    """Return the value u (J, N) of each state at J times before the end of a segment of time.

    The value of a state at the end is given. The value at an earlier time is the expectation of the value at the end,
    plus the rewards on the way. A history that is stopped has the value 1. Each step computes P u, where `flow`
    computes Pᵀ p.

    Args:
        space: The states and the edges of the segment.
        pair_rates: Rate per day of every pair (rate table entry, outcome) (P,).
        terminal: Value of each state (N,) at the end of the segment.
        duration: Length of the segment in days.
        times: Days before the end of the segment (J,).
        kill: The states and firings (happenings of a move) that stop a history.
        reward: Reward per day in each state (N,).
        tolerance: Bound on the truncation error.
        control: Cancellation, which raises Cancelled.
    """
    product, uniform = _push(space, pair_rates, duration, kill)
    last = truncation(uniform * duration, tolerance)
    vector = terminal.astype(float, copy=True)
    earned = np.zeros(len(space))
    for gain in (reward, kill.fire):
        earned += 0.0 if gain is None else gain / uniform
    if kill.inside is not None:
        vector[kill.inside], earned[kill.inside] = 1.0, 0.0
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


def _push(space: StateSpace, pair_rates: Floats, duration: float, kill: Kill) -> tuple[Push, float]:
    exit_rate = sums_by(space.source, pair_rates[space.pair], len(space)) + (0.0 if kill.fire is None else kill.fire)
    if kill.inside is not None:
        exit_rate = np.where(kill.inside, 0.0, exit_rate)
    uniform = jumps_per_day(exit_rate, duration)
    return Push(space, pair_rates / uniform, 1 - exit_rate / uniform, kill.inside), uniform
