"""The tables of a scenario as the flat arrays that the Monte Carlo kernel reads.

`Flat` builds the arrays once per scenario and list of report times. `Flat.values` builds the few arrays that depend on
the assumption values. The module `arrays` describes all arrays.

A *branch* is an outcome of a move in one context. A *pin* is an intervention that sets a variable. A *firing* is one
happening of a move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simlib.engines.montecarlo.arrays import Layout, Structure, Values
from simlib.engines.montecarlo.streams import stream_hash
from simlib.errors import MissingDependency
from simlib.machine.interventions import Action, Segment
from simlib.machine.rewards import Accrual, Impulse, Payment, Rewards
from simlib.machine.tables import Tables
from simlib.scenario.model import Condition
from simlib.typing import Bits, Bools, Floats, Ints

if TYPE_CHECKING:
    from types import ModuleType

_SURE = 2.0
"""Stands for the cumulative probability of the last possible branch, and is above every uniform random number."""


def load_kernel() -> ModuleType:
    """Import the compiled kernel. Raises MissingDependency if Numba cannot be imported."""
    try:
        from simlib.engines.montecarlo import _kernel
    except ImportError as error:
        raise MissingDependency(
            f"the Monte Carlo engine needs Numba, which cannot be imported here ({error}); install it with "
            "`pip install numba`, or use the exact engine, which works without it"
        ) from error
    return _kernel


def ranges(lists: Iterable[Sequence[int]]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Join lists of indices into one array, and return (where each list starts, array)."""
    lists = [list(items) for items in lists]
    starts = np.cumsum([0, *(len(items) for items in lists)])
    return starts.astype(np.uint32), np.array([item for items in lists for item in items], dtype=np.uint32)


class Cumulative:
    """Computes cumulative probabilities within groups.

    `starts` says where each group begins. Each group is summed separately, so its position does not change the sums.
    """

    def __init__(self, starts: Ints) -> None:
        counts = np.diff(starts)
        self._shape = (len(counts), int(counts.max(initial=1)))
        self._row = np.repeat(np.arange(len(counts)), counts)
        self._column = np.arange(int(starts[-1])) - np.repeat(starts[:-1], counts)

    def __call__(self, shares: Floats) -> Floats:
        """Return the running sums of `shares` in each group.

        From the last positive share of a group on, the sums are set to a number above 1.
        """
        table = np.zeros(self._shape)
        table[self._row, self._column] = shares
        last = self._shape[1] - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
        running = np.cumsum(table, axis=1)
        running[np.arange(self._shape[1]) >= last[:, None]] = _SURE
        result: Floats = running[self._row, self._column]
        return result


class Flat:
    """The flat arrays that the kernel reads, for one scenario and one list of report times.

    Args:
        tables: The tables of the scenario.
        segments: The segments of time.
        grid: The report times in days.

    Attributes:
        layout, structure: Arguments of the kernel.
        segments_of_table: One segment for each rate table of the kernel.
        action_numbers: For each one-off intervention, in order of time, its position in the scenario's list of
            interventions. `tried` and `void` of the kernel's output have the same order. A move that the scenario puts
            on a date has the number -1.
        pins: (variable, level) of each intervention that sets a variable.
    """

    def __init__(self, tables: Tables, segments: Sequence[Segment], grid: Floats) -> None:
        self.tables, self.grid = tables, grid
        self.pins = [(a.variable, a.level) for s in segments for a in s.actions if a.move < 0]
        self._dated = [s for s in segments for a in s.actions if a.number < 0]
        self.segments_of_table, self._table = _rate_tables(segments)
        self.action_numbers = tuple(a.number for s in segments for a in s.actions)
        self.rewards = Rewards.of(tables)
        own = self.rewards
        self._rewarded: tuple[Impulse | Accrual | Payment, ...] = (*own.impulses, *own.accruals, *own.payments)
        self._amount: Ints = np.array([item.amount for item in self._rewarded], dtype=np.int64)
        self._spread: Floats = own.spread[self._amount]
        self._chance, self._share = Cumulative(tables.branches.start), Cumulative(self._starts()[0])
        self.layout = self._layout()
        self.structure = self._structure(segments)

    # ---------------------------------------------------------------- values

    def values(self, theta: Floats, centre: Floats | None = None, start: Floats | None = None) -> Values:
        """Return the arrays of the kernel that depend on assumption values.

        `theta` (A,) are the assumption values. If `theta` is a draw of the assumptions, `centre` (A,) holds the stated
        values. `start` (K,) are the probabilities of the joint start states (default: those of the scenario).
        """
        tables = self.tables
        rates = np.concatenate([tables.rates(theta, segment, centre) for segment in self.segments_of_table])
        chance = np.concatenate(
            [self._chance(tables.chances(theta, centre, segment)) for segment in self.segments_of_table]
        )
        shares = tables.start_shares(theta, centre)
        if tables.scenario.joint_start:
            probability = tables.start_states(theta, centre)[1] if start is None else start
            shares = np.tile(probability, len(tables.sizes))
        mean = theta[self._amount]
        # The logarithm of a lognormal amount is normal. Its variance and mean follow from those of the amount.
        variance = np.log1p((self._spread / mean) ** 2)
        return Values(rates, chance, self._share(shares), mean, np.log(mean) - variance / 2, np.sqrt(variance))

    def _starts(self) -> tuple[Ints, Ints, tuple[str, ...]]:
        """Return the possible levels of all variables on day 0, in one array, and how to draw them.

        The result is (where the levels of each variable begin, the levels, names of the random numbers). With a joint
        start (a list of start states), all variables use random numbers of the same name, so that one random number
        picks the state.
        """
        tables = self.tables
        if not tables.scenario.joint_start:
            return tables.start_start, tables.start_level, tables.variable_ids
        levels, _ = tables.start_states()
        groups = np.arange(len(tables.sizes) + 1) * len(levels)
        return groups, levels.T.ravel(), ("joint start",) * len(tables.sizes)

    # ---------------------------------------------------------------- structure

    def _conditions(self) -> list[Condition]:
        scenario = self.tables.scenario
        never = Condition(())
        return [
            *(rung.when for ladder in scenario.ladders.values() for rung in ladder.rungs),
            *(ending.when for ending in scenario.endings.values()),
            *(never if question.when is None else question.when for question in scenario.questions.values()),
            *(item.when for item in self.rewards.accruals),
        ]

    def _layout(self) -> Layout:
        scenario, levels = self.tables.scenario, int(self.tables.sizes.sum())
        rungs = sum(len(ladder.rungs) for ladder in scenario.ladders.values())
        moves = len(self.tables.move_ids)
        parts = [rungs, len(scenario.endings), len(scenario.questions), moves, moves]
        rung, ending, question, move, square, width = (int(place) for place in np.cumsum([levels, *parts]))
        sizes = (len(scenario.endings), len(scenario.questions), len(scenario.impacts), len(self.rewards.impulses))
        return Layout(rung, ending, question, move, square, width, self.tables.words, *sizes)

    def _structure(self, segments: Sequence[Segment]) -> Structure:
        tables = self.tables
        groups, levels, names = self._starts()
        return Structure(
            top=(tables.sizes - 1).astype(np.int32),
            bit=tables.bit_start.astype(np.uint32),
            **self._readers(),
            spread_start=groups.astype(np.uint32),
            spread_level=levels.astype(np.int32),
            start_hash=_hashes("start", names),
            entry=tables.table_start[:-1].astype(np.uint32),
            possible=np.concatenate([tables.possible, *(tables.unruled(segment) for segment in self._dated)]),
            branch=tables.branches.entry.astype(np.uint32),
            move_hash=_hashes("move", tables.move_ids),
            outcome_start=tables.outcome_start.astype(np.uint32),
            **self._effects(),
            **self._consequences(),
            **self._tallies(),
            clock_move=np.array([move for move, _ in tables.clocks], dtype=np.uint32),
            clock_variable=np.array([variable for _, variable in tables.clocks], dtype=np.uint32),
            **self._clauses(),
            segment_end=np.array([s.end for s in segments], dtype=np.float64),
            segment_table=self._table.astype(np.uint32) * np.uint32(tables.table_start[-1]),
            segment_chance=self._table.astype(np.uint32) * np.uint32(tables.branches.start[-1]),
            held=self._held(segments),
            **self._actions(segments),
            grid=np.append(self.grid, np.inf),
            **self._amounts(),
        )

    def _readers(self) -> dict[str, NDArray]:
        tables = self.tables
        readers: list[list[tuple[int, int]]] = [[] for _ in tables.variable_ids]
        for move, (variables, strides) in enumerate(zip(tables.move_variables, tables.move_strides, strict=True)):
            for variable, stride in zip(variables, strides, strict=True):
                readers[variable].append((move, int(stride)))
        start, move_index = ranges([move for move, _ in pairs] for pairs in readers)
        stride_of = np.array([stride for pairs in readers for _, stride in pairs], dtype=np.int32)
        self._reader_moves = [[move for move, _ in pairs] for pairs in readers]
        return {"reader_start": start, "reader_move": move_index, "reader_stride": stride_of}

    def _effects(self) -> dict[str, NDArray]:
        """Return the effects of all outcomes, then of the interventions that set a variable (pins)."""
        own = self.tables.branches
        after = own.effect_start[-1] + np.arange(1, len(self.pins) + 1)
        keep = [*own.effect_shifts, *(False for _ in self.pins)]
        return {
            "effect_start": np.concatenate([own.effect_start, after]).astype(np.uint32),
            "effect_variable": np.array([*own.effect_variable, *(v for v, _ in self.pins)], dtype=np.uint32),
            "effect_keep": np.array(keep, dtype=np.int32),
            "effect_amount": np.array([*own.effect_amount, *(level for _, level in self.pins)], dtype=np.int32),
        }

    def _held(self, segments: Sequence[Segment]) -> Bools:
        """Return, for each segment and effect, whether an intervention holds the effect's variable.

        Effects of interventions are never marked. The result is one flat array, segment after segment.
        """
        none = np.zeros(len(self.pins), dtype=bool)
        rows = [[np.isin(self.tables.branches.effect_variable, segment.held), none] for segment in segments]
        return np.concatenate([part for row in rows for part in row])

    def _changed(self) -> list[set[int]]:
        own = self.tables.branches
        bounds = zip(own.effect_start[:-1], own.effect_start[1:], strict=True)
        branches = [{int(v) for v in own.effect_variable[a:b]} for a, b in bounds]
        return [*branches, *({variable} for variable, _ in self.pins)]

    def _consequences(self) -> dict[str, NDArray]:
        """Return, for each branch (outcome) or pin, the moves, ladders and so on that it may affect."""
        scenario, changed = self.tables.scenario, self._changed()
        ladders = [self._read(*(rung.when for rung in ladder.rungs)) for ladder in scenario.ladders.values()]
        endings = [self._read(ending.when) for ending in scenario.endings.values()]
        questions = [set() if q.when is None else self._read(q.when) for q in scenario.questions.values()]
        awaited = [set(self.tables.move_variables[move].tolist()) for move, _ in self.tables.clocks]
        paces = [self._read(item.when) for item in self.rewards.accruals]
        touched = [sorted({m for v in variables for m in self._reader_moves[v]}) for variables in changed]
        lists = {
            "touched": touched,
            "clock": [_meeting(variables, awaited) for variables in changed],
            "ladder": [_meeting(variables, ladders) for variables in changed],
            "ending": [_meeting(variables, endings) for variables in changed],
            "question": [_meeting(variables, questions) for variables in changed],
            "pace": [_meeting(variables, paces) for variables in changed],
            "answer": [*self._answers(), *([] for _ in self.pins)],
        }
        result = {}
        for name, of_branch in lists.items():
            result[f"{name}_start"], result[name] = ranges(of_branch)
        return result

    def _read(self, *conditions: Condition) -> set[int]:
        return {self.tables.variable(name) for condition in conditions for name in condition.variables}

    def _answers(self) -> list[list[int]]:
        questions = list(enumerate(self.tables.scenario.questions.values()))
        named = [self.tables.outcome_ids[place] for place in self.tables.branches.outcome]
        return [[index for index, question in questions if question.counts(*names)] for names in named]

    def _tallies(self) -> dict[str, NDArray]:
        questions = self.tables.scenario.questions.values()
        return {
            "goal": np.array([q.count.at_least if q.count else 1 for q in questions], dtype=np.int64),
            "lull": np.array([q.lull.days if q.lull else 0.0 for q in questions], dtype=np.float64),
        }

    def _amounts(self) -> dict[str, NDArray]:
        rewards, scenario = self.rewards, self.tables.scenario
        first_payment = len(rewards.impulses) + len(rewards.accruals)
        outcomes = [*self.tables.branches.outcome.tolist(), *(-1 for _ in self.pins)]
        impulse = ranges([k for k, item in enumerate(rewards.impulses) if o in item.outcomes] for o in outcomes)
        payment = ranges(
            [first_payment + k for k, item in enumerate(rewards.payments) if item.ending == ending]
            for ending in range(len(scenario.endings))
        )
        return {
            "amount_impact": np.array([item.impact for item in self._rewarded], dtype=np.uint32),
            "amount_hash": _hashes("amount", ("" if isinstance(a, Accrual) else a.stream for a in self._rewarded)),
            **dict(zip(("impulse_start", "impulse"), impulse, strict=True)),
            **dict(zip(("payment_start", "payment"), payment, strict=True)),
        }

    def _clauses(self) -> dict[str, NDArray]:
        rows = [self.tables.forbidden_bits(condition) for condition in self._conditions()]
        ladders = self.tables.scenario.ladders.values()
        return {
            "rung_start": np.cumsum([0, *(len(ladder.rungs) for ladder in ladders)]).astype(np.uint32),
            "condition_start": np.cumsum([0, *(len(row) for row in rows)]).astype(np.uint32),
            "clause": np.concatenate([np.zeros(0, np.uint64), *(row.ravel() for row in rows)]).astype(np.uint64),
        }

    def _actions(self, segments: Sequence[Segment]) -> dict[str, NDArray]:
        tables, actions = self.tables, [action for segment in segments for action in segment.actions]
        pins = iter(range(len(tables.branches.outcome), len(tables.branches.outcome) + len(self.pins)))
        place = [action.outcome - int(tables.outcome_start[action.move]) for action in actions]
        texts = [_text(tables, action) for action in actions]
        own, entries = np.array([action.number < 0 for action in actions], dtype=np.int64), int(tables.table_start[-1])
        return {
            "action_start": np.cumsum([0, *(len(segment.actions) for segment in segments)]).astype(np.int64),
            "action_move": np.array([action.move for action in actions], dtype=np.int64),
            "action_outcome": np.array(
                [next(pins) if a.move < 0 else max(k, -1) for a, k in zip(actions, place, strict=True)], dtype=np.int64
            ),
            "action_guard": (np.cumsum(own) * own * entries).astype(np.uint32),
            "action_hash": _hashes("force", texts),
            "action_repeat": np.array([texts[:place].count(text) for place, text in enumerate(texts)], dtype=np.int64),
        }


def _text(tables: Tables, action: Action) -> str:
    """Return the name of the random numbers of a move that is forced or has a fixed date."""
    if action.number < 0:
        return f"at its date {tables.move_ids[action.move]}"
    return str(tables.scenario.interventions[action.number])


def _rate_tables(segments: Sequence[Segment]) -> tuple[list[Segment], Ints]:
    """Return one segment for each rate table, and the number of each segment's rate table."""
    places: dict[object, int] = {}
    examples: list[Segment] = []
    for segment in segments:
        if segment.rating not in places:
            places[segment.rating] = len(examples)
            examples.append(segment)
    return examples, np.array([places[segment.rating] for segment in segments], dtype=np.int64)


def _meeting(variables: set[int], readers: Sequence[set[int]]) -> list[int]:
    return [index for index, read in enumerate(readers) if read & variables]


def _hashes(kind: str, names: Iterable[str]) -> Bits:
    return np.array([stream_hash(kind, name) for name in names], dtype=np.uint64)  # type: ignore[arg-type]
