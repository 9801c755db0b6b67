"""The search for the reachable states of a scenario.

The search takes every rate and chance as positive, and every calendar window as open. So the set of states does not
depend on assumption values, windows or forbidden moves. Interventions that set or hold a variable can add states. The
search is breadth-first, with or without Numba. A state is represented by its code, a whole number whose digits are the
levels of the variables.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.states import StateSpace
from simlib.errors import TooManyStates, Unsupported
from simlib.machine.tables import Tables
from simlib.machine.timeline import held_together
from simlib.scenario.model import Hold, Pin
from simlib.typing import Bools, Ints

STATE_CAP = 2_000_000
"""Default limit on the number of reachable states, which take about 3 GB."""

_DENSE = 2**27
"""Up to this many combinations of levels, a plain array maps codes to states, above it a hash table."""

_STATE_BLOCK = 65_536
"""Number of states expanded between two checks for cancellation."""

_SPACES: OrderedDict[tuple[object, ...], StateSpace] = OrderedDict()


def enumerate_states(tables: Tables, *, cap: int = STATE_CAP, control: Control = UNWATCHED) -> StateSpace:
    """Return the reachable states of a scenario and the edges between them.

    Scenarios that differ only in values, labels and dates share one state space. Raises TooManyStates above `cap`
    states, Unsupported if the levels of the variables combine to more than 2**62 states, and Cancelled.
    """
    key = _structure(tables)
    if key in _SPACES:
        _SPACES.move_to_end(key)
        if len(_SPACES[key]) > cap:
            raise TooManyStates(len(_SPACES[key]), cap, complete=True)
        return _SPACES[key]
    space = _Search(tables, cap, control).run()
    _SPACES[key] = space
    while len(_SPACES) > 3:
        _SPACES.popitem(last=False)
    return space


def _structure(tables: Tables) -> tuple[object, ...]:
    scenario = tables.scenario
    names = ("possible", "table_start", "outcome_start")
    of_branches = ("entry", "outcome", "effect_start", "effect_variable", "effect_shifts", "effect_amount")
    return (
        tuple(ending.when for ending in scenario.endings.values()),
        tables.level_ids,
        tuple(v.tobytes() for v in tables.move_variables),
        *(getattr(tables, name).tobytes() for name in names),
        *(getattr(tables.branches, name).tobytes() for name in of_branches),
        tables.start_states()[0].tobytes(),
        tuple(sorted(_pins(tables))),
        tuple(sorted(held_together(tables))),
        tables.clocks,
    )


def _pins(tables: Tables) -> set[tuple[int, int]]:
    pins = [item for item in tables.scenario.interventions if isinstance(item, Pin | Hold)]
    return {(tables.variable(pin.variable), tables.level(pin.variable, pin.level)) for pin in pins}


class _Search:
    def __init__(self, tables: Tables, cap: int, control: Control) -> None:
        self.tables, self.cap, self.control = tables, cap, control
        self.combinations = math.prod(tables.sizes.tolist())
        if self.combinations > 2**62:
            raise Unsupported(
                "the levels of all variables combine to more than 2^62 states, too many to number; "
                "use the Monte Carlo engine (--engine montecarlo)"
            )
        self.held = sorted(held_together(tables))
        self.radix: Ints = np.cumprod(np.concatenate([[1], tables.sizes[:0:-1]]))[::-1].astype(np.int64)
        self.pair_counts = np.diff(tables.table_start) * np.diff(tables.outcome_start)
        self.pair_start: Ints = np.concatenate([[0], np.cumsum(self.pair_counts)]).astype(np.int64)

    def run(self) -> StateSpace:
        roots = np.unique(self.tables.start_states()[0] @ self.radix)
        if kernels is None:
            codes, target, pair, start = self._numpy(roots)
        else:
            codes, target, pair, start = self._numba(roots)
        levels = self._levels(codes)
        entry, outcome, branch = self._pairs()
        return StateSpace(
            codes,
            levels.astype(np.int16),
            self.tables.ending(levels),
            start,
            target,
            pair,
            entry,
            outcome,
            branch,
            self.radix,
        )

    def _levels(self, codes: Ints) -> Ints:
        return codes[:, None] // self.radix % self.tables.sizes

    def _pairs(self) -> tuple[Ints, Ints, Ints]:
        """Return the rate table entry, the outcome and the branch of each pair, as arrays (P,)."""
        entries, outcomes = [], []
        for move in range(len(self.pair_counts)):
            first, last = self.tables.table_start[move : move + 2]
            own = np.arange(*self.tables.outcome_start[move : move + 2])
            entries.append(np.repeat(np.arange(first, last), len(own)))
            outcomes.append(np.tile(own, last - first))
        none = np.zeros(0, dtype=np.int64)
        entry, outcome = np.concatenate([none, *entries]), np.concatenate([none, *outcomes])
        return entry, outcome, self.tables.branch_at(entry, outcome)

    def _check(self, count: int, *, complete: bool) -> None:
        if count > self.cap:
            raise TooManyStates(count, self.cap, complete=complete)
        self.control.check()

    # ---------------------------------------------------------------- plain NumPy

    def _numpy(self, roots: Ints) -> tuple[Ints, NDArray[np.uint32], NDArray[np.uint32], Ints]:
        known, frontier = roots, roots
        pins = _pins(self.tables)
        while len(frontier):
            levels = self._levels(frontier)
            codes = [new @ self.radix for _, new, _ in self._successors(levels)] + [
                self._pinned(levels, *pin) @ self.radix for pin in pins
            ]
            for held in self.held:
                codes += [new @ self.radix for _, new, _ in self._successors(self._at_rest(levels, held), held)]
            new = np.unique(np.concatenate([frontier[:0], *codes]))
            frontier = np.setdiff1d(new, known, assume_unique=True)
            known = np.union1d(known, frontier)
            self._check(len(known), complete=False)
        return self._numpy_edges(known)

    def _numpy_edges(self, codes: Ints) -> tuple[Ints, NDArray[np.uint32], NDArray[np.uint32], Ints]:
        parts = [
            (x, np.searchsorted(codes, new @ self.radix), pair)
            for x, new, pair in self._successors(self._levels(codes))
        ]
        source, target, pair = (
            np.concatenate([np.zeros(0, np.int64), *column])
            for column in (zip(*parts, strict=True) if parts else ((), (), ()))
        )
        order = np.argsort(source, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=len(codes)))]).astype(np.int64)
        return codes, target[order].astype(np.uint32), pair[order].astype(np.uint32), start

    def _successors(self, levels: Ints, held: tuple[int, ...] = ()) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Yield three arrays for each outcome that can happen in the states (the rows of `levels`).

        They are the indices of the rows that the outcome changes, these rows after the outcome, and for each of them
        its pair (rate table entry, outcome).
        """
        alive = self.tables.ending(levels) < 0
        for move in range(len(self.pair_counts)):
            entry = self.tables.local_index(move, levels)
            rows = np.flatnonzero(alive & self.tables.possible[entry])
            first, last = (int(x) for x in self.tables.outcome_start[move : move + 2])
            local = entry[rows] - self.tables.table_start[move]
            for outcome in range(first, last):
                new = self.tables.after(outcome, levels[rows], held)
                moved = np.any(new != levels[rows], axis=1)
                pair = self.pair_start[move] + local * (last - first) + outcome - first
                yield rows[moved], new[moved], pair[moved]

    def _pinned(self, levels: Ints, variable: int, level: int) -> Ints:
        alive = levels[self.tables.ending(levels) < 0]
        alive[:, variable] = level
        return self.tables.settled(alive)

    # ---------------------------------------------------------------- Numba

    def _numba(self, roots: Ints) -> tuple[Ints, NDArray[np.uint32], NDArray[np.uint32], Ints]:
        search = _StateTable(self.combinations, roots)
        arguments = self._arguments()
        pins = _pins(self.tables)
        branches = int(self.tables.outcome_start[-1])
        while search.done < search.count:
            search.reserve(search.count + branches)
            search.count, search.done = kernels.explore(
                search.table,
                search.codes,
                search.counts,
                search.endings,
                search.dense,
                search.count,
                search.done,
                len(search.codes) - branches,
                search.done + _STATE_BLOCK,
                *arguments,
            )
            if search.done == search.count:
                for pin in pins:
                    search.add(np.unique(self._pinned(self._levels(search.codes[: search.count]), *pin) @ self.radix))
                self._add_held(search)
            self._check(search.count, complete=search.done == search.count)
        return self._numba_edges(search, arguments)

    def _add_held(self, search: _StateTable) -> None:
        for held in self.held:
            levels = self._at_rest(self._levels(search.codes[: search.count]), held)
            for _, new, _ in self._successors(levels, held):
                search.add(np.unique(new @ self.radix))

    def _at_rest(self, levels: Ints, held: tuple[int, ...]) -> Ints:
        """Return the rows of `levels` with all `held` variables at levels set by interventions."""
        still = np.ones(len(levels), dtype=bool)
        for variable in held:
            still &= np.isin(levels[:, variable], [level for v, level in _pins(self.tables) if v == variable])
        return levels[still]

    def _numba_edges(
        self, search: _StateTable, arguments: tuple[Any, ...]
    ) -> tuple[Ints, NDArray[np.uint32], NDArray[np.uint32], Ints]:
        order = np.argsort(search.codes[: search.count], kind="stable")
        codes, counts, endings = search.codes[order], search.counts[order], search.endings[order]
        search.reindex(codes)
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        target = np.empty(int(start[-1]), dtype=np.uint32)
        pair = np.empty(int(start[-1]), dtype=np.uint32)
        for first in range(0, len(codes), _STATE_BLOCK):
            kernels.fill_edges(
                search.table,
                codes,
                endings,
                search.dense,
                first,
                min(first + _STATE_BLOCK, len(codes)),
                start,
                target,
                pair,
                *arguments,
                self.pair_start,
            )
            self._check(len(codes), complete=True)
        return codes, target, pair, start

    def _arguments(self) -> tuple[Any, ...]:
        tables = self.tables
        empty = np.zeros(0, dtype=np.int64)
        moves = (
            tables.table_start,
            np.cumsum([0, *(len(v) for v in tables.move_variables)]).astype(np.int64),
            np.concatenate([empty, *tables.move_variables]),
            np.concatenate([empty, *tables.move_strides]),
            tables.possible,
            np.diff(tables.outcome_start),
            tables.branches.entry,
        )
        own = tables.branches
        effects = (own.effect_start, own.effect_variable, own.effect_shifts, own.effect_amount)
        clocks = tuple(np.array([clock[part] for clock in tables.clocks], dtype=np.int64) for part in (0, 1))
        return tables.sizes, self.radix, moves, effects, self._clauses(), clocks

    def _clauses(self) -> tuple[Ints, Ints, Ints, Bools]:
        """Return the conditions of all endings as the arrays that `_kernels._ending` reads."""
        ending, start, variable, rows = [], [0], [], []
        for index, item in enumerate(self.tables.scenario.endings.values()):
            for clause in self.tables.allowed(item.when):
                ending.append(index)
                for v, levels in clause.items():
                    variable.append(v)
                    rows.append(levels)
                start.append(len(variable))
        ids, starts, variables = (np.array(x, dtype=np.int64) for x in (ending, start, variable))
        allowed = np.zeros((len(rows), int(self.tables.sizes.max())), dtype=bool)
        for row, levels in zip(allowed, rows, strict=True):
            row[: len(levels)] = levels
        return ids, starts, variables, allowed


class _StateTable:
    """The states found so far: an array of their codes, and a hash table of code positions."""

    def __init__(self, combinations: int, roots: Ints) -> None:
        self.dense = combinations <= _DENSE
        capacity = max(4 * len(roots), 1 << 14)
        self.codes = np.empty(capacity, dtype=np.int64)
        self.counts = np.empty(capacity, dtype=np.int64)
        self.endings = np.empty(capacity, dtype=np.int64)
        self.table = np.full(combinations if self.dense else _hash_size(capacity), -1, dtype=np.int32)
        self.count = self.done = 0
        self.add(roots)

    def add(self, codes: Ints) -> None:
        fresh = codes[~np.isin(codes, self.codes[: self.count])]
        self.reserve(self.count + len(fresh))
        self.codes[self.count : self.count + len(fresh)] = fresh
        kernels.insert(self.table, self.codes, self.dense, self.count, self.count + len(fresh))
        self.count += len(fresh)

    def reserve(self, needed: int) -> None:
        if needed <= len(self.codes):
            return
        capacity = max(2 * len(self.codes), needed)
        for name in ("codes", "counts", "endings"):
            old = getattr(self, name)
            new = np.empty(capacity, dtype=np.int64)
            new[: len(old)] = old
            setattr(self, name, new)
        if not self.dense and _hash_size(capacity) > len(self.table):
            self.table = np.full(_hash_size(capacity), -1, dtype=np.int32)
            kernels.insert(self.table, self.codes, self.dense, 0, self.count)

    def reindex(self, codes: Ints) -> None:
        """Replace the codes by `codes`, the same ones in rising order, and update the hash table."""
        if not self.dense:
            self.table[:] = -1
        else:
            self.table[codes] = -1
        self.codes = codes
        kernels.insert(self.table, codes, self.dense, 0, len(codes))


def _hash_size(capacity: int) -> int:
    return 1 << max(int(2 * capacity - 1).bit_length(), 4)
