"""Types that many packages share: arrays, and the names of the engines."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint64]
"""Bits packed into words of 64: the one-hot code of a state, or the keys of random streams."""

Engine = Literal["auto", "exact", "montecarlo"]
"""The engine that answers a question. "auto" means the exact engine if it can answer, else Monte Carlo."""
