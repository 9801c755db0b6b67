"""Counters: variables whose levels are numbers, and rates proportional to them, against closed forms."""

import dataclasses
import datetime as dt
from functools import cache

import numpy as np
import pytest
from scipy import stats

import simlib
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import simulate
from simlib.engines.reference import sample
from simlib.export.prism import model
from simlib.machine.tables import Tables
from simlib.scenario.model import Force, Policy, Scenario
from simlib.scenario.views.variation import with_interventions, with_values
from tests import worlds

BIRTH, DEATH, HEADS = 0.05, 0.1, 8
DAYS = np.array([3.0, 10.0, 30.0])


def gone(days, birth=BIRTH, death=DEATH, heads=HEADS):
    growth = np.exp((birth - death) * days)
    return (death * (growth - 1) / (birth * growth - death)) ** heads


def test_a_linear_birth_and_death_process_is_exact():
    found = solve(worlds.linear_growth(), times=DAYS)
    assert found.endings["gone"].probability == pytest.approx(gone(DAYS), abs=1e-9)
    mean, low, high = found.counters["herd"]
    assert mean == pytest.approx(HEADS * np.exp((BIRTH - DEATH) * DAYS), abs=1e-7)
    assert np.all((low <= mean) & (mean <= high))
    assert found.moves["birth"] == pytest.approx(BIRTH * HEADS * (1 - np.exp(-0.05 * DAYS)) / 0.05, abs=1e-7)


@pytest.mark.slow
def test_monte_carlo_and_the_definition_agree_with_it():
    world = worlds.linear_growth()
    band = simulate(world, times=DAYS[1:], runs=40_000, seed=3).endings["gone"]
    assert np.all((band.low <= gone(DAYS[1:])) & (gone(DAYS[1:]) <= band.high))
    stories = sample(world.replace(horizon_days=10.0), 3000, seed=1)
    share = np.mean([story.ending == "gone" for story in stories])
    assert share == pytest.approx(gone(10.0), abs=4 * np.sqrt(gone(10.0) / 3000))
    herds = [int((story.events[-1].state if story.events else story.start)["herd"]) for story in stories]
    assert np.mean(herds) == pytest.approx(HEADS * np.exp(-0.5), abs=0.25)


def test_pure_death_is_binomial_from_a_spread_start():
    world = worlds.World("deaths", 20.0).counter("herd", 0, 70, start={"60": 0.25, "70": None})
    scenario = world.move("death", DEATH, {"herd": -1}, per=["herd"]).scenario()
    found = np.array(list(solve(scenario, times=[5.0]).variables["herd"].values()))[:, 0]
    law = sum(
        share * stats.binom.pmf(np.arange(71), heads, np.exp(-DEATH * 5)) for share, heads in ((0.25, 60), (0.75, 70))
    )
    assert found == pytest.approx(law, abs=1e-9)


@cache
def blue_wins(blue: int, red: int, hits: tuple[float, float]) -> float:
    if blue == 0 or red == 0:
        return float(red == 0)
    here = hits[0] * blue / (hits[0] * blue + hits[1] * red)
    return here * blue_wins(blue, red - 1, hits) + (1 - here) * blue_wins(blue - 1, red, hits)


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_lanchesters_square_law(engine):
    hits = (0.05, 0.08)
    found = simlib.forecast(worlds.square_law(hits=hits), engine=engine, times=1, runs=20_000).endings["blue-wins"]
    expected = blue_wins(12, 10, hits)
    assert 0.4 < expected < 0.6
    assert found.low[-1] - 1e-6 <= expected <= found.high[-1] + 1e-6


def test_the_slopes_are_those_of_the_closed_form():
    world, step = worlds.linear_growth(), 1e-6
    found = simlib.elasticities(world, "ending:gone", by=10.0).frame()
    values = dict(zip(found["assumption"], found["derivative"], strict=True))
    birth = (gone(10.0, birth=BIRTH + step) - gone(10.0, birth=BIRTH - step)) / (2 * step)
    death = (gone(10.0, death=DEATH + step) - gone(10.0, death=DEATH - step)) / (2 * step)
    assert values["birth.rate"] == pytest.approx(birth, rel=1e-5)
    assert values["death.rate"] == pytest.approx(death, rel=1e-5)


def test_a_red_line_beyond_the_first_sixty_four_numbers_ends_the_story():
    """Levels above 63 in conditions of endings, and in those of questions and rungs."""
    world = worlds.World("stock", 50.0).counter("stock", 0, 200, start=150)
    world.move("use", 2.0, {"stock": -1}).ending("low", {"stock": [str(n) for n in range(100)]})
    world.question("less", {"stock": [str(n) for n in range(140)]})
    found = solve(world.scenario(), times=[20.0, 30.0])
    assert found.endings["low"].probability == pytest.approx(stats.gamma.cdf([20, 30], 51, scale=0.5), abs=1e-8)
    assert found.questions["less"].probability == pytest.approx(stats.gamma.cdf([20, 30], 11, scale=0.5), abs=1e-8)
    sampled = simulate(world.scenario(), times=[20.0, 30.0], runs=5000).endings["low"]
    assert np.all(
        (sampled.low <= found.endings["low"].probability) & (found.endings["low"].probability <= sampled.high)
    )


def test_what_is_proportional_to_a_counter_at_zero_is_impossible():
    """Also where it is forced or a policy: there is nobody left to do it."""
    world = worlds.linear_growth(start=0)
    empty = world.replace(endings={})
    tables = Tables(empty)
    assert tables.possible[tables.table_start[:-1]].tolist() == [False, False]
    day = worlds.date(2)
    for act in (Force("birth", day), Policy("birth", 5.0)):
        acted = with_interventions(empty, [act])
        assert solve(acted, times=1).moves["birth"][-1] == 0
        assert not any(story.events for story in sample(acted, 20))
        assert simulate(acted, times=1, runs=50).moves["birth"][-1] == 0


def test_two_counters_multiply():
    """Every pair meets at rate `beta`: the first of 3 x 4 pairs after an exponential time."""
    world = worlds.World("pairs", 10.0).counter("x", 0, 9, start=3).counter("y", 2, 9, start=4)
    scenario = (
        world.variable("met", "no", "yes", start="no").move("meet", 0.02, {"met": "yes"}, per=["x", "y"]).scenario()
    )
    assert solve(scenario, times=[5.0]).variables["met"]["yes"][-1] == pytest.approx(
        1 - np.exp(-0.02 * 12 * 5), abs=1e-9
    )


def test_a_policy_and_an_assumption_for_a_while_act_on_proportional_rates():
    world = worlds.linear_growth().replace(endings={})
    ruled = with_interventions(world, [Policy("death", 0.5)])
    exact, sampled = (f(ruled, times=[4.0]).counters["herd"][0][-1] for f in (solve, _simulated))
    assert sampled == pytest.approx(exact, abs=0.1)
    slower = with_values(world, {"death.rate": 0.05, "birth.rate": 0.05})
    assert solve(slower, times=[4.0]).counters["herd"][0][-1] == pytest.approx(HEADS, abs=1e-8)


def _simulated(scenario: Scenario, times):
    return simulate(scenario, times=times, runs=20_000)


def test_a_counter_is_a_bounded_integer_in_prism():
    text = model(worlds.square_law(5, 4))
    assert "blue : [0..5] init 5; // a counter" in text
    assert "formula hazard_blue_fires = blue_fires_rate * blue;" in text
    assert "blue>0" in text
    world = worlds.World("shelf", 5.0).counter("x", 3, 30, start=7).move("add", 1.0, {"x": +4}, when={"x": "9"})
    scenario = world.question("q", {"x": [str(n) for n in range(3, 31) if n != 20]}).scenario()
    text = model(scenario)
    assert "x : [3..30] init 7;" in text
    assert "(x'=min(x+4, 30))" in text
    assert 'label "q" = x!=20;' in text


def test_worlds_without_counters_keep_their_tables():
    plain = worlds.tempo_world()
    theta = np.array([a.value for a in plain.assumptions.values()])
    assert len(Tables(plain).standing.extended(theta)) == len(theta) + 2
    assert not any(dataclasses.asdict(v)["counter"] for v in plain.variables.values())
    assert dt.date(2031, 4, 1) == plain.as_of
