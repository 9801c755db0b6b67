"""Views pooled: each ending or question with every view, the linear and the logarithmic pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.rows import caption, fit, name, number, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.pooling import Pooled

MARKS = ("o", "s", "^", "v", "P", "X")
"""Of the views; the pools are a filled and a hollow diamond."""


def pools(result: Pooled, ax: Axes) -> Axes:
    """Draw a row for each ending and question: a line over the views, a mark for each, and both pools; return `ax`."""
    most = result.ranked()[0]
    low, high = (percent(float(choose(most.views[:, -1]))) for choose in (min, max))
    title = (
        f"The views are furthest apart on “{most.label}”: {low} to {high} by {long_date(result.by)}"
        if low != high
        else "The views agree"
    )
    how = f"over {result.over_priors} draws from the priors of each" if result.over_priors else "at the stated values"
    told = f"probability by {long_date(result.by)}, {how}; line: from the lowest to the highest view"
    style.dress(ax, fit(title, ax), caption(told, ax))
    rows(ax, len(result.items))
    colours = [style.category(k)[0] for k in range(1, len(result.weights) + 1)]
    for row, item in enumerate(result.items):
        values, at = item.views[:, -1].tolist(), row + 0.2
        ax.plot([min(values), max(values)], [at, at], color=style.GHOST, linewidth=1.6, zorder=2)
        for view, (value, colour) in enumerate(zip(values, colours, strict=True)):
            ax.plot(
                [value],
                [at],
                MARKS[view % len(MARKS)],
                color=colour,
                markersize=6.5,
                zorder=3,
                clip_on=False,
                label=f"{list(result.weights)[view]} ({percent(list(result.weights.values())[view])})"
                if row == 0
                else None,
            )
        for pool, face, label in ((item.linear, style.INK, "linear pool"), (item.logarithmic, "white", "logarithmic")):
            ax.plot(
                [float(pool[-1])],
                [at],
                "D",
                color=style.INK,
                markerfacecolor=face,
                markersize=6,
                zorder=4,
                clip_on=False,
                label=label if row == 0 else None,
            )
        name(ax, row, item.label)
        both = f"{percent(float(item.linear[-1]))} linear, {percent(float(item.logarithmic[-1]))} logarithmic"
        number(ax, max(values), at, f"  {both}", faint=True)
    top = style.round_top(max(float(item.views[:, -1].max()) for item in result.items))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, top * 1.3)
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(0, -0.06 * 6 / len(result.items)),
        ncols=4,
        frameon=False,
        fontsize=style.SMALL,
    )
    return ax
