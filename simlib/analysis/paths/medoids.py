"""Typical histories: the sampled history closest to the average of each likely path class.

A path class says in which order histories first visit the rungs (levels) of a ladder, but not on which days. The
typical history of a class is its medoid: the history whose numbers of days on the rungs are nearest to the averages of
the class, by the sum of absolute differences.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.paths.classes import courses, paths
from simlib.analysis.paths.conditional_histories import ending_histories
from simlib.analysis.paths.request import rungs_of_rows
from simlib.analysis.paths.result import PathClass, Paths
from simlib.analysis.samples import Sample
from simlib.answer import Answer, pick
from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import long_date, percent, quoted
from simlib.machine.belief import Belief
from simlib.machine.measures import By
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TypicalHistories", "typical_histories", "typical_of"]

TYPICAL = 3
"""Largest number of path classes for which a typical history is chosen."""


@dataclass(frozen=True, eq=False)
class TypicalHistories(Answer):
    """Sampled histories, their paths, and a typical history of each of the likeliest paths.

    histories: the sampled histories, each with one row for its start and one for each event. There are N rows in all.
    paths: the path classes (orders in which rungs of a ladder are first visited).
    rungs (N,): the index of the rung (level of the ladder) after each row.
    typical: pairs of a path class and the index of its typical history.
    """

    kind: ClassVar[str] = "typical_histories"

    histories: Histories
    paths: Paths
    rungs: Ints
    typical: tuple[tuple[PathClass, int], ...]

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.paths.scenario

    @property
    def provenance(self) -> Mapping[str, Any]:
        """The origin of the paths, with the number and seed of the histories."""
        return {**self.paths.provenance, "histories": len(self.histories), "seed": self.histories.seed}

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        return f"What is a typical history of each of the likeliest paths up to {self.paths.by_words}?"

    def line(self, place: int) -> tuple[Floats, Ints]:
        """Return the days of a history's events, and the index of the rung (level) from each day on.

        `place` is the index of the history. The first of these days is the start. The last of these days is the end of
        the history, with the last rung once more.
        """
        histories = self.histories
        first, last = histories.start[place], histories.start[place + 1]
        end = min(float(histories.ending_time[place]), histories.horizon)
        return np.append(histories.time[first:last], end), np.append(self.rungs[first:last], self.rungs[last - 1])

    def sentences(self) -> list[str]:
        """Say on which dates the typical history of each of the likeliest paths enters its rungs."""
        lines = []
        for path, steps in self._steps():
            entries = ", ".join(f"{quoted(rung)} on {long_date(self._date(day))}" for day, rung in steps)
            end = self.paths.label(path.ending)
            lines.append(
                f"A typical history of the path with probability {percent(path.probability)} enters {entries} ({end})."
            )
        return lines or ["None of the sampled histories takes one of the likeliest paths."]

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each rung that a typical history enters, with the date."""
        import pandas as pd

        rows = [
            (" → ".join(path.rungs), path.ending, day, self._date(day), rung)
            for path, steps in self._steps()
            for day, rung in steps
        ]
        return pd.DataFrame(rows, columns=["path", "ending", "day", "date", "rung"])

    def data(self) -> dict[str, Any]:
        """Return the ladder, ending and target day, and the rungs that typical histories enter."""
        given = self.paths.given and self.paths.given.name
        return pick(self.paths, "ladder", "by", "by_day") | {"given": given, "rows": self.frame().to_dict("records")}

    def _date(self, day: float) -> dt.date:
        return self.paths.scenario.as_of + dt.timedelta(days=int(day))

    def _steps(self) -> list[tuple[PathClass, list[tuple[float, str]]]]:
        """Return, for each path, the rungs that its typical history enters, as pairs (day, rung).

        A rung is a level of the ladder.
        """
        names = [rung.id for rung in self.paths.scenario.ladders[self.paths.ladder].rungs]
        result = []
        for path, place in self.typical:
            days, rungs = self.line(place)
            enters = np.append(True, np.diff(rungs) != 0)
            result.append((path, [(float(d), names[r]) for d, r in zip(days[enters], rungs[enters], strict=True)]))
        return result


def typical_histories(
    scenario: Scenario,
    *,
    given: str | None = None,
    ladder: str | None = None,
    by: By = None,
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> TypicalHistories:
    """Return a typical history of each of the three likeliest path classes of a ladder.

    A path class holds all histories that first visit the rungs (levels) of the ladder in the same order, and that have
    the same ending (or none) on the target day. Classes without a sampled history are left out.

    Args:
        scenario: The scenario, with its interventions.
        given: An ending to condition on, such as "ending:open-war".
        ladder: The id of the ladder. Default: the ladder that the scenario shows first.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). 0: the values
            stated in the scenario.
        runs: Histories of each draw. Default: as many as make 5,000 in all. With `given`, the exact engine draws
            histories with this ending if it can. `runs` is then the number of all histories, at most 2,000 (the
            default).
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For unknown names, a day outside the forecast, no ladder, or an ending that cannot happen.
        Unsupported: For a `given` that is not an ending, and for a belief about another scenario or date.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    size: dict[str, Any] = {"by": by, "draws": draws, "runs": runs, "seed": seed}
    likeliest = paths(scenario, given=given, ladder=ladder, control=control.part(0.0, 0.5), **size)
    return typical_of(ending_histories(scenario, likeliest.given, control=control.part(0.5, 1.0), **size), likeliest)


def typical_of(played: Histories | Sample, likeliest: Paths) -> TypicalHistories:
    """Return a typical history of each of the `TYPICAL` likeliest path classes.

    A class without a history is left out.

    Args:
        played: The histories. If the histories come from several draws of the assumptions, averages use the weights of
            the draws.
        likeliest: The path classes (orders in which rungs of a ladder are first visited).
    """
    drawn = Sample.of(played)
    histories = drawn.histories
    rungs = rungs_of_rows(histories, likeliest.ladder)
    taken = courses(histories, likeliest.ladder)
    stays = _days_on_rungs(histories, rungs, len(histories.scenario.ladders[likeliest.ladder].rungs))
    typical = []
    for path in likeliest.classes[:TYPICAL]:
        same = np.array([course == (path.rungs, path.ending) for course in taken], dtype=bool)
        own = np.flatnonzero(same & (drawn.weight > 0))
        if len(own):
            average = np.average(stays[own], axis=0, weights=drawn.weight[own])
            apart = np.abs(stays[own] - average).sum(axis=1)
            typical.append((path, int(own[np.argmin(apart)])))
    return TypicalHistories(histories, likeliest, rungs, tuple(typical))


def _days_on_rungs(histories: Histories, rungs: Ints, count: int) -> Floats:
    stays, owner = np.zeros((len(histories), count)), np.repeat(np.arange(len(histories)), np.diff(histories.start))
    until = np.append(histories.time[1:], 0.0)
    until[histories.start[1:] - 1] = np.minimum(histories.ending_time, histories.horizon)
    np.add.at(stays, (owner, rungs), until - histories.time)
    return stays
