"""Number of rows (events) of a log in each week, beside the range that the model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import long_date
from simlib.plots import style
from simlib.plots.row_layout import heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.calibration.weekly_rows import RowsPerWeek


def weekly_rows(result: RowsPerWeek, ax: Axes) -> Axes:
    """Draw the number of rows (events) of a log in each week.

    - Bar: the range of nine in ten histories of the model, with a line at the median.
    - Dot: the number in the log. It is a diamond if outside the bar.
    """
    import matplotlib.dates as mdates

    weeks = [week.rows for week in result.weeks]
    days = np.asarray(mdates.date2num([week.first for week in result.weeks])) + 3.5
    outside = [rows.verdict in ("below", "above") for rows in weeks]
    title = f"In {sum(outside)} of {len(weeks)} weeks the log has more or fewer rows than the model expects"
    bars = "bars: nine in ten histories of the model, line: median; dots: the log, diamonds: outside the bars"
    note = f"up to {long_date(result.until)}; {bars}"
    heading(ax, title, note)
    low, high = (np.array([getattr(rows, name) for rows in weeks]) for name in ("low", "high"))
    ax.bar(days, high - low + 0.5, 5, low - 0.25, color=style.BLUE, alpha=0.25)
    ax.hlines([rows.median for rows in weeks], days - 2.5, days + 2.5, color=style.BLUE, linewidth=1.5)
    for mark, colour, which in (("o", style.INK, False), ("D", style.VERMILION, True)):
        some = [(day, rows.observed) for day, rows, far in zip(days, weeks, outside, strict=True) if far is which]
        if some:
            ax.plot(*zip(*some, strict=True), mark, color=colour, markersize=6, clip_on=False, zorder=4)
    if result.before and result.after:
        day = float(mdates.date2num(result.scenario.as_of))
        ax.axvline(day, color=style.GHOST, linestyle="--", linewidth=1)
    ax.set_ylim(bottom=0, top=max([1.0, *high, *(rows.observed for rows in weeks)]) + 1)
    ax.set_xlim(days[0] - 3.5, days[-1] + 3.5)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=7))
    ax.xaxis.set_major_formatter(lambda day, _: f"{mdates.num2date(day):%d %b}".lstrip("0"))
    ax.set_xlabel("week", fontsize=style.TEXT_SIZE, color=style.INK)
    ax.set_ylabel("rows of the log", fontsize=style.TEXT_SIZE, color=style.INK)
    return ax
