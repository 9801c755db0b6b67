"""Chance within doubt, over time: a forecast over the priors as the data of a nested fan.

The stack of a ladder's rungs is chance: how probable each rung is on each day. Where its borders could lie, over the
draws from the priors, is doubt. The two are never one band.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.machine.measures import find, of_forecast
from simlib.typing import Floats

if TYPE_CHECKING:
    from simlib.engines.ensemble import Ensemble

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Fan:
    """Series over time (T,) and their spread over the draws.

    mean and stated (S, T), quantiles (5, S, T) at 5, 25, 50, 75 and 95% of the draws. For a ladder the series are the
    borders below its rungs 1, 2, ...: P(on this rung or above); for a measure there is one, its probability. Where
    replicates were counted, the noise within the draws is taken out of the spread, so that it does not pass for doubt.
    """

    scenario: str
    as_of: dt.date
    title: str
    names: tuple[str, ...]
    times: Floats
    mean: Floats
    stated: Floats
    quantiles: Floats
    draws: int


def ladder_fan(draws: Ensemble, ladder: str | None = None) -> Fan:
    """Return the fan of a ladder (default: the first) from a forecast over the priors; raises KeyError."""
    name = ladder or next(iter(draws.scenario.ladders))
    found = draws.scenario.ladders[name]

    def borders(shares: dict[str, Floats]) -> Floats:
        stack = np.stack([shares[rung.id] for rung in found.rungs])
        return np.cumsum(stack[::-1], axis=0)[::-1][1:]

    series = np.stack([borders(dict(forecast.ladders[name])) for forecast in draws.forecasts])
    return _fan(
        draws, found.label, tuple(rung.id for rung in found.rungs), series, borders(dict(draws.stated.ladders[name]))
    )


def measure_fan(draws: Ensemble, measure: str) -> Fan:
    """Return the fan of a measure from a forecast over the priors; raises ScenarioError for an unknown one."""
    asked = find(draws.scenario, measure)[0]
    if not asked.probability:
        raise ValueError(f"{asked.name!r} is an expected count; a fan is of a probability")
    series = np.stack([of_forecast(forecast, asked)[0][None, :] for forecast in draws.forecasts])
    return _fan(draws, asked.label, (asked.name,), series, of_forecast(draws.stated, asked)[0][None, :])


def _fan(draws: Ensemble, title: str, names: tuple[str, ...], series: Floats, stated: Floats) -> Fan:
    return Fan(
        draws.scenario.id,
        draws.scenario.as_of,
        title,
        names,
        draws.stated.times,
        series.mean(axis=0),
        stated,
        np.quantile(draws.without_noise(series), QUANTILES, axis=0),
        len(series),
    )
