"""A grid of one probability over two assumptions, with the number in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent
from simlib.plots import style
from simlib.plots.row_layout import caption, fit, letters
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PALEST = 0.12
"""Depth of the colour of the lowest cell. It is above 0, so that the cell does not look like a gap."""


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
    """Draw probabilities as cells (rows `up`, columns `across`) and return `ax`.

    Cells darken from the lowest to the highest value. With `limits` (low, high), several grids have the same scale.
    Every cell also shows its number.
    """
    from matplotlib.patches import Rectangle

    low, high = limits or (float(values.min()), float(values.max()))
    style.dress(ax, fit(title, ax), caption(unit, ax))
    for (row, column), value in np.ndenumerate(values):
        depth = PALEST + (1 - PALEST) * (float(value) - low) / max(high - low, 1e-9)
        face = style.tint(style.MORE, depth)
        ax.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
        ax.text(column + 0.5, row + 0.5, percent(float(value)), ha="center", va="center", color="black", fontsize=11)
    ax.set(xlim=(0, values.shape[1]), ylim=(0, values.shape[0]))
    ax.grid(visible=False)
    width = max(6, int(letters(ax) / values.shape[1]) - 1)
    ax.set_xticks(np.arange(values.shape[1]) + 0.5, [style.wrap(text, width, 3) for text in across[1]])
    ax.set_yticks(np.arange(values.shape[0]) + 0.5, list(up[1]))
    ax.tick_params(length=0)
    ax.set_xlabel(f"across: {across[0]}\nup: {up[0]}", fontsize=9)
    return ax
