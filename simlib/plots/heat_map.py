"""Grid: one probability over two assumptions, each cell with its number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent
from simlib.plots import style
from simlib.plots.row_layout import fit
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    Colour goes from the lowest to the highest of the values, or between `limits`, which grids side by side have in
    common; every cell carries its number too.
    """
    low, high = limits or (float(values.min()), float(values.max()))
    style.dress(ax, fit(title, ax), unit)
    ax.pcolormesh(
        np.arange(values.shape[1] + 1),
        np.arange(values.shape[0] + 1),
        values,
        cmap="cividis",
        vmin=low,
        vmax=max(high, low + 1e-9),
        edgecolor="white",
        linewidth=1.5,
    )
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value - low < 0.55 * (high - low) else style.INK
        ax.text(column + 0.5, row + 0.5, percent(float(value)), ha="center", va="center", color=colour, fontsize=11)
    ax.grid(visible=False)
    ax.set_xticks(np.arange(values.shape[1]) + 0.5, list(across[1]))
    ax.set_yticks(np.arange(values.shape[0]) + 0.5, list(up[1]))
    ax.tick_params(length=0)
    ax.set_xlabel(f"across: {across[0]}\nup: {up[0]}", fontsize=9)
    return ax
