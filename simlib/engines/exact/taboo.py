"""What is left of a distribution when histories are stopped where something shows: a set of states, or a move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.poisson import FINE
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.uniformization import Flow, Generator, Kill, flow
from simlib.machine.schedule import Segment
from simlib.typing import Bools, Floats


@dataclass(frozen=True)
class Avoiding:
    """A solver at one θ, and what stops a history: being in `inside` (N,) (None: nowhere), or `move` (-1: none)."""

    solver: Solver
    theta: Floats
    inside: Bools | None = None
    move: int = -1
    cancel: Callable[[], bool] | None = None

    def left(self, vector: Floats) -> Floats:
        """Return what of a distribution (N,) is in no state that stops it."""
        return vector if self.inside is None else np.where(self.inside, 0.0, vector)

    def jumped(self, vector: Floats, segment: Segment) -> Floats:
        """Return what is left after the interventions at the start of a segment; a forced `move` stops as well."""
        for jump in self.solver.jumps(self.theta, segment):
            forced = jump.action.move == self.move >= 0
            vector = self.left(jump.apply(vector, only_other_than=None if forced else ""))
        return vector

    def carried(self, vector: Floats, segment: Segment, duration: float) -> Flow:
        """Return what is left after `duration` days in a segment (`end`), and what truncation lost (`end_tail`)."""
        solver, fire = self.solver, None
        pair_rates = solver.pair_rates(self.theta, segment)
        if self.move >= 0:
            pairs = solver.tables.entry_move[solver.space.pair_entry] == self.move
            fire = solver.occurs(pair_rates, self.move, pairs)
            pair_rates = np.where(pairs, 0.0, pair_rates)
        kill = None if self.inside is None and fire is None else Kill(self.inside, fire)
        generator = Generator.build(solver.space.held(segment.held).incoming, pair_rates, fire, duration)
        return flow(generator, vector, duration, np.zeros(0), kill=kill, tolerance=FINE, cancel=self.cancel)
