"""Speed of sweeps: time in the engine, overhead of a point, one worker against two."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import simlib
from benchmarks.timing import line, title
from simlib import sweep
from simlib.scenario.model import Scenario

POINTS, RUNS, WORKERS = 1024, 1000, 2


def swept(design: sweep.SweepDesign, scheduler: str | None = None, *, runs: int = RUNS) -> sweep.SweepReport:
    """Run a sweep in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        return sweep.run(design, Path(folder) / "swept", runs=runs, workers=scheduler or WORKERS)


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a Dask cluster of single-thread workers, and yield its scheduler's address."""
    from distributed import LocalCluster  # noqa: PLC0415 - only where it is installed

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made.scheduler_address


def here(scenario: Scenario) -> None:
    """Time a sweep in threads of this process."""
    swept(sweep.sobol_design(scenario, 64))
    report = swept(sweep.sobol_design(scenario, POINTS))
    line(f"{POINTS:,} points of {RUNS:,} replicates, {WORKERS} threads", f"{report.seconds:.1f} s")
    share = report.engine_share
    line("  share of the workers' time in the engine", f"{100 * share:.0f}%", "at least 90%", share >= 0.9)
    over = 1e3 * (1 - share) * report.seconds * WORKERS / POINTS
    line("  overhead of a point, in worker time", f"{over:.2f} ms", "under 1 ms", over < 1)


def scaling(scenario: Scenario) -> None:
    """Time the same sweep on a cluster of one worker and on one of two."""
    design, warm = sweep.sobol_design(scenario, POINTS), sweep.sobol_design(scenario, 128)
    seconds = []
    for workers in (1, 2):
        with cluster(workers) as scheduler:
            swept(warm, scheduler)  # every worker builds the machine and loads the kernel once
            report = swept(design, scheduler)
        seconds.append(report.seconds)
        line(f"  Dask, {workers} worker{'s' * (workers > 1)} of one thread", f"{report.seconds:.1f} s")
        line("    share of the workers' time in the engine", f"{100 * report.engine_share:.0f}%")
    line("  two workers, times faster than one", f"{seconds[0] / seconds[1]:.2f}")


def main() -> None:
    title("Sweeps of the Caribbean world")
    if importlib.util.find_spec("pyarrow") is None:
        print('left out, because pyarrow is missing: pip install -e ".[scale]"')
        return
    scenario = simlib.load("caribbean-2025")
    here(scenario)
    if importlib.util.find_spec("distributed") is None:
        print('the cluster is left out, because Dask is missing: pip install -e ".[scale]"')
        return
    scaling(scenario)


if __name__ == "__main__":
    main()
