"""The options of commands that use a log of events, or that register or score forecasts."""

from __future__ import annotations

import argparse
from pathlib import Path

from simlib.arguments import BACKTEST_HORIZONS, FORECAST_DRAWS, LESSON_DRAWS, REGISTRY_DRAWS
from simlib.cli.options import common
from simlib.cli.options.readers import date, name, names, whole, whole_numbers


def update(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `update` to its parser."""
    parser.description = (
        "Take in a log of dated events, and forecast from the state at its end. The scenario is never rewritten.\n"
        "The section `evidence` of the scenario says which moves the log would show and what the rows mean. Rows\n"
        "without a meaning are only counted. --rows lists every row with its effect on one forecast, in three parts:\n"
        "the time before the row, its news about the state, and its lesson about the assumptions."
    )
    common.add_path(parser)
    add = parser.add_argument
    _add_log(parser, FORECAST_DRAWS)
    common.add_no_learn(parser)
    add(
        "--rows",
        action="store_true",
        help="show the effect of each row on one forecast, and whether the row was taken in",
    )
    text = "also forecast at these intervals since the start, each time from the rows public by then"
    add("--series", choices=("daily", "weekly", "monthly"), help=text)
    text = "measure of --series (repeatable); --rows uses the first one (default: the headline)"
    add("--measure", action="append", default=[], type=name, metavar="NAME", help=text)
    common.add_outputs(parser.add_argument_group("output"), "answer")


def _add_log(parser: argparse.ArgumentParser, draws: int) -> None:
    add = parser.add_argument
    common.add_log(
        parser, "date of the new forecast; only rows public before that day count (default: the scenario's date)"
    )
    common.add_draws(parser, 2, draws)
    common.add_question(parser, "--seed", outputs=False)
    text = "save what the log taught as a view, views/NAME.yaml in the folder of the scenario"
    add("--save-view", type=name, metavar="NAME", help=text)


def learn(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `learn` to its parser."""
    parser.description = (
        "Take in a log of dated events, and say what it teaches about each assumption. An assumption that was set\n"
        "from the same log (uses_log_until) does not learn from it again. An assumption that the log cannot teach\n"
        "keeps its prior, and the answer says so."
    )
    common.add_path(parser)
    _add_log(parser, LESSON_DRAWS)
    common.add_outputs(parser.add_argument_group("output"), "answer")


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `register` to its parser."""
    parser.description = (
        "Forecast the questions of a scenario over the priors. Add the forecasts to forecasts/registry.jsonl in its\n"
        "folder. forecasts/terms.csv must give each question a void rule and a base rate. Each record holds the hash\n"
        "of the record before it, so that no record can be changed unnoticed."
    )
    common.add_path(parser)
    add = parser.add_argument
    add("--question", type=names, default=[], metavar="ID,...", help="questions to register (default: all with terms)")
    common.add_draws(parser, 2, REGISTRY_DRAWS)
    common.add_question(parser, "--engine", "--seed", outputs=False)
    text = "register nothing; write the questions with their rules as Markdown, to post on a forecasting site"
    add("--questions-to", type=Path, metavar="FILE", help=text)


def resolve(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `resolve` to its parser."""
    common.add_path(parser)
    add = parser.add_argument
    add("number", type=whole(1), metavar="NUMBER", help="number of the forecast, as `register` prints it")
    add("verdict", choices=("yes", "no", "void"), help="how the forecast was settled")
    add("--on", type=date, required=True, metavar="DATE", help="the day on which the answer was known")
    add("--source", required=True, metavar="TEXT", help="who settled the forecast, and from which report")
    add("--correction", action="store_true", help="correct an earlier resolution; both stay in the registry")


def score(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `score` to its parser."""
    common.add_path(parser)
    add = parser.add_argument
    add("--receipt", metavar="HASH", help="check that the registry still holds the record with this hash")
    add("--page", type=Path, metavar="FILE", help="write the registry as one HTML page")
    common.add_outputs(parser.add_argument_group("output"), "answer")


def backtest(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `backtest` to its parser."""
    parser.description = (
        "Forecast each question on each day of a past crisis, from the log's rows public by then. Score the\n"
        "forecasts by what happened, beside the base rate, a constant rate, and a copy of the first forecast that\n"
        "is never updated. The folder needs record.toml (what happened) and forecasts/terms.csv (the base rates)."
    )
    common.add_path(parser)
    add = parser.add_argument
    add("--events", metavar="FILE", help="the log (default: events.csv and later.csv beside the scenario)")
    text = f"days ahead (default: {','.join(map(str, BACKTEST_HORIZONS))}); the end of the horizon is always added"
    add("--horizons", type=whole_numbers, default=BACKTEST_HORIZONS, metavar="N,...", help=text)
    add("--every", type=whole(1), default=1, metavar="N", help="days between the forecasts (default: 1)")
    text = "draws of the assumptions (default: 32, or 512 with --learn)"
    add("--draws", type=whole(2), metavar="N", help=text)
    add("--learn", action="store_true", help="let the log teach the assumptions too; this takes seconds per forecast")
    common.add_question(parser, "--seed", outputs=False)
    add("--skip-impossible", action="store_true", help="leave out rows that the scenario cannot explain")
    common.add_outputs(parser.add_argument_group("output"), "answer")
