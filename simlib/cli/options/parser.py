"""The options of every command, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from simlib.cli.options import help_texts
from simlib.cli.options.readers import MOST, OF_VARIANT, change, date, day, name, names, whole, whole_numbers
from simlib.cli.options.request import Request, frozen
from simlib.scenario.views.forms import FORMS

RUNS = 10_000
"""Replicates of a Monte Carlo forecast, all draws together, unless --runs says otherwise."""

TOP = 12
"""Moves that `run` lists, unless --top says otherwise."""

SEED = "seed of the random numbers and of the draws (default: 0)"
TABLES = "tables (CSV, in UTF-8 with a byte order mark)"

REPORT_DRAWS = 512
"""Draws from the priors behind a report, unless --draws says otherwise."""


def parse(argv: Sequence[str] | None) -> Request:
    """Read a command line.

    Raises SystemExit, as argparse does, for help and for what cannot be read.
    """
    parser = build()
    namespace, rest = parser.parse_known_args(argv)
    if rest and namespace.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    request = frozen(namespace, jupyter=rest)
    if request.seed + (request.seeds or 1) - 1 > MOST:
        parser.error(f"argument --seeds: the last seed would be above {MOST:,}")
    return request


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong and where to read more."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    from simlib import __version__

    parser = Parser(
        prog="simlib",
        description=help_texts.ABOUT,
        epilog=help_texts.EXAMPLES,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"simlib {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an unexpected error comes from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _check(_command(commands, "check", "find what is wrong with a scenario and its views, and warn of likely mistakes"))
    _explain(_command(commands, "explain", "say every move, assumption and ending in a sentence"))
    _run(
        _command(
            commands,
            "run",
            "forecast endings, questions, ladder and moves by date",
            help_texts.RUN_ABOUT,
            help_texts.RUN_EXAMPLES,
        )
    )
    _export(_command(commands, "export", "write the scenario for another tool (PRISM, Storm)"))
    _compare(
        _command(
            commands,
            "compare",
            "what if: compare the scenario with its views, interventions or other values",
            epilog=help_texts.COMPARE_EXAMPLES,
        )
    )
    _drivers(_command(commands, "drivers", "what drives it: which assumptions move the answer most"))
    _uncertainty(
        _command(
            commands,
            "uncertainty",
            "how sure: how much is due to the assumptions and to chance, and what to find out next",
        )
    )
    _paths(_command(commands, "paths", "by which path: the most probable sequences of rungs"))
    _indicators(_command(commands, "indicators", "what to watch for: which moves and levels are signs of an ending"))
    _discover(_command(commands, "discover", "under which assumptions an answer is high, as bounds on their values"))
    _pool(
        _command(
            commands,
            "pool",
            "several views as one forecast, and where they disagree",
            help_texts.POOL_ABOUT,
            help_texts.POOL_EXAMPLES,
        )
    )
    _diff(_command(commands, "diff", "what changed between two scenarios or views, and what that does to the forecast"))
    _report(_command(commands, "report", "write one page to hand on: answer, drivers, watch list, assumptions"))
    brief = "compute many points (draws, a grid, views, plans) into Parquet files"
    _sweep(_command(commands, "sweep", brief, help_texts.SWEEP_ABOUT, help_texts.SWEEP_EXAMPLES))
    _update(_command(commands, "update", "what a log of events says, and what the forecast is after it"))
    _learn(_command(commands, "learn", "what a log of events teaches about the assumptions: prior and posterior"))
    _register(_command(commands, "register", "write forecasts down with their rules, before the answer is known"))
    _resolve(_command(commands, "resolve", "write down how a registered forecast was settled"))
    _score(_command(commands, "score", "how good the registered forecasts were, beside their rivals"))
    _backtest(_command(commands, "backtest", "how good the forecasts of a past crisis would have been, day by day"))
    _data(_command(commands, "data", "read a file of event data, and write it as the log of a scenario"))
    _rates(_command(commands, "rates", "how often something happened in past crises, from a file of event data"))
    _lab(_command(commands, "lab", "open JupyterLab on the notebooks"))
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
        "Load a scenario and all its views. Each problem is a line `file:line: where: what; what was expected`, and\n"
        "the exit code is 2. Without problems, the command solves the scenario and warns of what is allowed but\n"
        'probably a mistake. It prints each stated "p within T" beside what the model implies for it. If the scenario\n'
        "names a reference class, it prints the implied rates beside the base rates of past crises."
    )
    _path(parser)
    parser.add_argument("--quick", action="store_true", help="only read the files; give no warnings")
    parser.add_argument(
        "--priors",
        action="store_true",
        help="show the mean and the percentiles that low, value and high of each assumption imply",
    )


def _explain(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _view(parser.add_argument_group("changes"))


def _run(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    engine = _adder(parser.add_argument_group("engine"))
    which = "default: exact; with too many states for it, nothing is computed"
    engine("--engine", choices=("exact", "montecarlo"), help=which)
    engine(
        "--runs",
        type=whole(1),
        metavar="N",
        help=f"Monte Carlo replicates, of each draw with --draws (default: {RUNS:,} in all)",
    )
    engine("--seed", type=whole(0), default=0, metavar="N", help=SEED)
    engine(
        "--threads", type=whole(1), metavar="N", help="default: as many as help; the answer is the same on any number"
    )
    what = "draws of the assumptions from their priors; 0 (default): only the stated values"
    engine("--draws", type=whole(0), default=0, metavar="N", help=what)
    changes = _changes(parser)
    _windows(changes)
    text = "save the changes, with those of --view, as the view NAME: views/NAME.yaml beside the scenario"
    changes.add_argument("--save-view", type=name, metavar="NAME", help=text)
    output = _adder(parser.add_argument_group("output"))
    output("--times", type=whole(1), metavar="N", help="report at N equal steps (default: about daily)")
    output("--top", type=whole(0), default=TOP, metavar="N", help=f"moves to list; 0: all (default: {TOP})")
    _outputs(output, "forecast")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write <id>.sm, a continuous-time Markov chain in the PRISM language, time in days, at the stated values.\n"
        "Labels are the endings (hyphens as underscores) and the questions about states. Where the start is spread,\n"
        "<id>.start.json lists the combinations of the start_ constants with their weights: check each and sum.\n"
        "PRISM has no calendar windows, no moves on a date and no interventions: these are refused with the reason."
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
        "pairs of histories under common random numbers, of each draw with --draws; 0: none (default: 10,000 in all\n"
    )
    text += "beside an exact answer, else 100,000)"
    parser.add_argument("--runs", type=whole(0), metavar="N", help=text)
    parser.add_argument("--view", metavar="NAME", type=name, help="use this view of the scenario as the baseline")
    text = "add each variant to those before it"
    parser.add_argument("--cumulative", action="store_true", help=text)
    changes = parser.add_argument_group("changes: together they make one variant, or one for each --as")
    how = OF_VARIANT
    changes.add_argument(
        "--as", type=name, metavar="VARIANT", help="name the variant that the next changes make (repeatable)", **how
    )
    text = "a view: a variant of its own, or after --as a part of that variant (repeatable)"
    changes.add_argument("--with-view", metavar="NAME", type=change("view"), help=text, **how)
    _set(changes, **how)
    _interventions(changes, **how)


def _drivers(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--by", "--engine", "--seed")
    parser.add_argument("--top", type=whole(1), default=10, metavar="N", help="assumptions per answer (default: 10)")
    parser.add_argument(
        "--sobol",
        action="store_true",
        help="also say which assumptions cause the spread (Sobol indices; takes minutes)",
    )
    _changes(parser)


def _uncertainty(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--by", "--engine", "--seed")
    parser.add_argument(
        "--draws", type=whole(0), default=0, metavar="N", help="draws from the priors (default: 0, as many as needed)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="POINTS",
        help="draw until each quantile is known to so many percentage points (default: 2)",
    )
    parser.add_argument("--most-draws", type=whole(1), metavar="N", help="draw no more than these (default: 1,024)")
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
        help="also rank what could be observed by this day (a date, or days after the start) by its value",
    )
    _changes(parser)


def _paths(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--engine", "--seed")
    text = "histories for the times between rungs, and for everything by Monte Carlo (default: 5,000)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    parser.add_argument(
        "--ladder", type=name, metavar="NAME", help="the ladder whose rungs make a path (default: the first)"
    )
    parser.add_argument("--over", type=name, metavar="VARIABLE", help="make paths of the levels of a variable instead")
    text = "only the paths to this ending (ending:ID; alone: the ending that leads), as shares of it"
    parser.add_argument("--given", type=name, metavar="MEASURE", nargs="?", const="", help=text)
    parser.add_argument(
        "--passages", action="store_true", help="with --given: what share of the histories passes each rung and move"
    )
    parser.add_argument("--top", type=whole(1), default=20, metavar="N", help="paths to list (default: 20)")
    _changes(parser)


def _indicators(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What to watch for: how seeing a move or a level by a day changes the probability of an ending or a question.\n"
        "It is counted in sampled histories over the priors. With --engine exact, or --draws 0 where the states fit,\n"
        "it is computed at the stated values, without --runs, --times-seen and lead times. The effect of forcing a\n"
        "move (--doing) is exact where the states fit. A sign is reported if the 95% interval of its likelihood ratio\n"
        "does not include 1."
    )
    _path(parser)
    _question(parser, "--measure", "--engine", "--seed")
    parser.add_argument(
        "--look-by",
        type=day,
        metavar="DAY",
        help="watch up to this day: a date, or days after the start (default: 14 days)",
    )
    parser.add_argument(
        "--times-seen",
        type=whole(1),
        default=1,
        metavar="N",
        help="how often a move must be seen to count (default: 1)",
    )
    parser.add_argument(
        "--draws", type=whole(0), default=500, metavar="N", help="draws of the assumptions (default: 500)"
    )
    text = "histories of each draw (default: 20,000 in all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    parser.add_argument(
        "--doing",
        type=whole(0),
        default=5,
        metavar="N",
        help="for how many moves to compute the effect of forcing them (default: 5)",
    )
    _changes(parser)


def _discover(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    _question(parser, "--measure", "--engine", "--seed")
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="draws whose answer is at least P count as high (default: the upper quarter)",
    )
    parser.add_argument(
        "--draws", type=whole(20), default=1000, metavar="N", help="draws of the assumptions (default: 1,000)"
    )
    text = "histories of each draw under common random numbers, a multiple of 8 (default: 1,000)"
    parser.add_argument("--runs", type=whole(16), default=1000, metavar="N", help=text)
    _changes(parser)


def _pool(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument(
        "--views",
        type=names,
        metavar="NAME,...",
        help="views to pool; `baseline` is the scenario without a view (default: it and all its views)",
    )
    parser.add_argument("--weights", type=names, metavar="W,...", help="a number for each view (default: equal)")
    _question(parser, "--engine", "--draws", "--seed")
    text = f"Monte Carlo replicates, of each draw with --draws (default: {RUNS:,} in all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=text)
    _set(parser.add_argument_group("changes"))


def _diff(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument("other", metavar="OTHER", nargs="?", help="another scenario (default: the same)")
    _question(parser)
    parser.add_argument("--view", type=name, metavar="NAME", help="the view of PATH")
    parser.add_argument("--other-view", type=name, metavar="NAME", help="the view of OTHER")
    parser.add_argument(
        "--no-forecast", action="store_true", help="only what changed, not what that does to the forecast"
    )


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
    add = _adder(parser)
    add("--json", metavar="FILE", help="also write the forecast as JSON, for --since of a later report (- prints it)")
    add("--since", metavar="FILE", help="say what has changed since this earlier forecast (its JSON)")
    add("--events", metavar="FILE", help="further events for the scenario's log; report from where all leave the world")
    text = "the date of the report; what was public before it counts (default: that of the scenario)"
    add("--as-of", type=date, metavar="DATE", help=text)
    parser.set_defaults(draws=REPORT_DRAWS)
    changes = parser.add_argument_group("changes")
    _view(changes)
    _interventions(changes)
    _windows(changes)


def _sweep(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the sweep")
    design = parser.add_argument_group("points: one of these, or none with plans")
    design.add_argument("--sobol", type=whole(1), metavar="N", help="N draws of the assumptions from their priors")
    design.add_argument(
        "--grid", action="append", default=[], metavar="NAME=V,V,...", help="values of an assumption (repeatable)"
    )
    design.add_argument(
        "--views", type=names, metavar="NAME,...", help="views; `baseline` is the scenario without a view"
    )
    plans, how = parser.add_argument_group("plans: each point without a plan, and under each plan"), OF_VARIANT
    text = "a view that only intervenes, or the path of its file; after --as a part of that plan (repeatable)"
    plans.add_argument("--plan", metavar="NAME", type=change("plan"), help=text, **how)
    text = "name the plan that the next interventions make; those before any --as are in every point (repeatable)"
    plans.add_argument("--as", type=name, metavar="PLAN", help=text, **how)
    _question(parser, "--engine", "--seed", outputs=False)
    parser.add_argument(
        "--seeds", type=whole(1), metavar="N", help="seeds per grid point, view or plan, from --seed up (default: 1)"
    )
    parser.add_argument(
        "--runs", type=whole(1), default=1000, metavar="N", help="replicates of a point (default: 1,000)"
    )
    parser.add_argument(
        "--times", type=whole(1), default=1, metavar="N", help="report at N equal steps (default: 1, at the horizon)"
    )
    parser.add_argument("--block", type=whole(1), default=32, metavar="N", help="points in a file (default: 32)")
    parser.add_argument("--workers", type=whole(1), metavar="N", help="threads on this machine (default: all cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help='a Dask scheduler, such as "tcp://host:8786"')
    _changes(parser, **how)


def _update(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Take in a log of dated events, and forecast from where it leaves the world. The scenario is never rewritten.\n"
        "Its section `evidence` says which moves the log would show and what its rows mean. Rows that mean nothing\n"
        "here are counted. --rows lists every row, with what it did to one forecast: time without it, the state, the\n"
        "assumptions."
    )
    _path(parser)
    add = _adder(parser)
    _log_options(add, 200)
    text = "the log says in which state the world is, and teaches nothing about the assumptions"
    add("--no-learn", action="store_true", help=text)
    add("--rows", action="store_true", help="say what each row did to one forecast, and what became of every row")
    text = "also forecast on each date of the log, with what was known by then"
    add("--series", choices=("daily", "weekly", "monthly"), help=text)
    text = "what the rows and the series are about (default: the headline)"
    add("--measure", action="append", default=[], type=name, metavar="NAME", help=text)
    _outputs(_adder(parser.add_argument_group("output")), "answer")


def _log_options(add: Any, draws: int) -> None:
    """Add what every command has that takes in a log."""
    add("--events", metavar="FILE", help="further events, added to events.csv beside the scenario")
    text = "the date of the new forecast; only what was public before it counts (default: that of the scenario)"
    add("--as-of", type=date, metavar="DATE", help=text)
    add("--draws", type=whole(2), default=draws, metavar="N", help=f"draws of the assumptions (default: {draws})")
    add("--seed", type=whole(0), default=0, metavar="N", help=SEED)
    add("--skip-impossible", action="store_true", help="leave out rows that the scenario cannot explain, and list them")
    text = "save what the log taught as the view NAME: views/NAME.yaml beside the scenario, which is never rewritten"
    add("--save-view", type=name, metavar="NAME", help=text)


def _learn(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Take in a log of dated events, and say what it teaches about each assumption. Numbers that were set from the\n"
        "same log (uses_log_until) are not taught again. What the log cannot teach keeps its prior, and is said to."
    )
    _path(parser)
    _log_options(_adder(parser), 1000)
    _outputs(_adder(parser.add_argument_group("output")), "answer")


def _register(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Forecast the questions of a scenario over the priors. Add them to forecasts/registry.jsonl in its folder.\n"
        "forecasts/terms.csv must give each question a void rule and a base rate. Each record holds the hash of the\n"
        "one before it, so that no record can be changed unnoticed."
    )
    _path(parser)
    add = _adder(parser)
    add("--question", type=names, default=[], metavar="ID,...", help="questions to register (default: all with terms)")
    add("--draws", type=whole(2), default=512, metavar="N", help="draws of the assumptions (default: 512)")
    add("--engine", choices=("exact", "montecarlo"), help="default: exact where the states fit")
    add("--seed", type=whole(0), default=0, metavar="N", help=SEED)
    text = "register nothing: write the questions with their rules as Markdown, to post on a forecasting site"
    add("--questions-to", type=Path, metavar="FILE", help=text)


def _data(parser: argparse.ArgumentParser) -> None:
    add = _adder(parser)
    add("path", metavar="FILE", help="a file of MID, ICB, ICBe, GDELT, ICEWS, ACLED or UCDP")
    text = "actors who deal with each other, as the file writes them; one actor: all that it does"
    add("--actors", type=names, default=[], metavar="NAME,...", help=text)
    add("--from", dest="first", type=date, metavar="DATE", help="first day (default: all)")
    add("--until", dest="last", type=date, metavar="DATE", help="last day (default: all)")
    add("--to", dest="log", type=Path, metavar="FILE", help="write the rows as a new log, such as events.csv")


def _rates(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Read a file of event data (MID, ICB, ICBe, GDELT, ICEWS, ACLED, UCDP). Count an event in a class of cases.\n"
        "The rates say how soon the event first came after the onset, and how far a new case may differ. The answer\n"
        "ends with an assumption to paste into a scenario. A selection is COLUMN=VALUE|VALUE,COLUMN=VALUE with the\n"
        "columns case, actor, target, code, category and source."
    )
    add = _adder(parser)
    add("path", metavar="FILE", help="the file of event data")
    add("--event", required=True, metavar="SELECTION", help='the event, such as "category=strike"')
    add("--class", dest="crisis_class", default="", metavar="SELECTION", help="cases with such a row (default: all)")
    add("--clock", action="store_true", help="fit hot, warm and quiet spells to the days with the event as well")
    _outputs(_adder(parser.add_argument_group("output")), "answer")


def _resolve(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    add = _adder(parser)
    add("number", type=whole(1), metavar="NUMBER", help="the forecast, as `score` numbers it")
    add("verdict", choices=("yes", "no", "void"), help="how it was settled")
    add("--on", type=date, required=True, metavar="DATE", help="the day on which the answer was known")
    add("--source", required=True, metavar="TEXT", help="who settled it, from which report")
    add("--correction", action="store_true", help="an earlier resolution was wrong; both stay in the registry")


def _score(parser: argparse.ArgumentParser) -> None:
    _path(parser)
    add = _adder(parser)
    add("--receipt", metavar="HASH", help="check that the registry still holds the record with this hash")
    add("--page", type=Path, metavar="FILE", help="write the registry as one HTML page")
    _outputs(_adder(parser.add_argument_group("output")), "answer")


def _backtest(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Forecast each question on each day of a past crisis, from the log that was public by then. Score the\n"
        "forecasts by what happened, beside the base rate, a constant hazard, and a copy of the first forecast that\n"
        "is never updated. The folder needs record.toml (what happened) and forecasts/terms.csv (the base rates)."
    )
    _path(parser)
    add = _adder(parser)
    add("--events", metavar="FILE", help="the log (default: events.csv and later.csv beside the scenario)")
    text = "days ahead (default: 3,7,14,30); the end of the horizon is asked about too"
    add("--horizons", type=whole_numbers, default=[], metavar="N,...", help=text)
    add("--every", type=whole(1), default=1, metavar="N", help="days between the forecasts (default: 1)")
    text = "draws of the assumptions (default: 32, and 512 with --learn)"
    add("--draws", type=whole(2), default=0, metavar="N", help=text)
    add("--learn", action="store_true", help="the log also teaches the assumptions; this takes seconds a day")
    add("--seed", type=whole(0), default=0, metavar="N", help=SEED)
    add("--skip-impossible", action="store_true", help="leave out rows that the scenario cannot explain")
    _outputs(_adder(parser.add_argument_group("output")), "answer")


def _question(
    parser: argparse.ArgumentParser, *wanted: str, outputs: bool = True, measure: str = "the headline", draws: str = ""
) -> None:
    """Add the options that questions have in common: those `wanted`, and where the answer goes."""
    stated = f"draws from the priors ({draws or 'default: 0, at the stated values'})"
    forms = (
        "ending:ID, question:ID, rung:LADDER=RUNG, level:VARIABLE=LEVEL, moves:ID, impact:ID, fired:MOVE, "
        "reached:VARIABLE=LEVEL, days:VARIABLE=LEVEL or EVENT|CONDITION@DATE (repeatable)"
    )
    options: dict[str, dict[str, Any]] = {
        "--measure": {
            "action": "append",
            "default": [],
            "type": name,
            "metavar": "NAME",
            "help": f"{forms}; default: {measure}",
        },
        "--by": {"type": day, "metavar": "DAY", "help": "a date, or days after the start (default: the horizon)"},
        "--engine": {"choices": ("exact", "montecarlo"), "help": "default: exact where the states fit"},
        "--draws": {"type": whole(0), "default": 0, "metavar": "N", "help": stated},
        "--seed": {"type": whole(0), "default": 0, "metavar": "N", "help": SEED},
    }
    for option in wanted:
        parser.add_argument(option, **options[option])
    if outputs:
        _outputs(_adder(parser.add_argument_group("output")), "answer")


def _outputs(output: Callable[..., argparse.Action], answer: str) -> None:
    output("--json", metavar="FILE", help=f"write the {answer} as JSON; `-`: to standard output, and nothing else")
    output("--out", type=Path, metavar="DIR", help=f"write figures (PNG, SVG), {TABLES} and the {answer} as JSON there")


def _lab(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Further options go to JupyterLab."
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=whole(0), metavar="N", help="port of the server (default: a free one from 8888)")


def _adder(group: argparse._ActionsContainer) -> Callable[..., argparse.Action]:
    return group.add_argument


def _path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", help="scenario folder or file, the name of a shipped scenario, or `-`")


def _view(group: argparse._ArgumentGroup, **how: Any) -> None:
    group.add_argument(
        "--view", type=name, metavar="NAME", help="use a view of the scenario (views/NAME.yaml beside it)"
    )
    _set(group, **how)


def _changes(parser: argparse.ArgumentParser, **how: Any) -> argparse._ArgumentGroup:
    """Add the options that change the scenario: a view, values, a horizon, interventions."""
    group = parser.add_argument_group("changes")
    _view(group, **how)
    group.add_argument("--horizon", metavar="LENGTH", help='how far to look: "30 days", or a number of days')
    _interventions(group, **how)
    return group


def _set(group: argparse._ArgumentGroup, **how: Any) -> None:
    how = (
        {"type": change("set"), **how} if how else {"action": "append", "default": [], "dest": "settings", "type": name}
    )
    text = "another median for an assumption; its range shifts with it (repeatable)"
    group.add_argument("--set", metavar="NAME=VALUE", help=text, **how)


def _interventions(group: argparse._ArgumentGroup, **how: Any) -> None:
    """Add options that share one list, because interventions of one day act in the order given."""
    how = how or {"action": "append", "default": [], "dest": "interventions"}
    for kind, form in FORMS.items():
        group.add_argument(
            f"--{kind}", metavar=form.text, type=change(kind), help=f"{form.purpose} (repeatable)", **how
        )


def _windows(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--ignore-windows", action="store_true", help="ignore calendar windows, as if always open")
