"""The compiled kernels of the exact engine; None where Numba is not, and NumPy and SciPy do the same more slowly."""

from __future__ import annotations

import importlib
from typing import Any


def _load() -> Any:
    try:
        return importlib.import_module("simlib.engines._exact_kernels")
    except ImportError:
        return None


kernels: Any = _load()
