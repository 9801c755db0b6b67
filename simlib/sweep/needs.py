"""The packages that only sweeps need."""

from __future__ import annotations

import importlib.util

from simlib.errors import MissingDependency

_SCALE = 'install it in the clone of simlib: python -m pip install -e ".[scale]"'


def need(module: str, what: str) -> None:
    """Raise MissingDependency where a package of the extra `scale` is missing."""
    if importlib.util.find_spec(module) is None:
        raise MissingDependency(f"{what} need the package {module}; {_SCALE}")
