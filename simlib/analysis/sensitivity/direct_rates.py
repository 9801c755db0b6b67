"""Self-evident drivers: the rate and chances of the only move that can cause an event.

The ending "ousted from within" obviously depends on the rate of the move "oust from within". Such an assumption is
*self-evident* for the event.
"""

from __future__ import annotations

from simlib.machine.measures import Measure
from simlib.scenario.model import Condition, Effect, Move, Outcome, Scenario

__all__ = ["self_evident", "ways"]


def self_evident(scenario: Scenario, measure: Measure) -> frozenset[str]:
    """Return the ids of the assumptions on which the event of a measure obviously depends.

    These are the rate of the only move that leads to the event and, if only some outcomes of this move bring the event
    about, the chances of those outcomes. The result is empty for a measure that is not an event, and for an event to
    which several moves lead.
    """
    pairs = ways(scenario, measure)
    moves = {move.id for move, _ in pairs}
    if len(moves) != 1:
        return frozenset()
    move = pairs[0][0]
    chances = {outcome.chance for _, outcome in pairs} if len(pairs) < len(move.outcomes) else set()
    return frozenset(filter(None, {move.rate, *chances}))


def ways(scenario: Scenario, measure: Measure) -> list[tuple[Move, Outcome]]:
    """Return every pair (move, outcome) that may make the event of a measure happen."""
    if measure.kind == "fired":
        return [(scenario.moves[measure.of], outcome) for outcome in scenario.moves[measure.of].outcomes]
    question = scenario.questions.get(measure.of) if measure.kind == "question" else None
    if question is not None and question.move is not None:
        return [(move, out) for move in scenario for out in move.outcomes if question.counts(move.id, out.id)]
    ending = scenario.endings.get(measure.of) if measure.kind == "ending" else None
    condition = question.when if question else ending.when if ending else None
    if condition is None:
        return []
    return [(move, out) for move in scenario for out in move.outcomes if _completes(scenario, out, condition)]


def _completes(scenario: Scenario, outcome: Outcome, condition: Condition) -> bool:
    """Return whether an outcome may move a variable to a level that the condition asks for."""
    wanted = [(name, levels) for clause in condition.clauses for name, levels in clause]
    pairs = ((effect, levels) for effect in outcome.effects for name, levels in wanted if effect.variable == name)
    return any(_reaches(scenario, effect, levels) for effect, levels in pairs)


def _reaches(scenario: Scenario, effect: Effect, levels: tuple[str, ...]) -> bool:
    if effect.level is not None:
        return effect.level in levels
    every = scenario.variables[effect.variable].levels
    last, shift = len(every) - 1, effect.shift or 0
    from_elsewhere = (place for place, name in enumerate(every) if name not in levels)
    return any(every[min(max(place + shift, 0), last)] in levels for place in from_elsewhere)
