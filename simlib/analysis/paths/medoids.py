"""Histories on a ladder, and those that stand for the likeliest paths.

A path class says in what order rungs are first visited, not when. To show one as it might go, the history of the class
is taken whose time on each rung is nearest to the average of the class (least sum of absolute differences, in days).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.analysis.paths.classes import first_visits, rungs_of_rows
from simlib.results import ONGOING
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    from simlib.analysis.paths.classes import PathClass, Paths
    from simlib.engines.montecarlo.replay import Histories

TYPICAL = 3
"""Path classes that a history is picked out for, at the most."""


@dataclass(frozen=True)
class Ways:
    """Sampled histories, the paths by which they go, and for each of the likeliest classes the history most like it.

    `rungs` (N,) is the rung of every row of the histories; `typical` are places in them, by class.
    """

    told: Histories
    paths: Paths
    rungs: Ints
    typical: tuple[tuple[PathClass, int], ...]

    def line(self, place: int) -> tuple[Floats, Ints]:
        """Return when a history comes to which rung, in days and by index, to its end or the horizon."""
        first, last = self.told.start[place], self.told.start[place + 1]
        end = min(float(self.told.ending_time[place]), self.told.horizon)
        return np.append(self.told.time[first:last], end), np.append(self.rungs[first:last], self.rungs[last - 1])


def ways(told: Histories, paths: Paths, *, most: int = TYPICAL) -> Ways:
    """Return histories with one picked out for each of the `most` likeliest path classes that any of them takes."""
    rungs = rungs_of_rows(told, paths.ladder)
    endings = [*told.scenario.endings, ONGOING]
    taken = list(zip(first_visits(told, paths.ladder), (endings[e] for e in told.ending), strict=True))
    stays = _days_on_rungs(told, rungs, len(told.scenario.ladders[paths.ladder].rungs))
    typical = []
    for path in paths.classes[:most]:
        own = np.array([place for place, way in enumerate(taken) if way == (path.rungs, path.ending)], dtype=np.int64)
        if len(own):
            apart = np.abs(stays[own] - stays[own].mean(axis=0)).sum(axis=1)
            typical.append((path, int(own[np.argmin(apart)])))
    return Ways(told, paths, rungs, tuple(typical))


def _days_on_rungs(told: Histories, rungs: Ints, count: int) -> Floats:
    """Return the days that each history stands on each rung, to its end or the horizon (R, rungs)."""
    stays = np.zeros((len(told), count))
    for place, (first, last) in enumerate(itertools.pairwise(told.start.tolist())):
        end = min(float(told.ending_time[place]), told.horizon)
        np.add.at(stays[place], rungs[first:last], np.diff(np.append(told.time[first:last], end)))
    return stays
