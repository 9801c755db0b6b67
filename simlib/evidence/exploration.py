"""The search for the states that are possible given a log, and for the transitions (`ways`) between them.

`explore` goes through the spans of a timetable, and returns a `Walk`. The terms are the same as in the module `walk`.

A firing that the log would show can happen only along an open row. A firing that the log would not show can happen at
any time. When a row closes, only the states stay in which the row has received all the firings that it reports.

All rates and chances are taken as positive, so one walk serves every value of the assumptions. Only states that can be
reached are visited, so the machine may have far more states than could be listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simlib.errors import Unsupported
from simlib.evidence.backend import load_kernels
from simlib.evidence.machine_states import Machine
from simlib.evidence.timetable import Fact, OpenRow, Span, Timetable
from simlib.evidence.walk import ImpossibleRow, StoryEnd, Walk, Weights
from simlib.scenario.evidence import CERTAIN
from simlib.typing import Bools, Floats, Ints

CAP = 50_000
"""Largest number of states of the walk that may be possible at a time."""

_SPARE = 16
"""Up to this many times `cap` states may be found before the states that cannot be reached are dropped."""

_OUTCOMES, _ENTRIES, _RATINGS = 14, 22, 13
"""Bits of a slot's number for the outcome, the rate table entry and the rating. The other bits hold the weight."""

_NONE: Ints = np.zeros(0, dtype=np.int64)


def explore(machine: Machine, timetable: Timetable, *, cap: int = CAP) -> Walk:
    """Find the states that are possible given the log, and the ways (transitions) between them.

    `machine` may already hold states that earlier walks reached. Raises ImpossibleRow for the first row after which no
    state is possible, and Unsupported if more than `cap` states are possible at a time.
    """
    return _Walker(machine, timetable, cap).walk()


@dataclass(frozen=True)
class _Entering:
    """How probability enters a span of time, as the entries of a matrix from the old cells to the new cells.

    A cell is a machine state together with a combination of counts.

    - state: machine state of the new cell.
    - count: combination of counts of the new cell, packed into one number.
    - origin: index of the old cell. In the first matrix, it is a start state.
    - weight: factor on the probability.
    """

    state: Ints
    count: Ints
    origin: Ints
    weight: Floats

    def some(self, keep: Bools, weight: Floats) -> _Entering:
        return _Entering(self.state[keep], self.count[keep], self.origin[keep], (self.weight * weight)[keep])


@dataclass(frozen=True)
class _Ways:
    """The transitions between the machine states of a span of time, with the slots of their rates.

    A slot is a term of the rate. A transition whose rate has several slots has one entry for each slot. The entries are
    ordered by target, then by open row, then by source.

    - source, target: positions among the machine states of the span.
    - row: 1 for the first open row of the span, and so on, or 0 for no row.
    - slot: the number of the slot, as in `_Walker._slots`.
    """

    source: Ints
    target: Ints
    row: Ints
    slot: Ints

    @classmethod
    def of(cls, source: Ints, target: Ints, row: Ints, slot: Ints) -> _Ways:
        order = np.lexsort((source, row, target))
        return cls(source[order], target[order], row[order], slot[order])

    def first(self) -> Bools:
        """Mark the first entry of each transition.

        Entries with the same source, target and row belong to one transition.
        """
        result = np.ones(len(self.source), dtype=bool)
        for column in (self.source, self.target, self.row):
            result[1:] &= column[1:] == column[:-1]
        result[1:] = ~result[1:]
        return result


@dataclass
class _Parts:
    states: list[Ints] = field(default_factory=list)
    counts: list[Ints] = field(default_factory=list)
    sources: list[Ints] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    slots: list[Ints] = field(default_factory=list)
    slot_counts: list[Ints] = field(default_factory=list)
    exits: list[Ints] = field(default_factory=list)
    maps: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)


class _Walker:
    def __init__(self, machine: Machine, timetable: Timetable, cap: int) -> None:
        self.machine, self.timetable, self.cap = machine, timetable, cap
        self.tables = tables = machine.tables
        self.kernels = load_kernels()
        firings = tables.outcome_ids
        self.kind_of: Ints = np.array([timetable.coverage[firing] for firing in firings], dtype=np.int64)
        self.fits = [np.array([firing in row.firings for firing in firings], dtype=bool) for row in timetable.rows]
        self.weights: dict[tuple[int, float, float], int] = {}
        self.ratings: dict[Any, int] = {}
        self.groups: dict[tuple[Any, int], int] = {}
        self.group_slots: list[Ints] = []
        self.done: list[Span] = []
        self.parts = _Parts()
        self._by_delays: dict[tuple[float | None, ...], Ints] = {}

    def walk(self) -> Walk:
        states = self.machine.find(self.tables.start_states()[0])
        entering = _Entering(states, np.zeros_like(states), np.arange(len(states)), np.ones(len(states)))
        story_end = None
        for span in (*self.timetable.spans, None):
            day = self.timetable.stop if span is None else span.start
            entering = self._cross(entering, self.done[-1] if self.done else None, span, day)
            over = bool(np.all(self.machine.ended[entering.state]))
            if span is None or over:
                entering, early = self._close_early(entering, span) if span else (entering, ())
                story_end = StoryEnd(day, int(entering.state[0]), early) if over else None
                entering = _Entering(entering.state, entering.count * 0, entering.origin, entering.weight)
                self._record(entering, np.unique(entering.state), 1)
                break
            states, ways, open_grid = self._explore(entering, span)
            self._record(entering, states, self._size(span))
            self._record_ways(states, ways, span)
            self.done.append(span)
            place, count = np.nonzero(open_grid)
            origin = place * open_grid.shape[1] + count
            entering = _Entering(states[place], count, origin, np.ones(len(place)))
        return self._assembled(story_end)

    def _size(self, span: Span) -> int:
        """Return how many combinations of counts the open rows of a span have.

        Raises Unsupported if there are too many.
        """
        size = 1
        for row in span.open:
            size *= self.timetable.rows[row].times + 1
        if size > 2**40:
            rows = ", ".join(str(self.timetable.rows[row].reading.row) for row in span.open)
            raise Unsupported(f"too many rows are open at a time to count them: {rows}; give more precise dates")
        return size

    def _record(self, entering: _Entering, states: Ints, size: int) -> None:
        self.parts.states.append(states)
        target = np.searchsorted(states, entering.state) * size + entering.count
        self.parts.maps.append((entering.origin, target, entering.weight))

    # ---------------------------------------------------------------- between spans

    def _cross(self, entering: _Entering, before: Span | None, after: Span | None, day: float) -> _Entering:
        """Close the rows that end by `day`, check the facts of that day, and open the rows of the span `after`."""
        rows = self.timetable.rows
        old = before.open if before else ()
        counts = _digits(entering.count, [rows[row].times for row in old])
        for place, number in enumerate(old):
            if rows[number].end <= day:
                entering, counts = self._close(entering, counts, place, rows[number], day)
        for fact in self.timetable.facts:
            if fact.day == day:
                entering, counts = self._look(entering, counts, fact)
        code = np.zeros(len(entering.state), dtype=np.int64)
        for number in reversed(after.open if after else ()):
            own = counts[:, old.index(number)] if number in old else 0
            code = code * (rows[number].times + 1) + own
        return _Entering(entering.state, code, entering.origin, entering.weight)

    def _close(self, entering: _Entering, counts: Ints, place: int, row: OpenRow, day: float) -> tuple[_Entering, Ints]:
        """Keep only the cells in which the row has counted all the firings that it reports.

        For a doubtful row, also keep the cells in which it counted none. The likelihood ratio of the row then
        multiplies the weights of the cells with all firings.
        """
        full = counts[:, place] == row.times
        keep = full if row.ratio is CERTAIN else full | (counts[:, place] == 0)
        if not np.any(keep):
            raise ImpossibleRow(row, self._levels(entering), day)
        weight = np.where(full, 1.0 if row.ratio is CERTAIN else row.ratio, 1.0)
        return entering.some(keep, weight), counts[keep]

    def _close_early(self, entering: _Entering, span: Span) -> tuple[_Entering, tuple[OpenRow | Fact, ...]]:
        """Close open rows and check facts on the day on which the story ends. Nothing happens after that day.

        An open row is taken in if its date is before that day, or if all its firings may have happened already. A fact
        that would be checked later is taken in if its date is before that day.

        Returns:
            The entries that stay, and the rows and facts that were taken in.
        """
        day, early = span.start, list[OpenRow | Fact]()
        counts = _digits(entering.count, [self.timetable.rows[row].times for row in span.open])
        for place, row in enumerate(self.timetable.rows[number] for number in span.open):
            if np.any(counts[:, place] == row.times) or self._dated(row) < day:
                entering, counts = self._close(entering, counts, place, row, day)
                early.append(row)
        for fact in self.timetable.facts:
            if fact.day > day > self._dated(fact):
                entering, counts = self._look(entering, counts, fact)
                early.append(fact)
        return entering, tuple(early)

    def _dated(self, item: OpenRow | Fact) -> float:
        return min(self.tables.scenario.day(reading.row.date) for reading in item.readings)

    def _look(self, entering: _Entering, counts: Ints, fact: Fact) -> tuple[_Entering, Ints]:
        levels = self.machine.all_levels()[entering.state].copy()
        if fact.reading.setting:
            alive = ~self.machine.ended[entering.state]
            for name, level in fact.reading.setting:
                variable = self.tables.variable(name)
                levels[alive, variable] = self.tables.level(name, level)
            levels = self.tables.settled(levels)
            return _Entering(self.machine.find(levels), entering.count, entering.origin, entering.weight), counts
        assert fact.reading.level is not None
        holds, ratio = self.tables.holds(fact.reading.level, levels), fact.reading.ratio
        keep = holds if ratio is CERTAIN else np.ones(len(holds), dtype=bool)
        if not np.any(keep):
            raise ImpossibleRow(fact, self._levels(entering), fact.day)
        weight = np.where(holds, 1.0, 1.0 if ratio is CERTAIN else 1 / ratio)
        return entering.some(keep, weight), counts[keep]

    def _levels(self, entering: _Entering) -> Ints:
        return self.machine.all_levels()[np.unique(entering.state)]

    # ---------------------------------------------------------------- within a span

    def _explore(self, entering: _Entering, span: Span) -> tuple[Ints, _Ways, Bools]:
        """Return the machine states that can be reached in a span, the transitions between them, and the cells.

        The cells are an array (states, combinations of counts) that marks the combinations that can be reached.
        """
        known = frontier = np.unique(entering.state)
        unseen, _, _ = self._weights_of(span)
        onward = unseen >= 0
        for row in span.open:
            onward = onward | self.fits[row]
        while len(frontier):
            self.machine.expand(frontier)
            _, firing = self.machine.firings(frontier)
            reached = np.unique(self.machine.target[firing[onward[self.machine.outcome[firing]]]])
            frontier = np.setdiff1d(reached, known, assume_unique=True)
            known = np.union1d(known, frontier)
            self._check(len(known), span)
        self._check(len(known) * self._size(span) // _SPARE, span)
        ways = self._ways(known, span)
        grid = np.zeros((len(known), self._size(span)), dtype=bool)
        grid[np.searchsorted(known, entering.state), entering.count] = True
        self._spread(grid, ways, span)
        keep: Bools = np.any(grid, axis=1)
        place = np.cumsum(keep) - 1
        some = keep[ways.source] & keep[ways.target]
        ways = _Ways(place[ways.source[some]], place[ways.target[some]], ways.row[some], ways.slot[some])
        self._check(int(np.count_nonzero(keep)) * grid.shape[1], span)
        return known[keep], ways, grid[keep]

    def _ways(self, states: Ints, span: Span) -> _Ways:
        """Return the transitions between machine states that are possible in a span.

        Each comes from a firing (a move with an outcome) that the log may omit, or that an open row counts.
        """
        machine = self.machine
        source, firing = machine.firings(states)
        outcome, target = machine.outcome[firing], machine.target[firing]
        unseen, along, _ = self._weights_of(span)
        kinds = [(0, (unseen[outcome] >= 0) & (target != states[source]), unseen)]
        kinds += [(place, self.fits[row][outcome], along) for place, row in enumerate(span.open, start=1)]
        parts = []
        for row, fits, weight in kinds:
            here = np.flatnonzero(fits)
            slot = self._slots(span, firing[here], weight[outcome[here]])
            parts.append((source[here], np.searchsorted(states, target[here]), np.full(len(here), row), slot))
        return _Ways.of(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _spread(self, grid: Bools, ways: _Ways, span: Span) -> None:
        stride, times = self._strides(span)
        pointer = _starts(np.bincount(ways.target, minlength=len(grid)))
        self.kernels.spread(grid, pointer, ways.source, ways.row, stride, times)

    def _strides(self, span: Span) -> tuple[Ints, Ints]:
        times: Ints = np.array([self.timetable.rows[row].times for row in span.open], dtype=np.int64)
        return np.concatenate([[1], np.cumprod(times + 1)])[:-1].astype(np.int64), times

    def _fresh(self, number: int, span: Span) -> int:
        """Return how many firings a row reports, or 0 if the row is open already before the span begins."""
        row = self.timetable.rows[number]
        return row.times if row.start == span.start else 0

    def _check(self, count: int, span: Span) -> None:
        if count > self.cap:
            raise Unsupported(self._too_many(count, span))

    def _slots(self, span: Span, firing: Ints, weight: Ints) -> Ints:
        """Return one number for each firing, into which its weight, rating, entry and outcome are packed."""
        rating = self.ratings.setdefault(span.segment.rating, len(self.ratings))
        outcome, entry = self.machine.outcome[firing], self.machine.entry[firing]
        return ((weight << _RATINGS | rating) << _ENTRIES | entry) << _OUTCOMES | outcome

    def _weights_of(self, span: Span) -> tuple[Ints, Ints, Ints]:
        """Return three arrays with the index of a weight for each outcome. The index -1 stands for a weight of 0.

        - The probability that the log does not show a firing by the date of the answer, for transitions that no row
          counts.
        - The probability that the log ever shows a firing, for transitions that a row counts.
        - The probability that the log shows a firing by the date of the answer, for firings that change no state.

        On days on which the absence of rows says nothing, these probabilities are 1, 1 and 0.
        """
        if span.delays not in self._by_delays:
            kinds = [
                self._weights_of_kind(kind.chance, delay)
                for kind, delay in zip(self.timetable.kinds, span.delays, strict=True)
            ]
            table: Ints = np.array(kinds, dtype=np.int64).reshape(-1, 3)
            self._by_delays[span.delays] = table[self.kind_of].T
        unseen, along, still = self._by_delays[span.delays]
        return unseen, along, still

    def _weights_of_kind(self, chance: float | str, delay: float | None) -> tuple[int, int, int]:
        if delay is None:
            return self._weight(-1, 1.0, 0.0), self._weight(-1, 1.0, 0.0), -1
        if isinstance(chance, str):
            index = self.tables.assumption(chance)
            along, still = self._weight(index, 0.0, 1.0), self._weight(index, 0.0, delay)
            return self._weight(index, 1.0, -delay), along, still
        return (
            self._weight(-1, 1.0 - chance * delay, 0.0),
            self._weight(-1, chance, 0.0),
            self._weight(-1, chance * delay, 0.0),
        )

    def _weight(self, assumption: int, constant: float, slope: float) -> int:
        if constant == slope == 0:
            return -1
        return self.weights.setdefault((assumption if slope else -1, constant, slope), len(self.weights))

    # ---------------------------------------------------------------- flat arrays

    def _record_ways(self, states: Ints, ways: _Ways, span: Span) -> None:
        first = ways.first()
        parts = self.parts
        parts.sources.append(ways.source[first])
        parts.rows.append(ways.row[first])
        parts.counts.append(np.bincount(ways.target[first], minlength=len(states)))
        parts.slots.append(ways.slot)
        parts.slot_counts.append(np.diff(np.append(np.flatnonzero(first), len(first))))
        parts.exits.append(self._groups(states, span))

    def _groups(self, states: Ints, span: Span) -> Ints:
        """Return, for each machine state, the number of its group. States of one group have the same exit rate."""
        rule = (span.segment.rating, span.delays)
        new = [state for state in states.tolist() if (rule, state) not in self.groups]
        if new:
            numbers = np.array(new, dtype=np.int64)
            place, firing = self.machine.firings(numbers)
            moves = self.machine.target[firing] != numbers[place]
            _, _, still = self._weights_of(span)
            whole = self._weight(-1, 1.0, 0.0)
            weight = np.where(moves, whole, still[self.machine.outcome[firing]])
            slot = self._slots(span, firing, weight)
            for index, state in enumerate(new):
                self.groups[(rule, state)] = len(self.groups)
                self.group_slots.append(slot[(place == index) & (weight >= 0)])
        return np.array([self.groups[(rule, state)] for state in states.tolist()], dtype=np.int64)

    def _assembled(self, story_end: StoryEnd | None) -> Walk:
        parts = self.parts
        slots, place = np.unique(np.concatenate([_NONE, *parts.slots, *self.group_slots]), return_inverse=True)
        ways = sum(len(slot) for slot in parts.slots)
        group_counts = [len(slot) for slot in self.group_slots]
        weights = np.array(list(self.weights), dtype=float).reshape(-1, 3)
        maps = [np.concatenate([_NONE, *column]) for column in zip(*parts.maps, strict=True)]
        sizes = [self._size(span) for span in self.done]
        grids = [len(states) * size for states, size in zip(parts.states, [*sizes, 1], strict=True)]
        strides = [self._strides(span) for span in self.done]
        return Walk(
            machine=self.machine.all_levels(),
            ended=self.machine.ended,
            days=np.array([span.end - span.start for span in self.done], dtype=float),
            sizes=np.array(sizes, dtype=np.int64),
            state=np.concatenate(parts.states),
            state_start=_starts([len(states) for states in parts.states]),
            grid_start=_starts(grids),
            pointer=np.concatenate([_starts(counts) for counts in parts.counts] or [_NONE]).astype(np.uint32),
            way_start=_starts([len(source) for source in parts.sources]),
            source=np.concatenate([_NONE, *parts.sources]).astype(np.uint32),
            row=np.concatenate([_NONE, *parts.rows]).astype(np.uint32),
            stride=np.concatenate([_NONE, *(stride for stride, _ in strides)]),
            times=np.concatenate([_NONE, *(times for _, times in strides)]),
            fresh=np.array([self._fresh(row, span) for span in self.done for row in span.open], dtype=np.int64),
            row_start=_starts([len(times) for _, times in strides]),
            slot=place[:ways],
            slot_start=_starts(np.concatenate([_NONE, *parts.slot_counts])),
            exit_group=np.concatenate([_NONE, *parts.exits]),
            group_slot=place[ways:],
            group_start=_starts(group_counts),
            map_start=_starts([len(origin) for origin, _, _ in parts.maps]),
            map_source=maps[0].astype(np.uint32),
            map_target=maps[1].astype(np.uint32),
            map_weight=maps[2].astype(float),
            ratings=tuple(self.ratings),
            slot_outcome=slots & (1 << _OUTCOMES) - 1,
            slot_entry=slots >> _OUTCOMES & (1 << _ENTRIES) - 1,
            slot_rating=slots >> _OUTCOMES + _ENTRIES & (1 << _RATINGS) - 1,
            slot_weight=slots >> _OUTCOMES + _ENTRIES + _RATINGS,
            weights=Weights(weights[:, 0].astype(np.int64), weights[:, 1], weights[:, 2]),
            spans=tuple(self.done),
            story_end=story_end,
        )

    def _too_many(self, count: int, span: Span) -> str:
        unseen, _, _ = self._weights_of(span)
        names = [firing for firing, weight in zip(self.tables.outcome_ids, unseen, strict=True) if weight >= 0]
        moves = sorted({move for move, _ in names if not self.tables.scenario.moves[move].covert})
        return (
            f"the log leaves {count:,} states open on {self.tables.scenario.date_at(span.start)}, more than "
            f"{self.cap:,}; say under evidence.seen which of these moves the log would show: {', '.join(moves)}"
        )


def _digits(count: Ints, times: Sequence[int]) -> Ints:
    """Return the count of each open row (n, rows). `count` (n,) has these counts packed into one number each."""
    digits = np.zeros((len(count), len(times)), dtype=np.int64)
    for place, most in enumerate(times):
        digits[:, place] = count % (most + 1)
        count = count // (most + 1)
    return digits


def _starts(counts: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
