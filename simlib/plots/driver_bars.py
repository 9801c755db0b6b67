"""Bars for the change of a probability over the range of each assumption, from slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import quoted
from simlib.plots import style
from simlib.plots.row_layout import bar, heading, limits, name, number
from simlib.plots.row_layout import rows as make_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from simlib.analysis.sensitivity.exact_slopes import Elasticities

DRIVER_ROWS = 8


def drivers(
    frame: pd.DataFrame,
    ax: Axes,
    *,
    title: str = "Assumptions that matter most",
    note: str = "change in points at the low (hatched) and the high value, estimated from the slope",
    rows: int = DRIVER_ROWS,
) -> Axes:
    """Draw two bars for each of the first `rows` assumptions of a table.

    `frame` has one row for each assumption, with these columns:

    - `label`: the name of the assumption.
    - `at_low`: the change of the probability when the assumption goes from its present value to its 5th percentile.
    - `at_high`: the change of the probability when the assumption goes from its present value to its 95th percentile.
    - `solved` (optional): whether these changes are exact. A change that is not exact is written with "≈".

    The axis is in percentage points.

    Args:
        frame: The table.
        ax: The axes.
        title: The title of the axes.
        note: A line below the title.
        rows: The largest number of assumptions that are drawn.
    """
    top = frame.head(rows)
    width = int(ax.get_window_extent().width / 6.2)
    style.dress(ax, "", style.wrap(note, width, 1))
    style.entitle(ax, title, lines=1, letters=0.7 * width)
    ax.grid(visible=False, axis="y")
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=style.GHOST, linewidth=1)
    places = np.arange(len(top), dtype=float)
    low, high = 100 * top["at_low"].to_numpy(float), 100 * top["at_high"].to_numpy(float)
    bar(ax, places, high, style.ORANGE)
    bar(ax, places, low, style.SKY, hatched=True)
    reach = 1.35 * max(float(np.max(np.abs([low, high]), initial=0.0)), 0.05)
    ax.set_xlim(-reach, reach)
    labels = style.shorten(list(top["label"]), width)
    marks = np.where(top["solved"], "", "≈ ") if "solved" in top else [""] * len(top)
    for place, label, mark, a, b in zip(places, labels, marks, low, high, strict=True):
        ax.annotate(
            label,
            (-reach, place - 0.06),
            fontsize=style.SMALL_SIZE,
            color=style.INK,
            va="bottom",
            annotation_clip=False,
        )
        for value in (a, b):
            right = value > 0 or (value == 0 and b >= a)
            number(ax, value, place + 0.2, f"{mark}{value:+.1f}", right=right)
    ax.set_yticks([])
    ax.set_ylim(max(len(top), 1) - 0.45, -0.6)
    return ax


def slopes(result: Elasticities, ax: Axes, *, measure: str | None = None, most: int = DRIVER_ROWS) -> Axes:
    """Draw bars for the `most` elasticities of a measure (default: the first) of largest size.

    A measure is a probability or an expected number. An elasticity is the change of the measure, in percent, for 1%
    more of an assumption.
    """
    about = next(m for m in result.measures if measure in (None, m.name))
    elasticity = np.nan_to_num(result.elasticity(about.name))
    top = [i for i in np.argsort(-np.abs(elasticity), kind="stable")[:most] if elasticity[i]]
    title = f"{about.label}: no assumption changes it"
    if top:
        verb = "raises" if elasticity[top[0]] > 0 else "lowers"
        title = f"{about.label}: 1% more of {quoted(result.assumptions[top[0]].label)} {verb} it most"
    at = f"{about.write(result.answers[about.name])} by {result.by_words}"
    heading(ax, title, f"change in % for 1% more of the assumption, from the slope; at the stated values: {at}")
    make_rows(ax, len(top))
    ax.axvline(0, color=style.GHOST, linewidth=1)
    for row, place in enumerate(top):
        value = float(elasticity[place])
        name(ax, row, result.assumptions[place].short_label)
        bar(ax, row, value, style.ORANGE if value > 0 else style.SKY, hatched=value <= 0)
        number(ax, value, row + 0.2, f"{value:+.2g}", right=value > 0)
    reach = 1.35 * max(float(np.max(np.abs(elasticity), initial=0.0)), 1e-9)
    limits(ax, -reach, reach)
    return ax
