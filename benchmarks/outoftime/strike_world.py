"""The generic crisis world with a first strike and an end: both have one rate for each level of the tempo.

The clock is the tempo clock of the event-days (`simlib.calibration.tempo_clock`). A crisis is open until it is struck
or ends. Its state on a morning is a probability for each activity (K) and each level (L), given the events so far. A
forecast sums over the events to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from benchmarks.outoftime.crises import Crisis
from simlib.calibration.tempo_clock import TempoClock, exponentials, powers
from simlib.typing import Floats


@dataclass(frozen=True)
class StrikeWorld:
    """Rates per day by level (L,) of the first strike and of the end, and the chance of a strike on day 0."""

    clock: TempoClock
    strike: Floats
    end: Floats
    on_day_0: float

    @cached_property
    def start(self) -> Floats:
        """The state (K, L) on the morning of day 1."""
        return self.clock.activity[1][:, None] * self.clock.start

    @cached_property
    def day(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The probabilities of a day, given the activity and the level in the morning.

        They are for each level at night without an event (K, L, L), for each level at night with an event (K, L, L),
        for a first strike (K, L), and for the end (K, L).
        """
        levels, factors = len(self.strike), self.clock.activity[0]
        cooling = np.diag(np.append(-self.clock.cooling, 0.0)) + np.diag(self.clock.cooling, 1)
        cooling = cooling - np.diag(self.strike + self.end)
        jump = (1 - self.clock.reset) * np.eye(levels)
        jump[:, 0] += self.clock.reset
        event = factors[:, None] * self.clock.rates
        whole = np.zeros((len(factors), 2 * levels + 2, 2 * levels + 2))
        silent, told = slice(levels), slice(levels, 2 * levels)
        whole[:, silent, silent] = cooling - event[:, :, None] * np.eye(levels)
        whole[:, silent, told] = event[:, :, None] * jump
        whole[:, told, told] = cooling
        for place, rates in ((-2, self.strike), (-1, self.end)):
            whole[:, silent, place] = whole[:, told, place] = rates
        moved = exponentials(whole)[:, :levels]
        return moved[:, :, silent], moved[:, :, told], moved[:, :, -2], moved[:, :, -1]

    def morning_after(self, crisis: Crisis, day: int) -> Floats:
        """Return the state (K, L) of an open crisis on the morning after a day, given its events."""
        silent, told, _, _ = self.day
        state = self.start
        for today in range(1, day + 1):
            state = np.einsum("ki,kij->kj", state, told if today in crisis.record.days else silent)
            state = state / state.sum()
        return state

    def incidence(self, state: Floats, days: Sequence[int]) -> Floats:
        """Return the probability of a first strike within each of `days`, where the end competes."""
        silent, told, struck, _ = self.day
        by_day = np.einsum("ki,dkij,kj->d", state, powers(silent + told, max(days) - 1), struck)
        return np.cumsum(by_day)[np.array(days) - 1]

    def hazards(self, days: int) -> Floats:
        """Return the daily hazard (days + 1,) of a first strike, given only the trigger."""
        silent, told, struck, _ = self.day
        states = np.einsum("ki,dkij->dkj", self.start, powers(silent + told, max(days - 1, 0)))
        later = np.einsum("dkj,kj->d", states, struck) / states.sum(axis=(1, 2))
        return np.append(self.on_day_0, later[:days])


def fit_strike_world(past: Sequence[Crisis], clock: TempoClock, cut_open: Sequence[bool]) -> StrikeWorld:
    """Fit the strike rate and the end rate of each level by maximum likelihood.

    Args:
        past: The crises before the cut.
        clock: The clock of their event-days.
        cut_open: Which of the crises were open on the day of the cut. They are censored there.
    """
    share = np.mean([crisis.first_strike == 0 for crisis in past])
    told_days = [_told_days(crisis, still) for crisis, still in zip(past, cut_open, strict=True)]
    told_days = [each for each in told_days if each is not None]
    longest = max(last for _, last, _ in told_days)
    happened = np.zeros((longest + 1, len(told_days)), dtype=bool)
    for place, (days, _, _) in enumerate(told_days):
        happened[list(days), place] = True
    last_day = np.array([last for _, last, _ in told_days])
    cause = np.array([cause for _, _, cause in told_days])

    def lost(x: Floats) -> float:
        world = _world(clock, x, share)
        return -_log_likelihood(world, happened, last_day, cause)

    levels = len(clock.rates)
    start = np.log([0.02, *[0.4] * (levels - 1), *[0.006] * levels])
    bounds = [(-9.0, 0.0), *[(-5.0, 0.0)] * (levels - 1), *[(-9.0, 0.0)] * levels]
    return _world(clock, minimize(lost, start, method="L-BFGS-B", bounds=bounds).x, share)


def _world(clock: TempoClock, x: Floats, on_day_0: float) -> StrikeWorld:
    """Return the world with the logs `x` of its rates.

    After the first, a strike rate is given by its ratio to the rate of the level before, which is at most 1.
    """
    levels = len(clock.rates)
    return StrikeWorld(clock, np.exp(np.cumsum(x[:levels])), np.exp(x[levels:]), float(on_day_0))


def _told_days(crisis: Crisis, still_open: bool) -> tuple[list[int], int, int] | None:
    """Return the event-days, the last day, and its cause: 0 none known, 1 a strike, 2 the end.

    If the cause is known, the last day is left out of the event-days.
    """
    if crisis.first_strike == 0 or crisis.last_day < 1:
        return None
    last = crisis.last_day if crisis.first_strike is None else crisis.first_strike
    cause = 1 if crisis.first_strike is not None else 0 if still_open else 2
    return [day for day in crisis.record.days if day < last or (day == last and not cause)], last, cause


def _log_likelihood(world: StrikeWorld, happened: np.ndarray, last_day: np.ndarray, cause: np.ndarray) -> float:
    silent, told, struck, ended = world.day
    state = np.repeat(world.start[None], len(last_day), axis=0)
    total = 0.0
    order = np.argsort(-last_day)
    happened, last_day, cause = happened[:, order], last_day[order], cause[order]
    for today in range(1, int(last_day[0]) + 1):
        running = int(np.searchsorted(-last_day, -today, side="right"))
        state = state[:running]
        closing = (last_day[:running] == today) & (cause[:running] > 0)
        exits = np.where(cause[:running, None, None] == 1, struck, ended)[closing]
        total += float(np.log((state[closing] * exits).sum(axis=(1, 2))).sum())
        moved = np.einsum("nki,kij->nkj", state, silent)
        seen = happened[today, :running]
        moved[seen] = np.einsum("nki,kij->nkj", state[seen], told)
        mass = moved.sum(axis=(1, 2))
        total += float(np.log(mass[~closing]).sum())
        state = moved / mass[:, None, None]
    return total
