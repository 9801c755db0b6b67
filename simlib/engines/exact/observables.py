"""Measures (numbers that a forecast reports) as functions of the states.

Gradients and the drawing of histories with a given ending need measures in this form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.quests import NO_QUEST, Quest
from simlib.engines.exact.solver import Solver
from simlib.machine.measures import find
from simlib.results import ONGOING
from simlib.typing import Floats


@dataclass(frozen=True, eq=False)
class Gains:
    """An amount, and how often it is added to a measure by outcomes, by days and at the end.

    Attributes:
        amount: The index of the assumption that is the amount. -1 stands for an amount of 1.
        by_outcome (O,): How many times the amount is added when each of O outcomes happens.
        by_state (N,): How many times the amount is added per day in each of N states.
        at_end (N,): How many times the amount is added if the last state of a history is each of N states.
    """

    amount: int
    by_outcome: Floats
    by_state: Floats
    at_end: Floats

    def scale(self, theta: Floats) -> float:
        """Return the amount at assumption values `theta` (A,)."""
        return 1.0 if self.amount < 0 else float(theta[self.amount])


@dataclass(frozen=True, eq=False)
class Observable:
    """One measure of the states: a value at the end, a first passage, or accumulated amounts.

    Attributes:
        name: The name of the measure.
        terminal (N,): The value of each state at the end. None: 0.
        quest: The states and firings (happenings of a move) that make the answer to a question yes (a first passage).
        worths: The amounts that accumulate along a history.
    """

    name: str
    terminal: Floats | None = None
    quest: Quest = NO_QUEST
    worths: tuple[Gains, ...] = ()


def observable(solver: Solver, name: str) -> Observable:
    """Return a measure, given by its name, as a function of the states.

    Raises ScenarioError for an unknown name, and Unsupported for a question that no single state or firing answers.
    """
    measure = find(solver.scenario, name)[0]
    scenario, space, tables = solver.scenario, solver.space, solver.tables
    if measure.question_id:
        taboo = solver.passages.taboo(scenario.questions[measure.question_id])
        return Observable(measure.name, quest=Quest(measure.name, taboo))
    match measure.kind:
        case "days":
            here = space.levels[:, tables.variable(measure.of)] == tables.level(measure.of, measure.part)
            gains = Gains(
                -1, np.zeros(len(tables.outcome_ids)), (here & ~space.ended).astype(float), np.zeros(len(space))
            )
            return Observable(measure.name, worths=(gains,))
        case "moves":
            counted = (tables.outcome_move == tables.move(measure.of)).astype(float)
            return Observable(measure.name, worths=(Gains(-1, counted, *np.zeros((2, len(space)))),))
        case "impact":
            return Observable(measure.name, worths=_of_impact(solver, list(scenario.impacts).index(measure.of)))
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


def _of_impact(solver: Solver, impact: int) -> tuple[Gains, ...]:
    states, rewards = solver.state_rewards, solver.state_rewards.rewards
    no_firing, nowhere = np.zeros(rewards.outcomes), np.zeros(len(solver.space))
    worths = []
    for impulse in rewards.impulses:
        if impulse.impact == impact:
            fired = np.isin(np.arange(rewards.outcomes), impulse.outcomes).astype(float)
            worths.append(Gains(impulse.amount, fired, nowhere, nowhere))
    for accrual, paid in zip(rewards.accruals, states.paid, strict=True):
        if accrual.impact == impact:
            worths.append(Gains(accrual.amount, no_firing, paid.astype(float), nowhere))
    for payment in rewards.payments:
        if payment.impact == impact:
            reached = (solver.space.ending == payment.ending).astype(float)
            worths.append(Gains(payment.amount, no_firing, nowhere, reached))
    return tuple(worths)
