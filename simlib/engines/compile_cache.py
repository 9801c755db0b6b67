"""Compilation of Numba functions once per installation, even without Numba's cache folders.

Numba keeps compiled code beside the source, else in the user's cache folder. Numba raises RuntimeError if it can write
to neither of these places, as in a system-wide installation for a user without a writable home folder. Compiled code is
then kept in a folder of this user inside the system's temporary folder. If that folder cannot be used either, every
process compiles each function again.
"""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_HINT = "set NUMBA_CACHE_DIR to a folder that can be written to"


def compiled_once(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator like `numba.njit(cache=True)` that needs no cache folder of Numba.

    The compiled code releases the global lock of Python (`nogil`). `options` are further options of `numba.njit`.
    """
    from numba import njit

    def compile_once(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # "cannot cache function ...: no locator available for file ..."
            pass
        stored = _stored_elsewhere(function, options)
        if stored is None:
            _say_once(f"compiled code cannot be kept: every start compiles it anew (half a minute); {_HINT}")
            return njit(nogil=True, **options)(function)
        return stored

    return compile_once


def _stored_elsewhere(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    import numba

    folder = _own_folder()
    if folder is None:
        return None
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)  # Numba reads this setting only while a function is decorated
    try:
        compiled = numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:
        return None
    finally:
        config.CACHE_DIR = before
    _say_once(f"compiled code is kept in {folder}, because simlib and the home folder are not writable; {_HINT}")
    return compiled


def _own_folder() -> Path | None:
    """Return a temporary folder that only this user can write to, None if there is none.

    Cached code is executed, so a folder that another user owns or can write to is not used.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    try:
        folder = Path(tempfile.gettempdir()) / f"simlib-compiled-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(status.st_mode) or not os.access(folder, os.W_OK):
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        return None
    return folder


@cache
def _say_once(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=2)
