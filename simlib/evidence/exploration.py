"""The search for the possible states given a log and the transitions (`ways`) between them.

`explore` goes through the spans of a timetable, and returns a `Walk`. The terms are the same as in the module `walk`.

A firing that the log would show can happen only along an open row. A firing that the log would not show can happen at
any time. When a row closes, only the states stay in which the row has received all the firings that it reports (for a
doubtful row, all or none).

All rates and chances are taken as positive, so one walk serves every value of the assumptions. Only states that can be
reached are visited, so the scenario may have far more states than could be listed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.errors import Unsupported
from simlib.evidence.backend import load_kernels
from simlib.evidence.crossings import Crossings, Entering
from simlib.evidence.rate_terms import RateTerms, unpacked
from simlib.evidence.state_graph import StateGraph
from simlib.evidence.timetable import Span, Timetable
from simlib.evidence.walk import StoryEnd, Walk
from simlib.typing import Bools, Floats, Ints

WALK_STATE_CAP = 50_000
"""Largest number of states of the walk that may be possible at a time."""

_SPARE = 16
"""Up to this many times `cap` states may be found before the states that cannot be reached are dropped."""


def explore(graph: StateGraph, timetable: Timetable, *, cap: int = WALK_STATE_CAP) -> Walk:
    """Find the states that are possible given the log, and the ways (transitions) between them.

    `graph` may already hold states that earlier walks reached. Raises ImpossibleRow for the first row after which no
    state is possible, and Unsupported if more than `cap` states are possible at a time.
    """
    return _Walker(graph, timetable, cap).walk()


@dataclass(frozen=True)
class _Ways:
    """The transitions between the machine states of a span, with the slots of their rates.

    A slot is a term of the rate. A transition whose rate has several slots has one entry for each slot. The entries are
    ordered by target, then by open row, then by source.

    - source, target: positions among the machine states of the span.
    - row: 1 for the first open row of the span, and so on, or 0 for no row.
    - slot: the number of the slot, as in `RateTerms.slots`.
    """

    source: Ints
    target: Ints
    row: Ints
    slot: Ints

    def first(self) -> Bools:
        """Mark the first entry of each transition.

        Entries with the same source, target and row belong to one transition.
        """
        result = np.ones(len(self.source), dtype=bool)
        for column in (self.source, self.target, self.row):
            result[1:] &= column[1:] == column[:-1]
        result[1:] = ~result[1:]
        return result


class _Walker:
    def __init__(self, graph: StateGraph, timetable: Timetable, cap: int) -> None:
        self.graph, self.timetable, self.cap = graph, timetable, cap
        self.tables = graph.tables
        self.kernels = load_kernels()
        self.crossings, self.terms = Crossings(graph, timetable), RateTerms(graph, timetable)
        firings = self.tables.outcome_ids
        self.fits = [np.array([firing in row.firings for firing in firings], dtype=bool) for row in timetable.rows]
        self.done: list[Span] = []
        self.states: list[Ints] = []
        self.ways: list[_Ways] = []
        self.exits: list[Ints] = []
        self.maps: list[tuple[Ints, Ints, Floats]] = []

    def walk(self) -> Walk:
        states = self.graph.find(self.tables.start_states()[0])
        entering = Entering(states, np.zeros_like(states), np.arange(len(states)), np.ones(len(states)))
        story_end = None
        for span in (*self.timetable.spans, None):
            day = self.timetable.stop if span is None else span.start
            entering = self.crossings.cross(entering, self.done[-1] if self.done else None, span, day)
            over = bool(np.all(self.graph.ended[entering.state]))
            if span is None or over:
                if span:
                    entering, story_end = self.crossings.close_early(entering, span)
                elif over:
                    story_end = StoryEnd(day, int(entering.state[0]))
                entering = dataclasses.replace(entering, count=np.zeros_like(entering.count))
                self._record(entering, np.unique(entering.state), 1)
                break
            states, ways, open_grid = self._explore(entering, span)
            self._record(entering, states, self._size(span))
            self.ways.append(ways)
            self.exits.append(self.terms.exit_groups(states, span))
            self.done.append(span)
            place, count = np.nonzero(open_grid)
            origin = place * open_grid.shape[1] + count
            entering = Entering(states[place], count, origin, np.ones(len(place)))
        return self._assembled(story_end)

    def _size(self, span: Span) -> int:
        """Return how many combinations of counts the open rows of a span have.

        Raises Unsupported if there are too many.
        """
        size = math.prod(self.timetable.rows[row].times + 1 for row in span.open)
        if size > 2**40:
            rows = ", ".join(str(self.timetable.rows[row].reading.row) for row in span.open)
            raise Unsupported(f"the possible days of too many rows overlap: {rows}; give more precise dates")
        return size

    def _record(self, entering: Entering, states: Ints, size: int) -> None:
        self.states.append(states)
        target = np.searchsorted(states, entering.state) * size + entering.count
        self.maps.append((entering.origin, target, entering.weight))

    # ---------------------------------------------------------------- within a span

    def _explore(self, entering: Entering, span: Span) -> tuple[Ints, _Ways, Bools]:
        """Return a span's reachable machine states, the transitions between them, and the cells.

        The cells are an array (states, combinations of counts) that marks the combinations that can be reached.
        """
        known = frontier = np.unique(entering.state)
        unseen, _, _ = self.terms.weights_of(span)
        onward = unseen >= 0
        for row in span.open:
            onward = onward | self.fits[row]
        while len(frontier):
            self.graph.expand(frontier)
            _, firing = self.graph.firings(frontier)
            reached = np.unique(self.graph.target[firing[onward[self.graph.outcome[firing]]]])
            frontier = np.setdiff1d(reached, known, assume_unique=True)
            known = np.union1d(known, frontier)
            self._check(len(known), span)
        self._check(len(known) * self._size(span) // _SPARE, span)
        ways = self._ways(known, span)
        grid = np.zeros((len(known), self._size(span)), dtype=bool)
        grid[np.searchsorted(known, entering.state), entering.count] = True
        pointer = _starts(np.bincount(ways.target, minlength=len(grid)))
        self.kernels.spread(grid, pointer, ways.source, ways.row, *self._strides(span))
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
        graph = self.graph
        source, firing = graph.firings(states)
        outcome, target = graph.outcome[firing], graph.target[firing]
        unseen, along, _ = self.terms.weights_of(span)
        kinds = [(0, (unseen[outcome] >= 0) & (target != states[source]), unseen)]
        kinds += [(place, self.fits[row][outcome], along) for place, row in enumerate(span.open, start=1)]
        parts = []
        for row, fits, weight in kinds:
            here = np.flatnonzero(fits)
            slot = self.terms.slots(span, firing[here], weight[outcome[here]])
            parts.append((source[here], np.searchsorted(states, target[here]), np.full(len(here), row), slot))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.lexsort((columns[0], columns[2], columns[1]))  # by target, then by row, then by source
        return _Ways(*(column[order] for column in columns))

    def _strides(self, span: Span) -> tuple[Ints, Ints]:
        times: Ints = np.array([self.timetable.rows[row].times for row in span.open], dtype=np.int64)
        return np.concatenate([[1], np.cumprod(times + 1)])[:-1].astype(np.int64), times

    def _check(self, count: int, span: Span) -> None:
        """Raise Unsupported if `count` states are too many."""
        if count <= self.cap:
            return
        unseen, _, _ = self.terms.weights_of(span)
        names = [firing for firing, weight in zip(self.tables.outcome_ids, unseen, strict=True) if weight >= 0]
        moves = sorted({move for move, _ in names if not self.tables.scenario.moves[move].covert})
        raise Unsupported(
            f"the log leaves {count:,} states open on {self.tables.scenario.date_at(span.start)}, more than "
            f"{self.cap:,}; say under evidence.seen which of these moves the log would show: {', '.join(moves)}"
        )

    def _assembled(self, story_end: StoryEnd | None) -> Walk:
        rows, group_slots = self.timetable.rows, self.terms.group_slots
        ways = [(each, each.first()) for each in self.ways]
        slots, place = np.unique(_joined([*(each.slot for each in self.ways), *group_slots]), return_inverse=True)
        in_ways = sum(len(each.slot) for each in self.ways)
        reached = zip(ways, self.states[:-1], strict=True)
        into = [np.bincount(each.target[first], minlength=len(states)) for (each, first), states in reached]
        maps = [_joined(column) for column in zip(*self.maps, strict=True)]
        sizes = [*(self._size(span) for span in self.done), 1]
        strides = [self._strides(span) for span in self.done]
        fresh = [rows[row].times if rows[row].start == span.start else 0 for span in self.done for row in span.open]
        return Walk(
            levels=self.graph.all_levels(),
            ended=self.graph.ended,
            days=np.array([span.end - span.start for span in self.done], dtype=float),
            sizes=np.array(sizes[:-1], dtype=np.int64),
            state=_joined(self.states),
            state_start=_starts([len(states) for states in self.states]),
            grid_start=_starts([len(states) * size for states, size in zip(self.states, sizes, strict=True)]),
            pointer=_joined(_starts(counts) for counts in into).astype(np.uint32),
            way_start=_starts([counts.sum() for counts in into]),
            source=_joined(each.source[first] for each, first in ways).astype(np.uint32),
            row=_joined(each.row[first] for each, first in ways).astype(np.uint32),
            stride=_joined(stride for stride, _ in strides),
            times=_joined(times for _, times in strides),
            fresh=np.array(fresh, dtype=np.int64),
            row_start=_starts([len(times) for _, times in strides]),
            slot=place[:in_ways],
            slot_start=_starts(_joined(np.diff(np.append(np.flatnonzero(first), len(first))) for _, first in ways)),
            exit_group=_joined(self.exits),
            group_slot=place[in_ways:],
            group_start=_starts([len(slot) for slot in group_slots]),
            map_start=_starts([len(origin) for origin, _, _ in self.maps]),
            map_source=maps[0].astype(np.uint32),
            map_target=maps[1].astype(np.uint32),
            map_weight=maps[2].astype(float),
            ratings=tuple(self.terms.ratings),
            **unpacked(slots),
            weights=self.terms.weights(),
            spans=tuple(self.done),
            story_end=story_end,
        )


def _joined(parts: Iterable[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _starts(counts: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
