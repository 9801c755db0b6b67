"""Forecasts from the states that a log leaves possible, at each draw of the assumptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np

from simlib.analysis.evaluator import in_threads
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.evidence.exact_filter import Filter
from simlib.evidence.settled_questions import Unanswered
from simlib.machine import priors
from simlib.machine.asked_events import events as asked_events
from simlib.machine.measures import Measure, of_forecast
from simlib.machine.sums import sums_by
from simlib.scenario.model import Question, Scenario, StartState
from simlib.typing import Floats, Ints


def questions_for(scenario: Scenario, measures: Sequence[Measure]) -> dict[str, Question]:
    """Return {id: question} of the questions that must be answered to compute the measures."""
    own = {measure.of: scenario.questions[measure.of] for measure in measures if measure.kind == "question"}
    return own | dict(asked_events(scenario, measures))


def starting_in(prepared: Filter, levels: Ints, day: float, measures: Sequence[Measure]) -> Scenario:
    """Return the scenario from a day to its deadline, starting in one of the given states.

    The start states are the different rows of `levels` (N states, V variables). The probabilities that these states
    have in the result mean nothing, and callers do not use them. The interventions of the scenario act from the day on.
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
    """Return forecasts of measures by the deadline after a log, at D sets of assumption values.

    The result has the shape (D, M): D sets of assumption values, M measures. The event of a question may have happened
    unseen during the log. Histories in which it has happened count as yes.

    Args:
        prepared: The filter of the log.
        theta: The values of the A assumptions (D, A).
        ends: The probabilities (D, K) of the K states in which the log may end.
        measures: The measures.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Unsupported: For a measure that depends on whole histories.
        Cancelled: When `control` cancels the work.
    """
    world = starting_in(prepared, prepared.end_levels, prepared.timetable.stop, measures)
    answers = _answers(world, measures, prepared.centre)
    place_of: Ints = np.unique(prepared.end_levels, axis=0, return_inverse=True)[1].ravel()
    questions = questions_for(prepared.scenario, measures)
    pairs = [
        (place, Unanswered(prepared, questions[m.question_id])) for place, m in enumerate(measures) if m.question_id
    ]
    doubtful = [(place, unanswered) for place, unanswered in pairs if unanswered.possible]

    def forecast(theta: Floats, end: Floats) -> Floats:
        result = answers(theta, sums_by(place_of, end, len(end)))
        if doubtful and end.any():  # `end` is all 0 if the log is impossible at this draw
            passed = prepared.carry(prepared.rates(theta))
            for place, unanswered in doubtful:
                still = unanswered.carried(theta, passed).end
                result[place] = 1 - still.sum() + answers(theta, sums_by(place_of, still, len(still)))[place]
        return result

    return np.stack(in_threads(forecast, theta, ends, control=control))


def forecasts_before(
    scenario: Scenario, theta: Floats, measures: Sequence[Measure], control: Control = UNWATCHED
) -> Floats:
    """Return forecasts of measures by the deadline without a log, at D sets of values.

    The result has the shape (D, M): D sets of assumption values, M measures. `theta` (D, A) are the values of the A
    assumptions. Raises Unsupported for a measure that depends on whole histories, and Cancelled when `control` cancels
    the work.
    """
    world = scenario.replace(questions=questions_for(scenario, measures), impacts={})
    return np.stack(in_threads(_answers(world, measures, priors.theta(scenario)), theta, control=control))


def _answers(world: Scenario, measures: Sequence[Measure], centre: Floats) -> Callable[..., Floats]:
    solver = Solver(world, times=1, control=Control(threads=1))
    for measure in measures:
        observable(solver, measure.name)  # raises Unsupported for a measure that depends on whole histories
    moves = any(measure.kind in ("level", "rung") for measure in measures)

    def answers(theta: Floats, start: Floats | None = None) -> Floats:
        glance = solver.glance(theta, centre=centre, start=start, moves=moves)
        return np.array([of_forecast(glance, measure)[0][-1] for measure in measures])

    return answers
