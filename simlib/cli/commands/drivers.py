"""`simlib drivers`: how each assumption changes the answer (slopes, ranges, Sobol indices)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import too_large
from simlib.cli.commands.subject import requested
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import Result, heading, tell
from simlib.cli.output.progress import Task
from simlib.errors import DOES_NOT_FIT, Unsupported
from simlib.formatting import how_made, quoted

if TYPE_CHECKING:
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.sensitivity.sobol_indices import Sobol
    from simlib.machine.measures import Measure


def execute(arguments: Request) -> int:
    """Print and store the slopes, the ranges, and with --sobol the Sobol indices.

    - Slope: the change of the answer for a small change of one assumption.
    - Range: the answers with one assumption at its low and at its high value.
    - Sobol index: the share of the spread of the answer that one assumption causes.
    """
    from simlib.analysis.sensitivity.exact_slopes import elasticities
    from simlib.analysis.sensitivity.one_at_a_time import drivers
    from simlib.analysis.sensitivity.sobol_indices import sobol

    subject, measures = requested(arguments), arguments.measure or None
    scenario = subject.scenario
    if arguments.sobol and subject.belief is not None:
        raise Unsupported(
            "A Sobol index needs independent draws of the prior, which the belief "
            f"{quoted(subject.belief.name)} does not have; ask without a log or without --sobol"
        )
    results: dict[str, Result] = {}
    slopes = shares = None
    try:
        if arguments.engine != "montecarlo":
            with Task("computing slopes") as task:
                slopes = elasticities(scenario, measures, by=arguments.by, control=task.control)
                results["elasticities"] = slopes
    except DOES_NOT_FIT as error:
        if arguments.engine == "exact" or not scenario.uncertain:
            raise
        world.note(f"{too_large(error)}; no slopes are computed, and all other results are computed by Monte Carlo")
    if not scenario.uncertain:
        world.note("all assumptions are fixed, so nothing can vary; give at least one a low and a high value")
        return tell(arguments, results, caption=heading(arguments, scenario, how_made({"engine": "exact"})))
    options: dict[str, Any] = {"engine": arguments.engine, "by": arguments.by, "seed": arguments.seed}
    options |= {"top": arguments.top} if arguments.top else {}  # each function has its own default
    with Task("moving every assumption over its range") as task:
        ranges = drivers(scenario, measures, **options, draws=subject.draws(0), control=task.control)
        results["drivers"] = ranges
    if arguments.sobol:
        with Task("computing Sobol indices") as task:
            results["sobol"] = shares = sobol(scenario, measures, **options, control=task.control)
    lines = [line for measure in ranges.measures for line in _sentences(ranges, measure)]
    lines += shares.sentences()[-1:] if shares is not None and shares.screened else []
    lines.append(heading(arguments, scenario, _method(ranges, shares, slopes=slopes is not None)))
    tables = listings.drivers(ranges, slopes, shares)
    return tell(arguments, results, partial(figures.drivers, ranges, shares), tables, lines=lines)


def _sentences(ranges: Drivers, measure: Measure) -> list[str]:
    stated, *others = ranges.sentences_of(measure)
    bars = [bar for bar in ranges.ranked(measure.name)[:1] if ranges.matters(measure, bar)]
    moves = [
        f"“{bar.assumption.label}” moves it most: to {ranges.write(measure, bar.at_low, bar.half_low)} at its low "
        f"value, and to {ranges.write(measure, bar.at_high, bar.half_high)} at its high value."
        for bar in bars
    ]
    return [stated, *(moves or others[:1]), *[line for line in others if not line.startswith("It is ")][not bars :]]


def _method(ranges: Drivers, shares: Sobol | None, *, slopes: bool) -> str:
    method = how_made(ranges.provenance)
    if slopes and ranges.engine != "exact":
        method = f"slopes exact, the rest {method}"
    if shares is not None:
        method += f"; Sobol indices {how_made(shares.provenance)}"
    return method
