"""Pictures of the value of information: knowing an assumption, or watching for a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading, limits, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.uncertainty.perfect_information import Evppi
    from simlib.analysis.uncertainty.sample_information import Evsi

VALUE_ROWS = 8


def evppi_bars(result: Evppi, ax: Axes, *, most: int = VALUE_ROWS) -> Axes:
    """Draw the value of knowing each of the first `most` assumptions exactly (EVPPI).

    Each bar is a share: the value of knowing one assumption, divided by the value of knowing all assumptions. The text
        beside a bar gives the share, and the age and the names of the sources of the assumption.
    """
    some = result.worths[:most]
    next_one = (
        f"find out next about {quoted(some[0].assumption.label)}"
        if some[0].known
        else "for no single assumption is the gain from knowing it larger than the error of this gain"
    )
    unit = f"share of the value of knowing all assumptions; probability by {result.by_words}; whiskers: 95%"
    heading(ax, f"{result.measure.label}: {next_one}", unit)
    rows(ax, len(some))
    for row, worth in enumerate(some):
        ax.barh(row + 0.2, worth.share, height=0.3, color=style.GREEN, edgecolor=style.INK, linewidth=0.5)
        low, high = max(worth.share - worth.share_error, 0.0), min(worth.most, 1.0)
        whisker(ax, low, high, row + 0.2)
        name(ax, row, worth.assumption.short_label)
        number(ax, high, row + 0.2, f"{worth.shown}; {worth.grounds.brief(44)}", faint=True)
    top = style.round_top(max(0.01, *(min(worth.most, 1.0) for worth in some)))
    style.percent_axis(ax, top, horizontal=True)
    limits(ax, 0, 2.1 * top)
    return ax


def evsi_bars(result: Evsi, ax: Axes, *, most: int = VALUE_ROWS) -> Axes:
    """Draw the forecast if a move is seen (filled dot) and if not (hollow dot).

    The first `most` observations of `result` have a row each. A dashed line marks the probability without watching.
    The text beside a row says by how much watching lowers the Brier score.
    """
    some = result.observations[:most]
    best = some[0]
    finding = f"{percent(best.if_seen)} if {quoted(best.label)} is seen, {percent(best.if_not)} if not"
    if not 0 < best.seen < 1:
        finding = "every observation is impossible or certain while the question is open"
    elif not best.brier.known:
        finding = "for no observation is the gain larger than the error of this gain"
    title = f"{result.measure.label}: {finding}"
    unit = f"probability by {result.by_words} if the question is still open on {result.look_by_words}"
    line = "" if np.isnan(result.if_open) else f"; dashed line: without watching, {percent(result.if_open)}"
    heading(ax, title, f"{unit}; filled: seen by then, hollow: not seen{line}")
    rows(ax, len(some))
    ax.axvline(result.if_open, color=style.GHOST, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    for row, one in enumerate(some):
        ax.plot([one.if_not], [row + 0.2], "o", color=style.BLUE, markerfacecolor="white", markersize=7, zorder=3)
        if one.seen > 0:
            ax.plot([one.if_not, one.if_seen], [row + 0.2] * 2, color=style.BLUE, linewidth=1.6, zorder=2)
            ax.plot([one.if_seen], [row + 0.2], "o", color=style.BLUE, markersize=7, zorder=3)
        name(ax, row, f"{one.label} (seen in {percent(one.seen)})")
        right = float(np.nanmax([one.if_seen, one.if_not, 0.0]))
        gain = f"Brier score lower by {result.gain(one)}" if one.brier.known else "gain smaller than its error"
        number(ax, right, row + 0.2, f"  {gain}", faint=True)
    ends = [0.0, *(value for one in some for value in (one.if_seen, one.if_not))]
    top = style.round_top(float(np.nanmax(ends)))
    style.percent_axis(ax, top, horizontal=True)
    limits(ax, 0, top * 1.2)
    return ax
