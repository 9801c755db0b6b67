"""The exact engine: uniformisation over the reachable states, with a reported error bound.

`solve` returns a `Forecast` whose intervals are [p, p + bound], where `bound` limits the error of truncating the
Poisson sums. An answer below 1e-6 is solved again, at most three times, until its relative error is below 1e-3.
`Solver` keeps the states of one scenario for many solutions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.poisson import TOLERANCE
from simlib.engines.exact.reachable import STATE_CAP
from simlib.engines.exact.solver import Solver
from simlib.machine import priors
from simlib.machine.measures import By
from simlib.results import Forecast
from simlib.scenario.model import Scenario

__all__ = ["STATE_CAP", "Solver", "solve"]


def solve(
    scenario: Scenario,
    *,
    values: Mapping[str, float] | None = None,
    by: By = None,
    times: int | Iterable[float] = 60,
    ignore_windows: bool = False,
    tolerance: float = TOLERANCE,
    cap: int = STATE_CAP,
    ranges: bool = False,
    control: Control = UNWATCHED,
) -> Forecast:
    """Solve a scenario exactly at its stated values, or with some of them replaced.

    Args:
        scenario: The scenario, with its interventions.
        values: Assumption values that replace stated ones, by name, in base units (rates per day).
        by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
        times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
        ignore_windows: Whether to ignore the calendar windows of moves and factors.
        tolerance: Bound on the truncation error of any probability.
        ranges: Whether to add the distribution of the number of times that each move happens (`Forecast.firings`).
        cap: Largest number of reachable states.
        control: Progress callback, cancellation and number of threads (default 2).

    Returns:
        The forecast, with the interval [p, p + bound] of each probability.

    Raises:
        TooManyStates: Above `cap` reachable states.
        ScenarioError: For an unknown assumption, or a horizon or an intervention outside the scenario's dates.
        Cancelled: When `control` cancels the work.
    """
    solver = Solver(scenario, times=times, by=by, ignore_windows=ignore_windows, cap=cap, control=control)
    forecast = solver.solve(priors.theta(scenario, values), tolerance=tolerance, ranges=ranges, control=control)
    source = dict(forecast.provenance) | {"tolerance": tolerance, "ranges": ranges}
    return dataclasses.replace(forecast, provenance=source)
