"""Monte Carlo against the exact answer over many random worlds: its 95% intervals hold it about 95% of the time.

One number is taken from each world, so that the cases are independent and the count of misses is binomial. Fixed
seeds; a correct pair of engines fails each of these tests with probability below 0.001 for another choice of seeds.
The null control gives one engine rates a quarter too high, and must be found out by the same test.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.stats import binomtest

import simlib
from simlib.control import Control
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from tests.properties.comparing import numbers, report_times
from tests.strategies import seeded_world

pytestmark = pytest.mark.statistical

RUNS, WORLDS, LEVEL = 500, 160, 1e-3
Interval = tuple[float, float, float]
"""Exact value, and the two ends of the Monte Carlo interval."""


def faster(scenario: Scenario, factor: float) -> dict[str, float]:
    rates = {a.id: factor * a.value for a in scenario.assumptions.values() if a.kind == "rate"}
    return rates | {a.id: a.value / factor for a in scenario.assumptions.values() if a.kind == "duration"}


def of_events(exact: Forecast, simulated: Forecast, at: int) -> list[Interval]:
    """Return the endings and questions that are neither nearly certain nor nearly impossible."""
    return [
        (float(band.probability[at]), float(there[name].low[at]), float(there[name].high[at]))
        for here, there in ((exact.endings, simulated.endings), (exact.questions, simulated.questions))
        for name, band in here.items()
        if 0.03 < band.probability[at] < 0.97
    ]


def of_levels_and_counts(exact: Forecast, simulated: Forecast, at: int) -> list[Interval]:
    """Return level and rung probabilities, and expected counts that are not rare."""
    means, halves = dict(numbers(simulated)), dict(half_widths(simulated))
    result = []
    for name, values in numbers(exact):
        inside = 0.05 < values[at] < 0.95 if not name.startswith("moves.") else values[at] > 0.2
        if name in halves and inside:
            result.append((float(values[at]), means[name][at] - halves[name][at], means[name][at] + halves[name][at]))
    return result


def half_widths(forecast: Forecast):
    for kind in ("variables", "ladders"):
        for name, parts in (forecast.error or {})[kind].items():
            for part, half in parts.items():
                yield f"{kind}.{name}.{part}", half
    for name, half in (forecast.error or {})["moves"].items():
        yield f"moves.{name}", half


@cache
def answers(seed: int) -> tuple[Forecast, Forecast, Forecast]:
    """Return the exact answer of a random world, the simulated one, and one simulated with wrong rates."""
    scenario = seeded_world(seed)
    times = report_times(scenario)
    right, wrong = (
        simlib.simulate(scenario, runs=RUNS, seed=seed, times=times, values=values, control=Control(threads=1))
        for values in (None, faster(scenario, 1.25))
    )
    return simlib.solve(scenario, times=times), right, wrong


def misses(choose: Callable[[Forecast, Forecast, int], list[Interval]], *, wrong: bool = False) -> tuple[int, int]:
    """Return in how many worlds the exact value lies outside the interval, and how many worlds there were."""
    missed = counted = 0
    for seed in range(4 * WORLDS):
        dice = random.Random(seed)
        exact, right, too_fast = answers(seed)
        cases = choose(exact, too_fast if wrong else right, dice.choice([1, 2]))
        if cases:
            value, low, high = dice.choice(cases)
            counted += 1
            missed += not low - 1e-9 <= value <= high + 1e-9
        if counted == WORLDS:
            break
    return missed, counted


@pytest.mark.slow
@pytest.mark.parametrize("choose", [of_events, of_levels_and_counts])
def test_exact_values_lie_in_the_intervals_at_the_stated_rate(choose):
    missed, counted = misses(choose)
    assert counted == WORLDS
    assert binomtest(missed, counted, 0.05).pvalue > LEVEL, f"{missed} of {counted} outside a 95% interval"


def test_rates_a_quarter_too_high_are_found_out():
    missed, counted = misses(of_events, wrong=True)
    assert binomtest(missed, counted, 0.05).pvalue < LEVEL, f"only {missed} of {counted} outside a 95% interval"


@pytest.mark.slow
def test_more_runs_bring_the_answer_closer():
    """The mean squared error falls as one over the number of runs, over worlds with something uncertain."""
    errors = {runs: [] for runs in (200, 20_000)}
    for seed in range(30):
        scenario = seeded_world(seed)
        exact = simlib.solve(scenario, times=1)
        for runs, squares in errors.items():
            simulated = simlib.simulate(scenario, runs=runs, seed=seed, times=1)
            squares.extend((value - (low + high) / 2) ** 2 for value, low, high in of_events(exact, simulated, 1))
    ratio = np.mean(errors[200]) / np.mean(errors[20_000])
    assert 30 < ratio < 300, ratio
