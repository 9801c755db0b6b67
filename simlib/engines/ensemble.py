"""Forecast a scenario at its stated values, or as the mean over draws of the assumptions.

A stated value is a median. The forecast to publish or to score is the mean of the probability over draws of the priors,
or of any other belief. With wide priors this mean differs from the forecast at the stated values.

The interval of this mean covers only the numerical error of a finite number of draws (and, by Monte Carlo, of
replicates). It shrinks with more draws. The uncertainty about the assumptions is the spread between draws,
`Ensemble.spread`. It does not shrink with more draws.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.amounts import exact_amounts
from simlib.engines.exact.count_distribution import PRODUCTS
from simlib.engines.exact.forecast import Solver
from simlib.errors import MissingDependency, TooManyStates, Unsupported
from simlib.machine import priors
from simlib.machine.belief import Belief, belief_of, quantiles
from simlib.machine.measures import By
from simlib.results import ONGOING, Z_TWO_SIDED_95, Accumulation, AmountSample, Band, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Engine, Floats

__all__ = ["Ensemble", "forecast", "over_priors", "pool_forecasts"]

RUNS = 10_000
"""Default number of replicates, at the stated values and in all draws together."""

SPREAD = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles over the draws that `Ensemble.spread` returns."""

_One = Callable[[int, Floats, Floats | None, Floats | None, float], Forecast]
"""A function that forecasts one draw.

Its arguments are the number of the draw (-1: the stated values), the assumption values θ, their centre, the
probabilities of the start states, and the limit `products` of `Solver.solve`.
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
        engine: "exact", "montecarlo", or "auto" (exact if the exact engine can take the scenario, else Monte Carlo).
        draws: A number of draws of the prior (at least 2), or a belief. 0: the stated values.
        runs: Monte Carlo replicates per draw. Default: 10,000 in all.
        seed: Seed of the draws and of the replicates.
        ignore_windows: Whether to treat calendar windows as always open.
        control: Progress callback, cancellation and number of threads.

    Returns: The forecast. With draws, its field `stated` is the forecast at the stated values.

    Raises:
        ScenarioError: For a target day or an intervention that does not fit.
        TooManyStates: For the exact engine, when there are too many states.
        Unsupported: For a belief that the scenario or the engine cannot take.
        MissingDependency: For Monte Carlo without Numba.
        Cancelled: When `control` cancels the work.
    """
    if isinstance(draws, Belief) or draws:
        common: dict[str, Any] = {"by": by, "times": times, "ignore_windows": ignore_windows, "control": control}
        return over_priors(scenario, engine=engine, draws=draws, runs=runs, seed=seed, **common).mixture()
    frame = _listed({"by": by, "times": times, "ignore_windows": ignore_windows})
    replicates = RUNS if runs is None else runs
    one, solver, _ = _engine(scenario, engine, frame, (replicates, 0), seed, control)
    stated = one(-1, priors.theta(scenario), None, None, PRODUCTS)
    return _with_distributions(stated, scenario, frame, solver, None, (replicates, seed, control))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Draws of the assumptions `theta` (D, A) with their weights (D,), and the forecast at each.

    `stated` is the forecast at the stated values, and `seed` is the seed of the draws. `impacts` holds the impacts
    averaged over all draws.
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

    def values(self, name: str, kind: Literal["endings", "questions"] = "endings") -> Floats:
        """Return the probability of an ending or a question at every draw and time (D, T)."""
        return np.stack([getattr(each, kind)[name].probability for each in self.forecasts])

    def spread(self, name: str, kind: Literal["endings", "questions"] = "endings") -> Floats:
        """Return the 5, 25, 50, 75 and 95% points over the draws at each time (5, T).

        If the probabilities were counted in replicates, the spread is shrunk to remove the noise of the replicates.
        """
        runs = _histories(self.forecasts[0], name) if kind == "questions" else None
        return quantiles(self.without_noise(self.values(name, kind), runs), SPREAD, self.weights)

    def without_noise(self, values: Floats, runs: int | None = None) -> Floats:
        """Return probabilities at each draw (D, ...), shrunk to remove the noise of replicates.

        `runs` is the number of replicates of each draw, by default the number that the forecasts record. Exact
        forecasts record none, so their probabilities are returned unchanged.
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

    def mixture(self) -> Forecast:
        """Return the weighted mean over the draws with the interval of that mean.

        Its field `stated` is the forecast at the stated values.
        """
        runs = _total(self.forecasts, "runs")
        source = dict(self.stated.provenance) | {
            "draws": len(self.forecasts),
            "seed": self.seed,
            "seconds": _total(self.forecasts, "seconds"),
            "runs": runs,
        }
        if not self.belief.is_prior:
            source |= {"belief": self.belief.name}
        trials = runs
        if runs and not self.belief.equal:
            trials = source["effective_runs"] = runs * self.belief.effective_draws / self.belief.draws
        if "histories" in source:
            source["histories"] = _total(self.forecasts, "histories")
        return dataclasses.replace(
            _mean(self.forecasts, self.weights, trials),
            assumptions=self.stated.assumptions,
            provenance=source,
            stated=self.stated,
            interventions=self.stated.interventions,
            leads=self._leads(),
            impacts=self.impacts,
        )

    def _leads(self) -> dict[str, float]:
        """Return, for each ending, the weighted share of draws in which it is the likeliest ending.

        The probabilities at the last report time are compared, without the noise of replicates.
        """
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
    draws: int | Belief = 200,
    runs: int | None = None,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Ensemble:
    """Forecast at each draw of the assumptions, and at the stated values.

    By Monte Carlo, each draw has separate replicates. The stated values have as many replicates as all draws together.

    Args:
        scenario: The scenario, with its interventions.
        by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
        times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
        engine: "exact", "montecarlo", or "auto" (exact if the exact engine can take the scenario, else Monte Carlo).
        draws: A number of draws of the prior (at least 2), or a belief.
        runs: Monte Carlo replicates per draw. Default: 10,000 in all, shared out evenly.
        seed: Seed of the draws and of the replicates.
        ignore_windows: Whether to treat calendar windows as always open.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ValueError: For fewer than two draws, because the error of their mean would be unknown.
        Unsupported: For a belief about other assumptions, or with a start that the engine cannot take.
        TooManyStates: For the exact engine, when there are too many states.
        ScenarioError: For a target day or an intervention that does not fit.
        Cancelled: When `control` cancels the work.
    """
    count = draws.draws if isinstance(draws, Belief) else draws
    if count < 2:
        raise ValueError(f"draws must be at least 2, not {count}: a single draw leaves the error of the mean unknown")
    belief, centre = belief_of(scenario, draws, seed=seed), priors.theta(scenario)
    replicates = (RUNS, max(1, -(-RUNS // count))) if runs is None else (runs * count, runs)
    frame = _listed({"times": times, "by": by, "ignore_windows": ignore_windows})
    silent = Control(cancel=control.cancel, threads=control.threads)
    one, solver, accrued = _engine(scenario, engine, frame, replicates, seed, silent)
    stated, forecasts = one(-1, centre, None, None, PRODUCTS), []
    # Distributions of counts are solved for all draws or counted for all draws, so that they can be pooled.
    products = math.inf if solver and solver.law_products(stated) * count <= PRODUCTS else 0.0
    for number, (theta, start) in enumerate(belief.rows()):
        forecasts.append(one(number, theta, centre, start, products))
        control.check()
        control.report((number + 1) / count)
    stated = _with_distributions(stated, scenario, frame, solver, None, (replicates[0], seed, silent))
    mean = dataclasses.replace(stated, impacts=_accumulations(forecasts, belief.weights))
    mean = _with_distributions(mean, scenario, frame, solver, belief, (replicates[1], seed, silent), accrued)
    return Ensemble(scenario, belief, tuple(forecasts), stated, seed, mean.impacts)


def _listed(frame: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the report times as a list, because an iterator is read only once."""
    return frame if isinstance(frame["times"], int) else frame | {"times": list(frame["times"])}


def _engine(
    scenario: Scenario, engine: Engine, frame: dict[str, Any], runs: tuple[int, int], seed: int, control: Control
) -> tuple[_One, Solver | None, list[Floats]]:
    """Return a function that forecasts one draw, the exact solver, and a list of amounts.

    `runs` holds the number of replicates at the stated values and the number at each draw. By Monte Carlo the solver is
    None, and the function appends the accumulated amounts in the histories of each draw (R, T, I) to the list, so that
    nothing is simulated twice. With the exact solver the list stays empty.
    """
    if engine != "montecarlo":
        try:
            solver = Solver(scenario, control=control, **frame)
        except (TooManyStates, Unsupported):
            if engine == "exact":
                raise
        else:
            return partial(_exact, solver, runs, seed, control), solver, []
    from simlib.engines.montecarlo.simulator import Simulator

    accrued: list[Floats] = []
    return partial(_montecarlo, Simulator(scenario, **frame), runs, seed, control, accrued), None, accrued


def _exact(
    solver: Solver,
    runs: tuple[int, int],
    seed: int,
    control: Control,
    number: int,
    theta: Floats,
    centre: Floats | None,
    start: Floats | None,
    products: float,
) -> Forecast:
    replicates, first = _replicates(runs, number)
    histories: dict[str, Any] = {"runs": replicates, "seed": seed, "first": first, "ranges": True, "products": products}
    return solver.solve(theta, centre=centre, start=start, **histories, control=control)


def _montecarlo(
    simulator: Any,
    runs: tuple[int, int],
    seed: int,
    control: Control,
    accrued: list[Floats],
    number: int,
    theta: Floats,
    centre: Floats | None,
    start: Floats | None,
    products: float,  # noqa: ARG001 - only the exact engine uses it
) -> Forecast:
    replicates, first = _replicates(runs, number)
    counts = simulator.run(theta, centre=centre, start=start, runs=replicates, seed=seed, first=first, control=control)
    if number >= 0:
        accrued.append(counts.accrued)
    forecast: Forecast = simulator.forecast(counts, theta=theta, seed=seed)
    return forecast


def _replicates(runs: tuple[int, int], number: int) -> tuple[int, int]:
    """Return how many replicates a draw has, and the number of its first replicate.

    `runs` is as in `_engine`. Draw -1 is the stated values.
    """
    return (runs[0], 0) if number < 0 else (runs[1], number * runs[1])


def _with_distributions(
    forecast: Forecast,
    scenario: Scenario,
    frame: dict[str, Any],
    solver: Solver | None,
    belief: Belief | None,
    job: tuple[int, int, Control],
    accrued: Sequence[Floats] = (),
) -> Forecast:
    """Return a forecast of either engine with the whole distribution of each impact.

    A distribution is solved if that is cheap, else simulated. An impact that has its distribution already is not
    changed. Without Numba only solved distributions are added.

    `job` holds the number of replicates (with a belief: of each draw), their seed, and the control of the work.
    `accrued` holds the accumulated amounts in the histories of each draw (R, T, I), if they have been simulated
    already.
    """
    found = {name: (impact.fan, impact.sample) for name, impact in forecast.impacts.items()}
    if solver is not None:
        steps = forecast.provenance["steps"]
        for index, (name, impact) in enumerate(forecast.impacts.items()):
            law = exact_amounts(solver, index, impact, belief, steps, PRODUCTS, job[2])
            found[name] = found[name] if law is None else law
    if any(sample is None for _, sample in found.values()):
        wanted = [name for name, (_, sample) in found.items() if sample is None]
        if accrued and belief is not None:
            found |= _distributions(scenario, wanted, np.stack(accrued), belief.weights)
        else:
            found |= _counted(scenario, frame, belief, job, wanted)
    impacts = {
        name: dataclasses.replace(impact, fan=found[name][0], sample=found[name][1])
        for name, impact in forecast.impacts.items()
    }
    return dataclasses.replace(forecast, impacts=impacts)


def _counted(
    scenario: Scenario, frame: dict[str, Any], belief: Belief | None, job: tuple[int, int, Control], names: list[str]
) -> dict[str, tuple[Floats, AmountSample]]:
    """Simulate histories, and return the fan and the distribution of the named impacts.

    A fan holds quantiles at each report time. Without Numba the result is empty.
    """
    from simlib.engines.montecarlo.distributions import histories_of_impacts
    from simlib.engines.montecarlo.simulator import Simulator

    try:
        simulator = Simulator(scenario, **frame)
    except MissingDependency:
        return {}
    return _distributions(scenario, names, *histories_of_impacts(simulator, belief, *job))


def _distributions(
    scenario: Scenario, names: list[str], amounts: Floats, weights: Floats
) -> dict[str, tuple[Floats, AmountSample]]:
    """Return the fan and the distribution of the named impacts, from all amounts (D, R, T, I)."""
    from simlib.engines.montecarlo.counts import distribution

    places = {name: index for index, name in enumerate(scenario.impacts)}
    return {name: distribution(amounts[..., places[name]], weights) for name in names}


def _accumulations(forecasts: Sequence[Forecast], share: Floats) -> dict[str, Accumulation]:
    """Return the mean of each impact over draws, with its standard deviation in two parts.

    `chance` is the spread within draws, and `doubt` is the spread between draws (law of total variance).
    """
    return {
        name: _mixed([forecast.impacts[name] for forecast in forecasts], forecasts, share)
        for name in forecasts[0].impacts
    }


def _mixed(parts: Sequence[Accumulation], forecasts: Sequence[Forecast], share: Floats) -> Accumulation:
    means, errors = (np.stack([getattr(part, name) for part in parts]) for name in ("mean", "error"))
    mean, sampling = share @ means, _variance_of_mean(means, share)
    between = share @ (means - mean) ** 2 / max(1 - float(np.sum(share**2)), 1e-12)
    noise = share @ (errors / Z_TWO_SIDED_95) ** 2
    given, given_error = {}, {}
    for ending in parts[0].given:
        reached = np.stack([forecast.endings[ending].probability for forecast in forecasts])
        amounts = np.nan_to_num(np.stack([part.given[ending] for part in parts]))
        with np.errstate(divide="ignore", invalid="ignore"):
            probability = share @ reached
            given[ending] = share @ (reached * amounts) / probability
            # The variance of the ratio of two means, by the delta method.
            apart = reached * (amounts - given[ending]) / probability
            given_error[ending] = Z_TWO_SIDED_95 * np.sqrt(_variance_of_mean(1 + apart, share))
    return Accumulation(
        unit=parts[0].unit,
        mean=mean,
        chance=np.sqrt(share @ np.stack([part.chance for part in parts]) ** 2),
        doubt=np.sqrt(np.maximum(between - noise, 0.0)),
        error=Z_TWO_SIDED_95 * np.sqrt(sampling),
        given=given,
        given_error=given_error,
    )


def pool_forecasts(forecasts: Sequence[Forecast], weights: Sequence[float] | None = None) -> Forecast:
    """Return the weighted mean of forecasts (linear opinion pool).

    The forecasts must be of one scenario and have the same times. Without weights, all count equally. The interval is
    Wilson's interval of the mean. Its effective number of trials follows from the spread between the forecasts. Raises
    ValueError for forecasts that do not match.
    """
    share = np.full(len(forecasts), 1 / len(forecasts)) if weights is None else np.asarray(weights) / np.sum(weights)
    return _mean(forecasts, share, _total(forecasts, "runs"))


def _mean(forecasts: Sequence[Forecast], share: Floats, trials: float | None) -> Forecast:
    first = forecasts[0]
    if any(not np.array_equal(f.times, first.times) or f.scenario.id != first.scenario.id for f in forecasts):
        raise ValueError("only forecasts of one scenario at the same times can be pooled")

    histories, effective = _total(forecasts, "histories"), 1 / (len(share) * float(np.sum(share**2)))

    def bands(kind: str) -> dict[str, Band]:
        counted = first.provenance.get("by_histories", ()) if kind == "questions" else ()
        return {
            name: _pooled_band(
                [getattr(f, kind)[name] for f in forecasts], share, histories * effective if name in counted else trials
            )
            for name in getattr(first, kind)
        }

    def nested(kind: str, reduce: Callable[[Floats], Floats]) -> dict[str, dict[str, Floats]]:
        return {
            outer: {inner: reduce(np.stack([getattr(f, kind)[outer][inner] for f in forecasts])) for inner in parts}
            for outer, parts in getattr(first, kind).items()
        }

    def moves(reduce: Callable[[Floats], Floats]) -> dict[str, Floats]:
        return {name: reduce(np.stack([f.moves[name] for f in forecasts])) for name in first.moves}

    def mean(stack: Floats) -> Floats:
        return np.asarray(share @ stack)

    def half(stack: Floats) -> Floats:
        return np.asarray(Z_TWO_SIDED_95 * np.sqrt(_variance_of_mean(stack, share)))

    exact = all(f.provenance.get("firings_by") == "exact" for f in forecasts)
    replicates = None if exact else histories * effective if histories else trials
    return dataclasses.replace(
        first,
        endings=bands("endings"),
        questions=bands("questions"),
        variables=nested("variables", mean),
        ladders=nested("ladders", mean),
        moves=moves(mean),
        days=None if first.days is None else nested("days", mean),
        firings=_pooled_firings(forecasts, share, replicates),
        impacts=_accumulations(forecasts, share),
        error={"variables": nested("variables", half), "ladders": nested("ladders", half), "moves": moves(half)},
    )


def _pooled_firings(forecasts: Sequence[Forecast], share: Floats, trials: float | None) -> dict[str, Band] | None:
    """Return, for each move, the mean over forecasts of P(at most n firings), n = 0, 1, ...

    The result is None if any of the forecasts has no such distribution.
    """
    laws = [forecast.firings for forecast in forecasts if forecast.firings is not None]
    if len(laws) < len(forecasts):
        return None
    pooled = {}
    for name in laws[0]:
        longest = max(len(law[name].probability) for law in laws)
        bands = [Band(*(_lengthened(side, longest) for side in dataclasses.astuple(law[name]))) for law in laws]
        pooled[name] = _pooled_band(bands, share, trials)
    return pooled


def _lengthened(at_most: Floats, length: int) -> Floats:
    """Extend P(at most n firings), n = 0, 1, ..., to `length` numbers by repeating the last one."""
    return np.pad(at_most, (0, length - len(at_most)), mode="edge")


def _variance_of_mean(stack: Floats, share: Floats) -> Floats:
    """Return the estimated variance (T,) of the weighted mean of draws (D, T).

    For a single draw the result is 0.
    """
    if len(stack) < 2:
        return np.zeros(stack.shape[1:])
    mean = share @ stack
    return np.asarray(share**2 @ (stack - mean) ** 2 * len(stack) / (len(stack) - 1))


def _pooled_band(bands: Sequence[Band], share: Floats, trials: float | None) -> Band:
    stack = np.stack([band.probability for band in bands])
    p = share @ stack
    variance = _variance_of_mean(stack, share)
    bound = share @ np.stack([band.high - band.probability for band in bands])
    band = Band.of_mean(p, variance, trials)
    return band if trials else Band(p, band.low, np.maximum(band.high, p + bound))


def _histories(forecast: Forecast, name: str) -> int | None:
    """Return how many replicates an exact forecast used for a question, None if it used none."""
    return forecast.provenance["histories"] if name in forecast.provenance.get("by_histories", ()) else None


def _total(forecasts: Sequence[Forecast], key: str) -> Any:
    values = [f.provenance.get(key) for f in forecasts]
    return None if any(v is None for v in values) else sum(values)
