"""A cut: the crises known on a date, the later crises, and the fitted models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import pandas as pd

from benchmarks.outoftime import first_strike
from benchmarks.outoftime.crises import VIOLENT_TRIGGERS, Crisis
from benchmarks.outoftime.strike_world import StrikeWorld, fit_strike_world
from simlib.calibration.tempo_clock import TempoClock
from simlib.calibration.tempo_fit import fit_tempo
from simlib.typing import Floats


class Cut:
    """The crises that began before 1 January of a year, and those that began later.

    The first are `past`, as they were known on that day. All models are fitted to them alone.
    """

    def __init__(self, crises: Sequence[Crisis], year: int) -> None:
        self.year, self.date = year, pd.Timestamp(year, 1, 1)
        self.past = [crisis.before(self.date) for crisis in crises if crisis.trigger < self.date]
        self.later = [crisis for crisis in crises if crisis.trigger >= self.date]
        self.open_then = {crisis.number: self.day_of(crisis) < crisis.last_day for crisis in crises}
        self.days = max(crisis.last_day for crisis in crises) + 1

    def day_of(self, crisis: Crisis) -> int:
        """Return the day before the cut, counted from the trigger of a crisis."""
        return (self.date - crisis.trigger).days - 1

    def of(self, belongs: Callable[[Crisis], bool]) -> tuple[list[Crisis], list[Crisis]]:
        """Return the past and the later crises that belong to a class."""
        return [c for c in self.past if belongs(c)], [c for c in self.later if belongs(c)]

    @cached_property
    def clock(self) -> TempoClock:
        """The clock of the event-days of all past crises."""
        return fit_tempo([crisis.record for crisis in self.past]).clock

    @cached_property
    def strike_tempo(self) -> Floats:
        """The daily hazard of the first strike, from a tempo fitted to past non-violent triggers."""
        return first_strike.tempo(self.of(quiet_trigger)[0], self.days)

    @cached_property
    def quiet_world(self) -> StrikeWorld:
        """The generic world of crises with a non-violent trigger."""
        return self._world(quiet_trigger)

    @cached_property
    def peace_world(self) -> StrikeWorld:
        """The generic world of crises that are no part of a war."""
        return self._world(at_peace)

    def _world(self, belongs: Callable[[Crisis], bool]) -> StrikeWorld:
        past = self.of(belongs)[0]
        return fit_strike_world(past, self.clock, [self.open_then[crisis.number] for crisis in past])


def at_peace(crisis: Crisis) -> bool:
    """Say whether a crisis was no part of a war."""
    return not crisis.in_war


def quiet_trigger(crisis: Crisis) -> bool:
    """Say whether a crisis was no part of a war and began without violence."""
    return at_peace(crisis) and crisis.break_code not in VIOLENT_TRIGGERS
