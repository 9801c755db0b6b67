"""Under which assumptions: the draws on the two that matter, and the box that holds the cases of interest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.rows import fit
from simlib.quantities import show
from simlib.results import long_date, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from simlib.analysis.discovery import Bound, Discovery


def box(result: Discovery, ax: Axes, *, number: int = 0) -> Axes:
    """Draw every draw on the two main assumptions of a box, cases of interest filled, with its bounds; return `ax`.

    Raises ValueError when there is no such box.
    """
    if number >= len(result.boxes):
        raise ValueError(f"there is no box {number + 1}: {len(result.boxes)} were found")
    found = result.boxes[number]
    chosen = [bound.assumption for bound in found.bounds[:2]]
    names = list(result.scenario.assumptions)
    if len(chosen) == 1:  # a single bound: across it, the assumption that goes most with the measure otherwise
        chosen.append(_other(result, chosen[0]))
    x, y = (result.theta[:, names.index(name)] for name in chosen)
    hit = result.answers >= result.threshold
    ax.scatter(x[~hit], y[~hit], s=10, facecolor="white", edgecolor=style.GHOST, linewidth=0.6)
    ax.scatter(x[hit], y[hit], s=14, marker="^", color=style.VERMILION, linewidth=0)
    _frame(ax, {bound.assumption: bound for bound in found.bounds}, chosen)
    by = long_date(result.scenario.by_date(result.day))
    title = (f"{result.measure.label}: at least {percent(result.threshold)} in {percent(found.density)} of the box, "
             f"in {percent(result.base_rate)} overall")  # fmt: skip
    told = f"each mark a draw of the assumptions, filled: at least {percent(result.threshold)} by {by}"
    style.dress(ax, fit(title, ax), f"{told}; the box holds {percent(found.coverage)} of them")
    _scale(ax, result, chosen[0], x, sideways=True)
    _scale(ax, result, chosen[1], y, sideways=False)
    return ax


def _other(result: Discovery, first: str) -> str:
    names = [name for name, a in result.scenario.assumptions.items() if not a.fixed and name != first]
    every = list(result.scenario.assumptions)
    hit = result.answers - result.answers.mean()

    def pull(name: str) -> float:
        values = np.argsort(np.argsort(result.theta[:, every.index(name)])).astype(float)
        return abs(float(np.dot(values - values.mean(), hit)))

    return max(names, key=pull, default=first)


def _frame(ax: Axes, bounds: dict[str, Bound], chosen: list[str]) -> None:
    for name, line in zip(chosen, (ax.axvline, ax.axhline), strict=True):
        bound = bounds.get(name)
        for value in () if bound is None else (bound.low, bound.high):
            if value is not None:
                line(value, color=style.BLUE, linewidth=1.8)


def _scale(ax: Axes, result: Discovery, name: str, values: np.ndarray, *, sideways: bool) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    axis: Axis = ax.xaxis if sideways else ax.yaxis
    assumption = result.scenario.assumptions[name]
    if assumption.kind != "chance":
        (ax.set_xscale if sideways else ax.set_yscale)("log")
    label = style.wrap(assumption.label, 60, 2)
    (ax.set_xlabel if sideways else ax.set_ylabel)(label, fontsize=style.TEXT, color=style.INK)
    ticks = np.quantile(values, [0.02, 0.5, 0.98] if sideways else [0.02, 0.25, 0.5, 0.75, 0.98])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_ticks(ticks)
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value, assumption.kind, assumption.unit)))
