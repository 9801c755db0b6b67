"""`simlib drivers`: what drives it: slopes, a tornado, and with --sobol shares of the doubt."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, too_large
from simlib.cli.options import limits as numbers
from simlib.cli.options import world
from simlib.cli.output import figures
from simlib.cli.output import listings as listing
from simlib.cli.output.answers import Result, asked_world, heading, made_by, tell
from simlib.cli.output.progress import Task

if TYPE_CHECKING:
    from simlib.analysis.sensitivity.one_at_a_time import Tornado
    from simlib.analysis.sensitivity.sobol_indices import Sobol


def execute(arguments: Namespace) -> int:
    """What drives it: slopes, a tornado, and with --sobol shares of the doubt."""
    from simlib.analysis.sensitivity.one_at_a_time import elasticities, tornado
    from simlib.analysis.sensitivity.sobol_indices import sobol

    scenario, measures = asked_world(arguments), arguments.measure or None
    results: dict[str, Result] = {}
    try:
        if arguments.engine != "montecarlo":
            with Task("following the slopes") as task:
                results["elasticities"] = elasticities(
                    scenario, measures, day=arguments.day, progress=task.report, cancel=task.cancelled
                )
    except DOES_NOT_FIT as error:
        if arguments.engine or not numbers.uncertain(scenario):
            raise
        world.note(f"{too_large(error)}; no slopes, and the rest by Monte Carlo")
    engine: Any = arguments.engine or ("auto" if results else "montecarlo")
    if not numbers.uncertain(scenario):
        world.note("every assumption is fixed: there is no range to move it over")
        return tell(arguments, results, head=heading(arguments, scenario, made_by("exact")))
    with Task("moving every assumption over its range") as task:
        results["tornado"] = bars = tornado(
            scenario,
            measures,
            engine=engine,
            top=arguments.top,
            day=arguments.day,
            seed=arguments.seed,
            progress=task.report,
            cancel=task.cancelled,
        )
    shares = None
    if arguments.sobol:
        with Task("sharing out the doubt") as task:
            results["sobol"] = shares = sobol(
                scenario,
                measures,
                engine=engine,
                top=arguments.top,
                day=arguments.day,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )
    head = heading(arguments, scenario, _driven(bars, shares, slopes="elasticities" in results))
    return tell(arguments, results, partial(figures.drivers, bars, shares), listing.tried(bars), head=head)


def _driven(bars: Tornado, shares: Sobol | None, *, slopes: bool) -> str:
    """Say how slopes (always exact), bars and shares of the doubt were made."""
    seed = bars.provenance["seed"]
    made = made_by(bars.engine, played=f"{bars.provenance['runs'] or 0:,} replicates", seed=seed)
    if slopes and bars.engine != "exact":
        made = f"slopes exact, the rest {made}"
    if shares is not None:
        over = made_by(shares.engine, draws=shares.designs, played=f"{shares.runs:,} replicates", seed=seed, each=True)
        made += f"; shares of the doubt {over.replace('draws', 'designs')}"
    return made
