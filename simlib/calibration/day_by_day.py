"""Daily forecasts of a past crisis from its log, beside those of three rival methods.

No forecast uses events that became known on its day or later. The rival methods are:

- the base rate: the probability that `forecasts/terms.csv` gives for the whole horizon, turned into a constant hazard.
- a constant rate: the posterior mean of a Gamma-Poisson rate. The prior mean is the hazard of the base rate, and weighs
  as much as half an event. The events logged before each date update the rate.
- the first forecast: the forecast of the first day, given only that the question is still open.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.calibration.forecast_terms import CLIMATOLOGY, read_terms
from simlib.calibration.scores import monte_carlo_probability
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import over_priors
from simlib.errors import Problem, ScenarioError
from simlib.evidence.belief_update import update
from simlib.machine.tables import Tables
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Question, Scenario
from simlib.scenario.row_meaning import Reading, read_rows
from simlib.typing import Floats

UPDATED_FORECASTER, STATIC_FORECASTER, HAZARD_FORECASTER = "updated", "static", "hazard"
FORECASTERS = (UPDATED_FORECASTER, STATIC_FORECASTER, HAZARD_FORECASTER, CLIMATOLOGY)
"""The names of the methods: the forecast updated by the log, then the rival methods."""

SHORT_NAMES = {
    UPDATED_FORECASTER: "updated",
    STATIC_FORECASTER: "first forecast",
    HAZARD_FORECASTER: "constant rate",
    CLIMATOLOGY: "base rate",
}
"""For each of `FORECASTERS`, the words that tables and pictures show."""

WORTH = 0.5
"""The weight of the base rate in the updated hazard, as a number of events (Jeffreys' rule)."""


@dataclass(frozen=True, slots=True)
class DatedForecast:
    """The probabilities that all methods give to one question on one day.

    - days: number of days ahead. A forecast is the probability of the answer yes within these days after `as_of`.
    - to_deadline: whether these days end with the horizon of the scenario.
    - probability: the probability that each method gives, by the name of the method.
    """

    as_of: dt.date
    question: str
    days: int
    to_deadline: bool
    probability: Mapping[str, float]


@dataclass(frozen=True)
class DailyForecasts:
    """Forecasts on several dates, in the order of the dates.

    `ended` is the first date on which, by the log, the scenario has reached an ending. No forecasts are made for this
    date and later dates.
    """

    forecasts: tuple[DatedForecast, ...]
    ended: dt.date | None


def daily_forecasts(
    scenario: Scenario,
    rows: Sequence[LogRow],
    dates: Iterable[dt.date],
    *,
    horizons: Sequence[int],
    draws: int,
    learn: bool = False,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> DailyForecasts:
    """Forecast every question on each date, for several numbers of days ahead.

    Args:
        scenario: The scenario as of its first day.
        rows: The log, with rows after that day. Each forecast uses only rows that were public before its date.
        dates: The dates of the forecasts, in rising order.
        horizons: Numbers of days ahead. A forecast that would end after the scenario's horizon is left out, and a
            forecast to the end of the horizon is added.
        draws: Number of draws of the assumptions over which each forecast is averaged.
        learn: Whether the log also updates the distributions of the assumptions.
        seed: Seed of the draws.
        skip_impossible: Whether rows that the scenario cannot explain are left out.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For a log or terms that cannot be read, and for a question without a base rate.
        ImpossibleLog: For a row of the log that no state of the scenario can explain.
        Cancelled: When `control` cancels the work.
    """
    days = list(dates)
    one = _OneDate(scenario, rows, horizons, draws, seed, control)
    result: list[DatedForecast] = []
    for number, day in enumerate(days):
        known = update(
            scenario,
            rows,
            as_of=day,
            learn=learn,
            draws=draws,
            seed=seed,
            skip_impossible=skip_impossible,
            control=control.silent(),
        )
        if _is_over(known.scenario):
            return DailyForecasts(tuple(result), day)
        result += one.forecasts(day, known.scenario, known.belief)
        control.check()
        control.report((number + 1) / len(days))
    return DailyForecasts(tuple(result), None)


class _OneDate:
    """The forecasts of one date at a time, with the parts that all dates share computed once."""

    def __init__(
        self,
        scenario: Scenario,
        rows: Sequence[LogRow],
        horizons: Sequence[int],
        draws: int,
        seed: int,
        control: Control,
    ) -> None:
        self.scenario, self.draws, self.seed = scenario, draws, seed
        self.length = round(scenario.horizon_days)
        self.horizons = tuple(sorted(set(horizons)))
        self.control = Control(cancel=control.cancel, threads=control.threads or 1)
        self.readings = read_rows(scenario, rows)
        self.base = _base_rates(scenario)
        self.static, self.runs = self._solved(scenario, draws, range(self.length + 1))

    def forecasts(self, day: dt.date, world: Scenario, belief: Any) -> list[DatedForecast]:
        """Return the forecasts made on `day`. The log before `day` has updated `world` and `belief`."""
        since = round(self.scenario.day(day))
        left = self.length - since
        spans = [(days, False) for days in self.horizons if days <= left] + [(left, True)]
        updated, runs = self._solved(world, belief, [0, *sorted({days for days, _ in spans})])
        result = []
        for name, question in self.scenario.questions.items():
            rate = self._fitted_rate(question, day)
            for days, to_deadline in spans:
                before, after = self.static[name][since], self.static[name][since + days]
                probability = {
                    UPDATED_FORECASTER: _conditional(updated[name][days], 1.0, runs[name]),
                    STATIC_FORECASTER: _conditional(after - before, 1 - before, self.runs[name]),
                    HAZARD_FORECASTER: -math.expm1(-rate * days),
                    CLIMATOLOGY: -math.expm1(-self.base[name] * days),
                }
                result.append(DatedForecast(day, name, days, to_deadline, probability))
        return result

    def _solved(
        self, world: Scenario, draws: Any, times: Iterable[int]
    ) -> tuple[dict[str, dict[int, float]], dict[str, float | None]]:
        """Return {question: {day: probability of a yes by this day, averaged over the draws}}.

        The second part of the result says in how many histories each question was counted (None: its answers are
        exact).
        """
        bare = world.replace(ladders={}, impacts={}, ladder="", headline="")
        days = list(times)
        sample = over_priors(bare, engine="auto", draws=draws, times=days, seed=self.seed, control=self.control)
        weights = sample.weights
        means = {name: np.tensordot(weights, sample.values(name, "questions"), 1) for name in bare.questions}
        shares = {name: dict(zip(days, _shares(values), strict=True)) for name, values in means.items()}
        return shares, {name: sample.histories(name) for name in means}

    def _fitted_rate(self, question: Question, day: dt.date) -> float:
        """Return the posterior mean of the number of events per day in a Gamma-Poisson model.

        The prior is the base rate of the question. The events that were public before `day` update it.
        """
        history = self.scenario.evidence.history if self.scenario.evidence else None
        since = history.since if history else self.scenario.as_of
        known = [each for each in self.readings if since <= each.row.date and each.row.public_on < day]
        came = sum(each.row.times for each in known if _tells_of(each, question))
        base = self.base[question.id]
        return (WORTH + came) / (WORTH / base + (day - since).days)


def _is_over(world: Scenario) -> bool:
    tables = Tables(world)
    return bool(np.all(tables.ending(tables.start_states()[0]) >= 0))


def _conditional(part: float, whole: float, histories: float | None) -> float:
    """Return `part` / `whole`, or `monte_carlo_probability` of the two if `histories` is given.

    Both `part` and `whole` are shares of all histories. An exact result is 1 if `whole` is 0.
    """
    if histories is not None:
        return monte_carlo_probability(part * histories, whole * histories)
    return part / whole if whole > 0 else 1.0


def _shares(values: Floats) -> list[float]:
    return [float(value) for value in np.clip(values, 0, 1)]


def _tells_of(reading: Reading, question: Question) -> bool:
    """Return whether a row of the log reports the event that a question asks about.

    A row that reports a state never counts. It would have settled a question about this state, and only open questions
    are forecast.
    """
    return bool(reading.firings) and all(
        move == question.move and question.outcome in (None, "", outcome) for move, outcome in reading.firings
    )


def _base_rates(scenario: Scenario) -> dict[str, float]:
    """Return {question: constant rate per day that gives its base rate over the horizon}.

    Raises ScenarioError for a question without terms.
    """
    terms = read_terms(scenario)
    missing = [name for name in scenario.questions if name not in terms]
    if missing:
        what = f"no base rate for the question {', '.join(missing)}"
        raise ScenarioError(Problem("forecasts/terms.csv", 0, "", what, "expected a row for each question"))
    return {name: -math.log1p(-terms[name].rivals[CLIMATOLOGY]) / scenario.horizon_days for name in scenario.questions}
