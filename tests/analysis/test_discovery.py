"""Scenario discovery: boxes that are known beforehand, chance that must not look like one, and a world end to end."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.analysis.discovery import discover, tightest
from simlib.analysis.prim import find_boxes, grow
from simlib.errors import Cancelled, ScenarioError, SimlibError
from simlib.results import long_date
from tests import worlds

DICE = np.random.default_rng(3)
POINTS = DICE.random((1500, 6))


def test_a_known_box_is_found():
    interesting = (POINTS[:, 1] > 0.6) & (POINTS[:, 4] < 0.5)
    (box,), trajectory = find_boxes(POINTS, interesting, 1)
    assert box.low[1] == pytest.approx(0.6, abs=0.04)
    assert box.high[4] == pytest.approx(0.5, abs=0.04)
    assert np.all(np.isinf(np.delete(box.low, 1)))
    assert np.all(np.isinf(np.delete(box.high, 4)))
    assert interesting[box.members].mean() > 0.95
    assert trajectory[0].members.all()
    sizes = [step.members.sum() for step in trajectory]
    assert sizes == sorted(sizes, reverse=True)
    assert interesting[trajectory[-1].members].all()


def test_two_boxes_are_told_apart():
    interesting = (POINTS[:, 0] > 0.8) | (POINTS[:, 2] < 0.15)
    boxes, _ = find_boxes(POINTS, interesting, 2)
    covered = np.any([box.members for box in boxes], axis=0)
    assert len(boxes) == 2
    assert interesting[covered].mean() > 0.9
    assert covered[interesting].mean() > 0.9


def test_a_second_box_in_which_it_is_rarer_than_overall_is_left_out():
    chance = np.where(POINTS[:, 0] > 0.4, 0.95, np.where(POINTS[:, 2] > 0.6, 0.4, 0.01))
    interesting = DICE.random(1500) < chance
    boxes, _ = find_boxes(POINTS, interesting, 2)
    assert [bool(np.isfinite(box.low[0])) for box in boxes] == [True]
    assert interesting[boxes[0].members].mean() > interesting.mean()


def test_a_blurred_box_keeps_only_the_bounds_that_matter():
    chance = np.where(POINTS[:, 3] > 0.7, 0.8, 0.1)
    (box, *_), _ = find_boxes(POINTS, DICE.random(1500) < chance, 1)
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


def test_a_constant_answer_is_not_split():
    assert len(grow(POINTS, np.ones(1500), 2)) == 1


@pytest.fixture(scope="module")
def scenario():
    world = worlds.World("two-doors").variable("door", "shut", "ajar", "open", start="shut")
    world.move("push", world.uncertain("push", "rate", 0.05, 0.01, 0.25), {"door": "ajar"}, when={"door": "shut"})
    world.move("pull", world.uncertain("pull", "rate", 0.05, 0.01, 0.25), {"door": "open"}, when={"door": "ajar"})
    world.move("hum", world.uncertain("hum", "rate", 0.05, 0.01, 0.25))
    return world.ending("out", {"door": "open"}).scenario()


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_world_end_to_end(scenario, engine):
    found = discover(scenario, "ending:out", threshold=0.7, engine=engine, draws=300, runs=400, boxes=1)
    assert {bound.assumption for bound in found.boxes[0].bounds} == {"push", "pull"}
    assert all(bound.low is not None and bound.high is None for bound in found.boxes[0].bounds)
    assert found.boxes[0].density > 2 * found.base_rate
    assert "“push” is at least" in " ".join(found.sentences())
    assert f"by {long_date(scenario.by_date(found.day))} in" in found.sentences()[0]
    assert found.to_dict()["boxes"][0]["density"] == found.boxes[0].density
    assert set(found.frame()["assumption"]) == {"push", "pull"}


def test_a_threshold_nobody_reaches_is_refused(scenario):
    with pytest.raises(SimlibError, match=r"ending:out is never at least 1.5 over 50 draws"):
        discover(scenario, "ending:out", threshold=1.5, draws=50, runs=50)
    with pytest.raises(ScenarioError, match="'otu' is not known; did you mean 'out'"):
        discover(scenario, "ending:otu")
    with pytest.raises(Cancelled, match="cancelled"):
        discover(scenario, "ending:out", cancel=lambda: True)


def test_a_leaf_is_told_with_its_tightest_bounds():
    path = [("push", True, 0.1), ("pull", False, 3.0), ("push", True, 0.2), ("push", False, 0.9), ("pull", False, 2.0)]
    assert tightest(path) == [("push", True, 0.2), ("pull", False, 2.0), ("push", False, 0.9)]
