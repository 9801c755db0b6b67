"""Views pooled: against closed forms, and against the laws that name the two pools."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.analysis.pooling import divergence, entropy, linear, logarithmic, pool, pool_forecasts
from simlib.control import Control
from simlib.engines.ensemble import over_priors
from simlib.engines.exact.forecast import solve
from simlib.errors import Cancelled, ScenarioError, TooManyStates, Unsupported
from simlib.formatting import percent
from simlib.results import Band
from simlib.scenario.model import Forbid
from simlib.scenario.views.variation import with_values
from tests.worlds import tempo_world

SHARES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda x: np.array(x) / sum(x))
PAIRS = st.tuples(SHARES, SHARES).map(np.stack)
WEIGHTS = st.floats(0, 1).map(lambda w: np.array([w, 1 - w]))


@pytest.fixture(scope="module")
def world():
    return tempo_world()


@pytest.fixture(scope="module")
def views(world):
    return {
        "calm": with_values(world, {"clash.rate": 0.01}),
        "as it is": world,
        "tense": with_values(world, {"clash.rate": 0.2}),
    }


def test_two_experts_with_known_weights():
    views = np.array([[0.5, 0.5], [0.9, 0.1]])
    weights = np.array([1 / 3, 2 / 3])
    assert linear(views, weights) == pytest.approx([0.5 / 3 + 1.8 / 3, 0.5 / 3 + 0.2 / 3])
    odds = 9 ** (2 / 3)  # 1 ** (1/3) times 9 ** (2/3)
    assert logarithmic(views, weights) == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])
    assert logarithmic(np.array([[0.2, 0.8], [0.8, 0.2]]), np.array([0.5, 0.5])) == pytest.approx([0.5, 0.5])


def test_three_endings_with_known_weights():
    views = np.array([[0.1, 0.2, 0.7], [0.4, 0.4, 0.2]])
    raw = views[0] ** 0.25 * views[1] ** 0.75
    assert logarithmic(views, np.array([0.25, 0.75])) == pytest.approx(raw / raw.sum())


@given(PAIRS, WEIGHTS, SHARES)
def test_the_logarithmic_pool_is_externally_bayesian(views, weights, likelihood):
    def updated(p):
        return p * likelihood / (p * likelihood).sum(axis=-1, keepdims=True)

    assert logarithmic(updated(views), weights) == pytest.approx(updated(logarithmic(views, weights)))


def test_the_linear_pool_is_not():
    views, weights = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0.5, 0.5])
    likelihood = np.array([0.1, 0.9])
    first = views * likelihood / (views * likelihood).sum(axis=1, keepdims=True)
    after = linear(views, weights) * likelihood
    assert abs(linear(first, weights)[0] - after[0] / after.sum()) > 0.05


@given(PAIRS, WEIGHTS)
def test_both_pools_are_distributions_and_lie_between_the_views(views, weights):
    for pooled in (linear(views, weights), logarithmic(views, weights)):
        assert pooled.sum() == pytest.approx(1)
        assert np.all(pooled >= 0)
    mixed = linear(views, weights)
    assert np.all((views.min(axis=0) - 1e-12 <= mixed) & (mixed <= views.max(axis=0) + 1e-12))


@given(SHARES, WEIGHTS)
def test_views_that_agree_are_their_pool(view, weights):
    same = np.stack([view, view])
    assert linear(same, weights) == pytest.approx(view)
    assert logarithmic(same, weights) == pytest.approx(view)
    assert divergence(same, weights) == pytest.approx(0, abs=1e-12)


def test_the_divergence_of_opposites_is_the_entropy_of_the_weights():
    opposite, weights = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.25, 0.75])
    assert divergence(opposite, weights) == pytest.approx(entropy(weights))
    assert divergence(opposite, np.array([0.5, 0.5])) == pytest.approx(1)
    views = np.array([[0.5, 0.5], [0.9, 0.1]])

    def h(p):
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    assert divergence(views, weights) == pytest.approx(h(0.8) - 0.25 * 1 - 0.75 * h(0.9))


def test_what_one_view_rules_out_is_out_and_views_may_exclude_one_another():
    assert logarithmic(np.array([[0.5, 0.5, 0], [0.2, 0.4, 0.4]]), np.array([0.5, 0.5]))[2] == 0
    assert logarithmic(np.array([[1.0, 0], [0, 1.0]]), np.array([1.0, 0.0])) == pytest.approx([1, 0])
    with pytest.raises(Unsupported, match="the views exclude one another"):
        logarithmic(np.array([[1.0, 0], [0, 1.0]]), np.array([0.5, 0.5]))


def test_views_of_a_world_are_pooled_at_each_date(views):
    pooled = pool(views, weights={"calm": 1, "as it is": 2, "tense": 1}, times=6)
    single = {name: solve(each, times=6) for name, each in views.items()}
    assert pooled.weights == {"calm": 0.25, "as it is": 0.5, "tense": 0.25}
    endings = [item for item in pooled.items if item.kind == "ending"]
    assert sum(item.logarithmic for item in endings) == pytest.approx(1)
    assert sum(item.linear for item in endings) == pytest.approx(1)
    for item in endings:
        each = np.stack([forecast.endings[item.id].probability for forecast in single.values()])
        assert item.views == pytest.approx(each, abs=1e-8)
        assert item.linear == pytest.approx(np.array([0.25, 0.5, 0.25]) @ each, abs=1e-8)
        spread = np.sqrt(np.array([0.25, 0.5, 0.25]) @ (each - item.linear) ** 2)
        assert item.deviation == pytest.approx(spread, abs=1e-8)
    questions = [item for item in pooled.items if item.kind == "question"]
    for item in questions:
        odds = np.prod((item.views[:, -1] / (1 - item.views[:, -1])) ** np.array([0.25, 0.5, 0.25]))
        assert item.logarithmic[-1] == pytest.approx(odds / (1 + odds), rel=1e-6)
    assert np.all(pooled.divergence <= pooled.entropy + 1e-12)


def test_it_is_told_tabled_and_stored(views):
    pooled = pool(views, times=4)
    text = " ".join(pooled.sentences())
    assert text.startswith("“any-clash” by 30 May 2031: ")
    assert "Computed at the stated values, with the weights “calm” 33%" in text
    assert "The views differ most on “" in text
    last = np.array([[band.probability[-1] for band in solve(each).endings.values()] for each in views.values()])
    apart = divergence(last, np.ones(3) / 3) / entropy(last.mean(axis=0))
    assert f"makes up {percent(apart)} of the uncertainty about " in text
    frame = pooled.frame()
    assert {"linear", "logarithmic", "lowest", "highest", "view:calm"} <= set(frame.columns)
    assert len(frame) == 5 * len(pooled.items)
    stored = json.loads(json.dumps(pooled.to_dict(), allow_nan=False))
    assert stored["endings"]["war"]["views"]["calm"] == pytest.approx(pooled.items[0].views[0].tolist())


def test_views_are_pooled_by_a_day_before_the_horizon(world, views):
    pooled = pool(views, by=world.horizon_days / 2, times=2)
    assert (pooled.by_day, pooled.provenance["horizon_days"]) == (world.horizon_days / 2,) * 2
    later = pool(views, times=4)
    for short, long in zip(pooled.items, later.items, strict=True):
        assert short.linear == pytest.approx(long.linear[:3], abs=1e-9)
    with pytest.raises(ScenarioError, match=r"by: .* lies outside the forecast"):
        pool(views, by=world.horizon_days + 1)


def test_a_question_may_be_what_they_disagree_most_about(world):
    """The views differ in how often patrols are challenged, which hardly reaches the endings."""
    few = solve(world, times=2)
    happens = {
        name: dataclasses.replace(band, probability=band.probability * 0 + 0.9) for name, band in few.questions.items()
    }
    seldom = {
        name: dataclasses.replace(band, probability=band.probability * 0 + 0.1) for name, band in few.questions.items()
    }
    pooled = pool_forecasts(
        {"a": dataclasses.replace(few, questions=happens), "b": dataclasses.replace(few, questions=seldom)}
    )
    label = few.label("questions", next(iter(few.questions)))
    assert pooled.ranked()[0].kind == "question"
    assert pooled.ranked("ending")[0].kind == "ending"
    assert f"The views differ most on “{label}”: 10% to 90%." in pooled.sentences()


def test_what_they_are_furthest_apart_on_has_the_widest_range_and_not_the_largest_divergence(world):
    """From 0.1% to 20% says more in bits than from 45% to 66%, and is less far."""
    few = solve(world, times=2)
    name, ending = next(iter(few.questions)), "treaty"
    apart = {"a": (0.45, 0.001), "b": (0.66, 0.2)}
    forecasts = {
        view: dataclasses.replace(
            few,
            questions={name: Band(*np.full((3, len(few.times)), asked))},
            endings={
                e: Band(*np.full((3, len(few.times)), {ending: ends, "ongoing": 1 - ends}.get(e, 0.0)))
                for e in few.endings
            },
        )
        for view, (asked, ends) in apart.items()
    }
    pooled = pool_forecasts(forecasts)
    items = {item.id: item for item in pooled.items}
    assert items[ending].divergence[-1] > items[name].divergence[-1]
    assert pooled.ranked()[0].id == name
    assert f"differ most on “{few.label('questions', name)}”: 45% to 66%." in " ".join(pooled.sentences())
    assert {"lowest", "highest", "divergence_bits"} <= set(pooled.frame().columns)


def test_a_veto_is_told_and_agreement_too(world):
    peace = world.replace(interventions=(Forbid("clash"),))
    pooled = pool({"as it is": world, "peace": peace}, times=2)
    war = next(item for item in pooled.items if item.id == "war")
    assert war.logarithmic[-1] == 0 < war.linear[-1]
    assert "“peace” rules it out" in " ".join(pooled.sentences())
    assert "The views agree about every ending." in pool({"a": world, "b": world}, times=2).sentences()


def test_what_no_replicate_showed_is_rare_and_not_impossible(world):
    sampled = pool(
        {"as it is": world, "peace": world.replace(interventions=(Forbid("clash"),))},
        engine="montecarlo",
        runs=400,
        times=2,
    )
    war = next(item for item in sampled.items if item.id == "war")
    assert war.views[1, -1] == 0
    assert 0 < war.logarithmic[-1] < war.linear[-1]
    assert war.logarithmic[0] == 0


def test_over_the_priors_each_view_has_its_own(views):
    pooled = pool(views, draws=4, times=2)
    assert pooled.draws == 4
    assert "Computed over 4 draws from each view's priors, with the weights " in " ".join(pooled.sentences())


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"calm": 1, "as it is": 1}, "weights: tense: has no weight; expected one weight for each view"),
        ({"calm": 1, "as it is": 1, "tense": 1, "x": 1}, "weights: x: has a weight but is not a view"),
        ({"calm": -1, "as it is": 1, "tense": 1}, "weights: calm: -1; expected a number of at least 0"),
        ({"calm": float("nan"), "as it is": 1, "tense": 1}, "weights: calm: nan; expected a number"),
        ({"calm": 0, "as it is": 0, "tense": 0}, "weights: all are 0; expected at least one above 0"),
    ],
)
def test_weights_that_do_not_fit_are_refused(views, weights, words):
    with pytest.raises(ScenarioError, match=words):
        pool(views, weights=weights, times=1)


def test_forecasts_that_do_not_match_are_refused(world):
    one, other = solve(world, times=2), solve(world, times=3)
    with pytest.raises(Unsupported, match="'b' has other endings, questions or dates"):
        pool_forecasts({"a": one, "b": other})
    fewer = dataclasses.replace(one, questions={"new": Band(*np.zeros((3, 3)))})
    with pytest.raises(Unsupported, match="'b' has other endings, questions or dates"):
        pool_forecasts({"a": one, "b": fewer})
    with pytest.raises(ScenarioError, match="views: 1 given; expected at least two to pool"):
        pool_forecasts({"a": one})


def test_it_can_be_stopped(views):
    with pytest.raises(Cancelled):
        pool(views, control=Control(cancel=lambda: True))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_replicates_are_counted_for_each_draw(views, engine):
    """The default is 10,000 for all draws of a view together."""
    by_default = pool(views, engine=engine, draws=4, times=2)
    each = pool(views, engine=engine, draws=4, runs=2500, times=2)
    assert all(np.array_equal(one.views, other.views) for one, other in zip(by_default.items, each.items, strict=True))
    assert by_default.provenance["runs"] == (2500 if engine == "montecarlo" else None)
    one = over_priors(views["tense"], engine=engine, draws=4, times=2).mixture()
    whole = sum(np.clip(band.probability, 0, 1) for band in one.endings.values())  # 1 less what truncation lost
    assert np.array_equal(by_default.items[0].views[2], one.endings["war"].probability / whole)


def test_without_an_engine_all_views_are_simulated_where_one_is_too_large(views, monkeypatch):
    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    assert pool(views, times=1).provenance["engine"] == "exact"
    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    assert pool(views, runs=100, times=1).provenance["engine"] == "montecarlo"
    with pytest.raises(TooManyStates):
        pool(views, engine="exact", times=1)
