"""Uncertainty, EVPPI, EVSI, fans, lint and base rates as answers: saved and loaded, and over beliefs with weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import simlib
from simlib.analysis.lint.rules import Finding, Findings, lint
from simlib.analysis.uncertainty.estimates import Number, Weighting, estimate, mean, quantile, variance_over_draws
from simlib.analysis.uncertainty.fans import Fan, ladder_fan, measure_fan
from simlib.analysis.uncertainty.perfect_information import Evppi, Worth, evppi, evppi_from
from simlib.analysis.uncertainty.propagation import uncertainty
from simlib.analysis.uncertainty.reasons_and_sources import Grounds
from simlib.analysis.uncertainty.result import Uncertainty
from simlib.analysis.uncertainty.sample_information import Evsi, Observation, evsi
from simlib.analysis.uncertainty.sampling import Spread
from simlib.answer import ScenarioKey, load_answer
from simlib.calibration.reference_classes import BaseRate, BaseRates, RateCheck, base_rates
from simlib.engines.ensemble import over_priors
from simlib.errors import ScenarioError, Unsupported
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure, headline
from simlib.scenario import model
from simlib.scenario.loader import load_text
from tests.analysis.test_uncertainty import MEDIAN, T, ferry
from tests.calibration.test_base_rates import WORLD
from tests.worlds import birth_death, unreachable_rung

SCENARIO = tuple(each for each in vars(model).values() if isinstance(each, type) and dataclasses.is_dataclass(each))
CLASSES = (
    *(Uncertainty, Spread, Number, Evppi, Worth, Grounds, Evsi, Observation, Fan, Findings, Finding),
    *(BaseRates, RateCheck, BaseRate, Measure, ScenarioKey, *SCENARIO),
)

MAKERS = {
    "uncertainty": lambda: uncertainty(ferry(), ["across", "moves:horn"], engine="montecarlo", draws=32, runs=16),
    "evppi": lambda: evppi(ferry(), "across", by="2031-04-20", draws=128),
    "evsi": lambda: evsi(ferry(), "question:crossed", look_by="2031-04-10", draws=32, runs=32),
    "fan": lambda: ladder_fan(over_priors(ferry(), draws=8, times=3)),
    "lint": lambda: lint(unreachable_rung()),
    "base_rates": lambda: base_rates(load_text(WORLD), runs=5),
}
QUESTIONS = {
    "uncertainty": "How sure is the forecast of “across” and how often “horn” happens by 30 April 2031?",
    "evppi": "Which assumption is most worth knowing to forecast “across” by 20 April 2031?",
    "evsi": "What is most worth watching for until 10 April 2031 to forecast “crossed” by 30 April 2031?",
    "fan": "How likely is each rung of “banks” up to 30 April 2031, and how uncertain is this probability?",
    "lint": "What in “unreachable-rung”, as of 1 April 2031, is probably a mistake?",
    "base_rates": (
        "How do the probabilities of “A fictional dispute about two rivers”, as of 1 April 2031, compare with past "
        "crises of its classes?"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_a_saved_answer_is_the_same_bit_for_bit(kind, tmp_path):
    answer = MAKERS[kind]()
    loaded = load_answer(answer.save(tmp_path / "answer.json.gz"), CLASSES)
    assert loaded.to_dict() == answer.to_dict()
    assert loaded.sentences() == answer.sentences()
    assert loaded.frame().equals(answer.frame())
    data = answer.to_dict()
    assert (data["answer"], data["question"]) == (kind, QUESTIONS[kind])
    assert {"scenario_sha256", "engine", "seed", "draws", "runs", "values", "version"} <= data["provenance"].keys()


@pytest.mark.slow
def test_a_loaded_uncertainty_answers_further(tmp_path):
    answer = uncertainty(ferry(), "across", by=20, draws=128)
    loaded = load_answer(answer.save(tmp_path / "answer.json"), CLASSES)
    assert loaded.frame("draws").equals(answer.frame("draws"))
    assert evppi_from(loaded).data() == evppi(ferry(), "across", by=20, draws=128).data()


def test_the_target_day_is_in_every_answer():
    answers = [uncertainty(ferry(), "across", by="2031-04-20", draws=32), MAKERS["evppi"]()]
    for answer in answers:
        data = answer.to_dict()
        assert (data["by"], data["by_day"]) == ("2031-04-20", 20.0)
    data = MAKERS["evsi"]().to_dict()
    assert (data["look_by"], data["look_by_day"], data["by_day"]) == ("2031-04-10", 10.0, 30.0)


def test_lint_and_base_rates_are_sequences_with_a_table():
    findings, rates = MAKERS["lint"](), MAKERS["base_rates"]()
    assert list(findings) == list(findings.findings)
    assert list(findings.frame().columns) == ["severity", "where", "what", "expected"]
    assert len(findings.frame()) == len(findings) == len(findings.sentences()) > 0
    assert list(rates) == list(rates.checks)
    assert 0 < len(rates.applied) < len(rates) == len(rates.frame())


def test_a_fan_has_a_row_for_each_series_and_time():
    draws = over_priors(ferry(), draws=8, times=3)
    fan = measure_fan(draws, "across")
    frame = fan.frame()
    assert list(frame.columns) == ["series", "day", "by", "stated", "mean", "q5", "q25", "q50", "q75", "q95"]
    assert frame["by"].astype(str).tolist() == ["2031-04-01", "2031-04-10", "2031-04-20", "2031-04-30"]
    assert frame["mean"].to_numpy() == pytest.approx(fan.mean[0])
    marks = ladder_fan(over_priors(birth_death(0.2, 0.1, 3), draws=8, times=3)).frame()
    assert list(marks.index) == list(range(8)), "two rungs above the lowest, at four times"
    assert fan.sentences()[0].startswith("“across” by 30 April 2031: ")
    assert ladder_fan(draws).sentences()[0].startswith("“far” or above on 30 April 2031: ")


def test_a_fan_is_of_the_headline_or_of_a_ladder():
    world, draws = ferry(), over_priors(ferry(), draws=8)
    line, stack = simlib.fan(world, draws=8), simlib.fan(world, ladder="banks", draws=8)
    assert line.names == (headline(world).name,)
    assert np.array_equal(line.quantiles, measure_fan(draws, headline(world).name).quantiles)
    assert np.array_equal(stack.quantiles, ladder_fan(draws, "banks").quantiles)
    with pytest.raises(ScenarioError, match="'bank' is not known; did you mean 'banks'"):
        simlib.fan(world, ladder="bank", draws=8)


# ---------------------------------------------------------------- beliefs


def belief(scenario, theta, weights):
    return Belief("a log", scenario.as_of, tuple(scenario.assumptions), theta, np.asarray(weights, dtype=float))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_draws_of_the_prior_as_a_belief_give_the_same_uncertainty(engine):
    plain = uncertainty(ferry(), ["across", "moves:horn"], engine=engine, draws=64, runs=40)
    same = belief(ferry(), plain.theta, plain.weights)
    answer = uncertainty(ferry(), ["across", "moves:horn"], engine=engine, draws=same, runs=40)
    assert answer.scores is None
    for one, other in zip(plain.spreads.values(), answer.spreads.values(), strict=True):
        assert other.mean.value == pytest.approx(one.mean.value, rel=1e-12)
        assert other.variance.value == pytest.approx(one.variance.value, rel=1e-12)
        assert other.stated == one.stated
        assert other.answers == pytest.approx(one.answers, rel=1e-12)
        for q, number in one.quantiles.items():
            assert other.quantiles[q].value == pytest.approx(number.value, rel=1e-12)


def test_draws_of_the_prior_as_a_belief_give_the_same_evsi():
    plain = evsi(ferry(), "across", draws=64, runs=80, look_by=10)
    theta = uncertainty(ferry(), "across", draws=64).theta
    answer = evsi(ferry(), "across", draws=belief(ferry(), theta, np.full(64, 1 / 64)), runs=80, look_by=10)
    assert answer.mean == pytest.approx(plain.mean)
    for one, other in zip(plain.observations, answer.observations, strict=True):
        assert (one.name, one.about) == (other.name, other.about)
        for name in ("brier", "log", "settles"):
            assert getattr(other, name).value == pytest.approx(getattr(one, name).value)


def test_a_belief_with_unequal_weights_gives_weighted_numbers():
    """Weights 1, 2, 3 as draws that stand once, twice and three times."""
    rng = np.random.default_rng(4)
    scenario = ferry()
    theta = np.tile(uncertainty(scenario, "across", draws=96).theta.mean(axis=0), (96, 1))
    theta[:, 0] = MEDIAN * np.exp(rng.normal(0, 1, 96))
    times = np.tile([1, 2, 3], 32)
    answer = uncertainty(scenario, "across", draws=belief(scenario, theta, times / times.sum()))
    p = 1 - np.exp(-theta[:, 0] * T)
    repeated = np.repeat(p, times)
    spread = answer.spread()
    assert spread.mean.value == pytest.approx(np.average(p, weights=times))
    effective = times.sum() ** 2 / (times**2).sum()
    assert spread.variance.value == pytest.approx(repeated.var() * effective / (effective - 1))
    assert spread.quantiles[0.5].value == pytest.approx(np.quantile(repeated, 0.5, method="hazen"), abs=0.02)
    assert spread.share.value == pytest.approx(
        spread.variance.value / (spread.mean.value * (1 - spread.mean.value)), rel=1e-9
    )
    assert "over the belief “a log”" in answer.sentences()[0]
    assert answer.provenance["belief"] == "a log"


@pytest.mark.slow
def test_a_belief_that_is_sure_of_a_slow_ferry_moves_evsi():
    scenario = ferry()
    theta = uncertainty(scenario, "across", draws=128).theta
    slow = theta[:, 0] < np.median(theta[:, 0])
    weights = np.where(slow, 1.0, 0.0) / slow.sum()
    sure = belief(scenario, theta, weights)
    answer = evsi(scenario, "across", observations=["signal"], draws=sure, runs=400, look_by=10)
    alone = belief(scenario, theta[slow], np.full(slow.sum(), 1 / slow.sum()))
    p = 1 - np.exp(-theta[slow, 0] * T)
    assert answer.mean == pytest.approx(p.mean(), abs=0.02)
    assert answer.observations[0].about == "pace"
    assert "ver the belief “a log”, " in " ".join(answer.sentences())
    assert evsi(scenario, "across", observations=["signal"], draws=alone, runs=400, look_by=10).mean == pytest.approx(
        answer.mean, abs=0.02
    )


@pytest.mark.statistical
def test_the_error_over_a_belief_is_that_of_its_effective_number():
    """Importance weights: 95% half-widths of 200 means hold about as often as they say, and grow with the weights."""
    rng = np.random.default_rng(2)
    held, halves = [], []
    for _ in range(200):
        x = rng.normal(0, 1, (256, 1))
        weights = rng.exponential(1, 256) ** 2  # independent of x: the mean stays 0
        weighting = Weighting.of_belief(weights / weights.sum())
        number = estimate(mean, x, weighting)
        held.append(abs(number.value) <= number.half)
        halves.append(number.half * np.sqrt(weights.sum() ** 2 / (weights**2).sum()))
    assert np.mean(held) > 0.9
    assert np.mean(halves) == pytest.approx(2.3646, rel=0.1)  # Student's t with 7 degrees of freedom


def test_equal_weights_change_no_estimate():
    rng = np.random.default_rng(3)
    values, group = rng.random((40, 3)), np.repeat(np.arange(8), 5)
    plain, scaled = Weighting(group), Weighting(group, np.ones(40))
    for statistic in (mean, variance_over_draws):
        one, other = estimate(statistic, values, plain), estimate(statistic, values, scaled)
        assert (other.value, other.half) == pytest.approx((one.value, one.half))
    one, other = quantile(values, plain, 0.9), quantile(values, scaled, 0.9)
    assert (other.value, other.half) == pytest.approx((one.value, one.half))
    assert np.bincount(Weighting.of_belief(np.full(37, 1 / 37)).group).tolist() == [5, 5, 5, 5, 5, 4, 4, 4]


def test_evppi_refuses_a_belief_by_name():
    theta = uncertainty(ferry(), "across", draws=128).theta
    other = belief(ferry(), theta, np.full(128, 1 / 128))
    refusal = "EVPPI needs independent draws of the prior, which the belief “a log” does not have"
    with pytest.raises(Unsupported, match=refusal):
        evppi(ferry(), "across", draws=other)
    with pytest.raises(Unsupported, match="which the belief “a log” does not have"):
        evppi_from(uncertainty(ferry(), "across", draws=other))


def test_beliefs_that_cannot_be_weighed_are_refused():
    scenario, theta = ferry(), uncertainty(ferry(), "across", draws=64).theta
    few = np.concatenate([[0.9], np.full(63, 0.1 / 63)])
    elsewhere = dataclasses.replace(belief(scenario, theta, np.full(64, 1 / 64)), start=np.full((64, 2), 0.5))
    for ask in (uncertainty, evsi):
        with pytest.raises(ValueError, match=r"“a log” has 1\.23 effective draws; expected at least 32 draws"):
            ask(scenario, "across", draws=belief(scenario, theta, few))
        with pytest.raises(Unsupported, match=r"joint start states: 2 in the belief .*, none in the scenario"):
            ask(scenario, "across", draws=elsewhere)
        with pytest.raises(Unsupported, match="is about other assumptions"):
            ask(scenario, "across", draws=dataclasses.replace(elsewhere, start=None, assumptions=("a", "b")))


def test_sources_that_are_cut_keep_their_age():
    found = Grounds("", ("The Gazette: a title that goes on and on",), None, 2)
    assert found.brief(30) == "2 days old: The Gazette: a …"
    assert found.brief(99) == "2 days old: The Gazette: a title that goes on and on"
    assert Grounds("", ("One", "Two"), None, 1).brief(30) == "the newest a day old: One; Two"
    assert Grounds("", (), None, None).brief(30) == "no source"


def test_a_source_of_the_day_or_of_later_has_no_odd_age():
    ages = [Grounds("", ("The Gazette",), None, days).age() for days in (None, -9, 0, 1, 2)]
    assert ages == ["undated", "dated after the forecast", "of the day", "a day old", "2 days old"]
