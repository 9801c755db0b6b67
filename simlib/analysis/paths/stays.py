"""How many days histories stay on each rung (level of a ladder) before the next rung."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.paths.conditional_histories import ending_histories
from simlib.analysis.paths.request import known_ending, known_ladder, rungs_of_rows
from simlib.analysis.samples import Sample
from simlib.answer import Answer, ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import in_days, quoted
from simlib.machine.belief import Belief, quantiles
from simlib.machine.measures import By, Measure, find
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RungTimes", "Stay", "counted_rung_times", "rung_times"]

FEWEST_STAYS = 10
"""Fewest stays of one kind for which percentiles are given."""

HORIZON = "end of forecast"
"""Stands in place of the next rung if the forecast ends first."""

_CUTS = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True)
class Stay:
    """All stays on one rung (level of a ladder) with the same next rung.

    rung: the id of the rung.
    to: the id of the next rung, the label of an ending that cuts the stays off, or "end of forecast".
    count: the number of stays.
    days: the 10, 25, 50, 75 and 90% points of the length of a stay, in days (nan: fewer than ten stays).
    """

    rung: str
    to: str
    count: int
    days: tuple[float, ...]


@dataclass(frozen=True)
class RungTimes(Answer):
    """The days from entering each rung (level of a ladder) to entering the next one.

    ladder: the id of the ladder.
    given: the ending of the histories (None: any).
    stays: the stays on each rung before each next rung.
    """

    kind: ClassVar[str] = "rung_times"

    scenario: ScenarioKey
    ladder: str
    given: Measure | None
    by: dt.date
    by_day: float
    stays: tuple[Stay, ...]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        which = f"histories that end in {self.given.words}" if self.given else "histories"
        return f"How long do {which} stay on each rung of {quoted(self.ladder)} up to {self.by_words}?"

    def sentences(self, limit: int = 5) -> list[str]:
        """Say for the `limit` commonest changes of rung the median number of days before each."""
        common = sorted((stay for stay in self.stays if stay.count >= FEWEST_STAYS), key=lambda stay: -stay.count)[
            :limit
        ]
        lines = [
            f"From {quoted(stay.rung)} to {quoted(stay.to)} the median time is "
            f"{in_days(float(f'{stay.days[2]:.3g}'))}, in {stay.count:,} stays by {self.by_words}."
            for stay in common
        ]
        return lines or [
            f"No change from one rung to another happened {FEWEST_STAYS} times or more, so there is no median."
        ]

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each pair of rung (level) and next rung.

        The columns give the number of stays and the percentiles of their length in days.
        """
        import pandas as pd

        names = [f"p{round(100 * p)}" for p in _CUTS]
        rows = [
            {"rung": stay.rung, "to": stay.to, "count": stay.count} | dict(zip(names, stay.days, strict=True))
            for stay in self.stays
        ]
        return pd.DataFrame(rows, columns=["rung", "to", "count", *names])

    def data(self) -> dict[str, Any]:
        """Return the ladder, the ending, and the stays on each rung, as plain data."""
        given = self.given and self.given.name
        return {"ladder": self.ladder, "given": given, "rows": self.frame().to_dict("records")}


def rung_times(
    scenario: Scenario,
    *,
    given: str | None = None,
    ladder: str | None = None,
    by: By = None,
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> RungTimes:
    """Return the days from entering each rung (level of a ladder) to entering the next one.

    The days are counted in sampled histories. A stay may be cut off by an ending or by the end of the forecast. Such a
    stay counts under the label of the ending, or under "end of forecast".

    Args:
        scenario: The scenario, with its interventions.
        given: An ending, such as "ending:open-war". Histories with another ending, or with none, are left out.
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
        ScenarioError: For unknown names, a day outside the forecast, no ladder, or an ending that no history has.
        Unsupported: For a `given` that is not an ending, and for a belief about another scenario or date.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    ladder, target = known_ladder(scenario, ladder), known_ending(scenario, given) if given else None
    sample = ending_histories(scenario, target, by=by, draws=draws, runs=runs, seed=seed, control=control)
    return counted_rung_times(sample, ladder=ladder)


def counted_rung_times(played: Histories | Sample, *, ladder: str | None = None) -> RungTimes:
    """Return the days from entering each rung (level of a ladder) to entering the next one.

    A stay may be cut off by an ending or by the end of the forecast. Such a stay counts under the label of the ending,
    or under "end of forecast". If the histories come from several draws of the assumptions, the percentiles use the
    weights of the draws. Raises ScenarioError for an unknown `ladder` (default: the ladder that is shown first).
    """
    drawn = Sample.of(played)
    histories, weights = drawn.histories, drawn.weight.tolist()
    ladder, scenario = known_ladder(histories.scenario, ladder), histories.scenario
    names, rungs = [rung.id for rung in scenario.ladders[ladder].rungs], rungs_of_rows(histories, ladder)
    ends = [ending.label for ending in scenario.endings.values()]
    lengths: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number, (first, last) in enumerate(itertools.pairwise(histories.start.tolist())):
        cuts = [first, *(first + 1 + np.flatnonzero(np.diff(rungs[first:last]))).tolist()]
        for here, there in itertools.pairwise(cuts):
            pair = names[rungs[here]], names[rungs[there]]
            lengths.setdefault(pair, []).append((histories.time[there] - histories.time[here], weights[number]))
        here, how = cuts[-1], int(histories.ending[number])
        there, end = (ends[how], histories.ending_time[number]) if how >= 0 else (HORIZON, histories.horizon)
        if how < 0 or end > histories.time[here]:  # where the ending is a rung, the stay before it is counted already
            lengths.setdefault((names[rungs[here]], there), []).append((end - histories.time[here], weights[number]))
    ranked = sorted(lengths.items(), key=lambda item: (names.index(item[0][0]), item[0][1]))
    stays = tuple(Stay(*pair, len(days), _points(days)) for pair, days in ranked)
    by, source = scenario.by_date(histories.horizon), {**drawn.provenance, "by_day": histories.horizon}
    subject = (ScenarioKey.of(scenario), ladder, find(scenario, source["given"])[0] if "given" in source else None)
    return RungTimes(*subject, by, histories.horizon, stays, provenance(scenario, **source))


def _points(stays: list[tuple[float, float]]) -> tuple[float, ...]:
    days, weights = np.array(stays).T
    known = quantiles(days, _CUTS, weights) if len(stays) >= FEWEST_STAYS else np.full(len(_CUTS), np.nan)
    return tuple(float(point) for point in known)
