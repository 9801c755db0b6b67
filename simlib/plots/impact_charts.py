"""Charts of an impact (a quantity that adds up, such as losses): over time, and given each ending."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.row_layout import heading
from simlib.quantities import show
from simlib.results import AFTERWARDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Accumulation, Forecast


@lettered
def impact_fan(result: Forecast, ax: Axes, *, impact: str | None = None) -> Axes:
    """Draw the mean of an impact over time.

    An impact is a quantity that adds up over a history, such as losses. `impact` is its id (default: the first). If the
    forecast has the distribution of the impact over histories, its median and 90% range are drawn too.
    """
    name, amounts = _chosen(result, impact)
    end = show(float(amounts.mean[-1]), "amount", amounts.unit)
    notes = f"{amounts.unit} by the end of the date; solid: mean"
    if amounts.fan is not None:
        low, _, high = (show(float(x[-1]), "amount") for x in amounts.fan)
        end += f" on average, {low} to {high} in nine of ten histories"
        solved = amounts.sample is not None and amounts.sample.exact
        notes += f", dotted: median, band: 5% to 95% of {'histories, exact' if solved else 'the simulated histories'}"
        ax.fill_between(result.times, amounts.fan[0], amounts.fan[2], color=style.BLUE, alpha=0.22, linewidth=0)
        ax.plot(result.times, amounts.fan[1], color=style.INK, linewidth=1.4, linestyle=(0, (1, 1.5)))
    ax.plot(result.times, amounts.mean, color=style.BLUE, linewidth=2)
    title = f"{result.label('impacts', name)} by {result.by_words}: {end}"
    heading(ax, title, notes)
    style.date_axis(ax, result.as_of, float(result.times[-1]))
    ax.set_ylim(0, None)
    ax.set_ylabel(amounts.unit)
    return ax


@lettered
def impact_bars(result: Forecast, ax: Axes, *, impact: str | None = None) -> Axes:
    """Draw a bar for the mean of an impact given each ending.

    An impact is a quantity that adds up over a history, such as losses. `impact` is its id (default: the first).
    """
    name, amounts = _chosen(result, impact)
    given = {ending: float(mean[-1]) for ending, mean in amounts.given.items() if np.isfinite(mean[-1])}
    ranked = sorted(given, key=lambda ending: -given[ending])
    title = f"{result.label('impacts', name)} given each ending by {result.by_words}"
    heading(ax, title, f"mean, in {amounts.unit}. {AFTERWARDS}")
    halves = [float(np.nan_to_num(amounts.given_error[ending][-1])) for ending in ranked]
    places = np.arange(len(ranked))
    errors = halves if any(halves) else None
    ax.barh(places, [given[ending] for ending in ranked], height=0.4, color=style.BLUE, xerr=errors, ecolor=style.INK)
    ax.set_yticks([])
    ax.set_ylim(len(places) - 0.4, -0.7)
    for place, ending, half in zip(places.tolist(), ranked, halves, strict=True):
        text = f"  {show(given[ending], 'amount', amounts.unit)}"
        ax.text(given[ending] + half, place, text, va="center", fontsize=style.TEXT, color=style.INK)
        label = style.wrap(result.label("endings", ending), 90, 1)
        ax.text(0, place - 0.24, label, va="bottom", fontsize=style.SMALL, color=style.INK)
    ends = [given[ending] + half for ending, half in zip(ranked, halves, strict=True)]
    ax.set_xlim(0, 1.35 * max([*ends, 1e-9]))
    ax.grid(visible=False, axis="y")
    return ax


def _chosen(result: Forecast, impact: str | None) -> tuple[str, Accumulation]:
    name = next(iter(result.impacts), "") if impact is None else impact
    return name, result.impacts[name]
