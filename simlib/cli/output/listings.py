"""Plain-text tables that are printed below the sentences of an answer."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from simlib.cli.output.text_table import Row, table
from simlib.formatting import long_date, one_digit, over_draws, percent, percent_within, points
from simlib.quantities import show

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.pooling import Pool
    from simlib.analysis.scenario_diff import Diff
    from simlib.analysis.sensitivity.exact_slopes import Elasticities
    from simlib.analysis.sensitivity.one_at_a_time import Bar, Drivers
    from simlib.analysis.sensitivity.sobol_indices import Index, Sobol
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.analysis.whatif.contrast import Difference
    from simlib.analysis.whatif.divergence import Divergence
    from simlib.analysis.whatif.result import Comparison
    from simlib.machine.measures import Measure

TABLE_ROWS = 12
"""Largest number of rows of a table. The files of --out and --json have all rows."""

TABLE_VARIANTS, HEADING_WIDTH = 4, 22
"""Largest number of variants side by side in a table, and the width of a column heading in letters."""

PARTED = 44
"""Width in letters of each column in a table of two simulated histories."""


def compared(result: Comparison, *, cumulative: bool, whole: bool) -> Iterator[str]:
    """Yield tables with a column per variant, then tables of histories whose ending changes.

    The rows of the first tables are endings, questions and impacts. With `whole` the rows are all quantities that the
    answer compares. With `cumulative` the title says that each variant also has the changes of all variants before it.
    """
    names = list(result.effects)
    for first in range(0, len(names), TABLE_VARIANTS):
        yield _compared(result, names[first : first + TABLE_VARIANTS], cumulative, whole)
    yield from _flips(result)
    for effect in result.effects.values():
        yield from map(parted, effect.divergences)


def parted(pair: Divergence) -> str:
    """Return a table of a simulated history: dates, and events in the baseline and the variant."""
    before, after = pair.labels
    title = f"One history, from the first event that differs: ending “{before}” becomes “{after}” in “{pair.variant}”"
    wrapped = [[textwrap.wrap(text, PARTED) or [""] for text in row] for row in (("", *pair.head[1:]), *pair.rows)]
    lines = [
        f"  {date:<18}{before:<{PARTED + 2}}{after}".rstrip()
        for row in wrapped
        for date, before, after in itertools.zip_longest(*row, fillvalue="")
    ]
    return "\n".join([title, *lines])


def _compared(result: Comparison, names: Sequence[str], cumulative: bool, whole: bool) -> str:
    some = [
        d
        for d in result.effects[names[0]].differences.values()
        if whole or d.measure.kind in ("ending", "question", "impact")
    ]
    rows = []
    for d in some:
        cells = [_after(result.effects[name].differences[d.measure.name]) for name in names]
        rows.append(Row(d.measure.label, [d.measure.write(float(d.before[-1])), *cells]))
    parts = [["baseline"], *(textwrap.wrap(f"+ {name}" if cumulative else name, HEADING_WIDTH) for name in names)]
    depth = max(map(len, parts))
    head = [[part[k - depth + len(part)] if k >= depth - len(part) else "" for part in parts] for k in range(depth)]
    what = f"change from the baseline{' in points' if all(d.measure.probability for d in some) else ''}"
    how = "each variant added to those before it" if cumulative else "each variant by itself"
    return table(f"By {result.by_words}: the baseline, and {how} ({what}); {_pairs(result, names[0])}", head, rows)


def _flips(result: Comparison) -> Iterator[str]:
    rows = [
        Row(name, [percent(flips.share), *(f"{percent(a)} to {percent(b)}" for a, b in (flips.interval, flips.bounds))])
        for name, flips in ((name, effect.flips) for name, effect in result.effects.items())
        if flips is not None
    ]
    if rows:
        title = (
            f"Histories that end differently by {result.by_words}, in baseline and variant, with common random numbers"
        )
        yield table(title, [["", "95%", "least and most"], ["share", "interval", "with other pairs"]], rows)


def _after(d: Difference) -> str:
    """Return a text with the value of a quantity in a variant, and its change from the baseline.

    The error of the change is half the width of its 95% interval. An exact change has no error.
    """
    from simlib.analysis.whatif.contrast import counts_change

    after, change, half = float(d.after[-1]), float(d.change[-1]), float(d.high[-1] - d.low[-1]) / 2
    if d.measure.probability:
        written = points(change).removesuffix(" points")
        error = f" ±{one_digit(100 * half)}" if half > 1e-6 else ""
    else:
        written, error = counts_change(change), f" ±{one_digit(half)}" if half > 1e-6 else ""
    return f"{d.measure.write(after)} ({written}{error})"


def _pairs(result: Comparison, name: str) -> str:
    flips = result.effects[name].flips
    if flips is None:
        return "exact, no pairs of histories"
    return f"{'exact, and' if result.engine == 'exact' else 'from'} {flips.runs:,} pairs of histories"


def drivers(result: Drivers, slopes: Elasticities | None, shares: Sobol | None) -> Iterator[str]:
    """Yield a table for each quantity that the answer is about, with a row for each assumption.

    A row shows the quantity at the low and at the high value of the assumption. With `slopes` and `shares`, the row
    also shows the slope, and the share of the spread that the assumption causes.
    """
    for measure in result.measures:
        bars = result.ranked(measure.name)[:TABLE_ROWS]
        columns = [("low", "at low", "high", "at high"), *map(_ends(result, measure), bars)]
        if slopes is not None:
            columns = [[*row, cell] for row, cell in zip(columns, _slopes(slopes, measure, bars), strict=True)]
        if shares is not None:
            cells = _shares_of(shares, measure, bars)
            columns = [[*row, *two] for row, two in zip(columns, cells, strict=True)]
        rows = [Row(bar.assumption.label, cells) for bar, cells in zip(bars, columns[1:], strict=True)]
        error = "" if result.engine == "exact" else "; ± of the change (95%)"
        title = f"{measure.words} by {result.by_words}, with one assumption at its low and at its high value{error}"
        yield table(title, [columns[0]], rows)


def _ends(result: Drivers, measure: Measure) -> Callable[[Bar], Sequence[str]]:
    def cells(bar: Bar) -> Sequence[str]:
        a = bar.assumption
        low, high = (show(value, a.kind, a.unit) for value in (a.low, a.high))
        ends = ((bar.at_low, bar.half_low), (bar.at_high, bar.half_high))
        first, last = (result.write(measure, *end) for end in ends)
        return low, first, high, last

    return cells


def _slopes(slopes: Elasticities, measure: Measure, bars: Sequence[Bar]) -> list[str]:
    """Return a table column: its title, then a text for the assumption of each bar in `bars`.

    The text is the change of `measure` if the assumption is 1% higher. For a probability the unit is percentage points.
    """
    pairs = zip(slopes.assumptions, slopes.derivatives[measure.name], strict=True)
    effects = {a.id: slope * a.value for a, slope in pairs}
    size = 1.0 if measure.probability else 0.01
    unit = " points" if measure.probability else ""
    return ["if 1% higher", *(f"{size * effects[bar.assumption.id]:+.2g}{unit}" for bar in bars)]


def _shares_of(shares: Sobol, measure: Measure, bars: Sequence[Bar]) -> list[tuple[str, str]]:
    """Return two table columns as pairs of texts: the titles, then a pair for each assumption.

    A pair is the share of the spread of `measure` that the assumption causes alone, and the share that it causes
    together with other assumptions. Correlated assumptions form a group. Each assumption of a group gets the share of
    the whole group.
    """
    by_name = {name: share for share in shares.measures[measure.name].shares for name in share.input.assumptions}
    some = (by_name.get(bar.assumption.id) for bar in bars)
    cells = [("", "") if share is None else (_index(share.first), _index(share.total)) for share in some]
    return [("share of spread", "with others"), *cells]


def _index(index: Index) -> str:
    low, value, high = (min(max(x, 0.0), 1.0) for x in (index.low, index.estimate, index.high))
    return percent_within(value, low, high) if index.known else "not known"


def pooled(result: Pool) -> str:
    """Return a table of probabilities: two averages over the views, the lowest, and the highest."""
    names, rows = list(result.weights), []
    for item in sorted(result.items, key=lambda item: item.kind == "ending"):
        views, pools = item.views[:, -1], (item.linear[-1], item.logarithmic[-1])
        ends = (f"{percent(float(views[at]))} ({names[at]})" for at in (int(views.argmin()), int(views.argmax())))
        rows.append(Row(item.label, [*(percent(float(each)) for each in pools), *ends]))
    head = [["linear pool", "logarithmic", "lowest view", "highest view"]]
    return table(f"Probability by {result.by_words}, {result.basis}", head, rows)


def differences(result: Diff) -> Iterator[str]:
    """Yield a table of the forecasts of both scenarios, or nothing if they were not computed."""
    rows = []
    for row in result.frame("forecast").to_dict("records"):
        before, after = row["before"], row["after"]
        known = [value is not None and math.isfinite(value) for value in (before, after)]
        write = partial(show, kind="amount") if row["kind"] == "impact" else percent
        cells = [write(float(value)) if there else "-" for value, there in zip((before, after), known, strict=True)]
        change = points(after - before) if all(known) and row["kind"] != "impact" else ""
        rows.append(Row(row["label"], [*cells, change]))
    if rows and result.by:
        yield table(f"Forecasts by {long_date(result.by)}, at the stated values", [["before", "after", "change"]], rows)


def watched(result: Indicators) -> Iterator[str]:
    """Yield a table of moves and levels of variables that are signs of an ending or a question.

    The columns are: change of the probability if the sign is seen, change of the probability if the move is forced,
    likelihood ratio, expected bits, lead time, probability of seeing the sign, false alarms, and misses.
    """
    from simlib.analysis.indicators.result import write_bits, write_ratio, write_share

    rows = [
        Row(
            row.label,
            [
                points(row.change),
                _forced(row.if_forced),
                write_ratio(row),
                write_bits(row),
                _days(row.lead_days[1]),
                *(write_share(share) for share in (row.seen, row.false_alarms, row.misses)),
            ],
        )
        for row in result.signs[:TABLE_ROWS]
    ]
    if rows and 0 < result.before[0] < 1:
        until, by = result.look_by_words, result.by_words
        often = f" at least {result.times_seen} times" if result.times_seen > 1 else ""
        where = over_draws(result.provenance)
        base = f"changes in points, from {write_share(result.before)} before looking, {where}"
        title = f"Signs of {result.measure.words} by {by}, seen{often} by {until}; {base}"
        yield table(
            title,
            [
                ["", "change if", "", "", "", "", "", ""],
                ["change if", "forced, at", "likelihood", "expected", "lead", "", "false", ""],
                ["seen", "stated values", "ratio", "bits", "time", "seen", "alarms", "misses"],
            ],
            rows,
        )


def observations(result: Evsi) -> Iterator[str]:
    """Yield a table of observations that help to forecast an ending or question, best first."""
    rows = [
        Row(
            o.label,
            [percent(o.seen), _share(o.if_seen), _share(o.if_not), result.gain(o), percent(o.settles.value)]
            if o.seen > 0
            else ["never", "-", _share(o.if_not), "-", "-"],
        )
        for o in result.observations[:TABLE_ROWS]
    ]
    yield table(
        f"What to watch for until {result.look_by_words}, to forecast {result.measure.words}",
        [["", "", "if not", "Brier score", "uncertainty"], ["seen", "if seen", "seen", "lower by", "removed"]],
        rows,
    )


def _forced(effect: tuple[float, float, float] | None) -> str:
    if effect is None:
        return "-"
    half = 50 * (effect[2] - effect[1])
    return f"{100 * effect[0]:+.2g}" + (f" ±{one_digit(half)}" if half > 0 else "")


def _share(value: float) -> str:
    return percent(value) if math.isfinite(value) else "-"


def _days(value: float) -> str:
    return f"{value:.0f} days" if math.isfinite(value) else "-"
