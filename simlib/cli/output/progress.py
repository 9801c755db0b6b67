"""Long computations: progress on standard error, and stops by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from simlib.control import Control
from simlib.errors import Cancelled

PROGRESS_DELAY = 1.0
"""Seconds before progress is shown for the first time."""

_REDRAW, _LINE_EVERY = 0.2, 5.0


class StoppedWithAnswer(Cancelled):
    """The command was stopped by Ctrl-C, after it had printed the answer so far."""


class Task:
    """A long computation that shows its progress and can be stopped by Ctrl-C.

    Use it as a context manager, and give its `control` to the engines. The first Ctrl-C asks the engines to stop. The
    second Ctrl-C raises KeyboardInterrupt at once.
    """

    def __init__(self, what: str) -> None:
        self.what, self.share = what, 0.0
        self._stop, self._done = threading.Event(), threading.Event()
        self._begun = time.monotonic()
        self._shown = self._answered = False
        self._line = sys.stderr.isatty()
        self._reporter = threading.Thread(target=self._show, daemon=True)
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def control(self) -> Control:
        """The callbacks with which an engine reports its progress and asks whether to stop."""
        return Control(self.report, self.cancelled)

    def report(self, share: float) -> None:
        """Record the share of the work that is done, from 0 to 1."""
        self.share = share

    def cancelled(self) -> bool:
        """Whether Ctrl-C or SIGTERM has asked to stop."""
        return self._stop.is_set()

    def stopped_with_an_answer(self) -> bool:
        """Whether Ctrl-C or SIGTERM has asked to stop, and the answer so far must be printed.

        After this call, the end of the task does not raise KeyboardInterrupt.
        """
        self._answered = True
        return self._stop.is_set()

    def __enter__(self) -> Task:
        if threading.current_thread() is threading.main_thread():
            self._handlers[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._terminate)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell script's background job ignores it
                self._handlers[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        self._reporter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._reporter.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._shown and self._line:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        if kind is None and self.cancelled() and not self._answered:  # the work ended before it saw the request
            raise KeyboardInterrupt

    def _interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - handlers have this form
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()
        sys.stderr.write("\nsimlib: stopping; press Ctrl-C again to stop at once\n")

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()  # the other threads must stop too, because the end of the process waits for them
        handler = self._handlers[signal.SIGTERM]
        if callable(handler):
            handler(number, frame)

    def _show(self) -> None:
        wait = PROGRESS_DELAY
        while not self._done.wait(wait):
            self._shown = True
            text = self._text()
            sys.stderr.write(f"\r\033[K{text}" if self._line else f"{text}\n")
            sys.stderr.flush()
            wait = _REDRAW if self._line else _LINE_EVERY

    def _text(self) -> str:
        seconds = time.monotonic() - self._begun
        if not 0 < self.share < 1:
            return f"{self.what}: {seconds:.0f} s"
        left = seconds * (1 - self.share) / self.share
        return f"{self.what}: {100 * self.share:.0f}%, {seconds:.0f} s, about {left:.0f} s left"
