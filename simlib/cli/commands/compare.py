"""`simlib compare`: the scenario beside variants of it with interventions, values and views."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.options import limits as numbers
from simlib.cli.options import world
from simlib.cli.options.variants import variants_asked
from simlib.cli.output import figures
from simlib.cli.output import listings as listing
from simlib.cli.output.answers import Table, heading, made_by, tell
from simlib.cli.output.progress import Task
from simlib.control import Control

if TYPE_CHECKING:
    from simlib.analysis.whatif.comparison import Comparison

DRAWN = 6
"""Endings and questions of a comparison that are drawn, unless --measure names some."""


def execute(arguments: Namespace) -> int:
    """Compare the scenario with variants of it."""
    from simlib.analysis.whatif import comparison

    base = world.stated(arguments)
    numbers.check(arguments, base)
    variants = variants_asked(arguments, base)

    def compare(engine: Any) -> Comparison:
        with Task("comparing") as task:
            return comparison.compare(
                base,
                variants,
                measures=arguments.measure or None,
                engine=engine,
                runs=arguments.runs,
                draws=arguments.draws,
                seed=arguments.seed,
                control=Control(task.report, task.cancelled),
            )

    result = either(compare, arguments.engine)
    drawn = [measure.name for measure in result.measures] if arguments.measure else result.most_moved(DRAWN)
    pictures = partial(figures.compare, result, drawn, cumulative=arguments.cumulative)
    pairs = f"{result.provenance['pairs']:,} pairs of histories"
    method = made_by(result.engine, draws=result.draws, played=pairs, seed=arguments.seed)
    return tell(
        arguments,
        {"comparison": result, "flips": Table(result.frame("flips"))},
        pictures,
        listing.compared(result, cumulative=arguments.cumulative),
        head=heading(arguments, base, method),
    )
