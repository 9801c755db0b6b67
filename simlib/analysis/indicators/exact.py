"""Exact likelihood ratios of indicators at the stated values of the assumptions.

A sign is a public move or level that may be seen by t, the day of the observation. For each sign, the probabilities of
the states are carried to t without the histories that show the sign. From t to the horizon T, the histories that are
left may show the sign. One more such computation, which leaves out no history, serves all signs. The two results
together give the joint distribution of sign and outcome among the histories that are still open at t.
"""

from __future__ import annotations

import numpy as np

from simlib.analysis.indicators.result import Indicator, Indicators, information, signs
from simlib.analysis.samples import ShareBand
from simlib.answer import provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import EMPTY_TABOO, Taboo
from simlib.errors import Unsupported
from simlib.machine.measures import Measure
from simlib.scenario.model import Scenario

__all__ = ["exact_indicators"]

RELATIVE_HALF_WIDTH = 1e-6
"""The relative half-width of every interval. It exceeds the numerical errors, so that a ratio of 1 counts as 1."""

_NEVER = 1e-12


def exact_indicators(
    scenario: Scenario, measure: Measure, look_by_day: float, *, control: Control = UNWATCHED
) -> Indicators:
    """Compute exactly what each move and level says about an ending or a question.

    The assumptions have their stated values. `look_by_day` is in days after the start. Lead times (`lead_days`) are
    nan.

    Raises TooManyStates, Unsupported for a question about a move, and Cancelled.
    """
    watch = _Watch(scenario, measure, look_by_day, control)
    rows = tuple(watch.rows()) if watch.open > 0 else ()
    days = {"by_day": scenario.horizon_days, "look_by_day": look_by_day}
    source = provenance(scenario, engine="exact", draws=0, states=len(watch.solver.space), **days)
    return Indicators(scenario, measure, look_by_day, scenario.horizon_days, 1, watch.before, rows, source)


class _Watch:
    def __init__(self, scenario: Scenario, measure: Measure, day: float, control: Control) -> None:
        self.scenario, self.day, self.control = scenario, day, control
        self.quiet = control.silent()
        self.solver = Solver(scenario, times=1, control=self.quiet)
        self.index, self.event = -1, EMPTY_TABOO
        if measure.kind == "ending":
            self.index = list(scenario.endings).index(measure.of)
        else:
            self.event = self.solver.passages.taboo(scenario.questions[measure.of])
            if self.event.inside is None:
                raise Unsupported(
                    f"the exact engine finds signs of endings and of questions about the state, but "
                    f"{measure.words} is about a move; use the Monte Carlo engine"
                )
        self.open, self.happens = self._unseen(EMPTY_TABOO)
        self.before = _around(self.happens / self.open if self.open > 0 else np.nan)

    def rows(self) -> list[Indicator]:
        """Return a row for each sign that is neither sure nor impossible while the event is open.

        Known signs come first, and all other signs follow. In each of the two parts, the signs with the most expected
        information come first.
        """
        every, levels, rows = list(signs(self.scenario)), self.solver.space.levels, []
        for number, (kind, name, label, index, level) in enumerate(every):
            sign = Taboo(None, ((index, -1),)) if kind == "move" else Taboo(levels[:, index] == level)
            stays, happens = self._unseen(sign)
            if _NEVER < stays / self.open < 1 - _NEVER:
                rows.append(self._row(kind, name, label, stays, happens))
            self.control.report((number + 1) / len(every))
        return sorted(rows, key=lambda row: (not row.known, -row.information))

    def _row(self, kind: str, name: str, label: str, stays: float, happens: float) -> Indicator:
        hits = self.happens - happens
        counts = np.array([[hits, self.open - stays - hits], [happens, stays - happens]])
        table = counts.clip(0.0) / self.open
        (hit, alarm), (miss, quiet) = table.tolist()
        ends, spared = hit + miss, alarm + quiet
        unknown = (float("nan"), 0.0, float("inf"))
        both = ends > 0 and spared > 0
        return Indicator(
            kind=kind,
            id=name,
            label=label,
            before=self.before,
            seen=_around(hit + alarm),
            if_seen=_around(hit / (hit + alarm)),
            if_not_seen=_around(miss / (miss + quiet)),
            ratio_seen=_around(hit * spared / (ends * alarm)) if both and alarm > _NEVER else unknown,
            ratio_not_seen=_around(miss * spared / (ends * quiet)) if both and quiet > _NEVER else unknown,
            information=information(table),
            false_alarms=_around(alarm / spared if spared else np.nan),
            misses=_around(miss / ends if ends else np.nan),
            lead_days=(np.nan,) * 3,
        )

    def _unseen(self, sign: Taboo) -> tuple[float, float]:
        """Return P(sign not seen by t, E open at t), and P(this, and E happens by T).

        E is the ending, or the answer yes to the question. It is open at t if it has not happened and no ending was
        reached. The day of the observation is t, and the horizon is T.
        """
        chain, space, both = self.solver.chain(), self.solver.space, sign | self.event
        until = chain.propagate(chain.start(), 0, self.day, taboo=both, control=self.quiet).vector
        still = np.where(space.ended, 0.0, until)
        end = chain.propagate(still, self.day, self.solver.horizon, taboo=self.event, control=self.quiet).vector
        stays = float(still.sum())
        return stays, float(end[space.ending == self.index].sum()) if self.index >= 0 else stays - float(end.sum())


def _around(value: float) -> ShareBand:
    return value, value * (1 - RELATIVE_HALF_WIDTH), value * (1 + RELATIVE_HALF_WIDTH)
