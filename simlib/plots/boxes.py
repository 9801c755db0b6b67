"""Under which assumptions: the draws on the two that matter, and the box that holds the cases of interest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.figure import new_figure
from simlib.plots.rows import fit
from simlib.quantities import show
from simlib.results import long_date, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from simlib.analysis.discovery import Bound, Box, Discovery


def box(result: Discovery, ax: Axes, *, number: int = 0) -> Axes:
    """Draw every draw on the two main assumptions of a box, cases of interest filled, with its bounds; return `ax`.

    Raises ValueError when there is no such box.
    """
    if number >= len(result.boxes):
        raise ValueError(f"there is no box {number + 1}: {len(result.boxes)} were found")
    return outlined(result, result.boxes[number], ax)


def axes_of(result: Discovery, found: Box) -> list[str]:
    """Return the two assumptions on which a box is drawn, across and up."""
    chosen = [bound.assumption for bound in found.bounds[:2]]
    if len(chosen) == 1:  # a single bound: across it, the assumption that goes most with the measure otherwise
        chosen.append(_other(result, chosen[0]))
    return chosen


def outlined(result: Discovery, found: Box, ax: Axes) -> Axes:
    """Draw every draw on the two main assumptions of any box, one of the peeling too; return `ax`."""
    chosen = axes_of(result, found)
    names = list(result.scenario.assumptions)
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


STRIP, GAP, RIGHT = 130, 62, 24
"""Pixels of a board: the width of the draws by probability, what is left of it for its axis, and right of it."""


class BoxBoard:
    """The draws and a box on its two main assumptions, and beside them the draws by probability, with a point in both.

    `figure` is a plain Figure of `width` by `height` pixels, `artists` what moves with the point; see `Screen`.
    """

    def __init__(self, result: Discovery, found: Box, width: int, height: int) -> None:
        self._names = axes_of(result, found)
        self.width, self.height = width, height
        self.figure = new_figure(width, height)
        left, bottom, top = 130, 75, 90
        inside = (height - bottom - top) / height
        room = width - left - STRIP - GAP - RIGHT
        ax = self.figure.add_axes((left / width, bottom / height, room / width, inside))
        beside = self.figure.add_axes(((left + room + GAP) / width, bottom / height, STRIP / width, inside))
        outlined(result, found, ax)
        _strip(beside, result)
        self._limits = np.array([ax.get_xlim(), ax.get_ylim()])
        ax.set(xlim=self._limits[0], ylim=self._limits[1])
        self._most = beside.get_ylim()[1]
        point = {"s": 130, "facecolor": style.ORANGE, "edgecolor": style.INK, "linewidth": 1.8, "clip_on": False}
        self._point = ax.scatter([], [], zorder=6, **point)  # type: ignore[arg-type]
        _mark(ax, [result.scenario.assumptions[name].value for name in self._names], self._point)
        self._answer = beside.scatter([], [], zorder=6, **point)  # type: ignore[arg-type]
        self.artists: list[Artist] = [self._point, self._answer]

    def move(self, values: Mapping[str, float], probability: float) -> None:
        """Put the point at some values (by assumption, in base units) and what they give; within the axes."""
        place = [values[name] for name in self._names]
        self._point.set_offsets([np.clip(place, self._limits[:, 0], self._limits[:, 1])])
        self._answer.set_offsets([(0.0, min(probability, self._most))])


def _mark(ax: Axes, place: list[float], point: Artist) -> None:
    """Mark the stated values, and say what the two marks are."""
    stated = ax.scatter(place[:1], place[1:], s=90, marker="+", color=style.INK, linewidth=1.8, zorder=5)
    ax.legend([stated, point], ["stated values", "values of the sliders"], loc="lower right", fontsize=style.SMALL,
              labelcolor=style.INK, edgecolor=style.GRID, scatteryoffsets=[0.5], markerscale=0.8)  # fmt: skip


def _strip(ax: Axes, result: Discovery) -> None:
    """Draw how many draws have which probability, those that count filled, with the threshold."""
    top = min(1.0, 1.08 * float(result.answers.max()))
    edges = np.linspace(0, top, 41)
    hit = result.answers >= result.threshold
    base = np.zeros(len(edges) - 1)
    for some, colour, edge in ((~hit, style.GRID, style.GHOST), (hit, style.VERMILION, "white")):
        counts, _ = np.histogram(result.answers[some], edges)
        ax.barh(edges[:-1], counts, np.diff(edges), left=base, align="edge", linewidth=0.6, color=colour,
                edgecolor=edge)  # fmt: skip
        base += counts
    ax.axhline(result.threshold, color=style.INK, linewidth=1.2, linestyle=(0, (4, 2)))
    style.dress(ax)
    ax.set_ylim(0, top)
    style.percent_axis(ax, top)
    ax.set_xticks([])
    ax.set_xlim(left=0)
    ax.set_xlabel("draws by probability", fontsize=style.TEXT, color=style.INK)
