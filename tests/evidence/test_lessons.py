"""`learn`: prior and posterior side by side, and what the log cannot teach."""

import dataclasses
import datetime as dt
import json
import shutil

import numpy as np
import pytest

import simlib
from simlib.cli import main
from simlib.cli.commands import learn
from simlib.evidence.lessons import LearntAssumption
from simlib.scenario.event_log import LogRow

MONTH = [LogRow("patrol", dt.date(2031, 4, day)) for day in range(1, 15)]
AS_OF = dt.date(2031, 4, 15)


@pytest.fixture(scope="module")
def islands():
    return simlib.load("two-islands")


@pytest.fixture(scope="module")
def lessons(islands):
    return simlib.learn(islands, MONTH, as_of=AS_OF, draws=512)


@pytest.mark.slow
def test_a_patrol_a_day_teaches_their_rate_and_the_rest_is_said_to_keep_its_prior(islands, lessons):
    by_id = {each.id: each for each in lessons.learnt}
    assert by_id["patrol_rate"].taught
    texts = lessons.sentences()
    rate = islands.assumptions["patrol_rate"].label
    assert any(
        text.startswith(f"{rate}: ") and "after the log, 0.8 per week (0.4 per week to" in text for text in texts
    )
    assert any(text.startswith("The other ") and text.endswith("keep their priors, or nearly so.") for text in texts)
    assert any("The log says nothing about" in text for text in texts)
    assert any("draws are worth" in text and "trusted below 0.7" in text for text in texts)
    assert lessons.ranked()[0].id in {each.id for each in lessons.learnt if each.taught}
    assert list(lessons.frame()["assumption"]) == [each.id for each in lessons.ranked()]


@pytest.mark.slow
def test_learning_and_updating_say_the_same(islands, lessons):
    found = simlib.update(islands, MONTH, as_of=AS_OF, draws=512)
    assert found.learnt == lessons.learnt
    assert set(lessons.sentences()) >= {
        each.sentence(islands.assumptions[each.id]) for each in found.learnt if each.taught
    }


def test_without_rows_nothing_is_taught(islands):
    nothing = simlib.learn(islands, (), as_of=dt.date(2031, 4, 2), complete_to=dt.date(2031, 3, 31), draws=512)
    assert "The log teaches nothing about the assumptions: each keeps its prior, or nearly so." in nothing.sentences()


def test_what_few_draws_show_by_chance_is_not_called_taught():
    points = (0.1, 0.2, 0.4)
    narrow = LearntAssumption("a", points, points, 0.0, 0.75, "free", draws=50)
    assert not narrow.taught
    assert narrow.change == "undecided"
    assert dataclasses.replace(narrow, draws=5000).change == "narrower"
    moved = LearntAssumption("a", points, points, 0.6, 1.0, "free", draws=100)
    assert not moved.taught
    assert moved.change == "undecided"
    assert dataclasses.replace(moved, draws=10_000).change == "moved"
    assert dataclasses.replace(moved, spread=0.5, draws=10_000).change == "moved and narrower"
    assert dataclasses.replace(moved, mean=0.4).change == "hardly changed"
    best, unsure, same = dataclasses.replace(narrow, draws=5000), narrow, dataclasses.replace(moved, mean=0.49)
    assert sorted([same, unsure, best], key=lambda each: each.strength) == [best, unsure, same]
    assert not dataclasses.replace(moved, draws=np.inf, reach="untouched").taught


def test_what_was_taught_is_ranked_before_a_greater_change_that_the_draws_cannot_decide(lessons):
    points = (0.1, 0.2, 0.4)
    taught = LearntAssumption("a", points, points, 0.6, 0.9, "free", draws=10_000)
    unsure = LearntAssumption("b", points, points, 0.9, 1.5, "free", draws=9)
    assert [each.id for each in dataclasses.replace(lessons, learnt=(unsure, taught)).ranked()] == ["a", "b"]


def test_what_the_draws_cannot_decide_is_called_undecided_wherever_the_lessons_are_shown(lessons):
    points = (0.1, 0.2, 0.4)
    first, second = (each.id for each in lessons.learnt[:2])
    unsure = LearntAssumption(first, points, points, 0.0, 0.75, "free", draws=50)
    same = LearntAssumption(second, points, points, 0.0, 1.0, "free", draws=50)
    few = dataclasses.replace(lessons, learnt=(unsure, same))
    assert [learn._fate(each) for each in few.learnt] == ["undecided", "kept"]
    assert "The other uncertain assumption keeps its prior, or nearly so." in few.sentences()
    assert not any("says nothing about" in text for text in few.sentences())
    none = dataclasses.replace(lessons, learnt=(same,))
    for each, sure in ((few, False), (none, True)):
        axes = each.plot()
        assert axes.get_title(loc="left").startswith("The log teaches hardly anything about")
        assert any("undecided" in text.get_text() for text in axes.texts) != sure


def test_the_lessons_can_be_saved_drawn_and_loaded(lessons, tmp_path):
    again = simlib.load_answer(lessons.save(tmp_path / "learn.json"))
    assert again.to_dict() == lessons.to_dict()
    axes = lessons.plot()
    assert any("of the spread" in text.get_text() for text in axes.texts)


@pytest.mark.slow
def test_the_command_writes_what_was_taught_as_a_view_and_leaves_the_scenario_alone(islands, tmp_path, capsys):
    home = tmp_path / "two-islands"
    shutil.copytree(islands.path, home)
    before = (home / "scenario.yaml").read_text()
    rows = "".join(f"{row.date},patrol\n" for row in MONTH)
    (tmp_path / "log.csv").write_text(f"date,move\n{rows}")
    command = ["learn", str(home), "--events", str(tmp_path / "log.csv"), "--as-of", str(AS_OF), "--draws", "512"]
    assert main([*command, "--save-view", "april", "--json", str(tmp_path / "learn.json")]) == 0
    told = capsys.readouterr()
    assert "before the log" in told.out
    assert (home / "scenario.yaml").read_text() == before
    view = simlib.load(home, view="april")
    learnt = {each["assumption"]: each for each in json.loads((tmp_path / "learn.json").read_text())["learn"]["learnt"]}
    rate = view.assumptions["patrol_rate"]
    assert rate.value == pytest.approx(learnt["patrol_rate"]["posterior"][1], rel=1e-3)
    assert rate.because == "taught by the log up to 15 April 2031; was 0.8 per week"
    untaught = [name for name, each in learnt.items() if not each["taught"] and name in view.assumptions]
    assert all(view.assumptions[name].value == islands.assumptions[name].value for name in untaught)


def test_where_nothing_was_taught_no_view_is_written(islands, tmp_path, capsys):
    home = tmp_path / "two-islands"
    shutil.copytree(islands.path, home)
    (tmp_path / "log.csv").write_text("date,move\n2031-04-01,patrol\n")
    command = ["learn", str(home), "--events", str(tmp_path / "log.csv"), "--as-of", "2031-04-02", "--draws", "64"]
    assert main([*command, "--save-view", "april"]) == 0
    assert "no view is written" in capsys.readouterr().err
    assert not (home / "views" / "april.yaml").exists()
