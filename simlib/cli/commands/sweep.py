"""`simlib sweep`: forecasts for many sets of inputs, written to a folder of Parquet files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simlib.cli.options import world
from simlib.cli.options.plans import requested_plans, shared_out
from simlib.cli.options.request import Request
from simlib.cli.options.variants import BASELINE, requested_worlds
from simlib.cli.output.progress import Task
from simlib.errors import Problem, ScenarioError, refuse

if TYPE_CHECKING:
    from simlib.sweep import SweepDesign


def execute(arguments: Request) -> int:
    """Write the forecasts of a sweep to a folder of Parquet files, and return 1 if any failed.

    The forecasts differ in assumption values, views (named sets of changes) or plans (named sets of interventions).
    """
    from simlib import sweep as sweeping

    arguments = shared_out(arguments)
    refuse(_refused(arguments))
    design = _design(arguments)
    with Task(f"sweeping {len(design)} points") as task:
        report = sweeping.run(
            design,
            arguments.target,
            engine=arguments.engine,
            runs=arguments.runs,
            times=arguments.times,
            workers=arguments.scheduler or arguments.workers,
            block=arguments.block,
            control=task.control,
        )
    sys.stdout.write("".join(f"{line}\n" for line in report.sentences()))
    return 1 if report.failed else 0


def _refused(arguments: Request) -> Iterator[Problem]:
    designs = [name for name in ("sobol", "grid", "views") if getattr(arguments, name)]
    if len(designs) > 1 or not (designs or arguments.plans):
        expected = "expected exactly one of --sobol, --grid and --views, or only plans"
        yield Problem("", 0, "sweep", f"{len(designs)} designs are given", expected)
    if arguments.views and arguments.view:
        what = "it cannot be used with --views"
        yield Problem("", 0, "--view", what, f"expected {arguments.view!r} among --views, or --view left out")
    if arguments.sobol and arguments.seeds is not None:
        yield Problem(
            "", 0, "--seeds", "--sobol uses the same random numbers for all its draws", "expected --seed, or more draws"
        )


def _design(arguments: Request) -> SweepDesign:
    plans = requested_plans(arguments) if arguments.plans else {}
    design = _plain_design(arguments)
    return design.cross(plans) if plans else design


def _plain_design(arguments: Request) -> SweepDesign:
    from simlib import sweep as sweeping

    seeds = range(arguments.seed, arguments.seed + (arguments.seeds or 1))
    if arguments.views:
        return sweeping.views_design(requested_worlds(arguments, arguments.views), seeds=seeds)
    scenario = world.changed(arguments, world.stated(arguments))
    if arguments.sobol:
        return sweeping.sobol_design(scenario, arguments.sobol, seed=arguments.seed, replicate_seed=arguments.seed)
    if arguments.grid:
        return sweeping.grid_design(scenario, dict(map(_axis, arguments.grid)), seeds=seeds)
    return sweeping.views_design({arguments.view or BASELINE: scenario}, seeds=seeds)


def _axis(text: str) -> tuple[str, list[str]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise ScenarioError(Problem("", 0, "--grid", f"{text!r} cannot be read", 'expected "NAME=VALUE,VALUE,..."'))
    return name.strip(), [value.strip() for value in values.split(",")]
