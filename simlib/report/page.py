"""A whole report: two pages for decision-makers, and an annex for those who check.

`brief` makes the two pages, and this module makes the annex. The annex begins with every answer in numbers and in the
words of ICD 203 (2015). The other sections are about uncertainty, drivers, paths, signs, past crises, changes,
assumptions, limits, methods and provenance. `markup` writes the report as HTML or Markdown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simlib.calibration.predictive_check import LOG_BESIDE_MODEL
from simlib.formatting import percent, percent_within, quoted, with_error
from simlib.machine.measures import headline
from simlib.report import assumption_blocks as ledger
from simlib.report.brief import LARGE, citations, first_page, second_page
from simlib.report.confidence import RULE
from simlib.report.likelihood import icd203, legend
from simlib.report.limits import LIMITS
from simlib.report.markup import Block
from simlib.report.material import Material
from simlib.results import AFTERWARDS, ONGOING, Accumulation, Band, Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.paths.result import Paths
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.calibration.reference_classes import BaseRates
    from simlib.engines.ensemble import Ensemble

__all__ = ["blocks"]

_CERTAIN = 1 - 1e-9
"""A probability of at least this counts as one. The error of the exact engine may be as large as the difference."""

_SIGNS = 4
"""Largest number of signs that are listed for each ending and question."""

_MOVES = 10
"""Largest number of moves whose range is listed."""

_TIMES_OF_DAY = ("made_at", "seconds", "machine", "versions")
"""Parts of the provenance that depend on the computer. Without them, every computer writes the same report."""

_WIDTH, _HEIGHT, _TALL, _LABELS = 720, 440, 520, 235
"""Pixels on screen: width and height of a figure, height of one with ten rows, and room for labels at the right."""

_PROVENANCE = {
    "firings_by": "numbers of moves, computed by",
    "scenario_sha256": "SHA-256 of the scenario",
    "version": "version of simlib",
    "horizon_days": "horizon in days",
    "draws": "sets of assumptions",
    "truncation_bound": "largest error of an exact probability",
    "steps": "steps of the exact computation",
    "edges": "transitions between states",
    "ignore_windows": "calendar windows left out",
    "by_histories": "questions answered by Monte Carlo",
    "histories": "simulated histories",
    "histories_seed": "seed of the histories",
}
"""Words for parts of the provenance."""

Kind = Literal["endings", "questions"]

_RANGES = "each has a reason, and a range unless it is fixed."
_ALL_FIXED = "all are fixed, so nothing in this report says how far off the answer may be."


def blocks(material: Material) -> Iterator[Block]:
    """Yield the blocks of a report: two sheets, then the annex."""
    sections = [(title, tuple(pieces)) for title, pieces in _annex(material)]
    named = [(title, f"annex-{number}", pieces) for number, (title, pieces) in enumerate(sections, 1)]
    yield first_page(material)
    yield second_page(material, [(title, name) for title, name, _ in named])
    for title, name, pieces in named:
        yield Block("heading", title, name=name)
        yield from pieces


def _annex(material: Material) -> Iterator[tuple[str, Iterator[Block]]]:
    yield "All answers", _answer(material, material.forecast.by_words)
    if material.draws is not None:
        yield "How sure can anyone be?", _uncertain_assumptions(material, material.draws)
    if material.tornado is not None:
        yield "What drives it", _drivers(material, material.tornado)
    if material.paths is not None:
        yield "By which path", _by_which_path(material.paths, material.forecast)
    if material.indicators or material.seeing:
        yield "What to watch for", _watch(material)
    if material.past_crises is not None or material.past is not None:
        yield "How it compares with the past", _past(material)
    if material.changes is not None:
        yield "All changes", _all_changes(material)
    yield from _ground(material)
    yield "Limits", _limits(material)
    yield "Methods and provenance", _methods(material)


def _drivers(material: Material, every: Drivers) -> Iterator[Block]:
    from simlib.analysis.sensitivity.direct_rates import self_evident
    from simlib.plots.tornado_bars import tornado

    for measure in every.measures:
        lines: list[str] = []
        evident = self_evident(material.scenario, measure)
        bars = tuple(bar for bar in every.bars if bar.assumption.id not in evident)
        telling = dataclasses.replace(every, bars=bars)
        named = [bar.assumption.label for bar in every.ranked(measure.name) if bar.assumption.id in evident]
        if bars:
            draw = partial(tornado, telling, measure=measure.name)
            yield _figure(material.forecast, draw, f"what drives {measure.words}", height=_TALL)
        lines += telling.sentences_of(measure) if bars else ()
        if named:
            what = ", ".join(quoted(label) for label in named)
            lines.append(f"Left out as self-evident: {what}, part of the only move that leads to {measure.words}.")
        yield Block("list", items=tuple(lines))


def _watch(material: Material) -> Iterator[Block]:
    if material.seeing is not None:
        yield Block("subheading", f"Signs of {material.seeing.measure.words}")
        yield Block("list", items=tuple(_signs(material.seeing, material.forecast)))
    for signs in material.indicators:
        yield Block("subheading", f"Signs of {signs.measure.words}")
        yield Block("list", items=tuple(signs.sentences(_SIGNS)))


def _all_changes(material: Material) -> Iterator[Block]:
    found = material.changes
    assert found is not None
    if found.rows:
        yield Block("table", items=(("", "then", "now", "change"), *found.rows))
    yield Block("list", items=(*found.assumptions, *found.events) or ("Nothing else.",))


def _limits(material: Material) -> Iterator[Block]:
    fixed = all(number.fixed for number in material.scenario.assumptions.values())
    first = "The report shows what follows from the assumptions above, not that they are right"
    yield Block("list", items=(f"{first}: {_ALL_FIXED if fixed else _RANGES}", *LIMITS))


def _methods(material: Material) -> Iterator[Block]:
    yield Block("text", legend())
    yield Block("text", RULE)
    forecast = material.forecast
    rows = [*_provenance(forecast.provenance), *(("watch list", signs.made()) for signs in material.indicators[:1])]
    yield Block("table", items=(("what", "value"), *rows))


def _past(material: Material) -> Iterator[Block]:
    if material.past_crises is not None:
        yield from _past_crises(material.past_crises)
    if material.past is not None:
        yield Block("text", LOG_BESIDE_MODEL)
        head = ("", *(" ".join(words) for words in zip(*material.past.HEAD, strict=True)))
        rows = [(check.label, *check.cells()) for check in material.past.checks]
        yield Block("table", items=(head, *rows))
        yield Block("list", items=tuple(material.past.sentences()))


def _past_crises(rates: BaseRates) -> Iterator[Block]:
    if not rates.applied:
        yield Block("text", "The scenario names no class of past crises.")
        return
    head = ("share or figure of past crises", "past [95% interval]", "this scenario", "it lies", "remark")
    rows = [(c.rate.what, *c.words(), c.verdict, c.note) for c in rates.applied]
    yield Block("table", items=(head, *rows))
    yield Block("text", citations(rates.applied))


def _ground(material: Material) -> Iterator[tuple[str, Iterator[Block]]]:
    scenario = material.ledger or material.scenario
    if scenario.questions:
        yield "How the questions are settled", iter([ledger.settling(scenario)])
    key = Block("text", "A number in brackets is that of a source in the list of sources.")
    yield "Where it starts", iter([key, ledger.start(scenario)])
    yield "The assumptions", ledger.assumptions(scenario)
    yield "Sources", iter([ledger.sources(scenario)])


_RANGE_OF_MOVES = (
    "An expected number is an average. The range says how often each move happens in nine of ten histories. "
    "It comes from chance and from the ranges of the assumptions. More computing does not narrow it."
)


def _ranges_of_moves(forecast: Forecast) -> Iterator[tuple[str, ...]]:
    yield ("move", "expected", "range (5% to 95%)", "median", "none")
    for name in forecast.acts[:_MOVES]:
        found = forecast.firing_range(name)
        if found is not None:
            low, middle, high = (f"{point[0]:g}" for point in found.points)
            mean = f"{float(forecast.moves[name][-1]):.3g}"
            yield forecast.label("moves", name), mean, f"{low} to {high}", middle, percent(found.none[0])


def _answer(material: Material, by: str) -> Iterator[Block]:
    forecast = material.forecast
    if material.scenario.description:
        yield Block("text", material.scenario.description)
    if material.what_if:
        yield Block("text", material.what_if[0])
        yield Block("list", items=material.what_if[1:] or ("Nothing else is changed.",))
    over = (
        "on average over the ranges of the assumptions"
        if forecast.stated
        else ("at the stated values of the assumptions")
    )
    ranked = sorted(forecast.endings, key=lambda name: (name == ONGOING, -forecast.endings[name].probability[-1]))
    spread = "" if material.draws is None else "; in brackets, the range over nine in ten sets of assumptions"
    beside = "" if material.baseline is None else "; the baseline is the unchanged scenario, computed in the same way"
    yield Block("text", f"By {by}, {over}{spread}{beside}:")
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
    if forecast.stated is None and not all(number.fixed for number in material.scenario.assumptions.values()):
        yield Block(
            "text",
            "These numbers are at the stated values only. The forecast that counts is the average over the "
            "ranges of the assumptions: to get it, make the report without --draws 0.",
        )
    yield from _pictures(material)


def _impacts(forecast: Forecast) -> Iterator[Block]:
    """Yield the sentences on each impact, with the means given each ending in one table."""
    endings, impacts = forecast.labels["endings"], forecast.impacts
    labels = {name: forecast.label("impacts", name) for name in impacts}
    by = forecast.by_words
    told = (line for name, impact in impacts.items() for line in impact.sentences(labels[name], by))
    yield Block("list", items=tuple(told))
    rows = [
        (label, *(_given(impact, ending) for impact in impacts.values()))
        for ending, label in endings.items()
        if any(np.isfinite(impact.given[ending][-1]) for impact in impacts.values())
    ]
    if rows:
        what = f"The average given the ending by {by}, with its 95% error if it is not exact."
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
    doubt = None if draws is None else {name: draws.spread(name) for name in forecast.endings}
    draw = partial(endings, forecast, baseline=before, doubt=doubt)
    yield _figure(forecast, draw, forecast.sentences()[0], right=_LABELS)
    if forecast.ladders:
        draw = partial(ladder_fan, forecast, baseline=before)
        yield _figure(forecast, draw, "rungs of the ladder over time", right=_LABELS)
    for name in forecast.impacts:
        what = quoted(forecast.label("impacts", name))
        yield _figure(forecast, partial(impact_fan, forecast, impact=name), f"{what} over time")
    yield _figure(forecast, partial(moves, forecast, baseline=before), "expected number of moves", height=_TALL)
    if forecast.firings:
        yield Block("text", f"{_RANGE_OF_MOVES} The numbers in the table are {forecast.firings_source}.")
        yield Block("table", items=tuple(_ranges_of_moves(forecast)))


def _line(material: Material, kind: Kind, name: str) -> str:
    forecast = material.forecast
    band = getattr(forecast, kind)[name]
    p, low, high = (float(x[-1]) for x in (band.probability, band.low, band.high))
    old = None if material.baseline is None else getattr(material.baseline, kind)[name]
    beside = "" if old is None else f"; baseline {_plainly(material, old, name) or percent(float(old.probability[-1]))}"
    said = "" if name in forecast.by_histories else _plainly(material, band, name)
    if said:
        return f"{forecast.label(kind, name)}: {said}{beside}."
    if p <= 0:
        played = f"in none of the simulated histories (so at most {percent(high)})"
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
    """Return an exact probability of 0 or 1 in words, and "" for any other probability."""
    p = float(band.probability[-1])
    if material.forecast.engine != "exact":
        return ""
    if p <= 0:
        return "ruled out in this model"
    if p < _CERTAIN:
        return ""
    already = float(material.forecast.times[0]) == 0 and float(band.probability[0]) >= _CERTAIN
    return "already the case" if already and name != ONGOING else "certain in this model"


def _uncertain_assumptions(material: Material, draws: Ensemble) -> Iterator[Block]:
    forecast, before = material.forecast, material.baseline
    yield Block(
        "text",
        f"Nobody knows the assumptions exactly: each has a range. {len(draws.forecasts)} sets of them "
        "were drawn from these ranges, and the forecast was made with each. The answer is the average. Nine in "
        "ten of these forecasts lie in the range beside the average. This range is uncertainty about the assumptions, "
        "and better knowledge narrows it. What remains even if the assumptions are known is chance, which nothing "
        "narrows.",
    )
    kinds: tuple[Kind, ...] = ("endings", "questions")
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
    return _figure(forecast, partial(fan_charts.measure_fan, fan), f"{quoted(fan.label)} over the draws")


def _by_which_path(paths: Paths, forecast: Forecast) -> Iterator[Block]:
    from simlib.plots.path_charts import path_classes

    *likeliest, how = paths.sentences(4)
    yield Block("text", how)
    yield _figure(forecast, partial(path_classes, paths), "the likeliest paths")
    yield Block("list", items=tuple(likeliest))


def _signs(seeing: Evsi, forecast: Forecast) -> Iterator[str]:
    until, by = seeing.look_by_words, seeing.by_words
    if not seeing.mean:
        yield f"{seeing.measure.words} happens in none of the simulated histories, so no sign of it is known."
        return
    if forecast.stated is not None:
        group = forecast.questions if seeing.measure.kind == "question" else forecast.endings
        today = float(group[seeing.measure.of].probability[-1])
        yield f"Averaged over the priors, the probability of {seeing.measure.words} by {by} is {percent(today)} today."
    if not seeing.open_then:
        yield f"By {until} the answer is known in every simulated history, so there is nothing to watch for."
        return
    yield (
        f"If by {until} it has not happened and nothing has ended, the probability of {seeing.measure.words} by {by} "
        f"is {percent(seeing.if_open)}, averaged over the priors. Moves seen by then change this probability:"
    )
    known = [o for o in seeing.observations if o.brier.known]
    for o in known[:_SIGNS]:
        yield (
            f"{quoted(o.label)}: to {percent(o.if_seen)} if it is seen by then, to {percent(o.if_not)} if not; it is "
            f"seen with probability {percent(o.seen)}."
        )
    if not known:
        yield "No single move is known to change this probability."


def _provenance(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in provenance.items():
        if key in _TIMES_OF_DAY:
            continue
        words = _PROVENANCE.get(key, key.replace("_", " "))
        if isinstance(value, Mapping):
            yield words, ", ".join(f"{name} {_short(item)}" for name, item in value.items())
        elif value not in (None, "", []):
            yield words, ", ".join(map(_short, value)) if isinstance(value, list | tuple) else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _figure(
    forecast: Forecast, draw: Callable[[Axes], Any], words: str, *, right: int = 30, height: int = _HEIGHT
) -> Block:
    from simlib.plots.captions import foot, sign
    from simlib.plots.figure import new_figure, small_png
    from simlib.plots.lettering import settle

    figure = new_figure(_WIDTH, height, words)
    sign(figure, foot(forecast))
    left, bottom, top = 70, 54, 106
    across, up = _WIDTH - left - right, height - bottom - top
    draw(figure.add_axes((left / _WIDTH, bottom / height, across / _WIDTH, up / height)))
    settle(figure)
    return Block("figure", words, png=small_png(figure, ratio=LARGE), width=_WIDTH)
