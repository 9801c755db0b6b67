"""Which engine answers where the exact one does not fit, and histories that are played for the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from simlib.cli.options.world import note
from simlib.cli.output.progress import Task
from simlib.errors import SimlibError, TooManyStates, Unsupported
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.engines.montecarlo.replay import Histories

Answer = TypeVar("Answer")

DOES_NOT_FIT = (TooManyStates, Unsupported)
"""What the exact engine raises where a world is too large for it."""


def either(ask: Callable[[str], Answer], engine: str | None) -> Answer:
    """Ask by the engine named; where none is, exactly, and where that does not fit, by Monte Carlo, and say so."""
    if engine:
        return ask(engine)
    try:
        return ask("exact")
    except DOES_NOT_FIT as error:
        note(f"{too_large(error)}; answered by Monte Carlo")
        return ask("montecarlo")


def too_large(error: SimlibError) -> str:
    """Say why the exact engine does not fit, without the advice that the message ends with."""
    return str(error).split(";", maxsplit=1)[0]


def play(scenario: Scenario, runs: int, seed: int) -> Histories:
    """Play histories at the stated values; raises MissingDependency, Cancelled."""
    from simlib.analysis.indicators.sightings import sampled

    with Task("playing histories") as task:
        return sampled(
            scenario,
            horizon=scenario.horizon_days,
            draws=0,
            runs=runs,
            seed=seed,
            progress=task.report,
            cancel=task.cancelled,
        )[0]


def ending_in(told: Histories, ending: str, most: int | None = None) -> Histories:
    """Return the histories that end in `ending` ("": all of them), the first `most` of them."""
    import numpy as np

    keep = np.ones(len(told), dtype=bool) if not ending else told.ending == list(told.scenario.endings).index(ending)
    chosen = np.flatnonzero(keep)[:most]
    sizes = np.diff(told.start)[chosen]
    rows = np.repeat(told.start[:-1][chosen] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    rows = rows + np.arange(len(rows))
    names = ("time", "move", "outcome", "intervention", "levels")
    return dataclasses.replace(
        told,
        start=np.concatenate([[0], np.cumsum(sizes)]),
        replicates=told.replicates[chosen],
        ending=told.ending[chosen],
        ending_time=told.ending_time[chosen],
        **{name: getattr(told, name)[rows] for name in names},
    )
