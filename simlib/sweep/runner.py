"""A design worked off: in a balanced order, block by block, going on where it stopped."""

from __future__ import annotations

import os
import time as clock
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simlib.control import in_transition
from simlib.errors import Cancelled, Problem, ScenarioError
from simlib.machine.tables import grid
from simlib.sweep.design import Design
from simlib.sweep.folder import block_file, claim, write_parquet
from simlib.sweep.needs import need
from simlib.sweep.points import Engine, Options
from simlib.sweep.workers import Cluster, Threads
from simlib.typing import Ints

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    """How a sweep went: points done now and before, tasks tried again, and the share of worker time in the engine."""

    folder: Path
    points: int
    done_now: int
    done_before: int
    retried: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: float
    engine_share: float

    def sentences(self) -> list[str]:
        """Tell how it went."""
        done = self.done_now + self.done_before
        where = f"{done} of {self.points} points are in {self.folder} ({self.done_now} now, {self.done_before} before)"
        busy = f"{100 * self.engine_share:.0f}% of the workers' time went into the engine"
        told = [f"{where}, in {self.seconds:.1f} s; {busy}."]
        told += [f"tried again: {line}" for line in self.retried]
        return told + [f"failed: {line}" for line in self.failed]


@in_transition
def run(
    design: Design,
    folder: str | Path,
    *,
    engine: Engine = "montecarlo",
    runs: int = 1000,
    times: int | Iterable[float] = 1,
    horizon: float | None = None,
    ignore_windows: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    block: int = 32,
    retries: int = 2,
    progress: Callable[[float, float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Report:
    """Work out a design into `folder`, going on where an earlier run with the same design and options stopped.

    `scheduler` is the address of a Dask scheduler ("tcp://host:8786"); without it `workers` threads of this machine
    are used (default: all cores). `progress` is told the share done and the seconds left. A task that raises is tried
    `retries` more times, then reported; the others go on. Once `cancel` says so, no more blocks are begun and those
    under way here are finished. Raises ScenarioError for worlds of several horizons without `horizon`, SimlibError for
    a folder that holds another sweep or one of another version of simlib and for a scheduler that does not answer,
    MissingDependency without pyarrow (or Dask, for a cluster), Cancelled (what is done stays).
    """
    need("pyarrow", "Parquet files")
    longest = _one_horizon(design) if horizon is None else float(horizon)
    days = tuple(float(t) for t in grid(longest, times))
    days = days[1:] if isinstance(times, int | np.integer) else days
    options = Options(engine, runs if engine == "montecarlo" else 0, days, longest, ignore_windows)
    target = Path(folder)
    claim(target, design, options, block)
    order = design.order()
    blocks = [order[first : first + block] for first in range(0, len(order), block)]
    missing = [number for number in range(len(blocks)) if not block_file(target, number).exists()]
    pool = Cluster(scheduler, retries) if scheduler else Threads(workers or _cores(), retries)
    return _Sweep(design, options, target, blocks, missing, pool, progress, cancel).go()


def _one_horizon(design: Design) -> float:
    horizons = sorted({world.horizon_days for world in design.worlds})
    if len(horizons) > 1:
        what = f"the worlds look {' and '.join(f'{days:g}' for days in horizons)} days ahead"
        raise ScenarioError(Problem("", 0, "sweep", what, "expected one horizon for all (--horizon, or `horizon`)"))
    return horizons[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _never() -> bool:
    return False


class _Sweep:
    """A sweep under way: keeps the workers busy and writes what they bring."""

    @in_transition
    def __init__(
        self,
        design: Design,
        options: Options,
        folder: Path,
        blocks: list[Ints],
        missing: list[int],
        pool: Threads | Cluster,
        progress: Callable[[float, float], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.design, self.options, self.folder, self.blocks = design, options, folder, blocks
        self.missing, self.pool, self.progress, self.cancel = missing, pool, progress, cancel
        self.begun = clock.perf_counter()
        self.told, self.done, self.busy = 0, 0, 0.0
        self.failed: list[str] = []

    def go(self) -> Report:
        try:
            tasks = ((n, self.blocks[n], self.design.part(self.blocks[n]), self.options) for n in self.missing)
            for number, result in self.pool.results(tasks, self.cancel or _never):
                self._take(number, result)
        finally:
            self.pool.close()
        if self.told < len(self.missing):
            raise Cancelled(f"the sweep was stopped; {self.folder} keeps what is done, run it again to go on")
        return self._report()

    def _take(self, number: int, result: tuple[pd.DataFrame, float] | Exception) -> None:
        self.told += 1
        if isinstance(result, Exception):
            self.failed.append(f"block {number}: {type(result).__name__}: {result}")
            return
        frame, busy = result
        write_parquet(frame, block_file(self.folder, number))
        self.done += len(self.blocks[number])
        self.busy += busy
        if self.progress:
            share = self.done / max(sum(len(self.blocks[n]) for n in self.missing), 1)
            passed = clock.perf_counter() - self.begun
            self.progress(share, passed * (1 - share) / max(share, 1e-9))

    def _report(self) -> Report:
        seconds = clock.perf_counter() - self.begun
        before = len(self.design) - sum(len(self.blocks[n]) for n in self.missing)
        share = self.busy / max(seconds * self.pool.workers, 1e-9)
        return Report(
            self.folder,
            len(self.design),
            self.done,
            before,
            tuple(self.pool.retried),
            tuple(self.failed),
            seconds,
            min(share, 1.0),
        )
