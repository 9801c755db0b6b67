"""Signs of an ending without sampling: their likelihood ratios at the stated values of the assumptions, exactly.

Until day t the chain is stopped where the sign would show, so that what is left at t has not seen it; from there it is
carried on to T with nothing stopped. Beside the same without a sign that gives the law of sign and ending together
among what is still open at t. One pass through the states for each sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from simlib.analysis.indicators.result import Indicator, information
from simlib.control import Control, in_transition
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.taboo import Taboo
from simlib.machine import priors
from simlib.scenario.model import Scenario
from simlib.typing import Bools

ROUNDING = 1e-6
"""Relative reach of every number told: far beyond what truncation and rounding leave, so that 1 is not told from 1."""

_NEVER = 1e-12

Sign = tuple[Bools | None, int]
"""The states in which it shows (None: it is a move), and the number of the move that it is (-1: none)."""


class Watch:
    """A world with an ending to watch for by a day; raises TooManyStates where the states do not fit."""

    @in_transition
    def __init__(
        self, scenario: Scenario, ending: str, day: float, horizon: float, cancel: Callable[[], bool] | None = None
    ) -> None:
        self.scenario, self.day, self.cancel = scenario, day, cancel
        self.solver = Solver(scenario, times=1, horizon=horizon, cancel=cancel)
        self.theta = priors.theta(scenario)
        self.index = list(scenario.endings).index(ending)
        self.open, self.happens = self._unseen((None, -1))

    def before(self) -> tuple[float, float, float]:
        """Return P(E | still open at t)."""
        return _around(self.happens / self.open if self.open > 0 else np.nan)

    @in_transition
    def rows(self, progress: Callable[[float], None] | None = None) -> list[Indicator]:
        """Return every sign that may be seen or not while it is open, the most informative first."""
        signs, rows = list(self._signs()), []
        for number, (kind, name, label, sign) in enumerate(signs):
            stays, happens = self._unseen(sign)
            if _NEVER < stays / self.open < 1 - _NEVER:
                rows.append(self._row(kind, name, label, stays, happens))
            if progress:
                progress((number + 1) / len(signs))
        return sorted(rows, key=lambda row: (not row.known, -row.information))

    def _signs(self) -> Iterator[tuple[str, str, str, Sign]]:
        for number, move in enumerate(self.scenario.moves.values()):
            if not move.covert:
                yield "move", move.id, move.label, (None, number)
        levels = self.solver.space.levels
        for place, variable in enumerate(self.scenario.variables.values()):
            for number, level in enumerate(() if variable.hidden else variable.levels):
                yield "level", f"{variable.id}={level}", variable.at(level), (levels[:, place] == number, -1)

    def _row(self, kind: str, name: str, label: str, stays: float, happens: float) -> Indicator:
        """Return what a sign says, from P(open, not seen) and P(open, not seen, E)."""
        table = (
            np.array(
                [[self.happens - happens, self.open - stays - (self.happens - happens)], [happens, stays - happens]]
            ).clip(0.0)
            / self.open
        )
        (hit, alarm), (miss, quiet) = table.tolist()
        ends, spared = hit + miss, alarm + quiet
        unknown = (float("nan"), 0.0, float("inf"))
        both = ends > 0 and spared > 0
        return Indicator(
            kind=kind,
            id=name,
            label=label,
            before=self.before(),
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

    def _unseen(self, sign: Sign) -> tuple[float, float]:
        """Return P(open at t, sign not seen) and P(the same, and the ending by T)."""
        chain, control = self.solver.chain(self.theta), Control(cancel=self.cancel)
        until = chain.propagate(chain.start(), 0, self.day, taboo=Taboo(*sign), control=control).vector
        still = np.where(self.solver.space.ended, 0.0, until)
        end = chain.propagate(still, self.day, self.solver.horizon, control=control).vector
        return float(still.sum()), float(end[self.solver.space.ending == self.index].sum())


def _around(value: float) -> tuple[float, float, float]:
    return value, value * (1 - ROUNDING), value * (1 + ROUNDING)
