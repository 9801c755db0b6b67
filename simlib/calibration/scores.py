"""Scores of forecasts against the real events.

Each score is proper: forecasters do best by stating the probability that they believe. A lower score is better, except
    for `skill`. Scores with missing values are refused. Arrays have one row for each forecast, except in `time_score`,
    which scores one forecast. Choices that change a score are arguments without a default. Only the weight
    `CLIMATOLOGY_SHARE` is fixed.

References: Gneiting and Raftery (2007) for proper scores. Dimitriadis, Gneiting and Jordan (2021) for the decomposition
and the calibration curve (CORP). Czado, Gneiting and Held (2009) for the PIT histogram. Gneiting and Ranjan (2011) for
the weighted CRPS (`time_score`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simlib.errors import SimlibError
from simlib.formatting import counted
from simlib.typing import Floats, Ints

FEWEST_RESAMPLED = 10
"""Fewest crises for a bootstrap interval over crises. With ten, a 95% interval covers about 90%."""


PROFILE = "published"
"""The name that saved answers give to scores of probabilities mixed with `CLIMATOLOGY_SHARE` of their base rates."""

CLIMATOLOGY_SHARE = 0.01
"""The weight of the base rate (climatology) in a probability before it is scored.

Without it, a single failed forecast of 0 or 1 would make the mean log score infinite.
"""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The parts of a mean Brier score: `mean = miscalibration - discrimination + uncertainty`."""

    mean: float
    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """A calibration curve: how often an event happened after a forecast of each probability.

    All arrays have the shape (levels,), where a level is a probability stated in at least one forecast.

    - probability: the stated probability.
    - frequency: how often the event happened, by isotonic regression.
    - low, high: the range of the frequency in 90 of 100 samples of as many forecasts, if the forecasts were calibrated.
    - cases: number of forecasts at each level.
    """

    probability: Floats
    frequency: Floats
    low: Floats
    high: Floats
    cases: Floats


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean score of a forecast minus that of a reference, below 0 if the forecast is better.

    - mean, low, high: the mean of `score - reference`, and the ends of its 95% interval from resampling crises.
    - crises, cases: number of crises and of forecasts.
    """

    mean: float
    low: float
    high: float
    crises: int
    cases: int


# -------------------------------------------------------------------- events


def brier(probability: ArrayLike, happened: ArrayLike) -> Floats:
    """Return the Brier score of each forecast of an event, from 0 to 1 (Brier 1950)."""
    p, y = _events(probability, happened)
    return (p - y) ** 2


def log_score(probability: ArrayLike, happened: ArrayLike) -> Floats:
    """Return minus the log of the probability given to the outcome, in nats.

    The score is infinite if this probability is 0.
    """
    p, y = _events(probability, happened)
    with np.errstate(divide="ignore"):
        return -np.log(np.where(y == 1, p, 1 - p))


def mixed_with_climatology(probability: ArrayLike, climatology: ArrayLike) -> Floats:
    """Return the probabilities to score, each mixed with `CLIMATOLOGY_SHARE` of its base rate.

    Raises:
        SimlibError: For probabilities that are missing or outside 0 to 1.
    """
    p, base = _rows(probability=probability, climatology=climatology)
    for name, values in (("probability", p), ("climatology", base)):
        _within_unit(name, values)
    return (1 - CLIMATOLOGY_SHARE) * p + CLIMATOLOGY_SHARE * base


def monte_carlo_probability(count: float, runs: float) -> float:
    """Return a probability to score for `count` of `runs` histories: (count + ½) / (runs + 1).

    So an event that happened in none of the histories, or in all of them, is not given a probability of 0 or 1.
    """
    return (count + 0.5) / (runs + 1)


def scores_by_name(
    probabilities: Mapping[str, float], climatology: float, happened: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the Brier scores and the log scores of an event's forecasters, by name.

    Every probability is first mixed with the base rate `climatology`.
    """
    stated: Floats = np.array(list(probabilities.values()))
    mixed = mixed_with_climatology(stated, np.full(len(stated), climatology))
    outcome = np.full(len(stated), float(happened))
    by_rule = [rule(mixed, outcome).tolist() for rule in (brier, log_score)]
    briers, logs = (dict(zip(probabilities, values, strict=True)) for values in by_rule)
    return briers, logs


def decomposition(probability: ArrayLike, happened: ArrayLike) -> Decomposition:
    """Return the parts of the mean Brier score, by isotonic regression on the forecasts (CORP)."""
    p, y = _events(probability, happened)
    _, level_of, cases = np.unique(p, return_inverse=True, return_counts=True)
    recalibrated = _isotonic(y, level_of, cases)[level_of]
    mean, base = float(np.mean((p - y) ** 2)), float(np.mean((y.mean() - y) ** 2))
    best = float(np.mean((recalibrated - y) ** 2))
    return Decomposition(mean, mean - best, base - best, base)


def calibration_curve(probability: ArrayLike, happened: ArrayLike, *, resamples: int, seed: int) -> CalibrationCurve:
    """Return the calibration curve from isotonic regression, with 90% consistency bands (CORP)."""
    p, y = _events(probability, happened)
    levels, level_of, cases = np.unique(p, return_inverse=True, return_counts=True)
    generator = np.random.default_rng(seed)
    samples = [_isotonic(np.where(generator.random(len(p)) < p, 1.0, 0.0), level_of, cases) for _ in range(resamples)]
    low, high = np.quantile(samples, [0.05, 0.95], axis=0)
    return CalibrationCurve(levels, _isotonic(y, level_of, cases), low, high, cases.astype(float))


def _isotonic(happened: Floats, level_of: Ints, cases: Ints) -> Floats:
    """Return the event's frequency in each group of equal forecasts, by isotonic regression.

    `level_of` gives the group of each forecast, and `cases` the number of forecasts in each group.
    """
    from scipy.optimize import isotonic_regression

    frequency = np.bincount(level_of, weights=happened) / cases
    return np.clip(isotonic_regression(frequency, weights=cases).x, 0, 1)


# -------------------------------------------------------------------- ladders, times, counts and amounts


def ranked_probability(probabilities: ArrayLike, observed: ArrayLike) -> Floats:
    """Return the ranked probability score of each forecast, from 0 to rungs - 1 (Epstein 1969).

    A rung is a level of an ordered scale.

    Args:
        probabilities: Probability of each rung, shape (cases, rungs), lowest rung first. Each row sums to one.
        observed: Index of the rung that occurred, shape (cases,).
    """
    table = np.atleast_2d(np.asarray(probabilities, dtype=float))
    (rung,) = _rows(observed=observed)
    _complete("probabilities", table.ravel())
    if len(table) != len(rung) or np.abs(table.sum(axis=1) - 1).max() > 1e-6:
        raise SimlibError("each forecast needs rung probabilities that sum to one, and one observed rung")
    below = np.arange(table.shape[1]) >= rung[:, None]
    return ((np.cumsum(table, axis=1) - below)[:, :-1] ** 2).sum(axis=1)


def time_score(days: ArrayLike, incidence: ArrayLike, day: float | None, *, until: float) -> float:
    """Return the weighted CRPS, in days, of a forecast of the time of an event.

    The forecast is the probability that the event has happened by each day. This probability may stay below one,
    because the event may never happen. Between the given days the probability is interpolated linearly.

    Args:
        days: Days of the forecast in rising order, from 0 to at least `until`.
        incidence: Probability that the event has happened by each of these days, never falling.
        day: The day on which the event happened, or None if it did not happen by `until`.
        until: The last day that counts.
    """
    grid, probability = _rows(days=days, incidence=incidence)
    _within_unit("incidence", probability)
    if grid[0] != 0 or grid[-1] < until or np.any(np.diff(grid) <= 0) or np.any(np.diff(probability) < -1e-12):
        raise SimlibError(
            f"a forecast of a time needs rising days from 0 to {until:g} and a probability that never falls"
        )
    happened = until if day is None or day > until else float(day)
    knots = np.unique(np.r_[grid[grid < until], happened, until])
    error = np.interp(knots, grid, probability)
    before, after = knots <= happened, knots >= happened
    return _squared(knots[before], error[before]) + _squared(knots[after], error[after] - 1)


def _squared(knots: Floats, error: Floats) -> float:
    """Return the integral of the squared error, where the error is linear between the knots."""
    first, last = error[:-1], error[1:]
    return float(np.sum(np.diff(knots) * (first**2 + first * last + last**2) / 3))


def interval_score(low: ArrayLike, high: ArrayLike, observed: ArrayLike, *, level: float) -> Floats:
    """Return each central interval's score, in the unit of the observation (Winkler 1972).

    Args:
        low: Lower ends, shape (cases,).
        high: Upper ends, shape (cases,).
        observed: The values that occurred, shape (cases,).
        level: Probability with which each interval is said to contain the observation, for example 0.9.
    """
    below, above, value = _rows(low=low, high=high, observed=observed)
    missed = np.maximum(below - value, 0) + np.maximum(value - above, 0)
    return (above - below) + 2 / (1 - level) * missed


def coverage(low: ArrayLike, high: ArrayLike, observed: ArrayLike) -> float:
    """Return the share of intervals that contain the observation, ends included."""
    below, above, value = _rows(low=low, high=high, observed=observed)
    return float(np.mean((below <= value) & (value <= above)))


def pit_histogram(below: ArrayLike, up_to: ArrayLike, *, bins: int) -> Floats:
    """Return the heights of the non-randomised PIT histogram of forecasts of counts.

    The PIT (probability integral transform) of a count is taken as uniform from `below` to `up_to`. For a calibrated
    forecaster all heights are 1.

    Args:
        below: Forecast probability that the count is below the observed count, shape (cases,).
        up_to: Forecast probability that the count is at most the observed count, shape (cases,).
        bins: Number of bins of equal width.

    Raises:
        SimlibError: For a count whose forecast probability is 0.
    """
    first, last = _rows(below=below, up_to=up_to)
    if np.any(first >= last):
        raise SimlibError("a count whose forecast probability is 0 has no PIT")
    edges = np.linspace(0, 1, bins + 1)
    cumulative = np.clip((edges - first[:, None]) / (last - first)[:, None], 0, 1).mean(axis=0)
    return np.diff(cumulative) * bins


# -------------------------------------------------------------------- comparisons


def skill(score: ArrayLike, reference: ArrayLike) -> float:
    """Return 1 minus the ratio of the mean score to the reference's mean score (1 is perfect).

    Raises:
        SimlibError: If the reference scores 0, because the ratio is not defined then.
    """
    own, other = _rows(score=score, reference=reference)
    if other.mean() == 0:
        raise SimlibError("skill needs a reference with a score above 0")
    return float(1 - own.mean() / other.mean())


def paired_difference(
    score: ArrayLike, reference: ArrayLike, crisis: Sequence[str], *, per: str, resamples: int, seed: int
) -> PairedDifference:
    """Return the mean difference in score from a reference, with a bootstrap interval.

    The forecasts of one crisis count as one observation, so the bootstrap draws whole crises with replacement.

    Args:
        score: Scores of the forecast, shape (cases,).
        reference: Scores of the reference, shape (cases,).
        crisis: The crisis that each case belongs to.
        per: "case" for the mean over cases. "crisis" to sum within each crisis and take the mean of these sums.
        resamples: Number of bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        SimlibError: For fewer than `FEWEST_RESAMPLED` crises, because a bootstrap interval of so few is too narrow.
    """
    own, other = _rows(score=score, reference=reference)
    names, crisis_of = np.unique(np.asarray(crisis), return_inverse=True)
    if per not in {"case", "crisis"}:
        raise SimlibError(f"a difference is per 'case' or per 'crisis', not per {per!r}")
    if len(crisis_of) != len(own) or len(names) < FEWEST_RESAMPLED:
        raise SimlibError(
            f"an interval of a difference needs the crisis of every case, and at least {FEWEST_RESAMPLED} crises"
        )
    totals = np.bincount(crisis_of, weights=own - other)
    cases = np.bincount(crisis_of) if per == "case" else np.ones(len(names))
    draws = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    means = totals[draws].sum(axis=1) / cases[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return PairedDifference(float(totals.sum() / cases.sum()), float(low), float(high), len(names), len(own))


# -------------------------------------------------------------------- refusals


def _events(probability: ArrayLike, happened: ArrayLike) -> tuple[Floats, Floats]:
    p, y = _rows(probability=probability, happened=happened)
    _within_unit("probability", p)
    if not np.isin(y, (0, 1)).all():
        raise SimlibError("each entry that says whether an event happened must be 0 or 1")
    return p, y


def _rows(**columns: ArrayLike) -> tuple[Floats, ...]:
    arrays = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in columns.items()}
    for name, values in arrays.items():
        _complete(name, values)
    sizes = {name: len(values) for name, values in arrays.items()}
    if len(set(sizes.values())) != 1 or not next(iter(sizes.values())):
        raise SimlibError(f"a score needs one row for each forecast; the numbers of rows are {sizes}")
    return tuple(arrays.values())


def _complete(name: str, values: Floats) -> None:
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        first = ", ".join(str(row + 1) for row in missing[:5])
        raise SimlibError(
            f"{name} is missing in {counted(len(missing), 'row')} (first: {first}); score complete rows only"
        )


def _within_unit(name: str, values: Floats) -> None:
    if np.any((values < 0) | (values > 1)):
        raise SimlibError(f"{name} must lie between 0 and 1")
