"""A whole report: two pages for decision-makers, and an annex for those who check.

`brief` makes the two pages. `answer_blocks` and `assumption_blocks` make the sections of the annex about answers,
assumptions and sources, and this module makes the others. `markup` writes the report as HTML or Markdown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.calibration.predictive_check import LOG_BESIDE_MODEL
from simlib.formatting import percent, quoted
from simlib.report import assumption_blocks as ledger
from simlib.report.answer_blocks import answers, ranges
from simlib.report.brief import citations, first_page, second_page
from simlib.report.confidence import RULE
from simlib.report.figure_blocks import TALL, annex_figure
from simlib.report.likelihood import legend
from simlib.report.limits import LIMITS
from simlib.report.markup import Block
from simlib.report.material import Material
from simlib.results import Forecast

if TYPE_CHECKING:
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.calibration.reference_classes import BaseRates

__all__ = ["blocks"]

_LISTED_SIGNS = 4
"""Largest number of signs that are listed for each ending and question."""

_TIMES_OF_DAY = ("made_at", "seconds", "machine", "versions")
"""Parts of the provenance that depend on the computer. Without them, every computer writes the same report."""

_PROVENANCE = {
    "firings_by": "numbers of moves, computed by",
    "scenario_sha256": "SHA-256 of the scenario",
    "version": "version of simlib",
    "horizon_days": "horizon in days",
    "draws": "sets of assumptions",
    "belief": "distribution of the assumptions",
    "belief_source": "origin of the sets of assumptions",
    "truncation_bound": "largest error of an exact probability",
    "steps": "steps of the exact computation",
    "edges": "transitions between states",
    "ignore_windows": "calendar windows left out",
    "by_histories": "questions answered by Monte Carlo",
    "histories": "simulated histories",
    "histories_seed": "seed of the histories",
}

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
    yield "All answers", answers(material)
    if material.draws is not None:
        yield "How sure can anyone be?", ranges(material, material.draws)
    if material.tornado is not None:
        yield "What drives it", _drivers(material, material.tornado)
    if material.paths is not None:
        yield "By which path", _by_which_path(material.paths, material.forecast)
    if material.indicators or material.seeing:
        yield "What to watch for", _watch(material)
    if material.past_crises is not None or material.past is not None:
        yield "How the scenario compares with the past", _past(material)
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
            yield annex_figure(material.forecast, draw, f"what drives {measure.words}", height=TALL)
            lines += telling.sentences_of(measure)
        if named:
            what = ", ".join(quoted(label) for label in named)
            lines.append(f"Left out as self-evident: {what}, used by the only move that leads to {measure.words}.")
        yield Block("list", items=tuple(lines))


def _watch(material: Material) -> Iterator[Block]:
    if material.seeing is not None:
        yield Block("subheading", f"Signs of {material.seeing.measure.words}")
        yield Block("list", items=tuple(_signs(material.seeing, material.forecast)))
    for signs in material.indicators:
        yield Block("subheading", f"Signs of {signs.measure.words}")
        yield Block("list", items=tuple(signs.sentences(_LISTED_SIGNS)))


def _all_changes(material: Material) -> Iterator[Block]:
    changes = material.changes
    assert changes is not None
    if changes.rows:
        yield Block("table", items=(("", "then", "now", "change"), *changes.rows))
    yield Block("list", items=(*changes.assumptions, *changes.events) or ("Nothing else.",))


def _limits(material: Material) -> Iterator[Block]:
    first = "The report shows what follows from the assumptions above, not that they are right"
    yield Block("list", items=(f"{first}: {_RANGES if material.scenario.uncertain else _ALL_FIXED}", *LIMITS))


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
    head = ("share or figure of past crises", "past [95% interval]", "this scenario", "the scenario lies", "remark")
    rows = [(c.rate.what, *c.words(), c.verdict, c.note) for c in rates.applied]
    yield Block("table", items=(head, *rows))
    yield Block("text", citations(rates.applied))


def _ground(material: Material) -> Iterator[tuple[str, Iterator[Block]]]:
    scenario = material.ledger or material.scenario
    if scenario.questions:
        yield "How the questions are settled", iter([ledger.settling(scenario)])
    key = Block("text", "A number in brackets stands for a source in the list of sources.")
    yield "Where it starts", iter([key, ledger.start(scenario)])
    yield "The assumptions", ledger.assumptions(scenario)
    yield "Sources", iter([ledger.sources(scenario)])


def _by_which_path(paths: Paths, forecast: Forecast) -> Iterator[Block]:
    from simlib.plots.path_charts import path_classes

    *likeliest, how = paths.sentences(4)
    yield Block("text", how)
    yield annex_figure(forecast, partial(path_classes, paths), "the likeliest paths")
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
        f"If the answer is still open after {until}, the probability of {seeing.measure.words} by {by} "
        f"is {percent(seeing.if_open)}, averaged over the priors. Moves seen by then change this probability:"
    )
    known = [o for o in seeing.observations if o.brier.known]
    for o in known[:_LISTED_SIGNS]:
        yield (
            f"{quoted(o.label)}: to {percent(o.if_seen)} if it is seen by then, to {percent(o.if_not)} if not; it is "
            f"seen with probability {percent(o.seen)}."
        )
    if not known:
        yield "No single move is known to change this probability."


def _provenance(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in provenance.items():
        if key in _TIMES_OF_DAY or key == "by_day":  # in a report the target day is the horizon
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
