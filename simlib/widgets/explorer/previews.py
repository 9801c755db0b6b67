"""Previews: quick Monte Carlo answers while a slider moves, if glances are too slow.

A preview is the last answer at rest plus a difference: a short Monte Carlo run at the present values, minus a short run
at the values of that answer. The runs use common random numbers, so most of their noise cancels, and the picture hardly
jumps when the answer at rest follows.

The answer at rest with its short run is the *anchor* of the previews.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.results import Forecast
from simlib.widgets.explorer.answer_cache import ENGINES_KEPT, AnswerCache, remember
from simlib.widgets.explorer.forecast_shift import shift
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import structure

PREVIEW_SECONDS = 0.025
"""Seconds for the simulation of a preview, which then follows the slider within one or two frames."""

FEWEST_PREVIEW_RUNS, MOST_PREVIEW_RUNS = 256, 20_000
"""Fewest and most replicates of a preview."""


@dataclass(frozen=True)
class Anchor:
    """An answer from which previews start.

    - `exact`: the full answer at some values of the assumptions.
    - `sampled`: the answer of a short simulation at the same values.
    - `runs`: the number of replicates of that simulation.
    """

    exact: Forecast
    sampled: Forecast
    runs: int


class Previews:
    """Previews from the engines of an `AnswerCache`, with as many replicates as time allows."""

    def __init__(self, answers: AnswerCache) -> None:
        self.answers = answers
        self._anchors: OrderedDict[Hashable, Anchor] = OrderedDict()
        self._seconds_per_run = PREVIEW_SECONDS / 2_000
        self.warm = False
        """Whether the Monte Carlo kernel has run in this process. Its first run may have to compile it."""

    def anchor(self, settings: Settings, control: Control = UNWATCHED) -> None:
        """Run a short simulation as anchor of previews, if the full answer to `settings` is known."""
        known, key = self.answers.known(settings), structure(self.answers.engines(settings).scenario)
        if known is None:
            return
        runs, before = self.runs(), self._anchors.get(key)
        if before is not None and before.exact is known and 0.5 < before.runs / runs < 2:
            return
        sampled = self._sampled(settings, runs, control)
        if sampled is None:
            return
        self._anchors.pop(key, None)
        remember(self._anchors, key, lambda: Anchor(known, sampled, runs), ENGINES_KEPT)

    def runs(self) -> int:
        """Return how many replicates fit in `PREVIEW_SECONDS`, rounded down to a power of two."""
        runs = PREVIEW_SECONDS / self._seconds_per_run
        return int(np.clip(2 ** np.floor(np.log2(max(runs, 1.0))), FEWEST_PREVIEW_RUNS, MOST_PREVIEW_RUNS))

    def preview(self, settings: Settings) -> Forecast | None:
        """Return a preview, or None if Numba is not installed. Raises ScenarioError."""
        anchor = self._anchors.get(structure(self.answers.engines(settings).scenario))
        sampled = self._sampled(settings, anchor.runs if anchor else self.runs())
        if sampled is None:
            return None
        return self.answers.labelled(shift(anchor.exact, anchor.sampled, sampled) if anchor else sampled)

    def _sampled(self, settings: Settings, runs: int, control: Control = UNWATCHED) -> Forecast | None:
        begun = time.perf_counter()
        forecast = self.answers.sampled(settings, runs, control)
        if forecast is not None:
            if self.warm:
                seconds = (time.perf_counter() - begun) / runs
                self._seconds_per_run += 0.2 * (min(seconds, 4 * self._seconds_per_run) - self._seconds_per_run)
            self.warm = True
        return forecast
