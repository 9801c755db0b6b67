"""Moves on a date: they happen at 00:00 of it if their guard holds then, with the chances of their outcomes.

The fair opens on day 5 unless it rains then; rain comes at .2 a day from dry skies and stays. It is a success or not.
"""

import dataclasses

import numpy as np
import pytest

import simlib
from simlib.engines.exact.endpoint import histories_given
from simlib.engines.montecarlo.replay import histories
from simlib.engines.reference import sample
from simlib.errors import Unsupported
from simlib.export import prism
from simlib.scenario.model import Forbid, Force, Pin, Policy, Scenario
from tests.worlds import World, condition, date

DRY = np.exp(-0.2 * 5)
TIMES = [4.999, 5.0, 9.0]


def fair(at: int = 5, success: float = 0.3) -> Scenario:
    world = World("fair", 10.0)
    world.variable("sky", "dry", "wet", start="dry").variable("fair", "closed", "good", "bad", start="closed")
    world.move("rain", 0.2, {"sky": "wet"}, when={"sky": "dry"})
    outcomes = {"good": (success, {"fair": "good"}), "bad": (None, {"fair": "bad"})}
    world.move("open", 1.0, when={"sky": "dry"}, outcomes=outcomes)
    world.moves["open"] = dataclasses.replace(world.moves["open"], rate="", at=date(at))
    del world.assumptions["open.rate"]
    world.question("opened", move="open").question("is-good", {"fair": "good"})
    return world.ending("over", {"fair": "good"}).scenario()


def test_it_happens_on_its_date_if_its_guard_holds_then():
    forecast = simlib.solve(fair(), times=TIMES)
    np.testing.assert_allclose(forecast.moves["open"], [0, DRY, DRY], atol=1e-9)
    np.testing.assert_allclose(forecast.endings["over"].probability, [0, 0.3 * DRY, 0.3 * DRY], atol=1e-9)
    np.testing.assert_allclose(forecast.questions["opened"].probability, [0, DRY, DRY], atol=1e-9)
    np.testing.assert_allclose(forecast.variables["fair"]["bad"], [0, 0.7 * DRY, 0.7 * DRY], atol=1e-9)


def test_on_the_first_day_it_happens_at_once_and_after_the_horizon_never():
    assert simlib.solve(fair(0), times=1).moves["open"] == pytest.approx([1.0, 1.0])
    assert simlib.solve(fair(30), times=1).moves["open"] == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("sky", ["dry", "wet"])
def test_in_histories_its_own_guard_is_asked_and_not_that_of_another_move(sky):
    """The sky stays as it is. The fair opens if it is dry; a move before it is possible only if it is wet."""
    world = World("fair", 10.0).variable("sky", "dry", "wet", start=sky)
    world.move("flood", 1.0, when={"sky": "wet"}).move("open", 1.0, when={"sky": "dry"})
    world.moves["open"] = dataclasses.replace(world.moves["open"], rate="", at=date(5))
    del world.assumptions["open.rate"]
    opened = simlib.simulate(world.scenario(), times=TIMES, runs=10).moves["open"]
    assert opened.tolist() == ([0, 1, 1] if sky == "dry" else [0, 0, 0])


def test_the_gradient_knows_the_chance_and_the_date():
    rows = simlib.elasticities(fair(), "ending:over").frame().set_index("assumption")
    assert rows.loc["rain.rate", "derivative"] == pytest.approx(-5 * 0.3 * DRY)
    assert rows.loc["open.good.chance", "derivative"] == pytest.approx(DRY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("interventions", "opened"),
    [
        ((Forbid("open"),), 0.0),
        ((Forbid("open", date(2), until=date(5)),), DRY),
        ((Forbid("open", when=condition({"sky": "wet"})),), DRY),
        ((Forbid("open", when=condition({"sky": "dry"})),), 0.0),
        ((Pin("sky", "dry", date(5)),), 1.0),
        ((Force("open", date(5)),), DRY + DRY * 0.7),
        ((Forbid("open"), Force("open", date(2), "bad")), np.exp(-0.4)),
        ((Policy("open", 1e-9, condition(None), date(5), until=date(6)),), 0.0),
    ],
)
def test_interventions_work_on_it(interventions, opened):
    world = fair().replace(interventions=interventions)
    assert simlib.solve(world, times=1).moves["open"][-1] == pytest.approx(opened, abs=1e-7)
    simulated = simlib.simulate(world, times=1, runs=20_000, seed=2)
    half = max(float(simulated.error["moves"]["open"][-1]), 1e-4)
    assert simulated.moves["open"][-1] == pytest.approx(opened, abs=2 * half)
    runs = sample(world, 4000, seed=1)
    counts = [sum(event.move == "open" for event in run.events) for run in runs]
    assert np.mean(counts) == pytest.approx(opened, abs=4.5 * np.std(counts) / np.sqrt(4000) + 1e-4)


def test_no_intervention_is_reported_for_it():
    world = fair().replace(interventions=(Pin("sky", "dry", date(3)),))
    solved, simulated = simlib.solve(world, times=1), simlib.simulate(world, times=1, runs=4000)
    assert len(solved.interventions) == len(simulated.interventions) == 1
    shares = [forecast.interventions[0]["without_effect"] for forecast in (solved, simulated)]
    assert shares == pytest.approx([np.exp(-0.6)] * 2, abs=0.03)


def test_a_comparison_of_histories_does_not_take_it_for_an_intervention():
    pinned = simlib.compare(fair(), {"pinned": Pin("sky", "dry", date(3))}, engine="montecarlo", runs=2000)
    (share,) = pinned.effects["pinned"].without_effect.values()
    assert share == pytest.approx(np.exp(-0.6), abs=0.04)
    likelier = simlib.compare(fair(), fair(success=0.6), engine="montecarlo", runs=50)
    assert [effect.without_effect for effect in likelier.effects.values()] == [{}]


@pytest.mark.parametrize(
    "played", [lambda w: histories(w, 200, seed=1), lambda w: histories_given(w, "ending:over", 40, seed=1)]
)
def test_a_history_tells_it_as_something_that_happened(played):
    told = played(fair())
    rows = told.move == 1
    assert rows.any()
    assert set(told.time[rows]) == {5.0}
    assert set(told.intervention[rows]) == {-1}
    number = int(np.flatnonzero(told.ending >= 0)[0])
    story = " ".join(told.story(int(told.replicates[number])))
    assert "6 April 2031: Nature: open (good)" in story
    assert "forced" not in story


def test_another_date_changes_no_other_random_number():
    early, late = (simlib.simulate(fair(day, 1e-9), times=1, runs=500, seed=4).variables["sky"] for day in (2, 8))
    np.testing.assert_array_equal(early["wet"], late["wet"])


def test_prism_has_no_dates():
    with pytest.raises(Unsupported, match=r"moves.open.at: happens on 2031-04-06, but PRISM has no events at a date"):
        prism.model(fair(), ignore_windows=True)


def test_lint_warns_of_a_date_after_the_horizon():
    (late,) = [finding for finding in simlib.lint(fair(10)) if finding.where == "moves.open.at"]
    assert late.what == "2031-04-11 is after the horizon (2031-04-10)"
    assert not [finding for finding in simlib.lint(fair()) if finding.where.startswith("moves.open")]
