"""What the engines are asked: exact at rest, the same dice under the hand."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

import simlib
from simlib.control import Control
from simlib.errors import Cancelled, MissingDependency, ScenarioError, TooManyStates
from simlib.scenario.model import Force
from simlib.widgets.explorer import answer_cache as module
from simlib.widgets.explorer import glances as glancing
from simlib.widgets.explorer import previews as previewing
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.forecast_shift import same_answer, shift
from simlib.widgets.explorer.glances import Glances
from simlib.widgets.explorer.previews import Previews


@pytest.fixture
def answers(state):
    return AnswerCache(state, threads=1)


@pytest.fixture
def previews(answers):
    return Previews(answers)


def test_the_answer_at_rest_is_what_the_library_solves(state, answers):
    state.set_value("meeting", 0.2)
    state.switch("clear", on=False)
    found, expected = answers.answer(state.settings), simlib.solve(state.scenario())
    assert same_answer(found, expected, 1e-12)
    assert found.provenance["scenario_sha256"] == state.scenario().sha256
    assert found.assumptions["meeting"] == 0.2


def test_an_answer_is_computed_once_and_known_afterwards(state, answers):
    assert answers.known(state.settings) is None
    first = answers.answer(state.settings)
    assert answers.answer(state.settings) is first
    assert answers.known(state.settings) is first
    state.set_value("meeting", 0.2)
    assert answers.known(state.settings) is None


def test_what_is_shown_does_not_change_the_answer(state, answers):
    first = answers.answer(state.settings)
    state.change(state.settings.replace(lead="question:x", ladder="lanes"))
    assert answers.known(state.settings) is first


def test_one_set_of_engines_serves_all_values_and_interventions_get_their_own(state, answers):
    engines = answers.engines(state.settings)
    state.set_value("meeting", 0.2)
    assert answers.engines(state.settings) is engines
    state.intervene(Force("meet", dt.date(2031, 4, 9), "accepted"))
    assert answers.engines(state.settings) is not engines


def test_only_some_engines_and_answers_are_kept(state, answers):
    for days in range(20, 20 + module.ENGINES_KEPT + 2):
        state.change(state.settings.replace(horizon_days=float(days)))
        answers.answer(state.settings)
    assert len(answers._engines) == module.ENGINES_KEPT
    for value in np.linspace(0.01, 0.2, module.ANSWERS_KEPT + 5):
        state.set_value("meeting", float(value))
        answers.answer(state.settings)
    assert len(answers._answers) == module.ANSWERS_KEPT


def test_a_preview_at_the_anchor_is_the_exact_answer(state, answers, previews):
    exact = answers.answer(state.settings)
    previews.anchor(state.settings)
    preview = previews.preview(state.settings)
    assert preview.engine == "preview"
    assert same_answer(preview, exact, 1e-8)


@pytest.mark.statistical
def test_previews_err_less_than_their_replicates_alone_would(state):
    """Mean absolute error over 12 seeds; the ratio is about 0.35 here and would be 1.4 with independent dice."""
    errors = {"preview": [], "sampled": []}
    start, moved = state.settings, state.settings.with_value("meeting", 1.15 * state.value("meeting"))
    for seed in range(12):
        answers = AnswerCache(state, seed=seed, threads=1)
        previews = Previews(answers)
        answers.answer(start)
        previews.anchor(start)
        exact = answers.answer(moved).endings["agreement"].probability[-1]
        preview = previews.preview(moved)
        sampled = simlib.simulate(state.scenario(moved), runs=preview.provenance["runs"], seed=seed)
        errors["preview"].append(abs(preview.endings["agreement"].probability[-1] - exact))
        errors["sampled"].append(abs(sampled.endings["agreement"].probability[-1] - exact))
    assert np.mean(errors["preview"]) < 0.6 * np.mean(errors["sampled"])


def test_a_preview_without_an_anchor_is_a_plain_sample_with_its_intervals(state, answers, previews):
    preview = previews.preview(state.settings)
    assert preview.engine == "montecarlo"
    assert np.any(preview.endings["agreement"].high > preview.endings["agreement"].low)


def test_previews_stay_probabilities(state, answers, previews):
    answers.answer(state.settings)
    previews.anchor(state.settings)
    for name, value in (("signing", 1e-9), ("clearing", 50.0), ("meeting", 30.0)):
        state.set_value(name, value)
    preview = previews.preview(state.settings)
    total = sum(band.probability for band in preview.endings.values())
    assert total == pytest.approx(np.ones_like(total))
    for part in (*preview.ladders.values(), *preview.variables.values()):
        assert sum(part.values()) == pytest.approx(np.ones_like(total))
        assert min(values.min() for values in part.values()) >= 0
    assert min(count.min() for count in preview.moves.values()) >= 0


def test_shifting_by_nothing_changes_nothing(state, answers):
    exact, sampled = answers.answer(state.settings), simlib.simulate(state.scenario(), runs=200)
    assert same_answer(shift(exact, sampled, sampled), exact, 1e-8)


def test_chances_that_exceed_one_are_refused_before_anything_is_drawn(state):
    moves = dict(state.base.moves)
    meet = moves["meet"]
    other = dataclasses.replace(meet.outcomes[1], id="stormy", chance="stormy")
    moves["meet"] = dataclasses.replace(meet, outcomes=(*meet.outcomes, other))
    assumptions = dict(state.base.assumptions)
    assumptions["stormy"] = dataclasses.replace(
        assumptions["meet.accepted.chance"], id="stormy", value=0.2, low=0.1, high=0.3
    )
    state.base = state.base.replace(moves=moves, assumptions=assumptions)
    answers = AnswerCache(state)
    answers.answer(state.settings)
    previews = Previews(answers)
    state.set_value("stormy", 0.7)
    with pytest.raises(ScenarioError, match=r"the chances sum to 1\.3"):
        previews.preview(state.settings)


def test_a_world_too_large_to_enumerate_is_sampled(state, monkeypatch):
    def refuse(*_, **__):
        raise TooManyStates(10**7, 10**6, complete=False)

    monkeypatch.setattr("simlib.engines.exact.forecast.Solver", refuse)
    monkeypatch.setattr(module, "RESTING_RUNS", 500)
    answers = AnswerCache(state)
    found = answers.answer(state.settings)
    assert found.engine == "montecarlo"
    assert found.provenance["runs"] == 500
    assert not Glances(answers).is_quick(state.settings, state.lead)


def test_without_numba_there_is_no_preview_but_an_exact_answer(state, monkeypatch):
    def refuse(*_, **__):
        raise MissingDependency("Monte Carlo needs numba")

    monkeypatch.setattr("simlib.engines.montecarlo.simulator.Simulator", refuse)
    answers = AnswerCache(state)
    assert answers.answer(state.settings).engine == "exact"
    previews = Previews(answers)
    previews.anchor(state.settings)
    assert previews.preview(state.settings) is None
    with pytest.raises(MissingDependency, match="needs numba"):
        answers.sample(state.settings, 10)


@pytest.mark.parametrize(("times_the_limit", "again"), [(0.5, 0), (2.0, 1), (20.0, 0)])
def test_a_glance_that_was_nearly_quick_is_timed_again(state, answers, times_the_limit, again):
    answers.answer(state.settings)
    glances = Glances(answers)
    glances.measure(state.settings, lead=None)
    engines = answers.engines(state.settings)
    assert engines.glances == 2
    engines.glance_seconds = times_the_limit * glancing.QUICK_SECONDS
    glances.measure(state.settings, lead=None)
    assert engines.glances == 2 + again


def test_an_answer_can_be_cancelled_and_is_then_not_known(state, answers):
    with pytest.raises(Cancelled):
        answers.answer(state.settings, Control(cancel=lambda: True))
    assert answers.known(state.settings) is None


def test_the_size_of_a_preview_follows_the_measured_time(previews):
    previews._seconds_per_run = previewing.PREVIEW_SECONDS / 3000
    assert previews.runs() == 2048
    previews._seconds_per_run = 1.0
    assert previews.runs() == previewing.FEWEST_PREVIEW_RUNS
    previews._seconds_per_run = 1e-12
    assert previews.runs() == previewing.MOST_PREVIEW_RUNS


def test_moves_are_called_by_their_actor(state, answers):
    assert answers.answer(state.settings).label("moves", "close") == "The farmers: Close a lane"
