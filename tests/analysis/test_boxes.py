"""Boxes as regions: their middle by integration, what lies outside, and a discovery kept as data and made again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simlib.analysis.discovery.boxes import compact_data, from_compact_data, middle, outside, side
from simlib.analysis.discovery.result import Bound, Box
from simlib.analysis.discovery.scenario_discovery import discover
from simlib.errors import SimlibError
from simlib.machine import priors
from tests import worlds


@pytest.fixture(scope="module")
def scenario():
    world = worlds.World("two-doors").variable("door", "shut", "ajar", "open", start="shut")
    world.move("push", world.uncertain("push", "rate", 0.05, 0.01, 0.4), {"door": "ajar"}, when={"door": "shut"})
    world.move("pull", world.uncertain("pull", "rate", 0.05, 0.01, 0.25), {"door": "open"}, when={"door": "ajar"})
    return world.ending("out", {"door": "open"}).scenario()


def box(*bounds):
    return Box(tuple(Bound(*bound, 0.0) for bound in bounds), 1.0, 1.0, 1.0)


def test_the_middle_of_a_box_is_the_median_of_the_draws_in_it(scenario):
    found = box(("push", 0.03, None), ("pull", 0.02, 0.2))
    draws = dict(zip(scenario.assumptions, priors.draws(scenario, 2**15).T, strict=True))
    expected = {
        "push": np.median(draws["push"][draws["push"] >= 0.03]),
        "pull": np.median(draws["pull"][(draws["pull"] >= 0.02) & (draws["pull"] <= 0.2)]),
    }
    assert middle(scenario, found) == pytest.approx(expected, rel=2e-3)
    assert not outside(found, middle(scenario, found))


def test_a_value_below_or_above_a_bound_is_outside():
    found = box(("push", 0.03, None), ("pull", 0.02, 0.2))
    assert not outside(found, {"push": 0.03, "pull": 0.2})
    assert [bound.assumption for bound in outside(found, {"push": 0.029, "pull": 0.1})] == ["push"]
    assert [side(found.bounds[1], value) for value in (0.01, 0.1, 0.21)] == [-1, 0, 1]


def test_a_discovery_is_kept_as_data_and_made_again(scenario):
    found = discover(scenario, "ending:out", engine="exact", draws=128)
    again = from_compact_data(scenario, json.loads(json.dumps(compact_data(found, bounds=99))))
    assert (again.boxes, again.leaves, again.trajectory) == (found.boxes, found.leaves, found.trajectory)
    assert again.sentences() == found.sentences()
    np.testing.assert_array_equal(again.theta, found.theta)
    np.testing.assert_array_equal(again.answers, found.answers)
    few = from_compact_data(scenario, compact_data(found, bounds=1))
    assert 0 < len(few.trajectory) < len(found.trajectory)


def test_data_of_another_world_or_of_other_draws_are_refused(scenario):
    data = compact_data(discover(scenario, "ending:out", engine="exact", draws=64), bounds=1)
    with pytest.raises(SimlibError, match="these boxes belong to another version of "):
        from_compact_data(scenario.replace(horizon_days=7.0), data)
    with pytest.raises(SimlibError, match="another version of SciPy"):
        from_compact_data(scenario, data | {"seed": 1})
