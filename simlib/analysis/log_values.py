"""Forecasts of one measure from where a log leaves the world, at each draw: filter times values."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from simlib.control import Control, cores
from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import Observable, observable
from simlib.engines.exact.solver import Solver
from simlib.evidence.exact_filter import Filter
from simlib.machine.asked_events import events as asked_events
from simlib.machine.measures import Measure
from simlib.scenario.model import Question, Scenario, StartState
from simlib.typing import Floats, Ints


def questions_for(scenario: Scenario, measure: Measure) -> dict[str, Question]:
    """Return the questions that a measure needs, and no others."""
    own = {measure.of: scenario.questions[measure.of]} if measure.kind == "question" else {}
    return own | dict(asked_events(scenario, [measure]))


def starting_in(prepared: Filter, levels: Ints, day: float, measure: Measure) -> Scenario:
    """Return the world of a log as of a day, up to the deadline, that may start in any of these states (N, V)."""
    scenario, variables = prepared.scenario, prepared.tables.variables
    states = (
        tuple((v.id, v.levels[at]) for v, at in zip(variables, row, strict=True))
        for row in np.unique(levels, axis=0).tolist()
    )
    return prepared.world.replace(
        as_of=scenario.as_of + dt.timedelta(days=day),
        horizon_days=scenario.horizon_days - day,
        questions=questions_for(scenario, measure),
        impacts={},
        joint_start=tuple(StartState(state, 1.0) for state in states),
    )


def forecasts_after(prepared: Filter, theta: Floats, ends: Floats, measure: Measure, control: Control) -> Floats:
    """Return the forecast by the deadline at each draw (D,) from where a log leaves it.

    `theta` (D, A) are the values of the world of the filter, `ends` (D, K) the states at the end of the log.
    """
    solver = Solver(starting_in(prepared, prepared.end_levels, prepared.timetable.stop, measure), times=1)
    asked, states = observable(solver, measure.name), solver.space.find(prepared.end_levels)
    one = partial(_worth, solver, asked, prepared.centre, states)
    result = np.empty(len(theta))
    with ThreadPoolExecutor(control.threads or cores()) as pool:
        for number, worth in enumerate(pool.map(one, theta)):
            result[number] = ends[number] @ worth
            control.check()
            control.report((number + 1) / len(theta))
    return result


def _worth(solver: Solver, asked: Observable, centre: Floats, states: Ints, theta: Floats) -> Floats:
    return state_values(solver, solver.chain(theta, centre), asked, np.zeros(1))[0, states]
