"""Scenario discovery: draws of assumptions, and a box (bounds) with many high results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import counted, percent
from simlib.plots import style
from simlib.plots.figure import new_figure
from simlib.plots.row_layout import heading
from simlib.quantities import round_values, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from simlib.analysis.discovery.result import Box, Discovery


def box(result: Discovery, ax: Axes, *, number: int = 0) -> Axes:
    """Plot draws of the assumptions as points, and a box (bounds on a few assumptions).

    A draw is a triangle if the measure of the discovery reaches its threshold there. `number` counts the boxes from 0.
    Raises ValueError if there is no box with this number.
    """
    if number >= len(result.boxes):
        raise ValueError(f"there is no box {number + 1}: {len(result.boxes)} were found")
    return outlined(result, result.boxes[number], ax)


def axes_of(result: Discovery, region: Box) -> list[str]:
    """Return the ids of the assumptions on the horizontal and vertical axes of a box's picture.

    The axes are the first two assumptions that the box bounds. If the box bounds only one, the vertical axis is the
    other assumption whose ranks are most correlated with the measure of the discovery.
    """
    chosen = [bound.assumption for bound in region.bounds[:2]]
    if len(chosen) == 1:
        chosen.append(_other(result, chosen[0]))
    return chosen


def outlined(result: Discovery, region: Box, ax: Axes) -> Axes:
    """Plot draws of the assumptions and the box `region`, on the axes of `axes_of`."""
    chosen = axes_of(result, region)
    names = list(result.scenario.assumptions)
    x, y = (result.theta[:, names.index(name)] for name in chosen)
    hit = result.answers >= result.threshold
    ax.scatter(x[~hit], y[~hit], s=10, facecolor="white", edgecolor=style.GHOST, linewidth=0.6)
    ax.scatter(x[hit], y[hit], s=14, marker="^", color=style.VERMILION, linewidth=0)
    least = f"at least {result.measure.write(result.threshold)} by {result.by_words}"
    title = (
        f"{result.measure.label}: {least} in {percent(region.density)} of the draws in the box, and in "
        f"{percent(result.base_rate)} of all draws"
    )
    heading(ax, title, _key(result, region, chosen))
    _scale(ax, result, chosen[0], x, sideways=True)
    _scale(ax, result, chosen[1], y, sideways=False)
    _shade(ax, result, region, chosen)
    return ax


def _key(result: Discovery, region: Box, chosen: list[str]) -> str:
    over = "from their priors" if result.provenance["belief"] == "prior" else "of a belief"
    key = (
        f"each mark one draw of the assumptions {over}; triangles: at least "
        f"{result.measure.write(result.threshold)}; shaded: the box, which holds {percent(region.coverage)} of all "
        "triangles"
    )
    hidden = counted(len(region.bounds) - 2, "further assumption")
    key += f", and has bounds on {hidden} too" if len(region.bounds) > 2 else ""
    curved = [_logarithmic(result, name) for name in chosen]
    axes = "both axes are" if all(curved) else f"the {'horizontal' if curved[0] else 'vertical'} axis is"
    return key + (f"; {axes} logarithmic" if any(curved) else "")


def _logarithmic(result: Discovery, name: str) -> bool:
    return result.scenario.assumptions[name].kind != "chance"


def _other(result: Discovery, first: str) -> str:
    names = [a.id for a in result.scenario.uncertain if a.id != first]
    every = list(result.scenario.assumptions)
    hit = result.answers - result.answers.mean()

    def pull(name: str) -> float:
        values = np.argsort(np.argsort(result.theta[:, every.index(name)])).astype(float)
        return abs(float(np.dot(values - values.mean(), hit)))

    return max(names, key=pull, default=first)


def _shade(ax: Axes, result: Discovery, region: Box, chosen: list[str]) -> None:
    from matplotlib.patches import Rectangle

    limits, bounds = (ax.get_xlim(), ax.get_ylim()), {bound.assumption: bound for bound in region.bounds}
    sides = [(bounds[name].low, bounds[name].high) if name in bounds else (None, None) for name in chosen]
    (left, right), (bottom, top) = (
        (edge[0] if side[0] is None else side[0], edge[1] if side[1] is None else side[1])
        for side, edge in zip(sides, limits, strict=True)
    )
    ax.set(xlim=limits[0], ylim=limits[1])
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor=style.SKY, alpha=0.2, zorder=0.5))
    for across, name, pair in zip((True, False), chosen, sides, strict=True):
        a = result.scenario.assumptions[name]
        for least, value in zip((True, False), pair, strict=True):
            if value is None:
                continue
            ends = ([value, value], [bottom, top]) if across else ([left, right], [value, value])
            ax.plot(*ends, color=style.BLUE, linewidth=1.8, zorder=3)
            under = 16 if sides[0][1] is not None and not across and not least else 4
            label = ax.annotate(
                f"at {'least' if least else 'most'} {show(value, a.kind, a.unit)}",
                (value, top) if across else (right, value),
                ((4 if least else -4), -4) if across else (-4, 4 if least else -under),
                textcoords="offset points",
                ha="left" if across and least else "right",
                va="bottom" if least and not across else "top",
                fontsize=style.SMALL_SIZE,
                color=style.BLUE,
                fontweight="bold",
                zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
            )
            extent, frame = label.get_window_extent(), ax.get_window_extent()
            if across and not frame.x0 <= extent.x0 <= extent.x1 <= frame.x1:  # no room on the side of the box
                label.set(x=-4 if least else 4, ha="right" if least else "left")


def _scale(ax: Axes, result: Discovery, name: str, values: np.ndarray, *, sideways: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

    axis: Axis = ax.xaxis if sideways else ax.yaxis
    assumption = result.scenario.assumptions[name]
    label = assumption.short_label
    if _logarithmic(result, name):
        (ax.set_xscale if sideways else ax.set_yscale)("log")
        marks = round_values(float(values.min()), float(values.max()), assumption.kind, assumption.unit)
        texts = list(marks.values())
        numbers, units = zip(*(text.split(" ", 1) if " " in text else (text, "") for text in texts), strict=True)
        if len(set(units)) == 1 and units[0] and not any(number.isalpha() for number in numbers):
            texts, label = list(numbers), f"{label}, {units[0]}"  # the unit once, because ticks have little room
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
        axis.set_ticks(list(marks), texts)
    else:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: show(value, assumption.kind, assumption.unit)))
    named = ax.set_xlabel if sideways else ax.set_ylabel
    named(style.wrap(label, 60, 2), fontsize=style.TEXT_SIZE, color=style.INK)


STRIP, STRIP_GAP, RIGHT_MARGIN = 130, 62, 24
"""Pixels: the width of the histogram, the width for its axis on the left, and the margin on its right."""


class BoxBoard:
    """A plot of draws and of a box, beside a histogram of the probabilities at the draws.

    A mark in the plot shows the values of the sliders, and a mark in the histogram shows the probability at these
    values.

    - `figure`: a plain Figure of `width` by `height` pixels.
    - `artists`: the two marks. When they move, `Screen` draws only these again.
    """

    def __init__(self, result: Discovery, region: Box, width: int, height: int) -> None:
        self._names = axes_of(result, region)
        self.width, self.height = width, height
        self.figure = new_figure(width, height)
        left, bottom, top = 130, 75, 90
        inside = (height - bottom - top) / height
        room = width - left - STRIP - STRIP_GAP - RIGHT_MARGIN
        ax = self.figure.add_axes((left / width, bottom / height, room / width, inside))
        outlined(result, region, ax)
        box = ax.get_position()  # lower where the title takes more lines
        beside = self.figure.add_axes(((left + room + STRIP_GAP) / width, box.y0, STRIP / width, box.height))
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
        """Move the mark in the plot to `values`, and the mark in the histogram to `probability`.

        `values` are by assumption, in base units. Both marks stay within their axes.
        """
        place = [values[name] for name in self._names]
        self._point.set_offsets([np.clip(place, self._limits[:, 0], self._limits[:, 1])])
        self._answer.set_offsets([(0.0, min(probability, self._most))])


def _mark(ax: Axes, place: list[float], point: Artist) -> None:
    stated = ax.scatter(place[:1], place[1:], s=90, marker="+", color=style.INK, linewidth=1.8, zorder=5)
    ax.legend(
        [stated, point],
        ["stated values", "values of the sliders"],
        loc="lower left",
        fontsize=style.SMALL_SIZE,
        labelcolor=style.INK,
        edgecolor=style.GRID_COLOUR,
        scatteryoffsets=[0.5],
        markerscale=0.8,
    )


def _strip(ax: Axes, result: Discovery) -> None:
    top = min(1.0, 1.08 * float(result.answers.max()))
    edges = np.linspace(0, top, 41)
    hit = result.answers >= result.threshold
    base = np.zeros(len(edges) - 1)
    for some, colour, edge in ((~hit, style.GRID_COLOUR, style.GHOST), (hit, style.VERMILION, "white")):
        counts, _ = np.histogram(result.answers[some], edges, weights=result.weights[some])
        ax.barh(
            edges[:-1], counts, np.diff(edges), left=base, align="edge", linewidth=0.6, color=colour, edgecolor=edge
        )
        base += counts
    ax.axhline(result.threshold, color=style.INK, linewidth=1.2, linestyle=(0, (4, 2)))
    style.dress(ax)
    ax.set_ylim(0, top)
    style.percent_axis(ax, top)
    ax.set_xticks([])
    ax.set_xlim(left=0)
    ax.set_xlabel("draws by probability", fontsize=style.TEXT_SIZE, color=style.INK)
