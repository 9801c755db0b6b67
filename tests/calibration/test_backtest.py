"""Backtests: forecasts day by day from what was public by then, and a record that no forecast can read."""

import builtins
import csv
import datetime as dt
import io
import json
import math
import shutil

import numpy as np
import pytest

import simlib
from simlib.calibration import day_by_day
from simlib.calibration.day_by_day import daily_forecasts
from simlib.calibration.forecast_terms import as_questions
from simlib.calibration.historical_record import RECORD_FILE, read_record
from simlib.control import UNWATCHED, Control
from simlib.errors import Cancelled, ScenarioError
from simlib.scenario.event_log import LogRow
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load_views
from simlib.widgets.questions.history import DayByDay
from tests.worlds import TWO_CLOCKS

WORLD = (
    TWO_CLOCKS.replace("30 days", "20 days")
    + """questions:
  warned: {label: North warns, move: warn, resolves: it says so}
  acts: {label: North acts, when: {stage: done}, resolves: it says so}
"""
)
TERMS = "question,void_when,climatology,because\nwarned,never,40%,assumed\nacts,never,20%,assumed\n"
LOG = "date,move,known_on\n2031-04-06,warn,2031-04-08\n"
RECORD = """
complete_to = 2031-04-20

[questions.warned]
happened = 2031-04-06
source = "the Gazette"

[questions.acts]
happened = {acts}
source = "the Gazette"
"""


def write(folder, acts="false"):
    (folder / "forecasts").mkdir(exist_ok=True)
    (folder / "scenario.yaml").write_text(WORLD, encoding="utf-8")
    (folder / "forecasts" / "terms.csv").write_text(TERMS, encoding="utf-8")
    (folder / "events.csv").write_text("date,move\n", encoding="utf-8")
    (folder / "later.csv").write_text(LOG, encoding="utf-8")
    (folder / RECORD_FILE).write_text(RECORD.format(acts=acts), encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path)


@pytest.fixture
def world(folder):
    return simlib.load(folder)


def day(number):
    return dt.date(2031, 4, number)


def stated(result, forecaster, question, days):
    """The probabilities of one question by the date on which they were stated."""
    return {each.forecast.as_of.day: each.forecast.probability[forecaster] for each in result.of(question, days)}


def two_steps(days):
    return 1 - (0.2 * math.exp(-0.05 * days) - 0.05 * math.exp(-0.2 * days)) / 0.15


def test_each_day_has_the_forecast_of_what_was_public_by_then(world):
    result = simlib.backtest(world, horizons=(5,), draws=2)
    acts = stated(result, "updated", "acts", 5)
    assert acts[1] == pytest.approx(two_steps(5), abs=1e-6)
    assert acts[8] == pytest.approx(two_steps(5), abs=1e-6)  # the warning of 6 April is public on 8 April
    assert acts[9] == pytest.approx(1 - math.exp(-1), abs=1e-6)
    assert max(acts) == 16  # five days from 17 April on end after the record
    warned = stated(result, "updated", "warned", 5)
    assert list(warned) == [1, 2, 3, 4, 5, 6]
    assert [each.happened for each in result.of("warned", 5)] == [False, True, True, True, True, True]


def test_the_rivals_have_their_closed_forms(world):
    result = simlib.backtest(world, horizons=(5,), draws=2)
    base = -math.log(0.6) / 20
    assert stated(result, "climatology", "warned", 5)[4] == pytest.approx(1 - math.exp(-5 * base))
    assert stated(result, "climatology", "acts", 0)[1] == pytest.approx(0.2)
    assert stated(result, "hazard", "warned", 5)[1] == pytest.approx(1 - math.exp(-5 * base))
    assert stated(result, "hazard", "warned", 5)[5] == pytest.approx(1 - math.exp(-5 * 0.5 / (0.5 / base + 4)))
    still = (two_steps(9) - two_steps(4)) / (1 - two_steps(4))
    assert stated(result, "static", "acts", 5)[5] == pytest.approx(still, abs=1e-6)


def test_the_fitted_hazard_counts_the_events_that_were_public_by_then(world):
    made = daily_forecasts(world, [], [day(1), day(4)], horizons=(5,), draws=2)
    base = -math.log(0.6) / 20
    quiet = [each for each in made.forecasts if each.question == "warned" and each.days == 5]
    assert quiet[1].probability["hazard"] == pytest.approx(1 - math.exp(-5 * 0.5 / (0.5 / base + 3)))
    rows = [LogRow("warn", day(1), known_on=day(3))]
    made = daily_forecasts(world, rows, [day(3), day(4)], horizons=(5,), draws=2)
    busy = [each.probability["hazard"] for each in made.forecasts if each.question == "warned" and each.days == 5]
    assert busy == pytest.approx([1 - math.exp(-5 * 0.5 / (0.5 / base + 2)), 1 - math.exp(-5 * 1.5 / (0.5 / base + 3))])


def test_scores_and_differences_are_those_of_the_forecasts(world):
    result = simlib.backtest(world, horizons=(5,), draws=2)
    some = result.of("warned", 5)
    base = np.array([each.forecast.probability["climatology"] for each in some])
    ours = 0.99 * np.array([each.forecast.probability["updated"] for each in some]) + 0.01 * base
    expected = float(np.mean((ours - np.array([each.happened for each in some])) ** 2))
    assert result.mean("updated", some) == pytest.approx(expected)
    table = result.table().set_index(["question", "days"])
    assert table.loc[("warned", 5), "updated"] == pytest.approx(expected)
    assert table.loc[("warned", 5), "happened"] == 5
    assert result.difference("static") == pytest.approx(result.mean("updated") - result.mean("static"))


def probabilities(result):
    return {(e.forecast.as_of, e.forecast.question, e.forecast.days): e.forecast.probability for e in result.days}


@pytest.mark.slow
def test_another_record_changes_scores_and_never_a_forecast(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    worlds = [simlib.load(write(tmp_path / "one")), simlib.load(write(tmp_path / "two", "2031-04-18"))]
    assert worlds[0].sha256 == worlds[1].sha256
    one, two = (simlib.backtest(world, horizons=(5,), draws=2) for world in worlds)
    stated_in_one, stated_in_two = probabilities(one), probabilities(two)
    shared = stated_in_one.keys() & stated_in_two.keys()
    assert len(shared) > 20
    assert {key for key in shared if stated_in_one[key] != stated_in_two[key]} == set()
    assert one.mean("updated") != two.mean("updated")


def test_nothing_that_makes_a_forecast_opens_the_record(tmp_path, monkeypatch):
    opened, of_builtins, of_io = [], builtins.open, io.open
    folder = tmp_path / "two-islands"
    shutil.copytree(shipped_scenarios()["two-islands"], folder)

    def noted(file, *rest, really, **more):
        opened.append(str(file))
        return really(file, *rest, **more)

    monkeypatch.setattr(builtins, "open", lambda *args, **more: noted(*args, really=of_builtins, **more))
    monkeypatch.setattr(io, "open", lambda *args, **more: noted(*args, really=of_io, **more))
    world = simlib.load(folder)
    load_views(folder)
    simlib.load(folder, view="hawks")
    simlib.update(world, folder / "later.csv", as_of=dt.date(2031, 4, 10), learn=False, draws=4)
    simlib.forecast_series(world, folder / "later.csv", dates=60)
    simlib.lint(world)
    simlib.base_rates(world, runs=2)
    simlib.prior_predictive(world, draws=4)
    simlib.register(world, draws=4)
    as_questions(world)
    assert any(name.endswith("scenario.yaml") for name in opened)
    assert any(name.endswith("later.csv") for name in opened)
    assert [name for name in opened if name.endswith(RECORD_FILE)] == []
    simlib.backtest(world, every=40, draws=4)
    assert [name for name in opened if name.endswith(RECORD_FILE)]


@pytest.mark.parametrize("name", [name for name, path in shipped_scenarios().items() if (path / RECORD_FILE).is_file()])
def test_the_loader_and_the_reader_of_logs_refuse_a_record(name):
    record = shipped_scenarios()[name] / RECORD_FILE
    with pytest.raises(ScenarioError, match=r"record\.toml"):
        simlib.load(record)
    with pytest.raises(ScenarioError, match=r"record\.toml"):
        simlib.read_log(record)
    assert read_record(simlib.load(record.parent)).answers


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("complete_to = 2031-04-20", "complete_to = 2031-03-20", r":2: complete_to: 2031-03-20 cannot be the last"),
        ("complete_to = 2031-04-20", "complete_to = 2031-04-20\nauthor = 3", r":3: author: unknown key 'author'"),
        ("questions.acts", "questions.act", r":8: questions.act: the scenario has no question 'act'; did you mean"),
        ("questions.acts", "questions.act", r"questions: no answer to the question 'acts'"),
        ("happened = false", "happened = 2031-05-20", r":8: questions.acts: happened = 2031-05-20; expected false"),
        ("happened = false", "happend = false", r":8: questions.acts: this is not an answer"),
        ('source = "the Gazette"', 'source = " "', r":4: questions.warned: it has no source"),
        ("happened = false", "happened = no", r":9: not readable as TOML"),
    ],
)
def test_a_record_with_a_mistake_is_refused_with_its_line(folder, world, old, new, message):
    text = RECORD.format(acts="false").replace(old, new)
    (folder / RECORD_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=message):
        read_record(world)


def test_learning_on_one_date_can_be_cancelled_and_heeds_the_threads(world, monkeypatch):
    given = []

    def update(*_, control, **options):
        given.append(control)
        return simlib.update(*_, control=control, **options)

    monkeypatch.setattr(day_by_day, "update", update)
    asked = Control(cancel=lambda: bool(given), threads=1)
    with pytest.raises(Cancelled):
        daily_forecasts(world, [], [day(1), day(4)], horizons=(5,), draws=2, learn=True, control=asked)
    assert [control.threads for control in given] == [1], "cancelled while the first date was learnt"


def test_without_a_record_or_a_base_rate_there_is_no_backtest(folder, world):
    (folder / "forecasts" / "terms.csv").write_text(TERMS.partition("acts")[0], encoding="utf-8")
    with pytest.raises(ScenarioError, match="no base rate for the question acts"):
        simlib.backtest(world, draws=2)
    (folder / RECORD_FILE).unlink()
    with pytest.raises(ScenarioError, match="there is no record of what happened"):
        simlib.backtest(world, draws=2)


def test_nothing_is_asked_once_the_log_tells_the_end(folder):
    (folder / "later.csv").write_text(LOG + "2031-04-10,act,\n", encoding="utf-8")
    (folder / RECORD_FILE).write_text(
        RECORD.format(acts="2031-04-18"), encoding="utf-8"
    )  # the record may think otherwise
    result = simlib.backtest(simlib.load(folder), horizons=(5,), draws=2)
    assert result.ended == day(11)
    assert max(each.forecast.as_of for each in result.days) == day(10)
    assert "On 11 April 2031 the log says that the story is over, so the forecasts stop." in result.sentences()


@pytest.mark.slow
def test_a_log_that_may_teach_changes_the_forecast(folder):
    text = WORLD.replace("0.05 per day, because", "0.05 per day, low: 0.01 per day, high: 0.25 per day, because")
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    (folder / RECORD_FILE).write_text(RECORD.format(acts="false").replace("2031-04-20", "2031-04-10"), encoding="utf-8")
    world = simlib.load(folder)
    plain, learnt = (
        stated(simlib.backtest(world, every=5, horizons=(5,), draws=draws, learn=learn), "updated", "warned", 5)
        for draws, learn in ((64, False), (256, True))
    )
    assert learnt[1] == pytest.approx(plain[1], abs=0.01)
    assert learnt[6] < plain[6] - 0.01  # five days without a warning speak for a low rate


def test_the_command_prints_a_table_and_writes_json_and_pictures(folder, tmp_path, capsys):
    from simlib.cli import main

    out = tmp_path / "out"
    command = ["backtest", str(folder), "--every", "4", "--horizons", "5,10", "--draws", "2", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "Mean Brier score (lower is better)" in printed
    assert "to the deadline" in printed
    assert "proves no skill" in printed
    data = json.loads((out / "backtest.json").read_text(encoding="utf-8"))["backtest"]
    assert data["record"]["warned"]["happened"] == "2031-04-06"
    assert set(data["mean_scores"]) == {"updated", "static", "hazard", "climatology"}
    with (out / "backtest.csv").open(encoding="utf-8-sig") as lines:
        assert len(list(csv.DictReader(lines))) == len(data["forecasts"])
    assert {"backtest-acts.png", "backtest-warned.png", "scores.png"} <= {file.name for file in out.iterdir()}


@pytest.mark.slow
def test_a_panel_shows_the_scores_and_is_made_anew_for_another_record(world, folder):
    panel = DayByDay(world)
    answer, key = panel.answer(panel.chosen, UNWATCHED), panel.key(panel.chosen)
    table = simlib.backtest(world).table()
    assert [float(row[3]) for row in answer.rows] == [round(value, 3) for value in table["updated"]]
    assert answer.rows[-1][:3] == (
        "all questions",
        "",
        f"{table['happened'].iloc[-1]} of {table['forecasts'].iloc[-1]}",
    )
    write(folder, acts="2031-04-15")
    assert panel.key(panel.chosen) != key
    with pytest.raises(Cancelled):
        panel.answer(panel.chosen, Control(cancel=lambda: True))


@pytest.mark.parametrize("whole", [1.0, 0.4, 0.0])
def test_a_share_that_was_counted_is_never_impossible_or_certain(whole):
    assert day_by_day._conditional(0.0, whole, 1000) == pytest.approx(0.5 / (1000 * whole + 1))
    assert day_by_day._conditional(whole, whole, 1000) == pytest.approx((1000 * whole + 0.5) / (1000 * whole + 1))
    assert day_by_day._conditional(whole, whole, None) == 1.0
