"""Turn a question about a number of firings (times that moves happen) into a question about a state.

A further variable, the counter, is added to the scenario. Every outcome that counts for the question raises the counter
by one. The last level of the counter is an ending, because later events cannot change the answer. No condition and no
factor reads the counter, so everything else goes on as before.
"""

from __future__ import annotations

import dataclasses

from simlib.scenario.model import Condition, Effect, Ending, Move, Question, Scenario, Variable

__all__ = ["COUNTED", "with_counter"]

COUNTED = "counted often enough"
"""Id of the counter and of the ending at its last level. The id has spaces, so it cannot clash with an id in a file."""


def with_counter(scenario: Scenario, question: Question) -> Scenario:
    """Return the scenario with a counter of firings, and a question about the count as its first ending.

    The ending has the id `COUNTED`. It is reached when the moves and outcomes of the question have happened as often as
    the question asks. Other questions and all ladders (scales of escalation) are left out. The counter is the last
    variable.
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
