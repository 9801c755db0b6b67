"""The time to the first strike: hazards of each day since the trigger, fitted to the crises before a cut.

A hazard (days,) holds for each day, from day 0 on, the probability of a strike on that day in a crisis that is still
open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from benchmarks.outoftime.crises import Crisis
from simlib.calibration.rates import HAZARD_BANDS
from simlib.calibration.tempo_clock import exponentials, powers
from simlib.typing import Floats

MILITARY = 7
"""Code of ICB's `break`: a non-violent military trigger."""

Curve = Callable[[Floats], Floats]


def score(hazard: Floats, crisis: Crisis) -> float:
    """Return the log-probability of the day of the first strike, or of no strike by the end."""
    struck = crisis.first_strike
    if struck is None:
        return float(np.log1p(-hazard[: crisis.last_day + 1]).sum())
    return float(np.log1p(-hazard[:struck]).sum() + np.log(hazard[struck]))


def scores(hazard: Floats, crises: Sequence[Crisis]) -> Floats:
    return np.array([score(hazard, crisis) for crisis in crises])


def _fitted(past: Sequence[Crisis], curve: Curve, start: Sequence[float]) -> Floats:
    def lost(x: Floats) -> float:
        return -float(scores(np.clip(curve(x), 1e-12, 1 - 1e-12), past).sum())

    options = {"maxiter": 2000, "maxfev": 2000, "xatol": 1e-4, "fatol": 1e-5}
    return curve(minimize(lost, np.array(start), method="Nelder-Mead", options=options).x)


def _chance(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def constant(past: Sequence[Crisis], days: int) -> Floats:
    return _fitted(past, lambda x: np.full(days, -np.expm1(-np.exp(x[0]))), [-5])


def mass_and_constant(past: Sequence[Crisis], days: int) -> Floats:
    return _fitted(past, lambda x: np.append(_chance(x[0]), np.full(days - 1, -np.expm1(-np.exp(x[1])))), [-2, -5])


def weibull(past: Sequence[Crisis], days: int) -> Floats:
    day = np.arange(days + 1.0)
    return _fitted(past, lambda x: -np.expm1(-np.exp(x[1]) * np.diff(day ** np.exp(x[0]))), [-1, -2])


def tempo(past: Sequence[Crisis], days: int) -> Floats:
    """Fit a probability for day 0, and for later days a tempo that starts hot and cools.

    Each of its three levels has a strike rate.
    """

    def curve(x: Floats) -> Floats:
        cooling, strike = np.exp(x[1:3]), np.exp(np.cumsum(x[3:6]))
        generator = np.diag(np.append(-cooling, 0.0)) + np.diag(cooling, 1) - np.diag(strike)
        open_until = powers(exponentials(generator[None]), days - 1)[:, 0, 0].sum(axis=1)
        return np.append(_chance(x[0]), 1 - open_until[1:] / open_until[:-1])

    return _fitted(past, curve, [-2.4, -2.0, -4.4, -3.3, -2.5, -1.9])


def in_bands(events: Floats, exposure: Floats, days: int) -> Floats:
    """Return a daily hazard that is constant in each band of `simlib.calibration.rates`.

    `events` and `exposure` are the numbers of events and of open crises on each day.
    """
    band = np.searchsorted(HAZARD_BANDS, np.arange(len(events)), side="right") - 1
    counts, at_risk = (np.bincount(band, weights=each, minlength=len(HAZARD_BANDS)) for each in (events, exposure))
    rate = (counts + 0.5) / (at_risk + 1)
    return rate[np.searchsorted(HAZARD_BANDS, np.arange(days), side="right") - 1]


def piecewise(past: Sequence[Crisis], still_open: Sequence[bool], days: int) -> tuple[Floats, Floats]:
    """Return piecewise constant hazards of the first strike and of the end, which compete."""
    strike, end, exposure = np.zeros(days), np.zeros(days), np.zeros(days)
    for crisis, still in zip(past, still_open, strict=True):
        last = crisis.last_day if crisis.first_strike is None else crisis.first_strike
        exposure[: last + 1] += 1
        strike[last] += crisis.first_strike is not None
        end[last] += crisis.first_strike is None and not still
    return in_bands(strike, exposure, days), in_bands(end, exposure, days)


def incidence(strike: Floats, end: Floats) -> Floats:
    """Return the probability (days,) of a first strike by each day, where the end competes."""
    open_before = np.append(1.0, np.cumprod((1 - strike) * (1 - end))[:-1])
    return np.cumsum(open_before * strike)


def fine_gray(
    past: Sequence[Crisis], censored: Sequence[int], days: int, until: int = 365
) -> Callable[[Crisis], Floats]:
    """Fit subdistribution hazards in bands, times a factor for a non-violent military trigger.

    A crisis that ended without a strike stays at risk up to the cut (Fine and Gray 1999).

    Args:
        past: The crises before the cut.
        censored: The last day before the cut for each crisis, counted from its trigger.
        days: Days of the incidence to return.
        until: Days after the trigger that count.

    Returns:
        A function from a crisis to the probability (days,) of a first strike by each day.
    """
    bands = len(HAZARD_BANDS)
    band = np.searchsorted(HAZARD_BANDS, np.arange(until), side="right") - 1
    military = np.array([_military(crisis) for crisis in past])
    exposure, events = np.zeros((len(past), bands)), np.zeros((len(past), bands))
    for place, (crisis, last) in enumerate(zip(past, censored, strict=True)):
        struck = crisis.first_strike
        stop = min(last, until - 1)
        if struck is not None and struck <= stop:
            events[place, band[struck]] += 1
            stop = struck
        exposure[place] = np.bincount(band[: stop + 1], minlength=bands)

    def lost(x: Floats) -> float:
        log_rate = x[:bands] + x[bands] * military[:, None]
        # A weak normal prior keeps a band without an event finite.
        weak = 0.01 * float((x[:bands] + 6) @ (x[:bands] + 6))
        return weak - float((events * log_rate - exposure * np.exp(log_rate)).sum())

    x = minimize(lost, np.append(np.full(bands, -5.0), 0.0), method="BFGS").x
    own_band = np.searchsorted(HAZARD_BANDS, np.arange(days), side="right") - 1
    return lambda crisis: -np.expm1(-np.cumsum(np.exp(x[own_band] + x[bands] * _military(crisis))))


def _military(crisis: Crisis) -> float:
    return float(crisis.break_code == MILITARY)
