"""Speed of the filter on the Caribbean log: preparation, log-likelihood and gradient.

The targets for "every public move covered" come from a smaller world. Today a span has 2,700 states on average: 72 or
108 machine states times the combinations of counts of the open rows (three rows are open for a month). No state can be
left out or merged, because all have probability and the log tells them apart. Each state needs some twenty terms of
eight products each.
"""

from __future__ import annotations

import dataclasses

import simlib
from benchmarks.timing import line, quickest, title
from simlib.evidence.exact_filter import Filter
from simlib.machine import priors
from simlib.scenario.evidence import Coverage
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import read_rows


def weigh(what: str, scenario: Scenario, limits: tuple[float, float]) -> None:
    """Time the preparation of the filter, and the log-likelihood with and without gradient."""
    assert scenario.path is not None
    rows = simlib.read_log(scenario.path)
    readings = read_rows(scenario, rows)
    prepared = Filter(scenario, readings, scenario.as_of)
    z = priors.scores_from_values(prepared.world, prepared.centre)
    taken = {
        "log-likelihood": 1e3 * quickest(prepared.run, 20),
        "with gradient": 1e3 * quickest(lambda: prepared.gradient(z), 20),
    }
    for (name, milliseconds), limit in zip(taken.items(), limits, strict=True):
        wanted = f"at most {limit:g} ms"
        line(f"{what}: {name}, processor", f"{milliseconds:.1f} ms", wanted, milliseconds <= limit)
    plan = quickest(lambda: Filter(scenario, readings, scenario.as_of), 3)
    line(f"{what}: preparation, processor", f"{plan:.2f} s", "at most .5 s", plan <= 0.5)


def main() -> None:
    title("Evidence: the Caribbean log")
    scenario = simlib.load("caribbean-2025")
    weigh("named coverage", scenario, (60, 200))
    assert scenario.evidence is not None
    seen = tuple(Coverage(move.id, None, 1) for move in scenario if not move.covert)
    evidence = dataclasses.replace(scenario.evidence, seen=seen)
    weigh("every public move covered", scenario.replace(evidence=evidence), (5, 15))
