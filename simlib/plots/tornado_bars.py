"""Tornado diagram: a result with each assumption at the low and the high end of its range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import quoted
from simlib.plots import style
from simlib.plots.row_layout import bar, heading, limits, name, number, rows, whisker
from simlib.quantities import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.sensitivity.one_at_a_time import Bar, Drivers

TORNADO_ROWS = 10
RANGE_END_LOOKS = ((style.SKY, True), (style.ORANGE, False))
"""Colour of the bar at the low end and of the bar at the high end of a range, and whether it is hatched."""


def tornado(result: Drivers, ax: Axes, *, measure: str | None = None, most: int = TORNADO_ROWS) -> Axes:
    """Draw the change of a measure when one assumption at a time goes to the ends of its range.

    A measure is a probability or an expected number (default: the first of `result`). The bar to the low end is
    hatched, and the bar to the high end is plain. The `most` assumptions with the largest changes are drawn. Whiskers
    are 95% intervals of simulated changes.
    """
    place = result.place(measure)
    about, stated, bars = result.measures[place], float(result.stated[place]), result.ranked(measure)[:most]
    first = bars[0]
    low, high = sorted([float(first.at_low[place]), float(first.at_high[place])])
    write = about.write
    title = f"{about.label}: from {write(low)} to {write(high)} with {quoted(first.assumption.label)}"
    what = "probability" if about.probability else "expected number"
    line = "at the medians" if result.provenance["belief"] else "as stated"
    unit = f"{what} by {result.by_words}; line: {line}, {write(stated)}"
    heading(ax, title, f"{unit}; hatched: assumption at its low value, plain: at its high value")
    rows(ax, len(bars))
    for row, each in enumerate(bars):
        name(ax, row, each.assumption.short_label)
        _draw(ax, row, each, place, stated, [write(float(x[place])) for x in (each.at_low, each.at_high)])
    ax.axvline(stated, color=style.INK, linewidth=1)
    ends = [stated, *(float(x[place]) for each in bars for x in (each.at_low, each.at_high))]
    room = 0.42 * max(max(ends) - min(ends), 1e-9)
    limits(ax, min(ends) - room, max(ends) + room)
    if about.probability:
        left, right = ax.get_xlim()
        ticks = np.array([tick for tick in ax.get_xticks() if max(left, 0) <= tick <= right])
        ax.set_xticks(ticks, style.percent_ticks(ticks))
    return ax


def _draw(ax: Axes, row: int, both: Bar, place: int, stated: float, texts: list[str]) -> None:
    values, halves = (
        [float(x[place]) for x in pair] for pair in ((both.at_low, both.at_high), (both.half_low, both.half_high))
    )
    span = (both.assumption.low, both.assumption.high)
    right = [value >= stated for value in values]
    if right[0] == right[1]:
        right = [value >= max(values) for value in values]
    ends = zip(values, halves, span, right, texts, RANGE_END_LOOKS, strict=True)
    for value, half, limit, side, text, (colour, hatched) in ends:
        bar(ax, row, value - stated, colour, left=stated, hatched=hatched)
        if half > 0:
            whisker(ax, value - half, value + half, row + 0.2)
        at = show(limit, both.assumption.kind, both.assumption.unit)
        number(ax, value + (half if side else -half), row + 0.2, f"{text} at {at}", right=side)
