"""The resolved scenario: the form that is simulated, printed, hashed, compared and stored.

People write a short form in YAML. `simlib.scenario.loader` turns it into these frozen dataclasses, which know nothing
of YAML. Ids and levels are strings in this module. `simlib.machine.tables` turns them into arrays, so that the engines
see only numbers. All rates are per day, all durations are in days, and all chances and factors are plain numbers.

A scenario is a factored continuous-time Markov chain. Its state is one level for each variable. A move has a guard,
which is its condition `when`. By default, while the guard holds, the move happens (fires) with the hazard `rate x
product of the factors that apply`. One of its outcomes is then drawn.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from simlib.formatting import by_date, date_at
from simlib.scenario.condition import ALWAYS, Clause, Condition, Window
from simlib.scenario.document import Place
from simlib.scenario.events import Ending, Joint, Ladder, Lull, Question, Repeats, Rung
from simlib.scenario.evidence import Evidence
from simlib.scenario.impact import Impact, ImpulseReward, RateReward, TerminalReward
from simlib.scenario.moves import NATURE, Effect, Factor, Move, Outcome, Wait
from simlib.scenario.resolved_form import SPARSE, plain
from simlib.scenario.views.interventions import (
    Assume,
    Change,
    Forbid,
    Force,
    Hold,
    Intervention,
    Lasting,
    Pin,
    Policy,
    View,
)

__all__ = [
    "ALWAYS",
    "NATURE",
    "SCENARIO_FORMAT",
    "SECTIONS",
    "Actor",
    "Assume",
    "Assumption",
    "AssumptionKind",
    "Change",
    "Clause",
]
__all__ += ["Condition", "Correlation", "Effect", "Ending", "Factor", "Forbid", "Force", "Hold", "Impact"]
__all__ += ["ImpulseReward", "Intervention", "Joint", "Ladder", "Lasting", "Lull", "Move", "Outcome", "Pin", "Policy"]
__all__ += ["Question", "RateReward", "Repeats", "Rung", "Scenario", "Source", "StartState", "TerminalReward"]
__all__ += ["Variable", "View", "Wait", "Window"]

SCENARIO_FORMAT = 1
"""The version of the file format that this library reads and writes."""

SECTIONS = ("sources", "actors", "variables", "assumptions", "moves", "endings", "ladders", "questions", "impacts")
"""The fields of a scenario that map ids to items."""

AssumptionKind = Literal["rate", "chance", "factor", "duration", "amount"]


@dataclass(frozen=True, slots=True)
class Source:
    """A document on which a claim rests. `date` is the day of its publication."""

    id: str
    title: str
    date: dt.date | None = None
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who makes moves, or `nature`, which always exists for events that nobody decides."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Variable:
    """One dimension of the state: named levels in order, or the numbers of a counter.

    - `levels`: the names of the levels from the lowest to the highest, or the numbers as text.
    - `start`: pairs (level, id of the assumption that gives its probability). One level may have None in place of an
      id. The probability of this level is one minus the probabilities of the others. A certain start is a single pair
      with None.
    - `hidden`: whether nobody observes the variable.
    - `because`, `sources`: the reason for the start.
    """

    id: str
    label: str
    levels: tuple[str, ...]
    start: tuple[tuple[str, str | None], ...]
    hidden: bool = False
    because: str = ""
    sources: tuple[str, ...] = ()
    level_labels: tuple[tuple[str, str], ...] = field(default=(), metadata=SPARSE)
    """Pairs (level, label) of the levels that have a label."""
    counter: bool = field(default=False, metadata=SPARSE)
    """Whether the variable is a counter: its levels are consecutive whole numbers, written as text."""

    @property
    def first(self) -> int:
        """The lowest number of a counter (a variable whose levels are whole numbers), else 0."""
        return int(self.levels[0]) if self.counter else 0

    @property
    def spread(self) -> bool:
        """Whether the variable may start at more than one level."""
        return len(self.start) > 1

    def words(self, level: str) -> str:
        """Return the label of a level or, without one, "land strike" for the level "land-strike"."""
        return dict(self.level_labels).get(level) or level.replace("-", " ")

    def at(self, level: str) -> str:
        """Return the labels of the variable and of a level: "Use of force: land strike"."""
        return f"{self.label}: {self.words(level)}"


@dataclass(frozen=True, slots=True)
class StartState:
    """One state in which a scenario may start, and its probability.

    `levels` has a pair (variable, level) for each variable.
    """

    levels: tuple[tuple[str, str], ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Assumption:
    """One number of a scenario, with its prior (its probability distribution) and its reason.

    - `kind`: "rate", "chance", "factor", "duration" or "amount".
    - `value`, `low`, `high`: the 50th, 5th and 95th percentiles of the prior, in base units (per day, days, or plain
      numbers). If all three are equal, the number is fixed.
    - `unit`: the unit in which the number is shown, such as "per week".
    - `within_days`: T in days if the number was stated as "30% within T" (else None).
    - `inline`: whether the number was written where it is used.
    - `observed`: the rate per day counted in past data, including the effect of the factors (None: not given).
    - `uses_log_until`: the last day of the event log that was used to set the number (None: the log was not used).
    - `spread`: the standard deviation of an amount from event to event. This random variation is not part of the prior.
    - `short`: a shorter label for sliders and axes.
    - `place`: the keys that lead to the number in its file. Comparisons and the hash of the scenario ignore it.
    """

    id: str
    label: str
    kind: AssumptionKind
    value: float
    low: float
    high: float
    because: str
    sources: tuple[str, ...] = ()
    unit: str = ""
    within_days: float | None = None
    inline: bool = False
    observed: float | None = None
    uses_log_until: dt.date | None = None
    spread: float = field(default=0.0, metadata=SPARSE)
    short: str = field(default="", metadata=SPARSE)
    place: Place = field(default=(), compare=False)

    @property
    def short_label(self) -> str:
        """The label for sliders and axes: the short label or, without a short label, the label."""
        return self.short or self.label

    @property
    def fixed(self) -> bool:
        """Whether the number is certain, because its prior has no spread."""
        return self.low == self.value == self.high


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation between the priors of two assumptions."""

    first: str
    second: str
    rank: float
    because: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scenario:
    """One resolved scenario: all that is needed to simulate it.

    Its mappings are {id: item}, in the order of the file, and must not be changed. Two scenarios are equal if their
    resolved forms are equal, wherever they were read from.
    """

    id: str
    title: str
    as_of: dt.date
    horizon_days: float
    actors: Mapping[str, Actor]
    variables: Mapping[str, Variable]
    assumptions: Mapping[str, Assumption]
    moves: Mapping[str, Move]
    endings: Mapping[str, Ending]
    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    impacts: Mapping[str, Impact] = field(default_factory=dict, metadata=SPARSE)
    sources: Mapping[str, Source] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    description: str = ""
    reference_class: str = ""
    view: str = ""
    ladder: str = ""
    """Id of the ladder (ordered list of levels of escalation) that is shown first, or "" if there is none."""
    headline: str = field(default="", metadata=SPARSE)
    """The measure that comes first in reports, such as "question:truce", or "" if the file names none.

    `simlib.machine.measures.headline` then chooses one.
    """
    evidence: Evidence | None = field(default=None, metadata=SPARSE)
    """How the event log of the scenario is to be read."""
    log_assumptions: Mapping[str, Assumption] = field(default_factory=dict, metadata=SPARSE)
    """The numbers written in `evidence`. They are used only to compute the likelihood of the event log."""
    joint_start: tuple[StartState, ...] = field(default=(), metadata=SPARSE)
    """The states in which the scenario may start, with their probabilities.

    If there are none, each variable starts by its own `start`, independently of the others.
    """
    path: str = field(default="", compare=False)
    """The folder from which the scenario was read. Equality and the hash ignore it."""
    file_values: Mapping[str, float] = field(default_factory=dict, compare=False)
    """{assumption: its median in the file} of the medians that a view or `with_values` replaced."""

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves.values())

    def __eq__(self, other: object) -> bool:
        return self.sha256 == other.sha256 if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def uncertain(self) -> tuple[Assumption, ...]:
        """The assumptions whose prior has a spread."""
        return tuple(assumption for assumption in self.assumptions.values() if not assumption.fixed)

    def resolved(self) -> dict[str, Any]:
        """Return the resolved form as plain JSON data, for hashing, storing and comparing."""
        return {"format": SCENARIO_FORMAT, **plain(self)}

    @cached_property
    def sha256(self) -> str:
        """The hash of the resolved form. Scenarios with the same hash are equal."""
        # Keys stay in the order of the file: the order of the endings is their precedence.
        text = json.dumps(self.resolved(), ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def changed_values(self, theta: Iterable[float] | None = None) -> dict[str, float] | None:
        """Return the values that differ from the file as {assumption: value in base units}.

        `theta` (A,) are the values of all assumptions (default: the medians in this scenario). Returns None if no value
        differs.
        """
        now = [each.value for each in self.assumptions.values()] if theta is None else map(float, theta)
        pairs = zip(self.assumptions.values(), now, strict=True)
        return {a.id: value for a, value in pairs if value != self.file_values.get(a.id, a.value)} or None

    def day(self, date: dt.date) -> float:
        """Return the number of days from 00:00 UTC of `as_of` to 00:00 UTC of a date."""
        return float((date - self.as_of).days)

    def by_date(self, days: float) -> dt.date:
        """Return the last date of a period of `days` days that begins at 00:00 of `as_of`.

        For 90 days the result is the 90th day, so "by day 90" means "by the end of the 90th day".
        """
        return by_date(self.as_of, days)

    def date_at(self, days: float) -> dt.date:
        """Return the date `days` days after 00:00 of `as_of` (before `as_of` if `days` is negative)."""
        return date_at(self.as_of, days)

    def replace(self, **changes: Any) -> Scenario:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)
