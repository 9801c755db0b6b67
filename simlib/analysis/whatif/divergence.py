"""Where two histories of one replicate part: the first thing that happens in one world and not in the other.

Two worlds are played with the same dice. What happens is compared, not when: a faster rate moves every date a little
and parts nothing until some event is another one. Events that change no level are left out, since nobody reacts to
them. Hidden and covert things are told like the rest: this is about the model, not about what an observer would see.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import counted, long_date
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.typing import Ints

MOST = 6
"""Moves named in a sentence on what differs; the rest is counted."""


@dataclass(frozen=True)
class Parting:
    """Two histories of one replicate, the first in the baseline and the second in a variant.

    `date` is when they part, after `shared` events alike; `before` and `after` are the sentences of the events with
    which they do ("" where nothing more happens by the horizon). `only_before` and `only_after` list what happened, how
    often, in one history beyond the other: (words, times).
    """

    replicate: int
    variant: str
    date: dt.date
    day: float
    shared: int
    endings: tuple[str, str]
    labels: tuple[str, str]
    before: str
    after: str
    only_before: tuple[tuple[str, int], ...]
    only_after: tuple[tuple[str, int], ...]

    def sentences(self) -> list[str]:
        """Tell the parting: how the two end, what they share, how they part, and which moves differ."""
        since = f"from {long_date(self.date)}" if self.day > 0 else "from the start"
        alike = f"After {counted(self.shared, 'event')} alike, {since}" if self.shared else f"F{since[1:]}"
        ends = f"with “{self.labels[0]}” at the baseline and with “{self.labels[1]}” in “{self.variant}”"
        return [
            f"Replicate {self.replicate} ends {ends}, under the same dice.",
            f"{alike}, the histories part. At the baseline: {self.before or 'nothing more happens by the horizon.'}",
            f"In “{self.variant}”: {self.after or 'nothing more happens by the horizon.'}",
            f"Only at the baseline: {_told(self.only_before)}; only in “{self.variant}”: {_told(self.only_after)}.",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "replicate": self.replicate,
            "variant": self.variant,
            "date": self.date,
            "day": self.day,
            "shared_events": self.shared,
            "endings": self.endings,
            "before": self.before,
            "after": self.after,
            "only_before": dict(self.only_before),
            "only_after": dict(self.only_after),
            "sentences": self.sentences(),
        }


def _told(moves: Sequence[tuple[str, int]]) -> str:
    parts = [words + (f" ({times} times)" if times > 1 else "") for words, times in moves[:MOST]]
    more = sum(times for _, times in moves[MOST:])
    return ", ".join([*parts, *([f"and {more} more"] if more else [])]) or "nothing"


def part(before: Histories, after: Histories, replicate: int, variant: str) -> Parting:
    """Return where the histories of one replicate part, in two worlds of one structure; raises KeyError."""
    one, other = _Told(before, replicate), _Told(after, replicate)
    shared = one.shared(other)
    days = [told.day(shared) for told in (one, other)]
    day = 0.0 if shared < 0 else min(*days, before.horizon)
    first, second = one.kinds(), other.kinds()
    return Parting(
        replicate,
        variant,
        before.scenario.as_of + dt.timedelta(days=int(day)),
        day,
        max(shared, 0),
        (one.ending, other.ending),
        (one.label, other.label),
        one.sentence(shared),
        other.sentence(shared),
        _more(first, second),
        _more(second, first),
    )


class _Told:
    """One history without the events that change nothing."""

    def __init__(self, histories: Histories, replicate: int) -> None:
        self.histories, self.replicate = histories, replicate
        rows, self.scenario = histories.rows(replicate), histories.scenario
        moved = np.any(np.diff(histories.levels[rows], axis=0) != 0, axis=1)
        self.first = rows.start
        self.rows: Ints = rows.start + 1 + np.flatnonzero(moved)
        index = int(histories.ending[np.flatnonzero(histories.replicates == replicate)[0]])
        self.ending = ONGOING if index < 0 else list(self.scenario.endings)[index]
        self.label = "No ending yet" if index < 0 else self.scenario.endings[self.ending].label

    def shared(self, other: _Told) -> int:
        """Return how many events come first in both; -1 when even the start differs."""
        if np.any(self.histories.levels[self.first] != other.histories.levels[other.first]):
            return -1
        both = min(len(self.rows), len(other.rows))
        differs = self._marks(both) != other._marks(both)
        return int(np.argmax(differs)) if np.any(differs) else both

    def _marks(self, count: int) -> Ints:
        """What happened, as a number: the outcome, or for a variable that was set the levels after it."""
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
        """Return when an event happens (infinity: not by the horizon)."""
        return float(self.histories.time[self.rows[event]]) if 0 <= event < len(self.rows) else np.inf

    def sentence(self, event: int) -> str:
        """Tell an event (-1: the start); "" where there is none."""
        if event >= len(self.rows):
            return ""
        place = 0 if event < 0 else int(self.rows[event]) - self.first
        return self.histories.story(self.replicate)[place]

    def kinds(self) -> Counter[str]:
        """Count what happened, in words."""
        return Counter(_words(self.scenario, int(self.histories.outcome[row])) for row in self.rows)


def _words(scenario: Scenario, outcome: int) -> str:
    if outcome < 0:
        return "a variable set by intervention"
    move, branch = [(move, branch) for move in scenario for branch in move.outcomes][outcome]
    return f"“{move.label}”" + (f" ({branch.label})" if len(move.outcomes) > 1 else "")


def _more(one: Counter[str], other: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple((one - other).most_common())
