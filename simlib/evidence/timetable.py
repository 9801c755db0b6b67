"""The log on the calendar: spans of time within which only the state changes.

Time is cut into spans where rows open or close, and where coverage or hazards change. Each cut is a crossing from one
span to the next. Times are days after the scenario's `as_of` (negative during a history).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simlib.errors import Unsupported
from simlib.machine.interventions import Segment
from simlib.machine.tables import Tables
from simlib.scenario.evidence import CERTAIN, Coverage
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Firing, Reading, coverages


@dataclass(frozen=True)
class OpenRow:
    """Rows with the same meaning and the same window [start, end) in days.

    Together they report `times` firings, each of any kind in `firings`. `ratio` is the likelihood ratio of a doubtful
    row (None: certain).
    """

    readings: tuple[Reading, ...]
    firings: frozenset[Firing]
    start: float
    end: float
    times: int
    ratio: float | None

    @property
    def reading(self) -> Reading:
        """The first reading of the rows."""
        return self.readings[0]


@dataclass(frozen=True)
class Fact:
    """A row about the state on a day: a level that holds, or a change from outside."""

    reading: Reading
    day: float

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The one reading of the fact."""
        return (self.reading,)


def closes(item: OpenRow | Fact) -> float:
    """Return the day on which a row closes, or on which a fact is checked."""
    return item.end if isinstance(item, OpenRow) else item.day


@dataclass(frozen=True)
class Span:
    """A stretch of time in days [start, end) with its hazards.

    `open` holds the indices of the rows that are open. `delays[k]` is about the firings that the log shows under
    coverage k: it is the share of them that show by the date of the answer. It is None if the absence of a row says
    nothing.
    """

    start: float
    end: float
    segment: Segment
    open: tuple[int, ...]
    delays: tuple[float | None, ...]


@dataclass(frozen=True)
class Timetable:
    """A log on the calendar, as far as it was known on a date.

    `rows` are in the order of closing. `unknown` are readings that were not public by that date, or are about a later
    day. `outside` are readings from before the history. `coverage` maps each firing to its kind of coverage, an index
    into `kinds`.
    """

    start: float
    stop: float
    spans: tuple[Span, ...]
    rows: tuple[OpenRow, ...]
    facts: tuple[Fact, ...]
    kinds: tuple[Coverage, ...]
    coverage: dict[Firing, int]
    unknown: tuple[Reading, ...]
    outside: tuple[Reading, ...]

    def day_told(self, crossing: float) -> float:
        """Return the day to report for something that holds from a crossing (a cut in time) on.

        This is the day of the crossing if an outside change acts on it, and otherwise the day before.
        """
        changed = any(fact.day == crossing and fact.reading.setting for fact in self.facts)
        return crossing if changed else max(crossing - 1, self.start)


def arrange(
    tables: Tables, readings: Iterable[Reading], as_of: dt.date, complete_to: dt.date, also: Sequence[float] = ()
) -> Timetable:
    """Put the readings of a log on the calendar.

    Args:
        tables: The tables of `exact_filter.world_of`.
        readings: What the rows mean.
        as_of: The date of the answer. Only what had happened and was public before it counts.
        complete_to: The last day on which the absence of rows says anything.
        also: Further days at which time is cut.

    Raises:
        Unsupported: For a date before the history begins, and for a dated move before the date.
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
            what = f"“{move.label}” happens on {move.at}, before {as_of}, and no log can be weighed across a dated move"
            raise Unsupported(f"{what}; start the scenario after that day")
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
            tuple(i for i, row in enumerate(rows) if row.start <= begin < row.end),
            tuple(_delay(scenario, kind, begin, stop, end_of_log) for kind in kinds),
        )
        for begin, end in itertools.pairwise(sorted(cuts))
    )
    return Timetable(start, stop, spans, rows, facts, kinds, coverage, tuple(unknown), tuple(outside))


def beginning(scenario: Scenario) -> float:
    """Return the first day that counts: the first day of the history, or 0 if there is none."""
    history = scenario.evidence.history if scenario.evidence else None
    return scenario.day(history.since) if history else 0.0


def _rows(scenario: Scenario, readings: Sequence[Reading], start: float, stop: float) -> tuple[OpenRow, ...]:
    """Return the rows that report firings, in order of closing.

    Certain rows with the same meaning and the same window become one row.
    """
    groups: dict[object, list[Reading]] = {}
    for number, reading in enumerate(readings):
        if reading.firings:
            key = (frozenset(reading.firings), reading.row.window)
            groups.setdefault((*key, number) if reading.ratio is not CERTAIN else key, []).append(reading)
    rows = []
    for group in groups.values():
        first, last = (scenario.day(day) for day in group[0].row.window)
        times = sum(reading.row.times for reading in group)
        firings = frozenset(group[0].firings)
        rows.append(OpenRow(tuple(group), firings, max(first, start), min(last, stop), times, group[0].ratio))
    return tuple(sorted(rows, key=lambda row: (row.end, row.start, row.reading.row.line)))


def _facts(scenario: Scenario, readings: Sequence[Reading], start: float, stop: float) -> tuple[Fact, ...]:
    """Return the rows about the state.

    A level is checked when its window ends. A change acts at the beginning of its day.
    """
    facts = []
    for reading in readings:
        if reading.setting:
            facts.append(Fact(reading, max(scenario.day(reading.row.date), start)))
        elif reading.level is not None:
            facts.append(Fact(reading, min(scenario.day(reading.row.window[1]), stop)))
    return tuple(sorted(facts, key=lambda fact: (fact.day, bool(fact.reading.setting), fact.reading.row.line)))


def _kinds(tables: Tables) -> tuple[tuple[Coverage, ...], dict[Firing, int]]:
    """Return the different coverages, and the index of the coverage of every firing.

    A coverage says whether the log shows a firing, and how late.

    The clocks of moves that take time are never shown by a log.
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
    """Return the days on which it changes how far the log shows firings (its coverage).

    These are the first day of a coverage, and the last days before `stop`, whose rows may still be delayed.
    """
    days = {scenario.day(kind.since) for kind in kinds if kind.since}
    return days | {stop - day for kind in kinds for day in range(1, kind.within_days + 1)}


def _delay(scenario: Scenario, kind: Coverage, day: float, stop: float, end_of_log: float) -> float | None:
    """Return which share of the firings on a day show by `stop`, among those that show at all.

    The share rises by equal steps over the days of the delay. Return None if the absence of a row says nothing.
    """
    if kind.chance == 0 or (kind.since and day < scenario.day(kind.since)) or day >= end_of_log:
        return None
    if not kind.within_days:
        return 1.0
    return min(int(stop - day - 1e-9) / kind.within_days, 1.0)
