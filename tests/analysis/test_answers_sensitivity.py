"""Answers about sensitivity are answers: saved and loaded they stay the same, and beliefs enter with their weights."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from simlib.analysis.discovery.result import Bound, Box, Discovery, Leaf
from simlib.analysis.discovery.scenario_discovery import discover
from simlib.analysis.sensitivity.exact_slopes import Elasticities, elasticities
from simlib.analysis.sensitivity.one_at_a_time import Bar, Drivers, drivers
from simlib.analysis.sensitivity.screening import Input
from simlib.analysis.sensitivity.sobol_indices import Index, Share, Shares, Sobol, sobol
from simlib.answer import ScenarioKey, load_answer
from simlib.errors import ScenarioError, Unsupported
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure
from simlib.scenario import model
from tests.analysis.test_drivers import WAYS, additive
from tests.worlds import date

SCENARIO = [kind for kind in vars(model).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
OWN = [Bar, Bound, Box, Discovery, Drivers, Elasticities, Index, Input, Leaf, Measure, Share, Shares, Sobol]
CLASSES = [*OWN, ScenarioKey, *SCENARIO]

ANSWERS = {
    "elasticities": lambda: elasticities(additive(), ["across", "moves:cross-a"], by=10),
    "drivers": lambda: drivers(additive(), ["across", "moves:cross-a"], engine="montecarlo", runs=400, top=2),
    "sobol": lambda: sobol(additive(), "across", draws=64, top=2),
    "discover": lambda: discover(additive(), "ending:across", draws=100, by=date(20)),
}


@pytest.mark.slow
@pytest.mark.parametrize("verb", ANSWERS)
def test_an_answer_is_saved_and_loaded_bit_for_bit(verb, tmp_path):
    answer = ANSWERS[verb]()
    again = load_answer(answer.save(tmp_path / "answer.json.gz"), CLASSES)
    assert type(again) is type(answer)
    assert again.to_dict() == answer.to_dict()
    assert again.sentences() == answer.sentences()
    assert again.frame().equals(answer.frame())


@pytest.mark.slow
@pytest.mark.parametrize("verb", ANSWERS)
def test_an_answer_says_what_it_answers_and_how_it_was_made(verb):
    answer = ANSWERS[verb]()
    data = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert data["answer"] == verb
    assert "“across”" in data["question"]
    assert data["question"].endswith("?")
    assert (data["scenario"], data["as_of"]) == ("additive", "2031-04-01")
    assert data["by"] == answer.by.isoformat()
    assert str(answer.by.year) in data["question"]
    assert data["provenance"]["engine"] == ("montecarlo" if verb == "drivers" else "exact")
    assert data["provenance"]["scenario_sha256"] == additive().sha256


@pytest.mark.parametrize("ask", [elasticities, drivers, sobol, discover])
def test_a_target_is_a_date_or_days_and_lies_within_the_forecast(ask):
    few = {"draws": 8} if ask in (sobol, discover) else {}
    by_date = ask(additive(), "ending:across", by=date(9), **few)
    assert by_date.by_day == 10.0
    assert by_date.by == ask(additive(), "ending:across", by=10, **few).by == date(9)
    with pytest.raises(ScenarioError, match="lies outside the forecast"):
        ask(additive(), "ending:across", by=31, **few)


# ---------------------------------------------------------------- beliefs


def belief(draws=256, *, weights=None, name="a belief", seed=0):
    """The prior's own draws under another name, with equal or other weights."""
    prior = Belief.prior(additive(), draws, seed=seed)
    weights = prior.weights if weights is None else np.asarray(weights, dtype=float)
    return dataclasses.replace(prior, name=name, weights=weights / weights.sum())


def without_words(answer):
    """The data of an answer but for how it was made and told, which name the belief."""
    return {key: part for key, part in answer.data().items() if key != "sentences"}


@pytest.mark.slow
@pytest.mark.parametrize("ask", [drivers, discover])
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_equal_weights_give_the_numbers_of_the_priors_own_draws(ask, engine):
    options = {"engine": engine, "runs": 80}
    ours, theirs = (ask(additive(), "ending:across", draws=draws, **options) for draws in (belief(147), 147))
    assert without_words(ours) == without_words(theirs)
    assert "the belief “a belief”" in " ".join(ours.sentences())


def test_drivers_of_a_belief_move_over_its_weighted_range():
    """All the weight on draws in which the first way is quick: its low and its high are quick ones."""
    column = list(additive().assumptions).index("pace-a")
    prior = Belief.prior(additive(), 512)
    quick = prior.theta[:, column] > WAYS["a"][1]
    answer = drivers(additive(), "across", draws=belief(512, weights=np.where(quick, 1.0, 0.0)), top=None)
    (bar,) = (bar for bar in answer.bars if bar.assumption.id == "pace-a")
    low, middle, high = np.quantile(prior.theta[quick, column], (0.05, 0.5, 0.95))
    ends = (bar.assumption.low, bar.assumption.value, bar.assumption.high)
    assert ends == pytest.approx((low, middle, high), rel=0.02)
    weight, horizon = WAYS["a"][0], 30.0
    step = weight * (np.exp(-bar.assumption.low * horizon) - np.exp(-bar.assumption.high * horizon))
    assert bar.at_high[0] - bar.at_low[0] == pytest.approx(step, abs=1e-8)


@pytest.mark.slow
def test_a_discovery_weighs_its_draws():
    """Every share is a weighted one; draws that weigh nothing might as well not be there."""
    rng = np.random.default_rng(5)
    weights = rng.choice([0.0, 1.0, 3.0], 400)
    answer = discover(additive(), "ending:across", draws=belief(400, weights=weights))
    hit = answer.answers >= answer.threshold
    assert answer.base_rate == pytest.approx(np.average(hit, weights=weights))
    assert answer.base_rate == pytest.approx(0.25, abs=0.01)
    columns = list(additive().assumptions)
    assert answer.boxes
    for box in answer.boxes:
        inside = np.ones(400, dtype=bool)
        for bound in box.bounds:
            values = answer.theta[:, columns.index(bound.assumption)]
            inside &= (values >= (bound.low or 0)) & (values <= (bound.high or np.inf))
        hits = weights[inside & hit].sum()
        expected = (hits / weights[hit].sum(), hits / weights[inside].sum(), weights[inside].sum() / weights.sum())
        assert (box.coverage, box.density, box.mass) == pytest.approx(expected)
    assert sum(leaf.mass * leaf.mean for leaf in answer.leaves) == pytest.approx(
        np.average(answer.answers, weights=weights)
    )


@pytest.mark.parametrize("ask", [drivers, discover])
def test_a_belief_with_a_start_of_its_own_is_refused(ask):
    elsewhere = dataclasses.replace(belief(8), start=np.full((8, 2), 0.5))
    with pytest.raises(Unsupported, match="joint start states: 2 in the belief “a belief”, none in the scenario"):
        ask(additive(), "ending:across", draws=elsewhere)
