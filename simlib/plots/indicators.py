"""What to watch for: how far each indicator moves an ending, seen or not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.rows import fit, letters, name, number, rows, whisker
from simlib.results import Floats, long_date, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.indicators import Indicators

ROWS = 10


def indicators(result: Indicators, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw where each indicator takes the ending: filled if seen, hollow if not, with 95% whiskers; return `ax`."""
    some = (result.signs or result.rows)[:most]
    ending = result.scenario.endings[result.ending].label
    until, by = (long_date(result.scenario.by_date(day)) for day in (result.day, result.horizon))
    best = max(some, key=lambda row: abs(row.shift))
    title = f"{ending}: {percent(result.before[0])}, but {percent(best.if_seen[0])} once “{best.label}” is seen"
    if not result.signs:
        title = f"{ending}: {percent(result.before[0])}, and no sign by {until} is known to tell anything"
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
        ratio = f" ratio {item.ratio_seen[0]:.2g}" if np.isfinite(item.ratio_seen[0]) else " ratio not known"
        number(ax, max(item.if_seen[2], item.if_not_seen[0]), height, f"{ratio}{lead}", faint=True)
    top = style.round_top(min(max(item.if_seen[2] for item in some), 1.0))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, top * 1.25)
    return ax


def indicator_map(results: list[Indicators], ax: Axes, *, most: int = 14) -> Axes:
    """Draw a heat map: indicators by endings, in each cell how many points seeing it adds or takes; return `ax`.

    Cells whose 95% interval holds the probability without the sighting are left white: nothing is known to change.
    Rows are the most informative of the indicators that are known to change something.
    """
    known = [(item, column) for column, result in enumerate(results) for item in result.rows
             if not item.if_seen[1] <= result.before[0] <= item.if_seen[2]]  # fmt: skip
    names: dict[str, str] = {}
    for item, _ in sorted(known, key=lambda pair: -pair[0].information):
        if len(names) < most:
            names.setdefault(item.id, item.label)
    shift = np.zeros((max(len(names), 1), len(results)))
    for item, column in known:
        if item.id in names:
            shift[list(names).index(item.id), column] = item.if_seen[0] - results[column].before[0]
    row, column = map(int, np.unravel_index(int(np.argmax(np.abs(shift))), shift.shape))
    endings = [result.scenario.endings[result.ending].label for result in results]
    until = long_date(results[0].scenario.by_date(results[0].day))
    title = f"No sign seen by {until} is known to change anything" if not names else (
        f"“{list(names.values())[row]}” moves “{endings[column]}” most: {style.points(shift[row, column])} points"
    )  # fmt: skip
    style.dress(ax, fit(title, ax), f"points of probability added (warm) or taken (cool) when seen by {until}; white: "
                "not known to differ")  # fmt: skip
    _shades(ax, shift)
    width = max(10, int(letters(ax) / len(results)) - 2)
    ax.set_xticks(range(len(results)), [style.wrap(text, width, 5) for text in endings])
    ax.set_yticks(range(len(names)), [style.wrap(label, 34, 2) for label in names.values()])
    ax.grid(visible=False)
    ax.tick_params(length=0)
    return ax


def _shades(ax: Axes, shift: Floats) -> None:
    """Draw cells by the size of their change, up and down in different colours, each with its number."""
    from matplotlib.patches import Rectangle

    widest = max(float(np.abs(shift).max()), 1e-9)
    for (row, column), value in np.ndenumerate(shift):
        depth = float(np.sqrt(abs(value) / widest))
        face = (style.ORANGE if value > 0 else style.SKY, depth) if value else "white"
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor=style.GRID, linewidth=1))
        if value:
            ax.text(column, row, style.points(float(value)), ha="center", va="center", fontsize=style.SMALL,
                    color=style.INK)  # fmt: skip
    ax.set_xlim(-0.5, shift.shape[1] - 0.5)
    ax.set_ylim(shift.shape[0] - 0.5, -0.5)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
