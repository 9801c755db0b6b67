"""Forecasts from solutions: the raw answers with their labels and error bounds."""

from __future__ import annotations

from functools import partial

import numpy as np

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.engines.exact.run import Prepared, Solution
from simlib.results import ONGOING, Accumulation, Band, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

__all__ = ["bands_of", "finer_tolerance", "forecast_of"]

_SMALL, _RELATIVE = 1e-6, 1e-3
"""Answers below `_SMALL` are solved again until their relative error is below `_RELATIVE`."""


def bands_of(scenario: Scenario, solution: Solution, *, both_sides: bool = False) -> dict[str, dict[str, Band]]:
    """Return {"endings" or "questions": {id: probability with its interval}} of a solution.

    An interval covers the truncation error. If all terms of the truncated sum are positive, an answer can only be too
    low. With `both_sides` (terms of both signs), an answer can also be too high.
    """
    bounded = partial(_bounded, both_sides=both_sides)
    ending = solution.features.of_ending(solution.at)
    closed = solution.features.flags(solution.at)
    names = [*scenario.endings, ONGOING]
    return {
        "endings": {name: bounded(ending[:, i], solution.tails) for i, name in enumerate(names)},
        "questions": {
            name: bounded(solution.hits[name], solution.hit_tails[name])
            if name in solution.hits
            else bounded(closed[name], solution.tails)
            for name in scenario.questions
            if name in solution.hits or name in closed
        },
    }


def finer_tolerance(bands: dict[str, dict[str, Band]], tolerance: float, *, settled: bool) -> float:
    """Return a new solution's tolerance: 1/1000 of the smallest answer that is too imprecise.

    A tolerance is a bound on the truncation error of a probability. Only answers below 1e-6 can count as too imprecise.

    Args:
        bands: The answers with their intervals.
        tolerance: The bound on the truncation error of these answers. The bound is returned if all answers are precise
            enough.
        settled: Whether an answer of 0 is final, because all paths that visit no state twice have been summed. If so,
            the event is impossible, or its probability is too small for a floating-point number. Otherwise an answer of
            0 may only mean that the paths to the event have more jumps than were summed.
    """
    finer = tolerance
    for band in [*bands["endings"].values(), *bands["questions"].values()]:
        for small, loose in zip(band.probability, band.high - band.probability, strict=True):
            if small < _SMALL and loose > _RELATIVE * small and (small > 0 or not settled):
                finer = min(finer, _RELATIVE * small if small > 0 else tolerance * 1e-12)
    return max(finer, 1e-290)


def forecast_of(
    world: Prepared, theta: Floats, solution: Solution, bands: dict[str, dict[str, Band]], seconds: float
) -> Forecast:
    """Return a solution as a forecast.

    Args:
        world: What does not change from solution to solution.
        theta: The assumption values (A,).
        solution: The raw answers.
        bands: The answers with their intervals (see `bands_of`).
        seconds: The time that the solution took, for the provenance.
    """
    scenario = world.scenario
    bound = float(max([solution.tails.max(), *(t.max() for t in solution.hit_tails.values())]))
    moves = dict(zip(scenario.moves, solution.counts.T, strict=False))  # a glance may have counted none
    return Forecast(
        scenario=ScenarioKey.of(scenario),
        horizon_days=world.horizon,
        engine="exact",
        times=world.times,
        endings=bands["endings"],
        questions=bands["questions"],
        variables=solution.features.variables(solution.at),
        ladders=solution.features.ladders(solution.at),
        moves=moves,
        days=solution.features.days(solution.until),
        assumptions=dict(zip(scenario.assumptions, theta.tolist(), strict=True)),
        provenance=provenance(
            scenario,
            engine="exact",
            draws=0,
            values=scenario.changed_values(theta),
            by_day=world.horizon,
            truncation_bound=bound,
            steps=solution.steps,
            edges=world.space.edges,
            ignore_windows=world.tables.ignore_windows,
            seconds=round(seconds, 3),
        ),
        labels=results.labels(scenario),
        states=len(world.space),
        interventions=_report(scenario, solution),
        impacts=_impacts(world, solution),
    )


def _impacts(world: Prepared, solution: Solution) -> dict[str, Accumulation]:
    zero, moments = np.zeros(len(world.times)), solution.moments
    ending = solution.features.of_ending(solution.at)[:, :-1]
    result = {}
    for index, name in enumerate(moments.states.rewards.impacts):
        impact = world.scenario.impacts[name]
        mean = moments.given[:, index, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            given = np.where(ending > 0, moments.given[:, index, :-1] / ending, np.nan)
        chance = np.sqrt(np.maximum(moments.square[:, index] - mean**2, 0.0))
        by_ending = dict(zip(world.scenario.endings, given.T.copy(), strict=True))
        error = dict.fromkeys(by_ending, zero)
        result[impact.id] = Accumulation(impact.unit, mean, chance, zero, zero, by_ending, error)
    return result


def _report(scenario: Scenario, solution: Solution) -> tuple[dict[str, object], ...]:
    return tuple(
        {"intervention": str(item), "because": item.because, "without_effect": solution.without_effect.get(number)}
        for number, item in enumerate(scenario.interventions)
    )


def _bounded(probability: Floats, tails: Floats, *, both_sides: bool) -> Band:
    p = np.clip(probability, 0.0, 1.0)
    low = np.maximum(p - tails, 0.0) if both_sides else p.copy()
    return Band(p, low, np.minimum(p + tails, 1.0))
