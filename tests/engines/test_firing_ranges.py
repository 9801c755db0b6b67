"""How often moves fire: a range by chance, apart from the error of an expected number."""

import numpy as np
import pytest
from scipy.stats import poisson

import simlib
from simlib.cli.output.forecast_text import Computed, report
from simlib.engines import ensemble
from simlib.engines.montecarlo.simulator import Simulator, simulate
from simlib.results import Band, FiringRange
from tests.engines.chance import Z_LIMIT, scores
from tests.engines.test_questions_about_firings import strikes

RUNS = 40_000


def test_the_number_of_firings_has_the_law_of_poisson():
    counts = Simulator(strikes(0.4).scenario(), times=3).run(runs=RUNS)
    assert counts.firings.sum(axis=1).tolist() == [RUNS, RUNS]
    below = np.cumsum(counts.firings[0, :25])
    assert np.abs(scores(below, RUNS, poisson.cdf(np.arange(25), 0.2 * 40))).max() < Z_LIMIT
    mean = counts.firings[0] @ np.arange(counts.firings.shape[1]) / RUNS
    assert mean == counts.moves[-1, 0] / RUNS, "the same firings as in the expected number"


def test_percentiles_none_and_at_least_are_those_of_the_law():
    found = simulate(strikes(0.4).scenario(), times=1, runs=RUNS).firing_range("strike")
    for point, share in zip(found.points, (0.05, 0.5, 0.95), strict=True):
        assert point[1] <= poisson.ppf(share, 8) <= point[2]
        assert point[2] - point[1] <= 1
    assert found.none[1] < poisson.pmf(0, 8) < found.none[2]
    assert found.at_least[5][1] < poisson.sf(4, 8) < found.at_least[5][2]
    assert found.at_least[100][0] == 0 < found.at_least[100][2] < 1e-3


def test_a_percentile_that_few_replicates_do_not_know_is_open_above():
    found = FiringRange.of(Band.wilson(np.array([2, 20]), 20))
    assert found.points[2] == (1.0, 1.0, np.inf)
    assert found.points[0] == (0.0, 0.0, 1.0)


def test_firings_after_the_last_report_time_do_not_count():
    scenario = strikes(0.4).scenario()
    early = Simulator(scenario, times=[10.0]).run(runs=2000)
    short = Simulator(scenario, times=1, by=10.0).run(runs=2000)
    np.testing.assert_array_equal(early.firings, short.firings)
    np.testing.assert_array_equal(early.squares[-1], short.squares[-1])


def test_more_replicates_narrow_the_error_and_not_the_range():
    few, many = (simulate(strikes(1.0).scenario(), times=1, runs=runs) for runs in (500, 50_000))
    spans = [
        each.firing_range("strike").points[2][0] - each.firing_range("strike").points[0][0] for each in (few, many)
    ]
    assert abs(spans[0] - spans[1]) <= 2
    assert many.error["moves"]["strike"][-1] < few.error["moves"]["strike"][-1] / 5
    assert spans[1] > 40 * many.error["moves"]["strike"][-1]


def test_exact_answers_leave_the_ranges_to_histories_where_laws_are_too_dear_and_say_so(monkeypatch):
    scenario = strikes(0.4).scenario()
    assert simlib.solve(scenario, times=1).firings is None
    monkeypatch.setattr(ensemble, "PRODUCTS", 0.0)
    forecast = simlib.forecast(scenario, times=1)
    assert forecast.engine == "exact"
    assert forecast.provenance["histories"] == 10_000
    assert forecast.moves["strike"][-1] == pytest.approx(8)
    same = simulate(scenario, times=1)
    np.testing.assert_array_equal(forecast.firings["strike"].probability, same.firings["strike"].probability)
    text = report(Computed(scenario, forecast), scenario, top=10, chosen=True)
    assert "range of their number by 10 May 2031" in text
    assert "counted in 10,000 replicates" in text


def test_over_the_priors_it_is_the_mixture():
    world = strikes(0.4)
    world.uncertain("strike.rate", "rate", 0.2, 0.05, 0.8)
    forecast = simlib.forecast(world.scenario(), times=1, draws=200, engine="montecarlo")
    wide, at_values = (each.firing_range("strike") for each in (forecast, forecast.stated))
    assert wide.points[2][0] > 2 * at_values.points[2][0]
    assert wide.none[0] > 20 * at_values.none[0]
    low, high = wide.points[2][1:]
    assert low < wide.points[2][0] < high, "200 draws leave a wide error"
    numbers = np.exp(np.log(0.2) + np.log(4) / 1.6448536 * np.random.default_rng(0).standard_normal(20_000)) * 40
    law = [poisson.cdf(n, numbers).mean() for n in range(100)]
    band = forecast.firings["strike"]
    inside = (band.low[:40] <= law[:40]) & (law[:40] <= band.high[:40])
    assert inside.mean() > 0.9


def test_they_can_be_saved_and_read_as_json_and_as_a_table(tmp_path):
    forecast = simulate(strikes(0.4).scenario(), times=1, runs=500)
    forecast.save(tmp_path / "forecast.json")
    again = simlib.load_answer(tmp_path / "forecast.json")
    np.testing.assert_array_equal(again.firings["raid"].high, forecast.firings["raid"].high)
    data = forecast.to_dict()["firings"]["raid"]
    assert set(data) == {"points", "none", "at_least"}
    assert data["points"]["50"][0] == forecast.firing_range("raid").points[1][0]
    table = forecast.frame("firings").set_index("move")
    assert table.loc["raid", "p50"] == data["points"]["50"][0]
    assert table.loc["raid", "at_least_3"] == data["at_least"]["3"][0]
