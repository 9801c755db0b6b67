"""`simlib indicators`: what to watch for: how seeing a move or a level by a day changes a probability."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from simlib.cli.options import world
from simlib.cli.output import figures
from simlib.cli.output import listings as listing
from simlib.cli.output.answers import asked_world, heading, made_by, tell
from simlib.cli.output.progress import Task
from simlib.control import Control

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators


def execute(arguments: Namespace) -> int:
    """Print which moves and levels, seen by a day, are signs of an ending or a question."""
    from simlib.analysis.indicators.watch_list import indicators, indicators_of_endings

    scenario = asked_world(arguments)
    engine = arguments.engine or "auto"
    counting = {"draws": arguments.draws, "runs": arguments.runs, "seed": arguments.seed}
    options: dict[str, Any] = {"look_by": arguments.day, "times_seen": arguments.times_seen}
    results: dict[str, Indicators] = {}
    for name in arguments.ending or (None,):
        with Task(f"watching for {name or scenario.title}") as task:
            control = Control(task.report, task.cancelled)
            result = indicators(scenario, name, **options, **counting, engine=engine, control=control.part(0, 0.8))
            result = result.with_forcing(arguments.doing, control=control.part(0.8, 1))
        results[f"indicators-{result.measure.of}"] = result
    first = next(iter(results.values()))
    if any(result.provenance.get("doing_engine", "exact") != "exact" for result in results.values()):
        world.note("what forcing a move adds is counted in pairs of histories under common random numbers")
    of_all = list(results.values())
    if arguments.out is not None and not arguments.ending and len(scenario.endings) > 1:
        with Task("watching for every ending") as task:
            control = Control(task.report, task.cancelled)
            if first.exact:
                of_all = [indicators(scenario, f"ending:{e}", **options, engine="exact") for e in scenario.endings]
            else:
                of_all = indicators_of_endings(scenario, **options, **counting, control=control)
    draws, counted = first.provenance["draws"], f"{first.provenance.get('histories', 0):,} histories"
    return tell(
        arguments,
        results,
        partial(figures.indicators, list(results.values()), of_all),
        chain.from_iterable(map(listing.watched, results.values())),
        head=heading(
            arguments, scenario, made_by(first.provenance["engine"], draws=draws, played=counted, seed=arguments.seed)
        ),
    )
