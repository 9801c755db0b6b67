"""`simlib report`: one self-contained page to hand on."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.options import limits, world
from simlib.cli.options.parser import RUNS
from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.scenario.model import Scenario

EACH = 500
"""Replicates of each draw by Monte Carlo, at the least."""


def execute(arguments: Request) -> int:
    """Write one self-contained page with the answer, what drives it, what to watch for and the assumptions."""
    from simlib.cli.commands.run import Answer, compute
    from simlib.report import markup as pages
    from simlib.report import page as writing
    from simlib.scenario.loader import load
    from simlib.scenario.views.variation import with_horizon
    from simlib.scenario.views.wording import what_if

    target = arguments.target
    if target.suffix not in (".html", ".md"):
        raise ScenarioError(Problem("", 0, "--out", f"{target} has no known ending", "expected .html or .md"))
    stated = world.stated(arguments)
    scenario = world.changed(arguments, stated)
    limits.check(arguments, scenario)
    draws = arguments.draws if limits.uncertain(scenario) else 0

    base = with_horizon(load(arguments.path), scenario.horizon_days)

    def by(engine: str, of: Scenario = scenario, **more: Any) -> Answer:
        runs = max(RUNS, EACH * draws) if engine == "montecarlo" else None
        return compute(of, arguments.replace(engine=engine, draws=draws, runs=runs, **more))

    answer = either(by, arguments.engine)
    with Task("asking what drives it and what to watch for") as task:
        answers = writing.ask(
            scenario,
            answer.forecast,
            draws=answer.draws,
            seed=arguments.seed,
            progress=task.report,
            cancel=task.cancelled,
        )
    changes = what_if(base, scenario, windows=not arguments.ignore_windows)
    answers = dataclasses.replace(
        answers,
        what_if=changes,
        ledger=world.with_reasons(stated, scenario),
        baseline=by(answer.forecast.engine, base, ignore_windows=False).forecast if changes else None,
    )
    pieces = list(writing.blocks(answers))
    text = pages.to_html(pieces) if target.suffix == ".html" else pages.to_markdown(pieces)
    write_atomically(target, text.encode())
    sys.stdout.write(f"{target}\n")
    return 0
