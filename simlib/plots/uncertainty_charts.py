"""Pictures of uncertainty: a distribution over draws, and shares of assumptions and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import bar, heading, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.uncertainty.result import Uncertainty

QUARTERS = ([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])


def distribution(result: Uncertainty, ax: Axes, *, measure: str | None = None) -> Axes:
    """Draw the cumulative distribution of a measure over draws of the assumptions.

    A measure is a probability or an expected number (default: the first). Two lines mark the mean of the measure over
    the draws, and the measure at the stated values of the assumptions.
    """
    spread = result.spread(measure)
    order = np.argsort(spread.answers, kind="stable")
    values, weights, write = spread.answers[order], spread.weights[order], spread.measure.write
    low, high = (write(spread.quantiles[choose(spread.quantiles)].value) for choose in (min, max))
    title = f"{spread.measure.label}: {write(spread.mean.value)} {result.source}, between {low} and {high}"
    what = "probability" if spread.measure.probability else "expected number"
    unit = f"{what} by {result.by_words} at each of {len(values):,} draws"
    share = (
        f"; {percent(spread.share.value)} of the uncertainty comes from the assumptions, the rest is chance"
        if spread.share
        else ""
    )
    heading(ax, title, unit + share)
    ranks = np.cumsum(weights) - weights / 2
    ax.fill_betweenx(ranks, 0, values, color=style.SKY, alpha=0.5, linewidth=0)
    ax.plot(values, ranks, color=style.BLUE, linewidth=1.6)
    lines = ((spread.mean.value, "solid", "mean", 0.03), (spread.stated.value, (0, (2, 1)), "as stated", 0.11))
    least = min(value for value, *_ in lines)
    for value, dash, text, height in lines:
        left = value == least > 0.3 * float(values[-1])  # one note left, one right: no line crosses a note
        ax.axvline(value, color=style.INK, linestyle=dash, linewidth=1.2)
        ax.annotate(
            f"{text} {write(value)}",
            (value, height),
            (-4 if left else 4, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=style.SMALL_SIZE,
            color=style.INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    ax.set_ylim(0, 1)
    ax.set_yticks(*QUARTERS)
    counted = "draws" if spread.scale is None else "weight"
    ax.set_ylabel(f"share of {counted} at or below", fontsize=style.TEXT_SIZE, color=style.INK)
    top = 1.05 * float(values[-1]) or 1.0
    if spread.measure.probability:
        style.percent_axis(ax, style.round_top(min(top, 1.0)), horizontal=True)
    ax.set_xlim(0, min(top, 1.0) if spread.measure.probability else top)
    return ax


def split(result: Uncertainty, ax: Axes) -> Axes:
    """Draw how much of the variance of each event is due to assumptions and how much to chance."""
    some = [(spread, spread.share) for spread in result.spreads.values() if spread.share is not None]
    most, share = max(some, key=lambda pair: pair[1].value)
    how_much = f"{'At most ' * (len(some) > 1)}{percent(share.value)}"
    title = f"{how_much} of the uncertainty comes from the assumptions, for {quoted(most.measure.label)}"
    unit = f"share of the variance p(1 - p), by {result.by_words}; hatched: assumptions, plain: chance"
    heading(ax, title, unit)
    rows(ax, len(some))
    for row, (spread, part) in enumerate(some):
        bar(ax, row, part.value, style.ORANGE, hatched=True)
        bar(ax, row, 1 - part.value, style.GRID_COLOUR, left=part.value)
        whisker(ax, max(part.value - part.half, 0.0), min(part.value + part.half, 1.0), row + 0.2)
        name(ax, row, f"{spread.measure.label} ({percent(spread.mean.value)})")
        number(ax, 1.0, row + 0.2, percent(part.value))
    ax.set_xlim(0, 1.12)
    ax.set_xticks(*QUARTERS)
    return ax
