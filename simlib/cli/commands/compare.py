"""`simlib compare`: a scenario and variants with other interventions, values or views."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.commands.subject import requested
from simlib.cli.options.request import Request
from simlib.cli.options.variants import requested_variants
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import heading, tell
from simlib.cli.output.progress import Task
from simlib.formatting import how_made

if TYPE_CHECKING:
    from simlib.analysis.whatif.result import Comparison

DRAWN_MEASURES = 6
"""Largest number of endings and questions in the figures, unless --measure names some."""


def execute(arguments: Request) -> int:
    """Compare the scenario with its variants, print the answer, and write the requested files."""
    from simlib.analysis.whatif import comparison

    subject = requested(arguments)
    base = subject.scenario
    variants = requested_variants(arguments, base)

    def compare(engine: Any) -> Comparison:
        with Task("comparing") as task:
            return comparison.compare(
                base,
                variants,
                measures=arguments.measure or None,
                engine=engine,
                runs=arguments.runs,
                draws=subject.draws(arguments.draws),
                seed=arguments.seed,
                control=task.control,
            )

    result = either(compare, arguments.engine)
    drawn = [measure.name for measure in result.measures] if arguments.measure else result.most_moved(DRAWN_MEASURES)
    pictures = partial(figures.compare, result, drawn, cumulative=arguments.cumulative)
    method = how_made(result.provenance, "pairs of histories")
    return tell(
        arguments,
        {"comparison": result},
        pictures,
        listings.compared(result, cumulative=arguments.cumulative, whole=bool(arguments.measure)),
        caption=heading(arguments, base, method),
        frames={"flips": result.frame("flips")},
    )
