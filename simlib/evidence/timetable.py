"""The rows of a log on the calendar, and the spans of time between them.

A row is open on the days on which its event may have happened, and closes at the end of the last of these days. Time is
cut into spans where rows open or close, and where coverage (what the log shows) or hazards change. Each cut is a
crossing from one span to the next. Times are days after the scenario's `as_of` (negative during a history).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simlib.errors import Unsupported
from simlib.machine.interventions import Segment
from simlib.machine.tables import Tables
from simlib.scenario.evidence import CERTAIN_REPORT, Coverage
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Firing, Reading, coverages


@dataclass(frozen=True)
class OpenRow:
    """Rows of a log with the same meaning and the same possible days of their events.

    - readings: the rows with their meanings.
    - firings: pairs (move, outcome). Each event of the rows is one of these pairs.
    - start, end: first possible day of the events, and the day after the last possible day.
    - times: number of events that the rows report together.
    - ratio: likelihood ratio of a doubtful row, or None for certain rows.
    """

    readings: tuple[Reading, ...]
    firings: frozenset[Firing]
    start: float
    end: float
    times: int
    ratio: float | None

    @property
    def reading(self) -> Reading:
        """The first of the rows, with its meaning."""
        return self.readings[0]


@dataclass(frozen=True)
class Fact:
    """A row of a log about the state on a day.

    The row says that a level holds, or that a change came from outside.
    """

    reading: Reading
    day: float

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The reading of the row, as a tuple."""
        return (self.reading,)


def closes(item: OpenRow | Fact) -> float:
    """Return the day on which a row closes, or on which a fact is checked.

    A row closes at the end of the days on which its event may have happened.
    """
    return item.end if isinstance(item, OpenRow) else item.day


@dataclass(frozen=True)
class Span:
    """A stretch of time within which no row opens or closes and no hazard changes.

    - start, end: first day, and the day after the last one.
    - segment: says which calendar windows are closed. The windows decide the hazards.
    - open: indices of the open rows, whose event may have happened in this span.
    - delays: one share for each kind of coverage. Of the events in this span that the log ever shows, the log shows
      this share by the date of the answer. The share is None if the absence of a row says nothing.
    """

    start: float
    end: float
    segment: Segment
    open: tuple[int, ...]
    delays: tuple[float | None, ...]


@dataclass(frozen=True)
class Timetable:
    """The rows of a log that were public before the date of the answer, on the calendar.

    - scenario: the scenario, from whose date days are counted.
    - start: first day of the history.
    - stop: the date of the answer.
    - spans: stretches of time within which no row opens or closes and no hazard changes.
    - rows: the rows about moves, in the order in which they close. A row is open on the days on which its event may
      have happened, and closes at the end of the last of these days.
    - facts: the rows about the state.
    - kinds: the different kinds of coverage. A coverage says whether the log shows an event, and how late.
    - coverage: the index into `kinds` for each pair (move, outcome).
    - unknown: rows that were not public before the date of the answer, or are about that day or a later one.
    - outside: rows from before the first day of the scenario's history.
    """

    scenario: Scenario
    start: float
    stop: float
    spans: tuple[Span, ...]
    rows: tuple[OpenRow, ...]
    facts: tuple[Fact, ...]
    kinds: tuple[Coverage, ...]
    coverage: dict[Firing, int]
    unknown: tuple[Reading, ...]
    outside: tuple[Reading, ...]

    def split(self, some: Iterable[OpenRow], day: float) -> Timetable:
        """Return the timetable in which rows dated before `day` are not joined with later ones.

        Only the open rows in `some` are split. Each joins rows of the log from both sides of `day`.
        """
        rows = list(self.rows)
        for row in some:
            place = rows.index(row)
            early = tuple(each for each in row.readings if self.scenario.day(each.row.date) < day)
            parts = early, tuple(each for each in row.readings if each not in early)
            rows[place : place + 1] = [
                dataclasses.replace(row, readings=part, times=sum(each.row.times for each in part)) for part in parts
            ]
        spans = (dataclasses.replace(span, open=_open(rows, span.start)) for span in self.spans)
        return dataclasses.replace(self, rows=tuple(rows), spans=tuple(spans))

    def day_told(self, crossing: float) -> float:
        """Return the day to name in a message about something that is true from `crossing` on.

        A crossing is the boundary between two spans, at the beginning of a day. If a change from outside acts then, the
        result is this day, otherwise the day before.
        """
        changed = any(fact.day == crossing and fact.reading.setting for fact in self.facts)
        return crossing if changed else max(crossing - 1, self.start)


def arrange(
    tables: Tables, readings: Iterable[Reading], as_of: dt.date, complete_to: dt.date, also: Sequence[float] = ()
) -> Timetable:
    """Put the rows of a log on the calendar.

    Args:
        tables: The tables of the scenario that `exact_filter.world_of` returns.
        readings: The rows with their meanings.
        as_of: The date of the answer. Only events that happened and were public before this date count.
        complete_to: The last day on which the absence of rows counts as evidence.
        also: Further days on which a span begins.

    Raises:
        Unsupported: For a date before the history begins, and for a move with a fixed date before `as_of`.
    """
    scenario = tables.scenario
    start, stop = beginning(scenario), scenario.day(as_of)
    if stop < start:
        raise Unsupported(f"{as_of} is before the first day of the history ({scenario.date_at(start)})")
    known: list[Reading] = []
    unknown: list[Reading] = []
    outside: list[Reading] = []
    for reading in readings:
        last = scenario.day(reading.row.window[1])
        early = scenario.day(reading.row.date) < start if reading.setting else last <= start
        late = reading.row.date >= as_of or reading.row.public_on >= as_of
        (unknown if late else outside if early else known if reading.counts else []).append(reading)
    rows, facts = _rows(scenario, known, start, stop), _facts(scenario, known, start, stop)
    for move in scenario:
        if move.at is not None and start <= scenario.day(move.at) < stop:
            what = f"“{move.label}” happens on {move.at}, before {as_of}"
            why = "a log cannot be used across a move with a fixed date"
            raise Unsupported(f"{what}, and {why}; start the scenario after that day")
    kinds, coverage = _kinds(tables)
    end_of_log = min(scenario.day(complete_to) + 1, stop)
    cuts = {start, max(start, min(0.0, stop)), stop, *(d for row in rows for d in (row.start, row.end))}
    cuts |= {fact.day for fact in facts}
    cuts |= {d for d in (*also, end_of_log, *_changes(scenario, kinds, stop)) if start < d < stop}
    cuts |= {d for window in tables.windows for d in window if start < d < stop}
    spans = tuple(
        Span(
            begin,
            end,
            Segment(begin, end, (), tuple(i for (a, b), i in tables.windows.items() if not a <= begin < b), ()),
            _open(rows, begin),
            tuple(_delay(scenario, kind, begin, stop, end_of_log) for kind in kinds),
        )
        for begin, end in itertools.pairwise(sorted(cuts))
    )
    return Timetable(scenario, start, stop, spans, rows, facts, kinds, coverage, tuple(unknown), tuple(outside))


def _open(rows: Sequence[OpenRow], day: float) -> tuple[int, ...]:
    """Return the indices of the rows whose event may have happened on a day."""
    return tuple(number for number, row in enumerate(rows) if row.start <= day < row.end)


def beginning(scenario: Scenario) -> float:
    """Return the first day that counts: the first day of the history, or 0 if there is none."""
    history = scenario.evidence.history if scenario.evidence else None
    return scenario.day(history.since) if history else 0.0


def _rows(scenario: Scenario, readings: Sequence[Reading], start: float, stop: float) -> tuple[OpenRow, ...]:
    """Return the rows about moves, in the order in which they close.

    Certain rows with the same firings become one row if they have the same days between `start` and `stop`.
    """
    groups: dict[tuple[frozenset[Firing], float, float, int], list[Reading]] = {}
    for number, reading in enumerate(readings):
        if reading.firings:
            first, last = (scenario.day(day) for day in reading.row.window)
            alone = -1 if reading.ratio is CERTAIN_REPORT else number
            key = (frozenset(reading.firings), max(first, start), min(last, stop), alone)
            groups.setdefault(key, []).append(reading)
    rows = []
    for (firings, first, last, _), group in groups.items():
        times = sum(reading.row.times for reading in group)
        rows.append(OpenRow(tuple(group), firings, first, last, times, group[0].ratio))
    return tuple(sorted(rows, key=lambda row: (row.end, row.start, row.reading.row.line)))


def _facts(scenario: Scenario, readings: Sequence[Reading], start: float, stop: float) -> tuple[Fact, ...]:
    """Return the rows about the state, in the order of their days.

    An observed level is checked at the end of the row's days. A change from outside acts at the beginning of its day.
    """
    facts = []
    for reading in readings:
        if reading.setting:
            facts.append(Fact(reading, max(scenario.day(reading.row.date), start)))
        elif reading.level is not None:
            facts.append(Fact(reading, min(scenario.day(reading.row.window[1]), stop)))
    return tuple(sorted(facts, key=lambda fact: (fact.day, bool(fact.reading.setting), fact.reading.row.line)))


def _kinds(tables: Tables) -> tuple[tuple[Coverage, ...], dict[Firing, int]]:
    """Return the kinds of coverage, and the index of the kind for each pair (move, outcome).

    A coverage says whether the log shows an event, and how late. Hidden steps of a waiting time are never shown.
    """
    clocks = {firing: Coverage(*firing, 0.0) for firing in tables.outcome_ids}
    seen = clocks | coverages(tables.scenario)
    index: dict[object, int] = {}
    kinds: list[Coverage] = []
    result = {}
    for firing, coverage in seen.items():
        key = (coverage.chance, coverage.within_days, coverage.since)
        if key not in index:
            index[key] = len(kinds)
            kinds.append(coverage)
        result[firing] = index[key]
    return tuple(kinds), result


def _changes(scenario: Scenario, kinds: Sequence[Coverage], stop: float) -> set[float]:
    """Return the days on which the share of events that the log shows changes."""
    days = {scenario.day(kind.since) for kind in kinds if kind.since}
    return days | {stop - day for kind in kinds for day in range(1, kind.within_days + 1)}


def _delay(scenario: Scenario, kind: Coverage, day: float, stop: float, end_of_log: float) -> float | None:
    """Return the share of a day's events that the log shows by `stop`, among those ever shown.

    The share rises by equal steps over the days of the delay. The result is None if the absence of a row says nothing.
    """
    if kind.chance == 0 or (kind.since and day < scenario.day(kind.since)) or day >= end_of_log:
        return None
    if not kind.within_days:
        return 1.0
    return min(int(stop - day - 1e-9) / kind.within_days, 1.0)
