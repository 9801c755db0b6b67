"""Read an event log: a CSV file in which each row reports one or more observed events.

Each row has a date and, in the column `move`, a word for what happened. `simlib.scenario.row_meaning` says what the row
means for a scenario.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.arguments import read_dates, whole
from simlib.data.event_log import LOG_COLUMNS, PRECISIONS, DatePrecision
from simlib.errors import INVISIBLE, UNSEEN, ArgumentError, Problem, did_you_mean, refuse
from simlib.scenario import document
from simlib.scenario.scalars import Refusal, read_date

__all__ = ["LogRow", "read_log"]

LOG_FILE = "events.csv"
"""The name of the event log in the folder of a scenario."""

REQUIRED = ("date", "move")
"""Columns that every event log has."""
ALL_LOG_COLUMNS = (*LOG_COLUMNS, "outcome", "count", "killed")
"""All columns that an event log may have."""

MAX_ROWS = 100_000
"""Largest number of rows of an event log."""


MOST_EVENTS = 1000
"""Largest number of events of one row."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of an event log: one or more events that were observed.

    - `word`: the text in the column `move`, which says what happened.
    - `date`: the day of the event.
    - `precision`: "day", or "week" for the seven days around `date`, or "month" for the whole month of `date`.
    - `actor`, `target`: who acted, and towards whom.
    - `times`: how many events the row stands for.
    - `outcome`: the id of the outcome, if it is known.
    - `known_on`: the day on which the event became public, if that is a later day.
    - `confidence`: how sure the source is, as a word.
    - `description`, `source_name`, `source_url`: the report in words, and its source.
    - `file`, `line`: where the row was read.
    """

    word: str
    date: dt.date
    precision: DatePrecision = "day"
    actor: str = ""
    target: str = ""
    times: int = 1
    outcome: str = ""
    known_on: dt.date | None = None
    confidence: str = ""
    description: str = ""
    source_name: str = ""
    source_url: str = ""
    file: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        read_dates(self, "date", "known_on")
        whole("times", self.times, 1, MOST_EVENTS)
        if self.precision not in PRECISIONS:
            raise ArgumentError("precision", self.precision, f"expected one of: {', '.join(PRECISIONS)}")

    @property
    def window(self) -> tuple[dt.date, dt.date]:
        """The first day on which the event may have happened, and the day after the last such day."""
        if self.precision == "week":
            return self.date - dt.timedelta(days=3), self.date + dt.timedelta(days=4)
        if self.precision == "month":
            first = self.date.replace(day=1)
            return first, (first + dt.timedelta(days=31)).replace(day=1)
        return self.date, self.date + dt.timedelta(days=1)

    @property
    def public_on(self) -> dt.date:
        """The day on which the event became public."""
        return self.known_on or self.date

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{place}{self.date} {self.word}"


def read_log(path: str | os.PathLike[str]) -> tuple[LogRow, ...]:
    """Return the rows of an event log, in the order of the file.

    `path` is the file, or the folder that holds `events.csv`. Raises ScenarioError with every problem at once.
    """
    file = Path(path) / LOG_FILE if Path(path).is_dir() else Path(path)
    return parse_log(document.read_file(file, str(file)), str(file))


def parse_log(text: str, file: str = LOG_FILE) -> tuple[LogRow, ...]:
    """Return the rows of an event log in the order of its text (messages call the log `file`).

    Raises ScenarioError with every problem at once.
    """
    reader = csv.DictReader(io.StringIO(text), strict=True)
    problems: list[Problem] = []
    rows: list[LogRow] = []
    try:
        problems += _misfits_of_header(reader.fieldnames or [], file)
        refuse(problems)
        for cells in reader:
            row = _Cells(file, reader.line_num, cells, problems).row()
            rows += [row] if row else []
            if len(rows) > MAX_ROWS:
                problems.append(Problem(file, reader.line_num, "", f"more than {MAX_ROWS:,} rows", "expected fewer"))
                break
    except csv.Error as error:
        problems.append(
            Problem(file, reader.reader.line_num, "", f"not readable as CSV ({error})", "expected quoted cells")
        )
    refuse(problems)
    return tuple(rows)


def _misfits_of_header(names: Any, file: str) -> Iterator[Problem]:
    for name in REQUIRED:
        if name not in names:
            yield Problem(file, 1, "", f"the column {name!r} is missing", "expected a header such as date,actor,move")
    for name in names:
        if name not in ALL_LOG_COLUMNS:
            yield Problem(file, 1, "", f"unknown column {name!r}", did_you_mean(name, ALL_LOG_COLUMNS))
        elif list(names).count(name) > 1:
            yield Problem(file, 1, "", f"the column {name!r} is there twice", "keep one")


class _Cells:
    def __init__(self, file: str, line: int, cells: Mapping[Any, Any], problems: list[Problem]) -> None:
        self.file, self.line, self.problems = file, line, problems
        self.extra = cells.get(None)
        self.cells = {name: (cells.get(name) or "").replace("\r\n", "\n").strip() for name in ALL_LOG_COLUMNS}
        for column, text in self.cells.items():
            if UNSEEN.search(text):
                self.note(column, *INVISIBLE)

    def note(self, column: str, what: str, expected: str) -> None:
        self.problems.append(Problem(self.file, self.line, column, what, expected))

    def row(self) -> LogRow | None:
        if self.extra:
            self.note("", "more cells than the header has", "a text with a comma needs quotes")
        date, known_on = self._date("date"), self._date("known_on") if self.cells["known_on"] else None
        if not self.cells["move"]:
            self.note("move", "the cell is empty", "expected the id of a move, or a word for what happened")
        times = self._times()
        precision = self._precision()
        if date is None or not self.cells["move"]:
            return None
        texts = ("actor", "target", "outcome", "confidence", "description", "source_name", "source_url")
        row = LogRow(
            self.cells["move"],
            date,
            precision,
            times=times,
            known_on=known_on,
            file=self.file,
            line=self.line,
            **{name: self.cells[name] for name in texts},
        )
        if known_on is not None and known_on < row.window[0]:
            self.note("known_on", f"{known_on} is before the event ({row.window[0]})", "expected that day or later")
        return row

    def _date(self, column: str) -> dt.date | None:
        try:
            date = read_date(self.cells[column])
        except Refusal as refusal:
            self.note(column, refusal.what, refusal.expected)
            return None
        if dt.MINYEAR < date.year < dt.MAXYEAR:  # a window of days must fit into the calendar
            return date
        self.note(column, f"the year of {date} is too early or too late", "expected the day on which it happened")
        return None

    def _times(self) -> int:
        text = self.cells["times"] or "1"
        if text.isdecimal() and 1 <= int(text) <= MOST_EVENTS:
            return int(text)
        self.note("times", f"{text!r} is no number of events", f"expected a whole number from 1 to {MOST_EVENTS}")
        return 1

    def _precision(self) -> DatePrecision:
        text = self.cells["date_precision"] or "day"
        for precision in PRECISIONS:
            if text == precision:
                return text
        self.note("date_precision", f"unknown precision {text!r}", did_you_mean(text, PRECISIONS))
        return "day"
