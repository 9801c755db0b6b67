"""Chances that depend on the state, and effects that depend on the level: every engine, and the gradient."""

from __future__ import annotations

import numpy as np
import pytest

import simlib
from simlib.engines.exact import reachable
from simlib.engines.exact.endpoint import EndpointSampler
from simlib.engines.exact.forecast import Solver, solve
from simlib.engines.montecarlo.simulator import simulate
from simlib.engines.reference import sample
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.scenario.model import Effect, Outcome
from tests import worlds
from tests.engines.chance import Z_LIMIT, scores
from tests.oracle import solve as by_hand
from tests.properties.comparing import assert_same, numbers

DAYS = [0.0, 7.5, 30.0]


def odds(chance: float, factor: float) -> float:
    """Return the chance whose odds are `factor` times as high."""
    return factor * chance / (1 - chance + factor * chance)


def six(days, rate=0.2, chance=0.3, factor=4.0):
    shares = [-np.expm1(-rate * p * np.asarray(days)) for p in (chance, odds(chance, factor))]
    return (shares[0] + shares[1]) / 2


def test_a_factor_multiplies_the_odds_of_its_outcome():
    np.testing.assert_allclose(solve(worlds.loaded_die(), times=DAYS).endings["six"].probability, six(DAYS), atol=1e-9)
    seen = sum(run.ending == "six" for run in sample(worlds.loaded_die(), 4000, seed=3))
    assert abs(float(scores(seen, 4000, six(30.0)))) < Z_LIMIT


def test_a_question_about_the_first_outcome_of_all_counts_no_other():
    """Tosses come at 0.2 a day. A toss is without effect with chance 0.3 and otherwise the last one."""
    scenario = worlds.World.of(worlds.branches()).question("again", move="toss", outcome="again").scenario()
    again = solve(scenario, times=DAYS).questions["again"].probability
    np.testing.assert_allclose(again, -0.3 * np.expm1(-0.2 * np.asarray(DAYS)), atol=1e-9)


def test_every_engine_gives_the_same_answers():
    scenario, times = worlds.branching_world(), [0.0, 3.5, 8.0, 25.0, 40.0]
    exact, oracle = solve(scenario, times=times), by_hand(scenario, times)
    for name, values in numbers(exact):
        section, *names = name.split(".")
        there = getattr(oracle, section)
        for part in names:
            there = there[part]
        np.testing.assert_allclose(values, there, atol=1e-8, err_msg=name)
    fast = simulate(scenario, times=times, runs=40_000, seed=2)
    for kind in ("endings", "questions"):
        for name, band in getattr(exact, kind).items():
            seen = np.round(getattr(fast, kind)[name].probability * 40_000)
            inner = (band.probability > 1e-6) & (band.probability < 1 - 1e-6)
            z = scores(seen[inner], 40_000, band.probability[inner])
            assert np.max(np.abs(z), initial=0) < Z_LIMIT, name


def test_without_numba_the_states_are_the_same(monkeypatch):
    compiled = solve(worlds.branching_world(), times=DAYS)
    monkeypatch.setattr(reachable, "kernels", None)
    monkeypatch.setattr(reachable, "_SPACES", type(reachable._SPACES)())
    assert_same(solve(worlds.branching_world(), times=DAYS), compiled)


@pytest.mark.parametrize("measure", ["ending:war", "question:hit", "moves:calm-down"])
def test_the_gradient_goes_through_the_normalisation(measure):
    scenario = worlds.branching_world()
    table = simlib.elasticities(scenario, measure, by=25).frame().set_index("assumption")
    for name in ("strike.hit.chance", "strike.spared.chance", *(n for n in scenario.assumptions if ".times." in n)):
        assert table.derivative[name] == pytest.approx(slope(scenario, measure, name), rel=1e-5, abs=1e-9), name


def slope(scenario, measure, name, step=1e-5):
    """The derivative of a measure at day 25 with respect to an assumption, by a central difference.

    A value that an intervention assumes for a while keeps its ratio to a factor. What a
    chance gains, the branch that takes the rest loses.
    """
    centre = theta(scenario)
    solver, place = Solver(scenario, times=[25.0]), list(scenario.assumptions).index(name)
    answers = []
    for sign in (+1, -1):
        values = centre.copy()
        values[place] *= 1 + sign * step
        forecast = solver.solve(values, centre=centre if ".times." in name else None)
        kind, of = measure.split(":")
        answers.append(
            {"ending": forecast.endings, "question": forecast.questions}[kind][of].probability[-1]
            if kind != "moves"
            else forecast.moves[of][-1]
        )
    return (answers[0] - answers[1]) / (2 * step * centre[place])


def test_branches_of_a_draw_share_one_whole_after_their_factors():
    scenario = worlds.loaded_die()
    tables, centre = Tables(scenario), theta(scenario)
    drawn = centre.copy()
    drawn[tables.assumption("throw.six.chance")] = 0.9
    chances = dict(zip(tables.branches.outcome, tables.chances(drawn, centre), strict=False))
    assert len(chances) == 2
    shares = tables.chances(drawn, centre)[tables.branches.outcome == tables.outcome("throw", "six")]
    np.testing.assert_allclose(np.sort(shares), [0.9, odds(0.9, 4.0)], atol=1e-12)


@pytest.mark.slow
def test_histories_given_an_ending_follow_the_branches():
    scenario = worlds.branching_world()
    solver = Solver(scenario, times=1)
    told = EndpointSampler(solver, solver.chain(), "ending:war").draw(600, seed=5)
    hits = (told.outcome == solver.tables.outcome("strike", "hit")).sum() / 600
    free = simulated_hits(scenario)
    assert np.all(told.ending == 0)
    assert hits == pytest.approx(free, rel=0.12)


def simulated_hits(scenario):
    """The mean number of hits in those of the reference histories that end in war."""
    runs = [run for run in sample(scenario, 3000, seed=4) if run.ending == "war"]
    return sum(event.outcome == "hit" for run in runs for event in run.events) / len(runs)


def test_effects_read_the_state_before_the_outcome():
    """Two effects that turn each other's conditions over swap the two levels, in every engine."""
    world = worlds.World("swap").variable("one", "off", "on", start="on").variable("other", "off", "on", start="off")
    outcome = Outcome(
        "done",
        "done",
        None,
        (
            *(Effect("one", level=to, when=worlds.condition({"other": to})) for to in ("off", "on")),
            *(Effect("other", level=to, when=worlds.condition({"one": to})) for to in ("off", "on")),
        ),
    )
    scenario = world.move("swap", 1.0).scenario()
    moves = {"swap": scenario.moves["swap"].__class__("swap", "nature", "swap", "swap.rate", outcomes=(outcome,))}
    swapping = scenario.replace(moves=moves)
    assert Solver(swapping, times=1).space.levels.tolist() == [[0, 1], [1, 0]]
    (run,) = sample(swapping, 1, seed=1)
    assert [event.state["one"] for event in run.events[:3]] == ["off", "on", "off"]
    fast = simulate(swapping, times=[30.0], runs=200)
    assert fast.variables["one"]["on"][-1] == fast.variables["other"]["off"][-1]
