"""Vectors that go through the states side by side: the same answers as each of them alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simlib.engines.exact.forecast import solve
from simlib.engines.exact.quests import Quest, seated
from simlib.engines.exact.states import EMPTY_TABOO
from simlib.scenario.model import Question
from tests.strategies import seeded_world


def crowded(seed: int):
    """A world with a question about every move and its first outcome, and five times the impacts of a seeded world."""
    world = seeded_world(seed)
    asked = {f"fires {move.id}": Question(f"fires {move.id}", move.id, None, move=move.id) for move in world}
    for move in world:
        name = f"first of {move.id}"
        asked[name] = Question(name, name, None, move=move.id, outcome=move.outcomes[0].id)
    impacts = {
        f"{name} {number}": replace(impact, id=f"{name} {number}")
        for number in range(5)
        for name, impact in world.impacts.items()
    }
    return world.replace(questions=world.questions | asked, impacts=impacts)


def test_nobody_is_left_without_a_seat_and_every_impact_sits_beside_a_distribution():
    quests = [Quest(f"q{n}", EMPTY_TABOO) for n in range(7)]
    blocks = seated(5, quests)
    assert [impact for block in blocks for impact in block.impacts] == list(range(5))
    assert [quest for block in blocks for quest in block.quests] == quests
    assert all(block.main for block in blocks if block.impacts)
    assert all(block.main + len(block.impacts) + len(block.quests) <= 4 for block in blocks)
    assert blocks[0].main


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 5, 11])
def test_side_by_side_is_as_alone(seed):
    world = crowded(seed)
    assert world.impacts, "a seed without impacts shows nothing"
    assert len(seated(len(world.impacts), world.questions)) > 3
    together = solve(world, times=6, tolerance=1e-12)
    for name, band in list(together.questions.items())[::3]:
        alone = solve(world.replace(questions={name: world.questions[name]}, impacts={}), times=6, tolerance=1e-12)
        np.testing.assert_allclose(band.probability, alone.questions[name].probability, atol=3e-12, err_msg=name)
    for name, impact in list(together.impacts.items())[::2]:
        alone = solve(world.replace(questions={}, impacts={name: world.impacts[name]}), times=6, tolerance=1e-12)
        np.testing.assert_allclose(impact.mean, alone.impacts[name].mean, rtol=1e-9, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(impact.chance, alone.impacts[name].chance, rtol=1e-7, atol=1e-7, err_msg=name)
