"""Rates from history: recovered from simulated cases, and against a library of the field."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib.analysis.uncertainty.propagation import uncertainty
from simlib.calibration import rates
from simlib.calibration.crisis_cases import case_histories, read_selection, simulated_cases
from simlib.calibration.event_rates import historical_rates
from simlib.errors import ScenarioError, SimlibError
from simlib.scenario import loader
from tests.worlds import tempo_world


def test_a_pooled_rate_has_the_gamma_interval():
    rate = rates.pooled_rate(10, 100)
    assert rate.per_day == 0.1
    assert (rate.low, rate.high) == (pytest.approx(0.0580, abs=1e-4), pytest.approx(0.1634, abs=1e-4))
    assert rates.pooled_rate(0, 50).low == 0


@pytest.mark.statistical
@pytest.mark.parametrize("variation", [0.0, 0.45, 1.0])
def test_the_interval_of_a_pooled_rate_covers_the_average_of_crises_that_differ(variation):
    generator = np.random.default_rng(6)
    covered = []
    for _ in range(600):
        days = generator.uniform(20, 180, 40)
        each = 0.04 * (generator.gamma(variation**-2, variation**2, 40) if variation else np.ones(40))
        rate = rates.pooled_rate(generator.poisson(each * days), days)
        covered.append(rate.low <= 0.04 <= rate.high)
    assert np.mean(covered) == pytest.approx(0.9, abs=0.045)  # with one Poisson rate: 0.90, 0.76 and 0.53


def test_the_spread_between_cases_is_recovered():
    generator = np.random.default_rng(4)
    days = generator.uniform(50, 400, size=600)
    each = generator.gamma(4, 0.05 / 4, size=600)
    fit = rates.new_case_rate(generator.poisson(each * days), days)
    assert fit.variation == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose((fit.low, fit.per_day, fit.high), np.quantile(each, [0.05, 0.5, 0.95]), rtol=0.15)
    assert fit.p_value < 1e-6


def test_equal_cases_show_no_spread():
    generator = np.random.default_rng(5)
    fit = rates.new_case_rate(generator.poisson(5, size=300), np.full(300, 100.0))
    assert fit.variation < 0.15
    assert fit.p_value > 0.05


def test_one_event_leaves_a_new_case_as_open_as_the_average():
    fit, pooled = rates.new_case_rate([1] + [0] * 39, [80] * 40), rates.pooled_rate(1, 3200)
    assert fit.high > 0.9 * pooled.high
    assert 0 < fit.low < pooled.low


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("variation", [0.3, 0.7])
def test_nine_in_ten_new_cases_lie_in_their_range(variation):
    generator, shape, inside = np.random.default_rng(7), variation**-2, 0
    for _ in range(50):
        rate, days = generator.gamma(shape, 0.05 / shape, size=13), generator.uniform(30, 120, size=12)
        fit = rates.new_case_rate(generator.poisson(rate[:-1] * days), days)
        inside += fit.low <= rate[-1] <= fit.high
    assert 38 <= inside <= 49  # a calibrated method fails one in a hundred such tests


def test_hazards_are_events_over_days_at_risk():
    table = rates.piecewise_hazard([0.5, 5.0, 20.0, 20.0], [1, 1, 0, 0])
    assert table["from_day"].tolist() == [0, 1, 3, 7, 14]
    assert table["events"].tolist() == [1, 0, 1, 0, 0]
    assert table["exposure_days"].tolist() == [0.5 + 1 + 1 + 1, 2 + 2 + 2, 2 + 4 + 4, 7 + 7, 6 + 6]
    np.testing.assert_allclose(table["per_day"], [1 / 3.5, 0, 1 / 10, 0, 0])


def test_cumulative_incidence_agrees_with_the_library():
    lifelines = pytest.importorskip("lifelines", reason="a second opinion on competing risks: pip install lifelines")
    generator = np.random.default_rng(6)
    time = generator.exponential(30, size=200)
    code = generator.choice([0, 1, 2], p=[0.2, 0.3, 0.5], size=200)
    ours = rates.cumulative_incidence(time, [("", "war", "end")[k] for k in code], [5, 20, 60])
    for cause, number in (("war", 1), ("end", 2)):
        fit = lifelines.AalenJohansenFitter(calculate_variance=False).fit(time, code, event_of_interest=number)
        curve = fit.cumulative_density_.iloc[:, 0]
        expected = [curve[curve.index <= day].iloc[-1] for day in (5, 20, 60)]
        np.testing.assert_allclose(ours[cause], expected, rtol=1e-10)


def test_without_censoring_the_incidence_is_the_share_of_cases():
    shares = rates.cumulative_incidence([1, 2, 2, 9], ["war", "end", "war", "end"], [0, 2, 10])
    np.testing.assert_allclose(shares["war"], [0, 0.5, 0.5])
    np.testing.assert_allclose(shares["end"], [0, 0.25, 0.5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rates.pooled_rate(3, 0), "more than 0 days of exposure"),
        (lambda: rates.new_case_rate([1, 2], [3, 4]), "at least five cases"),
        (lambda: rates.new_case_rate([0] * 6, [3] * 6), "one event"),
        (lambda: rates.piecewise_hazard([1, np.nan], [1, 0]), "1 missing number"),
        (lambda: rates.piecewise_hazard([1, 2], [1]), "one row for each case"),
        (lambda: rates.cumulative_incidence([1, 2], ["war"], [3]), "one day and one cause"),
    ],
)
def test_what_cannot_be_estimated_is_refused(call, words):
    with pytest.raises(SimlibError, match=words):
        call()


def rows(*events):
    columns = ["case", "date", "precision", "actor", "target", "code", "category", "source"]
    frame = pd.DataFrame(events, columns=columns)
    return frame.assign(date=pd.to_datetime(frame["date"]))


@pytest.fixture
def frame():
    return rows(
        ("1", "1970-01-01", "day", "A;B", "C", "x", "threaten", "made up"),
        ("1", "1970-01-03", "day", "A", "C", "x", "strike", "made up"),
        ("1", "1970-01-11", "day", "C", "A", "x", "strike", "made up"),
        ("2", "1980-05-01", "day", "B", "D", "x", "offer", "made up"),
        ("2", "1980-05-05", "day", "D", "B", "x", "offer", "made up"),
        ("2", "1980-05-01", "month", "D", "B", "x", "strike", "made up"),
        ("3", "1990-05-01", "day", "D", "E", "x", "strike", "made up"),
    )


def test_cases_begin_with_their_first_dated_row(frame):
    cases = case_histories(frame, {"category": ("strike",)}, {"actor": ("b",)})
    assert cases.names == ("1", "2")
    assert cases.first_day.tolist() == [2.5, 5.0]
    assert cases.happened.tolist() == [1, 0]
    assert cases.events.tolist() == [2, 0]
    assert cases.last_day.tolist() == [11, 5]
    assert cases.causes == ["event", "ended"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour=red", "there is no column 'colour'"),
        ("actor=", "actor has no value"),
        ("actr=A", "did you mean 'actor'"),
    ],
)
def test_a_selection_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(ScenarioError, match=words):
        read_selection(text)


def test_a_class_without_a_case_is_refused(frame):
    with pytest.raises(ScenarioError, match="no row whose date is exact to the day fits the class"):
        historical_rates(frame, "category=strike", "actor=Z")


def test_the_assumption_can_be_pasted_into_a_scenario(tmp_path):
    generator = np.random.default_rng(8)
    events = []
    for case in range(30):
        days = np.unique(np.r_[0, generator.integers(0, 200, size=generator.poisson(generator.gamma(3, 2)) + 1)])
        date = pd.Timestamp("1970-01-01") + pd.to_timedelta(days, unit="D")
        events += [(str(case), day, "day", "A", "B", "x", "strike", "made up") for day in date]
    found = historical_rates(rows(*events), "category=strike")
    text = "".join(f"  {line}\n" for line in found.assumption().splitlines())
    world = (
        "format: 1\nid: w\ntitle: W\nas_of: 2031-04-01\nhorizon: 9 days\nactors: {a: A}\n"
        "variables: {v: {levels: [no, yes], start: no}}\n"
        f"assumptions:\n{text}"
        "moves:\n  m: {actor: a, label: M, when: {v: no}, rate: rate_from_history, outcomes: {o: {then: {v: yes}}}}\n"
        "endings: {e: {when: {v: yes}, label: E}}\n"
        "ladders: {l: [{rung: calm}, {rung: done, when: {v: yes}}]}\n"
    )
    (tmp_path / "scenario.yaml").write_text(world, encoding="utf-8")
    assumption = loader.load(tmp_path).assumptions["rate_from_history"]
    assert assumption.value == pytest.approx(found.new_case.per_day, rel=0.01)
    assert assumption.low == pytest.approx(found.new_case.low, rel=0.01)


@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
def test_strikes_in_real_crises(capsys):
    from simlib.cli import main

    file = Path(os.environ["SIMLIB_DATA"]) / "icbe_dated_events.csv"
    assert main(["rates", str(file), "--event", "category=strike", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)["rates"]
    assert {"version", "versions", "made_at"} <= set(told["provenance"])
    assert told["cases"] > 400
    hazard = [row["per_day"] for row in told["hazard"]]
    assert hazard[0] > 10 * hazard[-1]
    assert main(["rates", str(file), "--event", "category=strike", "--class", "actor=Cuba"]) == 0
    assert "Hazard of the first event" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.statistical
def test_crises_simulated_from_a_world_follow_its_law():
    world = tempo_world()
    rate = world.assumptions["clash.rate"]
    doubted = dataclasses.replace(rate, low=rate.value / 2, high=rate.value * 2)
    world = world.replace(assumptions=dict(world.assumptions) | {"clash.rate": doubted})
    frame = simulated_cases(world, 64, each=16, seed=3)
    assert frame["case"].nunique() == 64 * 16
    found = historical_rates(frame, "category=clash")
    exact = uncertainty(world, ["fired:clash"], by=30, draws=64).spread("fired:clash")
    assert found.incidence[30.0] == pytest.approx(exact.mean.value, abs=0.05)
    again = simulated_cases(world, 64, each=16, seed=3)
    pd.testing.assert_frame_equal(frame, again)
