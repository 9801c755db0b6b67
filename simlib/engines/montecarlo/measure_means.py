"""Means of measures over replicates, including measures that need every event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simlib.control import Control
from simlib.engines.montecarlo.counts import Counts, reader
from simlib.engines.montecarlo.replay import Histories, replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.machine.measures import Measure
from simlib.typing import Floats, Ints

__all__ = ["days_at", "means_of"]

_Means = Callable[[Floats | None, Floats | None, Floats | None, range, int, Control], tuple[Counts, Floats]]


def means_of(simulator: Simulator, measures: Sequence[Measure]) -> _Means:
    """Return a function that runs replicates and returns (counts, means of M measures (T, M)).

    For a measure of days at a level, the function also replays the replicates, because these days can only be computed
    from all events of a history. The arguments of the function are:

        theta: The assumption values (A,). None: the stated values.
        centre: The stated values (A,), if `theta` is a draw around them.
        start: The probabilities of the start states (K,). None: those of the scenario.
        which: The numbers of the replicates.
        seed: The seed of the replicates.
        control: Cancellation and number of threads.
    """
    long = [place for place, measure in enumerate(measures) if measure.kind == "days"]
    read = reader(simulator.scenario, [measure for measure in measures if measure.kind != "days"])

    def means(
        theta: Floats | None, centre: Floats | None, start: Floats | None, which: range, seed: int, control: Control
    ) -> tuple[Counts, Floats]:
        own = {"centre": centre, "start": start}
        counts = simulator.run(theta, **own, runs=len(which), seed=seed, first=which.start, control=control)
        if not long:
            return counts, read(counts)
        result = np.empty((len(simulator.times), len(measures)))
        result[:, [place for place in range(len(measures)) if place not in long]] = read(counts)
        at = simulator.values(theta, **own)
        played = replayed(simulator, which, at, seed=seed, control=control)
        for place in long:
            variable = simulator.tables.variable(measures[place].of)
            level = simulator.tables.level(measures[place].of, measures[place].part)
            result[:, place] = days_at(played, variable, level, simulator.times).mean(axis=0)
        return counts, result

    return means


def days_at(played: Histories, variable: int, level: int, times: Floats) -> Floats:
    """Return the days (R, T) that R histories, until they end, spend at a level by T times."""
    over = np.minimum(played.ending_time, played.horizon)
    until = np.append(played.time[1:], 0.0)
    until[played.start[1:] - 1] = over
    here = played.levels[:, variable] == level
    begins: Ints = played.start[:-1]
    columns = []
    for time in times:
        spent = np.where(here, np.maximum(np.minimum(until, time) - played.time, 0.0), 0.0)
        columns.append(np.add.reduceat(spent, begins))
    return np.stack(columns, axis=1)
