"""A forecast over time: on each date of a log, the probability that could be stated with the rows known by then.

The updated forecast starts each time where the log leaves the state, at the stated values. Beside it stands the static
one, which is made once and never changes. With learning there are two more: the mean over the priors from that state
(state only), and the mean over what the log has taught by then (learnt). All have the same deadline. A question counts
only what happens from the date on, so one that the log has answered already must be read off the log.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.log_values import forecasts_after, questions_for
from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import forecast
from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.errors import Problem, ScenarioError
from simlib.evidence.exact_filter import Filter
from simlib.evidence.log_intake import Events, change_of_pace, last_day, prepare, taken_in, told_ending, whole_log
from simlib.evidence.log_intake import dated as scenario_on
from simlib.evidence.posterior import TRUSTED, Learning
from simlib.evidence.settled_questions import happened
from simlib.formatting import long_date, percent
from simlib.machine import priors
from simlib.machine.measures import Measure, find, of_forecast
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading, read_rows
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ForecastSeries", "SeriesPoint", "forecast_series"]

DRAWS = 200
"""Draws of the assumptions on each date by default."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The forecast on one date: `updated` at the stated values, after `rows` rows of the log.

    `new` are the rows that became known since the date before. `ended` is the ending that the log tells of by then.
    With learning, `state_only` and `learnt` are means over the same draws with the weights of the prior and of the
    posterior, each with its 95% half-width. `state_only` is None where the draws cannot stand for the prior.
    `complete_to` is the last day on which the absence of rows counts.
    """

    as_of: dt.date
    updated: float
    rows: int
    new: tuple[str, ...]
    ended: str
    complete_to: dt.date | None = None
    settled: dt.date | None = None
    state_only: float | None = None
    state_only_error: float | None = None
    learnt: float | None = None
    learnt_error: float | None = None


@dataclass(frozen=True)
class ForecastSeries(Answer):
    """The probability of one measure by one deadline, as it would have been stated on each date of a log."""

    kind: ClassVar[str] = "series"

    scenario: ScenarioKey
    measure: Measure
    by: dt.date
    by_day: float
    static: float
    points: tuple[SeriesPoint, ...]
    provenance: Mapping[str, Any]
    static_mean: float | None = None
    pace: str = ""

    @property
    def question(self) -> str:
        """The question that is answered."""
        return f"What would have been said of {self.measure.words} by {self.by_words}, on each date of the log?"

    def sentences(self) -> list[str]:
        """Return the first and the last number, and the row of dates with the largest change."""
        first, last = self.points[0], self.points[-1]
        now = (
            f"{percent(first.updated)} on {long_date(first.as_of)}, {percent(last.updated)} on {long_date(last.as_of)}"
        )
        never = f"A forecast that is never updated says {percent(self.static)}."
        texts = [f"{self.measure.words} by {self.by_words}: {now}. {never}"]
        if last.learnt is not None and first.learnt is not None:
            texts.append(_taught(first, last))
        steps = [(after.updated - before.updated, after) for before, after in itertools.pairwise(self.points)]
        if steps:
            change, point = max(steps, key=lambda step: abs(step[0]))
            because = (
                f": {'; '.join(text.rstrip('.') for text in point.new[:3])}" if point.new else ", without a new row"
            )
            size = f"{100 * change:+.1f} points"
            texts.append(f"The largest change, {size}, is that of {long_date(point.as_of)}{because}.")
        if last.settled is not None:
            texts.append(f"By then the log had answered: yes, on {long_date(last.settled)}.")
        if last.ended:
            texts.append(f"By then the story had ended: {last.ended}.")
        if last.complete_to is not None and last.complete_to < last.as_of - dt.timedelta(days=1):
            texts.append(
                f"The log ends on {long_date(last.complete_to)}: from then on nothing is read from its silence."
            )
        return [*texts, self.pace] if self.pace else texts

    def frame(self) -> pd.DataFrame:
        """Return a row for each date: both numbers, the rows taken in, and the new rows."""
        import pandas as pd

        return pd.DataFrame(self.data()["points"])

    def data(self) -> dict[str, Any]:
        """Return the measure and the points."""
        names = ["as_of", "updated", "rows", "ended", "complete_to", "settled"]
        if self.static_mean is not None:
            names += ["state_only", "state_only_error", "learnt", "learnt_error"]
        rows = [pick(point, *names) | {"static": self.static, "new": "; ".join(point.new)} for point in self.points]
        return {"measure": self.measure.name, **pick(self, "static", "static_mean", "pace"), "points": rows}


def _taught(first: SeriesPoint, last: SeriesPoint) -> str:
    """Say what the forecast is over the draws, from the state alone and with what the log taught."""
    assert first.learnt is not None
    assert last.learnt is not None
    begin, end = (
        f"{percent(value)} on {long_date(at.as_of)}" for value, at in ((first.learnt, first), (last.learnt, last))
    )
    alone = "" if last.state_only is None else f"; from the state alone {percent(last.state_only)}"
    return f"Over the assumptions, with what the log taught by then: {begin}, {end}{alone}."


def forecast_series(
    scenario: Scenario,
    events: Events = None,
    *,
    dates: Sequence[dt.date] | int = 7,
    measure: str | None = None,
    learn: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> ForecastSeries:
    """Forecast one measure on each date with what was public by then, always for the end of the scenario's horizon.

    Args:
        scenario: The scenario, with `evidence` where its log needs explaining.
        events: Further events for the log beside the scenario: a file, or rows.
        dates: The dates, or a number of days between them, from the scenario's first day to the end of the log.
        measure: A name such as "question:truce". Default: the headline.
        learn: Whether to learn on each date too, from the rows known by then. This takes seconds to minutes a date.
        draws: Draws of the assumptions, where the log may teach them.
        seed: Seed of the draws.
        skip_impossible: Whether rows that the scenario cannot explain are left out.
        control: Progress and cancelling.

    Raises:
        ScenarioError: For a date outside the scenario, and for a log that cannot be read.
        ImpossibleLog: For a row that leaves no state.
        NotLearnt: Where a posterior cannot be trusted.
        Unsupported: To learn about a measure that needs histories.
        Cancelled: When `control` cancels the work.
    """
    rows = whole_log(scenario, events)
    chosen = find(scenario, measure)[0]
    days = _dates(scenario, rows, dates)
    readings = read_rows(scenario, rows)
    static = forecast(scenario, times=1, control=control.part(0.0, 0.1))
    points: list[SeriesPoint] = []
    for number, day in enumerate(days):
        before = days[number - 1] if number else dt.date.min
        control.check()
        part = control.part(0.1 + 0.9 * number / len(days), 0.1 + 0.9 * (number + 1) / len(days))
        point, prepared = _point(scenario, readings, day, before, chosen, skip_impossible)
        if learn and point.settled is not None:
            point = dataclasses.replace(point, learnt=1.0, learnt_error=0.0, state_only=1.0, state_only_error=0.0)
        elif learn:
            point = dataclasses.replace(point, **_learnt(prepared, chosen, draws, seed, part))
        points.append(point)
        part.report(1.0)
    mean = _static_mean(scenario, chosen, draws, seed, control) if learn else None
    return ForecastSeries(
        ScenarioKey.of(scenario),
        chosen,
        scenario.by_date(scenario.horizon_days),
        scenario.horizon_days,
        float(of_forecast(static, chosen)[0][-1]),
        tuple(points),
        provenance(
            scenario,
            engine="exact",
            measure=chosen.name,
            dates=[str(day) for day in days],
            draws=draws if learn else 0,
            seed=seed,
        ),
        mean,
        change_of_pace(rows, scenario.as_of),
    )


def _learnt(prepared: Filter, measure: Measure, draws: int, seed: int, control: Control) -> dict[str, Any]:
    """Return the means over the draws: from the state alone, and with what the log taught by then."""
    drawn = Learning(prepared, draws, seed, control.part(0.0, 0.5)).posterior()
    theta = priors.values_from_scores(prepared.world, drawn.scores)
    values = forecasts_after(prepared, theta, drawn.ends, measure, control.part(0.5, 1.0))
    result = dict(zip(("learnt", "learnt_error"), _mean(values, drawn.weights), strict=True))
    before, shape = drawn.reweighting.at(np.zeros(len(values)), -np.inf)
    if shape < TRUSTED:
        result |= dict(zip(("state_only", "state_only_error"), _mean(values, before), strict=True))
    return result


def _mean(values: Floats, weights: Floats) -> tuple[float, float]:
    """Return a weighted mean with its 95% half-width."""
    mean = float(weights @ values)
    return mean, 1.96 * float(np.sqrt(np.sum((weights * (values - mean)) ** 2)))


def _static_mean(scenario: Scenario, measure: Measure, draws: int, seed: int, control: Control) -> float:
    """Return the mean over the priors of the forecast that is never updated."""
    solver = Solver(scenario.replace(questions=questions_for(scenario, measure), impacts={}), times=1)
    asked, centre = observable(solver, measure.name), priors.theta(scenario)
    silent, total = Control(cancel=control.cancel), 0.0
    for theta in priors.draws(scenario, draws, seed=seed):
        chain = solver.chain(theta, centre)
        total += float(chain.start() @ state_values(solver, chain, asked, np.zeros(1), control=silent)[0])
    return total / draws


def _dates(scenario: Scenario, rows: Sequence[LogRow], dates: Sequence[dt.date] | int) -> tuple[dt.date, ...]:
    end = scenario.by_date(scenario.horizon_days)
    if isinstance(dates, int):
        last = max((row.public_on for row in rows), default=scenario.as_of) + dt.timedelta(days=1)
        stop = max(min(last, end), scenario.as_of)
        steps = range(0, (stop - scenario.as_of).days + 1, dates)
        found = [scenario.as_of + dt.timedelta(days=step) for step in steps]
        return tuple(dict.fromkeys([*found, stop]))
    outside = [day for day in dates if not scenario.as_of <= day <= end]
    if outside or not dates:
        what = f"{outside[0]} is outside the forecast" if outside else "there is no date"
        raise ScenarioError(Problem("", 0, "dates", what, f"expected {scenario.as_of} to {end}"))
    return tuple(sorted(dates))


def _point(
    scenario: Scenario,
    readings: Sequence[Reading],
    day: dt.date,
    before: dt.date,
    measure: Measure,
    skip_impossible: bool,
) -> tuple[SeriesPoint, Filter]:
    complete_to = last_day([reading.row for reading in readings], day)
    prepared, passed, _ = prepare(scenario, readings, day, complete_to, skip_impossible)
    later = scenario_on(scenario, prepared, passed, day)
    ending = told_ending(prepared)
    ended = scenario.endings[ending[0]].label if ending else ""
    asked = scenario.questions.get(measure.of) if measure.kind == "question" else None
    settled = happened(prepared, passed, asked)[1] if asked else None
    value = 1.0 if settled else float(of_forecast(forecast(later, times=1), measure)[0][-1])
    new = [
        reading.row.description or reading.row.word
        for reading in readings
        if reading.counts and before <= reading.row.public_on < day and reading.row.public_on >= scenario.as_of
    ]
    return SeriesPoint(day, value, len(taken_in(prepared)), tuple(new), ended, complete_to, settled), prepared
