"""Pictures of registered forecasts: each beside its base rate, and a calibration curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simlib.formatting import counted, long_date, percent
from simlib.plots import style
from simlib.plots.row_layout import heading, name, number, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.calibration.registry_score import RegistryScore
    from simlib.calibration.scores import CalibrationCurve

VERDICT_WORDS = {"yes": "it happened", "no": "it did not happen", "void": "void", None: "open"}


def registered(result: RegistryScore, ax: Axes) -> Axes:
    """Draw a row for each registered forecast.

    - Line: the range of the probability from 5% to 95% of the draws of the assumptions.
    - Filled dot: the forecast probability.
    - Hollow dot: the base rate.
    - Text: the probability, and whether the event happened.
    """
    note = "line: 5 to 95% of the draws of the assumptions; filled: the forecast; hollow: the base rate"
    heading(ax, "Registered forecasts beside their base rates", note)
    rows(ax, len(result.rows))
    for row, each in enumerate(result.rows):
        forecast, at = each.forecast, row + 0.2
        ax.plot([forecast.low, forecast.high], [at, at], color=style.GHOST, linewidth=1.6, zorder=2)
        for value, face in ((forecast.probability, style.INK), (forecast.rivals["climatology"], "white")):
            look: dict[str, Any] = {"color": style.INK, "markerfacecolor": face, "markersize": 6.5, "zorder": 3}
            ax.plot([value], [at], "o", clip_on=False, **look)
        name(ax, row, f"{forecast.label} by {long_date(forecast.by)}")
        right = max(forecast.high, forecast.rivals["climatology"])
        number(
            ax, right, at, f"  {percent(forecast.probability)}: {VERDICT_WORDS[each.verdict]}", faint=not each.settled
        )
    top = style.round_top(max((max(r.forecast.high, r.forecast.rivals["climatology"]) for r in result.rows), default=1))
    style.percent_axis(ax, top, horizontal=True)
    ax.set_xlim(0, top * 1.3)
    return ax


def calibration(curve: CalibrationCurve, ax: Axes) -> Axes:
    """Draw how often events happened (vertical) by their forecast probability (horizontal).

    In 90 of 100 samples of the same size, the curve of a calibrated forecaster lies in the grey band.
    """
    note = "grey: where a calibrated forecaster's curve lies in 90 of 100 samples of this size"
    heading(ax, f"Calibration of {counted(int(curve.cases.sum()), 'forecast')}", note)
    ax.fill_between(curve.probability, curve.low, curve.high, color=style.GHOST, alpha=0.4, linewidth=0)
    ax.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8, linestyle=":")
    ax.plot(curve.probability, curve.frequency, "o-", color=style.category(1)[0], markersize=5)
    style.percent_axis(ax, 1.0)
    style.percent_axis(ax, 1.0, horizontal=True)
    ax.set_xlabel("probability that was given")
    ax.set_ylabel("share of events that happened")
    return ax
