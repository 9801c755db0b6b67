"""Questions as first passages: the states and firings that make the answer yes.

A *firing* is one happening of a move. A *taboo* is a set of states and firings that stop a history (taboo
probabilities, Chung 1960). The taboo of a question holds all states and firings that make its answer yes. So the
probability of yes by a day is the probability of the histories that have been stopped by that day.
"""

from __future__ import annotations

import math

import numpy as np

from simlib.engines.exact.quests import Quest
from simlib.engines.exact.states import StateSpace, Taboo
from simlib.errors import Unsupported
from simlib.machine.tables import Tables
from simlib.scenario.model import Hold, Joint, Pin, Question
from simlib.typing import Bools

__all__ = ["FirstPassages"]


class FirstPassages:
    """A finder of the states and firings that make the answers to a scenario's questions yes."""

    def __init__(self, tables: Tables, space: StateSpace) -> None:
        self.tables, self.space = tables, space

    def taboo(self, question: Question) -> Taboo:
        """Return the states and firings that make the answer to a question yes.

        Raises Unsupported for a question about a lull (days without a firing), a count, or one or two events, because
        no single state or firing answers it.
        """
        if question.lull or question.count or question.joint:
            what = "a lull" if question.lull else "a count" if question.count else "two events"
            raise Unsupported(f"“{question.label}” asks for {what}, which no single state or firing answers")
        if question.when is not None:
            return Taboo(self.tables.holds(question.when, self.space.levels))
        move, outcome = question.move or "", question.outcome
        return Taboo(None, ((self.tables.move(move), -1 if outcome is None else self.tables.outcome(move, outcome)),))

    def _event(self, place: tuple[str, str]) -> Taboo:
        """Return the states and firings (happenings of a move) that mean that an event has happened.

        `place` names the event: ("ending", id) or ("question", id).
        """
        kind, name = place
        if kind == "question":
            return self.taboo(self.tables.scenario.questions[name])
        return Taboo(self.space.ending == list(self.tables.scenario.endings).index(name))

    def of_joint(self, name: str, joint: Joint) -> list[Quest]:
        """Return the first passages (quests) that answer a question about one or two events.

        For one event by a day, there is one quest. For two events there are three quests: to the first event, to the
        second event, and to either of the two events. Then P(both) = P(first) + P(second) - P(either). Raises
        Unsupported for an event that no single state or firing decides.
        """
        until = math.inf if joint.until is None else joint.until
        first = self._event(joint.first)
        if joint.then is None:
            return [Quest(name, first, until)]
        then = self._event(joint.then)
        either = Quest(f"{name} either", first | then, until, then)
        return [Quest(f"{name} first", first, until), Quest(f"{name} then", then), either]

    def undecided(self) -> set[tuple[tuple[str, str], float | None]]:
        """Return (first event, day) of each joint question that has no exact solution.

        Such a question and the question about its first event alone are both answered by simulated histories. The ratio
        of the answers is a conditional probability, so both must come from the same histories.
        """
        result = set()
        for question in self.tables.scenario.questions.values():
            if question.joint is not None:
                try:
                    self.of_joint(question.id, question.joint)
                except Unsupported:
                    result.add((question.joint.first, question.joint.until))
        return result

    def stays(self, inside: Bools) -> bool:
        """Whether every history that enters a set of states (N,) stays in the set.

        If so, the probability of being in the set at a time equals the probability of having entered the set by that
        time.
        """
        if any(isinstance(item, Pin | Hold) for item in self.tables.scenario.interventions):
            return False
        return not np.any(inside[self.space.source] & ~inside[self.space.target])
