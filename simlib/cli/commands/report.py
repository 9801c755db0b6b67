"""`simlib report`: one self-contained page to hand on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.options import limits, world
from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.control import Control


def execute(arguments: Request) -> int:
    """Write one self-contained page with the answer, what drives it, what to watch for and the assumptions."""
    from simlib.report import write_report
    from simlib.scenario.loader import load

    stated = world.stated(arguments)
    scenario = world.changed(arguments, stated)
    limits.check(arguments, scenario)

    def by(engine: Any) -> Path:
        with Task("writing the report") as task:
            return write_report(
                scenario,
                arguments.target,
                baseline=load(arguments.path),
                reasons=world.with_reasons(stated, scenario),
                engine=engine,
                draws=arguments.draws,
                seed=arguments.seed,
                ignore_windows=arguments.ignore_windows,
                control=Control(task.report, task.cancelled, arguments.threads),
            )

    sys.stdout.write(f"{either(by, arguments.engine)}\n")
    return 0
