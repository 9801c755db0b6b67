"""Interventions (changes that come from outside), and views (named sets of changes)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from simlib.arguments import read_dates, real
from simlib.errors import ArgumentError
from simlib.scenario.condition import ALWAYS, Condition


@dataclass(frozen=True, slots=True)
class Force:
    """Make a move happen on a date, whatever its rate, if its condition `when` holds then.

    If `outcome` is None, the outcome is left to chance.
    """

    move: str
    date: dt.date
    outcome: str | None = None
    because: str = ""

    def __post_init__(self) -> None:
        read_dates(self, "date")

    def __str__(self) -> str:
        outcome = f":{self.outcome}" if self.outcome else ""
        return f"force {self.move}{outcome}@{self.date}"


@dataclass(frozen=True, slots=True)
class Forbid:
    """Make a move impossible for a time.

    The time lasts from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). With `when`, the move is
    impossible only while that condition holds.
    """

    move: str
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    when: Condition = ALWAYS

    def __post_init__(self) -> None:
        read_dates(self, "date", "until")
        _check_condition(self.when)

    def __str__(self) -> str:
        return f"forbid {self.move}" + _span(self.date, self.until) + _while(self.when)


@dataclass(frozen=True, slots=True)
class Policy:
    """Let a move happen at a new rate, as a rule that somebody follows.

    An example is "if a strike hits land, close the airspace within a day". The rule depends on the present state only.

    - `rate`: the rate per day, in place of the move's own rate, factors and periods of the calendar.
    - `when`: the condition of the rule. The move's own condition must hold too.
    - `date`, `until`: the rule lasts from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good).
    - `unit`: the unit in which the rate was written, which matters only for display.

    A `Forbid` of the same move overrides the rule. If two policies for one move apply at the same time, the later in
    the list counts.
    """

    move: str
    rate: float
    when: Condition = ALWAYS
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    unit: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        read_dates(self, "date", "until")
        real("rate", self.rate, "expected a number of events per day")
        _check_condition(self.when)

    def __str__(self) -> str:
        return f"policy {self.move} at {_exact(self.rate)} per day" + _span(self.date, self.until) + _while(self.when)


@dataclass(frozen=True, slots=True)
class Pin:
    """Set a variable to a level once, on a date. Later moves can change it."""

    variable: str
    level: str
    date: dt.date
    because: str = ""

    def __post_init__(self) -> None:
        read_dates(self, "date")

    def __str__(self) -> str:
        return f"pin {self.variable}={self.level}@{self.date}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Set a variable to a level and keep it at that level for a time.

    The time lasts from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good). At 00:00 of `date`, the
    variable is set before anything else happens. During the whole time, moves still happen and have their other
    effects, but no move changes this variable. Only a `Pin` of the variable can change its level. The times of two
    `Hold` interventions for one variable must not overlap.
    """

    variable: str
    level: str
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None

    def __post_init__(self) -> None:
        read_dates(self, "date", "until")

    def __str__(self) -> str:
        return f"hold {self.variable}={self.level}" + _span(self.date, self.until)


@dataclass(frozen=True, slots=True)
class Assume:
    """Give an assumption another median for a time, or while a condition holds.

    - `value`: the median in base units (per day, days, or plain numbers).
    - `when`: the condition. For a chance, only a condition that always holds is allowed.
    - `date`, `until`: the change lasts from 00:00 of `date` (None: the start) to 00:00 of `until` (None: for good).
    - `unit`: the unit in which the value was written, for display.

    If two such interventions change one assumption at the same time, the later in the list counts. A draw from the
    prior keeps its distance from the median, measured as an odds ratio for a chance and as a ratio for any other kind.
    Two kinds of assumptions are not allowed: those about the start, which have no effect later, and the amounts of
    impacts.
    """

    assumption: str
    value: float
    when: Condition = ALWAYS
    date: dt.date | None = None
    because: str = ""
    until: dt.date | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        read_dates(self, "date", "until")
        real("value", self.value, "expected a number in base units (per day, days, or plain numbers)")
        _check_condition(self.when)

    def __str__(self) -> str:
        return f"assume {self.assumption}={_exact(self.value)}" + _span(self.date, self.until) + _while(self.when)


Intervention = Force | Forbid | Policy | Pin | Hold | Assume
Lasting = Forbid | Policy | Hold | Assume
"""Interventions that apply from one date until another. All other interventions act once, on a date."""

Plan = tuple[Intervention, ...]
"""Interventions that are made together."""


def _check_condition(when: object) -> None:
    if not isinstance(when, Condition):
        raise ArgumentError("when", when, "expected a Condition")


def _exact(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _span(date: dt.date | None, until: dt.date | None) -> str:
    return (f"@{date}" if date else "") + (f"..{until}" if until else "")


def _while(when: Condition) -> str:
    return "" if when.always else f" while {when}"


@dataclass(frozen=True, slots=True)
class Change:
    """One assumption that a view changes.

    - `value`: the new median, in base units (per day, days, or plain numbers).
    - `low`, `high`: the new 5th and 95th percentiles (None: they shift with the median).
    - `because`, `sources`: the reason.
    - `unit`: the unit in which the value was written.
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
    """A named set of changed assumptions and interventions, with the reason of its author.

    - `changes`: the changed assumptions.
    - `interventions`: the changes from outside.
    - `horizon_days`: a new horizon in days (None: that of the scenario).
    - `ladder`: the id of the ladder shown first (None: that of the scenario).
    """

    id: str
    title: str
    author: str = ""
    because: str = ""
    changes: tuple[Change, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    horizon_days: float | None = None
    ladder: str | None = None
