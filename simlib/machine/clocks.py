"""Hidden clocks, with which a Markov chain can represent moves that take some time.

The wait for such a move consists of exponential stages in a row. A *clock* is a hidden variable with one level for each
stage. A hidden move, the *tick*, advances the clock by one stage while the move itself is possible. The move itself can
happen only at the last stage, and then sets the clock back to the first stage. The clock also goes back when the move
becomes impossible, so that each wait begins anew. The tables and both engines list clocks and ticks after the variables
and moves of the scenario. Users never see them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from simlib.scenario.condition import Condition
from simlib.scenario.model import Effect, Move, Outcome, Scenario, Variable


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one move: a hidden variable that counts the stages of the move's wait.

    Attributes:
        move: The id of the move.
        variable: The hidden variable with one level for each stage.
        tick: The hidden move that advances this variable by one stage.
    """

    move: str
    variable: Variable
    tick: Move


def clock_id(move: str) -> str:
    """Return the id of a move's clock, the hidden variable that counts the stages of its wait.

    The hidden move that advances the clock has the same id. The id contains spaces, so no id in a file can equal it.
    """
    return f"waiting for {move}"


def clocks_of(scenario: Scenario) -> tuple[Clock, ...]:
    """Return a clock for each move whose wait has several stages, in the order of the moves.

    A clock is a hidden variable that counts the stages. A wait of one stage needs no clock.
    """
    return tuple(_clock(move) for move in scenario if move.takes is not None and move.takes.stages > 1)


def _clock(move: Move) -> Clock:
    stages = tuple(f"stage {number}" for number in range(1, 1 + (move.takes.stages if move.takes else 1)))
    name = clock_id(move.id)
    variable = Variable(name, name, stages, ((stages[0], None),), hidden=True)
    early = (name, stages[:-1])
    when = Condition(tuple((*clause, early) for clause in move.when.clauses))
    on = Outcome("on", "on", None, (Effect(name, shift=1),))
    tick = dataclasses.replace(move, id=name, label=name, when=when, outcomes=(on,), covert=True)
    return Clock(move.id, variable, tick)


def wound(move: Move, clocks: tuple[Clock, ...]) -> Move:
    """Return the move with one more effect in each outcome: set its clock to the first stage."""
    back = tuple(Effect(c.variable.id, level=c.variable.levels[0]) for c in clocks if c.move == move.id)
    if not back:
        return move
    outcomes = tuple(dataclasses.replace(outcome, effects=outcome.effects + back) for outcome in move.outcomes)
    return dataclasses.replace(move, outcomes=outcomes)
