"""A small chart of impacts (quantities that add up, such as losses): means, also given each ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.row_layout import letters
from simlib.quantities import show
from simlib.results import ONGOING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast

LABELS = 0.44
"""Share of the width of the axes that the labels take."""


def in_words(result: Forecast, impact: str, span: tuple[float, float] | None = None) -> str:
    """Say the mean of an impact, and the 90% range `span` or, without `span`, the standard deviation."""
    amounts = result.impacts[impact]
    mean = show(float(amounts.mean[-1]), "amount", amounts.unit)
    if span is None:
        spread = f"standard deviation {show(float(amounts.chance[-1]), 'amount')}"
    else:
        spread = f"{show(span[0], 'amount')} to {show(span[1], 'amount')} in nine of ten histories"
    return f"{result.label('impacts', impact)}: {mean} on average, {spread}"


@lettered
def consequence_rows(
    result: Forecast,
    ax: Axes,
    *,
    impact: str = "",
    spans: Mapping[str, tuple[float, float]] | None = None,
    baseline: Forecast | None = None,
) -> Axes:
    """Draw a bar for the mean of an impact given each ending, and return `ax`.

    The means of all impacts are written above the bars.

    Args:
        result: The forecast.
        ax: The axes.
        impact: The id of the impact that has bars. Default: the first.
        spans: The 5% and 95% points over histories, by impact. For an impact that is not in `spans`, the standard
            deviation is written.
        baseline: The forecast of the unchanged scenario, drawn as hollow bars.
    """
    impact = impact or next(iter(result.impacts))
    spans = spans or {}
    lines = [in_words(result, name, spans.get(name)) for name in (impact, *(n for n in result.impacts if n != impact))]
    amounts = result.impacts[impact]
    given = {name: float(mean[-1]) for name, mean in amounts.given.items() if np.isfinite(mean[-1])}
    ranked = sorted(given, key=lambda name: -given[name])
    style.dress(ax)
    width = letters(ax)
    for number, line in enumerate(reversed(lines[1:])):
        _above(ax, style.wrap(line, width, 1), 18 + 12.5 * number, fontsize=style.SMALL, color=style.INK)
    bold = {"fontsize": style.TEXT, "fontweight": "bold", "color": style.INK}
    _above(ax, style.wrap(lines[0], width, 1), 18 + 12.5 * (len(lines) - 1), **bold)
    caption = f"{amounts.unit}, mean given each ending by {result.by_words}; later impacts are not counted"
    _above(ax, style.wrap(caption, width, 1), 5, fontsize=style.SMALL, color=style.FAINT)
    top = 1.25 * max([*given.values(), 1e-9])
    ax.set_xlim(-top * LABELS / (1 - LABELS), top)
    ax.set_ylim(max(len(ranked), 1) - 0.4, -0.6)
    for row, name in enumerate(ranked):
        label = "No ending yet" if name == ONGOING else result.label("endings", name)
        ax.text(
            -0.01 * top, row, style.wrap(label, int(width * LABELS), 1), ha="right", va="center", fontsize=style.SMALL
        )
        ax.barh(row, given[name], height=0.6, color=style.BLUE)
        ax.text(given[name], row, f" {show(given[name], 'amount')}", va="center", fontsize=style.SMALL, color=style.INK)
        old = None if baseline is None else baseline.impacts[impact].given.get(name)
        if old is not None and np.isfinite(old[-1]):
            ax.barh(row, float(old[-1]), height=0.75, color="none", edgecolor=style.INK, linewidth=1, linestyle=":")
    ax.grid(visible=False)
    ax.set_axis_off()
    return ax


def _above(ax: Axes, text: str, height: float, **font: Any) -> None:
    """Write a line of text `height` points above the axes."""
    ax.annotate(text, (0, 1), (0, height), xycoords="axes fraction", textcoords="offset points", **font)
