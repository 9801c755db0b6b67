"""Types of arrays that many packages share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bits = NDArray[np.uint64]
"""Bits packed into words of 64: the one-hot code of a state, or the keys of random streams."""
