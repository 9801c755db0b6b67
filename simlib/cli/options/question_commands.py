"""The options of the commands that explain a forecast."""

from __future__ import annotations

import argparse

from simlib.arguments import (
    DISCOVERY_DRAWS,
    DISCOVERY_RUNS,
    DRIVER_ASSUMPTIONS,
    INDICATOR_DRAWS,
    PATH_CLASSES,
    SOBOL_INPUTS,
)
from simlib.cli.options import common
from simlib.cli.options.readers import day, name, whole


def drivers(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `drivers` to its parser."""
    common.add_path(parser)
    common.add_question(parser, "--measure", "--by", "--engine", "--seed")
    text = f"assumptions per measure (default: {DRIVER_ASSUMPTIONS}, and {SOBOL_INPUTS} for --sobol)"
    parser.add_argument("--top", type=whole(1), metavar="N", help=text)
    parser.add_argument(
        "--sobol",
        action="store_true",
        help="also say which assumptions cause the spread of the answer (Sobol indices; takes minutes)",
    )
    common.add_as_of(parser)
    common.add_changes(parser)


def uncertainty(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `uncertainty` to its parser."""
    common.add_path(parser)
    common.add_question(parser, "--measure", "--by", "--engine", "--seed")
    parser.add_argument(
        "--draws", type=whole(0), metavar="N", help="draws from the priors (default: 0, as many as needed)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="POINTS",
        help="draw until each quantile is known to within this many percentage points (default: 2)",
    )
    parser.add_argument("--most-draws", type=whole(1), metavar="N", help="largest number of draws (default: 1,024)")
    parser.add_argument(
        "--quantile",
        type=float,
        action="append",
        metavar="Q",
        help="a quantile to report, between 0 and 1 (repeatable; default: 0.05, 0.5 and 0.95)",
    )
    parser.add_argument(
        "--look-by",
        type=day,
        metavar="DAY",
        help="also rank possible observations up to this day (a date, or days after the start) by value of information",
    )
    common.add_as_of(parser)
    common.add_changes(parser)


def paths(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `paths` to its parser."""
    common.add_path(parser)
    common.add_question(parser, "--engine", "--draws", "--seed")
    text = "histories at each draw, for the times between rungs, and for paths that are not exact "
    text += "(default: 5,000 in all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    parser.add_argument(
        "--ladder", type=name, metavar="NAME", help="ladder whose rungs are the steps of a path (default: the first)"
    )
    parser.add_argument("--over", type=name, metavar="VARIABLE", help="use the levels of this variable as steps")
    text = (
        "only the paths to this ending, as shares of its probability (ending:ID; without a value: the headline ending)"
    )
    parser.add_argument("--given", type=name, metavar="MEASURE", nargs="?", const="", help=text)
    parser.add_argument(
        "--waypoints", action="store_true", help="with --given: for each rung and move, the share of histories with it"
    )
    text = f"paths to list (default: {PATH_CLASSES})"
    parser.add_argument("--top", type=whole(1), default=PATH_CLASSES, metavar="N", help=text)
    common.add_as_of(parser)
    common.add_changes(parser)


def indicators(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `indicators` to its parser."""
    parser.description = (
        "What to watch for: how seeing a move or a level by a day changes the probability of an ending or a question.\n"
        "The change is counted in sampled histories over the priors. With --engine exact, or with --draws 0 if there\n"
        "are not too many states, the change is computed at the stated values. Then --runs and --times-seen do not\n"
        "apply, and there are no lead times. The effect of forcing a move (--doing) is exact if there are not too\n"
        "many states. A sign is reported if the 95% interval of its likelihood ratio does not include 1."
    )
    common.add_path(parser)
    common.add_question(parser, "--measure", "--engine", "--seed")
    parser.add_argument(
        "--look-by",
        type=day,
        metavar="DAY",
        help="watch up to this day: a date, or days after the start (default: 14 days, or half the horizon if less)",
    )
    parser.add_argument(
        "--times-seen",
        type=whole(1),
        default=1,
        metavar="N",
        help="number of sightings from which a move or level counts as seen (default: 1)",
    )
    common.add_draws(parser, 0, INDICATOR_DRAWS)
    text = "histories at each draw (default: 20,000 in all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    parser.add_argument(
        "--doing",
        type=whole(0),
        default=5,
        metavar="N",
        help="number of moves for which the effect of forcing them is computed (default: 5)",
    )
    common.add_as_of(parser)
    common.add_changes(parser)


def discover(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `discover` to its parser."""
    common.add_path(parser)
    common.add_question(parser, "--measure", "--engine", "--seed")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="draws whose answer is at least P count as high (default: the upper quarter)",
    )
    common.add_draws(parser, 20, DISCOVERY_DRAWS)
    text = f"histories at each draw under common random numbers, a multiple of 8 (default: {DISCOVERY_RUNS:,})"
    parser.add_argument("--runs", type=whole(16), default=DISCOVERY_RUNS, metavar="N", help=text)
    common.add_as_of(parser)
    common.add_changes(parser)
