"""What to watch for: how far each indicator moves an ending, seen or not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.rows import fit, name, number, rows, whisker
from simlib.results import long_date, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.indicators import Indicators

ROWS = 10


def indicators(result: Indicators, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw where each indicator takes the ending: filled if seen, hollow if not, with 95% whiskers; return `ax`."""
    some = result.rows[:most]
    ending = result.scenario.endings[result.ending].label
    until, by = (long_date(result.scenario.by_date(day)) for day in (result.day, result.horizon))
    best = max(some, key=lambda row: abs(row.shift))
    title = f"{ending}: {percent(result.before[0])}, but {percent(best.if_seen[0])} once “{best.label}” is seen"
    style.dress(
        ax, fit(title, ax), f"probability by {by}, if not over by {until}; filled: seen by then, hollow: not seen"
    )
    rows(ax, len(some))
    ax.axvline(result.before[0], color=style.GHOST, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    for row, item in enumerate(some):
        height = row + 0.2
        colour = style.VERMILION if item.shift > 0 else style.BLUE
        ax.plot([item.if_not_seen[0], item.if_seen[0]], [height] * 2, color=colour, linewidth=1.6, zorder=2)
        whisker(ax, item.if_seen[1], item.if_seen[2], height)
        ax.plot([item.if_not_seen[0]], [height], "o", color=colour, markerfacecolor="white", markersize=7, zorder=4)
        ax.plot([item.if_seen[0]], [height], "o" if item.shift <= 0 else "^", color=colour, markersize=7, zorder=4)
        name(ax, row, f"{item.label} (seen in {percent(item.seen[0])})")
        lead = f", {item.lead_days[1]:.0f} days ahead" if np.isfinite(item.lead_days[1]) else ""
        number(
            ax, max(item.if_seen[2], item.if_not_seen[0]), height, f"ratio {item.ratio_seen[0]:.2g}{lead}", faint=True
        )
    top = style.round_top(min(max(item.if_seen[2] for item in some), 1.0))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, top * 1.25)
    return ax


def indicator_map(results: list[Indicators], ax: Axes, *, most: int = 14) -> Axes:
    """Draw a heat map: indicators by endings, in each cell how many points seeing it adds or takes; return `ax`.

    Cells whose 95% interval holds the probability without the sighting are left empty: nothing is known to change.
    """
    names: dict[str, str] = {}
    for item in sorted((r for result in results for r in result.rows), key=lambda r: -r.information):
        if len(names) < most:
            names.setdefault(item.id, item.label)
    shift = np.full((len(names), len(results)), np.nan)
    for column, result in enumerate(results):
        for item in result.rows:
            if item.id in names and not item.if_seen[1] <= result.before[0] <= item.if_seen[2]:
                shift[list(names).index(item.id), column] = 100 * (item.if_seen[0] - result.before[0])
    widest = max(float(np.nanmax(np.abs(shift))), 1e-9)
    image = np.where(np.isnan(shift), 0.0, shift)
    ax.imshow(image, cmap="cividis", vmin=-widest, vmax=widest, aspect="auto")
    for (row, column), value in np.ndenumerate(shift):
        text = "" if np.isnan(value) else style.points(value / 100)
        ax.text(column, row, text, ha="center", va="center", fontsize=style.SMALL,
                color="white" if value < 0.25 * widest else style.INK)  # fmt: skip
    until = long_date(results[0].scenario.by_date(results[0].day))
    row, column = map(int, np.unravel_index(int(np.argmax(np.abs(image))), image.shape))
    ending = results[column].scenario.endings[results[column].ending].label
    title = f"“{list(names.values())[row]}” moves “{ending}” most: {style.points(image[row, column] / 100)} points"
    told = f"points of probability added or taken when seen by {until}"
    style.dress(ax, fit(title, ax), f"{told}; empty: not known to differ")
    ax.set_xticks(range(len(results)), [style.wrap(r.scenario.endings[r.ending].label, 16, 4) for r in results])
    ax.set_yticks(range(len(names)), [style.wrap(label, 34, 2) for label in names.values()])
    ax.grid(visible=False)
    ax.tick_params(length=0)
    return ax
