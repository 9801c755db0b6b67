"""One object for the progress, the cancellation and the threads of a long computation."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from simlib.errors import Cancelled, TooManyStates, Unsupported

Result = TypeVar("Result")

Progress = Callable[[float], None]
"""Called with the share of the work that is done, from 0 to 1."""

Cancel = Callable[[], bool]
"""Called from time to time. If it returns True, the work stops."""


@dataclass(frozen=True)
class Control:
    """Callbacks for progress and cancellation, and the number of threads (None: automatic)."""

    progress: Progress | None = None
    cancel: Cancel | None = None
    threads: int | None = None

    def report(self, share: float) -> None:
        """Report that a share of the work is done, from 0 to 1."""
        if self.progress is not None:
            self.progress(share)

    def cancelled(self) -> bool:
        """Say whether the work is to stop."""
        return self.cancel is not None and self.cancel()

    def check(self) -> None:
        """Raise Cancelled if the work is to stop."""
        if self.cancelled():
            raise Cancelled("the work was cancelled")

    def part(self, first: float, last: float) -> Control:
        """Return a control for the part of the work from share `first` to share `last`.

        The part reports its own progress from 0 to 1, which is passed on as progress of the whole work.
        """
        if self.progress is None:
            return self
        tell = self.progress
        return Control(lambda share: tell(first + (last - first) * share), self.cancel, self.threads)


UNWATCHED = Control()
"""The default: no progress reports and no cancellation."""


def exact_where_it_fits(engine: str, exact: Callable[[], Result], sampled: Callable[[], Result]) -> Result:
    """Return the answer of the engine that `engine` names.

    "auto" means the exact engine if it can answer, else Monte Carlo.
    """
    if engine != "montecarlo":
        try:
            return exact()
        except (TooManyStates, Unsupported):
            if engine == "exact":
                raise
    return sampled()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
