"""The options of the commands that read, check and write scenarios."""

from __future__ import annotations

import argparse
from pathlib import Path

from simlib.cli.options import common
from simlib.cli.options.readers import date, name, names


def check(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `check` to its parser."""
    parser.description = (
        "Load a scenario and all its views. Each problem is a line `file:line: where: what; what was expected`, and\n"
        "then the exit code is 2. Without problems, the command solves the scenario and warns of probable mistakes.\n"
        "It prints each probability stated for a period beside the one that the model implies. If the scenario\n"
        "names a reference class, the output has the probabilities of the model beside the base rates of past crises."
    )
    common.add_path(parser)
    parser.add_argument("--quick", action="store_true", help="only read the files; give no warnings")
    parser.add_argument(
        "--priors",
        action="store_true",
        help="show the mean and percentiles that low, value and high imply for each assumption",
    )
    common.add_outputs(parser.add_argument_group("output"), "warnings and the answers beside them")


def explain(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `explain` to its parser."""
    common.add_path(parser)
    text = "only this move: how often it happens, what it needs and changes, and the assumptions and sources behind it"
    parser.add_argument("--move", type=name, metavar="NAME", help=text)
    common.add_view(parser.add_argument_group("changes"))


def export(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `export` to its parser."""
    parser.description = (
        "Write <id>.sm, a continuous-time Markov chain in the PRISM language, at the stated values. Time is in days.\n"
        "Labels are the endings (hyphens as underscores) and the questions about states. If the start is uncertain,\n"
        "<id>.start.json lists the combinations of the start_ constants with their weights. Check the model from each\n"
        "combination, and take the weighted sum of the results.\n"
        "PRISM has no calendar windows, no moves on a date and no interventions: a scenario or a view with one of\n"
        "these is refused with the reason."
    )
    parser.epilog = (
        "example:\n"
        "  simlib export two-islands --to prism --out out/ --ignore-windows\n"
        "  storm --prism out/two-islands.sm --prismcompat --prop 'P=? [F<=90 \"open_war\"]' \\\n"
        "        --constants start_tempo=0,start_resolve=1"
    )
    common.add_path(parser)
    parser.add_argument("--to", choices=("prism",), required=True, help="the language")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: here)")
    changes = parser.add_argument_group("changes")
    common.add_view(changes)
    common.add_windows(changes)


def diff(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `diff` to its parser."""
    common.add_path(parser)
    parser.add_argument("other", metavar="OTHER", nargs="?", help="the scenario to compare PATH with (default: PATH)")
    common.add_question(parser)
    parser.add_argument("--view", type=name, metavar="NAME", help="the view of PATH")
    parser.add_argument("--other-view", type=name, metavar="NAME", help="the view of OTHER")
    parser.add_argument("--no-forecast", action="store_true", help="only the changes, not their effect on the forecast")


def data(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `data` to its parser."""
    add = parser.add_argument
    add("path", metavar="FILE", help="a file of MID, ICB, ICBe, GDELT, ICEWS, ACLED or UCDP")
    text = "keep the events between these actors, or all actions of a single actor (names as in the file)"
    add("--actors", type=names, default=[], metavar="NAME,...", help=text)
    add("--from", dest="first", type=date, metavar="DATE", help="first day (default: all)")
    add("--until", dest="last", type=date, metavar="DATE", help="last day (default: all)")
    add("--to", dest="log", type=Path, metavar="FILE", help="write the rows as a new log, such as events.csv")


def rates(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `rates` to its parser."""
    parser.description = (
        "Read a file of event data (MID, ICB, ICBe, GDELT, ICEWS, ACLED, UCDP). Count an event in a class of cases.\n"
        "The rates say how soon after a case began the event first came, and what to expect in a new case. The answer\n"
        "ends with an assumption to paste into a scenario. A selection is COLUMN=VALUE|VALUE,COLUMN=VALUE with the\n"
        "columns case, actor, target, code, category and source."
    )
    add = parser.add_argument
    add("path", metavar="FILE", help="the file of event data")
    add("--event", required=True, metavar="SELECTION", help='the event, such as "category=strike"')
    add(
        "--class",
        dest="crisis_class",
        default="",
        metavar="SELECTION",
        help="count only cases that have a row of this selection (default: all cases)",
    )
    add("--clock", action="store_true", help="also fit hot, warm and quiet spells to the days with the event")
    common.add_outputs(parser.add_argument_group("output"), "answer")
