"""The days on which public moves and levels of public variables are seen, in sampled histories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simlib.engines.montecarlo.replay import Histories
from simlib.typing import Floats, Ints

__all__ = ["sighting_days"]


def sighting_days(histories: Histories, times_seen: int) -> Iterator[tuple[str, str, str, Floats]]:
    """Yield (kind, id, label, days) for each public move and each level of a public variable.

    `days` (R,) holds for each of the R histories the day of sighting number `times_seen` (infinity: no such sighting).
    Each occurrence of a move is a sighting. So is each entry into a level, and a start at the level.
    """
    history = np.repeat(np.arange(len(histories)), np.diff(histories.start))

    def days(rows: Ints) -> Floats:
        return _nth(history[rows], histories.time[rows], len(histories), times_seen)

    for index, move in enumerate(histories.scenario):
        if not move.covert:
            yield "move", move.id, move.label, days(np.flatnonzero(histories.move == index))
    begins = np.zeros(len(histories.time), dtype=bool)
    begins[histories.start[:-1]] = True
    for place, variable in enumerate(histories.scenario.variables.values()):
        if variable.hidden or variable.counter:
            continue
        levels = histories.levels[:, place]
        enters = begins | (levels != np.roll(levels, 1))
        for number, level in enumerate(variable.levels):
            rows = np.flatnonzero(enters & (levels == number))
            yield "level", f"{variable.id}={level}", variable.at(level), days(rows)


def _nth(history: Ints, time: Floats, size: int, nth: int) -> Floats:
    """Return the time of sighting number `nth` in each history (size,), or infinity for too few sightings.

    `history` and `time` have one entry for each sighting, in order of history and time.
    """
    result = np.full(size, np.inf)
    first = np.searchsorted(history, np.arange(size))
    counts = np.bincount(history, minlength=size)
    some = counts >= nth
    result[some] = time[first[some] + nth - 1]
    return result
