"""The panel of a log: a slider over mornings, forecasts, and a form to add rows (events)."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.evidence.log_intake import Events
from simlib.formatting import long_date
from simlib.plots.figure import picture_bundle, reduced
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LABEL_STYLE, LINE_LAYOUT, button, html_table
from simlib.widgets.kit.components import LivePicture, Mornings
from simlib.widgets.kit.shown_pictures import Keeper
from simlib.widgets.kit.status_line import Part, ShownPicture
from simlib.widgets.logbook.log_table import table
from simlib.widgets.logbook.own_rows import OwnRow, choices, row_words
from simlib.widgets.logbook.session import LogSession

MORNINGS_WAIT = 60.0
"""Longest time in seconds that a cell waits until every morning is computed."""


class UpdateWithEvents(w.VBox):
    """A panel with the forecast on each morning of a log, and the effect of events that you add.

    Args:
        scenario: The name of a shipped scenario, a path, or a Scenario.
        events: Rows (events) to add to the log of the scenario, or a file of rows. The path of a file may be relative
            to the folder of the scenario.
        measure: The name of the measure shown at first. Default: the headline of the scenario.
        on: The morning shown at first. Default: the last.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path = "two-islands",
        *,
        events: Events = None,
        measure: str | None = None,
        on: dt.date | str | None = None,
    ) -> None:
        first = dt.date.fromisoformat(on) if isinstance(on, str) else on
        self.session = LogSession(scenario, self, events=events, measure=measure, on=first)
        self.picture, self._own = LivePicture(), w.VBox([])
        self.mornings = Mornings(label="Forecast made on the morning of")
        super().__init__([])
        self.add_class("simlib-logbook")
        self._keeper = Keeper(self.model_id, self.kept_picture)
        self._build()
        self._listen()
        self.session.start()

    def _build(self) -> None:
        session = self.session
        session_measures = [(m.label, m.name) for m in session.outlook.measures]
        self._measure = _dropdown("Probability of", session_measures, session.measure.name)
        self.mornings.texts = [long_date(session.date(place)) for place in range(session.mornings)]
        self.mornings.news, self.mornings.place = session.news, session.place
        some = choices(session.scenario)
        self._move = _dropdown("Add a row", some, some[0][1])
        self._move.layout = w.Layout(width="520px", max_width="100%")
        self._day = w.DatePicker(
            description="on", value=self._yesterday(), style=LABEL_STYLE, layout=w.Layout(width="190px")
        )
        self._add = button(
            "Add", "Add this row to the log, as if it had been reported on that day", self._put, self.guard
        )
        own = session.own
        undo, redo = partial(self.change, own.undo), partial(self.change, own.redo)
        self._undo = button("Undo", "Take back the last change of your rows", undo, self.guard)
        self._redo = button("Redo", "Repeat the change that was taken back", redo, self.guard)
        self._report = w.HTML()
        rows = w.HBox([self._move, self._day, self._add, self._undo, self._redo], layout=LINE_LAYOUT)
        head, lines = table(session.scenario, session.readings)
        rows_of_log = w.HTML(html_table(head, lines))
        rows_of_log.layout = w.Layout(max_height="300px", overflow="auto")
        title = f"The log: {len(lines)} rows, and how each is read"
        log = w.Accordion([rows_of_log], titles=(title,), selected_index=None)
        self.children = [self._measure, self.mornings, self.picture, rows, self._report, self._own, log]

    def _listen(self) -> None:
        handlers: tuple[tuple[Any, str, Callable[[Any], object]], ...] = (
            (self.mornings, "place", self._move_to),
            (self._measure, "value", self.session.choose),
            (self.picture, "room", self.session.resize),
            (self.picture, "ratio", self.session.sharpen),
            (self.picture, "cancels", lambda _: self.session.cancel()),
        )
        for widget, trait, action in handlers:
            widget.observe(lambda change, action=action: self.guard(lambda: action(change["new"])), trait)

    def _yesterday(self) -> dt.date:
        return self.session.date(max(self.session.place - 1, 0))

    # ---------------------------------------------------------------- showing (see `LogFront`)

    def show(self, shown: ShownPicture) -> None:
        """Show a picture with its sentence and status, sent to the browser in one message."""
        with self.picture.hold_sync():
            self.picture.png, self.picture.size = shown.png, list(shown.size)
            self.picture.alt, self.picture.sentence = shown.alt, [dict(part) for part in shown.sentence]
            self.picture.status = dict(shown.status)
        self._keeper.later()

    def show_status(self, line: Part) -> None:
        """Show a status line."""
        self.picture.status = dict(line)

    def show_rows(self) -> None:
        """Show the rows that the user added, each with a note."""
        session = self.session
        self._undo.disabled, self._redo.disabled = not session.own.can_undo, not session.own.can_redo
        known = {line.row.number: line for line in self._own.children}
        lines = [known.get(row.number) or _OwnLine(row, self) for row in session.own.rows]
        for line, row in zip(lines, session.own.rows, strict=True):
            line.tell(row, session.notes.get(row.number, ""))
        if tuple(lines) != self._own.children:
            self._own.children = tuple(lines)
        self.mornings.news = session.news

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every morning is computed. Return False after `timeout` seconds."""
        return self.session.wait(timeout)

    # ---------------------------------------------------------------- actions of the user

    def _move_to(self, place: int) -> None:
        follows = self._day.value == self._yesterday()
        self.session.move(place)
        if follows:
            self._day.value = self._yesterday()

    def _put(self) -> None:
        move, outcome = self._move.value
        self.change(self.session.own.add, move, outcome, self._day.value)

    def change(self, action: Callable[..., None], *arguments: Any) -> None:
        """Change the rows of the user, and compute the forecasts with them."""
        self.session.change(action, *arguments)
        self._report.value = ""

    def guard(self, action: Callable[[], object]) -> None:
        """Run an action, and show its error, which Jupyter alone would only log."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the user must see every error
            self._report.value = _in_html(str(error), fault=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live panel and, for readers without a kernel, a picture and sentences."""
        self.wait(MORNINGS_WAIT)
        return dict(super()._repr_mimebundle_(**kwargs) or {}) | self.kept_picture()

    def kept_picture(self) -> dict[str, Any]:
        """Return the picture and its words for a notebook, or {} if there is no picture yet."""
        if not self.picture.png:
            return {}
        png = reduced(bytes(self.picture.png), self.picture.size[0])
        return picture_bundle(png, f"{self.session.scenario.title}. {self.picture.alt}")[0]


class _OwnLine(w.HBox):
    def __init__(self, row: OwnRow, panel: UpdateWithEvents) -> None:
        self.row, own = row, panel.session.own
        words = html.escape(row_words(own.scenario, row.move, row.outcome))
        self._date = w.DatePicker(
            description="Your row, on", value=row.day, style=LABEL_STYLE, layout=w.Layout(width="250px")
        )
        drop = button("Withdraw", "Remove this row", partial(panel.change, own.drop, row.number), panel.guard)
        self._note = w.HTML(layout=w.Layout(flex="1 1 320px"))
        label = w.HTML(f'<span class="simlib-told"><b>{words}</b></span>', layout=w.Layout(flex="0 1 auto"))
        super().__init__([self._date, label, drop, self._note], layout=LINE_LAYOUT)
        # The date comes from the event. The field itself may show another one by then, if the rows are shown anew.
        change_day = partial(panel.change, own.set_day, row.number)
        self._date.observe(lambda event: panel.guard(lambda: change_day(event["new"])), "value")

    def tell(self, row: OwnRow, note: str) -> None:
        old, self.row = self.row, row
        if row.day != old.day:  # else a date on its way from the browser would be overwritten
            self._date.value = row.day
        self._note.value = _in_html(note, fault=note.startswith("Not taken in"))


def _in_html(text: str, *, fault: bool = False) -> str:
    return f'<div class="simlib-told{" simlib-error" if fault else ""}">{html.escape(text)}</div>'


def _dropdown(label: str, options: list[tuple[str, Any]], value: Any) -> w.Dropdown:
    layout = w.Layout(width="max-content", max_width="100%")
    return w.Dropdown(description=label, options=options, value=value, tooltip=label, style=LABEL_STYLE, layout=layout)
