"""Turn a question about how often moves have happened into a question about a state.

A variable that counts these moves is added to the scenario. Every outcome that counts for the question raises this
variable by one. Its highest level is an ending, because later events cannot change the answer. No condition or factor
of a move reads the variable, so everything else stays the same.
"""

from __future__ import annotations

import dataclasses

from simlib.scenario.model import Condition, Effect, Ending, Move, Question, Scenario, Variable

__all__ = ["COUNTER_ID", "with_counter"]

COUNTER_ID = "counted often enough"
"""Id of the counting variable, and of the ending at its highest level. Ids in files have no spaces."""


def with_counter(scenario: Scenario, question: Question) -> Scenario:
    """Return the scenario with a variable that counts moves, and an ending at its highest level.

    The ending comes first and has the id `COUNTER_ID`. It is reached when the moves and outcomes of the question have
    happened as often as the question asks. The counting variable comes last. The result has no questions and no ladders
    (scales of escalation).
    """
    goal = question.count.at_least if question.count else 1
    levels = tuple(str(number) for number in range(goal + 1))
    counter = Variable(COUNTER_ID, question.label, levels, ((levels[0], None),), hidden=True)
    reached = Condition((((COUNTER_ID, (levels[-1],)),),))
    return scenario.replace(
        variables={**scenario.variables, COUNTER_ID: counter},
        moves={name: _counting(move, question) for name, move in scenario.moves.items()},
        endings={COUNTER_ID: Ending(COUNTER_ID, question.label, reached), **scenario.endings},
        questions={},
        ladders={},
    )


def _counting(move: Move, question: Question) -> Move:
    one = (Effect(COUNTER_ID, shift=1),)
    outcomes = tuple(
        dataclasses.replace(outcome, effects=outcome.effects + one) if question.counts(move.id, outcome.id) else outcome
        for outcome in move.outcomes
    )
    return dataclasses.replace(move, outcomes=outcomes)
