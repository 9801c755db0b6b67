"""Waiting times in files: read, explained, changed by views and values, saved, and compared."""

import pytest

import simlib
from simlib.scenario.explanation import explain
from simlib.scenario.loader import load, load_text
from simlib.scenario.model import Wait
from simlib.scenario.views.variation import apply_view, with_values
from simlib.scenario.views.view_reader import read_view

TEXT = """\
format: 1
id: passage
title: A passage
as_of: 2031-04-01
horizon: 60 days
sources: {log: {title: The log of the port}}
variables:
  ship: {levels: [at-sea, in-port], start: at-sea}
assumptions:
  unloading: {label: How long the crane needs, value: 48 hours, low: 24 hours, high: 96 hours, because: assumed}
moves:
  arrive:
    actor: nature
    label: The ship arrives
    when: {ship: at-sea}
    takes: {value: 12 days, low: 5 days, high: 21 days, because: six passages, sources: [log]}  # of the last year
    then: {ship: in-port}
  unload:
    actor: nature
    label: The cargo is unloaded
    when: {ship: in-port}
    takes:
      value: unloading
      low: 24 hours
      high: 84 hours
      because: cranes break down
    then: {ship: at-sea}
endings: {}
"""


@pytest.fixture(scope="module")
def world():
    return load_text(TEXT)


def test_a_wait_is_an_assumption_and_a_number_of_stages(world):
    arrive, unload = world.moves.values()
    assert arrive.takes == Wait(6, 5.0, 21.0)
    assert unload.takes == Wait(7, 1.0, 3.5, "cranes break down")
    passage, unloading = world.assumptions["arrive.takes"], world.assumptions["unloading"]
    assert (passage.kind, passage.value, passage.unit, passage.because) == ("duration", 12.0, "days", "six passages")
    assert (unloading.value, unloading.low, unloading.high) == (2.0, 1.0, 4.0)
    assert (passage.fixed, passage.sources, passage.inline) == (True, ("log",), True)


def test_a_wait_is_said(world):
    said = {line.id: line.sentence for line in explain(world)}
    assert said["arrive"].startswith(
        "The ship arrives - takes 12 days in the median, 5.53 days to 22.2 days in 90% of waits, simulated as a hidden "
        "clock of 6 stages; the wait starts anew whenever the move becomes possible; possible while ship is at-sea"
    )
    assert "takes 48 hours (90% range 24 to 96 hours) in the median" in said["unload"]
    assert said["arrive.takes"] == (
        "Median time of 'The ship arrives': 12 days, fixed; because: six passages (source: The log of the port)"
    )


@pytest.mark.parametrize("value", ["24 days", "576 hours"])
def test_another_median_stretches_the_wait_and_keeps_its_stages(world, value):
    changed = with_values(world, {"arrive.takes": value})
    assert changed.moves["arrive"].takes == world.moves["arrive"].takes
    twice = simlib.solve(changed, times=[10.0, 40.0]).variables["ship"]["in-port"]
    assert twice[0] < simlib.solve(world, times=[10.0]).variables["ship"]["in-port"][0]
    assert changed.assumptions["arrive.takes"].value == 24.0


def test_a_view_changes_a_median_and_its_doubt(world):
    view = read_view(
        "format: 1\nid: slow\ntitle: Slow\nassumptions:\n"
        "  unloading: {value: 4 days, low: 2 days, high: 8 days, because: one crane}\n",
        world,
    )
    slow = apply_view(world, view)
    assert (slow.assumptions["unloading"].low, slow.assumptions["unloading"].high) == (2.0, 8.0)
    assert slow.moves == world.moves


def test_a_difference_says_that_a_wait_has_changed(world):
    other = load_text(TEXT.replace("low: 5 days, high: 21 days", "low: 3 days, high: 30 days"))
    changes = [str(change) for change in simlib.diff(world, other, forecast=False).changes]
    assert changes == [
        (
            "The waiting time of the move “The ship arrives” changes. Before: 90% of waits 5 days to 21 days; "
            "6 stages. Now: 90% of waits 3 days to 30 days; 2 stages."
        )
    ]


def test_a_world_without_waits_has_the_hash_it_had():
    from simlib.scenario.library import scenarios_folder

    data = load(scenarios_folder() / "two-islands").resolved()
    assert all("takes" not in move for move in data["moves"].values())


def test_the_answers_about_assumptions_take_a_median(world):
    asked = world.replace(endings={}, questions={})
    frame = simlib.elasticities(asked, "level:ship=in-port", by=20.0)
    assert frame.frame().set_index("assumption").loc["arrive.takes", "elasticity"] < 0
    draws = simlib.forecast(asked, draws=16, by=20.0)
    assert 0 < draws.variables["ship"]["in-port"][-1] < 1


# ---------------------------------------------------------------- dates


def test_a_move_on_a_date_is_read_and_said():
    text = TEXT.replace(
        "endings: {}",
        "  inspect:\n    actor: nature\n    label: The port is inspected\n    at: 2031-05-05\n"
        "    when: {ship: in-port}\n    then: {ship: at-sea}\nendings: {}",
    )
    world = load_text(text)
    move = world.moves["inspect"]
    assert (str(move.at), move.rate, move.assumptions) == ("2031-05-05", "", ())
    said = {line.id: line.sentence for line in explain(world)}
    assert said["inspect"] == (
        "The port is inspected - happens on 5 May 2031, if on that day ship is in-port; then ship to at-sea"
    )
    later = load_text(text.replace("at: 2031-05-05", "at: 2031-05-12"))
    (change,) = simlib.diff(world, later, forecast=False).changes
    assert str(change) == "The date of the move “The port is inspected” changes from 5 May 2031 to 12 May 2031."
