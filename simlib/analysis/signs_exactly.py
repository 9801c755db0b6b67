"""Signs of an ending without sampling: their likelihood ratios at the stated values of the assumptions, exactly.

Until day t the chain is stopped where the sign would show, so that what is left at t has not seen it; from there it is
carried on to T with nothing stopped. Beside the same without a sign that gives the law of sign and ending together
among what is still open at t. One pass through the states for each sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from simlib import priors
from simlib.analysis.indicators import Indicator, information
from simlib.engines.flows import Generator, Kill, flow
from simlib.engines.solver import Solver
from simlib.scenario.model import Scenario
from simlib.segments import Segment
from simlib.tables import Floats

ROUNDING = 1e-6
"""Relative reach of every number told: far beyond what truncation and rounding leave, so that 1 is not told from 1."""

_NEVER = 1e-12

Sign = tuple[NDArray[np.bool_] | None, int]
"""The states in which it shows (None: it is a move), and the number of the move that it is (-1: none)."""


class Watch:
    """A world with an ending to watch for by a day; raises TooManyStates where the states do not fit."""

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
                label = f"{variable.label}: {level}"
                yield "level", f"{variable.id}={level}", label, (levels[:, place] == number, -1)

    def _row(self, kind: str, name: str, label: str, stays: float, happens: float) -> Indicator:
        """Return what a sign says, from P(open, not seen) and P(open, not seen, E)."""
        table = np.array([[self.happens - happens, self.open - stays - (self.happens - happens)],
                          [happens, stays - happens]]).clip(0.0) / self.open  # fmt: skip
        (hit, alarm), (miss, quiet) = table.tolist()
        ends, spared = hit + miss, alarm + quiet
        unknown = (float("nan"), 0.0, float("inf"))
        both = ends > 0 and spared > 0
        return Indicator(
            kind=kind, id=name, label=label, seen=_around(hit + alarm), if_seen=_around(hit / (hit + alarm)),
            if_not_seen=_around(miss / (miss + quiet)),
            ratio_seen=_around(hit * spared / (ends * alarm)) if both and alarm > _NEVER else unknown,
            ratio_not_seen=_around(miss * spared / (ends * quiet)) if both and quiet > _NEVER else unknown,
            information=information(table), false_alarms=alarm / spared if spared else np.nan,
            misses=miss / ends if ends else np.nan, lead_days=(np.nan,) * 3,
        )  # fmt: skip

    def _unseen(self, sign: Sign) -> tuple[float, float]:
        """Return P(open at t, sign not seen) and P(the same, and the ending by T)."""
        inside, _ = sign
        vector, stays = self.solver.start(self.theta), 0.0
        vector = vector if inside is None else np.where(inside, 0.0, vector)
        for segment in self.solver.segments:
            watched = sign if segment.start <= self.day else (None, -1)
            vector = self._jumped(vector, segment, watched)
            since = segment.start
            if segment.start <= self.day:
                since = min(segment.end, self.day)
                vector = self._carried(vector, segment, since - segment.start, watched)
                if self.day < segment.end:
                    vector = np.where(self.solver.space.ended, 0.0, vector)
                    stays = float(vector.sum())
            vector = self._carried(vector, segment, segment.end - since, (None, -1))
        return stays, float(vector[self.solver.space.ending == self.index].sum())

    def _jumped(self, vector: Floats, segment: Segment, sign: Sign) -> Floats:
        """Return the vector after the interventions at the start of a segment, without what shows the sign."""
        inside, move = sign
        for jump in self.solver.jumps(self.theta, segment):
            vector = jump.apply(vector, only_other_than=None if jump.action.move == move >= 0 else "")
            vector = vector if inside is None else np.where(inside, 0.0, vector)
        return vector

    def _carried(self, vector: Floats, segment: Segment, duration: float, sign: Sign) -> Floats:
        """Return the vector after some time in a segment, without what shows the sign."""
        if duration <= 0:
            return vector
        (inside, move), solver, fire = sign, self.solver, None
        pair_rates = solver.pair_rates(self.theta, segment)
        if move >= 0:
            pairs = solver.tables.entry_move[solver.space.pair_entry] == move
            fire = solver.occurs(pair_rates, move, pairs)
            pair_rates = np.where(pairs, 0.0, pair_rates)
        kill = None if inside is None and fire is None else Kill(inside, fire)
        generator = Generator.build(solver.space.held(segment.held).incoming, pair_rates, fire, duration)
        done = flow(generator, vector, duration, np.zeros(0), kill=kill, tolerance=1e-14, cancel=self.cancel)
        return done.end


def _around(value: float) -> tuple[float, float, float]:
    return value, value * (1 - ROUNDING), value * (1 + ROUNDING)
