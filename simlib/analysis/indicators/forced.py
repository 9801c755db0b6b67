"""Doing is not seeing: what forcing a move on a day adds to an ending, given that nothing has ended by then."""

from __future__ import annotations

import datetime as dt

import numpy as np

from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import TooManyStates, Unsupported
from simlib.machine import priors
from simlib.results import Z_TWO_SIDED_95
from simlib.scenario.model import Force, Scenario


class Doing:
    """A world, an ending and a day, ready to force one move after another at the stated values.

    `engine` says how: "exact", or where there are too many states "montecarlo", with `runs` histories under the same
    dice in both worlds; they are alike up to the day, so the same ones are still open then.
    """

    def __init__(self, scenario: Scenario, ending: str, day: float, horizon: float, runs: int, seed: int) -> None:
        self.scenario, self.ending, self.horizon, self.runs, self.seed = scenario, ending, horizon, runs, seed
        self.open_at = max(int(day) - 1e-9, 0.0)
        self.date = scenario.as_of + dt.timedelta(days=int(day))
        self.engine = "exact"
        self._undone: float | np.ndarray | None = None

    def adds(self, move: str) -> tuple[float, float, float]:
        """Return what forcing a move adds to P(ending), with its 95% interval; of no width where it is exact."""
        forced = self.scenario.replace(interventions=(*self.scenario.interventions, Force(move, self.date)))
        if self.engine == "exact":
            try:
                self._undone = self._exactly(self.scenario) if self._undone is None else self._undone
                added = float(self._exactly(forced) - self._undone)
            except (TooManyStates, Unsupported):
                self.engine, self._undone = "montecarlo", None
            else:
                return added, added, added
        self._undone = self._played(self.scenario) if self._undone is None else self._undone
        differences = self._played(forced) - self._undone
        added, half = _mean(np.asarray(differences))
        return added, max(added - half, -1.0), min(added + half, 1.0)

    def _exactly(self, world: Scenario) -> float:
        from simlib.engines.exact.forecast import solve

        forecast = solve(world, times=[self.open_at, self.horizon], horizon=self.horizon)
        already, then = forecast.endings[self.ending].probability
        return float((then - already) / max(forecast.endings["ongoing"].probability[0], 1e-300))

    def _played(self, world: Scenario) -> np.ndarray:
        """Return for each history still open on the day whether it ends so."""
        simulator = Simulator(world, times=1, horizon=self.horizon)
        counts = simulator.run(priors.theta(world), runs=self.runs, seed=self.seed)
        index = list(world.endings).index(self.ending)
        return np.asarray(counts.ending[counts.ending_time > self.open_at] == index, dtype=float)


def _mean(differences: np.ndarray) -> tuple[float, float]:
    """Return the mean of paired differences of -1, 0 or 1 and its 95% half-width, which is never zero.

    The half-width that no difference seen still leaves (Wilson's of a share of zero) is its least.
    """
    count = len(differences)
    if count == 0:
        return 0.0, 1.0
    spread = float(np.std(differences, ddof=1)) if count > 1 else 1.0
    return float(np.mean(differences)), max(
        Z_TWO_SIDED_95 * spread / np.sqrt(count), Z_TWO_SIDED_95**2 / (count + Z_TWO_SIDED_95**2)
    )
