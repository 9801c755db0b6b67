"""A forecast as text for a terminal: tables whose columns are dates."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.cli.output.impact_text import impact_tables
from simlib.cli.output.text_table import Row, table
from simlib.formatting import (
    capital,
    counted,
    end_of,
    in_days,
    is_whole,
    long_date,
    over_draws,
    percent,
    percent_within,
)
from simlib.machine.measures import headline, of_forecast
from simlib.quantities import show
from simlib.results import Band, Forecast
from simlib.scenario.views.wording import intervention_in_words

if TYPE_CHECKING:
    from simlib.engines.ensemble import Ensemble
    from simlib.scenario.model import Scenario

TABLE_DATES = 5
"""Number of dates that a table shows."""

LEAST_STATED_ERROR = 1e-12
"""The error of an exact answer is never stated as less than this, because of rounding errors."""

_WHOLE = 1e-9


@dataclass(frozen=True)
class Computed:
    """A forecast of a scenario.

    If the forecast is a mean over draws of the assumptions, `draws` holds the forecast for each draw.
    """

    scenario: Scenario
    forecast: Forecast
    draws: Ensemble | None = None


def report(computed: Computed, base: Scenario, *, top: int, chosen: bool) -> str:
    """Return the whole text that `simlib run` prints about a forecast.

    Args:
        computed: The forecast.
        base: The scenario before changes.
        top: The number of moves to list. 0 means all.
        chosen: Whether simlib chose the engine. If so, the text gives the reason.
    """
    forecast = computed.forecast
    lead = headline_sentence(computed)
    sentences = [*_sentences(forecast), f"Headline: {lead}"]
    blocks = [lead, *_head(computed, base, chosen), *_tables(forecast, computed, top), "\n".join(sentences)]
    return "\n\n".join(blocks) + "\n"


def _sentences(forecast: Forecast) -> Iterator[str]:
    if forecast.stated is None:
        yield f"At the stated values. {forecast.sentences()[0]}"
        yield "--draws 200 adds the mean forecast over 200 draws of the assumptions."
    else:
        over, stated = forecast.sentences()
        where = over_draws(forecast.provenance)
        yield f"{capital(where)}. {over}"
        yield stated


def headline_sentence(computed: Computed) -> str:
    """Return the probability of the headline over the draws and at the stated values, in words.

    Each probability comes with its error if the error is large enough to show.
    """
    forecast, lead = computed.forecast, headline(computed.scenario)
    versions = [(over_draws(forecast.provenance), forecast), ("at the stated values", forecast.stated)]
    if forecast.stated is None:
        versions = [("at the stated values", forecast)]
    estimates = []
    for how, one in versions:
        assert one is not None
        estimates.append(f"{percent_within(*(float(x[-1]) for x in of_forecast(one, lead)))} {how}")
    return f"{lead.words} by {forecast.by_words}: {', '.join(estimates)}."


# What was computed


def _head(computed: Computed, base: Scenario, chosen: bool) -> Iterator[str]:
    forecast = computed.forecast
    end = end_of(forecast.as_of, forecast.horizon_days)
    to = f"the end of {end}" if is_whole(forecast.horizon_days) else end
    version = forecast.provenance["version"]
    lines = [
        forecast.scenario.title,
        f"As of {long_date(forecast.as_of)}, {in_days(forecast.horizon_days)}, to {to}.",
        _engine(forecast, chosen),
        f"Scenario {forecast.scenario.id}, sha256 {computed.scenario.sha256[:12]}; simlib {version}.",
    ]
    if computed.scenario.view:
        lines.append(f"Seen through the view {computed.scenario.view}.")
    yield "\n".join(lines)
    differences = [*_changes(computed.scenario, base), *_acts(forecast, computed.scenario)]
    if forecast.provenance.get("ignore_windows"):
        differences.append("calendar windows are left out")
    if differences:
        yield "\n".join(["Changed:", *(f"  {line}" for line in differences)])


def _engine(forecast: Forecast, chosen: bool) -> str:
    source = forecast.provenance
    over = ""
    if forecast.stated is not None:
        mean = f"the mean over {counted(source['draws'], 'draw')}, seed {source['seed']}"
        over = f" In brackets, if wide enough to show: the 95% interval of {mean}."
    if forecast.engine == "exact":
        bound = (forecast.stated or forecast).provenance["truncation_bound"]
        states = counted(forecast.states or 0, "state")
        why = f", because its {states} fit" if chosen else f": {states}"
        note = f"\n{forecast.histories_note}" if forecast.histories_note else ""
        return f"Exact{why}; error at most {max(bound, LEAST_STATED_ERROR):.0e}.{over}{note}"
    what = over or " In brackets: the 95% interval of each simulated number."
    return f"Monte Carlo: {counted(forecast.replicates or 0, 'replicate')}, seed {source['seed']}.{what}"


def _changes(scenario: Scenario, base: Scenario) -> Iterator[str]:
    for name, now in scenario.assumptions.items():
        before = base.assumptions[name]
        if now.value != before.value:
            new, old = (show(item.value, item.kind, item.unit) for item in (now, before))
            yield f"{name} = {new} instead of {old}"
    if scenario.horizon_days != base.horizon_days:
        yield f"horizon {in_days(scenario.horizon_days)} instead of {base.horizon_days:g}"


def _acts(forecast: Forecast, scenario: Scenario) -> Iterator[str]:
    for item, act in zip(scenario.interventions, forecast.interventions, strict=True):
        because = f" ({act['because']})" if act.get("because") else ""
        idle = act.get("without_effect")
        void = f": without effect in {percent(idle)}" if idle else ""
        yield f"{intervention_in_words(item, scenario)}{because}{void}"
    if forecast.interventions:
        yield "all actors react only to the new state, not to the motive of an intervention"


# Tables


def _tables(forecast: Forecast, computed: Computed, top: int) -> Iterator[str]:
    at = columns(forecast.times)
    head = _dates(forecast, at)
    for kind in ("endings", "questions"):
        title = f"{kind.capitalize()}: probability by the end of the date"
        for subtitle, one in _versions(forecast):
            bare = one.engine == "exact" and one.stated is None
            bands, sampled = getattr(one, kind), one.by_histories if kind == "questions" else ()
            rows = [
                Row(one.label(kind, name), _cells(band, at, bare=bare and name not in sampled))
                for name, band in bands.items()
            ]
            if rows:
                yield table(f"{title}{subtitle}", head, rows)
        if computed.draws is not None and getattr(forecast, kind):
            yield _spread(computed, kind, at, head)
    ladder = computed.scenario.ladder or next(iter(forecast.ladders), "")
    if ladder:
        title = f"{forecast.label('ladders', ladder)}: probability of each rung at the end of the date"
        for subtitle, one in _versions(forecast):
            bands = {name: one.part("ladders", ladder, name) for name in one.ladders[ladder]}
            rows = [Row(name, _cells(band, at, bare=not one.error)) for name, band in bands.items()]
            yield table(f"{title}{subtitle}", head, rows)
    if forecast.counters:
        rows = [
            Row(forecast.label("variables", name), _numbers(spread, at)) for name, spread in forecast.counters.items()
        ]
        yield table(
            f"Counters: mean, and 5th to 95th percentile, at the end of the date{_versions(forecast)[0][0]}", head, rows
        )
    yield from impact_tables(forecast, at, head, _versions(forecast)[0][0])
    shown = forecast.acts[:top] if top else sorted(forecast.moves, key=lambda name: -forecast.moves[name][-1])
    yield _moves(forecast, at, head, shown)
    if forecast.firings:
        yield _ranges(forecast, shown)


def _versions(forecast: Forecast) -> list[tuple[str, Forecast]]:
    if forecast.stated is None:
        return [(", at the stated values", forecast)]
    draws = counted(forecast.provenance["draws"], "draw")
    return [(f", {over_draws(forecast.provenance)} ({draws})", forecast), (", at the stated values", forecast.stated)]


def _cells(band: Band, at: Sequence[int], *, bare: bool) -> list[str]:
    if bare:
        return [percent(band.probability[i]) for i in at]
    return [percent_within(band.probability[i], band.low[i], band.high[i]) for i in at]


def _span(low: float, high: float) -> str:
    first, last = percent(low), percent(high)
    return first if first == last else f"{first.removesuffix('%')}–{last}"


def _spread(computed: Computed, kind: str, at: Sequence[int], head: Sequence[Sequence[str]]) -> str:
    draws = computed.draws
    assert draws is not None
    rows = []
    for name in getattr(computed.forecast, kind):
        low, _, _, _, high = draws.spread(name, kind)  # type: ignore[arg-type]
        rows.append(Row(computed.forecast.label(kind, name), [_span(low[i], high[i]) for i in at]))
    title = f"{kind.capitalize()}: 5th to 95th percentile over the draws (uncertainty about the assumptions)"
    return table(title, head, rows)


def _numbers(spread: tuple[np.ndarray, np.ndarray, np.ndarray], at: Sequence[int]) -> list[str]:
    return [f"{count(mean[i])} ({low[i]:g}–{high[i]:g})" for mean, low, high in [spread] for i in at]


def _moves(forecast: Forecast, at: Sequence[int], head: Sequence[Sequence[str]], shown: Sequence[str]) -> str:
    rows = [Row(forecast.label("moves", name), _counts(forecast, name, forecast.moves[name], at)) for name in shown]
    error = "; ±: 95% error of this mean" if forecast.error else ""
    text = table(f"Moves: expected number by the end of the date{_versions(forecast)[0][0]}{error}", head, rows)
    left = len(forecast.moves) - len(shown)
    return text + (f"\n  and {counted(left, 'other move')} (--top 0 lists all)" if left else "")


def _ranges(forecast: Forecast, shown: Sequence[str]) -> str:
    rows = [Row(forecast.label("moves", name), _range_cells(forecast, name)) for name in shown]
    title = f"Moves: range of their number by {forecast.by_words}{_versions(forecast)[0][0]}"
    return table(
        f"{title} (by chance; {forecast.firings_source})", [["5%", "median", "95%", "none", "3 or more"]], rows
    )


def _range_cells(forecast: Forecast, name: str) -> list[str]:
    span = forecast.firing_range(name)
    assert span is not None
    shares = (percent_within(*known) for known in (span.none, span.at_least[3]))
    return [*(f"{point[0]:g}" for point in span.points), *shares]


def _counts(forecast: Forecast, name: str, values: np.ndarray, at: Sequence[int]) -> list[str]:
    if not forecast.error:
        return [count(values[i]) for i in at]
    half = forecast.error["moves"][name]
    return [f"{count(values[i])} ±{count(half[i])}" for i in at]


def count(number: float) -> str:
    """Return an expected number with two or three digits, such as "12.4" or "0.031".

    A small number is never rounded to 0. From 100 up, the number is written as a whole number.
    """
    if number <= 0:
        return "0"
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.3g}" if number >= 1 else f"{number:.2g}"


# Dates


def columns(times: np.ndarray, wanted: int = TABLE_DATES) -> list[int]:
    """Return the indices of about `wanted` report times, evenly spaced and including the last.

    If enough report times are ends of days, and the last report time is one of them, report times within a day are left
    out. Enough means `wanted` or, in a forecast of fewer days, one for each day. Each column then means "by the end of
    a date", and no date occurs twice.
    """
    later = [i for i in range(len(times)) if times[i] > 0] or list(range(len(times)))
    whole = [i for i in later if is_whole(times[i])]
    enough = len(whole) >= min(wanted, max(math.floor(times[-1] + _WHOLE), 1))
    usable = whole if enough and whole[-1] == later[-1] else later
    ideal = [times[-1] * k / wanted for k in range(1, wanted + 1)]
    return sorted({min(usable, key=lambda i: abs(times[i] - day)) for day in ideal})


def _dates(forecast: Forecast, at: Sequence[int]) -> list[list[str]]:
    """Return two header lines: dates, and days after the start.

    A date is marked `~` if the report time is within the day, and not at the end of the day.
    """
    days = [float(forecast.times[i]) for i in at]
    dates = [forecast.by_date(day) for day in days]
    years = {forecast.as_of.year, *(date.year for date in dates)}
    marks = ["" if is_whole(day) else "~" for day in days]
    written = [mark + _short(date, year=len(years) > 1) for mark, date in zip(marks, dates, strict=True)]
    return [written, [f"day {day:.4g}" for day in days]]


def _short(date: dt.date, *, year: bool) -> str:
    return f"{date.day} {date:%b}" + (f" {date:%Y}" if year else "")
