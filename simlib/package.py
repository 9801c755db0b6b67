"""The version of simlib and the hook for pictures, for rooms that may not import the face.

The face is `simlib/__init__.py`. This module imports no NumPy, because `import simlib` loads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

VERSION = "0.1.0"
"""The version of simlib."""

draw: Callable[..., Any]
"""The function that draws answers, `(answer, ax, **options) -> ax`.

`simlib/__init__.py` sets it, so that `simlib.answer` need not import the pictures, which are drawn from answers.
"""
