"""The options of every command, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from simlib.cli.options import forecast_commands, help_texts, log_commands, question_commands, scenario_commands
from simlib.cli.options.readers import LARGEST_WHOLE_NUMBER, whole
from simlib.cli.options.request import Request, frozen
from simlib.errors import printable
from simlib.package import VERSION


def parse(argv: Sequence[str] | None) -> Request:
    """Read a command line (default: that of the process), and return its options.

    Raises SystemExit after --help, and for a command line that cannot be read.
    """
    parser = build()
    namespace, rest = parser.parse_known_args(argv)
    if rest and namespace.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    request = frozen(namespace, jupyter=rest)
    if request.seed + (request.seeds or 1) - 1 > LARGEST_WHOLE_NUMBER:
        parser.error(f"argument --seeds: the last seed would be above {LARGEST_WHOLE_NUMBER:,}")
    return request


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line: the problem and the command for help."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        self.exit(2, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


class Command(NamedTuple):
    """A command: its name, its purpose in one line, and the function that adds its options."""

    name: str
    brief: str
    add_options: Callable[[argparse.ArgumentParser], None]


def _add_lab(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Further options go to JupyterLab."
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=whole(0), metavar="N", help="port of the server (default: a free one from 8888)")


COMMANDS = (
    Command(
        "check",
        "find what is wrong with a scenario and its views, and warn of likely mistakes",
        scenario_commands.check,
    ),
    Command("explain", "describe every move, assumption and ending in a sentence", scenario_commands.explain),
    Command("run", "forecast endings, questions, ladder and moves by date", forecast_commands.run),
    Command("export", "write the scenario for another tool (PRISM, Storm)", scenario_commands.export),
    Command(
        "compare", "compare the scenario with what-ifs: views, interventions, other values", forecast_commands.compare
    ),
    Command("drivers", "which assumptions move the answer most", question_commands.drivers),
    Command(
        "uncertainty",
        "how sure the answer is: its spread from assumptions and from chance, and what to find out next",
        question_commands.uncertainty,
    ),
    Command("paths", "the most probable paths, as sequences of rungs", question_commands.paths),
    Command(
        "indicators", "what to watch for: which moves and levels are signs of an ending", question_commands.indicators
    ),
    Command("discover", "under which values of the assumptions an answer is high", question_commands.discover),
    Command("pool", "pool several views into one forecast, and say how far they disagree", forecast_commands.pool),
    Command(
        "diff",
        "what changed between two scenarios or views, and what that does to the forecast",
        scenario_commands.diff,
    ),
    Command("report", "write a brief to hand on: answer, drivers, watch list, assumptions", forecast_commands.report),
    Command("sweep", "write forecasts at many points (draws, grid, views, plans) to Parquet", forecast_commands.sweep),
    Command("update", "how a log of events changes the state, the assumptions and the forecast", log_commands.update),
    Command("learn", "what a log of events teaches about the assumptions: prior and posterior", log_commands.learn),
    Command("register", "register forecasts with their rules, before the answer is known", log_commands.register),
    Command("resolve", "write down how a registered forecast was settled", log_commands.resolve),
    Command("score", "score the registered forecasts beside simple rivals", log_commands.score),
    Command("backtest", "score the forecasts of a past crisis, day by day", log_commands.backtest),
    Command("data", "read a file of event data, and write it as the log of a scenario", scenario_commands.data),
    Command("rates", "how often something happened in past crises, from a file of event data", scenario_commands.rates),
    Command("lab", "open JupyterLab on the notebooks", _add_lab),
)
"""Every command, in the order in which the help lists them."""


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line, with a parser for each command."""
    parser = Parser(
        prog="simlib",
        description=help_texts.ABOUT,
        epilog=help_texts.EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"simlib {VERSION}")
    parser.add_argument("--traceback", action="store_true", help="show where an unexpected error comes from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        own = commands.add_parser(
            command.name,
            help=command.brief,
            description=f"{command.brief[0].upper()}{command.brief[1:]}.",
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(own)
    return parser
