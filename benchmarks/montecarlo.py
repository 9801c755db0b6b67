"""Speed of the Monte Carlo kernel: against C, with two threads, and the overhead of a run."""

from __future__ import annotations

import dataclasses
import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import simlib
from benchmarks import ckernel
from benchmarks.generated import generated
from benchmarks.timing import best, line, ratio, rounds, title
from simlib.control import Control
from simlib.engines.montecarlo.simulator import Simulator
from simlib.scenario.model import Scenario

RUNS = 4000
BLOCK = bytes(20_000_000)


def worlds() -> dict[str, Scenario]:
    return {
        "the Caribbean world": simlib.load("caribbean-2025"),
        "9 variables, 129,600 states, 32 moves": generated(),
        "15 variables, a billion states, 60 moves": generated((4,) * 15, 60, 150, events_per_day=0.75),
    }


def digest() -> bytes:
    return hashlib.sha256(BLOCK).digest()


def in_two_threads() -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(digest) for _ in range(2)]:
            done.result()


def same_bits(simulator: Simulator, library: object) -> None:
    """Stop the program unless the C kernel gives the same integers and the same times."""
    ours, theirs = simulator.run(runs=RUNS, control=Control(threads=1)), ckernel.run(library, simulator, runs=RUNS)
    for part in dataclasses.fields(ours):
        if not np.array_equal(getattr(ours, part.name), getattr(theirs, part.name)):
            raise SystemExit(f"the C kernel disagrees about {part.name}: the figures would mean nothing")


def kernel(name: str, scenario: Scenario, library: object | None) -> None:
    simulator = Simulator(scenario)
    work = {
        "one": lambda: simulator.run(runs=RUNS, control=Control(threads=1)),
        "two": lambda: simulator.run(runs=RUNS, control=Control(threads=2)),
        "hash, one thread": lambda: [digest() for _ in range(2)],
        "hash, two threads": in_two_threads,
    }
    if library is not None:
        same_bits(simulator, library)
        work["c"] = lambda: ckernel.run(library, simulator, runs=RUNS)
    taken = rounds(work, 11)
    one, two = taken["one"], taken["two"]
    events = int(simulator.run(runs=RUNS).events.sum())
    line(f"{name}: events per run", f"{events / RUNS:.0f}")
    line("  Numba, one thread", f"{1e9 * best(one.processor) / events:.0f} ns/event")
    if library is not None:
        against = ratio(one.processor, taken["c"].processor)
        line("  C, same algorithm and results", f"{1e9 * best(taken['c'].processor) / events:.0f} ns/event")
        line("  Numba / C, one thread", f"{against:.2f}", "at most 1.3", against <= 1.3)
    faster = ratio(one.clock, two.clock)
    machine = ratio(taken["hash, one thread"].clock, taken["hash, two threads"].clock)
    line("  hashing in two threads, times faster, for comparison", f"{machine:.2f}")
    line("  two threads, times faster than one", f"{faster:.2f}", "at least 1.8", faster >= 1.8)
    line("  processor time of two threads over that of one", f"{ratio(two.processor, one.processor):.2f}")


def prices(name: str, scenario: Scenario) -> None:
    """Time the work for one move of a slider beyond the replicates themselves."""
    simulator = Simulator(scenario)
    counts = simulator.run(runs=1)
    taken = rounds(
        {
            "build": lambda: Simulator(scenario),
            "rate": lambda: simulator.tables.rates(simulator.stated),
            "values": simulator.values,
            "run": lambda: simulator.run(runs=1, control=Control(threads=1)),
            "preview": lambda: simulator.run(runs=2000),
            "forecast": lambda: simulator.forecast(counts),
        },
        31,
    )
    ms = {part: 1e3 * best(times.clock) for part, times in taken.items()}
    line(f"{name}: make a Simulator of it, once", f"{ms['build']:.1f} ms")
    line("  re-rate the tables for new values", f"{ms['rate']:.2f} ms", "under 1 ms", ms["rate"] < 1)
    line("  re-rate, with chances and starts", f"{ms['values']:.2f} ms", "under 1 ms", ms["values"] < 1)
    line("  a run of one replicate: all overhead", f"{ms['run']:.2f} ms", "under 1 ms", ms["run"] < 1)
    line("  a preview of 2,000 replicates, two threads", f"{ms['preview']:.0f} ms")
    line("  the Forecast from its counts", f"{ms['forecast']:.1f} ms")


def main() -> None:
    title("Monte Carlo")
    library = ckernel.build() if ckernel.compiler() else None
    if library is None:
        print("there is no C compiler: the comparison with C is left out")
    every = worlds()
    for name, scenario in every.items():
        kernel(name, scenario, library)
    name = next(iter(every))
    prices(name, every[name])
