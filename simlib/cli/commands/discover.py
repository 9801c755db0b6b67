"""`simlib discover`: under which assumptions: boxes and a tree over the priors."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.options import limits
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import heading, requested_scenario, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.discovery.scenario_discovery import Discovery


def execute(arguments: Request) -> int:
    """Under which assumptions: boxes and a tree over the priors."""
    from simlib.analysis.discovery.scenario_discovery import discover as asked

    scenario = requested_scenario(arguments)
    limits.insist_on_uncertainty(scenario)
    results: dict[str, Discovery] = {}
    for measure in arguments.measure or [f"ending:{next(iter(scenario.endings), '')}"]:
        with Task(f"discovering where {measure} is likely") as task:
            results[f"discovery-{slug(measure)}"] = asked(
                scenario,
                measure,
                threshold=arguments.threshold,
                engine=arguments.engine or "montecarlo",
                draws=arguments.draws,
                runs=arguments.runs,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )
    return tell(
        arguments,
        results,
        lambda: chain.from_iterable(map(figures.discover, results.values())),
        head=heading(arguments, scenario, how_made(next(iter(results.values())).details)),
    )
