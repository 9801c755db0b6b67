"""The function that draws answers, `(answer, ax, **options) -> ax`.

`simlib/__init__.py` sets it, so that `simlib.answer` need not import the pictures, which are drawn from answers. This
module imports no NumPy, because `import simlib` loads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

draw: Callable[..., Any]
