"""Interventions, and the views that carry them together with changed assumptions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from simlib.scenario.condition import ALWAYS, Condition


@dataclass(frozen=True, slots=True)
class Force:
    """Make a move fire on a date if its guard holds, whatever its rate.

    `outcome` None leaves the outcome to chance.
    """

    move: str
    date: dt.date
    outcome: str | None = None
    because: str = ""

    def __str__(self) -> str:
        outcome = f":{self.outcome}" if self.outcome else ""
        return f"force {self.move}{outcome}@{self.date}"


@dataclass(frozen=True, slots=True)
class Forbid:
    """Make a move impossible for a time.

    The ban holds from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). With `when` it applies
    only while that condition holds.
    """

    move: str
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    when: Condition = ALWAYS

    def __str__(self) -> str:
        return f"forbid {self.move}" + _span(self.date, self.until) + _while(self.when)


@dataclass(frozen=True, slots=True)
class Policy:
    """Let a move happen at a rate of its own while a condition holds.

    While `when` holds and its guard holds, the move happens at `rate` per day, whatever its own rate and factors. It is
    a rule that somebody follows: "if a strike hits land, close the airspace within a day". The rule depends on the
    present state only. It applies from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). A
    `Forbid` of the same move is stronger. Of two policies, the later one in the list is stronger. `unit` is the unit in
    which the rate was written. It matters only for display.
    """

    move: str
    rate: float
    when: Condition = ALWAYS
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    unit: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"policy {self.move} at {self.rate:g} per day" + _span(self.date, self.until) + _while(self.when)


@dataclass(frozen=True, slots=True)
class Pin:
    """Set a variable to a level on a date, once. Later moves can change it."""

    variable: str
    level: str
    date: dt.date
    because: str = ""

    def __str__(self) -> str:
        return f"pin {self.variable}={self.level}@{self.date}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Set a variable to a level and keep it there.

    No move changes it, whatever else the move does. It is kept from 00:00 of `date` (None: the start), before anything
    else of that day, to 00:00 of `until` (None: for good). Meanwhile only a `Pin` of the same variable can change its
    level. Holds of one variable must not overlap.
    """

    variable: str
    level: str
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None

    def __str__(self) -> str:
        return f"hold {self.variable}={self.level}" + _span(self.date, self.until)


@dataclass(frozen=True, slots=True)
class Assume:
    """Give an assumption another median (in base units) from a date on, or while a condition holds.

    It applies from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). If two apply, the later one
    in the list is used. A draw of the priors keeps its distance from the median: the same ratio for a rate or a factor,
    the same odds ratio for a chance. A chance cannot have `when`, and an assumption about the start cannot change
    afterwards.
    """

    assumption: str
    value: float
    when: Condition = ALWAYS
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    unit: str = ""

    def __str__(self) -> str:
        return f"assume {self.assumption}={self.value:g}" + _span(self.date, self.until) + _while(self.when)


Intervention = Force | Forbid | Policy | Pin | Hold | Assume
Lasting = Forbid | Policy | Hold | Assume
"""Interventions that apply from one date until another. The others act once, on a date."""


def _span(date: dt.date | None, until: dt.date | None) -> str:
    return (f"@{date}" if date else "") + (f"..{until}" if until else "")


def _while(when: Condition) -> str:
    return "" if when.always else f" while {when}"


@dataclass(frozen=True, slots=True)
class Change:
    """One assumption changed by a view.

    The change gives a new median, perhaps a new range (both in base units), and a reason.
    """

    assumption: str
    value: float
    low: float | None = None
    high: float | None = None
    because: str = ""
    sources: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A named set of changed assumptions and interventions, with its author's reason."""

    id: str
    title: str
    author: str = ""
    because: str = ""
    changes: tuple[Change, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    horizon_days: float | None = None
    ladder: str | None = None
