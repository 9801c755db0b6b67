"""The choice between the exact engine and Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simlib.cli.options.world import note
from simlib.errors import DOES_NOT_FIT, SimlibError

Thing = TypeVar("Thing")


def either(ask: Callable[[str], Thing], engine: str) -> Thing:
    """Return `ask(engine)`. With "auto", try the exact engine first, then Monte Carlo.

    If the exact engine cannot solve the scenario, a note on standard error says that Monte Carlo answered.
    """
    if engine != "auto":
        return ask(engine)
    try:
        return ask("exact")
    except DOES_NOT_FIT as error:
        note(f"{too_large(error)}; answered by Monte Carlo")
        return ask("montecarlo")


def too_large(error: SimlibError) -> str:
    """Return the part of an error message that says why the exact engine cannot be used.

    The advice after the first semicolon of the message is left out.
    """
    return str(error).split(";", maxsplit=1)[0]
