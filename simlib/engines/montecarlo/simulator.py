"""Monte Carlo: many simulated histories (replicates), counted at the report times.

`simulate` returns the whole `Forecast`. A `Simulator` is built once per scenario and list of report times. After that,
a run at other assumption values or seeds costs only the time of the kernel. A run returns `Counts`: integers, so that
the counts of more replicates can be added later. Two runs with the same seed and different values or scenarios use
common random numbers (see `simlib.engines.montecarlo.streams`).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.answer import provenance
from simlib.arguments import DEFAULT_RUNS, whole
from simlib.control import UNWATCHED, Control, cores, helper_threads
from simlib.engines.montecarlo.arrays import FIRINGS, Output, Values
from simlib.engines.montecarlo.counts import BY_REPLICATE, Counts, to_forecast
from simlib.engines.montecarlo.kernel_call import allocate, call
from simlib.engines.montecarlo.kernel_input import Flat, load_kernel
from simlib.engines.montecarlo.streams import check_seed, seed_key
from simlib.machine import priors
from simlib.machine.measures import By, days_by
from simlib.machine.report_times import grid
from simlib.machine.tables import Tables
from simlib.machine.timeline import cut
from simlib.results import Forecast
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    from simlib.scenario.model import Scenario

__all__ = ["simulate"]

CHUNK_REPLICATES = 128
"""Number of replicates per call of the kernel. Cancellation is checked after each call, every millisecond or two."""

MAX_REPLICATE = 2**62

_BETWEEN_REPORTS = 0.05
"""Seconds between two reports of progress."""


class Simulator:
    """A scenario to simulate: `run` returns counts, and `forecast` turns them into a forecast."""

    def __init__(
        self, scenario: Scenario, *, times: int | Iterable[float] = 60, by: By = None, ignore_windows: bool = False
    ) -> None:
        """Prepare the arrays of the kernel.

        Args:
            scenario: The scenario, with its interventions.
            times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
            by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
            ignore_windows: Whether to ignore the calendar windows of moves and factors.

        Raises:
            ScenarioError: For an intervention or a horizon outside the scenario's dates.
            MissingDependency: Without Numba.
        """
        self.scenario = scenario
        self.horizon = days_by(scenario, by)
        self.times = grid(self.horizon, times)
        self.ignore_windows = ignore_windows
        load_kernel()  # without Numba, this fails here and not in a run
        self.tables = Tables(scenario, ignore_windows=ignore_windows)
        self.flat = Flat(self.tables, cut(self.tables, self.horizon), self.times)

    @cached_property
    def stated(self) -> Floats:
        """The stated assumption values (A,)."""
        return priors.theta(self.scenario)

    def values(self, theta: Floats | None = None, centre: Floats | None = None, start: Floats | None = None) -> Values:
        """Return the arrays of the kernel that depend on assumption values, given as in `run`.

        Raises ValueError for values that are not finite numbers of at least 0.
        """
        theta = self.stated if theta is None else np.asarray(theta, dtype=float)
        if theta.shape != self.stated.shape or not np.all(np.isfinite(theta) & (theta >= 0)):
            raise ValueError(f"theta must hold {len(self.stated)} finite numbers, none below zero, one per assumption")
        return self.flat.values(theta, centre, start)

    def run(
        self,
        theta: Floats | None = None,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        runs: int = DEFAULT_RUNS,
        seed: int = 0,
        first: int = 0,
        control: Control = UNWATCHED,
    ) -> Counts:
        """Simulate replicates `first` to `first + runs - 1`.

        The counts do not depend on the number of threads.

        Args:
            theta: Assumption values (A,) in base units. Default: the stated values.
            centre: The stated values, when `theta` is a draw around them.
            start: Probabilities (K,) of the states of a joint start. Default: the scenario's.
            runs: Number of replicates.
            seed: Seed of the random numbers.
            first: Number of the first replicate.
            control: Progress callback, cancellation and number of threads.

        Raises:
            SimlibError: When a replicate has more than `kernel_call.MAX_EVENTS` events.
            Cancelled: When `control` cancels the work.
        """
        runs, first = check_runs(runs, first)
        values = self.values(theta, centre, start)
        job = _SimulationJob(self, values, seed_key(check_seed(seed)), first, runs)
        job.work(thread_count(control.threads, job.chunks), control)
        return job.counts()

    def forecast(self, counts: Counts, *, theta: Floats | None = None, seed: int = 0, **details: Any) -> Forecast:
        """Return the forecast of `counts`.

        `theta` (A,) are the assumption values of the run (default: the stated values), and `seed` is its seed.
        `details` are added to the provenance.
        """
        values = self.stated if theta is None else theta
        details |= {"first": counts.first} if counts.first else {}
        source = provenance(
            self.scenario,
            engine="montecarlo",
            seed=seed,
            draws=0,
            runs=counts.runs,
            values=self.scenario.changed_values(values),
            by_day=self.horizon,
            ignore_windows=self.ignore_windows,
            **details,
        )
        assumptions = dict(zip(self.scenario.assumptions, map(float, values), strict=True))
        return to_forecast(self.flat, self.horizon, counts, assumptions, source)


def simulate(
    scenario: Scenario,
    *,
    values: Mapping[str, float] | None = None,
    by: By = None,
    times: int | Iterable[float] = 60,
    ignore_windows: bool = False,
    runs: int = DEFAULT_RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Forecast:
    """Simulate a scenario at its stated assumption values, or with some of them replaced.

    Args:
        scenario: The scenario, with its interventions.
        values: Assumption values that replace stated ones, by name, in base units (rates per day).
        by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
        times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
        ignore_windows: Whether to ignore the calendar windows of moves and factors.
        runs: Number of replicates.
        seed: Seed of the random numbers.
        control: Progress callback, cancellation and number of threads. The number of threads does not change a single
            bit of the forecast.

    Returns:
        The forecast, each probability with its 95% Wilson interval.

    Raises:
        ScenarioError: For an unknown assumption, or a horizon or an intervention outside the scenario's dates.
        ValueError: For `runs` or `seed` out of range.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    seed = check_seed(seed)
    simulator = Simulator(scenario, times=times, by=by, ignore_windows=ignore_windows)
    theta = priors.theta(scenario, values)
    begun = time.perf_counter()
    counts = simulator.run(theta, runs=runs, seed=seed, control=control)
    return simulator.forecast(counts, theta=theta, seed=seed, seconds=round(time.perf_counter() - begun, 3))


# -------------------------------------------------------------------- running


class _SimulationJob:
    """One simulation, whose replicates are split into chunks.

    Each thread takes the next chunk until no chunk is left. It adds its counts to arrays that no other thread uses.
    """

    def __init__(self, simulator: Simulator, values: Values, key: np.uint64, first: int, runs: int) -> None:
        self.simulator, self.values, self.key, self.first, self.runs = simulator, values, key, first, runs
        self.chunks = -(-runs // CHUNK_REPLICATES)
        self._waiting, self._stop = iter(range(self.chunks)), False
        self.sums: list[Output] = []
        self.each = allocate(simulator.flat, runs)

    def work(self, threads: int, control: Control) -> None:
        """Simulate all chunks on `threads` threads, including the calling one, and raise any error."""
        report = _reporter(self.chunks, control)
        if threads == 1:
            self._take_chunks(report)
        else:
            with helper_threads(threads - 1, control) as (pool, _):
                helpers = [pool.submit(self._take_chunks) for _ in range(threads - 1)]
                self._take_chunks(report)
            for helper in helpers:
                helper.result()
        control.report(1.0)

    def _take_chunks(self, report: Callable[[int], None] | None = None) -> None:
        sums = allocate(self.simulator.flat, 0)
        self.sums.append(sums)
        try:
            for chunk in self._waiting:
                if self._stop:
                    break
                self._run_chunk(sums, chunk)
                if report:
                    report(chunk)
        except BaseException:
            self._stop = True
            raise

    def _run_chunk(self, sums: Output, chunk: int) -> None:
        here = slice(chunk * CHUNK_REPLICATES, min((chunk + 1) * CHUNK_REPLICATES, self.runs))
        output = sums._replace(**{name: getattr(self.each, name)[here] for name in BY_REPLICATE})
        call(self.simulator.flat, self.values, output, self.key, self.first + here.start)

    def _join_events(self, counted: Ints) -> None:
        """Find when each joint question (about one or two events) is answered yes in each replicate.

        Write the days to `each.question_time`, and to `counted` (T, Q) the number of replicates in which each such
        question is answered yes by each time.
        """
        scenario, times = self.simulator.scenario, self.each.question_time
        for column, question in enumerate(scenario.questions.values()):
            if question.joint is not None:
                when = self._event_times(question.joint.first)
                when = when if question.joint.until is None else np.where(when <= question.joint.until, when, np.inf)
                if question.joint.then is not None:
                    when = np.maximum(when, self._event_times(question.joint.then))
                times[:, column] = when
                counted[:, column] = (when[:, None] <= self.simulator.times).sum(axis=0)

    def _event_times(self, place: tuple[str, str]) -> Floats:
        kind, name = place
        scenario, each = self.simulator.scenario, self.each
        if kind == "question":
            return each.question_time[:, list(scenario.questions).index(name)]
        return np.where(each.ending == list(scenario.endings).index(name), each.ending_time, np.inf)

    def counts(self) -> Counts:
        """Return the sum of the integer counts of all threads, which does not depend on their order."""
        flat = self.simulator.flat
        layout, steps = flat.layout, len(flat.grid)
        table = np.cumsum(self._total("counts").reshape(steps + 1, layout.width)[:steps], axis=0)
        starts = (0, layout.rung, layout.ending, layout.question, layout.move, layout.square, layout.width)
        parts = [np.ascontiguousarray(table[:, a:b]) for a, b in itertools.pairwise(starts)]
        self._join_events(parts[3])
        named: dict[str, Any] = {name: getattr(self.each, name) for name in BY_REPLICATE}
        named |= dict(zip(("levels", "rungs", "endings", "questions", "moves", "squares"), parts, strict=True))
        firings = self._total("firings").reshape(-1, FIRINGS)
        return Counts(first=self.first, tried=self._total("tried"), void=self._total("void"), firings=firings, **named)

    def _total(self, name: str) -> Ints:
        return np.sum([getattr(sums, name) for sums in self.sums], axis=0)


def _reporter(chunks: int, control: Control) -> Callable[[int], None]:
    """Return a function that checks for cancellation and may report progress after each chunk."""
    last = time.monotonic()

    def report(chunk: int) -> None:
        nonlocal last
        control.check()
        if time.monotonic() - last > _BETWEEN_REPORTS:
            last = time.monotonic()
            control.report((chunk + 1) / chunks)

    return report


def thread_count(threads: int | None, chunks: int) -> int:
    """Return `threads`, or one thread for each processor, but at most one for each chunk."""
    return max(1, min(threads or cores(), chunks))


def check_runs(runs: int, first: int) -> tuple[int, int]:
    """Return the number of replicates and the number of the first replicate, as ints.

    Raises ValueError for numbers out of range.
    """
    runs = whole("runs", runs, 1, MAX_REPLICATE)
    return runs, whole("first", first, 0, MAX_REPLICATE - runs)
