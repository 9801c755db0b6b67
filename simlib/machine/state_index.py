"""Variables, levels and conditions in terms of indices, for many states at once.

A state is a row of level indices. In its packed form it is a row of 64-bit words with one bit for each level of each
variable. A bit is 1 if the variable is at that level (one-hot coding).

Sizes: N states, V variables.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simlib.scenario.model import Condition, Scenario, Variable
from simlib.typing import Bits, Bools, Ints

__all__ = ["StateIndex"]


class StateIndex:
    """The variables as columns of an array of states, with tests of conditions on the states.

    Args:
        scenario: The scenario, with its ladders (scales of escalation) and endings.
        variables: The variables in the order of the columns.
    """

    def __init__(self, scenario: Scenario, variables: Iterable[Variable]) -> None:
        self.scenario = scenario
        self.variables = tuple(variables)
        self.variable_ids = tuple(variable.id for variable in self.variables)
        self.level_ids = tuple(variable.levels for variable in self.variables)
        self.sizes: Ints = np.array([len(levels) for levels in self.level_ids], dtype=np.int64)
        self._variable = {name: index for index, name in enumerate(self.variable_ids)}

    def variable(self, name: str) -> int:
        """Return the index of the variable with this id."""
        return self._variable[name]

    def level(self, variable: str, level: str) -> int:
        """Return the index of a level of a variable."""
        return self.level_ids[self._variable[variable]].index(level)

    def strides(self, variables: Ints) -> Ints:
        """Return the strides of a table that has one axis for the levels of each of `variables`."""
        sizes = self.sizes[variables]
        return np.array([int(np.prod(sizes[i + 1 :])) for i in range(len(sizes))], dtype=np.int64)

    def local_levels(self, variables: Ints) -> Ints:
        """Return a state (row) for each combination of levels of `variables`, the others at level 0."""
        sizes = self.sizes[variables]
        entries = np.arange(int(np.prod(sizes)))
        local = np.zeros((len(entries), len(self.variable_ids)), dtype=np.int64)
        for variable, stride, size in zip(variables, self.strides(variables), sizes, strict=True):
            local[:, variable] = entries // stride % size
        return local

    def allowed(self, condition: Condition) -> list[dict[int, Bools]]:
        """Return the clauses of a condition, each as {variable index: which levels are allowed}.

        A state satisfies a clause if the level of every variable in the clause is allowed. The condition holds if any
        clause is satisfied.
        """
        clauses = []
        for clause in condition.clauses:
            allowed = {}
            for variable, levels in clause:
                names = self.level_ids[self._variable[variable]]
                some = set(levels)
                allowed[self._variable[variable]] = np.array([name in some for name in names])
            clauses.append(allowed)
        return clauses

    def holds(self, condition: Condition, levels: NDArray[np.integer]) -> Bools:
        """Return whether a condition holds in each of the N states in the rows of `levels` (N, V)."""
        result = np.zeros(len(levels), dtype=bool)
        for clause in self.allowed(condition):
            every = np.ones(len(levels), dtype=bool)
            for variable, allowed in clause.items():
                every &= allowed[levels[:, variable]]
            result |= every
        return result

    @cached_property
    def bit_start(self) -> Ints:
        """The first bit of each variable (V,) in a packed state, which has a bit for each level."""
        return np.concatenate([[0], np.cumsum(self.sizes)])[:-1].astype(np.int64)

    @property
    def words(self) -> int:
        """The number of 64-bit words of a packed state (one bit for each level of each variable)."""
        return int(-(-int(self.sizes.sum()) // 64))

    def forbidden_bits(self, condition: Condition) -> Bits:
        """Return the bits of the levels that each clause of a condition forbids (clauses, words).

        A packed state (one bit for each level of each variable) satisfies a clause if it has none of the bits that the
        clause forbids.
        """
        rows = np.zeros((len(condition.clauses), self.words), dtype=np.uint64)
        for row, clause in zip(rows, self.allowed(condition), strict=True):
            for variable, allowed in clause.items():
                for level in np.flatnonzero(~allowed):
                    bit = int(self.bit_start[variable] + level)
                    row[bit // 64] |= np.uint64(1 << (bit % 64))
        return rows

    def rungs(self, levels: NDArray[np.integer]) -> list[Ints]:
        """Return for each ladder the index of the rung of each state in `levels` (N, V).

        If the conditions of several rungs hold, the state is on the highest of these rungs. If none holds, the state is
        on the lowest rung.
        """
        result = []
        for ladder in self.scenario.ladders.values():
            rung = np.zeros(len(levels), dtype=np.int64)
            for index, step in enumerate(ladder.rungs):
                rung[self.holds(step.when, levels)] = index
            result.append(rung)
        return result

    def ending(self, levels: NDArray[np.integer]) -> Ints:
        """Return the index of the ending reached in each state of `levels` (N, V), or -1 for none.

        If the conditions of several endings hold, the first of these endings in the file counts.
        """
        result = np.full(len(levels), -1, dtype=np.int64)
        for index, ending in reversed(list(enumerate(self.scenario.endings.values()))):
            result[self.holds(ending.when, levels)] = index
        return result
