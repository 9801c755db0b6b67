"""The desk between a person, the state and the engines: what to recompute, when, and what to show. No widget here.

A change shows a preview at once and asks for the answer at rest a moment after the hand stopped. An answer is shown only
if it belongs to the settings of that moment, so the picture at rest always belongs to the values at rest. What goes wrong
is said in the panel, in words, above the last good picture. One lock guards the figure and everything shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from simlib.errors import SimlibError
from simlib.plots.dashboard import Choice, Dashboard
from simlib.results import ONGOING, Forecast, long_date, percent
from simlib.widgets.answers import Answers, same_answer
from simlib.widgets.latest import Latest
from simlib.widgets.screen import Screen
from simlib.widgets.state import Settings, State, structure

if TYPE_CHECKING:
    import pandas as pd

REST = 0.15
"""Seconds after the last move of a slider before the answer at rest is asked for."""

LONG = 0.15
"""Share of work done is shown for work that takes longer than this (seconds)."""

Part = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """One picture with all that is said about it. `alt` is the answer in words, `sentence` the same in parts."""

    png: bytes
    size: tuple[int, int]
    sentence: list[Part]
    status: Part
    preview: bool

    @property
    def alt(self) -> str:
        """The answer in words, for those who do not see the picture."""
        return "".join(part["text"] for part in self.sentence)


def status(text: str, kind: str = "", share: float | None = None) -> Part:
    """Return a line of status: `kind` is "", "preview", "busy" or "error"; with a `share` done it can be cancelled."""
    return {"text": text, "kind": kind, "share": share}


class Front(Protocol):
    """What shows a desk: the widgets, or a test."""

    def show(self, shown: Shown) -> None:
        """Show a picture and what is said about it, all at once."""

    def show_status(self, status: Part) -> None:
        """Show a line of status beside the picture there is."""

    def show_settings(self) -> None:
        """Show the settings of the state: sliders, choices, undo."""


class Desk:
    """One explorer at work."""

    def __init__(self, state: State, front: Front, *, width: int = 900, answers: Answers | None = None) -> None:
        self.state, self.front = state, front
        self.answers = answers or Answers(state)
        self.width = width
        self.lock = threading.RLock()
        self.worker = Latest()
        self.notes: dict[str, str] = {}
        self.shown: Forecast | None = None
        self.rested: tuple[Settings, Forecast] | None = None
        self.drivers: pd.DataFrame | None = None
        self.after_rest: list[Callable[[], None]] = []
        self._board: Dashboard | None = None
        self._screen: Screen | None = None
        self._board_key: Hashable = None
        self._status: Part = status("")

    # ---------------------------------------------------------------- what happens

    def start(self) -> None:
        """Give the first answer, and make ready for the slider that may move next."""
        with self.lock:
            settings = self.state.settings
            self.front.show_settings()
            baseline = self.answers.answer(self.state.baseline)
            forecast = baseline if self.state.is_baseline else self.answers.answer(settings)
            self._at_rest(settings, forecast)
        self.worker.submit(lambda cancel, _: self.answers.anchor(settings, cancel), _nothing, self._failed)

    def changed(self, *, moving: bool = False) -> None:
        """Show what the present settings give: the answer if it is known or quick, else a preview and then the answer.

        `moving`: the hand is still on a slider, so that the work at rest waits for it to stop.
        """
        with self.lock:
            settings = self.state.settings
            self.notes = self._range_notes()
            self.front.show_settings()
            if self._ready(settings):
                self.worker.cancel()
                self._at_rest(settings, self.answers.answer(settings))
                self.worker.submit(lambda cancel, _: self.answers.anchor(settings, cancel), _nothing, self._failed, delay=REST)
                return
            self._preview(settings)
            self._order(settings, REST if moving else 0.0)

    def _ready(self, settings: Settings) -> bool:
        if self.answers.known(self.state.baseline) is None:
            return False
        return self.answers.known(settings) is not None or self.answers.is_quick(settings)

    def _preview(self, settings: Settings) -> None:
        if not self.answers.warm:
            self.front.show_status(status("computing the exact answer", "busy", 0.0))
            return
        forecast = self.answers.preview(settings)
        if forecast is not None:
            runs = forecast.provenance.get("runs", 0)
            self._show(forecast, status(f"preview from {runs:,} replicates with the same dice", "preview"))

    def _order(self, settings: Settings, delay: float) -> None:
        def job(cancel: Callable[[], bool], progress: Callable[[float], None]) -> Forecast:
            self.answers.answer(self.state.baseline, progress=progress, cancel=cancel)
            return self.answers.answer(settings, progress=progress, cancel=cancel)

        def done(forecast: Forecast) -> None:
            with self.lock:
                if settings == self.state.settings:
                    self._at_rest(settings, forecast)
            self.answers.anchor(settings)

        def progress(share: float) -> None:
            with self.lock:
                if settings == self.state.settings:
                    self.front.show_status(status("preview; computing the exact answer", "busy", share))

        self.worker.submit(job, done, self._failed, delay=delay, progress=progress)

    def cancel(self) -> None:
        """Stop what is being computed; the picture stays what it is, and says so."""
        with self.lock:
            self.worker.cancel()
            self.front.show_status(status("cancelled: the picture is still a preview", "preview"))

    def resize(self, width: int) -> None:
        """Draw for another width in pixels."""
        with self.lock:
            self.width = width
            self.redraw()

    def redraw(self) -> None:
        """Draw what is shown again: another width, ladder or choice of endings."""
        with self.lock:
            if self.shown is not None:
                self._show(self.shown, self._status)

    def guard(self, action: Callable[[], object]) -> None:
        """Do something a person asked for; what goes wrong is shown in the panel and the last good picture kept."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error in a callback would vanish into the log
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        with self.lock:
            words = str(error) if isinstance(error, SimlibError) else f"{type(error).__name__}: {error}"
            self.front.show_status(status(words, "error"))

    # ---------------------------------------------------------------- showing

    def _at_rest(self, settings: Settings, forecast: Forecast) -> None:
        self.notes |= self._idle_notes(settings, forecast)
        self.rested = (settings, forecast)
        self.state.rest()
        self._show(forecast, status(self._how(forecast)))
        if self.notes:
            self.front.show_settings()
        for action in self.after_rest:
            action()

    def _how(self, forecast: Forecast) -> str:
        if forecast.engine == "exact":
            return f"exact, {forecast.states:,} states"
        return f"Monte Carlo, {forecast.provenance.get('runs', 0):,} replicates; bands are 95% intervals"

    def _show(self, forecast: Forecast, line: Part) -> None:
        preview = line["kind"] == "preview"
        baseline = None if self.state.is_baseline else self.answers.known(self.state.baseline)
        board, screen, fresh = self._figure(forecast)
        mark = "preview" if preview else ""
        redraw = board.update(forecast, baseline, mark=mark, moving=preview) or fresh
        png = screen.png(redraw=redraw, moving=preview)
        self.shown, self._status = forecast, line
        self.front.show(Shown(png, (board.width, board.height), sentence(forecast, baseline), line, preview))

    def _figure(self, forecast: Forecast) -> tuple[Dashboard, Screen, bool]:
        settings = self.state.settings
        key = (self.width, settings.shown, self.state.ladder(), settings.view, id(self.drivers))
        if self._board is None or self._screen is None or key != self._board_key:
            choice = Choice(endings=settings.shown, ladder=self.state.ladder())
            first = self.answers.known(self.state.baseline) or forecast
            self._board = Dashboard(first, self.width, choice=choice, drivers=self.drivers)
            self._board.update(forecast)
            self._screen = Screen(self._board)
            self._board_key = key
            return self._board, self._screen, True
        return self._board, self._screen, False

    def figure(self) -> Any:
        """Return the matplotlib figure as it stands, to be saved in any format."""
        return None if self._board is None else self._board.figure

    # ---------------------------------------------------------------- notes under sliders

    def _range_notes(self) -> dict[str, str]:
        notes = {}
        for name, value in self.state.values().items():
            assumption = self.state.base.assumptions[name]
            if not assumption.fixed and not assumption.low <= value <= assumption.high:
                notes[name] = "outside the range the scenario gives it"
        return notes

    def _idle_notes(self, settings: Settings, forecast: Forecast) -> dict[str, str]:
        """Say so when the one assumption that moved since the last rest changed nothing."""
        if self.rested is None:
            return {}
        before, old = self.rested
        if structure(self.state.machine(before)) != structure(self.state.machine(settings)):
            return {}
        mine, theirs = self.state.values(settings), self.state.values(before)
        moved = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
        if len(moved) != 1 or not same_answer(old, forecast):
            return {}
        return {moved[0]: "changes nothing here: what it acts on does not happen at the other values"}


def _nothing(_: object) -> None:
    pass


def sentence(forecast: Forecast, baseline: Forecast | None = None, limit: int = 5) -> list[Part]:
    """Return the answer in a sentence as parts {text, strong}: the likeliest endings by date, and what changed."""
    last = {name: float(band.probability[-1]) for name, band in forecast.endings.items()}
    ongoing = last.pop(ONGOING, None)
    ranked = sorted(last, key=lambda name: -last[name])[:limit]
    parts: list[Part] = [_part(f"By {long_date(forecast.by_date(float(forecast.times[-1])))}: ")]
    for name in ranked:
        parts += [_part(f"{forecast.label('endings', name)} "), _part(percent(last[name]), strong=True)]
        parts += [_part(_difference(name, last[name], baseline)), _part("; ")]
    if ongoing is not None:
        parts += [_part("none of the endings yet "), _part(percent(ongoing), strong=True)]
        parts += [_part(_difference(ONGOING, ongoing, baseline))]
    return [*parts, _part(".")]


def _part(text: str, *, strong: bool = False) -> Part:
    return {"text": text, "strong": strong}


def _difference(name: str, now: float, baseline: Forecast | None) -> str:
    if baseline is None or name not in baseline.endings:
        return ""
    change = 100 * (now - float(baseline.endings[name].probability[-1]))
    if abs(change) < 0.05:
        return ""
    return f" ({'up' if change > 0 else 'down'} {abs(change):.{0 if abs(change) >= 9.95 else 1}f} points)"
