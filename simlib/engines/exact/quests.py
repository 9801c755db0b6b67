"""The vectors that the exact engine carries through time, and their places in blocks.

The engine carries the distribution over the states, a vector for each impact, and a copy of the distribution for some
questions. Up to four vectors form a *block*, in which each vector is a column, a *lane* (see `lanes`). A *quest* is a
question with such a copy. `Seats` lists the vectors of one block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simlib.engines.exact.lanes import BLOCK_LANES
from simlib.engines.exact.states import EMPTY_TABOO, Taboo


@dataclass(frozen=True, eq=False)
class Quest:
    """A question with a separate copy of the distribution over the states.

    The probability of the histories in which the answer has become yes is removed from this copy.

    Attributes:
        name: The id of the question, or a name made from this id.
        taboo: The states and firings (happenings of a move) that make the answer yes up to the day `until`.
        until: The last day to which `taboo` applies, in days after `as_of`.
        later: The states and firings that make the answer yes after the day `until`.
    """

    name: str
    taboo: Taboo
    until: float = math.inf
    later: Taboo = EMPTY_TABOO

    def at(self, day: float) -> Taboo:
        """Return the states and firings that make the answer yes in a segment that begins on `day`."""
        return self.taboo if day < self.until else self.later

    def acting(self, day: float) -> Taboo:
        """Return the states and firings that make the answer yes while interventions of `day` act.

        On the day `until` itself, `taboo` still applies, because "by a day" includes that day.
        """
        return self.taboo if day <= self.until else self.later


NO_QUEST = Quest("", EMPTY_TABOO)
"""The quest of all measures that are not questions: nothing stops a history."""


@dataclass
class Seats:
    """The vectors in the lanes (columns) of one block, in the order of the attributes.

    Attributes:
        main: Whether the block has the distribution over the states.
        impacts: The indices of the impacts.
        quests: The questions.
    """

    main: bool
    impacts: list[int]
    quests: list[Quest]

    @property
    def free(self) -> int:
        """The number of empty lanes (columns of the block)."""
        return BLOCK_LANES - self.main - len(self.impacts) - len(self.quests)


def seated(impacts: int, quests: Iterable[Quest]) -> list[Seats]:
    """Place the distribution, the impacts and the questions in blocks of up to four vectors.

    A block with impacts also has the distribution, in its first lane (column). `impacts` is the number of impacts.
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
