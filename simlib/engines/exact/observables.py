"""Measures as functions of the states: for gradients, and for histories given how they end."""

from __future__ import annotations

from dataclasses import dataclass

from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import NOTHING, Taboo
from simlib.machine.measures import find
from simlib.results import ONGOING
from simlib.typing import Floats


@dataclass(frozen=True, eq=False)
class Observable:
    """One measure and how it is computed from terminal values, a first passage, or a count.

    `terminal` (N,) is the value of each state at the end, `taboo` is the set that answers a question, and `counted` is
    the index of the move whose firings are counted (-1: none).
    """

    name: str
    terminal: Floats | None = None
    taboo: Taboo = NOTHING
    counted: int = -1


def observable(solver: Solver, name: str) -> Observable:
    """Return how a measure is computed from the states.

    Raises ScenarioError with the nearest known name.
    """
    measure = find(solver.scenario, name)[0]
    scenario, space, tables = solver.scenario, solver.space, solver.tables
    match measure.kind:
        case "question":
            return Observable(measure.name, taboo=solver.taboo(scenario.questions[measure.of]))
        case "moves":
            return Observable(measure.name, counted=tables.move(measure.of))
        case "ending":
            index = -1 if measure.of == ONGOING else list(scenario.endings).index(measure.of)
            members = space.ending == index
        case "level":
            members = space.levels[:, tables.variable(measure.of)] == tables.level(measure.of, measure.part)
        case "rung":
            names = [rung.id for rung in scenario.ladders[measure.of].rungs]
            rungs = tables.rungs(space.levels)[list(scenario.ladders).index(measure.of)]
            members = rungs == names.index(measure.part)
    return Observable(measure.name, terminal=members.astype(float))
