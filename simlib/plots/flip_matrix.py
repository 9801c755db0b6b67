"""A matrix of simulated histories by their ending in a scenario and in a changed copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import in_a_hundred, percent, quoted
from simlib.plots import style
from simlib.plots.heat_map import cell, frame
from simlib.plots.row_layout import columns, heading, letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.whatif.result import Comparison


DARKEST_SHARE = 0.01
"""The darkest colour stands for at least this share of histories. One history in 5,000 therefore stays pale."""


def flips(result: Comparison, ax: Axes, *, variant: str | None = None) -> Axes:
    """Draw the share of histories by ending at the baseline (row) and in a variant (column).

    `variant` names a changed copy of the scenario (default: the first). Each history is simulated in the scenario and
    in this copy, with the same random numbers. The hatched diagonal holds histories with the same ending in both.
    Raises ValueError if no histories were simulated.
    """
    label = variant or next(iter(result.effects))
    table = result.effects[label].flips
    if table is None:
        raise ValueError(
            f"{quoted(label)} was not simulated, so there are no flips to draw; call compare() with runs above 0"
        )
    some = np.flatnonzero(table.matrix.sum(axis=0) + table.matrix.sum(axis=1) > 0)
    share = table.matrix[np.ix_(some, some)] / table.runs
    names = [table.labels[index] for index in some]
    title = f"{quoted(label)}: {in_a_hundred(table.share)} histories end differently by {result.by_words}"
    note = "share of simulated histories, each simulated twice with the same random numbers; hatched: same ending"
    heading(ax, title, note)
    frame(ax, *share.shape)
    darkest = max(float((share - np.diag(np.diag(share))).max()), DARKEST_SHARE)
    for (row, column), value in np.ndenumerate(share):
        same = row == column
        face = "white" if same else style.tint(style.HEAT_COLOUR, (float(value) / darkest) ** 0.5)
        cell(ax, row, column, face, _write(float(value)) if value > 0 else "", style.TEXT_SIZE, hatched=same)
    columns(ax, range(len(names)), names, 6)
    ax.set_yticks(range(len(names)), [style.wrap(text, 20, 3) for text in names])
    across = style.wrap(f"ending in {quoted(label)}", int(letters(ax) * style.SMALL_SIZE / style.TEXT_SIZE), 3)
    ax.set_xlabel(across, fontsize=style.TEXT_SIZE, color=style.INK)
    ax.set_ylabel("ending at the baseline", fontsize=style.TEXT_SIZE, color=style.INK)
    return ax


def _write(share: float) -> str:
    """Return a share as text, as `percent` does, but with two decimals between 0.01% and 1%."""
    return f"{100 * share:.2f}%" if 5e-5 <= share < 0.00995 else percent(share)
