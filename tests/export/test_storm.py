"""The exact engine and Storm, through the exported file, say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.engines.exact import solve
from simlib.export.names import Names
from simlib.scenario.model import Scenario
from tests import worlds
from tests.export.randomly import random_world
from tests.export.storm import Checked

pytestmark = pytest.mark.storm

TOLERANCE = 1e-10
"""Both truncate at 1e-12; the rest is rounding. Ten times as much for counts, which are above one."""

CLOSED = (
    worlds.two_states(0.1, 0.05), worlds.birth_death(), worlds.competing_exits(), worlds.erlang(),
    worlds.absorbing_start(), worlds.hidden_spread(), worlds.branches(chances=(0.3, 0.7)), worlds.unreachable_rung(),
    worlds.windows(), worlds.tempo_world(),
)  # fmt: skip


def agree(scenario: Scenario, folder: Path) -> None:
    """Compare every ending, question and expected move at three times, and the number of states."""
    times = [scenario.horizon_days * part for part in (0.1, 0.5, 1.0)]
    ours = solve(scenario, times=times, ignore_windows=True, tolerance=1e-12)
    storm, names = Checked(scenario, folder, ignore_windows=True), Names(scenario)
    assert storm.states() == ours.states
    for name, label in names.ending.items():
        compare(f"ending {name}", ours.endings[name].probability, storm.probability(label, times))
    for question in scenario.questions.values():
        if question.when:
            label = names.question[question.id]
            compare(f"question {question.id}", ours.questions[question.id].probability, storm.probability(label, times))
    for name, reward in names.move.items():
        compare(f"count of {name}", ours.moves[name], storm.count(reward, times), 10 * TOLERANCE)


def compare(what: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=what)


@pytest.mark.parametrize("seed", range(12))
def test_random_worlds_agree(seed: int, tmp_path: Path) -> None:
    agree(random_world(seed), tmp_path)


@pytest.mark.parametrize("scenario", CLOSED, ids=lambda scenario: scenario.id)
def test_tiny_worlds_agree(scenario: Scenario, tmp_path: Path) -> None:
    agree(scenario, tmp_path)


def test_a_changed_rate_is_noticed(tmp_path: Path) -> None:
    """Null control: the comparison fails when one number differs by one part in a million."""
    scenario = worlds.tempo_world()
    ours = solve(scenario, values={"clash.rate": 0.05 * (1 + 1e-6)}, times=[30.0], ignore_windows=True, tolerance=1e-12)
    storm = Checked(scenario, tmp_path, ignore_windows=True).probability("war", [30.0])
    with pytest.raises(AssertionError, match="ending war"):
        compare("ending war", ours.endings["war"].probability, storm)
