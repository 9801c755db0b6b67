"""`simlib drivers`: what drives it: slopes, a tornado, and with --sobol shares of the doubt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, too_large
from simlib.cli.options import limits, world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import Result, heading, requested_scenario, tell
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.sensitivity.one_at_a_time import Tornado
    from simlib.analysis.sensitivity.sobol_indices import Sobol


def execute(arguments: Request) -> int:
    """What drives it: slopes, a tornado, and with --sobol shares of the doubt."""
    from simlib.analysis.sensitivity.one_at_a_time import elasticities, tornado
    from simlib.analysis.sensitivity.sobol_indices import sobol

    scenario, measures = requested_scenario(arguments), arguments.measure or None
    results: dict[str, Result] = {}
    try:
        if arguments.engine != "montecarlo":
            with Task("following the slopes") as task:
                results["elasticities"] = elasticities(
                    scenario, measures, by=arguments.by, progress=task.report, cancel=task.cancelled
                )
    except DOES_NOT_FIT as error:
        if arguments.engine or not limits.uncertain(scenario):
            raise
        world.note(f"{too_large(error)}; no slopes, and the rest by Monte Carlo")
    engine: Any = arguments.engine or ("auto" if results else "montecarlo")
    if not limits.uncertain(scenario):
        world.note("every assumption is fixed: there is no range to move it over")
        return tell(arguments, results, head=heading(arguments, scenario, how_made({"engine": "exact"})))
    with Task("moving every assumption over its range") as task:
        results["tornado"] = bars = tornado(
            scenario,
            measures,
            engine=engine,
            top=arguments.top,
            by=arguments.by,
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
                by=arguments.by,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )
    head = heading(arguments, scenario, _driven(bars, shares, slopes="elasticities" in results))
    return tell(arguments, results, partial(figures.drivers, bars, shares), listings.tried(bars), head=head)


def _driven(bars: Tornado, shares: Sobol | None, *, slopes: bool) -> str:
    """Say how slopes (always exact), bars and shares of the uncertainty were computed."""
    method = how_made(bars.provenance)
    if slopes and bars.engine != "exact":
        method = f"slopes exact, the rest {method}"
    if shares is not None:
        over = how_made({**bars.provenance, "engine": shares.engine, "draws": shares.designs, "runs": shares.runs})
        method += f"; shares of the uncertainty {over.replace('draws', 'designs')}"
    return method
