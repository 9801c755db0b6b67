"""`simlib pool`: two averages of the forecasts of views, and how far the views disagree."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import either
from simlib.cli.options import limits
from simlib.cli.options.request import Request
from simlib.cli.options.variants import requested_views, requested_weights
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import tell
from simlib.cli.output.progress import Task

if TYPE_CHECKING:
    from simlib.analysis.pooling import Pool


def execute(arguments: Request) -> int:
    """Average the forecasts of several views in two ways, and say how far the views disagree."""
    from simlib.analysis.pooling import pool
    from simlib.machine.measures import headline

    views = requested_views(arguments)
    limits.check(arguments, next(iter(views.values())))

    def by(engine: Any) -> Pool:
        with Task("forecasting each view") as task:
            return pool(
                views,
                weights=requested_weights(arguments, list(views)),
                engine=engine,
                draws=arguments.draws,
                runs=arguments.runs,
                seed=arguments.seed,
                control=task.control,
            )

    result = either(by, arguments.engine)
    lines = result.sentences(headline(next(iter(views.values()))).name)
    sentences = [lines[0], *lines[len(result.items) :]]
    return tell(arguments, {"pool": result}, partial(figures.pool, result), [listings.pooled(result)], lines=sentences)
