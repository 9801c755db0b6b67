"""Answers along one slider: a polynomial through a few exact answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simlib.control import Control
from simlib.errors import Cancelled
from simlib.results import Band
from simlib.widgets.explorer import glances as glancing
from simlib.widgets.explorer import slider_curve
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.forecast_shift import same_answer
from simlib.widgets.explorer.glances import Glances
from simlib.widgets.explorer.slider_curve import SliderCurve, points, trace


@pytest.fixture
def answers(state):
    made = AnswerCache(state, threads=1)
    made.answer(state.settings)
    return made


@pytest.fixture
def glances(answers):
    return Glances(answers)


@pytest.fixture
def flat(state, answers):
    """An answer whose only question can be given any probability."""
    forecast = answers.answer(state.settings)
    empty = {"endings": {}, "ladders": {}, "moves": {}}

    def at(probability):
        p = np.array([probability])
        return dataclasses.replace(forecast, questions={"x": Band(p, p, p)}, times=np.array([1.0]), **empty)

    return at


def shown(forecast):
    return float(forecast.questions["x"].probability[0])


@pytest.mark.parametrize("intervals", [2, 4, 8])
def test_half_of_the_points_are_those_of_half_the_intervals(intervals):
    assert points(2 * intervals)[::2] == pytest.approx(points(intervals))
    assert points(intervals)[[0, -1]] == pytest.approx([-1, 1])


def test_a_polynomial_is_met_everywhere_and_the_points_exactly(flat):
    curve = SliderCurve([flat(0.3 + 0.2 * x - 0.1 * x**4) for x in points(4)])
    for x in (-0.99, -0.3, 0.1, 0.77):
        assert shown(curve.at(x)) == pytest.approx(0.3 + 0.2 * x - 0.1 * x**4, abs=1e-14)
    for x in points(4):
        assert shown(curve.at(float(x))) == 0.3 + 0.2 * x - 0.1 * x**4


def test_points_are_added_until_the_answer_is_predicted(flat):
    asked = []

    def steep(x):
        asked.append(x)
        return flat(1 / (1 + np.exp(-2 * x)))

    curve = trace(steep)
    assert len(asked) == 17
    assert len(set(asked)) == 17, "no point is solved twice"
    for x in np.linspace(-1, 1, 41):
        assert shown(curve.at(x)) == pytest.approx(1 / (1 + np.exp(-2 * x)), abs=1e-6)


def test_an_answer_with_a_kink_has_no_curve(flat):
    assert trace(lambda x: flat(abs(x - 0.1))) is None


def test_a_glance_along_a_traced_slider_is_the_exact_answer_without_solving(state, answers, glances):
    meeting = state.base.assumptions["meeting"]
    glances.trace(state.settings, "meeting", lead=None, moves=True)
    solved = answers.engines(state.settings).glances
    values = np.geomspace(meeting.low, meeting.high, 12)
    quick = [glances.glance(state.settings.with_value("meeting", float(v)), lead=None, moves=True) for v in values]
    assert answers.engines(state.settings).glances == solved
    for value, glance in zip(values, quick, strict=True):
        assert same_answer(glance, answers.answer(state.settings.with_value("meeting", float(value))), 1e-6)
    glances.trace(state.settings.with_value("meeting", meeting.low), "meeting", lead=None, moves=True)
    assert answers.engines(state.settings).glances == solved, "the slider's own value makes no other curve"


@pytest.mark.parametrize(
    ("values", "scope"),
    [
        ({"meeting": 9.0}, {"lead": None, "moves": True}),
        ({"meeting": 0.1, "signing": 0.1}, {"lead": None, "moves": True}),
        ({"meeting": 0.1}, {"lead": None, "moves": False}),
        ({"meeting": 0.1}, {"lead": "", "moves": True}),
    ],
    ids=["beyond its end", "another slider moved too", "without moves", "another leading answer"],
)
def test_a_glance_that_lies_on_no_curve_is_solved(state, answers, glances, values, scope):
    glances.trace(state.settings, "meeting", lead=None, moves=True)
    settings = state.settings
    for name, value in values.items():
        settings = settings.with_value(name, value)
    solved = answers.engines(settings).glances
    glances.glance(settings, **scope)
    assert answers.engines(settings).glances == solved + 1


def test_a_slider_with_values_that_do_not_fit_the_others_has_no_curve(state, answers, glances, monkeypatch):
    settings = state.settings
    chance = next(a for a in state.base.assumptions.values() if a.kind == "chance" and not a.fixed)
    monkeypatch.setattr(slider_curve, "forward", lambda kind, x: -np.inf if kind == "chance" else np.log(x))
    glances.trace(settings, chance.id, lead=None, moves=True)
    solved = answers.engines(settings).glances
    assert solved == 0
    glances.glance(settings, lead=None, moves=True)
    assert answers.engines(settings).glances == 1


def test_only_some_curves_are_kept_and_tracing_can_be_cancelled(state, answers, glances):
    with pytest.raises(Cancelled):
        glances.trace(state.settings, "meeting", Control(cancel=lambda: True), lead=None, moves=True)
    assert not glances._curves
    for days in range(20, 20 + glancing.CURVES_KEPT + 2):
        settings = state.settings.replace(horizon_days=float(days))
        answers.answer(settings)
        glances.trace(settings, "meeting", lead=None, moves=True)
    assert len(glances._curves) == glancing.CURVES_KEPT
    assert slider_curve.MOST_INTERVALS == 16
