"""Hidden clocks: how a move that takes a while becomes a Markov chain.

Such a move gets a clock: a hidden variable with one level for each stage of its wait. A covert move, the tick, advances
the clock while the move is possible. The move itself can happen only at the last stage, and then sets the clock back.
The clock also goes back when the move becomes impossible, so that each wait begins anew. The tables and both engines
list these variables and moves after those of the scenario. Users never see them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from simlib.scenario.condition import Condition
from simlib.scenario.model import Effect, Move, Outcome, Scenario, Variable


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one move: its `variable`, and the `tick` that advances it by one stage."""

    move: str
    variable: Variable
    tick: Move


def clock_id(move: str) -> str:
    """Return the id of a move's clock and of its tick.

    The id has spaces, so it cannot clash with an id in a file.
    """
    return f"waiting for {move}"


def clocks_of(scenario: Scenario) -> tuple[Clock, ...]:
    """Return the clocks of a scenario in the order of its moves.

    A wait of one stage needs no clock.
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
    """Return a move that sets its own clock back when it happens."""
    back = tuple(Effect(c.variable.id, level=c.variable.levels[0]) for c in clocks if c.move == move.id)
    if not back:
        return move
    outcomes = tuple(dataclasses.replace(outcome, effects=outcome.effects + back) for outcome in move.outcomes)
    return dataclasses.replace(move, outcomes=outcomes)
