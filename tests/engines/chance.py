"""Small tests of chance, with their error rates. All runs have fixed seeds, so that none of them flickers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simlib.engines.montecarlo.streams import GAMMA, mix, seed_key

Z_LIMIT = 4.75
"""Largest standard score accepted: exceeded by chance with probability 2e-6, so a thousand checks are wrong 0.2%."""

P_LIMIT = 1e-5
"""Smallest p-value accepted by tests of fit."""


def scores(successes: ArrayLike, runs: int, probability: ArrayLike) -> NDArray[np.float64]:
    """Return standard scores of counted successes; where probability is 0 or 1, 0 when exact and infinity when not."""
    k, p = np.asarray(successes, float), np.asarray(probability, float)
    spread = np.sqrt(runs * p * (1 - p))
    off = k - runs * p
    return np.where(spread > 1e-9, off / np.maximum(spread, 1e-9), np.where(np.abs(off) < 1e-6, 0.0, np.inf))


def two_scores(first: ArrayLike, n: int, second: ArrayLike, m: int) -> NDArray[np.float64]:
    """Return standard scores of the difference of two counted shares (pooled)."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    pooled = (a + b) / (n + m)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return np.divide(a / n - b / m, spread, out=np.zeros_like(spread), where=spread > 0)


def mean_scores(total: ArrayLike, squares: ArrayLike, runs: int, mean: ArrayLike) -> NDArray[np.float64]:
    """Return standard scores of a sample mean against the expected one."""
    average = np.asarray(total, float) / runs
    spread = np.sqrt(np.maximum(np.asarray(squares, float) / runs - average**2, 1e-12) / runs)
    return (average - np.asarray(mean, float)) / spread


def uniform_p(u: NDArray[np.float64], cells: int = 64) -> float:
    """Return the p-value of a chi-squared test that numbers are uniform on (0, 1)."""
    from scipy.stats import chisquare

    return float(chisquare(np.bincount((u * cells).astype(int), minlength=cells)).pvalue)


def pairs_p(u: NDArray[np.float64], v: NDArray[np.float64], cells: int = 16) -> float:
    """Return the p-value of a chi-squared test that pairs are uniform on the unit square."""
    return uniform_p(((u * cells).astype(int) * cells + v * cells) / cells**2, cells**2)


def stream_keys(seed, replicates, stream):
    """The key of one stream (a `stream_hash`) in each of some replicates (R,)."""
    number = np.atleast_1d(np.asarray(replicates, dtype=np.uint64)) + np.uint64(1)
    return mix(mix(seed_key(seed) + number * GAMMA) ^ np.uint64(stream))


def draws(keys, number):
    """Draw `number` (from 0) of the stream of each key, as 64-bit words. The two arrays broadcast."""
    count = np.atleast_1d(np.asarray(number, dtype=np.uint64)) + np.uint64(1)
    return mix(np.asarray(keys, dtype=np.uint64) + count * GAMMA)


def uniforms(words):
    """64-bit words as numbers strictly between 0 and 1, of the form (k + 1/2) / 2**52."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def exponentials(words):
    """64-bit words as unit exponentials."""
    return -np.log(uniforms(words))
