"""`simlib discover`: the ranges of the assumptions in which a chosen result is likely."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.commands.subject import requested
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import heading, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.discovery.result import Discovery


def execute(arguments: Request) -> int:
    """Print and store the ranges of the assumptions in which a chosen result is likely.

    The ranges have two forms: boxes (each with the ranges of a few assumptions), and a tree.
    """
    from simlib.analysis.discovery.scenario_discovery import discover
    from simlib.machine.priors import insist_on_uncertain

    subject = requested(arguments)
    scenario = subject.scenario
    insist_on_uncertain(scenario)
    results: dict[str, Discovery] = {}
    for measure in arguments.measure or [None]:
        with Task(f"discovering where {measure or 'the headline'} is likely") as task:
            result = discover(
                scenario,
                measure,
                threshold=arguments.threshold,
                engine=arguments.engine,
                draws=subject.draws(arguments.draws),
                runs=arguments.runs,
                seed=arguments.seed,
                control=task.control,
            )
        results[f"discovery-{slug(measure or result.measure.name)}"] = result
    method = how_made(next(iter(results.values())).provenance)
    return tell(
        arguments,
        results,
        lambda: chain.from_iterable(map(figures.discover, results.values())),
        caption=heading(arguments, scenario, method),
    )
