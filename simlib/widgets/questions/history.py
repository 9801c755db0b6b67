"""Questions about history: similar crises, rates from event data, and earlier forecasts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from simlib.control import Control
from simlib.formatting import capital, counted, long_date, percent
from simlib.quantities import DAYS_PER
from simlib.widgets.questions.choices import number, shown_answer
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer

LAW_DRAWS, LAW_EACH = 256, 16
"""Numbers of draws from the priors, and of simulated crises for each draw, in the estimate of long-run rates."""


class BesidePastCrises(PanelQuestion):
    """The probabilities of a scenario, beside the frequencies in classes of similar past crises."""

    name, title = "beside-past-crises", "Is the forecast far from what past crises did?"

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compare the scenario with the frequencies in all classes of past crises that it names."""
        del chosen
        from simlib.calibration.reference_classes import base_rates
        from simlib.plots.rate_charts import beside_past_crises

        control.check()
        result = base_rates(self.scenario, control=control)
        rows = [
            (
                check.rate.what,
                check.note,
                check.rate.citation,
                percent(check.rate.figure),
                f"{percent(check.rate.low or 0.0)} to {percent(check.rate.high or 0.0)}",
                percent(check.implied or 0.0),
            )
            for check in result.shares
        ]
        outside = [check for check in result.shares if check.verdict in ("above", "below")]
        sentences = [
            f"{capital(check.rate.what)}: {percent(check.rate.figure)} of past crises, "
            f"{percent(check.implied or 0.0)} in this scenario. {check.note}"
            for check in outside or result.shares
        ]
        head = ("past crises", "how the two differ", "source", "share", "95% interval", "this scenario")
        height = 120 + 46 * max(len(rows), 2)
        sentences = sentences or result.sentences()[:1]
        return shown_answer(sentences, head, rows, 3, Drawing(partial(beside_past_crises, result), height))


class RatesFromHistory(PanelQuestion):
    """Rates of an event estimated from a few past crises, beside the long-run rates.

    The past crises are simulated histories of the scenario, so that the long-run rates can come from many more
    histories.
    """

    name, title, edition = "rates-from-history", "How precisely can a rate be known from this many past crises?", 4

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        options = tuple((move.label, move.id) for move in self.scenario)
        return [
            Field("move", "Event", options[0][1], options),
            number("cases", "Past crises", 40, 5, 400),
            number("sample", "Sample", 1, 1, 999, "Each number gives another sample of as many crises"),
        ]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Simulate crises, estimate rates from them, and compare these with long-run rates."""
        from simlib.calibration.crisis_cases import simulated_cases
        from simlib.calibration.event_rates import historical_rates
        from simlib.plots.rate_charts import hazard_by_day

        label, event = self.scenario.moves[chosen["move"]].label, f"category={chosen['move']}"
        few = historical_rates(simulated_cases(self.scenario, chosen["cases"], seed=chosen["sample"]), event)
        many = simulated_cases(self.scenario, LAW_DRAWS, each=LAW_EACH, control=control)
        law = historical_rates(many, event)
        bands = few.hazard.merge(law.hazard, on=["from_day", "to_day"], suffixes=("", "_law"))
        month = DAYS_PER["month"]
        rows = [
            (
                f"{row['from_day']:g} to {row['to_day']:g}",
                f"{row['events']}",
                f"{row['per_day'] * month:.2g}",
                f"{row['low'] * month:.2g} to {row['high'] * month:.2g}",
                f"{row['per_day_law'] * month:.2g}",
            )
            for row in bands.to_dict("records")
        ]
        head = ("days since the onset", "events", "per month", "90% interval", "per month, in the long run")
        draw = partial(hazard_by_day, few, label=label, law=law)
        return shown_answer(self._sentences(few, law), head, rows, 4, Drawing(draw, 420, left=62, bottom=58))

    @staticmethod
    def _sentences(few: Any, law: Any) -> list[str]:
        crises = counted(len(few.cases.names), "past crisis", "past crises")
        came, shall_come = (percent(rates.incidence[30.0]) for rates in (few, law))
        mean, low, high = (
            f"{x * DAYS_PER['month']:.2g}" for x in (few.pooled.per_day, few.pooled.low, few.pooled.high)
        )
        sentences = [
            f"In {came} of these {crises} the event came by day 30. Over many crises it comes by then in {shall_come}.",
            f"On average it came {mean} times a month (90% interval {low} to {high}).",
        ]
        if few.new_case is None:
            return [*sentences, "These crises do not say how far a new one may differ: at least one event is needed."]
        low, high = (f"{x * DAYS_PER['month']:.2g}" for x in (few.new_case.low, few.new_case.high))
        spread = f"A new crisis varies more than the average: {low} to {high} times a month in nine of ten crises."
        return [*sentences, f"{spread} That is the range to give an assumption."]


class DayByDay(PanelQuestion):
    """The forecasts on each day of a past crisis beside simpler ones, and the scores of both."""

    name, title, edition = "day-by-day", "How good would the forecasts have been, day by day?", 3

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question."""
        questions = tuple((question.label, question.id) for question in self.scenario.questions.values())
        leading = self.scenario.headline.removeprefix("question:")
        first = leading if leading in self.scenario.questions else questions[0][1]
        ahead = (("to the deadline", "0"), *((f"{days} days ahead", f"{days}") for days in (3, 7, 14, 30)))
        return [Field("question", "Question", first, questions), Field("days", "Forecasts", "0", ahead)]

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the scenario and of the files in its folder that a backtest reads."""
        folder = Path(self.scenario.path)
        beside = [folder / name for name in ("events.csv", "later.csv", "record.toml", "forecasts/terms.csv")]
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in beside if file.is_file()]
        return [*super().worlds(chosen), *digests]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Forecast on each day from the rows (events) public before it, and score all forecasts."""
        from simlib.calibration.dated_scores import backtest
        from simlib.calibration.day_by_day import SHORT_NAMES
        from simlib.plots.backtest_charts import forecasts_by_day, scores_by_question

        result = backtest(self.scenario, control=control)
        rows = [
            (
                result.labels.get(row["question"], "all questions"),
                "" if not row["days"] >= 0 else f"{row['days']:.0f} days" if row["days"] else "to the deadline",
                f"{row['happened']} of {row['forecasts']}",
                *(f"{row[name]:.3f}" for name in SHORT_NAMES),
            )
            for row in result.table().to_dict("records")
        ]
        head = ("question", "ahead", "came true", *SHORT_NAMES.values())
        lines = partial(forecasts_by_day, result, question=chosen["question"], days=int(chosen["days"]))
        height = 150 + 46 * max(len(result.labels), 2)
        drawings = (
            Drawing(lines, 380, bottom=58, right=170),
            Drawing(partial(scores_by_question, result), height, right=170),
        )
        return shown_answer(result.sentences(), head, rows, 5, *drawings)


class RegisteredForecasts(PanelQuestion):
    """The registered forecasts, their base rates, and scores if the outcome is known."""

    name, title, edition = "registered-forecasts", "How good were the registered forecasts?", 2

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hash of the scenario, and the receipt (a hash) of its registered forecasts."""
        from simlib.calibration.forecast_registry import read_registry

        return [*super().worlds(chosen), read_registry(self.scenario).receipt]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Score the forecasts whose outcome is known."""
        del chosen
        from simlib.calibration.registry_score import score_registry
        from simlib.plots.registry_charts import registered

        control.check()
        result = score_registry(self.scenario)
        rows = [
            (
                row.forecast.label,
                long_date(row.forecast.by),
                row.verdict or "open",
                percent(row.forecast.probability),
                f"{percent(row.forecast.low)} to {percent(row.forecast.high)}",
                percent(row.forecast.rivals["climatology"]),
                f"{row.brier['simlib']:.3f}" if row.settled else "",
            )
            for row in result.rows
        ]
        head = ("question", "by", "answer", "forecast", "5 to 95%", "base rate", "Brier score")
        height = 120 + 46 * max(len(rows), 2)
        sentences = [*result.sentences(), f"Receipt: {result.receipt}."]
        return shown_answer(sentences, head, rows, 4, Drawing(partial(registered, result), height))
