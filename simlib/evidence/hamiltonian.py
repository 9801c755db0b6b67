"""Hamiltonian Monte Carlo in whitened coordinates, for when importance sampling fails.

References: Neal (2011) in the Handbook of Markov Chain Monte Carlo. Hoffman and Gelman (2014), whose dual averaging
    sets the step size. Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021) for R̂ and the bulk effective sample
    size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simlib.typing import Floats

CHAINS, WARM_UP, ACCEPTED = 4, 200, 0.8
"""Number of chains, number of draws at the beginning of each chain that are dropped, and target acceptance rate."""

Target = Callable[[Floats], tuple[float, Floats]]
"""Returns the log density at a point, and its gradient."""


def chains(target: Target, dimension: int, count: int, *, seed: int = 0) -> Floats:
    """Return draws of four chains (4, count, dimension) from a density close to standard normal."""
    return np.stack([_chain(target, dimension, count, np.random.default_rng([seed, chain])) for chain in range(CHAINS)])


def _chain(target: Target, dimension: int, count: int, dice: np.random.Generator) -> Floats:
    point = dice.normal(size=dimension)
    log, slope = target(point)
    start: float = 0.5 * float(dimension) ** -0.25
    step, error, smooth = start, 0.0, float(np.log(start))
    draws = np.empty((count, dimension))
    for number in range(WARM_UP + count):
        momentum, steps = dice.normal(size=dimension), int(dice.integers(3, 8))
        new, moved = point, momentum
        new_log, new_slope = log, slope
        for _ in range(steps):
            moved = moved + 0.5 * step * new_slope
            new = new + step * moved
            new_log, new_slope = target(new)
            moved = moved + 0.5 * step * new_slope
            if not np.isfinite(new_log):
                break
        gain = float(new_log - log + 0.5 * (momentum @ momentum - moved @ moved))
        chance = float(np.exp(min(gain, 0.0))) if np.isfinite(gain) else 0.0
        if dice.random() < chance:
            point, log, slope = new, new_log, new_slope
        if number < WARM_UP:
            error += (ACCEPTED - chance - error) / (number + 11)
            step = float(np.exp(np.log(10 * start) - np.sqrt(number + 1) / 0.05 * error))
            share = (number + 1.0) ** -0.75
            smooth = share * np.log(step) + (1 - share) * smooth
        else:
            step = float(np.exp(smooth))
            draws[number - WARM_UP] = point
    return draws


def convergence(draws: Floats) -> tuple[float, float]:
    """Return the largest R̂ and the smallest bulk effective sample size over the dimensions.

    `draws` has the shape (chains, count, dimensions). Each chain is split into two halves.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    worst, least = 1.0, np.inf
    for column in np.moveaxis(split, -1, 0):
        ranks = rankdata(column).reshape(column.shape)
        scores = ndtri((ranks - 0.375) / (ranks.size + 0.25))
        worst, least = max(worst, _r_hat(scores)), min(least, _bulk(scores))
    return float(worst), float(least)


def _r_hat(x: Floats) -> float:
    length, within = x.shape[1], x.var(axis=1, ddof=1).mean()
    return float(np.sqrt((length - 1) / length + x.mean(axis=1).var(ddof=1) / within))


def _bulk(x: Floats) -> float:
    """Return the effective sample size of chains (chains, count).

    The method is Geyer's initial monotone sequence.
    """
    chains_, length = x.shape
    centred = x - x.mean(axis=1, keepdims=True)
    lags = [np.mean(np.sum(centred[:, lag:] * centred[:, : length - lag], axis=1) / length) for lag in range(length)]
    within = x.var(axis=1, ddof=1).mean()
    total = within * (length - 1) / length + x.mean(axis=1).var(ddof=1)
    rho = 1 - (within - np.array(lags) * length / (length - 1)) / total
    rho[0] = 1.0
    pairs = rho[: 2 * (length // 2)].reshape(-1, 2).sum(axis=1)
    positive = np.argmax(pairs <= 0) if np.any(pairs <= 0) else len(pairs)
    pairs = np.minimum.accumulate(pairs[: max(positive, 1)])
    return float(min(chains_ * length / max(2 * pairs.sum() - 1, 1e-3), chains_ * length * 3))
