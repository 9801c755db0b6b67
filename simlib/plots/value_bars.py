"""What to find out next: the worth of settling an assumption, and of seeing a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import brier_gain, long_date, percent
from simlib.plots import style
from simlib.plots.rows import fit, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.uncertainty.evppi import Knowing
    from simlib.analysis.uncertainty.evsi import Seeing

ROWS = 8


def knowing(result: Knowing, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw what settling each assumption would be worth, with what it rests on now; return `ax`."""
    some = result.worths[:most]
    next_one = (
        f"find out next about “{some[0].assumption.label}”"
        if some[0].known
        else ("no assumption by itself is known to be worth finding out")
    )
    all_of_it = f"share of what settling everything is worth ({brier_gain(result.brier, result.brier_error)})"
    style.dress(
        ax,
        fit(f"{result.measure.label}: {next_one}", ax),
        f"{all_of_it}; question of {long_date(result.by)}; whiskers: 95%",
    )
    rows(ax, len(some))
    for row, worth in enumerate(some):
        ax.barh(row + 0.2, worth.share, height=0.3, color=style.GREEN, edgecolor=style.INK, linewidth=0.5)
        low, high = max(worth.share - worth.share_error, 0.0), min(worth.most, 1.0)
        whisker(ax, low, high, row + 0.2)
        name(ax, row, worth.assumption.label)
        number(ax, high, row + 0.2, f"{worth.of_all}; {style.wrap(worth.evidence.words(), 44, 1)}", faint=True)
    top = style.round_top(max(0.01, *(min(worth.most, 1.0) for worth in some)))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, 2.1 * top)
    return ax


def seeing(result: Seeing, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw where each observation would take the forecast: hollow if it is not made, filled if it is; return `ax`."""
    some = result.observations[:most]
    best = some[0]
    told = f"{percent(best.if_seen)} if “{best.label}” is seen, {percent(best.if_not)} if not"
    if not 0 < best.seen < 1:
        told = "nothing may be seen, or not, while it is open"
    elif best.brier.value <= best.brier.half:
        told = "no observation is known to be worth anything"
    title = f"{result.measure.label}: {told}"
    unit = f"probability by {long_date(result.by)} where it is open on {long_date(result.seen_by)}"
    style.dress(ax, fit(title, ax), f"{unit}; filled: seen by then, hollow: not seen")
    rows(ax, len(some))
    for row, one in enumerate(some):
        ax.plot([one.if_not], [row + 0.2], "o", color=style.BLUE, markerfacecolor="white", markersize=7, zorder=3)
        if one.seen > 0:
            ax.plot([one.if_not, one.if_seen], [row + 0.2] * 2, color=style.BLUE, linewidth=1.6, zorder=2)
            ax.plot([one.if_seen], [row + 0.2], "o", color=style.BLUE, markersize=7, zorder=3)
        name(ax, row, f"{one.label} (seen in {percent(one.seen)})")
        right = float(np.nanmax([one.if_seen, one.if_not, 0.0]))
        number(ax, right, row + 0.2, f"  Brier {_plainly(one.brier.value)}", faint=True)
    reached = [0.0, *(value for one in some for value in (one.if_seen, one.if_not))]
    top = style.round_top(float(np.nanmax(reached)))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, top * 1.2)
    return ax


def _plainly(value: float) -> str:
    """Write a number with two digits and never with an exponent."""
    return np.format_float_positional(value, precision=2, unique=False, fractional=False, trim="-")
