"""The reason and the sources behind a number or a move, in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from simlib.answer import pick
from simlib.scenario.model import Scenario

__all__ = ["Grounds", "grounds"]


@dataclass(frozen=True)
class Grounds:
    """The reason and the sources of a number or a move.

    because: the reason ("": none).
    sources: the titles of the sources.
    youngest: the date of the newest source (None: no source is dated).
    age_days: the days from that date to the date of the forecast.
    """

    because: str
    sources: tuple[str, ...]
    youngest: dt.date | None
    age_days: int | None

    def row(self) -> dict[str, Any]:
        """Return the sources and their age as columns of a table."""
        return pick(self, "sources", "youngest", "age_days")

    def words(self) -> str:
        """Return a phrase that names the sources, and says how old the newest is."""
        if not self.sources:
            return "no source"
        return f"{'; '.join(self.sources)} ({self._newest()})"

    def brief(self, width: int) -> str:
        """Return the age of the newest source and the sources, cut to `width` characters."""
        words = f"{self._newest()}: {'; '.join(self.sources)}" if self.sources else self.words()
        return shorten(words, width, placeholder=" …")

    def _newest(self) -> str:
        several = len(self.sources) > 1 and self.age_days is not None
        return f"the newest {self.age()}" if several else self.age()

    def age(self) -> str:
        """Return the age of the newest source in words, such as "3 days old"."""
        if self.age_days is not None and self.age_days < 0:
            return "dated after the forecast"
        return {None: "undated", 0: "of the day", 1: "a day old"}.get(self.age_days, f"{self.age_days} days old")

    def sentence(self) -> str:
        """Return a sentence with the sources, the reason and the age of the newest source."""
        reason = self.because.rstrip(".")
        if self.sources:
            return f"It rests on {self.words()}: {reason}." if reason else f"It rests on {self.words()}."
        return f"It has no source, only a reason: {reason}." if reason else "It has no source."


def grounds(scenario: Scenario, because: str, sources: tuple[str, ...]) -> Grounds:
    """Return the reason and the sources of a number or a move, given the ids of the sources."""
    known = [scenario.sources[name] for name in sources if name in scenario.sources]
    youngest = max((source.date for source in known if source.date), default=None)
    age = None if youngest is None else (scenario.as_of - youngest).days
    return Grounds(because, tuple(source.title for source in known), youngest, age)
