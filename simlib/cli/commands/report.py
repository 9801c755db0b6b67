"""`simlib report`: one self-contained page to hand on."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.options import limits as numbers
from simlib.cli.options import world
from simlib.cli.output.files import refuse_targets
from simlib.cli.output.progress import Task
from simlib.control import Control


def execute(arguments: Namespace) -> int:
    """Write one self-contained page with the answer, what drives it, what to watch for and the assumptions."""
    from simlib.report import write_report
    from simlib.scenario.loader import load

    refuse_targets(arguments)
    stated = world.stated(arguments)
    scenario = world.changed(arguments, stated)
    numbers.check(arguments, scenario)

    def by(engine: Any) -> Path:
        with Task("writing the report") as task:
            return write_report(
                scenario,
                arguments.out,
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
