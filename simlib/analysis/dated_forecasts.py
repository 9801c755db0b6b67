"""Forecasts over time: the probabilities on each date of a log, from the rows known by then.

A log is a list of events as they were reported. Each row of a log is one such report. The stated values are the values
that the scenario gives to its assumptions. There are four kinds of forecast, all with the same deadline:

- *updated*: from the states of the world that the log leaves possible on the date, at the stated values.
- *static*: from the scenario's first day, at the stated values. This forecast is made once and never changes.
- *state only* (with learning): from the states of the updated forecast, averaged over the priors of the assumptions.
- *learnt* (with learning): from the same states, averaged over the posterior given the rows known by then.

A forecast made on a date counts only later events. If the event of a question has happened before the date, or may have
happened unseen, the forecast includes the probability, given the log, that the event has happened. All measures of a
date share one filter of the log and one posterior.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.log_values import forecasts_after, forecasts_before, questions_for
from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import forecast
from simlib.errors import Problem, ScenarioError, Unsupported
from simlib.evidence.exact_filter import Filter, Passed
from simlib.evidence.log_intake import (
    Events,
    change_of_pace,
    last_day,
    log_record,
    prepare,
    taken_in,
    told_ending,
    whole_log,
)
from simlib.evidence.log_intake import dated as scenario_on
from simlib.evidence.posterior import TRUSTED, Learning
from simlib.evidence.settled_questions import SETTLED_TOLERANCE, answer_so_far
from simlib.formatting import long_date, percent, quoted
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure, find, of_forecast
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Scenario, StartState
from simlib.scenario.row_meaning import read_rows
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ForecastSeries", "SeriesDate", "SeriesLine", "SeriesPoint", "forecast_series"]

DATED_DRAWS = 200
"""Default number of draws (sets of assumption values) on each date."""


@dataclass(frozen=True, slots=True)
class SeriesDate:
    """The rows of a log (reports of events) that are known on one date.

    as_of: the date.
    rows: the number of rows that are known by that date and used.
    new: descriptions of the rows that became public since the previous date.
    ended: the label of the ending that the log reports by that date ("": none).
    complete_to: the last day for which a missing row counts as evidence that nothing happened.
    """

    as_of: dt.date
    rows: int
    new: tuple[str, ...]
    ended: str
    complete_to: dt.date | None = None


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The forecasts of one measure (such as the probability of a question) on one date of a log.

    The last four numbers are None without learning. All four come from the same draws (sets of assumption values).

    updated: the forecast at the values that the scenario states for its assumptions.
    settled: the day on which the log answered the question with yes (None: no such answer).
    state_only: the mean forecast over the draws, weighted by the prior (None: the draws lie too far from the prior).
    state_only_error: the 95% half-width of `state_only`.
    learnt: the mean forecast over the draws, weighted by the posterior given the rows known by the date.
    learnt_error: the 95% half-width of `learnt`.
    """

    updated: float
    settled: dt.date | None = None
    state_only: float | None = None
    state_only_error: float | None = None
    learnt: float | None = None
    learnt_error: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """The forecasts of one measure on each date of a log.

    static: the forecast made on the first day, at the stated values of the assumptions. No row changes this forecast.
    points: the forecasts on each date.
    static_mean: the mean of the first day's forecast over the priors (None: without learning).
    static_mean_error: the 95% half-width of `static_mean`.
    """

    measure: Measure
    static: float
    points: tuple[SeriesPoint, ...]
    static_mean: float | None = None
    static_mean_error: float | None = None


@dataclass(frozen=True)
class ForecastSeries(Answer):
    """Probabilities of measures by one deadline, as forecast on each date of a log.

    by: the deadline, which is the last day of the scenario.
    by_day: the deadline in days after the scenario's first day.
    dates: the dates, each with the rows that are known on that date.
    lines: the forecasts of each measure, one for each date.
    pace: a warning if rows are much more or less frequent from the scenario's first day on than before ("": none).
    """

    kind: ClassVar[str] = "forecast_series"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    dates: tuple[SeriesDate, ...]
    lines: tuple[SeriesLine, ...]
    provenance: Mapping[str, Any]
    pace: str = ""

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence."""
        words = ", ".join(line.measure.words for line in self.lines)
        return f"What was the forecast of {words} by {self.by_words} on each date of the log?"

    def line(self, measure: str | None = None) -> SeriesLine:
        """Return the forecasts of a measure, given its name or id (default: the first measure).

        Raises KeyError for a measure that is not in the series.
        """
        if measure is None:
            return self.lines[0]
        return {name: line for line in self.lines for name in (line.measure.of, line.measure.name)}[measure]

    def sentences(self) -> list[str]:
        """Describe each measure's first forecast, last forecast and largest change, then the log."""
        texts = [text for line in self.lines for text in self._about(line)]
        last = self.dates[-1]
        if last.ended:
            texts.append(f"By {long_date(last.as_of)} the story had ended with {quoted(last.ended)}.")
        if last.complete_to is not None and last.complete_to < last.as_of - dt.timedelta(days=1):
            texts.append(f"The log ends on {long_date(last.complete_to)}: after that day, a missing row means nothing.")
        return [*texts, self.pace] if self.pace else texts

    def _about(self, line: SeriesLine) -> list[str]:
        begin, end = long_date(self.dates[0].as_of), long_date(self.dates[-1].as_of)
        first, last = line.points[0], line.points[-1]
        now = f"{percent(first.updated)} on {begin}, {percent(last.updated)} on {end}"
        never = f"A forecast that is never updated says {percent(line.static)}."
        texts = [f"{line.measure.words} by {self.by_words}: {now}. {never}"]
        if last.learnt is not None and first.learnt is not None:
            alone = "" if last.state_only is None else f"; without learning {percent(last.state_only)}"
            numbers = f"{percent(first.learnt)} on {begin}, {percent(last.learnt)} on {end}{alone}"
            texts.append(f"With the assumptions as learnt from the log by each date: {numbers}.")
        steps = [after.updated - before.updated for before, after in itertools.pairwise(line.points)]
        if steps:
            size, date = max(zip(steps, self.dates[1:], strict=True), key=lambda step: abs(step[0]))
            news = "; ".join(text.rstrip(".") for text in date.new[:3])
            because = f": {news}" if news else ", without a new row"
            texts.append(f"The largest change, {100 * size:+.1f} points, came on {long_date(date.as_of)}{because}.")
        if last.settled is not None:
            texts.append(f"The log has answered the question: yes, on {long_date(last.settled)}.")
        return texts

    def frame(self) -> pd.DataFrame:
        """Return a table of the forecasts, with one row for each measure and date.

        For each date, the column `rows` counts the known rows of the log. The column `new` lists the rows that became
        known since the previous date.
        """
        import pandas as pd

        return pd.DataFrame(self.data()["points"])

    def data(self) -> dict[str, Any]:
        """Return for each measure the forecast made on the first day, and those made on each date."""
        names = ["updated", "settled"]
        if any(line.static_mean is not None for line in self.lines):
            names += ["state_only", "state_only_error", "learnt", "learnt_error"]
        points = [
            {"measure": line.measure.name, "as_of": date.as_of, "static": line.static}
            | pick(forecast, *names)
            | pick(date, "rows", "ended", "complete_to")
            | {"new": "; ".join(date.new)}
            for line in self.lines
            for date, forecast in zip(self.dates, line.points, strict=True)
        ]
        lines = [
            {"measure": line.measure.name, "label": line.measure.label}
            | pick(line, "static", "static_mean", "static_mean_error")
            for line in self.lines
        ]
        return {"lines": lines, "pace": self.pace, "points": points}


def forecast_series(
    scenario: Scenario,
    events: Events = None,
    *,
    dates: Sequence[dt.date] | int = 7,
    measures: str | Iterable[str] | None = None,
    learn: bool = False,
    draws: int = DATED_DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> ForecastSeries:
    """Forecast measures on each date of a log of events, from the rows that are public by then.

    Every forecast is for the last day of the scenario.

    Args:
        scenario: The scenario. Its `evidence` says how its log is to be read.
        events: Events to add to the log that is stored with the scenario: a file, or rows.
        dates: The dates of the forecasts. A whole number n stands for every nth day from the scenario's first day to
            the end of the log, and for that end itself.
        measures: Names of one or several probabilities, such as "question:truce". Default: the scenario's headline.
            Several measures cost little more than one.
        learn: Whether to learn the assumptions too, on each date from the rows known by then. Learning takes seconds
            to minutes for each date.
        draws: Number of draws (sets of assumption values), used when `learn` is true.
        seed: Seed of the draws.
        skip_impossible: Whether to leave out rows that the scenario cannot explain.
        control: Progress and cancelling.

    Raises:
        ScenarioError: For a date outside the scenario, and for a log that cannot be read.
        ImpossibleLog: For a row that no history of the scenario can explain.
        NotLearnt: If the posterior of a date is not reliable.
        Unsupported: For an expected count or amount, and for a conditional probability. With `learn`, also for a
            measure that depends on whole histories and not only on the state of a day.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    rows, chosen = whole_log(scenario, events), find(scenario, measures)
    for measure in chosen:
        if not measure.probability or measure.kind == "given":
            raise Unsupported(
                f"only probabilities are forecast over time, not {measure.words}; ask for an ending or a question"
            )
    world = scenario.replace(questions=questions_for(scenario, chosen), impacts={})
    days, readings = _dates(scenario, rows, dates), read_rows(scenario, rows)
    stated = forecast(world, times=1, control=control.part(0.0, 0.05))
    series_dates: list[SeriesDate] = []
    points: list[list[SeriesPoint]] = []
    for before, day in zip((dt.date.min, *days), days, strict=False):
        control.check()
        part = control.part(*(0.1 + 0.9 * (len(series_dates) + more) / len(days) for more in (0, 1)))
        complete_to = last_day(rows, day)
        prepared, passed, _ = prepare(world, readings, day, complete_to, skip_impossible)
        series_dates.append(_series_date(prepared, before, day, complete_to))
        now = _updated(prepared, passed, scenario_on(world, prepared, passed, day), chosen)
        points.append(_learnt(prepared, chosen, now, draws, seed, part) if learn else now)
        part.report(1.0)
    means = _static_means(world, chosen, draws, seed, control.part(0.05, 0.1)) if learn else [()] * len(chosen)
    lines = (
        SeriesLine(measure, float(of_forecast(stated, measure)[0][-1]), own, *mean)
        for measure, own, mean in zip(chosen, zip(*points, strict=True), means, strict=True)
    )
    by, horizon = scenario.by_date(scenario.horizon_days), scenario.horizon_days
    subject = {"measures": [m.name for m in chosen], "dates": [str(day) for day in days], "by_day": horizon}
    subject |= log_record(rows, days[-1], last_day(rows, days[-1]), learn=learn, skip_impossible=skip_impossible)
    source = provenance(scenario, engine="exact", **subject, draws=draws if learn else 0, seed=seed)
    pace = change_of_pace(rows, scenario.as_of)
    return ForecastSeries(ScenarioKey.of(scenario), by, horizon, tuple(series_dates), tuple(lines), source, pace)


def _static_means(
    scenario: Scenario, measures: Sequence[Measure], draws: int, seed: int, control: Control
) -> list[tuple[float, float]]:
    belief = Belief.prior(scenario, draws, seed=seed)
    return [_mean(column, belief.weights) for column in forecasts_before(scenario, belief.theta, measures, control).T]


def _dates(scenario: Scenario, rows: Sequence[LogRow], dates: Sequence[dt.date] | int) -> tuple[dt.date, ...]:
    end = scenario.by_date(scenario.horizon_days)
    if isinstance(dates, int):
        last = max((row.public_on for row in rows), default=scenario.as_of) + dt.timedelta(days=1)
        stop = max(min(last, end), scenario.as_of)
        steps = range(0, (stop - scenario.as_of).days + 1, dates)
        days = [scenario.as_of + dt.timedelta(days=step) for step in steps]
        return tuple(dict.fromkeys([*days, stop]))
    outside = [day for day in dates if not scenario.as_of <= day <= end]
    if outside or not dates:
        what = f"{outside[0]} is outside the forecast" if outside else "no date was given"
        raise ScenarioError(Problem("", 0, "dates", what, f"expected {scenario.as_of} to {end}"))
    return tuple(sorted(dates))


def _series_date(prepared: Filter, before: dt.date, day: dt.date, complete_to: dt.date) -> SeriesDate:
    scenario, ending = prepared.scenario, told_ending(prepared)
    new = [
        reading.row.description or reading.row.word
        for reading in prepared.readings
        if reading.counts and max(before, scenario.as_of) <= reading.row.public_on < day
    ]
    ended = scenario.endings[ending[0]].label if ending else ""
    return SeriesDate(day, len(taken_in(prepared)), tuple(new), ended, complete_to)


def _updated(prepared: Filter, passed: Passed, later: Scenario, measures: Sequence[Measure]) -> list[SeriesPoint]:
    """Return the forecast of each measure at the stated assumption values, given the log.

    A question that the log has answered with yes has probability 1. If the event of a question may have happened
    unseen, the forecast is P(happened) + P(not yet) × P(happens by the deadline | not yet).
    """
    questions = prepared.scenario.questions
    now, result = forecast(later, times=1), []
    for measure in measures:
        answer = answer_so_far(prepared, passed, questions[measure.question_id]) if measure.question_id else None
        if answer is not None and answer.on is not None:
            result.append(SeriesPoint(1.0, answer.on))
        elif answer is not None and answer.probability > SETTLED_TOLERANCE:
            left = 1 - answer.probability
            start = zip(later.joint_start, answer.open / left, strict=True)
            still = later.replace(joint_start=tuple(StartState(state.levels, float(share)) for state, share in start))
            value = float(of_forecast(forecast(still, times=1), measure)[0][-1])
            result.append(SeriesPoint(answer.probability + left * value))
        else:
            result.append(SeriesPoint(float(of_forecast(now, measure)[0][-1])))
    return result


def _learnt(
    prepared: Filter,
    measures: Sequence[Measure],
    updated: Sequence[SeriesPoint],
    draws: int,
    seed: int,
    control: Control,
) -> list[SeriesPoint]:
    known: dict[str, Any] = {"learnt": 1.0, "learnt_error": 0.0, "state_only": 1.0, "state_only_error": 0.0}
    open_still = [measure for measure, now in zip(measures, updated, strict=True) if now.settled is None]
    if not open_still:
        return [dataclasses.replace(now, **known) for now in updated]
    drawn = Learning(prepared, draws, seed, control.part(0.0, 0.5)).posterior()
    theta = priors.values_from_scores(prepared.world, drawn.scores)
    values = forecasts_after(prepared, theta, drawn.ends, open_still, control.part(0.5, 1.0))
    before, shape = drawn.reweighting.at(np.zeros(len(values)), -np.inf)
    of = dict(zip(open_still, values.T, strict=True))
    result = []
    for measure, now in zip(measures, updated, strict=True):
        fields: dict[str, Any] = dict(known)
        if now.settled is None:
            fields = dict(zip(("learnt", "learnt_error"), _mean(of[measure], drawn.weights), strict=True))
            if shape < TRUSTED:
                fields |= dict(zip(("state_only", "state_only_error"), _mean(of[measure], before), strict=True))
        result.append(dataclasses.replace(now, **fields))
    return result


def _mean(values: Floats, weights: Floats) -> tuple[float, float]:
    mean = float(weights @ values)
    return mean, Z_TWO_SIDED_95 * float(np.sqrt(np.sum((weights * (values - mean)) ** 2)))
