"""A model of the pace of events in a crisis, and the likelihood of past crises under it.

The tempo of a crisis is a hidden variable with the levels hot, warm and quiet, or only hot and quiet. The tempo cools
from each level to the next at a constant rate. Events happen at a rate that depends on the level and is multiplied by
the activity of the crisis, a factor that differs between crises (a frailty). An event makes the tempo hot again with a
fixed probability. Only the first event of a day counts, so a day has one event or none. The model is a Markov-modulated
process. `tempo_fit` fits it to past crises.

The likelihood of a record is a product over its days. The factor of a day is the probability of an event, or of no
event, given the days before. A record that stops while the crisis goes on is censored on its last day.

References: Fischer and Meier-Hellstern (1993), the Markov-modulated Poisson process cookbook. Vaupel, Manton and
Stallard (1979) for frailty. Van Loan (1978) for the matrices of a day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simlib.calibration.crisis_cases import CrisisRecord
from simlib.errors import SimlibError
from simlib.typing import Floats, Ints

LEVELS = {2: ("hot", "quiet"), 3: ("hot", "warm", "quiet")}
"""Names of the levels of tempo (pace of events), by their number, the hottest first."""

ACTIVITY_POINTS, FARTHEST_ACTIVITY = 16, 3.2
"""Number of equally spaced points of log activity, and their largest distance from its mean in standard deviations.

A crisis with many event-days has a narrow likelihood. Points that are far apart would miss it, and the fitted spread
between crises would be too small. A scenario can have a level for each point, because a variable has at most 16 levels.
"""


@dataclass(frozen=True)
class TempoClock:
    """A model of the events of a crisis whose tempo (pace of events) has L hidden levels.

    In each array the level with the most events, the hottest, comes first.

    - rates (L,): events per day in a crisis of median activity.
    - cooling (L - 1,): rate per day of the change from each level to the next.
    - reset: probability that an event makes the tempo hot.
    - start (L,): probability of each level at the end of the first day (day 0) of the crisis.
    - spread: standard deviation, between crises, of the log of the activity. Activity multiplies the rate of events.
    """

    rates: Floats
    cooling: Floats
    reset: float
    start: Floats
    spread: float

    @cached_property
    def activity(self) -> tuple[Floats, Floats]:
        """Quadrature points (K,) of the activity of a crisis, and their weights (K,).

        The activity is a factor that multiplies the rate of events and differs between crises.
        """
        if self.spread == 0:
            return np.ones(1), np.ones(1)
        points = np.linspace(-FARTHEST_ACTIVITY, FARTHEST_ACTIVITY, ACTIVITY_POINTS)
        weights = np.exp(-(points**2) / 2)
        return np.exp(self.spread * points), weights / weights.sum()

    def day_matrices(self) -> tuple[Floats, Floats]:
        """Return the transition matrices (K, L, L) of a day without an event and of a day with one.

        A day begins at level i, in a crisis whose activity is point k of `activity`. Entry [k, i, j] of the first
        matrix is the probability that the day ends at level j and has no event. Entry [k, i, j] of the second matrix is
        the probability that the day ends at level j and has an event.
        """
        levels, factors = len(self.rates), self.activity[0]
        cooling = np.diag(np.append(-self.cooling, 0.0)) + np.diag(self.cooling, 1)
        jump = (1 - self.reset) * np.eye(levels)
        jump[:, 0] += self.reset
        whole = np.zeros((len(factors), 2 * levels, 2 * levels))
        event = factors[:, None] * self.rates
        whole[:, :levels, :levels] = cooling - event[:, :, None] * np.eye(levels)
        whole[:, :levels, levels:] = event[:, :, None] * jump
        whole[:, levels:, levels:] = cooling
        day = exponentials(whole)
        return day[:, :levels, :levels], day[:, :levels, levels:]

    def log_likelihood(self, records: Sequence[CrisisRecord]) -> Floats:
        """Return the log-likelihood of each record, shape (records,)."""
        return Gaps(records).log_likelihood(self)

    def next_day(self, record: CrisisRecord) -> Floats:
        """Return the event probability on each day from day 1, given only earlier days (last_day,)."""
        without, with_event = self.day_matrices()
        state = self.activity[1][:, None] * self.start
        happened = set(record.days)
        forecast = np.empty(record.last_day)
        for day in range(1, record.last_day + 1):
            quiet = np.einsum("ki,kij->kj", state, without)
            forecast[day - 1] = 1 - quiet.sum()
            state = np.einsum("ki,kij->kj", state, with_event) if day in happened else quiet
            state = state / state.sum()
        return forecast


class Gaps:
    """Records of crises, stored as the numbers of days between events.

    In this form, one power of a matrix gives the likelihood of all days between two events.
    """

    def __init__(self, records: Sequence[CrisisRecord]) -> None:
        for record in records:
            days = np.array([0, *record.days, record.last_day + 1])
            if np.any(np.diff(days) <= 0):
                raise SimlibError(f"the days of crisis {record.name} must rise from 1 to its last day")
        most = max((len(record.days) for record in records), default=0)
        self.number = len(records)
        self.gap: Ints = np.full((most, self.number), -1)
        for place, record in enumerate(records):
            self.gap[: len(record.days), place] = np.diff([0, *record.days]) - 1
        self.after: Ints = np.array([r.last_day - (r.days[-1] if r.days else 0) for r in records], dtype=np.int64)
        self.longest = int(max(self.gap.max(initial=0), self.after.max(initial=0)))

    def log_likelihood(self, clock: TempoClock) -> Floats:
        """Return the log-likelihood of each record under a model, shape (records,)."""
        without, with_event = clock.day_matrices()
        silent = powers(without, self.longest)
        until_event = silent @ with_event
        state = np.repeat((clock.activity[1][:, None] * clock.start)[None], self.number, axis=0)
        total = np.zeros(self.number)
        for gaps in self.gap:
            here = np.flatnonzero(gaps >= 0)
            moved = np.einsum("nki,nkij->nkj", state[here], until_event[gaps[here]])
            mass = moved.sum(axis=(1, 2))
            total[here] += np.log(mass)
            state[here] = moved / mass[:, None, None]
        survival = silent.sum(axis=3)[self.after]
        return total + np.log((state * survival).sum(axis=(1, 2)))


def exponentials(matrix: Floats) -> Floats:
    """Return the matrix exponentials of K small matrices, shape (K, M, M).

    The method is scaling, a Taylor series and squaring. SciPy takes a hundred times as long for matrices of this size
    when other work keeps the cores busy.
    """
    halvings = max(math.ceil(math.log2(np.abs(matrix).sum(axis=2).max() / 0.5)), 0)
    small, size = matrix / 2**halvings, matrix.shape[-1]
    result = np.eye(size) + small / 13
    for term in range(12, 0, -1):
        result = np.eye(size) + small @ result / term
    for _ in range(halvings):
        result = result @ result
    return np.asarray(result)


def powers(matrix: Floats, most: int) -> Floats:
    """Return the powers 0 to `most` of matrices (K, L, L) as one array (most + 1, K, L, L)."""
    result = np.empty((most + 1, *matrix.shape))
    result[0], done = np.eye(matrix.shape[-1]), 1
    while done <= most:
        step = result[done - 1] @ matrix
        more = min(done, most + 1 - done)
        result[done : done + more] = result[:more] @ step
        done += more
    return result
