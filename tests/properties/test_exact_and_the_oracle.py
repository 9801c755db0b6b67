"""The exact engine against a dense computation that shares none of its code, on random worlds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import simlib
from simlib.scenario.model import Force, Scenario
from tests import oracle
from tests import worlds as closed_forms
from tests.properties.comparing import drawn, numbers, report_times
from tests.strategies import worlds


def named(answer: oracle.Answer) -> dict[str, np.ndarray]:
    series = {
        f"{kind}.{name}": v for kind in ("endings", "questions", "moves") for name, v in getattr(answer, kind).items()
    }
    for name, (mean, square) in answer.impacts.items():
        series |= {f"impacts.{name}": mean, f"chances.{name}": np.sqrt(np.maximum(square - mean**2, 0.0))}
    return series | {
        f"{kind}.{name}.{part}": v
        for kind in ("variables", "ladders")
        for name, parts in getattr(answer, kind).items()
        for part, v in parts.items()
    }


def assert_oracle_agrees(scenario: Scenario) -> None:
    times = report_times(scenario)
    answer, forecast = oracle.solve(scenario, times), simlib.solve(scenario, times=times)
    expected = named(answer)
    for name, values in numbers(forecast):
        scale = max(1.0, float(np.max(expected[name])))
        loose = 1e-4 if name.startswith("chances.") else 2e-9  # the root of a difference of two nearly equal numbers
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=loose * scale, err_msg=name)
    assert_impacts_agree(forecast, answer)
    for line, share in zip(forecast.interventions, answer.without_effect, strict=True):
        if share is not None:
            assert line["without_effect"] == pytest.approx(share, abs=1e-7), line


def assert_impacts_agree(forecast: simlib.Forecast, answer: oracle.Answer) -> None:
    for name, (mean, square) in answer.impacts.items():
        impact, scale = forecast.impacts[name], max(1.0, float(mean.max()))
        np.testing.assert_allclose(impact.mean, mean, rtol=0, atol=2e-9 * scale)
        np.testing.assert_allclose(impact.chance**2 + impact.mean**2, square, rtol=0, atol=1e-8 * scale**2)
        for ending, sums in answer.given[name].items():
            given = np.nan_to_num(impact.given[ending]) * forecast.endings[ending].probability
            np.testing.assert_allclose(given, sums, rtol=0, atol=2e-9 * scale, err_msg=f"{name} given {ending}")


@pytest.mark.slow
@drawn(40)
@given(worlds(max_states=27))
def test_exact_agrees_with_the_dense_computation(scenario):
    assert_oracle_agrees(scenario)


@pytest.mark.parametrize(
    "make",
    [closed_forms.tempo_world, closed_forms.windows, closed_forms.absorbing_start, closed_forms.branches],
    ids=lambda make: make.__name__,
)
def test_exact_agrees_with_the_dense_computation_on_a_written_world(make):
    assert_oracle_agrees(make())


def test_the_oracle_itself_knows_a_closed_form():
    a, b, t = 0.1, 0.3, 12.0
    answer = oracle.solve(closed_forms.two_states(a, b), [t])
    assert answer.variables["bank"]["right"][0] == pytest.approx(a / (a + b) * (1 - np.exp(-(a + b) * t)))
    assert answer.questions["crossed"][0] == pytest.approx(1 - np.exp(-a * t))


def test_the_oracle_notices_a_wrong_rate():
    scenario = closed_forms.tempo_world()
    right = oracle.solve(scenario, [20.0])
    wrong = oracle.solve(scenario, [20.0], {"clash.rate": 1.01 * scenario.assumptions["clash.rate"].value})
    assert abs(right.endings["war"][0] - wrong.endings["war"][0]) > 1e-5


def test_a_rare_probability_is_solved_to_relative_accuracy():
    scenario = closed_forms.erlang(stages=9, rate=1e-3, horizon=30.0)
    exact = simlib.solve(scenario, times=[30.0]).endings["arrived"].probability[0]
    from scipy.stats import gamma

    expected = gamma.cdf(30.0, 9, scale=1e3)
    assert expected < 1e-18
    assert exact == pytest.approx(expected, rel=1e-3)


def test_a_forced_move_counts_even_where_its_window_is_shut():
    scenario = closed_forms.windows(opens=20, closes=25)
    forced = scenario.replace(interventions=(Force("drop", closed_forms.date(3)),))
    assert_oracle_agrees(forced)
    assert simlib.solve(forced, times=[3.0]).moves["drop"][0] == pytest.approx(1.0)
