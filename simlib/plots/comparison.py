"""Several views of one world side by side: the probability of each ending in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.rows import fit
from simlib.results import ONGOING, long_date, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast

MARKS = ("o", "s", "D", "^", "v")


def comparison(
    results: Mapping[str, Forecast], ax: Axes, *, ongoing: bool = False, title: str = "The same world, seen differently"
) -> Axes:
    """Draw one row for each ending and one mark for each named answer, with its number; return the axes.

    All answers must be of the same world and horizon. The first is the reference: the thin line starts there.
    """
    first = next(iter(results.values()))
    names = [name for name in first.endings if ongoing or name != ONGOING]
    last = {label: np.array([float(f.endings[n].probability[-1]) for n in names]) for label, f in results.items()}
    by = first.by_date(float(first.times[-1]))
    style.dress(ax, fit(title, ax), f"probability by {long_date(by)}")
    height = len(results) + 1.6
    for row, name in enumerate(names):
        top = row * height
        ax.annotate(
            style.plain(first.label("endings", name)),
            (0, top - 0.35),
            fontsize=style.TEXT,
            color=style.INK,
            va="bottom",
            fontweight="bold",
            annotation_clip=False,
        )
        for k, (label, values) in enumerate(last.items()):
            colour, _ = style.category(k + 1)
            y, start, value = top + k + 0.4, float(next(iter(last.values()))[row]), float(values[row])
            ax.plot([start, value], [y, y], color=colour, linewidth=1.6, zorder=2)
            ax.plot([value], [y], MARKS[k % len(MARKS)], color=colour, markersize=6.5, zorder=3)
            ax.annotate(
                style.plain(f"{percent(value)}  {label}"),
                (max(value, start), y),
                (9, 0),
                textcoords="offset points",
                va="center",
                fontsize=style.SMALL,
                color=style.INK,
                annotation_clip=False,
            )
    highest = max((float(values.max(initial=0.0)) for values in last.values()), default=1.0)
    style.percent_axis(ax, style.round_top(highest), horizontal=True)
    ax.set_xlim(0, style.round_top(highest) * 1.35)
    ax.set_yticks([])
    ax.set_ylim(len(names) * height - 0.8, -1.2)
    ax.spines["left"].set_visible(False)
    return ax
