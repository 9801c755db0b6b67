"""Progress reports, cancellation and the number of threads of a long computation, in one object."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, get_args

from simlib.errors import Cancelled, TooManyStates, Unsupported
from simlib.typing import Engine

Result = TypeVar("Result")

Progress = Callable[[float], None]
"""A function that is called with the share of the work that is done, from 0 to 1."""

Cancel = Callable[[], bool]
"""A function that is called from time to time. If it returns True, the work stops."""


@dataclass(frozen=True)
class Control:
    """Callbacks for progress and cancellation of a long computation, and its number of threads.

    - `progress`: called with the share of the work that is done (None: no reports).
    - `cancel`: called from time to time. If `cancel` returns True, the work stops (None: never).
    - `threads`: number of threads (None: chosen automatically).
    """

    progress: Progress | None = None
    cancel: Cancel | None = None
    threads: int | None = None

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

    def part(self, first: float, last: float) -> Control:
        """Return a control for one part of the work, from the share `first` to the share `last` of the whole.

        The part reports its own progress from 0 to 1, which is passed on as progress from `first` to `last`.
        """
        if self.progress is None:
            return self
        tell = self.progress
        return Control(lambda share: tell(first + (last - first) * share), self.cancel, self.threads)


UNWATCHED = Control()
"""The default control: no progress reports and no cancellation."""


def check_engine(engine: str) -> None:
    """Raise ValueError for a name that is no engine, such as "MonteCarlo"."""
    if engine not in (names := get_args(Engine)):
        raise ValueError(f"unknown engine {engine!r}; expected {', '.join(map(repr, names[:-1]))} or {names[-1]!r}")


def exact_where_it_fits(engine: str, exact: Callable[[], Result], sampled: Callable[[], Result]) -> Result:
    """Return the answer of one of two engines: `exact()`, or `sampled()`, which uses Monte Carlo.

    `engine` is "exact", "montecarlo" or "auto". "auto" means the exact engine if it can answer, else Monte Carlo. With
    "exact", raises TooManyStates or Unsupported if the exact engine cannot answer. Raises ValueError for another name.
    """
    check_engine(engine)
    if engine != "montecarlo":
        try:
            return exact()
        except (TooManyStates, Unsupported):
            if engine == "exact":
                raise
    return sampled()


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
