"""Endings, questions and ladders: the events and states that a scenario reports."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simlib.scenario.condition import ALWAYS, Condition
from simlib.scenario.resolved_form import SPARSE


@dataclass(frozen=True, slots=True)
class Ending:
    """A named condition that ends the story.

    If several endings hold at once, the first in `Scenario.endings` counts. `short` does not count in comparisons or in
    the hash of the scenario. A registered forecast names that hash, so a new short label leaves it valid.
    """

    id: str
    label: str
    when: Condition
    because: str = ""
    short: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Lull:
    """A stretch of `days` in which none of `moves` fires.

    The stretch begins at `as_of`, or when one of the moves fires. It must be over before the story ends.
    """

    moves: tuple[str, ...]
    days: float


@dataclass(frozen=True, slots=True)
class Repeats:
    """The event that `moves` have fired `at_least` times in all, counted from `as_of`."""

    moves: tuple[str, ...]
    at_least: int


@dataclass(frozen=True, slots=True)
class Joint:
    """One event, or two events together, needed for a conditional probability.

    Each event is ("ending" or "question", id). `first` must happen by `until` days (None: at any time). If `then` is
    given, that event must happen too. `simlib.machine.asked_events` uses this class.
    """

    first: tuple[str, str]
    until: float | None = None
    then: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A named event reported beside the endings.

    The event is the first time that a condition holds, that a move fires, that a lull is over, or that moves have fired
    often enough. Exactly one of `when`, `move`, `lull` and `count` is given. `outcome` narrows `move` to one outcome.
    `resolves` says how the question is settled in reality, and `decides` says who settles it. As in `Ending`, `short`
    does not count in comparisons or in the hash.
    """

    id: str
    label: str
    when: Condition | None = None
    move: str | None = None
    outcome: str | None = None
    resolves: str = ""
    decides: str = ""
    lull: Lull | None = field(default=None, metadata=SPARSE)
    count: Repeats | None = field(default=None, metadata=SPARSE)
    joint: Joint | None = field(default=None, metadata=SPARSE)
    short: str = field(default="", compare=False)

    @property
    def moves(self) -> tuple[str, ...]:
        """The moves whose firings decide the question (none for a condition on the state)."""
        if self.lull or self.count:
            return (self.lull or self.count).moves  # type: ignore[union-attr]
        return () if self.move is None else (self.move,)

    def counts(self, move: str, outcome: str) -> bool:
        """Say whether a firing of this move with this outcome counts for the question."""
        return move in self.moves and self.outcome in (None, outcome)

    def first_time(self, firings: Sequence[float], end: float) -> float:
        """Return when the answer to a question about moves becomes yes (infinity: it stays no).

        `firings` are the times, in order, at which the moves fired. The story is over at `end`.
        """
        if self.lull is None:
            goal = self.count.at_least if self.count else 1
            return firings[goal - 1] if len(firings) >= goal else math.inf
        stretches = itertools.pairwise([0.0, *firings, end])
        over = (begin + self.lull.days for begin, stop in stretches if begin + self.lull.days <= stop)
        return next(over, math.inf)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder."""

    id: str
    when: Condition = ALWAYS
    label: str = ""
    short: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Ladder:
    """An ordered list of rungs.

    The state is on the highest (last) rung whose condition holds. The condition of the first rung always holds.
    """

    id: str
    label: str
    rungs: tuple[Rung, ...]
