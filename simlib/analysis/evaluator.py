"""How some measures respond to the assumptions: answered at many sets of values, with the same dice at each.

Sobol indices, tornados and priors carried through all ask one thing: the probability of something by some day at each
of many rows of θ. By the exact engine there is one number for each; by Monte Carlo the replicates come in *blocks*
with dice of their own, the same blocks at every row. Rows then differ by θ alone and not by luck; and because the
noise of two blocks is independent, a product of two different blocks has no bias from it: variances, covariances and
indices are averaged over pairs of different blocks (`cross`) and the Monte Carlo noise drops out of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np

from simlib.control import in_transition
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.poisson import FINE
from simlib.engines.exact.reachable import CAP
from simlib.engines.exact.solver import Solution
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Cancelled, TooManyStates
from simlib.machine import priors
from simlib.machine.measures import Measure, reader
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import begun_by
from simlib.typing import Floats

Engine = Literal["auto", "exact", "montecarlo"]

BLOCKS = 8
"""Blocks of replicates with dice of their own."""

STATES_SOLVED = 80_000_000
"""States times passes up to which `auto` takes the exact engine: a minute or two of processor time."""

_One = Callable[[range, Floats], Floats]
"""Replicates and a row of θ (A,) to the measures (K, M)."""


class Responses:
    """Measures by one day, ready to be answered at many rows of assumption values.

    `engine` is "exact" or "montecarlo" (never "auto"), `blocks` the number K of blocks: 1 when exact. `runs` is the
    number of replicates for each row, a multiple of K (0 when exact).
    """

    @in_transition
    def __init__(
        self,
        scenario: Scenario,
        measures: Sequence[Measure],
        *,
        engine: Engine = "auto",
        rows: int = 1,
        day: float | None = None,
        runs: int = 1000,
        blocks: int = BLOCKS,
        seed: int = 0,
        threads: int | None = None,
        ignore_windows: bool = False,
        patience: int = STATES_SOLVED,
    ) -> None:
        """Make ready; `rows` is how many rows will be asked for, by which "auto" chooses the engine.

        `patience` is how many states times passes "auto" may take for an exact answer.

        Raises TooManyStates for "exact", MissingDependency for "montecarlo", ScenarioError.
        """
        self.day = scenario.horizon_days if day is None else float(day)
        self.scenario, self.measures = _lean(scenario, measures, self.day), tuple(measures)
        self.centre = priors.theta(scenario)
        self.threads = threads or cores()
        self.engine, self.blocks, self.runs = "exact", 1, 0
        frame = {"times": [self.day], "horizon": self.day, "ignore_windows": ignore_windows}
        passes = max(rows, 1) * (1 + len(self.scenario.questions))  # a question has a pass of its own
        most = CAP if engine == "exact" else min(CAP, max(patience // passes, 1))
        solver = None if engine == "montecarlo" else _solver(self.scenario, engine, most, frame)
        if solver is not None:
            self.states: int | None = len(solver.space)
            self._one: _One = partial(_exact, solver, self.measures, self.centre)
            return
        if blocks < 2 or runs < 2 * blocks:
            raise ValueError(f"expected at least 2 blocks of at least 2 replicates, not {blocks} in {runs} replicates")
        self.engine, self.blocks, self.runs, self.states = "montecarlo", blocks, -(-runs // blocks) * blocks, None
        simulator = Simulator(self.scenario, **frame)
        each = _by_replicate if all(m.kind in ("ending", "question") for m in measures) else _by_block
        self._one = partial(each, simulator, self.measures, self.centre, blocks, seed)

    @in_transition
    def __call__(
        self,
        thetas: Floats,
        *,
        replicates: range | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Floats:
        """Return the measures (D, K, M) at each row of `thetas` (D, A), draws around the stated values.

        `replicates` are those to play by Monte Carlo, shared out over the blocks; default: the first `runs`.
        """
        result = np.empty((len(thetas), self.blocks, len(self.measures)))
        if len(thetas) == 0:
            return result
        one = partial(self._one, replicates or range(self.runs))
        result[0] = one(thetas[0])  # builds what is built once, on one thread
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                for row, values in enumerate(pool.map(one, thetas[1:]), start=1):
                    result[row] = values
                    if cancel and cancel():
                        raise Cancelled("the analysis was cancelled")
                    if progress:
                        progress((row + 1) / len(thetas))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return result


def _lean(scenario: Scenario, measures: Sequence[Measure], day: float) -> Scenario:
    """Return the scenario without what nobody asks for, which costs time, and without interventions after the day."""
    asked = {(measure.kind, measure.of) for measure in measures}
    return begun_by(scenario, day).replace(
        questions={name: q for name, q in scenario.questions.items() if ("question", name) in asked},
        ladders={name: ladder for name, ladder in scenario.ladders.items() if ("rung", name) in asked},
    )


def _solver(scenario: Scenario, engine: Engine, most: int, frame: dict) -> Solver | None:
    try:
        return Solver(scenario, cap=most, threads=1, **frame)
    except TooManyStates:
        if engine == "exact":
            raise
        return None


def _exact(solver: Solver, measures: Sequence[Measure], centre: Floats, _: range, theta: Floats) -> Floats:
    solution = solver.run(theta, centre=centre, tolerance=FINE)
    return np.array([[_read(solver, solution, measure) for measure in measures]])


def _read(solver: Solver, solution: Solution, measure: Measure) -> float:
    """Return one measure at the last report time: what a whole forecast would say, without building one."""
    features, scenario = solver.features, solver.scenario
    if measure.kind == "ending":
        return float(features.of_ending(solution.at)[-1, measure.column(scenario)])
    if measure.kind == "question":
        hits = solution.hits.get(measure.of)
        return float((features.flags(solution.at)[measure.of] if hits is None else hits)[-1])
    if measure.kind == "moves":
        return float(solution.counts[-1, measure.column(scenario)])
    group = features.variables if measure.kind == "level" else features.ladders
    return float(group(solution.at)[measure.of][measure.part][-1])


def _by_replicate(
    simulator: Simulator,
    measures: Sequence[Measure],
    centre: Floats,
    blocks: int,
    seed: int,
    which: range,
    theta: Floats,
) -> Floats:
    counts = simulator.run(theta, centre=centre, runs=len(which), seed=seed, first=which.start, threads=1)
    endings = [*simulator.scenario.endings, ONGOING]
    ending = np.where(counts.ending < 0, len(endings) - 1, counts.ending)
    happened = [
        ending == endings.index(m.of)
        if m.kind == "ending"
        else counts.question_time[:, m.column(simulator.scenario)] <= simulator.horizon
        for m in measures
    ]
    result: Floats = np.array([x.reshape(blocks, -1).mean(axis=1) for x in happened]).T
    return result


def _by_block(
    simulator: Simulator,
    measures: Sequence[Measure],
    centre: Floats,
    blocks: int,
    seed: int,
    which: range,
    theta: Floats,
) -> Floats:
    read, each = reader(simulator.scenario, measures), len(which) // blocks
    parts = (
        simulator.run(theta, centre=centre, runs=each, seed=seed, first=first, threads=1) for first in which[::each]
    )
    return np.stack([read(counts)[-1] for counts in parts])


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -------------------------------------------------------------------- averages free of Monte Carlo noise


def cross(one: Floats, other: Floats) -> Floats:
    """Return the mean over rows of one × other, over pairs of different blocks: free of bias from Monte Carlo noise.

    `one` and `other` are (D, K, ...); the result has the shape of what follows. With one block it is the plain mean.
    """
    blocks = one.shape[1]
    if blocks == 1:
        return np.asarray((one[:, 0] * other[:, 0]).mean(axis=0))
    same = (one * other).sum(axis=1)
    return np.asarray((one.sum(axis=1) * other.sum(axis=1) - same).mean(axis=0) / (blocks * (blocks - 1)))


def half_widths(changes: Floats) -> Floats:
    """Return the 95% half-width of the mean over blocks: (D, K, M) -> (D, M); 0 for a single, exact block."""
    from scipy.special import stdtrit

    count = changes.shape[1]
    if count == 1:
        return np.zeros((len(changes), changes.shape[2]))
    return np.asarray(stdtrit(count - 1, 0.975) * changes.std(axis=1, ddof=1) / np.sqrt(count))
