"""A scenario that counts firings in its state, so that a question about a count becomes one about a state.

The counter is one more variable: every outcome that counts raises it by one. The last level is an ending, because
nothing that comes later matters. No guard and no factor reads the counter, so nothing else changes its law.
"""

from __future__ import annotations

import dataclasses

from simlib.scenario.model import Condition, Effect, Ending, Move, Question, Scenario, Variable

__all__ = ["COUNTED", "with_counter"]

COUNTED = "counted often enough"
"""Id of the counter and of the ending it reaches. No id of a file has a space."""


def with_counter(scenario: Scenario, question: Question) -> Scenario:
    """Return the scenario in which a question about a count is the first ending, `COUNTED`.

    Other questions and all ladders are left out. The counter is the last variable.
    """
    goal = question.count.at_least if question.count else 1
    levels = tuple(str(number) for number in range(goal + 1))
    counter = Variable(COUNTED, question.label, levels, ((levels[0], None),), hidden=True)
    reached = Condition((((COUNTED, (levels[-1],)),),))
    return scenario.replace(
        variables={**scenario.variables, COUNTED: counter},
        moves={name: _counting(move, question) for name, move in scenario.moves.items()},
        endings={COUNTED: Ending(COUNTED, question.label, reached), **scenario.endings},
        questions={},
        ladders={},
    )


def _counting(move: Move, question: Question) -> Move:
    one = (Effect(COUNTED, shift=1),)
    outcomes = tuple(
        dataclasses.replace(outcome, effects=outcome.effects + one) if question.counts(move.id, outcome.id) else outcome
        for outcome in move.outcomes
    )
    return dataclasses.replace(move, outcomes=outcomes)
