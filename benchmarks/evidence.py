"""Speed of the filter on the Caribbean log: preparation, log-likelihood and gradient.

A state of the filter is a state of the machine together with the count of each row (event of the log) whose window is
open. Three rows of the Caribbean log are dated only to a month. With them there are 2,700 states on an average day,
without them 360. No state can be left out or merged, because all have probability and the log tells them apart.

The targets for "every public move" come from a prototype with fewer states. They are compared with the log whose rows
are all dated to their days. The log as it is takes about three times as long.
"""

from __future__ import annotations

import dataclasses

import simlib
from benchmarks.timing import line, quickest, title
from simlib.evidence.exact_filter import Filter
from simlib.machine import priors
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import read_rows


def weigh(what: str, scenario: Scenario, rows: tuple[LogRow, ...], limits: tuple[float, float] | None) -> None:
    """Time the preparation of the filter, and the log-likelihood with and without gradient.

    `limits` are the targets for the log-likelihood and for the gradient, in milliseconds of processor time.
    """
    readings = read_rows(scenario, rows)
    prepared = Filter(scenario, readings, scenario.as_of)
    z = priors.scores_from_values(prepared.world, prepared.centre)
    taken = {
        "log-likelihood": 1e3 * quickest(prepared.run, 20),
        "with gradient": 1e3 * quickest(lambda: prepared.gradient(z), 20),
    }
    for (name, milliseconds), limit in zip(taken.items(), limits or (None, None), strict=True):
        wanted = "" if limit is None else f"at most {limit:g} ms"
        reached = None if limit is None else milliseconds <= limit
        line(f"{what}: {name}, processor", f"{milliseconds:.1f} ms", wanted, reached)
    plan = quickest(lambda: Filter(scenario, readings, scenario.as_of), 3)
    line(f"{what}: preparation, processor", f"{plan:.2f} s", "at most .5 s", plan <= 0.5)


def main() -> None:
    title("Evidence: the Caribbean log")
    scenario = simlib.load("caribbean-2025")
    assert scenario.path is not None
    rows = simlib.read_log(scenario.path)
    weigh("named coverage", scenario, rows, (60, 200))
    assert scenario.evidence is not None
    seen = tuple(Coverage(move.id, None, 1) for move in scenario if not move.covert)
    evidence = dataclasses.replace(scenario.evidence, seen=seen)
    covered = scenario.replace(evidence=evidence)
    dated = tuple(dataclasses.replace(row, precision="day") for row in rows)
    weigh("every public move, dated to the day", covered, dated, (5, 15))
    weigh("every public move covered", covered, rows, None)
