"""Rival models of event-days, fitted by maximum likelihood to the crises before a cut.

Each model scores later crises. The score of a crisis is a sum over its days: the log-probability that the day had an
event if it had one, or that it had none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.signal import fftconvolve, lfilter
from scipy.special import logsumexp, roots_genlaguerre

from simlib.calibration.crisis_cases import CrisisRecord
from simlib.typing import Floats, Ints

Score = Callable[[Sequence[CrisisRecord]], Floats]
"""Returns the score (N,) of each record."""

DECAYS = (3.0, 15.0, 60.0)
"""Days in which the counts of the regression decay to 1/e of their size, fixed beforehand."""

FRAILTIES = 24
"""Points of the quadrature rule for a Gamma frailty."""


@dataclass(frozen=True)
class Days:
    """All days of several crises in one table. The trigger counts as an event on day 0.

    crisis (D,): the index of the crisis. age (D,): the day, from 1. gap (D,): days since the last event. event (D,): 1
    if the day had an event.
    """

    records: tuple[CrisisRecord, ...]

    @cached_property
    def crisis(self) -> Ints:
        return np.repeat(np.arange(len(self.records)), [r.last_day for r in self.records])

    @cached_property
    def age(self) -> Floats:
        return np.concatenate([np.arange(1.0, r.last_day + 1) for r in self.records])

    @cached_property
    def event(self) -> Floats:
        columns = [np.bincount(np.array(r.days, dtype=int) - 1, minlength=r.last_day) for r in self.records]
        return np.concatenate(columns).astype(float)

    @cached_property
    def gap(self) -> Floats:
        last = np.where(self.event == 1, self.age, 0.0)
        before = np.where(self.age == 1, 0.0, np.roll(last, 1))
        # The last event so far is a running maximum, which the offset starts again for each crisis.
        offset = self.crisis * (self.age.max() + 1)
        return self.age - (np.maximum.accumulate(before + offset) - offset)

    @cached_property
    def _sheet(self) -> Floats:
        """One row for each crisis, one column for each day from the trigger, which counts as an event."""
        sheet = np.zeros((len(self.records), int(self.age.max()) + 1))
        sheet[:, 0] = 1
        sheet[self.crisis, self.age.astype(int)] = self.event
        return sheet

    def decayed(self, days: float, trigger: float = 1.0) -> Floats:
        """Return the weighted number (D,) of earlier events.

        The weight of an event after t days is exp(-t / `days`). For the trigger it is multiplied by `trigger`.
        """
        keep = np.exp(-1 / days)
        sheet = np.hstack([np.full((len(self.records), 1), trigger), self._sheet[:, 1:]])
        return lfilter([0, keep], [1, -keep], sheet, axis=1)[self.crisis, self.age.astype(int)]

    def answered(self, response: Floats, trigger: float) -> Floats:
        """Return the sum (D,) of the responses to earlier events.

        `response` gives the response by the days since an event. For the trigger it is multiplied by `trigger`.
        """
        sheet = np.hstack([np.full((len(self.records), 1), trigger), self._sheet[:, 1:]])
        whole = fftconvolve(sheet, np.append(0.0, response[1:])[None], axes=1)
        return np.maximum(whole[self.crisis, self.age.astype(int)], 0.0)

    def by_crisis(self, values: Floats) -> Floats:
        """Return the sums (N, ...) of daily values over each crisis."""
        starts = np.flatnonzero(self.age == 1)
        return np.add.reduceat(values, starts, axis=0)


def log_bernoulli(event: Floats, hazard: Floats) -> Floats:
    """Return the log-probability that each day had an event, or none, given its total hazard."""
    return np.where(event == 1, np.log(-np.expm1(-np.maximum(hazard, 1e-300))), -hazard)


def with_frailty(days: Days, hazard: Floats, shape: float) -> Floats:
    """Return the scores (N,) of crises whose hazards are multiplied by a Gamma frailty with mean 1.

    The score of a whole crisis is the same as if the frailty were learnt day by day.
    """
    points, weights = roots_genlaguerre(FRAILTIES, shape - 1)
    given = days.by_crisis(log_bernoulli(days.event[:, None], hazard[:, None] * points / shape))
    return logsumexp(given, axis=1, b=weights / weights.sum())


def maximise(score: Callable[[Floats], float], start: Sequence[float], bounds: Sequence[tuple[float, float]]) -> Floats:
    return minimize(lambda x: -score(x), np.array(start), method="L-BFGS-B", bounds=bounds).x


def _fitted(
    past: Sequence[CrisisRecord],
    score: Callable[[Floats, Days], Floats],
    start: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Score:
    days = Days(tuple(past))
    x = maximise(lambda x: float(score(x, days).sum()), start, bounds)
    return lambda records: score(x, Days(tuple(records)))


def constant_rate(past: Sequence[CrisisRecord]) -> Score:
    """The same rate on all days, with a Gamma frailty between crises."""

    def score(x: Floats, days: Days) -> Floats:
        return with_frailty(days, np.full(len(days.age), np.exp(x[0])), np.exp(x[1]))

    return _fitted(past, score, [-3, 0.5], [(-9, 2), (-3, 5)])


def weibull_renewal(past: Sequence[CrisisRecord]) -> Score:
    """Weibull gaps between event-days with a Gamma frailty between crises, learnt day by day."""

    def score(x: Floats, days: Days) -> Floats:
        shape = np.exp(x[0])
        hazard = np.exp(x[1]) * (days.gap**shape - (days.gap - 1) ** shape)
        return with_frailty(days, hazard, np.exp(x[2]))

    return _fitted(past, score, [-0.5, -1.5, 0.5], [(-3, 2), (-9, 3), (-3, 5)])


def hawkes(past: Sequence[CrisisRecord]) -> Score:
    """A base rate, an exponential response to the trigger and another one to each event, with a Gamma frailty."""

    def score(x: Floats, days: Days) -> Floats:
        after_trigger = np.exp(x[2] - days.age / np.exp(x[3]))
        after_events = np.exp(x[4]) * days.decayed(np.exp(x[5]), trigger=0.0)
        return with_frailty(days, np.exp(x[0]) + after_trigger + after_events, np.exp(x[1]))

    response = [(-9.0, 2.0), (-1.0, 6.5)]
    return _fitted(past, score, [-4.5, 1, -1.5, 1.5, -2, 1.5], [(-9, 2), (-3, 5), *response, *response])


def power_law_hawkes(past: Sequence[CrisisRecord]) -> Score:
    """A base rate and a response (1 + days / c) ** -p to each event (Ogata 1988), with a Gamma frailty."""

    def score(x: Floats, days: Days) -> Floats:
        response = days.answered((1 + np.arange(days.age.max() + 1) / np.exp(x[3])) ** -np.exp(x[4]), np.exp(x[5]))
        return with_frailty(days, np.exp(x[0]) + np.exp(x[2]) * response, np.exp(x[1]))

    bounds = [(-9, 2), (-3, 5), (-9, 2), (-3, 5), (-2, 2), (-3, 3)]
    return _fitted(past, score, [-4.5, 1, -1.5, 1, 0, 0], bounds)


def regression(past: Sequence[CrisisRecord]) -> Score:
    """A complementary log-log regression on log age, log gap and three decayed counts of events."""

    def score(x: Floats, days: Days) -> Floats:
        return days.by_crisis(log_bernoulli(days.event, np.exp(np.clip(_terms(days) @ x, -30, 5))))

    return _fitted(past, score, [-2, *[0.0] * 5], [(-9, 9)] * 6)


def _terms(days: Days) -> Floats:
    counts = [days.decayed(decay) for decay in DECAYS]
    return np.column_stack([np.ones(len(days.age)), np.log(days.age), np.log(days.gap), *counts])
