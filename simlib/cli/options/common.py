"""The options that several commands have in common.

In these functions, `how` holds arguments of `add_argument` that say where the changes named on the command line are
stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from simlib.arguments import Engine
from simlib.cli.options.readers import change, date, day, name, whole
from simlib.scenario.views.forms import INTERVENTION_FORMS

ENGINE_HELP = "auto is the exact engine if it can answer, else Monte Carlo (default: %(default)s)"

SEED_HELP = "seed of the random numbers and of the draws (default: 0)"


_ADDED: dict[str, Any] = {"action": "append", "default": []}
"""Arguments of `add_argument` for an option that may be given several times."""


def add_path(parser: argparse.ArgumentParser) -> None:
    """Add the argument PATH, which names the scenario."""
    parser.add_argument("path", metavar="PATH", help="folder, file or name of a scenario, or `-` for standard input")


def add_view(group: argparse._ArgumentGroup, **how: Any) -> None:
    """Add the options `--view` and `--set`, which apply a view and change assumptions."""
    group.add_argument(
        "--view", type=name, metavar="NAME", help="use a view of the scenario (views/NAME.yaml in its folder)"
    )
    add_set(group, **how)


def add_set(group: argparse._ArgumentGroup, **how: Any) -> None:
    """Add the option `--set`, which changes single assumptions."""
    how = {"type": change("set"), **how} if how else {"dest": "settings", "type": name, **_ADDED}
    text = "change the median of an assumption; its range shifts with it (repeatable)"
    group.add_argument("--set", metavar="NAME=VALUE", help=text, **how)


def add_changes(parser: argparse.ArgumentParser, **how: Any) -> argparse._ArgumentGroup:
    """Add and return the group of options for a view, assumptions, a horizon and interventions."""
    group = parser.add_argument_group("changes")
    add_view(group, **how)
    group.add_argument("--horizon", metavar="LENGTH", help='how far ahead to forecast: "30 days", or a number of days')
    add_interventions(group, **how)
    return group


def add_interventions(group: argparse._ArgumentGroup, **how: Any) -> None:
    """Add an option for each kind of intervention, all of which fill one list in their order."""
    how = how or {"dest": "interventions", **_ADDED}
    for kind, form in INTERVENTION_FORMS.items():
        group.add_argument(
            f"--{kind}", metavar=form.text, type=change(kind), help=f"{form.purpose} (repeatable)", **how
        )


def add_as_of(parser: argparse.ArgumentParser) -> None:
    """Add the options for a forecast from the state at the end of a log of events."""
    group = parser.add_argument_group("forecast after a log of events")
    add_log(group, "date of the answer; only rows public before that day count (default: the scenario's date)")
    add_no_learn(group)


def add_log(group: argparse._ActionsContainer, as_of: str) -> None:
    """Add the options for a log and the answer's date, with `as_of` as the help of `--as-of`."""
    add = group.add_argument
    add("--events", metavar="FILE", help="a file of events to add to the events.csv of the scenario")
    add("--as-of", type=date, metavar="DATE", help=as_of)
    add("--skip-impossible", action="store_true", help="leave out rows that the scenario cannot explain, and list them")


def add_no_learn(group: argparse._ActionsContainer) -> None:
    """Add the option `--no-learn`, with which a log does not change the assumptions' priors."""
    text = "infer only the state of the scenario from the log, and keep the priors of the assumptions"
    group.add_argument("--no-learn", action="store_true", help=text)


def add_windows(group: argparse._ArgumentGroup) -> None:
    """Add `--ignore-windows`, which leaves out the calendar windows of moves and factors."""
    group.add_argument("--ignore-windows", action="store_true", help="treat all calendar windows as open at all times")


def add_question(
    parser: argparse.ArgumentParser, *wanted: str, outputs: bool = True, measure: str = "the headline", draws: str = ""
) -> None:
    """Add the options that `wanted` names, and the output options.

    Args:
        parser: The parser of the command.
        wanted: Names among "--measure", "--by", "--engine", "--draws" and "--seed".
        outputs: Whether the output options are added.
        measure: The default of `--measure` in words, for the help.
        draws: The default of `--draws` in words, for the help.
    """
    stated = f"number of draws from the priors ({draws or 'default: 0, which means the stated values'})"
    forms = (
        "ending:ID, question:ID, rung:LADDER=RUNG, level:VARIABLE=LEVEL, moves:ID, impact:ID, fired:MOVE, "
        "reached:VARIABLE=LEVEL, days:VARIABLE=LEVEL or EVENT|CONDITION@DATE (repeatable)"
    )
    options: dict[str, dict[str, Any]] = {
        "--measure": {"type": name, "metavar": "NAME", "help": f"{forms}; default: {measure}", **_ADDED},
        "--by": {"type": day, "metavar": "DAY", "help": "a date, or days after the start (default: the horizon)"},
        "--engine": {"choices": get_args(Engine), "default": "auto", "help": ENGINE_HELP},
        "--draws": {"type": whole(0), "default": 0, "metavar": "N", "help": stated},
        "--seed": {"type": whole(0), "default": 0, "metavar": "N", "help": SEED_HELP},
    }
    for option in wanted:
        parser.add_argument(option, **options[option])
    if outputs:
        add_outputs(parser.add_argument_group("output"), "answer")


def add_draws(parser: argparse.ArgumentParser, least: int, default: int) -> None:
    """Add the option `--draws` of a command that always draws the assumptions."""
    text = f"draws of the assumptions (default: {default:,})"
    parser.add_argument("--draws", type=whole(least), default=default, metavar="N", help=text)


def add_outputs(group: argparse._ArgumentGroup, answer: str) -> None:
    """Add the options `--json` and `--out`. `answer` is the word for the answer in their help."""
    text = f"write the {answer} as JSON; `-` prints it, and nothing else, to standard output"
    group.add_argument("--json", metavar="FILE", help=text)
    tables = "tables (CSV, in UTF-8 with a byte order mark), figures if there are any (PNG, SVG)"
    text = f"write {tables} and the {answer} as JSON into this folder"
    group.add_argument("--out", type=Path, metavar="DIR", help=text)
