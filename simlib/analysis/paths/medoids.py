"""Typical histories: for each of the likeliest path classes the sampled history that is most like its average.

A path class says in what order rungs are first visited, not when. To show one as it might go, the history of the class
is taken whose time on each rung is nearest to the average of the class (least sum of absolute differences, in days).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.paths.classes import first_visits
from simlib.analysis.paths.request import rungs_of_rows
from simlib.analysis.paths.result import PathClass, Paths
from simlib.answer import Answer
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import long_date, percent
from simlib.results import ONGOING
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

__all__ = ["TypicalHistories", "typical_histories"]

TYPICAL = 3
"""Path classes that a history is picked out for, at the most."""


@dataclass(frozen=True, eq=False)
class TypicalHistories(Answer):
    """Sampled histories, their paths, and for each of the likeliest classes the history most like it.

    `rungs` (N,) is the rung of every row of the histories. `typical` are places in them, by class.
    """

    kind: ClassVar[str] = "typical-histories"

    histories: Histories
    paths: Paths
    rungs: Ints
    typical: tuple[tuple[PathClass, int], ...]

    @property
    def scenario(self) -> Scenario:
        """The scenario of the paths."""
        return self.paths.scenario

    @property
    def provenance(self) -> Mapping[str, Any]:
        """How the paths were computed, and of how many sampled histories these are."""
        return {**self.paths.provenance, "histories": len(self.histories), "seed": self.histories.seed}

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        return f"How might each of the likeliest paths go by {long_date(self.paths.by)}?"

    def line(self, place: int) -> tuple[Floats, Ints]:
        """Return when a history comes to which rung, in days and by index, to its end or the horizon."""
        played = self.histories
        first, last = played.start[place], played.start[place + 1]
        end = min(float(played.ending_time[place]), played.horizon)
        return np.append(played.time[first:last], end), np.append(self.rungs[first:last], self.rungs[last - 1])

    def sentences(self) -> list[str]:
        """Return for each path the dates on which its typical history enters a rung."""
        lines = []
        for path, steps in self._steps():
            entries = ", ".join(f"“{rung}” on {long_date(self._date(day))}" for day, rung in steps)
            end = self.paths.label(path.ending)
            lines.append(f"A typical history of the path with {percent(path.probability)} enters {entries} ({end}).")
        return lines or ["None of the sampled histories takes one of the likeliest paths."]

    def frame(self) -> pd.DataFrame:
        """Return one row for each rung that a typical history enters: path, ending, day, date and rung."""
        import pandas as pd

        rows = [
            (" → ".join(path.rungs), path.ending, day, self._date(day), rung)
            for path, steps in self._steps()
            for day, rung in steps
        ]
        return pd.DataFrame(rows, columns=["path", "ending", "day", "date", "rung"])

    def data(self) -> dict[str, Any]:
        """Return what typical histories add to the keys that all answers share."""
        return {
            "ladder": self.paths.ladder,
            "by": self.paths.by,
            "by_day": self.paths.by_day,
            "rows": self.frame().to_dict("records"),
        }

    def _date(self, day: float) -> dt.date:
        return self.paths.scenario.as_of + dt.timedelta(days=int(day))

    def _steps(self) -> list[tuple[PathClass, list[tuple[float, str]]]]:
        """Return for each path the days on which its typical history enters a rung, and which."""
        names = [rung.id for rung in self.paths.scenario.ladders[self.paths.ladder].rungs]
        result = []
        for path, place in self.typical:
            days, rungs = self.line(place)
            enters = np.append(True, np.diff(rungs) != 0)
            result.append((path, [(float(d), names[r]) for d, r in zip(days[enters], rungs[enters], strict=True)]))
        return result


def typical_histories(played: Histories, paths: Paths, *, most: int = TYPICAL) -> TypicalHistories:
    """Return one history for each of the `most` likeliest path classes that any of the histories takes."""
    rungs = rungs_of_rows(played, paths.ladder)
    endings = [*played.scenario.endings, ONGOING]
    courses = list(zip(first_visits(played, paths.ladder), (endings[e] for e in played.ending), strict=True))
    stays = _days_on_rungs(played, rungs, len(played.scenario.ladders[paths.ladder].rungs))
    typical = []
    for path in paths.classes[:most]:
        own = np.array([p for p, course in enumerate(courses) if course == (path.rungs, path.ending)], dtype=np.int64)
        if len(own):
            apart = np.abs(stays[own] - stays[own].mean(axis=0)).sum(axis=1)
            typical.append((path, int(own[np.argmin(apart)])))
    return TypicalHistories(played, paths, rungs, tuple(typical))


def _days_on_rungs(played: Histories, rungs: Ints, count: int) -> Floats:
    """Return the days that each history stands on each rung, to its end or the horizon (R, rungs)."""
    stays = np.zeros((len(played), count))
    for place, (first, last) in enumerate(itertools.pairwise(played.start.tolist())):
        end = min(float(played.ending_time[place]), played.horizon)
        np.add.at(stays[place], rungs[first:last], np.diff(np.append(played.time[first:last], end)))
    return stays
