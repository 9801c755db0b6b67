"""Heat maps: cells for other charts, and a map of one probability over two assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.formatting import percent
from simlib.plots import style
from simlib.plots.row_layout import columns, heading
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PALEST = 0.12
"""Depth of the colour of the lowest cell, from 0 (white) to 1. A white cell would look like a gap."""


def cell(ax: Axes, row: int, column: int, face: str, text: str, size: float, *, hatched: bool = False) -> None:
    """Draw a cell of a heat map.

    Args:
        ax: The axes.
        row: The vertical place of the centre.
        column: The horizontal place of the centre.
        face: The colour of the cell.
        text: The text in the cell.
        size: The size of the text in points.
        hatched: Whether the cell is hatched.
    """
    from matplotlib.patches import Rectangle

    look: dict[str, Any] = {"facecolor": face, "edgecolor": style.GRID_COLOUR, "linewidth": 1}
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, hatch="///" if hatched else None, **look))
    if text:
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if hatched else None
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color="black", bbox=behind)


def frame(ax: Axes, count: int, columns: int) -> None:
    """Fit an axes to `count` rows of cells, the first at the top, with only labels around them."""
    ax.grid(visible=False)
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(count - 0.5, -0.5)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)


def grid(
    values: Floats,
    ax: Axes,
    *,
    across: tuple[str, Sequence[str]],
    up: tuple[str, Sequence[str]],
    title: str,
    unit: str,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw probabilities as a grid of cells, with the number in each cell.

    Args:
        values: The probabilities (U, A): U values of the assumption `up`, A values of the assumption `across`.
        ax: The axes.
        across: The label of the assumption on the horizontal axis, and the texts of its values.
        up: The label of the assumption on the vertical axis, and the texts of its values.
        title: The title.
        unit: The note below the title.
        limits: The values of the palest and of the darkest colour. Default: the lowest and the highest of `values`.
    """
    from matplotlib.patches import Rectangle

    low, high = limits or (float(values.min()), float(values.max()))
    heading(ax, title, unit)
    for (row, column), value in np.ndenumerate(values):
        depth = PALEST + (1 - PALEST) * (float(value) - low) / max(high - low, 1e-9)
        face = style.tint(style.HEAT_COLOUR, depth)
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
        ax.text(column + 0.5, row + 0.5, percent(float(value)), ha="center", va="center", color="black", fontsize=11)
    ax.set(xlim=(0, values.shape[1]), ylim=(0, values.shape[0]))
    ax.grid(visible=False)
    columns(ax, np.arange(values.shape[1]) + 0.5, across[1], 3)
    ax.set_yticks(np.arange(values.shape[0]) + 0.5, list(up[1]))
    ax.tick_params(length=0)
    ax.set_xlabel(f"across: {across[0]}\nup: {up[0]}", fontsize=9)
    return ax
