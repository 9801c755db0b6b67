"""Histories given how they end: laws known in closed form, and the mixture over all ends is the unconditioned law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from simlib.engines.exact.endpoint import EndpointSampler, histories_given
from simlib.engines.exact.forecast import Solver
from simlib.errors import ScenarioError, Unsupported
from simlib.scenario.model import Forbid, Force
from tests import worlds
from tests.strategies import seeded_world

DRAWN = 2000
ALPHA = 1e-4
"""Chance of a false alarm of each test; the seeds are fixed."""


def given(scenario, target, count=DRAWN, seed=11):
    solver = Solver(scenario, times=1)
    return EndpointSampler(solver, solver.chain(), target).draw(count, seed=seed)


def test_the_time_of_a_rare_exit_is_a_truncated_exponential():
    rates, horizon = (0.001, 0.2), 30.0
    told = given(worlds.competing_exits(rates, horizon=horizon), "ending:exit-0")
    total = sum(rates)
    law = lambda t: -np.expm1(-total * t) / -np.expm1(-total * horizon)  # noqa: E731
    assert np.all(told.ending == 0)
    assert kstest(told.ending_time, law).pvalue > ALPHA


def test_a_wrong_law_is_noticed():
    told = given(worlds.competing_exits((0.001, 0.2), horizon=30.0), "ending:exit-0")
    wrong = lambda t: -np.expm1(-0.25 * t) / -np.expm1(-0.25 * 30.0)  # noqa: E731
    assert kstest(told.ending_time, wrong).pvalue < ALPHA


@pytest.mark.slow
def test_firings_that_change_nothing_are_poisson_given_the_path():
    told = given(worlds.birth_death(0.3, 0.2, 2), "level:water=mark-b", count=500)
    rises = np.bincount(told.replicates.repeat(np.diff(told.start))[told.move == 0], minlength=500)
    falls = np.bincount(told.replicates.repeat(np.diff(told.start))[told.move == 1], minlength=500)
    up = np.array([told.levels[told.start[i + 1] - 1, 0] for i in range(500)])
    assert np.all(up == 1)
    assert rises.mean() == pytest.approx(0.3 * 30, abs=1.0)
    assert falls.mean() == pytest.approx(0.2 * 30, abs=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4, 5, 8, 20])
def test_mixed_over_all_ends_the_moves_are_as_often_as_ever(seed):
    scenario = seeded_world(seed)
    solver = Solver(scenario, times=1)
    forecast = solver.solve()
    count, expected, variance = 300, np.zeros(len(scenario.moves)), np.zeros(len(scenario.moves))
    for name, band in forecast.endings.items():
        p = band.probability[-1]
        if p < 1e-9:
            continue
        told = EndpointSampler(solver, solver.chain(), f"ending:{name}").draw(count, seed=3)
        firings = np.array(
            [
                np.bincount(told.move[a:b][told.move[a:b] >= 0], minlength=len(scenario.moves))
                for a, b in zip(told.start[:-1], told.start[1:], strict=True)
            ]
        )
        expected += p * firings.mean(axis=0)
        variance += p**2 * (firings.var(axis=0) + 1 / count) / count
    truth = np.array([forecast.moves[name][-1] for name in scenario.moves])
    z = np.abs(expected - truth) / np.sqrt(variance)
    assert z.max() < norm.isf(ALPHA / 2 / len(z))


def test_interventions_are_part_of_the_history():
    scenario = worlds.two_states(0.05, ends=True)
    forced = scenario.replace(interventions=(Force("cross", worlds.date(10)), Forbid("cross", worlds.date(5))))
    told = given(forced, "ending:across", count=200)
    late = told.ending_time > 5
    assert np.all(told.ending_time[late] == 10)
    assert np.mean(late) == pytest.approx(np.exp(-0.25), abs=0.13)


def test_the_first_histories_do_not_depend_on_how_many():
    scenario = worlds.competing_exits()
    few, many = (histories_given(scenario, "ending:exit-1", n, seed=0) for n in (5, 12))
    np.testing.assert_array_equal(few.time, many.time[: len(few.time)])


def test_doubt_is_reweighted_before_chance():
    world = worlds.World("doubt").variable("door", "shut", "open", start="shut")
    world.move("leave", world.uncertain("rate", "rate", 0.01, 0.001, 0.1), {"door": "open"}, when={"door": "shut"})
    scenario = world.ending("out", {"door": "open"}).scenario()
    plain = histories_given(scenario, "ending:out", 200, seed=1)
    mixed = histories_given(scenario, "ending:out", 200, seed=1, draws=64)
    assert mixed.ending_time.mean() < plain.ending_time.mean() - 1


def test_what_cannot_happen_has_no_history():
    with pytest.raises(ScenarioError, match="'ending:green' has the probability 0 at the horizon"):
        histories_given(worlds.unreachable_rung(), "ending:green")
    with pytest.raises(ScenarioError, match="'grene' is not known; did you mean 'green'"):
        histories_given(worlds.unreachable_rung(), "ending:grene")
    with pytest.raises(Unsupported, match="given an ending, a level or a rung"):
        histories_given(worlds.unreachable_rung(), "question:ever-green")


def test_a_told_story_ends_as_asked():
    told = histories_given(worlds.competing_exits(), "ending:exit-2", 3)
    assert all("the story ends: exit-2" in told.story(number)[-1] for number in range(3))
