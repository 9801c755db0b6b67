"""Up to four vectors over the states, carried through a segment side by side.

Most of the time of a step goes into fetching edges and states from memory, so four vectors cost little more than one.
Each vector is a *lane* (a column) of a *block* (N, 4). The lanes share the rates of the segment, with two exceptions:

* The lane of a question loses the probability of the histories in which the answer has become yes. A firing (one
  happening of a move) that makes the answer yes has no edge in this lane. The probability in a state that makes the
  answer yes is taken out after every step.
* The lane of an impact gains amounts in proportion to the first lane, which is the distribution over the states.

All terms are positive, as in `uniformization`. Only the steps of `chebyshev`, which are called *leaps*, also subtract.

Sizes: N states, S slots (merged edges), `width` lanes (1 or 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any

import numpy as np

from simlib.engines.exact.backend import kernels as one_lane
from simlib.engines.exact.backend import lane_kernels as kernels
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.generator import as_matrix, jumps_per_day
from simlib.engines.exact.states import EMPTY_TABOO, Incoming, Taboo
from simlib.machine.interventions import Segment
from simlib.machine.sums import sums_by
from simlib.typing import Floats, Ints

BLOCK_LANES = 4
"""Number of lanes of a block."""


@dataclass(frozen=True, eq=False)
class Extra:
    """Edges and self-loops of states, with a separate rate in each of four lanes (columns).

    Attributes:
        rows (R,): The states into which the edges lead.
        start (R + 1,): The position in `source` of the first edge into each of the states `rows`, then S.
        source (S,): The state in which each edge begins.
        values (S, 4): The rates of each edge.
        stays (K,): The states with self-loops.
        stay (K, 4): The rates of their self-loops.
    """

    rows: Ints
    start: Ints
    source: Any
    values: Floats
    stays: Ints
    stay: Floats

    @classmethod
    def build(cls, edges: Incoming, values: Floats, stay: Floats) -> Extra:
        """Build an `Extra` from all edges and self-loops.

        `rows` leaves out states without incoming edges, and `stays` leaves out states without self-loops. `values` (S,
        4) are the rates of edges, and `stay` (N, 4) are the rates of self-loops.
        """
        rows, stays = np.flatnonzero(np.diff(edges.start)), some_rows(stay)
        return cls(rows, edges.start[np.append(rows, -1)], edges.source, values, stays, stay[stays])

    def add(self, block: Floats, result: Floats, *, from_first: bool) -> None:
        """Add the flow along the edges and self-loops out of a block (N, 4) to `result` (N, 4).

        With `from_first`, the flow into each column comes out of the first column, otherwise out of the same column.
        """
        if kernels is not None:
            add = kernels.add_gained if from_first else kernels.add_own
            add(block, result, self.rows, self.start, self.source, self.values, self.stays, self.stay)
            return
        given = block[:, :1] if from_first else block
        if len(self.rows):
            result[self.rows] += np.add.reduceat(self.values * given[self.source], self.start[:-1])
        result[self.stays] += self.stay * given[self.stays]


class Lanes:
    """The rates of one segment for up to four vectors (lanes), as steps of a uniformised chain.

    All lanes have the same number of steps per day, Λ. A block of one lane without a taboo (states and firings that
    stop a history) is a single vector (N, 1), whose step is simpler.
    """

    def __init__(
        self, chain: Chain, segment: Segment, duration: float, taboos: Sequence[Taboo], *, leap: float = 0.0
    ) -> None:
        """Compute the rates of the edges of a segment. Each vector is a column, called a lane.

        Args:
            chain: The states and rates at one vector of assumption values.
            segment: A stretch of time with constant rates.
            duration: The length of the segment in days.
            taboos: For each of at most four lanes, the states and firings that stop a history.
            leap: If it is above 0, Λ is `leap` times the largest exit rate of a state. A step then writes twice the
                vectors after one jump, minus the old content of `result` (see `chebyshev`).
        """
        self.leap = leap
        self.taboos = (
            [*taboos, *[EMPTY_TABOO] * (BLOCK_LANES - len(taboos))]
            if len(taboos) > 1 or taboos[0].stops_something
            else list(taboos)
        )
        self.width = len(self.taboos)
        space, pair_rates = chain.space.held(segment.held, chain.tables), chain.rating(segment).pair_rates
        n = self.states = len(space)
        marks = [chain.marked(taboo) if taboo.firings else None for taboo in self.taboos]
        firings = frozenset(firing for taboo in self.taboos for firing in taboo.firings)
        self.incoming, some = space.incoming, None
        if firings:
            stopping = chain.marked(Taboo(None, tuple(firings)))
            self.incoming, some = space.part(("but", firings), ~stopping), space.part(firings, stopping)
        values = self.incoming.values(pair_rates)
        exit_rate, fire = sums_by(self.incoming.source, values, n), np.zeros((n, self.width))
        own, leaving = np.zeros((0, self.width)), np.zeros((n, self.width))
        if some is not None:
            whole = some.values(pair_rates)
            own = np.stack([whole if m is None else some.values(np.where(m, 0.0, pair_rates)) for m in marks], axis=1)
            fire = np.stack([chain.stopping_hazard(taboo, pair_rates) for taboo in self.taboos], axis=1)
            leaving = np.stack([sums_by(some.source, lane, n) for lane in own.T], axis=1) + fire
        most = reduce(np.maximum, leaving.T)
        self.uniform = jumps_per_day(exit_rate + most, duration) * (leap or 1.0)
        self.scale = (2.0 if leap else 1.0) / self.uniform
        self.values, self.diagonal = values * self.scale, (self.uniform - exit_rate - most) * self.scale
        self.extra: Extra | None = None
        if some is not None:
            self.extra = Extra.build(some, own * self.scale, (most[:, None] - leaving) * self.scale)
        self.gains: Extra | None = None
        self.firing = some_rows(fire)
        self.fire = fire[self.firing] * self.scale
        self._nothing = np.zeros_like(self.fire)
        inside = np.stack([np.zeros(n, dtype=bool) if t.inside is None else t.inside for t in self.taboos], axis=1)
        self.taken = some_rows(inside)
        self.out = inside[self.taken].astype(float)
        self.keep = 1 - self.out

    def gain(self, edges: Incoming, values: Floats, stay: Floats) -> None:
        """Let the columns after the first gain daily amounts in proportion to it (the distribution).

        `values` (S, 4) are the gains per day of each column along the `edges`. `stay` (N, 4) are the gains per day
        within each state. All gains are per unit of probability.
        """
        self.gains = Extra.build(edges, values * self.scale, stay * self.scale)

    @property
    def work(self) -> int:
        """How many numbers a step reads, as a measure of its cost."""
        return self.width * len(self.values)

    def step(self, block: Floats, result: Floats, first: int, last: int) -> None:
        """Write rows `first` to `last` - 1 of a block (N, width), after one jump, to `result`.

        The step includes only the rates that all lanes (columns) share. `finish` adds the other rates.
        """
        if kernels is None:
            less = result[first:last] if self.leap else 0.0
            result[first:last] = (self.diagonal[:, None] * block + self._matrix @ block)[first:last] - less
            return
        matrix = (self.incoming.start, self.incoming.source, self.values, self.diagonal)
        if self.width == 1:
            take = one_lane.leap if self.leap else one_lane.step
            take(block[:, 0], result[:, 0], *matrix, first, last)
        else:
            take = kernels.leap if self.leap else kernels.step
            take(block, result, *matrix, first, last)

    def finish(self, block: Floats, result: Floats, hits: Floats) -> None:
        """Complete a step: add the flow at rates that differ between lanes to `result` (N, width).

        The probability of the histories that were stopped is taken out, and added to `hits` (1, width).
        """
        if len(self.firing):
            hits += weighted(block, self.firing, self.fire, self._nothing)
        if self.extra is not None:
            self.extra.add(block, result, from_first=False)
        if self.gains is not None:
            self.gains.add(block, result, from_first=True)
        self.take_out(result, hits)

    def take_out(self, block: Floats, hits: Floats) -> None:
        """Move the probability in states that stop a history from each lane to `hits` (1, width)."""
        if not len(self.taken):
            return
        if kernels is not None:
            kernels.take_out(block, self.taken, self.out, self.keep, hits)
            return
        hits += np.sum(self.out * block[self.taken], axis=0)
        block[self.taken] *= self.keep

    @cached_property
    def _matrix(self) -> Any:
        return as_matrix(self.incoming.start, self.incoming.source, self.values)


def some_rows(values: Floats) -> Ints:
    """Return the indices of rows of non-negative `values` (N, width) with a positive number."""
    rows: Ints = np.flatnonzero(reduce(np.add, values.T))
    return rows


def weighted(block: Floats, rows: Ints, own: Floats, first: Floats) -> Floats:
    """Return Σ_r own[r] * block[rows[r]] + first[r] * block[rows[r], 0], by column (1, 4)."""
    if kernels is None:
        return np.sum(own * block[rows] + first * block[rows, :1], axis=0)[None, :]
    result = np.empty((1, BLOCK_LANES))
    kernels.weighted(block, rows, own, first, result)
    return result


def group_sums(block: Floats, order: Ints, start: Ints, result: Floats) -> None:
    """Write to each result[g] (4,) the sum of the rows order[start[g]:start[g + 1]] of a block."""
    if kernels is not None:
        kernels.group_sums(block, order, start, result)
        return
    for group, (first, last) in enumerate(pairwise(start)):
        result[group] = block[order[first:last]].sum(axis=0)
