"""How long work is watched and stopped: one object for progress, cancelling and threads."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simlib.errors import Cancelled

Progress = Callable[[float], None]
"""Called with the share of the work that is done, from 0 to 1."""

Cancel = Callable[[], bool]
"""Called from time to time. True means stop."""


@dataclass(frozen=True)
class Control:
    """Who is told of progress, who may stop the work, and on how many threads it runs (None: as many as pay)."""

    progress: Progress | None = None
    cancel: Cancel | None = None
    threads: int | None = None

    def report(self, share: float) -> None:
        """Report that a share of the work is done, from 0 to 1."""
        if self.progress is not None:
            self.progress(share)

    def cancelled(self) -> bool:
        """Say whether somebody wants the work stopped."""
        return self.cancel is not None and self.cancel()

    def check(self) -> None:
        """Raise Cancelled where somebody wants the work stopped."""
        if self.cancelled():
            raise Cancelled("the work was cancelled")

    def part(self, first: float, last: float) -> Control:
        """Return the control of a part of the work, which runs from share `first` to share `last` of the whole."""
        if self.progress is None:
            return self
        tell = self.progress
        return Control(lambda share: tell(first + (last - first) * share), self.cancel, self.threads)


UNWATCHED = Control()
"""Nobody watches and nobody stops it."""


# TRANSITION: until every room speaks the new vocabulary, a call may still use the old words. Goes when all is merged.

_SAME = {"by": ("day", "horizon"), "look_by": ("day", "within_days"), "draws": ("designs",), "runs": ("histories",)}


def in_transition(function: Any) -> Any:
    """Let a function be called with old and new names of its options, whichever it has."""
    params = inspect.signature(function).parameters

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if "control" in options and "control" not in params:
            control = options.pop("control") or Control()
            for name in ("progress", "cancel", "threads"):
                if name in params and getattr(control, name) is not None:
                    options[name] = getattr(control, name)
        if "control" in params and {"progress", "cancel", "threads"} & (set(options) - set(params)):
            parts = {name: options.pop(name, None) for name in ("progress", "cancel", "threads") if name not in params}
            options["control"] = Control(**parts)
        if "ending" in options and "measure" in params and "ending" not in params:
            options["measure"] = f"ending:{options.pop('ending')}"
        for new, olds in _SAME.items():
            for old in olds:
                if old in options and old not in params and new in params and new not in options:
                    options[new] = options.pop(old)
                if new in options and new not in params and old in params and old not in options:
                    options[old] = options.pop(new)
        return function(*args, **options)

    return call
