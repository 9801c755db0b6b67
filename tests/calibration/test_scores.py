"""Scores against hand-made cases and against a library of the field."""

import numpy as np
import pytest

from simlib.calibration import scores
from simlib.errors import SimlibError

NINE = np.arange(9.0)


@pytest.fixture(scope="module")
def library():
    """The scores of the field. They are compiled when they are imported, which takes seconds."""
    import scoringrules

    return scoringrules


@pytest.fixture
def cases():
    generator = np.random.default_rng(7)
    p = np.round(generator.beta(1, 3, size=400), 2)
    return p, (generator.random(400) < p**1.3).astype(float)


@pytest.mark.slow
def test_event_scores_agree_with_the_library(cases, library):
    p, y = cases
    np.testing.assert_allclose(scores.brier(p, y), library.brier_score(y, p))
    inside = (p > 0) & (p < 1)
    np.testing.assert_allclose(scores.log_score(p, y)[inside], library.log_score(y, p)[inside])


def test_a_failed_certainty_scores_infinity_as_stated_and_a_number_when_published():
    assert scores.log_score([0.0], [1])[0] == np.inf
    published = scores.mixed_with_climatology([0.0], [0.2])
    assert scores.log_score(published, [1])[0] == pytest.approx(-np.log(0.002))


def test_monte_carlo_zero_counts_as_half_a_history():
    assert scores.monte_carlo_probability(0, 999) == pytest.approx(0.0005)
    assert scores.monte_carlo_probability(999, 999) == pytest.approx(0.9995)


def test_the_parts_of_a_brier_score_add_up_and_have_the_right_signs(cases):
    parts = scores.decomposition(*cases)
    assert parts.mean == pytest.approx(parts.miscalibration - parts.discrimination + parts.uncertainty)
    assert parts.miscalibration > 0
    assert 0 < parts.discrimination < parts.uncertainty


def test_the_base_rate_as_a_forecast_has_no_miscalibration_and_no_discrimination():
    parts = scores.decomposition([0.25] * 4, [1, 0, 0, 0])
    assert (parts.miscalibration, parts.discrimination, parts.mean) == (0, 0, 0.1875)


def test_forecasts_the_wrong_way_round_lose_all_discrimination():
    parts = scores.decomposition([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0])
    assert parts.discrimination == pytest.approx(0)
    assert parts.miscalibration == pytest.approx(parts.mean - 0.25)


def test_a_calibrated_forecaster_stays_inside_the_bands():
    generator = np.random.default_rng(3)
    p = generator.choice([0.1, 0.3, 0.5, 0.7, 0.9], size=4000)
    y = (generator.random(4000) < p) * 1.0
    curve = scores.calibration_curve(p, y, resamples=200, seed=1)
    assert ((curve.low <= curve.frequency) & (curve.frequency <= curve.high)).sum() >= 4
    overconfident = scores.calibration_curve(p, 1 - y, resamples=200, seed=1)
    assert ((overconfident.low <= overconfident.frequency) & (overconfident.frequency <= overconfident.high)).sum() <= 1


@pytest.mark.slow
def test_rungs_agree_with_the_library(library):
    table = np.random.default_rng(2).dirichlet(np.ones(5), size=30)
    observed = np.random.default_rng(3).integers(5, size=30)
    theirs = [library.rps_score(rung + 1, row) for rung, row in zip(observed, table, strict=True)]
    np.testing.assert_allclose(scores.ranked_probability(table, observed), theirs)


def test_an_event_beyond_the_grid_costs_what_the_forecast_claimed_before_it():
    days, incidence = np.array([0.0, 10.0]), np.array([0.0, 1.0])
    assert scores.time_score(days, incidence, None, until=10) == pytest.approx(10 / 3)
    assert scores.time_score(days, incidence, 1439.0, until=10) == pytest.approx(10 / 3)


@pytest.mark.parametrize("day", [0.0, 0.5, 3.0, 9.99, 10.0, None])
def test_time_scores_agree_with_a_sum_over_small_steps(day):
    days, incidence = np.array([0.0, 2.0, 5.0, 10.0]), np.array([0.1, 0.3, 0.35, 0.6])
    fine = (np.arange(200_000) + 0.5) * 10 / 200_000
    step = np.zeros_like(fine) if day is None else (fine >= day) * 1.0
    brute = np.sum((np.interp(fine, days, incidence) - step) ** 2) * 10 / 200_000
    assert scores.time_score(days, incidence, day, until=10) == pytest.approx(brute, abs=2e-4)


@pytest.mark.slow
def test_a_whole_distribution_of_times_agrees_with_the_library_on_its_sample(library):
    sample = np.sort(np.random.default_rng(5).exponential(3, size=4000))
    days = np.linspace(0, 60, 6001)
    incidence = np.searchsorted(sample, days, side="right") / len(sample)
    ours = scores.time_score(days, incidence, 4.0, until=60)
    assert ours == pytest.approx(float(library.crps_ensemble(4.0, sample)), abs=0.01)


@pytest.mark.slow
def test_interval_scores_agree_with_the_library_and_coverage_counts_ends(library):
    low, high, value = np.array([0.0, 2.0, 5.0]), np.array([4.0, 6.0, 9.0]), np.array([4.0, 1.0, 12.0])
    np.testing.assert_allclose(
        scores.interval_score(low, high, value, level=0.9), library.interval_score(value, low, high, 0.1)
    )
    assert scores.coverage(low, high, value) == pytest.approx(1 / 3)


def test_the_histogram_of_a_calibrated_forecaster_is_flat():
    from scipy.stats import poisson

    y = poisson.rvs(3, size=20_000, random_state=4)
    flat = scores.pit_histogram(poisson.cdf(y - 1, 3), poisson.cdf(y, 3), bins=10)
    np.testing.assert_allclose(flat, 1, atol=0.05)
    too_narrow = scores.pit_histogram(poisson.cdf(2 * y - 1, 6), poisson.cdf(2 * y, 6), bins=10)
    assert too_narrow[0] > 1.2
    assert too_narrow[-1] > 1.2


def test_skill_and_its_refusal():
    assert scores.skill([0.1, 0.1], [0.2, 0.2]) == pytest.approx(0.5)
    with pytest.raises(SimlibError, match="above 0"):
        scores.skill([0.1], [0.0])


def test_one_crisis_with_many_days_widens_the_interval():
    generator = np.random.default_rng(1)
    crisis = np.repeat([f"crisis {k}" for k in range(20)], 50)
    shift = np.repeat(generator.normal(-0.1, 0.3, size=20), 50)
    noise = generator.normal(0, 0.05, size=1000)
    own = shift + noise
    clustered = scores.paired_difference(own, np.zeros(1000), crisis, per="case", resamples=2000, seed=2)
    alone = scores.paired_difference(own, np.zeros(1000), np.arange(1000), per="case", resamples=500, seed=2)
    assert clustered.mean == pytest.approx(alone.mean) == pytest.approx(own.mean())
    assert clustered.high - clustered.low > 4 * (alone.high - alone.low)
    assert (clustered.crises, clustered.cases) == (20, 1000)
    summed = scores.paired_difference(own, np.zeros(1000), crisis, per="crisis", resamples=2000, seed=2)
    assert summed.mean == pytest.approx(50 * clustered.mean)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scores.brier([0.2, np.nan], [0, 1]), "probability is missing in 1 row .first: 2."),
        (lambda: scores.brier([0.2], [0, 1]), "one row for each forecast"),
        (lambda: scores.brier([1.2], [1]), "between 0 and 1"),
        (lambda: scores.brier([0.2], [2]), "0 or 1"),
        (lambda: scores.ranked_probability([[0.5, 0.4]], [0]), "sum to one"),
        (lambda: scores.time_score([0, 5], [0, 0.5], 3, until=10), "rising days from 0 to 10"),
        (lambda: scores.time_score([0, 10], [0.5, 0.2], 3, until=10), "never falls"),
        (lambda: scores.pit_histogram([0.2], [0.2], bins=5), "a count whose forecast probability is 0 has no PIT"),
        (lambda: scores.paired_difference(NINE, NINE, NINE, per="case", resamples=9, seed=0), "at least 10 crises"),
        (lambda: scores.paired_difference([1.0], [2.0], ["a"], per="day", resamples=9, seed=0), "per 'case'"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, words):
    with pytest.raises(SimlibError, match=words):
        call()


def test_pooled_levels_weigh_as_many_as_their_cases():
    curve = scores.calibration_curve([0.2, 0.2, 0.2, 0.8], [1, 1, 0, 0], resamples=20, seed=0)
    np.testing.assert_allclose(curve.frequency, [0.5, 0.5])
