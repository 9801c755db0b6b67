"""Histograms of the states that suffice for everything a forecast reports.

A forecast needs the marginal of every variable, every ladder and the endings, and for every move its expected hazard,
which depends only on the joint marginal of the few variables that the move reads. So a few *groups* of dimensions are
chosen whose joint histograms cover all of these. Per step of the uniformised chain only the groups are accumulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simlib.engines.exact.states import StateSpace
from simlib.machine.tables import Tables
from simlib.typing import Bools, Floats, Ints

_ROOM = 4096
"""Combinations a group may grow to by taking in another set of dimensions (half a first-level cache)."""


@dataclass(frozen=True)
class _Group:
    """Dimensions histogrammed jointly, over the combinations of their values that occur.

    cell (N,): the cell of each state; example (C,): a state in each cell, from which its values can be read. States
    that are endings have cells of their own, so that moves can be counted over the others alone.
    """

    dimensions: frozenset[int]
    cell: Ints
    example: Ints
    first: int

    @property
    def bins(self) -> slice:
        return slice(self.first, self.first + len(self.example))


class Features:
    """Partitions of the states and how to read answers off their histograms.

    Dimensions are the V variables, then the ladders, then the `flags` (named sets of states (N,) bool), then the
    ending (its last value: none). `cells` (N, G) gives each state its cell in every group, numbered below `bins`.
    """

    def __init__(self, tables: Tables, space: StateSpace, flags: Mapping[str, Bools]) -> None:
        self.tables, self.space = tables, space
        scenario = tables.scenario
        endings = len(scenario.endings)
        ladders = tables.rungs(space.levels)
        self._first_flag = len(tables.sizes) + len(ladders)
        self._flags = tuple(flags)
        self._values = [*space.levels.T, *ladders, *flags.values(), np.where(space.ended, space.ending, endings)]
        rungs = [len(ladder.rungs) for ladder in scenario.ladders.values()]
        self._sizes = [*tables.sizes.tolist(), *rungs, *(2 for _ in flags), endings + 1]
        self._groups = self._pack()
        self.bins = sum(len(group.example) for group in self._groups)
        self.cells: NDArray[np.uint32] = np.stack([g.first + g.cell for g in self._groups], axis=1).astype(np.uint32)
        self._homes = [self._home({d}) for d in range(len(self._sizes))]
        self._moves = [self._of_move(move) for move in range(len(tables.move_ids))]

    # ---------------------------------------------------------------- choosing the groups

    def _pack(self) -> list[_Group]:
        """Put each set of dimensions, large ones first, into the group that it enlarges least."""
        wanted = [set(v.tolist()) for v in self.tables.move_variables] + [{d} for d in range(len(self._sizes))]
        wanted.sort(key=lambda dims: -self._combinations(dims))
        packed: list[set[int]] = []
        for dims in wanted:
            grown = [
                (self._combinations(g | dims) / self._combinations(g), self._combinations(g | dims), index)
                for index, g in enumerate(packed)
            ]
            fitting = [entry for entry in grown if entry[0] == 1 or entry[1] <= _ROOM]
            if fitting:
                packed[min(fitting)[2]] |= dims
            else:
                packed.append(set(dims))
        groups: list[_Group] = []
        for dims in packed:
            groups.append(self._group(dims, groups[-1].bins.stop if groups else 0))
        return groups

    def _combinations(self, dims: set[int]) -> int:
        return int(np.prod([self._sizes[d] for d in dims], dtype=np.int64))

    def _group(self, dims: set[int], first: int) -> _Group:
        code = self.space.ended.astype(np.int64)
        for dimension in sorted(dims):
            code = code * self._sizes[dimension] + self._values[dimension]
        _, example, cell = np.unique(code, return_index=True, return_inverse=True)
        return _Group(frozenset(dims), cell.reshape(-1), example, first)

    def _home(self, dims: set[int]) -> _Group:
        return next(group for group in self._groups if dims <= group.dimensions)

    def _of_move(self, move: int) -> tuple[Ints, Ints]:
        """Return the bins in which a move can fire and its table entry in each of them."""
        group = self._home(set(self.tables.move_variables[move].tolist()))
        entry = self.tables.local_index(move, self.space.levels[group.example])
        fires = np.flatnonzero(~self.space.ended[group.example] & self.tables.possible[entry])
        return group.first + fires, entry[fires]

    # ---------------------------------------------------------------- reading answers

    def _marginal(self, histograms: Floats, dimension: int, *, going: bool = False) -> Floats:
        """Return the distribution of a dimension (T, values) from histograms (T, bins).

        With `going`, states that are endings are left out.
        """
        group = self._homes[dimension]
        value = self._values[dimension][group.example]
        members = value[:, None] == np.arange(self._sizes[dimension])
        if going:
            members &= ~self.space.ended[group.example][:, None]
        result: Floats = histograms[:, group.bins] @ members.astype(float)
        return result

    def days(self, occupancy: Floats) -> dict[str, dict[str, Floats]]:
        """Return {variable: {level: expected days there before an ending (T,)}} from occupancies (T, bins)."""
        return {
            name: dict(zip(variable.levels, self._marginal(occupancy, index, going=True).T, strict=True))
            for index, (name, variable) in enumerate(self.tables.scenario.variables.items())
        }

    def of_ending(self, histograms: Floats) -> Floats:
        """Return the probability of each ending and of none (T, endings + 1)."""
        return self._marginal(histograms, len(self._sizes) - 1)

    def variables(self, histograms: Floats) -> dict[str, dict[str, Floats]]:
        """Return {variable: {level: probability (T,)}}."""
        return {
            name: dict(zip(variable.levels, self._marginal(histograms, index).T, strict=True))
            for index, (name, variable) in enumerate(self.tables.scenario.variables.items())
        }

    def ladders(self, histograms: Floats) -> dict[str, dict[str, Floats]]:
        """Return {ladder: {rung: probability (T,)}}."""
        return {
            name: dict(zip((rung.id for rung in ladder.rungs), self._marginal(histograms, index).T, strict=True))
            for index, (name, ladder) in enumerate(self.tables.scenario.ladders.items(), start=len(self.tables.sizes))
        }

    def flags(self, histograms: Floats) -> dict[str, Floats]:
        """Return {flag: probability (T,)} of the flagged sets of states."""
        return {name: self._marginal(histograms, self._first_flag + i)[:, 1] for i, name in enumerate(self._flags)}

    def expected_moves(self, occupancy: Floats, rates: Floats) -> Floats:
        """Return expected firings (T, M) from occupancies (T, bins) and entry rates (E,)."""
        result = np.zeros((len(occupancy), len(self._moves)))
        for move, (bins, entries) in enumerate(self._moves):
            result[:, move] = occupancy[:, bins] @ rates[entries]
        return result
