"""A scenario as arrays: the rates of moves, the chances of outcomes, and the start states.

Both engines use these arrays, with indices in place of ids. Each move has a *local table*, with one entry for each
combination of levels of the variables that the move reads. The move reads a variable in its guard (the condition under
which it can happen) and in the conditions of its factors and effects. An entry holds the indices of the assumptions
whose product is the hazard of the move. For new assumption values, one gather and one product therefore give all rates
(`Tables.rates`), without a Python loop over moves. The Monte Carlo kernel finds an entry by strides. The exact engine
stores the index of the entry for each edge of its state graph.

An entry also determines the *context* of the move: which conditions on its outcomes hold. An outcome in a context is a
*branch*, which has one chance and one list of effects (`Branches`).

θ is the vector of assumption values. The *extended* θ (`Standing.extended`) is θ followed by other numbers that can
multiply a rate, such as 1, 0 and the rates of policies.

Sizes: N states, V variables, M moves, A assumptions. Over all moves: O outcomes, B branches, E entries of local tables.
Over all variables: S levels at which they may start. In `start_states`, S counts start states. F is the largest number
of factors of one move, plus one for its base rate. K is the largest number of factors of one outcome.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simlib.errors import Problem, ScenarioError, Unsupported
from simlib.machine.branches import Branches
from simlib.machine.clocks import clock_id, clocks_of, wound
from simlib.machine.interventions import Segment, Standing, concerns
from simlib.machine.shares import normalized_shares
from simlib.machine.state_index import StateIndex
from simlib.scenario.model import Assume, Forbid, Move, Policy, Scenario, StartState, Window
from simlib.typing import Bools, Floats, Ints

__all__ = ["Tables"]

MAX_ENTRIES = 2_000_000
"""Largest number of combinations of levels in the table of one move, and of states in which a scenario may start."""


class Tables(StateIndex):
    """The arrays of one scenario that do not depend on the assumption values.

    Sizes are as in the module docstring. A hidden clock is a variable that counts the stages of a move's wait.

    Attributes:
        moves, variables: The moves and variables of the scenario, then those of the hidden clocks.
        windows: The periods of the calendar: {(first day, day after the last): index of the period}.
        clocks: For each hidden clock the indices (move, variable).
        move_variables[m]: The variables that move m reads.
        move_strides[m]: The strides of these variables in the local table of move m.
        table_start (M + 1,): The index of the first table entry of each move.
        outcome_start (M + 1,): The index of the first outcome of each move.
        branches: The outcomes in each context, with their chances, factors and effects.
        possible (E,): Whether the guard (condition) of the move holds at a table entry.
        factor_index (F, E): Indices into the extended θ. Row 0 is the base rate, or the number 0 where the guard fails.
        factor_window (F, E): The index of the period in which each factor applies, -1 if it always applies.
    """

    def __init__(self, scenario: Scenario, *, ignore_windows: bool = False) -> None:
        clocks = clocks_of(scenario)
        super().__init__(scenario, (*scenario.variables.values(), *(clock.variable for clock in clocks)))
        self.ignore_windows = ignore_windows
        self.moves = (*(wound(move, clocks) for move in scenario), *(clock.tick for clock in clocks))
        self.assumption_ids = tuple(scenario.assumptions)
        self.move_ids = tuple(move.id for move in self.moves)
        self._assumption = {name: index for index, name in enumerate(self.assumption_ids)}
        self._move = {name: index for index, name in enumerate(self.move_ids)}
        self.windows: dict[tuple[float, float], int] = {}
        self.standing = Standing(scenario)
        self.clocks = tuple((self._move[clock.move], self._variable[clock.variable.id]) for clock in clocks)
        self.branches = Branches(self, self._assumption, self.window)
        self._build_moves()
        self._build_outcomes()
        self._build_starts()
        self._index_cache: dict[tuple[tuple[int, ...], tuple[int, ...]], Ints] = {}
        self._factor_cache: dict[tuple[tuple[int, ...], tuple[int, ...]], Ints] = {}

    # ---------------------------------------------------------------- names to indices

    def move(self, name: str) -> int:
        """Return the index of the move with this id."""
        return self._move[name]

    def assumption(self, name: str) -> int:
        """Return the index of an assumption in θ, the vector of assumption values."""
        return self._assumption[name]

    def outcome(self, move: str, outcome: str) -> int:
        """Return the index of an outcome of a move among the outcomes of all moves."""
        names = [o.id for o in self.scenario.moves[move].outcomes]
        return int(self.outcome_start[self._move[move]]) + names.index(outcome)

    # ---------------------------------------------------------------- building

    def _build_moves(self) -> None:
        blocks = [self._local_table(move) for move in self.moves]
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
        self.move_window: Ints = np.array([self.window(move.between) for move in self.moves], dtype=np.int64)
        self.entry_move: Ints = np.repeat(np.arange(len(self.moves)), counts).astype(np.int64)
        self.possible: Bools = np.concatenate([np.zeros(0, dtype=bool), *(block[4] for block in blocks)])

    def _local_table(self, move: Move) -> tuple[Ints, Ints, Ints, Ints, Bools]:
        """Return the arrays of one move, and add its outcomes to `branches`.

        The arrays are, in this order: the indices of rate and factors, the indices of their calendar windows, the
        variables, the strides of the variables, and whether the move is possible at each entry.
        """
        conditions = [move.when, *(factor.when for _, factor in move.placed_factors())]
        conditions += [effect.when for outcome in move.outcomes for effect in outcome.effects]
        names = [*(name for when in conditions for name in when.variables), *self.standing.variables(move)]
        names += move.per
        clock = clock_id(move.id) if clock_id(move.id) in self._variable else None
        names += [clock] if clock else []
        variables = np.array(sorted({self._variable[name] for name in names}), dtype=np.int64)
        self._check_size(move, int(np.prod(self.sizes[variables])))
        strides, local = self.strides(variables), self.local_levels(variables)
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
        if clock is None:
            return np.ones(len(local), dtype=bool)
        variable = self._variable[clock]
        return np.asarray(local[:, variable] == self.sizes[variable] - 1)

    def _check_size(self, move: Move, entries: int) -> None:
        if entries > MAX_ENTRIES:
            raise ScenarioError(
                Problem(
                    self.scenario.path,
                    0,
                    f"moves.{move.id}",
                    f"its guard and factors read so many variables that its table would have {entries:,} entries",
                    f"expected at most {MAX_ENTRIES:,}; let the move read fewer variables",
                )
            )

    def window(self, window: Window | None) -> int:
        """Return the index of a period of the calendar, or -1 for None or if periods are ignored."""
        if window is None or self.ignore_windows:
            return -1
        days = (self.scenario.day(window.first), self.scenario.day(window.last) + 1.0)
        return self.windows.setdefault(days, len(self.windows))

    def _build_outcomes(self) -> None:
        counts = [len(move.outcomes) for move in self.moves]
        self.outcome_ids = tuple((move.id, outcome.id) for move in self.moves for outcome in move.outcomes)
        self.outcome_start: Ints = np.cumsum([0, *counts]).astype(np.int64)
        self.outcome_move: Ints = np.repeat(np.arange(len(counts)), counts).astype(np.int64)

    def _build_starts(self) -> None:
        pairs = [
            (self.level(v.id, level), -1 if share is None else self._assumption[share])
            for v in self.variables
            for level, share in v.start
        ]
        self.start_level: Ints = np.array([level for level, _ in pairs], dtype=np.int64)
        self.start_chance: Ints = np.array([chance for _, chance in pairs], dtype=np.int64)
        counts = [len(v.start) for v in self.variables]
        self.start_start: Ints = np.cumsum([0, *counts]).astype(np.int64)

    # ---------------------------------------------------------------- values

    def index(self, segment: Segment | None = None) -> Ints:
        """Return the indices (F, E) of the factors of every table entry in a segment of time.

        The result is `factor_index`, changed for interventions in force and for factors that apply only on other dates.
        Without a segment, the result is `factor_index` itself.
        """
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
        """Return, for each rate table entry (E,), whether an intervention applies to it.

        An intervention applies if its condition holds, the entry's move is possible, and the intervention `concerns`
        this move.
        """
        result = np.zeros(len(self.possible), dtype=bool)
        for index, move in enumerate(self.moves):
            if concerns(item, move):
                entries = slice(*(int(x) for x in self.table_start[index : index + 2]))
                local = self.local_levels(self.move_variables[index])
                result[entries] = self.possible[entries] & self.holds(item.when, local)
        return result

    def unruled(self, segment: Segment) -> Bools:
        """Return at which entries (E,) a move is possible and no intervention replaces its rate.

        Only the policies and prohibitions in force in `segment` replace rates.
        """
        ruling = [self.standing.items[number] for number in segment.standing]
        ruled = [self._applies(item) for item in ruling if isinstance(item, Forbid | Policy)]
        return np.logical_and.reduce([self.possible, *(~entries for entries in ruled)])

    def rates(self, theta: Floats, segment: Segment | None = None, centre: Floats | None = None) -> Floats:
        """Return the hazard per day of every table entry (E,).

        Args:
            theta: The assumption values (A,).
            segment: A stretch of time. None: no intervention is in force, and limits to calendar dates are ignored.
            centre: The medians of the assumptions (A,), if `theta` is a random draw. A value that an intervention gives
                to an assumption is then multiplied by theta / centre. For a chance, its odds are multiplied by the odds
                ratio.
        """
        result: Floats = np.multiply.reduce(self.standing.extended(theta, centre)[self.index(segment)], axis=0)
        return result

    def chances(self, theta: Floats, centre: Floats | None = None, segment: Segment | None = None) -> Floats:
        """Return the chance of every branch (B,): of every outcome in every context of its move.

        A context is a combination of truth values of the conditions on a move's outcomes. The chances in one context
        sum to one. Factors on outcomes multiply the chances before the chances are normalized.

        Args:
            theta: The assumption values (A,).
            centre: The medians of the assumptions (A,), if `theta` is a random draw. Each median chance is then
                multiplied by the odds ratio of drawn value and median, and the chances are normalized. If only one
                branch of a context is uncertain and no factors apply, its chance is exactly the drawn value. None: the
                values in `theta` are the chances.
            segment: A stretch of time. None: no intervention is in force, and limits to calendar dates are ignored.

        Raises:
            ScenarioError: If the stated chances of a move sum to more than one.
        """
        weight = self.weights(theta, segment, centre)
        theta, centre = self.standing.in_place(theta, segment, centre)
        branches = self.branches
        return normalized_shares(theta, centre, branches.chance, branches.start, self._outcome_place, weight)

    def weights(self, theta: Floats, segment: Segment | None = None, centre: Floats | None = None) -> Floats:
        """Return the product of the factors on each branch (B,), which is 1 without factors.

        A branch is an outcome in one context of its move (see `chances`). The arguments are those of
        `rates`.
        """
        extended = self.standing.extended(theta, centre)
        result: Floats = np.multiply.reduce(extended[self.branch_factors(segment)], axis=0)
        return result

    def branch_factors(self, segment: Segment | None = None) -> Ints:
        """Return the indices (K, B) of the factors on every branch's chance in a segment of time.

        The result is `branches.factor`, changed for interventions in force and for factors that apply only on other
        dates. Without a segment, the result is `branches.factor` itself.
        """
        if segment is None or not (segment.closed or segment.standing):
            return self.branches.factor
        if segment.rating not in self._factor_cache:
            factor = self.branches.factor.copy()
            factor[np.isin(self.branches.window, segment.closed)] = len(self.assumption_ids)
            self.standing.assume(factor, segment, lambda item: self.holds(item.when, self.branches.state))
            self._factor_cache[segment.rating] = factor
        return self._factor_cache[segment.rating]

    def start_shares(self, theta: Floats, centre: Floats | None = None) -> Floats:
        """Return the probability of every level (S,) at which any of the variables may start.

        The probabilities of the levels of one variable sum to one. `theta` (A,) are the assumption values. If `theta`
        is a random draw, `centre` (A,) holds the medians of the assumptions.
        """
        return normalized_shares(theta, centre, self.start_chance, self.start_start, self._start_place)

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

        Args:
            theta: The assumption values (A,). None: all probabilities are returned as 1, for a caller that needs only
                the states.
            centre: The medians of the assumptions (A,), if `theta` is a random draw.

        If the scenario lists its start states (a joint start), their probabilities do not depend on `theta`.

        Raises:
            Unsupported: If the variables can start in too many combinations of levels.
        """
        if self.scenario.joint_start:
            states = self.scenario.joint_start
            levels: Ints = np.array([self._levels_at(state) for state in states], dtype=np.int64)
            return levels, np.array([1.0 if theta is None else state.probability for state in states])
        shares = np.ones(len(self.start_level)) if theta is None else self.start_shares(theta, centre)
        groups = [range(a, b) for a, b in itertools.pairwise(self.start_start)]
        count = int(np.prod([len(group) for group in groups]))
        if count > MAX_ENTRIES:
            raise Unsupported(f"the starts of the variables combine to {count:,} states; at most {MAX_ENTRIES:,} fit")
        chosen = np.array(list(itertools.product(*groups)), dtype=np.int64).reshape(-1, len(groups))
        return self.start_level[chosen], np.prod(shares[chosen], axis=1)

    def _levels_at(self, state: StartState) -> list[int]:
        """Return the level of each variable in a start state, as an index.

        A variable that the start state omits is at the first level of its `start`.
        """
        known = dict(state.levels)
        return [v.levels.index(known.get(v.id, v.start[0][0])) for v in self.variables]

    # ---------------------------------------------------------------- places

    def local_index(self, move: int, levels: NDArray[np.integer]) -> Ints:
        """Return the index (N,) of the table entry of a move in each state of `levels` (N, V)."""
        index = np.full(len(levels), self.table_start[move], dtype=np.int64)
        for variable, stride in zip(self.move_variables[move], self.move_strides[move], strict=True):
            index += levels[:, variable].astype(np.int64) * stride
        return index

    def branch(self, outcome: int, levels: NDArray[np.integer]) -> Ints:
        """Return the index (N,) of an outcome's chance and effects in each state of `levels` (N, V)."""
        return self.branch_at(self.local_index(int(self.outcome_move[outcome]), levels), outcome)

    def branch_at(self, entry: Ints, outcome: Ints | int) -> Ints:
        """Return the index (N,) of an outcome's chance and effects at each table entry `entry` (N,).

        `outcome` is one outcome for all entries, or one for each entry (N,), numbered over all moves.
        """
        return self.branches.entry[entry] + outcome - self.outcome_start[self.outcome_move[outcome]]

    def after(self, outcome: int, levels: NDArray[np.integer], held: Sequence[int] = ()) -> Ints:
        """Return the states (N, V) after an outcome of a move happens in the states `levels` (N, V).

        The conditions of effects are tested in the state before the outcome. A shift stops at the lowest or the highest
        level. The variables in `held` (indices) keep their levels.
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
        """Set hidden clocks of impossible moves back to the first stage in states `levels` (N, V).

        A hidden clock is a variable that counts the stages of a move's wait. A move is impossible if its guard
        (condition) fails or an ending has been reached. The array `levels` is changed in place and also returned.
        """
        if self.clocks:
            over = self.ending(levels) >= 0
            for move, variable in self.clocks:
                levels[over | ~self.possible[self.local_index(move, levels)], variable] = 0
        return levels
