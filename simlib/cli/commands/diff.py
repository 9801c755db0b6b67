"""`simlib diff`: the changes between two scenarios or views, and their effect on the forecast."""

from __future__ import annotations

from functools import partial

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, too_large
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import tell
from simlib.cli.output.progress import Task
from simlib.control import Control


def execute(arguments: Request) -> int:
    """What changed between two scenarios or views, and what that did."""
    from simlib.analysis.scenario_diff import diff
    from simlib.scenario.loader import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        try:
            control = Control(task.report, task.cancelled)
            result = diff(before, after, forecast=not arguments.no_forecast, control=control)
        except DOES_NOT_FIT as error:
            world.note(f"the forecasts are not compared: {too_large(error)}")
            result = diff(before, after, forecast=False)
    return tell(arguments, {"diff": result}, partial(figures.diff, result))
