"""Interventions, and views, which are sets of interventions and changed assumptions.

The guard of a move is its condition `when`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from simlib.scenario.condition import ALWAYS, Condition


@dataclass(frozen=True, slots=True)
class Force:
    """Make a move fire on a date if its condition `when` holds then, whatever its rate.

    If `outcome` is None, the outcome is left to chance.
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

    This applies from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). With `when`, it applies
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
    """Let a move happen at a new rate while a condition holds.

    While `when` and the guard of the move hold, the move happens at `rate` per day, in place of its own rate, factors
    and windows. A policy is a rule that somebody follows, such as "if a strike hits land, close the airspace within a
    day". It depends on the present state only. It applies from 00:00 of `date` (None: the start) to 00:00 of `until`
    (None: for good). A `Forbid` of the same move overrides it. Of two policies for a move, the later in the list
    counts. `unit` is the unit in which the rate was written, and matters only for display.
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

    Moves still happen and have their other effects, but none changes this variable. It is kept from 00:00 of `date`
    (None: the start), before anything else happens on that day, to 00:00 of `until` (None: for good). Meanwhile only a
    `Pin` of the same variable can change its level. Holds of one variable must not overlap.
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
    """Give an assumption another median (in base units) for a time, or while a condition holds.

    It applies from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). If two such interventions
    apply, the later in the list is used. A draw of the priors keeps its distance from the median: the same ratio for a
    rate or a factor, the same odds ratio for a chance. `when` is not allowed for a chance. An assumption about the
    start is not allowed either, because it has no effect later.
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
