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


@pytest.mark.parametrize("learn", [False, True])
def test_a_question_that_the_log_has_answered_stays_answered(tmp_path, learn):
    asked = "questions: {warned: {label: North warns, move: warn, resolves: it says so}}\n"
    (tmp_path / "scenario.yaml").write_text(WORLD.lstrip() + asked, encoding="utf-8")
    rows = [LogRow("warn", dt.date(2031, 4, 11), description="North warns.")]
    days = [dt.date(2031, 4, day) for day in (1, 11, 12, 21)]
    result = forecast_series(simlib.load(tmp_path), rows, dates=days, measure="question:warned", learn=learn, draws=256)
    assert [point.updated for point in result.points[2:]] == [1.0, 1.0]
    assert result.points[1].updated < 0.7
    assert [point.settled for point in result.points] == [None, None, dt.date(2031, 4, 11), dt.date(2031, 4, 11)]
    assert [point.learnt for point in result.points[2:]] == ([1.0, 1.0] if learn else [None, None])
    assert "the log had answered: yes, on 11 April 2031" in " ".join(result.sentences())


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


@pytest.fixture(scope="module")
def taught():
    islands = simlib.load("two-islands")
    days = [dt.date(2031, 4, 10), dt.date(2031, 4, 25)]
    log = simlib.read_log(f"{islands.path}/later.csv")
    return islands, log, forecast_series(islands, log, dates=days, measure="settlement", learn=True, draws=64)


def test_the_learnt_forecast_of_a_date_is_that_of_an_update_on_that_date(taught):
    islands, log, series = taught
    update = simlib.update(islands, log, as_of=dt.date(2031, 4, 25), draws=64)
    now = simlib.forecast(update.scenario, draws=update.belief, times=1)
    last = series.points[-1]
    assert last.learnt == pytest.approx(float(now.endings["settlement"].probability[-1]), abs=1e-9)
    assert last.complete_to == update.complete_to
    assert 0 < last.learnt_error < last.learnt


def test_beside_it_stand_the_state_alone_and_the_mean_that_is_never_updated(taught):
    islands, log, series = taught
    alone = simlib.update(islands, log, as_of=dt.date(2031, 4, 25), draws=512, learn=False)
    now = float(simlib.forecast(alone.scenario, draws=alone.belief, times=1).endings["settlement"].probability[-1])
    last = series.points[-1]
    assert last.state_only == pytest.approx(now, abs=2 * last.state_only_error)
    assert abs(last.learnt - now) > 2 * abs(last.state_only - now)
    static = float(simlib.forecast(islands, draws=64, times=1).endings["settlement"].probability[-1])
    assert series.static_mean == pytest.approx(static, abs=1e-9)
    assert any(
        text.startswith("Over the assumptions, with what the log taught by then: ") for text in series.sentences()
    )
    assert set(series.frame().columns) >= {"learnt", "learnt_error", "state_only", "complete_to"}


def test_a_log_that_falls_silent_and_one_whose_pace_changes_are_told():
    from simlib.evidence.log_intake import change_of_pace

    islands = simlib.load("two-islands")
    rows = [LogRow("patrol", dt.date(2031, 4, 3))]
    series = forecast_series(islands, rows, dates=[dt.date(2031, 4, 3), dt.date(2031, 4, 20)], measure="open-war")
    assert "The log ends on 3 April 2031: from then on nothing is read from its silence." in series.sentences()
    start = dt.date(2031, 4, 1)
    often = [LogRow("patrol", start + dt.timedelta(days=day)) for day in range(-42, 42)]
    thinned = [row for row in often if row.date < start or row.date.day == 1]
    assert change_of_pace(often, start) == ""
    assert change_of_pace(thinned, start).startswith("The log has 7.0 events a week before 1 April 2031 and 0.")
    assert change_of_pace([], start) == ""
