"""Several forecasts side by side: the probability of each ending in each forecast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.errors import SimlibError
from simlib.formatting import percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading
from simlib.results import ONGOING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.scenario_diff import Diff
    from simlib.results import EventGroup, Forecast


VARIANT_MARKS = ("o", "s", "D", "^", "v")


def comparison(
    results: Mapping[str, Forecast],
    ax: Axes,
    *,
    ongoing: bool = False,
    questions: bool = False,
    only: tuple[str, str] | None = None,
    title: str = "The same scenario through several views",
    basis: str = "",
) -> Axes:
    """Draw a row for each ending or question, with a mark and a number for each forecast.

    An ending or a question that one of the forecasts lacks is left out.

    Args:
        results: Forecasts over the same horizon, by name. The first is the reference. Thin lines show the differences
            from the reference.
        ax: The axes.
        ongoing: Whether "No ending yet" has a row.
        questions: Whether questions have rows.
        only: The kind and the id of a single row to draw, such as ("questions", "war").
        title: The title.
        basis: The assumption values behind the forecasts, in words, such as "at the stated values".
    """
    first = next(iter(results.values()))
    names = [only] if only else in_common(results.values(), ongoing=ongoing, questions=questions)
    last = {
        label: np.array([float(getattr(f, kind)[n].probability[-1]) for kind, n in names])
        for label, f in results.items()
    }
    by = first.by_words
    subtitle = f"probability by {by}{basis and f', {basis}'}; line: change from {quoted(next(iter(results)))}"
    subtitle += "" if only else _left_out(results.values(), questions)
    heading(ax, title, subtitle)
    height = len(results) + 1.6
    for row, (kind, name) in enumerate(names):
        _draw_row(ax, row * height, first.label(kind, name), {label: float(each[row]) for label, each in last.items()})
    highest = max((float(values.max(initial=0.0)) for values in last.values()), default=1.0)
    style.percent_axis(ax, style.round_top(highest), horizontal=True)
    ax.set_xlim(0, style.round_top(highest) * 1.35)
    ax.set_yticks([])
    ax.set_ylim(len(names) * height - 0.8, -1.2)
    ax.spines["left"].set_visible(False)
    return ax


def _draw_row(ax: Axes, top: float, name: str, values: Mapping[str, float]) -> None:
    look: dict[str, Any] = {"color": style.INK, "annotation_clip": False}
    ax.annotate(name, (0, top - 0.35), fontsize=style.TEXT_SIZE, va="bottom", fontweight="bold", **look)
    look |= {"textcoords": "offset points", "fontsize": style.SMALL_SIZE, "va": "center"}
    start = next(iter(values.values()))
    for k, (label, value) in enumerate(values.items()):
        colour, _ = style.category(k + 1)
        y = top + k + 0.4
        ax.plot([start, value], [y, y], color=colour, linewidth=1.6, zorder=2)
        ax.plot(
            [value], [y], VARIANT_MARKS[k % len(VARIANT_MARKS)], color=colour, markersize=6.5, zorder=3, clip_on=False
        )
        ax.annotate(f"{percent(value)}  {label}", (max(value, start), y), (9, 0), **look)


def in_common(results: Iterable[Forecast], *, ongoing: bool, questions: bool) -> list[tuple[EventGroup, str]]:
    """Return (kind, id) of each ending that all forecasts have.

    `questions` adds each question that all forecasts have, after the endings. `ongoing` adds "No ending yet" to the
    endings.
    """
    every = list(results)
    kinds: tuple[EventGroup, ...] = ("endings", "questions") if questions else ("endings",)
    return [
        (kind, name)
        for kind in kinds
        for name in getattr(every[0], kind)
        if all(name in getattr(each, kind) for each in every) and (ongoing or name != ONGOING)
    ]


def _left_out(results: Iterable[Forecast], questions: bool) -> str:
    every = list(results)
    alike = all(list(each.endings) == list(every[0].endings) for each in every)
    alike &= not questions or all(list(each.questions) == list(every[0].questions) for each in every)
    return "" if alike else "; rows that only some of the forecasts have are left out"


def both_forecasts(result: Diff, ax: Axes) -> Axes:
    """Draw the forecasts of two compared scenarios side by side.

    Raises SimlibError if the comparison was made without forecasts.
    """
    if result.forecasts is None:
        raise SimlibError("there are no forecasts to draw; call diff() with forecast=True")
    sides = dict(zip(result.names, result.forecasts, strict=True))
    return comparison(sides, ax, ongoing=True, questions=True, title=result.finding(), basis="at the stated values")
