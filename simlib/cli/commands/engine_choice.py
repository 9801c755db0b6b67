"""The choice between the exact engine and Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simlib.cli.options.world import note
from simlib.errors import SimlibError, TooManyStates, Unsupported

Thing = TypeVar("Thing")

DOES_NOT_FIT = (TooManyStates, Unsupported)
"""Errors of the exact engine that mean that a scenario is too large for it."""


def either(ask: Callable[[str], Thing], engine: str | None) -> Thing:
    """Answer by the named engine.

    Without a name, answer exactly. If the states do not fit, answer by Monte Carlo and say so.
    """
    if engine:
        return ask(engine)
    try:
        return ask("exact")
    except DOES_NOT_FIT as error:
        note(f"{too_large(error)}; answered by Monte Carlo")
        return ask("montecarlo")


def too_large(error: SimlibError) -> str:
    """Return why the exact engine does not fit, without the advice at the end of the message."""
    return str(error).split(";", maxsplit=1)[0]
