"""The run of a sweep in blocks (groups of forecasts), which continues after interruptions."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simlib.arguments import SWEEP_BLOCK, SWEEP_RUNS, Engine
from simlib.control import UNWATCHED, Control, cores
from simlib.errors import Cancelled, Problem, ScenarioError
from simlib.machine.measures import days_by
from simlib.machine.report_times import grid
from simlib.sweep.design import SweepDesign
from simlib.sweep.folder import block_file, claim, write_parquet
from simlib.sweep.points import Options, chosen_engine, need
from simlib.sweep.workers import Cluster, Threads
from simlib.typing import Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SweepReport", "run"]


@dataclass(frozen=True)
class SweepReport:
    """Statistics of one run of a sweep.

    - `folder`: the folder of the sweep.
    - `points`: the number of points (forecasts) in the design.
    - `done_now`, `done_before`: the number of points computed in this run and in earlier runs.
    - `retried`: a text for each block that was tried again, and for each worker that left the cluster.
    - `failed`: a text for each block (group of forecasts) that failed.
    - `seconds`: the duration of this run.
    - `engine_share`: the share of the workers' time that was spent in the engine, from 0 to 1.
    """

    folder: Path
    points: int
    done_now: int
    done_before: int
    retried: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: float
    engine_share: float

    def sentences(self) -> list[str]:
        """Say how many forecasts are done, in which time, and which tasks were repeated or failed."""
        done = self.done_now + self.done_before
        where = f"{done} of {self.points} points are in {self.folder} ({self.done_now} now, {self.done_before} before)"
        busy = f"{100 * self.engine_share:.0f}% of the workers' time went into the engine"
        lines = [f"{where}, in {self.seconds:.1f} s; {busy}."]
        lines += [f"tried again: {line}" for line in self.retried]
        return lines + [f"failed: {line}" for line in self.failed]


def run(
    design: SweepDesign,
    folder: str | Path,
    *,
    engine: Engine = "montecarlo",
    runs: int = SWEEP_RUNS,
    times: int | Iterable[float] = 1,
    by: str | float | dt.date | None = None,
    workers: int | str | None = None,
    block: int = SWEEP_BLOCK,
    control: Control = UNWATCHED,
) -> SweepReport:
    """Compute the forecasts of a sweep into a folder, or continue a run of the same design.

    A block (group of forecasts) that raises an error other than SimlibError is tried again, at most twice. The report
    names every block that failed in the end.

    Args:
        design: The inputs of each forecast, as returned by `grid_design`, `sobol_design` or `views_design`.
        folder: The folder of the sweep. It is created if it does not exist.
        engine: "exact", "montecarlo", or "auto" (exact if that engine can compute every scenario).
        runs: Number of Monte Carlo replicates of each forecast.
        times: A number of equal steps up to the target, or the report times in days.
        by: The target: a date, or days after `as_of`. By default the horizon that all scenarios of the design share.
        workers: The number of threads of this machine (by default all cores), or the address of a Dask scheduler such
            as "tcp://host:8786".
        block: The number of forecasts in a file.
        control: Progress callback and cancellation. After a cancellation, threads finish the blocks already begun, and
            a cluster drops them.

    Returns:
        The report of the run. The function `read` returns the forecasts.

    Raises:
        ScenarioError: If `by` is None and the scenarios of the design have different horizons.
        SimlibError: If the folder holds another sweep, or one by another version of simlib, or if no scheduler answers.
        MissingDependency: If pyarrow is missing, or Dask in the case of a cluster.
        Cancelled: When `control` cancels the work. Finished blocks are kept.
    """
    need("pyarrow", "Parquet files")
    longest = _one_horizon(design) if by is None else min(days_by(world, by) for world in design.worlds)
    days = tuple(float(t) for t in grid(longest, times))
    days = days[1:] if isinstance(times, int | np.integer) else days
    options = _with_engine(design, Options(engine, runs, days, longest))
    claim(Path(folder), design, options, block)
    order = design.order()
    blocks = [order[first : first + block] for first in range(0, len(order), block)]
    pool = Cluster(workers) if isinstance(workers, str) else Threads(workers or control.threads or cores())
    return _SweepRun(design, options, Path(folder), blocks, pool, control).go()


def _with_engine(design: SweepDesign, options: Options) -> Options:
    if options.engine == "auto":
        options = dataclasses.replace(options, engine=chosen_engine(design.worlds, options))
    return dataclasses.replace(options, runs=0) if options.engine == "exact" else options


def _one_horizon(design: SweepDesign) -> float:
    horizons = sorted({world.horizon_days for world in design.worlds})
    if len(horizons) > 1:
        what = f"the views look {' and '.join(f'{days:g}' for days in horizons)} days ahead"
        raise ScenarioError(Problem("", 0, "sweep", what, "expected one horizon for all (--horizon, or `by`)"))
    return horizons[0]


@dataclass
class _SweepRun:
    """A run, which gives the workers the blocks that have no file yet, and writes the results."""

    design: SweepDesign
    options: Options
    folder: Path
    blocks: list[Ints]
    pool: Threads | Cluster
    control: Control
    returned: int = 0
    done: int = 0
    busy: float = 0.0
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begun = clock.perf_counter()
        self.missing = [n for n in range(len(self.blocks)) if not block_file(self.folder, n).exists()]
        self.points = sum(len(self.blocks[n]) for n in self.missing)

    def go(self) -> SweepReport:
        try:
            tasks = ((n, self.blocks[n], self.design.part(self.blocks[n]), self.options) for n in self.missing)
            for number, result in self.pool.results(tasks, self.control.cancelled):
                self._take(number, result)
        finally:
            self.pool.close()
        if self.returned < len(self.missing):
            raise Cancelled(f"stopped; {self.folder} keeps the finished blocks, run the sweep again to continue")
        return self._report()

    def _take(self, number: int, result: tuple[pd.DataFrame, float] | Exception) -> None:
        self.returned += 1
        if isinstance(result, Exception):
            self.failed.append(f"block {number}: {type(result).__name__}: {result}")
            return
        frame, busy = result
        write_parquet(frame, block_file(self.folder, number))
        self.done += len(self.blocks[number])
        self.busy += busy
        self.control.report(self.done / max(self.points, 1))

    def _report(self) -> SweepReport:
        seconds = clock.perf_counter() - self.begun
        share = self.busy / max(seconds * self.pool.workers, 1e-9)
        return SweepReport(
            self.folder,
            len(self.design),
            self.done,
            len(self.design) - self.points,
            tuple(self.pool.retried),
            tuple(self.failed),
            seconds,
            min(share, 1.0),
        )
