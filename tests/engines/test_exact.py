"""The exact engine on worlds with closed forms, its bounds, and its NumPy twin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import erlang as erlang_law
from scipy.stats import poisson as poisson_law
from threadpoolctl import ThreadpoolController, threadpool_limits

import simlib
from simlib.control import Control
from simlib.engines.exact import adjoint, generator, lanes, passes, reachable, states, uniformization
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.backend import one_blas_thread
from simlib.engines.exact.forecast import Solver, solve
from simlib.engines.exact.poisson import pmf, truncation
from simlib.errors import Cancelled, ScenarioError, TooManyStates
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.scenario.model import Pin
from tests import worlds
from tests.strategies import seeded_world
from tests.worlds import World

DAYS = [0.0, 1.0, 7.5, 30.0]


def test_two_states_there_and_back():
    a, b = 0.1, 0.25
    forecast = solve(worlds.two_states(a, b), times=DAYS)
    t = np.array(DAYS)
    np.testing.assert_allclose(forecast.variables["bank"]["right"], a / (a + b) * (1 - np.exp(-(a + b) * t)), atol=1e-9)
    np.testing.assert_allclose(forecast.questions["crossed"].probability, 1 - np.exp(-a * t), atol=1e-9)
    np.testing.assert_allclose(forecast.questions["sailed"].probability, 1 - np.exp(-a * t), atol=1e-9)


def test_a_ferry_and_a_parcel_that_never_meet_keep_the_laws_that_each_has_alone():
    world = World.of(worlds.erlang(4, 0.3))
    world.endings.clear()
    world.variable("bank", "left", "right", start="left").move("cross", 0.1, {"bank": "right"}, when={"bank": "left"})
    both, t = solve(world.scenario(), times=DAYS).variables, np.array(DAYS)
    np.testing.assert_allclose(both["bank"]["right"], -np.expm1(-0.1 * t), atol=1e-9)
    offices = [poisson_law.pmf(number, 0.3 * t) for number in range(4)]
    np.testing.assert_allclose(list(both["parcel"].values()), [*offices, poisson_law.sf(3, 0.3 * t)], atol=1e-9)


def test_competing_exits_share_by_rate():
    rates = (0.02, 0.05, 0.08)
    forecast = solve(worlds.competing_exits(rates), times=DAYS)
    for index, rate in enumerate(rates):
        expected = rate / sum(rates) * -np.expm1(-sum(rates) * np.array(DAYS))
        np.testing.assert_allclose(forecast.endings[f"exit-{index}"].probability, expected, atol=1e-9)
    np.testing.assert_allclose(forecast.endings["ongoing"].probability, np.exp(-sum(rates) * np.array(DAYS)), atol=1e-9)


def test_erlang_stages():
    forecast = solve(worlds.erlang(4, 0.3), times=DAYS)
    np.testing.assert_allclose(
        forecast.endings["arrived"].probability, erlang_law(4, scale=1 / 0.3).cdf(DAYS), atol=1e-9
    )


def test_saturated_moves_are_counted():
    forecast = solve(worlds.birth_death(0.3, 0.2), times=DAYS)
    np.testing.assert_allclose(forecast.moves["rise"], 0.3 * np.array(DAYS), atol=1e-7)
    np.testing.assert_allclose(forecast.moves["fall"], 0.2 * np.array(DAYS), atol=1e-7)


def test_what_cannot_be_reached_is_exactly_zero():
    forecast = solve(worlds.unreachable_rung(), times=DAYS)
    assert np.all(forecast.ladders["signal"]["go"] == 0)
    assert np.all(forecast.questions["ever-green"].probability == 0)


def test_interval_is_the_truncation_bound():
    forecast = solve(worlds.two_states(0.5, ends=True), times=DAYS, tolerance=1e-4)
    band = forecast.endings["across"]
    truth = -np.expm1(-0.5 * np.array(DAYS))
    assert np.all(band.low <= truth + 1e-15)
    assert np.all(truth <= band.high + 1e-15)
    bound, steps = (forecast.provenance[name] for name in ("truncation_bound", "steps"))
    assert 0 < bound <= 1e-4
    assert bound == pytest.approx(poisson_law.sf(steps - 1, 0.5 * 30), rel=1e-6), "the first step has no jump"


def test_one_in_a_billion_is_solved_to_relative_accuracy():
    rate, t = 1e-5, 0.5
    forecast = solve(worlds.erlang(2, rate, horizon=t), times=[t])
    truth = poisson_law.sf(1, rate * t)
    assert truth < 1e-10
    assert forecast.endings["arrived"].probability[0] == pytest.approx(truth, rel=1e-3)


def test_a_long_rare_path_is_not_reported_as_impossible():
    forecast = solve(worlds.erlang(12, 0.01, horizon=2.0), times=[0.5, 2.0])
    np.testing.assert_allclose(forecast.endings["arrived"].probability, poisson_law.sf(11, [0.005, 0.02]), rtol=1e-3)


def test_too_many_states_names_the_count_and_the_other_engine():
    world = World("wide")
    for index in range(12):
        world.variable(f"v{'abcdefghijkl'[index]}", "low", "mid", "high", start="low")
        world.move(f"up{'abcdefghijkl'[index]}", 0.1, {f"v{'abcdefghijkl'[index]}": +1})
    with pytest.raises(
        TooManyStates, match=r"reachable states, more than its cap of 1,000; use the Monte Carlo engine"
    ):
        solve(world.scenario(), cap=1000)


@pytest.mark.parametrize(("kernels", "found"), [(reachable.kernels, "5"), (None, "at least 4")], ids=["Numba", "NumPy"])
def test_too_many_states_are_counted_to_the_end_or_said_to_be_a_part(kernels, found, monkeypatch):
    """An Erlang world of four stages has 5 states. NumPy finds one of them at a time, and stops at the fourth."""
    monkeypatch.setattr(reachable, "kernels", kernels)
    with pytest.raises(TooManyStates, match=f"would need {found} reachable states"):
        reachable.enumerate_states(Tables(worlds.erlang(4)), cap=3)
    world = worlds.unreachable_rung().replace(interventions=(Pin("lamp", "green", worlds.date(3)),))
    with pytest.raises(TooManyStates, match="would need at least 3 reachable states"):
        reachable.enumerate_states(Tables(world), cap=1)


def test_cancel_stops_and_progress_reaches_one():
    scenario, told = worlds.windows(30.0, factor=2.0, horizon=100.0), []
    solve(scenario, control=Control(progress=told.append))
    assert told == sorted(told)
    assert {0.05, 0.13} <= {round(part, 9) for part in told}, "the window opens on day 5 of 100, and closes on day 13"
    assert told[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled, match="cancelled"):
        solve(scenario, control=Control(cancel=lambda: len(told) > 0))


def test_threads_change_no_bit():
    scenario = seeded_world(7)
    one, two = (solve(scenario, control=Control(threads=n)) for n in (1, 2))
    assert {k: b.probability.tobytes() for k, b in one.endings.items()} == {
        k: b.probability.tobytes() for k, b in two.endings.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_without_numba_the_same_answers(seed, monkeypatch):
    scenario = seeded_world(seed)
    fast = _everything(scenario)
    for module in (reachable, states, generator, uniformization, passes, lanes, adjoint):
        monkeypatch.setattr(module, "kernels", None)
    reachable._SPACES.clear()
    slow = _everything(scenario)
    reachable._SPACES.clear()
    assert fast.keys() == slow.keys()
    for name, value in fast.items():
        np.testing.assert_allclose(value, slow[name], atol=1e-12, err_msg=name)


def _everything(scenario):
    solver = Solver(scenario, times=5)
    forecast = solver.solve()
    adjoint = Adjoint(solver, theta(scenario))
    return (
        {
            "codes": solver.space.codes,
            "target": solver.space.target,
            "pair": solver.space.pair,
            "slopes": np.concatenate([adjoint.of(f"ending:{name}")[1] for name in scenario.endings]),
        }
        | {f"ending {name}": band.probability for name, band in forecast.endings.items()}
        | {f"question {name}": band.probability for name, band in forecast.questions.items()}
        | {f"move {name}": count for name, count in forecast.moves.items()}
        | {f"impact {name}": np.stack([a.mean, a.chance, *a.given.values()]) for name, a in forecast.impacts.items()}
    )


def test_hashed_codes_find_the_same_states(monkeypatch):
    tables = Tables(seeded_world(3))
    reachable._SPACES.clear()
    dense = reachable.enumerate_states(tables)
    monkeypatch.setattr(reachable, "_DENSE", 0)
    reachable._SPACES.clear()
    hashed = reachable.enumerate_states(tables)
    for field in ("codes", "ending", "edge_start", "target", "pair"):
        np.testing.assert_array_equal(getattr(dense, field), getattr(hashed, field))


def test_gradient_of_a_closed_form():
    a, t = 0.1, 30.0
    frame = simlib.elasticities(worlds.two_states(a, ends=True), "ending:across").frame().set_index("assumption")
    assert frame.loc["cross.rate", "derivative"] == pytest.approx(t * np.exp(-a * t), rel=1e-9)
    assert frame.loc["cross.rate", "elasticity"] == pytest.approx(a * t * np.exp(-a * t) / -np.expm1(-a * t), rel=1e-9)


def test_gradient_refuses_an_unknown_measure():
    with pytest.raises(ScenarioError, match="'acros' is not known; did you mean 'across'"):
        simlib.elasticities(worlds.two_states(ends=True), "ending:acros")


@pytest.mark.parametrize("mean", [0.0, 1e-8, 0.5, 40.0, 3e3, 1e6])
def test_poisson_weights_sum_to_one(mean):
    last = truncation(mean, 1e-15)
    weights = pmf(np.arange(last + 1), np.array([mean]))
    assert weights.sum() == pytest.approx(1.0, abs=2e-12)


def test_the_limit_of_one_blas_thread_ends_with_its_last_use():
    def threads():
        return {pool["num_threads"] for pool in ThreadpoolController().info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, "blas"):
        before = threads()
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before


@pytest.mark.parametrize("value", [-3.0, float("nan"), "2 per week"])
@pytest.mark.parametrize("engine", [simlib.solve, simlib.simulate])
def test_a_value_that_is_not_possible_is_refused_by_both_engines(engine, value):
    world = simlib.load("two-islands")
    rate = next(a.id for a in world.assumptions.values() if a.kind == "rate")
    with pytest.raises(ScenarioError, match=rate):
        engine(world, values={rate: value})


def test_an_unknown_engine_and_times_that_are_no_numbers_are_refused():
    world = simlib.load("two-islands")
    with pytest.raises(ValueError, match="engine is 'MonteCarlo'; expected 'auto', 'exact' or 'montecarlo'"):
        simlib.forecast(world, engine="MonteCarlo")
    with pytest.raises(ValueError, match="strictly increasing days"):
        simlib.solve(world, times=[5, float("nan"), 10])
