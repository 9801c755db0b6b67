"""Measures: the numbers that a forecast reports, by name.

Every forecast reports these measures, at each of its times:

    ending:ID             probability that this ending has been reached ("ending:ongoing": that none has been reached)
    question:ID           probability that the answer to this question is yes
    level:VARIABLE=LEVEL  probability that the variable is at this level
    rung:LADDER=RUNG      probability that the ladder is on this rung (level of escalation)
    moves:ID              expected number of times that this move has happened
    impact:ID             expected amount of this impact

An ending, a question or an impact may also be named by its id alone.

Further measures are computed only when a user asks for them:

    fired:MOVE              probability that the move has happened at least once
    reached:VARIABLE=LEVEL  probability that the variable has been at this level or a higher one
    reached:LADDER=RUNG     probability that the ladder has been on this rung or a higher one
    days:VARIABLE=LEVEL     expected number of days at this level before any ending
    EVENT|CONDITION@DATE    probability of the event, given that the condition (another event) happens by DATE

Without "@DATE", the condition and the event both have to happen by the time that is reported. An event is an ending, a
question, or one of "fired:" and "reached:".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simlib.errors import Problem, ScenarioError, SimlibError, Unsupported, collect, did_you_mean, refuse
from simlib.formatting import long_date, percent
from simlib.quantities import show
from simlib.results import NO_ENDING, ONGOING, Band, Forecast, above_zero
from simlib.scenario.model import Scenario
from simlib.typing import Floats

By = str | float | dt.date | None
"""The day by which an event is asked about: a date, its ISO text, or days after `as_of`. None means the horizon."""

MeasureKind = Literal["ending", "question", "level", "rung", "moves", "impact", "fired", "reached", "days", "given"]

FORECAST_MEASURE_KINDS: tuple[MeasureKind, ...] = ("ending", "question", "level", "rung", "moves", "impact")
"""The kinds that every forecast reports."""

WATCHED_DAYS = 14.0
"""Default number of days for which one watches for signs (see `watched_days`)."""

MEASURE_FORMS = (
    "ending:ID, question:ID, level:VARIABLE=LEVEL, rung:LADDER=RUNG, moves:ID, impact:ID, fired:MOVE, "
    "reached:VARIABLE=LEVEL, days:VARIABLE=LEVEL or EVENT|CONDITION@DATE"
)

_KNOWN: tuple[MeasureKind, ...] = (*FORECAST_MEASURE_KINDS, "fired", "reached", "days")
_EVENTS = ("ending", "question", "fired", "reached")
_PAIRS = ("level", "rung", "reached", "days")
"""Kinds of measures that are named "KIND:OF=PART"."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a forecast reports.

    Attributes:
        kind: The kind of the measure, such as "ending". The kind "given" is a conditional probability.
        of: The id of the ending, question, variable, ladder, move or impact. For a conditional probability, the name of
            the event.
        label: The label that people read.
        part: The level of the variable, or the rung of the ladder. For a conditional probability, the name of the
            condition, followed by "@" and its date if there is one.
        unit: The unit of an amount or of a number of days, "" for other kinds.
    """

    kind: MeasureKind
    of: str
    label: str
    part: str = ""
    unit: str = ""

    @property
    def name(self) -> str:
        """The name of the measure, such as "ending:open-war"."""
        if self.kind == "given":
            return f"{self.of}|{self.part}"
        return f"{self.kind}:{self.of}" + (f"={self.part}" if self.part else "")

    @property
    def question_id(self) -> str:
        """The id of the question that records the event of the measure, or "" if there is none.

        `asked_events.with_events` adds such a question for a measure "fired:..." or "reached:...".
        """
        return self.of if self.kind == "question" else self.name if self.kind in ("fired", "reached") else ""

    @property
    def condition(self) -> str:
        """For a conditional probability: the id of the question whether the condition has happened."""
        return f"given {self.part}"

    @property
    def both(self) -> str:
        """The id of the question whether a conditional probability's event and condition happened."""
        return f"{self.of}&{self.part}"

    @property
    def probability(self) -> bool:
        """Whether the value is a probability, and not an expected count or amount."""
        return self.kind not in ("moves", "impact", "days")

    @property
    def words(self) -> str:
        """The name of the measure inside a sentence, such as “Open war”."""
        return f"how often “{self.label}” happens" if self.kind == "moves" else f"“{self.label}”"

    def write(self, value: float) -> str:
        """Write a value of the measure: a probability in percent, another value with its unit."""
        return percent(value) if self.probability else show(value, "amount", self.unit)

    def column(self, scenario: Scenario) -> int:
        """Return the column of the measure in an array with a column for each measure of its kind."""
        if self.kind in ("level", "rung"):
            pairs = [(of, part) for of, parts in _parts(scenario, self.kind).items() for part in parts]
            return pairs.index((self.of, self.part))
        if self.question_id:
            return list(scenario.questions).index(self.question_id)
        return [*_names(scenario, self.kind)].index(self.of)


def days_by(scenario: Scenario, by: By, name: str = "by") -> float:
    """Return a target day as a number of days after the scenario's `as_of`.

    `by` is None for the horizon, a number of days, a date, or the ISO text of a date. A date means the end of that day.
    Raises ScenarioError for a text that is not a date, and for a day outside the forecast. The message calls the day
    `name`.
    """
    try:
        date = dt.date.fromisoformat(by) if isinstance(by, str) else by
    except ValueError:
        raise ScenarioError(Problem("", 0, name, f"{by!r} is no date", "expected a date such as 2031-06-29")) from None
    if date is None:
        return scenario.horizon_days
    days = scenario.day(date) + 1 if isinstance(date, dt.date) else float(date)
    if not 0 < days <= scenario.horizon_days:
        last = f"{scenario.by_date(scenario.horizon_days)} ({scenario.horizon_days:g} days after {scenario.as_of})"
        raise ScenarioError(Problem("", 0, name, f"{by} lies outside the forecast", f"expected a day up to {last}"))
    return days


def watched_days(scenario: Scenario, look_by: By, by_day: float) -> float:
    """Return the last day of watching, in days after `as_of`, for a target on day `by_day`.

    Without `look_by`, watching lasts `WATCHED_DAYS`, or half of the time to the target if that is less. Raises
    ScenarioError for a text that is not a date, and for a day that is not before the target.
    """
    day = min(WATCHED_DAYS, by_day / 2) if look_by is None else days_by(scenario, look_by, "look_by")
    if day >= by_day:
        expected = f"expected a day before the target, {by_day:g} days after {scenario.as_of}"
        raise ScenarioError(Problem("", 0, "look_by", f"{day:g} days", expected))
    return day


def find(scenario: Scenario, names: str | Iterable[str] | None = None) -> tuple[Measure, ...]:
    """Return the measures in `names` without repetitions (None: the headline of the scenario).

    Raises a ScenarioError that lists every unknown name, and ValueError for an empty list of names.
    """
    if names is None:
        return (headline(scenario),)
    result: list[Measure] = []
    problems: list[Problem] = []
    for name in [names] if isinstance(names, str) else list(names):
        with collect(problems):
            result.append(_read(scenario, name))
    refuse(problems)
    if not result:
        raise ValueError("no measure is named; give at least one of " + MEASURE_FORMS)
    return tuple(dict.fromkeys(result))


def headline(scenario: Scenario, kinds: Iterable[MeasureKind] = ("question", "ending")) -> Measure:
    """Return the headline, which is the measure that comes first in reports.

    The scenario may name its headline. If it names no measure of the permitted `kinds`, the headline is the first
    measure of the first kind, else of the second kind, and so on. If there is no such measure, the headline is "no
    ending yet".
    """
    first = (measure for kind in kinds for measure in every(scenario, (kind,)))
    said = _read(scenario, scenario.headline) if scenario.headline else None
    return said if said is not None and said.kind in kinds else next(first, _make(scenario, "ending", ONGOING))


def every(scenario: Scenario, kinds: Iterable[MeasureKind] = FORECAST_MEASURE_KINDS) -> Iterator[Measure]:
    """Yield every measure of the given kinds. "No ending yet" comes after the other endings."""
    for kind in kinds:
        if kind in ("level", "rung"):
            for of, parts in _parts(scenario, kind).items():
                yield from (_make(scenario, kind, of, part) for part in parts)
        else:
            yield from (_make(scenario, kind, of) for of in _names(scenario, kind))


def _read(scenario: Scenario, name: str) -> Measure:
    if "|" in name:
        return _conditional(scenario, name)
    kind, colon, rest = name.partition(":")
    if not colon:
        return _bare(scenario, name)
    if kind not in _KNOWN:
        raise _unknown(name, f"{kind!r} is no kind of measure", f"expected {MEASURE_FORMS}")
    of, _, part = rest.partition("=")
    if kind not in _PAIRS:
        known = _names(scenario, kind)
        if rest not in known:
            raise _unknown(name, f"{rest!r} is not known", did_you_mean(rest, known))
        return _make(scenario, kind, rest)
    groups = _parts(scenario, kind)
    if of not in groups:
        raise _unknown(name, f"{of!r} is not known", did_you_mean(of, groups))
    if part not in groups[of]:
        what = "rung" if of in scenario.ladders else "level"
        raise _unknown(name, f"{of!r} has no {what} {part!r}", did_you_mean(part, groups[of]))
    return _make(scenario, kind, of, part)


def _conditional(scenario: Scenario, name: str) -> Measure:
    left, _, right = (part.strip() for part in name.partition("|"))
    condition, at, date = (part.strip() for part in right.partition("@"))
    event, given = (_event(scenario, part, name) for part in (left, condition))
    label = f"{event.label}, given: {given.label}"
    if at:
        try:
            day = days_by(scenario, date)
        except ScenarioError as error:
            raise _unknown(name, error.problems[0].what, error.problems[0].expected) from None
        label = f"{label} by {long_date(scenario.by_date(day))}"
    return Measure("given", event.name, label, f"{given.name}@{date}" if at else given.name)


def _event(scenario: Scenario, part: str, name: str) -> Measure:
    measure = _read(scenario, part) if part and "|" not in part else None
    if measure is None or measure.kind not in _EVENTS or measure.of == ONGOING:
        expected = "expected ending:ID, question:ID, fired:MOVE, reached:VARIABLE=LEVEL or reached:LADDER=RUNG"
        raise _unknown(name, f"{part!r} is no event: an event happens once and stays true", expected)
    return measure


def _bare(scenario: Scenario, name: str) -> Measure:
    bare: tuple[MeasureKind, ...] = ("ending", "question", "impact")
    homes = [kind for kind in bare if name in _names(scenario, kind)]
    if len(homes) == 1:
        return _make(scenario, homes[0], name)
    known = [known for kind in bare for known in _names(scenario, kind)]
    if homes:
        both = " and ".join(f"an {kind}" if kind != "question" else "a question" for kind in homes)
        raise _unknown(name, f"is both {both}", f"expected {' or '.join(f'{kind}:{name}' for kind in homes)}")
    what = "is no ending and no question" + " and no impact" * bool(scenario.impacts)
    raise _unknown(name, what, did_you_mean(name, known) or f"expected {MEASURE_FORMS}")


def _unknown(name: str, what: str, expected: str) -> ScenarioError:
    return ScenarioError(Problem("", 0, f"measure {name!r}", what, expected))


def _names(scenario: Scenario, kind: MeasureKind) -> list[str]:
    if kind == "ending":
        return [*scenario.endings, ONGOING]
    groups = {"question": scenario.questions, "impact": scenario.impacts}
    return list(groups.get(kind, scenario.moves))


def _parts(scenario: Scenario, kind: MeasureKind) -> dict[str, tuple[str, ...]]:
    if kind == "reached":
        return _parts(scenario, "level") | _parts(scenario, "rung")
    if kind in ("level", "days"):
        return {name: variable.levels for name, variable in scenario.variables.items()}
    return {name: tuple(rung.id for rung in ladder.rungs) for name, ladder in scenario.ladders.items()}


def _make(scenario: Scenario, kind: MeasureKind, of: str, part: str = "") -> Measure:
    if kind == "ending":
        return Measure(kind, of, NO_ENDING if of == ONGOING else scenario.endings[of].label)
    if kind == "question":
        return Measure(kind, of, scenario.questions[of].label)
    if kind in ("moves", "fired"):
        return Measure(kind, of, scenario.moves[of].label)
    if kind == "impact":
        return Measure(kind, of, scenario.impacts[of].label, unit=scenario.impacts[of].unit)
    label = scenario.variables[of].at(part) if of in scenario.variables else f"{scenario.ladders[of].label}: {part}"
    above = " or above" if kind == "reached" and part != _parts(scenario, kind)[of][-1] else ""
    if kind == "days":
        return Measure(kind, of, f"Days at {label}", part, unit="days")
    return Measure(kind, of, label + above, part)


# -------------------------------------------------------------------- reading


def of_forecast(forecast: Forecast, measure: Measure) -> tuple[Floats, Floats, Floats]:
    """Return (value, low, high) of a measure in a forecast, each (T,) over its T report times.

    Low and high are the ends of the forecast's interval for the numerical error, such as the sampling error of a finite
    number of replicates. Raises Unsupported for "days:..." if the forecast has no numbers of days. Raises SimlibError
    for a conditional probability if the condition has probability 0.
    """
    if measure.kind == "ending" or measure.question_id:
        band = forecast.endings[measure.of] if measure.kind == "ending" else forecast.questions[measure.question_id]
        return band.probability, band.low, band.high
    if measure.kind == "given":
        return _share(forecast, measure)
    if measure.kind == "days":
        if forecast.days is None:
            raise Unsupported(f"this forecast has no value for {measure.words}; use the exact engine")
        value = forecast.days[measure.of][measure.part]
        return value, value, value
    if measure.kind == "moves":
        value = forecast.moves[measure.of]
        half = forecast.error["moves"][measure.of] if forecast.error else np.zeros_like(value)
        return above_zero(value, half)
    if measure.kind == "impact":
        impact = forecast.impacts[measure.of]
        return above_zero(impact.mean, impact.error)
    group = "variables" if measure.kind == "level" else "ladders"
    value = getattr(forecast, group)[measure.of][measure.part]
    half = forecast.error[group][measure.of][measure.part] if forecast.error else np.zeros_like(value)
    high = value + half if forecast.error else value + float(forecast.provenance.get("truncation_bound") or 0.0)
    return value, np.maximum(value - half, 0.0), np.minimum(high, 1.0)


def _share(forecast: Forecast, measure: Measure) -> tuple[Floats, Floats, Floats]:
    """Return (value, low, high) of a conditional probability, each an array (T,).

    If the value comes from simulated replicates, low and high are the Wilson interval among the replicates that meet
    the condition. Otherwise, they follow from the intervals of numerator and denominator.
    """
    both, given = forecast.questions[measure.both], forecast.questions[measure.condition]
    value = conditional(both.probability, given.probability, measure)
    runs = None
    if forecast.stated is None:
        counted = {measure.both, measure.condition} <= set(forecast.by_histories)
        runs = forecast.provenance["histories"] if counted else forecast.provenance.get("runs")
    if runs:
        band = Band.wilson(both.probability * runs, np.maximum(given.probability * runs, 1e-9))
        return value, band.low, band.high
    low = both.low / np.maximum(given.high, 1e-300)
    return value, low, np.minimum(both.high / np.maximum(given.low, 1e-300), 1.0)


def conditional(both: Floats, given: Floats, measure: Measure) -> Floats:
    """Return the conditional probability P(event and condition) / P(condition) at T times.

    `both` and `given` are these two probabilities (..., T). The result is 0 at times at which the condition has
    probability 0. Raises SimlibError if the condition has probability 0 at the last time.
    """
    if np.any(given[..., -1] <= 0):
        event, _, condition = measure.label.partition(", given: ")
        what = f"“{condition}” has probability 0 by the last date, or happened in none of the histories"
        raise SimlibError(f"{what}; ask about “{event}” given another condition, or by a later date")
    return np.minimum(np.divide(both, given, out=np.zeros_like(both, dtype=float), where=given > 0), 1.0)


def conditional_at_draws(both: Floats, given: Floats, measure: Measure) -> Floats:
    """Return the conditional probability (D, K) at each of D draws, in K blocks of replicates.

    `both` and `given` are P(event and condition) and P(condition), each (D, K). A block without the condition takes the
    share of all blocks of its draw. A draw without the condition, which has no weight, takes the share of all draws.
    Raises SimlibError if no draw has the condition.
    """
    share = np.broadcast_to(conditional(both.mean(keepdims=True), given.mean(keepdims=True), measure), both.shape)
    for axes in (1, ()):
        part, whole = (np.broadcast_to(x.mean(axis=axes, keepdims=True), both.shape) for x in (both, given))
        share = np.divide(part, whole, out=share.copy(), where=whole > 0)
    return np.minimum(share, 1.0)
