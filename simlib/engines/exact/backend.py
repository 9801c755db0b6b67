"""The modules of compiled kernels of the exact engine.

Without Numba, `kernels` and `lane_kernels` are None, and NumPy and SciPy do the same work more slowly.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def _load(name: str) -> Any:
    try:
        return importlib.import_module(f"simlib.engines.exact.{name}")
    except ImportError:
        return None


kernels: Any = _load("_kernels")
lane_kernels: Any = _load("_lane_kernels")


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS uses one thread.

    The engine multiplies narrow matrices, so a second BLAS thread mostly waits, and takes a core that the engine could
    use.
    """
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
