"""Fan charts over time: the stacked rungs of a ladder, or one probability, with ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, quoted
from simlib.plots import style
from simlib.plots.panel import SideLabels
from simlib.plots.row_layout import heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.uncertainty.fans import Fan
    from simlib.typing import Floats


TITLE_FROM = 0.05
"""The title names the highest rung (level of the ladder) for which "this rung or above" is at least this probable."""

HATCH = 1.1
"""Width of the lines of a hatched band, in points. Thin lines let the colours below show."""


def fan(result: Fan, ax: Axes) -> Axes:
    """Draw the fan chart of a ladder or of one probability."""
    return nested_fan(result, ax) if result.of_ladder else measure_fan(result, ax)


def nested_fan(result: Fan, ax: Axes) -> Axes:
    """Draw the probabilities of the rungs of a ladder as stacked areas over time.

    The height of a colour is the mean probability of its rung over the draws from the priors. A hatched band shows
    where a border between two rungs lies in 90% of the draws, and a crossed band where the border lies in 50%. Where
    bands would overlap, only those beside the widest rungs are drawn.
    """
    shown = _apart(result)
    border = max((b for b in shown if result.mean[b, -1] >= TITLE_FROM), default=shown[0])
    mean, low, high = (percent(float(x[border, -1])) for x in (result.mean, result.quantiles[0], result.quantiles[-1]))
    more = " or above" if border < len(result.mean) - 1 else ""
    day, name = result.by_words, result.series[border]
    title = f"{result.label} on {day}: {mean} for {quoted(name)}{more}, {low} to {high} over the draws"
    bands = "hatched: where a border between rungs lies in 90% of the draws, crossed: in 50%" + (
        "" if len(shown) == len(result.mean) else ", where there is room"
    )
    heading(ax, title, f"colours: probability on the date, mean of {result.draws} draws; {bands}")
    ones = np.ones_like(result.times)
    above = np.concatenate([ones[None, :], result.mean, np.zeros_like(ones)[None, :]])
    colours = style.ordered(len(result.names))
    for rung, colour in enumerate(colours):
        ax.fill_between(result.times, 1 - above[rung], 1 - above[rung + 1], color=colour, linewidth=0, zorder=1)
    for border in range(len(result.mean)):
        ax.plot(
            result.times, 1 - result.mean[border], color=style.INK, linewidth=1.6 if border in shown else 0.5, zorder=3
        )
    for border in shown:
        _band(ax, result, border)
    ax.grid(visible=False)
    style.date_axis(ax, result.as_of, float(result.times[-1]))
    style.percent_axis(ax, 1.0)
    last = above[:, -1]
    labels = SideLabels(ax, [(colour, "solid") for colour in colours])
    labels.update(
        (1 - (last[:-1] + last[1:]) / 2).tolist(), list(result.names), [percent(float(p)) for p in last[:-1] - last[1:]]
    )
    return ax


def _apart(result: Fan) -> list[int]:
    """Return the indices of the borders between rungs that get a band.

    Borders of the widest rungs are chosen first. A border is left out if its band would overlap the band of a chosen
    border.
    """
    mean, low, high = (x[:, -1] for x in (result.mean, result.quantiles[0], result.quantiles[-1]))
    layers = -np.diff(np.concatenate([[1.0], mean, [0.0]]))
    beside = np.maximum(layers[:-1], layers[1:])
    shown: list[int] = []
    for border in np.argsort(-beside, kind="stable").tolist():
        if all(high[border] <= low[other] or low[border] >= high[other] for other in shown):
            shown.append(border)
    return shown


def _band(ax: Axes, result: Fan, border: int) -> None:
    for low, high, hatch in ((0, 4, "////"), (1, 3, "\\\\\\\\")):
        band = ax.fill_between(
            result.times,
            1 - result.quantiles[high, border],
            1 - result.quantiles[low, border],
            facecolor="none",
            edgecolor="white",
            hatch=hatch,
            linewidth=0,
            zorder=2,
        )
        # Before version 3.11, matplotlib has no setter. Its global setting would change what other threads draw.
        band._hatch_linewidth = HATCH  # type: ignore[attr-defined]
    for edge in (0, 4):
        ax.plot(
            result.times,
            1 - result.quantiles[edge, border],
            color=style.INK,
            linewidth=0.9,
            zorder=3,
            linestyle=(0, (3, 2)),
        )


def measure_fan(result: Fan, ax: Axes) -> Axes:
    """Draw one probability over time.

    - Solid line: the mean over the draws from the priors.
    - Dotted line: the probability at the stated values of the assumptions.
    - Bands: the ranges of 50% and 90% of the draws.
    """
    mean, low, high = (percent(float(x[0, -1])) for x in (result.mean, result.quantiles[0], result.quantiles[-1]))
    lines = f"solid: mean of {result.draws} draws, dotted: stated values; bands: 50% and 90% of the draws"
    title = f"{result.label}: {mean} over the draws, between {low} and {high}"
    heading(ax, title, f"probability by the end of the date; {lines}")
    for first, last, alpha in ((0, 4, 0.22), (1, 3, 0.35)):
        ax.fill_between(
            result.times,
            result.quantiles[first, 0],
            result.quantiles[last, 0],
            color=style.BLUE,
            alpha=alpha,
            linewidth=0,
        )
    ax.plot(result.times, result.mean[0], color=style.BLUE, linewidth=2)
    ax.plot(result.times, result.stated[0], color=style.INK, linewidth=1.4, linestyle=(0, (1, 1.5)))
    style.date_axis(ax, result.as_of, float(result.times[-1]))
    style.percent_axis(ax, style.round_top(float(result.quantiles[4].max())))
    return ax


def outlook_fan(result: Fan, ax: Axes, *, baseline: Floats | None = None) -> Axes:
    """Draw a probability over time, without a title: mean and 5–95% range over the draws.

    `baseline` (T,) holds the probability in the unchanged scenario at the T times of `result`.
    """
    low, mean, high = result.quantiles[0, 0], result.mean[0], result.quantiles[4, 0]
    ax.fill_between(result.times, low, high, color=style.BLUE, alpha=0.22, linewidth=0)
    ax.plot(result.times, mean, color=style.BLUE, linewidth=2.2)
    if baseline is not None:
        ax.plot(result.times, baseline, color=style.INK, linewidth=1.3, linestyle=(0, (3, 2)))
    end = float(result.times[-1])
    style.dress(ax)
    style.date_axis(ax, result.as_of, end)
    style.percent_axis(ax, style.round_top(max(float(high.max()), 0.01)))
    names = (("high end", high), ("average", mean), ("low end", low))
    for name, series in names:
        text = f" {percent(float(series[-1]))} {name}"
        ax.annotate(text, (end, float(series[-1])), va="center", fontsize=style.TEXT_SIZE, annotation_clip=False)
    return ax
