"""Work done while no slider moves. Any change of the settings cancels it.

- The *influence* of the assumptions on the answers, which orders the sliders.
- The *reach* of each slider: the answers at both of its ends.
- The *uncertainty* of each answer: its range over draws of the assumptions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from simlib.control import Control
from simlib.errors import ScenarioError
from simlib.machine import priors
from simlib.results import Forecast
from simlib.scenario.library import notebooks_folder
from simlib.widgets.explorer import answer_uncertainty, headline, slider_order
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.autosave import folder
from simlib.widgets.explorer.reach import Ends
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.kit.latest_worker import LatestWorker, nothing

IDLE_PAUSE = 0.4
"""Seconds after an answer before the idle work begins."""

SOLVED = 12
"""Number of sliders, from the top, whose ends are solved exactly. The others keep estimates from the gradient.

If the leading question has no gradient, the ends of all sliders are solved.
"""


class IdleDisplay(Protocol):
    """The session, which takes its lock whenever it shows a result of the idle work."""

    def take_influence(self) -> None:
        """Show the order of the sliders again, because `IdleWork.influence` is known now."""

    def take_reach(self, settings: Settings, measure: str, reach: dict[str, Ends]) -> None:
        """Receive the answer to the leading question at both ends of each slider in `reach`."""

    def take_uncertainty(self, settings: Settings, result: answer_uncertainty.AnswerUncertainty) -> None:
        """Receive the range of each answer over draws of the assumptions."""

    def tell_idle(self, settings: Settings, words: str) -> None:
        """Add `words` on the progress to the status line, if `settings` are the present ones."""

    def fail(self, error: Exception) -> None:
        """Show what went wrong."""


def places() -> list[Path]:
    """Return the folders that hold stored influences and ranges."""
    return [notebooks_folder() / ".stored", folder() / "cache"]


class IdleWork:
    """The work of one session while no slider moves. The most useful results come first."""

    def __init__(self, answers: AnswerCache, display: IdleDisplay) -> None:
        self.answers, self.display = answers, display
        self.influence: slider_order.Influence | None = None
        self.worker = LatestWorker("simlib-idle")

    def begin(self, settings: Settings, forecast: Forecast, *, ranged: bool, shown: Callable[[], list[str]]) -> None:
        """Start the work, now that no slider moves and the full answer is shown.

        Args:
            settings: The present settings.
            forecast: The full answer at these settings.
            ranged: Whether the range of the answer over draws of the assumptions is known already.
            shown: A function that returns the ids of the sliders in their order.
        """

        def job(control: Control) -> None:
            self._influence(control)
            if self.answers.solver(self.answers.engines(settings)) is None or not self.answers.state.base.assumptions:
                return
            order, changed = shown(), self.answers.state.values(settings)
            # Without slopes of the leading question, nothing says which sliders matter. Then all ends are solved.
            sloped = self.influence is None or self.answers.state.lead.name in self.influence.slopes
            first = order[:SOLVED] if sloped else order
            # Far from the stated value, the gradient says little about the other end. So these ends are solved at once.
            moved = [name for name in first if name in changed]
            self._first_order(settings, forecast, moved, control)
            self._ends(settings, moved, control)
            if ranged:
                priors.draws(self.answers.state.base, 1)  # imports SciPy's statistics now, because that is slow
            else:
                self._uncertainty(settings, forecast, control)
            self._ends(settings, [name for name in first if name not in moved], control)
            self.display.tell_idle(settings, "")

        self.worker.submit(job, nothing, self.display.fail, delay=IDLE_PAUSE)

    def _influence(self, control: Control) -> None:
        state = self.answers.state
        if self.influence is None:
            self.influence = self.answers.influence(state.against, control=control)
            if self.influence is not None:
                with contextlib.suppress(OSError):
                    self.influence.save(state.base, folder() / "cache")
                self.display.take_influence()

    def _first_order(self, settings: Settings, forecast: Forecast, without: list[str], control: Control) -> None:
        state, measure = self.answers.state, self.answers.state.lead
        influence = self.answers.influence(settings, [measure.name], control)
        slopes = influence.slopes.get(measure.name) if influence else None
        if slopes is None:
            return
        answer, values = headline.last(forecast, measure), state.values(settings)
        ends: dict[str, Ends] = {}
        for name, assumption in state.base.assumptions.items():
            if not assumption.fixed and slopes.get(name) and name not in without:
                value = values.get(name, assumption.value)
                ends[name] = (*slider_order.first_order(assumption, value, answer, slopes[name]), False)
        self.display.take_reach(settings, measure.name, ends)

    def _uncertainty(self, settings: Settings, forecast: Forecast, control: Control) -> None:
        def progress(share: float) -> None:
            if round(share * 100) % 4 == 0:
                self.display.tell_idle(settings, f"computing the range: {share:.0%}")

        result = answer_uncertainty.compute(self.answers, settings, forecast, control=Control(progress, control.cancel))
        if result is not None:
            if settings == self.answers.state.against and self.answers.state.belief is None:
                with contextlib.suppress(OSError):
                    result.save(self.answers.state.base, folder() / "cache")
            self.display.take_uncertainty(settings, result)

    def _ends(self, settings: Settings, names: list[str], control: Control) -> None:
        state, measure = self.answers.state, self.answers.state.lead
        engines = self.answers.engines(settings)
        for number, name in enumerate(names):
            self.display.tell_idle(settings, f"ends of sliders: {number} of {len(names)}")
            assumption, ends = state.base.assumptions[name], []
            with contextlib.suppress(ScenarioError):  # an end may not fit the other values
                for value in (assumption.low, assumption.high):
                    theta = self.answers.theta(settings.with_value(name, value))
                    forecast = self.answers.solve(engines, theta, control=control.silent())
                    ends.append(headline.last(forecast, measure))
                    control.check()
                self.display.take_reach(settings, measure.name, {name: (ends[0], ends[1], True)})
