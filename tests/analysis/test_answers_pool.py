"""Pools and differences as answers: traced, saved and loaded whole."""

from __future__ import annotations

import json

import pytest
from matplotlib.axes import Axes

from simlib.analysis import pooling, scenario_diff
from simlib.analysis.pooling import Pool, PooledItem, pool, pool_forecasts
from simlib.analysis.scenario_diff import Alteration, Diff, Version, diff
from simlib.answer import ScenarioKey, load_answer
from simlib.engines.exact.forecast import solve
from simlib.errors import SimlibError, Unsupported
from simlib.plots import plot
from simlib.results import Band, Forecast
from simlib.scenario.model import Forbid
from simlib.scenario.views.variation import with_values
from tests import worlds

CLASSES = (Pool, PooledItem, Diff, Alteration, Version, ScenarioKey, Forecast, Band)
SHARED = {"format", "answer", "question", "scenario", "title", "as_of", "provenance"}


def _answers():
    world = worlds.tempo_world()
    tense = with_values(world, {"clash.rate": 0.2})
    return {
        "pool": pool({"calm": world, "tense": tense}, times=3),
        "forecasts": pool_forecasts({"calm": solve(world, times=2), "tense": solve(tense, times=2)}),
        "diff": diff(world, tense),
        "words alone": diff(world, world.replace(interventions=(Forbid("patrol"),)), forecast=False),
    }


ANSWERS = _answers()


@pytest.mark.parametrize("name", ANSWERS)
def test_it_survives_a_file(name, tmp_path):
    answer = ANSWERS[name]
    again = load_answer(answer.save(tmp_path / "answer.json.gz"), CLASSES)
    assert again.to_dict() == answer.to_dict()
    assert again.sentences() == answer.sentences()
    assert again.frame().equals(answer.frame())


@pytest.mark.parametrize("name", ANSWERS)
def test_it_says_what_it_is_about_and_how_it_was_made(name):
    data = ANSWERS[name].to_dict()
    assert set(data) >= SHARED
    assert data["scenario"] == "tempo"
    assert data["as_of"] == "2031-04-01"
    assert data["question"].endswith("?")
    assert data["provenance"]["version"]
    assert data["provenance"]["scenario_sha256"]
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_questions_have_their_date():
    assert ANSWERS["pool"].question == (
        "How likely are the endings and questions by 30 May 2031 if “calm” and “tense” are pooled?"
    )
    asked = "What changed from “before” to “after”"
    assert ANSWERS["diff"].question == f"{asked}, and how does that change the forecast by 30 May 2031?"
    assert ANSWERS["words alone"].question == f"{asked}?"


def test_the_keys_of_their_json():
    assert set(ANSWERS["pool"].data()) == {
        *("times", "weights", "draws", "endings", "questions", "divergence", "entropy")
    }
    assert set(ANSWERS["diff"].data()) == {"before", "after", "changes", "forecast"}
    assert set(ANSWERS["words alone"].data()) == {"before", "after", "changes"}
    assert ANSWERS["diff"].frame("forecast").to_dict("records") == ANSWERS["diff"].data()["forecast"]


def test_all_tell_their_date_and_their_sentences():
    for answer in ANSWERS.values():
        data = answer.to_dict()
        assert data["sentences"] == answer.sentences()
        dated = answer is not ANSWERS["words alone"]
        assert {"by", "by_day"} & set(data) == ({"by", "by_day"} if dated else set())


def test_each_has_its_picture():
    for name in ("pool", "forecasts", "diff"):
        assert isinstance(plot(ANSWERS[name]), Axes)
    with pytest.raises(SimlibError, match="there are no forecasts to draw"):
        plot(ANSWERS["words alone"])
    with pytest.raises(Unsupported, match="there is no picture of a dict"):
        plot({})


def test_what_is_public_is_named():
    for module in (pooling, scenario_diff):
        assert all(hasattr(module, name) for name in module.__all__)
