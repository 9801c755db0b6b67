"""The Poisson weights of uniformisation, and the number of jumps needed."""

from __future__ import annotations

import numpy as np

from simlib.typing import Floats, Ints

FINE = 1e-30
"""Tolerance of a pass that serves answers of any size.

Even an answer of 1e-27 then has three correct digits. This takes about a fifth more steps than a tolerance of 1e-12.
"""


def pmf(steps: Ints, means: Floats) -> Floats:
    """Return the Poisson probabilities (means, steps), by Loader's (2000) saddle-point form.

    Its error grows like the square root of the mean. The error of the usual form exp(k log μ - μ - log k!) grows like
    the mean.
    """
    from scipy.special import gammaln, xlogy

    k, mu = steps[None, :].astype(float), means[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        away = (k - mu) / mu
        deviance = mu * ((1 + away) * np.log1p(away) - away)
        stirling = 1 / (12 * k) - 1 / (360 * k**3) + 1 / (1260 * k**5) - 1 / (1680 * k**7)
        large = np.exp(-deviance - stirling) / np.sqrt(2 * np.pi * k)
        small = np.exp(xlogy(k, mu) - mu - gammaln(k + 1))
    result: Floats = np.where((k < 16) | (mu == 0), small, large)
    return result


def survival(steps: Ints, means: Floats) -> Floats:
    """Return P(N > k) for Poisson means (means, steps)."""
    from scipy.special import gammainc

    result: Floats = gammainc(steps[None, :].astype(float) + 1, means[:, None])
    return result


def truncation(mean: float, tolerance: float) -> int:
    """Return the smallest K with P(N > K) <= tolerance for a Poisson mean (never below 1)."""
    from scipy.special import gammainc

    low, high = 0, int(mean + 10 * np.sqrt(mean + 1)) + 16
    while gammainc(high + 1.0, mean) > tolerance:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if gammainc(middle + 1.0, mean) > tolerance:
            low = middle + 1
        else:
            high = middle
    return max(low, 1)
