"""Forecasts: frames, sentences, intervals, and storing them bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from simlib.engines.exact.forecast import solve
from simlib.errors import SimlibError
from simlib.results import Band, Forecast
from tests import worlds


@pytest.fixture(scope="module")
def forecast():
    return solve(worlds.two_states(0.05, ends=True), times=[10.0, 30.0])


def test_a_forecast_that_ends_inside_a_day_says_the_hour():
    world = worlds.two_states(0.05, ends=True)
    half, whole = (solve(world.replace(horizon_days=days)) for days in (0.5, 1.0))
    assert half.by_words == "1 April 2031, 12:00 UTC"
    assert whole.by_words == "1 April 2031"
    assert half.by_words in half.question
    assert half.sentences()[0].startswith(f"“across” by {half.by_words}: ")
    assert half.plot().get_figure() is not None


@pytest.mark.parametrize("name", ["forecast.json", "forecast.json.gz"])
def test_saved_and_loaded_bit_for_bit(forecast, tmp_path, name):
    loaded = Forecast.load(forecast.save(tmp_path / name))
    assert loaded.to_dict() == forecast.to_dict()
    assert loaded.endings["across"].probability.tobytes() == forecast.endings["across"].probability.tobytes()


def test_a_failed_write_leaves_the_old_file(forecast, tmp_path, monkeypatch):
    path = forecast.save(tmp_path / "kept.json")
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(OSError, match="disk full"):
        forecast.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"not json", "cannot be read as an answer"),
        (b"[1, 2]", "holds no saved answer"),
        (b'{"format": 1}', "holds no saved answer"),
        (b'{"answer": "forecast", "state": {"!": "Forecast"}}', "cannot be read as an answer: .* missing"),
        (b'{"answer": "forecast", "state": {"!": "Path"}}', "cannot be read as an answer: 'Path'"),
        (b'{"state": 3}', "holds no saved answer"),
        (b'{"answer": "forecast", "state": 3}', "holds no saved answer"),
    ],
)
def test_a_file_that_is_no_forecast_is_refused(tmp_path, payload, words):
    (tmp_path / "bad.json").write_bytes(payload)
    with pytest.raises(SimlibError, match=words):
        Forecast.load(tmp_path / "bad.json")


def test_the_contract_of_the_json(forecast):
    data = json.loads(json.dumps(forecast.to_dict(), allow_nan=False))
    assert {
        "scenario",
        "as_of",
        "horizon_days",
        "engine",
        "times",
        "endings",
        "variables",
        "ladders",
        "moves",
        "questions",
        "error",
        "assumptions",
        "provenance",
        "states",
    } <= data.keys()
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
    assert forecast.sentences() == ["“across” by 30 April 2031: 78%; “No ending yet” 22%."]
    assert forecast.question == "How likely is each ending by 30 April 2031?"


def test_wilson_covers_at_its_rate():
    n, p = 60, 0.07
    band = Band.wilson(np.arange(n + 1), n)
    covered = (band.low <= p) & (p <= band.high)
    assert binom.pmf(np.arange(n + 1), n, p)[covered].sum() == pytest.approx(0.95, abs=0.03)
    assert band.low[0] == 0
    assert band.high[0] > 0
