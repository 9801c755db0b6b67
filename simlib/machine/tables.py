"""A scenario as arrays: local rate tables, outcomes, starts and conditions.

Both engines use these arrays, with indices in place of ids. Each move has a *local table*, with one entry for each
combination of levels of the variables that its guard and its factors read. An entry holds the indices of the
assumptions whose product is the hazard of the move. New assumption values therefore give all rates with one gather and
one product (`Tables.rates`), without a Python loop over moves. The Monte Carlo kernel finds an entry by strides. The
exact engine stores the index of the entry for each edge of its state graph.

An entry also determines the *context* of the move: the factors on its outcomes and the effects whose conditions hold.
An outcome in a context is a *branch*, which has one chance and one list of effects (`Branches`).

Sizes: V variables, M moves, O outcomes and B branches (of all moves together), A assumptions, E table entries, F the
largest number of factors of one move plus one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simlib.errors import Problem, ScenarioError, Unsupported
from simlib.machine.branches import Branches
from simlib.machine.clocks import clock_id, clocks_of, wound
from simlib.machine.interventions import Segment, Standing, concerns, odds_ratio
from simlib.scenario.model import Assume, Condition, Forbid, Move, Policy, Scenario, StartState, Window
from simlib.typing import Bits, Bools, Floats, Ints

__all__ = ["Tables", "grid", "sums_by"]


MAX_ENTRIES = 2_000_000
"""Largest number of entries of a local table. A move that reads too many variables is refused."""


class Tables:
    """The arrays of one scenario that do not depend on θ, the assumption values.

    moves, variables: the moves and variables of the scenario, then those of hidden clocks (see `clocks`).
    clocks: for each clock, the indices (move, variable).
    move_variables[m]: the variables that move m reads. move_strides[m]: their strides in its local table.
    table_start (M+1): where each move's entries begin. outcome_start (M+1): where each move's outcomes begin.
    branches: the outcomes in each context, with their chances, factors and effects.
    possible (E,): whether the guard of the move holds at an entry.
    factor_index (F, E): indices into the extended θ (`standing.extended`). Row 0 is the base rate, or 0 where the
    guard fails.
    factor_window (F, E): the calendar window on which each factor depends, -1 for none.
    """

    def __init__(self, scenario: Scenario, *, ignore_windows: bool = False) -> None:
        self.scenario = scenario
        self.ignore_windows = ignore_windows
        clocks = clocks_of(scenario)
        self.variables = (*scenario.variables.values(), *(clock.variable for clock in clocks))
        self.moves = (*(wound(move, clocks) for move in scenario), *(clock.tick for clock in clocks))
        self.variable_ids = tuple(variable.id for variable in self.variables)
        self.level_ids = tuple(variable.levels for variable in self.variables)
        self.sizes: Ints = np.array([len(levels) for levels in self.level_ids], dtype=np.int64)
        self.assumption_ids = tuple(scenario.assumptions)
        self.move_ids = tuple(move.id for move in self.moves)
        self._variable = {name: index for index, name in enumerate(self.variable_ids)}
        self._assumption = {name: index for index, name in enumerate(self.assumption_ids)}
        self._move = {name: index for index, name in enumerate(self.move_ids)}
        self._windows: dict[tuple[float, float], int] = {}
        self.standing = Standing(scenario)
        self.clocks = tuple((self._move[clock.move], self._variable[clock.variable.id]) for clock in clocks)
        self.branches = Branches(self, len(self.assumption_ids))
        self._build_moves(self.moves)
        self._build_outcomes(self.moves)
        self._build_starts()
        self._index_cache: dict[tuple[tuple[int, ...], tuple[int, ...]], Ints] = {}
        self._factor_cache: dict[tuple[tuple[int, ...], tuple[int, ...]], Ints] = {}

    # ---------------------------------------------------------------- names to indices

    def variable(self, name: str) -> int:
        """Return the index of a variable id."""
        return self._variable[name]

    def move(self, name: str) -> int:
        """Return the index of a move id."""
        return self._move[name]

    def assumption(self, name: str) -> int:
        """Return the index of an assumption id in θ."""
        return self._assumption[name]

    def outcome(self, move: str, outcome: str) -> int:
        """Return the index of an outcome among all outcomes."""
        names = [o.id for o in self.scenario.moves[move].outcomes]
        return int(self.outcome_start[self._move[move]]) + names.index(outcome)

    def level(self, variable: str, level: str) -> int:
        """Return the index of a level of a variable."""
        return self.level_ids[self._variable[variable]].index(level)

    # ---------------------------------------------------------------- conditions

    def allowed(self, condition: Condition) -> list[dict[int, Bools]]:
        """Return a condition as clauses {variable: allowed (levels,) bool}."""
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
        """Say in which states a condition holds (N,). Each row of `levels` (N, V) is a state."""
        result = np.zeros(len(levels), dtype=bool)
        for clause in self.allowed(condition):
            every = np.ones(len(levels), dtype=bool)
            for variable, allowed in clause.items():
                every &= allowed[levels[:, variable]]
            result |= every
        return result

    @cached_property
    def bit_start(self) -> Ints:
        """The first bit of each variable (V,) in a state that is packed one-hot."""
        return np.concatenate([[0], np.cumsum(self.sizes)])[:-1].astype(np.int64)

    @property
    def words(self) -> int:
        """Number of 64-bit words of a state that is packed one-hot."""
        return int(-(-int(self.sizes.sum()) // 64))

    def forbidden_bits(self, condition: Condition) -> Bits:
        """Return the bits of the levels that each clause of a condition forbids (clauses, words).

        A state satisfies a clause if it has none of the clause's bits.
        """
        rows = np.zeros((len(condition.clauses), self.words), dtype=np.uint64)
        for row, clause in zip(rows, self.allowed(condition), strict=True):
            for variable, allowed in clause.items():
                for level in np.flatnonzero(~allowed):
                    bit = int(self.bit_start[variable] + level)
                    row[bit // 64] |= np.uint64(1 << (bit % 64))
        return rows

    def rungs(self, levels: NDArray[np.integer]) -> list[Ints]:
        """Return for each ladder the rung index of each state in `levels` (N, V)."""
        result = []
        for ladder in self.scenario.ladders.values():
            rung = np.zeros(len(levels), dtype=np.int64)
            for index, step in enumerate(ladder.rungs):
                rung[self.holds(step.when, levels)] = index
            result.append(rung)
        return result

    def ending(self, levels: NDArray[np.integer]) -> Ints:
        """Return the index of the ending reached in each state of `levels` (N, V), -1 for none.

        If several endings are reached, the first of them in the file counts.
        """
        result = np.full(len(levels), -1, dtype=np.int64)
        for index, ending in reversed(list(enumerate(self.scenario.endings.values()))):
            result[self.holds(ending.when, levels)] = index
        return result

    # ---------------------------------------------------------------- building

    def _build_moves(self, moves: Sequence[Move]) -> None:
        blocks = [self._local_table(move) for move in moves]
        self.branches.close()
        width = max((block[0].shape[0] for block in blocks), default=1)
        self.move_variables = [block[2] for block in blocks]
        self.move_strides = [block[3] for block in blocks]
        counts = [block[0].shape[1] for block in blocks]
        self.table_start: Ints = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        one = len(self.assumption_ids)
        self.factor_index = np.full((width, int(self.table_start[-1])), one, dtype=np.int64)
        self.factor_window = np.full_like(self.factor_index, -1)
        for start, (index, window, *_) in zip(self.table_start, blocks, strict=False):
            stop = start + index.shape[1]
            self.factor_index[: len(index), start:stop] = index
            self.factor_window[: len(window), start:stop] = window
        self.move_window: Ints = np.array([self.window(move.between) for move in moves], dtype=np.int64)
        self.entry_move: Ints = np.repeat(np.arange(len(moves)), counts).astype(np.int64)
        self.possible: Bools = np.concatenate([np.zeros(0, dtype=bool), *(block[4] for block in blocks)])

    def _local_table(self, move: Move) -> tuple[Ints, Ints, Ints, Ints, Bools]:
        """Return factor indices, factor windows, variables, strides and guard of a move's table.

        The table has an entry for each combination of levels of the variables that the move reads. The branches of the
        move are added to `branches`.
        """
        conditions = [move.when, *(factor.when for _, factor in move.placed_factors())]
        conditions += [effect.when for outcome in move.outcomes for effect in outcome.effects]
        names = [*(name for when in conditions for name in when.variables), *self.standing.variables(move)]
        names += move.per
        clock = clock_id(move.id) if clock_id(move.id) in self._variable else None
        names += [clock] if clock else []
        variables = np.array(sorted({self._variable[name] for name in names}), dtype=np.int64)
        self._check_size(move, int(np.prod(self.sizes[variables])))
        strides, local = self._strides(variables), self._local_levels(variables)
        self.branches.add(move, local, self.standing.conditions(move))
        entries, one = len(local), len(self.assumption_ids)
        numbers = {name: local[:, self._variable[name]] + self.scenario.variables[name].first for name in move.per}
        guard = self.holds(move.when, local) & np.all([number > 0 for number in numbers.values()], axis=0)
        index = np.full((1 + len(move.factors) + (move.takes is not None), entries), one, dtype=np.int64)
        window = np.full_like(index, -1)
        base = self._assumption[move.rate] if move.rate else one + 1
        index[0] = np.where(guard & self._last_stage(clock, local), base, one + 1)
        if move.takes is not None:
            index[-1] = np.where(guard, self.standing.pace(move.takes), one)
        for row, factor in enumerate(move.factors, start=1):
            if factor.per:
                index[row] = np.where(guard, self.standing.numbers_from + numbers[factor.per], one)
                continue
            applies = guard & self.holds(factor.when, local)
            index[row] = np.where(applies, self._assumption[factor.by], one)
            window[row] = np.where(applies, self.window(factor.between), -1)
        return index, window, variables, strides, guard

    def _last_stage(self, clock: str | None, local: Ints) -> Bools:
        """Say at which entries the clock of a move is at its last stage.

        Without a clock, the result is True everywhere.
        """
        if clock is None:
            return np.ones(len(local), dtype=bool)
        variable = self._variable[clock]
        return np.asarray(local[:, variable] == self.sizes[variable] - 1)

    def _strides(self, variables: Ints) -> Ints:
        sizes = self.sizes[variables]
        return np.array([int(np.prod(sizes[i + 1 :])) for i in range(len(sizes))], dtype=np.int64)

    def _local_levels(self, variables: Ints) -> Ints:
        """Return the states (entries, V) of the entries of a local table over `variables`."""
        sizes = self.sizes[variables]
        entries = np.arange(int(np.prod(sizes)))
        local = np.zeros((len(entries), len(self.variable_ids)), dtype=np.int64)
        for variable, stride, size in zip(variables, self._strides(variables), sizes, strict=True):
            local[:, variable] = entries // stride % size
        return local

    def _check_size(self, move: Move, entries: int) -> None:
        if entries > MAX_ENTRIES:
            raise ScenarioError(
                Problem(
                    self.scenario.path,
                    0,
                    f"moves.{move.id}",
                    f"its guard and factors read so many variables that its table would have {entries:,} entries",
                    f"expected at most {MAX_ENTRIES:,}; let it read fewer variables",
                )
            )

    def window(self, window: Window | None) -> int:
        """Return the index of a calendar window, -1 for none."""
        if window is None or self.ignore_windows:
            return -1
        days = (self.scenario.day(window.first), self.scenario.day(window.last) + 1.0)
        return self._windows.setdefault(days, len(self._windows))

    def _build_outcomes(self, moves: Sequence[Move]) -> None:
        self.outcome_ids = tuple((move.id, outcome.id) for move in moves for outcome in move.outcomes)
        self.outcome_start: Ints = np.cumsum([0, *(len(move.outcomes) for move in moves)]).astype(np.int64)
        self.outcome_move: Ints = np.repeat(np.arange(len(moves)), np.diff(self.outcome_start)).astype(np.int64)

    def _build_starts(self) -> None:
        pairs = [
            (index, self.level(v.id, level), -1 if share is None else self._assumption[share])
            for index, v in enumerate(self.variables)
            for level, share in v.start
        ]
        self.start_variable: Ints = np.array([p[0] for p in pairs], dtype=np.int64)
        self.start_level: Ints = np.array([p[1] for p in pairs], dtype=np.int64)
        self.start_chance: Ints = np.array([p[2] for p in pairs], dtype=np.int64)
        counts = [len(v.start) for v in self.variables]
        self.start_start: Ints = np.cumsum([0, *counts]).astype(np.int64)

    # ---------------------------------------------------------------- values

    def index(self, segment: Segment | None = None) -> Ints:
        """Return `factor_index` (F, E) with the windows and interventions of a segment applied."""
        if segment is None or not (segment.closed or segment.standing):
            return self.factor_index
        if segment.rating not in self._index_cache:
            one = len(self.assumption_ids)
            index = self.factor_index.copy()
            index[np.isin(self.factor_window, segment.closed)] = one
            shut = np.isin(self.move_window, segment.closed)
            index[0, shut[self.entry_move]] = one + 1
            self.standing.rewrite(index, segment, self._applies, self.entry_move >= len(self.scenario.moves))
            self._index_cache[segment.rating] = index
        return self._index_cache[segment.rating]

    def _applies(self, item: Forbid | Policy | Assume) -> Bools:
        """Say at which entries (E,) an intervention applies.

        These are the entries where its move is possible and its condition holds.
        """
        result = np.zeros(len(self.possible), dtype=bool)
        for index, move in enumerate(self.moves):
            if concerns(item, move):
                entries = slice(*(int(x) for x in self.table_start[index : index + 2]))
                local = self._local_levels(self.move_variables[index])
                result[entries] = self.possible[entries] & self.holds(item.when, local)
        return result

    def unruled(self, segment: Segment) -> Bools:
        """Say at which entries (E,) a move is possible and no policy or prohibition sets its rate."""
        ruling = [self.standing.items[number] for number in segment.standing]
        ruled = [self._applies(item) for item in ruling if isinstance(item, Forbid | Policy)]
        return np.logical_and.reduce([self.possible, *(~entries for entries in ruled)])

    def rates(self, theta: Floats, segment: Segment | None = None, centre: Floats | None = None) -> Floats:
        """Return the hazard per day of every table entry (E,) at assumption values `theta` (A,).

        With `centre`, θ is a draw around `centre`, and values assumed for a while are scaled by θ over `centre`.
        """
        result: Floats = np.multiply.reduce(self.standing.extended(theta, centre)[self.index(segment)], axis=0)
        return result

    def chances(self, theta: Floats, centre: Floats | None = None, segment: Segment | None = None) -> Floats:
        """Return the chance of every branch (B,) in a segment.

        The chances sum to one within each context of a move. Without `centre`, the values in θ are the chances, and one
        branch takes the rest. With `centre` (the stated values), θ is a draw. Each stated chance is then multiplied by
        the odds ratio of draw and stated value, and the results are normalised. So their sum is always one, and if only
        one branch is uncertain, its chance is exactly the drawn value. Factors on outcomes multiply the chances before
        they are normalised. Raises ScenarioError if the stated chances of a move sum to more than one.
        """
        weight = self.weights(theta, segment, centre)
        theta, centre = self.standing.in_place(theta, segment, centre)
        branches = self.branches
        return self._shares(theta, centre, branches.chance, branches.start, self._outcome_place, weight)

    def weights(self, theta: Floats, segment: Segment | None = None, centre: Floats | None = None) -> Floats:
        """Return the product of the factors on every branch (B,) in a segment, 1 if there are none."""
        extended = self.standing.extended(theta, centre)
        result: Floats = np.multiply.reduce(extended[self.branch_factors(segment)], axis=0)
        return result

    def branch_factors(self, segment: Segment | None = None) -> Ints:
        """Return `branches.factor` (K, B) with the windows and assumed values of a segment applied."""
        if segment is None or not (segment.closed or segment.standing):
            return self.branches.factor
        if segment.rating not in self._factor_cache:
            factor = self.branches.factor.copy()
            factor[np.isin(self.branches.window, segment.closed)] = len(self.assumption_ids)
            self.standing.assume(factor, segment, lambda item: self.holds(item.when, self.branches.state))
            self._factor_cache[segment.rating] = factor
        return self._factor_cache[segment.rating]

    def start_shares(self, theta: Floats, centre: Floats | None = None) -> Floats:
        """Return the share of every start level (S,). The shares of each variable sum to one."""
        return self._shares(theta, centre, self.start_chance, self.start_start, self._start_place)

    def _shares(
        self,
        theta: Floats,
        centre: Floats | None,
        chance: Ints,
        starts: Ints,
        place: Callable[[int, Floats], Problem],
        weight: Floats | None = None,
    ) -> Floats:
        stated = theta if centre is None else centre
        given = chance >= 0
        share = np.where(given, np.append(stated, 0.0)[chance], 0.0)
        rest = 1.0 - np.add.reduceat(share, starts[:-1])
        group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        takes_rest = np.bincount(group[~given], minlength=len(starts) - 1) > 0
        if np.any(takes_rest & (rest < -1e-9)):
            raise ScenarioError(place(int(np.argmax(takes_rest & (rest < -1e-9))), 1.0 - rest))
        share = np.where(given, share, np.maximum(rest, 0.0)[group])
        if centre is not None:
            share = share * np.where(given, odds_ratio(theta, centre)[chance], 1.0)
        whole = takes_rest & (centre is None)
        if weight is not None:
            share = share * weight
            whole &= ~np.logical_or.reduceat(weight != 1, starts[:-1])
        total = np.add.reduceat(share, starts[:-1])
        return share / np.where(whole, 1.0, total)[group]

    def _outcome_place(self, context: int, totals: Floats) -> Problem:
        move = self.moves[self.branches.move[context]]
        what = f"“{move.label}”: the chances sum to {totals[context]:.4g}"
        return Problem("", 0, f"moves.{move.id}.outcomes", what, "expected at most 1")

    def _start_place(self, variable: int, totals: Floats) -> Problem:
        at = self.variables[variable]
        what = f"the shares of “{at.label}” sum to {totals[variable]:.4g}"
        return Problem("", 0, f"variables.{at.id}.start", what, "expected at most 1")

    def start_states(self, theta: Floats | None = None, centre: Floats | None = None) -> tuple[Ints, Floats]:
        """Return the possible start states (S, V) and their probabilities (S,).

        Without θ all probabilities are given as 1. The probabilities of a joint start do not depend on θ.
        """
        if self.scenario.joint_start:
            states = self.scenario.joint_start
            levels: Ints = np.array([self._levels_at(state) for state in states], dtype=np.int64)
            return levels, np.array([1.0 if theta is None else state.probability for state in states])
        shares = np.ones(len(self.start_level)) if theta is None else self.start_shares(theta, centre)
        groups = [range(a, b) for a, b in itertools.pairwise(self.start_start)]
        count = int(np.prod([len(group) for group in groups]))
        if count > MAX_ENTRIES:
            raise Unsupported(f"the starts of the variables combine to {count:,} states; at most {MAX_ENTRIES:,}")
        chosen = np.array(list(itertools.product(*groups)), dtype=np.int64).reshape(-1, len(groups))
        return self.start_level[chosen], np.prod(shares[chosen], axis=1)

    def _levels_at(self, state: StartState) -> list[int]:
        """Return the levels of all variables in a start state, clocks included.

        A variable that the state does not name is at the first of its own start levels.
        """
        known = dict(state.levels)
        return [v.levels.index(known.get(v.id, v.start[0][0])) for v in self.variables]

    # ---------------------------------------------------------------- places

    @property
    def windows(self) -> dict[tuple[float, float], int]:
        """The calendar windows as days [first, last), in the order of `factor_window`."""
        return self._windows

    def local_index(self, move: int, levels: NDArray[np.integer]) -> Ints:
        """Return the table entry of a move in each state. Each row of `levels` (N, V) is a state."""
        index = np.full(len(levels), self.table_start[move], dtype=np.int64)
        for variable, stride in zip(self.move_variables[move], self.move_strides[move], strict=True):
            index += levels[:, variable].astype(np.int64) * stride
        return index

    def branch(self, outcome: int, levels: NDArray[np.integer]) -> Ints:
        """Return the branch of an outcome in each state. Each row of `levels` (N, V) is a state."""
        return self.branch_at(self.local_index(int(self.outcome_move[outcome]), levels), outcome)

    def branch_at(self, entry: Ints, outcome: Ints | int) -> Ints:
        """Return the branches (N,) of an outcome at table entries (N,).

        `outcome` is one index for all entries, or one for each entry (N,).
        """
        return self.branches.entry[entry] + outcome - self.outcome_start[self.outcome_move[outcome]]

    def after(self, outcome: int, levels: NDArray[np.integer], held: Sequence[int] = ()) -> Ints:
        """Return the states (N, V) after an outcome.

        The conditions of effects are checked in the state before the outcome. Shifts stop at the lowest and the highest
        level. The variables in `held` stay as they are.
        """
        result, own = levels.astype(np.int64, copy=True), self.branches
        which = self.branch(outcome, levels)
        for branch in np.flatnonzero(own.outcome == outcome).tolist():
            rows = which == branch
            for effect in range(int(own.effect_start[branch]), int(own.effect_start[branch + 1])):
                variable, amount = int(own.effect_variable[effect]), int(own.effect_amount[effect])
                if variable in held:
                    continue
                old = result[rows, variable] if own.effect_shifts[effect] else 0
                result[rows, variable] = np.clip(old + amount, 0, self.sizes[variable] - 1)
        return self.settled(result)

    def settled(self, levels: Ints) -> Ints:
        """Set clocks back, in place, in states (N, V) where their moves cannot happen.

        A move cannot happen if its guard fails or an ending has been reached.
        """
        if self.clocks:
            over = self.ending(levels) >= 0
            for move, variable in self.clocks:
                levels[over | ~self.possible[self.local_index(move, levels)], variable] = 0
        return levels


def sums_by(index: NDArray[np.integer], weights: Floats, size: int) -> Floats:
    """Return the sums of `weights` by `index` (size,)."""
    return np.asarray(np.bincount(index, weights=weights, minlength=size), dtype=np.float64)


def grid(horizon: float, times: int | Iterable[float] = 60) -> Floats:
    """Return report times in days: 0 and `times` equal steps to the horizon, or the given times."""
    if isinstance(times, int | np.integer):
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        return np.linspace(0.0, horizon, int(times) + 1)
    result = np.asarray(list(times), dtype=float)
    if len(result) == 0 or np.any(np.diff(result) <= 0) or result[0] < 0 or result[-1] > horizon:
        raise ValueError(f"times must increase strictly within 0 and the horizon of {horizon:g} days")
    return result
