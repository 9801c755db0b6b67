"""A backtest: daily forecasts of a past crisis, scored beside those of simpler methods.

First `day_by_day` makes the forecasts, without access to the record of the real events. The record is then used only to
score the forecasts, and to find the days on which a question was still open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.arguments import BACKTEST_HORIZONS
from simlib.calibration.day_by_day import (
    FORECASTERS,
    HAZARD_FORECASTER,
    SHORT_NAMES,
    UPDATED_FORECASTER,
    DatedForecast,
    daily_forecasts,
)
from simlib.calibration.forecast_terms import CLIMATOLOGY
from simlib.calibration.historical_record import HistoricalRecord, RecordedAnswer, read_record
from simlib.calibration.scores import PROFILE, scores_by_name
from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, ScenarioError
from simlib.evidence.log_intake import Events, last_day, log_record, whole_log
from simlib.formatting import counted, long_date
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Backtest", "backtest"]

LATER_LOG_FILE = "later.csv"
"""The log of events after the scenario's first day: a file in the scenario's folder."""

NAMES = {name: f"the {words}" for name, words in SHORT_NAMES.items()} | {
    UPDATED_FORECASTER: f"the {SHORT_NAMES[UPDATED_FORECASTER]} forecast",
    HAZARD_FORECASTER: f"a {SHORT_NAMES[HAZARD_FORECASTER]}",
}


@dataclass(frozen=True, slots=True)
class ScoredDay:
    """The forecasts of one question on one day by all methods, the outcome, and the scores.

    - happened: whether the event happened in the period of the forecast.
    - brier, log_score: the score of each method by the name of the method.
    """

    forecast: DatedForecast
    happened: bool
    brier: Mapping[str, float]
    log_score: Mapping[str, float]


@dataclass(frozen=True)
class Backtest(Answer):
    """The forecasts of a past crisis on each day while a question was open, with their scores.

    - deadline: last day of the scenario's horizon.
    - complete_to: last day of the record of the real events.
    - ended: first day on which, by the log, the scenario has reached an ending, or None.
    - headline: id of the main question.
    - labels: the text of each question by the id of the question.
    - record: the real answer to each question by the id of the question.
    - days: the scored forecasts.
    """

    kind: ClassVar[str] = "backtest"

    scenario: ScenarioKey
    deadline: dt.date
    complete_to: dt.date
    ended: dt.date | None
    headline: str
    labels: Mapping[str, str]
    record: Mapping[str, RecordedAnswer]
    days: tuple[ScoredDay, ...]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that this backtest answers."""
        first = long_date(self.as_of)
        return f"How good would the forecasts of “{self.scenario.title}” have been, day by day from {first} on?"

    def of(self, question: str | None = None, days: int | None = None) -> tuple[ScoredDay, ...]:
        """Return the scored forecasts of one question (default: of all questions).

        `days` selects the forecasts for that number of days ahead: 0 selects forecasts to the deadline, None selects
        all.
        """
        return tuple(
            each
            for each in self.days
            if question in (None, each.forecast.question)
            and (days is None or days == (0 if each.forecast.to_deadline else each.forecast.days))
        )

    def mean(self, forecaster: str, some: Sequence[ScoredDay] | None = None, rule: str = "brier") -> float:
        """Return a method's mean score (lower is better) over the forecasts `some` (default: all)."""
        return float(np.mean([getattr(each, rule)[forecaster] for each in (self.days if some is None else some)]))

    def difference(self, rival: str, rule: str = "brier") -> float:
        """Return the mean score of the updated forecast minus that of a rival method.

        Below 0 the updated forecast is better. The difference has no range, because all forecasts belong to one crisis,
        which counts as one observation.
        """
        return self.mean(UPDATED_FORECASTER, rule=rule) - self.mean(rival, rule=rule)

    def sentences(self) -> list[str]:
        """Return the mean scores, the difference from each rival, and what one crisis cannot show."""
        days = len({each.forecast.as_of for each in self.days})
        questions = {each.forecast.question for each in self.days}
        asked_of = f"{counted(len(self.days), 'forecast')} of {counted(len(questions), 'question')}"
        scores = ", ".join(f"{self.mean(name):.3f} for {words}" for name, words in NAMES.items())
        texts = [f"Mean Brier score of {asked_of} on {counted(days, 'day')}: {scores}. Lower is better."]
        texts += [self._compared(rival) for rival in FORECASTERS[1:]]
        if self.ended:
            texts.append(f"On {long_date(self.ended)} the log says that the story is over, so the forecasts stop.")
        texts.append("All forecasts are of one crisis, and so are one observation: the differences have no range.")
        return [*texts, "Whoever wrote this scenario knew the end. A backtest shows the method but proves no skill."]

    def _compared(self, rival: str) -> str:
        gap = self.difference(rival)
        if f"{abs(gap):.3f}" == "0.000":
            return f"The updated forecast is as good as {NAMES[rival]}, to three decimals."
        return f"The updated forecast is {'better' if gap < 0 else 'worse'} than {NAMES[rival]} by {abs(gap):.3f}."

    def table(self) -> pd.DataFrame:
        """Return mean Brier scores by question and number of days ahead, then over all forecasts."""
        import pandas as pd

        def row(name: str, days: int | None, some: Sequence[ScoredDay]) -> dict[str, Any]:
            happened = sum(each.happened for each in some)
            scores = {forecaster: self.mean(forecaster, some) for forecaster in FORECASTERS}
            return {"question": name, "days": days, "forecasts": len(some), "happened": happened} | scores

        spans = sorted({0 if each.forecast.to_deadline else each.forecast.days for each in self.days}) or [0]
        groups = [(name, days, self.of(name, days)) for name in self.labels for days in [*spans[1:], spans[0]]]
        rows = [row(name, days, some) for name, days, some in groups if some]
        return pd.DataFrame([*rows, row("all", None, self.days)])

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each forecast: probabilities, outcome and Brier scores."""
        import pandas as pd

        return pd.DataFrame(
            {
                **{name: getattr(each.forecast, name) for name in ("as_of", "question", "days", "to_deadline")},
                **each.forecast.probability,
                "happened": each.happened,
                **{f"brier_{name}": value for name, value in each.brier.items()},
            }
            for each in self.days
        )

    def data(self) -> dict[str, Any]:
        """Return the scores by question and days ahead, differences, record and every forecast."""
        rules = ("brier", "log_score")
        gaps = {rival: {rule: self.difference(rival, rule) for rule in rules} for rival in FORECASTERS[1:]}
        means = {name: {rule: self.mean(name, rule=rule) for rule in rules} for name in FORECASTERS}
        return {
            "deadline": self.deadline,
            "complete_to": self.complete_to,
            "ended": self.ended,
            "record": {name: pick(each, "happened", "source") for name, each in self.record.items()},
            "mean_scores": means,
            "differences": gaps,
            "by_question": self.table().to_dict("records"),
            "profile": PROFILE,
            "forecasts": self.frame().to_dict("records"),
        }


def backtest(
    scenario: Scenario,
    events: Events = None,
    *,
    horizons: Sequence[int] = BACKTEST_HORIZONS,
    every: int = 1,
    draws: int | None = None,
    learn: bool = False,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> Backtest:
    """Return daily forecasts of each question of a past crisis, scored against the real events.

    Each forecast uses only the rows of the log that were public before its date.

    Args:
        scenario: The scenario as of its first day, with `record.toml` and `forecasts/terms.csv` in its folder.
        events: Events to add to the scenario's log, as a file or rows. Default: `later.csv` in the scenario's folder.
        horizons: Numbers of days ahead. A forecast to the end of the scenario's horizon is always added.
        every: Number of days from one forecast to the next.
        draws: Number of draws of the assumptions (default: 32, or 512 with `learn`).
        learn: Whether the log also updates the distributions of the assumptions. This update takes seconds per date.
        seed: Seed of the draws.
        skip_impossible: Whether rows that the scenario cannot explain are left out.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: If the record, the log or the terms are missing or cannot be read, or if no question is open.
        ImpossibleLog: For a row of the log that no state of the scenario can explain.
        Cancelled: When `control` cancels the work.
    """
    later = events is None and bool(scenario.path) and (Path(scenario.path) / LATER_LOG_FILE).is_file()
    rows = whole_log(scenario, LATER_LOG_FILE if later else events)
    record = read_record(scenario)
    last = min(scenario.by_date(scenario.horizon_days), record.complete_to)
    count = draws or (512 if learn else 32)
    daily = daily_forecasts(
        scenario,
        rows,
        _open_days(scenario, record, last, every),
        horizons=horizons,
        draws=count,
        learn=learn,
        seed=seed,
        skip_impossible=skip_impossible,
        control=control,
    )
    scored = tuple(each for forecast in daily.forecasts if (each := _scored(forecast, record, last)) is not None)
    if not scored:
        what = "no question can be scored"
        raise ScenarioError(Problem(scenario.path, 0, "", what, "expected a question that is open on the first day"))
    day = daily.forecasts[-1].as_of
    log = log_record(rows, day, last_day(rows, day), learn=learn, skip_impossible=skip_impossible)
    labels = {name: question.label for name, question in scenario.questions.items()}
    named = scenario.headline.removeprefix("question:")
    return Backtest(
        ScenarioKey.of(scenario),
        scenario.by_date(scenario.horizon_days),
        record.complete_to,
        daily.ended,
        named if named in labels else next(iter(labels)),
        labels,
        record.answers,
        scored,
        provenance(scenario, engine="exact", draws=count, seed=seed, every=every, horizons=list(horizons), **log),
    )


def _open_days(scenario: Scenario, record: HistoricalRecord, last: dt.date, every: int) -> list[dt.date]:
    """Return the dates on which forecasts are made. They are `every` days apart.

    The dates begin on the scenario's date. They stop when all questions are settled, and at the latest on `last`.
    """
    settled = [each.happened or last for each in record.answers.values()]
    stop = min(max(settled), last)
    return [scenario.as_of + dt.timedelta(days=day) for day in range(0, (stop - scenario.as_of).days + 1, every)]


def _scored(forecast: DatedForecast, record: HistoricalRecord, last: dt.date) -> ScoredDay | None:
    """Return a forecast with its scores, or None if it cannot be scored.

    A forecast cannot be scored if the event of its question had already happened, or if the record ends before the last
    day of the forecast.
    """
    came = record.answers[forecast.question].happened
    end = forecast.as_of + dt.timedelta(days=forecast.days)
    if (came is not None and came < forecast.as_of) or end > last + dt.timedelta(days=1):
        return None
    happened = came is not None and came < end
    return ScoredDay(
        forecast, happened, *scores_by_name(forecast.probability, forecast.probability[CLIMATOLOGY], happened)
    )
