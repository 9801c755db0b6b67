"""Counters in the file, in words, in views and in answers."""

import datetime as dt
from pathlib import Path

import pytest

import simlib
from simlib.cli import main
from simlib.errors import ScenarioError
from simlib.plots.boxes_and_arrows import arrows, in_words, state_diagram
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.explanation import explain_text
from simlib.scenario.loader import load_text
from simlib.scenario.model import Condition, Forbid, Hold, Pin
from simlib.scenario.views.command_text import parse_condition, parse_intervention
from simlib.scenario.views.variation import apply_view
from simlib.scenario.views.view_reader import read_view
from simlib.scenario.writer import save_view
from tests.scenario.test_labels import PLAIN

MOVES = """\
  leave:
    actor: farmers
    label: Drive trucks home
    when: {trucks: WHEN}
    rate: {value: 1 per month, low: 0.5 per month, high: 3 per month, because: assumed}
    times: [{by: angry_factor, when: {trucks: 20 or below}}, {per: trucks}]
    then: {trucks: -3}
  clear:
    actor: nature
    label: Clear the road
    rate: {value: 1 per month, because: assumed}
    then: {trucks: 0, bridge: open}
"""
VIEW = "format: 1\nid: one\ntitle: One\ninterventions: [{{{}}}]\n"


def world(when: str = "5 or above") -> simlib.Scenario:
    return load_text(text(when))


def text(when: str = "5 or above") -> str:
    counter = "  trucks: {label: Trucks, levels: {from: 0, to: 60}, start: {12: 70%, 15: rest}, because: assumed}\n"
    return PLAIN.replace("  mood:", counter + "  mood:").replace(
        "endings:\n", MOVES.replace("WHEN", when) + "endings:\n"
    )


def numbers(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(first, last + 1))


def test_a_counter_has_a_level_for_every_number():
    trucks = world().variables["trucks"]
    assert trucks.counter
    assert trucks.levels == numbers(0, 60)
    assert trucks.start == (("12", "trucks.start.12"), ("15", None))
    assert not world().variables["bridge"].counter


@pytest.mark.parametrize(
    ("written", "levels", "words"),
    [
        ("5 or above", numbers(5, 60), "5 or above"),
        ("5 or below", numbers(0, 5), "5 or below"),
        ("20 to 30", numbers(20, 30), "20 to 30"),
        ("7", ("7",), "7"),
        ("not 7", numbers(0, 6) + numbers(8, 60), "not 7"),
        ("[2, 3, 4, 50 or above]", numbers(2, 4) + numbers(50, 60), "2 to 4 or 50 to 60"),
    ],
)
def test_sets_of_numbers_are_read_said_and_written_back(tmp_path, written, levels, words):
    base = world(written)
    when = base.moves["leave"].when
    assert when.clauses == ((("trucks", levels),),)
    assert condition_in_words(when, base, labels=True) == f"“Trucks” is {words}"
    view = read_view(
        f"format: 1\nid: one\ntitle: One\ninterventions: [{{forbid: clear, when: {{trucks: {written}}}}}]\n", base
    )
    assert view.interventions == (Forbid("clear", when=when),)
    file = save_view(base, view, tmp_path / "one.yaml")
    assert read_view(file.read_text(), base) == view
    assert len(file.read_text()) < 200
    assert parse_condition(str(when), base) == when


def test_a_list_of_numbers_has_each_once():
    with pytest.raises(ScenarioError, match=r"trucks\.2: the level '3 or above' is listed twice; keep one"):
        world("[5, 3 or above]")


def test_words_do_not_list_the_numbers():
    said = explain_text(world())
    assert "  trucks: Trucks: a number from 0 to 60; it starts at 12 with 70%, otherwise 15; assumed" in said
    assert "while trucks is 5 or above; 3 times as often (90% range 1.5 to 6) while trucks is 20 or below; " in said
    assert "; times the number of trucks; then trucks down by 3" in said
    assert "then trucks to 0, bridge to open" in said
    assert max(map(len, said.splitlines())) < 400
    assert "Trucks: 0 to 60" in in_words(world())
    assert not arrows(world(), world().variables["trucks"])
    assert state_diagram(world()).get_axes()


def test_a_counter_is_set_by_number(capsys):
    base = world()
    day = dt.date(2031, 4, 5)
    assert parse_intervention("pin", "trucks=40@2031-04-05", base) == (Pin("trucks", "40", day),)
    assert parse_intervention("hold", "trucks=7", base) == (Hold("trucks", "7"),)
    assert parse_intervention("forbid", "clear while trucks=50 or above", base) == (
        Forbid("clear", when=Condition(((("trucks", numbers(50, 60)),),))),
    )
    for kind, typed in (("pin", "trucks=61@2031-04-05"), ("hold", "trucks=many")):
        with pytest.raises(
            ScenarioError, match=r"the counter 'trucks' has no number .* expected a number from 0 to 60"
        ):
            parse_intervention(kind, typed, base)
    held = apply_view(base, read_view(VIEW.format("hold: trucks, level: 7"), base))
    assert simlib.forecast(held, times=1).variables["trucks"]["7"][-1] == pytest.approx(1)


def test_answers_give_the_mean_and_the_range(tmp_path, capsys):
    Path(tmp_path, "scenario.yaml").write_text(text())
    forecast = simlib.forecast(simlib.load(tmp_path), times=4)
    law = {int(number): p[-1] for number, p in forecast.variables["trucks"].items()}
    mean, low, high = (part[-1] for part in forecast.counters["trucks"])
    assert mean == pytest.approx(sum(number * p for number, p in law.items()))
    assert sum(p for number, p in law.items() if number < low) < 0.05 <= sum(p for n, p in law.items() if n <= low)
    assert sum(p for number, p in law.items() if number < high) < 0.95 <= sum(p for n, p in law.items() if n <= high)
    frame = forecast.frame("counters")
    assert list(frame) == ["day", "by", "counter", "label", "mean", "p05", "p95"]
    assert len(frame) == len(forecast.times)
    assert main(["run", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    row = next(line for line in told.splitlines() if line.startswith("  Trucks "))
    assert f"{mean:.3g} ({low:g}–{high:g})" in row
    assert max(map(len, told.splitlines())) < 200
    assert Path(tmp_path, "out", "counters.csv").stat().st_size


@pytest.mark.slow
def test_questions_do_not_take_each_number_for_itself(tmp_path, capsys):
    Path(tmp_path, "scenario.yaml").write_text(text())
    for options in (["--runs", "40", "--draws", "20"], ["--engine", "exact"]):
        assert main(["indicators", str(tmp_path), "--doing", "0", *options]) == 0
        assert "Trucks: " not in capsys.readouterr().out
    assert main(["paths", str(tmp_path), "--over", "trucks"]) == 2
    assert "--over: 'trucks' is a counter; expected a variable with levels" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 0
    assert "can never be reached" not in capsys.readouterr().out
    report = tmp_path / "report.md"
    assert main(["report", str(tmp_path), "--out", str(report), "--draws", "0"]) == 0
    assert "Trucks: " in report.read_text()
