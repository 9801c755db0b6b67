"""A glance: the same answers as a solution within the bound that it reports, without impacts and histories."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from simlib.control import UNWATCHED, Control
from simlib.engines.exact import chebyshev
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.lanes import Lanes
from simlib.engines.exact.states import EMPTY_TABOO
from simlib.errors import Cancelled
from simlib.machine import priors
from tests import worlds
from tests.strategies import seeded_world
from tests.worlds import World

SEEDS = range(0, 48, 3)
"""Worlds with questions of every kind, windows and interventions, of which some are too cyclic for the series."""


def ring(rate: float, *, horizon: float = 30.0):
    """Three states in a circle: the eigenvalues are rate (exp(2πi/3) - 1), as far off the real line as can be."""
    world = World("ring", horizon=horizon).variable("place", "one", "two", "three", start="one")
    for number, (here, there) in enumerate((("one", "two"), ("two", "three"), ("three", "one"))):
        world.move(f"on-{number}", rate, {"place": there}, when={"place": here})
    return world.scenario()


@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.4, 7.5, 80.0, 5e3])
def test_the_coefficients_are_bessel_functions_and_their_integrals(mean):
    weights, spent = chebyshev.coefficients(np.array([0.0, mean]), 20)
    k = np.arange(22)
    np.testing.assert_allclose(weights[1], np.where(k > 0, 2, 1) * ive(k, mean), rtol=1e-11, atol=1e-17)
    np.testing.assert_array_equal(weights[0], k == 0)
    for n in (0, 1, 9, 21):
        truth = quad(lambda z, n=n: (1 + (n > 0)) * ive(n, z), 0, mean, epsabs=1e-13, limit=500)[0]
        assert spent[1, n] == pytest.approx(truth, rel=1e-8, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_glance_is_the_solution_within_its_bound(seed):
    scenario = seeded_world(seed, lulls=True)
    solver = Solver(scenario, times=7)
    theta = priors.theta(scenario)
    glance, truth = solver.glance(theta), solver.solve(tolerance=1e-13, runs=1)
    bound = glance.provenance["truncation_bound"]
    assert bound <= 1e-9
    for name, band in glance.endings.items():
        assert np.abs(band.probability - truth.endings[name].probability).max() <= bound + 1e-12, name
    for name, band in glance.questions.items():
        exact = truth.questions[name].probability
        assert np.all((band.low - 1e-12 <= exact) & (exact <= band.high + 1e-12)), name
    for name, count in glance.moves.items():
        np.testing.assert_allclose(count, truth.moves[name], atol=1e-7, err_msg=name)
    for name, levels in glance.days.items():
        for level, days in levels.items():
            np.testing.assert_allclose(days, truth.days[name][level], atol=1e-7, err_msg=f"{name} {level}")


def test_a_glance_leaves_out_impacts_and_what_needs_histories():
    scenario = next(world for seed in range(40) if (world := seeded_world(seed, lulls=True)).impacts)
    lulls = {name for name, question in scenario.questions.items() if question.lull}
    assert lulls
    glance = Solver(scenario).glance(priors.theta(scenario))
    assert not glance.impacts
    assert set(glance.questions) == set(scenario.questions) - lulls


def test_a_glance_needs_fewer_products():
    scenario = worlds.birth_death(3.0, 2.0, horizon=60.0)
    solver = Solver(scenario)
    few, many = solver.glance(priors.theta(scenario)), solver.solve()
    assert few.provenance["steps"] < 0.6 * many.provenance["steps"]


@pytest.mark.parametrize("leap", chebyshev.LEAPS)
def test_where_terms_grow_the_series_gives_up_and_the_glance_is_right_all_the_same(leap):
    scenario = ring(2.0)
    solver = Solver(scenario, times=5)
    chain, segment = solver.chain(), solver.segments[0]
    block = Lanes(chain, segment, 30.0, [EMPTY_TABOO], leap=leap)
    with pytest.raises(chebyshev.TooCyclic):
        chebyshev.carry(block, chain.start()[:, None], np.array([30.0]))
    glance, truth = solver.glance(priors.theta(scenario)), solver.solve(tolerance=1e-13)
    assert glance.provenance["steps"] > 60, "uniformisation took over"
    for level, probability in glance.variables["place"].items():
        np.testing.assert_allclose(probability, truth.variables["place"][level], atol=1e-9)


def test_a_glance_can_be_cancelled():
    scenario = worlds.birth_death(30.0, 20.0, horizon=100.0)
    with pytest.raises(Cancelled):
        Solver(scenario).glance(priors.theta(scenario), control=Control(cancel=lambda: True))


@pytest.mark.parametrize("lanes", [1, 2])
def test_without_numba_the_same_series(monkeypatch, lanes):
    scenario = worlds.birth_death(3.0, 2.0, horizon=60.0)
    solver = Solver(scenario)
    chain, segment = solver.chain(), solver.segments[0]
    block = Lanes(chain, segment, 60.0, [EMPTY_TABOO] * lanes, leap=1.0)
    start = np.repeat(chain.start()[:, None], block.width, axis=1)
    fast = chebyshev.carry(block, start, np.array([1.0, 60.0]), control=UNWATCHED)
    monkeypatch.setattr("simlib.engines.exact.lanes.kernels", None)
    slow = chebyshev.carry(block, start, np.array([1.0, 60.0]), control=UNWATCHED)
    np.testing.assert_allclose(fast.end, slow.end, atol=1e-15)


def test_questions_about_firings_sit_apart_from_the_distribution_where_two_threads_share_the_work():
    world = World("busy").variable("place", "one", "two", "three", "four", start="one")
    for number, (here, there) in enumerate((("one", "two"), ("two", "three"), ("three", "four"), ("four", "one"))):
        world.move(f"on-{number}", 0.1, {"place": there}, when={"place": here}).question(
            f"at {there}", {"place": there}
        )
    scenario = world.question("fired", move="on-0").question("fired too", move="on-1").scenario()
    first, second = Solver(scenario)._prepared.without_impacts().blocks
    assert not any(quest.taboo.firings for quest in first.quests)
    assert {quest.name for quest in second.quests} >= {"fired", "fired too"}


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_without_moves_a_glance_gives_the_same_answers(seed):
    scenario = seeded_world(seed, lulls=True)
    solver, theta = Solver(scenario, times=7), priors.theta(scenario)
    whole, lean = solver.glance(theta), solver.glance(theta, moves=False)
    assert (lean.moves, lean.variables, lean.days) == ({}, {}, {})
    for kind in ("endings", "questions"):
        for name, band in getattr(whole, kind).items():
            np.testing.assert_allclose(getattr(lean, kind)[name].probability, band.probability, atol=1e-12)
    assert lean.ladders.keys() == whole.ladders.keys()
    for name, rungs in whole.ladders.items():
        for rung, probability in rungs.items():
            np.testing.assert_allclose(lean.ladders[name][rung], probability, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_the_leading_question_is_always_among_the_few_that_are_answered(seed):
    scenario = seeded_world(seed, lulls=True)
    solver, theta = Solver(scenario, times=7), priors.theta(scenario)
    whole = solver.glance(theta)
    for lead in ("", *whole.questions):
        few = solver.glance(theta, lead=lead)
        assert few.questions.keys() >= {lead} - {""}
        for name, band in few.questions.items():
            np.testing.assert_allclose(band.probability, whole.questions[name].probability, atol=1e-12)


def test_with_a_leading_question_there_are_no_more_vectors_than_one_pass_carries():
    world = World("many").variable("place", "a", "b", start="a").variable("crowd", *"cdefghi", start="c")
    for number, level in enumerate("defghi"):
        world.move(f"go-{number}", 0.1, {"crowd": level}).question(f"at {level}", {"crowd": level})
        world.move(f"back-{number}", 0.1, {"crowd": "c"}, when={"crowd": level})
    solver = Solver(world.scenario())
    every, few = solver.glance(solver.chain().theta), solver.glance(solver.chain().theta, lead="at i")
    assert len(every.questions) == 6
    assert len(few.questions) == 3
    assert "at i" in few.questions
