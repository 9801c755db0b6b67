"""What the engines are asked, and how soon an answer can be had. No widget here.

`Answers` keeps the machines of one world (the exact solver with its states, the simulator with its tables) ready for
new assumption values, so that a slider costs a solve or a short run and nothing else. While a slider moves it gives a
*preview*: the last exact answer, shifted by the difference of two short Monte Carlo runs with the same dice, one at
the values of that answer and one at the values now. The noise of the two cancels, so a few hundred replicates show
the change and nothing jumps when the exact answer takes the preview's place.
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

from simlib import answer, results
from simlib.errors import MissingDependency, TooManyStates
from simlib.machine import priors
from simlib.results import Band, Forecast
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.state import Settings, State, structure

if TYPE_CHECKING:
    from simlib.engines.exact.solver import Solver
    from simlib.engines.montecarlo.counts import Counts
    from simlib.engines.montecarlo.simulator import Simulator

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

PREVIEW_SECONDS = 0.025
"""What a preview may cost; with drawing it stays within a frame or two of the hand."""

QUICK_SECONDS = 0.025
"""An exact answer as quick as this needs no preview."""

FEWEST, MOST = 256, 20_000
"""Replicates of a preview."""

RUNS = 100_000
"""Replicates of the answer at rest where a world is too large for the exact engine."""

KEPT = 3
"""Machines kept ready: the present one, the one before, the baseline's."""

ANSWERS_KEPT = 24


@dataclass
class Engines:
    """The engines of one structure, built when first needed. `solver` is None where the world is too large."""

    scenario: Scenario
    solver: Solver | None = None
    simulator: Simulator | None = None
    tried_solver: bool = False
    tried_simulator: bool = False
    reason: str = ""
    exact_seconds: float = float("inf")


@dataclass(frozen=True)
class Anchor:
    """An answer at rest, and what few of the same dice say at its values: what previews are measured from."""

    exact: Forecast
    sampled: Forecast
    runs: int


class AnswerCache:
    """Answers to the settings of one state. One thread at a time may ask for an exact answer, another for previews."""

    def __init__(self, state: State, *, seed: int = 0, threads: int = 2) -> None:
        self.state, self.seed, self.threads = state, seed, threads
        self._machines: OrderedDict[Hashable, Engines] = OrderedDict()
        self._answers: OrderedDict[Hashable, Forecast] = OrderedDict()
        self._anchors: dict[Hashable, Anchor] = {}
        self._labels = _labels(state.base)
        self._seconds_per_run = PREVIEW_SECONDS / 2_000
        self._lock, self._building = threading.RLock(), threading.RLock()
        self.warm = False
        """Whether the Monte Carlo kernel ran in this process: the first run may have to compile it."""

    # ---------------------------------------------------------------- machines

    def machine(self, settings: Settings) -> Engines:
        """Return the engines for these settings; raises ScenarioError when an intervention does not fit."""
        scenario = self.state.machine(settings)
        with self._lock:
            return _remember(self._machines, structure(scenario), lambda: Engines(scenario), KEPT)

    def solver(self, machine: Engines, cancel: Cancel | None = None) -> Solver | None:
        """Return the exact solver of a machine; None, with the reason noted there, where the world is too large."""
        with self._building:
            if not machine.tried_solver:
                from simlib.engines.exact.forecast import Solver

                try:
                    machine.solver = Solver(machine.scenario, threads=self.threads, cancel=cancel)
                except TooManyStates as error:
                    machine.reason = str(error)
                machine.tried_solver = True
        return machine.solver

    def simulator(self, machine: Engines) -> Simulator | None:
        """Return the simulator of a machine; None, with the reason noted there, where Monte Carlo is not installed."""
        if not machine.tried_simulator:
            from simlib.engines.montecarlo.simulator import Simulator

            try:
                machine.simulator = Simulator(machine.scenario)
            except MissingDependency as error:
                machine.reason = machine.reason or str(error)
            machine.tried_simulator = True
        return machine.simulator

    def theta(self, settings: Settings, machine: Engines) -> np.ndarray:
        """Return the assumption values (A,) of the settings; raises ScenarioError when chances exceed one."""
        theta = priors.theta(machine.scenario, self.state.values(settings))
        tables = machine.simulator.tables if machine.simulator else machine.solver.tables if machine.solver else None
        if tables is not None:
            tables.chances(theta)
            tables.start_shares(theta)
        return theta

    # ---------------------------------------------------------------- answers at rest

    def known(self, settings: Settings) -> Forecast | None:
        """Return the answer at rest where it was computed before."""
        return self._answers.get(self._key(settings))

    def answer(self, settings: Settings, *, progress: Progress | None = None, cancel: Cancel | None = None) -> Forecast:
        """Return the answer at rest: exact where the world can be enumerated, else from `RUNS` replicates.

        Raises ScenarioError, MissingDependency, Cancelled.
        """
        known = self.known(settings)
        found = self._compute(settings, progress, cancel) if known is None else known
        with self._lock:
            return _remember(self._answers, self._key(settings), lambda: found, ANSWERS_KEPT)

    def _compute(self, settings: Settings, progress: Progress | None, cancel: Cancel | None) -> Forecast:
        machine = self.machine(settings)
        resolved = self.state.scenario(settings)
        solver = self.solver(machine, cancel)
        theta = self.theta(settings, machine)
        begun = time.perf_counter()
        if solver is not None:
            forecast = solver.solve(theta, progress=progress, cancel=cancel)
            machine.exact_seconds = min(time.perf_counter() - begun, 1.5 * machine.exact_seconds)
        else:
            simulator = self.simulator(machine)
            if simulator is None:
                raise MissingDependency(machine.reason)
            counts = simulator.run(
                theta, runs=RUNS, seed=self.seed, threads=self.threads, progress=progress, cancel=cancel
            )
            forecast = simulator.forecast(counts, theta=theta, seed=self.seed)
        details = {
            k: v for k, v in forecast.provenance.items() if k not in ("scenario_sha256", "view", "interventions")
        }
        source = answer.provenance(resolved, **details)
        return self._labelled(dataclasses.replace(forecast, provenance=source, title=resolved.title))

    def _key(self, settings: Settings) -> Hashable:
        values = self.state.values(settings)
        return structure(self.state.machine(settings)), settings.view, tuple(sorted(values.items()))

    def _labelled(self, forecast: Forecast) -> Forecast:
        return dataclasses.replace(forecast, labels=self._labels)

    # ---------------------------------------------------------------- answers under the hand

    def is_quick(self, settings: Settings) -> bool:
        """Whether the exact answer comes as quickly as a preview would."""
        return self.machine(settings).exact_seconds <= QUICK_SECONDS

    def anchor(self, settings: Settings, cancel: Cancel | None = None) -> None:
        """Prepare previews around the answer at rest to these settings, which must be known. Quick."""
        known, machine = self.known(settings), self.machine(settings)
        simulator = self.simulator(machine)
        if known is None or simulator is None:
            return
        key = structure(machine.scenario)
        runs = self.preview_runs()
        before = self._anchors.get(key)
        if before is not None and before.exact is known and 0.5 < before.runs / runs < 2:
            return
        theta = self.theta(settings, machine)
        self._anchors[key] = Anchor(known, self._sample(simulator, theta, runs, cancel), runs)
        for old in [k for k in self._anchors if k not in self._machines]:
            del self._anchors[old]

    def preview_runs(self) -> int:
        """Return how many replicates fit into the time of a preview, as measured so far, in powers of two."""
        runs = PREVIEW_SECONDS / self._seconds_per_run
        return int(np.clip(2 ** np.floor(np.log2(max(runs, 1.0))), FEWEST, MOST))

    def preview(self, settings: Settings) -> Forecast | None:
        """Return a quick answer with the same dice; None where Monte Carlo is not installed.

        Raises ScenarioError when the settings are no possible world.
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
        """Return the counts of some replicates at the settings; raises MissingDependency without Numba."""
        machine = self.machine(settings)
        simulator = self.simulator(machine)
        if simulator is None:
            raise MissingDependency(machine.reason)
        return simulator.run(self.theta(settings, machine), runs=runs, seed=self.seed, threads=self.threads)

    def _sample(self, simulator: Simulator, theta: np.ndarray, runs: int, cancel: Cancel | None = None) -> Forecast:
        begun = time.perf_counter()
        counts = simulator.run(theta, runs=runs, seed=self.seed, threads=self.threads, cancel=cancel)
        forecast = simulator.forecast(counts, theta=theta, seed=self.seed)
        if self.warm:
            seconds = (time.perf_counter() - begun) / runs
            self._seconds_per_run += 0.2 * (min(seconds, 4 * self._seconds_per_run) - self._seconds_per_run)
        self.warm = True
        return forecast


def _remember(kept: OrderedDict[Hashable, Any], key: Hashable, make: Callable[[], Any], most: int) -> Any:
    """Return what is kept under a key, made where it is missing, and forget what was asked for longest ago."""
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]


def shift(exact: Forecast, before: Forecast, now: Forecast) -> Forecast:
    """Return an exact answer moved by the difference of two sampled ones that fell with the same dice.

    Probabilities stay within 0 and 1 and sum to one where they did; expected counts stay above zero.
    """
    endings = _moved_whole(
        {name: band.probability for name, band in exact.endings.items()},
        {name: band.probability for name, band in before.endings.items()},
        {name: band.probability for name, band in now.endings.items()},
    )
    questions = {
        name: np.clip(band.probability + now.questions[name].probability - before.questions[name].probability, 0.0, 1.0)
        for name, band in exact.questions.items()
    }
    return dataclasses.replace(
        now,
        engine="preview",
        endings={name: Band(p, p, p) for name, p in endings.items()},
        questions={name: Band(p, p, p) for name, p in questions.items()},
        variables={
            name: _moved_whole(exact.variables[name], before.variables[name], now.variables[name])
            for name in exact.variables
        },
        ladders={
            name: _moved_whole(exact.ladders[name], before.ladders[name], now.ladders[name]) for name in exact.ladders
        },
        moves={
            name: np.maximum(count + now.moves[name] - before.moves[name], 0.0) for name, count in exact.moves.items()
        },
        error=None,
        states=exact.states,
    )


def _moved_whole(exact: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
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
    """Return the labels of a forecast with each move called by its actor: pictures have no other place to say it."""
    labels = results.labels(scenario)
    labels["moves"] = {
        move.id: move.label if move.actor == "nature" else f"{scenario.actors[move.actor].label}: {move.label}"
        for move in scenario
    }
    return labels
