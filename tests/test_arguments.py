"""Arguments that cannot be used are refused: which argument, what was given, what is expected."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import inspect
import math
import pickle

import numpy as np
import pandas as pd
import pytest

import simlib
from simlib.engines.exact.forecast import Solver
from simlib.errors import ArgumentError
from tests.worlds import World

MIDNIGHT, NOON = dt.datetime(2031, 4, 7, tzinfo=dt.UTC), dt.datetime(2031, 4, 7, 12, tzinfo=dt.UTC)
MONDAY, LATER = dt.date(2031, 4, 7), dt.date(2031, 4, 14)


def world() -> simlib.Scenario:
    scenario = World("mood", horizon=20).variable("mood", "calm", "war", start="calm")
    scenario.move("attack", 0.1, {"mood": "war"}, when={"mood": "calm"})
    return scenario.ending("war", {"mood": "war"}).scenario().replace(as_of=dt.date(2031, 4, 1))


SCENARIO = world()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("tolerance", -1, "expected a number above 0 and below 1"),
        ("tolerance", 0, "expected a number above 0 and below 1"),
        ("tolerance", math.nan, "expected a number above 0 and below 1"),
        ("tolerance", "small", "expected a number above 0 and below 1"),
        ("by", NOON, "expected a date such as 2031-04-01, without a time of day"),
        ("by", True, "expected a date, or a number of days after the first day"),
        ("by", [5], "expected a date, or a number of days after the first day"),
        ("times", [0, math.nan], "expected a number of steps, or strictly increasing days"),
        ("times", 10.0, "expected a whole number from 1"),
        ("times", 10**9, "expected a whole number from 1"),
        ("times", "ten", "expected a number of steps"),
        ("cap", 0, "expected a whole number of at least 1"),
        ("values", ["attack.rate"], "expected a mapping from names to numbers"),
        ("control", None, "expected a simlib.Control"),
        ("ranges", "no", "expected True or False"),
        ("scenario", "two-islands", "expected a scenario, such as simlib.load"),
    ],
)
def test_an_argument_of_solve_that_cannot_be_used_is_named(name, given, expected):
    options = {"scenario": SCENARIO} | {name: given}
    with pytest.raises(ValueError, match=f"^{name} is ") as refused:
        simlib.solve(**options)
    assert expected in str(refused.value)
    assert isinstance(refused.value, simlib.SimlibError)


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        (simlib.forecast, {"draws": 2.5}, "draws is 2.5; expected a whole number of at least 0"),
        (simlib.forecast, {"draws": -1}, "draws is -1; expected a whole number of at least 0"),
        (simlib.forecast, {"seed": -1}, "seed is -1; expected a whole number from 0 to"),
        (simlib.forecast, {"runs": 0}, "runs is 0; expected a whole number of at least 1"),
        (simlib.simulate, {"runs": 1e3}, "runs is 1000.0; expected a whole number of at least 1"),
        (simlib.simulate, {"seed": 1.5}, "seed is 1.5; expected a whole number"),
        (simlib.histories, {"runs": -1}, "runs is -1; expected a whole number of at least 1"),
        (simlib.histories, {"runs": [1.5]}, "runs is 1.5; expected a whole number of at least 0"),
        (simlib.fan, {"measure": "war", "ladder": "up"}, "ladder is 'up'; expected a measure or a ladder, not both"),
        (simlib.fan, {"draws": 1}, "draws is 1; expected at least 2"),
        (simlib.waypoints, {"given": 3}, "given is 3; expected a text"),
        (simlib.rung_times, {"runs": 0}, "runs is 0; expected a whole number of at least 1"),
        (simlib.typical_histories, {"seed": -1}, "seed is -1; expected a whole number from 0 to"),
        (simlib.drivers, {"draws": 1}, "draws is 1; expected a whole number of at least 2"),
        (simlib.drivers, {"top": 0}, "top is 0; expected a whole number of at least 1"),
        (simlib.drivers, {"measures": 3}, "measures is 3; expected the name of a measure"),
        (simlib.forecast_series, {"dates": 0}, "dates is 0; expected a whole number of at least 1"),
        (simlib.forecast_series, {"dates": MONDAY}, "dates is datetime.date(2031, 4, 7); expected a list of dates"),
        (simlib.forecast_series, {"dates": ["7 April"]}, "dates is '7 April'; expected a date such as"),
        (simlib.backtest, {"horizons": 7}, "horizons is 7; expected a list of horizons, each a whole number of days"),
        (simlib.backtest, {"horizons": ()}, "horizons is (); expected a list of horizons, each a whole number of days"),
        (simlib.backtest, {"every": 0}, "every is 0; expected a whole number of at least 1"),
        (simlib.update, {"as_of": 4}, "as_of is 4; expected a date such as 2031-04-01"),
        (simlib.update, {"events": 3}, "events is 3; expected the path of a log"),
        (simlib.update, {"events": [3]}, "events is 3; expected the path of a log"),
        (simlib.lint, {"events_per_day": math.nan}, "events_per_day is nan; expected a number above 0"),
        (simlib.load, {"path": None}, "path is None; expected the path of a file or folder"),
        (simlib.diff, {"after": "hawks"}, "after is 'hawks'; expected a scenario"),
        (simlib.pool, {"views": [SCENARIO]}, "expected a mapping from the name of a view to its scenario"),
        (simlib.discover, {"measure": "war", "threshold": "50%"}, "threshold is '50%'; expected a number"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(question, options, message):
    first = "before" if question is simlib.diff else "scenario"
    own = {} if question in (simlib.load, simlib.pool) else {first: SCENARIO}
    with pytest.raises(ArgumentError) as refused:
        question(**own, **options)
    assert message in str(refused.value)


@pytest.mark.parametrize("monday", ["2031-04-07", MIDNIGHT, pd.Timestamp("2031-04-07"), MONDAY])
def test_a_date_may_be_given_as_text_or_as_the_midnight_of_a_datetime(monday):
    day = simlib.solve(SCENARIO, by=monday).times[-1]
    assert day == 7
    assert simlib.Force("attack", monday) == simlib.Force("attack", MONDAY)
    assert simlib.Hold("mood", "calm", monday, until="2031-04-14") == simlib.Hold("mood", "calm", MONDAY, until=LATER)
    assert simlib.delay("attack", monday) == simlib.delay("attack", MONDAY)
    assert simlib.repeat("attack", [monday]) == simlib.repeat("attack", [MONDAY])
    row = simlib.LogRow("attack", monday, known_on="2031-04-14")
    assert (row.date, row.known_on) == (MONDAY, LATER)


@pytest.mark.parametrize("given", ["7 April 2031", "", 7, None, pd.NaT, NOON])
def test_no_intervention_takes_what_is_no_date(given):
    with pytest.raises(ArgumentError, match=r"date is .*; expected a date such as 2031-04-01"):
        simlib.Force("attack", given)


def test_parts_of_an_intervention_and_of_a_row_that_cannot_be_used_are_named():
    with pytest.raises(ArgumentError, match="rate is '2 per week'; expected a number of events per day"):
        simlib.Policy("attack", "2 per week")
    with pytest.raises(ArgumentError, match="value is '30%'; expected a number"):
        simlib.Assume("attack.rate", "30%")
    with pytest.raises(ArgumentError, match="when is 'always'; expected a Condition"):
        simlib.Forbid("attack", when="always")
    with pytest.raises(ArgumentError, match="times is -1; expected a whole number from 1 to 1000"):
        simlib.LogRow("attack", MONDAY, times=-1)
    with pytest.raises(ArgumentError, match="precision is 'year'; expected one of: day, week, month"):
        simlib.LogRow("attack", MONDAY, precision="year")
    with pytest.raises(ArgumentError, match="threads is 0; expected a whole number of at least 1"):
        simlib.Control(threads=0)
    with pytest.raises(ArgumentError, match="cancel is True; expected a function"):
        simlib.Control(cancel=True)


def takes_draws(name: str) -> bool:
    value = getattr(simlib, name)
    return inspect.isfunction(value) and "draws" in inspect.signature(value).parameters


@pytest.mark.parametrize("name", list(filter(takes_draws, simlib.__all__)))
def test_each_function_with_draws_uses_a_belief_or_refuses_it_by_its_name(name, tmp_path):
    mood = World("mood", horizon=20).variable("mood", "calm", "war", start="calm")
    mood.uncertain("a", "rate", 0.1, 0.05, 0.2)
    mood.move("attack", "a", {"mood": "war"}, when={"mood": "calm"}).ending("war", {"mood": "war"})
    scenario = mood.ladder("steps", peace=None, war={"mood": "war"}).scenario()
    belief = dataclasses.replace(simlib.Belief.prior(scenario, 64), name="a log")
    given = {"measure": "war", "variants": {"faster": {"a": 0.2}}, "path": tmp_path / "page.html"}
    given |= {"scenario": scenario, "views": {"one": scenario, "two": scenario}, "draws": belief}
    question = getattr(simlib, name)
    parameters = inspect.signature(question).parameters
    needed = {key: given[key] for key, each in parameters.items() if each.default is each.empty or key == "draws"}
    if "Belief" not in parameters["draws"].annotation:
        with pytest.raises(simlib.Unsupported, match="draws is the belief “a log”; expected a number"):
            question(**needed)
    elif name == "write_report":
        assert "weighted by the log" in question(**needed).read_text(encoding="utf-8")
    elif name == "register":  # the registry of a scenario in a folder takes it: tests/calibration/test_registry.py
        with pytest.raises(simlib.ScenarioError, match="read from a pipe has no registry"):
            question(**needed)
    else:
        assert question(**needed).provenance["belief"] == "a log"


def test_a_tolerance_is_checked_wherever_it_is_given():
    with pytest.raises(ArgumentError, match="tolerance is nan"):
        Solver(SCENARIO).run(np.array([0.1]), tolerance=math.nan)
    with pytest.raises(ArgumentError, match="tolerance is -1"):
        simlib.Precision(tolerance=-1)


def test_numbers_of_numpy_are_whole_numbers():
    assert simlib.simulate(SCENARIO, runs=np.int64(100), seed=np.uint8(3)).provenance["runs"] == 100


def test_an_object_of_simlib_is_accepted_only_where_the_function_asks_for_it():
    taken = simlib.update(SCENARIO, ())
    with pytest.raises(ArgumentError, match="expected a scenario"):
        simlib.solve(taken)
    with pytest.raises(ArgumentError, match="dates is 5; expected a list of dates"):
        simlib.repeat("patrol", 5)


def test_of_several_wrong_arguments_the_first_of_the_function_is_named():
    with pytest.raises(ArgumentError, match="runs is 0"):
        simlib.simulate(SCENARIO, seed=-1, runs=0)


def test_the_error_can_be_copied_and_so_pickled():
    error = copy.copy(ArgumentError("seed", -1, "expected another"))
    assert str(error) == "seed is -1; expected another"


def test_functions_of_the_face_keep_their_names_and_documents():
    assert simlib.solve.__name__ == "solve"
    assert pickle.loads(pickle.dumps(simlib.solve)) is simlib.solve  # noqa: S301 - bytes of our own
    with pytest.raises(TypeError, match=r"solve\(\) got an unexpected keyword argument 'tolerence'"):
        simlib.solve(SCENARIO, tolerence=1e-6)
