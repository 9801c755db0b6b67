"""Past crises: event frequencies beside a scenario, and hazards by days since the onset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simlib.formatting import capital, counted, percent, quoted
from simlib.plots import style
from simlib.plots.row_layout import heading, name, number, rows, whisker
from simlib.quantities import DAYS_PER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.calibration.event_rates import HistoricalRates
    from simlib.calibration.reference_classes import BaseRates

MONTH = DAYS_PER["month"]


def beside_past_crises(result: BaseRates, ax: Axes) -> Axes:
    """Draw how often events happened in past crises, beside their probabilities in the scenario.

    There is one row for each event and class of past crises.

    - Bar: the share of the past crises in which the event happened.
    - Line: the 95% interval of this share.
    - Dot: the probability in the scenario, orange if outside the interval.
    """
    checks = result.shares
    outside = sum(check.verdict in ("above", "below") for check in checks)
    of_all = counted(len(checks), "probability", "probabilities")
    title = f"{outside} of {of_all} lie outside the range of past crises"
    title = title if checks else "The scenario names no class of past crises"
    note = "bar: share of past crises with the event; line: its 95% interval; dot: this scenario, orange where outside"
    heading(ax, title, note)
    rows(ax, len(checks))
    top = max((max(check.rate.high or 0.0, check.implied or 0.0) for check in checks), default=1.0)
    for row, check in enumerate(checks):
        at, rate = row + 0.2, check.rate
        ax.barh(at, rate.figure, height=0.3, color=style.GRID_COLOUR)
        whisker(ax, rate.low or 0.0, rate.high or 0.0, at)
        color = style.ORANGE if check.verdict in ("above", "below") else style.BLUE
        ax.plot([check.implied or 0.0], [at], "o", color=color, markersize=7, zorder=5, clip_on=False)
        name(ax, row, capital(rate.what))
        text = f"{percent(rate.figure)} of past crises, {percent(check.implied or 0.0)} here"
        number(ax, max(rate.high or 0.0, check.implied or 0.0) + 0.01 * top, at, text)
    style.percent_axis(ax, style.round_top(top), horizontal=True)
    ax.set_xlim(0, top * 1.45)
    return ax


def hazard_by_day(result: HistoricalRates, ax: Axes, *, label: str, law: HistoricalRates | None = None) -> Axes:
    """Draw the rate at which an event first happens, by days since the onset of a crisis.

    The days are grouped into bands. `label` names the event. `law` has rates from a much larger set of crises, which
    are drawn as lines without intervals.
    """
    crises = counted(len(result.cases.names), "past crisis", "past crises")
    known = f"; line: {len(law.cases.names):,} crises of the same kind" if law else ""
    title, note = f"How soon {quoted(label)} first came in {crises}", f"dot: estimate; bar: its 90% interval{known}"
    heading(ax, title, note)
    lines = {row["from_day"]: row["per_day"] for row in law.hazard.to_dict("records") if row["events"]} if law else {}
    bands = [row for row in result.hazard.to_dict("records") if row["events"] or row["from_day"] in lines]
    for place, row in enumerate(bands):
        ends = row["low"] * MONTH, row["high"] * MONTH
        ax.plot([place, place], ends, color=style.SKY, linewidth=9, solid_capstyle="butt")
        ax.plot([place], [row["per_day"] * MONTH], "o", color=style.BLUE, markersize=6, clip_on=False)
        if row["from_day"] in lines:
            line = [lines[row["from_day"]] * MONTH] * 2
            ax.plot([place - 0.4, place + 0.4], line, color=style.INK, linewidth=1.4)
    ax.set_xticks(range(len(bands)), [_days(row) for row in bands])
    ax.set_xlim(-0.6, len(bands) - 0.4)
    ax.set_xlabel(
        "days since the onset of a crisis, without the event so far", fontsize=style.TEXT_SIZE, color=style.INK
    )
    ax.set_ylabel("events per month", fontsize=style.TEXT_SIZE, color=style.INK)
    ax.set_ylim(0, None)
    return ax


def _days(row: Mapping[Any, Any]) -> str:
    return f"{row['from_day']:g}–{row['to_day']:g}" if row["to_day"] < float("inf") else f"{row['from_day']:g}+"
