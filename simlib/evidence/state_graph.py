"""The states that a walk through a log has reached, and the firings out of them."""

from __future__ import annotations

import numpy as np

from simlib.machine.tables import Tables
from simlib.typing import Bools, Ints


class StateGraph:
    """The states of a scenario that were reached so far, with every firing out of them.

    A state is a level for each of V variables. A firing is a move that happens with one of its outcomes. The N states
    and the F firings are numbered in the order in which they were found.

    - expanded (N,): whether the firings out of the state were found.
    - ended (N,): whether the state is an ending.
    - first (N,): index of the first firing out of the state.
    - count (N,): number of firings out of the state.
    - entry (F,): entry of each firing in the tables of hazards.
    - outcome (F,): outcome of each firing.
    - target (F,): next state after each firing.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.index: dict[bytes, int] = {}
        self.levels: list[Ints] = []
        self.expanded = np.zeros(0, dtype=bool)
        self.ended = np.zeros(0, dtype=bool)
        self.first = np.zeros(0, dtype=np.int64)
        self.count = np.zeros(0, dtype=np.int64)
        self.entry, self.outcome, self.target = (np.zeros(0, dtype=np.int64) for _ in range(3))

    def find(self, levels: Ints) -> Ints:
        """Return the number (n,) of each state with `levels` (n, V), a new one for a new state."""
        rows = np.ascontiguousarray(levels, dtype=np.int16)
        width = rows.shape[1] * 2
        raw = rows.tobytes()
        numbers = np.empty(len(rows), dtype=np.int64)
        fresh = []
        for place in range(len(rows)):
            key = raw[place * width : (place + 1) * width]
            number = self.index.get(key)
            if number is None:
                number = self.index[key] = len(self.index)
                fresh.append(place)
            numbers[place] = number
        if fresh:
            new = rows[fresh].astype(np.int64)
            self.levels.append(new)
            grow = np.zeros(len(new), dtype=np.int64)
            self.expanded = np.concatenate([self.expanded, grow.astype(bool)])
            self.ended = np.concatenate([self.ended, self.tables.ending(new) >= 0])
            self.first, self.count = np.concatenate([self.first, grow]), np.concatenate([self.count, grow])
        return numbers

    def all_levels(self) -> Ints:
        """Return the levels of every state reached so far (N, V)."""
        if len(self.levels) > 1:
            self.levels = [np.concatenate(self.levels)]
        return self.levels[0]

    def expand(self, numbers: Ints) -> None:
        """Find every firing out of the states `numbers`, including firings that change nothing."""
        new = np.unique(numbers[~self.expanded[numbers]])
        if not len(new):
            return
        levels = self.all_levels()[new]
        source, entry, outcome, after = self._firings(levels, ~self.ended[new])
        target = self.find(after)
        order = np.argsort(source, kind="stable")
        counts = np.bincount(source, minlength=len(new))
        self.first[new] = len(self.entry) + np.concatenate([[0], np.cumsum(counts)])[:-1]
        self.count[new] = counts
        self.expanded[new] = True
        self.entry = np.concatenate([self.entry, entry[order]])
        self.outcome = np.concatenate([self.outcome, outcome[order]])
        self.target = np.concatenate([self.target, target[order]])

    def _firings(self, levels: Ints, alive: Bools) -> tuple[Ints, Ints, Ints, Ints]:
        tables = self.tables
        parts = []
        for move in range(len(tables.move_ids)):
            entry = tables.local_index(move, levels)
            rows = np.flatnonzero(alive & tables.possible[entry])
            outcomes = range(*tables.outcome_start[move : move + 2].tolist()) if len(rows) else ()
            parts += [(rows, entry[rows], np.full(len(rows), o), tables.after(o, levels[rows])) for o in outcomes]
        if not parts:
            none = np.zeros(0, dtype=np.int64)
            return none, none, none, levels[:0]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]

    def firings(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Return the firings out of the states `numbers`, as two arrays (n,).

        - The place in `numbers` of the state that each firing leaves.
        - The index of each firing.
        """
        counts = self.count[numbers]
        place = np.repeat(np.arange(len(numbers)), counts)
        offset = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
        return place, self.first[numbers][place] + offset
