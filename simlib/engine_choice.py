"""The choice of the engine: exact, Monte Carlo, or exact if it can answer, else Monte Carlo.

This module imports no NumPy, so that the command line can print its help without waiting for NumPy to load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

from simlib.errors import ArgumentError, TooManyStates, Unsupported

Result = TypeVar("Result")

Engine = Literal["auto", "exact", "montecarlo"]
"""The engine that answers a question. "auto" means the exact engine if it can answer, else Monte Carlo."""

DEFAULT_RUNS = 10_000
"""Default number of replicates of the Monte Carlo engine, if there are no draws of the assumptions."""


def check_engine(engine: str) -> None:
    """Raise ArgumentError for a name that is no engine, such as "MonteCarlo"."""
    if engine not in (names := get_args(Engine)):
        raise ArgumentError("engine", engine, f"expected {', '.join(map(repr, names[:-1]))} or {names[-1]!r}")


def exact_where_it_fits(engine: str, exact: Callable[[], Result], sampled: Callable[[], Result]) -> Result:
    """Return the answer of the exact engine, `exact()`, or of Monte Carlo, `sampled()`.

    `engine` is "exact", "montecarlo" or "auto". "auto" means the exact engine if it can answer, else Monte Carlo. With
    "exact", TooManyStates or Unsupported is raised if the exact engine cannot answer. Another name raises
    ArgumentError.
    """
    check_engine(engine)
    if engine != "montecarlo":
        try:
            return exact()
        except (TooManyStates, Unsupported):
            if engine == "exact":
                raise
    return sampled()
