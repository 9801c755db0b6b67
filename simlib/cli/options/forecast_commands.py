"""The options of commands that forecast once, for several variants or views, or for a sweep."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from simlib.arguments import DEFAULT_RUNS, SWEEP_BLOCK, SWEEP_RUNS, Engine
from simlib.cli.options import common, help_texts
from simlib.cli.options.readers import OF_VARIANT, change, name, names, whole
from simlib.report import REPORT_DRAWS

LISTED_MOVES = 12
"""Default number of moves that `run` lists."""

_RUNS_HELP = f"number of Monte Carlo replicates, for each draw if --draws is given (default: {DEFAULT_RUNS:,} in all)"


def run(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `run` to its parser."""
    parser.description, parser.epilog = help_texts.RUN_ABOUT, help_texts.RUN_EXAMPLES
    common.add_path(parser)
    engine = parser.add_argument_group("engine").add_argument
    which = "auto is the exact engine if it can answer, else Monte Carlo (default: exact; if there are too many states "
    which += "for that engine, nothing is computed, because Monte Carlo may take long)"
    engine("--engine", choices=get_args(Engine), help=which)
    engine("--runs", type=whole(1), metavar="N", help=_RUNS_HELP)
    engine("--seed", type=whole(0), default=0, metavar="N", help=common.SEED_HELP)
    engine(
        "--threads",
        type=whole(1),
        metavar="N",
        help="number of threads (default: as many as are useful); the answer does not depend on this number",
    )
    what = "number of draws of the assumptions from their priors (default: 0, which means the stated values)"
    engine("--draws", type=whole(0), default=0, metavar="N", help=what)
    common.add_as_of(parser)
    changes = common.add_changes(parser)
    common.add_windows(changes)
    text = "save the changes, including those of --view, as views/NAME.yaml in the folder of the scenario"
    changes.add_argument("--save-view", type=name, metavar="NAME", help=text)
    output = parser.add_argument_group("output")
    output.add_argument("--times", type=whole(1), metavar="N", help="report at N equal steps (default: about daily)")
    output.add_argument(
        "--top",
        type=whole(0),
        default=LISTED_MOVES,
        metavar="N",
        help=f"number of moves to list; 0 lists all (default: {LISTED_MOVES})",
    )
    common.add_outputs(output, "forecast")


def compare(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `compare` to its parser."""
    parser.epilog = help_texts.COMPARE_EXAMPLES
    common.add_path(parser)
    common.add_question(
        parser,
        "--measure",
        "--engine",
        "--draws",
        "--seed",
        measure="every ending and question; the files also have all rungs and moves",
    )
    text = "pairs of histories with common random numbers, for each draw if --draws is given (0: none; default: 10,000 "
    text += "in all if the answer is exact, else 100,000)"
    parser.add_argument("--runs", type=whole(0), metavar="N", help=text)
    parser.add_argument("--view", metavar="NAME", type=name, help="use this view of the scenario as the baseline")
    text = "let each variant include the changes of all variants before it"
    parser.add_argument("--cumulative", action="store_true", help=text)
    common.add_as_of(parser)
    changes = parser.add_argument_group("changes: together they make one variant, unless --as divides them")
    how = OF_VARIANT
    changes.add_argument(
        "--as",
        type=name,
        metavar="VARIANT",
        help="begin a variant of this name, made by the changes that follow (repeatable)",
        **how,
    )
    text = "add a view as a variant; after --as, the view is part of the variant that --as began (repeatable)"
    changes.add_argument("--with-view", metavar="NAME", type=change("view"), help=text, **how)
    common.add_set(changes, **how)
    common.add_interventions(changes, **how)


def pool(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `pool` to its parser."""
    parser.description, parser.epilog = help_texts.POOL_ABOUT, help_texts.POOL_EXAMPLES
    common.add_path(parser)
    parser.add_argument(
        "--views",
        type=names,
        metavar="NAME,...",
        help="views to pool; `baseline` is the scenario without a view (default: `baseline` and all views)",
    )
    parser.add_argument("--weights", type=names, metavar="W,...", help="weight of each view (default: equal weights)")
    common.add_question(parser, "--engine", "--draws", "--seed")
    parser.add_argument("--runs", type=whole(1), metavar="N", help=_RUNS_HELP)
    common.add_set(parser.add_argument_group("changes"))


def report(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `report` to its parser."""
    common.add_path(parser)
    common.add_question(
        parser,
        "--engine",
        "--draws",
        "--seed",
        outputs=False,
        draws=f"default: {REPORT_DRAWS}; 0 means the stated values",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="FILE.html or FILE.md (default: report.html)",
    )
    add = parser.add_argument
    add("--json", metavar="FILE", help="also write the forecast as JSON, for --since of a later report (- prints it)")
    add("--since", metavar="FILE", help="JSON of an earlier forecast; the report says what has changed since")
    common.add_as_of(parser)
    parser.set_defaults(draws=REPORT_DRAWS)
    changes = parser.add_argument_group("changes")
    common.add_view(changes)
    common.add_interventions(changes)
    common.add_windows(changes)


def sweep(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command `sweep` to its parser."""
    parser.description, parser.epilog = help_texts.SWEEP_ABOUT, help_texts.SWEEP_EXAMPLES
    common.add_path(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the sweep")
    design = parser.add_argument_group("points: one of these, or none if there are plans")
    design.add_argument("--sobol", type=whole(1), metavar="N", help="N draws of the assumptions from their priors")
    design.add_argument(
        "--grid", action="append", default=[], metavar="NAME=V,V,...", help="values of an assumption (repeatable)"
    )
    design.add_argument(
        "--views", type=names, metavar="NAME,...", help="views; `baseline` is the scenario without a view"
    )
    plans, how = parser.add_argument_group("plans: each point is computed with each plan and with none"), OF_VARIANT
    text = "a view that has only interventions, or the path of its file; after --as, part of that plan (repeatable)"
    plans.add_argument("--plan", metavar="NAME", type=change("plan"), help=text, **how)
    text = "begin a plan of this name; interventions before the first --as apply to every point (repeatable)"
    plans.add_argument("--as", type=name, metavar="PLAN", help=text, **how)
    common.add_question(parser, "--engine", "--seed", outputs=False)
    parser.set_defaults(engine="montecarlo")
    parser.add_argument(
        "--seeds", type=whole(1), metavar="N", help="number of seeds per point and plan, from --seed on (default: 1)"
    )
    parser.add_argument(
        "--runs",
        type=whole(1),
        default=SWEEP_RUNS,
        metavar="N",
        help=f"replicates at each point (default: {SWEEP_RUNS:,})",
    )
    parser.add_argument(
        "--times", type=whole(1), default=1, metavar="N", help="report at N equal steps (default: 1, at the horizon)"
    )
    text = "points in each file (default: %(default)s)"
    parser.add_argument("--block", type=whole(1), default=SWEEP_BLOCK, metavar="N", help=text)
    parser.add_argument("--workers", type=whole(1), metavar="N", help="threads on this machine (default: all cores)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help='a Dask scheduler, such as "tcp://host:8786"')
    common.add_changes(parser, **how)
