"""The Poisson weights of the steps of uniformisation, and the number of steps needed."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from simlib.typing import Floats, Ints

TOLERANCE = 1e-9
"""Default bound on the truncation error of any probability."""

FINE_TOLERANCE = 1e-30
"""Bound on the truncation error of a solution that serves answers of any size.

Even an answer of 1e-27 then has three correct digits. This takes about a fifth more steps than a tolerance of 1e-12.
"""


def pmf(steps: Ints, means: Floats) -> Floats:
    """Return Poisson probabilities P(N = k) (means, steps) by Loader's (2000) saddle-point form.

    The rows are for the `means` μ of N, and the columns for the `steps` k. The relative error of this form grows like
    √μ. The error of the usual form, exp(k log μ - μ - log k!), grows like μ.
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
    """Return the Poisson tails P(N > k) (means, steps), for the `means` of N and the `steps` k."""
    from scipy.special import gammainc

    result: Floats = gammainc(steps[None, :].astype(float) + 1, means[:, None])
    return result


def truncation(mean: float, tolerance: float) -> int:
    """Return the smallest K >= 1 with P(N > K) <= tolerance, for a Poisson N with this mean."""
    from scipy.special import gammainc

    low, high = 0, int(mean + 10 * np.sqrt(mean + 1)) + 16
    while gammainc(high + 1.0, mean) > tolerance:
        low, high = high, 2 * high
    return max(bisect_left(range(high), True, lo=low, key=lambda k: gammainc(k + 1.0, mean) <= tolerance), 1)
