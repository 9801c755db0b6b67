"""Path classes, waypoints and times between rungs, against closed forms and brute counting."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import gamma, norm

from simlib.analysis.paths import classes
from simlib.analysis.paths.classes import counted_paths, courses, paths, searched_paths
from simlib.analysis.paths.medoids import typical_of
from simlib.analysis.paths.stays import Stay, counted_rung_times
from simlib.analysis.paths.waypoint_shares import counted_waypoints, waypoints
from simlib.analysis.samples import sample
from simlib.analysis.sensitivity.exact_slopes import elasticities
from simlib.control import Control
from simlib.engines.exact.endpoint import histories_given
from simlib.engines.exact.forecast import solve
from simlib.engines.exact.poisson import FINE_TOLERANCE
from simlib.engines.montecarlo.replay import histories
from simlib.errors import Cancelled, ScenarioError, Unsupported
from simlib.formatting import percent
from simlib.scenario.model import Force, Hold, Pin
from tests import worlds
from tests.strategies import seeded_world

ALPHA = 1e-4


def crossroads(*, horizon=30.0, pace=1.0):
    """From the crossroads left (a) or right (b), and from either home (c): two classes of path to one ending.

    The rates are a = 0.1, b = 0.3 and c = 0.2, times `pace`.
    """
    world = worlds.World("crossroads", horizon).variable("place", "cross", "left", "right", "home", start="cross")
    world.move("go-left", 0.1 * pace, {"place": "left"}, when={"place": "cross"})
    world.move("go-right", 0.3 * pace, {"place": "right"}, when={"place": "cross"})
    world.move("go-home", 0.2 * pace, {"place": "home"}, when={"place": ["left", "right"]})
    rungs = {name: {"place": name} for name in ("left", "right", "home")}
    return world.ending("home", {"place": "home"}).ladder("places", cross=None, **rungs).scenario()


def test_classes_of_a_closed_form():
    a, b, c, t = 0.1, 0.3, 0.2, 30.0
    home = 1 - (c * np.exp(-(a + b) * t) - (a + b) * np.exp(-c * t)) / (c - a - b)  # sum of two exponentials
    found = {(p.rungs, p.ending): p.probability for p in paths(crossroads()).classes}
    assert found[("cross", "right", "home"), "home"] == pytest.approx(b / (a + b) * home, abs=1e-9)
    assert found[("cross", "left", "home"), "home"] == pytest.approx(a / (a + b) * home, abs=1e-9)
    assert found[("cross",), "ongoing"] == pytest.approx(np.exp(-(a + b) * t), abs=1e-9)
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-8)


def test_given_the_ending_shares_are_of_the_ending():
    given = paths(crossroads(), given="home")
    assert [p.rungs for p in given.classes] == [("cross", "right", "home"), ("cross", "left", "home")]
    assert [p.probability for p in given.classes] == pytest.approx([0.75, 0.25], abs=1e-8)
    assert given.given_probability == pytest.approx(solve(crossroads()).endings["home"].probability[-1], abs=1e-8)
    first = given.sentences()[0]
    assert re.match(
        r"Of the histories that end in “home” by 30 April 2031 \(\S+ of all\), 75% take the path “cross → right →",
        first,
    )
    assert given.given.name == given.to_dict()["given"] == "ending:home"
    assert paths(crossroads(), given="ending:home", by=worlds.date(29)).classes == given.classes


def test_the_bounds_of_a_share_are_wide_for_an_ending_as_rare_as_the_truncation_error():
    rare = paths(crossroads(pace=1e-14), given="home").classes
    error = FINE_TOLERANCE / (0.4 * 0.2 * 1e-28 * 30**2 / 2)  # over the probability of two slow steps, to leading order
    assert [p.probability for p in rare] == pytest.approx([0.75, 0.25])
    assert [p.high - p.probability for p in rare] == pytest.approx([error, error])
    assert [p.low for p in rare] == [p.probability for p in rare]


def test_every_prefix_of_the_only_way_to_an_ending_is_certain_given_it():
    """A queue moves up one place at a time, twice because it is told to: whoever is served has been everywhere."""
    levels = [f"place-{letter}" for letter in "abcdef"]
    world = worlds.World("queue", 20.0).variable("place", *levels, start=levels[0])
    world.move("step", 0.1, {"place": +1}).ending("served", {"place": levels[-1]})
    scenario = world.ladder("queue", first=None, **{level: {"place": level} for level in levels[1:]}).scenario()
    told = scenario.replace(interventions=(Force("step", worlds.date(10)), Force("step", worlds.date(10))))
    tree = paths(told, given="served").tree
    assert [len(branch.rungs) for branch in tree] == [1, 2, 3, 4, 5, 6]
    assert [branch.entered for branch in tree] == pytest.approx([1.0] * 6)


def test_the_tree_branches_add_up():
    tree = paths(crossroads()).frame("tree").set_index("path")
    assert tree.loc["cross", "entered"] == pytest.approx(1.0)
    assert tree.loc["cross → right", "share_of_parent"] == pytest.approx(0.75, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [None, *range(0, 60, 6)])
def test_exact_classes_match_counted_ones(seed):
    scenario = worlds.intervened_world() if seed is None else seeded_world(seed)
    if not scenario.ladders:
        pytest.skip("a world without a ladder")
    exact = searched_paths(scenario, top=1000)
    assert exact.coverage == pytest.approx(1.0, abs=1e-7)
    told = histories(scenario, 2000, seed=4)
    counted = {(p.rungs, p.ending): p.probability for p in counted_paths(told, top=10_000).classes}
    assert set(counted) <= {(p.rungs, p.ending) for p in exact.classes}
    for p in exact.classes:
        error = np.sqrt(max(p.probability * (1 - p.probability), 1e-4) / 2000)
        assert abs(counted.get((p.rungs, p.ending), 0.0) - p.probability) < norm.isf(ALPHA / 50) * error + 5e-4


@pytest.mark.parametrize("seed", [2, 3, 9, 24])
def test_classes_sum_to_the_endings(seed):
    scenario = seeded_world(seed)
    if not scenario.ladders:
        pytest.skip("a world without a ladder")
    classes = searched_paths(scenario, top=1000).classes
    forecast = solve(scenario)
    for name, band in forecast.endings.items():
        assert sum(p.probability for p in classes if p.ending == name) == pytest.approx(band.probability[-1], abs=1e-7)
        if name != "ongoing" and band.probability[-1] > 1e-6:
            given = searched_paths(scenario, given=name, top=1000)
            assert given.given_probability == pytest.approx(band.probability[-1], rel=1e-5)
            assert given.coverage == pytest.approx(1.0, abs=1e-5)


def test_drawn_given_the_ending_the_classes_are_the_same():
    scenario = crossroads(horizon=3.0)
    counted = counted_paths(histories_given(scenario, "ending:home", 1000, seed=2), given="home")
    assert counted.classes[0].rungs == ("cross", "right", "home")
    assert counted.classes[0].probability == pytest.approx(0.75, abs=norm.isf(ALPHA) * np.sqrt(0.75 * 0.25 / 1000))


def test_the_search_says_what_it_left_out(monkeypatch):
    monkeypatch.setattr(classes, "MOST_PREFIXES", 1)
    first = paths(crossroads())
    assert [p.rungs for p in first.classes] == [("cross",)]
    assert first.coverage < 0.01


def test_a_pin_begins_a_new_stretch_of_path():
    scenario = crossroads().replace(interventions=(Pin("place", "left", worlds.date(0)),))
    found = {(p.rungs, p.ending): p.probability for p in paths(scenario).classes}
    assert found[("cross", "left", "home"), "home"] == pytest.approx(-np.expm1(-0.2 * 30), abs=1e-8)


def test_passages():
    found = waypoints(crossroads(), "home")
    assert found.provenance["draws"] == 0
    frame = found.frame().set_index("id")
    assert frame.loc["go-home", "share"] == pytest.approx(1.0)
    assert frame.loc["right", "share"] == pytest.approx(0.75, abs=1e-8)
    assert frame.loc["go-left", "share"] == pytest.approx(0.25, abs=1e-8)
    assert np.all((frame["low"] <= frame["share"]) & (frame["share"] <= frame["high"]))


def test_rungs_and_moves_on_the_way_are_told_apart():
    told = waypoints(crossroads(), "home").sentences()
    assert "rungs" in told[0]
    assert "the move “go-home”" in told[0]
    assert told[1].startswith("Other rungs on the way: “right” in 75%")
    assert told[2].startswith("Other moves on the way: “go-right” in 75%")
    rows = tuple(row for row in waypoints(crossroads(), "home").rows if row.share < 1)
    told = dataclasses.replace(waypoints(crossroads(), "home"), rows=rows).sentences()
    assert [line.split(":")[0] for line in told[1:]] == ["Rungs on the way", "Moves on the way"]


def test_a_rung_has_the_same_name_in_a_sentence_and_in_the_picture():
    world = crossroads()
    ladder = world.ladders["places"]
    rungs = tuple(dataclasses.replace(rung, label=f"what {rung.id} means") for rung in ladder.rungs)
    told = waypoints(world.replace(ladders={"places": dataclasses.replace(ladder, rungs=rungs)}), "home").sentences()
    assert told[1].startswith("Other rungs on the way: “right” in 75%")


def test_a_forced_move_is_a_passage():
    """Whoever is still at the crossing on day 5 is made to go left: that counts as passing, as in sampled histories."""
    forced = crossroads().replace(interventions=(Force("go-left", worlds.date(5)),))
    frame = waypoints(forced, "home").frame().set_index("id")
    told = histories(forced, 20_000, seed=3)
    home = told.ending == 0
    lefts = np.array([np.any(told.move[a:b] == list(forced.moves).index("go-left")) for a, b in pairwise(told.start)])
    share = np.mean(lefts[home])
    assert frame.loc["go-left", "share"] == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / home.sum()))
    assert frame.loc["left", "share"] == pytest.approx(frame.loc["go-left", "share"], abs=1e-8)
    assert frame.loc["go-left", "share"] > 0.3


def test_passages_while_a_place_is_held():
    """No way leads through the right while the place is kept at the crossing; then both ways are as before."""
    kept = crossroads().replace(interventions=(Hold("place", "cross", until=worlds.date(12)),))
    frame = waypoints(kept, "home").frame().set_index("id")
    assert frame.loc["right", "share"] == pytest.approx(0.75, abs=1e-8)
    free = crossroads().replace(horizon_days=18.0)
    assert solve(kept).endings["home"].probability[-1] == pytest.approx(solve(free).endings["home"].probability[-1])
    times = np.array([p.probability for p in paths(kept).classes if p.ending == "home"])
    assert times == pytest.approx([p.probability for p in paths(free).classes if p.ending == "home"], abs=1e-8)


def test_times_between_rungs_keep_what_the_horizon_cuts_off():
    told = histories(crossroads(), 4000, seed=1)
    frame = counted_rung_times(told).frame().set_index(["rung", "to"])
    assert frame.loc[("cross", "right"), "p50"] == pytest.approx(np.log(2) / 0.4, abs=0.15)
    entered_left = sum("left" in visited for visited, _ in courses(told, "places"))
    assert frame.loc["left", "count"].sum() == entered_left


def test_passages_are_counted_where_they_cannot_be_computed():
    exact = waypoints(crossroads(), "home").frame().set_index("id")
    counted = counted_waypoints(histories(crossroads(), 4000, seed=5), "home").frame().set_index("id")
    assert set(counted.index) == set(exact.index)
    for name, row in counted.iterrows():
        assert row["low"] - 0.01 <= exact.loc[name, "share"] <= row["high"] + 0.01
        assert row["low"] <= row["share"] <= row["high"]
        assert row["kind"] == exact.loc[name, "kind"]
    assert counted.loc["go-home", "share"] == 1
    assert counted.loc["go-home", "low"] < 1
    with pytest.raises(ScenarioError, match="'hoem': is no ending"):
        counted_waypoints(histories(crossroads(), 5), "hoem")


def test_few_stays_have_no_percentage_points():
    few, many = (counted_rung_times(histories(crossroads(), n, seed=1)).frame() for n in (9, 400))
    assert few["p50"].isna().all()
    assert (few["count"] > 0).all()
    assert many.loc[many["count"] >= 10, "p90"].notna().all()


def test_a_median_is_told_from_ten_stays_on():
    stays = tuple(Stay("cross", to, count, (1.0,) * 5) for to, count in (("left", 9), ("right", 10)))
    told = dataclasses.replace(counted_rung_times(histories(crossroads(), 9, seed=1)), stays=stays).sentences()
    assert told == ["From “cross” to “right” the median time is 1 day, in 10 stays by 30 April 2031."]


def test_the_sentence_on_what_is_covered_is_about_the_paths_listed():
    every = paths(crossroads())
    lines = every.sentences(2)
    assert len(lines) == 4
    shares = [c.probability for c in every.classes]
    assert lines[2] == (
        f"These 2 paths cover {percent(sum(shares[:2]))} of all histories; the {len(shares)} likeliest cover 100%."
    )
    assert paths(crossroads(), given="home").sentences()[-2] == (
        "These 2 paths cover 100% of the histories that end so."
    )


def test_an_ending_that_cannot_happen_is_refused_in_words():
    kept = crossroads().replace(interventions=(Hold("place", "cross"),))
    for ask in (paths, waypoints):
        with pytest.raises(ScenarioError, match="given: “home” cannot happen by 30 April 2031: no history leads"):
            ask(kept, given="home")
    with pytest.raises(
        ScenarioError, match="'ending:home' has the probability 0 at the horizon, so there is no history"
    ):
        histories_given(kept, "ending:home", 3)
    with pytest.raises(ScenarioError, match="given: none of the 50 histories ends in “home”"):
        counted_paths(histories(kept, 50), given="home")


def test_unknown_names_and_cancel():
    with pytest.raises(ScenarioError, match="'placs' is not known; did you mean 'places'"):
        paths(crossroads(), ladder="placs")
    with pytest.raises(ScenarioError, match="'hoem': is no ending and no question; did you mean 'home'"):
        paths(crossroads(), given="hoem")
    with pytest.raises(ScenarioError, match="'hoem' is not known; did you mean 'home'"):
        counted_paths(histories(crossroads(), 5), given="ending:hoem")
    for name in ("ending:ongoing", "rung:places=left", "moves:go-left"):
        with pytest.raises(Unsupported, match=f"conditional on an ending, such as ending:ID, not on '{name}'"):
            paths(crossroads(), given=name)
    for ask in (paths, waypoints):
        with pytest.raises(Cancelled):
            ask(crossroads(), given="home", control=Control(cancel=lambda: True))


def test_the_sentences_begin_with_the_finding_and_end_with_what_a_path_is_and_how_it_was_computed():
    scenario = crossroads()
    counted = counted_paths(histories(scenario, 400, seed=1))
    for result, how in ((paths(scenario), "at the stated values."), (counted, "at the stated values, counted in 400 ")):
        first, *_, last = result.sentences()
        assert re.match(r"\d+%.* of all histories take the path “.+” by 30 April 2031 and end in “", first)
        assert last.startswith("A path is the order in which rungs are first visited; later returns are left out.")
        assert f"Computed {how}" in last
        assert bool(re.search(r"\d% \(\S+ to \S+\) of all histories take the path “", first)) == (
            result.engine == "montecarlo"
        )
    assert (
        "over the priors (4 draws), counted in 80 histories" in counted_paths(sample(scenario, draws=4, runs=20)).made()
    )


@pytest.mark.slow
def test_the_histories_picked_out_are_of_the_likeliest_paths_and_nearest_to_their_averages():
    scenario = crossroads()
    played, likeliest = histories(scenario, 300, seed=3), paths(scenario)
    found = typical_of(played, likeliest)
    assert [path for path, _ in found.typical] == list(likeliest.classes[:2])  # no history takes the third
    names = [rung.id for rung in scenario.ladders[likeliest.ladder].rungs]
    taken = courses(played, likeliest.ladder)

    def stays(place):
        days, rungs = found.line(place)
        return np.bincount(rungs[:-1], weights=np.diff(days), minlength=len(names))

    for path, place in found.typical:
        own = [p for p in range(len(played)) if taken[p] == (path.rungs, path.ending)]
        apart = {p: np.abs(stays(p) - np.mean([stays(q) for q in own], axis=0)).sum() for p in own}
        assert place in own
        assert apart[place] == pytest.approx(min(apart.values()), abs=1e-9)


def test_a_path_that_no_history_takes_has_none_picked_out():
    assert len(typical_of(histories(crossroads(), 1, seed=3), paths(crossroads())).typical) <= 1


@pytest.mark.slow
def test_a_search_that_is_cut_short_says_what_may_be_missing(monkeypatch):
    """Seven rungs in any order: a hasty search never comes to the likeliest classes, which visit them all."""
    names = [f"l{letter}" for letter in "abcdefg"]
    world = worlds.World("carousel", 30.0).variable("place", *names, start="la")
    world.variable("stopped", "no", "yes", start="no")
    for name in names:
        world.move(f"to-{name}", 1.5, {"place": name})
    world.move("stop", 0.002, {"stopped": "yes"}, when={"stopped": "no"}).ending("over", {"stopped": "yes"})
    scenario = world.ladder("l", **{f"r{n}": {"place": n} if n != "la" else None for n in names}).scenario()
    monkeypatch.setattr(classes, "MOST_PREFIXES", 40)
    hasty = paths(scenario)
    monkeypatch.setattr(classes, "MOST_PREFIXES", 20_000)
    whole = paths(scenario)
    assert hasty.coverage < whole.coverage / 2
    warning = hasty.sentences()[-2]
    assert warning.startswith(
        "The search was cut short: more than 99.9% of the histories were not followed to their end"
    )
    assert re.search(r"paths with up to \S+% each may be missing\.$", warning)
    assert "cut short" not in " ".join(whole.sentences())
    assert hasty.to_dict()["left"] > hasty.classes[-1].probability


def test_rare_endings_keep_their_digits_in_paths():
    """Fifteen Erlang stages in half a mean time: 1.5e-17, which a truncation at 1e-10 would call impossible."""
    levels = [f"stage-{letter}" for letter in "abcdefghijklmno"] + ["door"]
    world = worlds.World("queue", 10.0).variable("place", *levels, start=levels[0])
    world.move("forward", world.uncertain("pace", "rate", 0.05, 0.02, 0.1), {"place": +1}, when={"place": levels[:-1]})
    scenario = world.ending("in", {"place": "door"}).ladder("l", low=None, top={"place": "door"}).scenario()
    chance = gamma.cdf(0.5, 15)
    given = paths(scenario, given="in")
    assert given.given_probability == pytest.approx(chance, rel=1e-3)
    assert given.classes[0].probability == pytest.approx(1.0)
    assert len(histories_given(scenario, "ending:in", 20, seed=0)) == 20
    assert waypoints(scenario, "in").frame().set_index("id").loc["top", "share"] == pytest.approx(1.0)
    slope = elasticities(scenario, "ending:in")
    assert slope.answers["ending:in"] == pytest.approx(chance, rel=1e-3)
    steepness = 0.05 * 10 * gamma.pdf(0.5, 15) / chance  # d ln P / d ln rate
    assert slope.frame()["elasticity"].max() == pytest.approx(steepness, rel=1e-3)


def test_stays_that_an_ending_cuts_off_are_counted_under_it():
    world = worlds.World("b", 30.0).variable("x", "a", "b", start="a").variable("y", "n", "t", start="n")
    world.move("up", 0.1, {"x": "b"}, when={"x": "a"}).move("treaty", 0.2, {"y": "t"}, when={"y": "n"})
    scenario = world.ending("done", {"y": "t"}).ladder("l", low=None, high={"x": "b"}).scenario()
    told = histories(scenario, 1000, seed=1)
    count = counted_rung_times(told).frame().set_index(["rung", "to"])["count"]
    assert count["low"].sum() == 1000  # everybody's stay on the first rung ends in one way or another
    assert count["high"].sum() == count["low", "high"]
    assert count["low", "done"] + count["high", "done"] == (told.ending >= 0).sum()


def test_a_world_without_a_ladder_has_no_paths():
    world = worlds.World("flat", 30.0).variable("x", "a", "b", start="a").move("go", 0.1, {"x": "b"})
    with pytest.raises(ScenarioError, match="'flat' has no ladder; expected a scenario with a ladder"):
        paths(world.scenario())
