"""Learning: importance sampling on known cases, the posterior against quadrature, the cut, and calibration."""

import dataclasses
import datetime as dt
import random

import numpy as np
import pytest

import simlib
from simlib.engines.reference import Reference
from simlib.evidence import hamiltonian, pareto
from simlib.evidence.draw_weights import Reweighting
from simlib.evidence.exact_filter import Filter
from simlib.evidence.posterior import Learning, NotLearnt, summary
from simlib.machine import priors
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage, Evidence
from simlib.scenario.row_meaning import read_rows
from tests.evidence.test_closed_forms import row, weigh
from tests.worlds import clocks, date


@pytest.mark.parametrize(("rate", "k"), [(0.5, 0.5), (0.8, 0.2), (0.25, 0.75)])
def test_the_tail_of_exponential_ratios_has_the_known_shape(rate, k):
    """Exponentials of rate `rate` from draws of rate 1: the ratios are Pareto with the shape 1 - rate."""
    x = np.random.default_rng(1).exponential(size=40_000)
    log_weights, shape = pareto.smoothed((1 - rate) * x)
    assert shape == pytest.approx(k, abs=0.1)
    assert np.exp(log_weights).sum() == pytest.approx(1.0)
    if k < 0.6:
        assert np.exp(log_weights) @ x == pytest.approx(1 / rate, rel=0.1)


@pytest.mark.parametrize(("k", "count", "near"), [(0.3, 1000, 0.003), (-0.4, 1000, 0.006), (0.7, 40, 0.02)])
def test_a_fitted_tail_has_its_known_shape_drawn_to_a_half_as_by_ten_observations(k, count, near):
    points = (np.arange(1, count + 1) - 0.5) / count
    shape, scale = pareto.fit(2 * ((1 - points) ** -k - 1) / k)
    assert shape == pytest.approx((count * k + 5) / (count + 10), abs=near)
    assert scale == pytest.approx(2, rel=0.02)


def test_equal_ratios_are_left_alone():
    log_weights, shape = pareto.smoothed(np.zeros(100))
    assert np.exp(log_weights) == pytest.approx(np.full(100, 0.01))
    assert shape < 0


def test_weights_teach_the_cut_assumptions_by_the_early_rows_alone():
    """Two values of the cut assumptions with two draws each: each value keeps half of the weight until later rows."""
    early = np.log([1.0, 3.0, 2.0, 2.0])
    weighing = Reweighting(np.zeros(4), np.array([0, 0, 1, 1]), early, until=10.0)
    at = weighing.at(np.log([1.0, 1.0, 1.0, 4.0]), 10.0)[0]
    assert at == pytest.approx([0.25, 0.25, 0.1, 0.4])
    later = weighing.at(early + np.log([1.0, 1.0, 1.0, 3.0]), 10.1)[0]
    assert later == pytest.approx(np.array([0.125, 0.375, 0.25, 0.75]) / 1.5)
    assert weighing.some(np.array([2, 3])).at(early[2:], 11.0)[0] == pytest.approx([0.5, 0.5])


def test_chains_find_a_normal_distribution_and_say_when_they_have_not():
    scale = np.array([0.7, 1.0, 1.3])
    draws = hamiltonian.chains(lambda x: (float(-0.5 * np.sum((x / scale) ** 2)), -x / scale**2), 3, 400, seed=2)
    r_hat, bulk = hamiltonian.convergence(draws)
    assert r_hat < 1.02
    assert bulk > 400
    assert draws.reshape(-1, 3).std(axis=0) == pytest.approx(scale, rel=0.12)
    apart = draws + np.array([0, 0, 0, 3.0])[:, None, None]
    assert hamiltonian.convergence(apart)[0] > 1.5


def test_the_step_of_a_chain_that_never_moves_shrinks_as_in_dual_averaging():
    """If no proposal is accepted, step n is 10 s exp(-16 n^1.5 / (n + 10)), and s at first (Hoffman and Gelman 2014).

    A momentum of so many dimensions d has nearly the length √d, which shows the step. s = d^-¼ / 2.
    """
    size, asked = 10_000, []

    def alone(x):
        asked.append(x)
        return (-np.inf if len(asked) > 1 else 0.0), np.zeros(size)

    hamiltonian._chain(alone, size, 1, np.random.default_rng(1))
    steps = [np.linalg.norm(x - asked[0]) / np.sqrt(size) for x in asked[1:9]]
    n = np.arange(1, 8)
    assert steps == pytest.approx([0.05, *(0.5 * np.exp(-16 * n**1.5 / (n + 10)))], rel=0.03)


def eight_events():
    """Eight events in 62 days at a quiet rate with a prior: the score has the mean .16193 and the sd .60885."""
    return weigh(clocks(hot=None, uncertain=True), [row("event", day) for day in range(8)], 62)


@pytest.mark.slow
def test_a_rate_learnt_from_eight_events_by_importance_sampling_and_by_chains():
    learning = Learning(eight_events(), 1024, 0, simlib.Control())
    found = learning.posterior()
    place = list(learning.filter.world.assumptions).index("event.rate")
    mean, spread = summary(found.scores, found.weights)
    assert found.method in ("laplace", "student")  # in one dimension the normal proposal is a little short on the left
    assert found.k_hat < 0.5
    assert found.effective_draws > 500
    assert mean[place] == pytest.approx(0.16193, abs=0.03)
    assert spread[place] == pytest.approx(0.60885, abs=0.03)
    by_chains = learning._by_chains(*learning._laplace(learning.filter))
    mean, spread = summary(by_chains.scores, by_chains.weights)
    assert mean[place] == pytest.approx(0.16193, abs=0.1)
    assert spread[place] == pytest.approx(0.60885, abs=0.1)


def flagged(scenario, until):
    known = dataclasses.replace(scenario.assumptions["event.rate"], uses_log_until=date(until))
    return scenario.replace(assumptions={**scenario.assumptions, "event.rate": known})


def test_a_number_that_the_log_already_set_is_not_taught_by_the_same_rows():
    rows = [row("event", day) for day in range(8)]
    whole = weigh(flagged(clocks(hot=None, uncertain=True), 61), rows, 62)
    cut = Learning(whole, 512, 0, simlib.Control()).posterior()
    mean, spread = summary(cut.scores, cut.weights)
    place = int(np.flatnonzero(cut.cut)[0])
    assert (mean[place], spread[place]) == pytest.approx((0, 1), abs=0.05)


@pytest.mark.slow
def test_later_rows_teach_it_as_if_they_were_the_whole_log():
    """Quiet for certain, so the rows before and after are independent given the rate: only the later ones count."""
    rows = [row("event", day) for day in (2, 5, 31, 32, 33, 40, 50, 60)]
    whole = weigh(flagged(clocks(hot=None, uncertain=True), 29), rows, 62)
    cut = Learning(whole, 4096, 0, simlib.Control()).posterior()
    later = [row("event", day - 30) for day in (31, 32, 33, 40, 50, 60)]
    plain = Learning(weigh(clocks(hot=None, uncertain=True), later, 32), 1024, 0, simlib.Control()).posterior()
    place = int(np.flatnonzero(cut.cut)[0])
    ours, theirs = summary(cut.scores, cut.weights), summary(plain.scores, plain.weights)
    assert ours[0][place] == pytest.approx(theirs[0][place], abs=0.06)
    assert ours[1][place] == pytest.approx(theirs[1][place], abs=0.06)


@pytest.mark.parametrize(
    ("k", "effective", "draws", "words"),
    [
        (0.9, 300.0, [64, 64, 128, 256, 512], "a few of the 512 draws carry most of the weight (k = 0.90, limit 0.7);"),
        (0.3, 9.0, [64, 128, 256, 512, 1024], "1024 draws are worth 9 of equal weight (needed: 16);"),
        (np.inf, 9.0, [64, 64, 128, 256, 512], "512 draws are too few to judge their weights;"),
    ],
)
def test_each_pass_takes_other_draws_and_a_refusal_says_in_words_what_is_wrong(monkeypatch, k, effective, draws, words):
    """Heavy tails bring the Student proposal at the same size first. After that every pass doubles the draws."""
    whole = weigh(flagged(clocks(hot=None, uncertain=True), 29), [row("event", day) for day in (2, 5, 31, 40)], 62)
    learning, passes = Learning(whole, 64, 0, simlib.Control()), []
    some = learning.prior()

    def sampled(mode, precision, freedom):
        passes.append((learning.draws, freedom))
        weights = np.full(learning.draws, 1 / learning.draws)
        return dataclasses.replace(some, weights=weights, method="laplace", k_hat=k, effective_draws=effective)

    monkeypatch.setattr(learning, "_sampled", sampled)
    with pytest.raises(NotLearnt) as refused:
        learning.posterior()
    assert passes == list(zip(draws, (None, 10, None, None, None), strict=True))
    assert words in str(refused.value)
    assert "inf" not in str(refused.value)


def quiet_world():
    world = clocks(uncertain=True)
    seen = (Coverage("event", None, 1.0), Coverage("first", None, 1.0), Coverage("second", None, 1.0))
    return world.replace(evidence=Evidence(seen=seen))


def simulated(world, theta, seed, days):
    values = dict(zip(world.assumptions, theta.tolist(), strict=True))
    story = Reference(world, values=values, horizon=float(days)).run(random.Random(seed))
    return [LogRow(e.move, date(int(e.time)), line=n) for n, e in enumerate(story.events) if e.move != "cool"]


@pytest.mark.slow
def test_simulation_based_calibration_over_a_hundred_logs():
    """Draw a rate from its prior, simulate a log, learn: the rank of the rate among the posterior is uniform."""
    world = quiet_world()
    place = list(world.assumptions).index("event.rate")
    dice = np.random.default_rng(5)
    ranks = []
    for log in range(100):
        z = np.zeros(len(world.assumptions))
        z[place] = dice.normal()
        rows = simulated(world, priors.values_from_scores(world, z), log, 20)
        found = Learning(
            Filter(world, read_rows(world, rows), date(20)), 128, log, simlib.Control(threads=1)
        ).posterior()
        ranks.append(found.weights @ (found.scores[:, place] < z[place]))
    counts = np.histogram(ranks, 10, (0, 1))[0]
    assert np.sum((counts - 10) ** 2 / 10) < 27.9  # 99.9% of chi-squared with nine degrees of freedom
    assert np.mean(ranks) == pytest.approx(0.5, abs=0.1)


@pytest.mark.slow
def test_a_forecast_is_a_martingale_over_simulated_logs():
    """The mean over logs of the filtered probability is the probability before any log."""
    world = quiet_world()
    theta = priors.theta(world)
    later = []
    for log in range(300):
        rows = simulated(world, theta, log, 6)
        weighed = Filter(world, read_rows(world, rows), date(6))
        share = weighed.run().end
        later.append(share[weighed.end_levels[:, 0] == 1].sum())
    assert np.mean(later) == pytest.approx(0.6 * np.exp(-0.125 * 6), abs=0.035)


@pytest.mark.slow
def test_an_update_learns_and_says_what_it_could_not():
    world = simlib.load("two-islands")
    moves = ["patrol"] * 14
    rows = [LogRow(word, dt.date(2031, 4, 1 + day)) for day, word in enumerate(moves)]
    found = simlib.update(world, rows, as_of=dt.date(2031, 4, 15), draws=512)
    learnt = {each.id: each for each in found.learnt}
    assert learnt["patrol_rate"].taught
    assert learnt["patrol_rate"].posterior[1] > learnt["patrol_rate"].prior[1]
    assert learnt["hit_chance"].spread > 0.8
    assert learnt["landing_rate"].reach == "untouched"
    assert learnt["landing_rate"].posterior == learnt["landing_rate"].prior
    assert any("after the log" in sentence for sentence in found.sentences())
    before = simlib.update(world, rows, as_of=dt.date(2031, 4, 15), draws=64, learn=False)
    assert before.belief.equal
    assert before.learnt == ()
    assert found.assumptions().set_index("assumption").loc["patrol_rate", "taught"]
