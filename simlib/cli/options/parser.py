"""The options of every command, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from simlib.cli.options import help_texts as texts
from simlib.cli.options.readers import OF_VARIANT, named, names, whole
from simlib.scenario.views.forms import ASSUME, DELAY, FORBID, FORCE, HOLD, PIN, POLICY, REPEAT

RUNS = 10_000
"""Replicates of a Monte Carlo run when --runs does not say."""

TOP = 12

REPORT_DRAWS = 64
"""Draws from the priors behind a report, unless --draws says otherwise."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read a command line; exits by SystemExit, as argparse does, for help and for what it cannot read."""
    parser = build()
    arguments, rest = parser.parse_known_args(argv)
    if rest and arguments.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.jupyter = rest
    return arguments


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to read more."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: {message}; {self.prog} --help tells what it takes\n")


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from simlib import __version__

    parser = Parser(
        prog="simlib",
        description=texts.ABOUT,
        epilog=texts.EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"simlib {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an unexpected error comes from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _check(_command(commands, "check", "say what is wrong with a scenario and its views, and what looks doubtful"))
    _explain(_command(commands, "explain", "tell every move, assumption and ending in a sentence"))
    _run(
        _command(
            commands,
            "run",
            "forecast: endings, questions, ladder and moves by date",
            texts.RUN_ABOUT,
            texts.RUN_EXAMPLES,
        )
    )
    _export(_command(commands, "export", "write the scenario for another tool (PRISM, Storm)"))
    _compare(
        _command(
            commands,
            "compare",
            "what if: the scenario beside its views, or with interventions and other values",
            epilog=texts.COMPARE_EXAMPLES,
        )
    )
    _drivers(_command(commands, "drivers", "what drives it: slopes, a tornado, shares of the doubt"))
    _uncertainty(_command(commands, "uncertainty", "how sure: doubt and chance apart, and what to find out next"))
    _paths(_command(commands, "paths", "by which path: the most probable orders of rungs"))
    _indicators(_command(commands, "indicators", "what to watch for: what seeing a move says of an ending"))
    _discover(_command(commands, "discover", "under which assumptions: boxes over the priors"))
    _pool(
        _command(
            commands,
            "pool",
            "several views as one forecast, and where they disagree",
            texts.POOL_ABOUT,
            texts.POOL_EXAMPLES,
        )
    )
    _diff(_command(commands, "diff", "what changed between two scenarios or views, and what that did"))
    _report(_command(commands, "report", "one self-contained page to hand on: answer, drivers, watch list, ledger"))
    brief = "work out a design of many points into Parquet files, resumable"
    _sweep(_command(commands, "sweep", brief, texts.SWEEP_ABOUT, texts.SWEEP_EXAMPLES))
    _lab(_command(commands, "lab", "open JupyterLab on the notebooks, wherever it is called from"))
    return parser


def _command(
    commands: argparse._SubParsersAction[Parser], name: str, brief: str, about: str = "", epilog: str = ""
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=brief,
        description=about or f"{brief[0].upper()}{brief[1:]}.",
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Load a scenario and all its views. Problems: each a line `file:line: where: what; what was expected`, exit\n"
        "code 2. Without problems a second reading, which needs solutions, warns of what is legal but doubtful; each\n"
        'elicited "p within T" is printed beside what the model implies for it; and where the scenario names a\n'
        "reference class, what it implies is printed beside the base rates of past crises. Exit code 0; 2 for an error."
    )
    _path(parser)
    parser.add_argument("--quick", action="store_true", help="only read the files; no second reading")
    parser.add_argument("--priors", action="store_true", help="show what low, value and high of each assumption imply")


def _explain(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _view(parser.add_argument_group("changes"))


def _run(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    engine = _adder(parser.add_argument_group("engine"))
    which = "default: exact; with too many states for it, nothing is computed"
    engine("--engine", choices=("exact", "montecarlo"), help=which)
    replicates = f"Monte Carlo replicates, with --draws of each draw (default: {RUNS:,} in all)"
    engine("--runs", type=whole(1), metavar="N", help=replicates)
    engine("--seed", type=whole(0), default=0, metavar="N", help="of the dice and of the draws (default: 0)")
    engine("--threads", type=whole(1), metavar="N", help="default: as many as help; changes no digit of the answer")
    what = "draws from the ranges of the assumptions; 0 (default): only at the stated values"
    engine("--draws", type=whole(0), default=0, metavar="N", help=what)
    changes = _changes(parser)
    _windows(changes)
    text = "keep the changes, with those of --view, as the view NAME: views/NAME.yaml beside the scenario"
    changes.add_argument("--save-view", metavar="NAME", help=text)
    output = _adder(parser.add_argument_group("output"))
    output("--times", type=whole(1), metavar="N", help="report at N equal steps (default: about daily)")
    output("--top", type=whole(0), default=TOP, metavar="N", help=f"moves to list, 0: all (default: {TOP})")
    output("--out", type=Path, metavar="DIR", help="write figures (PNG, SVG), tables (CSV) and forecast.json there")
    output("--json", metavar="FILE", help="write the forecast as JSON; `-`: to standard output, and nothing else")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write <id>.sm, a continuous-time Markov chain in the PRISM language, time in days, at the stated values.\n"
        "Labels are the endings (hyphens as underscores) and the questions about states. Where the start is spread,\n"
        "<id>.start.json lists the combinations of the start_ constants with their weights: check each and sum.\n"
        "What PRISM cannot say (calendar windows, interventions) is refused with the reason."
    )
    parser.epilog = (
        "example:\n"
        "  simlib export two-islands --to prism --out out/ --ignore-windows\n"
        "  storm --prism out/two-islands.sm --prismcompat --prop 'P=? [F<=90 \"open_war\"]' \\\n"
        "        --constants start_tempo=0,start_resolve=1"
    )
    _path(parser)
    parser.add_argument("--to", choices=("prism",), required=True, help="the language")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: here)")
    changes = parser.add_argument_group("changes")
    _view(changes)
    _interventions(changes)
    _windows(changes)


def _compare(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(
        parser,
        "--measure",
        "--engine",
        "--draws",
        "--seed",
        measure="every ending and question, and all rungs and moves in the files",
    )
    text = (
        "pairs of histories for each draw, under common random numbers; 0: none beside an exact answer (default: "
        "10,000 in all beside an exact answer, else 100,000 in all)"
    )
    parser.add_argument("--runs", type=whole(0), metavar="N", help=text)
    parser.add_argument("--view", metavar="NAME", help="the baseline is the scenario seen through a view")
    text = "the variants pile up in the order given: each is added to those before it"
    parser.add_argument("--cumulative", action="store_true", help=text)
    changes = parser.add_argument_group("changes: together they make one variant, or one for each --as")
    how = OF_VARIANT
    changes.add_argument(
        "--as", metavar="VARIANT", help="name the variant that the changes after it make (repeatable)", **how
    )
    text = "a view; before any --as each is a variant of its own, after one it is part of it (repeatable)"
    changes.add_argument("--with-view", metavar="NAME", type=named("view"), help=text, **how)
    _set(changes, **how)
    _interventions(changes, **how)


def _drivers(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--day", "--engine", "--seed")
    parser.add_argument("--top", type=whole(1), default=10, metavar="N", help="assumptions per answer (default: 10)")
    parser.add_argument("--sobol", action="store_true", help="also shares of the doubt (Sobol indices; minutes)")
    _changes(parser)


def _uncertainty(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--day", "--engine", "--seed")
    parser.add_argument(
        "--draws", type=whole(0), default=0, metavar="N", help="draws from the priors (default: 0, as many as needed)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="POINTS",
        help="draw until each quantile is known to so many points (default: 2)",
    )
    parser.add_argument("--most-draws", type=whole(1), metavar="N", help="but no more than these (default: 1,024)")
    parser.add_argument(
        "--quantile",
        type=float,
        action="append",
        metavar="Q",
        help="between 0 and 1, which to tell (repeatable; default: 0.05, 0.5 and 0.95)",
    )
    parser.add_argument(
        "--observe",
        type=float,
        metavar="DAY",
        help="also rank what could be seen by this day by what it would be worth",
    )
    _changes(parser)


def _paths(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--engine", "--seed")
    text = "histories for the times between rungs, and for all where there are too many states (default: 5,000)"
    parser.add_argument("--runs", type=whole(1), default=5_000, metavar="N", help=text)
    parser.add_argument("--ladder", metavar="NAME", help="the ladder whose rungs make a path (default: the first)")
    parser.add_argument("--over", metavar="VARIABLE", help="in place of rungs, the levels of a variable make a path")
    parser.add_argument("--given", metavar="ENDING", help="only the paths to this ending, as shares of it")
    parser.add_argument("--passages", action="store_true", help="with --given: what share passes each rung and move")
    parser.add_argument("--top", type=whole(1), default=20, metavar="N", help="classes to list (default: 20)")
    _changes(parser)


def _indicators(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What to watch for: what seeing a move, or reaching a level, by a day says of an ending that is still open.\n"
        "Counted in sampled histories over the priors; with --engine exact worked out at the stated values, without\n"
        "--draws, --runs, --times-seen and lead times. What forcing a move does (--doing) is exact where that fits.\n"
        "A sign is told if the 95% interval of its likelihood ratio leaves out 1."
    )
    _path(parser)
    _question(parser, "--engine", "--seed")
    text = "an ending or question:ID to watch for (default: the first ending)"
    parser.add_argument("--ending", action="append", metavar="NAME", help=text)
    parser.add_argument("--day", type=float, metavar="DAYS", help="looked by (default: 14 days)")
    parser.add_argument("--times-seen", type=whole(1), default=1, metavar="N", help="sightings that make an alarm")
    parser.add_argument("--draws", type=whole(0), default=500, metavar="N", help="of the assumptions (default: 500)")
    text = "histories of each draw (default: 20,000 in all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    parser.add_argument("--doing", type=whole(0), default=5, metavar="N", help="moves to force as well (default: 5)")
    _changes(parser)


def _discover(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--engine", "--seed", measure="the first ending")
    parser.add_argument("--threshold", type=float, metavar="P", help="cases of interest (default: the upper quarter)")
    parser.add_argument(
        "--draws", type=whole(20), default=1000, metavar="N", help="of the assumptions (default: 1,000)"
    )
    text = "same-dice histories of each draw, a multiple of 8 (default: 1,000)"
    parser.add_argument("--runs", type=whole(16), default=1000, metavar="N", help=text)
    _changes(parser)


def _pool(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument(
        "--views",
        type=names,
        metavar="NAME,...",
        help="views to pool; `baseline` is the scenario as it stands (default: it and all its views)",
    )
    parser.add_argument("--weights", type=names, metavar="W,...", help="a number for each view (default: alike)")
    _question(parser, "--engine", "--draws", "--seed")
    parser.add_argument("--runs", type=whole(1), metavar="N", help=f"Monte Carlo replicates (default: {RUNS:,})")
    _set(parser.add_argument_group("changes"))


def _diff(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument("other", metavar="OTHER", nargs="?", help="another scenario (default: the same)")
    _question(parser)
    parser.add_argument("--view", metavar="NAME", help="see PATH through a view")
    parser.add_argument("--other-view", metavar="NAME", help="see OTHER through a view")
    parser.add_argument("--no-forecast", action="store_true", help="only what changed, not what it did")


def _report(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(
        parser,
        "--engine",
        "--draws",
        "--seed",
        outputs=False,
        draws=f"default: {REPORT_DRAWS}; 0: at the stated values only",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="FILE.html or FILE.md (default: report.html)",
    )
    parser.set_defaults(runs=None, threads=None, times=None, draws=REPORT_DRAWS)
    changes = parser.add_argument_group("changes")
    _view(changes)
    _interventions(changes)
    _windows(changes)


def _sweep(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the sweep")
    design = parser.add_argument_group("design: one of (with plans, none: the scenario as it stands)")
    design.add_argument("--sobol", type=whole(1), metavar="N", help="N draws of the assumptions from their priors")
    design.add_argument("--grid", action="append", default=[], metavar="NAME=V,V,...", help="values (repeatable)")
    design.add_argument("--views", type=names, metavar="NAME,...", help="`baseline` is none")
    plans, how = parser.add_argument_group("plans: the design as it stands, and under each"), OF_VARIANT
    text = "a view that only intervenes, or the path of its file; after --as it is part of that plan (repeatable)"
    plans.add_argument("--plan", metavar="NAME", type=named("plan"), help=text, **how)
    text = "name the plan that the interventions after it make; before any they are made in every point (repeatable)"
    plans.add_argument("--as", metavar="PLAN", help=text, **how)
    _question(parser, "--engine", "--seed", outputs=False)
    parser.add_argument("--seeds", type=whole(1), metavar="N", help="dice per grid point, view or plan, from --seed up")
    parser.add_argument("--runs", type=whole(1), default=1000, metavar="N", help="replicates of a point")
    parser.add_argument("--times", type=whole(1), default=1, metavar="N", help="equal steps (default: the horizon)")
    parser.add_argument("--block", type=whole(1), default=32, metavar="N", help="points in a file (default: 32)")
    parser.add_argument("--workers", type=whole(1), metavar="N", help="threads here (default: all cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help='a Dask scheduler, such as "tcp://host:8786"')
    _changes(parser, **how)


def _question(
    parser: argparse.ArgumentParser, *wanted: str, outputs: bool = True, measure: str = "every ending", draws: str = ""
) -> None:
    """Add the options that questions have in common: those `wanted`, and where the answer goes."""
    stated = f"draws from the priors ({draws or 'default: 0, at the stated values'})"
    forms = "ending:ID, question:ID, rung:LADDER=RUNG, level:VARIABLE=LEVEL or moves:ID (repeatable)"
    options: dict[str, dict[str, Any]] = {
        "--measure": {"action": "append", "metavar": "NAME", "help": f"{forms}; default: {measure}"},
        "--day": {"type": float, "metavar": "DAYS", "help": "by this day of the forecast (default: the horizon)"},
        "--engine": {"choices": ("exact", "montecarlo"), "help": "default: what suits the question"},
        "--draws": {"type": whole(0), "default": 0, "metavar": "N", "help": stated},
        "--seed": {"type": whole(0), "default": 0, "metavar": "N", "help": "of the dice and of the draws"},
    }
    for name in wanted:
        parser.add_argument(name, **options[name])
    if outputs:
        group = _adder(parser.add_argument_group("output"))
        group("--json", metavar="FILE", help="write the answer as JSON; `-`: to standard output, and nothing else")
        group("--out", type=Path, metavar="DIR", help="write figures (PNG, SVG), tables (CSV) and the JSON there")


def _lab(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Further options go to JupyterLab."
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=whole(0), metavar="N", help="port to listen at (default: a free one from 8888)")


def _adder(group: argparse._ArgumentGroup) -> Callable[..., argparse.Action]:
    return group.add_argument


def _path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="scenario folder or file, or the name of a shipped scenario")


def _view(group: argparse._ArgumentGroup, **how: Any) -> None:
    group.add_argument("--view", metavar="NAME", help="see it through a view (views/NAME.yaml beside the scenario)")
    _set(group, **how)


def _changes(parser: argparse.ArgumentParser, **how: Any) -> argparse._ArgumentGroup:
    """Add what may be asked of another world than the file's: a view, values, a horizon, interventions."""
    group = parser.add_argument_group("changes")
    _view(group, **how)
    group.add_argument("--horizon", metavar="LENGTH", help='how far to look: "30 days", or a number of days')
    _interventions(group, **how)
    return group


def _set(group: argparse._ArgumentGroup, **how: Any) -> None:
    how = {**how, "type": named("set")} if how else {"action": "append", "default": [], "dest": "values"}
    text = "another median for an assumption; its range shifts with it (repeatable)"
    group.add_argument("--set", metavar="NAME=VALUE", help=text, **how)


INTERVENTIONS = (
    ("force", FORCE, "make a move happen on a date, if its guard holds then"),
    ("repeat", REPEAT, "make a move happen on a date and ever again until another"),
    ("forbid", FORBID, "make a move impossible from a date (default: the start) until another"),
    ("delay", DELAY, "make a move impossible before a date"),
    ("policy", POLICY, "make a move happen at a rate of its own, from a date until another or while a condition holds"),
    ("pin", PIN, "set a variable on a date, once"),
    ("hold", HOLD, "set a variable and keep it there, from a date (default: the start) until another"),
    ("assume", ASSUME, "give an assumption another value, from a date until another or while a condition holds"),
)


def _interventions(group: argparse._ArgumentGroup, **how: Any) -> None:
    """Add options that share one list, because on one day interventions act in the order given."""
    how = how or {"action": "append", "default": [], "dest": "interventions"}
    for name, form, text in INTERVENTIONS:
        group.add_argument(f"--{name}", metavar=form, type=named(name), help=f"{text} (repeatable)", **how)


def _windows(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--ignore-windows", action="store_true", help="leave calendar windows out: always open")
