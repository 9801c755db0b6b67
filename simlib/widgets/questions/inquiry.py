"""The work of answering one question of a panel, in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from simlib.control import Control
from simlib.errors import Cancelled, ScenarioError, SimlibError
from simlib.formatting import with_long_dates
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.questions.question import PanelQuestion
from simlib.widgets.questions.shown_answers import ShownAnswer, answer_folders, read_answer, store_in_home

UNASKED_SECONDS = 2.0
"""Seconds after which a computation that started without Compute is given up. A change of a setting starts one only if
the last computation took no longer."""

FIRST_UNASKED_SECONDS = 12.0
"""Seconds after which a first computation that started without Compute is given up. It may have to compile code."""

SETTING_PAUSE = 0.3
"""Seconds between the last change of a setting and the start of a computation without Compute."""


@dataclass(frozen=True)
class StatusLine:
    """A status message.

    - `text`: the message.
    - `kind`: "" or "error".
    - `share`: the share of the work that is done, or None if no computation runs.
    - `at`: the label of the field whose value was refused, or "".
    """

    text: str
    kind: str = ""
    share: float | None = None
    at: str = ""


EARLIER = StatusLine("The answer below is for earlier settings. Press Compute for the settings above.")
CURRENT = StatusLine("The answer below is for the settings above.")
STORED = StatusLine("Stored answer for this scenario and these settings. Press Compute to compute it again.")
COMPUTED = StatusLine("Computed just now.")
TOO_LONG = StatusLine(f"This takes longer than two seconds. {EARLIER.text}")
PREVIOUS = "The answer below is the previous one."


class Inquiry:
    """The work of answering one question. The last good answer stays until there is a new one.

    `show` is called with each answer, and `say` with each status message, sometimes on the worker's thread.
    """

    def __init__(
        self, question: PanelQuestion, show: Callable[[ShownAnswer], None], say: Callable[[StatusLine], None]
    ) -> None:
        self.question, self._show, self._say = question, show, say
        self.worker = LatestWorker(f"simlib-{question.name}")
        self.answer: ShownAnswer | None = None
        self.chosen: Mapping[str, Any] = question.chosen
        self._now: Mapping[str, Any] = question.chosen
        self._lock = threading.RLock()
        self._is_quick, self._asked, self._number = question.by_itself, False, 0
        self._limit = FIRST_UNASKED_SECONDS

    def start(self) -> None:
        """Show the stored answer to the first settings, or start to compute it."""
        name = self.question.key(self.question.chosen)
        answers = (read_answer(folder / name) for folder in answer_folders())
        stored = next((answer for answer in answers if answer is not None), None)
        if stored is None:
            self.ask(self.question.chosen)
        else:
            self._take(stored, self.question.chosen, STORED)

    def ask(self, chosen: Mapping[str, Any]) -> None:
        """Compute the answer for `chosen` in place of earlier work, or show why it is not allowed."""
        with self._lock:
            self._now = chosen
            try:
                settings = self.question.check(chosen)
            except (SimlibError, TypeError, ValueError) as error:
                self.fail(error)
                return
            self._compute(settings)

    def _compute(self, settings: Mapping[str, Any], *, unasked: bool = False) -> None:
        """Compute an answer, within a time limit if the user did not press Compute (`unasked`)."""
        self._asked, limit = not unasked, self._limit if unasked else float("inf")
        self._number += 1
        number = self._number
        self._say(StatusLine("Computing", share=0.0))

        def done(answer: ShownAnswer | None) -> None:
            if answer is not None:
                store_in_home(answer, self.question.key(settings))
            with self._lock:
                if number != self._number:
                    return
                self._asked = False
                if answer is None:
                    self._say(TOO_LONG)
                else:
                    self._take(answer, settings, COMPUTED)

        def failed(error: Exception) -> None:
            with self._lock:
                if number == self._number:
                    self._asked = False
                    self.fail(error)

        def progress(share: float) -> None:
            with self._lock:
                if number == self._number:
                    self._say(StatusLine(f"Computing: {share:.0%}", share=share))

        job = partial(self._answer_within, limit, settings)
        self.worker.submit(job, done, failed, delay=SETTING_PAUSE if unasked else 0.0, progress=progress)

    def _answer_within(self, limit: float, settings: Mapping[str, Any], control: Control) -> ShownAnswer | None:
        """Compute an answer. Return None if that takes longer than `limit` seconds."""
        begun = time.monotonic()

        def stopped() -> bool:
            return control.cancelled() or time.monotonic() - begun > limit

        try:
            answer = self.question.answer(settings, Control(control.progress, stopped))
        except Cancelled:
            control.check()
            self._is_quick = False
            return None
        if self._limit == UNASKED_SECONDS:
            self._is_quick = self.question.by_itself and time.monotonic() - begun <= UNASKED_SECONDS
        self._limit = UNASKED_SECONDS
        return answer

    def _stop(self) -> None:
        """Cancel the computation. Nothing of it is shown any more."""
        self._number += 1
        self._asked = False
        self.worker.cancel()

    def _take(self, answer: ShownAnswer, chosen: Mapping[str, Any], line: StatusLine) -> None:
        with self._lock:
            self.answer, self.chosen = answer, chosen
            self._show(answer)
            if self._answers(self._now):
                self._say(line)
            else:
                self._follow()

    @property
    def is_stale(self) -> bool:
        """Whether an answer is shown that is not for the present settings."""
        return self.answer is not None and not self._answers(self._now)

    def _answers(self, chosen: Mapping[str, Any]) -> bool:
        """Whether the answer on the screen is for the settings `chosen`, apart from hidden fields."""
        return self.answer is not None and self.question.applying(chosen) == self.question.applying(self.chosen)

    def cancel(self) -> None:
        """Stop the computation. The last answer stays."""
        with self._lock:
            self._stop()
            self._say(StatusLine(f"Cancelled. {PREVIOUS if self.answer else 'Press Compute to start again.'}"))

    def fail(self, error: Exception) -> None:
        """Show an error. The last answer stays."""
        known = isinstance(error, SimlibError | ValueError)
        text = with_long_dates(str(error)) if known else f"{type(error).__name__}: {error}"
        where = error.problems[0].where if isinstance(error, ScenarioError) else ""
        at = where if where in {field.label for field in self.question.fields} else ""
        self._say(StatusLine(text + (f" ({PREVIOUS})" if self.answer else ""), "error", at=at))

    def compare(self, chosen: Mapping[str, Any]) -> None:
        """Show whether the answer is for the settings `chosen`, or why they are not allowed.

        If the answer is for other settings, and computations are quick, the answer for `chosen` is computed. While an
        answer that the user requested is computed, nothing else is done.
        """
        with self._lock:
            self._now = chosen
            if self._asked:
                return
            self._stop()
            self._follow()

    def _follow(self) -> None:
        """Show that the answer is current, or compute a current one, or say to press Compute."""
        try:
            settings = self.question.check(self._now)
        except ScenarioError as error:
            self.fail(error)
            return
        if self._answers(self._now):
            self._say(CURRENT)
        elif self._is_quick:
            self._compute(settings, unasked=True)
        elif self.answer is not None:
            self._say(EARLIER)
