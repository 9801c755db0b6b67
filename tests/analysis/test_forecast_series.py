"""Forecasts over time: what would have been said on each date of a log."""

import dataclasses
import datetime as dt
import itertools
import json

import pytest

import simlib
from simlib.analysis.dated_forecasts import forecast_series
from simlib.analysis.log_outlook import LogOutlook
from simlib.errors import ScenarioError, Unsupported
from simlib.scenario.event_log import LogRow
from simlib.scenario.row_meaning import read_rows
from tests.analysis.test_log_outlook import FLAGS, ROWS, clocks, day
from tests.worlds import TWO_CLOCKS


@pytest.fixture
def world(tmp_path):
    (tmp_path / "scenario.yaml").write_text(TWO_CLOCKS, encoding="utf-8")
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
    got = [point.updated for point in result.line().points]
    assert got[:3] == pytest.approx(expected, abs=1e-7)
    assert result.line().static == pytest.approx(two_steps(30), abs=1e-7)
    assert got[3:] == pytest.approx([1 - exp(-0.2 * 19)] * 2, abs=1e-7)  # the log says nothing after 11 April
    assert [date.rows for date in result.dates] == [0, 0, 0, 1, 1]
    assert result.dates[3].new == ("North warns.",)
    assert "12 April 2031: North warns." in result.sentences()[1]


def test_a_row_that_became_public_later_is_not_used_before(world):
    rows = [LogRow("warn", dt.date(2031, 4, 11), known_on=dt.date(2031, 4, 20))]
    result = forecast_series(world, rows, dates=[dt.date(2031, 4, day) for day in (12, 20, 21)])
    assert [date.rows for date in result.dates] == [0, 0, 1]
    assert result.line().points[0].updated == pytest.approx(two_steps(19), abs=1e-7)


def test_a_story_that_has_ended_says_so(world):
    rows = [LogRow("warn", dt.date(2031, 4, 5)), LogRow("act", dt.date(2031, 4, 8))]
    result = forecast_series(world, rows, dates=[dt.date(2031, 4, 12)], measures="ending:acted")
    assert result.line().points[0].updated == pytest.approx(1, abs=1e-9)
    assert result.dates[0].ended == "North acts"
    assert "By 12 April 2031 the story had ended with “North acts”." in result.sentences()


@pytest.mark.slow
@pytest.mark.parametrize("learn", [False, True])
def test_a_question_that_the_log_has_answered_stays_answered(tmp_path, learn):
    asked = "questions: {warned: {label: North warns, move: warn, resolves: it says so}}\n"
    (tmp_path / "scenario.yaml").write_text(TWO_CLOCKS + asked, encoding="utf-8")
    rows = [LogRow("warn", dt.date(2031, 4, 11), description="North warns.")]
    days = [dt.date(2031, 4, day) for day in (1, 11, 12, 21)]
    result = forecast_series(
        simlib.load(tmp_path), rows, dates=days, measures="question:warned", learn=learn, draws=256
    )
    points = result.line().points
    assert [point.updated for point in points[2:]] == [1.0, 1.0]
    assert points[1].updated < 0.7
    assert [point.settled for point in points] == [None, None, dt.date(2031, 4, 11), dt.date(2031, 4, 11)]
    assert [point.learnt for point in points[2:]] == ([1.0, 1.0] if learn else [None, None])
    assert "The log has answered the question: yes, on 11 April 2031." in " ".join(result.sentences())


@pytest.mark.parametrize(("alone", "told"), [(None, "40% on 1 April 2031"), (0.3, "without learning 30%")])
def test_without_a_mean_over_the_prior_nothing_is_said_of_it(world, alone, told):
    series = forecast_series(world, [], dates=[world.as_of])
    point = dataclasses.replace(series.line().points[0], learnt=0.4, state_only=alone)
    learnt = dataclasses.replace(series, lines=(dataclasses.replace(series.line(), points=(point,)),))
    assert learnt.sentences()[1].endswith(f" {told}.")


def test_dates_run_to_the_end_of_the_log_by_default(world):
    rows = [LogRow("warn", dt.date(2031, 4, 11))]
    assert [str(date.as_of) for date in forecast_series(world, rows).dates] == [
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
    several = forecast_series(
        world, [LogRow("warn", dt.date(2031, 4, 11))], measures=["ending:acted", "ending:ongoing"]
    )
    title = several.plot().get_title(loc="left").replace("\n", " ")
    assert title == "Probabilities by 30 April 2031, as forecast from 1 April 2031 to 12 April 2031"


@pytest.mark.slow
def test_the_command_line_updates_with_a_log(world, tmp_path, capsys):
    from simlib.cli import main

    log = tmp_path / "later.csv"
    log.write_text("date,move,description\n2031-04-11,warn,North warns.\n2031-04-12,sing,A song.\n", encoding="utf-8")
    command = ["update", world.path, "--events", str(log), "--as-of", "2031-04-14", "--draws", "4"]
    asked = ["--measure", "acted", "--measure", "level:stage=warned"]
    assert main([*command, *asked, "--rows", "--series", "daily", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "“North acts” by" in out
    table = (tmp_path / "out" / "series.csv").read_text(encoding="utf-8-sig")
    assert table.count("ending:acted,") == table.count("level:stage=warned,") == 13
    assert "1 row of the log was taken in" in out
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
    return islands, log, forecast_series(islands, log, dates=days, measures="settlement", learn=True, draws=64)


@pytest.mark.slow
def test_the_learnt_forecast_of_a_date_is_that_of_an_update_on_that_date(taught):
    islands, log, series = taught
    update = simlib.update(islands, log, as_of=dt.date(2031, 4, 25), draws=64)
    now = simlib.forecast(update.scenario, draws=update.belief, times=1)
    last = series.line().points[-1]
    assert last.learnt == pytest.approx(float(now.endings["settlement"].probability[-1]), abs=1e-9)
    assert series.dates[-1].complete_to == update.complete_to
    assert 0 < last.learnt_error < last.learnt


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        simlib.Forbid("offer-talks"),
        simlib.Forbid("fire-on-patrol", dt.date(2031, 5, 1), until=dt.date(2031, 5, 20)),
        simlib.Force("offer-talks", dt.date(2031, 5, 10)),
    ],
    ids=str,
)
def test_interventions_act_on_every_column_as_they_do_on_an_update(taught, change):
    islands, log, without = taught
    changed, day = islands.replace(interventions=(change,)), dt.date(2031, 4, 25)
    series = forecast_series(changed, log, dates=[day], measures="settlement", learn=True, draws=64)
    update, point = simlib.update(changed, log, as_of=day, draws=64), series.line().points[0]
    now = simlib.forecast(update.scenario, draws=update.belief, times=1)
    assert point.learnt == pytest.approx(float(now.endings["settlement"].probability[-1]), abs=1e-9)
    old = without.line().points[-1]
    factors = [getattr(point, name) / getattr(old, name) for name in ("updated", "state_only", "learnt")]
    assert all(abs(factor - 1) > 0.005 for factor in factors)


@pytest.mark.slow
def test_beside_it_stand_the_state_alone_and_the_mean_that_is_never_updated(taught):
    islands, log, series = taught
    alone = simlib.update(islands, log, as_of=dt.date(2031, 4, 25), draws=512, learn=False)
    now = float(simlib.forecast(alone.scenario, draws=alone.belief, times=1).endings["settlement"].probability[-1])
    last = series.line().points[-1]
    assert last.state_only == pytest.approx(now, abs=2 * last.state_only_error)
    assert abs(last.learnt - now) > 2 * abs(last.state_only - now)
    static = float(simlib.forecast(islands, draws=64, times=1).endings["settlement"].probability[-1])
    assert series.line().static_mean == pytest.approx(static, abs=1e-9)
    assert any(
        text.startswith("With the assumptions as learnt from the log by each date: ") for text in series.sentences()
    )
    assert set(series.frame().columns) >= {"learnt", "learnt_error", "state_only", "complete_to"}


# -------------------------------------------------------------------- several questions


def test_several_questions_have_the_numbers_that_each_has_alone(tmp_path):
    asked = """questions:
  warned: {label: North warns, move: warn, resolves: it says so}
  still-calm: {label: A warning stands, when: {stage: warned}, resolves: it says so}
"""
    (tmp_path / "scenario.yaml").write_text(TWO_CLOCKS + asked, encoding="utf-8")
    scenario, rows = simlib.load(tmp_path), [LogRow("warn", dt.date(2031, 4, 11), description="North warns.")]
    names = ["ending:acted", "question:warned", "level:stage=warned", "fired:act"]
    days = [dt.date(2031, 4, day) for day in (1, 11, 12)]
    both = forecast_series(scenario, rows, dates=days, measures=names)
    assert [line.measure.name for line in both.lines] == names
    for name in names:
        assert both.line(name) == forecast_series(scenario, rows, dates=days, measures=name).line()
    assert both.line("question:warned").points[2].settled == dt.date(2031, 4, 11)
    assert both.line("fired:act").points[0].updated == pytest.approx(two_steps(30), abs=1e-7)
    frame = both.frame()
    assert len(frame) == len(names) * len(days)
    assert list(frame.columns[:3]) == ["measure", "as_of", "static"]
    assert [line["measure"] for line in both.data()["lines"]] == names
    assert sum(text.startswith("“") for text in both.sentences()) == len(names)
    with pytest.raises(Unsupported, match="not how often “Warn” happens"):
        forecast_series(scenario, rows, measures="moves:warn")


@pytest.mark.slow
def test_learning_draws_one_posterior_a_date_for_all_questions(monkeypatch):
    from simlib.analysis import dated_forecasts

    drawn, islands = [], simlib.load("two-islands")
    learning = dated_forecasts.Learning
    monkeypatch.setattr(dated_forecasts, "Learning", lambda *given: drawn.append(given) or learning(*given))
    log, day = simlib.read_log(f"{islands.path}/later.csv"), dt.date(2031, 4, 25)
    options = {"dates": [day], "learn": True, "draws": 64}
    both = forecast_series(islands, log, measures=["settlement", "ship-hit", "open-war"], **options)
    assert len(drawn) == 1
    alone = forecast_series(islands, log, measures="open-war", **options)
    one, same = (series.line("open-war").points[0] for series in (both, alone))
    assert (one.learnt, one.state_only) == pytest.approx((same.learnt, same.state_only), abs=1e-12)
    assert both.line("ship-hit").points[0].learnt == 1.0  # answered on 23 April
    assert 0 < both.line("settlement").static_mean_error < 0.1
    assert both.line("settlement").points[0].learnt != both.line("open-war").points[0].learnt


# -------------------------------------------------------------------- questions that may have been answered unseen


@pytest.fixture(scope="module")
def drilling(tmp_path_factory):
    return clocks(tmp_path_factory.mktemp("drilling"))


MORNINGS = [day(number) for number in (2, 3, 10, 13, 15, 19, 22)]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [ROWS, ROWS[2:3]], ids=["answered", "in doubt"])
def test_a_question_stays_open_only_in_the_histories_without_its_event(drilling, tmp_path, rows):
    """The numbers are those of a state that remembers the event, and those of the mornings."""
    names = ["question:drills", "question:warning", "fired:drill", "reached:stage=warned"]
    series = forecast_series(drilling, rows, dates=MORNINGS, measures=names)
    flags = ["level:drilled=yes", "level:alarmed=yes"] * 2
    remembered = forecast_series(clocks(tmp_path, FLAGS), rows, dates=MORNINGS, measures=flags[:2])
    outlook, readings = LogOutlook(drilling), read_rows(drilling, rows)
    for name, flag in zip(names, flags, strict=True):
        got = [point.updated for point in series.line(name).points]
        expected = [point.updated for point in remembered.line(flag).points]
        assert got == pytest.approx(expected, abs=1e-8), name
        if name.startswith("question:"):
            seen = [outlook.probability(name, outlook.on(morning, readings)) for morning in MORNINGS]
            assert got == pytest.approx(seen, abs=1e-8), name


@pytest.mark.slow
def test_what_the_log_taught_of_an_open_question_is_what_the_rows_say(drilling, tmp_path):
    rows, names = ROWS[2:3], ["question:drills", "ending:acted", "fired:drill"]
    ask = {"dates": [day(20)], "learn": True, "draws": 64}
    series = forecast_series(drilling, rows, measures=names, **ask)
    points = {name: series.line(name).points[0] for name in names}
    for name in names:
        effects = simlib.row_effects(drilling, rows, measure=name, as_of=day(20), draws=64)
        assert points[name].learnt == pytest.approx(effects.at_end, abs=1e-8), name
    flag = forecast_series(clocks(tmp_path, FLAGS), rows, measures="level:drilled=yes", **ask).line().points[0]
    told = points["question:drills"]
    assert (told.learnt, told.state_only) == pytest.approx((flag.learnt, flag.state_only), abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("width", [900, 1280])
def test_labels_of_several_questions_stay_apart_and_inside_the_picture(width):
    from simlib.plots.figure import new_figure

    islands = simlib.load("two-islands")
    log = simlib.read_log(f"{islands.path}/later.csv")
    names = ["ship-hit", "first-challenge", "settlement", "open-war", "level:talks=under way"]
    result = forecast_series(islands, log, dates=30, measures=names)
    figure = new_figure(width, 540)
    ax = result.plot(figure.add_axes((60 / width, 0.1, 1 - 300 / width, 0.74)))
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if "%" in text.get_text()]
    assert len(boxes) == len(names)
    assert all(box.x1 <= width and box.y0 >= 0 for box in boxes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_a_log_that_falls_silent_and_one_whose_pace_changes_are_told():
    from simlib.evidence.log_intake import change_of_pace

    islands = simlib.load("two-islands")
    rows = [LogRow("patrol", dt.date(2031, 4, 3))]
    silent = "The log ends on 3 April 2031: after that day, a missing row means nothing."
    for last, told in ((4, []), (5, [silent]), (20, [silent])):
        dates = [dt.date(2031, 4, 3), dt.date(2031, 4, last)]
        series = forecast_series(islands, rows, dates=dates, measures="open-war")
        assert series.sentences()[2:] == told, "and no word of an ending"
    start = dt.date(2031, 4, 1)
    often = [LogRow("patrol", start + dt.timedelta(days=day)) for day in range(-42, 42)]
    thinned = [row for row in often if row.date < start or row.date.day == 1]
    assert change_of_pace(often, start) == ""
    assert change_of_pace(thinned, start).startswith("The log has 7.0 events a week before 1 April 2031 and 0.")
    assert change_of_pace([], start) == ""
