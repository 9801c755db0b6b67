"""A forecast over time: the updated line, the static one, and a tick for each row of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.row_layout import caption, fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.dated_forecasts import ForecastSeries


@lettered
def series(result: ForecastSeries, ax: Axes) -> Axes:
    """Draw the probability by the deadline as stated on each date, and return `ax`."""
    import matplotlib.dates as mdates

    points = result.points
    days = mdates.date2num([point.as_of for point in points])
    values = [point.updated for point in points]
    title = f"{result.measure.label} by {result.by_words}: {percent(values[0])}, then {percent(values[-1])}"
    learnt = [point.learnt for point in points]
    more = "dash-dots: learnt; " if any(value is not None for value in learnt) else ""
    note = f"line: updated with the log; dashes: never updated; {more}ticks below: new rows of the log"
    style.dress(ax, fit(title, ax), caption(note, ax))
    ax.axhline(result.static, color=style.GHOST, linestyle="--", linewidth=1.2)
    ax.step(days, values, where="post", color=style.category(1)[0], linewidth=2)
    ax.plot(days, values, "o", color=style.category(1)[0], markersize=4)
    taught = [(day, value) for day, value in zip(days, learnt, strict=True) if value is not None]
    if taught:
        ax.step(*zip(*taught, strict=True), where="post", color=style.category(2)[0], linewidth=1.5, linestyle="-.")
    for day, point in zip(days, points, strict=True):
        if point.new:
            ax.plot([day, day], [0, 0.02], color=style.INK, linewidth=1, transform=ax.get_xaxis_transform())
    top = style.round_top(max([*values, result.static, *(value for _, value in taught)]))
    style.percent_axis(ax, top)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    ax.set_xlabel(f"date of the forecast, {points[0].as_of.year}" if len({p.as_of.year for p in points}) == 1 else "")
    ax.annotate(f" {percent(values[-1])}", (days[-1], values[-1]), va="center", annotation_clip=False)
    ax.set_label(f"As of {long_date(points[-1].as_of)}")
    return ax
