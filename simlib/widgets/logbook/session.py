"""The state of a panel that shows the forecast on each morning of a log of events.

The forecast of a morning uses the rows (events of the log) that are public before it. A worker computes the forecasts
of all mornings and keeps them in memory. A row that the user adds (an own row) changes only the forecasts of the
mornings after its day.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from simlib.analysis.log_outlook import DayOutlook, LogOutlook
from simlib.control import Control
from simlib.errors import SimlibError
from simlib.evidence.belief_update import OPEN
from simlib.evidence.impossibility import explain_impossible
from simlib.evidence.log_intake import Events, whole_log
from simlib.evidence.timetable import beginning
from simlib.evidence.walk import ImpossibleRow
from simlib.formatting import counted, long_date, percent, quoted
from simlib.machine.measures import Measure
from simlib.plots.figure import PICTURE_WIDTH
from simlib.plots.log_board import LogBoard, Morning, Tick
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading, read_rows
from simlib.typing import Floats
from simlib.widgets.kit.blitting import Screen
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.kit.status_line import Part, ShownPicture, failure, part, status
from simlib.widgets.logbook.log_table import new_row_sentences
from simlib.widgets.logbook.own_rows import OwnRow, OwnRows, refusal

NARROWEST_PICTURE, WIDEST_PICTURE = 640, 1200
"""Least and largest width of the picture in pixels. Between these limits the picture fills the available width."""

REDRAW_PERIOD = 0.4
"""Seconds between two pictures while the worker computes the mornings."""

CANCELLED = "Cancelled. A morning without an answer is computed when you go to it."


class LogFront(Protocol):
    """The view that shows a log: widgets, or a substitute in a test."""

    def show(self, shown: ShownPicture) -> None:
        """Show a picture with its sentence and status."""

    def show_status(self, line: Part) -> None:
        """Show a status line."""

    def show_rows(self) -> None:
        """Show the own rows, each with a note."""


class LogSession:
    """A log of events, the chosen morning, and the own rows.

    - `first`, `last`: the dates of the first and of the last morning.
    - `place`: the chosen morning, in days after the first.
    - `readings`: the rows of the log with their meanings.
    - `own`: the rows that the user added.
    - `notes`: a note on each own row, by the number of the row.

    Args:
        scenario: A scenario, or a name or path of one.
        front: The view.
        events: Rows to add to the log of the scenario, or a file of rows.
        measure: The name of the measure that is shown at first.
        on: The morning that is shown at first. Default: the last.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path,
        front: LogFront,
        *,
        events: Events = None,
        measure: str | None = None,
        on: dt.date | None = None,
    ) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.front = front
        rows = whole_log(self.scenario, events or ())
        self.readings = read_rows(self.scenario, rows)
        public = [row.public_on for row in rows]
        later = any(day >= self.scenario.as_of for day in public)
        before = 0.0 if later else beginning(self.scenario)
        self.first = self.scenario.as_of + dt.timedelta(days=math.floor(before))
        end = self.scenario.by_date(self.scenario.horizon_days)
        self.last = min([max([*public, self.first]), end]) + dt.timedelta(days=1)
        self.outlook = LogOutlook(self.scenario, self.first)
        self.measure: Measure = self.outlook.measure(measure)
        self.own = OwnRows(self.scenario, self.first, self.last - dt.timedelta(days=1))
        self.notes: dict[int, str] = {}
        self.place = self._place(on or self.last)
        self.worker, self.lock = LatestWorker("simlib-log"), threading.RLock()
        self.width, self.ratio = PICTURE_WIDTH, 1.0
        self._days: dict[int, DayOutlook] = {}
        self._of: tuple[OwnRow, ...] = ()
        self._refused: tuple[int, ...] = ()
        self._screen: Screen | None = None
        self._board: LogBoard | None = None
        self._fresh = True

    def _place(self, day: dt.date) -> int:
        return min(max((day - self.first).days, 0), self.mornings - 1)

    @property
    def mornings(self) -> int:
        """The number of mornings."""
        return (self.last - self.first).days + 1

    def date(self, place: int) -> dt.date:
        """Return the date of a morning."""
        return self.first + dt.timedelta(days=place)

    @property
    def news(self) -> list[int]:
        """The mornings with new rows, in days after the first morning, in order."""
        days = {reading.row.public_on for reading in self._all_readings()}
        places = {(day - self.first).days + 1 for day in days}
        return sorted(place for place in places if 0 < place < self.mornings)

    def _all_readings(self) -> list[Reading]:
        return [*self.readings, *(row.reading(self.scenario) for row in self.own.fitting())]

    # ---------------------------------------------------------------- actions of the user

    def start(self) -> None:
        """Show the chosen morning, and compute the others."""
        self.update()

    def move(self, place: int) -> None:
        """Go to another morning."""
        with self.lock:
            if 0 <= place < self.mornings and place != self.place:
                self.place = place
                self._show()

    def choose(self, measure: str) -> None:
        """Show the probability of another question or ending, given by the name of its measure."""
        with self.lock:
            self.measure, self._board = self.outlook.measure(measure), None
            self._show()

    def resize(self, room: int) -> None:
        """Draw the picture `room` pixels wide, or as near to this width as the limits allow."""
        width = min(max(room, NARROWEST_PICTURE), WIDEST_PICTURE)
        with self.lock:
            if width != self.width:
                self.width, self._board = width, None
                self._show()

    def sharpen(self, ratio: float) -> None:
        """Draw with `ratio` pixels for each pixel of the page."""
        with self.lock:
            self.ratio = ratio
            self._show()

    def cancel(self) -> None:
        """Stop computing the other mornings."""
        self.worker.cancel()
        self.front.show_status(status(CANCELLED))

    def change(self, action: Callable[..., None], *arguments: Any) -> None:
        """Change the own rows with a method of `own`, and compute the forecasts that they affect."""
        with self.lock:
            before = self.own.rows
            action(*arguments)
            if self.own.rows != before:
                self.update()

    def update(self) -> None:
        """Compute again the forecasts that the user's last changes to the own rows affect."""
        with self.lock:
            self.worker.cancel()
            before, self._of = self._of, self.own.fitting()
            self._forget(row.day for row in {*before, *self._of} if row not in before or row not in self._of)
            self.notes = {row.number: self.own.wrong_day(row) for row in self.own.rows}
            self.front.show_rows()
        self.worker.submit(self._fill, lambda _: self._show(), self.fail, progress=self._progress)

    def fail(self, error: Exception) -> None:
        """Show an error. The last picture stays."""
        self.front.show_status(failure(error))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every morning is computed. Return False after `timeout` seconds."""
        return self.worker.wait(timeout)

    # ---------------------------------------------------------------- mornings

    def _fill(self, control: Control) -> None:
        """Compute the forecast of the last morning, then of the chosen one, and then of all others.

        The last morning comes first. It uses all rows, so it shows which rows of the user are impossible.
        """
        self._judge()
        self._show()
        with self.lock:
            self._tell_rows()
            self.front.show_rows()
        waiting = [place for place in range(self.mornings) if place not in self._days]
        last = time.monotonic()
        for number, place in enumerate(waiting):
            control.check()
            self._day(place)
            control.report((number + 1) / len(waiting))
            if time.monotonic() - last > REDRAW_PERIOD:
                self._show(filling=True)
                last = time.monotonic()

    def _forget(self, changed: Iterable[dt.date | None]) -> None:
        """Forget the forecasts of all mornings after the earliest day of a row that was changed."""
        since = min((day for day in changed if day is not None), default=self.last)
        self._days = {place: day for place, day in self._days.items() if day.day <= since}

    def _progress(self, share: float) -> None:
        self.front.show_status(status(f"computing the other mornings: {share:.0%}", "busy", share))

    def _judge(self) -> None:
        """Compute the last morning, and note which rows of the user are impossible, and why."""
        with self.lock:
            before, self._refused = set(self._refused), ()
            every_row = self._outlook(self.mornings - 1)
            self._refused = tuple(each.reading.row.line for each in every_row.left_out)
            changed = before.symmetric_difference(self._refused)
            self._forget(row.day for row in self._of if row.number in changed)
            for each in every_row.left_out:
                self.notes[each.reading.row.line] = refusal(self.scenario, each)
            self._days[self.mornings - 1] = every_row

    def _own_readings(self, without: int = 0) -> list[Reading]:
        rows = [row for row in self._of if row.number not in self._refused and row.number != without]
        return [row.reading(self.scenario) for row in rows]

    def _outlook(self, place: int, without: int = 0) -> DayOutlook:
        try:
            return self.outlook.on(self.date(place), self.readings, self._own_readings(without))
        except ImpossibleRow as error:
            raise SimlibError(explain_impossible(self.scenario, self._all_readings(), error)) from None

    def _day(self, place: int) -> DayOutlook:
        with self.lock:
            if place not in self._days:
                self._days[place] = self._outlook(place)
            return self._days[place]

    def probability(self, place: int) -> float:
        """Return the probability, on a morning, of the question or ending that is shown."""
        return self.outlook.probability(self.measure.name, self._day(place))

    def _tell_rows(self) -> None:
        """Note beside each row of the user how it changes the forecast of the next morning."""
        for row in self._of:
            if row.number in self._refused or row.day is None:
                continue
            place = self._place(row.day) + 1
            alone, with_it = self._outlook(place, row.number), self._day(place)
            was = percent(self.outlook.probability(self.measure.name, alone))
            now, day = percent(self.probability(place)), long_date(self.date(place))
            moved = f"leaves the forecast of {day} at {now}"
            if now != was:
                moved = f"moves the forecast of {day} from {was} to {now}"
            self.notes[row.number] = f"Taken in. It {moved}."
            if with_it.ended and not alone.ended:
                label = self.scenario.endings[with_it.ended[0]].label
                self.notes[row.number] += f" It ends the story ({label}), so later rows of the log do not count."

    # ---------------------------------------------------------------- showing

    def _series(self) -> Floats:
        values = np.full(self.mornings, np.nan)
        for place, day in self._days.items():
            values[place] = self.outlook.probability(self.measure.name, day)
        return values

    def _ticks(self) -> Iterator[Tick]:
        for own, readings in ((False, self.readings), (True, self._own_readings())):
            for reading in readings:
                day = (reading.row.date - self.first).days
                if reading.counts and 0 <= day < self.mornings:
                    yield Tick(day + 0.5, (reading.row.public_on - self.first).days + 1.0, own)

    def _show(self, *, filling: bool = False) -> None:
        with self.lock:
            day = self._day(self.place)
            complete = self._lay_out()
            assert self._board is not None
            assert self._screen is not None
            levels = {
                name: day.levels(place, len(variable.levels))
                for place, (name, variable) in enumerate(self.scenario.variables.items())
            }
            self._board.move(Morning(self.place, day.day, self.probability(self.place), levels))
            png = self._screen.png(redraw=self._fresh, moving=True, ratio=self.ratio)
            self._fresh = False
            size = (self._board.width, self._board.height)
            line = self._status(day) if complete or not filling else status("computing the other mornings", "busy", 0.0)
            self.front.show(ShownPicture(png, size, list(self.sentence(day)), line))

    def _lay_out(self) -> bool:
        """Redraw the background if anything changed, and return whether all mornings are computed."""
        if self._board is None:
            title = f"{self.measure.label} by {long_date(self.outlook.deadline)}"
            variables = list(self.scenario.variables.values())
            self._board = LogBoard(variables, self.first, self.mornings, self.width, title=title)
            self._screen, self._drawn = Screen(self._board), None
        now = (len(self._days), self._of, self._refused)
        if now != self._drawn:
            self._board.lay_out(self._series(), self.outlook.static(self.measure.name), tuple(self._ticks()))
            self._drawn, self._fresh = now, True
        return len(self._days) == self.mornings

    _drawn: tuple[object, ...] | None = None

    def _status(self, day: DayOutlook) -> Part:
        rows = counted(len(day.taken), "row")
        text = f"Exact, at the stated values. {rows} taken in; the log is complete to {long_date(day.complete_to)}."
        left = [self.scenario.questions[name].label for name in self.outlook.unanswered]
        more = f" Not shown here: {'; '.join(left)}." if left else ""
        return status(text + more)

    def sentence(self, day: DayOutlook) -> Iterator[Part]:
        """Yield the forecast of a morning, and then its new rows, as parts {text, strong}."""
        yield part(f"Morning of {long_date(day.day)}. {self.measure.label} by {long_date(self.outlook.deadline)}: ")
        happened = day.happened(self.measure.name)
        if happened:
            yield part(f"yes, it happened on {long_date(happened)}", strong=True)
            yield part(". ")
        else:
            yield part(percent(self.outlook.probability(self.measure.name, day)), strong=True)
            yield part(f"{self._change()}. ")
            unseen = 0.0 if self.measure.name not in day.answers else day.answers[self.measure.name].probability
            if unseen > OPEN:
                yield part(f"It may have happened already without being seen (probability {percent(unseen)}). ")
        for name in self.outlook.unanswered:
            on = day.happened(f"question:{name}")
            if on:
                yield part(f"{quoted(self.scenario.questions[name].label)} is answered: yes, on {long_date(on)}. ")
        if day.ended:
            label = self.scenario.endings[day.ended[0]].label
            yield part(f"The story ended on {long_date(day.ended[1])}: {label}. ")
        yield part(self._new_rows(day))

    def _change(self) -> str:
        if self.place == 0 or self.place - 1 not in self._days:
            return ""
        change = 100 * (self.probability(self.place) - self.probability(self.place - 1))
        if abs(change) < 0.05:
            return ", as on the morning before"
        return f", {'up' if change > 0 else 'down'} {abs(change):.1f} points on the morning before"

    def _new_rows(self, day: DayOutlook) -> str:
        before = day.day - dt.timedelta(days=1)
        if self.place == 0:
            return f"Taken in: {counted(len(day.taken), 'row')} from before that day."
        new = [reading for reading in self._all_readings() if reading.row.public_on == before]
        if not new:
            silence = "A quiet day is evidence too." if before <= day.complete_to else "The log ends before that day."
            return f"No new row on {long_date(before)}. {silence}"
        return f"New on {long_date(before)}: {new_row_sentences(new)}"
