"""Moves that take a while: closed forms of the wait, interrupted or not, under factors and interventions.

A ship waits for k = 6 stages of rate L each, so the wait has a gamma distribution. While a storm rages it waits anew.
"""

import dataclasses

import numpy as np
import pytest
from scipy.stats import gamma

import simlib
from simlib.engines.exact import reachable
from simlib.engines.exact.endpoint import histories_given
from simlib.engines.exact.solver import Solver
from simlib.engines.montecarlo.replay import histories
from simlib.engines.reference import sample
from simlib.machine.clocks import clock_id
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.scenario.model import (
    Assume,
    Forbid,
    Force,
    Hold,
    Pin,
    Policy,
    Question,
    Repeats,
    Scenario,
    StartState,
    Wait,
)
from simlib.scenario.waits import spread, stages_of
from tests.worlds import World, condition, date

MEDIAN, STAGES = 12.0, 6
PACE = gamma(STAGES).median() / MEDIAN
TIMES = [0.0, 3.0, 8.0, 12.0, 20.0, 40.0]


def arrived_by(t, stages: int = STAGES, pace: float = PACE):
    return gamma(stages, scale=1 / pace).cdf(np.asarray(t))


def ship(stages: int = STAGES, **options) -> Scenario:
    """A ship that takes 12 days, and a storm that comes every 10 days, and passes in 4, if `stormy`."""
    world = World("ship", 40.0)
    world.variable("ship", "at-sea", "in-port", start="at-sea").variable("sky", "fair", "storm", start="fair")
    median = world.number("arrive.takes", "duration", MEDIAN)
    then = {} if options.pop("again", False) else {"ship": "in-port"}
    world.move("arrive", median, then, when={"ship": "at-sea", "sky": "fair"}, **options)
    world.moves["arrive"] = dataclasses.replace(world.moves["arrive"], takes=Wait(stages, *spread(stages, MEDIAN)))
    return world.ending("port", {"ship": "in-port"}).scenario()


def stormy(stages: int = STAGES, passes: float = 0.25) -> Scenario:
    world = ship(stages)
    weather = World("weather").move("blow", 0.1, {"sky": "storm"}, when={"sky": "fair"})
    weather.move("clear", passes, {"sky": "fair"}, when={"sky": "storm"})
    return world.replace(
        moves=dict(world.moves) | weather.moves, assumptions=dict(world.assumptions) | weather.assumptions
    )


def in_port(world: Scenario, **options) -> np.ndarray:
    return simlib.solve(world, times=TIMES, **options).endings["port"].probability


# ---------------------------------------------------------------- the wait


@pytest.mark.parametrize("stages", [1, 2, 6, 40])
def test_the_wait_has_a_gamma_distribution_and_its_median(stages):
    pace = gamma(stages).median() / MEDIAN
    found = in_port(ship(stages))
    np.testing.assert_allclose(found, arrived_by(TIMES, stages, pace), atol=3e-9)
    assert found[3] == pytest.approx(0.5, abs=1e-8)


def test_six_stages_are_nearest_to_a_passage_of_5_to_21_days():
    assert stages_of(12, 5, 21) == 6
    assert spread(6, 12) == pytest.approx((5.53, 22.25), abs=0.01)
    assert stages_of(10, 0.74, 43.2) == 1


def test_a_factor_or_a_counter_speeds_the_clock():
    rowed = World.of(ship(per=["oars"])).counter("oars", 0, 3, start=2).scenario()
    for world in (ship(times=[(2.0, None)]), rowed):
        np.testing.assert_allclose(in_port(world), arrived_by(2 * np.array(TIMES)), atol=3e-9)


def test_a_wait_begins_anew_when_the_move_has_happened():
    counts = simlib.solve(ship(again=True), times=TIMES).moves["arrive"]
    renewals = sum(arrived_by(TIMES, STAGES * n) for n in range(1, 30))
    np.testing.assert_allclose(counts, renewals, atol=1e-8)


def test_an_interrupted_wait_is_given_up():
    """The ship arrives before a storm with p = (L / (L + s))^k, so (1 - p) / p storms come before it does."""
    world = stormy(passes=5.0).replace(horizon_days=5000.0)
    p = (PACE / (PACE + 0.1)) ** STAGES
    assert simlib.solve(world, times=1).moves["blow"][-1] == pytest.approx((1 - p) / p, rel=1e-6)
    once = stormy(passes=1e-12).replace(horizon_days=5000.0)
    assert simlib.solve(once, times=1).endings["port"].probability[-1] == pytest.approx(p, rel=1e-6)


def test_what_starts_impossible_starts_its_wait_when_it_becomes_possible():
    world = ship()
    late = world.replace(interventions=(Pin("sky", "storm", date(0)), Pin("sky", "fair", date(5))))
    np.testing.assert_allclose(in_port(late), arrived_by(np.array(TIMES) - 5), atol=3e-9)


def test_a_window_that_opens_late_starts_the_wait_then():
    from tests.worlds import window

    np.testing.assert_allclose(in_port(ship(between=window(5, 100))), arrived_by(np.array(TIMES) - 5), atol=3e-9)


# ---------------------------------------------------------------- interventions


def test_a_forbidden_move_stands_still_and_goes_on_afterwards():
    world = ship().replace(interventions=(Forbid("arrive", date(4), until=date(9)),))
    worked = np.array([t if t < 4 else max(4, t - 5) for t in TIMES])
    np.testing.assert_allclose(in_port(world), arrived_by(worked), atol=3e-9)


def test_a_policy_replaces_the_clock_which_stands_still():
    world = ship().replace(interventions=(Policy("arrive", 0.3, condition(None), date(4), until=date(9)),))
    ruled = np.clip(np.array(TIMES) - 4, 0, 5)
    left = (1 - arrived_by(np.array(TIMES) - ruled)) * np.exp(-0.3 * ruled)
    np.testing.assert_allclose(in_port(world), 1 - left, atol=3e-9)


def test_a_forced_firing_ends_the_wait_and_the_next_one_begins():
    world = ship(again=True).replace(interventions=(Force("arrive", date(4)),))
    counts = simlib.solve(world, times=TIMES).moves["arrive"]
    n = range(1, 30)
    before = np.minimum(TIMES, 4)
    after = np.maximum(np.array(TIMES) - 4, 0)
    renewals = sum(arrived_by(before, STAGES * k) + arrived_by(after, STAGES * k) for k in n) + (np.array(TIMES) >= 4)
    np.testing.assert_allclose(counts, renewals, atol=1e-8)


def test_the_median_can_be_changed_for_a_while_and_for_good():
    assumed = ship().replace(interventions=(Assume("arrive.takes", 6.0, date=date(4)),))
    worked = np.array([t if t < 4 else 4 + 2 * (t - 4) for t in TIMES])
    np.testing.assert_allclose(in_port(assumed), arrived_by(worked), atol=3e-9)
    np.testing.assert_allclose(
        in_port(ship(), values={"arrive.takes": 24.0}), arrived_by(np.array(TIMES) / 2), atol=3e-9
    )


def test_the_gradient_moves_an_assumed_median_along_with_its_assumption():
    """As in a draw of the priors, which keeps the ratio: a small step in the median, with the stated one as centre."""
    world = stormy(3).replace(interventions=(Assume("arrive.takes", 5.0, date=date(4), until=date(30)),))
    frame = simlib.elasticities(world, "ending:port").frame().set_index("assumption")
    solver, centre = Solver(world, times=1), theta(world)
    place, step = list(world.assumptions).index("arrive.takes"), 1e-4
    ahead, behind = (
        solver.solve(centre + sign * step * np.eye(len(centre))[place], centre=centre, tolerance=1e-13)
        for sign in (1, -1)
    )
    slope = (ahead.endings["port"].probability[-1] - behind.endings["port"].probability[-1]) / (2 * step)
    assert frame.loc["arrive.takes", "derivative"] == pytest.approx(slope, rel=1e-6)


def test_holding_what_the_move_needs_keeps_its_clock_going():
    held = stormy().replace(interventions=(Hold("sky", "fair"),))
    np.testing.assert_allclose(in_port(held), arrived_by(TIMES), atol=3e-9)


# ---------------------------------------------------------------- the engines agree


@pytest.mark.slow
@pytest.mark.parametrize("interventions", [(), (Force("arrive", date(6)), Forbid("arrive", date(9), until=date(12)))])
def test_the_engines_agree(interventions):
    world = stormy(3).replace(interventions=interventions)
    exact = simlib.solve(world, times=TIMES)
    simulated = simlib.simulate(world, times=TIMES, runs=40_000, seed=3)
    runs = sample(world, 10_000, seed=5)
    by_reference = np.array([np.mean([run.ending_time <= t for run in runs]) for t in TIMES])
    band, p = simulated.endings["port"], exact.endings["port"].probability
    assert np.all((band.low - 0.002 <= p) & (p <= band.high + 0.002))
    np.testing.assert_allclose(by_reference, p, atol=4.5 * np.sqrt(0.25 / 10_000))
    half = simulated.error["moves"]["blow"]
    assert np.all(np.abs(simulated.moves["blow"] - exact.moves["blow"]) <= 1.5 * half + 1e-9)


def test_with_and_without_numba_the_states_are_the_same(monkeypatch):
    tables = Tables(stormy(3).replace(interventions=(Pin("sky", "storm", date(2)), Hold("sky", "fair", date(5)))))
    fast = reachable._Search(tables, 100, reachable.UNWATCHED).run()
    monkeypatch.setattr(reachable, "kernels", None)
    slow = reachable._Search(tables, 100, reachable.UNWATCHED).run()
    for name in ("codes", "target", "pair", "edge_start"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name)), name


def test_a_count_begins_where_a_given_start_does():
    """The start of a belief: probabilities of the start states, here of a ship in the first or the last stage."""
    asked, clock = Question("twice", "twice", count=Repeats(("blow",), 2)), clock_id("arrive")
    stages = ({}, {clock: "stage 3"})
    starts = [tuple(({"ship": "at-sea", "sky": "fair"} | stage).items()) for stage in stages]
    world = stormy(3).replace(questions={"twice": asked})
    either = world.replace(joint_start=tuple(StartState(levels, 0.5) for levels in starts))
    solver, stated = Solver(either, times=TIMES), simlib.solve(world, times=TIMES)
    given, late = (solver.solve(start=np.array(start)) for start in ([1.0, 0.0], [0.0, 1.0]))
    assert 0.1 < stated.questions["twice"].probability[-1] < 0.9
    np.testing.assert_allclose(given.questions["twice"].probability, stated.questions["twice"].probability, atol=1e-8)
    assert late.endings["port"].probability[1] > stated.endings["port"].probability[1]
    assert late.questions["twice"].probability[-1] < stated.questions["twice"].probability[-1]


def test_the_states_are_the_stages_while_waiting_and_one_for_the_rest():
    assert simlib.solve(stormy(), times=1).states == STAGES + 2
    assert simlib.solve(stormy(1), times=1).states == 3


# ---------------------------------------------------------------- nobody sees the clock


@pytest.mark.parametrize("answer", [simlib.solve, simlib.simulate])
def test_a_forecast_holds_no_clock(answer):
    forecast = answer(stormy(), times=2)
    assert list(forecast.variables) == ["ship", "sky"]
    assert list(forecast.moves) == ["arrive", "blow", "clear"]


@pytest.mark.parametrize(
    "played", [lambda w: histories(w, 50, seed=1), lambda w: histories_given(w, "ending:port", 30, seed=1)]
)
def test_histories_hold_no_clock(played):
    world = stormy()
    told = played(world)
    assert told.levels.shape == (len(told.time), 2)
    assert set(told.move) <= {-1, 0, 1, 2}
    assert np.count_nonzero(told.move == 0) == np.count_nonzero(told.ending >= 0)
    assert len(told.start) == len(told) + 1
    assert told.start[-1] == len(told.time)
    assert "waiting" not in " ".join(told.story(0))


def test_lint_says_what_the_clocks_cost():
    notes = [finding for finding in simlib.lint(stormy()) if finding.severity == "note"]
    assert [note.where for note in notes] == ["moves.arrive.takes", "moves"]
    assert "last 5.53 days to 22.2 days, modelled as a hidden clock of 6 stages" in notes[0].what
    assert notes[1].what == "8 states with a hidden clock, 3 without"
