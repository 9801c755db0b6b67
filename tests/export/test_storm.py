"""The exact engine and Storm, through the exported file, say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simlib.engines.exact.forecast import solve
from simlib.export.names import Names
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from tests import worlds
from tests.engines.test_waits import stormy
from tests.export.storm import COUNT, PROBABILITY, Checked
from tests.strategies import seeded_world

pytestmark = pytest.mark.storm

CLOSED = (
    worlds.two_states(0.1, 0.05),
    worlds.birth_death(),
    worlds.competing_exits(),
    worlds.erlang(),
    worlds.absorbing_start(),
    worlds.hidden_spread(),
    worlds.branches(chances=(0.3, 0.7)),
    worlds.unreachable_rung(),
    worlds.windows(),
    worlds.tempo_world(),
    worlds.branching_world().replace(interventions=()),
    worlds.linear_growth(start=4, top=30),
    worlds.square_law(5, 4),
)


def agree(scenario: Scenario, folder: Path) -> None:
    """Compare every ending, question and expected move at three times, and the number of states."""
    times = [scenario.horizon_days * part for part in (0.1, 0.5, 1.0)]
    ours = solve(scenario, times=times, ignore_windows=True, tolerance=1e-12)
    storm, names = Checked(scenario, folder), Names(scenario)
    assert storm.states() == ours.states
    for name, label in names.ending.items():
        compare(f"ending {name}", ours.endings[name].probability, storm.probability(label, times))
    for question in scenario.questions.values():
        if question.when:
            label = names.question[question.id]
            compare(f"question {question.id}", ours.questions[question.id].probability, storm.probability(label, times))
    for name, reward in names.move.items():
        compare(f"count of {name}", ours.moves[name], storm.count(reward, times), relative=COUNT)
    for impact in scenario.impacts.values():
        mean = ours.impacts[impact.id].mean
        compare(f"impact {impact.id}", mean, storm.count(names.impact[impact.id], times), relative=COUNT)


def compare(what: str, ours: np.ndarray, theirs: np.ndarray, relative: float = 0.0) -> None:
    np.testing.assert_allclose(theirs, ours, rtol=relative, atol=PROBABILITY, err_msg=what)


@pytest.mark.parametrize("seed", range(16))
def test_random_worlds_agree(seed: int, tmp_path: Path) -> None:
    agree(seeded_world(seed, interventions=False, dates=False), tmp_path)


def test_waits_agree(tmp_path: Path) -> None:
    agree(stormy(4), tmp_path)


def test_what_reaching_an_ending_gains_agrees(tmp_path: Path) -> None:
    """By a set level, by a shift that saturates, with factors on the odds, and only for the ending that comes first."""
    world = worlds.World("paid").variable("fever", "none", "mild", "high", start="mild")
    world.variable("ship", "port", "sea", start="port")
    world.move(
        "rise", 0.1, outcomes={"one": (0.4, {"fever": +1}, [(3.0, {"ship": "sea"})]), "two": (None, {"fever": +2})}
    )
    world.move("fall", 0.15, {"fever": -1}).move("sail", 0.05, {"ship": "sea", "fever": "high"})
    world.ending("lost", {"ship": "sea", "fever": "high"}).ending("ill", {"fever": "high"})
    world.impact("toll", on=[("rise", "two", 1.5, 0.0)], at=[("ill", 7.0, 0.0), ("lost", 11.0, 2.0), ("ill", 0.5, 0.0)])
    agree(world.scenario(), tmp_path)


@pytest.mark.parametrize("scenario", CLOSED, ids=lambda scenario: scenario.id)
def test_tiny_worlds_agree(scenario: Scenario, tmp_path: Path) -> None:
    agree(scenario, tmp_path)


def test_the_two_islands_agree(tmp_path: Path) -> None:
    agree(load("two-islands"), tmp_path)


@pytest.mark.slow
def test_the_caribbean_world_agrees(tmp_path: Path) -> None:
    """Tens of thousands of states: all of them, one ending at the horizon, over all starts."""
    scenario = load("caribbean-2025")
    ours = solve(scenario, times=[scenario.horizon_days], ignore_windows=True, tolerance=1e-12)
    storm, names = Checked(scenario, tmp_path, rewards=False), Names(scenario)
    assert storm.labels() == set(names.ending.values()) | {
        names.question[question.id] for question in scenario.questions.values() if question.when
    }
    assert storm.states() == ours.states
    ending = max(scenario.endings, key=lambda name: ours.endings[name].probability[-1])
    compare(ending, ours.endings[ending].probability, storm.probability(names.ending[ending], [scenario.horizon_days]))


def test_words_of_the_language_and_names_that_meet_are_read(tmp_path: Path) -> None:
    world = worlds.World("ctmc").variable("max", "low", "more", "high", start={"low": 0.5, "high": None})
    world.variable("a-b", "no-one", "all", start="no-one").variable("a_b", "no-one", "all", start="no-one")
    world.move("rate", 0.3, {"max": +2, "a-b": "all"}, when=[{"max": ["low", "high"]}, {"a_b": "all"}])
    world.move("min", 0.2, {"max": -1, "a_b": "all"}, times=[(2.5, [{"a-b": "all", "max": "high"}, {"a_b": "all"}])])
    world.ending("init", {"max": "low", "a-b": "all"}).ending("deadlock", {"max": "low", "a_b": "all"})
    agree(world.question("init", {"a-b": "all"}).scenario(), tmp_path)


def test_a_changed_rate_is_noticed(tmp_path: Path) -> None:
    """Null control: the comparison fails when one number differs by one part in a million."""
    scenario = worlds.tempo_world()
    ours = solve(scenario, values={"clash.rate": 0.05 * (1 + 1e-6)}, times=[30.0], ignore_windows=True, tolerance=1e-12)
    storm = Checked(scenario, tmp_path).probability("war", [30.0])
    with pytest.raises(AssertionError, match="ending war"):
        compare("ending war", ours.endings["war"].probability, storm)
