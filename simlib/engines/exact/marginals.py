"""Histograms of the states, from which probabilities and expected counts are computed.

A forecast needs the marginal distribution of each variable, of each ladder (scale of escalation) and of the endings. It
also needs the expected hazard of each move, which depends only on the joint distribution of the few variables that the
move reads. So a few *groups* of dimensions (see `Features`) are chosen, whose joint histograms contain all that is
needed. At each step of the uniformised chain, only these histograms are updated. At the end, numbers called *columns*
are computed from the cells (*bins*) of the histograms. The column of a level is a sum of bins. The column of a move is
a sum of bins, each weighted by the hazard of the move in this bin.

Sizes: N states, V variables, M moves, E rate table entries, T times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.engines.exact.states import StateSpace
from simlib.machine.tables import Tables
from simlib.typing import Bools, Floats, Ints

_ROOM = 4096
"""Largest number of combinations of values in a group that is enlarged (half a first-level cache)."""


@dataclass(frozen=True)
class _CellGroup:
    """A joint histogram of some dimensions, with a cell for each combination that occurs.

    States in which an ending has been reached have separate cells, so that moves can be counted over the other states.

    Attributes:
        dimensions: The numbers of the dimensions.
        cell (N,): The cell of each state, counted from 0.
        example: One state of each cell.
        first: The number of this histogram's first cell when the cells of all histograms are numbered together.
    """

    dimensions: frozenset[int]
    cell: Ints
    example: Ints
    first: int = 0


class Features:
    """Groups of dimensions of states, and how their histograms give the results of a forecast.

    The dimensions are the V variables, then the ladders (scales of escalation), then the flags (named sets of states),
    then the ending. The last value of the ending means "no ending". A *bin* is a cell of a histogram. A *column* is a
    weighted sum of bins, such as the probability of a level.

    Attributes:
        cells (N, groups): The bin of each state in each group. The bins of all groups are numbered together.
        flagged: The named sets of states, each (N,).
        answers_only: Whether only ladders, flags and the ending have columns, and variables and moves have none.
    """

    def __init__(
        self, tables: Tables, space: StateSpace, flags: Mapping[str, Bools], *, answers_only: bool = False
    ) -> None:
        """Decide which dimensions of the state get a joint histogram.

        `flags` are named sets of states (N,) whose probabilities are needed. With `answers_only`, variables and moves
        have no results, so that fewer histograms are needed.
        """
        self.tables, self.space, self.answers_only = tables, space, answers_only
        scenario = tables.scenario
        endings = len(scenario.endings)
        ladders = tables.rungs(space.levels)
        self._first_flag = len(tables.sizes) + len(ladders)
        self.flagged = flags
        self._values = [*space.levels.T, *ladders, *flags.values(), np.where(space.ended, space.ending, endings)]
        rungs = [len(ladder.rungs) for ladder in scenario.ladders.values()]
        self._sizes = [*tables.sizes.tolist(), *rungs, *(2 for _ in flags), endings + 1]
        self._dimensions = range(len(tables.sizes) if answers_only else 0, len(self._sizes))
        self._read = [] if answers_only else [set(read.tolist()) for read in tables.move_variables]
        self._groups = self._pack()
        self.bins = sum(len(group.example) for group in self._groups)
        self.cells: NDArray[np.uint32] = np.stack([g.first + g.cell for g in self._groups], axis=1).astype(np.uint32)
        self._moves = [self._of_move(move) for move in range(len(self._read))]
        self._all, self._going = self._columns()

    # ---------------------------------------------------------------- choosing the groups

    def _pack(self) -> list[_CellGroup]:
        """Combine the sets of dimensions that results need into groups with one histogram each.

        Large sets come first. Each set joins the group whose histogram grows least by the union. If every union is too
        large, the set becomes a new group.
        """
        wanted = self._read + [{dimension} for dimension in self._dimensions]
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
        return self._merged([self._group(dims) for dims in packed])

    def _merged(self, groups: list[_CellGroup]) -> list[_CellGroup]:
        left = sorted(groups, key=lambda group: -len(group.example))
        while len(left) > 1 and len(left[-1].example) * len(left[-2].example) <= _ROOM:
            left.append(self._group(set(left.pop().dimensions | left.pop().dimensions)))
            left.sort(key=lambda group: -len(group.example))
        starts = np.cumsum([0, *(len(group.example) for group in left)])
        return [replace(group, first=int(first)) for group, first in zip(left, starts[:-1], strict=True)]

    def _combinations(self, dims: set[int]) -> int:
        return int(np.prod([self._sizes[d] for d in dims], dtype=np.int64))

    def _group(self, dims: set[int]) -> _CellGroup:
        code = self.space.ended.astype(np.int64)
        for dimension in sorted(dims):
            code = code * self._sizes[dimension] + self._values[dimension]
        _, example, cell = np.unique(code, return_index=True, return_inverse=True)
        return _CellGroup(frozenset(dims), cell.reshape(-1), example)

    def _home(self, dims: set[int]) -> _CellGroup:
        return min((g for g in self._groups if dims <= g.dimensions), key=lambda group: len(group.example))

    def _of_move(self, move: int) -> tuple[Ints, Ints]:
        """Return the bins in which a move can happen, and its rate table entry in each bin."""
        group = self._home(self._read[move])
        entry = self.tables.local_index(move, self.space.levels[group.example])
        fires = np.flatnonzero(~self.space.ended[group.example] & self.tables.possible[entry])
        return group.first + fires, entry[fires]

    # ---------------------------------------------------------------- from histograms to columns

    def _columns(self) -> tuple[dict[int, slice], dict[int, slice]]:
        """Give a column to each level of each variable, ladder, flag and ending.

        Return two mappings from the number of a dimension to its columns. The second mapping has only variables, and
        its columns leave out the states that are endings.
        """
        bins: list[Ints] = []
        every, going = dict[int, slice](), dict[int, slice]()
        for dimension in self._dimensions:
            group, size = self._home({dimension}), self._sizes[dimension]
            value, ended = self._values[dimension][group.example], self.space.ended[group.example]
            every[dimension] = slice(len(bins), len(bins) + size)
            bins += [group.first + np.flatnonzero(value == each) for each in range(size)]
            if dimension < len(self.tables.sizes):
                going[dimension] = slice(len(bins), len(bins) + size)
                bins += [group.first + np.flatnonzero((value == each) & ~ended) for each in range(size)]
        self._first_move = len(bins)
        bins += [each for each, _ in self._moves]
        self._entries = np.concatenate([np.zeros(0, dtype=np.int64), *(entries for _, entries in self._moves)])
        self._bins = np.concatenate(bins)
        self._start = np.cumsum([0, *(len(each) for each in bins)])
        self.columns = len(bins)
        return every, going

    def reading(self, rates: Floats) -> Any:
        """Return the sparse matrix (columns, bins) that computes the columns from the bins.

        `rates` (E,) are the hazards per day of the rate table entries.
        """
        from scipy.sparse import csr_array

        ones = np.ones(len(self._bins) - len(self._entries))
        weights = np.concatenate([ones, rates[self._entries]])
        return csr_array((weights, self._bins, self._start), shape=(self.columns, self.bins))

    # ---------------------------------------------------------------- reading answers

    def days(self, until: Floats) -> dict[str, dict[str, Floats]]:
        """Return {variable: {level: expected days at the level before any ending (T,)}}.

        `until` (T, columns) are the columns, integrated over the days up to each time.
        """
        return {
            name: dict(zip(variable.levels, until.T[self._going[index]].copy(), strict=True))
            for index, (name, variable) in enumerate(self.tables.scenario.variables.items())
            if index in self._going
        }

    def of_ending(self, at: Floats) -> Floats:
        """Return probabilities of endings, then of none (T, endings + 1), from columns (T, columns)."""
        return at[:, self._all[len(self._sizes) - 1]]

    def variables(self, at: Floats) -> dict[str, dict[str, Floats]]:
        """Return {variable: {level: probability (T,)}} from columns (T, columns)."""
        return {
            name: dict(zip(variable.levels, at.T[self._all[index]].copy(), strict=True))
            for index, (name, variable) in enumerate(self.tables.scenario.variables.items())
            if index in self._all
        }

    def ladders(self, at: Floats) -> dict[str, dict[str, Floats]]:
        """Return {ladder: {rung (level of escalation): probability (T,)}} from columns (T, columns)."""
        return {
            name: dict(zip((rung.id for rung in ladder.rungs), at.T[self._all[index]].copy(), strict=True))
            for index, (name, ladder) in enumerate(self.tables.scenario.ladders.items(), start=len(self.tables.sizes))
        }

    def flags(self, at: Floats) -> dict[str, Floats]:
        """Return {name: probability (T,)} of flagged sets of states from columns (T, columns)."""
        return {name: at[:, self._all[self._first_flag + i]][:, 1] for i, name in enumerate(self.flagged)}

    def moves(self, until: Floats) -> Floats:
        """Return how often each move is expected to happen (T, M), or (T, 0) with `answers_only`.

        `until` (T, columns) are the columns, integrated over the days up to each time.
        """
        return until[:, self._first_move :]
