"""Options: one vocabulary, one frozen object, and refusals that name the option."""

from __future__ import annotations

import dataclasses
import json
import unicodedata

import pytest

from simlib.cli import main
from simlib.cli.options.parser import parse
from simlib.cli.options.plans import shared_out
from simlib.machine.measures import days_by
from simlib.scenario.loader import load
from tests.cli.world import write_bridge


@pytest.fixture
def bridge(tmp_path):
    return str(write_bridge(tmp_path))


def test_a_request_is_frozen_and_hashable():
    request = parse(["compare", "x", "--as", "a", "--set", "yes=0.5", "--measure", "agreement"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.seed = 1
    assert request.variants == (("a", (("set", "yes=0.5"),)),)
    assert hash(request) == hash(request.replace())


def test_what_is_not_asked_for_keeps_its_default():
    request = parse(["run", "x"])
    assert (request.views, request.measure, request.by, request.runs, request.seed) == ((), (), None, None, 0)


@pytest.mark.parametrize(
    ("argv", "gone"),
    [
        (["drivers", "x", "--day", "9"], "--day"),
        (["uncertainty", "x", "--observe", "9"], "--observe"),
        (["indicators", "x", "--ending", "agreement"], "--ending"),
        (["indicators", "x", "--day", "9"], "--day"),
    ],
)
def test_an_old_option_is_gone(argv, gone, capsys):
    assert main(argv) == 2
    assert f"unrecognized arguments: {gone}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["paths", "--given", "refusal"], "--given: question:refusal is no ending of the scenario; expected one of a"),
        (["paths", "--given", "ending:ongoing"], "--given: ending:ongoing is no ending of the scenario"),
        (["paths", "--given", "agrement"], "--given: measure 'agrement': is no ending and no question; did you mean"),
        (
            ["indicators", "--measure", "moves:meet"],
            "--measure: moves:meet is no ending and no question of the scenario",
        ),
        (["drivers", "--by", "2031-05-31"], "--by: 2031-05-31; expected a day after the start and up to day 60"),
        (["drivers", "--by", "2031-03-31"], "--by: 2031-03-31; expected a day after the start"),
        (["drivers", "--by", "inf"], "--by: expected a date such as 2031-05-01 or a number of days, not 'inf'"),
        (
            ["uncertainty", "--by", "20", "--look-by", "20"],
            "--look-by: 20; expected a day after the start and before d",
        ),
        (["indicators", "--look-by", "2031-05-30"], "--look-by: 2031-05-30; expected a day after the start and before"),
        (["drivers", "--by", "99", "--measure", "x"], "--measure: measure 'x': is no ending and no question"),
    ],
)
def test_what_does_not_fit_is_named(argv, words, bridge, capsys):
    assert main([argv[0], bridge, *argv[1:]]) == 2
    assert words in capsys.readouterr().err


def test_everything_that_does_not_fit_is_told_at_once(bridge, capsys):
    assert main(["uncertainty", bridge, "--by", "99", "--measure", "x", "--quantile", "2"]) == 2
    where = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert where == ["--by", "--measure", "--quantile"]


def test_the_day_one_looks_is_a_date_or_days(bridge):
    scenario = load(bridge)
    for written, days in (("2031-04-10", 10.0), ("10", 10.0), ("2.5", 2.5)):
        assert days_by(scenario, parse(["indicators", "x", "--look-by", written]).look_by) == days
    assert parse(["indicators", "x"]).look_by is None


def test_an_ending_may_be_named_as_a_measure_or_alone(bridge, capsys):
    answers = []
    for name in ("agreement", "ending:agreement"):
        assert main(["paths", bridge, "--runs", "50", "--given", name, "--json", "-"]) == 0
        answers.append(json.loads(capsys.readouterr().out)["paths"]["classes"])
    assert answers[0] == answers[1]


def test_names_are_composed_as_in_files():
    typed = unicodedata.normalize("NFD", "blockade=médiation@2031-04-05")
    request = parse(["drivers", "x", "--pin", typed, "--measure", unicodedata.normalize("NFD", "level:a=é")])
    assert request.interventions == (("pin", "blockade=médiation@2031-04-05"),)
    assert request.measure == ("level:a=é",)


def test_changes_of_a_sweep_belong_to_every_point_or_to_a_plan():
    argv = ["sweep", "x", "--out", "o", "--set", "yes=0.5", "--plan", "p", "--as", "a", "--forbid", "close"]
    request = shared_out(parse(argv))
    assert (request.settings, request.interventions) == (("yes=0.5",), ())
    assert request.plans == (("", (("plan", "p"),)), ("a", (("forbid", "close"),)))
