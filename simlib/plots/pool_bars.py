"""Pooled forecasts: endings and questions in every view (set of assumptions) and two pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simlib.formatting import percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading, limits, name, number, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.pooling import Pool

VIEW_MARKS = ("o", "s", "^", "v", "P", "X")
"""The marks of the views. The linear pool has a filled diamond, and the logarithmic pool a hollow one."""


def pools(result: Pool, ax: Axes) -> Axes:
    """Draw a row of marks for each ending and question.

    - A mark in colour: the probability in one view (set of assumptions).
    - Line: from the lowest to the highest of these probabilities.
    - Filled diamond: the linear pool of the views.
    - Hollow diamond: the logarithmic pool of the views.
    """
    note = f"probability by {result.by_words}, {result.basis}; line: from the lowest to the highest view"
    heading(ax, _finding(result), note)
    rows(ax, len(result.items))
    for row, item in enumerate(result.items):
        values, at = item.views[:, -1].tolist(), row + 0.2
        ax.plot([min(values), max(values)], [at, at], color=style.GHOST, linewidth=1.6, zorder=2)
        for view, value in enumerate(values):
            look: dict[str, Any] = {"color": style.category(view + 1)[0], "markersize": 6.5, "zorder": 3}
            ax.plot([value], [at], VIEW_MARKS[view % len(VIEW_MARKS)], clip_on=False, **look)
        for pool, face in ((item.linear, style.INK), (item.logarithmic, "white")):
            face_look: dict[str, Any] = {"color": style.INK, "markerfacecolor": face, "markersize": 6, "zorder": 4}
            ax.plot([float(pool[-1])], [at], "D", clip_on=False, **face_look)
        name(ax, row, item.label)
        both = f"{percent(float(item.linear[-1]))} linear, {percent(float(item.logarithmic[-1]))} logarithmic"
        number(ax, max(values), at, f"  {both}", faint=True)
    top = style.round_top(max(float(item.views[:, -1].max()) for item in result.items))
    style.percent_axis(ax, top, horizontal=True)
    limits(ax, 0, top * 1.3)
    labels = [f"{view} ({percent(weight)})" for view, weight in result.weights.items()]
    _legend(ax, [*labels, "linear pool", "logarithmic"], len(result.items))
    return ax


def _finding(result: Pool) -> str:
    most = result.ranked()[0]
    low, high = (percent(float(choose(most.views[:, -1]))) for choose in (min, max))
    if low == high:
        return "The views agree"
    return f"The views differ most on {quoted(most.label)}: {low} to {high} by {result.by_words}"


def _legend(ax: Axes, labels: list[str], count: int) -> None:
    marks = ax.lines[1 : len(labels) + 1]  # the first line runs from the lowest to the highest view
    legend = ax.legend(
        marks,
        [str(number) for number in range(len(labels))],  # matplotlib leaves out labels that begin with "_"
        loc="upper left",
        bbox_to_anchor=(0, -0.06 * 6 / count),
        ncols=4,
        frameon=False,
        fontsize=style.SMALL_SIZE,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
