"""Forecasts: frames, sentences, intervals, and storing them bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from simlib.engines.exact import solve
from simlib.errors import SimlibError
from simlib.results import Band, Forecast, brier_gain, one_digit, percent, percent_within, plainly, with_error
from tests import worlds


@pytest.fixture(scope="module")
def forecast():
    return solve(worlds.two_states(0.05, ends=True), times=[10.0, 30.0])


@pytest.mark.parametrize("name", ["forecast.json", "forecast.json.gz"])
def test_saved_and_loaded_bit_for_bit(forecast, tmp_path, name):
    loaded = Forecast.load(forecast.save(tmp_path / name))
    assert loaded.to_dict() == forecast.to_dict()
    assert loaded.endings["across"].probability.tobytes() == forecast.endings["across"].probability.tobytes()


def test_a_failed_write_leaves_the_old_file(forecast, tmp_path, monkeypatch):
    path = forecast.save(tmp_path / "kept.json")
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        forecast.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"not json", "cannot be read as a forecast"),
        (b"[1, 2]", "it holds no mapping"),
        (b'{"format": 9}', "no forecast of format 1: its format is 9"),
        (b'{"format": 1}', "not a whole forecast file"),
    ],
)
def test_a_file_that_is_no_forecast_is_refused(tmp_path, payload, words):
    (tmp_path / "bad.json").write_bytes(payload)
    with pytest.raises(SimlibError, match=words):
        Forecast.load(tmp_path / "bad.json")


def test_the_contract_of_the_json(forecast):
    data = json.loads(json.dumps(forecast.to_dict(), allow_nan=False))
    assert {"scenario", "as_of", "horizon_days", "engine", "times", "endings", "variables", "ladders", "moves",
            "questions", "error", "assumptions", "provenance", "states"} <= data.keys()  # fmt: skip
    assert data["endings"].keys() == {"across", "ongoing"}
    assert data["endings"]["across"].keys() == {"probability", "low", "high"}
    assert {"scenario_sha256", "seed", "runs", "version"} <= data["provenance"].keys()


def test_frames_are_tidy(forecast):
    frame = forecast.frame("endings")
    assert list(frame.columns) == ["day", "by", "ending", "label", "probability", "low", "high"]
    assert len(frame) == 4
    assert frame.loc[frame["day"] == 30, "by"].iloc[0].isoformat() == "2031-04-30"
    assert set(forecast.frame("levels")["level"]) == {"left", "right"}
    assert set(forecast.frame("rungs")["rung"]) == {"near", "far"}
    assert forecast.frame("moves")["expected"].iloc[-1] == pytest.approx(1 - np.exp(-1.5))
    with pytest.raises(ValueError, match="no table 'rate'; expected one of endings"):
        forecast.frame("rate")


def test_the_sentence_names_the_date_and_ongoing(forecast):
    assert forecast.sentence() == "By 30 April 2031: 78% across; 22% No ending yet."


def test_wilson_covers_at_its_rate():
    n, p = 60, 0.07
    band = Band.wilson(np.arange(n + 1), n)
    covered = (band.low <= p) & (p <= band.high)
    assert binom.pmf(np.arange(n + 1), n, p)[covered].sum() == pytest.approx(0.95, abs=0.03)
    assert band.low[0] == 0
    assert band.high[0] > 0


def test_errors_are_written_to_one_digit():
    assert [one_digit(x) for x in (0.0314, 0.5, 3.4, 9.6, 12.2)] == ["0.03", "0.5", "3", "10", "12"]


@pytest.mark.parametrize(
    ("p", "words"),
    [(0, "0%"), (1, "100%"), (0.123, "12%"), (0.0123, "1.2%"), (0.00042, "0.042%"), (2e-6, "1 in 500,000"),
     (3e-9, "1 in 330 million"), (2.6e-8, "1 in 38 million"), (7e-7, "1 in 1.4 million"),
     (4e-12, "1 in 250 billion"), (4e-46, "0%"), (0.9999, "more than 99.9%"), (0.995, "99.5%")],
)  # fmt: skip
def test_percent_never_says_a_false_zero(p, words):
    assert percent(p) == words


@pytest.mark.parametrize(("value", "half", "text"), [
    (0.27, 0.2, "0.3 ± 0.2"), (14.62, 0.71, "14.6 ± 0.7"), (27.3, 20.1, "30 ± 20"),
    (0.00041, 0.0003, "0.0004 ± 0.0003"), (36.2, 12.4, "36 ± 12"), (0.2, 0.61, "0.2 ± 0.6"),
    (1234, 250, "1,200 ± 200"), (1234, 195, "1,200 ± 200"),
    (1.0, 0.0999, "1.00 ± 0.10"), (5.4321, 0, "5.4"), (0.00054321, 0, "0.00054"),
])  # fmt: skip
def test_an_estimate_has_no_more_digits_than_its_error_allows(value, half, text):
    assert with_error(value, half) == text


def test_small_sizes_are_written_without_exponent_and_dust_is_called_so():
    assert plainly(0.00767, " points") == "0.0077 points"
    assert plainly(4.1e-7, " points") == "less than 0.0001 points"
    assert brier_gain(4.1e-7, 3e-7) == "less than 0.01 thousandths of the Brier score"
    assert brier_gain(0.0146, 0.0007) == "14.6 ± 0.7 thousandths of the Brier score"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((0.013, 0.0109, 0.0161), "1.3% [1.1–1.6%]"), ((0.0021, 0.00212, 0.00213), "0.2%"), ((0.11, 0.094, 0.136),
     "11% [9–14%]"), ((0.00102, 0.0006, 0.0016), "0.1% [0.1–0.2%]"), ((0.00102, 0.00036, 0.0037), "0.10% [0.04–0.37%]"),
     ((0.0004, 0.00028, 0.00057), "0.040% [0.028–0.057%]"), ((0.0, 0.0, 0.01), "0% [0–1.0%]"),
     ((1.0, 1.0, 1.0), "100%")],
)  # fmt: skip
def test_an_interval_has_the_digits_of_its_centre_or_is_left_out(numbers, text):
    assert percent_within(*numbers) == text
