"""The effect of forcing a move on the probability of a still open ending or question."""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np

from simlib.analysis.samples import ShareBand
from simlib.control import Control
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import DOES_NOT_FIT
from simlib.machine import priors
from simlib.machine.measures import Measure
from simlib.scenario.model import Force, Scenario
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats

__all__ = ["Forcing"]


class Forcing:
    """Computes how much a measure changes if a move is forced on a day, for one move at a time.

    The assumptions have their stated values. `engine` is "exact" for an ending, unless there are too many states.
    Otherwise `engine` is "montecarlo", which simulates pairs of histories with common random numbers. The two
    histories of a pair are identical up to that day. So the ending or question is open on that day in both histories or
    in neither.

    Args:
        scenario: The scenario, with its interventions.
        measure: An ending or question.
        day: The day on which a move is forced, in days after the scenario's first day.
        runs: The number of pairs of histories for Monte Carlo.
        seed: The seed of the pairs.
        control: Cancellation and number of threads. Progress is not reported.
    """

    def __init__(
        self, scenario: Scenario, measure: Measure, day: float, runs: int, seed: int, control: Control
    ) -> None:
        self.scenario, self.measure, self.runs, self.seed = scenario, measure, runs, seed
        self.control = control.silent()
        self.open_at = max(int(day) - 1e-9, 0.0)
        self.date = scenario.as_of + dt.timedelta(days=int(day))
        self.engine = "exact" if measure.kind == "ending" else "montecarlo"

    def effect(self, move: str) -> ShareBand:
        """Return the change of the probability if a move is forced, with its 95% interval.

        The interval of an exact change has zero width.
        """
        forced = self.scenario.replace(interventions=(*self.scenario.interventions, Force(move, self.date)))
        if self.engine == "exact":
            try:
                added = self._solved(forced) - self._solved_baseline
            except DOES_NOT_FIT:
                self.engine = "montecarlo"
            else:
                return added, added, added
        added, half = _mean(self._played(forced) - self._played_baseline)
        return added, max(added - half, -1.0), min(added + half, 1.0)

    @cached_property
    def _solved_baseline(self) -> float:
        return self._solved(self.scenario)

    @cached_property
    def _played_baseline(self) -> Floats:
        return self._played(self.scenario)

    def _solved(self, world: Scenario) -> float:
        forecast = solve(world, times=[self.open_at, world.horizon_days], control=self.control)
        already, then = forecast.endings[self.measure.of].probability
        return float((then - already) / max(forecast.endings["ongoing"].probability[0], 1e-300))

    def _played(self, world: Scenario) -> Floats:
        simulator = Simulator(world, times=1)
        counts = simulator.run(priors.theta(world), runs=self.runs, seed=self.seed, control=self.control)
        still_open = counts.ending_time > self.open_at
        if self.measure.kind == "ending":
            happens = counts.ending == list(world.endings).index(self.measure.of)
        else:
            times = counts.question_time[:, list(world.questions).index(self.measure.of)]
            happens, still_open = np.isfinite(times), still_open & (times > self.open_at)
        return np.asarray(happens[still_open], dtype=float)


def _mean(differences: Floats) -> tuple[float, float]:
    """Return the mean of differences of -1, 0 or 1, and half the width of its 95% interval.

    This half-width is at least that of Wilson's interval for a share of zero, so it is positive even if all differences
    are 0.
    """
    count = len(differences)
    if count == 0:
        return 0.0, 1.0
    spread = float(np.std(differences, ddof=1)) if count > 1 else 1.0
    least = Z_TWO_SIDED_95**2 / (count + Z_TWO_SIDED_95**2)
    return float(np.mean(differences)), max(Z_TWO_SIDED_95 * spread / np.sqrt(count), least)
