"""Own rows: events that a user adds to a log.

Each own row is a move on a day. A row that the forecast uses is called *taken in*.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from simlib.analysis.log_outlook import LeftOut
from simlib.errors import Problem, ScenarioError
from simlib.formatting import long_date, quoted
from simlib.scenario.condition import Condition
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading, coverages


@dataclass(frozen=True)
class OwnRow:
    """A row that the user added to a log.

    - `number`: the number of the row, which never changes.
    - `move`, `outcome`: the ids of the move and of its outcome.
    - `day`: the day of the move, or None if no day is given.
    """

    number: int
    move: str
    outcome: str
    day: dt.date | None

    def reading(self, scenario: Scenario) -> Reading:
        """Return what the row says: `move` was made on `day`, and became public on the same day."""
        assert self.day is not None
        words = f"Your own row: {row_words(scenario, self.move, self.outcome)}."
        row = LogRow(self.move, self.day, outcome=self.outcome, line=self.number, description=words)
        return Reading(row, firings=((self.move, self.outcome),))


def choices(scenario: Scenario) -> list[tuple[str, tuple[str, str]]]:
    """Return every move and outcome that a log may contain, as (label, (move id, outcome id))."""
    shown = coverages(scenario)
    firings = [(move.id, outcome.id) for move in scenario for outcome in move.outcomes]
    return [(row_words(scenario, *firing), firing) for firing in firings if shown[firing].chance != 0]


def row_words(scenario: Scenario, move_id: str, outcome_id: str) -> str:
    """Return a move and its outcome by their labels: "North Island: Sail a patrol (challenged)"."""
    move = scenario.moves[move_id]
    several = f" ({move.outcome(outcome_id).label})" if len(move.outcomes) > 1 else ""
    return f"{scenario.actors[move.actor].label}: {move.label}{several}"


class OwnRows:
    """The rows that the user added to a log, the oldest addition first, with undo and redo.

    The forecast uses only rows whose day is from `first` to `last`.
    """

    def __init__(self, scenario: Scenario, first: dt.date, last: dt.date) -> None:
        self.scenario, self.first, self.last = scenario, first, last
        self.rows: tuple[OwnRow, ...] = ()
        self._past: list[tuple[OwnRow, ...]] = []
        self._future: list[tuple[OwnRow, ...]] = []
        self._numbers = 0

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to redo."""
        return bool(self._future)

    def add(self, move: str, outcome: str, day: dt.date | None) -> None:
        """Add a row, or raise ScenarioError if its day is missing or outside the log."""
        fault = self.fault(day)
        if fault:
            raise ScenarioError(Problem("", 0, "Add a row", fault, self._expected()))
        self._numbers += 1
        self._change((*self.rows, OwnRow(self._numbers, move, outcome, day)))

    def drop(self, number: int) -> None:
        """Remove the row with this number."""
        self._change(tuple(row for row in self.rows if row.number != number))

    def set_day(self, number: int, day: dt.date | None) -> None:
        """Give a row another day. If the day is outside the log, the forecast does not use the row."""
        self._change(tuple(dataclasses.replace(r, day=day) if r.number == number else r for r in self.rows))

    def undo(self) -> None:
        """Undo the last change of the user's rows."""
        if self._past:
            self._future.append(self.rows)
            self.rows = self._past.pop()

    def redo(self) -> None:
        """Repeat the change that was undone."""
        if self._future:
            self._past.append(self.rows)
            self.rows = self._future.pop()

    def _change(self, rows: tuple[OwnRow, ...]) -> None:
        if rows != self.rows:
            self._past.append(self.rows)
            self._future.clear()
            self.rows = rows

    def fitting(self) -> tuple[OwnRow, ...]:
        """Return the user's rows whose day is given and inside the log."""
        return tuple(row for row in self.rows if not self.fault(row.day))

    def fault(self, day: dt.date | None) -> str:
        """Return in words why a day cannot be the day of a new event, or "" if the day fits."""
        if day is None:
            return "no date is given"
        return "" if self.first <= day <= self.last else f"{long_date(day)} does not fit"

    def _expected(self) -> str:
        return f"expected a day from {long_date(self.first)} to {long_date(self.last)}"

    def wrong_day(self, row: OwnRow) -> str:
        """Return a note for a row whose day is missing or outside the log, or ""."""
        fault = self.fault(row.day)
        return f"Not taken in: {fault}; {self._expected()}." if fault else ""


def refusal(scenario: Scenario, left_out: LeftOut) -> str:
    """Return in words why a row was left out: it was impossible, or it contradicts another row."""
    blocked = left_out.blocked
    if blocked is not left_out.reading:
        text = blocked.row.description or blocked.row.word
        return (
            f"Not taken in: the row contradicts what the log says about {long_date(blocked.row.date)} "
            f"({quoted(text.rstrip('.'))})."
        )
    move = scenario.moves[left_out.reading.firings[0][0]]
    needs = condition_in_words(move.when, scenario, labels=True)
    return f"Not taken in: the move is possible only if {needs}; that day {_possible(scenario, move.when, left_out)}."


def _possible(scenario: Scenario, needed: Condition, left_out: LeftOut) -> str:
    """Return in words the levels that variables in `needed` could have by the day of the row."""
    parts = []
    for place, (name, variable) in enumerate(scenario.variables.items()):
        if name in needed.variables:
            levels = [variable.words(variable.levels[at]) for at in sorted(set(left_out.levels[:, place].tolist()))]
            parts.append(f"{quoted(variable.label)} is {' or '.join(levels)}")
    return " and ".join(parts)
