"""How much one assumption explains: a regression on Hermite polynomials of its normal score.

The variance that noise adds is subtracted. Answers (D, K) are probabilities at D draws of the assumptions, in K blocks
of replicates. The method is that of Strong et al. (2014), see `simlib.analysis.uncertainty.perfect_information`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simlib.analysis.evaluator import cross
from simlib.analysis.uncertainty.estimates import (
    Number,
    Weighting,
    effective,
    jackknifed,
    mean,
    scaled,
    variance_over_draws,
)
from simlib.typing import Floats

__all__ = ["divergence", "explained", "explained_information", "explained_share", "explained_variance", "hermite"]

DEGREE = 6
"""Degree of the highest Hermite polynomial of the regression."""


def explained(
    statistic: Callable[[Floats, Floats, Floats | None], float], values: Floats, basis: Floats, weighting: Weighting
) -> Number:
    """Estimate `statistic(values, basis, scale)`, not below zero, with its 95% half-width.

    A jackknife that leaves out one group of draws at a time gives the error from the draws. The jackknife also removes
    a bias: `explained_variance` allows for the noise of independent draws, and Sobol sequences put less noise into a
    regression. The spread between groups would be too large an error, because a regression on an eighth of the draws is
    much noisier than one on all of them. If the event is rare and a few draws in the tail cause most of the variance of
    its probability, the interval of a gain in score, value ± half-width, covers the true gain in less than 95% of
    cases.
    """
    groups = np.unique(weighting.group)
    rest = [weighting.group != group for group in groups]
    scale = weighting.scale
    scales = [None if scale is None else scale[r] / scale[r].mean() for r in rest]
    left = np.array([statistic(values[r], basis[r], own) for r, own in zip(rest, scales, strict=True)])
    whole = statistic(values, basis, scale)
    unbiased = len(left) * whole - (len(left) - 1) * float(left.mean())
    return jackknifed(unbiased, left, lambda x, _: statistic(x, basis, scale), values).at_least_zero()


def hermite(scores: Floats) -> Floats:
    """Return normalised Hermite polynomials of normal scores at D draws, (D,) -> (D, degrees)."""
    from math import factorial

    columns = [
        np.polynomial.hermite_e.hermeval(scores, [0] * n + [1]) / np.sqrt(factorial(n)) for n in range(1, DEGREE + 1)
    ]
    return np.stack(columns, axis=1)


def _regression(values: Floats, basis: Floats, scale: Floats | None = None) -> tuple[Floats, Floats]:
    """Return fitted values and residuals of `values` (D, K) regressed on `basis` (D, degrees).

    The means over the draws are first subtracted from both.
    """
    apart, shapes = (x - scaled(x, scale).mean(axis=0) for x in (values, basis))
    root = None if scale is None else np.sqrt(scale)
    coefficients = np.linalg.lstsq(scaled(shapes, root), scaled(apart, root), rcond=None)[0]
    fitted = shapes @ coefficients
    return fitted, apart - fitted


def explained_variance(values: Floats, basis: Floats, scale: Floats | None = None) -> float:
    """Return Var(E[P | θᵢ]), the variance of a probability P that an assumption θᵢ explains.

    The result is the variance of the fitted values of a regression of P on a basis, minus the variance that noise adds.
    The result may be negative.

    Args:
        values: P (D, K) at D draws, in K blocks of replicates.
        basis: Functions of θᵢ at each draw (D, degrees).
        scale: The relative weights of the draws (D,). None: equal weights.
    """
    fitted, residual = _regression(values, basis, scale)
    rows, width = effective(len(values), scale), basis.shape[1]
    noise = width / (rows - 1 - width) * float(cross(scaled(residual, scale), residual))
    return float(cross(scaled(fitted, scale), fitted)) - noise


def explained_share(values: Floats, basis: Floats, scale: Floats | None = None) -> float:
    """Return Var(E[P | θᵢ]) / Var(P), or 0 if all variance is noise. θᵢ is the assumption."""
    variance = variance_over_draws(values, scale)
    return explained_variance(values, basis, scale) / variance if variance > 0 else 0.0


def explained_information(values: Floats, basis: Floats, scale: Floats | None = None) -> float:
    """Return the mutual information (nats) of the outcome and θᵢ, without the noise of the fit."""
    fitted, _ = _regression(values, basis, scale)
    raw = mean(fitted.mean(axis=1) ** 2, scale)
    if raw <= 0:
        return 0.0
    p = mean(values, scale)
    share = explained_variance(values, basis, scale) / raw
    return share * mean(divergence(p + fitted.mean(axis=1), p), scale)


def divergence(q: Floats, p: float) -> Floats:
    """Return the Kullback-Leibler divergence (nats) of a probability q of an event from p.

    q is clipped to [0, 1]. The result is 0 if p is 0 or 1.
    """
    from scipy.special import xlogy

    q = np.clip(q, 0.0, 1.0)
    if not 0 < p < 1:
        return np.zeros_like(q)
    return np.asarray(xlogy(q, q / p) + xlogy(1 - q, (1 - q) / (1 - p)))
