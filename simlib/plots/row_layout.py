"""Parts of charts with a row for each item: a label above its bar, and numbers at its ends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simlib.plots import style
from simlib.plots.lettering import settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ROW_GAP = 0.62
"""Share of the height of a row that lies between its bar and the bar above."""


def rows(ax: Axes, count: int) -> Axes:
    """Make room for `count` labelled bars, the first at the top, with only a horizontal axis."""
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    ax.set_ylim(max(count, 1) - 0.45, -0.62)
    return ax


def letters(ax: Axes, share: float = 1.0) -> int:
    """Return how many letters of small type fit into `share` of the width of an axes."""
    return max(12, int(share * ax.get_window_extent().width / (style.SMALL_SIZE * style.figure_of(ax).dpi / 72 * 0.52)))


def lines_within(ax: Axes) -> float:
    """Return how many lines of small type fit into the height of an axes."""
    return ax.get_window_extent().height / (1.2 * style.SMALL_SIZE * style.figure_of(ax).dpi / 72)


def name(ax: Axes, row: float, text: str, *, bold: bool = False, lines: int | None = None) -> None:
    """Write a label above the bar at the height `row`, at the left edge of the axes.

    Args:
        ax: The axes.
        row: The vertical place of the row.
        text: The label.
        bold: Whether the label is bold.
        lines: The largest number of lines. None: two if there is room, otherwise one.
    """
    if lines is None:
        low, high = ax.get_ylim()
        above = ROW_GAP * lines_within(ax) / max(abs(high - low), 1e-9)
        lines = 2 if above > 2.17 else 1
    ax.annotate(
        style.wrap(text, letters(ax), lines),
        (0, row - 0.06),
        (0, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=style.SMALL_SIZE,
        color=style.INK,
        va="bottom",
        annotation_clip=False,
        fontweight="bold" if bold else "normal",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )


def number(ax: Axes, x: float, row: float, text: str, *, right: bool = True, faint: bool = False) -> None:
    """Write a number beside a bar.

    Args:
        ax: The axes.
        x: The end of the bar.
        row: The vertical place of the number.
        text: The number, with its unit.
        right: Whether the number stands to the right of `x`. Otherwise it stands to the left.
        faint: Whether the number is grey.
    """
    beside = ax.annotate(
        text,
        (x, row),
        (4 if right else -4, 0),
        textcoords="offset points",
        va="center",
        ha="left" if right else "right",
        fontsize=style.SMALL_SIZE,
        color=style.FAINT if faint else style.INK,
        annotation_clip=False,
    )
    settle(beside)


def limits(ax: Axes, low: float, high: float) -> None:
    """Set the limits of the horizontal axis, or wider ones if a number beside a bar needs them."""
    figure, box = style.figure_of(ax), ax.get_window_extent()
    ax.set_xlim(low, high)
    beside = [text for text in ax.texts if getattr(text, "xycoords", "") == "data"]
    for _ in range(3):  # more room on one side moves the numbers of the other
        for text in beside:
            x, extent = float(text.xy[0]), text.get_window_extent()  # type: ignore[attr-defined]
            over = extent.x1 - (figure.bbox.width - style.TEXT_MARGIN)
            under = style.TEXT_MARGIN - extent.x0
            at = (x - low) / (high - low)
            if over > 0 and at * box.width > over + 1:
                high = low + (x - low) / (at - over / box.width)
            elif under > 0 and (1 - at) * box.width > under + 1:
                low = high - (high - x) / (1 - at - under / box.width)
            ax.set_xlim(low, high)


def columns(ax: Axes, places: Sequence[float] | NDArray, texts: Sequence[str], lines: int) -> None:
    """Write labels under columns in at most `lines` lines, or upright if they would touch."""
    room = letters(ax) / len(texts)
    widths = [max([int(room) - 2, *map(len, text.split())]) for text in texts]  # no word is broken
    ax.set_xticks(places, [style.wrap(text, width, lines) for text, width in zip(texts, widths, strict=True)])
    labels = ax.get_xticklabels()
    settle(ax.xaxis)
    boxes = [label.get_window_extent() for label in labels]
    if any(left.x1 + 2 > right.x0 for left, right in pairwise(boxes)):
        upright = [style.wrap(text, 16, max(1, int(room * 0.52 / 1.2))) for text in texts]
        ax.set_xticks(places, upright, rotation=90)


def bar(ax: Axes, row: ArrayLike, length: ArrayLike, colour: str, *, left: float = 0.0, hatched: bool = False) -> None:
    """Draw a bar in each given row.

    Args:
        ax: The axes.
        row: The vertical place of each row.
        length: The lengths of the bars. A negative length goes to the left.
        colour: The colour of the bars.
        left: The place where the bars begin.
        hatched: Whether the bars are hatched.
    """
    look: dict[str, Any] = {"color": colour, "edgecolor": style.INK, "linewidth": 0.5, "hatch": "////" * hatched}
    ax.barh(np.asarray(row) + 0.2, length, left=left, height=0.36, **look)


def whisker(ax: Axes, low: float, high: float, row: float) -> None:
    """Draw the interval from `low` to `high`, with end caps, at the height `row`."""
    ax.plot([low, high], [row, row], color=style.INK, linewidth=1.2, zorder=4, solid_capstyle="butt")
    for end in (low, high):
        ax.plot([end, end], [row - 0.07, row + 0.07], color=style.INK, linewidth=1.2, zorder=4)


def heading(ax: Axes, title: str, note: str) -> None:
    """Give an axes the common look, with a title and a note below it, both broken to fit.

    A title has at most three lines, or four of small type.
    """
    width = letters(ax)
    usual = style.wrap(title, max(20, int(width * 0.8 * style.SMALL_SIZE / style.TITLE_SIZE)), len(title))
    small = style.wrap(title, max(24, int(width * 0.8)), style.TITLE_LINES + 1)
    is_long = min(usual.count("\n"), small.count("\n")) >= style.TITLE_LINES
    style.dress(ax, small if is_long else usual, style.wrap(note, width, len(note)))
