"""The transition matrix of the uniformised chain, for distributions and values of states.

With the generator Q and the number of jumps per day Λ, the matrix is P = I + Q/Λ. `Generator` computes Pᵀ p for a
distribution p over the states. `Push` computes P u for values u of the states. Sizes: N states, S slots (a slot is all
edges from one state to another), P pairs (rate table entry, outcome).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.engines.exact.backend import kernels
from simlib.engines.exact.states import Incoming, StateSpace
from simlib.errors import Unsupported
from simlib.machine.sums import sums_by
from simlib.typing import Bools, Floats, Ints

_STEP, _EDGE, _PATIENCE = 2e-6, 1e-9, 3600.0
"""Seconds for a step, further seconds for each edge, and the longest solution allowed, in seconds."""


@dataclass(frozen=True)
class Generator:
    """The transition matrix P of a segment, for steps Pᵀ p of a distribution p over states.

    Attributes:
        incoming: The edges, grouped by the state in which they end.
        uniform: The number of jumps per day, Λ.
        values (S,): The rate of each slot (all edges from one state to another), divided by Λ.
        diagonal (N,): 1 - exit rate / Λ of each state.
    """

    incoming: Incoming
    uniform: float
    values: Floats
    diagonal: Floats

    @classmethod
    def build(cls, incoming: Incoming, pair_rates: Floats, leak: Floats | None, duration: float) -> Generator:
        """Compute the transition matrix of a segment.

        `pair_rates` (P,) are the rates per day of pairs (rate table entry, outcome). `leak` (N,) is an additional exit
        rate of each state: the hazard of firings (happenings of a move) that stop a history. `duration` is in days.
        """
        n = len(incoming.start) - 1
        values = incoming.values(pair_rates)
        exit_rate = sums_by(incoming.source, values, n)
        if leak is not None:
            exit_rate = exit_rate + leak
        uniform = jumps_per_day(exit_rate, duration)
        return cls(incoming, uniform, values / uniform, 1 - exit_rate / uniform)

    def step(self, vector: Floats, result: Floats) -> None:
        """Write the distribution over the states one jump after `vector` (N,) to `result` (N,)."""
        if kernels is None:
            result[:] = self.diagonal * vector + self._matrix @ vector
            return
        edges = self.incoming
        kernels.step(vector, result, edges.start, edges.source, self.values, self.diagonal, 0, len(vector))

    @cached_property
    def _matrix(self) -> Any:
        return as_matrix(self.incoming.start, self.incoming.source, self.values)


@dataclass(frozen=True)
class Kill:
    """What stops a history in a segment: certain states, and the hazard of certain firings.

    Attributes:
        inside (N,): Marks the states that stop a history. None: no state.
        fire (N,): The hazard per day of the firings (happenings of a move) that stop a history. None: no firing.
    """

    inside: Bools | None = None
    fire: Floats | None = None


NO_KILL = Kill()
"""Nothing stops a history."""


class Push:
    """The transition matrix P of one segment. A call computes P u for values u of the states.

    Args:
        space: The states and the edges.
        pair_values: The rate of each pair of rate table entry and outcome, divided by the number of jumps per day (P,).
        diagonal: The probability of staying in each state in a jump (N,).
        inside: Marks states that keep their value (N,). None: no state.
    """

    def __init__(self, space: StateSpace, pair_values: Floats, diagonal: Floats, inside: Bools | None) -> None:
        self.space, self.diagonal = space, diagonal
        self.values = pair_values[space.pair]
        if inside is not None:
            self.values[inside[space.source]] = 0.0
        self.matrix: Any = None if kernels is not None else as_matrix(space.edge_start, space.target, self.values)

    def __call__(self, vector: Floats) -> Floats:
        """Return P u (N,) for values u = `vector` (N,)."""
        if kernels is None:
            return np.asarray(self.diagonal * vector + self.matrix @ vector)
        result, space = np.empty_like(vector), self.space
        kernels.step(vector, result, space.edge_start, space.target, self.values, self.diagonal, 0, len(vector))
        return result


def jumps_per_day(exit_rate: Floats, duration: float) -> float:
    """Return the jumps per day of the uniformised chain, Λ, for a segment of `duration` days.

    Λ is the largest of the exit rates (N,), but at least 0.001 / `duration`.
    """
    return max(float(exit_rate.max(initial=0.0)), 1e-3 / max(duration, 1e-9))


def as_matrix(start: Ints, index: NDArray[np.uint32], values: Floats) -> Any:
    """Return edges as a sparse matrix (N, N): row x has the edges start[x] to start[x + 1] - 1."""
    from scipy.sparse import csr_array

    n = len(start) - 1
    return csr_array((values, index.astype(np.int64), start), shape=(n, n))


def refuse_a_job_of_hours(uniform: float, edges: int, duration: float) -> None:
    """Raise Unsupported if `duration` days at `uniform` jumps per day would take hours to solve."""
    steps = uniform * duration
    if not steps * (_STEP + _EDGE * edges) < _PATIENCE:
        raise Unsupported(
            f"the exact engine would need {steps:.2g} steps, which is hours of work: moves leave some "
            f"state {uniform:.2g} times a day; look for a rate per minute or hour, or factors with a large product "
            "(`simlib check` names the move), or take a shorter horizon"
        )
