"""The exact engine: uniformisation over the reachable states, with a reported error bound.

`solve` gives a `Forecast` whose intervals are [p, p + bound]: the bound is what truncating the Poisson sums may have
lost. An answer below 1e-6 is solved again until its relative error is below 1e-3. `Solver` keeps the states of one
scenario for many solutions, `gradient` differentiates any answer with respect to every assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from simlib.control import in_transition
from simlib.engines.exact.adjoint import gradient
from simlib.engines.exact.reachable import CAP
from simlib.engines.exact.solver import TOLERANCE, Solver
from simlib.machine import priors
from simlib.results import Forecast
from simlib.scenario.model import Scenario

__all__ = ["CAP", "Solver", "gradient", "solve"]


@in_transition
def solve(
    scenario: Scenario,
    *,
    values: Mapping[str, float] | None = None,
    times: int | Iterable[float] = 60,
    horizon: float | None = None,
    ignore_windows: bool = False,
    tolerance: float = TOLERANCE,
    cap: int = CAP,
    threads: int = 2,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Forecast:
    """Solve a scenario exactly at its stated values, some replaced by `values` (base units).

    `times` is a number of equal steps or the days themselves, `horizon` is in days. Raises TooManyStates above `cap`
    reachable states, ScenarioError for a value or an intervention that does not fit, Cancelled.
    """
    solver = Solver(
        scenario, times=times, horizon=horizon, ignore_windows=ignore_windows, cap=cap, threads=threads, cancel=cancel
    )
    theta = priors.theta(scenario, values)
    return solver.solve(theta, tolerance=tolerance, progress=progress, cancel=cancel)
