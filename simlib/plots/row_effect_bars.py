"""The effect of each row (event) of a log on a forecast: one bar for each row, in log-odds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.row_layout import bar, heading, limits, name, number, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.row_attribution import RowEffects

EFFECT_ROWS = 9


def row_bars(result: RowEffects, ax: Axes, *, most: int = EFFECT_ROWS) -> Axes:
    """Draw a bar for the effect of each row (event) of a log on a forecast, in log-odds.

    The `most` rows with the largest effects are drawn, in the order of the log. The plain part of a bar comes from news
    about the state of the world, and the hatched part from lessons about the assumptions. Two further bars show the
    effect of all other rows together, and the effect of periods in which no row was logged.
    """
    first, last = percent(result.before), percent(result.at_end)
    title = f"{result.measure.label} by {long_date(result.by)}: from {first} to {last}"
    note = "change in log-odds; plain: news about the state; hatched: lesson about the assumptions"
    heading(ax, title, note)
    strongest = sorted(result.rows, key=lambda row: -abs(row.effect))[:most]
    shown = [row for row in result.rows if row in strongest]
    others = [row for row in result.rows if row not in strongest]
    bars = [(f"{row.date.day} {row.date:%B}: {row.words}", row.state, row.assumptions) for row in shown]
    if others:
        label = f"the other {len(others)} rows"
        bars.append((label, sum(row.state for row in others), sum(row.assumptions for row in others)))
    bars.append(("time without a row", result.rest + sum(row.time for row in result.rows), 0.0))
    rows(ax, len(bars))
    ax.axvline(0, color=style.GHOST, linewidth=1)
    reach = 1e-9
    for place, (label, state, taught) in enumerate(bars):
        name(ax, place, label)
        ends = _both_parts(ax, place, state, taught)
        reach = max(reach, *(abs(end) for end in ends))
        total = state + taught
        number(ax, ends[1] if total >= 0 else ends[0], place + 0.2, f"{total:+z.2f}", right=total >= 0)
    limits(ax, -1.3 * reach, 1.3 * reach)
    return ax


def _both_parts(ax: Axes, place: int, state: float, taught: float) -> tuple[float, float]:
    """Draw both parts of a bar, and return the lowest and the highest value of the bar.

    Parts of the same sign stand end to end. Parts of different signs both begin at 0.
    """
    begin = state if state * taught > 0 else 0.0
    bar(ax, place, state, _colour(state))
    bar(ax, place, taught, _colour(taught), left=begin, hatched=True)
    ends = (0.0, state, begin + taught)
    return min(ends), max(ends)


def _colour(change: float) -> str:
    return style.ORANGE if change >= 0 else style.SKY
