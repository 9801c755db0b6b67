"""The value of every state on many days, from one backward solution.

The value of a state on a day is the probability that an event happens by the deadline, given that the history is in
this state on this day. A forecast made on a day is the mean of the values on that day, weighted by the probabilities of
the states.
"""

from __future__ import annotations

import itertools

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import one_blas_thread
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.observables import Observable
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import EMPTY_TABOO, Taboo
from simlib.engines.exact.uniformization import backward
from simlib.machine.interventions import Segment
from simlib.typing import Floats

SEGMENT_TOLERANCE = 1e-10
"""Bound on the truncation error within each segment (a stretch of time with constant rates)."""


def state_values(
    solver: Solver, chain: Chain, event: Observable, days: Floats, *, since: float = 0.0, control: Control = UNWATCHED
) -> Floats:
    """Return the value of each of N states on each of J days (J, N).

    The value is the probability that an event happens by the horizon, given the state on the day.

    Args:
        solver: The scenario, prepared to be solved. Its horizon is the deadline.
        chain: The Markov chain of the scenario at assumption values.
        event: The event. Either the state at the deadline lies in a set of states, or the history meets one of a set of
            states and firings (happenings of moves) by the deadline (a first passage).
        days: Days (J,) after the scenario's `as_of`, up to the horizon. The value on a day is taken before any
            intervention on that day.
        since: The day from which a first passage counts. States and firings that are met earlier do not count.
        control: Cancellation, which raises Cancelled.
    """
    result = np.zeros((len(days), len(solver.space)))
    value = np.zeros(len(solver.space)) if event.terminal is None else event.terminal.copy()
    value = event.quest.taboo.met(value)
    result[days == solver.horizon] = value
    with one_blas_thread():
        for segment in reversed(solver.segments):
            for start, end, taboo in reversed(_stretches(segment.start, segment.end, since, event.quest.taboo)):
                here = np.flatnonzero((start <= days) & (days < end))
                worth = _back(chain, segment, value, end - start, end - days[here], taboo, control)
                result[here], value = worth[:-1], worth[-1]
                if start == since and start > segment.start:
                    value = taboo.met(value)
                    result[days == start] = value
            taboo = event.quest.taboo if segment.start >= since else EMPTY_TABOO
            for jump in reversed(chain.jumps(segment)):
                value = jump.pull(taboo.met(value), taboo)
            value = taboo.met(value)
            result[days == segment.start] = value
    return result


def _stretches(start: float, end: float, since: float, taboo: Taboo) -> list[tuple[float, float, Taboo]]:
    """Cut a segment at the day `since`, and return (start, end, taboo) for each part.

    The taboo has the states and firings that stop a history. Before the day `since`, nothing stops a history.
    """
    cuts = [start, since, end] if start < since < end else [start, end]
    pairs = itertools.pairwise(cuts)
    return [(first, last, taboo if first >= since else EMPTY_TABOO) for first, last in pairs if last > first]


def _back(
    chain: Chain, segment: Segment, value: Floats, duration: float, remaining: Floats, taboo: Taboo, control: Control
) -> Floats:
    pair_rates, kill = chain.without(taboo, chain.rating(segment).pair_rates)
    space = chain.space.held(segment.held, chain.tables)
    times = np.append(remaining, duration)
    return backward(space, pair_rates, value, duration, times, kill=kill, tolerance=SEGMENT_TOLERANCE, control=control)
