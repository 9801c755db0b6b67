"""The desk between a person, the state and the engines: what to recompute, when, and what to show. No widget here.

A change shows a preview at once and asks for the answer at rest a moment after the hand stopped. An answer is shown
only if it belongs to the settings of that moment, so the picture at rest always belongs to the values at rest. What
goes wrong is said in the panel, in words, above the last good picture. One lock guards the figure and what is shown.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

from simlib.errors import SimlibError
from simlib.plots.forecast_figure import Contents, Dashboard
from simlib.results import Forecast
from simlib.shipped import notebooks_folder
from simlib.widgets.explorer.autosave import Drafts, find_settings, folder, keep_settings
from simlib.widgets.explorer.engine_cache import Answers, same_answer
from simlib.widgets.explorer.slider_order import Influence, compute, file_name, most_likely, stored
from simlib.widgets.explorer.state import Settings, State, structure
from simlib.widgets.kit.blitting import Screen, still
from simlib.widgets.kit.latest_worker import Latest
from simlib.widgets.kit.status import Part, Shown, sentence, status

REST = 0.15
"""Seconds after the last move of a slider before the answer at rest is asked for."""

BETWEEN_REPORTS = 0.2
"""Seconds between two looks at how far a long computation has come."""

DRIVERS = 8
"""How many drivers of an ending are shown."""

IDLE = 0.5
"""Seconds after an answer before work in the background begins."""


class Front(Protocol):
    """What shows a desk: the widgets, or a test."""

    def show(self, shown: Shown) -> None:
        """Show a picture and what is said about it, all at once."""

    def show_status(self, status: Part) -> None:
        """Show a line of status beside the picture there is."""

    def show_settings(self) -> None:
        """Show the settings of the state: sliders, choices, undo."""

    def show_order(self) -> None:
        """Put the sliders in the order of the desk's `influence`."""

    def show_drivers(self, png: bytes, size: tuple[int, int], alt: str) -> None:
        """Show what an ending hangs on."""

    def rested(self) -> None:
        """Bring up to date what follows from the answer at rest."""


class Desk:
    """One explorer at work."""

    def __init__(
        self,
        state: State,
        front: Front,
        *,
        width: int = 900,
        answers: Answers | None = None,
        drafts: Drafts | None = None,
    ) -> None:
        self.state, self.front, self.width = state, front, width
        self.answers = answers or Answers(state)
        self.drafts = drafts or Drafts.of(state.base)
        self.lock = threading.RLock()
        self.worker, self.background, self.pages = (
            Latest("simlib-answers"),
            Latest("simlib-idle"),
            Latest("simlib-pages"),
        )
        self.notes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.shown: Forecast | None = None
        self.influence: Influence | None = None
        self.drivers_of = ""
        self._rested: tuple[Settings, Forecast] | None = None
        self._board: Dashboard | None = None
        self._screen: Screen | None = None
        self._board_key: Hashable = None
        self._status: Part = status("")

    # ---------------------------------------------------------------- what happens

    def start(self) -> None:
        """Give the first answer, and make ready for the slider that may move next."""
        with self.lock:
            self.draft = find_settings(self.drafts, self.state)
            settings = self.state.settings
            baseline = self.answers.answer(self.state.baseline)
            self._take_influence(stored(self.state.base, [notebooks_folder() / "stored", folder() / "cache"]))
            self.front.show_order()
            forecast = baseline if self.state.is_baseline else self.answers.answer(settings)
            self._at_rest(settings, forecast)
        self.worker.submit(lambda cancel, _: self.answers.anchor(settings, cancel), _nothing, self._failed)

    def close(self) -> None:
        """Stop all work."""
        for worker in (self.worker, self.background, self.pages):
            worker.close()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until nothing is being computed for the picture; return False after `timeout` seconds."""
        return self.worker.wait(timeout)

    def restore(self) -> None:
        """Take up the settings that an earlier session left behind."""
        with self.lock:
            if self.draft is not None:
                self.reasons, settings = dict(self.draft.reasons), self.draft.settings
                self.drafts.drop(self.draft.data)
                self.draft = None
                self.state.change(settings)
                self.changed()

    def discard(self) -> None:
        """Forget the settings that an earlier session left behind."""
        with self.lock:
            if self.draft is not None:
                self.drafts.drop(self.draft.data)
            self.draft = None

    def changed(self, *, moving: bool = False) -> None:
        """Show what the present settings give: the answer if it is known or quick, else a preview and then the answer.

        `moving`: the hand is still on a slider, so that the work at rest waits for it to stop, and axes do not shrink.
        """
        with self.lock:
            settings = self.state.settings
            for worker in (self.worker, self.background, self.pages):
                worker.cancel()
            self.notes = self._range_notes()
            self.front.show_settings()
            if not self._ready(settings):
                self._preview(settings)
            elif moving:
                forecast = self.answers.answer(settings)
                self._show(forecast, status(self._how(forecast)), moving=True)
            else:
                self._at_rest(settings, self.answers.answer(settings))
                self.worker.submit(
                    lambda cancel, _: self.answers.anchor(settings, cancel), _nothing, self._failed, delay=REST
                )
                return
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

        told = 0.0

        def progress(share: float) -> None:
            nonlocal told
            if time.monotonic() - told < BETWEEN_REPORTS:
                return
            told = time.monotonic()
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
            self._show_drivers()

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
        self._rested = (settings, forecast)
        self.state.rest()
        self._show(forecast, status(self._how(forecast)))
        if self.notes:
            self.front.show_settings()
        keep_settings(self.drafts, self.state, self.reasons)
        self.front.rested()
        self._seek_influence()

    def _how(self, forecast: Forecast) -> str:
        if forecast.engine == "exact":
            return f"exact, {forecast.states:,} states"
        return f"Monte Carlo, {forecast.provenance.get('runs', 0):,} replicates; bands are 95% intervals"

    def _show(self, forecast: Forecast, line: Part, *, moving: bool = False) -> None:
        preview = line["kind"] == "preview"
        moving |= preview
        baseline = None if self.state.is_baseline else self.answers.known(self.state.baseline)
        board, screen, fresh = self._figure(forecast)
        mark = "preview" if preview else ""
        redraw = board.update(forecast, baseline, mark=mark, note=self.state.heading(), moving=moving) or fresh
        png = screen.png(redraw=redraw, moving=moving)
        self.shown, self._status = forecast, line
        self.front.show(Shown(png, (board.width, board.height), sentence(forecast, baseline), line, preview))

    def _figure(self, forecast: Forecast) -> tuple[Dashboard, Screen, bool]:
        settings = self.state.settings
        key = (self.width, settings.shown, self.state.ladder(), settings.view)
        if self._board is None or self._screen is None or key != self._board_key:
            choice = Contents(endings=settings.shown, ladder=self.state.ladder())
            first = self.answers.known(self.state.baseline) or forecast
            self._board = Dashboard(first, self.width, choice=choice)
            self._board.update(forecast)
            self._screen = Screen(self._board)
            self._board_key = key
            return self._board, self._screen, True
        return self._board, self._screen, False

    def at_rest(self) -> tuple[Forecast, Forecast | None]:
        """Return the answer to the present settings, and the baseline's where it is another; compute if missing."""
        settings, baseline = self.state.settings, self.answers.answer(self.state.baseline)
        forecast = self.answers.answer(settings)
        return forecast, None if self.state.is_baseline else baseline

    def answer_in_words(self) -> str:
        """Return the answer to the present settings as a sentence."""
        return "".join(part["text"] for part in sentence(*self.at_rest()))

    def keep_reason(self, name: str, text: str) -> None:
        """Note why an assumption was changed or a move switched off; it is kept with the draft."""
        self.reasons[name] = text
        keep_settings(self.drafts, self.state, self.reasons)

    def later(self, job: Callable[[Callable[[], bool]], object]) -> None:
        """Do something slow that follows from the answer at rest, unless something newer comes; `job` gets `cancel`."""
        self.pages.submit(lambda cancel, _: job(cancel), _nothing, self._failed)

    # ---------------------------------------------------------------- what carries the answer

    def _seek_influence(self) -> None:
        """Compute in the background, when nothing else is to do, what the sliders are ordered by."""
        machine = self.answers.machine(self.state.against)
        solver = self.answers.solver(machine) if machine.tried_solver else None
        if self.influence is not None or solver is None or not self.state.base.endings:
            return
        base = self.state.base

        def job(cancel: Callable[[], bool], _: Callable[[float], None]) -> Influence:
            return compute(base, solver=solver, cancel=cancel)

        def done(influence: Influence) -> None:
            with contextlib.suppress(OSError):
                influence.save(folder() / "cache" / file_name(base))
            with self.lock:
                self._take_influence(influence)
                if not self.state.can_undo:
                    self.front.show_order()
                self.front.show_settings()

        self.background.submit(job, done, self._failed, delay=IDLE)

    def _take_influence(self, influence: Influence | None) -> None:
        self.influence = influence
        if influence is None:
            return
        baseline = self.answers.answer(self.state.baseline)
        last = {name: float(band.probability[-1]) for name, band in baseline.endings.items()}
        self.drivers_of = self.drivers_of or most_likely(last)
        self._show_drivers()

    def _show_drivers(self) -> None:
        """Draw what an ending hangs on; it belongs to the values of the file and does not move with the sliders."""
        from simlib.plots.driver_bars import drivers

        if self.influence is None or not self.drivers_of:
            return
        frame = self.influence.drivers(self.state.base, self.drivers_of)
        title = frame.attrs["title"]
        height = 96 + 40 * min(max(len(frame), 1), DRIVERS)
        png, size = still(lambda ax: drivers(frame, ax, title=title, rows=DRIVERS), self.width, height, left=14)
        rows = zip(frame["label"], frame["at_low"], frame["at_high"], strict=True)
        strongest = "; ".join(
            f"{label} ({100 * low:+.1f} to {100 * high:+.1f})" for label, low, high in itertools.islice(rows, 3)
        )
        self.front.show_drivers(png, size, f"{title}. In points, at low and at high: {strongest}.")

    def explain(self, ending: str) -> None:
        """Show what one ending hangs on."""
        with self.lock:
            self.drivers_of = ending
            self._show_drivers()

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
        if self._rested is None:
            return {}
        before, old = self._rested
        if structure(self.state.machine(before)) != structure(self.state.machine(settings)):
            return {}
        mine, theirs = self.state.values(settings), self.state.values(before)
        moved = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
        if len(moved) != 1 or not same_answer(old, forecast):
            return {}
        return {moved[0]: "changes nothing here: what it acts on does not happen at the other values"}


def _nothing(_: object) -> None:
    pass
