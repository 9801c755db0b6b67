"""`simlib diff`: what changed between two scenarios or views, and what that did."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, too_large
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import tell
from simlib.cli.output.progress import Task

if TYPE_CHECKING:
    pass


def execute(arguments: Request) -> int:
    """What changed between two scenarios or views, and what that did."""
    from simlib.analysis.scenario_diff import diff as asked
    from simlib.scenario.loader import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        try:
            result = asked(
                before, after, forecast=not arguments.no_forecast, progress=task.report, cancel=task.cancelled
            )
        except DOES_NOT_FIT as error:
            world.note(f"what that does to the forecast is not shown: {too_large(error)}")
            result = asked(before, after, forecast=False)
    return tell(arguments, {"diff": result}, partial(figures.diff, result))
