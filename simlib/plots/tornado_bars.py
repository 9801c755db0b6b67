"""Tornado diagram: a result with each assumption at the low end and at the high end of its range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import quoted
from simlib.plots import style
from simlib.plots.row_layout import caption, fit, limits, name, number, rows, whisker
from simlib.quantities import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.sensitivity.one_at_a_time import Bar, Drivers

ROWS = 10
LOOKS = ((style.SKY, "////"), (style.ORANGE, ""))
"""Colour and hatch of the bar at the low end and of the bar at the high end of a range."""


def tornado(result: Drivers, ax: Axes, *, measure: str | None = None, most: int = ROWS) -> Axes:
    """Draw the change of a measure when each assumption goes to the ends of its range.

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
    style.dress(ax, fit(title, ax), caption(f"{unit}; hatched: at its low, plain: at its high", ax))
    rows(ax, len(bars))
    for row, bar in enumerate(bars):
        name(ax, row, bar.assumption.short_label)
        _draw(ax, row + 0.2, bar, place, stated, [write(float(x[place])) for x in (bar.at_low, bar.at_high)])
    ax.axvline(stated, color=style.INK, linewidth=1)
    ends = [stated, *(float(x[place]) for bar in bars for x in (bar.at_low, bar.at_high))]
    room = 0.42 * max(max(ends) - min(ends), 1e-9)
    limits(ax, min(ends) - room, max(ends) + room)
    if about.probability:
        left, right = ax.get_xlim()
        ticks = np.array([tick for tick in ax.get_xticks() if max(left, 0) <= tick <= right])
        ax.set_xticks(ticks, style.percent_ticks(ticks))
    return ax


def _draw(ax: Axes, row: float, bar: Bar, place: int, stated: float, texts: list[str]) -> None:
    values, halves = (
        [float(x[place]) for x in pair] for pair in ((bar.at_low, bar.at_high), (bar.half_low, bar.half_high))
    )
    span = (bar.assumption.low, bar.assumption.high)
    right = [value >= stated for value in values]
    if right[0] == right[1]:
        right = [value >= max(values) for value in values]
    ends = zip(values, halves, span, right, texts, LOOKS, strict=True)
    for value, half, limit, side, text, (colour, hatch) in ends:
        ax.barh(
            row, value - stated, left=stated, height=0.36, color=colour, edgecolor=style.INK, linewidth=0.5, hatch=hatch
        )
        if half > 0:
            whisker(ax, value - half, value + half, row)
        at = show(limit, bar.assumption.kind, bar.assumption.unit)
        number(ax, value + (half if side else -half), row, f"{text} at {at}", right=side)
