"""Times between public events in simulated histories, measured as in event data.

Event data on crises come from written narratives. A narrative records about a dozen events per crisis, weeks apart.
Simulated histories have many more events, so events are dropped at random until about a dozen are left. Clusters of
events survive this thinning if they come from a changing pace of the crisis. Gaps are differences of exact times.
Rounding to whole days hardly matters for events weeks apart, but it would distort the gaps between daily events.

References: Douglass and others (2022) ICBe 1.1. Mantel and Haenszel (1959), for the rate ratio within strata.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.engines.montecarlo.replay import histories
from simlib.scenario.model import Scenario
from simlib.typing import Bools, Floats, Ints

NARRATED_EVENTS = 14
"""Average number of events that a written narrative records for one crisis."""

FEWEST_GAPS = 10
"""The shape of gaps is estimated only from crises with at least this many gaps between events."""

WINDOW = 3
"""A day is "after" an event if the event happened on one of this many days before it."""


@dataclass(frozen=True)
class PublicEvents:
    """The public events of one simulated crisis, in order.

    - days: the time of each event in days since the start of the scenario, not rounded.
    - moves: the id of the move of each event.
    - last_day: the day on which the crisis ended, or the horizon if it did not end.
    """

    days: Floats
    moves: tuple[str, ...]
    last_day: float

    def days_of(self, moves: Collection[str]) -> Ints:
        """Return the numbers of the days on which any of the moves happened, without repeats."""
        mask = [move in moves for move in self.moves]
        return np.unique(np.floor(self.days[mask]).astype(np.int64))


def public_events(scenario: Scenario, runs: int, seed: int = 0) -> tuple[PublicEvents, ...]:
    """Return the public events of `runs` histories, simulated at the scenario's stated values."""
    if runs == 0:
        return ()
    past, names = histories(scenario, runs, seed=seed), list(scenario.moves)
    public = np.array([*(not move.covert for move in scenario), False])  # index -1 (no move) picks the last entry
    crises = []
    for first, last, end in zip(past.start[:-1], past.start[1:], past.ending_time, strict=True):
        rows = np.arange(first, last)[public[past.move[first:last]]]
        moves = tuple(names[move] for move in past.move[rows])
        crises.append(PublicEvents(past.time[rows], moves, min(float(end), scenario.horizon_days)))
    return tuple(crises)


def gap_shape(crises: Sequence[PublicEvents]) -> float | None:
    """Return the shape parameter of a Weibull distribution fitted to the gaps between events.

    All crises share the shape, and each crisis has a scale of its own. A shape of 1 means that the process of events
    has no memory. A shape below 1 means that events cluster. Before the fit, events are dropped at random until about
    `NARRATED_EVENTS` are left in each crisis. The result is None if no crisis then has `FEWEST_GAPS` gaps.
    """
    generator = random.Random(0)
    gaps = [np.diff(_thinned(crisis.days, generator)) for crisis in crises]
    gaps = [part for part in gaps if len(part) >= FEWEST_GAPS]
    return _common_shape(gaps) if gaps else None


def _thinned(days: Floats, generator: random.Random) -> Floats:
    share = NARRATED_EVENTS / max(len(days), 1)
    return days[[generator.random() < share for _ in days]]


def _common_shape(gaps: Sequence[Floats]) -> float:
    """Return the shape of a Weibull distribution fitted to the gaps by maximum likelihood.

    All crises have the same shape, and each crisis has its own scale.
    """
    from scipy.optimize import brentq

    logs = sum(float(np.log(part).sum()) for part in gaps)
    total = sum(len(part) for part in gaps)

    def slope(shape: float) -> float:
        weighted = sum(len(part) * np.average(np.log(part), weights=part**shape) for part in gaps)
        return float(total / shape + logs - weighted)

    return float(brentq(slope, 0.05, 20))


def after_force(
    crises: Sequence[PublicEvents], kind: Collection[str], force: Collection[str], negotiation: Collection[str]
) -> float | None:
    """Return the rate of a kind of move after force, relative to its rate after negotiation.

    A day is "after" an event if the event happened on one of the three days before that day. A day that is after both
    force and negotiation is left out. Each crisis is cut into three parts of equal length, and the ratio is pooled over
    the parts of all crises (Mantel-Haenszel). The result is None if no part has both days after force and days after
    negotiation, or if no move of the given kind followed negotiation.

    Args:
        crises: The public events of each crisis.
        kind: The moves whose rate is compared.
        force: The moves that count as force.
        negotiation: The moves that count as negotiation.
    """
    above = below = 0.0
    for crisis in crises:
        for exposed in _strata(crisis, kind, force, negotiation):
            (force_days, force_hits), (talk_days, talk_hits) = exposed
            if force_days and talk_days:
                above += force_hits * talk_days / (force_days + talk_days)
                below += talk_hits * force_days / (force_days + talk_days)
    return above / below if below else None


Exposure = tuple[int, int]


def _strata(
    crisis: PublicEvents, kind: Collection[str], force: Collection[str], negotiation: Collection[str]
) -> list[tuple[Exposure, Exposure]]:
    """Count the days after only force and after only negotiation, in each third of a crisis.

    Each count is a pair: the number of such days, and the number of those days with a move of the given `kind`.
    """
    length = int(crisis.last_day)
    hit, force_days, talk_days = (_marked(crisis.days_of(moves), length) for moves in (kind, force, negotiation))
    after_force_day, after_talk_day = _recent(force_days), _recent(talk_days)
    third = np.arange(length) * 3 // max(length, 1)

    def count(days: Bools) -> Exposure:
        return int(days.sum()), int((days & hit).sum())

    parts = [third == number for number in range(3)]
    return [
        (count(part & after_force_day & ~after_talk_day), count(part & after_talk_day & ~after_force_day))
        for part in parts
    ]


def _marked(days: Ints, length: int) -> Bools:
    marks = np.zeros(length, bool)
    marks[days[days < length]] = True
    return marks


def _recent(marks: Bools) -> Bools:
    """Return whether each day comes 1 to `WINDOW` days after a marked day."""
    recent = np.zeros_like(marks)
    for lag in range(1, WINDOW + 1):
        recent[lag:] |= marks[:-lag]
    return recent
