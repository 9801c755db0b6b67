"""The choice between the exact engine and Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simlib.cli.options.world import note
from simlib.errors import SimlibError, TooManyStates, Unsupported

Thing = TypeVar("Thing")

DOES_NOT_FIT = (TooManyStates, Unsupported)
"""Errors by which the exact engine says that it cannot solve a scenario."""


def either(ask: Callable[[str], Thing], engine: str | None) -> Thing:
    """Call `ask` with the named engine, or with the exact engine if none is named.

    If no engine is named and the exact engine cannot be used, ask Monte Carlo and say so.
    """
    if engine:
        return ask(engine)
    try:
        return ask("exact")
    except DOES_NOT_FIT as error:
        note(f"{too_large(error)}; answered by Monte Carlo")
        return ask("montecarlo")


def too_large(error: SimlibError) -> str:
    """Return why the exact engine cannot be used, without the advice at the end of the message."""
    return str(error).split(";", maxsplit=1)[0]
