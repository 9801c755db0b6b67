"""`simlib discover`: under which assumptions: boxes and a tree over the priors."""

from __future__ import annotations

from argparse import Namespace
from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.options import limits as numbers
from simlib.cli.output import figures
from simlib.cli.output.answers import asked_world, heading, made_by, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import Task

if TYPE_CHECKING:
    from simlib.analysis.discovery.scenario_discovery import Discovery


def execute(arguments: Namespace) -> int:
    """Under which assumptions: boxes and a tree over the priors."""
    from simlib.analysis.discovery.scenario_discovery import discover as asked

    scenario = asked_world(arguments)
    numbers.insist_on_doubt(scenario)
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
    how = next(iter(results.values())).details
    made = made_by(
        how["engine"], draws=how["draws"], played=f"{how['runs'] or 0:,} replicates", seed=how["seed"], each=True
    )
    return tell(
        arguments,
        results,
        lambda: chain.from_iterable(map(figures.discover, results.values())),
        head=heading(arguments, scenario, made),
    )
