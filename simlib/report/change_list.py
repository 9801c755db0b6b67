"""Changes since an earlier report: the forecast, the assumptions, and new events of the log."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.analysis.sensitivity.direct_rates import ways
from simlib.errors import Problem, ScenarioError
from simlib.files import read_payload
from simlib.formatting import by_date, long_date, percent, points
from simlib.machine.measures import Measure
from simlib.quantities import show
from simlib.results import NO_ENDING, ONGOING, Forecast
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.evidence.belief_update import Update
    from simlib.scenario.row_meaning import Reading

__all__ = ["Changes", "Earlier", "answer_in_log", "changes", "read_earlier"]

_SAME = 1e-9
"""Two values of an assumption count as equal if their relative difference is at most this."""

_MOVED = 0.01
"""A probability other than that of the headline is listed if it changed by at least this much."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier forecast, read from its JSON data.

    - `scenario`: the id of the scenario.
    - `as_of`: the first day of the forecast.
    - `by`: the last day of the forecast.
    - `probabilities`: the probability by the last day, for each "ending:ID" and "question:ID".
    - `assumptions`: the stated value of each assumption by its id, in base units (rates per day, durations in days).
    """

    scenario: str
    as_of: dt.date
    by: dt.date
    probabilities: Mapping[str, float]
    assumptions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes since an earlier forecast, or the changes that a log of events has made.

    - `since`: the earlier forecast. None: only the changes made by a log are listed.
    - `rows`: the probabilities that changed, the headline first. A row has the label, the earlier probability, the
      present probability, and their difference in percentage points.
    - `assumptions`: a sentence for each changed assumption.
    - `events`: a sentence for each new event of the log.
    - `answer_in_log`: a sentence on the event of the log that answers the question of the headline with yes ("": none).
      The forecast then says whether such an event happens again.
    """

    since: Earlier | None
    rows: tuple[tuple[str, str, str, str], ...]
    assumptions: tuple[str, ...]
    events: tuple[str, ...]
    answer_in_log: str = ""


def read_earlier(path: str | Path, scenario: Scenario) -> Earlier:
    """Read an earlier forecast of a scenario from a JSON file.

    Such files are written by `simlib report --json`, `simlib run --json` and the method `save` of a `Forecast`. Raises
    ScenarioError if the file holds no forecast, or a forecast of another scenario.
    """
    try:
        data = json.loads(read_payload(Path(path)))
    except (OSError, ValueError, EOFError) as error:
        raise ScenarioError(Problem(str(path), 0, "since", f"cannot be read: {error}", _EXPECTED)) from error
    forecast = next(_forecasts(data), None)
    if forecast is None:
        raise ScenarioError(Problem(str(path), 0, "since", "holds no forecast", _EXPECTED))
    if forecast["scenario"] != scenario.id:
        what = f"is about {forecast['scenario']!r}"
        raise ScenarioError(Problem(str(path), 0, "since", what, f"expected a forecast of {scenario.id!r}"))
    last = {
        f"{kind}:{name}": float(band["probability"][-1])
        for kind, group in (("ending", "endings"), ("question", "questions"))
        for name, band in forecast[group].items()
    }
    as_of = dt.date.fromisoformat(forecast["as_of"])
    return Earlier(
        forecast["scenario"], as_of, by_date(as_of, forecast["times"][-1]), last, forecast.get("assumptions") or {}
    )


_EXPECTED = "expected the JSON of an earlier `simlib report --json FILE` or `simlib run --json FILE`"


def _forecasts(data: Any) -> Iterator[dict[str, Any]]:
    for value in [data, *data.values()] if isinstance(data, dict) else []:
        if isinstance(value, dict) and value.get("answer") == "forecast":
            yield value


def changes(
    scenario: Scenario, forecast: Forecast, lead: Measure, since: Earlier | None, update: Update | None
) -> Changes:
    """Return the changes since an earlier forecast, and those that a log of events has made.

    Args:
        scenario: The scenario of the report.
        forecast: The forecast of the report.
        lead: The measure of the headline.
        since: The earlier forecast. None: no forecasts are compared.
        update: What a log of events has changed. None: no log is used.
    """
    rows = tuple(_rows(forecast, lead.name, since.probabilities)) if since else ()
    altered = [*_altered(scenario, since.assumptions)] if since else []
    if update is None:
        return Changes(since, rows, tuple(altered), ())
    events = tuple(_events(update, since))
    return Changes(since, rows, (*altered, *update.about_assumptions()), events, answer_in_log(update, lead))


def answer_in_log(update: Update, measure: Measure) -> str:
    """Return a sentence on the first log row that makes the event of `measure` certain, or ""."""
    leading = {(move.id, outcome.id) for move, outcome in ways(update.scenario, measure)}
    for reading in update.taken:
        if reading.firings and set(reading.firings) <= leading and reading.ratio is None:
            return _event(reading)
    return ""


def _rows(forecast: Forecast, lead: str, then: Mapping[str, float]) -> Iterator[tuple[str, str, str, str]]:
    now = {f"question:{name}": float(band.probability[-1]) for name, band in forecast.questions.items()}
    now |= {f"ending:{name}": float(band.probability[-1]) for name, band in forecast.endings.items()}
    both = [name for name in now if name in then]
    ranked = sorted(both, key=lambda name: (name != lead, -abs(now[name] - then[name])))
    for name in ranked:
        change = now[name] - then[name]
        if name == lead or abs(change) >= _MOVED:
            kind, _, of = name.partition(":")
            label = NO_ENDING if of == ONGOING else forecast.label(f"{kind}s", of)
            yield label, percent(then[name]), percent(now[name]), points(change)


def _altered(scenario: Scenario, then: Mapping[str, float]) -> Iterator[str]:
    for name, number in scenario.assumptions.items():
        old = then.get(name)
        if old is not None and abs(number.value - old) > _SAME * max(abs(old), abs(number.value)):
            was, now = (show(value, number.kind, number.unit) for value in (old, number.value))
            yield f"{number.label}: {now}, was {was}."


def _events(update: Update, since: Earlier | None) -> Iterator[str]:
    for reading in update.taken:
        if since is None or reading.row.public_on >= since.as_of:
            yield _event(reading)


def _event(reading: Reading) -> str:
    return f"{long_date(reading.row.date)}: {reading.row.description.rstrip('.') or reading.row.word}."
