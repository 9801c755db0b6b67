"""What a forecast reports on: endings, questions and ladders (ordered levels of escalation)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simlib.scenario.condition import ALWAYS, Condition
from simlib.scenario.resolved_form import SPARSE


@dataclass(frozen=True, slots=True)
class Ending:
    """A named condition on the state. A simulated history ends once the condition holds.

    If several endings hold at once, the first in `Scenario.endings` counts. `short` is a shorter label, which does not
    count in comparisons or in the hash of the scenario. A registered forecast stores the hash, so the forecast stays
    valid if only a short label changes.
    """

    id: str
    label: str
    when: Condition
    because: str = ""
    short: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Lull:
    """A period of `days` days in which none of `moves` happens.

    The period begins at `as_of`, or when one of the moves happens. The period must be over before an ending is reached.
    """

    moves: tuple[str, ...]
    days: float


@dataclass(frozen=True, slots=True)
class Repeats:
    """The event that `moves` have happened `at_least` times in all, counted from `as_of`."""

    moves: tuple[str, ...]
    at_least: int


@dataclass(frozen=True, slots=True)
class Joint:
    """One event, or two events that must both happen, as used for conditional probabilities.

    - `first`: the first event, as ("ending" or "question", id).
    - `until`: the time by which the first event must happen, in days after `as_of` (None: at any time).
    - `then`: the second event, in the same form (None: there is only one event).

    `simlib.machine.asked_events` uses this class.
    """

    first: tuple[str, str]
    until: float | None = None
    then: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A named event that is reported beside the endings.

    Exactly one of these is given, and says when the event happens:

    - `when`: once this condition on the state holds.
    - `move`: once this move happens. With `outcome`, the move must have that outcome.
    - `lull`: once a period of days without certain moves is over.
    - `count`: once certain moves have happened often enough.
    - `joint`: once one event, or each of two events, has happened. Only `simlib.machine.asked_events` uses it.

    `resolves` says how the question is settled in reality, and `decides` says who settles it. `short` is a shorter
    label, which does not count in comparisons or in the hash of the scenario.
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
        """The moves that decide the question (none for a condition on the state)."""
        if self.lull or self.count:
            return (self.lull or self.count).moves  # type: ignore[union-attr]
        return () if self.move is None else (self.move,)

    def counts(self, move: str, outcome: str) -> bool:
        """Return whether the question counts an event in which `move` happens with `outcome`."""
        return move in self.moves and self.outcome in (None, outcome)

    def first_time(self, firings: Sequence[float], end: float) -> float:
        """Return the time at which the event of a question about moves happens (infinity: never).

        All times are in days after the start. `firings` are the times, in order, at which the moves of the question
        happened. `end` is the time at which the simulated history ends.
        """
        if self.lull is None:
            goal = self.count.at_least if self.count else 1
            return firings[goal - 1] if len(firings) >= goal else math.inf
        stretches = itertools.pairwise([0.0, *firings, end])
        over = (begin + self.lull.days for begin, stop in stretches if begin + self.lull.days <= stop)
        return next(over, math.inf)


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of escalation on a ladder, with the condition for reaching it."""

    id: str
    when: Condition = ALWAYS
    label: str = ""
    short: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Ladder:
    """An ordered list of rungs (levels of escalation).

    The state is on the last rung whose condition holds. The condition of the first rung always holds.
    """

    id: str
    label: str
    rungs: tuple[Rung, ...]
