"""Import of the compiled kernels of the exact filter."""

from __future__ import annotations

import importlib
from types import ModuleType

from simlib.errors import MissingDependency


def load_kernels() -> ModuleType:
    """Return the compiled kernels, or raise MissingDependency if Numba cannot be imported."""
    try:
        return importlib.import_module("simlib.evidence._kernels")
    except ImportError as error:
        raise MissingDependency(
            f"weighing a log needs Numba, which cannot be imported here ({error}); install it with `pip install numba`"
        ) from error
