"""The reachable states of a scenario and the edges between them, ordered by state code.

An edge is an outcome of a move that leads from one state to another. It keeps the index of its *pair* (table entry,
outcome), so that one lookup gives the rates of all edges at new assumption values. Outcomes that change nothing have no
edges. Their firings are counted from the tables. States with neighbouring codes are close in memory. The module
`reachable` finds the states and the edges.

A *taboo* is a set of states and firings that stop a history. With a taboo, only the probability that has met none of
them is carried on (taboo probabilities, Chung 1960).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simlib.engines.exact.backend import kernels
from simlib.machine.tables import Tables
from simlib.typing import Bools, Floats, Ints


@dataclass(frozen=True)
class StateSpace:
    """N reachable states and E edges, ordered by state code.

    codes (N,), levels (N, V), ending (N,): the index of the ending that holds in a state, or -1. Edges are grouped by
    source: the edges of state x are edge_start[x] to edge_start[x + 1] (N + 1,). target (E,) and pair (E,). pair_entry,
    pair_outcome, pair_branch (P,): table entry, outcome and branch of a pair. pair_start (M + 1,): the pairs of each
    move.
    """

    codes: Ints
    levels: NDArray[np.int16]
    ending: Ints
    edge_start: Ints
    target: NDArray[np.uint32]
    pair: NDArray[np.uint32]
    pair_entry: Ints
    pair_outcome: Ints
    pair_branch: Ints
    pair_start: Ints
    radix: Ints
    _held: dict[tuple[int, ...], StateSpace] = field(default_factory=dict, repr=False, compare=False)
    _parts: dict[Hashable, Incoming] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def edges(self) -> int:
        """Number of edges, with parallel edges counted separately."""
        return len(self.target)

    @cached_property
    def source(self) -> NDArray[np.uint32]:
        """Source of every edge (E,)."""
        return np.repeat(np.arange(len(self), dtype=np.uint32), np.diff(self.edge_start))

    @cached_property
    def ended(self) -> Bools:
        """Whether each state is an ending (N,)."""
        return self.ending >= 0

    def find(self, levels: NDArray[np.integer], otherwise: Ints | None = None) -> Ints:
        """Return the indices of states given as rows of levels (S, V).

        A state that is not in the space gets its index from `otherwise` (S,). Without `otherwise`, KeyError is raised.
        """
        codes = levels.astype(np.int64) @ self.radix
        index = np.minimum(np.searchsorted(self.codes, codes), len(self) - 1)
        known = self.codes[index] == codes
        if otherwise is not None:
            return np.where(known, index, otherwise)
        if not np.all(known):
            raise KeyError("a state is not among the reachable states")
        return index

    def pair_rates(self, rates: Floats, chances: Floats) -> Floats:
        """Return hazard times chance of every pair (P,)."""
        return rates[self.pair_entry] * chances[self.pair_branch]

    def held(self, variables: tuple[int, ...], tables: Tables) -> StateSpace:
        """Return the same states, with their edges while no move can change these variables.

        An edge then leads to the state after its outcome, but with these variables unchanged. This may be the state
        where the edge begins.
        """
        if not variables:
            return self
        space = self._held.get(variables)
        if space is None:
            target = self._targets(variables, tables)
            space = self._held[variables] = dataclasses.replace(self, target=target, _held={}, _parts={})
        return space

    def _targets(self, variables: tuple[int, ...], tables: Tables) -> NDArray[np.uint32]:
        target, outcome = self.target.copy(), self.pair_outcome[self.pair]
        for number in np.unique(outcome):
            edges = np.flatnonzero(outcome == number)
            after = tables.after(int(number), self.levels[self.source[edges]], variables)
            # While a variable is held, states in which it has another level have probability 0. Their targets may be
            # missing from the space, and do not matter.
            target[edges] = self.find(after, otherwise=self.source[edges].astype(np.int64))
        return target

    @cached_property
    def incoming(self) -> Incoming:
        """The edges by target, with parallel edges merged (the pull form of the generator)."""
        return Incoming.build(self)

    def part(self, key: Hashable, pairs: Bools) -> Incoming:
        """Return only the edges of the marked pairs (P,).

        They are cached under `key`, which must identify the pairs.
        """
        if key not in self._parts:
            some = pairs[self.pair]
            start = np.concatenate([[0], np.cumsum(some)])[self.edge_start]
            part = dataclasses.replace(self, edge_start=start, target=self.target[some], pair=self.pair[some])
            self._parts[key] = Incoming.build(part)
        return self._parts[key]


@dataclass(frozen=True)
class Incoming:
    """Edges grouped by target. Parallel edges (from the same source) share one *slot*.

    The slots of target x are start[x] to start[x + 1] (N + 1,). source (S,): the source of each slot. pair (E,): the
    pairs in the order of slots. slot_start (S,): where the pairs of each slot begin.
    """

    start: Ints
    source: NDArray[np.uint32]
    pair: NDArray[np.uint32]
    slot_start: Ints

    @classmethod
    def build(cls, space: StateSpace) -> Incoming:
        """Group the edges by target, and merge edges with the same source and target."""
        from scipy.sparse import csr_array

        n = len(space)
        by_source = csr_array(
            (np.arange(space.edges, dtype=np.int64), space.target.astype(np.int64), space.edge_start), shape=(n, n)
        )
        by_target = by_source.tocsc()
        source, order = by_target.indices, by_target.data
        column = np.repeat(np.arange(n), np.diff(by_target.indptr))
        first = np.ones(len(source), dtype=bool)
        first[1:] = (source[1:] != source[:-1]) | (column[1:] != column[:-1])
        slot_start = np.flatnonzero(first)
        start = np.concatenate([[0], np.cumsum(np.bincount(column[first], minlength=n))]).astype(np.int64)
        return cls(start, source[first].astype(np.uint32), space.pair[order], slot_start)

    def values(self, pair_rates: Floats) -> Floats:
        """Return the rate of every slot (S,)."""
        if len(self.slot_start) == 0:
            return np.zeros(0)
        if kernels is not None:
            sums = np.empty(len(self.slot_start))
            kernels.slot_sums(pair_rates, self.pair, self.slot_start, sums)
            return sums
        result: Floats = np.add.reduceat(pair_rates[self.pair], self.slot_start)
        return result


@dataclass(frozen=True, eq=False)
class Taboo:
    """States and firings that stop a history.

    When a history meets one of them, its probability is taken out of the distribution over the states. `inside` (N,)
    marks the states (None: no state). `firings` are pairs (move, outcome) of indices. The outcome is an index among all
    outcomes, or -1 for any outcome of the move.
    """

    inside: Bools | None = None
    firings: tuple[tuple[int, int], ...] = ()

    def clear(self, vector: Floats) -> Floats:
        """Return a distribution (N,) without the part in states that stop a history."""
        return vector if self.inside is None else np.where(self.inside, 0.0, vector)

    def stops(self, move: int, outcome: int) -> bool:
        """Say whether a firing of a move with an outcome stops a history."""
        return any(move == own and branch in (-1, outcome) for own, branch in self.firings)

    @property
    def stops_something(self) -> bool:
        """Whether any state or firing stops a history."""
        return self.inside is not None or bool(self.firings)

    @property
    def moves(self) -> tuple[int, ...]:
        """The moves with a firing that stops a history, without repetition."""
        return tuple(dict.fromkeys(move for move, _ in self.firings))

    def __or__(self, other: Taboo) -> Taboo:
        """Return the taboo that stops a history when this taboo or the other does."""
        inside = [each.inside for each in (self, other) if each.inside is not None]
        return Taboo(np.logical_or.reduce(inside) if inside else None, self.firings + other.firings)


NOTHING = Taboo()
"""The empty taboo: nothing stops a history."""
