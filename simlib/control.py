"""Progress reports, cancellation and number of threads of a long computation, in one object."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from simlib.arguments import whole
from simlib.errors import ArgumentError, Cancelled

__all__ = ["Control"]

Progress = Callable[[float], None]
"""A function that is called with the share of the work that is done, from 0 to 1."""

Cancel = Callable[[], bool]
"""A function that is called from time to time. If it returns True, the work stops."""


@dataclass(frozen=True)
class Control:
    """Callbacks for progress and cancellation of a long computation, and its number of threads.

    - `progress`: called with the share of the work that is done (None: no reports).
    - `cancel`: called from time to time (None: the work is never cancelled). If `cancel` returns True, the work stops.
    - `threads`: number of threads (None: chosen automatically).
    """

    progress: Progress | None = None
    cancel: Cancel | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("progress", "cancel"):
            if not (getattr(self, name) is None or callable(getattr(self, name))):
                raise ArgumentError(name, getattr(self, name), "expected a function")
        if self.threads is not None:
            whole("threads", self.threads, 1)

    def report(self, share: float) -> None:
        """Tell the caller the share of the work that is done, from 0 to 1."""
        if self.progress is not None:
            self.progress(share)

    def cancelled(self) -> bool:
        """Return True if the caller wants the work to stop."""
        return self.cancel is not None and self.cancel()

    def check(self) -> None:
        """Raise Cancelled if the caller wants the work to stop."""
        if self.cancelled():
            raise Cancelled("the work was cancelled")

    def silent(self) -> Control:
        """Return the same control without progress reports, for a part of the work."""
        return Control(cancel=self.cancel, threads=self.threads)

    def part(self, first: float, last: float) -> Control:
        """Return a control for the part of the work from the share `first` to the share `last`.

        The part reports its own progress from 0 to 1, which is passed on as progress from `first` to `last`.
        """
        if self.progress is None:
            return self
        tell = self.progress
        return Control(lambda share: tell(first + (last - first) * share), self.cancel, self.threads)


UNWATCHED = Control()
ONE_THREAD = Control(threads=1)
"""The default control: no progress reports and no cancellation."""


@contextmanager
def helper_threads(count: int, control: Control = UNWATCHED) -> Iterator[tuple[ThreadPoolExecutor, Control]]:
    """Yield a pool of `count` threads, and a control for the work that the pool is given.

    If the `with` block raises an error, as after Ctrl-C, this control cancels the work under way, and no other work
    begins. Without this cancellation the error would have to wait until all work is done.
    """
    failed = threading.Event()
    watched = Control(control.progress, lambda: failed.is_set() or control.cancelled(), control.threads)
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool, watched
        except BaseException:
            failed.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
