"""The forecast over the priors: a mixture of forecasts, one for each draw of the assumptions.

`value` is a median, and the forecast that is published or scored is the mean over the priors of the probability at
each draw; with wide priors the two differ. The interval of a mixture says how well that mean is computed from the
draws taken (and, by Monte Carlo, from the replicates of each); it shrinks with more draws, the doubt about the
assumptions does not: that is the spread between draws, `Draws.spread`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from simlib.control import in_transition
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.reachable import CAP
from simlib.machine import priors
from simlib.results import Z95, Band, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

Engine = Literal["exact", "montecarlo"]


@dataclass(frozen=True)
class Draws:
    """Draws of the assumptions `theta` (D, A) around the stated values, and the forecast at each."""

    scenario: Scenario
    theta: Floats
    forecasts: tuple[Forecast, ...]
    stated: Forecast
    seed: int

    def values(self, name: str, kind: Literal["endings", "questions"] = "endings") -> Floats:
        """Return the probability of an ending or a question at every draw and time (D, T)."""
        return np.stack([getattr(forecast, kind)[name].probability for forecast in self.forecasts])

    def spread(self, name: str, kind: Literal["endings", "questions"] = "endings") -> Floats:
        """Return the 5, 25, 50, 75 and 95% points over the draws at each time (5, T): doubt, not chance.

        Where replicates were counted, the noise within the draws is taken out of their spread.
        """
        values = self.without_noise(self.values(name, kind))
        return np.asarray(np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0))

    def without_noise(self, values: Floats) -> Floats:
        """Return probabilities at each draw (D, ...) drawn in to their mean by what chance within the draws adds."""
        runs = self.forecasts[0].provenance.get("runs")
        if not runs:
            return values
        mean, variance = values.mean(axis=0), values.var(axis=0, ddof=1)
        noise = (values * (1 - values)).mean(axis=0) / max(runs - 1, 1)
        kept = np.clip(1 - np.divide(noise, variance, out=np.ones_like(noise), where=variance > 0), 0, 1)
        return np.asarray(mean + np.sqrt(kept) * (values - mean))

    def mixture(self) -> Forecast:
        """Return the mean over the draws, with the interval of that mean; `stated` rides along."""
        pooled = pool(self.forecasts)
        details = dict(self.stated.provenance) | {
            "draws": len(self.forecasts),
            "seed": self.seed,
            "seconds": _total(self.forecasts, "seconds"),
            "runs": _total(self.forecasts, "runs"),
        }
        return dataclasses.replace(
            pooled,
            assumptions=self.stated.assumptions,
            provenance=details,
            stated=self.stated,
            interventions=self.stated.interventions,
        )


@in_transition
def over_priors(
    scenario: Scenario,
    *,
    engine: Engine = "exact",
    draws: int = 200,
    runs: int = 10_000,
    seed: int = 0,
    threads: int | None = None,
    times: int | Iterable[float] = 60,
    horizon: float | None = None,
    ignore_windows: bool = False,
    cap: int = CAP,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Draws:
    """Forecast at `draws` sets of values from the priors, and at the stated values.

    By Monte Carlo the `runs` replicates are shared out evenly over the draws, each draw with replicates of its own.
    Times, horizon and errors are those of `solve` and `simulate`; ValueError for fewer than two draws, whose mean has
    an error that nobody could tell.
    """
    if draws < 2:
        raise ValueError(f"draws must be at least 2, not {draws}: one says nothing of the error of their mean")
    thetas = priors.draws(scenario, draws, seed=seed)
    centre = priors.theta(scenario)
    frame = {
        "times": times if isinstance(times, int) else list(times),
        "horizon": horizon,
        "ignore_windows": ignore_windows,
    }
    one: Callable[[int, Floats, Floats | None], Forecast]
    if engine == "exact":
        solver = Solver(scenario, cap=cap, threads=threads or 2, cancel=cancel, **frame)  # type: ignore[arg-type]
        one = _exact(solver, cancel)
    else:
        one = _montecarlo(scenario, frame, max(1, -(-runs // draws)), runs, seed, threads, cancel)
    stated = one(-1, centre, None)
    forecasts = []
    for number, theta in enumerate(thetas):
        forecasts.append(one(number, theta, centre))
        if progress:
            progress((number + 1) / draws)
    return Draws(scenario, thetas, tuple(forecasts), stated, seed)


def _exact(solver: Solver, cancel: Callable[[], bool] | None) -> Callable[[int, Floats, Floats | None], Forecast]:
    return lambda _, theta, centre: solver.solve(theta, centre=centre, cancel=cancel)


def _montecarlo(
    scenario: Scenario,
    frame: Mapping[str, Any],
    each: int,
    runs: int,
    seed: int,
    threads: int | None,
    cancel: Callable[[], bool] | None,
) -> Callable[[int, Floats, Floats | None], Forecast]:
    from simlib.engines.montecarlo.simulator import Simulator

    simulator = Simulator(scenario, **frame)

    def one(number: int, theta: Floats, centre: Floats | None) -> Forecast:
        replicates, first = (runs, 0) if number < 0 else (each, number * each)
        counts = simulator.run(
            theta, centre=centre, runs=replicates, seed=seed, first=first, threads=threads, cancel=cancel
        )
        return simulator.forecast(counts, theta=theta, seed=seed)

    return one


def pool(forecasts: Sequence[Forecast], weights: Sequence[float] | None = None) -> Forecast:
    """Return the (weighted) mean of forecasts of one world on one grid: a linear opinion pool.

    Without weights the forecasts are equally likely draws and the interval is that of their mean: Wilson's, with the
    effective number of trials that the spread between draws implies. Raises ValueError for forecasts that do not match.
    """
    first = forecasts[0]
    if any(not np.array_equal(f.times, first.times) or f.scenario != first.scenario for f in forecasts):
        raise ValueError("only forecasts of one scenario at the same times can be pooled")
    share = np.full(len(forecasts), 1 / len(forecasts)) if weights is None else np.asarray(weights) / np.sum(weights)
    trials = _total(forecasts, "runs")

    def bands(kind: str) -> dict[str, Band]:
        return {
            name: _pooled_band([getattr(f, kind)[name] for f in forecasts], share, trials)
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
        return np.asarray(Z95 * np.sqrt(_variance_of_mean(stack, share)))

    return dataclasses.replace(
        first,
        endings=bands("endings"),
        questions=bands("questions"),
        variables=nested("variables", mean),
        ladders=nested("ladders", mean),
        moves=moves(mean),
        error={"variables": nested("variables", half), "ladders": nested("ladders", half), "moves": moves(half)},
    )


def _variance_of_mean(stack: Floats, share: Floats) -> Floats:
    """Return the estimated variance of the mean of draws (D, T) -> (T,); nothing is known from one draw."""
    if len(stack) < 2:
        return np.zeros(stack.shape[1:])
    mean = share @ stack
    return np.asarray(share**2 @ (stack - mean) ** 2 * len(stack) / (len(stack) - 1))


def _pooled_band(bands: Sequence[Band], share: Floats, trials: int | None) -> Band:
    stack = np.stack([band.probability for band in bands])
    p = share @ stack
    variance = _variance_of_mean(stack, share)
    bound = share @ np.stack([band.high - band.probability for band in bands])
    band = Band.of_mean(p, variance, trials)
    return band if trials else Band(p, band.low, np.maximum(band.high, p + bound))


def _total(forecasts: Sequence[Forecast], key: str) -> Any:
    values = [f.provenance.get(key) for f in forecasts]
    return None if any(v is None for v in values) else sum(values)
