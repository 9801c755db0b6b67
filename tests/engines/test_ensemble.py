"""`forecast`: one verb for the stated values, draws of the prior and any other belief."""

from __future__ import annotations

import dataclasses
import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

from simlib import plots
from simlib.answer import ScenarioKey, load_answer
from simlib.control import Control
from simlib.engines.ensemble import Ensemble, forecast, over_priors
from simlib.engines.exact.endpoint import histories_given
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import Simulator, simulate
from simlib.engines.pooled_forecast import _variance_of_mean
from simlib.errors import Cancelled, TooManyStates, Unsupported
from simlib.machine import priors
from simlib.machine.belief import Belief, quantiles
from simlib.machine.tables import Tables
from simlib.results import Band, Forecast
from simlib.scenario.model import Scenario, StartState
from tests import worlds
from tests.worlds import World

DAYS = 30.0


def door(*, spread=False):
    start = {"shut": None, "open": 0.25} if spread else "shut"
    world = World("door", DAYS).variable("door", "shut", "open", start=start)
    world.move("leave", world.uncertain("rate", "rate", 0.02, 0.005, 0.08), {"door": "open"}, when={"door": "shut"})
    return world.ending("out", {"door": "open"}).scenario()


def held(scenario, rates, weights, **more):
    theta = np.asarray(rates, dtype=float)[:, None]
    return Belief("log", scenario.as_of, tuple(scenario.assumptions), theta, np.asarray(weights, dtype=float), **more)


def same_numbers(one, other):
    for kind in ("endings", "questions"):
        for name, band in getattr(one, kind).items():
            for part in ("probability", "low", "high"):
                np.testing.assert_array_equal(getattr(band, part), getattr(getattr(other, kind)[name], part))
    for name, count in one.moves.items():
        np.testing.assert_array_equal(count, other.moves[name])


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_without_draws_it_is_the_answer_of_the_engine(engine):
    own = {"exact": solve, "montecarlo": simulate}[engine](door(), times=3, by=20)
    same_numbers(forecast(door(), times=3, by=20, engine=engine), own)


def test_auto_is_exact_where_the_states_fit_and_monte_carlo_where_they_do_not(monkeypatch):
    assert forecast(door(), times=1).engine == "exact"

    def refuse(*_, **__):
        raise TooManyStates(10, 5, complete=False)

    monkeypatch.setattr("simlib.engines.ensemble.Solver", refuse)
    assert forecast(door(), times=1).engine == "montecarlo"
    assert forecast(door(), times=1, draws=4).engine == "montecarlo"
    with pytest.raises(TooManyStates):
        forecast(door(), times=1, engine="exact")


def test_no_history_is_simulated_twice_for_an_impact(monkeypatch):
    """The distribution over draws comes from the histories that the forecasts of the draws had already."""
    world = World.of(door()).impact("cost", on=[("leave", None, 2.0, 1.0)], per_day=[({"door": "shut"}, 0.5)])
    simulated, run = [], Simulator.run

    def counted(*args, **options):
        simulated.append(options["runs"])
        return run(*args, **options)

    monkeypatch.setattr(Simulator, "run", counted)
    cost = forecast(world.scenario(), times=2, engine="montecarlo", draws=5, runs=30, seed=4).impacts["cost"]
    assert simulated == [150, *[30] * 5]
    assert cost.sample is not None
    assert cost.sample.amounts.mean() == pytest.approx(cost.mean[-1])


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_belief_made_of_the_priors_own_draws_is_the_number_of_draws(engine):
    scenario, options = door(), {"times": 3, "engine": engine, "seed": 2, "runs": 20}
    prior = priors.draws(scenario, 12, seed=2)[:, 0]
    by_number = over_priors(scenario, draws=12, **options)
    by_belief = over_priors(scenario, draws=held(scenario, prior, np.full(12, 1 / 12)), **options)
    same_numbers(by_number.mixture(), by_belief.mixture())
    np.testing.assert_array_equal(by_number.spread("out"), by_belief.spread("out"))
    assert by_belief.mixture().provenance["belief"] == "log"
    assert by_number.mixture().provenance["belief"] == "prior"


def test_unequal_weights_give_the_weighted_mean_and_spread():
    scenario, rates, weights = door(), np.array([0.01, 0.02, 0.05, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
    ensemble = over_priors(scenario, draws=held(scenario, rates, weights), times=[DAYS])
    truth = -np.expm1(-rates * DAYS)
    band = ensemble.mixture().endings["out"]
    assert band.probability[0] == pytest.approx(weights @ truth, abs=1e-8)
    assert band.low[0] < weights @ truth < band.high[0]
    np.testing.assert_allclose(ensemble.spread("out")[:, 0], quantiles(truth, (0.05, 0.25, 0.5, 0.75, 0.95), weights))
    assert forecast(scenario, draws=held(scenario, rates, weights), times=[DAYS]).endings["out"].probability[
        0
    ] == pytest.approx(weights @ truth, abs=1e-8)


def test_by_monte_carlo_unequal_weights_count_with_their_effective_number():
    scenario, weights = door(), np.array([0.9, 0.05, 0.05])
    belief = held(scenario, [0.02, 0.02, 0.02], weights)
    mixture = over_priors(scenario, draws=belief, engine="montecarlo", runs=2000, times=[DAYS]).mixture()
    band = mixture.endings["out"]
    assert mixture.replicates == 6000
    assert mixture.provenance["effective_runs"] == pytest.approx(2000 / np.sum(weights**2))
    assert band.low[0] < -np.expm1(-0.02 * DAYS) < band.high[0]


def test_quantiles_with_weights():
    values = np.array([3.0, 1.0, 2.0, 4.0])
    points = (0.0, 0.1, 0.5, 1.0)
    np.testing.assert_array_equal(quantiles(values, points, np.full(4, 0.25)), np.quantile(values, points))
    nearly = np.array([0.25, 0.25 + 1e-12, 0.25, 0.25 - 1e-12])
    np.testing.assert_allclose(quantiles(values, points, nearly), np.quantile(values, points), atol=1e-10)
    assert quantiles(values, [0.5], np.array([0.0, 1.0, 0.0, 0.0]))[0] == pytest.approx(1)
    assert quantiles(np.stack([values, -values], axis=1), points, nearly).shape == (4, 2)


# What a belief says of the start


def test_the_start_of_a_belief_is_where_each_draw_begins():
    scenario, rates, weights = door(spread=True), [0.02, 0.05], [0.75, 0.25]
    levels, probability = Tables(scenario).start_states(priors.theta(scenario))
    named = [
        tuple((v.id, v.levels[at]) for v, at in zip(scenario.variables.values(), row, strict=True)) for row in levels
    ]
    scenario = scenario.replace(joint_start=tuple(map(StartState, named, probability.tolist())))
    is_open = levels[:, 0] == 1
    start = np.where(is_open, 0.5 / is_open.sum(), 0.5 / (~is_open).sum())[None, :].repeat(2, axis=0)
    start[1] = np.where(is_open, 0.0, 1.0 / (~is_open).sum())
    theta = np.tile(priors.theta(scenario), (2, 1))
    theta[:, list(scenario.assumptions).index("rate")] = rates
    belief = Belief("log", scenario.as_of, tuple(scenario.assumptions), theta, np.array(weights), start)
    found = forecast(scenario, draws=belief, times=[DAYS]).endings["out"].probability[0]
    shut = np.exp(-np.array(rates) * DAYS)
    assert found == pytest.approx(1 - 0.75 * 0.5 * shut[0] - 0.25 * shut[1], abs=1e-8)
    sampled = forecast(scenario, draws=belief, times=[DAYS], engine="montecarlo", runs=4000).endings["out"]
    assert sampled.low[0] <= found <= sampled.high[0]
    given = histories_given(scenario, "ending:out", 400, draws=belief, seed=1)
    already = np.mean(given.ending_time == 0)
    assert already == pytest.approx(0.75 * 0.5 / found, abs=0.1)


def test_a_belief_that_does_not_fit_is_refused_by_name():
    scenario = door()
    belief = held(scenario, [0.02, 0.05], [0.5, 0.5], start=np.full((2, 2), 0.5))
    with pytest.raises(Unsupported, match="joint start states: 2 in the belief “log”, none in the scenario"):
        forecast(scenario, draws=belief)
    with pytest.raises(Unsupported, match=r"“log” is as of 2031-04-01 and the scenario as of 2031-04-02"):
        forecast(scenario.replace(as_of=scenario.as_of + dt.timedelta(days=1)), draws=belief)
    with pytest.raises(ValueError, match=r"theta has the shape \(3, 1\); expected \(2, 1\)"):
        dataclasses.replace(belief, theta=np.full((3, 1), 0.02))
    with pytest.raises(ValueError, match=r"start has the shape \(3, 2\)"):
        dataclasses.replace(belief, start=np.full((3, 2), 0.5))
    with pytest.raises(Unsupported, match="other assumptions"):
        forecast(worlds.two_states(), draws=belief)


@pytest.mark.parametrize("change", [{"weights": np.array([0.4, 0.6])}, {"start": np.full((2, 2), 0.5)}])
def test_only_equal_weights_without_start_states_are_called_prior(change):
    with pytest.raises(ValueError, match="name is 'prior'; expected equal weights and no start"):
        dataclasses.replace(Belief.prior(door(), 2), **change)


# Runs, control, files


def test_runs_are_of_each_draw_and_by_default_ten_thousand_in_all():
    few = over_priors(door(), draws=8, engine="montecarlo", times=1)
    assert [f.provenance["runs"] for f in (few.stated, *few.forecasts)] == [10_000, *[1250] * 8]
    own = over_priors(door(), draws=8, engine="montecarlo", runs=5, times=1)
    assert [f.provenance["runs"] for f in (own.stated, *own.forecasts)] == [40, *[5] * 8]
    assert (own.mixture().provenance["runs"], own.mixture().replicates) == (5, 40)


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_progress_rises_to_one_and_cancel_stops(engine):
    shares = []
    forecast(door(), draws=4, engine=engine, runs=10, control=Control(progress=shares.append))
    assert shares == [0.25, 0.5, 0.75, 1.0]
    with pytest.raises(Cancelled):
        forecast(door(), draws=4, engine=engine, control=Control(cancel=lambda: True))


@pytest.mark.parametrize("options", [{}, {"draws": 4}, {"draws": 4, "engine": "montecarlo"}, {"engine": "montecarlo"}])
def test_a_forecast_survives_its_file(tmp_path, options):
    answer = forecast(door(), times=3, **options)
    path = answer.save(tmp_path / "forecast.json.gz")
    for loaded in (Forecast.load(path), load_answer(path, (Forecast, Band, ScenarioKey))):
        assert loaded.to_dict() == answer.to_dict()
        assert loaded.sentences() == answer.sentences()
        for what in ("endings", "levels", "moves"):
            assert loaded.frame(what).equals(answer.frame(what))


@pytest.fixture
def ax():
    return Figure((9, 5)).add_subplot()


def race(low: float, high: float) -> Scenario:
    """Two exits, the left one a little faster at the stated values; its rate is known from `low` to `high`."""
    world = World("race", 10.0).variable("room", "inside", "left", "right", "window", start="inside")
    world.uncertain("pace", "rate", 0.05, low, high)
    for way, rate in (("left", "pace"), ("right", 0.045), ("window", 0.001)):
        world.move(way, rate, {"room": way}, when={"room": "inside"}).ending(way, {"room": way})
    return world.scenario()


OPEN = "No ending is clearly the likeliest: "


def test_an_ending_that_leads_in_nearly_all_draws_is_the_likeliest():
    """Of competing exits with constant rates the fastest is the likeliest at every draw."""
    mixture = forecast(race(0.0495, 0.0505), draws=40, times=1)
    assert mixture.leads == {"left": 1.0, "right": 0.0, "window": 0.0}
    assert mixture.contenders == ("left",)
    assert "likeliest" not in "".join(mixture.sentences())
    assert mixture.to_dict()["leads"] == mixture.leads


@pytest.mark.slow
def test_where_the_doubt_decides_which_ending_leads_no_likeliest_one_is_named(ax):
    """The left exit is slower than the right one in the draws below .045: below a score of ln .9 / (ln .4 / 1.645)."""
    mixture = forecast(race(0.02, 0.125), draws=400, times=1)
    assert mixture.leads["right"] == pytest.approx(norm.cdf(1.6449 * np.log(0.9) / np.log(2.5)), abs=0.01)
    assert mixture.contenders == ("left", "right")
    assert mixture.sentences()[0].endswith(f"{OPEN}any of 2 may be the likeliest, depending on the assumptions.")
    assert "likeliest" not in mixture.sentences()[1]
    title = plots.endings(mixture, ax).get_title(loc="left").replace("\n", " ")
    assert title.startswith("No ending is clearly likeliest by 10 April 2031: “left”, ")
    assert ", leads, but “right” may be likelier; none yet: " in title


def test_endings_within_each_others_monte_carlo_error_have_no_leader():
    few, many = (simulate(race(0.0495, 0.0505), runs=runs, times=1) for runs in (300, 100_000))
    assert few.sentences()[0].endswith(f"{OPEN}2 lie within each other's error.")
    assert "likeliest" not in many.sentences()[0]


@pytest.mark.parametrize("equal", [True, False])
def test_the_noise_of_few_replicates_is_taken_out_of_the_spread_of_the_draws(equal):
    """Ten coins for each draw: the counts spread by the chance of the coins too, which here is half of their spread."""
    dice = np.random.default_rng(3)
    true = dice.beta(5, 5, size=40_000)
    weights = np.full(true.size, 1.0) if equal else dice.uniform(0.5, 1.5, size=true.size)
    weights /= weights.sum()
    drawn = SimpleNamespace(belief=SimpleNamespace(equal=equal), weights=weights)
    counted = dice.binomial(10, true) / 10
    shrunk = Ensemble.without_noise(drawn, counted, 10)
    assert counted.var() == pytest.approx(2 * true.var(), rel=0.05)
    assert shrunk.var() == pytest.approx(true.var(), rel=0.05)
    assert weights @ shrunk == pytest.approx(weights @ counted)


@pytest.mark.parametrize("draws", [2, 4])
def test_the_variance_of_a_mean_of_equal_draws_is_that_of_the_draws_over_their_number(draws):
    values = np.array([[0.1], [0.4], [0.7], [0.2]])[:draws]
    assert _variance_of_mean(values, np.full(draws, 1 / draws)) == pytest.approx(values.var(axis=0, ddof=1) / draws)
