"""Charts of an impact (a quantity that adds up): over time, and given each ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.row_layout import heading, letters, lines_within
from simlib.quantities import show
from simlib.results import AFTERWARDS, ONGOING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast

IMPACT_LINE_HEIGHT = 17
"""Height in pixels of a line of text above the bars, and of a bar with its label."""

RARE = 0.001
"""If "no ending yet" is not more probable than this, its mean is not shown: rounding errors would decide that mean."""

LABEL_SHARE = 0.44
"""Share of the width of the axes that the labels take."""


@lettered
def impact_fan(result: Forecast, ax: Axes, *, impact: str | None = None) -> Axes:
    """Draw the mean of an impact over time.

    An impact is a quantity that adds up over a history, such as losses. `impact` is its id (default: the first). If the
    forecast has the distribution of the impact over histories, its median and 90% range are drawn too.
    """
    name = impact or next(iter(result.impacts))
    amounts = result.impacts[name]
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
    name = impact or next(iter(result.impacts))
    amounts = result.impacts[name]
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
        ax.text(given[ending] + half, place, text, va="center", fontsize=style.TEXT_SIZE, color=style.INK)
        label = style.wrap(result.label("endings", ending), 90, 1)
        ax.text(0, place - 0.24, label, va="bottom", fontsize=style.SMALL_SIZE, color=style.INK)
    ends = [given[ending] + half for ending, half in zip(ranked, halves, strict=True)]
    ax.set_xlim(0, 1.35 * max([*ends, 1e-9]))
    ax.grid(visible=False, axis="y")
    return ax


def in_words(result: Forecast, impact: str, span: tuple[float, float] | None = None) -> str:
    """Write the mean of an impact and its 90% range `span` (without `span`: standard deviation)."""
    return f"{result.label('impacts', impact)}: {_size(result, impact, span)}"


def _size(result: Forecast, impact: str, span: tuple[float, float] | None) -> str:
    amounts = result.impacts[impact]
    mean = show(float(amounts.mean[-1]), "amount", amounts.unit)
    if span is None:
        spread = f"standard deviation {show(float(amounts.chance[-1]), 'amount')}"
    else:
        spread = f"{show(span[0], 'amount')} to {show(span[1], 'amount')} in nine of ten histories"
    return f"{mean} on average, {spread}"


def given_ending(result: Forecast, impact: str) -> dict[str, float]:
    """Return the mean of an impact at the horizon given each possible ending or no ending yet.

    The mean of all histories is the mean of these numbers, weighted with the probabilities of the endings.
    """
    amounts = result.impacts[impact]
    given = {name: float(mean[-1]) for name, mean in amounts.given.items() if np.isfinite(mean[-1])}
    chances = {name: float(band.probability[-1]) for name, band in result.endings.items()}
    if chances.get(ONGOING, 0.0) > RARE:
        ended = sum(chances[name] * mean for name, mean in given.items())
        given[ONGOING] = (float(amounts.mean[-1]) - ended) / chances[ONGOING]
    return given


def head_lines(result: Forecast, height: float) -> int:
    """Return how many lines `consequence_rows` writes above its bars in axes of `height` pixels.

    The impacts without bars get lines only if there is still room for the bars of all endings.
    """
    bars = IMPACT_LINE_HEIGHT * (len(result.endings) + 1)
    others = len(result.impacts) - 1
    return 3 + (others if height >= IMPACT_LINE_HEIGHT * (3 + others) + bars else 0)


def consequence_rows(
    result: Forecast,
    ax: Axes,
    *,
    impact: str = "",
    spans: Mapping[str, tuple[float, float]] | None = None,
    baseline: Forecast | None = None,
    head: int | None = None,
) -> Axes:
    """Draw a bar for the mean of an impact given each ending.

    The means of the impacts are written above the bars, as far as `head` has room. If the axes are too low for all
    bars, those of the likeliest endings are drawn.

    Args:
        result: The forecast.
        ax: The axes.
        impact: The id of the impact that has bars. Default: the first.
        spans: The 5% and 95% points over histories, by impact. For an impact that is not in `spans`, the standard
            deviation is written.
        baseline: The forecast of the unchanged scenario, drawn as hollow bars.
        head: The number of lines above the bars (see `head_lines`). Default: as many as are needed.
    """
    impact = impact or next(iter(result.impacts))
    spans = spans or {}
    others = [in_words(result, name, spans.get(name)) for name in result.impacts if name != impact]
    lines = [_size(result, impact, spans.get(impact)), *others][: None if head is None else head - 2]
    amounts, given = result.impacts[impact], given_ending(result, impact)
    before = {} if baseline is None else given_ending(baseline, impact)
    ranked = sorted(given, key=lambda name: -given[name])
    style.dress(ax)
    width = letters(ax)
    _write_head(ax, result.label("impacts", impact), lines)
    room = max(2, int(lines_within(ax)))
    which, later = "each ending", "; later impacts are not counted"
    if len(ranked) > room:
        which, later = f"the {room} likeliest of {len(ranked)} endings", ""  # one line has no room for both
        likeliest = sorted(ranked, key=lambda name: -float(result.endings[name].probability[-1]))[:room]
        ranked = [name for name in ranked if name in likeliest]
    caption = f"{amounts.unit}, mean given {which} by {result.by_words}{later}"
    _above(ax, style.wrap(caption, width, 1), 5, fontsize=style.SMALL_SIZE, color=style.FAINT)
    top = 1.25 * max([*given.values(), 1e-9])
    ax.set_xlim(-top * LABEL_SHARE / (1 - LABEL_SHARE), top)
    ax.set_ylim(max(len(ranked), 1) - 0.4, -0.6)
    whole = all(len(result.label("endings", name)) <= 0.9 * LABEL_SHARE * width for name in ranked)
    for row, name in enumerate(ranked):
        label = result.label("endings", name) if whole else result.short_label("endings", name)
        text = style.wrap(label, int(width * LABEL_SHARE), 1)
        ax.text(-0.01 * top, row, text, ha="right", va="center", fontsize=style.SMALL_SIZE)
        _draw_bars(ax, row, given[name], before.get(name))
    ax.grid(visible=False)
    ax.set_axis_off()
    return ax


def _write_head(ax: Axes, title: str, lines: list[str]) -> None:
    width = letters(ax)
    for number, line in enumerate(reversed(lines)):
        _above(ax, style.wrap(line, width, 1), 18 + 12.5 * number, fontsize=style.SMALL_SIZE, color=style.INK)
    bold = {"fontsize": style.TEXT_SIZE, "fontweight": "bold", "color": style.INK}
    _above(ax, style.wrap(title, int(0.8 * width), 1), 18 + 12.5 * len(lines), **bold)


def _draw_bars(ax: Axes, row: int, mean: float, before: float | None) -> None:
    ax.barh(row, mean, height=0.6, color=style.BLUE)
    ax.text(mean, row, f" {show(mean, 'amount')}", va="center", fontsize=style.SMALL_SIZE, color=style.INK)
    if before is not None:
        ax.barh(row, before, height=0.75, color="none", edgecolor=style.INK, linewidth=1, linestyle=":")


def _above(ax: Axes, text: str, height: float, **font: Any) -> None:
    ax.annotate(text, (0, 1), (0, height), xycoords="axes fraction", textcoords="offset points", **font)
