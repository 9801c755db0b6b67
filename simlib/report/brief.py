"""The two pages at the front of a report, for decision-makers who have five minutes.

- First page: the headline (the main question of the scenario) with its range, a likelihood word and the confidence in
  it, then the other answers, and three assumptions that would change the headline.
- Second page: changes since an earlier report, views, past crises, consequences, signs to watch for, limits, and the
  contents of the annex.

Texts are cut so that each page fits on one sheet of paper. The annex has the full texts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from simlib.formatting import capital, counted, long_date, one_digit, percent, plainly, quoted
from simlib.quantities import show_range
from simlib.report.confidence import confidence_in
from simlib.report.figure_blocks import figure_block
from simlib.report.likelihood import icd203
from simlib.report.limits import LIMITS, own_limits
from simlib.report.markup import Block, ValueBar
from simlib.report.material import Material
from simlib.results import ONGOING, Forecast

if TYPE_CHECKING:
    from simlib.analysis.sensitivity.one_at_a_time import Bar
    from simlib.calibration.reference_classes import RateCheck

__all__ = ["citations", "first_page", "second_page"]

_ROWS, _ASSUMPTIONS, _PAST, _BRIEF_SIGNS, _CHANGES = 6, 3, 4, 5, 5
"""Largest number of rows in a table: answers, assumptions, past crises or consequences, signs, and changes."""

_LEAD, _REASON, _NOTE, _LABEL_LETTERS, _LIMIT = 380, 140, 150, 72, 560
"""Largest number of letters in a text: description, reason, note, label of an answer, and limits."""


def first_page(material: Material) -> Block:
    """Return the first page of a report as a sheet."""
    scenario, forecast = material.scenario, material.forecast
    until = f"forecast to {forecast.by_words}"
    parts = [
        Block("kicker", f"Scenario brief · as of {long_date(scenario.as_of)} · {until}"),
        Block("title", scenario.title),
        Block("lead", clipped(scenario.description, _LEAD, sentence=True)),
        *_what_if(material),
        *_headline(material),
        *_other_answers(material),
        *_assumptions(material),
    ]
    return Block("sheet", parts=tuple(parts))


def second_page(material: Material, contents: Iterable[tuple[str, str]]) -> Block:
    """Return the second page of a report as a sheet.

    `contents` has a pair for each section of the annex: its heading, and the name of the heading for links.
    """
    parts = [
        *_changes(material),
        *_views(material),
        *_past(material),
        *_consequences(material),
        *_signs(material),
        *_limits(material),
        Block("heading", "Annex"),
        Block("contents", items=tuple(contents)),
    ]
    return Block("sheet", parts=tuple(parts))


# -------------------------------------------------------------------- the first page


def _what_if(material: Material) -> Iterator[Block]:
    if not material.what_if:
        return
    first, *rest = material.what_if
    yield Block("note", first)
    if rest:
        more = [f"and {len(rest) - 4} more: see the annex"] if len(rest) > 4 else []
        yield Block("list", items=(*(clipped(text, _NOTE) for text in rest[:4]), *more))


def _headline(material: Material) -> Iterator[Block]:
    lead, forecast = material.lead, material.forecast
    if lead.kind not in ("question", "ending"):
        return
    p = _probability(forecast, lead.kind, lead.of)
    spread = material.spread
    by = forecast.by_words
    said = [Block("heading", f"{lead.label} by {by}" if lead.of != ONGOING else f"No ending by {by}")]
    likely = f"Likelihood: {icd203(p)}."
    if spread is None:
        said.append(Block("big", percent(p)))
        said.append(Block("claim", likely, ("At the stated values of the assumptions, without a range.",)))
    else:
        low, high = map(percent, material.range_of(lead.kind, lead.of))
        said.append(Block("big", percent(p), (f"5–95% range: {low} to {high}",)))
        said.append(Block("claim", likely, (_known(material),)))
    if material.changes is not None and material.changes.answer_in_log:
        since = long_date(material.scenario.as_of)
        text = f"{clipped(material.changes.answer_in_log, _NOTE)} The forecast is about a new occurrence after {since}."
        said.append(Block("claim", "The log already reports it.", (text,)))
    if material.baseline is not None:
        old = _probability(material.baseline, lead.kind, lead.of)
        said.append(Block("text", f"The unchanged scenario gives {percent(old)}."))
    confidence = confidence_in(material)
    sides_of = (("Against it", confidence.against), ("For it", confidence.supporting))
    grounds = " ".join(f"{name}: {'; '.join(words)}." for name, words in sides_of if words)
    said.append(Block("claim", f"Confidence: {confidence.level}.", (grounds,)))
    sides = [Block("column", parts=tuple(said))]
    if material.draws is not None and spread is not None and spread.variance.value > 0:
        sides.append(Block("column", parts=(_outlook(material), Block("note", _outlook_key(material)))))
    yield Block("panel", parts=(Block("columns", parts=tuple(sides)),))


def _known(material: Material) -> str:
    spread, draws = material.spread, material.draws
    assert spread is not None
    assert draws is not None
    low, high = (spread.quantiles[q].half for q in (0.05, 0.95))
    what = "sets of assumptions" if draws.belief.is_prior else "sets of assumptions, weighted by the log"
    sets = f"{draws.belief.draws:,} {what}"
    return (
        f"Average of {sets}. Computation error: {_in_points(spread.mean.half)} for the average, {_in_points(low)} for "
        f"the low end, {_in_points(high)} for the high end. At the stated values: {percent(spread.stated.value)}."
    )


def _in_points(half: float) -> str:
    size = one_digit(100 * half)
    return f"{size} point{'s' * (size != '1')}" if 100 * half >= 0.05 else "less than 0.1 points"


def _outlook(material: Material) -> Block:
    from simlib.analysis.uncertainty.fans import measure_fan
    from simlib.plots.fan_charts import outlook_fan

    lead, draws = material.lead, material.draws
    assert draws is not None
    fan = measure_fan(draws, lead.name)
    before = material.baseline
    old = None if before is None else getattr(before, f"{lead.kind}s")[lead.of].probability
    words = f"{lead.label} over time: {fan.sentences()[0]}"
    draw = partial(outlook_fan, fan, baseline=old if old is not None and len(old) == len(fan.times) else None)
    return figure_block(words, draw, 400, 215, (0.1, 0.19, 0.66, 0.78))


def _outlook_key(material: Material) -> str:
    dashed = "" if material.baseline is None else "; dashed: the unchanged scenario"
    return f"Probability by the end of each date. Line: average; band: 5–95% range{dashed}."


def _other_answers(material: Material) -> Iterator[Block]:
    forecast, lead = material.forecast, material.lead
    questions = [name for name in forecast.questions if ("question", name) != (lead.kind, lead.of)]
    some = [name for name in forecast.endings if name != ONGOING and ("ending", name) != (lead.kind, lead.of)]
    ranked = sorted(some, key=lambda name: -float(forecast.endings[name].probability[-1]))
    endings = [ONGOING, *ranked[: _ROWS - 1]] if forecast.endings else []
    tables = [
        Block("column", parts=(Block("heading", title), _answers(material, kind, names)))
        for title, kind, names in (
            ("Other questions", "question", questions[:_ROWS]),
            ("How it may end", "ending", endings),
        )
        if names
    ]
    if tables:
        yield Block("columns", parts=tuple(tables))


def _answers(material: Material, kind: str, names: Iterable[str]) -> Block:
    rows = [("", "Probability", "5–95%")]
    for name in names:
        label = clipped(material.forecast.label(f"{kind}s", name), _LABEL_LETTERS)
        ends = map(percent, material.range_of(kind, name)) if material.draws is not None else ()
        rows.append((label, percent(_probability(material.forecast, kind, name)), " to ".join(ends)))
    return Block("table", items=tuple(rows))


def _assumptions(material: Material) -> Iterator[Block]:
    bars = material.strongest(_ASSUMPTIONS)
    if not bars or material.tornado is None:
        return
    rows = [("Assumption and its 5–95% range", "Headline at both ends", "What it rests on", "To find out")]
    rows += [_assumption(material, bar) for bar in bars]
    titles = {1: "The assumption that would change the headline", 2: "Two assumptions that would change the headline"}
    yield Block("heading", titles.get(len(bars), "Three assumptions that would change the headline"))
    yield Block("table", items=tuple(rows))


def _assumption(material: Material, bar: Bar) -> tuple[str, str, str, str]:
    from simlib.analysis.uncertainty.reasons_and_sources import grounds

    assert material.tornado is not None
    a = bar.assumption
    ends = f"{percent(float(bar.at_low[0]))} to {percent(float(bar.at_high[0]))}"
    behind = grounds(material.scenario, a.because, a.sources)
    reason = clipped(capital(a.because), _REASON)
    reason += " " if reason.endswith(("…", ".")) else ". " * bool(reason)
    newest = "the newest " if len(behind.sources) > 1 and behind.youngest else ""
    sources = f"{counted(len(behind.sources), 'source')}, {newest}{behind.age()}." if behind.sources else "No source."
    what = f"{a.label}: {show_range(a.low, a.high, a.kind, a.unit)}"
    return what, ends, f"{reason}{sources}", _to_find_out(material, bar)


def _to_find_out(material: Material, bar: Bar) -> str:
    a, parts = bar.assumption, []
    worths = [] if material.worth is None else material.worth.worths
    worth = next((w for w in worths if w.assumption.id == a.id and w.known), None)
    if worth is not None:
        parts.append(f"Knowing it would remove {worth.of_all} of the spread.")
    seen = [] if material.seeing is None else material.seeing.observations
    sign = next((o for o in seen if o.about == a.id and o.settles.known), None)
    if sign is not None:
        parts.append(f"Watch for {quoted(sign.label)}.")
    elif not a.sources:
        parts.append("Find a source: so far this is a judgement.")
    else:
        parts.append("Seek a second, independent source.")
    return " ".join(parts)


# -------------------------------------------------------------------- the second page


def _changes(material: Material) -> Iterator[Block]:
    changes = material.changes
    if changes is None:
        return
    since = changes.since
    yield Block("heading", f"What has changed since {long_date(since.as_of)}" if since else "What the log has changed")
    if since and changes.rows:
        target = f" (then by {long_date(since.by)})" if since.by != _by(material) else ""
        head = ("", f"{long_date(since.as_of)}{target}", long_date(material.scenario.as_of), "change")
        yield Block("table", items=(head, *changes.rows[:_CHANGES]))
    for name, lines in (("assumption", changes.assumptions), ("new row", changes.events)):
        some = [clipped(line, _NOTE) for line in lines[-_CHANGES:]] if name == "new row" else list(lines[:_CHANGES])
        rest = len(lines) - len(some)
        more = [f"and {counted(rest, f'other {name}')}: see the annex."] if rest else []
        if some:
            yield Block("list", items=(*some, *more))
    if since and not changes.assumptions and not changes.events:
        yield Block("text", "No stated value has changed, and no new row of the log was taken in.")


def _by(material: Material) -> dt.date:
    return material.forecast.by_date(float(material.forecast.times[-1]))


def _views(material: Material) -> Iterator[Block]:
    if material.views is None:
        return
    item, pool = material.view_item(), material.views
    top = max(float(item.views[:, -1].max()), 0.01)
    rows: list[tuple[str | ValueBar, ...]] = [("View", "Probability", f"Bar from 0% to {percent(top)}")]
    names = [*pool.weights, "Pooled, each view with the same weight"]
    for name, value in zip(names, [*item.views[:, -1].tolist(), float(item.linear[-1])], strict=True):
        rows.append((name, percent(value), ValueBar(value / top, percent(value))))
    yield Block("heading", f"Views side by side: {item.label}")
    yield Block("table", items=tuple(rows))


def _past(material: Material) -> Iterator[Block]:
    if material.past_crises is None:
        return
    checks = [check for check in material.past_crises.applied if check.rate.share and check.verdict]
    ranked = sorted(checks, key=lambda check: check.verdict == "inside")[:_PAST]
    if not ranked:
        return
    yield Block("heading", "Past crises, and why this one may differ")
    head = ("Share of", "Past [95% interval]", "This scenario", "Reason")
    yield Block("table", items=(head, *(_past_row(check) for check in ranked)))
    yield Block("note", f"This scenario: at the stated values of the assumptions. {citations(ranked)}")


def _past_row(check: RateCheck) -> tuple[str, ...]:
    reason = check.note.partition(". ")[2] or check.note
    inside = "Agrees." if check.verdict == "inside" else ""
    return check.rate.what, *check.words(), clipped(inside or reason, _NOTE)


def citations(checks: Iterable[RateCheck]) -> str:
    """Name the data sets behind figures about past crises, in one sentence."""
    return f"Data: {'; '.join(dict.fromkeys(check.rate.citation for check in checks))}."


def _consequences(material: Material) -> Iterator[Block]:
    impacts = material.forecast.impacts
    if not impacts:
        return
    head = ("Consequence", "Any at all", "Average", "5–95% of histories", "Worst 5% on average")
    rows = []
    for name, impact in list(impacts.items())[:_PAST]:
        mean = f"{_amount(float(impact.mean[-1]))} {impact.unit}"
        some = span = worst = ""
        if impact.sample is not None:
            some = percent(impact.sample.exceeds(0.0).value)
            span = " to ".join(_amount(impact.sample.quantile(share).value) for share in (0.05, 0.95))
            worst = _amount(impact.sample.worst().value)
        rows.append((material.forecast.label("impacts", name), some, mean, span, worst))
    yield Block("heading", f"Consequences by {material.forecast.by_words}")
    yield Block("table", items=(head, *rows))


def _amount(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 9.5 else plainly(value) if value > 0 else "0"


def _signs(material: Material) -> Iterator[Block]:
    seeing = material.seeing
    if seeing is None or not seeing.mean or not seeing.open_then:
        return
    known = [o for o in seeing.observations if o.brier.known and 0 < o.seen < 1][:_BRIEF_SIGNS]
    if not known:
        return
    until = seeing.look_by_words
    yield Block("heading", f"What to watch until {until}")
    rows = [(o.label, percent(o.seen), percent(o.if_seen), percent(o.if_not)) for o in known]
    yield Block("table", items=(("Sign", "Probability of seeing it", "Headline if seen", "If not seen"), *rows))
    yield Block(
        "note",
        f"If the headline is still open after {until}, its probability is {percent(seeing.if_open)} on average. Signs "
        "overlap: do not multiply their effects. A sign is evidence, not a cause.",
    )


def _limits(material: Material) -> Iterator[Block]:
    yield Block("heading", "Limits")
    own = own_limits(material.scenario)
    lines = [clipped(own, _LIMIT, sentence=True)] if own else []
    yield Block("list", items=(*lines, *LIMITS))


# -------------------------------------------------------------------- common


def clipped(text: str, most: int, *, sentence: bool = False) -> str:
    """Return a text, cut after a word to about `most` letters, and with " …" if it was cut.

    With `sentence`, the cut is after the last full sentence that fits, and the text ends without " …". This applies
    only if the result has more than `most` / 3 letters.
    """
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    if sentence and (end := max(text.rfind(mark, 0, most) for mark in (". ", "? ", "! "))) > most // 3:
        return text[: end + 1]
    return text[: text.rfind(" ", 0, most)].rstrip(",;:.") + " …"


def _probability(forecast: Forecast, kind: str, name: str) -> float:
    return float(getattr(forecast, f"{kind}s")[name].probability[-1])
