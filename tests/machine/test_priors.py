"""Priors: percentiles, correlations, joint branches, and the mixture over draws."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from simlib.engines.ensemble import over_priors
from simlib.engines.exact.forecast import solve
from simlib.engines.pooled_forecast import mean_forecast
from simlib.errors import ScenarioError
from simlib.machine import priors
from simlib.machine.tables import Tables
from simlib.scenario.model import Assumption, Correlation, Scenario
from simlib.scenario.scales import Z_95TH_PERCENTILE
from tests.worlds import World

RATE = Assumption("rate", "rate", "rate", 0.02, 0.005, 0.05, "assumed")
CHANCE = Assumption("chance", "chance", "chance", 0.3, 0.1, 0.45, "assumed")
FIXED = Assumption("fixed", "fixed", "factor", 0.1, 0.1, 0.1, "assumed")


def scenario_of(*assumptions, correlations=()):
    return Scenario(
        "x", "x", dt.date(2031, 4, 1), 30.0, {}, {}, {a.id: a for a in assumptions}, {}, {}, correlations=correlations
    )


def test_one_draw_has_no_mean_to_speak_of():
    with pytest.raises(ValueError, match="draws is 1; expected at least 2"):
        over_priors(uncertain_exit(), draws=1)


@pytest.mark.parametrize("assumption", [RATE, CHANCE, FIXED])
def test_low_value_high_are_the_5th_50th_and_95th_percentiles(assumption):
    drawn = priors.draws(scenario_of(assumption), 4096)[:, 0]
    np.testing.assert_allclose(
        np.quantile(drawn, [0.05, 0.5, 0.95]), [assumption.low, assumption.value, assumption.high], rtol=0.01
    )
    rounding = 0.0 if assumption.fixed else 1e-12
    np.testing.assert_allclose(priors.quantile(assumption, 0.95), assumption.high, rtol=rounding)


def test_more_draws_keep_the_earlier_ones_and_seed_zero_is_a_seed():
    world = scenario_of(RATE, CHANCE)
    many = priors.draws(world, 100, seed=0)
    np.testing.assert_array_equal(priors.draws(world, 37, seed=0), many[:37])
    assert not np.array_equal(priors.draws(world, 37, seed=1), many[:37])


def test_rank_correlation_is_spearmans():
    world = scenario_of(RATE, CHANCE, correlations=(Correlation("rate", "chance", -0.6),))
    drawn = priors.draws(world, 4096)
    assert spearmanr(drawn[:, 0], drawn[:, 1]).statistic == pytest.approx(-0.6, abs=0.01)


def test_describe_gives_the_implied_mean():
    told = priors.describe(RATE)
    below = lambda z: 0.02 * (0.02 / 0.005) ** (z / Z_95TH_PERCENTILE) * norm.pdf(z)  # noqa: E731 - two halves of an integral
    above = lambda z: 0.02 * (0.05 / 0.02) ** (z / Z_95TH_PERCENTILE) * norm.pdf(z)  # noqa: E731
    truth = quad(below, -12, 0)[0] + quad(above, 0, 12)[0]
    assert told["mean"] == pytest.approx(truth, rel=1e-3)
    assert told["p05"] == pytest.approx(0.005)


def test_an_unknown_assumption_is_named():
    with pytest.raises(ScenarioError, match="chanse: is no assumption of this scenario; did you mean 'chance'"):
        priors.theta(scenario_of(RATE, CHANCE), {"chanse": 0.2})


def forked(first=0.5, second=0.4):
    world = World("forked").variable("road", "start", "left", "right", "back", start="start")
    one = world.uncertain("one", "chance", first, first / 3, 0.5 + first / 2)
    two = world.uncertain("two", "chance", second, second / 3, 0.5 + second / 2)
    world.move(
        "go",
        0.1,
        when={"road": "start"},
        outcomes={"left": (one, {"road": "left"}), "right": (two, {"road": "right"}), "back": (None, {"road": "back"})},
    )
    return world.ending("left", {"road": "left"}).scenario()


def test_branches_are_drawn_jointly_and_never_exceed_one():
    scenario = forked()
    tables, centre = Tables(scenario), priors.theta(scenario)
    shares = np.array([tables.chances(theta, centre) for theta in priors.draws(scenario, 512)])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-12)
    assert shares.min() > 0
    np.testing.assert_allclose(tables.chances(centre, centre), tables.chances(centre), atol=1e-15)


def test_a_single_uncertain_branch_gets_exactly_its_drawn_value():
    world = World("one").variable("road", "start", "left", start="start")
    world.move(
        "go",
        0.1,
        outcomes={"left": (world.uncertain("c", "chance", 0.3, 0.1, 0.6), {"road": "left"}), "stay": (None, {})},
    )
    scenario = world.scenario()
    tables, centre = Tables(scenario), priors.theta(scenario)
    for theta in priors.draws(scenario, 16):
        assert tables.chances(theta, centre)[0] == pytest.approx(theta[tables.assumption("c")], rel=1e-12)


def test_stated_chances_above_one_are_refused():
    scenario = forked()
    with pytest.raises(ScenarioError, match=r"“go”: the chances sum to 1.2; expected at most 1"):
        Tables(scenario).chances(priors.theta(scenario, {"one": 0.8}))


def uncertain_exit():
    world = World("uncertain-exit").variable("door", "shut", "open", start="shut")
    world.move("leave", world.uncertain("rate", "rate", 0.02, 0.005, 0.08), {"door": "open"}, when={"door": "shut"})
    return world.ending("out", {"door": "open"}).scenario()


def truth_of_uncertain_exit():
    spread = np.log(4) / Z_95TH_PERCENTILE
    return quad(lambda z: -np.expm1(-0.02 * np.exp(spread * z) * 30) * norm.pdf(z), -10, 10)[0]


def test_the_mixture_is_the_mean_over_the_priors():
    drawn = over_priors(uncertain_exit(), draws=256, times=[30.0])
    mixture = drawn.mixture()
    band = mixture.endings["out"]
    assert band.probability[0] == pytest.approx(truth_of_uncertain_exit(), abs=1e-3)
    assert band.low[0] < truth_of_uncertain_exit() < band.high[0]
    stated = solve(uncertain_exit(), times=[30.0]).endings["out"].probability
    np.testing.assert_array_equal(mixture.stated.endings["out"].probability, stated)
    assert drawn.spread("out")[0, 0] < stated[0] < drawn.spread("out")[-1, 0]


def test_nested_monte_carlo_covers_the_same_mean():
    mixture = over_priors(uncertain_exit(), engine="montecarlo", draws=200, runs=20, seed=5, times=[30.0]).mixture()
    band = mixture.endings["out"]
    assert band.low[0] < truth_of_uncertain_exit() < band.high[0]
    assert (mixture.provenance["runs"], mixture.replicates) == (20, 4000)
    assert mixture.provenance["draws"] == 200


def test_pooling_refuses_different_grids():
    one, two = (solve(uncertain_exit(), times=times) for times in ([10.0], [20.0]))
    with pytest.raises(ValueError, match="at the same times"):
        mean_forecast([one, two], np.array([0.5, 0.5]), None)


def test_pooling_weights_are_shares():
    calm, wild = (solve(uncertain_exit(), values={"rate": r}, times=[30.0]) for r in (0.01, 0.1))
    pooled = mean_forecast([calm, wild], np.array([0.75, 0.25]), None).endings["out"].probability[0]
    assert pooled == pytest.approx(
        0.75 * calm.endings["out"].probability[0] + 0.25 * wild.endings["out"].probability[0], rel=1e-12
    )


@pytest.mark.parametrize("assumption", [RATE, CHANCE])
def test_the_share_below_is_the_inverse_of_the_quantile(assumption):
    for share in (0.01, 0.3, 0.5, 0.9):
        assert priors.share_below(assumption, float(priors.quantile(assumption, share))) == pytest.approx(share)


def test_the_share_below_where_there_is_no_doubt():
    assert [priors.share_below(FIXED, value) for value in (0.09, 0.1)] == [0, 1]
    never_less = dataclasses.replace(RATE, low=RATE.value)
    assert [priors.share_below(never_less, value) for value in (0.01, 0.02)] == [0, 0.5]
