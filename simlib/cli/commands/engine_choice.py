"""The engine that answers where the exact one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simlib.cli.options.world import note
from simlib.errors import SimlibError, TooManyStates, Unsupported

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
