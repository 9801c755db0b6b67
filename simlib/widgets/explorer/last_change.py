"""The last change of the settings, in words and as an animation."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from simlib.control import Control
from simlib.results import Forecast
from simlib.widgets.explorer.forecast_shift import mixture
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State

SECONDS = 0.9
"""Seconds that the animation takes."""

HOLD = 0.6
"""Seconds for which the old answer is shown before the animation begins."""

FRAME_PERIOD = 0.05
"""Seconds between two pictures of the animation."""

NAMED_DIFFERENCES = 2
"""Number of differences that are named. Further differences are only counted."""


def in_words(state: State, before: Settings) -> str:
    """Describe the change since `before`, such as "Meetings: 2 per month → 3 per month"."""
    now = state.settings
    old, new = list(state.by_hand(before, values=False)), list(state.by_hand(now, values=False))
    parts = [text for text in new if text not in old] + [f"without {text}" for text in old if text not in new]
    if before.view != now.view:
        parts.insert(0, f"view: {state.view_title(before.view)} → {state.view_title(now.view)}")
    else:
        values = state.values(before), state.values(now)
        moved = (name for name in state.base.assumptions if values[0].get(name) != values[1].get(name))
        texts = ((name, state.value_text(name, before), state.value_text(name)) for name in moved)
        parts += [f"{state.base.assumptions[name].short_label}: {was} → {is_now}" for name, was, is_now in texts]
    more = len(parts) - NAMED_DIFFERENCES
    return "; ".join(parts[:NAMED_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")


def frames(before: Forecast, now: Forecast, control: Control, *, moving: bool) -> Iterator[Forecast]:
    """Yield the frames of the animation in real time: `before`, then mixtures with `now`.

    Without `moving`, or if the dates of the two answers differ, `before` is the only frame. Raises Cancelled.
    """
    yield before
    _wait(HOLD, control)
    if not moving or before.as_of != now.as_of or not np.array_equal(before.times, now.times):
        return
    begun = time.monotonic()
    while (share := (time.monotonic() - begun) / SECONDS) < 1:
        yield mixture([before, now], [1 - share, share])
        _wait(FRAME_PERIOD, control)


def _wait(seconds: float, control: Control) -> None:
    """Wait for a number of seconds. Raise Cancelled as soon as `control` is cancelled."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        control.check()
        time.sleep(min(left, 0.02))
    control.check()
