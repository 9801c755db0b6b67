"""Paths and indicators as answers: traced, saved, weighted, or refused in words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import simlib
from simlib.analysis.indicators.watch_list import indicators, indicators_of_endings
from simlib.analysis.paths.classes import counted_paths, paths
from simlib.analysis.paths.medoids import typical_of
from simlib.analysis.paths.stays import counted_rung_times
from simlib.analysis.paths.waypoint_shares import counted_waypoints, waypoints
from simlib.analysis.samples import question_times, sample
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import ScenarioError, TooManyStates, Unsupported
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import headline
from tests import worlds

WAR = "ending:open-war"
HORIZON, DAY = 30.0, 10.0


@pytest.fixture(scope="module")
def islands():
    return simlib.load("two-islands")


ANSWERS = {
    "paths": lambda world: paths(world, given=WAR),
    "counted paths": lambda world: paths(world, engine="montecarlo"),
    "waypoints": lambda world: waypoints(world, WAR),
    "rung times": lambda world: counted_rung_times(sample(world, runs=200).histories),
    "typical histories": lambda world: typical_of(sample(world, runs=200).histories, paths(world)),
    "indicators": lambda world: indicators(world, WAR, draws=10, runs=40),
    "exact indicators": lambda world: indicators(world, "question:ship-hit", engine="exact"),
    "forced": lambda world: indicators(world, WAR, draws=10, runs=40).with_forcing(1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_survives_its_file(name, islands, tmp_path):
    answer = ANSWERS[name](islands)
    again = simlib.load_answer(answer.save(tmp_path / "answer.json.gz"))
    assert type(again) is type(answer)
    assert again.to_dict() == answer.to_dict()
    assert again.sentences() == answer.sentences()
    pd.testing.assert_frame_equal(again.frame(), answer.frame())
    assert answer.question.endswith("?")
    assert answer.to_dict()["provenance"]["scenario_sha256"] == islands.sha256
    assert all(answer.sentences())


# -------------------------------------------------------------------- beliefs


def uncertain_war(horizon=HORIZON):
    """War comes at an uncertain rate; drums beat at another; a treaty ends it all."""
    world = worlds.World("drums", horizon).variable("peace", "kept", "broken", start="kept")
    world.variable("mood", "calm", "hot", start="calm")
    world.move("attack", world.uncertain("war", "rate", 0.02, 0.001, 0.2), {"peace": "broken"})
    world.move("drum", world.uncertain("drums", "rate", 0.05, 0.002, 0.5))
    world.move("heat", 0.1, {"mood": "hot"}, when={"mood": "calm"})
    world.ladder("moods", cool=None, warm={"mood": "hot"})
    return world.question("hot", when={"mood": "hot"}).ending("war", {"peace": "broken"}).scenario()


def test_a_belief_of_equal_weights_made_from_the_priors_own_draws_gives_the_same_numbers():
    world = uncertain_war()
    belief = Belief.prior(world, 49)
    assert belief.weights[0] * 49 != 1  # where a plain product would lose the last digit
    plain, held = (indicators(world, "war", draws=draws, runs=20) for draws in (49, belief))
    assert plain.rows == held.rows
    assert plain.before == held.before
    one, two = (counted_paths(sample(world, draws=draws, runs=20)) for draws in (49, belief))
    assert one.classes == two.classes
    first, second = (counted_waypoints(sample(world, draws=draws, runs=20), "war") for draws in (49, belief))
    assert first.rows == second.rows


def test_weights_count_and_the_effective_number_makes_the_interval():
    """Nine draws in ten weigh nothing next to one of them: the answer is that of the one, as sure as its histories."""
    world = uncertain_war()
    prior = Belief.prior(world, 8)
    weights = np.array([0.0, 0.0, 0.75, 0.0, 0.25, 0.0, 0.0, 0.0])
    belief = dataclasses.replace(prior, name="a log", weights=weights)
    drawn = sample(world, draws=belief, runs=400)
    assert drawn.weight.sum() == pytest.approx(400 * belief.effective_draws)
    result = indicators(world, "war", look_by=DAY, draws=belief, runs=400)
    played, share = drawn.histories, 0.0
    open_still, war = played.ending_time > DAY, (played.ending == 0) & (played.ending_time > DAY)
    sizes = {d: float((open_still & (drawn.draw == d)).sum()) * weights[d] for d in (2, 4)}
    share = sum(float((war & (drawn.draw == d)).sum()) * weights[d] for d in (2, 4)) / sum(sizes.values())
    assert result.before[0] == pytest.approx(share)
    assert result.made().startswith("over the belief “a log” (8 draws, 3,200 histories")
    low, high = result.before[1:]
    only = indicators(world, "war", look_by=DAY, draws=dataclasses.replace(belief, weights=np.eye(8)[2]), runs=400)
    assert high - low > only.before[2] - only.before[1] > 0.02
    classes = {c.rungs: c.probability for c in counted_paths(drawn).classes if c.ending == "war"}
    ended = [drawn.weight[(played.ending == 0)].sum() / drawn.weight.sum()]
    assert sum(classes.values()) == pytest.approx(ended[0])


@pytest.mark.slow
def test_draws_in_common_widen_the_interval_of_a_likelihood_ratio():
    """The same counts say less when the histories share few draws: each draw beats the drum at a rate of its own."""
    world = uncertain_war()
    few, many = (indicators(world, "war", look_by=DAY, draws=n, runs=2000 // n, seed=3) for n in (10, 1000))

    def width(found):
        _, low, high = next(row for row in found.rows if row.id == "drum").ratio_seen
        return np.log(high / low)

    assert width(few) > 1.6 * width(many)


def test_a_belief_with_its_own_start_and_the_exact_engine_are_refused_by_name():
    world = uncertain_war()
    belief = dataclasses.replace(Belief.prior(world, 4), name="a log", start=np.full((4, 2), 0.5))
    with pytest.raises(Unsupported, match="joint start states: 2 in the belief “a log”, none in the scenario"):
        indicators(world, "war", draws=belief)
    with pytest.raises(Unsupported, match="works at the stated values, not over the belief “a log”; use Monte Carlo"):
        indicators(world, "war", draws=belief, engine="exact")


# -------------------------------------------------------------------- engines


def test_auto_is_exact_at_the_stated_values_and_counts_where_the_states_do_not_fit(monkeypatch):
    world = uncertain_war()
    assert indicators(world, "war", draws=0).exact
    assert not indicators(world, "war", draws=0, times_seen=2, runs=50).exact
    assert not indicators(world, "war", draws=4, runs=5).exact
    assert paths(world).engine == "exact"

    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    assert not indicators(world, "war", draws=0, runs=50).exact
    assert paths(world).engine == waypoints(world, "war", runs=200).provenance["engine"] == "montecarlo"
    for ask in (lambda: paths(world, engine="exact"), lambda: indicators(world, "war", engine="exact")):
        with pytest.raises(TooManyStates):
            ask()


# -------------------------------------------------------------------- by the names of the face


def test_histories_of_an_ending_are_drawn_or_selected(monkeypatch):
    world = uncertain_war()
    drawn = simlib.rung_times(world, given="war", runs=300)
    assert drawn.question.startswith("How long do histories that end in “war” stay on each rung of “moods” up to ")
    assert {stay.to for stay in drawn.stays} == {"warm", "war"}
    assert (drawn.to_dict()["given"], drawn.provenance["histories"]) == ("ending:war", 300)
    every = simlib.rung_times(world, runs=300)
    assert (every.given, every.provenance["histories"]) == (None, 300)
    assert "end of forecast" in {stay.to for stay in every.stays}
    typical = simlib.typical_histories(world, given="war", runs=300)
    assert {path.ending for path, _ in typical.typical} == {"war"}
    assert set(typical.histories.ending) == {0}

    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    selected = simlib.rung_times(world, given="war", runs=300)
    assert 0 < selected.provenance["histories"] < 300
    assert {stay.to for stay in selected.stays} == {"warm", "war"}
    with pytest.raises(ScenarioError, match="none of the 3 histories ends in"):
        simlib.rung_times(world, given="war", by=0.001, runs=3)


def test_runs_are_the_histories_that_paths_counts():
    answer = simlib.paths(uncertain_war(), engine="montecarlo", draws=4, runs=50)
    assert (answer.draws, answer.runs, answer.provenance["histories"]) == (4, 50, 200)


def test_waypoints_without_an_ending_are_those_of_the_headline(islands):
    assert simlib.waypoints(islands).given == headline(islands, ("ending",))


# -------------------------------------------------------------------- questions


def test_question_times_are_those_of_the_simulator():
    world = simlib.load("two-islands")
    drawn = sample(world, runs=300, seed=4)
    counts = Simulator(world, times=1).run(priors.theta(world), runs=300, seed=4)
    for place, question in enumerate(world.questions.values()):
        assert np.array_equal(question_times(drawn.histories, question), counts.question_time[:, place])


@pytest.mark.statistical
def test_signs_of_a_question_are_the_same_by_both_engines():
    world = uncertain_war()
    exact = indicators(world, "question:hot", look_by=DAY, engine="exact")
    counted = indicators(world, "question:hot", look_by=DAY, engine="montecarlo", draws=0, runs=20_000)
    calm = np.exp(-0.1 * (HORIZON - DAY) - 0.02 * (HORIZON - DAY))
    late = 0.1 / 0.12 * (1 - calm)  # it grows hot before war breaks out, after the day
    assert exact.before[0] == pytest.approx(late, rel=1e-9)
    assert counted.before[1] <= late <= counted.before[2]
    assert {row.id for row in exact.rows} == {row.id for row in counted.rows} == {"drum"}
    for row in counted.rows:
        assert row.seen[1] <= next(r for r in exact.rows if r.id == row.id).seen[0] <= row.seen[2]
    assert (
        "If nothing has ended and “hot” has not happened by 10 April 2031, its probability by" in exact.sentences()[0]
    )
    added = counted.with_forcing(1).rows[0].if_forced
    assert added[1] <= 0 <= added[2]


def test_a_question_about_a_move_is_counted():
    world = worlds.World("ask", HORIZON).variable("x", "a", "b", start="a").move("go", 0.1, {"x": "b"})
    world.move("sign", 0.05).question("signed", move="sign")
    scenario = world.scenario()
    with pytest.raises(Unsupported, match="is about a move; use the Monte Carlo engine"):
        indicators(scenario, "question:signed", engine="exact")
    found = indicators(scenario, "question:signed", look_by=DAY, draws=0, runs=4000)
    assert not found.exact
    assert found.before[1] <= -np.expm1(-0.05 * (HORIZON - DAY)) <= found.before[2]


# -------------------------------------------------------------------- worlds in which something is missing


def without_endings():
    world = worlds.World("endless", HORIZON).variable("x", "a", "b", start="a").move("go", 0.1, {"x": "b"})
    world.move("wave", 0.2)
    return world.ladder("l", low=None, high={"x": "b"}).question("up", when={"x": "b"}).scenario()


def all_covert():
    world = worlds.World("secret", HORIZON).variable("x", "a", "b", start="a", hidden=True)
    world.move("go", 0.05, {"x": "b"}, covert=True)
    return world.ladder("l", low=None, high={"x": "b"}).ending("over", {"x": "b"}).scenario()


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_world_without_endings_has_paths_and_signs_of_its_questions(engine):
    world = without_endings()
    result = paths(world, engine=engine)
    assert {c.ending for c in result.classes} == {"ongoing"}
    assert sum(c.probability for c in result.classes) == pytest.approx(1.0)
    assert "and have not ended." in result.sentences()[0]
    found = indicators(world, engine=engine, draws=0, runs=500)
    assert found.measure.name == "question:up"
    assert found.before[1] <= -np.expm1(-0.1 * (HORIZON - found.look_by_day)) <= found.before[2]
    with pytest.raises(Unsupported, match="'endless' has no ending to watch for"):
        indicators_of_endings(world)
    bare = worlds.World("bare", HORIZON).variable("x", "a", "b", start="a").scenario()
    with pytest.raises(Unsupported, match="'bare' has no ending and no question, so there is nothing to watch for"):
        indicators(bare)


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_where_nothing_can_be_seen_the_answer_says_so(engine):
    world = all_covert()
    found = indicators(world, engine=engine, draws=0, runs=500).with_forcing()
    assert found.rows == ()
    assert found.sentences()[1] == "There is no sign: no public move or level could show whether the event will happen."
    assert found.frame().empty
    assert [c.ending for c in paths(world, given="over").classes] == ["over"]
    forecast = solve(world).endings["over"].probability[-1]
    assert paths(world, given="over", engine=engine).given_probability == pytest.approx(forecast, abs=0.04)
