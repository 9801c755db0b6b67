"""The reachable states of a scenario and the edges between them, ordered by state code.

A state code is a whole number whose digits are the levels of the variables. States with neighbouring codes are close in
memory. An edge is an outcome of a move that leads from one state to another. An edge keeps the index of its *pair*
(rate table entry, outcome), so that one lookup gives the rates of all edges at new assumption values. Outcomes that
change nothing have no edges. The rates of such outcomes are read from the tables. The module `reachable` finds the
states and the edges.

A *firing* is one happening of a move. A *taboo* is a set of states and firings that stop a history. With a taboo, only
the probability of the histories that have met none of its states and firings is carried on (taboo probabilities, Chung
1960).

Sizes: N states, E edges, V variables, M moves, P pairs, S slots (edges from one state to another, merged).
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
    """N reachable states, and E edges that are grouped by the state in which they begin.

    Attributes:
        codes (N,): The code of each state, in rising order.
        levels (N, V): The level of each of V variables.
        ending (N,): The index of the ending that has been reached in a state, -1 for none.
        edge_start (N + 1,): The position in `target` of the first edge out of each state, then E.
        target (E,): The state in which each edge ends.
        pair (E,): The pair (rate table entry, outcome) of each edge.
        pair_entry (P,): The rate table entry of each of P pairs.
        pair_outcome (P,): The outcome of each pair, numbered over all moves.
        pair_branch (P,): The branch (outcome under given conditions) of each pair.
        radix (V,): The place value of each variable in a code: a code is the sum of the levels times `radix`.
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
    radix: Ints
    _held: dict[tuple[int, ...], StateSpace] = field(default_factory=dict, repr=False, compare=False)
    _parts: dict[Hashable, Incoming] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def edges(self) -> int:
        """The number of edges E. Several edges between the same two states count separately."""
        return len(self.target)

    @cached_property
    def source(self) -> NDArray[np.uint32]:
        """The state in which each edge begins (E,)."""
        return np.repeat(np.arange(len(self), dtype=np.uint32), np.diff(self.edge_start))

    @cached_property
    def ended(self) -> Bools:
        """Whether an ending has been reached in each state (N,)."""
        return self.ending >= 0

    def find(self, levels: NDArray[np.integer], otherwise: Ints | None = None) -> Ints:
        """Return the indices of states, given one row of levels of all variables for each state.

        `otherwise` are the indices for states that are not in the space. Without `otherwise`, such a state raises
        KeyError.
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
        """Return each pair's rate (P,): hazard of the rate table entry times chance of the outcome."""
        return rates[self.pair_entry] * chances[self.pair_branch]

    def held(self, variables: tuple[int, ...], tables: Tables) -> StateSpace:
        """Return the same states, with edges for a period in which interventions hold `variables`.

        `variables` are the indices of the held variables. An edge leads to the state after its outcome, but with these
        variables unchanged. So an edge may lead back to the state in which it begins.
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
        """The edges, grouped by the state in which they end."""
        return Incoming.build(self)

    def part(self, key: Hashable, pairs: Bools) -> Incoming:
        """Return only the edges of the marked `pairs` (P,), grouped by the state in which they end.

        The result is cached under `key`, which must identify the marked pairs.
        """
        if key not in self._parts:
            some = pairs[self.pair]
            start = np.concatenate([[0], np.cumsum(some)])[self.edge_start]
            part = dataclasses.replace(self, edge_start=start, target=self.target[some], pair=self.pair[some])
            self._parts[key] = Incoming.build(part)
        return self._parts[key]


@dataclass(frozen=True)
class Incoming:
    """Edges between N states, grouped by the state in which they end.

    All edges from one state to another share one *slot*.

    Attributes:
        start (N + 1,): The position in `source` of the first slot into each state, then S.
        source (S,): The state in which the edges of each of S slots begin.
        pair (E,): The pairs (rate table entry, outcome) of the E edges, in the order of the slots.
        slot_start (S,): The position in `pair` of the first pair of each slot.
    """

    start: Ints
    source: NDArray[np.uint32]
    pair: NDArray[np.uint32]
    slot_start: Ints

    @classmethod
    def build(cls, space: StateSpace) -> Incoming:
        """Group the edges of a space by the state in which they end."""
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
        """Return the rate (S,) of each slot, given the rates of pairs (P,)."""
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
    """States and firings (happenings of a move) that stop a history.

    When a history meets one of these states or firings, its probability is taken out of the distribution over the
    states.

    Attributes:
        inside (N,): Marks the states. None: no state.
        firings: The firings, as indices (move, outcome). The outcome is numbered over all moves, or is -1 for any
            outcome of the move.
    """

    inside: Bools | None = None
    firings: tuple[tuple[int, int], ...] = ()

    def clear(self, vector: Floats) -> Floats:
        """Return a distribution (N,) without the part in states that stop a history."""
        return vector if self.inside is None else np.where(self.inside, 0.0, vector)

    def met(self, value: Floats) -> Floats:
        """Return the values of states (N,), with 1 in the states that stop a history."""
        return value if self.inside is None else np.where(self.inside, 1.0, value)

    def stops(self, move: int, outcome: int) -> bool:
        """Whether a move that happens with this outcome stops a history."""
        return any(move == own and branch in (-1, outcome) for own, branch in self.firings)

    @property
    def stops_something(self) -> bool:
        """Whether the taboo contains any state or firing."""
        return self.inside is not None or bool(self.firings)

    @property
    def moves(self) -> tuple[int, ...]:
        """The moves that can stop a history when they happen, without repetition."""
        return tuple(dict.fromkeys(move for move, _ in self.firings))

    def __or__(self, other: Taboo) -> Taboo:
        inside = [each.inside for each in (self, other) if each.inside is not None]
        return Taboo(np.logical_or.reduce(inside) if inside else None, self.firings + other.firings)


EMPTY_TABOO = Taboo()
"""The empty taboo: nothing stops a history."""
