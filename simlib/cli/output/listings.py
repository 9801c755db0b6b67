"""What questions answer, as plain-text tables beside their sentences."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simlib.cli.output.text_table import Row, table
from simlib.formatting import one_digit, over_draws, percent, points
from simlib.quantities import show

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.analysis.whatif.comparison import Comparison
    from simlib.analysis.whatif.contrast import Difference

ROWS = 12
"""Most rows of a table; the files of --out and --json have them all."""

COLUMNS, WIDTH = 4, 22
"""Most variants beside each other in a table, and the letters of a line of their names."""


def compared(result: Comparison, *, cumulative: bool = False, asked: bool = False) -> Iterator[str]:
    """Yield the endings, questions and impacts with a column for each variant, and the flips.

    Where measures were `asked` for, all of them are there.
    """
    names = list(result.effects)
    for first in range(0, len(names), COLUMNS):
        yield _compared(result, names[first : first + COLUMNS], cumulative, asked)
    yield from _flips(result)


def _compared(result: Comparison, names: Sequence[str], cumulative: bool, asked: bool) -> str:
    some = [
        d
        for d in result.effects[names[0]].differences.values()
        if asked or d.measure.kind in ("ending", "question", "impact")
    ]
    rows = []
    for d in some:
        cells = [_after(result.effects[name].differences[d.measure.name]) for name in names]
        rows.append(Row(d.measure.label, [d.measure.write(float(d.before[-1])), *cells]))
    parts = [["baseline"], *(textwrap.wrap(f"+ {name}" if cumulative else name, WIDTH) for name in names)]
    depth = max(map(len, parts))
    head = [[part[k - depth + len(part)] if k >= depth - len(part) else "" for part in parts] for k in range(depth)]
    what = f"change from the baseline{' in points' if all(d.measure.probability for d in some) else ''}"
    how = "each variant added to those before it" if cumulative else "each variant by itself"
    return table(f"By {result.by_words}: the baseline, and {how} ({what}); {_pairs(result, names[0])}", head, rows)


def _flips(result: Comparison) -> Iterator[str]:
    """Yield how many histories end differently in each variant, with the interval and the bounds."""
    rows = [
        Row(name, [percent(flips.share), *(f"{percent(a)} to {percent(b)}" for a, b in (flips.interval, flips.bounds))])
        for name, flips in ((name, effect.flips) for name, effect in result.effects.items())
        if flips is not None
    ]
    if rows:
        title = f"Histories that end differently by {result.by_words}"
        yield table(
            title, [["common", "", ""], ["random", "95%", "any other"], ["numbers", "interval", "coupling"]], rows
        )


def _after(d: Difference) -> str:
    """Write a value with its change from the baseline and, where it was counted, the 95% half-width of the change."""
    from simlib.analysis.whatif.contrast import counts_change

    after, change, half = float(d.after[-1]), float(d.change[-1]), float(d.high[-1] - d.low[-1]) / 2
    if d.measure.probability:
        written = points(change).removesuffix(" points")
        error = f" ±{one_digit(100 * half)}" if half > 1e-6 else ""
    else:
        written, error = counts_change(change), f" ±{one_digit(half)}" if half > 1e-6 else ""
    return f"{d.measure.write(after)} ({written}{error})"


def _pairs(result: Comparison, name: str) -> str:
    from simlib.analysis.whatif.coupling import COUPLING

    flips = result.effects[name].flips
    if flips is None:
        return "exact, no pairs of histories"
    pairs = f"{flips.runs:,} pairs of histories under {COUPLING}"
    return f"exact, and flips from {pairs}" if result.engine == "exact" else f"from {pairs}"


def drivers(result: Drivers) -> Iterator[str]:
    """Yield for each measure the assumptions with what they are tried at, and the answers there."""
    for measure in result.measures:
        rows = []
        for bar in result.ranked(measure.name)[:ROWS]:
            a = bar.assumption
            low, high = (show(value, a.kind, a.unit) for value in (a.low, a.high))
            cells = [
                low,
                result.write(measure, bar.at_low, bar.half_low),
                high,
                result.write(measure, bar.at_high, bar.half_high),
            ]
            rows.append(Row(a.label, cells))
        stated = result.write(measure, result.stated, result.stated_half)
        how = (
            "exact" if result.engine == "exact" else "by Monte Carlo, ± of the change with common random numbers (95%)"
        )
        yield table(
            f"{measure.words} by {result.by_words}: {stated} {result.centre}; {how}",
            [["low", "at low", "high", "at high"]],
            rows,
        )


def watched(result: Indicators) -> Iterator[str]:
    """Yield the known signs of an ending or a question: changes, likelihood ratio, bits, lead time, seen and errors."""
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
        for row in result.signs[:ROWS]
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
    """Yield the observations, the most valuable first: seen, answer if seen and if not, gain, uncertainty removed."""
    rows = [
        Row(
            o.label,
            [percent(o.seen), _share(o.if_seen), _share(o.if_not), result.gain(o), percent(o.settles.value)]
            if o.seen > 0
            else ["never", "-", _share(o.if_not), "-", "-"],
        )
        for o in result.observations[:ROWS]
    ]
    yield table(
        f"What to watch for until {result.look_by_words}, to forecast {result.measure.words}",
        [["", "", "if not", "Brier score", "uncertainty"], ["seen", "if seen", "seen", "lower by", "removed"]],
        rows,
    )


def _forced(effect: tuple[float, float, float] | None) -> str:
    """Write what forcing a move adds, in points, with its error where it has one."""
    if effect is None:
        return "-"
    half = 50 * (effect[2] - effect[1])
    return f"{100 * effect[0]:+.2g}" + (f" ±{one_digit(half)}" if half > 0 else "")


def _share(value: float) -> str:
    return percent(value) if math.isfinite(value) else "-"


def _days(value: float) -> str:
    return f"{value:.0f} days" if math.isfinite(value) else "-"
