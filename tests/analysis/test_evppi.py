"""EVPPI in worlds where it is known in closed form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re

import numpy as np
import pytest

from simlib.analysis.uncertainty.estimates import Weighting
from simlib.analysis.uncertainty.estimates import mean as mean_of
from simlib.analysis.uncertainty.hermite_regression import (
    divergence,
    explained,
    explained_share,
    explained_variance,
    hermite,
)
from simlib.analysis.uncertainty.perfect_information import evppi, evppi_from
from simlib.analysis.uncertainty.propagation import uncertainty
from simlib.analysis.uncertainty.reasons_and_sources import grounds
from simlib.analysis.uncertainty.sampling import prior_scores
from simlib.scenario.model import Correlation, Source
from tests.analysis.test_uncertainty import MEDIAN, TRUTH, WEIGHT, Z95, P, T, Z, ferry, holds, mean
from tests.worlds import World


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_evppi_is_known(engine):
    """P hangs on the pace alone: knowing it is worth Var(P) and the mutual information, the idle rate nothing."""
    found = evppi(ferry(), "across", engine=engine, draws=512)
    pace, idle = found.worths
    information = mean(divergence(P, TRUTH["mean"]))
    assert (pace.assumption.id, idle.assumption.id) == ("pace", "idle")
    assert holds(pace.brier, TRUTH["variance"])
    assert pace.log.value == pytest.approx(information, rel=0.05)
    assert pace.share == pytest.approx(1, abs=0.02)
    assert pace.share_error < 0.02
    assert idle.share <= idle.share_error
    assert abs(found.brier - TRUTH["variance"]) <= found.brier_error
    assert idle.brier.value <= idle.brier.half
    assert found.brier == pytest.approx(TRUTH["variance"], rel=0.06)
    assert found.log == pytest.approx(information, rel=0.06)
    assert found.chance == pytest.approx(mean(P * (1 - P)), rel=0.05)


@pytest.mark.slow
@pytest.mark.statistical
def test_knowing_one_of_two_tied_assumptions_tells_of_the_other():
    world = World("tied", T).variable("bank", "left", "right", start="left")
    world.uncertain("pace", "rate", MEDIAN, MEDIAN / np.exp(Z95), MEDIAN * np.exp(Z95))
    world.uncertain("price", "rate", 0.05, 0.05 / np.exp(Z95), 0.05 * np.exp(Z95))
    world.move("cross", "pace", {"bank": "right"}, when={"bank": "left"}).move("sell", "price")
    scenario = (
        world.ending("across", {"bank": "right"}).scenario().replace(correlations=(Correlation("pace", "price", 0.7),))
    )
    rho = 2 * np.sin(np.pi * 0.7 / 6)
    x, y = np.meshgrid(Z, Z, indexing="ij")
    given = (1 - np.exp(-MEDIAN * np.exp(rho * x + np.sqrt(1 - rho**2) * y) * T)) @ WEIGHT
    truth = mean((given - mean(given)) ** 2)
    worths = {w.assumption.id: w for w in evppi(scenario, "across", draws=512).worths}
    assert holds(worths["price"].brier, truth)
    assert worths["price"].brier.value == pytest.approx(truth, rel=0.15)


def test_what_to_find_out_next_is_said_with_its_source_and_age():
    sources = {"old": Source("old", "Old Almanac", dt.date(2030, 4, 1)), "undated": Source("undated", "A letter")}
    scenario = ferry()
    pace = dataclasses.replace(scenario.assumptions["pace"], sources=("old", "undated"), because="a hunch")
    scenario = scenario.replace(sources=sources, assumptions=dict(scenario.assumptions) | {"pace": pace})
    found = evppi(scenario, "across", draws=128)
    text = "\n".join(found.sentences())
    number = r"[\d.]+ ± [\d.]+"
    lower = (
        "Knowing every assumption would lower the expected Brier score of a forecast of “across” by 30 April 2031 from"
    )
    assert re.search(rf"{lower} 0\.\d+ to 0\.\d+, by {number}%\. The rest is chance\.", text)
    assert re.search(rf"Of the gain from knowing every assumption, {number}% comes from “pace”\. It rests on", text)
    assert "It rests on Old Almanac; A letter (the newest 365 days old): a hunch." in text
    assert "Settling “idle”" not in text
    assert list(found.frame()["age_days"][:1]) == [365]
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["assumptions"][0]["youngest"] == "2030-04-01"
    assert grounds(scenario, "", ("undated",)).words() == "A letter (undated)"
    assert grounds(scenario, "", ()).words() == "no source"


@pytest.mark.statistical
def test_noise_explains_nothing():
    """300 regressions of noise: the plain variance of the fit is 6/99 of it, what is reported is none on average."""
    rng = np.random.default_rng(1)
    found = [explained_variance(rng.normal(0, 1, (100, 1)), hermite(rng.normal(0, 1, 100))) for _ in range(300)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)
    assert np.std(found) / np.sqrt(300) < 0.005


def crowd():
    """Ten ferrymen of unknown pace, one the fastest and least known; whoever is first takes the crossing."""
    world = World("crowd", T).variable("bank", "left", "right", start="left")
    for number in range(10):
        rate, spread = (0.002, 20) if number else (0.01, 30)
        world.uncertain(f"pace-{number}", "rate", rate, rate / spread, rate * spread)
        world.move(f"cross-{number}", f"pace-{number}", {"bank": "right"}, when={"bank": "left"})
    return world.ending("across", {"bank": "right"}).scenario()


def test_what_is_not_known_yet_is_named_and_not_skipped():
    found = evppi_from(uncertainty(crowd(), "across", draws=128))
    known = [w.known for w in found.worths]
    assert 0 < sum(known) < 10
    assert known == sorted(known, reverse=True)
    told = found.sentences(4)
    last = [w for w in found.worths if w.known][:4][-1].share
    unsure = [w for w in found.worths if not w.known and w.share + w.share_error > last]
    assert unsure
    assert told[-1].startswith(
        "With 128 draws these assumptions cannot be ranked yet, and may be worth knowing too: “pace-"
    )
    for w in sorted(unsure, key=lambda w: -(w.share + w.share_error))[:6]:
        assert f"“{w.assumption.label}” ({w.of_all})" in told[-1]
    assert list(found.frame()["known"]) == known


def test_of_a_thing_that_hardly_ever_happens_no_dust_is_told():
    """Within the day that is asked about, the crossing has a chance of about 6 in 10,000: the worth is 1e-7 or so."""
    scenario = ferry()
    slow = {
        name: dataclasses.replace(a, value=a.value / 1000, low=a.low / 1000, high=a.high / 1000)
        for name, a in scenario.assumptions.items()
        if not a.fixed
    }
    found = evppi_from(uncertainty(scenario.replace(assumptions=scenario.assumptions | slow), "across", draws=128))
    assert 0 < found.brier < 1e-5
    text = "\n".join(found.sentences())
    assert "e-" not in text
    assert re.search(r"by 30 April 2031 from 0\.\d+ to 0\.\d+, by 0\.\d+ ± 0\.0\d+%\.", text)


def test_a_reason_without_a_source_is_told_as_one():
    scenario = ferry()
    pace = dataclasses.replace(scenario.assumptions["pace"], because="Assumed.")
    scenario = scenario.replace(assumptions=dict(scenario.assumptions) | {"pace": pace})
    text = " ".join(evppi(scenario, "across", draws=128).sentences())
    assert "It has no source, only a reason: Assumed." in text


def test_too_few_draws_teach_nothing():
    with pytest.raises(ValueError, match="draws is 64; expected at least 128 for “across”"):
        evppi_from(uncertainty(ferry(), "across", draws=64))


def test_the_draws_that_stay_without_a_group_are_weighed_by_their_own_mean():
    """The weighted mean of a constant is known without an error, also if one group has most of the weight."""
    weighting = Weighting(np.repeat(np.arange(8), 4), np.repeat([4.5, *[0.5] * 7], 4))
    values, basis = np.ones((32, 1)), np.ones((32, 1))
    number = explained(lambda values, _, scale: mean_of(values, scale), values, basis, weighting)
    assert (number.value, number.half) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_few_draws_of_many_assumptions_claim_no_value_for_those_that_move_nothing():
    """Some columns of a Sobol sequence resemble each other in their first 16 rows, under every scrambling.

    Were they dealt to the same assumptions in each of the eight sequences, four of these 224 would have a share of up
    to 14% beyond its error.
    """
    world = ferry()
    numbers = {f"idle-{n}": dataclasses.replace(world.assumptions["idle"], id=f"idle-{n}") for n in range(60)}
    world = world.replace(assumptions=numbers)
    beyond = []
    for seed in range(4):
        scores, sequence = prior_scores(world, 128, seed)
        z = scores.T
        answers = 1 / (1 + np.exp(-(1.2 * z[0] + 0.5 * z[1] + 0.4 * z[0] * z[2] + 0.3 * z[3])))
        shares = [
            explained(explained_share, answers[:, None], hermite(column), Weighting(sequence)) for column in z[4:]
        ]
        beyond += [share.value - share.half for share in shares if share.value > share.half]
    assert max(beyond, default=0.0) < 0.02


@pytest.mark.statistical
@pytest.mark.parametrize("draws", [64, 256, 1024])
def test_intervals_of_a_share_hold_it_and_are_no_wider_than_they_must_be(draws):
    """The errors of absent assumptions were 5 to 14 times too wide, those of weak ones twice, and both shares biased.

    The shares are known from a tensor rule: of the first three assumptions, of which the third acts weakly, and of a
    fourth that does nothing.
    """
    x, w = np.polynomial.hermite_e.hermegauss(24)
    w = w / w.sum()

    def answers(z):
        return 1 / (1 + np.exp(0.5 - 1.2 * z[0] - 0.5 * z[1] - 0.3 * z[2] - 0.4 * z[0] * z[2]))

    p = answers(np.meshgrid(x, x, x, indexing="ij"))
    weight = w[:, None, None] * w[:, None] * w
    middle, given = (p * weight).sum(), [np.einsum("ijk,j,k->i", np.moveaxis(p, axis, 0), w, w) for axis in range(3)]
    truth = [((g - middle) ** 2 @ w) / ((p - middle) ** 2 * weight).sum() for g in given] + [0.0]
    world = ferry()
    world = world.replace(
        assumptions={f"idle-{n}": dataclasses.replace(world.assumptions["idle"], id=f"idle-{n}") for n in range(12)}
    )
    found = []
    for seed in range(60):
        scores, sequence = prior_scores(world, draws, 100 + seed)
        values, weighting = answers(scores.T)[:, None], Weighting(sequence)
        found.append([list(explained(explained_share, values, hermite(scores[:, k]), weighting)) for k in range(4)])
    value, half = np.moveaxis(np.array(found), 2, 0)
    assert np.all((np.abs(value - truth) <= half).mean(axis=0) >= 0.85)  # 60 cases at 95%: 54 to 60
    spread = np.sqrt(((value - truth) ** 2).mean(axis=0))
    assert np.all(np.median(half, axis=0)[:3] < 2 * 1.96 * spread[:3])
    assert np.median(half[:, 3]) < 4 * 1.96 * spread[3]  # values below zero are told as zero, which halves the spread
