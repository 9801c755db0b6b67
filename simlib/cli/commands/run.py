"""`simlib run`: forecast a scenario, print the answer and write the requested files."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.arguments import DEFAULT_RUNS
from simlib.cli.commands.engine_choice import either
from simlib.cli.commands.subject import AskedScenario, requested
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output.answers import write_json
from simlib.cli.output.files import write_all, written
from simlib.cli.output.forecast_text import Computed
from simlib.cli.output.progress import Task
from simlib.control import Control
from simlib.errors import Problem, ScenarioError
from simlib.machine.report_times import daily_steps
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.scenario.loader import Stream

VIEW_NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""The pattern of the name of a view (a named set of changes)."""


def execute(arguments: Request) -> int:
    """Forecast a scenario, print the answer, and write the requested files."""
    base, subject = world.stated(arguments), requested(arguments)
    _note_idle_options(arguments)
    if arguments.save_view is not None:
        save_changes(arguments.path, world.changed(arguments, base), arguments.save_view)
    computed = compute(subject, arguments)
    if arguments.json != "-":
        from simlib.cli.output.forecast_text import report

        sys.stdout.write(report(computed, base, top=arguments.top, chosen=arguments.engine in (None, "auto")))
    _write(computed, arguments)
    return 0


def save_changes(path: str | Stream, changed: Scenario, name: str) -> None:
    """Save the changes to a scenario as a view in the scenario's folder.

    Raises ScenarioError if the view exists already (an existing view is never replaced), if `name` is not a valid name,
    or if the scenario has no folder.
    """
    from simlib.scenario.loader import VIEWS, load
    from simlib.scenario.scalars import Refusal, read_name
    from simlib.scenario.views.variation import view_of
    from simlib.scenario.writer import save_view

    base = load(path)
    file = Path(base.path, VIEWS, f"{name}.yaml")
    try:
        read_name(name)
        if not base.path:
            raise Refusal("a scenario from a pipe has no folder for views", "expected the scenario as a file")
        if not VIEW_NAME_PATTERN.fullmatch(name):
            raise Refusal(f"{name!r} is no name", "expected a letter, then letters, digits, hyphens or underscores")
        save_view(base, view_of(base, changed, id=name, title=name), file, new=True)
    except FileExistsError:
        raise ScenarioError(
            Problem("", 0, "--save-view", f"there is a view {name!r} already", "expected another name")
        ) from None
    except Refusal as refusal:
        raise ScenarioError(Problem("", 0, "--save-view", refusal.what, refusal.expected)) from None
    sys.stderr.write(f"written: {file}\n")


def compute(subject: AskedScenario, arguments: Request) -> Computed:
    """Compute the forecast that the options ask for.

    Raises TooManyStates, Cancelled and any other error of the engine.
    """
    return either(partial(_compute, subject, arguments), arguments.engine or "exact")


def _compute(subject: AskedScenario, arguments: Request, engine: Any) -> Computed:
    scenario, draws = subject.scenario, subject.draws(arguments.draws)
    options: dict[str, Any] = {
        "times": arguments.times or daily_steps(scenario.horizon_days),
        "ignore_windows": arguments.ignore_windows,
    }
    with Task(f"{'solving' if engine == 'exact' else 'simulating'} {scenario.id}") as task:
        options["control"] = Control(task.report, task.cancelled, arguments.threads)
        if draws:
            from simlib.engines.ensemble import over_priors

            sampling: dict[str, Any] = {"draws": draws, "runs": arguments.runs, "seed": arguments.seed}
            ensemble = over_priors(scenario, engine=engine, **sampling, **options)
            return Computed(scenario, ensemble.mixture(), ensemble)
        if engine == "exact":
            from simlib.engines.ensemble import forecast

            return Computed(scenario, forecast(scenario, engine="exact", **options))
        from simlib.engines.montecarlo.simulator import simulate

        return Computed(
            scenario, simulate(scenario, runs=arguments.runs or DEFAULT_RUNS, seed=arguments.seed, **options)
        )


def _note_idle_options(arguments: Request) -> None:
    if arguments.engine in (None, "exact") and arguments.runs is not None:
        world.note("--runs is for --engine montecarlo; the exact engine has no replicates")


def _write(computed: Computed, arguments: Request) -> None:
    if arguments.out is not None:
        with Task("drawing") as task:
            names = write_all(computed.forecast, computed.draws, arguments.out, task)
        sys.stderr.write(written(arguments.out, names))
    if arguments.json is not None:
        write_json(computed.forecast.stored(), arguments.json)
