"""Forecasts for the settings of a session, at rest and while a slider moves. No widget here.

`AnswerCache` keeps the engines of one scenario ready: the exact solver with its states, and the simulator with its
tables. A move of a slider then costs only one solve or one short run. There are three kinds of answers:

- An *answer at rest* is exact. If the scenario is too large, it comes from `RUNS` replicates.
- A *glance* is an exact answer without its slow parts. It is shown while a slider moves, if it takes at most
  `QUICK_SECONDS`.
- A *preview* is shown if a glance is too slow. It is the last answer at rest plus the difference of two short Monte
  Carlo runs: one at the values of that answer, one at the present values. The two runs use common random numbers, so
  most of their noise cancels. A few hundred replicates then show the change, and the picture hardly jumps when the
  answer at rest replaces the preview.

The answer at rest with its short run is the *anchor* of the previews.
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
"""Seconds for the replicates of a preview. The picture then follows the slider within one or two frames."""

QUICK_SECONDS = 0.15
"""Longest time of a glance that is shown while values move. If it takes longer, a preview is shown."""

SLOWER = 1.1
"""Largest factor by which one slow glance may raise the stored time. It may only have waited for a processor core."""

NEARLY = 4
"""A glance that is slower than `QUICK_SECONDS`, by less than this factor, is timed again at every rest."""

FEWEST, MOST = 256, 20_000
"""Fewest and most replicates of a preview."""

RUNS = 100_000
"""Number of replicates of the answer at rest if a scenario is too large for the exact engine."""

ENGINES_KEPT = 3
"""Number of structures whose engines stay ready: the present one, the previous one, and that of the baseline."""

ANSWERS_KEPT = 24


@dataclass
class Engines:
    """The engines for one set of interventions, horizon and start date, built when first needed.

    `solver` is None if the scenario is too large, `simulator` if Monte Carlo is not installed. `reason` says why.
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
    """A full answer from which previews start, and a run of `runs` replicates at its values."""

    exact: Forecast
    sampled: Forecast
    runs: int


class AnswerCache:
    """Computes the forecasts for the settings of one explorer, and keeps the last ones.

    One thread may ask for exact answers while another asks for previews.
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
        """Whether the Monte Carlo kernel has run in this process. Its first run may have to compile it."""

    # ---------------------------------------------------------------- machines

    def machine(self, settings: Settings) -> Engines:
        """Return the engines for these settings. Raises ScenarioError if an intervention does not fit."""
        scenario = self.state.machine(settings)
        with self._lock:
            return _remember(self._machines, structure(scenario), lambda: Engines(scenario), ENGINES_KEPT)

    def solver(self, machine: Engines, control: Control = UNWATCHED) -> Solver | None:
        """Return the exact solver, or None if the scenario is too large. `machine.reason` then says so."""
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
        """Return the simulator, or None if Monte Carlo is not installed. `machine.reason` then says so."""
        if not machine.tried_simulator:
            from simlib.engines.montecarlo.simulator import Simulator

            try:
                machine.simulator = Simulator(machine.scenario)
            except MissingDependency as error:
                machine.reason = machine.reason or str(error)
            machine.tried_simulator = True
        return machine.simulator

    def theta(self, settings: Settings, machine: Engines) -> np.ndarray:
        """Return the assumption values (A,) of the settings.

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
        """Return the full answer to the settings, or None if it is not in the cache."""
        return self._answers.get(self.key(settings))

    def answer(self, settings: Settings, control: Control = UNWATCHED) -> Forecast:
        """Return the full answer: exact if the scenario is not too large, else by Monte Carlo.

        Monte Carlo takes `RUNS` replicates. Raises ScenarioError, MissingDependency, Cancelled.
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
        """Return the exact answer at the assumption values `theta` (A,).

        Only one thread solves at a time. If `theta` is a draw from the priors, `centre` holds the stated values (A,).
        `start` (K,) holds the probabilities of the start states. Raises Cancelled.
        """
        assert machine.solver is not None
        with self._solving:
            return machine.solver.solve(theta, centre=centre, start=start, control=control)

    def slopes(self, settings: Settings, measure: str, control: Control = UNWATCHED) -> dict[str, float] | None:
        """Return the derivatives {assumption: ∂p/∂θ} of a measure at the values of the settings.

        Returns None if the measure has no gradient or the scenario is too large to be solved. Raises Cancelled.
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
        """Return a key for the cache. If two settings have equal keys, view and answer are the same."""
        values = self.state.values(settings)
        return structure(self.state.machine(settings)), settings.view, tuple(sorted(values.items()))

    def _labelled(self, forecast: Forecast) -> Forecast:
        return dataclasses.replace(forecast, labels=self._labels)

    # ---------------------------------------------------------------- previews

    def glance(
        self, settings: Settings, control: Control = UNWATCHED, *, lead: str | None, moves: bool = False
    ) -> Forecast:
        """Return a glance (the exact answer without its slow parts), and record its time.

        A glance has no impacts, and leaves out the questions that need histories. Without `moves` it also leaves out
        the counts of moves and the variables. If `lead` is the id of a question, other questions that cost extra time
        may be missing. If it is "", any such question may be missing. The scenario must not be too large for the exact
        engine.

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
        """Measure the time of a glance (a quick exact answer).

        It is measured twice at first, because the first glance may compile code. A time just above `QUICK_SECONDS` is
        measured again, because the processor may have been busy, for example while the page loaded.
        """
        machine = self.machine(settings)
        nearly = QUICK_SECONDS < machine.glance_seconds < NEARLY * QUICK_SECONDS
        wanted = max(2, machine.glances + nearly)
        while machine.solver is not None and machine.glances < wanted:
            self.glance(settings, control, lead=lead)

    def is_quick(self, settings: Settings, measure: Measure) -> bool:
        """Whether a glance (a quick exact answer) has the measure, within `QUICK_SECONDS`."""
        machine = self.machine(settings)
        if machine.solver is None or measure.kind == "impact" or measure.asked in machine.solver.by_histories:
            return False
        return machine.glance_seconds <= QUICK_SECONDS

    def anchor(self, settings: Settings, control: Control = UNWATCHED) -> None:
        """Run the short simulation with which later previews are compared (their anchor).

        It runs at these settings. Nothing is done if their full answer is not known yet.
        """
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
        """Return how many replicates fit into `PREVIEW_SECONDS` by the times measured so far.

        The number is a power of two, but at least `FEWEST` and at most `MOST`.
        """
        runs = PREVIEW_SECONDS / self._seconds_per_run
        return int(np.clip(2 ** np.floor(np.log2(max(runs, 1.0))), FEWEST, MOST))

    def preview(self, settings: Settings) -> Forecast | None:
        """Return a quick Monte Carlo answer (a preview), or None if Monte Carlo is not installed.

        Raises ScenarioError if the settings give no valid scenario.
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
        """Return the counts of `runs` replicates at the settings. Raises MissingDependency without Numba."""
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            raise MissingDependency(machine.reason)
        return simulator.run(self.theta(settings, machine), runs=runs, seed=self.seed, control=self._own(UNWATCHED))

    def sampled(self, settings: Settings, runs: int) -> Forecast | None:
        """Return the forecast from `runs` replicates at the settings, or None without Monte Carlo."""
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
    """Return `cache[key]`, which `make` computes if it is missing. Keep the `most` last used."""
    if key not in cache:
        cache[key] = make()
    cache.move_to_end(key)
    while len(cache) > most:
        cache.popitem(last=False)
    return cache[key]


def shift(exact: Forecast, before: Forecast, now: Forecast) -> Forecast:
    """Return the answer `exact` plus the change from `before` to `now`.

    `before` and `now` are two runs with common random numbers. Probabilities stay between 0 and 1. Endings, the levels
    of a variable and the rungs of a ladder still sum to one. Expected counts do not fall below zero.
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
    """Whether two answers have the same dates, endings, questions, rungs and expected moves."""
    if one.times.shape != other.times.shape or set(one.ladders) != set(other.ladders):
        return False
    pairs = [(one.endings[k].probability, other.endings[k].probability) for k in one.endings]
    pairs += [(one.questions[k].probability, other.questions[k].probability) for k in one.questions]
    pairs += [(one.ladders[k][r], other.ladders[k][r]) for k in one.ladders for r in one.ladders[k]]
    pairs += [(one.moves[k], other.moves[k]) for k in one.moves]
    return all(np.allclose(a, b, rtol=0.0, atol=tolerance) for a, b in pairs)


def _labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels of a forecast. Those of moves begin with the actor, unless it is nature."""
    labels = results.labels(scenario)
    labels["moves"] = {
        move.id: move.label if move.actor == "nature" else f"{scenario.actors[move.actor].label}: {move.label}"
        for move in scenario
    }
    return labels
