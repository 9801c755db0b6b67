"""Every question takes the belief of an update in place of the prior, or refuses it by name."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

import simlib
from simlib.analysis.paths.classes import counted_paths
from simlib.analysis.paths.medoids import typical_of
from simlib.analysis.paths.stays import counted_rung_times
from simlib.analysis.paths.waypoint_shares import waypoints
from simlib.analysis.samples import sample
from simlib.engines.exact.endpoint import histories_given
from simlib.errors import Unsupported
from simlib.machine.belief import Belief
from simlib.scenario.model import Forbid, StartState
from tests import worlds

DAY, SIZE = dt.date(2031, 5, 1), 128
COUNTED = {"runs": 20, "seed": 3}


@pytest.fixture(scope="module")
def update():
    """Where the log of the two islands leaves them on 1 May, with draws that do not weigh the same."""
    islands = simlib.load("two-islands")
    answer = simlib.update(islands, "later.csv", as_of=DAY, learn=False, draws=SIZE)
    weights = np.arange(1, SIZE + 1) / np.arange(1, SIZE + 1).sum()
    return dataclasses.replace(answer, belief=dataclasses.replace(answer.belief, weights=weights))


def drawn(update):
    return sample(update.scenario, draws=update.belief, runs=20)


ASK = {
    "run": lambda u: simlib.forecast(u.scenario, draws=u.belief, times=1),
    "run by histories": lambda u: simlib.forecast(u.scenario, draws=u.belief, times=1, engine="montecarlo", runs=4),
    "compare": lambda u: simlib.compare(u.scenario, {"no": (Forbid("land-troops"),)}, draws=u.belief, runs=0),
    "drivers": lambda u: simlib.drivers(u.scenario, draws=u.belief, top=3),
    "uncertainty": lambda u: simlib.uncertainty(u.scenario, draws=u.belief),
    "value of a sign": lambda u: simlib.evsi(u.scenario, "open-war", draws=u.belief, runs=16),
    "discover": lambda u: simlib.discover(u.scenario, "open-war", draws=u.belief, runs=16),
    "indicators": lambda u: simlib.indicators(u.scenario, draws=u.belief, **COUNTED),
    "paths": lambda u: simlib.paths(u.scenario, draws=u.belief, seed=3),
    "waypoints": lambda u: waypoints(u.scenario, "settlement", draws=u.belief, **COUNTED),
    "rung times": lambda u: counted_rung_times(drawn(u)),
    "typical histories": lambda u: typical_of(drawn(u), counted_paths(drawn(u))),
}

REFUSED = {
    "the exact engine follows paths": lambda u: simlib.paths(u.scenario, draws=u.belief, engine="exact"),
    "the exact engine works": lambda u: simlib.indicators(u.scenario, draws=u.belief, engine="exact"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ASK)
def test_a_question_takes_the_belief_and_says_the_date(name, update):
    answer = ASK[name](update)
    told = answer.to_dict()
    assert told["as_of"] == "2031-05-01"
    source = told["provenance"]
    assert source["draws"] == SIZE
    assert source["belief"] == "log to 2031-05-01"
    assert answer.sentences()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_refuses_the_belief_by_name(name, update):
    with pytest.raises(Unsupported, match=f"{name}.*the belief “log to 2031-05-01”"):
        REFUSED[name](update)


@pytest.mark.slow
def test_a_report_and_the_explorer_take_the_update(update, tmp_path):
    from simlib.widgets.explorer.state import State

    text = simlib.write_report(update, tmp_path / "it.md").read_text(encoding="utf-8")
    assert "1 May 2031" in text
    assert State(update.scenario, belief=update.belief).base.as_of == DAY


def test_another_date_is_refused_by_every_question_over_histories(update):
    before = update.before
    for ask in (simlib.paths, simlib.indicators, lambda world, draws: waypoints(world, "settlement", draws=draws)):
        with pytest.raises(Unsupported, match="is as of 2031-05-01 and the scenario as of 2031-04-01"):
            ask(before, draws=update.belief)


# -------------------------------------------------------------------- numbers


@pytest.mark.slow
def test_paths_over_a_belief_add_up_to_the_forecast_over_it(update):
    """The shares of the paths to each ending are the forecast, within the error of the histories."""
    found = counted_paths(sample(update.scenario, draws=update.belief, runs=200), top=1000)
    exact = simlib.forecast(update.scenario, draws=update.belief, times=1)
    for ending, band in exact.endings.items():
        share = sum(path.probability for path in found.classes if path.ending == ending)
        assert share == pytest.approx(float(band.probability[-1]), abs=0.015)
    assert sum(path.probability for path in found.classes) == pytest.approx(1.0)
    assert found.engine == "montecarlo"
    assert "over the belief “log to 2031-05-01” (128 draws)" in found.sentences()[-1]


def test_paths_start_where_the_log_leaves_the_world_with_the_weights_of_the_draws():
    """Two draws in two start states: a path's share is the weight of the draw that can take it."""
    world = worlds.World("two", 30.0).variable("x", "a", "b", "c", start="a")
    world.move("go", world.uncertain("rate", "rate", 1.0, 0.5, 2.0), {"x": "c"}, when={"x": "b"})
    world.ladder("l", low=None, mid={"x": "b"}, high={"x": "c"})
    scenario = world.scenario()
    starts = tuple(StartState((("x", level),), 0.5) for level in ("a", "b"))
    scenario = scenario.replace(joint_start=starts)
    theta, weights = np.array([[1.0], [1.0]]), np.array([0.2, 0.8])
    belief = Belief("log", scenario.as_of, tuple(scenario.assumptions), theta, weights, np.eye(2))
    found = simlib.paths(scenario, draws=belief)
    assert {path.rungs: path.probability for path in found.classes} == {
        ("mid", "high"): pytest.approx(0.8),
        ("low",): pytest.approx(0.2),
    }
    times = counted_rung_times(sample(scenario, draws=belief, runs=50))
    assert {(stay.rung, stay.to): stay.count for stay in times.stays}["mid", "high"] == 50


def test_percentiles_of_stays_are_weighted():
    """Where almost all weight is on the draw with the faster clock, its median counts."""
    world = worlds.World("clock", 300.0).variable("x", "a", "b", start="a")
    world.move("go", world.uncertain("rate", "rate", 0.1, 0.01, 1.0), {"x": "b"}, when={"x": "a"})
    world.ladder("l", low=None, high={"x": "b"})
    scenario = world.scenario()
    theta = np.array([[0.05], [1.0]])

    def median(weights):
        belief = Belief("log", scenario.as_of, tuple(scenario.assumptions), theta, np.array(weights))
        drawn = sample(scenario, draws=belief, runs=2000)
        (stay,) = (stay for stay in counted_rung_times(drawn).stays if stay.to == "high")
        return stay.days[2]

    assert median([0.001, 0.999]) == pytest.approx(np.log(2), rel=0.1)
    assert median([0.999, 0.001]) == pytest.approx(np.log(2) / 0.05, rel=0.1)


def test_histories_to_an_ending_can_be_drawn_over_the_belief(update):
    drawn = histories_given(update.scenario, "ending:settlement", 50, draws=update.belief)
    assert len(drawn) == 50
    assert drawn.scenario.as_of == DAY
