"""Forecasts over time: lines for questions, and ticks for dates with new events in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.panel import SideLabels
from simlib.plots.row_layout import heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from simlib.analysis.dated_forecasts import ForecastSeries, SeriesLine

TICK = 0.025
"""Height of the tick of a date with new events, as a share of the height of the axes."""

LINE_TAIL_SHARE = 0.03
"""Length of a line after its last forecast, as a share of the time from the first forecast to the last."""


@dataclass(frozen=True)
class _Course:
    label: str
    colour: str
    dash: object
    values: list[float]
    width: float = 2.0
    marked: bool = False


def series(result: ForecastSeries, ax: Axes) -> Axes:
    """Draw the probability of each question against the date of the forecast.

    A single question has up to three lines: a forecast updated with the log, a forecast with assumptions learnt from
    the log, and a forecast that is never updated. Each of several questions has a strong line for its updated forecast
    (with learnt assumptions, if they are known) and a thin line for the forecast that is never updated.
    """
    import matplotlib.dates as mdates

    several, news = len(result.lines) > 1, "ticks below: new rows of the log"
    courses = _of_several(result) if several else _of_one(result.lines[0])
    if several:
        how = "learnt from the log" if _taught(result.lines[0]) else "at the stated values"
        title, note = _title(result), f"lines: updated with the log, {how}; thin dashes: never updated; {news}"
    else:
        first, last = (percent(courses[0].values[place]) for place in (0, -1))
        title, note = f"{result.lines[0].measure.label} by {result.by_words}: {first}, then {last}", news
    heading(ax, title, note)
    days = mdates.date2num([date.as_of for date in result.dates])
    edge = days[-1] + max(LINE_TAIL_SHARE * (days[-1] - days[0]), 1.0)
    for course in courses:
        look: dict[str, Any] = {"color": course.colour, "linestyle": course.dash, "linewidth": course.width}
        ax.step([*days, edge], [*course.values, course.values[-1]], where="post", clip_on=False, **look)
        if course.marked:
            ax.plot(days, course.values, "o", color=course.colour, markersize=3.5, clip_on=False)
    for day, date in zip(days, result.dates, strict=True):
        if date.new:
            ax.plot([day, day], [0, TICK], color=style.INK, linewidth=1, transform=ax.get_xaxis_transform())
    style.percent_axis(ax, style.round_top(max(value for course in courses for value in course.values)))
    _date_axis(ax, result)
    ax.set_xlim(days[0], edge)
    named = [course for course in courses if course.label]
    labels = SideLabels(ax, [(course.colour, course.dash) for course in named])
    ends = [course.values[-1] for course in named]
    labels.update(ends, [course.label for course in named], [percent(end) for end in ends])
    return ax


def _title(result: ForecastSeries) -> str:
    first, last = (long_date(result.dates[place].as_of) for place in (0, -1))
    return f"Probabilities by {result.by_words}, as forecast from {first} to {last}"


def _taught(line: SeriesLine) -> bool:
    return all(point.learnt is not None for point in line.points)


def _learnt(line: SeriesLine) -> list[float]:
    return [point.learnt for point in line.points if point.learnt is not None]


def _of_one(line: SeriesLine) -> list[_Course]:
    (colour, _), (second, _) = style.category(1), style.category(0)
    courses = [_Course("updated", colour, "solid", [point.updated for point in line.points], marked=True)]
    if _taught(line):
        courses.append(_Course("learnt", second, style.DASHES[3], _learnt(line), 1.5))
    static = [line.static] * len(line.points)
    return [*courses, _Course("never updated", style.GHOST, style.DASHES[1], static, 1.2)]


def _of_several(result: ForecastSeries) -> list[_Course]:
    courses: list[_Course] = []
    for number, line in enumerate(result.lines):
        colour, dash = style.category(number)
        values, static = [point.updated for point in line.points], line.static
        if _taught(line) and line.static_mean is not None:
            values, static = _learnt(line), line.static_mean
        courses.append(_Course(line.measure.label, colour, dash, values, marked=True))
        courses.append(_Course("", colour, (0, (2, 2)), [static] * len(values), 0.9))
    return courses


def _date_axis(ax: Axes, result: ForecastSeries) -> None:
    import matplotlib.dates as mdates

    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    years: Sequence[int] = sorted({date.as_of.year for date in result.dates})
    words = f"date of the forecast, {years[0]}" if len(years) == 1 else "date of the forecast"
    ax.set_xlabel(words, fontsize=style.TEXT_SIZE, color=style.INK)
