"""Forecasts for the settings of an explorer, while a slider moves and after it has stopped.

`AnswerCache` keeps the engines of one scenario ready. A move of a slider then costs one solve or one short run. There
are three kinds of answers:

- An *answer at rest* is exact or, for a scenario too large for the exact engine, computed from `RUNS` replicates.
- A *glance* is an exact answer without its slow parts. It is shown while a slider moves, if it takes at most
  `QUICK_SECONDS`.
- A *preview* is shown if a glance is too slow. It is the last answer at rest plus a difference: a short Monte Carlo run
  at the present values, minus one at the values of that answer. The runs use common random numbers, so most of their
  noise cancels, and the picture hardly jumps when the answer at rest follows.

The answer at rest with its short run is the *anchor* of the previews.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.errors import MissingDependency, ScenarioError, TooManyStates
from simlib.machine import priors
from simlib.machine.measures import Measure
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer import slider_order
from simlib.widgets.explorer.forecast_shift import shift
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.slider_curve import SliderCurve, place_of, trace, value_at
from simlib.widgets.explorer.state import State, structure

if TYPE_CHECKING:
    from simlib.engines.exact.solver import Solver
    from simlib.engines.montecarlo.counts import Counts
    from simlib.engines.montecarlo.simulator import Simulator

PREVIEW_SECONDS = 0.025
"""Seconds for the simulation of a preview, which then follows the slider within one or two frames."""

QUICK_SECONDS = 0.15
"""Longest time in seconds of a glance. If it takes longer, a preview is shown."""

SLOWER = 1.1
"""Largest factor by which one slow glance may raise the stored time, because the processor may just have been busy."""

NEARLY = 4
"""A glance of up to this many times `QUICK_SECONDS` is timed again whenever the sliders stop."""

FEWEST, MOST = 256, 20_000
"""Fewest and most replicates of a preview."""

RUNS = 100_000
"""Number of replicates of the answer at rest if a scenario is too large for the exact engine."""

ENGINES_KEPT = 3
"""Number of structures (see `state.structure`) whose engines stay ready: the present, the previous and the baseline's.
"""

ANSWERS_KEPT = 24
"""Number of full answers that stay in memory."""

CURVES_KEPT = 4
"""Number of sliders along which quick answers stay in memory."""


@dataclass
class Engines:
    """The engines for one set of interventions, horizon and start date, built when first needed.

    - `solver`: the exact solver. It stays None if the scenario is too large.
    - `simulator`: the Monte Carlo simulator. It stays None if Numba is not installed.
    - `reason`: why an engine is missing.
    - `glance_seconds`: the time in seconds of a glance.
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


class AnswerCache:
    """Computes the forecasts for the settings of one explorer, and keeps the last ones in memory.

    One thread may ask for exact answers while another thread asks for previews.
    """

    def __init__(self, state: State, *, seed: int = 0, threads: int = 2) -> None:
        self.state, self.seed, self.threads = state, seed, threads
        self._machines: OrderedDict[Hashable, Engines] = OrderedDict()
        self._answers: OrderedDict[Hashable, Forecast] = OrderedDict()
        self._anchors: dict[Hashable, Anchor] = {}
        self._curves: OrderedDict[tuple[str, Hashable], SliderCurve | None] = OrderedDict()
        self._labels = _labels(state.base)
        self._seconds_per_run = PREVIEW_SECONDS / 2_000
        self._lock, self._building, self._solving = threading.RLock(), threading.RLock(), threading.RLock()
        self.warm = False
        """Whether the Monte Carlo kernel has run in this process. Its first run may have to compile it."""

    # ---------------------------------------------------------------- machines

    def machine(self, settings: Settings) -> Engines:
        """Return the engines for these settings. Raises ScenarioError if an intervention does not fit."""
        scenario = self.state.machine(settings)
        with self._lock:
            return _remember(self._machines, structure(scenario), lambda: Engines(scenario), ENGINES_KEPT)

    def solver(self, machine: Engines, control: Control = UNWATCHED) -> Solver | None:
        """Return the exact solver, or None if the scenario is too large (see `machine.reason`)."""
        with self._building:
            if not machine.tried_solver:
                from simlib.engines.exact.forecast import Solver

                try:
                    machine.solver = Solver(machine.scenario, control=self._own(Control(cancel=control.cancel)))
                except TooManyStates as error:
                    machine.reason = str(error)
                machine.tried_solver = True
        return machine.solver

    def simulator(self, machine: Engines) -> Simulator | None:
        """Return the simulator, or None if Numba is not installed (see `machine.reason`)."""
        if not machine.tried_simulator:
            from simlib.engines.montecarlo.simulator import Simulator

            try:
                machine.simulator = Simulator(machine.scenario)
            except MissingDependency as error:
                machine.reason = machine.reason or str(error)
            machine.tried_simulator = True
        return machine.simulator

    def theta(self, settings: Settings, machine: Engines) -> np.ndarray:
        """Return the values (A,) of the A assumptions at the settings, in base units.

        Raises ScenarioError if the chances of a move's outcomes, or the shares of a start, sum to more than one.
        """
        theta = priors.theta(machine.scenario, self.state.values(settings))
        tables = machine.simulator.tables if machine.simulator else machine.solver.tables if machine.solver else None
        if tables is not None:
            tables.chances(theta)
            tables.start_shares(theta)
        return theta

    # ---------------------------------------------------------------- answers at rest

    def known(self, settings: Settings) -> Forecast | None:
        """Return the full answer to the settings if it is in memory, else None."""
        return self._answers.get(self.key(settings))

    def answer(self, settings: Settings, control: Control = UNWATCHED) -> Forecast:
        """Return the answer at rest to the settings, from memory if it is known.

        Raises ScenarioError, MissingDependency, Cancelled.
        """
        known = self.known(settings)
        answer = self._compute(settings, control) if known is None else known
        with self._lock:
            return _remember(self._answers, self.key(settings), lambda: answer, ANSWERS_KEPT)

    def _own(self, control: Control) -> Control:
        return dataclasses.replace(control, threads=self.threads)

    def _compute(self, settings: Settings, control: Control) -> Forecast:
        machine = self.machine(settings)
        resolved = self.state.scenario(settings)
        solver = self.solver(machine, control)
        theta = self.theta(settings, machine)
        if solver is not None:
            forecast = self.solve(machine, theta, control=control)
        else:
            simulator = self.simulator(machine)
            if simulator is None:
                raise MissingDependency(machine.reason)
            counts = simulator.run(theta, runs=RUNS, seed=self.seed, control=self._own(control))
            forecast = simulator.forecast(counts, theta=theta, seed=self.seed)
        details = {
            k: v for k, v in forecast.provenance.items() if k not in ("scenario_sha256", "view", "interventions")
        }
        source = provenance(resolved, **details)
        return self._labelled(dataclasses.replace(forecast, provenance=source, scenario=ScenarioKey.of(resolved)))

    def solve(
        self,
        machine: Engines,
        theta: Floats,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return the exact answer at the given values of the assumptions.

        Only one thread solves at a time.

        Args:
            machine: The engines. Their solver must exist.
            theta: The values (A,) of the A assumptions.
            centre: The stated values (A,), if `theta` is a draw from the priors.
            start: The probabilities (K,) of the K start states. Default: those of the scenario.
            control: Progress and cancelling.

        Raises Cancelled.
        """
        assert machine.solver is not None
        with self._solving:
            return machine.solver.solve(theta, centre=centre, start=start, control=control)

    def slopes(self, settings: Settings, measure: str, control: Control = UNWATCHED) -> dict[str, float] | None:
        """Return the derivatives {assumption: ∂p/∂θ} of the probability p of a measure, θ in base units.

        Returns None if the measure has no gradient, or the scenario is too large. Raises Cancelled.
        """
        machine = self.machine(settings)
        if self.solver(machine, control) is None:
            return None
        values = self.state.values(settings)
        with self._solving:
            found = slider_order.compute(
                machine.scenario, measures=[measure], values=values, solver=machine.solver, control=control
            )
        return dict(found.slopes[measure]) if measure in found.slopes else None

    def key(self, settings: Settings) -> Hashable:
        """Return a key of the settings. Equal keys stand for the same view and the same answer."""
        values = self.state.values(settings)
        return structure(self.state.machine(settings)), settings.view, tuple(sorted(values.items()))

    def slider_key(self, settings: Settings, name: str) -> Hashable:
        """Return a key of all settings except the value of the assumption `name`: the same along its whole slider."""
        return self.key(settings.with_value(name, None))

    def _labelled(self, forecast: Forecast) -> Forecast:
        return dataclasses.replace(forecast, labels=self._labels)

    # ---------------------------------------------------------------- previews

    def glance(
        self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None, moves: bool = False
    ) -> Forecast:
        """Return a glance, and record how long it took. The scenario must not be too large for the exact engine.

        A glance has no impacts, and leaves out the questions that only simulated histories can answer.

        Args:
            settings: The settings to answer.
            control: Progress and cancelling.
            lead: The id of the question that must be answered ("": none, None: all). Slow other ones may be missing.
            moves: Whether to include the counts of moves and the variables.

        The answer comes from a curve if `trace` has prepared one. Raises ScenarioError, Cancelled.
        """
        for name in {name for name, _ in list(self._curves)}:
            curve = self._curves.get(self._curve_key(settings, name, lead, moves))
            assumption = self.state.base.assumptions[name]
            place = place_of(assumption, self.state.values(settings).get(name, assumption.value))
            if curve is not None and -1 <= place <= 1:
                return curve.at(place)
        return self._solve_glance(settings, control, lead, moves)

    def trace(
        self, settings: Settings, name: str, control: Control = UNWATCHED, *, lead: str | None, moves: bool
    ) -> None:
        """Prepare quick answers for all values of the assumption `name` between its ends (see `slider_curve`).

        The other settings, `lead` and `moves` are as in `glance`. Raises Cancelled.
        """
        key = self._curve_key(settings, name, lead, moves)
        if key in self._curves:
            return
        assumption = self.state.base.assumptions[name]

        def answer(place: float) -> Forecast:
            return self._solve_glance(settings.with_value(name, value_at(assumption, place)), control, lead, moves)

        curve = None
        if np.isfinite(place_of(assumption, assumption.value)):
            with contextlib.suppress(ScenarioError):  # some values of the slider do not fit the others
                curve = trace(answer)
        with self._lock:
            _remember(self._curves, key, lambda: curve, CURVES_KEPT)

    def _curve_key(self, settings: Settings, name: str, lead: str | None, moves: bool) -> tuple[str, Hashable]:
        return name, (self.slider_key(settings, name), lead, moves)

    def _solve_glance(self, settings: Settings, control: Control, lead: str | None, moves: bool) -> Forecast:
        machine = self.machine(settings)
        assert machine.solver is not None
        theta = self.theta(settings, machine)
        with self._solving:
            begun = time.perf_counter()
            forecast = machine.solver.glance(theta, moves=moves, lead=lead, control=control)
            machine.glances += 1
            machine.glance_seconds = min(time.perf_counter() - begun, SLOWER * machine.glance_seconds)
        return self._labelled(forecast)

    def measure(self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None) -> None:
        """Measure the time of a glance (for `lead` see `glance`), unless enough measurements are known.

        The first two glances are always measured, because the first may compile code. A time just above `QUICK_SECONDS`
        is measured again at each call.
        """
        machine = self.machine(settings)
        nearly = QUICK_SECONDS < machine.glance_seconds < NEARLY * QUICK_SECONDS
        wanted = max(2, machine.glances + nearly)
        while machine.solver is not None and machine.glances < wanted:
            self._solve_glance(settings, control, lead, False)

    def is_quick(self, settings: Settings, measure: Measure) -> bool:
        """Whether a glance contains the measure and takes at most `QUICK_SECONDS`."""
        machine = self.machine(settings)
        if machine.solver is None or measure.kind == "impact" or measure.asked in machine.solver.by_histories:
            return False
        return machine.glance_seconds <= QUICK_SECONDS

    def anchor(self, settings: Settings, control: Control = UNWATCHED) -> None:
        """Make the anchor of later previews, if the full answer to these settings is known."""
        known, machine = self.known(settings), self.machine(settings)
        if known is None:
            return
        simulator = self.simulator(machine)
        if simulator is None:
            return
        key = structure(machine.scenario)
        runs = self.preview_runs()
        before = self._anchors.get(key)
        if before is not None and before.exact is known and 0.5 < before.runs / runs < 2:
            return
        theta = self.theta(settings, machine)
        self._anchors[key] = Anchor(known, self._sample(simulator, theta, runs, control), runs)
        for old in [k for k in self._anchors if k not in self._machines]:
            del self._anchors[old]

    def preview_runs(self) -> int:
        """Return how many replicates fit into `PREVIEW_SECONDS`: a power of two from `FEWEST` to `MOST`."""
        runs = PREVIEW_SECONDS / self._seconds_per_run
        return int(np.clip(2 ** np.floor(np.log2(max(runs, 1.0))), FEWEST, MOST))

    def preview(self, settings: Settings) -> Forecast | None:
        """Return a preview, or None if Numba is not installed. Raises ScenarioError."""
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            return None
        theta = self.theta(settings, machine)
        anchor = self._anchors.get(structure(machine.scenario))
        sampled = self._sample(simulator, theta, anchor.runs if anchor else self.preview_runs())
        return self._labelled(shift(anchor.exact, anchor.sampled, sampled) if anchor else sampled)

    def sample(self, settings: Settings, runs: int) -> Counts:
        """Simulate `runs` replicates at the settings, and return what was counted.

        Raises ScenarioError, and MissingDependency if Numba is not installed.
        """
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            raise MissingDependency(machine.reason)
        return simulator.run(self.theta(settings, machine), runs=runs, seed=self.seed, control=self._own(UNWATCHED))

    def sampled(self, settings: Settings, runs: int) -> Forecast | None:
        """Return the Monte Carlo forecast from `runs` replicates, or None if Numba is not installed."""
        simulator = self.simulator(self.machine(settings))
        if simulator is None:
            return None
        theta = self.theta(settings, self.machine(settings))
        return simulator.forecast(self.sample(settings, runs), theta=theta, seed=self.seed)

    def _sample(self, simulator: Simulator, theta: np.ndarray, runs: int, control: Control = UNWATCHED) -> Forecast:
        begun = time.perf_counter()
        counts = simulator.run(theta, runs=runs, seed=self.seed, control=self._own(Control(cancel=control.cancel)))
        forecast = simulator.forecast(counts, theta=theta, seed=self.seed)
        if self.warm:
            seconds = (time.perf_counter() - begun) / runs
            self._seconds_per_run += 0.2 * (min(seconds, 4 * self._seconds_per_run) - self._seconds_per_run)
        self.warm = True
        return forecast


def _remember(cache: OrderedDict[Any, Any], key: Hashable, make: Callable[[], Any], most: int) -> Any:
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
    """Return the labels for a forecast. The label of a move begins with its actor, unless the actor is nature."""
    labels = results.labels(scenario)
    labels["moves"] = {
        move.id: move.label if move.actor == "nature" else f"{scenario.actors[move.actor].label}: {move.label}"
        for move in scenario
    }
    return labels
