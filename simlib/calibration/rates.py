"""Rates from history: how often an event happened, and how far a new crisis may differ.

Three ranges must not be confused:

- The range of a pooled rate says how well the average over all crises is known.
- The range for a new crisis is wider, because it includes the differences between crises.
- The range of a hazard that changes with the time since the onset holds for one band (period) of days only.

References: Cochran (1977, section 6.4) for the error of a ratio over cases that differ. The interval for a band, or for
fewer than `FEWEST_CASES` cases, is the Gamma interval of a Poisson rate with Jeffreys' prior. Greenwood and Yule (1920)
for rates that differ between cases. Aalen and Johansen (1978) for competing causes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from simlib.errors import SimlibError
from simlib.formatting import counted
from simlib.quantities import DAYS_PER
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

HAZARD_BANDS = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
"""First day of each band (period) of a hazard that is constant within each band. The last band has no end."""

FEWEST_CASES = 5
"""Fewest cases from which the spread between cases is estimated."""

CENSORED = ""
"""The cause given to a case that was still going on when its record ended."""


@dataclass(frozen=True, slots=True)
class PooledRate:
    """The rate of an event over all cases (crises) together, with its 90% interval.

    - events: number of events.
    - exposure_days: number of days in which events could happen.
    - per_day: the estimated rate per day.
    - low, high: the ends of the interval.
    """

    events: float
    exposure_days: float
    per_day: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NewCaseRate:
    """The rate of an event in a new case (crisis), which may differ from rates in past cases.

    - cases: number of past cases.
    - per_day, low, high: median, 5% and 95% quantiles of the rate per day.
    - variation: coefficient of variation of the rate between cases.
    - p_value: p-value of the test that all cases have the same rate.
    """

    cases: int
    per_day: float
    low: float
    high: float
    variation: float
    p_value: float


def pooled_rate(events: ArrayLike, exposure_days: ArrayLike) -> PooledRate:
    """Return the number of events per day of exposure over all cases, with a 90% interval.

    The interval uses Student's t for the logarithm of the rate. The standard error of the rate is that of a ratio
    estimated over the cases, so the interval includes the differences between cases. The interval is never narrower
    than if all events came from one Poisson process. For fewer than `FEWEST_CASES` cases, or if no event happened, the
    interval is the equal-tailed Gamma interval, as if all cases had the same rate.

    Args:
        events: Number of events of each case, shape (cases,).
        exposure_days: Days of each case in which events could happen, shape (cases,).

    Raises:
        SimlibError: For an exposure of 0 days, and for missing numbers or numbers below 0.
    """
    from scipy.stats import gamma, t

    count, days = _columns(events, exposure_days)
    total, exposure, cases = float(count.sum()), float(days.sum()), len(count)
    if not exposure > 0:
        raise SimlibError("a rate needs more than 0 days of exposure")
    rate = total / exposure
    if cases < FEWEST_CASES or not total:
        low, high = gamma.ppf([0.05, 0.95], total + 0.5) / exposure
        return PooledRate(total, exposure, rate, float(low) if total else 0.0, float(high))
    error = math.sqrt(max(float(np.sum((count - rate * days) ** 2)) * cases / (cases - 1), total)) / total
    factor = math.exp(float(t.ppf(0.95, cases - 1)) * error)
    return PooledRate(total, exposure, rate, rate / factor, rate * factor)


def new_case_rate(events: ArrayLike, exposure_days: ArrayLike) -> NewCaseRate:
    """Return the rate of an event in a new case, from a Gamma distribution fitted to past cases.

    The range includes the uncertainty about this distribution: the quantiles are those of a mixture of Gamma
    distributions, weighted by the posterior of mean and coefficient of variation on a grid. The prior is flat in the
    logarithm of the mean, and half-normal with scale 1 in the coefficient of variation. `variation` is the posterior
    median of this coefficient.

    Args:
        events: Number of events of each case, shape (cases,).
        exposure_days: Days of each case in which events could happen, shape (cases,).

    Raises:
        SimlibError: For fewer than five cases or no event, because the spread between cases cannot be estimated.
    """
    from scipy.stats import chi2, halfnorm

    count, days = _columns(events, exposure_days)
    if len(count) < FEWEST_CASES or count.sum() == 0:
        raise SimlibError("to estimate the spread between cases takes at least five cases and one event")
    variation = halfnorm.ppf((np.arange(_GRID) + 0.5) / _GRID)  # quantiles that split the prior into equal shares
    pooled, error = count.sum() / days.sum(), math.sqrt(1 / count.sum() + 1 / len(count))
    means = pooled * np.exp(np.linspace(-6, 6, 2 * _GRID + 1) * error)
    likelihood = np.array([_log_likelihood(count, days, means, v**-2) for v in variation])
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    shape, centre = (grid[weights > 1e-9] for grid in np.broadcast_arrays(variation[:, None] ** -2, means))
    low, median, high = _mixed_quantiles((0.05, 0.5, 0.95), shape, centre, weights[weights > 1e-9])
    gain = max(2 * (likelihood.max() - float(np.sum(count * np.log(pooled * days) - pooled * days))), 0.0)
    p_value = 0.5 * float(chi2.sf(gain, 1)) if gain > 0 else 0.5
    middle = float(variation[np.searchsorted(np.cumsum(weights.sum(axis=1)), 0.5)])
    return NewCaseRate(len(count), median, low, high, middle, p_value)


_GRID = 60


def _log_likelihood(count: Floats, days: Floats, means: Floats, shape: float) -> Floats:
    """Return the log-likelihood of the counts for each mean rate in `means`.

    The rates have a Gamma distribution with this mean and the given shape. A constant that depends only on the counts
    is left out.
    """
    from scipy.special import gammaln

    fixed = np.sum(gammaln(count + shape)) - len(count) * (gammaln(shape) - shape * math.log(shape))
    fixed += float(np.sum(count * np.log(days)))
    total: Floats = fixed + count.sum() * np.log(means) - np.log(shape + means[:, None] * days) @ (count + shape)
    return total


def _mixed_quantiles(points: Sequence[float], shape: Floats, mean: Floats, weights: Floats) -> list[float]:
    from scipy.optimize import brentq
    from scipy.special import gammainc

    def short_of(log_rate: float, point: float) -> float:
        return float(weights @ gammainc(shape, math.exp(log_rate) * shape / mean)) / float(weights.sum()) - point

    ends = math.log(mean.min()) - 60, math.log(mean.max()) + 10
    return [math.exp(brentq(short_of, *ends, args=(point,), xtol=1e-9)) for point in points]


def piecewise_hazard(days: ArrayLike, happened: ArrayLike) -> pd.DataFrame:
    """Return a table of the hazard of an event in each of the `HAZARD_BANDS`.

    The hazard is per day, with a 90% interval. A band without exposure has no row.

    Args:
        days: Day of the event in each case, or else the last day on which the event could have been observed, shape
            (cases,).
        happened: Whether the event happened on that day, shape (cases,). Otherwise the case is censored.
    """
    import pandas as pd

    time, event = _columns(days, happened)
    edges = [*HAZARD_BANDS, math.inf]
    rows: list[dict[str, Any]] = []
    for first, last in itertools.pairwise(edges):
        exposure = float(np.clip(np.minimum(time, last) - first, 0, None).sum())
        count = float(event[(time >= first) & (time < last)].sum())
        if exposure > 0:
            rate = pooled_rate(count, exposure)
            rows.append({"from_day": first, "to_day": last, "events": int(count), "exposure_days": exposure})
            rows[-1] |= {"per_day": rate.per_day, "low": rate.low, "high": rate.high}
    return pd.DataFrame(rows)


def cumulative_incidence(days: ArrayLike, causes: Sequence[str], by: ArrayLike) -> dict[str, Floats]:
    """Return each cause's cumulative incidence, with the others competing (Aalen–Johansen).

    Args:
        days: Day of the first event of each case, or of its censoring, shape (cases,).
        causes: The cause of that event, or `CENSORED` if there was none, shape (cases,).
        by: Days for which the incidence is returned, shape (days,).

    Returns:
        For each cause, the probability that an event of this cause has happened by each day, shape (days,).
    """
    (time,) = _columns(days)
    named = np.asarray(causes, dtype=object)
    if len(named) != len(time):
        raise SimlibError("each case needs one day and one cause")
    moments = np.unique(time[named != CENSORED])
    at_risk = np.array([np.sum(time >= moment) for moment in moments], dtype=float)
    counts = {
        cause: np.array([np.sum((time == moment) & (named == cause)) for moment in moments])
        for cause in sorted(set(named) - {CENSORED})
    }
    leaving = sum(counts.values(), np.zeros(len(moments)))
    before = np.concatenate(([1.0], np.cumprod(1 - leaving / at_risk)[:-1])) if len(moments) else np.empty(0)
    until = np.searchsorted(moments, np.asarray(by, dtype=float), side="right")
    return {
        cause: np.concatenate(([0.0], np.cumsum(before * number / at_risk)))[until] for cause, number in counts.items()
    }


def as_assumption(identifier: str, label: str, rate: NewCaseRate, because: str) -> str:
    """Return the rate in a new case as the text of an assumption, to paste into a scenario."""
    days = rate.per_day, rate.low, rate.high
    value, low, high = (f"{each * DAYS_PER['month']:.3g} per month" for each in days)
    lines = [f"{identifier}:", f"  label: {label}", f"  value: {value}", f"  low: {low}", f"  high: {high}"]
    return "\n".join([*lines, f"  because: >-\n    {because}"]) + "\n"


def _columns(*columns: ArrayLike) -> tuple[Floats, ...]:
    arrays = tuple(np.atleast_1d(np.asarray(values, dtype=float)) for values in columns)
    if len({len(each) for each in arrays}) != 1 or not len(arrays[0]):
        raise SimlibError("the history needs one row for each case, and at least one case")
    missing = sum(int(np.isnan(each).sum()) for each in arrays)
    if missing:
        raise SimlibError(
            f"the history has {counted(missing, 'missing number')}; leave out or complete the cases with them"
        )
    if any((each < 0).any() for each in arrays):
        raise SimlibError("the history has a number below 0; numbers of events and days are 0 or more")
    return arrays
