"""`simlib backtest`: daily forecasts of a past crisis, scored against the real events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import tell
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.scenario.loader import load

if TYPE_CHECKING:
    from simlib.calibration.dated_scores import Backtest


def execute(arguments: Request) -> int:
    """Forecast a past crisis on each day, print the mean scores, and write the requested files."""
    from simlib.calibration.dated_scores import backtest

    scenario = load(arguments.path)
    with Task("forecasting on each day") as task:
        answer = backtest(
            scenario,
            arguments.events,
            horizons=arguments.horizons,
            every=arguments.every,
            draws=arguments.draws or None,
            learn=arguments.learn,
            seed=arguments.seed,
            skip_impossible=arguments.skip_impossible,
            control=task.control,
        )
    return tell(arguments, {"backtest": answer}, partial(figures.backtest, answer), tables=[_scores(answer)])


def _scores(answer: Backtest) -> str:
    from simlib.calibration.day_by_day import FORECASTERS, SHORT_NAMES

    rows = []
    for each in answer.table().to_dict("records"):
        whole = each["question"] == "all"
        ahead = "" if whole else "to the deadline" if not each["days"] else f"{each['days']:g} days"
        counts = [ahead, str(each["forecasts"]), str(each["happened"])]
        label = "All forecasts" if whole else answer.labels[each["question"]]
        rows.append(Row(label, [*counts, *(f"{each[name]:.3f}" for name in FORECASTERS)]))
    first, last = zip(*(words.rpartition(" ")[::2] for words in SHORT_NAMES.values()), strict=True)
    head = [["", "", "", *first], ["ahead", "days", "yes", *last]]
    return table("Mean Brier score (lower is better)", head, rows)
