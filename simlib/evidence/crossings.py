"""The crossings between the spans of time: rows close, facts are checked, and rows open.

`exploration` uses `Crossings` to find the states that stay possible. `closings` uses the factors of this module to
weigh a log with and without each row. The terms are the same as in the module `walk`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simlib.evidence.state_graph import StateGraph
from simlib.evidence.timetable import Fact, OpenRow, Span, Timetable
from simlib.evidence.walk import ImpossibleRow, StoryEnd
from simlib.machine.tables import Tables
from simlib.scenario.evidence import CERTAIN_REPORT
from simlib.scenario.row_meaning import Reading
from simlib.typing import Bools, Floats, Ints


def digits(code: Ints, times: Sequence[int]) -> Ints:
    """Unpack each number in `code` (n,) into the counts of the open rows (n, rows).

    `times` has the largest count of each row.
    """
    result = np.zeros((len(code), len(times)), dtype=np.int64)
    for place, most in enumerate(times):
        code, result[:, place] = np.divmod(code, most + 1)
    return result


def factor_of_row(row: OpenRow, count: Ints) -> Floats:
    """Return the factor (n,) on the probability when a row with `count` (n,) firings closes.

    A certain row must have counted all the firings that it reports. A doubtful row may also have counted none. If it
    has counted all, the factor is its likelihood ratio.
    """
    if row.ratio is CERTAIN_REPORT:
        return np.where(count == row.times, 1.0, 0.0)
    return np.select([count == row.times, count == 0], [row.ratio, 1.0])


def effect_of_fact(fact: Fact, tables: Tables, levels: Ints, ended: Bools) -> tuple[Ints, Floats]:
    """Return each state's next state (n, V) at a fact, and the factor (n,) on its probability.

    A change from outside leads to other states. An observed level only changes the probabilities. `levels` (n, V) are
    the states, and `ended` (n,) says which of them are endings.
    """
    reading = fact.reading
    if reading.setting:
        changed = levels.copy()
        for name, level in reading.setting:
            changed[~ended, tables.variable(name)] = tables.level(name, level)
        return tables.settled(changed), np.ones(len(levels))
    assert reading.level is not None
    otherwise = 0.0 if reading.ratio is CERTAIN_REPORT else 1 / reading.ratio
    return levels, np.where(tables.holds(reading.level, levels), 1.0, otherwise)


@dataclass(frozen=True)
class Entering:
    """The entries of a matrix from old to new cells, by which probability enters a span of time.

    A cell is a machine state together with a combination of counts.

    - state: machine state of the new cell.
    - count: combination of counts of the new cell, packed into one number.
    - origin: index of the old cell. In the first matrix, it is the index of a start state.
    - weight: factor on the probability.
    """

    state: Ints
    count: Ints
    origin: Ints
    weight: Floats

    def some(self, keep: Bools, factor: Floats) -> Entering:
        """Return the entries marked in `keep`, with their weights multiplied by `factor`."""
        return Entering(self.state[keep], self.count[keep], self.origin[keep], (self.weight * factor)[keep])


class Crossings:
    """Carries the possible cells over the boundaries between spans.

    Its methods raise ImpossibleRow for a row or fact that leaves no cell.
    """

    def __init__(self, graph: StateGraph, timetable: Timetable) -> None:
        self.graph, self.timetable, self.tables = graph, timetable, graph.tables

    def cross(self, entering: Entering, before: Span | None, after: Span | None, day: float) -> Entering:
        """Close the rows that end by `day`, check this day's facts, and open the rows of `after`."""
        rows, old = self.timetable.rows, before.open if before else ()
        counts = digits(entering.count, [rows[row].times for row in old])
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
        return dataclasses.replace(entering, count=code)

    def close_early(self, entering: Entering, span: Span) -> tuple[Entering, StoryEnd]:
        """Close open rows and check facts on the day on which the story ends, as nothing follows.

        An open row is taken in if its date is before that day, or if all its firings may have happened already. A fact
        that would be checked later is taken in if its date is before that day. An open row that joins rows of the log
        from both sides of that day stays open if its firings cannot all have happened. The result is the entries that
        stay, and the end of the story.
        """
        day, early, across = span.start, list[OpenRow | Fact](), list[OpenRow]()
        rows = [self.timetable.rows[number] for number in span.open]
        counts = digits(entering.count, [row.times for row in rows])
        for place, row in enumerate(rows):
            dated = {self._dated(reading) < day for reading in row.readings}
            if np.any(counts[:, place] == row.times) or dated == {True}:
                entering, counts = self._close(entering, counts, place, row, day)
                early.append(row)
            elif len(dated) > 1:
                across.append(row)
        for fact in self.timetable.facts:
            if fact.day > day > self._dated(fact.reading):
                entering, counts = self._look(entering, counts, fact)
                early.append(fact)
        return entering, StoryEnd(day, int(entering.state[0]), tuple(early), tuple(across))

    def _dated(self, reading: Reading) -> float:
        return self.tables.scenario.day(reading.row.date)

    def _close(self, entering: Entering, counts: Ints, place: int, row: OpenRow, day: float) -> tuple[Entering, Ints]:
        return self._kept(entering, counts, factor_of_row(row, counts[:, place]), row, day)

    def _look(self, entering: Entering, counts: Ints, fact: Fact) -> tuple[Entering, Ints]:
        graph, state = self.graph, entering.state
        levels, factor = effect_of_fact(fact, self.tables, graph.all_levels()[state], graph.ended[state])
        entering, counts = self._kept(entering, counts, factor, fact, fact.day)
        if fact.reading.setting:
            entering = dataclasses.replace(entering, state=graph.find(levels))
        return entering, counts

    def _kept(
        self, entering: Entering, counts: Ints, factor: Floats, item: OpenRow | Fact, day: float
    ) -> tuple[Entering, Ints]:
        keep = factor > 0
        if not np.any(keep):
            raise ImpossibleRow(item, self.graph.all_levels()[np.unique(entering.state)], day)
        return entering.some(keep, factor), counts[keep]
