"""Answers of the engines to the settings of a session, and previews of them. No widget here.

`AnswerCache` keeps the engines of one scenario (the exact solver with its states, the simulator with its tables) ready
for new assumption values. So a move of a slider costs one solve or a short run and nothing else. While a slider moves
it gives a *preview*: the last exact answer, plus the difference of two short Monte Carlo runs with common random
numbers, one at the values of that answer and one at the values now. The noise of the two cancels. So a few hundred
replicates show the change, and nothing jumps when the exact answer takes the preview's place.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.errors import MissingDependency, TooManyStates
from simlib.machine import priors
from simlib.machine.measures import Measure
from simlib.results import Band, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats
from simlib.widgets.explorer import slider_order
from simlib.widgets.explorer.state import Settings, State, structure

if TYPE_CHECKING:
    from simlib.engines.exact.solver import Solver
    from simlib.engines.montecarlo.counts import Counts
    from simlib.engines.montecarlo.simulator import Simulator

PREVIEW_SECONDS = 0.025
"""Time of a preview. With drawing it stays within a frame or two of the slider."""

QUICK_SECONDS = 0.15
"""A glance as quick as this is shown while values move, and then there is no preview."""

SLOWER = 1.1
"""The time of a glance rises by no more than this factor at once: one that had to wait for a core says little."""

NEARLY = 4
"""A glance up to so many times slower than a quick one is timed again at every rest."""

FEWEST, MOST = 256, 20_000
"""Fewest and most replicates of a preview."""

RUNS = 100_000
"""Number of replicates of the answer at rest, where a scenario is too large for the exact engine."""

ENGINES_KEPT = 3
"""Number of engines kept ready: those of the present settings, of the ones before, and of the baseline."""

ANSWERS_KEPT = 24


@dataclass
class Engines:
    """The engines of one structure, built when first needed.

    `solver` is None where the scenario is too large.
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
    """An answer at rest and a short run at the same values: the reference of previews."""

    exact: Forecast
    sampled: Forecast
    runs: int


class AnswerCache:
    """Answers to the settings of one state.

    One thread may ask for exact answers, and another one for previews.
    """

    def __init__(self, state: State, *, seed: int = 0, threads: int = 2) -> None:
        self.state, self.seed, self.threads = state, seed, threads
        self._machines: OrderedDict[Hashable, Engines] = OrderedDict()
        self._answers: OrderedDict[Hashable, Forecast] = OrderedDict()
        self._anchors: dict[Hashable, Anchor] = {}
        self._labels = _labels(state.base)
        self._seconds_per_run = PREVIEW_SECONDS / 2_000
        self._lock, self._building, self._solving = threading.RLock(), threading.RLock(), threading.RLock()
        self.warm = False
        """Whether the Monte Carlo kernel ran in this process: the first run may have to compile it."""

    # ---------------------------------------------------------------- machines

    def machine(self, settings: Settings) -> Engines:
        """Return the engines for these settings. Raises ScenarioError when an intervention does not fit."""
        scenario = self.state.machine(settings)
        with self._lock:
            return _remember(self._machines, structure(scenario), lambda: Engines(scenario), ENGINES_KEPT)

    def solver(self, machine: Engines, control: Control = UNWATCHED) -> Solver | None:
        """Return the exact solver of a machine.

        Where the world is too large, note the reason there and return None.
        """
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
        """Return the simulator of a machine.

        Where Monte Carlo is not installed, note the reason there and return None.
        """
        if not machine.tried_simulator:
            from simlib.engines.montecarlo.simulator import Simulator

            try:
                machine.simulator = Simulator(machine.scenario)
            except MissingDependency as error:
                machine.reason = machine.reason or str(error)
            machine.tried_simulator = True
        return machine.simulator

    def theta(self, settings: Settings, machine: Engines) -> np.ndarray:
        """Return the assumption values (A,) of the settings. Raises ScenarioError when chances exceed one."""
        theta = priors.theta(machine.scenario, self.state.values(settings))
        tables = machine.simulator.tables if machine.simulator else machine.solver.tables if machine.solver else None
        if tables is not None:
            tables.chances(theta)
            tables.start_shares(theta)
        return theta

    # ---------------------------------------------------------------- answers at rest

    def known(self, settings: Settings) -> Forecast | None:
        """Return the answer at rest where it was computed before."""
        return self._answers.get(self.key(settings))

    def answer(self, settings: Settings, control: Control = UNWATCHED) -> Forecast:
        """Return the answer at rest: exact where the states can be enumerated, else from `RUNS` replicates.

        Raises ScenarioError, MissingDependency, Cancelled.
        """
        known = self.known(settings)
        answer = self._compute(settings, control) if known is None else known
        with self._lock:
            return _remember(self._answers, self.key(settings), lambda: answer, ANSWERS_KEPT)

    def _own(self, control: Control) -> Control:
        """Return a control with the threads of this cache."""
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
        """Return the exact answer at some values (A,). One thread solves at a time.

        `centre` are the stated values, when `theta` is a draw around them, and `start` (K,) are probabilities of the
        start states. Raises Cancelled.
        """
        assert machine.solver is not None
        with self._solving:
            return machine.solver.solve(theta, centre=centre, start=start, control=control)

    def slopes(self, settings: Settings, measure: str, control: Control = UNWATCHED) -> dict[str, float] | None:
        """Return the derivatives {assumption: ∂p/∂θ} of an answer at the values of some settings.

        None where no gradient answers it. Raises Cancelled.
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
        """Return a key that is equal for settings with the same answer and view."""
        values = self.state.values(settings)
        return structure(self.state.machine(settings)), settings.view, tuple(sorted(values.items()))

    def _labelled(self, forecast: Forecast) -> Forecast:
        return dataclasses.replace(forecast, labels=self._labels)

    # ---------------------------------------------------------------- previews

    def glance(
        self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None, moves: bool = False
    ) -> Forecast:
        """Return the exact answer while values move, and take the time.

        It has no impacts and no questions that need histories, and without `moves` no counts of moves and no variables.
        It answers the question `lead` and some others, or all of them without `lead`.
        The world must not be too large for the exact engine.
        Raises ScenarioError, Cancelled.
        """
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
        """Take the time of a glance, twice at first because the first may compile.

        Where it was nearly quick, take it again: the processor may have been busy, as it is while a page loads.
        """
        machine = self.machine(settings)
        nearly = QUICK_SECONDS < machine.glance_seconds < NEARLY * QUICK_SECONDS
        wanted = max(2, machine.glances + nearly)
        while machine.solver is not None and machine.glances < wanted:
            self.glance(settings, control, lead=lead)

    def is_quick(self, settings: Settings, measure: Measure) -> bool:
        """Whether a glance answers a measure, and so quickly that no preview is needed."""
        machine = self.machine(settings)
        if machine.solver is None or measure.kind == "impact" or measure.asked in machine.solver.by_histories:
            return False
        return machine.glance_seconds <= QUICK_SECONDS

    def anchor(self, settings: Settings, control: Control = UNWATCHED) -> None:
        """Prepare previews that start from the answer at rest for these settings, if that answer is known."""
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
        """Return how many replicates fit into the time of a preview, as measured so far, in powers of two."""
        runs = PREVIEW_SECONDS / self._seconds_per_run
        return int(np.clip(2 ** np.floor(np.log2(max(runs, 1.0))), FEWEST, MOST))

    def preview(self, settings: Settings) -> Forecast | None:
        """Return a quick answer with common random numbers, or None where Monte Carlo is not installed.

        Raises ScenarioError when the settings are no valid scenario.
        """
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            return None
        theta = self.theta(settings, machine)
        anchor = self._anchors.get(structure(machine.scenario))
        sampled = self._sample(simulator, theta, anchor.runs if anchor else self.preview_runs())
        return self._labelled(shift(anchor.exact, anchor.sampled, sampled) if anchor else sampled)

    def sample(self, settings: Settings, runs: int) -> Counts:
        """Return the counts of some replicates at the settings. Raises MissingDependency without Numba."""
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            raise MissingDependency(machine.reason)
        return simulator.run(self.theta(settings, machine), runs=runs, seed=self.seed, control=self._own(UNWATCHED))

    def sampled(self, settings: Settings, runs: int) -> Forecast | None:
        """Return the forecast of some replicates at the settings, or None where Monte Carlo is not installed."""
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


def _remember(cache: OrderedDict[Hashable, Any], key: Hashable, make: Callable[[], Any], most: int) -> Any:
    """Return the value of a key, made where it is missing, and drop the values that were used longest ago."""
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    while len(cache) > most:
        cache.popitem(last=False)
    return cache[key]


def shift(exact: Forecast, before: Forecast, now: Forecast) -> Forecast:
    """Return an exact answer plus the difference of two sampled ones with common random numbers.

    Probabilities stay within 0 and 1, and still sum to one where they did. Expected counts stay above zero.
    """
    every = exact, before, now
    endings = _shift_shares(*({name: band.probability for name, band in each.endings.items()} for each in every))
    groups: dict[str, Any] = {
        kind: {name: _shift_shares(*(getattr(each, kind)[name] for each in every)) for name in getattr(exact, kind)}
        for kind in ("variables", "ladders")
    }
    questions = {
        name: np.clip(band.probability + now.questions[name].probability - before.questions[name].probability, 0.0, 1.0)
        for name, band in exact.questions.items()
    }
    return dataclasses.replace(
        now,
        engine="preview",
        endings={name: Band(p, p, p) for name, p in endings.items()},
        questions={name: Band(p, p, p) for name, p in questions.items()},
        **groups,
        moves={
            name: np.maximum(count + now.moves[name] - before.moves[name], 0.0) for name, count in exact.moves.items()
        },
        error=None,
        states=exact.states,
    )


def _shift_shares(exact: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    moved = np.array([np.maximum(exact[name] + now[name] - before[name], 0.0) for name in exact])
    moved /= moved.sum(axis=0)
    return dict(zip(exact, moved, strict=True))


def same_answer(one: Forecast, other: Forecast, tolerance: float = 1e-7) -> bool:
    """Say whether two answers over the same dates agree in endings, questions, rungs and expected moves."""
    if one.times.shape != other.times.shape or set(one.ladders) != set(other.ladders):
        return False
    pairs = [(one.endings[k].probability, other.endings[k].probability) for k in one.endings]
    pairs += [(one.questions[k].probability, other.questions[k].probability) for k in one.questions]
    pairs += [(one.ladders[k][r], other.ladders[k][r]) for k in one.ladders for r in one.ladders[k]]
    pairs += [(one.moves[k], other.moves[k]) for k in one.moves]
    return all(np.allclose(a, b, rtol=0.0, atol=tolerance) for a, b in pairs)


def _labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels of a forecast, with the actor before each move: pictures have no other place for it."""
    labels = results.labels(scenario)
    labels["moves"] = {
        move.id: move.label if move.actor == "nature" else f"{scenario.actors[move.actor].label}: {move.label}"
        for move in scenario
    }
    return labels
