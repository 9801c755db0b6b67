"""The loop behind moving sliders: quick answers while they move, then the answer at rest.

A quick answer is a glance or, if glances are too slow or cannot answer the leading question, a preview (see
`answer_cache`). Glances are computed one after the other on a thread of their own, each at the latest settings when it
begins. An answer at rest is shown only if the settings have not changed since it was requested.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Protocol

from simlib.control import Control
from simlib.machine.measures import Measure
from simlib.results import Forecast
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.glances import Glances
from simlib.widgets.explorer.previews import Previews
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.kit.latest_worker import LatestWorker, nothing
from simlib.widgets.kit.status_line import Part, status

SLIDER_PAUSE = 0.15
"""Seconds after the last move of a slider before the full answer is computed."""

TURN = 0.3
"""Longest time in seconds that a change waits until the quick answer to an earlier change begins."""

HOVER = 0.1
"""Seconds that the pointer rests on a slider before answers along this slider are prepared."""

PROGRESS_PERIOD = 0.2
"""Seconds between two reports on the progress of a long computation."""


class LoopDisplay(Protocol):
    """The session that shows what the loop computes.

    The loop holds the lock while it calls any method except `prepare`.
    """

    in_hand: bool
    """Whether a person is moving a slider at present."""

    @property
    def leading(self) -> Measure:
        """The measure of the leading question. Every quick answer must contain it."""

    @property
    def counts_moves(self) -> bool:
        """Whether the counts of moves are shown, so that every quick answer must contain them."""

    @property
    def prepared(self) -> bool:
        """Whether the answer at the baseline, with which other answers are compared, is known."""

    def prepare(self, control: Control) -> None:
        """Compute the answer at the baseline, on the worker's thread."""

    def show_waiting(self) -> None:
        """Show that the first answer is being computed."""

    def show_progress(self, share: float) -> None:
        """Show the share (0 to 1) of the computation that is done."""

    def show_preview(self, forecast: Forecast) -> None:
        """Show a quick Monte Carlo answer."""

    def show_moving(self, forecast: Forecast) -> None:
        """Show an exact answer while a slider moves."""

    def show_at_rest(self, settings: Settings, forecast: Forecast) -> None:
        """Show the full answer to `settings`, now that no slider moves."""

    def fail(self, error: Exception) -> None:
        """Show what went wrong."""


class PreviewLoop:
    """Decides, after each change of the settings, what to show at once and what to compute next."""

    def __init__(self, answers: AnswerCache, display: LoopDisplay, worker: LatestWorker, lock: threading.RLock) -> None:
        self.answers, self.display, self.worker, self.lock = answers, display, worker, lock
        self.glances, self.previews = Glances(answers), Previews(answers)
        self.glancing = LatestWorker("simlib-glances", patient=True)
        # Previews need a kernel that may have to compile. On a separate thread, no answer waits for that.
        self._anchoring = LatestWorker("simlib-previews")
        self._tracing = LatestWorker("simlib-curves", patient=True)

    def close(self) -> None:
        """Stop all work."""
        self.glancing.close()
        self._anchoring.close()
        self._tracing.close()

    def update(self) -> None:
        """Show the full answer to the present settings or, until it is known, a quick answer."""
        settings, moving = self.answers.state.settings, self.display.in_hand
        known, prepared = self.answers.known(settings), self.display.prepared
        if prepared and known is None and self.glances.is_quick(settings, self.display.leading):
            if not moving:
                self.glancing.cancel()
            self._glance(settings)
            return
        self.glancing.cancel()
        if known is None or not prepared:
            self._preview(settings)
        elif moving:
            self.display.show_moving(known)
        else:
            self.display.show_at_rest(settings, known)
            self.anchor(settings, delay=SLIDER_PAUSE)
            return
        self._order(settings)

    @property
    def _lead(self) -> str | None:
        """The id of the question that a quick answer must include ("": no question, None: all).

        A conditional probability is computed from two questions, so the result is None for it.
        """
        return None if self.display.leading.kind == "given" else self.display.leading.question_id

    def wait_turn(self) -> None:
        """Wait at most `TURN` seconds until the latest glance begins, so pictures follow the slider."""
        self.glancing.wait_begun(TURN)

    def rest(self) -> None:
        """Compute the full answer now, without the pause after the last move of a slider."""
        self.worker.hasten()

    def anchor(self, settings: Settings, *, delay: float = 0.0) -> None:
        """Measure on a worker's thread how long a glance takes. If it is too slow, prepare previews."""

        def job(control: Control) -> None:
            self.glances.measure(settings, control, lead=self._lead)
            if not self.glances.is_quick(settings, self.display.leading):
                self.previews.anchor(settings, control)

        self._anchoring.submit(job, nothing, partial(self._fail, settings), delay=delay)

    def trace(self, name: str) -> None:
        """Prepare quick answers along an assumption's slider, if exact answers are quick enough."""
        settings, moves, lead = self.answers.state.settings, self.display.counts_moves, self._lead

        def job(control: Control) -> None:
            self.glances.measure(settings, control, lead=lead)
            if self.glances.is_quick(settings, self.display.leading):
                self.glances.trace(settings, name, control, lead=lead, moves=moves)

        self._tracing.submit(job, nothing, partial(self._fail, settings), delay=HOVER)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds for the work of `anchor`, and return whether it is done."""
        return self._anchoring.wait(timeout)

    def _glance(self, settings: Settings) -> None:
        def done(forecast: Forecast) -> None:
            with self.lock:
                present = settings == self.answers.state.settings
                # A glance may wait for the lock while another change, such as an undo, is answered from memory.
                if present or self.display.in_hand:
                    self.display.show_moving(forecast)
                if present:
                    self._order(settings)

        moves, lead = self.display.counts_moves, self._lead
        self.glancing.submit(
            lambda control: self.glances.glance(settings, control, lead=lead, moves=moves),
            done,
            partial(self._fail, settings),
        )

    def _fail(self, settings: Settings, error: Exception) -> None:
        """Show an error, unless the settings that caused it have changed."""
        with self.lock:
            if settings == self.answers.state.settings:
                self.display.fail(error)

    def _preview(self, settings: Settings) -> None:
        if not self.display.prepared:
            self.display.show_waiting()
        elif not self.previews.warm:
            self.display.show_progress(0.0)
        if not self.previews.warm:
            return
        forecast = self.previews.preview(settings)
        if forecast is not None:
            self.display.show_preview(forecast)

    def _order(self, settings: Settings) -> None:
        last_report = 0.0

        def job(control: Control) -> Forecast:
            def progress(share: float) -> None:
                nonlocal last_report
                if time.monotonic() - last_report < PROGRESS_PERIOD:
                    return
                last_report = time.monotonic()
                with self.lock:
                    if settings == self.answers.state.settings and not control.cancelled():
                        self.display.show_progress(share)

            watched = Control(progress, control.cancel)
            self.display.prepare(watched)
            return self.answers.answer(settings, watched)

        def done(forecast: Forecast) -> None:
            with self.lock:
                if settings == self.answers.state.settings:
                    self.display.show_at_rest(settings, forecast)
            self.anchor(settings)

        delay = SLIDER_PAUSE if self.display.in_hand else 0.0
        self.worker.submit(job, done, partial(self._fail, settings), delay=delay)


def preview_status(forecast: Forecast) -> Part:
    """Return the status line of a quick Monte Carlo answer."""
    return status(f"preview from {forecast.provenance.get('runs', 0):,} replicates", "preview")


def answer_status(forecast: Forecast, interval: str, lead: Measure | None = None) -> Part:
    """Return the status line of an answer.

    `interval` says how a Monte Carlo answer shows its error. In an exact answer, the leading question `lead` may be
    simulated. The line then gives its error.
    """
    if forecast.engine == "exact":
        band = forecast.questions.get(lead.of) if lead is not None and lead.kind == "question" else None
        if band is not None and (half := 50 * float(band.high[-1] - band.low[-1])) >= 0.05:
            return status(f"simulated, ±{half:.1f} points (95%); other questions exact, {forecast.states:,} states")
        return status(f"exact, {forecast.states:,} states")
    return status(f"Monte Carlo, {forecast.provenance.get('runs', 0):,} replicates; {interval}")
