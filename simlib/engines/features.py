"""Which histograms of the states answer everything a forecast reports.

A forecast needs the marginal of every variable, every ladder and the endings, and for every move its expected hazard,
which depends only on the joint marginal of the few variables that the move reads. So a few *groups* of dimensions are
chosen whose joint histograms cover all of these; per step of the uniformised chain only the groups are accumulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simlib.engines.states import StateSpace
from simlib.tables import Floats, Ints, Tables

_ROOM = 4096
"""Cells a group may grow to by taking in another set of dimensions (half a first-level cache)."""


@dataclass(frozen=True)
class _Group:
    """Dimensions histogrammed jointly: their strides, the number of cells, and where its cells begin.

    Ended states use a second copy of the cells, so that moves can be counted over the others alone.
    """

    dimensions: tuple[int, ...]
    strides: tuple[int, ...]
    size: int
    first: int

    def cells(self) -> slice:
        return slice(self.first, self.first + 2 * self.size)

    def alive(self) -> slice:
        return slice(self.first, self.first + self.size)


class Features:
    """Partitions of the states and how to read answers off their histograms.

    Dimensions are the V variables, then the ladders, then the `flags` (named sets of states (N,) bool), then the
    ending (its last value: none). `cells` (G, N) gives each state its cell in every group, numbered below `bins`.
    """

    def __init__(self, tables: Tables, space: StateSpace, flags: Mapping[str, NDArray[np.bool_]]) -> None:
        self.tables, self.space = tables, space
        scenario = tables.scenario
        endings = len(scenario.endings)
        self._ladders = tables.rungs(space.levels)
        ending = np.where(space.ended, space.ending, endings)
        self._flags = tuple(flags)
        self._values = [*space.levels.T, *self._ladders, *flags.values(), ending]
        rungs = [len(ladder.rungs) for ladder in scenario.ladders.values()]
        self._sizes = [*tables.sizes.tolist(), *rungs, *(2 for _ in flags), endings + 1]
        self._groups = self._pack()
        self.bins = sum(2 * group.size for group in self._groups)
        self.cells: NDArray[np.int32] = np.stack([self._cells(group) for group in self._groups])
        self._move_group = [self._holding(set(v.tolist())) for v in tables.move_variables]
        self._move_entries = [self._entries(move) for move in range(len(tables.move_ids))]

    # ---------------------------------------------------------------- choosing the groups

    def _pack(self) -> list[_Group]:
        wanted = [set(v.tolist()) for v in self.tables.move_variables] + [{d} for d in range(len(self._sizes))]
        wanted.sort(key=lambda dims: -self._size(dims))
        groups: list[set[int]] = []
        for dims in wanted:
            home = self._best_home(groups, dims)
            if home is None:
                groups.append(set(dims))
            else:
                home |= dims
        result, first = [], 0
        for dims in groups:
            ordered = tuple(sorted(dims))
            sizes = [self._sizes[d] for d in ordered]
            strides = tuple(int(np.prod(sizes[i + 1 :])) for i in range(len(sizes)))
            result.append(_Group(ordered, strides, self._size(dims), first))
            first += 2 * self._size(dims)
        return result

    def _best_home(self, groups: list[set[int]], dims: set[int]) -> set[int] | None:
        """Return the group that already holds `dims`, else the one that grows least and stays within its room."""
        grown = [(self._size(group | dims) / self._size(group), self._size(group | dims), g)
                 for g, group in enumerate(groups)]  # fmt: skip
        fitting = [entry for entry in grown if entry[0] == 1 or entry[1] <= _ROOM]
        return groups[min(fitting)[2]] if fitting else None

    def _size(self, dims: set[int]) -> int:
        return int(np.prod([self._sizes[d] for d in sorted(dims)])) if dims else 1

    def _cells(self, group: _Group) -> NDArray[np.int32]:
        cell = np.full(len(self.space), group.first, dtype=np.int64)
        for dimension, stride in zip(group.dimensions, group.strides, strict=True):
            cell += self._values[dimension].astype(np.int64) * stride
        return (cell + group.size * self.space.ended).astype(np.int32)

    def _holding(self, dims: set[int]) -> _Group:
        return next(group for group in self._groups if dims <= set(group.dimensions))

    def _coordinate(self, group: _Group, dimension: int) -> Ints:
        """Return the value of a dimension in each cell of one copy of a group (size,)."""
        stride = group.strides[group.dimensions.index(dimension)]
        return np.arange(group.size) // stride % self._sizes[dimension]

    # ---------------------------------------------------------------- reading answers

    def _marginal(self, histograms: Floats, dimension: int) -> Floats:
        """Return the distribution of a dimension (T, values) from histograms (T, bins)."""
        group = self._holding({dimension})
        both = histograms[:, group.cells()].reshape(len(histograms), 2, group.size).sum(axis=1)
        at = group.dimensions.index(dimension)
        size, stride = self._sizes[dimension], group.strides[at]
        result: Floats = both.reshape(len(histograms), -1, size, stride).sum(axis=(1, 3))
        return result

    def of_ending(self, histograms: Floats) -> Floats:
        """Return the probability of each ending and of none (T, endings + 1)."""
        return self._marginal(histograms, len(self._sizes) - 1)

    def variables(self, histograms: Floats) -> dict[str, dict[str, Floats]]:
        """Return {variable: {level: probability (T,)}}."""
        result = {}
        for index, (name, levels) in enumerate(zip(self.tables.variable_ids, self.tables.level_ids, strict=True)):
            result[name] = dict(zip(levels, self._marginal(histograms, index).T, strict=True))
        return result

    def ladders(self, histograms: Floats) -> dict[str, dict[str, Floats]]:
        """Return {ladder: {rung: probability (T,)}}."""
        result = {}
        for number, (name, ladder) in enumerate(self.tables.scenario.ladders.items()):
            marginal = self._marginal(histograms, len(self.tables.sizes) + number)
            result[name] = dict(zip((rung.id for rung in ladder.rungs), marginal.T, strict=True))
        return result

    def expected_moves(self, occupancy: Floats, rates: Floats) -> Floats:
        """Return expected firings (T, M) from occupancies of the cells (T, bins) and entry rates (E,)."""
        result = np.zeros((len(occupancy), len(self._move_entries)))
        for move, (group, entries) in enumerate(zip(self._move_group, self._move_entries, strict=True)):
            result[:, move] = occupancy[:, group.alive()] @ rates[entries]
        return result

    def _entries(self, move: int) -> Ints:
        """Return the table entry of a move in each cell of its group (size,)."""
        group = self._move_group[move]
        entries = np.full(group.size, self.tables.table_start[move], dtype=np.int64)
        pairs = zip(self.tables.move_variables[move], self.tables.move_strides[move], strict=True)
        for variable, stride in pairs:
            entries += self._coordinate(group, int(variable)) * stride
        return entries

    def flags(self, histograms: Floats) -> dict[str, Floats]:
        """Return {flag: probability (T,)} of the flagged sets of states."""
        first = len(self.tables.sizes) + len(self._ladders)
        return {name: self._marginal(histograms, first + i)[:, 1] for i, name in enumerate(self._flags)}
