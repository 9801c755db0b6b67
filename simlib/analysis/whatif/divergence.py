"""The divergence of two histories of one replicate: the first event in only one of them.

Both histories use common random numbers. Events are compared and not their dates. A faster rate moves every date a
little, and the histories diverge only where a different event happens. Events that change no level are left out, since
nobody reacts to them. Hidden and covert events count like the rest: the comparison is about the model, not about an
observer.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.answer import pick
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import counted, long_date
from simlib.machine.measures import every
from simlib.scenario.model import Scenario
from simlib.typing import Ints

__all__ = ["Divergence", "diverge"]

MOST = 6
"""Most moves named in a sentence about the differences. The others are counted."""


@dataclass(frozen=True)
class Divergence:
    """Two histories of one replicate: the first at the baseline, the second in a variant.

    They diverge on `date`, after `shared` events that are the same in both. `before` and `after` are the sentences
    of the events that differ ("" where nothing more happens by the horizon). `only_before` and `only_after` list
    (words, times) of what happened more often in one history than in the other.
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
        """Describe how the two histories end, how they diverge and which moves differ."""
        since = f"on {long_date(self.date)}" if self.day > 0 else "at the start"
        alike = f", after {counted(self.shared, 'shared event')}" if self.shared else ""
        before, after = self.labels
        nothing = "nothing more happens by the horizon."
        return [
            f"Replicate {self.replicate} ends with “{before}” at the baseline and with “{after}” in “{self.variant}”.",
            f"The two histories diverge {since}{alike}. At the baseline: {self.before or nothing}",
            f"In “{self.variant}”: {self.after or nothing}",
            f"Only at the baseline: {_list(self.only_before)}; only in “{self.variant}”: {_list(self.only_after)}.",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        before = pick(self, "replicate", "variant", "date", "day") | {"shared_events": self.shared}
        only = {"only_before": dict(self.only_before), "only_after": dict(self.only_after)}
        return before | pick(self, "endings", "before", "after") | only | {"sentences": self.sentences()}


def _list(moves: Sequence[tuple[str, int]]) -> str:
    parts = [words + (f" ({times} times)" if times > 1 else "") for words, times in moves[:MOST]]
    more = sum(times for _, times in moves[MOST:])
    return ", ".join([*parts, *([f"and {more} more"] if more else [])]) or "nothing"


def diverge(before: Histories, after: Histories, replicate: int, variant: str) -> Divergence:
    """Return where two histories of one replicate diverge.

    Raises KeyError for a replicate that was not simulated.
    """
    one, other = _History(before, replicate), _History(after, replicate)
    shared = one.shared(other)
    days = [history.day(shared) for history in (one, other)]
    day = 0.0 if shared < 0 else min(*days, before.horizon)
    first, second = one.kinds(), other.kinds()
    return Divergence(
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


class _History:
    """One history without the events that change nothing."""

    def __init__(self, histories: Histories, replicate: int) -> None:
        self.histories, self.replicate = histories, replicate
        rows, self.scenario = histories.rows(replicate), histories.scenario
        moved = np.any(np.diff(histories.levels[rows], axis=0) != 0, axis=1)
        self.first = rows.start
        self.rows: Ints = rows.start + 1 + np.flatnonzero(moved)
        index = int(histories.ending[np.flatnonzero(histories.replicates == replicate)[0]])
        ending = list(every(self.scenario, ("ending",)))[index]  # -1, none yet, is the last of them
        self.ending, self.label = ending.of, ending.label

    def shared(self, other: _History) -> int:
        """Return how many first events both histories share, -1 when even the start differs."""
        if np.any(self.histories.levels[self.first] != other.histories.levels[other.first]):
            return -1
        both = min(len(self.rows), len(other.rows))
        differs = self._marks(both) != other._marks(both)
        return int(np.argmax(differs)) if np.any(differs) else both

    def _marks(self, count: int) -> Ints:
        """Return an event as numbers: its outcome, or the levels after a variable was set."""
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
        """Return an event in words (-1: the start); "" where there is none."""
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
