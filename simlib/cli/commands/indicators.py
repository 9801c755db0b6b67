"""`simlib indicators`: how a probability changes if a move or level is seen by a given day."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.subject import requested
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import heading, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators


def execute(arguments: Request) -> int:
    """Print moves and levels whose sighting changes the probability of an ending or a question."""
    from simlib.analysis.indicators.watch_list import indicators, indicators_of_endings

    subject, engine = requested(arguments), arguments.engine
    scenario = subject.scenario
    counting: dict[str, Any] = {"draws": subject.draws(arguments.draws), "runs": arguments.runs, "seed": arguments.seed}
    options: dict[str, Any] = {"look_by": arguments.look_by, "times_seen": arguments.times_seen}
    results: dict[str, Indicators] = {}
    for name in arguments.measure or (None,):
        with Task(f"watching for {name or scenario.title}") as task:
            control = task.control
            result = indicators(scenario, name, **options, **counting, engine=engine, control=control.part(0, 0.8))
            result = result.with_forcing(arguments.doing, control=control.part(0.8, 1))
        results[f"indicators-{slug(result.measure.name)}"] = result
    first = next(iter(results.values()))
    in_pairs = [result for result in results.values() if result.provenance.get("doing_engine") == "montecarlo"]
    if any(sign.if_forced for result in in_pairs for sign in result.signs):
        world.note("the effect of forcing a move is estimated from pairs of histories with common random numbers")
    of_all = list(results.values())
    if arguments.out is not None and not arguments.measure and len(scenario.endings) > 1:
        with Task("watching for every ending") as task:
            if first.exact:
                of_all = [indicators(scenario, f"ending:{e}", **options, engine="exact") for e in scenario.endings]
            else:
                of_all = indicators_of_endings(scenario, **options, **counting, control=task.control)
    return tell(
        arguments,
        results,
        partial(figures.indicators, list(results.values()), of_all),
        chain.from_iterable(map(listings.watched, results.values())),
        caption=heading(arguments, scenario, how_made(first.provenance, "histories")),
    )
