"""A worker thread that does only the latest job."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simlib.control import Control, Progress
from simlib.errors import Cancelled

Job = Callable[[Control], Any]
"""A function that is given a control. It reports its progress to the control, and stops when the control says so."""

EXIT_WAIT = 1.0
"""Longest time in seconds that a program waits at its end for its cancelled jobs."""


@dataclass
class _Order:
    job: Job
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    progress: Progress | None
    due: float
    stop: threading.Event = field(default_factory=threading.Event)


def nothing(_: object) -> None:
    """Do nothing with the result or the error of a job."""


class LatestWorker:
    """A daemon thread that does the latest job that it was given, after a delay.

    When a newer job comes, the worker drops a waiting job and cancels a running job. A `patient` worker lets a running
    job finish.
    """

    def __init__(self, name: str = "simlib-answers", *, patient: bool = False) -> None:
        self._name, self._patient = name, patient
        self._changed = threading.Condition()
        self._waiting: _Order | None = None
        self._running: _Order | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        _alive.add(self)

    def submit(
        self,
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        *,
        delay: float = 0.0,
        progress: Progress | None = None,
    ) -> None:
        """Do a job after `delay` seconds, unless a newer job comes before.

        `done`, `failed` and `progress` are called on the worker's thread. They are not called for a job that was
        dropped or cancelled. A closed worker does nothing.

        Args:
            job: The job.
            done: Called with the result of the job.
            failed: Called with the error, if the job raises one.
            delay: The time in seconds before the job begins.
            progress: Called with the share of the work that is done.
        """
        order = _Order(job, done, failed, progress, time.monotonic() + delay)
        with self._changed:
            if self._closed:
                return
            self._drop(running=not self._patient)
            self._waiting = order
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def cancel(self) -> None:
        """Drop the waiting job and cancel the running one."""
        with self._changed:
            self._drop()
            self._changed.notify_all()

    def _drop(self, *, running: bool = True) -> None:
        self._waiting = None
        if running and self._running is not None:
            self._running.stop.set()

    @property
    def busy(self) -> bool:
        """Whether a job waits or runs."""
        with self._changed:
            return self._waiting is not None or self._running is not None

    def hasten(self) -> None:
        """Begin the waiting job without further delay."""
        with self._changed:
            if self._waiting is not None:
                self._waiting.due = time.monotonic()
            self._changed.notify_all()

    def wait_begun(self, timeout: float | None = None) -> bool:
        """Wait until the waiting job has begun to run. Return False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None, timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no job waits or runs. Return False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None and self._running is None, timeout)

    def close(self) -> None:
        """Cancel all jobs, and let the thread end."""
        with self._changed:
            self._closed = True
            self._drop()
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait until the thread of a closed worker has ended, for at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                order = self._next()
                if order is None:
                    return
                self._waiting, self._running = None, order
                self._changed.notify_all()
            try:
                self._do(order)
            finally:
                order = None  # a waiting thread must not keep the results of its last job alive
                with self._changed:
                    self._running = None
                    self._changed.notify_all()

    def _next(self) -> _Order | None:
        """Wait until a job is due, and return it, or None if the worker is closed."""
        while not self._closed:
            if self._waiting is None:
                self._changed.wait()
                continue
            left = self._waiting.due - time.monotonic()
            if left <= 0:
                return self._waiting
            self._changed.wait(left)
        return None

    def _do(self, order: _Order) -> None:
        def progress(share: float) -> None:
            if order.progress is not None and not order.stop.is_set():
                order.progress(share)

        try:
            result = order.job(Control(progress, order.stop.is_set))
            if not order.stop.is_set():
                order.done(result)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - the caller shows the error in place of the answer
            if not order.stop.is_set():
                order.failed(error)


_alive: weakref.WeakSet[LatestWorker] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close every worker, because threads in compiled code can crash a program at its end."""
    workers, until = list(_alive), time.monotonic() + EXIT_WAIT
    for worker in workers:
        worker.close()
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
