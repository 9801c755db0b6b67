"""Forecasts for the settings of an explorer, from engines that are kept ready.

A move of a slider then costs one solve or one short run. There are three kinds of answers:

- An *answer at rest* is exact or, for a scenario too large for the exact engine, computed from `RESTING_RUNS`
  replicates.
- A *glance* is an exact answer without its slow parts, for moving sliders (see `glances`).
- A *preview* is a quick Monte Carlo answer, for moving sliders if a glance is too slow (see `previews`).
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.errors import DOES_NOT_FIT, MissingDependency
from simlib.machine import priors
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer import slider_order
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.slider_order import Influence
from simlib.widgets.explorer.state import State, structure

if TYPE_CHECKING:
    from simlib.engines.exact.solver import Solver
    from simlib.engines.montecarlo.counts import Counts
    from simlib.engines.montecarlo.simulator import Simulator

RESTING_RUNS = 100_000
"""Number of replicates of the answer at rest if a scenario is too large for the exact engine."""

ENGINES_KEPT = 3
"""Number of structures (see `state.structure`) whose engines stay ready: the present, the previous and the baseline's.
"""

ANSWERS_KEPT = 24
"""Number of full answers that stay in memory."""


@dataclass
class Engines:
    """The engines for one set of interventions, horizon and start date, built when first needed.

    - `solver`: the exact solver. It stays None if the scenario is too large.
    - `simulator`: the Monte Carlo simulator. It stays None if Numba is not installed.
    - `reason`: why an engine is missing.
    - `glance_seconds`: the estimated time of a glance in seconds (infinity: no glance yet).
    - `glances`: the number of glances so far.
    """

    scenario: Scenario
    solver: Solver | None = None
    simulator: Simulator | None = None
    tried_solver: bool = False
    tried_simulator: bool = False
    reason: str = ""
    glance_seconds: float = float("inf")
    glances: int = 0


class AnswerCache:
    """The forecasts for the settings of one explorer, with those used last kept in memory.

    One thread may ask for exact answers while another thread asks for previews.
    """

    def __init__(self, state: State, *, seed: int = 0, threads: int = 2) -> None:
        self.state, self.seed, self.threads = state, seed, threads
        self._engines: OrderedDict[Hashable, Engines] = OrderedDict()
        self._answers: OrderedDict[Hashable, Forecast] = OrderedDict()
        self._labels = _labels(state.base)
        self._lock, self._building, self.solving = threading.RLock(), threading.RLock(), threading.RLock()

    # ---------------------------------------------------------------- engines

    def engines(self, settings: Settings) -> Engines:
        """Return the engines for settings, or raise ScenarioError if an intervention does not fit."""
        scenario = self.state.without_values(settings)
        with self._lock:
            return remember(self._engines, structure(scenario), lambda: Engines(scenario), ENGINES_KEPT)

    def solver(self, engines: Engines, control: Control = UNWATCHED) -> Solver | None:
        """Return the exact solver, or None if the scenario is too large (see `engines.reason`)."""
        with self._building:
            if not engines.tried_solver:
                from simlib.engines.exact.forecast import Solver

                try:
                    engines.solver = Solver(engines.scenario, control=self._own(control.silent()))
                except DOES_NOT_FIT as error:
                    engines.reason = str(error)
                engines.tried_solver = True
        return engines.solver

    def simulator(self, engines: Engines) -> Simulator | None:
        """Return the simulator, or None if Numba is not installed (see `engines.reason`)."""
        with self._building:
            if not engines.tried_simulator:
                from simlib.engines.montecarlo.simulator import Simulator

                try:
                    engines.simulator = Simulator(engines.scenario)
                except MissingDependency as error:
                    engines.reason = engines.reason or str(error)
                engines.tried_simulator = True
        return engines.simulator

    def theta(self, settings: Settings) -> Floats:
        """Return the values (A,) of the A assumptions at the settings, in base units.

        Raises ScenarioError if they do not fit each other, such as chances that sum to more than one.
        """
        return priors.theta(self.state.scenario(settings))

    # ---------------------------------------------------------------- answers at rest

    def known(self, settings: Settings) -> Forecast | None:
        """Return the answer at rest to the settings if it is in memory, else None."""
        return self._answers.get(self.key(settings))

    def answer(self, settings: Settings, control: Control = UNWATCHED) -> Forecast:
        """Return the answer at rest to the settings, from memory if it is known.

        Raises ScenarioError, MissingDependency, Cancelled.
        """
        known = self.known(settings)
        answer = self._compute(settings, control) if known is None else known
        with self._lock:
            return remember(self._answers, self.key(settings), lambda: answer, ANSWERS_KEPT)

    def _own(self, control: Control) -> Control:
        return dataclasses.replace(control, threads=self.threads)

    def _compute(self, settings: Settings, control: Control) -> Forecast:
        engines, theta = self.engines(settings), self.theta(settings)
        solver = self.solver(engines, control)
        if solver is not None:
            forecast = self.solve(engines, theta, control=control)
        else:
            simulator = self.simulator(engines)
            if simulator is None:
                raise MissingDependency(engines.reason)
            forecast = self._simulate(simulator, theta, RESTING_RUNS, control)
        resolved = self.state.scenario(settings)
        named = ("scenario_sha256", "view", "interventions", "values")
        details = {name: value for name, value in forecast.provenance.items() if name not in named}
        source = provenance(resolved, **details)
        return self.labelled(dataclasses.replace(forecast, provenance=source, scenario=ScenarioKey.of(resolved)))

    def solve(
        self,
        engines: Engines,
        theta: Floats,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return the exact answer at the given values of the assumptions.

        Only one thread solves at a time.

        Args:
            engines: The engines. Their solver must exist.
            theta: The values (A,) of the A assumptions.
            centre: The stated values (A,), if `theta` is a draw from the priors.
            start: The probabilities (K,) of the K start states. Default: those of the scenario.
            control: Progress and cancelling.

        Raises Cancelled.
        """
        assert engines.solver is not None
        with self.solving:
            return engines.solver.solve(theta, centre=centre, start=start, control=control)

    def influence(
        self, settings: Settings, measures: list[str] | None = None, control: Control = UNWATCHED
    ) -> Influence | None:
        """Return how much each assumption changes the measures (see `slider_order.compute`).

        Returns None if the scenario is too large for the exact engine. Raises Cancelled.
        """
        engines, values = self.engines(settings), self.state.values(settings)
        solver = self.solver(engines, control)
        if solver is None:
            return None
        with self.solving:
            return slider_order.compute(
                engines.scenario, measures=measures, values=values, solver=solver, control=control
            )

    def key(self, settings: Settings) -> Hashable:
        """Return a key of the settings. Equal keys stand for the same view and the same answer."""
        values = self.state.values(settings)
        return structure(self.state.without_values(settings)), settings.view, tuple(sorted(values.items()))

    def slider_key(self, settings: Settings, name: str) -> Hashable:
        """Return a key of all settings except the value that the slider of `name` changes."""
        return self.key(settings.with_value(name, None))

    def labelled(self, forecast: Forecast) -> Forecast:
        """Return a forecast with the labels of the explorer, in which a move begins with its actor."""
        return dataclasses.replace(forecast, labels=self._labels)

    # ---------------------------------------------------------------- simulated histories

    def sample(self, settings: Settings, runs: int) -> Counts:
        """Simulate `runs` replicates at the settings, and count endings and other events.

        Raises ScenarioError, and MissingDependency if Numba is not installed.
        """
        engines = self.engines(settings)
        simulator = self.simulator(engines)
        if simulator is None:
            raise MissingDependency(engines.reason)
        return simulator.run(self.theta(settings), runs=runs, seed=self.seed, control=self._own(UNWATCHED))

    def sampled(self, settings: Settings, runs: int, control: Control = UNWATCHED) -> Forecast | None:
        """Return the Monte Carlo forecast from `runs` replicates, or None if Numba is not installed."""
        engines = self.engines(settings)
        simulator = self.simulator(engines)
        if simulator is None:
            return None
        return self._simulate(simulator, self.theta(settings), runs, control.silent())

    def _simulate(self, simulator: Simulator, theta: Floats, runs: int, control: Control) -> Forecast:
        counts = simulator.run(theta, runs=runs, seed=self.seed, control=self._own(control))
        return simulator.forecast(counts, theta=theta, seed=self.seed)


def remember(cache: OrderedDict[Any, Any], key: Hashable, make: Callable[[], Any], most: int) -> Any:
    """Return `cache[key]`. If it is missing, call `make` to make it.

    The cache keeps only the `most` values that were used last.
    """
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    while len(cache) > most:
        cache.popitem(last=False)
    return cache[key]


def _labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels for a forecast, with the actor (except nature) before each move's label."""
    labels = results.labels(scenario)
    labels["moves"] = {
        move.id: move.label if move.actor == "nature" else f"{scenario.actors[move.actor].label}: {move.label}"
        for move in scenario
    }
    return labels
