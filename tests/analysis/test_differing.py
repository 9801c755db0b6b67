"""Differences between scenarios, in words."""

from __future__ import annotations

import dataclasses

from simlib.analysis.differing import diff
from simlib.scenario.model import Forbid
from tests import worlds


def test_a_changed_assumption_is_told_with_what_it_does():
    before = worlds.two_states(0.05, ends=True)
    told = diff(before, worlds.two_states(0.1, ends=True))
    assert told.sentences()[0] == "assumptions.cross.rate: 1.52 per month → 3.04 per month"
    assert any(line.startswith("across: 78% → 95% (+17 points)") for line in told.sentences())
    assert told.to_dict()["forecast"][0]["before"] < told.to_dict()["forecast"][0]["after"]


def test_nothing_differs():
    told = diff(worlds.erlang(), worlds.erlang(), forecast=False)
    assert told.sentences() == ["Nothing differs."]
    assert told.frame().empty


def test_what_is_added_removed_and_changed():
    before = worlds.competing_exits((0.02, 0.05))
    after = worlds.competing_exits((0.02, 0.05, 0.01)).replace(interventions=(Forbid("take-road-0"),))
    told = {change.where: change for change in diff(before, after, forecast=False).changes}
    assert str(told["moves.take-road-2"]) == "moves.take-road-2: added: take-road-2"
    assert told["interventions"].after == "forbid take-road-0"
    assert told["variables.place.levels"].after.endswith("road-2")
    back = {change.where: change for change in diff(after, before, forecast=False).changes}
    assert str(back["endings.exit-2"]) == "endings.exit-2: removed: exit-2"


def test_the_order_of_endings_matters():
    before = worlds.competing_exits((0.02, 0.05))
    after = before.replace(endings=dict(reversed(before.endings.items())))
    (change,) = diff(before, after, forecast=False).changes
    assert change.where == "endings (order)"


def test_a_reason_alone_is_a_difference():
    before = worlds.erlang()
    rate = dataclasses.replace(before.assumptions["forward.rate"], because="counted twice")
    (change,) = diff(before, before.replace(assumptions={"forward.rate": rate}), forecast=False).changes
    assert (change.where, change.after) == ("assumptions.forward.rate.because", "counted twice")
