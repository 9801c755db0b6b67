"""Uncertainty and EVSI in worlds where doubt, chance and the value of watching are known in closed form.

Intervals are 95%, seeds fixed. The ferry crosses at a log-normal rate θ, so that P = 1 - exp(-θ T).
"""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from simlib.analysis.indicators.watch_list import indicators
from simlib.analysis.uncertainty.estimates import (
    Number,
    Stage,
    Weighting,
    draws_needed,
    enough,
    estimate,
    quantile,
    uncertainty_share,
    variance_over_draws,
    without_noise,
)
from simlib.analysis.uncertainty.fans import ladder_fan, measure_fan
from simlib.analysis.uncertainty.hermite_regression import divergence
from simlib.analysis.uncertainty.perfect_information import evppi_from
from simlib.analysis.uncertainty.propagation import Precision, uncertainty
from simlib.analysis.uncertainty.sample_information import evsi
from simlib.cli.output.listings import observations
from simlib.control import Control
from simlib.engines.ensemble import over_priors
from simlib.errors import Cancelled, ScenarioError, Unsupported
from simlib.formatting import percent
from simlib.machine import priors
from simlib.scenario.model import Correlation, Question
from simlib.widgets.questions.courses import WhatToWatchFor
from tests.worlds import World, tempo_world, two_states

T, MEDIAN, DEVIATION = 30.0, 0.03, 1.0
Z95 = 1.6448536269514722
Z, WEIGHT = np.polynomial.hermite_e.hermegauss(120)
WEIGHT = WEIGHT / WEIGHT.sum()
THETA = MEDIAN * np.exp(DEVIATION * Z)


def ferry(*, deviation=DEVIATION, horizon=T):
    """A ferry crosses at rate θ, and signals at rate θ too until it is across; a horn sounds at a rate of its own."""
    world, spread = World("ferry", horizon), np.exp(deviation * Z95)
    world.variable("bank", "left", "right", start="left")
    world.uncertain("pace", "rate", MEDIAN, MEDIAN / spread, MEDIAN * spread)
    world.uncertain("idle", "rate", 0.05, 0.02, 0.12)
    world.move("cross", "pace", {"bank": "right"}, when={"bank": "left"}).move("signal", "pace").move("horn", "idle")
    world.move("whisper", "pace", covert=True).ladder("banks", near=None, far={"bank": "right"})
    return world.ending("across", {"bank": "right"}).question("crossed", {"bank": "right"}).scenario()


def mean(values):
    return float(np.asarray(values) @ WEIGHT)


P = 1 - np.exp(-THETA * T)
TRUTH = {"mean": mean(P), "variance": mean((P - mean(P)) ** 2)}
TRUTH["doubt"] = TRUTH["variance"] / (TRUTH["mean"] * (1 - TRUTH["mean"]))


def holds(number, truth):
    return abs(number.value - truth) <= number.half


# ---------------------------------------------------------------- uncertainty


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_doubt_and_chance_of_a_crossing_are_known(engine):
    found = uncertainty(ferry(), "across", engine=engine, draws=256, seed=3)
    spread = found.spread()
    assert found.engine == engine
    assert holds(spread.mean, TRUTH["mean"])
    assert holds(spread.variance, TRUTH["variance"])
    assert holds(spread.share, TRUTH["doubt"])
    assert spread.share.value == pytest.approx(TRUTH["doubt"], abs=0.02)
    for q, number in spread.quantiles.items():
        score = {0.05: -Z95, 0.5: 0.0, 0.95: Z95}[q]
        assert holds(number, 1 - np.exp(-MEDIAN * np.exp(DEVIATION * score) * T))
    assert spread.stated.value == pytest.approx(1 - np.exp(-MEDIAN * T), abs=1e-9 if engine == "exact" else 0.03)
    assert (spread.stated.half == 0) == (engine == "exact")


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_errors_cover_as_often_as_they_say(engine):
    """24 seeds x 6 numbers: of 95% half-widths at least 89% hold (fails by chance about once in 1,000)."""
    held = []
    for seed in range(24):
        s = uncertainty(ferry(), "across", engine=engine, draws=64, runs=200, seed=seed).spread()
        truths = [TRUTH["mean"], TRUTH["variance"], TRUTH["doubt"], 1 - np.exp(-MEDIAN * T)]
        held += [holds(n, t) for n, t in zip([s.mean, s.variance, s.share, s.quantiles[0.5]], truths, strict=True)]
        held += [holds(s.quantiles[q], 1 - np.exp(-MEDIAN * np.exp(z) * T)) for q, z in ((0.05, -Z95), (0.95, Z95))]
    assert np.mean(held) > 0.89


@pytest.mark.statistical
def test_few_replicates_a_draw_do_not_inflate_the_doubt():
    """Forty replicates for each draw: P̂ spreads half as much again as P; what is reported does not."""
    found = uncertainty(ferry(deviation=0.3), "across", engine="montecarlo", draws=512, runs=40)
    p = 1 - np.exp(-MEDIAN * np.exp(0.3 * Z) * T)
    variance = mean((p - mean(p)) ** 2)
    spread = found.spread()
    assert holds(spread.variance, variance)
    assert spread.answers.var(ddof=1) == pytest.approx(max(spread.variance.value, 0), rel=1e-9)
    assert found.answers[:, :, 0].mean(axis=1).var() > spread.answers.var()


def test_noise_is_taken_out_of_variances_by_products_of_blocks():
    """Draws ±0.1 about 0.5 in blocks whose noise adds to nothing across them: Var(P) is 0.01, P̂ spreads more."""
    rng = np.random.default_rng(0)
    p = np.repeat([0.4, 0.6], 2000)
    values = p[:, None] + rng.normal(0, 0.3, (4000, 6))
    assert variance_over_draws(values) == pytest.approx(0.01, rel=0.3)
    assert values.mean(axis=1).var() > 0.02
    assert without_noise(values).var(ddof=1) == pytest.approx(variance_over_draws(values))
    np.testing.assert_array_equal(without_noise(values[:, :1]), values[:, 0])  # a single block: nothing to compare
    assert uncertainty_share(np.tile(values.mean(axis=0), (9, 1))) == 0.0
    assert uncertainty_share(np.zeros((9, 3))) == 0.0


def test_the_error_of_a_mean_is_students_t_over_sequences():
    values = np.arange(8.0)[:, None] @ np.ones((1, 1))
    number = estimate(lambda x, _: float(x.mean()), values, Weighting(np.repeat(np.arange(4), 2)))
    assert number.value == 3.5
    assert number.half == pytest.approx(3.182446 * np.std([0.5, 2.5, 4.5, 6.5], ddof=1) / 2, rel=1e-5)


def test_the_error_of_the_replicates_is_a_jackknife_over_blocks():
    values = np.tile([0.1, 0.3, 0.8], (6, 1))
    number = estimate(lambda x, _: float(x.mean()), values, Weighting(np.repeat(np.arange(3), 2)))
    assert number.half == pytest.approx(4.302653 * np.std([0.1, 0.3, 0.8], ddof=1) / np.sqrt(3), rel=1e-5)


@pytest.mark.slow
def test_it_stops_by_itself_when_the_quantiles_are_known():
    loose = uncertainty(ferry(), "across", precision=Precision(tolerance=0.05))
    tight = uncertainty(ferry(), "across", precision=Precision(tolerance=0.01))
    assert loose.reached
    assert tight.reached
    assert loose.draws < tight.draws <= 1024
    assert all(n.half <= 0.01 for n in tight.spread().quantiles.values())
    assert set(map(tuple, loose.theta)) <= set(map(tuple, tight.theta))
    assert f"With {tight.draws:,} draws each quantile is known to ±1 point." in tight.sentences()[-1]


def test_it_says_when_the_tolerance_was_not_reached():
    found = uncertainty(ferry(), "across", precision=Precision(tolerance=1e-5, most_draws=128))
    assert not found.reached
    assert found.draws == 128
    last = found.sentences()[-1]
    assert re.fullmatch(
        r"With 128 draws each quantile is known to ±[\d.]+ points, not to the ±0.001 points asked for: "
        r"that would take about [\w ,]+ draws\.",
        last,
    )
    assert found.within == max(number.half for number in found.spread().quantiles.values())


def test_draws_needed_follow_the_rate_at_which_the_error_fell():
    assert draws_needed([(128, 0.04), (256, 0.02)], 0.01) == 512  # it halves with every doubling
    assert draws_needed([(128, 0.04), (256, 0.04 / np.sqrt(2))], 0.01) == 2048
    assert draws_needed([(128, 0.04)], 0.02) == 512  # nothing is known of the rate: that of independent draws
    assert draws_needed([(128, 0.04), (256, 0.039), (512, 0.04)], 0.01) == 8192  # luck: no slower than independent ones
    assert draws_needed([(128, 0.005)], 0.01) == 128


def test_what_would_be_enough_shares_the_error_between_draws_and_replicates():
    assert enough([Stage(128, 0, 0.02, 0.0)], 0.01) == (512, 0)
    half = 0.01 / np.sqrt(2)
    assert enough([Stage(128, 500, half, half)], 0.01) == (128, 500)
    assert enough([Stage(128, 500, half / 2, 4 * half)], 0.01) == (128, 8000)
    assert enough([Stage(128, 500, 2 * half, 4 * half)], 0.01) == (512, 8000)


@pytest.mark.slow
def test_where_the_replicates_are_what_errs_they_are_doubled():
    """With common random numbers 200 replicates leave ±7 points on a chance of 60% at any number of draws."""
    coarse = uncertainty(ferry(), "across", engine="montecarlo", runs=200, draws=256)
    found = uncertainty(
        ferry(), "across", engine="montecarlo", runs=200, precision=Precision(tolerance=0.04, most_draws=4096)
    )
    assert coarse.spread().mean.of_replicates > 0.03
    assert found.reached
    assert found.runs >= 800
    assert found.draws < 4096
    assert holds(found.spread().mean, TRUTH["mean"])
    assert (
        f"With {found.draws:,} draws of {found.runs:,} replicates each quantile is known to ±4 points."
        in found.sentences()[-1]
    )
    once = uncertainty(ferry(), "across", engine="montecarlo", runs=found.runs, draws=found.draws)
    place = {tuple(row): number for number, row in enumerate(found.theta)}
    same = [place[tuple(row)] for row in once.theta]
    assert found.answers[same].mean(axis=1) == pytest.approx(once.answers.mean(axis=1), abs=1e-12)
    assert found.spread().stated.value == pytest.approx(once.spread().stated.value, abs=1e-12)


def test_replicates_are_not_doubled_past_what_was_allowed():
    found = uncertainty(
        ferry(), "across", engine="montecarlo", runs=32, precision=Precision(most_draws=512, tolerance=0.001)
    )
    assert not found.reached
    assert found.draws * found.runs <= 512 * 32
    assert found.runs > 32
    last = found.sentences()[-1]
    assert last.startswith(f"With {found.draws} draws of {found.runs:,} replicates each quantile is known to ±")
    assert re.search(r"asked for: that would take about [\w ,]+ draws of [\d,]+ replicates\.$", last)
    assert found.to_dict()["needed"]["runs"] > found.runs


def test_one_quantile_is_told_as_one():
    found = uncertainty(ferry(), "across", draws=128, precision=Precision(quantiles=(0.9,)))
    assert ". 90% of the draws give at most 9" in found.sentences()[0]


@pytest.mark.slow
@pytest.mark.statistical
def test_correlations_are_kept():
    """Two ferries, either of which will do: P = 1 - exp(-(θ₁ + θ₂) T); tied rates spread more."""
    world = World("two", T).variable("bank", "left", "right", start="left")
    spread = np.exp(0.8 * Z95)
    for name in ("one", "two"):
        world.uncertain(name, "rate", 0.015, 0.015 / spread, 0.015 * spread)
        world.move(f"cross-{name}", name, {"bank": "right"}, when={"bank": "left"})
    scenario = world.ending("across", {"bank": "right"}).scenario()
    tied = scenario.replace(correlations=(Correlation("one", "two", 0.9),))
    rho = 2 * np.sin(np.pi * 0.9 / 6)
    x, y = np.meshgrid(Z[30:90], Z[30:90], indexing="ij")
    w = np.outer(WEIGHT[30:90], WEIGHT[30:90])
    for world_, r in ((scenario, 0.0), (tied, rho)):
        rates = 0.015 * (np.exp(0.8 * x) + np.exp(0.8 * (r * x + np.sqrt(1 - r**2) * y)))
        p = 1 - np.exp(-rates * T)
        truth = float((w * (p - (w * p).sum()) ** 2).sum())
        assert holds(uncertainty(world_, "across", draws=256).spread().variance, truth)


def test_counts_have_a_spread_but_no_share_of_doubt():
    found = uncertainty(ferry(), ["moves:horn", "across"], draws=64)
    assert found.spread("moves:horn").share is None
    assert np.isnan(found.frame()["doubt"][0])
    with pytest.raises(ValueError, match="'moves:horn' is an expected count"):
        evppi_from(found, "moves:horn")
    with pytest.raises(KeyError, match="'ending:ongoing' was not asked for; expected one of moves:horn"):
        found.spread("ending:ongoing")


def test_uncertainty_in_words():
    found = uncertainty(ferry(), "across", draws=64)
    text = " ".join(found.sentences())
    assert "“across” by 30 April 2031: 60%" in text
    assert "over the priors, 59% at the stated values. 90% of the draws give between" in text
    assert re.search(r"[\d.]+ ± [\d.]+% of the uncertainty comes from the assumptions, the rest from chance\.", text)
    assert "A few draws" not in text
    spread = found.spread("across")
    rare = dataclasses.replace(spread, mean=dataclasses.replace(spread.mean, value=spread.deviation / 2))
    rarely = dataclasses.replace(found, spreads={"ending:across": rare})
    assert "A few draws make up most of this share, so its ± may be too small." in " ".join(rarely.sentences())
    assert list(found.frame("draws")) == [*found.scenario.assumptions, "weight", "ending:across"]
    with pytest.raises(ValueError, match="unknown table 'rows'; expected measures or draws"):
        found.frame("rows")
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["measures"]["ending:across"]["quantiles"].keys() == {"0.05", "0.5", "0.95"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantiles": (0.5, 1.0)}, "strictly between 0 and 1"),
        ({"most_draws": 16}, "expected at least 32 draws, not 16"),
    ],
)
def test_wrong_numbers_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        uncertainty(ferry(), "across", precision=Precision(**options))


def test_fixed_assumptions_leave_no_doubt_to_carry():
    with pytest.raises(Unsupported, match="is fixed: give at least one a low and a high value"):
        uncertainty(two_states(ends=True))


def test_progress_rises_to_one_and_cancel_stops():
    for run in (
        lambda control: uncertainty(ferry(), "across", precision=Precision(most_draws=256), control=control),
        lambda control: evsi(ferry(), "across", draws=32, runs=32, control=control),
    ):
        shares: list[float] = []
        run(Control(shares.append))
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1.0)
        with pytest.raises(Cancelled):
            run(Control(cancel=lambda: True))


def test_the_stated_values_are_solved_even_where_not_every_draw_is():
    found = uncertainty(ferry(), "across", draws=64, runs=80, precision=Precision(patience=4))
    assert (found.engine, found.runs) == ("montecarlo", 80)
    assert found.spread().stated == (Number(pytest.approx(1 - np.exp(-MEDIAN * T), abs=1e-9), 0.0))
    assert uncertainty(ferry(), "across", draws=64, precision=Precision(patience=2 * 64)).engine == "exact"
    assert uncertainty(ferry(), "across", draws=64, runs=80, precision=Precision(patience=1)).spread().stated.half > 0


@pytest.mark.slow
def test_what_was_known_when_it_was_stopped_can_be_kept():
    """Stopped half way through the second doubling: what the first one gave is told, to the bit."""
    precision = Precision(tolerance=1e-6, most_draws=4096, answer_when_cancelled=True)
    whole = uncertainty(ferry(), "across", precision=Precision(tolerance=1e-6, most_draws=256))
    answered = iter(range(10_000))
    late = Control(cancel=lambda: next(answered) > 1.5 * whole.draws)
    found = uncertainty(ferry(), "across", precision=precision, control=late)
    assert not found.reached
    assert found.draws == whole.draws
    assert np.array_equal(found.answers, whole.answers)
    assert "asked for: that would take about" in found.sentences()[-1]
    with pytest.raises(Cancelled):
        uncertainty(ferry(), "across", precision=precision, control=Control(cancel=lambda: True))


# ---------------------------------------------------------------- EVSI


def seeing_truth(t):
    """Return what is known of the signal: both it and the crossing come at rate θ, the signal until the crossing."""
    still, later, seen = np.exp(-THETA * t), 1 - np.exp(-THETA * (T - t)), 1 - np.exp(-THETA * t)
    still_open, q = mean(still), mean(still * seen) / mean(still)
    yes = mean(still * seen * later) / mean(still * seen)
    no = mean(still * (1 - seen) * later) / mean(still * (1 - seen))
    before = mean(still * later) / still_open
    gain = q * divergence(yes, before) + (1 - q) * divergence(no, before)
    ever = (1 - np.exp(-2 * THETA * t)) / 2
    together = mean((P - mean(P)) * (ever - mean(ever)))
    settles = together**2 / (mean(ever) * (1 - mean(ever))) / TRUTH["variance"]
    return {
        "open": still_open,
        "q": q,
        "yes": yes,
        "no": no,
        "brier": still_open * q * (1 - q) * (yes - no) ** 2,
        "log": still_open * float(gain),
        "settles": settles,
    }


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("measure", ["across", "question:crossed"])
def test_the_value_of_watching_for_a_signal_is_known(measure):
    truth = seeing_truth(10)
    found = evsi(ferry(), measure, observations=["signal", "horn"], look_by=10)
    signal, horn = found.observations
    assert (signal.move, horn.move) == ("signal", "horn")
    assert found.open_then == pytest.approx(truth["open"], abs=0.01)
    assert signal.seen == pytest.approx(truth["q"], abs=0.01)
    assert signal.if_seen == pytest.approx(truth["yes"], abs=0.01)
    assert signal.if_not == pytest.approx(truth["no"], abs=0.01)
    assert holds(signal.brier, truth["brier"])
    assert holds(signal.log, truth["log"])
    assert holds(signal.settles, truth["settles"])
    assert signal.about == "pace"
    assert horn.about == "idle"
    assert horn.brier.value <= 2 * horn.brier.half
    assert horn.brier.value < truth["brier"] / 50


def test_all_public_moves_are_watched_and_covert_ones_never():
    found = evsi(ferry(), "across", draws=32, runs=32)
    assert {o.move for o in found.observations} == {"cross", "signal", "horn"}
    cross = next(o for o in found.observations if o.move == "cross")
    assert (cross.seen, cross.brier.value) == (0.0, 0.0)  # where it has been seen the question is no longer open
    assert np.isnan(cross.if_seen)
    (told,) = observations(found)
    assert re.search(r"\n  cross +never +- +\d+% +- +-\n", told + "\n")
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))["observations"]
    assert next(o for o in plain if o["observation"] == "cross")["if_seen"] is None
    with pytest.raises(ScenarioError, match=r"nobody observes 'whisper'(.|\n)*unknown move 'cros'"):
        evsi(ferry(), "across", observations=["whisper", "cros"])


@pytest.mark.statistical
def test_a_question_that_ends_nothing_is_open_until_it_is_answered():
    """The horn may sound, and the ferry cross, before the tenth day: open is where neither has happened."""
    scenario = ferry()
    question = Question("horned", "horned", move="horn")
    scenario = scenario.replace(questions={"horned": question})
    found = evsi(scenario, "horned", observations=["signal"], look_by=10)
    idle = priors.values_from_scores(scenario, np.stack([Z, Z], axis=1))[:, 1]
    assert found.open_then == pytest.approx(mean(np.exp(-THETA * 10)) * mean(np.exp(-idle * 10)), abs=0.01)


def test_outcomes_can_be_watched():
    found = evsi(
        _uncertain(tempo_world()), "war", observations=["clash:small", "patrol:challenged"], draws=32, runs=200
    )
    assert {o.name for o in found.observations} == {"clash:small", "patrol:challenged"}
    assert all(o.if_seen > o.if_not for o in found.observations)
    with pytest.raises(ScenarioError, match="'clash' has no outcome 'tiny'"):
        evsi(_uncertain(tempo_world()), "war", observations=["clash:tiny"])


def _uncertain(scenario):
    rate = scenario.assumptions["clash.rate"]
    doubted = dataclasses.replace(rate, low=rate.value / 3, high=rate.value * 3)
    return scenario.replace(assumptions=dict(scenario.assumptions) | {rate.id: doubted})


def test_evsi_in_words():
    found = evsi(ferry(), "across", draws=64, runs=400, look_by=10)
    text = " ".join(found.sentences())
    assert f"of histories; in these its probability is {percent(found.if_open)}." in text
    assert "It is still open at the end of 10 April 2031 in" in text
    assert "“signal” is seen by " in text
    assert "Watching for it lowers the expected Brier score by" in text
    assert "most of it about “pace”" in text
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["observations"][0]["observation"] == "signal"
    assert set(found.frame()) >= {"observation", "brier", "settles", "sources", "age_days"}


@pytest.mark.parametrize(
    ("measure", "options", "words"),
    [
        ("moves:horn", {}, "has no day on which it happens; expected an ending or a question"),
        ("ending:ongoing", {}, "has no day on which it happens"),
        ("across", {"draws": 8}, "expected at least 32 draws"),
        ("across", {"observations": []}, "expected at least one public move"),
    ],
)
def test_wrong_requests_to_watch_are_refused(measure, options, words):
    with pytest.raises(ValueError, match=words):
        evsi(ferry(), measure, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"look_by": 30}, "look_by: 30 days; expected a day before the target, 30 days after 2031-04-01"),
        ({"look_by": "2031-04-10", "by": 9}, "look_by: 10 days; expected a day before the target, 9 days"),
        ({"look_by": 31}, "look_by: 31 lies outside the forecast; expected a day up to 2031-04-30"),
    ],
)
def test_one_looks_before_the_day_of_the_question(options, words):
    with pytest.raises(ScenarioError, match=words):
        evsi(ferry(), "across", **options)


@pytest.mark.parametrize(("horizon", "by", "day"), [(30.0, None, 14.0), (12.0, None, 6.0), (30.0, 12, 6.0)])
def test_one_watches_for_two_weeks_or_half_of_a_shorter_time(horizon, by, day):
    world = ferry().replace(horizon_days=horizon)
    assert evsi(world, "across", by=by, draws=32, runs=16).look_by_day == day
    if by is None:
        assert indicators(world, "across", draws=0).look_by_day == day
        assert WhatToWatchFor(world).chosen["look_by"] == day


# ---------------------------------------------------------------- fans


def test_a_fan_keeps_chance_and_doubt_apart():
    draws = over_priors(ferry(), draws=128, times=6)
    fan = ladder_fan(draws)
    assert fan.names == ("near", "far")
    assert fan.mean.shape == (1, 7)
    assert fan.mean[0, -1] == pytest.approx(TRUTH["mean"], abs=0.01)
    assert fan.quantiles[4, 0, -1] == pytest.approx(1 - np.exp(-MEDIAN * np.exp(Z95) * T), abs=0.02)
    same = measure_fan(draws, "across")
    assert same.mean[0] == pytest.approx(fan.mean[0])
    assert same.stated[0, -1] == pytest.approx(1 - np.exp(-MEDIAN * T), abs=1e-8)
    theta = priors.draws(ferry(), 128, seed=0)[:, 0]
    assert same.quantiles[2, 0, -1] == pytest.approx(np.median(1 - np.exp(-theta * T)), abs=1e-8)


def test_the_noise_within_a_draw_is_no_doubt_in_a_fan():
    """All but fixed, 200 replicates for each draw: all of the spread is noise."""
    scenario = ferry(deviation=1e-4)
    draws = over_priors(scenario, engine="montecarlo", draws=100, runs=200, times=3)
    for fan in (measure_fan(draws, "across"), ladder_fan(draws)):
        assert np.ptp(fan.quantiles[:, 0, -1]) < 0.06
    raw = np.array([forecast.endings["across"].probability[-1] for forecast in draws.forecasts])
    assert np.ptp(np.quantile(raw, [0.05, 0.95])) > 0.1
    with pytest.raises(ValueError, match="'moves:horn' is an expected count; a fan shows a probability"):
        measure_fan(draws, "moves:horn")


@pytest.mark.slow
def test_where_nothing_is_uncertain_no_share_of_it_is_told():
    world = World("sure", T).variable("bank", "left", "right", start="left")
    world.move("cross", world.uncertain("pace", "rate", 50.0, 40.0, 60.0), {"bank": "right"}, when={"bank": "left"})
    found = uncertainty(world.ending("across", {"bank": "right"}).scenario(), "across", draws=64)
    assert found.sentences()[1] == "The event is certain in every draw, or impossible in every draw."


def test_each_end_of_a_range_has_an_interval_of_its_own_that_stays_a_probability():
    """Most draws are near zero, so the lower end is known well and the upper end is not."""
    values, weighting = np.linspace(0.0, 1.0, 64)[:, None] ** 8, Weighting(np.arange(64) % 8)
    low, high = (quantile(values, weighting, q) for q in (0.05, 0.95))
    for number in (low, high):
        assert number.ends is not None
        assert number.half == pytest.approx(max(number.value - number.ends[0], number.ends[1] - number.value))
    assert low.half < 0.01 < high.half
    found = uncertainty(ferry(), "across", draws=64).spread()
    wide = dataclasses.replace(found.quantiles[0.05], ends=(-0.05, 0.2))
    assert dataclasses.replace(found, quantiles={0.05: wide}).interval(0.05) == "0% to 20%"
    even = dataclasses.replace(found, quantiles={0.5: Number(0.5, 0.125), 0.95: Number(0.95, 0.2)})
    assert even.interval(0.5) == "38% to 62%"
    assert even.interval(0.95) == "75% to 100%"


def test_doubt_below_the_noise_is_told_as_at_most():
    found = uncertainty(ferry(deviation=1e-3), "across", engine="montecarlo", draws=64, runs=80)
    first, second = found.sentences()
    assert re.search(r"between \S+% \(95% interval \S+ to \S+\) and \S+% \(95% interval \S+ to \S+\)\.$", first)
    assert re.search(
        r"^At most \S+% of the uncertainty comes from the assumptions; the rest is chance\. The mean is", second
    )
