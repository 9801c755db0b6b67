"""Answers in a report's annex: numbers, likelihood words (ICD 203, 2015), ranges, pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, percent_within, quoted, with_error
from simlib.machine.measures import headline
from simlib.report.figure_blocks import TALL, annex_figure
from simlib.report.likelihood import icd203
from simlib.report.markup import Block
from simlib.report.material import Material
from simlib.results import AFTERWARDS, ONGOING, Accumulation, Band, EventGroup, Forecast

if TYPE_CHECKING:
    from simlib.engines.ensemble import Ensemble

__all__ = ["answers", "ranges"]

_CERTAIN = 1 - 1e-9
"""A probability of at least this counts as one. The error of the exact engine may be as large as the difference."""

_MOVES = 10
"""Largest number of moves whose range is listed."""

_LABELS = 235
"""Pixels on screen for labels at the right of a figure."""


_RANGE_OF_MOVES = (
    "An expected number is an average. The range says how often each move happens in nine of ten histories. "
    "This range comes from chance and, if assumptions are drawn, from their ranges. More computing does not narrow it."
)


def _ranges_of_moves(forecast: Forecast) -> Iterator[tuple[str, ...]]:
    yield ("move", "expected", "range (5% to 95%)", "median", "none")
    for name in forecast.acts[:_MOVES]:
        span = forecast.firing_range(name)
        if span is not None:
            low, middle, high = (f"{point[0]:g}" for point in span.points)
            mean = f"{float(forecast.moves[name][-1]):.3g}"
            yield forecast.label("moves", name), mean, f"{low} to {high}", middle, percent(span.none[0])


def answers(material: Material) -> Iterator[Block]:
    """Yield every answer of a forecast in numbers and words, then its pictures."""
    forecast = material.forecast
    if material.scenario.description:
        yield Block("text", material.scenario.description)
    if material.what_if:
        yield Block("text", material.what_if[0])
        yield Block("list", items=material.what_if[1:] or ("Nothing else is changed.",))
    over = "on average over the ranges of the assumptions"
    over = over if forecast.stated else "at the stated values of the assumptions"
    ranked = sorted(forecast.endings, key=lambda name: (name == ONGOING, -forecast.endings[name].probability[-1]))
    spread = "" if material.draws is None else "; in brackets, the range over nine in ten sets of assumptions"
    beside = "" if material.baseline is None else "; the baseline is the unchanged scenario, computed in the same way"
    yield Block("text", f"By {forecast.by_words}, {over}{spread}{beside}:")
    yield Block("list", items=tuple(_line(material, "endings", name) for name in ranked))
    if forecast.lead_note:
        yield Block("text", forecast.lead_note)
    if forecast.questions:
        yield Block("list", items=tuple(_line(material, "questions", name) for name in forecast.questions))
    if forecast.counters:
        yield Block("list", items=tuple(_counter(forecast, name) for name in forecast.counters))
    if forecast.impacts:
        yield from _impacts(forecast)
    if forecast.histories_note:
        yield Block("text", forecast.histories_note)
    if forecast.stated is None and material.scenario.uncertain:
        yield Block(
            "text",
            "These numbers are at the stated values only. The forecast that counts is the average over the "
            "ranges of the assumptions: to get it, make the report without --draws 0.",
        )
    yield from _pictures(material)


def _impacts(forecast: Forecast) -> Iterator[Block]:
    """Yield sentences about the impacts, and then a table of their means for each ending."""
    endings, impacts = forecast.labels["endings"], forecast.impacts
    labels = {name: forecast.label("impacts", name) for name in impacts}
    by = forecast.by_words
    sentences = (line for name, impact in impacts.items() for line in impact.sentences(labels[name], by))
    yield Block("list", items=tuple(sentences))
    rows = [
        (label, *(_given(impact, ending) for impact in impacts.values()))
        for ending, label in endings.items()
        if any(np.isfinite(impact.given[ending][-1]) for impact in impacts.values())
    ]
    if rows:
        what = f"The average amount in histories with each ending by {by}, with its 95% error if it is not exact."
        yield Block("text", f"{what} {AFTERWARDS}")
        head = ("ending", *(f"{labels[name]} ({impact.unit})" for name, impact in impacts.items()))
        yield Block("table", items=(head, *rows))


def _given(impact: Accumulation, ending: str) -> str:
    mean, half = float(impact.given[ending][-1]), float(impact.given_error[ending][-1])
    return with_error(mean, half) if np.isfinite(mean) else ""


def _pictures(material: Material) -> Iterator[Block]:
    from simlib.plots.ending_curves import endings
    from simlib.plots.impact_charts import impact_fan
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.move_counts import moves

    forecast, before, draws = material.forecast, material.baseline, material.draws
    uncertainty = None if draws is None else {name: draws.spread(name) for name in forecast.endings}
    draw = partial(endings, forecast, baseline=before, uncertainty=uncertainty)
    yield annex_figure(forecast, draw, forecast.sentences()[0], right=_LABELS)
    if forecast.ladders:
        draw = partial(ladder_fan, forecast, baseline=before)
        yield annex_figure(forecast, draw, "rungs of the ladder over time", right=_LABELS)
    for name in forecast.impacts:
        what = quoted(forecast.label("impacts", name))
        yield annex_figure(forecast, partial(impact_fan, forecast, impact=name), f"{what} over time")
    yield annex_figure(forecast, partial(moves, forecast, baseline=before), "expected number of moves", height=TALL)
    if forecast.firings:
        yield Block("text", f"{_RANGE_OF_MOVES} The numbers in the table are {forecast.firings_source}.")
        yield Block("table", items=tuple(_ranges_of_moves(forecast)))


def _line(material: Material, kind: EventGroup, name: str) -> str:
    forecast = material.forecast
    band = getattr(forecast, kind)[name]
    p, low, high = (float(x[-1]) for x in (band.probability, band.low, band.high))
    old = None if material.baseline is None else getattr(material.baseline, kind)[name]
    beside = "" if old is None else f"; baseline {_plainly(material, old, name) or percent(float(old.probability[-1]))}"
    said = "" if name in forecast.by_histories else _plainly(material, band, name)
    if said:
        return f"{forecast.label(kind, name)}: {said}{beside}."
    if p <= 0:
        played = f"in none of the simulated histories (so its probability is at most {percent(high)})"
        return f"{forecast.label(kind, name)}: {icd203(p)}, {played}{beside}."
    if material.draws is not None:
        low, high = material.range_of(kind[:-1], name)
        more = f" ({percent(low)} to {percent(high)})"
    else:
        more = f", computed to within {percent(low)} to {percent(high)}" if high - low > 0.001 else ""
    return f"{forecast.label(kind, name)}: {icd203(p)}, {percent(p)}{more}{beside}."


def _counter(forecast: Forecast, name: str) -> str:
    mean, low, high = (float(part[-1]) for part in forecast.counters[name])
    return f"{forecast.label('variables', name)}: {mean:.3g} on average at the end (nine in ten: {low:g} to {high:g})."


def _plainly(material: Material, band: Band, name: str) -> str:
    """Return a probability of 0 or 1 in words, or "" for others or if the engine is not exact."""
    p = float(band.probability[-1])
    if material.forecast.engine != "exact":
        return ""
    if p <= 0:
        return "ruled out in this model"
    if p < _CERTAIN:
        return ""
    already = float(material.forecast.times[0]) == 0 and float(band.probability[0]) >= _CERTAIN
    return "already the case" if already and name != ONGOING else "certain in this model"


def ranges(material: Material, draws: Ensemble) -> Iterator[Block]:
    """Yield the range of every answer over the sets of assumption values."""
    forecast, before = material.forecast, material.baseline
    yield Block(
        "text",
        f"Nobody knows the assumptions exactly: each has a range. {len(draws.forecasts)} sets of them "
        "were drawn from these ranges, and the forecast was made with each. The answer is the average. Nine in "
        "ten of these forecasts lie in the range beside the average. This range is uncertainty about the assumptions, "
        "and better knowledge narrows it. What remains even if the assumptions are known is chance, which nothing "
        "narrows.",
    )
    kinds: tuple[EventGroup, ...] = ("endings", "questions")
    rows, widest = [], (-1.0, "")
    for kind in kinds:
        for name, band in getattr(forecast, kind).items():
            low, high = material.range_of(kind[:-1], name)
            label = forecast.label(kind, name)
            widest = max(widest, (high - low, f"{quoted(label)}: from {percent(low)} to {percent(high)}"))
            mean = percent_within(*(float(x[-1]) for x in (band.probability, band.low, band.high)))
            stated = percent(float(getattr(draws.stated, kind)[name].probability[-1]))
            old = [] if before is None else [percent(float(getattr(before, kind)[name].probability[-1]))]
            rows.append((label, mean, *old, f"{percent(low)} to {percent(high)}", stated))
    yield Block("text", f"The assumptions matter most for {widest[1]}.")
    column = [] if before is None else ["baseline"]
    head = ("", "average [its 95% interval]", *column, "nine in ten sets of assumptions", "at the stated values")
    yield Block("table", items=(head, *rows))
    if forecast.questions:
        name = headline(material.scenario, ("question",)).of
        if draws.spread(name, "questions").any():
            yield _spread(forecast, draws, name)


def _spread(forecast: Forecast, draws: Ensemble, question: str) -> Block:
    from simlib.analysis.uncertainty.fans import measure_fan
    from simlib.plots import fan_charts

    fan = measure_fan(draws, f"question:{question}")
    fan = dataclasses.replace(fan, quantiles=draws.spread(question, "questions")[:, None, :])
    return annex_figure(forecast, partial(fan_charts.measure_fan, fan), f"{quoted(fan.label)} over the draws")
