"""Priors: the distributions of the assumptions, and draws from them.

Each assumption has one normal score z. With g the logit for a chance and the log for any other kind,

    θ = g⁻¹(g(value) + s₋ z) for z < 0, θ = g⁻¹(g(value) + s₊ z) for z ≥ 0,

a split normal on the g scale. Its 5th, 50th and 95th percentiles are low, value and high. This distribution exists for
any low, value and high in this order, and has light tails. θ is monotone in z. Rank correlations make the scores
jointly normal, z ~ N(0, R), with the Pearson correlation 2 sin(π ρ / 6) for a Spearman ρ (Kruskal 1958). Scores come
from a scrambled Sobol sequence (Owen 1998), so that a few hundred draws cover the priors evenly. A longer sequence with
the same seed begins with the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from simlib.errors import Problem, ScenarioError, Unsupported, did_you_mean
from simlib.scenario.scales import Z_95TH_PERCENTILE, forward, inverse, possible, shifted
from simlib.typing import Floats

if TYPE_CHECKING:
    from simlib.scenario.model import Assumption, Scenario


__all__ = ["correlation", "describe", "draws", "insist_on_uncertain", "quantile", "scores", "scores_from_values"]
__all__ += ["share_below", "shifted", "slopes", "theta", "values_from_scores"]


def theta(scenario: Scenario, values: Mapping[str, float] | None = None) -> Floats:
    """Return the assumption values (A,): those in `values`, or else the medians in the scenario.

    All values are in base units (per day, days, or plain numbers). Raises ScenarioError for a name in `values` that is
    not an assumption, and for a value that is not possible, such as a negative rate.
    """
    result = np.array([a.value for a in scenario.assumptions.values()], dtype=float)
    if values:
        position = {name: index for index, name in enumerate(scenario.assumptions)}
        unknown = [name for name in values if name not in position]
        if unknown:
            raise ScenarioError(
                [
                    Problem("", 0, name, "is no assumption of this scenario", did_you_mean(name, position))
                    for name in unknown
                ]
            )
        for name, value in values.items():
            result[position[name]] = possible(scenario.assumptions[name], value)
    return result


def insist_on_uncertain(scenario: Scenario) -> tuple[Assumption, ...]:
    """Return the assumptions whose prior has a spread, or raise Unsupported if there are none."""
    if not scenario.uncertain:
        raise Unsupported("every assumption of this scenario is fixed: give at least one a low and a high value")
    return scenario.uncertain


def correlation(scenario: Scenario) -> Floats:
    """Return the Pearson correlation matrix (A, A) of the normal scores of the assumptions."""
    position = {name: index for index, name in enumerate(scenario.assumptions)}
    matrix = np.eye(len(position))
    for pair in scenario.correlations:
        i, j = position[pair.first], position[pair.second]
        matrix[i, j] = matrix[j, i] = 2 * np.sin(np.pi * pair.rank / 6)
    return matrix


def scores(scenario: Scenario, n: int, *, seed: int = 0, shuffled: bool = False) -> Floats:
    """Return n draws (n, A) of the normal scores of the A assumptions, with their correlations.

    The draws are the first n points of a scrambled Sobol sequence, so a larger n only adds draws. Among the first
    points of such a sequence, some pairs of columns have similar values, no matter how it is scrambled. With
    `shuffled`, the columns are assigned to the assumptions at random, so that another seed makes other pairs of
    assumptions similar. Raises ValueError for n < 1.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    if n < 1:
        raise ValueError(f"the number of draws must be at least 1, not {n}")
    sequence = qmc.Sobol(len(scenario.assumptions), scramble=True, bits=30, rng=np.random.default_rng(seed))
    uniform = sequence.random_base2(int(np.ceil(np.log2(n))))[:n]
    half = 0.5**31  # points are multiples of 2**-30; half a step more keeps them off 0 and 1
    independent = ndtri(np.clip(uniform + half, half, 1 - half))
    if shuffled:
        independent = independent[:, np.random.default_rng([seed, 1]).permutation(independent.shape[1])]
    if not scenario.correlations:
        return np.asarray(independent)
    return np.asarray(independent @ np.linalg.cholesky(correlation(scenario)).T)


def values_from_scores(scenario: Scenario, z: ArrayLike) -> Floats:
    """Return assumption values in base units from their normal scores `z`, both (..., A).

    The formula is in the module docstring.
    """
    z = np.asarray(z, dtype=float)
    assumptions = scenario.assumptions.values()
    y = np.array([0.0 if a.fixed else forward(a.kind, a.value) for a in assumptions]) + slopes(scenario, z) * z
    result = np.empty_like(y)
    chance = np.array([a.kind == "chance" for a in assumptions], dtype=bool)
    result[..., chance] = inverse("chance", y[..., chance])
    result[..., ~chance] = np.exp(y[..., ~chance])
    return np.where([a.fixed for a in assumptions], theta(scenario), result)


def _from_score(assumption: Assumption, z: Floats) -> Floats:
    if assumption.fixed:
        return np.full_like(z, assumption.value)
    spread = np.where(z < 0, *_steps(assumption.kind, assumption.value, assumption.low, assumption.high))
    return np.asarray(inverse(assumption.kind, forward(assumption.kind, assumption.value) + spread * z))


def scores_from_values(scenario: Scenario, values: ArrayLike) -> Floats:
    """Return the normal scores of assumption `values` in base units, both (..., A).

    The score of a fixed assumption is 0. This is the inverse of `values_from_scores`.
    """
    values = np.asarray(values, dtype=float)
    result = np.zeros_like(values)
    for index, a in enumerate(scenario.assumptions.values()):
        above = forward(a.kind, values[..., index]) - forward(a.kind, a.value)
        spread = np.where(above < 0, *_steps(a.kind, a.value, a.low, a.high))
        result[..., index] = np.divide(above, spread, out=np.zeros_like(above), where=spread > 0)
    return result


def draws(scenario: Scenario, n: int, *, seed: int = 0) -> Floats:
    """Return n draws (n, A) of the A assumptions from their priors, in base units.

    Raises ValueError for n < 1.
    """
    return values_from_scores(scenario, scores(scenario, n, seed=seed))


def quantile(assumption: Assumption, p: ArrayLike) -> Floats:
    """Return the quantiles of one assumption's prior at probabilities `p`, in base units."""
    from scipy.special import ndtri

    return _from_score(assumption, np.asarray(ndtri(np.asarray(p, dtype=float))))


def share_below(assumption: Assumption, value: float) -> float:
    """Return the prior probability that an assumption is at most `value` (in base units)."""
    from scipy.special import ndtr

    if assumption.fixed:
        return float(value >= assumption.value)
    x, centre = forward(assumption.kind, value), forward(assumption.kind, assumption.value)
    below, above = _steps(assumption.kind, assumption.value, assumption.low, assumption.high)
    spread = below if x < centre else above
    if spread == 0 and x != centre:  # no spread on this side of the stated value
        return float(x > centre)
    return float(ndtr((x - centre) / spread)) if spread else 0.5


def describe(assumption: Assumption) -> dict[str, float]:
    """Return the mean ("mean") and the quantiles ("p01" to "p99") of a prior, in base units.

    The quantiles are at 1, 5, 25, 50, 75, 95 and 99%.
    """
    from scipy.special import ndtri

    cells = 4096
    middle = _from_score(assumption, np.asarray(ndtri((np.arange(cells) + 0.5) / cells)))
    points = {
        f"p{round(100 * p):02d}": float(quantile(assumption, p)) for p in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    }
    return {"mean": float(middle.mean()), **points}


def slopes(scenario: Scenario, z: ArrayLike) -> Floats:
    """Return the derivatives ∂g(θ)/∂z of assumptions at normal scores `z`, both (..., A).

    g is the logit for a chance, and the log for any other kind of assumption. The derivative is 0 for a fixed
    assumption.
    """
    steps = [_steps(a.kind, a.value, a.low, a.high) for a in scenario.assumptions.values()]
    below, above = np.array(steps, dtype=float).reshape(-1, 2).T
    return np.asarray(np.where(np.asarray(z) < 0, below, above))


@lru_cache(maxsize=4096)
def _steps(kind: str, value: float, low: float, high: float) -> tuple[float, float]:
    """Return the slopes s₋ (below the median) and s₊ (above it) of the module docstring."""
    if low == high:
        return 0.0, 0.0
    centre = forward(kind, value)
    return (centre - forward(kind, low)) / Z_95TH_PERCENTILE, (forward(kind, high) - centre) / Z_95TH_PERCENTILE
