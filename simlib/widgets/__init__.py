"""Widgets for notebooks: sliders on a scenario, and its future redrawn as they move.

The logic is in modules that import no widget (`state`, `dials`, `answers`, `desk`); the views are thin.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {"Editor": "simlib.widgets.editor.view", "Explorer": "simlib.widgets.explorer.view"}

__all__ = ["Editor", "Explorer"]

if TYPE_CHECKING:
    from simlib.widgets.editor.view import Editor
    from simlib.widgets.explorer.view import Explorer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOME[name])
    except ModuleNotFoundError as error:
        if error.name not in ("ipywidgets", "anywidget", "traitlets"):
            raise
        from simlib.errors import MissingDependency

        raise MissingDependency(
            f"{name} needs {error.name}, which is not installed; "
            'in the clone of simlib: python -m pip install -e ".[notebooks]"'
        ) from None
    return getattr(module, name)
