"""Sums by index, and ratios that are 0 where the denominator is 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simlib.typing import Floats

__all__ = ["ratio_or_zero", "sums_by"]


def sums_by(index: NDArray[np.integer], weights: Floats, size: int) -> Floats:
    """Return an array (size,) whose entry k is the sum of the `weights` with the `index` k."""
    return np.asarray(np.bincount(index, weights=weights, minlength=size), dtype=np.float64)


def ratio_or_zero(numerator: Floats, denominator: Floats) -> Floats:
    """Return the ratio of two arrays of the same shape, with 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
