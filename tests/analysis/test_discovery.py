"""Scenario discovery: boxes that are known beforehand, chance that must not look like one, and a world end to end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simlib.analysis.discovery.boxes import compact_data, from_compact_data
from simlib.analysis.discovery.prim import find_boxes, grow
from simlib.analysis.discovery.result import Bound, Leaf, tightest
from simlib.analysis.discovery.scenario_discovery import discover
from simlib.control import Control
from simlib.errors import Cancelled, ScenarioError, SimlibError
from simlib.formatting import long_date
from simlib.quantities import show
from simlib.scenario.model import Forbid
from tests import worlds

DICE = np.random.default_rng(3)
POINTS = DICE.random((1500, 6))


def test_a_known_box_is_found():
    interesting = (POINTS[:, 1] > 0.6) & (POINTS[:, 4] < 0.5)
    (box,), trajectory = find_boxes(POINTS, interesting)
    assert box.low[1] == pytest.approx(0.6, abs=0.04)
    assert box.high[4] == pytest.approx(0.5, abs=0.04)
    assert np.all(np.isinf(np.delete(box.low, 1)))
    assert np.all(np.isinf(np.delete(box.high, 4)))
    assert interesting[box.members].mean() > 0.95
    assert trajectory[0].members.all()
    sizes = [step.members.sum() for step in trajectory]
    assert sizes == sorted(sizes, reverse=True)
    assert interesting[trajectory[-1].members].all()


def test_a_box_has_the_best_harmonic_mean_of_coverage_and_density():
    """All points above 0.8 and half of those above 0.4 are cases.

    The box above t has the harmonic mean (1.2 - t) / (1.4 - t) for t in 0.4 to 0.8, which falls, and less outside. Its
    coverage and density are equal at t = 0.6.
    """
    points = (np.arange(2000) + 0.5)[:, None] / 2000
    interesting = (points[:, 0] > 0.8) | ((points[:, 0] > 0.4) & (np.arange(2000) % 2 == 0))
    (box,), _ = find_boxes(points, interesting)
    assert box.low[0] == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize(("count", "found"), [(19, 0), (20, 1)])
def test_no_box_is_sought_among_fewer_than_twenty_points(count, found):
    points = (np.arange(count) + 0.5)[:, None] / count
    assert len(find_boxes(points, points[:, 0] > 0.5)[0]) == found


def test_two_boxes_are_told_apart():
    interesting = (POINTS[:, 0] > 0.8) | (POINTS[:, 2] < 0.15)
    boxes, _ = find_boxes(POINTS, interesting, count=2)
    covered = np.any([box.members for box in boxes], axis=0)
    assert len(boxes) == 2
    assert interesting[covered].mean() > 0.9
    assert covered[interesting].mean() > 0.9


def test_a_second_box_in_which_it_is_rarer_than_overall_is_left_out():
    chance = np.where(POINTS[:, 0] > 0.4, 0.95, np.where(POINTS[:, 2] > 0.6, 0.4, 0.01))
    interesting = DICE.random(1500) < chance
    boxes, _ = find_boxes(POINTS, interesting, count=2)
    assert [bool(np.isfinite(box.low[0])) for box in boxes] == [True]
    assert interesting[boxes[0].members].mean() > interesting.mean()


def test_a_blurred_box_keeps_only_the_bounds_that_matter():
    chance = np.where(POINTS[:, 3] > 0.7, 0.8, 0.1)
    (box, *_), _ = find_boxes(POINTS, DICE.random(1500) < chance)
    bounded = np.isfinite(box.low) | np.isfinite(box.high)
    assert bounded[3]
    assert box.low[3] == pytest.approx(0.7, abs=0.06)
    assert bounded.sum() <= 3


def test_the_tree_finds_the_split():
    answers = np.where(POINTS[:, 2] > 0.4, 1.0, 0.0) + 0.1 * POINTS[:, 5]
    first = grow(POINTS, answers, 1)
    assert [leaf.conditions[0][0] for leaf in first] == [2, 2]
    assert first[0].conditions[0][2] == pytest.approx(0.4, abs=0.01)
    assert sum(leaf.members.sum() for leaf in grow(POINTS, answers, 3)) == 1500


def test_a_leaf_has_a_twentieth_of_the_points_rounded_down():
    points = np.arange(59)[:, None] / 59
    first, _ = grow(points, np.array([0.0] * 57 + [1.0] * 2), 1)
    assert first.members.sum() == 2


def test_a_constant_answer_is_not_split():
    assert len(grow(POINTS, np.ones(1500), 2)) == 1


@pytest.fixture(scope="module")
def scenario():
    world = worlds.World("two-doors").variable("door", "shut", "ajar", "open", start="shut")
    world.move("push", world.uncertain("push", "rate", 0.05, 0.01, 0.25), {"door": "ajar"}, when={"door": "shut"})
    world.move("pull", world.uncertain("pull", "rate", 0.05, 0.01, 0.25), {"door": "open"}, when={"door": "ajar"})
    world.move("hum", world.uncertain("hum", "rate", 0.05, 0.01, 0.25))
    return world.ending("out", {"door": "open"}).scenario()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_world_end_to_end(scenario, engine):
    found = discover(scenario, "ending:out", threshold=0.7, engine=engine, draws=300, runs=400)
    assert {bound.assumption for bound in found.boxes[0].bounds} == {"push", "pull"}
    assert all(bound.low is not None and bound.high is None for bound in found.boxes[0].bounds)
    assert found.boxes[0].density > 2 * found.base_rate
    assert "“push” is at least" in " ".join(found.sentences())
    assert f"by {long_date(found.by)} in" in found.sentences()[0]
    assert found.to_dict()["boxes"][0]["density"] == found.boxes[0].density
    assert set(found.frame()["assumption"]) == {"push", "pull"}
    shares = "The first two shares of a region are counted in the draws in which it was found. New draws usually"
    assert shares in " ".join(found.sentences())


def test_a_threshold_nobody_reaches_is_refused(scenario):
    with pytest.raises(SimlibError, match=r"“out” is never at least 150% in 50 draws"):
        discover(scenario, "ending:out", threshold=1.5, draws=50, runs=50)
    with pytest.raises(ScenarioError, match="'otu' is not known; did you mean 'out'"):
        discover(scenario, "ending:otu")
    with pytest.raises(Cancelled, match="cancelled"):
        discover(scenario, "ending:out", control=Control(cancel=lambda: True))


def test_a_leaf_is_told_with_its_tightest_bounds():
    path = [("push", True, 0.1), ("pull", False, 3.0), ("push", True, 0.2), ("push", False, 0.9), ("pull", False, 2.0)]
    assert tightest(path) == [("push", True, 0.2), ("pull", False, 2.0), ("push", False, 0.9)]


def test_two_sides_of_one_assumption_are_told_as_between(scenario):
    found = discover(scenario, "ending:out", threshold=0.7, engine="exact", draws=200)
    box = dataclasses.replace(found.boxes[0], bounds=(Bound("push", 0.02, 0.1, 0.0), Bound("pull", None, 0.1, 0.0)))
    leaf = Leaf((("pull", True, 0.02), ("push", False, 0.1), ("pull", False, 0.1)), 0.4, 0.5, 0.1)
    told = dataclasses.replace(found, boxes=(box,), leaves=(leaf,)).sentences()
    low, high = (show(value, "rate", scenario.assumptions["push"].unit) for value in (0.02, 0.1))
    between = f"is between {low} and {high}"
    assert f"of the draws where “push” {between} and “pull” is at most {high}: this region holds" in told[0]
    assert told[-1].startswith(f"Where “pull” {between} and “push” is at most {high}, the answer is 50% on average")
    assert told[0].endswith("of all draws.")


@pytest.mark.slow
def test_the_upper_quarter_is_said_to_be_the_threshold_with_its_ties(scenario):
    found = discover(scenario, "ending:out", engine="exact", draws=200)
    begins = "(the threshold is where the upper quarter of the draws begins"
    assert f"in 25% of all draws {begins})." in " ".join(found.sentences())
    tied = dataclasses.replace(found, answers=np.where(found.answers > found.threshold / 2, found.threshold, 0.0))
    ties = int(np.sum(tied.answers == tied.threshold))
    assert f"{begins}; {ties} draws have exactly this answer)." in " ".join(tied.sentences())
    high = discover(scenario, "ending:out", threshold=0.7, engine="exact", draws=200)
    assert "quarter" not in " ".join(high.sentences())


def test_the_noise_of_few_replicates_is_told_and_warned_of(scenario):
    exact = discover(scenario, "ending:out", engine="exact", draws=100)
    assert exact.noise == 0.0
    assert not any("may be off" in line for line in exact.sentences())
    many, few = (discover(scenario, "ending:out", engine="montecarlo", draws=100, runs=n) for n in (1600, 16))
    p = exact.answers
    for found in (many, few):
        assert found.noise == pytest.approx(np.sqrt(np.mean(p * (1 - p)) / found.provenance["runs"]), rel=0.25)
    assert many.sentences()[-1].startswith(
        "Each draw is answered by 1,600 simulated histories, so an answer may be off by "
    )
    assert "take more runs" not in " ".join(many.sentences())
    assert few.sentences()[-1] == "Much of the difference between draws is Monte Carlo noise, so take more runs."


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_an_answer_that_is_the_same_everywhere_is_told_in_words(scenario, engine, threshold):
    shut = scenario.replace(interventions=(Forbid("push"),))
    found = discover(shut, "ending:out", engine=engine, draws=30, runs=16, threshold=threshold)
    (told,) = found.sentences()
    assert told.startswith(f"“out” is at 0% by {long_date(found.by)} in every one of 30 draws of")
    assert told.endswith("the answer is the same everywhere, so there is nothing to discover.")
    assert (found.boxes, found.leaves, found.trajectory) == ((), (), ())
    assert found.frame().empty
    assert from_compact_data(shut, compact_data(found, bounds=3)).sentences() == found.sentences()


@pytest.mark.slow
def test_what_is_told_of_every_box_is_true_of_all_draws_within_its_bounds():
    """Either of two rates will do: the second box lies across the first, and is told as a whole."""
    world = worlds.World("either", 30.0).variable("x", "a", "b", start="a")
    for name in ("one", "two"):
        world.move(f"go-{name}", world.uncertain(name, "rate", 0.002, 0.00005, 0.08), {"x": "b"}, when={"x": "a"})
    scenario = world.ending("done", {"x": "b"}).scenario()
    found = discover(scenario, "ending:done", engine="exact", draws=1000)
    hit = found.answers >= found.threshold
    columns = list(scenario.assumptions)
    assert len(found.boxes) >= 2
    for box in found.boxes:
        inside = np.ones(1000, dtype=bool)
        for bound in box.bounds:
            values = found.theta[:, columns.index(bound.assumption)]
            inside &= (values >= (bound.low or 0)) & (values <= (bound.high or np.inf))
        told = (box.coverage, box.density, box.mass)
        assert told == pytest.approx((hit[inside].sum() / hit.sum(), hit[inside].mean(), inside.mean()))


def test_small_answers_that_differ_are_not_the_same():
    world = worlds.World("rare", 30.0).variable("x", "a", "b", start="a")
    world.move("go", world.uncertain("go", "rate", 1e-12, 1e-13, 1e-11), {"x": "b"}, when={"x": "a"})
    found = discover(world.ending("done", {"x": "b"}).scenario(), "ending:done", engine="exact", draws=100)
    assert not found.constant
    assert found.boxes


def test_bounds_that_chance_alone_would_give_are_dropped():
    """One of eight dimensions matters. Peeling bounds others too, by luck, and these bounds must go."""
    dropped = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        points = rng.random((300, 8))
        interesting = rng.random(300) < np.where(points[:, 0] > 0.6, 0.8, 0.2)
        (box, *_), trajectory = find_boxes(points, interesting)
        assert np.isfinite(box.low[0])
        assert box.p_values.max() <= 0.05
        dropped += max(step.p_values.max() for step in trajectory) > 0.05
    assert dropped > 0
