"""The resolved scenario, which is simulated, printed, hashed, compared and stored.

People write the short form in YAML. `simlib.scenario.loader` resolves it into these frozen dataclasses, once, in one
direction. Nothing here knows YAML. Names stay strings. `simlib.machine.tables` turns them into arrays, and the engines
see no string. All rates are per day, all durations are in days, and all chances and factors are plain numbers.

A scenario is a factored continuous-time Markov chain: the state is one level for each variable. A move fires with
hazard `rate x product of the factors that hold` while its guard holds. One of its outcomes is then chosen by chance.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from simlib.formatting import by_date, date_at
from simlib.scenario.condition import ALWAYS, Clause, Condition, Window
from simlib.scenario.evidence import Evidence
from simlib.scenario.impact import Impact, ImpulseReward, RateReward, TerminalReward
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

__all__ = ["ALWAYS", "FORMAT", "Actor", "Assume", "Assumption", "AssumptionKind", "Change", "Clause", "Condition"]
__all__ += ["Correlation", "Effect", "Ending", "Factor", "Forbid", "Force", "Hold", "Impact", "ImpulseReward"]
__all__ += ["Intervention", "Joint", "Ladder", "Lasting", "Lull", "Move", "Outcome", "Pin", "Policy", "Question"]
__all__ += ["RateReward", "Repeats", "Rung", "Scenario", "Source", "StartState", "TerminalReward", "Variable", "View"]
__all__ += ["Wait", "Window"]

FORMAT = 1
"""The version of the file format this library reads and writes."""

NATURE = "nature"
"""The actor that always exists, for events that nobody decides."""

AssumptionKind = Literal["rate", "chance", "factor", "duration", "amount"]

SPARSE: Mapping[str, bool] = {"sparse": True}
"""Metadata of a field that the resolved form leaves out while it has its default.

So a feature that a scenario does not use leaves its hash as it was.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim comes from.

    `date` is when it was published.
    """

    id: str
    title: str
    date: dt.date | None = None
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who makes moves.

    `nature` is always known.
    """

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Variable:
    """One dimension of the state: named, ordered levels, or the numbers of a counter.

    `start` lists (level, assumption id). One entry may have None and takes the rest of the probability. A start at
    one known level is a single entry with None. `hidden`: nobody observes it.
    """

    id: str
    label: str
    levels: tuple[str, ...]
    start: tuple[tuple[str, str | None], ...]
    hidden: bool = False
    because: str = ""
    sources: tuple[str, ...] = ()
    level_labels: tuple[tuple[str, str], ...] = field(default=(), metadata=SPARSE)
    """(level, label) of the levels that have a label."""
    counter: bool = field(default=False, metadata=SPARSE)
    """Whether its levels are whole numbers, one after the other, written as text."""

    @property
    def first(self) -> int:
        """What the lowest level stands for: its number in a counter, else 0."""
        return int(self.levels[0]) if self.counter else 0

    @property
    def spread(self) -> bool:
        """True when the variable may start at more than one level."""
        return len(self.start) > 1

    def words(self, level: str) -> str:
        """Return a level as people read it: its label, else "land strike" for "land-strike"."""
        return dict(self.level_labels).get(level) or level.replace("-", " ")

    def at(self, level: str) -> str:
        """Return the variable with a level as people read them: "Use of force: land strike"."""
        return f"{self.label}: {self.words(level)}"


@dataclass(frozen=True, slots=True)
class StartState:
    """One state in which a scenario may start, with its probability: (variable, level) of each variable."""

    levels: tuple[tuple[str, str], ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Assumption:
    """One number that the model needs, with its prior and its reason.

    `value`, `low` and `high` are the 50th, 5th and 95th percentiles of the prior, in base units (per day or plain).
    All three equal means fixed. `unit` is how it is shown ("per week"). `within_days` is the window of an elicited
    "p within T". `inline` marks a literal written where it is used. `observed` (per day) is the rate seen in the
    record, tempo included. `uses_log_until` is the date up to which the event log already set this number. `spread` is
    the standard deviation of an amount from event to event, which is chance and no part of the prior.
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

    @property
    def short_label(self) -> str:
        """The label where room is short, as on a slider or an axis."""
        return self.short or self.label

    @property
    def fixed(self) -> bool:
        """True when the prior has no spread."""
        return self.low == self.value == self.high


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman rank correlation between the priors of two assumptions."""

    first: str
    second: str
    rank: float
    because: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factor:
    """A multiplier of a move's rate or of an outcome's odds, which applies while a condition holds.

    A factor with a window applies only while that is open. A factor `per` a counter has no assumption (`by` is ""): it
    is the number at which the counter is.
    """

    by: str
    when: Condition = ALWAYS
    between: Window | None = None
    per: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Effect:
    """Sets a variable to a level, or shifts it by some levels (saturating at the ends).

    Exactly one of the two is given. With `when` the effect happens only where that condition holds before the outcome.
    In any state at most one effect of an outcome on a variable can happen.
    """

    variable: str
    level: str | None = None
    shift: int | None = None
    when: Condition = field(default=ALWAYS, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One branch of a move.

    `chance` is an assumption id, or None for the branch that takes the rest. Each of the `factors` that apply
    multiplies the odds of the outcome against the others. The outcomes of a move are then normalised together.
    """

    id: str
    label: str
    chance: str | None
    effects: tuple[Effect, ...] = ()
    factors: tuple[Factor, ...] = field(default=(), metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Wait:
    """The waiting time of a move that takes a while, and how much it varies from one time to the next.

    `low` and `high` are the 5th and 95th percentiles of one wait, in days, as the file has them beside the stated
    median. `stages` is the number of exponential stages in a row that comes closest to them (an Erlang distribution).
    `because` and `sources` are given where the median is an assumption with a reason of its own.
    """

    stages: int
    low: float
    high: float
    because: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Something an actor does, or that happens (actor `nature`).

    It is possible while `when` holds, while its window `between` is open (if it has one), and while no counter to which
    its rate is proportional is at 0. Its hazard per day is then `rate` times the factors that apply. `covert`: nobody
    observes it. With `takes`, `rate` names the median time in days from when the move becomes possible until it
    happens. With `at` it has no `rate` (""): it happens at 00:00 of that day if `when` holds.
    """

    id: str
    actor: str
    label: str
    rate: str
    target: str | None = None
    when: Condition = ALWAYS
    between: Window | None = None
    factors: tuple[Factor, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    covert: bool = False
    sources: tuple[str, ...] = ()
    short: str = field(default="", metadata=SPARSE)
    takes: Wait | None = field(default=None, metadata=SPARSE)
    at: dt.date | None = field(default=None, metadata=SPARSE)

    @property
    def unseen(self) -> bool:
        """Whether nobody does it and nobody sees it, such as a tempo that cools."""
        return self.covert and self.actor == NATURE

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions that the rate, the factors and the chances name, each once, in that order."""
        chances = (outcome.chance for outcome in self.outcomes if outcome.chance is not None)
        of_outcomes = (factor.by for outcome in self.outcomes for factor in outcome.factors)
        numbers = [self.rate, *(factor.by for factor in self.factors), *chances, *of_outcomes]
        return tuple(dict.fromkeys(filter(None, numbers)))

    @property
    def per(self) -> tuple[str, ...]:
        """The counters to which the rate of the move is proportional."""
        return tuple(factor.per for factor in self.factors if factor.per)

    def placed_factors(self) -> Iterator[tuple[tuple[str | int, ...], Factor]]:
        """Yield every factor with its place in the move: those on the rate, then those on the outcomes."""
        for index, factor in enumerate(self.factors):
            yield ("times", index), factor
        for outcome in self.outcomes:
            for index, factor in enumerate(outcome.factors):
                yield ("outcomes", outcome.id, "times", index), factor

    def placed_windows(self) -> Iterator[tuple[tuple[str | int, ...], Window]]:
        """Yield the calendar window of the move and those of its factors, each with its place in the move."""
        if self.between:
            yield ("between",), self.between
        for place, factor in self.placed_factors():
            if factor.between:
                yield (*place, "between"), factor.between

    def without_windows(self) -> Move:
        """Return the move free of the calendar: its window and those of all its factors are always open."""
        factors, *of_outcomes = (
            tuple(dataclasses.replace(factor, between=None) for factor in some)
            for some in (self.factors, *(outcome.factors for outcome in self.outcomes))
        )
        pairs = zip(self.outcomes, of_outcomes, strict=True)
        outcomes = tuple(dataclasses.replace(outcome, factors=some) for outcome, some in pairs)
        return dataclasses.replace(self, between=None, factors=factors, outcomes=outcomes)

    def outcome(self, outcome_id: str) -> Outcome:
        """Return the outcome with this id.

        Raises KeyError.
        """
        for outcome in self.outcomes:
            if outcome.id == outcome_id:
                return outcome
        raise KeyError(outcome_id)


@dataclass(frozen=True, slots=True)
class Ending:
    """A named condition that stops the clock. The order in `Scenario.endings` is precedence."""

    id: str
    label: str
    when: Condition
    because: str = ""


@dataclass(frozen=True, slots=True)
class Lull:
    """A stretch of `days` in which none of `moves` fires.

    It begins at `as_of` or at a firing of one of them. It must be over before the story ends.
    """

    moves: tuple[str, ...]
    days: float


@dataclass(frozen=True, slots=True)
class Repeats:
    """At least so many firings of some moves, counted together from `as_of` on."""

    moves: tuple[str, ...]
    at_least: int


@dataclass(frozen=True, slots=True)
class Joint:
    """One event by a day, and another event, for a conditional measure (`machine.asked_events`).

    Each event is ("ending" or "question", id). `first` must happen by `until` days (None: at any time). Without `then`
    that is all.
    """

    first: tuple[str, str]
    until: float | None = None
    then: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A named event reported beside the endings.

    The event is the first time that a condition holds, that a move fires, that a lull is over, or that moves have fired
    often enough. Exactly one of `when`, `move`, `lull` and `count` is given. `outcome` narrows `move` to one outcome.
    `resolves` says how the question is settled in the world, and `decides` says who settles it.
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

    @property
    def moves(self) -> tuple[str, ...]:
        """The moves whose firings decide the question."""
        if self.lull or self.count:
            return (self.lull or self.count).moves  # type: ignore[union-attr]
        return () if self.move is None else (self.move,)

    def counts(self, move: str, outcome: str) -> bool:
        """Say whether a firing of this move with this outcome counts for the question."""
        return move in self.moves and self.outcome in (None, outcome)

    def first_time(self, firings: Sequence[float], end: float) -> float:
        """Return when firings at these times (in order) make it a yes, or infinity. The story is over at `end`."""
        if self.lull is None:
            goal = self.count.at_least if self.count else 1
            return firings[goal - 1] if len(firings) >= goal else math.inf
        stretches = itertools.pairwise([0.0, *firings, end])
        over = (begin + self.lull.days for begin, stop in stretches if begin + self.lull.days <= stop)
        return next(over, math.inf)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder."""

    id: str
    when: Condition = ALWAYS
    label: str = ""
    short: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Ladder:
    """An ordered list of rungs.

    The state is on the highest (last) rung whose condition holds. The condition of the first always holds.
    """

    id: str
    label: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, eq=False)
class Scenario:
    """One resolved scenario. Mappings are ordered as in the file and are not to be changed.

    Two scenarios are equal when their resolved forms are, wherever they were read from.
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
    """Id of the ladder shown first ("" where there is none)."""
    headline: str = field(default="", metadata=SPARSE)
    """The measure that leads, such as "question:truce" ("": the file does not say; see `measures.headline`)."""
    evidence: Evidence | None = field(default=None, metadata=SPARSE)
    """How its event log is to be read."""
    log_assumptions: Mapping[str, Assumption] = field(default_factory=dict, metadata=SPARSE)
    """The numbers of `evidence`: they weigh the log and change no forecast."""
    joint_start: tuple[StartState, ...] = field(default=(), metadata=SPARSE)
    """The states in which it may start, in place of a start of each variable. Empty: each starts as it says."""
    path: str = ""
    """Folder it was read from; no part of its identity."""

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves.values())

    def __eq__(self, other: object) -> bool:
        return self.sha256 == other.sha256 if isinstance(other, Scenario) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.sha256)

    def resolved(self) -> dict[str, Any]:
        """Return the resolved form as plain JSON data, which is hashed, stored and compared."""
        return {"format": FORMAT} | {name: value for name, value in _plain(self).items() if name != "path"}

    @cached_property
    def sha256(self) -> str:
        """Hash of the resolved form: two scenarios with the same hash are the same."""
        # Keys stay in the order of the file: the order of the endings is their precedence.
        text = json.dumps(self.resolved(), ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def day(self, date: dt.date) -> float:
        """Return a date as days after `as_of` (t = 0 is 00:00 UTC of `as_of`)."""
        return float((date - self.as_of).days)

    def by_date(self, days: float) -> dt.date:
        """Return the date D for which "by t = `days`" means "by the end of D".

        After 90 days this is the 90th day.
        """
        return by_date(self.as_of, days)

    def date_at(self, days: float) -> dt.date:
        """Return the date of the moment so many days after `as_of`, or before it (negative days)."""
        return date_at(self.as_of, days)

    def replace(self, **changes: Any) -> Scenario:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not _left_out(f, value)}
        return ({"type": type(value).__name__} | plain) if isinstance(value, Intervention) else plain
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def _left_out(part: dataclasses.Field[Any], value: Any) -> bool:
    """Say whether the resolved form leaves out a field: it is sparse, and has its default."""
    made = part.default_factory
    default = part.default if made is dataclasses.MISSING else made()
    return "sparse" in part.metadata and bool(getattr(value, part.name) == default)
