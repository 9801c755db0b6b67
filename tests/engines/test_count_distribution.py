"""The exact law of a count: closed forms, a dense chain that counts, histories, and what is left to them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from scipy.linalg import expm
from scipy.stats import poisson

import simlib
from simlib.cli.output.forecast_text import Computed, report
from simlib.control import Control
from simlib.engines import ensemble
from simlib.engines.ensemble import over_priors
from simlib.engines.exact import count_distribution as counting
from simlib.engines.exact.amounts import fixed_amount
from simlib.engines.exact.count_distribution import CountLaw, count_law, firing_laws
from simlib.engines.exact.solver import Solver
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Cancelled
from simlib.machine.rewards import Rewards
from simlib.scenario.model import Question, Repeats, Scenario
from tests import oracle, worlds
from tests.engines.chance import Z_LIMIT, scores
from tests.engines.test_questions_about_firings import strikes
from tests.properties.comparing import drawn
from tests.strategies import worlds as random_worlds
from tests.worlds import World

DAYS = np.array([0.0, 7.0, 30.0])


def law_of(scenario: Scenario, move: str, times: np.ndarray, **options: object) -> CountLaw:
    """Return the law of the number of firings of a move."""
    solver = Solver(scenario, times=times)
    mean = simlib.solve(scenario, times=times).moves[move][-1]
    counted = solver.tables.outcome_move == solver.tables.move(move)
    return count_law(solver.chain(), counted.astype(np.int64), float(mean), times, **options)


# -------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("mean", [0.3, 8.0, 90.0])
def test_firings_at_one_rate_have_the_law_of_poisson_rare_numbers_included(mean):
    """They change nothing: only the rate of the flow from the state to itself counts them."""
    law = law_of(strikes(mean / 20).scenario(), "strike", np.array([10.0, 40.0]))
    for row, expected in zip(law.share, (mean / 4, mean), strict=True):
        pmf = poisson.pmf(np.arange(len(row)), expected)
        some = pmf > 1e-11  # below, the truncation of the sum is felt
        np.testing.assert_allclose(row[some], pmf[some], rtol=1e-2, atol=1e-12)
        np.testing.assert_allclose(row, pmf, rtol=0, atol=1e-12)
    assert law.bound.max() < 1e-9


def test_a_rate_that_cools_has_the_generating_function_of_a_modulated_poisson_process():
    """G(z) = start · exp(t (Q + (z - 1) Λ)) · 1, with two states: hot and quiet."""
    world = worlds.clocks(hot=0.6)
    law = law_of(world, "event", DAYS)
    cooling, rates = np.array([[-0.125, 0.125], [0.0, 0.0]]), np.diag([0.33, 0.11])
    for z in (0.0, 0.5, 0.9):
        exact = [float(np.array([0.6, 0.4]) @ expm(t * (cooling + (z - 1) * rates)).sum(axis=1)) for t in DAYS]
        np.testing.assert_allclose(law.share @ z ** np.arange(law.share.shape[1]), exact, rtol=1e-9)


def test_a_number_that_can_only_be_none_or_one():
    """A door is closed at most once: the law is that of an exponential wait."""
    world = World("once").variable("door", "open", "shut", start="open")
    world.move("close", 0.1, {"door": "shut"}, when={"door": "open"})
    law = law_of(world.scenario(), "close", DAYS)
    np.testing.assert_allclose(law.share[:, :2], np.column_stack([np.exp(-0.1 * DAYS), 1 - np.exp(-0.1 * DAYS)]))
    assert law.share[:, 2:].max() < 1e-15


def test_more_numbers_are_kept_until_the_bound_is_met_and_a_law_cut_short_says_what_is_missing(monkeypatch):
    scenario = worlds.clocks(hot=0.6)
    chain = Solver(scenario, times=1).chain()
    counts = (chain.tables.outcome_move == chain.tables.move("event")).astype(np.int64)
    whole = count_law(chain, counts, 60.0, DAYS)
    grown = count_law(chain, counts, 1e-9, DAYS)  # as if hardly any were expected
    np.testing.assert_allclose(grown.share[:, :16], whole.share[:, :16], atol=1e-15)
    assert grown.bound.max() < 1e-9
    monkeypatch.setattr(counting, "MOST_KEPT_COUNTS", 8)
    cut = count_law(chain, counts, 60.0, DAYS)
    np.testing.assert_allclose(cut.share, whole.share[:, :8], atol=1e-15)
    band, missing = cut.at_most(), whole.share[-1, 8:].sum()
    assert missing > 0.05
    np.testing.assert_allclose(band.high - band.probability, missing, atol=1e-12)


# -------------------------------------------------------------------- against a dense chain, and histories


@pytest.mark.slow
@drawn(8)
@given(random_worlds(max_states=8))
def test_it_agrees_with_a_dense_chain_that_counts(scenario):
    """On random worlds, with interventions, windows, waits and dated moves: the probability of at least two."""
    move = next(iter(scenario.moves))
    asked = {"twice": Question("twice", "twice", count=Repeats((move,), 2))}
    times = np.array([0.4 * scenario.horizon_days, scenario.horizon_days])
    answer = oracle.solve(scenario.replace(questions=asked, impacts={}, ladders={}), times)
    law = law_of(scenario, move, times)
    np.testing.assert_allclose(1 - law.share[:, :2].sum(axis=1), answer.questions["twice"], atol=2e-9)


@pytest.mark.slow
@drawn(15)
@given(random_worlds())
def test_its_mean_is_the_expected_number(scenario):
    times = np.array([0.4 * scenario.horizon_days, scenario.horizon_days])
    solved = simlib.solve(scenario, times=times)
    for move in list(scenario.moves)[:3]:
        law = law_of(scenario, move, times)
        np.testing.assert_allclose(law.share @ np.arange(law.share.shape[1]), solved.moves[move], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "make", [worlds.intervened_world, worlds.tempo_world, worlds.windows], ids=lambda make: make.__name__
)
def test_histories_have_the_same_law(make):
    scenario, runs = make(), 20_000
    solved = simlib.solve(scenario, times=1, ranges=True)
    counts = Simulator(scenario, times=1).run(runs=runs)
    for number, (name, band) in enumerate(solved.firings.items()):
        below = np.cumsum(counts.firings[number])[: len(band.probability)]
        off = scores(below, runs, np.clip(band.probability[: len(below)], 1e-12, 1 - 1e-12))
        assert np.abs(off[(band.probability > 1e-3) & (band.probability < 1 - 1e-3)]).max(initial=0) < Z_LIMIT, name


def test_without_compiled_kernels_it_is_the_same(monkeypatch):
    scenario = worlds.intervened_world()
    compiled = law_of(scenario, "clash", DAYS)
    monkeypatch.setattr(counting, "kernels", None)
    np.testing.assert_allclose(law_of(scenario, "clash", DAYS).share, compiled.share, rtol=1e-12, atol=1e-300)


def test_firings_after_the_last_report_time_do_not_count():
    """A move forced on that day does: "by a day" includes it."""
    early = simlib.solve(worlds.intervened_world(), times=[3.0, 6.0], ranges=True)
    for name, band in early.firings.items():
        share = np.diff(band.probability, prepend=0.0)
        assert share @ np.arange(len(share)) == pytest.approx(early.moves[name][-1], rel=1e-6, abs=1e-9), name


def test_it_can_be_cancelled():
    with pytest.raises(Cancelled):
        law_of(strikes().scenario(), "strike", DAYS, control=Control(cancel=lambda: True))


# -------------------------------------------------------------------- in a forecast


def test_a_forecast_solves_the_laws_where_they_are_cheap_and_says_so():
    scenario = strikes(0.4).scenario()
    forecast = simlib.forecast(scenario, times=1)
    assert forecast.provenance["firings_by"] == "exact"
    assert "histories" not in forecast.provenance
    found = forecast.firing_range("strike")
    assert [point[0] for point in found.points] == poisson.ppf([0.05, 0.5, 0.95], 8).tolist()
    assert found.none[0] == pytest.approx(poisson.pmf(0, 8), rel=1e-9)
    assert found.none[2] - found.none[1] < 1e-9
    assert found.at_least[5][0] == pytest.approx(poisson.sf(4, 8), rel=1e-9)
    assert found.at_least[100][0] == pytest.approx(0.0, abs=1e-9)
    text = report(Computed(scenario, forecast), scenario, top=10, chosen=True)
    assert "(by chance; exact)" in text


def test_above_the_bound_they_are_counted_in_histories():
    scenario = strikes(0.4).scenario()
    solver = Solver(scenario, times=1)
    needed = solver.law_products(solver.solve())
    assert solver.solve(ranges=True, products=needed).provenance["firings_by"] == "exact"
    counted = solver.solve(ranges=True, products=0.99 * needed)
    assert counted.provenance["firings_by"] == "histories"
    assert counted.provenance["histories"] == 10_000


def test_a_law_of_too_many_numbers_is_never_begun(monkeypatch):
    monkeypatch.setattr(counting, "_NUMBERS", 30.0)
    scenario = strikes(0.4).scenario()
    assert math.isinf(counting.products_of(Solver(scenario, times=1).chain(), np.array([8.0]), 10))


def test_questions_that_need_histories_leave_the_laws_exact():
    scenario = strikes(0.2).lull("pause", 15, "strike", "raid").scenario()
    forecast = simlib.forecast(scenario, times=[40.0])
    assert forecast.by_histories == ("pause",)
    assert forecast.provenance["firings_by"] == "exact"
    np.testing.assert_allclose(forecast.firings["raid"].probability[:9], poisson.cdf(np.arange(9), 4.0), atol=1e-12)


def uncertain() -> Scenario:
    world = strikes(0.4)
    world.uncertain("strike.rate", "rate", 0.2, 0.05, 0.8)
    return world.scenario()


def test_over_the_priors_it_is_the_mixture_of_exact_laws():
    found = over_priors(uncertain(), times=1, draws=64)
    mixture = found.mixture()
    assert mixture.provenance["firings_by"] == "exact"
    rates = np.array([each.assumptions["strike.rate"] for each in found.forecasts])
    law = poisson.cdf(np.arange(20), 40 * rates[:, None]).mean(axis=0)
    np.testing.assert_allclose(mixture.firings["strike"].probability[:20], law, atol=1e-9)
    assert mixture.firings["strike"].low[0] < law[0] < mixture.firings["strike"].high[0], "64 draws leave an error"


def test_draws_are_all_solved_or_all_counted(monkeypatch):
    scenario = uncertain()
    solver = Solver(scenario, times=1)
    monkeypatch.setattr(ensemble, "PRODUCTS", 30 * solver.law_products(solver.solve()))
    few, many = (over_priors(scenario, times=1, draws=draws) for draws in (20, 40))
    assert {each.provenance["firings_by"] for each in few.forecasts} == {"exact"}
    assert {each.provenance["firings_by"] for each in many.forecasts} == {"histories"}
    assert many.stated.provenance["firings_by"] == "exact"


# -------------------------------------------------------------------- amounts


def hurt(**more: object) -> World:
    rewards = {"on": [("strike", None, 2.5, 0.0), ("raid", None, 2.5, 0.0)]} | more
    world = strikes(0.4)
    world.amount("each", 2.5)
    rewards["on"] = [
        (move, outcome, "each" if spread == 0 else x, spread) for move, outcome, x, spread in rewards["on"]
    ]
    return world.impact("hurt", **rewards)


def test_an_amount_that_is_always_the_same_has_a_law_on_its_multiples():
    impact = simlib.forecast(hurt().scenario(), times=DAYS).impacts["hurt"]
    law = poisson(0.4 * 30)
    assert impact.sample.exact
    for share in (0.05, 0.5, 0.95):
        assert tuple(impact.sample.quantile(share)) == (2.5 * law.ppf(share),) * 3
    np.testing.assert_allclose(impact.sample.exceeds(30.0), [law.sf(12)] * 3, rtol=1e-9)
    k, threshold = np.arange(200), law.ppf(0.95)
    worst = 2.5 * (threshold + np.sum(np.maximum(k - threshold, 0) * law.pmf(k)) / 0.05)
    np.testing.assert_allclose(impact.sample.worst(), [worst] * 3, rtol=1e-7)
    np.testing.assert_allclose(impact.fan[:, 1], 2.5 * poisson(0.4 * 7).ppf([0.05, 0.5, 0.95]))
    assert "This distribution is solved exactly." in " ".join(impact.sentences("hurt", "then"))


def test_an_amount_gained_twice_with_a_firing_counts_twice():
    scenario = hurt(on=[("strike", None, 2.5, 0.0), ("strike", "done", 2.5, 0.0), ("raid", None, 2.5, 0.0)]).scenario()
    impact = simlib.forecast(scenario, times=DAYS).impacts["hurt"]
    numbers = np.arange(60)
    law = np.convolve(np.repeat(poisson.pmf(numbers, 6), 2) * np.tile([1, 0], 60), poisson.pmf(numbers, 6))
    for amount in (0.0, 30.0, 60.0):
        assert impact.sample.exceeds(amount).value == pytest.approx(law[np.arange(len(law)) * 2.5 > amount].sum())


@pytest.mark.parametrize(
    "more",
    [
        {"on": [("strike", None, 2.5, 1.0)]},
        {"on": [("strike", None, 2.5, 0.0), ("raid", None, 3.0, 1e-9)]},
        {"per_day": [({"sea": "calm"}, 0.1)]},
    ],
    ids=["a spread", "two amounts", "an amount per day"],
)
def test_other_impacts_are_left_to_histories(more):
    scenario = hurt(**more).scenario()
    assert fixed_amount(Rewards.of(Solver(scenario, times=1).tables), 0) is None
    impact = simlib.forecast(scenario, times=1).impacts["hurt"]
    assert not impact.sample.exact
    assert impact.sample.amounts.shape == (10_000, 1)
    assert "counted in 10,000 histories" in " ".join(impact.sentences("hurt", "then"))


def test_over_the_priors_an_exact_law_keeps_the_error_of_the_draws():
    world = hurt()
    world.assumptions["each"] = replace(world.assumptions["each"], low=1.25, high=5.0)
    scenario = world.scenario()
    found, counted = (
        simlib.forecast(scenario, times=DAYS, draws=64, engine=engine, runs=400).impacts["hurt"]
        for engine in ("exact", "montecarlo")
    )
    sample = found.sample
    assert sample.exact
    p, low, high = sample.exceeds(30.0)
    assert low < p < high
    assert p == pytest.approx(counted.sample.exceeds(30.0).value, abs=0.01)
    assert sample.quantile(0.95).low < sample.quantile(0.95).value < sample.quantile(0.95).high
    assert np.average(sample.amounts, weights=sample.weights[:, None] * sample.shares) == pytest.approx(
        found.mean[-1], rel=1e-6
    )


def test_an_exact_law_comes_back_from_a_file_bit_for_bit(tmp_path):
    forecast = simlib.forecast(hurt().scenario(), times=DAYS)
    back = simlib.load_answer(forecast.save(tmp_path / "forecast.json"))
    np.testing.assert_array_equal(forecast.impacts["hurt"].sample.shares, back.impacts["hurt"].sample.shares)
    np.testing.assert_array_equal(forecast.firings["raid"].probability, back.firings["raid"].probability)
    assert forecast.to_dict()["impacts"]["hurt"]["by_the_end"]["exact"] is True


def test_all_laws_of_a_shipped_world_have_the_expected_means():
    scenario = simlib.load("two-islands")
    forecast = simlib.solve(scenario, times=1)
    means = np.array([mean[-1] for mean in forecast.moves.values()])
    laws = firing_laws(Solver(scenario, times=1).chain(), means, scenario.horizon_days)
    for mean, band in zip(means, laws.values(), strict=True):
        share = np.diff(band.probability, prepend=0.0)
        assert share @ np.arange(len(share)) == pytest.approx(mean, rel=1e-7)
