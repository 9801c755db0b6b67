"""The engine that answers where the exact one does not fit, and histories played for the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from simlib.cli.options.world import note
from simlib.cli.output.progress import Task
from simlib.errors import SimlibError, TooManyStates, Unsupported
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.engines.montecarlo.replay import Histories

Thing = TypeVar("Thing")

DOES_NOT_FIT = (TooManyStates, Unsupported)
"""The errors of the exact engine where a world is too large for it."""


def either(ask: Callable[[str], Thing], engine: str | None) -> Thing:
    """Ask by the named engine.

    Without one ask exactly or, where that does not fit, by Monte Carlo, and say so.
    """
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
    from simlib.analysis.samples import sample

    with Task("playing histories") as task:
        return sample(scenario, runs=runs, seed=seed, control=task.control).histories
