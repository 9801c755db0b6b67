"""`simlib uncertainty`: how sure an answer is, and what would be worth finding out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.commands.engine_choice import DOES_NOT_FIT
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import Unspoken, heading, requested_scenario, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import StoppedWithAnswer, Task
from simlib.formatting import counted, how_made
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import begun_by

if TYPE_CHECKING:
    from simlib.analysis.uncertainty.evsi import Seeing
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.machine.measures import Measure

FAN_DRAWS, FAN_TIMES, FAN_RUNS = 100, 45, 200
"""Draws and report times of a nested fan, and replicates of a draw where the exact engine cannot."""


def execute(arguments: Request) -> int:
    """How sure: the spread over the priors, doubt and chance apart, and what would be worth finding out."""
    from simlib.analysis.uncertainty.evppi import value_of_knowing
    from simlib.analysis.uncertainty.propagation import MOST_DRAWS, QUANTILES, TOLERANCE, propagate

    scenario, measures = requested_scenario(arguments), arguments.measure or None
    with Task("carrying the priors through") as task:
        doubt = propagate(
            scenario,
            measures,
            draws=arguments.draws or None,
            by=arguments.by,
            seed=arguments.seed,
            tolerance=TOLERANCE if arguments.tolerance is None else arguments.tolerance / 100,
            most=arguments.most_draws or MOST_DRAWS,
            quantiles=sorted(set(arguments.quantile or QUANTILES)),
            engine=arguments.engine or "auto",
            keep=True,
            progress=task.report,
            cancel=task.cancelled,
        )
        stopped = task.stopped_with_an_answer()
    worths = {
        f"knowing-{slug(measure.name)}": value_of_knowing(doubt, measure.name)
        for measure in doubt.measures
        if measure.probability
    }
    fan = _fan(scenario, arguments) if arguments.out is not None and scenario.ladders and not stopped else None
    seen = _seen(scenario, arguments, doubt.measures) if arguments.look_by is not None and not stopped else {}
    drawn = partial(figures.uncertainty, doubt, worths, fan, seen)
    told = worths if arguments.measure else dict(list(worths.items())[:1])
    left = {name: Unspoken(worth) for name, worth in worths.items() if name not in told}
    tables = [
        *_more(worths[name].measure.name for name in left),
        *chain.from_iterable(map(listings.worth_seeing, seen.values())),
    ]
    source = {"engine": doubt.engine, "draws": doubt.draws, "runs": doubt.runs, "seed": arguments.seed}
    tell(
        arguments,
        {"uncertainty": doubt, **told, **left, **seen},
        drawn,
        tables,
        head=heading(arguments, scenario, how_made(source)),
    )
    if stopped:
        raise StoppedWithAnswer(f"the answer is from the {counted(doubt.draws, 'draw')} made by then")
    return 0


def _more(names: Iterable[str]) -> Iterator[str]:
    """Say how to be told what settling an assumption is worth to other measures."""
    others = ", ".join(names)
    if others:
        yield (
            "What settling an assumption is worth to another answer is told where --measure asks for it, one or "
            f"more of {others}; --json and --out have all."
        )


def _seen(scenario: Scenario, arguments: Request, measures: Iterable[Measure]) -> dict[str, Seeing]:
    """Return for each ending and question what seeing each public move by a day would be worth."""
    from simlib.analysis.uncertainty.evsi import DRAWS, value_of_seeing

    found = {}
    for measure in measures:
        if measure.kind in ("ending", "question") and measure.of != ONGOING:
            with Task(f"looking out for “{measure.label}”") as task:
                found[f"seeing-{slug(measure.name)}"] = value_of_seeing(
                    scenario,
                    measure.name,
                    look_by=arguments.look_by,
                    draws=arguments.draws or DRAWS,
                    by=arguments.by,
                    seed=arguments.seed,
                    progress=task.report,
                    cancel=task.cancelled,
                )
    return found


def _fan(scenario: Scenario, arguments: Request) -> Fan:
    """Return where the ladder stands over the priors, by Monte Carlo where there are too many states."""
    from simlib.analysis.uncertainty.fans import ladder_fan
    from simlib.engines.ensemble import over_priors
    from simlib.machine.measures import days_by

    world_by_then = scenario if arguments.by is None else begun_by(scenario, days_by(scenario, arguments.by))
    with Task("unfolding the fan") as task:
        ask = partial(
            over_priors,
            world_by_then,
            draws=FAN_DRAWS,
            seed=arguments.seed,
            times=FAN_TIMES,
            by=arguments.by,
            progress=task.report,
            cancel=task.cancelled,
        )
        try:
            found = ask(engine=arguments.engine or "exact")
        except DOES_NOT_FIT:
            found = ask(engine="montecarlo", runs=FAN_RUNS)
    return ladder_fan(found, scenario.ladder or None)
