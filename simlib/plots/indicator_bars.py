"""Charts of indicators: an event's probability if a public move or level is seen or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.analysis.indicators.result import write_ratio, write_share
from simlib.formatting import quoted
from simlib.plots import style
from simlib.plots.heat_map import cell, frame
from simlib.plots.row_layout import columns, heading, limits, name, number, rows, whisker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.indicators.result import Indicators

__all__ = ["indicator_map", "indicators"]

INDICATOR_ROWS = 10


def indicators(result: Indicators, ax: Axes, *, most: int = INDICATOR_ROWS) -> Axes:
    """Draw the probability of an event if an indicator is seen (filled) and if not (hollow).

    An indicator is a public move or level. The `most` indicators with the largest expected information are drawn,
    ordered by the probability of the event if the indicator is seen. A dashed line marks the probability before anybody
    looks for indicators. The text beside a row gives the likelihood ratio and the median warning time in days.
    """
    some = sorted((result.signs or result.rows)[:most], key=lambda row: -np.nan_to_num(row.if_seen[0]))
    label, until, by = result.measure.label, result.look_by_words, result.by_words
    before = write_share(result.before)
    title = f"{label}: {before}, and no move or level seen by {until} is known to be a sign of it"
    if result.signs:
        best = result.signs[0]
        after = f"{write_share(best.if_seen)} if {quoted(best.label)} is {best.verb}"
        title = f"{label}: {before} before looking, {after} (the most telling sign)"
    if not some:
        return _nothing_to_see(result, ax, title)
    whiskers = "" if result.exact else ", whiskers its 95% interval"
    heading(
        ax,
        title,
        f"probability by {by}, if {result.condition}; {result.made()}; dashed line: before looking; "
        f"filled: seen or reached by {until} (triangle: likelier, disc: less likely){whiskers}; hollow: if not seen; "
        "numbers: likelihood ratio of seeing it, and median days from the first sighting to the event",
    )
    rows(ax, len(some))
    ax.axvline(result.before[0], color=style.GHOST, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    for row, item in enumerate(some):
        height = row + 0.2
        colour = style.VERMILION if item.change > 0 else style.BLUE
        ax.plot([item.if_not_seen[0], item.if_seen[0]], [height] * 2, color=colour, linewidth=1.6, zorder=2)
        whisker(ax, item.if_seen[1], item.if_seen[2], height)
        ax.plot([item.if_not_seen[0]], [height], "o", color=colour, markerfacecolor="white", markersize=7, zorder=4)
        ax.plot([item.if_seen[0]], [height], "o" if item.change <= 0 else "^", color=colour, markersize=7, zorder=4)
        name(ax, row, f"{item.label} ({item.verb} in {write_share(item.seen)})")
        lead = f", {item.lead_days[1]:.0f} days ahead" if np.isfinite(item.lead_days[1]) else ""
        ratio = write_ratio(item).replace("-", "not known")
        number(ax, max(item.if_seen[2], item.if_not_seen[0]), height, f" ratio {ratio}{lead}", faint=True)
    top = style.round_top(min(max(item.if_seen[2] for item in some), 1.0))
    style.percent_axis(ax, top, horizontal=True)
    limits(ax, 0, top * 1.25)
    return ax


def _nothing_to_see(result: Indicators, ax: Axes, title: str) -> Axes:
    note = f"probability by {result.by_words}, if {result.condition}; {result.made()}; there is no public sign"
    heading(ax, title, note)
    rows(ax, 1)
    if np.isfinite(result.before[0]):
        ax.axvline(result.before[0], color=style.GHOST, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    style.percent_axis(ax, 1.0, horizontal=True)
    return ax


def indicator_map(results: list[Indicators], ax: Axes, *, most: int = 14) -> Axes:
    """Draw a heat map with a row for each indicator and a column for each ending.

    An indicator is a public move or level. A cell says by how many percentage points the probability of the ending
    changes if the indicator is seen. A white cell means that no such change is known. The rows are the `most`
    indicators with the largest expected information.
    """
    known = [(item, column) for column, result in enumerate(results) for item in result.signs]
    names: dict[str, str] = {}
    for item, _ in sorted(known, key=lambda pair: -pair[0].information):
        if len(names) < most:
            names.setdefault(item.id, item.label)
    change = np.zeros((max(len(names), 1), len(results)))
    for item, column in known:
        if item.id in names:
            change[list(names).index(item.id), column] = item.change
    column = int(np.argmax(np.abs(change[0])))  # of the first row, which is the sign with the most information
    endings = [result.measure.label for result in results]
    until, by = results[0].look_by_words, results[0].by_words
    title = f"No move or level seen by {until} is known to be a sign of anything"
    if names:
        best, effect = quoted(next(iter(names.values()))), _points(change[0, column])
        title = f"{best}, seen by {until}, is the best sign: {quoted(endings[column])} {effect} points"
    heading(
        ax,
        title,
        f"change if seen by {until}, in points: the probability of the ending by {by} if the sign is seen, minus "
        f"the probability before looking, both if nothing has ended by {until}; ▲ likelier, ▼ less likely; "
        f"white: not known to be a sign (95% interval); {results[0].made()}",
    )
    frame(ax, *change.shape)
    widest = max(float(np.abs(change).max()), 1e-9)
    for (row, column), value in np.ndenumerate(change):
        face = style.tint(style.RISE if value > 0 else style.FALL, float(np.sqrt(abs(value) / widest)))
        cell(ax, row, column, face, _points(float(value)) if value else "", style.SMALL_SIZE)
    columns(ax, range(len(results)), endings, 6)
    ax.set_yticks(range(len(names)), [style.wrap(label, 30, 2) for label in names.values()])
    return ax


def _points(change: float) -> str:
    return style.points(change) if abs(change) >= 5e-4 else f"{'▲' if change > 0 else '▼'} <0.1"
