"""Every command that asks about a scenario answers as of a date of its log, over the belief that the log leaves."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import simlib
from simlib.cli import main
from simlib.scenario.views.variation import with_values

LOG = ["--events", "later.csv", "--as-of", "2031-05-01", "--no-learn"]
COMMANDS = {
    "run": ["--draws", "32", "--times", "1"],
    "compare": ["--forbid", "land-troops", "--draws", "32", "--runs", "0"],
    "drivers": [],
    "uncertainty": ["--draws", "128"],
    "paths": ["--runs", "10", "--draws", "32"],
    "indicators": ["--draws", "32", "--runs", "50", "--doing", "0"],
    "discover": ["--draws", "32", "--runs", "16"],
}


@pytest.fixture(scope="module")
def alone():
    """The update on that date by the state alone."""
    islands = simlib.load("two-islands")
    return simlib.update(islands, "later.csv", as_of=dt.date(2031, 5, 1), learn=False, draws=32)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers_as_of_a_date_over_the_belief(command, capsys):
    assert main([command, "two-islands", *LOG, *COMMANDS[command]]) == 0
    told = capsys.readouterr()
    assert "s of 1 May 2031" in told.out
    assert "the belief “log to 2031-05-01”" in told.out
    assert "note: the log has answered “A ship of North Island is hit”: yes, on 23 April 2031" in told.err


@pytest.mark.slow
def test_its_numbers_are_those_of_the_update(alone, capsys):
    options = [*COMMANDS["run"], "--json", "-"]
    assert main(["run", "two-islands", *LOG, *options]) == 0
    told = json.loads(capsys.readouterr().out)
    expected = simlib.forecast(alone.scenario, draws=alone.belief, times=1)
    assert told["endings"]["settlement"]["probability"] == pytest.approx(expected.endings["settlement"].probability)


@pytest.mark.slow
def test_values_count_before_the_log_and_interventions_and_the_horizon_after_it(capsys, alone):
    def war(*options):
        assert main(["run", "two-islands", *LOG, *COMMANDS["run"], *options, "--json", "-"]) == 0
        told = json.loads(capsys.readouterr().out)
        return told["horizon_days"], told["endings"]["open-war"]["probability"][-1]

    days, plain = war()
    assert days == 60
    assert war("--horizon", "30 days")[0] == 30
    weaker = with_values(alone.before, {"treaty_rate": "0.05 per day"})
    taken = simlib.update(weaker, "later.csv", as_of=dt.date(2031, 5, 1), learn=False, draws=32)
    expected = simlib.forecast(taken.scenario, draws=taken.belief, times=1).endings["open-war"].probability[-1]
    assert abs(expected - plain) > 1e-4
    assert war("--set", "treaty_rate=0.05 per day")[1] == pytest.approx(expected)
    assert war("--hold", "standoff=war@2031-05-03..2031-05-10")[1] > plain + 0.5
    with pytest.raises(AssertionError):
        war("--forbid", "land-troops@2031-04-10..2031-04-20")  # before the date
    assert "2031-04-10" in capsys.readouterr().err


def test_what_needs_independent_draws_or_an_exact_search_refuses_by_name(capsys):
    for command, option in (("drivers", ["--sobol"]), ("paths", ["--engine", "exact"])):
        assert main([command, "two-islands", *LOG, *option]) == 1
    refusals = capsys.readouterr().err
    refusal = "A Sobol index needs independent draws of the prior, which the belief “log to 2031-05-01” does not have"
    assert refusal in refusals
    assert "not over the belief “log to 2031-05-01”; use Monte Carlo" in refusals
