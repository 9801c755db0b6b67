"""`simlib report`: a brief of two pages about a forecast, and an annex."""

from __future__ import annotations

import sys
from typing import Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.commands.subject import updated
from simlib.cli.options import limits, world
from simlib.cli.options.request import Request
from simlib.cli.output.answers import by_name, write_json
from simlib.cli.output.progress import Task
from simlib.scenario.loader import load


def execute(arguments: Request) -> int:
    """Write a brief about a forecast, and if requested the JSON data of the forecast."""
    from simlib.report.writer import report_on, save_report, text_format

    text_format(arguments.target)
    base = world.stated(arguments)
    update = updated(arguments, base)
    scenario = world.changed(arguments, base) if update is None else update.scenario
    limits.check(arguments, scenario)

    def by(engine: Any) -> Any:
        with Task("writing the report") as task:
            return report_on(
                update or scenario,
                baseline=None if update is not None else load(arguments.path),
                since=arguments.since,
                engine=engine,
                draws=arguments.draws,
                seed=arguments.seed,
                ignore_windows=arguments.ignore_windows,
                control=task.control,
            )

    material = either(by, arguments.engine)
    page = save_report(material, arguments.target)
    if arguments.json != "-":
        sys.stdout.write(f"{page}\n")
    if arguments.json is not None:
        write_json(by_name({"forecast": material.forecast}), arguments.json)
    return 0
