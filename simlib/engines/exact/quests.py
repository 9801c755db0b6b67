"""What a question needs in a pass: the states and firings that answer it, and its lane."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simlib.engines.exact.lanes import WIDTH
from simlib.engines.exact.states import NOTHING, Taboo


@dataclass(frozen=True, eq=False)
class Quest:
    """A separate vector for a question: its taboo takes out the probability that has answered it.

    From the day `until` on, another taboo, `later`, takes the place of `taboo`.
    """

    name: str
    taboo: Taboo
    until: float = math.inf
    later: Taboo = NOTHING

    def at(self, day: float) -> Taboo:
        """Return the taboo from a day on."""
        return self.taboo if day < self.until else self.later

    def acting(self, day: float) -> Taboo:
        """Return the taboo for actions on a day, because "by a day" includes that day."""
        return self.taboo if day <= self.until else self.later


NO_QUEST = Quest("", NOTHING)
"""Nothing is asked for."""


@dataclass
class Seats:
    """The contents of the lanes of one block, in this order: the distribution, impacts (by number), questions."""

    main: bool
    impacts: list[int]
    quests: list[Quest]

    @property
    def free(self) -> int:
        """Number of empty lanes."""
        return WIDTH - self.main - len(self.impacts) - len(self.quests)


def seated(impacts: int, quests: Iterable[Quest]) -> list[Seats]:
    """Return blocks for the distribution, for impacts (each beside a distribution) and for questions."""
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
