"""Forecast a scenario at its stated values, or as the mean over draws of the assumptions.

The stated value of an assumption is the median of its prior. The forecast to publish or to score is a mean: it averages
each probability over draws of the assumption values from their priors, or over other weighted draws (a belief). With
wide priors this mean differs from the forecast at the stated values.

The interval of this mean covers only the error of a finite number of draws (and, with Monte Carlo, of a finite number
of replicates). More draws make the interval narrower. The uncertainty about the assumptions shows in the spread of the
forecasts between the draws (`Ensemble.spread`). More draws do not make this spread narrower.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simlib.arguments import DEFAULT_RUNS, FORECAST_DRAWS, Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.count_distribution import PRODUCTS
from simlib.engines.exact.forecast import Solver
from simlib.engines.impact_distributions import with_distributions
from simlib.engines.pooled_forecast import accumulations, mean_forecast, total
from simlib.errors import ArgumentError
from simlib.machine import priors
from simlib.machine.belief import Belief, belief_of, drawn_from, quantiles
from simlib.machine.measures import By
from simlib.results import ONGOING, Accumulation, EventGroup, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

__all__ = ["Ensemble", "forecast", "over_priors"]

SPREAD = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles over the draws that `Ensemble.spread` returns."""

_One = Callable[[int, Floats, Floats | None, Floats | None, float], Forecast]
"""A function that forecasts one draw, with these arguments:

    the number of the draw (-1: the stated values)
    the assumption values θ (A,)
    the stated values (A,), if θ is a draw around them
    the probabilities of the start states
    the limit `products` of `Solver.solve`
"""


def forecast(
    scenario: Scenario,
    *,
    by: By = None,
    times: int | Iterable[float] = 60,
    engine: Engine = "auto",
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Forecast:
    """Forecast a scenario at its stated values, or as the mean over draws of the assumptions.

    Args:
        scenario: The scenario, with its interventions.
        by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
        times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
        engine: "exact", "montecarlo", or "auto" (exact if the exact engine can solve the scenario, else Monte Carlo).
        draws: A number of draws of the prior (at least 2), or a belief (weighted draws). 0: the stated values.
        runs: Monte Carlo replicates per draw, or in all if there are no draws. Default: 10,000 in all.
        seed: Seed of the draws and of the replicates.
        ignore_windows: Whether to ignore the calendar windows of moves and factors.
        control: Progress callback, cancellation and number of threads.

    Returns: The forecast. With draws, its field `stated` is the forecast at the stated values.

    Raises:
        ScenarioError: For a horizon or an intervention outside the scenario's dates.
        TooManyStates: For the exact engine, when there are too many states.
        Unsupported: For a belief whose assumptions, date or start states differ from the scenario's.
        MissingDependency: For Monte Carlo without Numba.
        Cancelled: When `control` cancels the work.
    """
    if isinstance(draws, Belief) or draws:
        common: dict[str, Any] = {"by": by, "times": times, "ignore_windows": ignore_windows, "control": control}
        return over_priors(scenario, engine=engine, draws=draws, runs=runs, seed=seed, **common).mixture()
    frame = _listed({"by": by, "times": times, "ignore_windows": ignore_windows})
    replicates = DEFAULT_RUNS if runs is None else runs
    one, solver, _ = _engine(scenario, engine, frame, (replicates, 0), seed, control)
    stated = one(-1, priors.theta(scenario), None, None, PRODUCTS)
    return with_distributions(stated, scenario, frame, solver, None, (replicates, seed, control))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Forecasts at D random draws of the A assumption values, and at the stated values.

    Attributes:
        belief: The draws with their weights.
        forecasts: The forecast at each draw (D).
        stated: The forecast at the stated values.
        seed: The seed of the draws and of the replicates.
        impacts: The impacts (accumulated quantities), averaged over all draws.
    """

    scenario: Scenario
    belief: Belief
    forecasts: tuple[Forecast, ...]
    stated: Forecast
    seed: int
    impacts: Mapping[str, Accumulation] = field(default_factory=dict)

    @property
    def theta(self) -> Floats:
        """The assumption values of each draw (D, A), in base units."""
        return self.belief.theta

    @property
    def weights(self) -> Floats:
        """The weight of each draw (D,). They sum to one."""
        return self.belief.weights

    def values(self, name: str, kind: EventGroup = "endings") -> Floats:
        """Return the probability of an ending or a question (D, T) at D draws and T report times."""
        return np.stack([getattr(each, kind)[name].probability for each in self.forecasts])

    def spread(self, name: str, kind: EventGroup = "endings") -> Floats:
        """Return five quantiles, over the draws, of an ending's or question's probability (5, T).

        The quantiles are at 5, 25, 50, 75 and 95%. Probabilities that were counted in replicates are first shrunk
        towards their mean, to remove the noise of the replicates.
        """
        runs = _histories(self.forecasts[0], name) if kind == "questions" else None
        return quantiles(self.without_noise(self.values(name, kind), runs), SPREAD, self.weights)

    def without_noise(self, values: Floats, runs: int | None = None) -> Floats:
        """Return probabilities at each draw (D, ...), shrunk to remove the noise of replicates.

        The probabilities are shrunk towards their mean, so that their variance between the draws falls by the variance
        that the replicates add. `runs` is the number of replicates of each draw. Default: the number recorded in the
        forecasts. Exact forecasts record no number of replicates, so their probabilities are returned unchanged.
        """
        runs = runs or self.forecasts[0].provenance.get("runs")
        if not runs:
            return values
        if self.belief.equal:
            mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
            within = (values * (1 - values)).mean(axis=0)
        else:
            mean = np.tensordot(self.weights, values, 1)
            variance = np.tensordot(self.weights, (values - mean) ** 2, 1) / (1 - np.sum(self.weights**2))
            within = np.tensordot(self.weights, values * (1 - values), 1)
        noise = within / max(runs - 1, 1)
        share = np.clip(1 - np.divide(noise, variance, out=np.ones_like(noise), where=variance > 0), 0, 1)
        return np.asarray(mean + np.sqrt(share) * (values - mean))

    def histories(self, question: str) -> float | None:
        """Return the effective number of replicates, over all draws, that answered a question.

        The result is None if the question was answered exactly.
        """
        runs = _histories(self.forecasts[0], question) or self.forecasts[0].provenance.get("runs")
        return runs * self.belief.effective_draws if runs else None

    def mixture(self) -> Forecast:
        """Return the weighted mean forecast over the draws, with an interval of each probability.

        The field `stated` of the result is the forecast at the stated values.
        """
        trials = total(self.forecasts, "runs")
        source = dict(self.stated.provenance) | {
            **drawn_from(self.belief, self.seed),
            "seed": self.seed,
            "seconds": total(self.forecasts, "seconds"),
            "runs": self.forecasts[0].provenance.get("runs"),
        }
        if trials:
            source["replicates"] = trials
            if not self.belief.equal:
                trials = source["effective_runs"] = trials * self.belief.effective_draws / self.belief.draws
        if "histories" in source:
            source["histories"] = total(self.forecasts, "histories")
        return dataclasses.replace(
            mean_forecast(self.forecasts, self.weights, trials),
            assumptions=self.stated.assumptions,
            provenance=source,
            stated=self.stated,
            interventions=self.stated.interventions,
            leads=self._leads(),
            impacts=self.impacts,
        )

    def _leads(self) -> dict[str, float]:
        names = [name for name in self.stated.endings if name != ONGOING]
        if not names:
            return {}
        first = np.argmax([self.without_noise(self.values(name)[:, -1:])[:, 0] for name in names], axis=0)
        return dict(zip(names, np.bincount(first, self.weights, len(names)).round(12).tolist(), strict=True))


def over_priors(
    scenario: Scenario,
    *,
    by: By = None,
    times: int | Iterable[float] = 60,
    engine: Engine = "exact",
    draws: int | Belief = FORECAST_DRAWS,
    runs: int | None = None,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Ensemble:
    """Forecast a scenario at each draw of the assumptions, and at the stated values.

    The Monte Carlo engine simulates separate replicates for each draw. At the stated values, it simulates about as many
    replicates as for all draws together.

    Args:
        scenario: The scenario.
        by: The last day of the forecasts, in days after the start or as a date. None: the horizon.
        times: A number of equal steps, or the report times in days.
        engine: "exact", "montecarlo", or "auto" (exact if the exact engine can solve the scenario, else Monte Carlo).
        draws: Number of draws from the priors, or the belief that gives them. At least 2, because a single draw leaves
            the error of the mean unknown.
        runs: Monte Carlo replicates of each draw. By default about 10,000 for all draws together.
        seed: The seed of the draws and of the replicates.
        ignore_windows: Whether to leave out the calendar windows.
        control: Progress, cancelling and threads.

    Raises the errors of `forecast`.
    """
    belief, centre = _belief_of_several(scenario, draws, seed), priors.theta(scenario)
    count = belief.draws
    replicates = (DEFAULT_RUNS, max(1, -(-DEFAULT_RUNS // count))) if runs is None else (runs * count, runs)
    frame = _listed({"times": times, "by": by, "ignore_windows": ignore_windows})
    silent = control.silent()
    one, solver, accrued = _engine(scenario, engine, frame, replicates, seed, silent)
    stated, forecasts = one(-1, centre, None, None, PRODUCTS), []
    # Distributions of counts are solved for all draws or counted for all draws, so that they can be pooled.
    products = math.inf if solver and solver.law_products(stated) * count <= PRODUCTS else 0.0
    for number, (theta, start) in enumerate(belief.rows()):
        forecasts.append(one(number, theta, centre, start, products))
        control.check()
        control.report((number + 1) / count)
    stated = with_distributions(stated, scenario, frame, solver, None, (replicates[0], seed, silent))
    mean = dataclasses.replace(stated, impacts=accumulations(forecasts, belief.weights))
    mean = with_distributions(mean, scenario, frame, solver, belief, (replicates[1], seed, silent), accrued)
    return Ensemble(scenario, belief, tuple(forecasts), stated, seed, mean.impacts)


def _belief_of_several(scenario: Scenario, draws: int | Belief, seed: int) -> Belief:
    count = draws.draws if isinstance(draws, Belief) else draws
    if count < 2:
        raise ArgumentError("draws", count, "expected at least 2: a single draw leaves the error of the mean unknown")
    return belief_of(scenario, draws, seed=seed)


def _listed(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the options with a list of report times, because an iterator can be read only once."""
    return frame if isinstance(frame["times"], int) else frame | {"times": list(frame["times"])}


def _engine(
    scenario: Scenario, engine: Engine, frame: dict[str, Any], runs: tuple[int, int], seed: int, control: Control
) -> tuple[_One, Solver | None, list[Floats]]:
    """Return (function to forecast a draw, exact solver or None, list that the function fills).

    `runs` is (replicates at the stated values, replicates at each draw). With Monte Carlo, the function appends an
    array (R, T, I) to the list for each draw: the amounts of I impacts by T times in R replicates. So the amounts need
    not be simulated again.
    """

    def replicates(number: int) -> dict[str, Any]:
        some, first = (runs[0], 0) if number < 0 else (runs[1], number * runs[1])
        return {"runs": some, "first": first, "seed": seed, "control": control}

    def exact() -> tuple[_One, Solver | None, list[Floats]]:
        solver = Solver(scenario, control=control, **frame)

        def one(number: int, theta: Floats, centre: Floats | None, start: Floats | None, products: float) -> Forecast:
            options = replicates(number) | {"ranges": True, "products": products}
            return solver.solve(theta, centre=centre, start=start, **options)

        return one, solver, []

    def sampled() -> tuple[_One, Solver | None, list[Floats]]:
        from simlib.engines.montecarlo.simulator import Simulator

        simulator, accrued = Simulator(scenario, **frame), list[Floats]()

        def one(number: int, theta: Floats, centre: Floats | None, start: Floats | None, _: float) -> Forecast:
            counts = simulator.run(theta, centre=centre, start=start, **replicates(number))
            if number >= 0:
                accrued.append(counts.accrued)
            return simulator.forecast(counts, theta=theta, seed=seed)

        return one, None, accrued

    return exact_where_it_fits(engine, exact, sampled)


def _histories(forecast: Forecast, name: str) -> int | None:
    """Return how many histories an exact forecast simulated for a question, or None if none."""
    return forecast.provenance["histories"] if name in forecast.provenance.get("by_histories", ()) else None
