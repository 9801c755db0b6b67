"""The states that a log leaves open, and the ways between them.

A state of the walk is a state of the machine together with the count of each row whose window is open. Within a span a
firing that the log would show goes only along an open row, one that it would not show goes anywhere. Where a row closes
only full counts stay. Rates and chances count as positive, so the walk serves every value of the assumptions. Only
states that can still be reached are met, so a machine far too large to list can be walked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from simlib.errors import SimlibError, Unsupported
from simlib.evidence.machine_states import Machine
from simlib.evidence.timetable import Fact, OpenRow, Span, Timetable
from simlib.machine.tables import Tables
from simlib.scenario.evidence import CERTAIN
from simlib.typing import Bits, Bools, Floats, Ints

CAP = 50_000
"""Largest number of states of the walk that may be open at a time."""

_OUTCOMES, _ENTRIES, _RATINGS = 14, 22, 13
"""Bits of an outcome, a table entry and a rating in the number of a slot. The weight has the rest."""

_NONE: Ints = np.zeros(0, dtype=np.int64)


class StoryEnd(NamedTuple):
    """The day from which everything possible has ended, and a machine state in which it has."""

    day: float
    state: int


class ImpossibleRow(SimlibError):
    """No state of the scenario is left once a row closes.

    `row` is the row or fact, `levels` (N, V) are the states that were possible just before, and `day` is when.
    """

    def __init__(self, row: OpenRow | Fact, levels: Ints, day: float) -> None:
        self.row, self.levels, self.day = row, levels, day
        super().__init__(f"{row.reading.row}: no state of the scenario is left")


@dataclass(frozen=True)
class Weights:
    """The weight of a firing, a + b d, with d the chance that it shows: `assumption` is its index, or -1."""

    assumption: Ints
    constant: Floats
    slope: Floats


@dataclass(frozen=True)
class Walk:
    """The walk through all spans, as flat arrays. A span s has its states, and the end has its own.

    machine (N, V), ended (N,): the levels of all machine states met, and which of them are endings.
    days (S,): the length of each span. state (T,): the machine state of each state; state_start (S + 2,) by span.
    pointer: for each span, where the ways into each of its states begin. source: the state each comes from, counted
    within its span; way_start (S + 1,) by span. slot, slot_start: the slots whose rates sum to the rate of each way.
    exit_group: the group of each state. group_slot, group_start: the slots whose rates sum to the exit rate of a group.
    map_*: the linear map from the states at the end of one span to the next, the first from the start states.
    slot_*: rating, table entry, outcome and weight of each slot; its rate is their product.
    story_end: the day on which everything possible had ended, with a machine state, or None.
    """

    machine: Ints
    ended: Bools
    days: Floats
    state_start: Ints
    state: Ints
    pointer: Bits
    way_start: Ints
    source: Bits
    slot: Ints
    slot_start: Ints
    exit_group: Ints
    group_slot: Ints
    group_start: Ints
    map_start: Ints
    map_source: Bits
    map_target: Bits
    map_weight: Floats
    ratings: tuple[Any, ...]
    slot_outcome: Ints
    slot_entry: Ints
    slot_rating: Ints
    slot_weight: Ints
    weights: Weights
    spans: tuple[Span, ...]
    story_end: StoryEnd | None


def explore(tables: Tables, timetable: Timetable, *, cap: int = CAP) -> Walk:
    """Find the states that the log leaves open.

    Raises ImpossibleRow for the first row at whose closing none is left, Unsupported above `cap` states at a time.
    """
    return _Walker(tables, timetable, cap).walk()


@dataclass(frozen=True)
class _Entering:
    """States that enter a span: machine state, counts as one number, the place they come from, and their weight."""

    state: Ints
    count: Ints
    origin: Ints
    weight: Floats

    @classmethod
    def whole(cls, state: Ints, count: Ints) -> _Entering:
        return cls(state, count, np.arange(len(state)), np.ones(len(state)))

    def some(self, keep: Bools, weight: Floats) -> _Entering:
        return _Entering(self.state[keep], self.count[keep], self.origin[keep], (self.weight * weight)[keep])


@dataclass
class _Parts:
    """Arrays of the spans done so far."""

    states: list[Ints] = field(default_factory=list)
    counts: list[Ints] = field(default_factory=list)
    sources: list[Ints] = field(default_factory=list)
    slots: list[Ints] = field(default_factory=list)
    slot_counts: list[Ints] = field(default_factory=list)
    exits: list[Ints] = field(default_factory=list)
    maps: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)


class _Walker:
    """One walk in progress."""

    def __init__(self, tables: Tables, timetable: Timetable, cap: int) -> None:
        self.tables, self.timetable, self.cap = tables, timetable, cap
        self.machine = Machine(tables)
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
        entering, story_end = _Entering.whole(states, np.zeros_like(states)), None
        for span in (*self.timetable.spans, None):
            day = self.timetable.stop if span is None else span.start
            entering = self._cross(entering, self.done[-1] if self.done else None, span, day)
            if span is None or np.all(self.machine.ended[entering.state]):
                if span is not None:
                    story_end = StoryEnd(day, int(entering.state[0]))
                    entering = _Entering(entering.state, entering.count * 0, entering.origin, entering.weight)
                self._record(entering, np.unique(entering.state), 1)
                break
            codes, ways = self._explore(entering, span)
            self._record(entering, codes, self._size(span))
            self._record_ways(codes, ways, span)
            self.done.append(span)
            entering = _Entering.whole(codes // self._size(span), codes % self._size(span))
        return self._assembled(story_end)

    def _size(self, span: Span) -> int:
        """Return the number of combinations of the counts of the open rows."""
        size = 1
        for row in span.open:
            size *= self.timetable.rows[row].times + 1
        if size > 2**40:
            rows = ", ".join(str(self.timetable.rows[row].reading.row) for row in span.open)
            raise Unsupported(f"too many rows are open at a time to count them: {rows}; give more precise dates")
        return size

    def _record(self, entering: _Entering, codes: Ints, size: int) -> None:
        """Keep the states of a span, and the map that leads into them."""
        self.parts.states.append(codes // size)
        target = np.searchsorted(codes, entering.state * size + entering.count)
        self.parts.maps.append((entering.origin, target, entering.weight))

    # ---------------------------------------------------------------- between spans

    def _cross(self, entering: _Entering, before: Span | None, after: Span | None, day: float) -> _Entering:
        """Close the rows that end on a day, look at the facts, and open the rows that begin."""
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
        """Keep full counts. For a doubtful row keep zero too, and weigh the two."""
        full = counts[:, place] == row.times
        keep = full if row.ratio is CERTAIN else full | (counts[:, place] == 0)
        if not np.any(keep):
            raise ImpossibleRow(row, self._levels(entering), day)
        weight = np.where(full, 1.0 if row.ratio is CERTAIN else row.ratio, 1.0)
        return entering.some(keep, weight), counts[keep]

    def _look(self, entering: _Entering, counts: Ints, fact: Fact) -> tuple[_Entering, Ints]:
        levels = self.machine.all_levels()[entering.state].copy()
        if fact.reading.setting:
            alive = ~self.machine.ended[entering.state]
            for name, level in fact.reading.setting:
                variable = self.tables.variable(name)
                levels[alive, variable] = self.tables.level(name, level)
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

    def _explore(self, entering: _Entering, span: Span) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
        """Return the codes of all states of a span, and its ways as (source codes, target codes, slots)."""
        size = self._size(span)
        known = frontier = np.unique(entering.state * size + entering.count)
        parts: list[tuple[Ints, Ints, Ints]] = []
        while len(frontier):
            self.machine.expand(frontier // size)
            ways = self._ways(frontier, size, span)
            reached = np.unique(np.concatenate([target for _, target, _ in ways]))
            frontier = np.setdiff1d(reached, known, assume_unique=True)
            parts += ways
            known = np.union1d(known, frontier)
            if len(known) > self.cap:
                raise Unsupported(self._too_many(len(known), span))
        source, target, slot = (np.concatenate(column) for column in zip(*parts, strict=True))
        return known, (source, target, slot)

    def _ways(self, codes: Ints, size: int, span: Span) -> list[tuple[Ints, Ints, Ints]]:
        """Return the ways out of states: those that the log does not show first, then those along each open row."""
        machine = self.machine
        place, firing = machine.firings(codes // size)
        outcome, target = machine.outcome[firing], machine.target[firing]
        source, count = codes[place], codes[place] % size
        unseen, along, _ = self._weights_of(span)
        moves = target != source // size
        here = np.flatnonzero((unseen[outcome] >= 0) & moves)
        ways = [
            (source[here], target[here] * size + count[here], self._slots(span, firing[here], unseen[outcome[here]]))
        ]
        stride = 1
        for number in span.open:
            times = self.timetable.rows[number].times
            here = np.flatnonzero(self.fits[number][outcome] & (count // stride % (times + 1) < times))
            ways.append(
                (
                    source[here],
                    target[here] * size + count[here] + stride,
                    self._slots(span, firing[here], along[outcome[here]]),
                )
            )
            stride *= times + 1
        return ways

    def _slots(self, span: Span, firing: Ints, weight: Ints) -> Ints:
        """Return what makes up the rate of some firings (rating, entry, outcome, weight), as one number each."""
        rating = self.ratings.setdefault(span.segment.rating, len(self.ratings))
        outcome, entry = self.machine.outcome[firing], self.machine.entry[firing]
        return ((weight << _RATINGS | rating) << _ENTRIES | entry) << _OUTCOMES | outcome

    def _weights_of(self, span: Span) -> tuple[Ints, Ints, Ints]:
        """Return the weight of every outcome (-1: it cannot be): unseen, along a row, and seen without any effect."""
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

    def _record_ways(self, codes: Ints, ways: tuple[Ints, Ints, Ints], span: Span) -> None:
        """Keep the ways of a span by target, with parallel ones merged, and the exit of each state."""
        source, target, slot = np.searchsorted(codes, ways[0]), np.searchsorted(codes, ways[1]), ways[2]
        order = np.lexsort((source, target))
        source, target = source[order], target[order]
        first = np.ones(len(source), dtype=bool)
        first[1:] = (source[1:] != source[:-1]) | (target[1:] != target[:-1])
        starts = np.flatnonzero(first)
        parts = self.parts
        parts.sources.append(source[first])
        parts.counts.append(np.bincount(target[first], minlength=len(codes)))
        parts.slots.append(slot[order])
        parts.slot_counts.append(np.diff(np.append(starts, len(source))))
        states, place = np.unique(codes // self._size(span), return_inverse=True)
        parts.exits.append(self._groups(states, span)[place])

    def _groups(self, states: Ints, span: Span) -> Ints:
        """Return the number of the exit rate of each machine state."""
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
        return Walk(
            machine=self.machine.all_levels(),
            ended=self.machine.ended,
            days=np.array([span.end - span.start for span in self.done], dtype=float),
            state_start=_starts([len(states) for states in parts.states]),
            state=np.concatenate(parts.states),
            pointer=np.concatenate([_starts(counts) for counts in parts.counts] or [_NONE]).astype(np.uint32),
            way_start=_starts([len(source) for source in parts.sources]),
            source=np.concatenate([_NONE, *parts.sources]).astype(np.uint32),
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
        """Return what to declare where the log leaves too much open: the moves that may jump unseen."""
        unseen, _, _ = self._weights_of(span)
        names = [firing for firing, weight in zip(self.tables.outcome_ids, unseen, strict=True) if weight >= 0]
        moves = sorted({move for move, _ in names if not self.tables.scenario.moves[move].covert})
        return (
            f"the log leaves {count:,} states open on {self.tables.scenario.by_date(span.start + 1)}, more than "
            f"{self.cap:,}; say under evidence.seen which of these moves it would show: {', '.join(moves)}"
        )


def _digits(count: Ints, times: Sequence[int]) -> Ints:
    """Return the count of each open row (N, rows)."""
    digits = np.zeros((len(count), len(times)), dtype=np.int64)
    for place, most in enumerate(times):
        digits[:, place] = count % (most + 1)
        count = count // (most + 1)
    return digits


def _starts(counts: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
