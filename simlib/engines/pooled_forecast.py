"""The weighted mean of several forecasts, by different forecasters or at different draws.

The interval of a mean probability is Wilson's interval. The effective number of trials of this interval follows from
the variance of the mean, which is estimated from the spread between the forecasts. Sizes: D forecasts, T report times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from simlib.results import Accumulation, Band, Forecast
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats

__all__ = ["accumulations", "mean_forecast", "total"]


def accumulations(forecasts: Sequence[Forecast], share: Floats) -> dict[str, Accumulation]:
    """Return weighted means of the impacts (accumulated quantities) over forecasts of D draws.

    The standard deviation of the quantity has two parts (law of total variance): `chance` is the spread within draws,
    and `doubt` is the spread between draws. `share` (D,) are the weights of the forecasts, which sum to one.
    """
    return {
        name: _mixed([forecast.impacts[name] for forecast in forecasts], forecasts, share)
        for name in forecasts[0].impacts
    }


def _mixed(parts: Sequence[Accumulation], forecasts: Sequence[Forecast], share: Floats) -> Accumulation:
    means, errors = (np.stack([getattr(part, name) for part in parts]) for name in ("mean", "error"))
    mean, sampling = share @ means, _variance_of_mean(means, share)
    between = share @ (means - mean) ** 2 / max(1 - float(np.sum(share**2)), 1e-12)
    noise = share @ (errors / Z_TWO_SIDED_95) ** 2
    given, given_error = {}, {}
    for ending in parts[0].given:
        reached = np.stack([forecast.endings[ending].probability for forecast in forecasts])
        amounts = np.nan_to_num(np.stack([part.given[ending] for part in parts]))
        with np.errstate(divide="ignore", invalid="ignore"):
            probability = share @ reached
            given[ending] = share @ (reached * amounts) / probability
            # The variance of the ratio of two means, by the delta method.
            apart = reached * (amounts - given[ending]) / probability
            given_error[ending] = Z_TWO_SIDED_95 * np.sqrt(_variance_of_mean(1 + apart, share))
    return Accumulation(
        unit=parts[0].unit,
        mean=mean,
        chance=np.sqrt(share @ np.stack([part.chance for part in parts]) ** 2),
        doubt=np.sqrt(np.maximum(between - noise, 0.0)),
        error=Z_TWO_SIDED_95 * np.sqrt(sampling),
        given=given,
        given_error=given_error,
    )


def mean_forecast(forecasts: Sequence[Forecast], share: Floats, trials: float | None) -> Forecast:
    """Return the weighted mean of forecasts of one scenario (linear opinion pool).

    `share` (D,) are the weights of the forecasts, which sum to one. `trials` is the number of replicates of all
    forecasts together (for unequal weights the effective number), None for exact forecasts. The result keeps the
    impacts of the first forecast. `accumulations` gives the mean impacts. Raises ValueError for forecasts of different
    scenarios or at different times.
    """
    first = forecasts[0]
    if any(not np.array_equal(f.times, first.times) or f.scenario.id != first.scenario.id for f in forecasts):
        raise ValueError("only forecasts of one scenario at the same times can be pooled")

    histories, effective = total(forecasts, "histories"), 1 / (len(share) * float(np.sum(share**2)))

    def bands(kind: str) -> dict[str, Band]:
        counted = first.provenance.get("by_histories", ()) if kind == "questions" else ()
        return {
            name: _pooled_band(
                [getattr(f, kind)[name] for f in forecasts], share, histories * effective if name in counted else trials
            )
            for name in getattr(first, kind)
        }

    def nested(kind: str, reduce: Callable[[Floats], Floats]) -> dict[str, dict[str, Floats]]:
        return {
            outer: {inner: reduce(np.stack([getattr(f, kind)[outer][inner] for f in forecasts])) for inner in parts}
            for outer, parts in getattr(first, kind).items()
        }

    def moves(reduce: Callable[[Floats], Floats]) -> dict[str, Floats]:
        return {name: reduce(np.stack([f.moves[name] for f in forecasts])) for name in first.moves}

    def mean(stack: Floats) -> Floats:
        return np.asarray(share @ stack)

    def half(stack: Floats) -> Floats:
        return np.asarray(Z_TWO_SIDED_95 * np.sqrt(_variance_of_mean(stack, share)))

    exact = all(f.provenance.get("firings_by") == "exact" for f in forecasts)
    replicates = None if exact else histories * effective if histories else trials
    return dataclasses.replace(
        first,
        endings=bands("endings"),
        questions=bands("questions"),
        variables=nested("variables", mean),
        ladders=nested("ladders", mean),
        moves=moves(mean),
        days=None if first.days is None else nested("days", mean),
        firings=_pooled_firings(forecasts, share, replicates),
        error={"variables": nested("variables", half), "ladders": nested("ladders", half), "moves": moves(half)},
    )


def _pooled_firings(forecasts: Sequence[Forecast], share: Floats, trials: float | None) -> dict[str, Band] | None:
    """Return for each move the weighted mean of P(it happens at most n times), n = 0, 1, ...

    The result is None if a forecast lacks these probabilities.
    """
    laws = [forecast.firings for forecast in forecasts if forecast.firings is not None]
    if len(laws) < len(forecasts):
        return None
    pooled = {}
    for name in laws[0]:
        longest = max(len(law[name].probability) for law in laws)
        bands = [Band(*(_lengthened(side, longest) for side in dataclasses.astuple(law[name]))) for law in laws]
        pooled[name] = _pooled_band(bands, share, trials)
    return pooled


def _lengthened(at_most: Floats, length: int) -> Floats:
    return np.pad(at_most, (0, length - len(at_most)), mode="edge")


def _variance_of_mean(stack: Floats, share: Floats) -> Floats:
    """Estimate the variance (T,) of the weighted mean of D draws (D, T), 0 for a single draw."""
    if len(stack) < 2:
        return np.zeros(stack.shape[1:])
    mean = share @ stack
    return np.asarray(share**2 @ (stack - mean) ** 2 * len(stack) / (len(stack) - 1))


def _pooled_band(bands: Sequence[Band], share: Floats, trials: float | None) -> Band:
    stack = np.stack([band.probability for band in bands])
    p = share @ stack
    variance = _variance_of_mean(stack, share)
    bound = share @ np.stack([band.high - band.probability for band in bands])
    band = Band.of_mean(p, variance, trials)
    return band if trials else Band(p, band.low, np.maximum(band.high, p + bound))


def total(forecasts: Sequence[Forecast], key: str) -> Any:
    """Return the sum of a number in the provenance of forecasts, None if any lacks it."""
    values = [f.provenance.get(key) for f in forecasts]
    return None if any(v is None for v in values) else sum(values)
