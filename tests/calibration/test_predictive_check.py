"""The prior predictive beside a log: counts and their clustering against closed forms."""

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import poisson

from simlib.calibration.predictive_check import ALL, prior_predictive
from simlib.scenario.evidence import Evidence, History, RowRule
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario

WORLD = """
format: 1
id: bay
title: A bay with a pilot boat
as_of: 2031-04-01
horizon: 30 days
actors: {pilot: Pilot}
variables:
  bay: {levels: [open, closed], start: open}
  mood: {levels: [calm, wild], start: {calm: {value: 50%, because: assumed}, wild: rest}, hidden: true}
moves:
  sail: {actor: pilot, label: Sail, rate: {value: 0.2 per day, because: assumed}}
  sing:
    actor: pilot
    label: Sing
    rate: {value: 0.1 per day, because: assumed}
    times: [{by: {value: 9, because: assumed}, when: {mood: wild}}]
"""
OPEN = "endings: {}\n"
CLOSING = """\
  close:
    actor: pilot
    label: Close the bay
    rate: {value: 0.05 per day, because: assumed}
    then: {bay: closed}
endings: {closed: {when: {bay: closed}, label: Closed}}
"""
HEAD = "date,move,times,known_on\n"


def beside(tmp_path: Path, log: str, more: str = OPEN) -> Scenario:
    (tmp_path / "scenario.yaml").write_text(WORLD + more, encoding="utf-8")
    (tmp_path / "events.csv").write_text(HEAD + log, encoding="utf-8")
    return load(tmp_path)


def of(answer, move):
    return next(check for check in answer.checks if check.move == move)


def test_counts_have_the_points_of_their_distribution(tmp_path):
    """Over 60 days a rate of .2 a day gives a Poisson count of mean 12."""
    answer = prior_predictive(beside(tmp_path, "2031-01-31,notice,1,\n2031-03-01,sail,12,\n"), draws=400, runs=10)
    assert (answer.days, answer.kept) == (60, 4000)
    sail = of(answer, "sail").count
    assert (sail.low, sail.median, sail.high) == pytest.approx(poisson.ppf([0.05, 0.5, 0.95], 12), abs=1)
    assert (sail.observed, sail.verdict) == (12, "inside")


def test_weekly_counts_have_the_dispersion_of_their_distribution(tmp_path):
    """Variance over mean of eight Poisson counts of mean 1.4; twelve in one week and none in seven have 12."""
    answer = prior_predictive(beside(tmp_path, "2031-02-04,notice,1,\n2031-03-01,sail,12,\n"), draws=400, runs=10)
    weeks = np.random.default_rng(1).poisson(1.4, (100_000, 8))
    weeks = weeks[weeks.sum(axis=1) > 0]
    points = np.quantile(weeks.var(axis=1, ddof=1) / weeks.mean(axis=1), [0.05, 0.5, 0.95])
    spread = of(answer, "sail").dispersion
    assert (spread.low, spread.median, spread.high) == pytest.approx(points, abs=0.12)
    assert (spread.observed, spread.verdict) == (pytest.approx(12), "above")
    line = next(line for line in answer.sentences() if "“Sail”" in line)
    assert line.startswith(
        "“Sail”: the ratio of variance to mean of weekly counts is 12 in the log, above the range of the model"
    )


def test_weeks_are_counted_back_from_the_forecast(tmp_path):
    """The days before the whole weeks count for the total and not for the dispersion: 1, 2 and 3 have 1 / 2."""
    days = "2031-03-09,sail,5,\n2031-03-11,sail,1,\n2031-03-18,sail,2,\n2031-03-31,sail,3,\n"
    sail = of(prior_predictive(beside(tmp_path, days), draws=2), "sail")
    assert (sail.count.observed, sail.dispersion.observed) == (11, pytest.approx(0.5))


def test_a_short_log_has_no_dispersion(tmp_path):
    answer = prior_predictive(beside(tmp_path, "2031-03-15,sail,1,\n"), draws=2)
    assert math.isnan(of(answer, "sail").dispersion.observed)
    assert answer.checks[0].cells()[2:] == ["", ""]


def test_rows_that_became_known_later_are_left_out_and_other_words_only_begin_the_window(tmp_path):
    log = "2031-03-02,notice,1,\n2031-03-12,sail,1,2031-04-01\n2031-03-13,sail,2,2031-03-31\n2031-04-02,sail,4,\n"
    answer = prior_predictive(beside(tmp_path, log), draws=2)
    assert answer.days == 30
    assert [check.move for check in answer.checks] == ["sail", ""]
    assert of(answer, "sail").count.observed == 2


def test_the_model_is_drawn_over_what_it_does_not_know(tmp_path):
    """Half of the histories sing nine times as often: the 95% point is that of a mean of 54, the 5% point of 6."""
    answer = prior_predictive(beside(tmp_path, "2031-01-31,sing,20,\n"), draws=400, runs=10)
    sing = of(answer, "sing").count
    assert sing.low == pytest.approx(poisson.ppf(0.1, 6), abs=1)
    assert sing.high == pytest.approx(poisson.ppf(0.9, 54), abs=2)
    assert answer.checks[-1].label == ALL


def test_the_log_begins_with_its_history_and_rows_mean_what_their_rules_say(tmp_path):
    """From 31 January every history is wild: the count is Poisson with a mean of 60 days of .9."""
    log = "2031-01-20,sing,9,\n2031-02-01,shout,50,\n"
    history = History(dt.date(2031, 1, 31), "the bay opened then", (("mood", (("wild", None),)),))
    evidence = Evidence(history, rules=(RowRule(("shout",), move="sing"),))
    answer = prior_predictive(beside(tmp_path, log).replace(evidence=evidence), draws=200, runs=10)
    sing = of(answer, "sing").count
    assert (answer.days, sing.observed) == (60, 50)
    assert (sing.low, sing.median, sing.high) == pytest.approx(poisson.ppf([0.05, 0.5, 0.95], 54), abs=1)


def test_histories_that_end_are_left_out(tmp_path):
    """After 60 days e^-3 of the bays are open, and only they are compared: sailing was never cut short."""
    answer = prior_predictive(beside(tmp_path, "2031-01-31,sail,12,\n", CLOSING), draws=400, runs=20)
    assert answer.kept / 8000 == pytest.approx(math.exp(-3), abs=0.008)
    assert of(answer, "sail").count.median == pytest.approx(12, abs=1)


def test_without_a_log_nothing_is_compared(tmp_path):
    (tmp_path / "scenario.yaml").write_text(WORLD + OPEN, encoding="utf-8")
    answer = prior_predictive(load(tmp_path), draws=2)
    assert answer.checks == ()
    assert answer.sentences() == ["The log names no move."]
    assert answer.frame().empty
