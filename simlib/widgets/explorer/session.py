"""The session of an explorer: it connects the state, the engines and the view. No widget here.

Errors are shown in the panel, above the last good picture. One lock guards the figure and what is shown.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Protocol

from simlib.control import Control
from simlib.errors import SimlibError
from simlib.machine.measures import headline
from simlib.plots.forecast_figure import Contents, Dashboard
from simlib.results import Forecast
from simlib.scenario.library import notebooks_folder
from simlib.widgets.explorer.autosave import Drafts, find_settings, folder, keep_settings
from simlib.widgets.explorer.engine_cache import AnswerCache, same_answer
from simlib.widgets.explorer.preview_loop import PreviewLoop, answer_status, preview_status
from simlib.widgets.explorer.slider_order import Influence, compute, file_name, find_stored, most_likely
from simlib.widgets.explorer.state import Settings, State, structure
from simlib.widgets.kit.blitting import Screen, still
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.kit.status_line import Part, ShownPicture, sentence, status

BANDS = "bands are 95% intervals"

DRIVERS = 8
"""How many drivers of an ending are shown."""

IDLE = 0.5
"""Seconds after an answer before background work begins."""


class ExplorerFront(Protocol):
    """The view of a session: the widgets, or a test."""

    def show(self, shown: ShownPicture) -> None:
        """Show a picture with its sentence and status, all at once."""

    def show_status(self, status: Part) -> None:
        """Show a line of status beside the picture there is."""

    def show_settings(self) -> None:
        """Show the settings of the state: sliders, choices, undo."""

    def show_order(self) -> None:
        """Put the sliders in the order of the session's `influence`."""

    def show_drivers(self, png: bytes, size: tuple[int, int], alt: str) -> None:
        """Show the drivers of an ending."""

    def refresh_page(self) -> None:
        """Refresh the open page, which shows what follows from the answer at rest."""


class ExplorerSession:
    """One explorer at work."""

    def __init__(
        self,
        state: State,
        front: ExplorerFront,
        *,
        width: int = 900,
        answers: AnswerCache | None = None,
        drafts: Drafts | None = None,
    ) -> None:
        self.state, self.front, self.width = state, front, width
        self.answers = answers or AnswerCache(state)
        self.drafts = drafts or Drafts.of(state.base)
        self.lock = threading.RLock()
        self.worker, self.background, self.pages = (
            LatestWorker("simlib-answers"),
            LatestWorker("simlib-idle"),
            LatestWorker("simlib-pages"),
        )
        self.notes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.shown: Forecast | None = None
        self.influence: Influence | None = None
        self.drivers_of = ""
        self._last_rest: tuple[Settings, Forecast] | None = None
        self._board: Dashboard | None = None
        self._screen: Screen | None = None
        self._board_key: Hashable = None
        self._status: Part = status("")
        self._loop = PreviewLoop(self.answers, self, self.worker, self.lock)

    # ---------------------------------------------------------------- changes

    def start(self) -> None:
        """Show the first answer, and prepare previews around it."""
        with self.lock:
            self.draft = find_settings(self.drafts, self.state)
            settings = self.state.settings
            baseline = self.answers.answer(self.state.baseline)
            self._take_influence(find_stored(self.state.base, [notebooks_folder() / "stored", folder() / "cache"]))
            self.front.show_order()
            forecast = baseline if self.state.is_baseline else self.answers.answer(settings)
            self.show_at_rest(settings, forecast)
        self._loop.anchor(settings)

    def close(self) -> None:
        """Stop all work."""
        for worker in (self.worker, self.background, self.pages):
            worker.close()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the picture is at rest; return False after `timeout` seconds."""
        return self.worker.wait(timeout)

    def restore(self) -> None:
        """Continue with the unsaved settings of an earlier session."""
        with self.lock:
            if self.draft is not None:
                self.reasons, settings = dict(self.draft.reasons), self.draft.settings
                self.drafts.drop(self.draft.data)
                self.draft = None
                self.state.change(settings)
                self.update()

    def discard(self) -> None:
        """Delete the unsaved settings of an earlier session."""
        with self.lock:
            if self.draft is not None:
                self.drafts.drop(self.draft.data)
            self.draft = None

    def update(self, *, moving: bool = False) -> None:
        """Show the answer to the present settings, or a preview until it is computed.

        While a slider is `moving`, the work at rest waits until it stops, and axes do not shrink.
        """
        with self.lock:
            for worker in (self.worker, self.background, self.pages):
                worker.cancel()
            self.notes = self._range_notes()
            self.front.show_settings()
            self._loop.update(moving=moving)

    @property
    def prepared(self) -> bool:
        """Whether the answer to the baseline is known."""
        return self.answers.known(self.state.baseline) is not None

    def prepare(self, control: Control) -> None:
        """Compute the answer to the baseline."""
        self.answers.answer(self.state.baseline, control)

    def cancel(self) -> None:
        """Stop the computation. The picture stays a preview, and its status says so."""
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
        """Draw the forecast again, for another width, ladder or choice of endings."""
        with self.lock:
            if self.shown is not None:
                self._show(self.shown, self._status)

    def guard(self, action: Callable[[], object]) -> None:
        """Do an action; an error is shown in the panel, and the last good picture stays."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error in a callback would vanish into the log
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Show an error in the line of status."""
        with self.lock:
            words = str(error) if isinstance(error, SimlibError) else f"{type(error).__name__}: {error}"
            self.front.show_status(status(words, "error"))

    # ---------------------------------------------------------------- showing

    def show_waiting(self) -> None:
        """Show that the first answer is being computed."""
        self.front.show_status(status("computing the exact answer", "busy", 0.0))

    def show_progress(self, share: float) -> None:
        """Show the share of the exact answer that is computed."""
        self.front.show_status(status("preview; computing the exact answer", "busy", share))

    def show_preview(self, forecast: Forecast) -> None:
        """Show a preview."""
        self._show(forecast, preview_status(forecast))

    def show_moving(self, forecast: Forecast) -> None:
        """Show an answer while a slider moves."""
        self._show(forecast, answer_status(forecast, BANDS), moving=True)

    def show_at_rest(self, settings: Settings, forecast: Forecast) -> None:
        """Show the answer to settings that no longer move, and what follows from it."""
        self.notes |= self._idle_notes(settings, forecast)
        self._last_rest = (settings, forecast)
        self.state.rest()
        self._show(forecast, answer_status(forecast, BANDS))
        if self.notes:
            self.front.show_settings()
        keep_settings(self.drafts, self.state, self.reasons)
        self.front.refresh_page()
        self._seek_influence()

    def _show(self, forecast: Forecast, line: Part, *, moving: bool = False) -> None:
        preview = line["kind"] == "preview"
        moving |= preview
        baseline = None if self.state.is_baseline else self.answers.known(self.state.baseline)
        board, screen, fresh = self._figure(forecast)
        mark = "preview" if preview else ""
        redraw = board.update(forecast, baseline, mark=mark, note=self.state.heading(), moving=moving) or fresh
        png = screen.png(redraw=redraw, moving=moving)
        self.shown, self._status = forecast, line
        self.front.show(ShownPicture(png, (board.width, board.height), sentence(forecast, baseline), line, preview))

    def _figure(self, forecast: Forecast) -> tuple[Dashboard, Screen, bool]:
        settings = self.state.settings
        key = (self.width, settings.shown, self.state.ladder(), settings.view)
        if self._board is None or self._screen is None or key != self._board_key:
            choice = Contents(endings=settings.shown or self._leading(), ladder=self.state.ladder())
            first = self.answers.known(self.state.baseline) or forecast
            self._board = Dashboard(first, self.width, choice=choice)
            self._board.update(forecast)
            self._screen = Screen(self._board)
            self._board_key = key
            return self._board, self._screen, True
        return self._board, self._screen, False

    def _leading(self) -> tuple[str, ...] | None:
        """Return the headline and every ending, where the headline is a question (None: every ending)."""
        lead = headline(self.state.base)
        return (lead.of, *self.state.base.endings) if lead.kind == "question" else None

    def forecasts(self) -> tuple[Forecast, Forecast | None]:
        """Return the answer to the present settings, and the baseline's where they differ; compute what is missing."""
        settings, baseline = self.state.settings, self.answers.answer(self.state.baseline)
        forecast = self.answers.answer(settings)
        return forecast, None if self.state.is_baseline else baseline

    def answer_in_words(self) -> str:
        """Return the answer to the present settings as a sentence."""
        return "".join(part["text"] for part in sentence(*self.forecasts()))

    def keep_reason(self, name: str, text: str) -> None:
        """Keep the reason for a changed assumption or a forbidden move, with the draft."""
        self.reasons[name] = text
        keep_settings(self.drafts, self.state, self.reasons)

    def submit(self, job: Callable[[Control], object]) -> None:
        """Do slow work that follows from the answer at rest, unless something newer comes."""
        self.pages.submit(job, _nothing, self.fail)

    # ---------------------------------------------------------------- influence of the assumptions

    def _seek_influence(self) -> None:
        """Compute in the background the influence by which the sliders are ordered."""
        machine = self.answers.machine(self.state.against)
        solver = self.answers.solver(machine) if machine.tried_solver else None
        if self.influence is not None or solver is None or not self.state.base.endings:
            return
        base = self.state.base

        def job(control: Control) -> Influence:
            return compute(base, solver=solver, control=control)

        def done(influence: Influence) -> None:
            with contextlib.suppress(OSError):
                influence.save(folder() / "cache" / file_name(base))
            with self.lock:
                self._take_influence(influence)
                if not self.state.can_undo:
                    self.front.show_order()
                self.front.show_settings()

        self.background.submit(job, done, self.fail, delay=IDLE)

    def _take_influence(self, influence: Influence | None) -> None:
        self.influence = influence
        if influence is None:
            return
        baseline = self.answers.answer(self.state.baseline)
        last = {name: float(band.probability[-1]) for name, band in baseline.endings.items()}
        self.drivers_of = self.drivers_of or most_likely(last)
        self._show_drivers()

    def _show_drivers(self) -> None:
        """Draw the drivers of an ending. They belong to the values of the file and do not move with the sliders."""
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

    def choose_drivers(self, ending: str) -> None:
        """Show the drivers of another ending."""
        with self.lock:
            self.drivers_of = ending
            self._show_drivers()

    # ---------------------------------------------------------------- notes under sliders

    def _range_notes(self) -> dict[str, str]:
        notes = {}
        for name, value in self.state.values().items():
            assumption = self.state.base.assumptions[name]
            if not assumption.fixed and not assumption.low <= value <= assumption.high:
                notes[name] = "outside its range in the scenario"
        return notes

    def _idle_notes(self, settings: Settings, forecast: Forecast) -> dict[str, str]:
        """Return a note where one assumption moved since the last rest and nothing changed."""
        if self._last_rest is None:
            return {}
        before, old = self._last_rest
        if structure(self.state.machine(before)) != structure(self.state.machine(settings)):
            return {}
        mine, theirs = self.state.values(settings), self.state.values(before)
        moved = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
        if len(moved) != 1 or not same_answer(old, forecast):
            return {}
        return {moved[0]: "changes nothing: what it affects does not happen at the other values"}


def _nothing(_: object) -> None:
    pass
