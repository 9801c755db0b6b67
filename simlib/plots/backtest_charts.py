"""Pictures of a backtest: forecasts of one question over time, and scores of all questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simlib.calibration.day_by_day import SHORT_NAMES
from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.row_layout import heading, name, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.calibration.dated_scores import Backtest

FORECASTER_LOOKS: dict[str, dict[str, Any]] = {
    "updated": {"color": style.VERMILION, "linewidth": 2.0, "marker": "o", "markersize": 4},
    "static": {"color": style.BLUE, "linestyle": "--", "linewidth": 1.3},
    "hazard": {"color": style.GREEN, "linestyle": ":", "linewidth": 1.6},
    "climatology": {"color": style.GHOST, "linestyle": "-.", "linewidth": 1.3},
}
FORECASTER_MARKS = {"updated": "o", "static": "s", "hazard": "^", "climatology": "D"}


def forecasts_by_day(result: Backtest, ax: Axes, question: str | None = None, days: int = 0) -> Axes:
    """Draw one line for each forecaster: its forecasts of a question by date of the forecast.

    `question` is an id (default: the main question of the scenario). `days` is how many days ahead each forecast looks
    (0: up to the deadline of the backtest). A dotted vertical line marks the date of the event, if it happened.
    """
    question = question or result.headline
    some, came = result.of(question, days), result.record[question].happened
    by = f"by {long_date(result.deadline)}" if not days else f"within {days} days"
    outcome = f"it happened on {long_date(came)}" if came else "it did not happen"
    heading(ax, f"{result.labels[question]}, {by}: {outcome}", "as stated on each day")
    dates = [(each.forecast.as_of - result.as_of).days + 1 for each in some]
    highest = 0.0
    for forecaster, label in SHORT_NAMES.items():
        values = [each.forecast.probability[forecaster] for each in some]
        ax.plot(dates, values, label=label, **FORECASTER_LOOKS[forecaster])
        highest = max([highest, *values])
    if came:
        ax.axvline((came - result.as_of).days + 1, color=style.INK, linewidth=0.8, linestyle=":")
    style.percent_axis(ax, style.round_top(highest))
    style.date_axis(ax, result.as_of, max([1, *dates]))
    ax.set_xlim(left=0.5)
    ax.set_xlabel("date of the forecast", fontsize=style.TEXT_SIZE, color=style.INK)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=style.SMALL_SIZE)
    return ax


def scores_by_question(result: Backtest, ax: Axes) -> Axes:
    """Draw a row for each question with the mean Brier score of each forecaster."""
    questions = [one for one in result.labels if result.of(one)]
    heading(ax, "Mean Brier score of each question", "further left is better")
    rows(ax, len(questions))
    best = 0.0
    for row, one in enumerate(questions):
        some, came = result.of(one), result.record[one].happened
        for forecaster, label in SHORT_NAMES.items():
            value = result.mean(forecaster, some)
            best = max(best, value)
            color = FORECASTER_LOOKS[forecaster]["color"]
            mark: dict[str, Any] = {"color": color, "markersize": 7, "linestyle": "none", "clip_on": False}
            ax.plot([value], [row + 0.2], FORECASTER_MARKS[forecaster], label=label if row == 0 else None, **mark)
        share = percent(sum(each.happened for each in some) / len(some))
        outcome = f"happened, by the deadline of {share} of the forecasts" if came else "did not happen"
        name(ax, row, f"{result.labels[one]}: {outcome}")
    ax.set_xlim(0, style.round_top(best))
    ax.set_xlabel("Brier score, over all days and all numbers of days ahead", fontsize=style.TEXT_SIZE, color=style.INK)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=style.SMALL_SIZE)
    return ax
