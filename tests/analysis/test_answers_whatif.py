"""Comparisons as answers: saved and loaded, over beliefs, by either engine, and to a target day."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simlib.analysis.whatif.comparison import compare
from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.coupling import Flips
from simlib.analysis.whatif.divergence import Divergence
from simlib.analysis.whatif.result import Comparison, VariantEffect
from simlib.analysis.whatif.variants import Booking, delay, vary
from simlib.answer import ScenarioKey, load_answer
from simlib.cli.output.listings import compared
from simlib.errors import TooManyStates, Unsupported
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure
from simlib.scenario.model import Change, Force, Pin, View
from tests.worlds import World, date, tempo_world, two_states, windows

CLASSES = (Comparison, VariantEffect, Difference, Flips, Divergence, Booking, Measure, ScenarioKey)
ARRAYS = ("before", "after", "change", "low", "high")
T, A, B = 30.0, 0.02, 0.05


@pytest.fixture(scope="module")
def uncertain():
    scenario = tempo_world()
    ranged = {
        name: dataclasses.replace(a, low=a.value / 2, high=2 * a.value) if a.kind == "rate" else a
        for name, a in scenario.assumptions.items()
    }
    return scenario.replace(assumptions=ranged)


def belief(scenario, theta, weights):
    return Belief("a log", scenario.as_of, tuple(scenario.assumptions), theta, np.asarray(weights, dtype=float))


def differences(comparison):
    return {(n, m): d for n, effect in comparison.effects.items() for m, d in effect.differences.items()}


@pytest.mark.slow
@pytest.mark.parametrize("draws", [0, 8])
def test_a_saved_comparison_is_the_same_bit_for_bit(uncertain, draws, tmp_path):
    variants = {"late": delay("invite", date(19)), "both": [{"clash.rate": 0.1}, Force("clash", date(9), "large")]}
    answer = compare(uncertain, variants, draws=draws, runs=40)
    loaded = load_answer(answer.save(tmp_path / "answer.json.gz"), CLASSES)
    assert loaded.to_dict() == answer.to_dict()
    assert loaded.sentences() == answer.sentences()
    for what in ("measures", "times", "flips"):
        assert loaded.frame(what).equals(answer.frame(what))
    data = answer.to_dict()
    assert data["question"] == "What changes by 30 May 2031 in “late” and “both”, compared with the baseline?"
    assert (data["answer"], data["by"], data["by_day"]) == ("compare", "2031-05-30", 60.0)
    assert (data["provenance"]["runs"], data["provenance"]["pairs"]) == (40, 40 * max(draws, 1))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_belief_of_equal_weights_is_the_number_of_draws(uncertain, engine):
    ranged = View("v", "V", changes=(Change("patrol.rate", 0.4, 0.1, 0.9),))
    variants = {"faster": {"clash.rate": 0.1}, "forced": Force("clash", date(9), "large"), "view": ranged}
    common = {"engine": engine, "runs": 30, "seed": 5}
    known = compare(uncertain, variants, draws=16, **common)
    same = compare(uncertain, variants, draws=Belief.prior(uncertain, 16, seed=5), **common)
    theta = priors.draws(uncertain, 16, seed=5)
    copied = compare(uncertain, variants, draws=belief(uncertain, theta, np.full(16, 1 / 16)), **common)
    for key, one in differences(known).items():
        for array in ARRAYS:
            assert np.array_equal(getattr(one, array), getattr(differences(same)[key], array))
            if key[0] == "forced":
                assert np.array_equal(getattr(one, array), getattr(differences(copied)[key], array))
            elif engine == "exact":
                np.testing.assert_allclose(getattr(one, array), getattr(differences(copied)[key], array), atol=1e-8)
    for name, effect in known.effects.items():
        assert np.array_equal(effect.flips.matrix, same.effects[name].flips.matrix)
        assert effect.flips.interval == same.effects[name].flips.interval


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_belief_of_unequal_weights_gives_the_weighted_mean(uncertain, engine):
    theta, weights = priors.draws(uncertain, 4, seed=1), np.array([0.1, 0.2, 0.3, 0.4])
    forced = {"v": Force("clash", date(9), "large")}
    whole = compare(uncertain, forced, engine=engine, draws=belief(uncertain, theta, weights), runs=400)
    each = [whole_of(uncertain, forced, engine, theta, draw) for draw in range(4)]
    for key, found in differences(whole).items():
        for array in ("before", "after", "change"):
            values = np.stack([getattr(differences(one)[key], array) for one in each])
            np.testing.assert_allclose(getattr(found, array), weights @ values, atol=1e-9)
    flips = whole.effects["v"].flips
    assert flips.runs == 1600
    if engine == "montecarlo":
        shares = [one.effects["v"].flips.matrix for one in each]
        np.testing.assert_allclose(flips.matrix / 1600, np.tensordot(weights, shares, 1) / 1600, atol=1e-12)
    assert whole.provenance["belief"] == "a log"


def whole_of(scenario, variants, engine, theta, draw):
    """Return the comparison with all weight on one draw: the other draws are answered, but count for nothing."""
    return compare(scenario, variants, engine=engine, draws=belief(scenario, theta, np.eye(4)[draw]), runs=400)


def test_one_draw_says_nothing_of_the_error_of_the_mean(uncertain):
    one = whole_of(uncertain, {"v": Force("clash", date(9), "large")}, "exact", priors.draws(uncertain, 4), 0)
    assert differences(one)["v", "ending:war"].low[-1] == -1.0


def test_the_scores_of_drawn_values_are_those_they_were_drawn_from(uncertain):
    scores = priors.scores(uncertain, 64, seed=2)
    ranged = [place for place, a in enumerate(uncertain.assumptions.values()) if not a.fixed]
    again = priors.scores_from_values(uncertain, priors.values_from_scores(uncertain, scores))
    np.testing.assert_allclose(again[:, ranged], scores[:, ranged], atol=1e-9)
    assert np.all(np.delete(again, ranged, axis=1) == 0)


def test_a_belief_with_a_start_of_its_own_is_refused(uncertain):
    given = dataclasses.replace(belief(uncertain, priors.draws(uncertain, 2), [0.5, 0.5]), start=np.ones((2, 1)))
    with pytest.raises(Unsupported, match="joint start states: 1 in the belief “a log”, none in the scenario"):
        compare(uncertain, {"v": {}}, draws=given)


def test_auto_is_exact_where_the_states_fit_and_else_monte_carlo(monkeypatch):
    scenario = two_states(A, ends=True)
    assert compare(scenario, {"v": {"cross.rate": B}}, runs=10).engine == "exact"

    def too_large(*args, **options):
        raise TooManyStates(10, 5, complete=False)

    monkeypatch.setattr("simlib.analysis.whatif.comparison.Solver", too_large)
    answer = compare(scenario, {"v": {"cross.rate": B}}, runs=10)
    assert (answer.engine, answer.provenance["engine"]) == ("montecarlo", "montecarlo")
    with pytest.raises(TooManyStates):
        compare(scenario, {"v": {"cross.rate": B}}, engine="exact", runs=10)


def test_what_begins_after_the_target_day_changes_nothing():
    scenario = two_states(A, ends=True)
    answer = compare(scenario, {"v": Pin("bank", "right", date(20))}, by=date(9), runs=100)
    assert (answer.by, answer.by_day, answer.times[-1]) == (date(9), 10.0, 10.0)
    assert answer.effects["v"].bookings == ()
    assert np.all(answer.effects["v"].differences["ending:across"].change == 0)


def test_windows_can_be_left_out_of_both_sides():
    scenario = windows(rate=0.1, opens=5, closes=12)
    opened = vary(scenario, ignore_windows=True)
    answer = compare(opened, {"v": vary(scenario, {"drop.rate": 0.2}, ignore_windows=True)}, runs=0)
    difference = answer.effects["v"].differences["ending:fallen"]
    assert difference.before[-1] == pytest.approx(1 - np.exp(-0.1 * scenario.horizon_days), abs=1e-8)
    assert difference.after[-1] == pytest.approx(1 - np.exp(-0.2 * scenario.horizon_days), abs=1e-8)


def test_where_only_counts_are_compared_they_are_told():
    answer = compare(two_states(A, ends=True), {"v": {"cross.rate": B}}, measures="moves:cross", runs=0)
    assert "the expected number of “cross” rises from 0.451 to 0.777 (+0.33)" in answer.sentences()[0]


def test_days_and_amounts_are_means_and_a_table_has_every_measure_asked_for():
    world = World.of(two_states(A)).impact("cost", per_day=[({"bank": "right"}, 2.0)]).scenario()
    asked = ["level:bank=right", "days:bank=right", "impact:cost"]
    answer = compare(world, {"v": {"cross.rate": B}}, measures=asked, runs=0)
    said = answer.sentences()[0]
    assert "the mean of “Days at bank: right” rises from " in said
    assert " days to " in said
    assert "the mean of “cost” rises from " in said
    table = "\n".join(compared(answer, cumulative=False, whole=True))
    assert [label in table for label in ("  bank: right ", "  Days at bank: right ", "  cost ")] == [True] * 3
