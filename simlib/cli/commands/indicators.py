"""`simlib indicators`: what to watch for: what seeing a move or a level by a day says of an ending."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.options import limits, world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import heading, requested_scenario, tell
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators


def execute(arguments: Request) -> int:
    """What to watch for: what seeing a move or a level by a day says of an ending."""
    from simlib.analysis.indicators.result import indicators as asked
    from simlib.analysis.indicators.result import of_every_ending
    from simlib.machine.measures import find

    scenario = requested_scenario(arguments)
    results: dict[str, Indicators] = {}
    day, every = limits.look_by(arguments, scenario), list(scenario.endings)
    engine = arguments.engine or "montecarlo"
    for ending in [measure.of for measure in find(scenario, arguments.measure)] if arguments.measure else every[:1]:
        with Task(f"watching for {ending}") as task:
            results[f"indicators-{ending}"] = asked(
                scenario,
                ending,
                day=day,
                times_seen=arguments.times_seen,
                draws=arguments.draws,
                runs=arguments.runs,
                seed=arguments.seed,
                doing=arguments.doing,
                engine=engine,
                progress=task.report,
                cancel=task.cancelled,
            )
    if any(found.details.get("doing_engine", "exact") != "exact" for found in results.values()):
        world.note(
            "too many states for the exact engine; what forcing a move adds is counted in histories under the same dice"
        )
    of_all = list(results.values())
    if arguments.out is not None and not arguments.measure and len(every) > 1:
        with Task("watching for every ending") as task:
            if engine == "exact":
                of_all = [asked(scenario, name, day=day, engine=engine, cancel=task.cancelled) for name in every]
            else:
                of_all = of_every_ending(
                    scenario,
                    day=day,
                    times_seen=arguments.times_seen,
                    draws=arguments.draws,
                    runs=arguments.runs,
                    seed=arguments.seed,
                    progress=task.report,
                    cancel=task.cancelled,
                )
    draws = arguments.draws if engine == "montecarlo" else 0
    counted = next(iter(results.values())).details.get("histories", 0) // max(draws, 1)
    made = how_made({"engine": engine, "draws": draws, "runs": counted, "seed": arguments.seed}, "histories")
    return tell(
        arguments,
        results,
        partial(figures.indicators, list(results.values()), of_all),
        chain.from_iterable(map(listings.watched, results.values())),
        head=heading(arguments, scenario, made),
    )
