"""The state diagram: every way a move can change a level is an arrow, and nothing else is."""

from __future__ import annotations

import pytest

from simlib.plots.boxes_and_arrows import arrows, height, in_words, state_diagram
from simlib.scenario.loader import load, load_text

WORLD = r"""
format: 1
id: strait
title: A strait for $5
as_of: 2031-04-01
horizon: 90 days
actors: {north: North, south: South}
variables:
  standoff: {levels: [calm, patrols, clashes, war], start: patrols}
  mood: {levels: [good, bad], start: {good: 60%, bad: rest}, hidden: true}
moves:
  up: {actor: north, label: Escalate, rate: {value: 1 per week, because: assumed}, then: {standoff: +1}}
  jump:
    actor: south
    label: Strike, when: {standoff: [calm, clashes], mood: bad}
    rate: {value: 1 per month, because: assumed}
    outcomes:
      hit: {chance: {value: 20%, because: assumed}, then: {standoff: war}}
      miss: {then: {mood: good}}
  down:
    {actor: north, label: Calm down, when: {standoff: not war}, rate: {value: 1 per week, because: assumed},
     then: {standoff: -2}}
  wave:
    {actor: south, label: Wave, when: {mood: bad}, rate: {value: 1 per week, because: assumed}, outcomes: {done: {}}}
endings: {war: {when: {standoff: war}, label: Open war}}
"""


@pytest.fixture(scope="module")
def world():
    return load_text(WORLD.replace("label: Strike, when:", "label: Strike\n    when:"))


def test_arrows_are_the_changes_moves_can_make_from_where_the_story_goes_on(world):
    found = {(a.start, a.end): (a.numbers, a.actors) for a in arrows(world, world.variables["standoff"])}
    assert found == {
        (0, 1): ([1], {"north"}),
        (1, 2): ([1], {"north"}),
        (2, 3): ([1, 2], {"north", "south"}),
        (0, 3): ([2], {"south"}),
        (1, 0): ([3], {"north"}),
        (2, 0): ([3], {"north"}),
    }


def test_a_hidden_variable_has_its_arrows_too(world):
    assert [(a.start, a.end, a.numbers) for a in arrows(world, world.variables["mood"])] == [(1, 0, [2])]


@pytest.mark.parametrize("width", [480, 900])
def test_the_diagram_names_every_level_move_and_ending(world, width):
    figure = state_diagram(world, width=width)
    said = " ".join(" ".join(text.get_text() for text in figure.axes[0].texts).split())
    for words in (
        "calm",
        "patrols",
        "clashes",
        "war",
        "at the start: 60%",
        "(hidden)",
        "Escalate",
        "Strike",
        "if mood is bad",
        "20%: hit; otherwise: miss",
        "ends: Open war, once standoff is war",
        "grey arrow: moves of several actors",
    ):
        assert words in said
    assert figure.get_size_inches() * 100 == pytest.approx([width, height(world, width)])
    figure.canvas.draw()


def test_the_list_names_everything_that_multiplies_a_rate():
    said = " ".join(" ".join(t.get_text() for t in state_diagram(load("two-islands")).axes[0].texts).split())
    assert (
        "Fire on a patrol · 0.002 per day · ×17 while tempo is hot · ×2 while resolve is firm · 40%: ship hit" in said
    )
    assert "×3 from 12 May 2031 to 18 May 2031" in said
    assert "How far South Island is ready to go (resolve, hidden)" in said


def test_nothing_of_it_lies_outside(world):
    for width in (480, 760, 1200):
        figure = state_diagram(world, width=width)
        figure.canvas.draw()
        for text in figure.axes[0].texts:
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.y1 <= height(world, width)


def test_the_diagram_is_told_in_words(world):
    assert (
        in_words(world) == "State diagram of A strait for $5. standoff: calm, patrols, clashes, war; mood: good, bad."
    )
