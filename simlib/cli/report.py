"""A forecast as text for a terminal: tables whose columns are dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.analysis.variants import intervention_in_words
from simlib.cli.table import Row, table
from simlib.quantities import show
from simlib.results import Band, Forecast, long_date, percent

if TYPE_CHECKING:
    from simlib.cli.running import Answer
    from simlib.scenario.model import Scenario

COLUMNS = 5
"""Dates shown."""

_WHOLE = 1e-9


def report(answer: Answer, base: Scenario, *, top: int, chosen: bool) -> str:
    """Return the whole report; `base` is the scenario before options changed it, `top` how many moves (0: all).

    `chosen`: nobody asked for the engine, so say why it was taken.
    """
    forecast = answer.forecast
    blocks = [*_head(answer, base, chosen), *_tables(forecast, answer, top), "\n".join(_sentences(forecast))]
    return "\n\n".join(blocks) + "\n"


def _sentences(forecast: Forecast) -> Iterator[str]:
    if forecast.stated is None:
        yield f"At the stated values. {forecast.sentence()}"
        yield "--draws 200 gives the forecast over the ranges of the assumptions."
    else:
        yield f"Over the priors. {forecast.sentence()}"
        yield f"At the stated values. {forecast.stated.sentence()}"


# What was computed


def _head(answer: Answer, base: Scenario, chosen: bool) -> Iterator[str]:
    forecast = answer.forecast
    end = forecast.by_date(forecast.horizon_days)
    lines = [
        forecast.title,
        f"As of {long_date(forecast.as_of)}, {forecast.horizon_days:g} days, to the end of {long_date(end)}.",
        _engine(forecast, chosen),
        f"Scenario {forecast.scenario}, sha256 {answer.scenario.sha256[:12]}; simlib {forecast.provenance['version']}.",
    ]
    if answer.scenario.view:
        lines.append(f"Seen through the view {answer.scenario.view}.")
    yield "\n".join(lines)
    differences = [*_changes(answer.scenario, base), *_acts(forecast, answer.scenario)]
    if forecast.provenance.get("ignore_windows"):
        differences.append("calendar windows are left out")
    if differences:
        yield "\n".join(["Changed:", *(f"  {line}" for line in differences)])


def _engine(forecast: Forecast, chosen: bool) -> str:
    made = forecast.provenance
    over = ""
    if forecast.stated is not None:
        over = f" In brackets: the 95% interval of the mean over {made['draws']:,} draws, seed {made['seed']}."
    if forecast.engine == "exact":
        bound = (forecast.stated or forecast).provenance["truncation_bound"]
        why = f", because its {forecast.states:,} states fit" if chosen else f": {forecast.states:,} states"
        return f"Exact{why}; truncation error at most {bound:.0e}.{over}"
    what = over or " In brackets: the 95% interval of the computation."
    return f"Monte Carlo: {made['runs']:,} replicates, seed {made['seed']}.{what}"


def _changes(scenario: Scenario, base: Scenario) -> Iterator[str]:
    for name, now in scenario.assumptions.items():
        before = base.assumptions[name]
        if now.value != before.value:
            new, old = (show(item.value, item.kind, item.unit) for item in (now, before))
            yield f"{name} = {new} instead of {old}"
    if scenario.horizon_days != base.horizon_days:
        yield f"horizon {scenario.horizon_days:g} days instead of {base.horizon_days:g}"


def _acts(forecast: Forecast, scenario: Scenario) -> Iterator[str]:
    for item, act in zip(scenario.interventions, forecast.interventions, strict=True):
        because = f" ({act['because']})" if act.get("because") else ""
        idle = act.get("without_effect")
        void = f": without effect in {percent(idle)}" if idle else ""
        yield f"{intervention_in_words(item, scenario)}{because}{void}"
    if forecast.interventions:
        yield "others react to this only through the state"


# Tables


def _tables(forecast: Forecast, answer: Answer, top: int) -> Iterator[str]:
    at = columns(forecast.times)
    head = _dates(forecast, at)
    for kind in ("endings", "questions"):
        title = f"{kind.capitalize()}: probability by the end of the date"
        for subtitle, one in _versions(forecast):
            bare = one.engine == "exact" and one.stated is None
            bands = getattr(one, kind)
            rows = [Row(one.label(kind, name), _cells(band, at, bare=bare)) for name, band in bands.items()]
            if rows:
                yield table(f"{title}{subtitle}", head, rows)
        if answer.draws is not None and getattr(forecast, kind):
            yield _doubt(answer, kind, at, head)
    ladder = answer.scenario.ladder or next(iter(forecast.ladders), "")
    if ladder:
        title = f"{forecast.label('ladders', ladder)}: probability of each rung at the end of the date"
        for subtitle, one in _versions(forecast):
            rows = [Row(name, _cells(_rung(one, ladder, name), at, bare=not one.error)) for name in one.ladders[ladder]]
            yield table(f"{title}{subtitle}", head, rows)
    yield _moves(forecast, at, head, top)


def _versions(forecast: Forecast) -> list[tuple[str, Forecast]]:
    if forecast.stated is None:
        return [(", at the stated values", forecast)]
    draws = forecast.provenance["draws"]
    return [(f", over the priors ({draws:,} draws)", forecast), (", at the stated values", forecast.stated)]


def _rung(forecast: Forecast, ladder: str, name: str) -> Band:
    p = forecast.ladders[ladder][name]
    half = forecast.error["ladders"][ladder][name] if forecast.error else np.zeros_like(p)
    return Band(p, np.maximum(p - half, 0.0), np.minimum(p + half, 1.0))


def _cells(band: Band, at: Sequence[int], *, bare: bool) -> list[str]:
    """Write probabilities, with an interval where it is wider than what is shown."""
    chances = [_percent(band.probability[i]) for i in at]
    if bare:
        return chances
    return [f"{chance} {_interval(band.low[i], band.high[i])}" for chance, i in zip(chances, at, strict=True)]


def _percent(p: float) -> str:
    return percent(p).replace("above ", ">").replace("below ", "<")


def _interval(low: float, high: float) -> str:
    first, last = _percent(low), _percent(high)
    return f"[{first}]" if first == last else f"[{first.removesuffix('%')}–{last}]"


def _doubt(answer: Answer, kind: str, at: Sequence[int], head: Sequence[Sequence[str]]) -> str:
    """Show the spread over the draws: doubt about the assumptions, which more draws do not shrink."""
    draws = answer.draws
    assert draws is not None
    rows = []
    for name in getattr(answer.forecast, kind):
        low, _, _, _, high = draws.spread(name, kind)  # type: ignore[arg-type]
        rows.append(Row(answer.forecast.label(kind, name), [_interval(low[i], high[i])[1:-1] for i in at]))
    title = f"{kind.capitalize()}: 5th to 95th percentile over the draws (doubt about the assumptions)"
    return table(title, head, rows)


def _moves(forecast: Forecast, at: Sequence[int], head: Sequence[Sequence[str]], top: int) -> str:
    ranked = sorted(forecast.moves.items(), key=lambda item: -item[1][-1])
    shown = ranked[: top or len(ranked)]
    rows = [Row(forecast.label("moves", name), _counts(forecast, name, values, at)) for name, values in shown]
    text = table(f"Moves: expected number by the end of the date{_versions(forecast)[0][0]}", head, rows)
    left = len(ranked) - len(shown)
    return text + (f"\n  and {left} rarer moves (--top 0 lists all)" if left else "")


def _counts(forecast: Forecast, name: str, values: np.ndarray, at: Sequence[int]) -> list[str]:
    if not forecast.error:
        return [count(values[i]) for i in at]
    half = forecast.error["moves"][name]
    return [f"{count(values[i])} ±{count(half[i])}" for i in at]


def count(number: float) -> str:
    """Write an expected number with two or three digits: "12.4", "0.031"; never a false zero."""
    if number <= 0:
        return "0"
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.3g}" if number >= 1 else f"{number:.2g}"


# Dates


def columns(times: np.ndarray, wanted: int = COLUMNS) -> list[int]:
    """Return the indices of about `wanted` report times, equally far apart, the last one among them.

    Times that are whole days are taken where there are any, so that a column means "by the end of a date".
    """
    later = [i for i in range(len(times)) if times[i] > 0] or list(range(len(times)))
    whole = [i for i in later if abs(times[i] - round(times[i])) < _WHOLE]
    usable = whole if len(whole) >= wanted and whole[-1] == later[-1] else later
    ideal = [times[-1] * k / wanted for k in range(1, wanted + 1)]
    return sorted({min(usable, key=lambda i: abs(times[i] - day)) for day in ideal})


def _dates(forecast: Forecast, at: Sequence[int]) -> list[list[str]]:
    """Return two header lines: dates, and days after the start; a time within a day is marked `~`."""
    days = [float(forecast.times[i]) for i in at]
    dates = [forecast.by_date(day) for day in days]
    years = {forecast.as_of.year, *(date.year for date in dates)}
    marks = ["" if abs(day - round(day)) < _WHOLE else "~" for day in days]
    written = [mark + _short(date, year=len(years) > 1) for mark, date in zip(marks, dates, strict=True)]
    return [written, [f"day {day:.4g}" for day in days]]


def _short(date: dt.date, *, year: bool) -> str:
    return f"{date.day} {date:%b}" + (f" {date:%Y}" if year else "")
