"""Glances: exact answers shown while a slider moves, which therefore lack their slow parts.

Along a slider for which `trace` was called, a glance comes from a curve through exact answers (see `slider_curve`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.errors import ScenarioError
from simlib.machine.measures import Measure
from simlib.results import Forecast
from simlib.widgets.explorer.answer_cache import AnswerCache, remember
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.slider_curve import SliderCurve, place_of, trace, value_at

QUICK_SECONDS = 0.15
"""Longest time in seconds of a glance. If it takes longer, a preview is shown."""

SLOWER = 1.1
"""Largest factor by which one slow glance may raise the stored time, because the processor may just have been busy."""

RETIMING_FACTOR = 4
"""A glance of up to this many times `QUICK_SECONDS` is timed again whenever the sliders stop."""

CURVES_KEPT = 4
"""Number of sliders along which quick answers stay in memory."""


class Glances:
    """Computes glances with the engines of an `AnswerCache`, and knows how long they take."""

    def __init__(self, answers: AnswerCache) -> None:
        self.answers = answers
        self._curves: OrderedDict[tuple[str, Hashable], SliderCurve | None] = OrderedDict()
        self._lock = threading.Lock()

    def glance(
        self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None, moves: bool = False
    ) -> Forecast:
        """Return a glance, and record how long it took.

        The scenario must not be too large for the exact engine. A glance has no impacts, and leaves out the questions
        that only simulated histories can answer.

        Args:
            settings: The settings to answer.
            control: Progress and cancelling.
            lead: The id of the question that must be answered ("": none, None: all). Other questions that are slow to
                answer may be missing.
            moves: Whether to include the counts of moves, and the probabilities of the levels of variables.

        The answer comes from a curve if `trace` has prepared one. Raises ScenarioError, Cancelled.
        """
        with self._lock:
            curves = dict(self._curves)
        for name in {name for name, _ in curves}:
            curve = curves.get(self._curve_key(settings, name, lead, moves))
            assumption = self.answers.state.base.assumptions[name]
            place = place_of(assumption, self.answers.state.values(settings).get(name, assumption.value))
            if curve is not None and -1 <= place <= 1:
                return curve.at(place)
        return self._solve(settings, control, lead, moves)

    def trace(
        self, settings: Settings, name: str, control: Control = UNWATCHED, *, lead: str | None, moves: bool
    ) -> None:
        """Prepare quick answers for all values of the slider of `name` (see `slider_curve`).

        Args:
            settings: The settings, which give the values of the other assumptions.
            name: The id of the assumption.
            control: Cancelling, which raises Cancelled.
            lead: As in `Solver.glance`.
            moves: As in `Solver.glance`.
        """
        key = self._curve_key(settings, name, lead, moves)
        if key in self._curves:
            return
        assumption = self.answers.state.base.assumptions[name]

        def answer(place: float) -> Forecast:
            return self._solve(settings.with_value(name, value_at(assumption, place)), control, lead, moves)

        curve = None
        if np.isfinite(place_of(assumption, assumption.value)):
            with contextlib.suppress(ScenarioError):  # some values of the slider do not fit the others
                curve = trace(answer)
        with self._lock:
            remember(self._curves, key, lambda: curve, CURVES_KEPT)

    def _curve_key(self, settings: Settings, name: str, lead: str | None, moves: bool) -> tuple[str, Hashable]:
        return name, (self.answers.slider_key(settings, name), lead, moves)

    def _solve(self, settings: Settings, control: Control, lead: str | None, moves: bool) -> Forecast:
        engines = self.answers.engines(settings)
        assert engines.solver is not None
        theta = self.answers.theta(settings)
        with self.answers.solving:
            begun = time.perf_counter()
            forecast = engines.solver.glance(theta, moves=moves, lead=lead, control=control)
            engines.glances += 1
            engines.glance_seconds = min(time.perf_counter() - begun, SLOWER * engines.glance_seconds)
        return self.answers.labelled(forecast)

    def measure(self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None) -> None:
        """Measure the time of a glance (for `lead` see `glance`), unless enough glances were timed.

        The first two glances are always measured, because the first may compile code. If a glance takes longer than
        `QUICK_SECONDS`, but less than `RETIMING_FACTOR` times as long, it is measured again at each call.
        """
        engines = self.answers.engines(settings)
        nearly = QUICK_SECONDS < engines.glance_seconds < RETIMING_FACTOR * QUICK_SECONDS
        wanted = max(2, engines.glances + nearly)
        while engines.solver is not None and engines.glances < wanted:
            self._solve(settings, control, lead, False)

    def is_quick(self, settings: Settings, measure: Measure) -> bool:
        """Whether a glance contains the measure and takes at most `QUICK_SECONDS`."""
        engines = self.answers.engines(settings)
        if engines.solver is None or measure.kind == "impact" or measure.question_id in engines.solver.by_histories:
            return False
        return engines.glance_seconds <= QUICK_SECONDS
