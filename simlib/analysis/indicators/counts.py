"""Indicators counted in sampled histories, with intervals that allow for shared draws.

A draw is a set of assumption values, and several histories may share one. The event is an ending, or the answer yes to
a question. A sign is a move or level. A history shows a sign if the sign is seen by the day of the observation. The
numbers of an indicator are defined in `simlib.analysis.indicators.result`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simlib.analysis.indicators.result import Indicator, Indicators, information, signs
from simlib.analysis.samples import Sample, ShareBand, question_times, share
from simlib.answer import provenance
from simlib.engines.montecarlo.replay import Histories
from simlib.machine.belief import quantiles
from simlib.machine.measures import Measure
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Bools, Floats, Ints

__all__ = ["counted_indicators"]


def counted_indicators(sample: Sample, measure: Measure, look_by_day: float, times_seen: int) -> Indicators:
    """Count in sampled histories what each move and level says about an ending or a question.

    A move or level counts as seen if it has at least `times_seen` sightings by day `look_by_day` after the start.
    Known signs (moves and levels whose likelihood ratio differs from 1 by more than its error) come first.
    """
    histories = sample.histories
    still_open, happens, day = _course(sample, measure, look_by_day)
    among = happens[still_open], sample.draw[still_open], sample.weight[still_open]
    table = _CountTables(*among)
    rows = []
    for kind, name, label, first in _sighting_days(histories, times_seen):
        shows = first[still_open] <= look_by_day
        if 0 < shows.sum() < len(shows):
            both = happens & (first <= look_by_day)
            lead = quantiles(day[both] - first[both], (0.1, 0.5, 0.9), sample.weight[both]) if both.any() else _NO_LEAD
            rows.append(table.row(kind, name, label, shows, lead))
    rows.sort(key=lambda row: (not row.known, -row.information))
    days = {"by_day": histories.horizon, "look_by_day": look_by_day}
    source = provenance(histories.scenario, **sample.provenance, **days)
    rows_and_source = table.before, tuple(rows), source
    return Indicators(histories.scenario, measure, look_by_day, histories.horizon, times_seen, *rows_and_source)


_NO_LEAD = np.full(3, np.nan)


def _course(sample: Sample, measure: Measure, look_by_day: float) -> tuple[Bools, Bools, Floats]:
    """Return three arrays about the event of the measure, with a value for each history (R,).

    - Whether neither the event nor an ending has happened by the day `look_by_day`.
    - Whether neither has happened by that day, and the event happens later.
    - The day of the event. For a measure of an ending, this is the day on which the history ends, in whichever ending.
    """
    histories = sample.histories
    still_open = histories.ending_time > look_by_day
    if measure.kind == "ending":
        index = list(histories.scenario.endings).index(measure.of)
        return still_open, (histories.ending == index) & still_open, histories.ending_time
    day = question_times(histories, histories.scenario.questions[measure.of])
    still_open &= day > look_by_day
    return still_open, np.isfinite(day) & still_open, day


def _sighting_days(histories: Histories, times_seen: int) -> Iterator[tuple[str, str, str, Floats]]:
    """Yield (kind, id, label, days) for each public move and each level of a public variable.

    `days` (R,) holds for each of the R histories the day of sighting number `times_seen` (infinity: no such sighting).
    Each occurrence of a move is a sighting. So is each entry into a level, and a start at the level.
    """
    size = len(histories)
    history = np.repeat(np.arange(size), np.diff(histories.start))
    begins = np.zeros(len(histories.time), dtype=bool)
    begins[histories.start[:-1]] = True
    for kind, name, label, index, level in signs(histories.scenario):
        here = histories.move == index if kind == "move" else histories.levels[:, index] == level
        rows = np.flatnonzero(here if kind == "move" else here & (begins | ~np.roll(here, 1)))
        days, counts = np.full(size, np.inf), np.bincount(history[rows], minlength=size)
        some = counts >= times_seen
        days[some] = histories.time[rows[(np.cumsum(counts) - counts)[some] + times_seen - 1]]
        yield kind, name, label, days


class _CountTables:
    """Counts how often an event happens in the histories that show a sign, and in the others."""

    def __init__(self, happens: Bools, draw: Ints, weight: Floats) -> None:
        self.happens, self.draw, self.weight = happens, draw, weight
        self.every = np.ones(len(happens), dtype=bool)
        self.before = self.share(happens, self.every)

    def share(self, event: Bools, among: Bools) -> ShareBand:
        return share(event, among, self.draw, self.weight)

    def row(self, kind: str, name: str, label: str, shows: Bools, lead: Floats) -> Indicator:
        happens, every = self.happens, self.every
        among_true, among_false = self.share(shows, happens), self.share(shows, ~happens)
        joint = [[self._sum(s & h) / self._sum(every) for h in (happens, ~happens)] for s in (shows, ~shows)]
        return Indicator(
            kind=kind,
            id=name,
            label=label,
            before=self.before,
            seen=self.share(shows, every),
            if_seen=self.share(happens, shows),
            if_not_seen=self.share(happens, ~shows),
            ratio_seen=self._ratio(shows),
            ratio_not_seen=self._ratio(~shows),
            information=information(np.array(joint)),
            false_alarms=among_false,
            misses=(1 - among_true[0], 1 - among_true[2], 1 - among_true[1]),
            lead_days=(float(lead[0]), float(lead[1]), float(lead[2])),
        )

    def _sum(self, event: Bools) -> float:
        return float(self.weight[event].sum())

    def _ratio(self, shows: Bools) -> ShareBand:
        """Return P(sign | event) / P(sign | no event), and the bounds of Katz's log interval.

        For the interval, half a history is added to each count.
        """
        true, false = self._sum(self.happens), self._sum(~self.happens)
        hits, alarms = self._sum(shows & self.happens), self._sum(shows & ~self.happens)
        if true == 0 or false == 0:
            return np.nan, 0.0, np.inf
        ratio = (hits / true) / (alarms / false) if hits and alarms else np.nan
        a, b = (hits + 0.5) / (true + 1), (alarms + 0.5) / (false + 1)
        # Histories that share draws say less than independent ones. The larger of the two design effects gives the
        # factor by which the variance grows.
        grows = max(self._design(shows, self.happens), self._design(shows, ~self.happens))
        reach = np.exp(Z_TWO_SIDED_95 * np.sqrt(grows * ((1 - a) / (hits + 0.5) + (1 - b) / (alarms + 0.5))))
        return ratio, float(a / b / reach) if hits else 0.0, float(a / b * reach) if alarms else np.inf

    def _design(self, event: Bools, among: Bools) -> float:
        """Return the design effect of a share, at least 1 (Kish 1965).

        It is the factor by which the variance grows because several histories come from the same draw.
        """
        n = self._sum(among)
        hits, size = (np.bincount(self.draw, weights=self.weight * x) for x in (event & among, among))
        p = hits.sum() / n
        if not 0 < p < 1:
            return 1.0
        return max(float(np.sum((hits - p * size) ** 2)) / (n * p * (1 - p)), 1.0)
