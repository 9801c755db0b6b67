"""Rates of the first or of all occurrences of an event in past cases, and in a new case."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.answer import plain_json, record
from simlib.calibration.crisis_cases import CaseHistories, case_histories, read_selection
from simlib.calibration.rates import (
    NewCaseRate,
    PooledRate,
    as_assumption,
    cumulative_incidence,
    new_case_rate,
    piecewise_hazard,
    pooled_rate,
)
from simlib.errors import SimlibError
from simlib.formatting import counted, percent
from simlib.quantities import DAYS_PER

if TYPE_CHECKING:
    import pandas as pd

BY_DAYS = (7.0, 30.0, 90.0)
"""Numbers of days since the onset for which the probability of the first event is reported."""


@dataclass(frozen=True)
class HistoricalRates:
    """Rates of an event in past cases (crises). All rates are per day.

    - event: the selection of rows that count as the event.
    - crisis_class: the selection of rows that decide which cases belong to the class.
    - data: the source of the data.
    - cases: the past cases, each with the days to its first event and its number of events.
    - pooled: the rate over all cases, with the interval of its estimate.
    - new_case: the rate in a new case, or None if there are too few cases to estimate the spread between cases.
    - hazard: the hazard of the first event in bands (periods) of days since the onset.
    - incidence: the probability that the event has happened by each of `BY_DAYS` after the onset. The end of a case
      counts as a competing event.
    - provenance: the versions and the time of the computation.
    """

    event: str
    crisis_class: str
    data: str
    cases: CaseHistories
    pooled: PooledRate
    new_case: NewCaseRate | None
    hazard: pd.DataFrame
    incidence: Mapping[float, float]
    provenance: Mapping[str, Any] = field(default_factory=partial(record, {}))

    def sentences(self) -> list[str]:
        """Return the rates in sentences and, if cases suffice, an assumption for a scenario."""
        came, number = int(self.cases.happened.sum()), len(self.cases.names)
        pooled = " ".join(
            (
                f"{self.pooled.events:,.0f} events in {self.pooled.exposure_days:,.0f} days",
                f"of {counted(number, 'case')}:",
                f"{_monthly(self.pooled.per_day)} a month, 90% interval {_monthly(self.pooled.low)} to",
                f"{_monthly(self.pooled.high)}.",
            )
        )
        by = ", ".join(f"{percent(share)} by day {day:g}" for day, share in self.incidence.items())
        texts = [pooled, f"The event happened in {came} of {number} cases: {by}. Other cases may have ended before it."]
        if self.new_case is None:
            return [*texts, "There are too few cases to say how far a new case may differ from them."]
        one = self.new_case
        spread = f"{_monthly(one.per_day)} a month (5 to 95%: {_monthly(one.low)} to {_monthly(one.high)})"
        return [*texts, f"A new case of this class: {spread}.", "", self.assumption()]

    def assumption(self) -> str:
        """Return the rate in a new case as an assumption to paste into a scenario.

        Raises:
            SimlibError: If there are too few cases to estimate the rate in a new case.
        """
        if self.new_case is None:
            raise SimlibError("there are too few cases for an assumption about a new case; choose a wider class")
        where = f" with {self.crisis_class}" if self.crisis_class else ""
        events, days = f"{self.pooled.events:,.0f} events", f"{self.pooled.exposure_days:,.0f} days"
        because = (
            f"{events} ({self.event}) in {days} of {counted(len(self.cases.names), 'past case')}{where}, {self.data}"
        )
        return as_assumption("rate_from_history", f"Rate of {self.event}", self.new_case, because)

    def frame(self) -> pd.DataFrame:
        """Return a table of the hazard of the first event in bands of days since the onset."""
        return self.hazard

    def to_dict(self) -> dict[str, Any]:
        """Return the rates as plain JSON data. Rates are per day."""
        data = {name: getattr(self, name) for name in ("event", "crisis_class", "data")}
        data |= {"cases": len(self.cases.names), "pooled": dataclasses.asdict(self.pooled)}
        data |= {"new_case": self.new_case and dataclasses.asdict(self.new_case)}
        data |= {
            "hazard": self.hazard.to_dict("records"),
            "incidence": {f"{d:g}": p for d, p in self.incidence.items()},
            "provenance": self.provenance,
        }
        plain: dict[str, Any] = plain_json(data)
        return plain


def historical_rates(frame: pd.DataFrame, event: str, crisis_class: str = "") -> HistoricalRates:
    """Return the rates of an event in past cases.

    Args:
        frame: Event data as `simlib.data.read` returns them.
        event: The selection of rows that count as the event, such as "category=strike".
        crisis_class: A case belongs to the class if this selection fits one of its rows. "" selects all cases.

    Raises:
        ScenarioError: For a selection that cannot be read, and if no case of the class has a row whose date is exact to
            the day.
    """
    chosen = read_selection(crisis_class) if crisis_class else {}
    cases = case_histories(frame, read_selection(event), chosen)
    try:
        new = new_case_rate(cases.events, cases.last_day)
    except SimlibError:
        new = None
    incidence = cumulative_incidence(cases.first_day, cases.causes, BY_DAYS).get("event", [0.0] * len(BY_DAYS))
    return HistoricalRates(
        event,
        crisis_class,
        ", ".join(sorted(frame["source"].unique())),
        cases,
        pooled_rate(cases.events, cases.last_day),
        new,
        piecewise_hazard(cases.first_day, cases.happened),
        {day: float(share) for day, share in zip(BY_DAYS, incidence, strict=True)},
    )


def _monthly(per_day: float) -> str:
    return f"{per_day * DAYS_PER['month']:.2g}"
