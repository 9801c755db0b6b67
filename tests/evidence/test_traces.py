"""An answer from a log can be traced to the log, also if another question used the belief."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

import simlib
from simlib.evidence.log_intake import rows_record

DAY, WAR = dt.date(2031, 4, 20), "ending:open-war"


@pytest.fixture(scope="module")
def islands():
    return simlib.load("two-islands")


@pytest.fixture(scope="module")
def log(islands):
    return simlib.read_log(f"{islands.path}/later.csv")


@pytest.fixture(scope="module")
def update(islands, log):
    return simlib.update(islands, log, as_of=DAY, learn=False, draws=128, seed=4)


ASK = {
    "update": lambda world, rows: simlib.update(world, rows, as_of=DAY, learn=False, draws=8),
    "learn": lambda world, rows: simlib.learn(world, rows, as_of=DAY, draws=64),
    "row_effects": lambda world, rows: simlib.row_effects(
        world, rows, measure=WAR, as_of=DAY, learn=False, draws=8, skip_impossible=True
    ),
    "rows_per_week": lambda world, rows: simlib.rows_per_week(world, rows, as_of=DAY, learn=False, draws=8),
    "forecast_series": lambda world, rows: simlib.forecast_series(world, rows, measures=WAR, dates=[DAY]),
    "backtest": lambda world, rows: simlib.backtest(world, rows, every=21, draws=4),
}
DATED = {"backtest": dt.date(2031, 4, 22)}


@pytest.mark.parametrize("name", ASK)
def test_another_log_has_another_provenance(name, islands, log):
    whole, part = (ASK[name](islands, rows).provenance for rows in (log, log[:2]))
    assert whole["log_sha256"] != part["log_sha256"]
    assert whole["log_rows"] - part["log_rows"] == len(log) - 2
    for source in (whole, part):
        assert source["learn"] == (name == "learn")
        assert source["skip_impossible"] == (name == "row_effects")
        assert source["as_of"] == DATED.get(name, DAY)
        assert source["complete_to"] < source["as_of"]


def test_the_hash_of_a_log_depends_on_what_its_rows_say_and_not_on_their_file(log):
    record = rows_record(log)
    assert rows_record([dataclasses.replace(row, file="other.csv", line=7) for row in log]) == record
    for change in ({"description": "another"}, {"times": 2}, {"known_on": dt.date(2031, 9, 1)}):
        changed = rows_record([dataclasses.replace(log[0], **change), *log[1:]])
        assert changed["log_sha256"] != record["log_sha256"], change
    assert rows_record(log[::-1])["log_sha256"] != record["log_sha256"]


QUESTIONS = {
    "forecast": lambda u: simlib.forecast(u.scenario, draws=u.belief, times=1),
    "compare": lambda u: simlib.compare(u.scenario, simlib.Forbid("land-troops"), draws=u.belief, runs=0),
    "drivers": lambda u: simlib.drivers(u.scenario, draws=u.belief, top=1),
    "uncertainty": lambda u: simlib.uncertainty(u.scenario, draws=u.belief),
    "evsi": lambda u: simlib.evsi(u.scenario, "open-war", draws=u.belief, runs=16),
    "discover": lambda u: simlib.discover(u.scenario, "open-war", draws=u.belief, runs=16),
    "indicators": lambda u: simlib.indicators(u.scenario, draws=u.belief, runs=20),
    "paths": lambda u: simlib.paths(u.scenario, draws=u.belief),
    "fan": lambda u: simlib.fan(u.scenario, draws=u.belief),
    "waypoints": lambda u: simlib.waypoints(u.scenario, draws=u.belief, runs=20),
    "rung_times": lambda u: simlib.rung_times(u.scenario, draws=u.belief, runs=20),
    "typical_histories": lambda u: simlib.typical_histories(u.scenario, draws=u.belief, runs=20),
    "base_rates": lambda u: simlib.base_rates(u.scenario, draws=u.belief),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_with_a_belief_says_where_the_belief_comes_from(name, update):
    source = QUESTIONS[name](update).provenance["belief_source"]
    assert source == update.belief.source | {"seed": 4}
    for key in ("scenario_sha256", "version", "log_sha256", "log_rows", "as_of", "complete_to", "learn", "draws"):
        assert source[key] == update.provenance[key]
    assert source["scenario_sha256"] == update.before.sha256
    assert (source["skip_impossible"], source["seed"]) == (False, 4)


def test_every_question_of_the_face_that_takes_a_belief_is_asked():
    takes = {
        name
        for name in simlib.__all__
        if "Belief" in str(getattr(getattr(simlib, name), "__annotations__", {}).get("draws"))
    }
    assert takes - {"register", "write_report"} == set(QUESTIONS)


def test_a_saved_belief_keeps_its_source(update, tmp_path):
    again = simlib.load_answer(update.save(tmp_path / "update.json"))
    assert again.belief.source == update.belief.source
    np.testing.assert_array_equal(again.belief.theta, update.belief.theta)
    one, two = (simlib.forecast(u.scenario, draws=u.belief, times=1).provenance for u in (update, again))
    assert one["belief_source"] == two["belief_source"]
