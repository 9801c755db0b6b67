"""Answers at many sets of assumption values, with common random numbers.

Sobol indices, one-at-a-time ranges, scenario discovery and uncertainty need measures (probabilities or expected counts)
by a target day, at many sets of assumption values θ. The exact engine gives one number for each set and measure. Monte
Carlo splits its replicates (simulated histories) into *blocks*. Each block has its own random numbers, which are the
same at every θ. So two answers of a block differ only because their θ differ.

The noise of one block is independent of the noise of another. So noise does not bias the product of two answers from
different blocks. Variances, covariances and indices are therefore averages over pairs of different blocks (`cross`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from simlib.arguments import Engine, exact_where_it_fits
from simlib.control import ONE_THREAD, UNWATCHED, Control, cores, helper_threads
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.poisson import FINE_TOLERANCE
from simlib.engines.exact.reachable import STATE_CAP
from simlib.engines.exact.run import Solution
from simlib.engines.montecarlo.measure_means import means_of
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Unsupported
from simlib.formatting import quoted
from simlib.machine import priors
from simlib.machine.asked_events import events
from simlib.machine.measures import By, Measure, conditional, days_by
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import begun_by
from simlib.typing import Floats, Returned

__all__ = ["REPLICATE_BLOCKS", "ROUNDING_SHARE", "STATES_SOLVED", "Responses", "cross", "half_widths", "in_threads"]
__all__ += ["student_95"]

REPLICATE_BLOCKS = 8
"""Number of blocks of replicates (simulated histories). Each block has its own random numbers."""

ROUNDING_SHARE = 1e-9
"""A difference up to this share of the compared values counts as rounding error."""

STATES_SOLVED = 80_000_000
"""The engine "auto" is exact if states × passes is at most this: a minute or two of processor time.

A pass carries the probabilities of all states to the target day. Each set of assumption values takes one pass, and one
more for each question.
"""

_RowAnswer = Callable[..., Floats]
"""Maps (range of replicates, assumption values (A,), optional start probabilities (S,)) to answers (K, M)."""


class Responses:
    """A function that computes measures by a target day, at many sets of assumption values.

    engine: the engine in use, "exact" or "montecarlo" (never "auto").
    blocks: the number of blocks of replicates (1 when exact). Each block has its own random numbers.
    runs: the number of replicates (simulated histories) for each set of values, a multiple of `blocks` (0 when exact).
    states: the number of states when exact, else None.
    by_day: the target in days after the scenario's first day.
    centre (A,): the stated value of each of the A assumptions.
    """

    def __init__(
        self,
        scenario: Scenario,
        measures: Sequence[Measure],
        *,
        engine: Engine = "auto",
        rows: int = 1,
        by: By = None,
        runs: int = 1000,
        blocks: int = REPLICATE_BLOCKS,
        seed: int = 0,
        patience: int = STATES_SOLVED,
    ) -> None:
        """Prepare the evaluation.

        Args:
            scenario: The scenario, with its interventions.
            measures: The M measures.
            engine: The engine: "exact", "montecarlo", or "auto".
            rows: Expected number of sets of assumption values. The choice of "auto" depends on this number.
            by: The target: a date, or days after `as_of`. Default: the horizon.
            runs: Monte Carlo replicates for each set of values, rounded up to a multiple of `blocks`.
            blocks: Blocks of replicates, at least 2.
            seed: Seed of the random numbers.
            patience: The largest product of states and passes for which "auto" is exact (see `STATES_SOLVED`).

        Raises:
            TooManyStates: For "exact", when there are too many states.
            Unsupported: For "exact", when a measure depends on whole histories and not only on the state of a day.
            MissingDependency: Without Numba, when Monte Carlo is used.
            ScenarioError: For a target outside the forecast.
            ValueError: For too few blocks or replicates.
        """
        self.by_day = days_by(scenario, by)
        self.scenario, self.measures = _lean(scenario, measures, self.by_day), tuple(measures)
        self.centre = priors.theta(scenario)
        passes = max(rows, 1) * (1 + len(self.scenario.questions))  # each question needs a separate pass
        most = STATE_CAP if engine == "exact" else min(STATE_CAP, max(patience // passes, 1))
        self.engine, self.blocks, self.runs = "exact", 1, 0
        self.states: int | None = None
        exact, sampled = partial(self._exact, most), partial(self._sampled, runs, blocks, seed)
        self._row = exact_where_it_fits(engine, exact, sampled)

    def _exact(self, most: int) -> _RowAnswer:
        solver = Solver(self.scenario, times=[self.by_day], by=self.by_day, cap=most, control=ONE_THREAD)
        if solver.by_histories:
            label = next(iter(solver.by_histories.values())).label
            raise Unsupported(f"{quoted(label)} needs simulated histories; use Monte Carlo (--engine montecarlo)")
        self.states = len(solver.space)

        def row(_: range, theta: Floats, start: Floats | None = None) -> Floats:
            solution = solver.run(theta, centre=self.centre, start=start, tolerance=FINE_TOLERANCE)
            return np.array([[_read(solver, solution, measure) for measure in self.measures]])

        return row

    def _sampled(self, runs: int, blocks: int, seed: int) -> _RowAnswer:
        if blocks < 2 or runs < 2 * blocks:
            raise ValueError(f"expected 2 or more blocks of 2 or more replicates, not {runs} in {blocks} blocks")
        self.engine, self.blocks, self.runs = "montecarlo", blocks, -(-runs // blocks) * blocks
        simulator = Simulator(self.scenario, times=[self.by_day], by=self.by_day)
        means, endings = means_of(simulator, self.measures), [*self.scenario.endings, ONGOING]

        def by_replicate(which: range, theta: Floats, start: Floats | None = None) -> Floats:
            run = partial(simulator.run, theta, centre=self.centre, start=start, seed=seed, control=ONE_THREAD)
            counts = run(runs=len(which), first=which.start)
            ending = np.where(counts.ending < 0, len(endings) - 1, counts.ending)
            happened = [
                ending == endings.index(m.of)
                if m.kind == "ending"
                else counts.question_time[:, m.column(self.scenario)] <= self.by_day
                for m in self.measures
            ]
            return np.asarray([x.reshape(blocks, -1).mean(axis=1) for x in happened]).T

        def by_block(which: range, theta: Floats, start: Floats | None = None) -> Floats:
            each = len(which) // blocks
            parts = (means(theta, self.centre, start, range(a, a + each), seed, ONE_THREAD) for a in which[::each])
            return np.stack([part[-1] for _, part in parts])

        fast = all(measure.kind == "ending" or measure.question_id for measure in self.measures)
        return by_replicate if fast else by_block

    def __call__(
        self,
        thetas: Floats,
        starts: Floats | None = None,
        *,
        replicates: range | None = None,
        control: Control = UNWATCHED,
    ) -> Floats:
        """Return M measures at D sets of assumption values, in K blocks of replicates (D, K, M).

        Args:
            thetas: The values of the A assumptions (D, A).
            starts: The probabilities (D, S) of the S states in which the scenario may start. Default: the probabilities
                in the scenario.
            replicates: The range of replicates that Monte Carlo simulates, divided evenly over the blocks. Default: the
                first `runs` replicates.
            control: Progress callback, cancellation and number of threads.

        Raises:
            Cancelled: When `control` cancels the work.
        """
        if len(thetas) == 0:
            return np.empty((0, self.blocks, len(self.measures)))
        columns = (thetas,) if starts is None else (thetas, starts)
        return np.stack(in_threads(partial(self._row, replicates or range(self.runs)), *columns, control=control))


def in_threads(answer: Callable[..., Returned], *columns: Sequence[Any] | Floats, control: Control) -> list[Returned]:
    """Call `answer` in threads, and return the D results.

    Each of the `columns` is an array (D, ...). Call number d gets entry d of every column.

    Raises Cancelled when `control` cancels the work.
    """
    parts = [answer(*(column[0] for column in columns))]  # the first call runs alone and builds what all calls share
    with helper_threads(control.threads or cores(), control) as (pool, _):
        for part in pool.map(answer, *(column[1:] for column in columns)):
            parts.append(part)
            control.check()
            control.report(len(parts) / len(columns[0]))
    return parts


def _lean(scenario: Scenario, measures: Sequence[Measure], day: float) -> Scenario:
    needed = {(measure.kind, measure.of) for measure in measures}
    return begun_by(scenario, day).replace(
        questions={name: q for name, q in scenario.questions.items() if ("question", name) in needed}
        | events(scenario, measures, day),
        ladders={name: ladder for name, ladder in scenario.ladders.items() if ("rung", name) in needed},
        impacts={name: impact for name, impact in scenario.impacts.items() if ("impact", name) in needed},
    )


def _read(solver: Solver, solution: Solution, measure: Measure) -> float:
    """Return one measure at the target day, without building a whole forecast."""
    features, scenario = solver.features, solver.scenario
    if measure.kind == "ending":
        return float(features.of_ending(solution.at)[-1, measure.column(scenario)])
    if measure.kind == "given":
        return float(conditional(solution.hits[measure.both], solution.hits[measure.condition], measure)[-1])
    if measure.question_id:
        hits = solution.hits.get(measure.question_id)
        return float((features.flags(solution.at)[measure.question_id] if hits is None else hits)[-1])
    if measure.kind == "days":
        return float(features.days(solution.until)[measure.of][measure.part][-1])
    if measure.kind == "moves":
        return float(solution.counts[-1, measure.column(scenario)])
    if measure.kind == "impact":
        return float(solution.moments.given[-1, measure.column(scenario), -1])
    group = features.variables if measure.kind == "level" else features.ladders
    return float(group(solution.at)[measure.of][measure.part][-1])


# -------------------------------------------------------------------- averages that Monte Carlo noise does not bias


def cross(one: Floats, other: Floats) -> Floats:
    """Return the mean of `one` × `other` over all draws and all pairs of different blocks.

    `one` and `other` have the shape (D, K, ...): D draws (sets of assumption values), K blocks of replicates. The
    result has the shape (...). With a single block, the result is the mean of `one` × `other` over the draws.
    """
    blocks = one.shape[1]
    if blocks == 1:
        return np.asarray((one[:, 0] * other[:, 0]).mean(axis=0))
    same = (one * other).sum(axis=1)
    return np.asarray((one.sum(axis=1) * other.sum(axis=1) - same).mean(axis=0) / (blocks * (blocks - 1)))


def half_widths(changes: Floats) -> Floats:
    """Return the 95% half-widths of means over blocks of replicates. A single block gives 0.

    The shapes are (D, K, M) -> (D, M): D draws (sets of assumption values), K blocks, M measures.
    """
    count = changes.shape[1]
    if count == 1:
        return np.zeros((len(changes), changes.shape[2]))
    return student_95(count) * np.asarray(changes.std(axis=1, ddof=1)) / np.sqrt(count)


def student_95(count: float) -> float:
    """Return Student's t: the 95% half-width of a mean of `count` estimates, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.975))
