"""Speed of learning from the Caribbean log, and calibration over simulated logs.

Targets are compared with the processor time on two cores, because other work hardly changes it.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np

import simlib
from benchmarks.timing import line, title
from simlib.analysis.log_values import forecasts_after
from simlib.analysis.row_attribution import effects_of
from simlib.evidence.exact_filter import Filter
from simlib.evidence.log_intake import Intake, take_in
from simlib.evidence.posterior import Learning, NotLearnt, Posterior
from simlib.machine import priors
from simlib.machine.measures import find
from simlib.scenario.evidence import Coverage
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import read_rows
from tests.evidence.test_posterior import quiet_world, simulated
from tests.worlds import date

CORES, LOGS = 2, 1000


def timed(work: object) -> tuple[object, float, float]:
    """Return the result of some work, its clock seconds, and its processor seconds per core."""
    begun, spent = time.perf_counter(), time.process_time()
    result = work()  # type: ignore[operator]
    return result, time.perf_counter() - begun, (time.process_time() - spent) / CORES


def posterior(what: str, scenario: Scenario, limit: float) -> Intake:
    take_in(scenario, None, learn=False, draws=8)
    taken, clock, core = timed(lambda: take_in(scenario, None, learn=True, draws=1500))
    assert isinstance(taken, Intake)
    drawn = taken.drawn
    sure = drawn.k_hat < 0.7 and drawn.effective_draws >= 1000
    line(f"{what}: posterior, clock", f"{clock:.0f} s")
    line("  processor time on two free cores", f"{core:.0f} s", f"at most {limit:g} s", core <= limit)
    told = f"{drawn.method}, k = {drawn.k_hat:.2f}, {drawn.effective_draws:,.0f} effective of {len(drawn.weights):,}"
    line("  weights", told, "k < .7, at least 1,000", sure)
    return taken


def rows(scenario: Scenario) -> None:
    taken = take_in(scenario, None, learn=True, draws=200)
    effects, clock, core = timed(lambda: effects_of(taken))
    assert isinstance(effects, simlib.Answer)
    line(f"effects of {len(effects.rows)} rows, 200 draws, clock", f"{clock:.0f} s")
    line("  processor time on two free cores", f"{core:.0f} s", "at most 30 s", core <= 30)


def one_date(scenario: Scenario) -> None:
    def forecast() -> None:
        taken = take_in(scenario, None, learn=True, draws=200)
        measures = find(scenario, ["question:force-on-land", "question:maduro-out"])
        forecasts_after(taken.prepared, taken.theta, taken.drawn.ends, measures, simlib.Control())

    _, clock, core = timed(forecast)
    line("one date of a series with learning, two questions, clock", f"{clock:.0f} s")
    line("  processor time on two free cores", f"{core:.0f} s", "at most 20 s", core <= 20)


def learnt(weighed: Filter, seed: int) -> Posterior:
    """Return the posterior given a log, from more draws if 128 cannot be trusted."""
    try:
        return Learning(weighed, 128, seed, simlib.Control()).posterior()
    except NotLearnt:
        return Learning(weighed, 4096, seed, simlib.Control()).posterior()


def calibration(logs: int = LOGS) -> None:
    """Check over simulated logs that the posterior is calibrated.

    Each log is simulated with a rate that is drawn from its prior. Over the logs, the rank of this rate among the draws
    of the posterior must be uniform.
    """
    world, dice = quiet_world(), np.random.default_rng(11)
    place, ranks = list(world.assumptions).index("event.rate"), []
    for log in range(logs):
        z = np.zeros(len(world.assumptions))
        z[place] = dice.normal()
        told = simulated(world, priors.values_from_scores(world, z), 10_000 + log, 20)
        weighed = Filter(world, read_rows(world, told), date(20))
        found = learnt(weighed, log)
        ranks.append(float(found.weights @ (found.scores[:, place] < z[place])))
    counts = np.histogram(ranks, 20, (0, 1))[0]
    distance = float(np.sum((counts - logs / 20) ** 2 / (logs / 20)))
    wanted = "under 43.8 (99.9% of chi-squared with 19)"
    line(f"calibration over {logs:,} simulated logs, chi-squared", f"{distance:.1f}", wanted, distance < 43.8)


def main() -> None:
    title("Learning from a log")
    scenario = simlib.load("caribbean-2025")
    assert scenario.evidence is not None
    seen = tuple(Coverage(move.id, None, 1) for move in scenario if not move.covert)
    posterior(
        "every public move covered", scenario.replace(evidence=dataclasses.replace(scenario.evidence, seen=seen)), 15
    )
    posterior("named coverage", scenario, 120)
    rows(scenario)
    one_date(scenario)
    calibration()
