"""The first event in which the histories of the baseline and of a variant differ.

Both histories have the same replicate number, so they use common random numbers. Events are compared without their
dates, because a faster rate moves every date a little. Events that change no level are left out, since nobody reacts to
them. Hidden and covert events count too, because the comparison is about the model, not about an observer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.answer import pick
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import counted, long_date, quoted
from simlib.machine.measures import every
from simlib.scenario.model import Scenario
from simlib.typing import Ints

__all__ = ["Divergence", "diverge"]

DIVERGENCE_DATES = 8
"""Largest number of dates in the table of two histories. Later events are only counted."""

DivergenceRow = tuple[str, str, str]
"""A date, the events of that date in the baseline, and the events of that date in the variant."""


@dataclass(frozen=True)
class Divergence:
    """Two simulated histories with the same random numbers, of the baseline and of a variant.

    replicate: the number of the replicate.
    variant: the name of the variant.
    date: the date of the first event that differs.
    day: the day of this event, in days after the start.
    shared: the number of events before this event. They are the same in both histories.
    endings, labels: the id and the label of the ending of each history.
    rows: the events from `date` on, by date. The last row has the endings of both histories.
    """

    replicate: int
    variant: str
    date: dt.date
    day: float
    shared: int
    endings: tuple[str, str]
    labels: tuple[str, str]
    rows: tuple[DivergenceRow, ...]

    @property
    def head(self) -> DivergenceRow:
        """The headings of the columns of `rows`."""
        return "date", "at the baseline", f"in {quoted(self.variant)}"

    def sentence(self) -> str:
        """Say until when the two histories are the same, and with which ending each of them ends."""
        until = (
            f"the same in both versions until {long_date(self.date)}" if self.day > 0 else "different from the start"
        )
        before, after = map(quoted, self.labels)
        ends = f"it ends with {before} at the baseline, and with {after} in the variant"
        return f"One simulated history is {until}: {ends}."

    def to_dict(self) -> dict[str, Any]:
        """Return the two histories as plain data, with the sentence."""
        before = pick(self, "replicate", "variant", "date", "day") | {"shared_events": self.shared}
        return before | pick(self, "endings", "rows") | {"sentence": self.sentence()}


def diverge(before: Histories, after: Histories, replicate: int, variant: str) -> Divergence:
    """Compare a replicate's histories in the baseline and a variant, drawn with the same seed.

    Raises KeyError for a replicate that is not among the histories.
    """
    one, other = _ComparedHistory(before, replicate), _ComparedHistory(after, replicate)
    shared = one.shared(other)
    days = [history.day(shared) for history in (one, other)]
    day = 0.0 if shared < 0 else min(*days, before.horizon)
    return Divergence(
        replicate,
        variant,
        before.scenario.as_of + dt.timedelta(days=int(day)),
        day,
        max(shared, 0),
        (one.ending, other.ending),
        (one.label, other.label),
        tuple(_rows(one, other, shared)),
    )


def _rows(one: _ComparedHistory, other: _ComparedHistory, shared: int) -> Iterator[DivergenceRow]:
    events = [history.events(max(shared, 0)) for history in (one, other)]
    as_of = one.scenario.as_of
    if shared < 0:
        yield long_date(as_of), one.start, other.start
    dates = sorted(events[0].keys() | events[1].keys())
    for date in dates[:DIVERGENCE_DATES]:
        before, after = ("; ".join(each.get(date, ())) for each in events)
        yield long_date(date), before, after
    later = [sum(len(each.get(date, ())) for date in dates[DIVERGENCE_DATES:]) for each in events]
    if any(later):
        before, after = (counted(number, "more event") if number else "" for number in later)
        yield "later", before, after
    yield "in the end", one.label, other.label


class _ComparedHistory:
    """One history, without the events that change no level."""

    def __init__(self, histories: Histories, replicate: int) -> None:
        self.histories, self.replicate = histories, replicate
        rows, self.scenario = histories.rows(replicate), histories.scenario
        moved = np.any(np.diff(histories.levels[rows], axis=0) != 0, axis=1)
        self.first = rows.start
        self.rows: Ints = rows.start + 1 + np.flatnonzero(moved)
        index = int(histories.ending[np.flatnonzero(histories.replicates == replicate)[0]])
        ending = list(every(self.scenario, ("ending",)))[index]  # the index -1, for no ending yet, picks the last label
        self.ending, self.label = ending.of, ending.label

    def shared(self, other: _ComparedHistory) -> int:
        """Return how many events both histories have in common before they first differ.

        The result is -1 if their start states differ.
        """
        if np.any(self.histories.levels[self.first] != other.histories.levels[other.first]):
            return -1
        both = min(len(self.rows), len(other.rows))
        differs = self._marks(both) != other._marks(both)
        return int(np.argmax(differs)) if np.any(differs) else both

    def _marks(self, count: int) -> Ints:
        """Return a number for each of the first `count` events. Equal events have equal numbers.

        For a move, this is the number of the outcome. For an intervention that sets a variable, the number is made from
        the levels after the event.
        """
        rows = self.rows[:count]
        return np.array(
            [
                self.histories.outcome[row]
                if self.histories.outcome[row] >= 0
                else -2 - int.from_bytes(self.histories.levels[row].tobytes()[:7], "little")
                for row in rows
            ],
            dtype=np.int64,
        )

    def day(self, event: int) -> float:
        return float(self.histories.time[self.rows[event]]) if 0 <= event < len(self.rows) else np.inf

    @property
    def start(self) -> str:
        return self.histories.story(self.replicate)[0].partition("; ")[2].removesuffix(".")

    def events(self, first: int) -> dict[dt.date, list[str]]:
        by_date: dict[dt.date, list[str]] = {}
        for row in self.rows[first:]:
            date = self.scenario.as_of + dt.timedelta(days=int(self.histories.time[row]))
            forced = " (forced)" if self.histories.intervention[row] >= 0 else ""
            by_date.setdefault(date, []).append(_words(self.scenario, int(self.histories.outcome[row])) + forced)
        return by_date


def _words(scenario: Scenario, outcome: int) -> str:
    if outcome < 0:
        return "a variable is set by intervention"
    move, branch = [(move, branch) for move in scenario for branch in move.outcomes][outcome]
    return move.label + (f" ({branch.label})" if len(move.outcomes) > 1 else "")
