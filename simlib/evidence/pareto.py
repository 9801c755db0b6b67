"""Pareto-smoothed importance sampling (Vehtari, Simpson, Gelman, Yao and Gabry 2024).

A generalised Pareto distribution is fitted to the largest importance ratios (Zhang and Stephens 2009). The expected
order statistics of this distribution replace these ratios. The shape k of the distribution says how far to trust the
weights: if k is below 0.7, weighted sums converge.
"""

from __future__ import annotations

import numpy as np

from simlib.typing import Floats

_EQUAL = 1e-9
"""Smaller differences between log ratios count as rounding errors."""

FEWEST_TAIL_RATIOS = 5
"""Smallest number of ratios in a tail to which a distribution is fitted."""


def smoothed(log_ratios: Floats) -> tuple[Floats, float]:
    """Return smoothed log weights (D,), and the shape k of the tail of the importance ratios.

    `log_ratios` (D,) are the logs of the importance ratios. The weights sum to one. If the tail is too short to fit, no
    ratio is smoothed and k is infinite. If all large ratios are equal, no ratio is smoothed and k is minus infinity.
    """
    log = log_ratios - log_ratios.max()
    tail = int(min(0.2 * len(log), 3 * np.sqrt(len(log))))
    order = np.argsort(log, kind="stable")
    cut = log[order[-tail - 1]] if tail < len(log) else -np.inf
    shape = np.inf
    if tail >= FEWEST_TAIL_RATIOS and np.ptp(log[order[-tail - 1 :]]) > _EQUAL:
        largest = order[-tail:]
        shape, scale = fit(np.exp(log[largest]) - np.exp(cut))
        points = (np.arange(1, tail + 1) - 0.5) / tail
        log = log.copy()
        log[largest] = np.minimum(np.log(np.exp(cut) + _quantile(points, shape, scale)), 0.0)
    elif tail >= FEWEST_TAIL_RATIOS:
        shape = -np.inf  # the ratios are equal: there is nothing to smooth
    return np.asarray(log - np.logaddexp.reduce(log)), float(shape)


def _quantile(points: Floats, shape: float, scale: float) -> Floats:
    if abs(shape) < 1e-12:
        return np.asarray(-scale * np.log1p(-points))
    return np.asarray(scale * np.expm1(-shape * np.log1p(-points)) / shape)


def fit(excesses: Floats) -> tuple[float, float]:
    """Fit the shape and scale of a generalised Pareto distribution to excesses in rising order.

    The estimate averages over a grid of the profile likelihood. A weak prior, worth ten observations, pulls the shape
    towards 0.5.
    """
    count = len(excesses)
    quarter = excesses[int(count / 4 + 0.5) - 1]
    size = 30 + int(np.sqrt(count))
    steps = 1 - np.sqrt(size / (np.arange(1, size + 1) - 0.5))
    theta = steps / (3 * max(quarter, 1e-300)) + 1 / excesses[-1]
    shapes = np.log1p(-theta[:, None] * excesses).mean(axis=1)
    log = count * (np.log(-theta / shapes) - shapes - 1)
    weights = np.exp(log - np.logaddexp.reduce(log))
    best = float(theta @ weights)
    shape = float(np.log1p(-best * excesses).mean())
    scale = -shape / best
    return (count * shape + 5) / (count + 10), scale
