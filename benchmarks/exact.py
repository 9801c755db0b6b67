"""Speed and memory of the exact engine on the Caribbean and a generated world, beside Storm."""

from __future__ import annotations

import importlib
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import simlib
from benchmarks.generated import generated
from benchmarks.timing import best, line, peak_megabytes, ratio, rounds, title
from simlib.engines.exact import reachable
from simlib.engines.exact.forecast import Solver
from simlib.export import prism
from simlib.machine.tables import Tables
from simlib.scenario.model import Scenario

MILLION = (10, 10, 10, 10, 10, 10)


def fresh(work: Callable[[], object]) -> Callable[[], object]:
    """Return the work so that it first empties the cache of state spaces."""

    def forgetful() -> object:
        reachable._SPACES.clear()
        return work()

    return forgetful


def forecasts(name: str, scenario: Scenario, times: int, limit: float | None = None) -> None:
    """Time the whole Forecast at 60 times, and the gradient of one ending."""
    solver = Solver(scenario)
    ending = f"ending:{next(iter(scenario.endings))}"
    taken = rounds(
        {
            "first": fresh(lambda: simlib.solve(scenario)),
            "again": solver.solve,
            "plain": lambda: Solver(bare(scenario), times=1).solve(),
            "gradient": lambda: simlib.elasticities(scenario, ending),
        },
        times,
    )
    size, assumptions = f"{len(solver.space):,} states", len(scenario.assumptions)
    took = best(taken["first"].clock)
    wanted = ("", None) if limit is None else (f"under {limit} s", took < limit)
    line(f"{name}, {size}: solve, whole Forecast", f"{took:.2f} s", *wanted)
    line("  again at other values", f"{best(taken['again'].clock):.2f} s")
    solves = ratio(taken["gradient"].clock, taken["again"].clock)
    line(f"  gradient by {assumptions} assumptions, over a solve", f"{solves:.2f}", "at most 5", solves <= 5)
    solves = ratio(taken["gradient"].clock, taken["plain"].clock)
    line("  the same, over a solve without questions at one time", f"{solves:.2f}", "at most 5", solves <= 5)


def answer(scenario: Scenario) -> None:
    """Time a complete answer, its parts, the impacts, and `simlib check`."""
    exact = scenario.replace(questions={name: q for name, q in scenario.questions.items() if not q.lull})
    whole, plain = Solver(exact), Solver(exact.replace(impacts={}))
    taken = rounds({"impacts": whole.solve, "plain": plain.solve}, 15)
    cost = min(taken["impacts"].processor) / min(taken["plain"].processor)
    line("  with impacts over without, processor", f"{cost:.2f}", "at most 1.25", cost <= 1.25)
    line("  without impacts, at other values, processor", f"{1e3 * min(taken['plain'].processor):.0f} ms")
    solver = Solver(scenario)
    taken = rounds({"answer": lambda: simlib.solve(scenario), "again": solver.solve}, 9)
    for name, what, limit in (("answer", "one answer", 0.2), ("again", "again at other values", 0.06)):
        clock, processor = best(taken[name].clock), min(taken[name].processor)
        wanted = f"at most {1e3 * limit:.0f} ms"
        line(f"  {what}, with the histories for its lull", f"{1e3 * clock:.0f} ms", wanted, clock <= limit)
        line("    processor time of all threads, the most on free cores", f"{1e3 * processor:.0f} ms")
    command = [sys.executable, "-m", "simlib", "check", scenario.id]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    line("  `simlib check`, processor", f"{seconds:.1f} s", "under 8 s", seconds < 8)


def bare(scenario: Scenario) -> Scenario:
    """Return the scenario without questions and ladders, so that it only reports its endings."""
    return scenario.replace(questions={}, ladders={})


def memory() -> None:
    """Solve a world of a million states in a new process, and print its peak memory."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.exact", "million"], capture_output=True, text=True, check=True
    )
    count, megabytes, seconds = done.stdout.split()
    line(
        f"memory of {int(count):,} states, whole Forecast",
        f"{float(megabytes):,.0f} MB",
        "under 4 GB",
        float(megabytes) < 4096,
    )
    line("  time for that Forecast", f"{float(seconds):.0f} s")


def million() -> None:
    scenario = generated(MILLION, 24, 60, horizon=10.0, events_per_day=0.75)
    begun = time.perf_counter()
    forecast = simlib.solve(scenario)
    print(forecast.states, peak_megabytes(), time.perf_counter() - begun)


def storm(scenario: Scenario) -> None:
    """Compare building a model and one time-bounded reachability with Storm.

    simlib computes all endings at once, and Storm one label.
    """
    if importlib.util.find_spec("stormpy") is None:
        print("stormpy is not installed: the comparison with Storm is left out")
        return
    stormpy, developer = (importlib.import_module(name) for name in ("stormpy", "stormpy.developer"))
    developer.set_log_level(developer.LogLevel.ERR)
    scenario = bare(scenario)
    ending, horizon = next(iter(scenario.endings)), scenario.horizon_days
    with tempfile.TemporaryDirectory() as folder:
        path = prism.write(scenario, Path(folder))[0]
        program = stormpy.parse_prism_program(str(path), prism_compatibility=True, simplify=False)
    (asked,) = stormpy.parse_properties(f'P=? [F<={horizon!r} "{ending.replace("-", "_")}"]', program)
    options = stormpy.BuilderOptions()
    options.set_build_all_labels()
    model = stormpy.build_model(program, options=options)
    environment = stormpy.environments.Environment()
    solver = Solver(scenario, times=[horizon])
    found = float(solver.solve().endings[ending].probability[-1])
    result = stormpy.model_checking(model, asked, environment=environment)
    theirs = float(result.get_value(model.initial_states[0]))
    taken = rounds(
        {
            "build": fresh(lambda: Solver(scenario, times=[horizon])),
            "storm builds": lambda: stormpy.build_model(program, options=options),
            "solve": solver.solve,
            "storm checks": lambda: stormpy.model_checking(model, asked, environment=environment),
        },
        5,
    )
    what = f"Storm {stormpy.__version__}, {model.nr_states:,} states: difference of the answers"
    line(what, f"{abs(found - theirs):.1e}")
    for ours, other in (("build", "storm builds"), ("solve", "storm checks")):
        faster = ratio(taken[other].clock, taken[ours].clock)
        took = f"{best(taken[ours].clock):.2f} s; {other} in {best(taken[other].clock):.2f} s"
        line(f"  {ours} in {took}: times faster", f"{faster:.1f}", "at least 4", faster >= 4)
        less = ratio(taken[other].processor, taken[ours].processor)
        line("    the same in processor time, all threads together", f"{less:.1f}")


def main() -> None:
    title("Exact")
    caribbean = simlib.load("caribbean-2025")
    forecasts("the Caribbean world", caribbean, 5, 1.2)
    answer(caribbean)
    large = generated()
    forecasts("generated", large, 1)
    enumerate_only = rounds({"search": fresh(lambda: reachable.enumerate_states(Tables(large)))}, 3)
    line("  finding its states and edges", f"{best(enumerate_only['search'].clock):.2f} s")
    memory()
    storm(large)


if __name__ == "__main__" and "million" in sys.argv:
    million()
