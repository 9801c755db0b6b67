"""simlib: an interactive escalation-scenario simulator.

A scenario is data: actors, variables with ordered levels, moves with hazards, endings. Two engines answer the same
questions about it, one exactly, one by simulation with keyed dice. The public verbs are here; nothing heavy is
imported until it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "load": "simlib.scenario.loader",
    "solve": "simlib.engines.exact.forecast",
    "gradient": "simlib.engines.exact.forecast",
    "simulate": "simlib.engines.montecarlo.simulator",
    "Forecast": "simlib.results",
    "Scenario": "simlib.scenario.model",
    "ScenarioError": "simlib.errors",
    "SimlibError": "simlib.errors",
}

__all__ = [
    "Forecast",
    "Scenario",
    "ScenarioError",
    "SimlibError",
    "__version__",
    "gradient",
    "load",
    "simulate",
    "solve",
]

if TYPE_CHECKING:
    from simlib.engines.exact.forecast import gradient, solve
    from simlib.engines.montecarlo.simulator import simulate
    from simlib.errors import ScenarioError, SimlibError
    from simlib.results import Forecast
    from simlib.scenario.loader import load
    from simlib.scenario.model import Scenario


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
