"""Speed of analyses of the Caribbean world: comparisons, paths, drivers and Sobol indices.

Other work on the machine lengthens the clock time, but hardly changes the processor time of all threads together. On
free cores the clock time is at most that processor time. So some targets are compared with the processor time.
"""

from __future__ import annotations

import time

import simlib
from benchmarks.timing import line, title
from simlib.analysis.paths.classes import counted_paths, searched_paths
from simlib.analysis.sensitivity.one_at_a_time import drivers
from simlib.analysis.sensitivity.sobol_indices import sobol
from simlib.analysis.uncertainty.propagation import uncertainty
from simlib.analysis.whatif.comparison import compare
from simlib.engines.montecarlo.replay import histories
from simlib.scenario.model import Forbid, Scenario

PAIRS, HISTORIES = 100_000, 10_000


def timed(work: object) -> tuple[float, float]:
    """Return seconds on the clock and of processor time, all threads together."""
    begun, spent = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    return time.perf_counter() - begun, time.process_time() - spent


def what_if(scenario: Scenario) -> None:
    variant = {"one move forbidden": Forbid(next(move.id for move in scenario if not move.covert))}
    compare(scenario, variant, engine="montecarlo", runs=100)
    times = [timed(lambda: compare(scenario, variant, engine="montecarlo", runs=PAIRS)) for _ in range(5)]
    clock, processor = (min(values) for values in zip(*times, strict=True))
    line(f"what if, {PAIRS:,} pairs, every measure, flips, divergences: clock", f"{clock:.2f} s")
    line("  processor time of all threads, the most on free cores", f"{processor:.2f} s", "under 3 s", processor < 3)


def paths(scenario: Scenario, top: int = 20) -> None:
    """Time the most probable path classes of a ladder, exactly and from 10,000 replicates."""
    clock, _ = timed(lambda: searched_paths(scenario, top=top))
    line(f"{top} most probable path classes, exactly", f"{clock:.1f} s", "under 60 s", clock < 60)
    clock, _ = timed(lambda: counted_paths(histories(scenario, HISTORIES), top=top))
    line(f"  from {HISTORIES:,} sampled histories, drawing them included", f"{clock:.1f} s", "under 2 s", clock < 2)


def indices(scenario: Scenario, draws: int = 1024) -> None:
    sobol(scenario, engine="montecarlo", draws=8, runs=16, top=2)
    clock, processor = timed(lambda: sobol(scenario, engine="montecarlo", draws=draws))
    rows = draws * 12
    line(f"Sobol indices of all endings, {draws:,} x 12 rows x 1,000: clock", f"{clock:.0f} s")
    reached = processor < 300
    line("  processor time of all threads, the most on free cores", f"{processor:.0f} s", "under 300 s", reached)
    line("  per row of 1,000 replicates, processor time", f"{1e3 * processor / rows:.1f} ms")


def main() -> None:
    title("Analysis: comparisons, drivers, uncertainty")
    scenario = simlib.load("caribbean-2025")
    what_if(scenario)
    paths(scenario)
    clock, _ = timed(lambda: drivers(scenario))
    line("drivers of all endings, 12 assumptions, exactly", f"{clock:.1f} s")
    clock, _ = timed(lambda: uncertainty(scenario, engine="montecarlo", draws=128))
    line("uncertainty over the priors, 128 draws of 2,000 replicates", f"{clock:.1f} s")
    indices(scenario)
