"""Forecasts over time: what would have been said on each date of a log."""

import datetime as dt
import json

import pytest

import simlib
from simlib.analysis.dated_forecasts import forecast_series
from simlib.errors import ScenarioError
from simlib.scenario.event_log import LogRow

WORLD = """
format: 1
id: clocks
title: Two clocks
as_of: 2031-04-01
horizon: 30 days
actors: {n: North, s: South}
variables: {stage: {levels: [calm, warned, done], start: calm}}
assumptions:
  warn_rate: {label: Warnings, value: 0.05 per day, because: assumed}
  act_rate: {label: Acts, value: 0.2 per day, because: assumed}
moves:
  warn: {actor: n, label: Warn, when: {stage: calm}, rate: warn_rate, outcomes: {yes-warned: {then: {stage: warned}}}}
  act: {actor: n, label: Act, when: {stage: warned}, rate: act_rate, outcomes: {acted: {then: {stage: done}}}}
endings: {acted: {when: {stage: done}, label: North acts}}
ladders: {l: [{rung: calm}, {rung: done, when: {stage: done}}]}
"""


@pytest.fixture
def world(tmp_path):
    (tmp_path / "scenario.yaml").write_text(WORLD, encoding="utf-8")
    return simlib.load(tmp_path)


def two_steps(days):
    """Return P(both clocks have rung within some days): the closed form of 0.05 and then 0.2 a day."""
    from math import exp

    return 1 - (0.2 * exp(-0.05 * days) - 0.05 * exp(-0.2 * days)) / 0.15


def test_each_date_has_the_closed_form_of_what_is_left(world):
    from math import exp

    rows = [LogRow("warn", dt.date(2031, 4, 11), description="North warns.")]
    days = [dt.date(2031, 4, day) for day in (1, 6, 11, 12, 21)]
    result = forecast_series(world, rows, dates=days)
    expected = [two_steps(30), two_steps(25), two_steps(20)]
    got = [point.updated for point in result.points]
    assert got[:3] == pytest.approx(expected, abs=1e-7)
    assert result.static == pytest.approx(two_steps(30), abs=1e-7)
    assert got[3:] == pytest.approx([1 - exp(-0.2 * 19)] * 2, abs=1e-7)  # the log says nothing after 11 April
    assert [point.rows for point in result.points] == [0, 0, 0, 1, 1]
    assert result.points[3].new == ("North warns.",)
    assert "12 April 2031: North warns." in result.sentences()[1]


def test_a_row_that_became_public_later_is_not_used_before(world):
    rows = [LogRow("warn", dt.date(2031, 4, 11), known_on=dt.date(2031, 4, 20))]
    result = forecast_series(world, rows, dates=[dt.date(2031, 4, day) for day in (12, 20, 21)])
    assert [point.rows for point in result.points] == [0, 0, 1]
    assert result.points[0].updated == pytest.approx(two_steps(19), abs=1e-7)


def test_a_story_that_has_ended_says_so(world):
    rows = [LogRow("warn", dt.date(2031, 4, 5)), LogRow("act", dt.date(2031, 4, 8))]
    result = forecast_series(world, rows, dates=[dt.date(2031, 4, 12)], measure="ending:acted")
    assert result.points[0].updated == pytest.approx(1, abs=1e-9)
    assert result.points[0].ended == "North acts"


def test_dates_run_to_the_end_of_the_log_by_default(world):
    rows = [LogRow("warn", dt.date(2031, 4, 11))]
    assert [str(point.as_of) for point in forecast_series(world, rows).points] == [
        "2031-04-01",
        "2031-04-08",
        "2031-04-12",
    ]
    with pytest.raises(ScenarioError, match="outside the forecast"):
        forecast_series(world, rows, dates=[dt.date(2031, 6, 1)])


def test_a_series_can_be_saved_and_loaded_and_drawn(world, tmp_path):
    result = forecast_series(world, [LogRow("warn", dt.date(2031, 4, 11))])
    again = simlib.load_answer(result.save(tmp_path / "series.json"))
    assert again.to_dict() == result.to_dict()
    assert result.plot().lines


def test_the_command_line_updates_with_a_log(world, tmp_path, capsys):
    from simlib.cli import main

    log = tmp_path / "later.csv"
    log.write_text("date,move,description\n2031-04-11,warn,North warns.\n2031-04-12,sing,A song.\n", encoding="utf-8")
    command = ["update", world.path, "--events", str(log), "--as-of", "2031-04-14", "--draws", "4"]
    assert main([*command, "--rows", "--series", "daily", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "1 row of the log taken in" in out
    assert "2031-04-11 warn: taken in" in out
    assert "2031-04-12 sing: no meaning here" in out
    assert (tmp_path / "out" / "series.png").exists()
    assert main([*command, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["update"]["rows"]["unmapped"] == [f"{log}:3: 2031-04-12 sing"]
    assert told["forecast"]["as_of"] == "2031-04-14"
