"""The vectors that the exact engine carries for questions, and their places in blocks.

A *quest* is a separate vector for a question. Up to four vectors form a block, and each has a *lane* in it (see
`lanes`). `Seats` lists the vectors in the lanes of one block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simlib.engines.exact.lanes import WIDTH
from simlib.engines.exact.states import NOTHING, Taboo


@dataclass(frozen=True, eq=False)
class Quest:
    """A question with its own vector. Probability that answers the question is taken out of it.

    The states and firings of `taboo` answer the question. From the day `until` on, `later` replaces `taboo`.
    """

    name: str
    taboo: Taboo
    until: float = math.inf
    later: Taboo = NOTHING

    def at(self, day: float) -> Taboo:
        """Return the states and firings that answer the question from a day on."""
        return self.taboo if day < self.until else self.later

    def acting(self, day: float) -> Taboo:
        """Return the states and firings that answer the question, for interventions on a day.

        On the day `until` itself, `taboo` still applies, because "by a day" includes that day.
        """
        return self.taboo if day <= self.until else self.later


NO_QUEST = Quest("", NOTHING)
"""The quest of measures that are not first passages."""


@dataclass
class Seats:
    """The vectors in the lanes of one block: the distribution (if `main`), impacts, questions."""

    main: bool
    impacts: list[int]
    quests: list[Quest]

    @property
    def free(self) -> int:
        """Number of empty lanes."""
        return WIDTH - self.main - len(self.impacts) - len(self.quests)


def seated(impacts: int, quests: Iterable[Quest]) -> list[Seats]:
    """Give the distribution, the impacts and the questions their places in blocks of lanes.

    A block with impacts has the distribution in its first lane.
    """
    blocks = [Seats(True, [], [])]
    for impact in range(impacts):
        if not blocks[-1].free:
            blocks.append(Seats(True, [], []))
        blocks[-1].impacts.append(impact)
    for quest in quests:
        if not blocks[-1].free:
            blocks.append(Seats(False, [], []))
        blocks[-1].quests.append(quest)
    return blocks
