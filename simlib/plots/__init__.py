"""Pictures of answers: `(result, ax) -> ax`, drawn from data and computing nothing.

Colour-blind safe, dated, with units, readable at 9 by 6 inches in 100 dpi and in print.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "dashboard": "simlib.plots.dashboard",
    "drivers": "simlib.plots.drivers",
    "endings": "simlib.plots.endings",
    "ladder_fan": "simlib.plots.ladders",
    "moves": "simlib.plots.moves",
}

__all__ = ["dashboard", "drivers", "endings", "ladder_fan", "moves"]

if TYPE_CHECKING:
    from simlib.plots.dashboard import dashboard
    from simlib.plots.drivers import drivers
    from simlib.plots.endings import endings
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.moves import moves


def __getattr__(name: str) -> Any:
    # Modules are called like the functions in them, so the function is stored over the module once it is loaded.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value
