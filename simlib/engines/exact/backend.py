"""The modules of compiled kernels of the exact engine.

Without Numba, `kernels` and `lane_kernels` are None, and NumPy and SciPy do the same work more slowly.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from threadpoolctl import ThreadpoolController


def _load(name: str) -> Any:
    try:
        return importlib.import_module(f"simlib.engines.exact.{name}")
    except ImportError:
        return None


kernels: Any = _load("_kernels")
lane_kernels: Any = _load("_lane_kernels")


class _OneThread:
    """A limit of one BLAS thread, from the start of the first use to the end of the last one.

    The limit belongs to the whole process. If two threads of the program each set and restored the limit, the second
    would restore the limit of the first, so BLAS would stay at one thread.
    """

    def __init__(self) -> None:
        self._lock, self._uses, self._limit = threading.Lock(), 0, None

    @cached_property
    def _controller(self) -> ThreadpoolController:
        return ThreadpoolController()

    def __enter__(self) -> None:
        with self._lock:
            if not self._uses:
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._uses += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._uses -= 1
            if not self._uses and self._limit is not None:
                self._limit.restore_original_limits()


_one_thread = _OneThread()


def one_blas_thread() -> AbstractContextManager[None]:
    """Return a context in which BLAS uses one thread.

    The engine multiplies narrow matrices, so a second BLAS thread mostly waits, and takes a core that the engine could
    use.
    """
    return _one_thread
