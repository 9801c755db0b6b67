"""Forecasts from the states that a log leaves possible, at each draw of the assumptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np

from simlib.analysis.evaluator import in_threads
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.evidence.exact_filter import Filter
from simlib.evidence.settled_questions import Unanswered
from simlib.machine import priors
from simlib.machine.asked_events import events as asked_events
from simlib.machine.measures import Measure
from simlib.scenario.model import Question, Scenario, StartState
from simlib.typing import Floats, Ints


def questions_for(scenario: Scenario, measures: Sequence[Measure]) -> dict[str, Question]:
    """Return the questions that the measures need, and no others."""
    own = {measure.of: scenario.questions[measure.of] for measure in measures if measure.kind == "question"}
    return own | dict(asked_events(scenario, measures))


def starting_in(prepared: Filter, levels: Ints, day: float, measures: Sequence[Measure]) -> Scenario:
    """Return the world from a day to the deadline, with `levels` (N, V) as start states.

    The interventions of the scenario act from that day on.
    """
    scenario, variables = prepared.scenario, prepared.tables.variables
    states = (
        tuple((v.id, v.levels[at]) for v, at in zip(variables, row, strict=True))
        for row in np.unique(levels, axis=0).tolist()
    )
    return prepared.world.replace(
        as_of=scenario.as_of + dt.timedelta(days=day),
        horizon_days=scenario.horizon_days - day,
        questions=questions_for(scenario, measures),
        impacts={},
        interventions=scenario.interventions,
        joint_start=tuple(StartState(state, 1.0) for state in states),
    )


def forecasts_after(
    prepared: Filter, theta: Floats, ends: Floats, measures: Sequence[Measure], control: Control
) -> Floats:
    """Return the forecasts (D, M) of measures by the deadline at each draw, after a log.

    `theta` (D, A) are the assumption values. `ends` (D, K) are the probabilities of the states at the end of the log.
    All measures share the states and their rates. If the event of a question may have happened unseen during the log,
    the histories in which it has count as yes. Raises Cancelled.
    """
    solver = Solver(starting_in(prepared, prepared.end_levels, prepared.timetable.stop, measures), times=1)
    values, states = _values(solver, measures, prepared.centre), solver.space.find(prepared.end_levels)
    questions = questions_for(prepared.scenario, measures)
    asked = [(place, Unanswered(prepared, questions[m.asked])) for place, m in enumerate(measures) if m.asked]
    doubtful = [(place, unanswered) for place, unanswered in asked if unanswered.possible]

    def forecast(theta: Floats, end: Floats) -> Floats:
        worth = values(theta)[1][:, states]
        result: Floats = worth @ end
        if doubtful and end.any():  # `end` is all 0 if the log is impossible at this draw
            passed = prepared.carry(prepared.rates(theta))
            for place, unanswered in doubtful:
                still = unanswered.carried(theta, passed).end
                result[place] = 1 - still.sum() + worth[place] @ still
        return result

    return in_threads(forecast, theta, ends, control=control)


def forecasts_before(
    scenario: Scenario, theta: Floats, measures: Sequence[Measure], control: Control = UNWATCHED
) -> Floats:
    """Return the forecasts (D, M) of measures by the deadline at each draw, without a log.

    Raises Cancelled.
    """
    solver = Solver(scenario.replace(questions=questions_for(scenario, measures), impacts={}), times=1)
    values = _values(solver, measures, priors.theta(scenario))

    def forecast(theta: Floats) -> Floats:
        start, worth = values(theta)
        return np.asarray(worth @ start)

    return in_threads(forecast, theta, control=control)


def _values(solver: Solver, measures: Sequence[Measure], centre: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return a function of θ: it gives the start probabilities (N,) and state values (M, N)."""
    asked = [observable(solver, measure.name) for measure in measures]

    def values(theta: Floats) -> tuple[Floats, Floats]:
        chain = solver.chain(theta, centre)
        return chain.start(), np.stack([state_values(solver, chain, one, np.zeros(1))[0] for one in asked])

    return values
