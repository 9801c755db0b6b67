"""The loop behind moving sliders: a preview while they move, the answer when they rest.

No widget here. An answer is shown only if it belongs to the present settings. So the picture at rest always belongs to
the values at rest.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from simlib.control import Control
from simlib.results import Forecast
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.state import Settings
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.kit.status_line import Part, status

REST = 0.15
"""Seconds after the last move of a slider before the answer at rest is computed."""

BETWEEN_REPORTS = 0.2
"""Seconds between two reports on the progress of a long computation."""


class LoopDisplay(Protocol):
    """The session that shows what the loop computes.

    All methods but `prepare` are called with the lock held.
    """

    @property
    def prepared(self) -> bool:
        """Whether the answer that others are compared with is known."""

    def prepare(self, control: Control) -> None:
        """Compute the answer that others are compared with, on the worker's thread."""

    def show_waiting(self) -> None:
        """Show that the first answer is being computed."""

    def show_progress(self, share: float) -> None:
        """Show the share of a computation that is done."""

    def show_preview(self, forecast: Forecast) -> None:
        """Show a preview."""

    def show_moving(self, forecast: Forecast) -> None:
        """Show an answer while a slider moves."""

    def show_at_rest(self, settings: Settings, forecast: Forecast) -> None:
        """Show the answer to settings that no longer move."""

    def fail(self, error: Exception) -> None:
        """Show what went wrong."""


class PreviewLoop:
    """Decides for each change of the settings which picture is shown at once and which is computed next."""

    def __init__(self, answers: AnswerCache, display: LoopDisplay, worker: LatestWorker, lock: threading.RLock) -> None:
        self.answers, self.display, self.worker, self.lock = answers, display, worker, lock
        # On a thread of its own: the kernel of the previews may have to compile, and no answer waits for that.
        self._anchoring = LatestWorker("simlib-previews")

    def close(self) -> None:
        """Stop all work."""
        self._anchoring.close()

    def update(self, *, moving: bool = False) -> None:
        """Show the answer where it is known or quick, else a preview and then the answer.

        While a slider is `moving`, the work at rest waits until it stops.
        """
        settings = self.answers.state.settings
        if not self._ready(settings):
            self._preview(settings)
        elif moving:
            self.display.show_moving(self.answers.answer(settings))
        else:
            self.display.show_at_rest(settings, self.answers.answer(settings))
            self.anchor(settings, delay=REST)
            return
        self._order(settings, REST if moving else 0.0)

    def anchor(self, settings: Settings, *, delay: float = 0.0) -> None:
        """Prepare previews around a known answer, on a worker's thread, unless the exact answer is as quick."""

        def job(control: Control) -> None:
            self.answers.measure(settings, control)
            if not self.answers.is_quick(settings):
                self.answers.anchor(settings, control)

        self._anchoring.submit(job, lambda _: None, self.display.fail, delay=delay)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until previews are prepared. Return False after `timeout` seconds."""
        return self._anchoring.wait(timeout)

    def _ready(self, settings: Settings) -> bool:
        known = self.answers.known(settings) is not None
        return self.display.prepared and (known or self.answers.is_quick(settings))

    def _preview(self, settings: Settings) -> None:
        if not self.display.prepared:
            self.display.show_waiting()
        elif not self.answers.warm:
            self.display.show_progress(0.0)
        if not self.answers.warm:
            return
        forecast = self.answers.preview(settings)
        if forecast is not None:
            self.display.show_preview(forecast)

    def _order(self, settings: Settings, delay: float) -> None:
        def job(control: Control) -> Forecast:
            self.display.prepare(control)
            return self.answers.answer(settings, control)

        def done(forecast: Forecast) -> None:
            with self.lock:
                if settings == self.answers.state.settings:
                    self.display.show_at_rest(settings, forecast)
            self.anchor(settings)

        last_report = 0.0

        def progress(share: float) -> None:
            nonlocal last_report
            if time.monotonic() - last_report < BETWEEN_REPORTS:
                return
            last_report = time.monotonic()
            with self.lock:
                if settings == self.answers.state.settings:
                    self.display.show_progress(share)

        self.worker.submit(job, done, self.display.fail, delay=delay, progress=progress)


def preview_status(forecast: Forecast) -> Part:
    """Return the line of status of a preview."""
    return status(f"preview from {forecast.provenance.get('runs', 0):,} replicates", "preview")


def answer_status(forecast: Forecast, interval: str) -> Part:
    """Return the line of status of an answer; `interval` says how a Monte Carlo answer shows its error."""
    if forecast.engine == "exact":
        return status(f"exact, {forecast.states:,} states")
    return status(f"Monte Carlo, {forecast.provenance.get('runs', 0):,} replicates; {interval}")
