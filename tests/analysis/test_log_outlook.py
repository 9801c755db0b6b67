"""Forecasts on every morning of a log: the values of the states, and where the log leaves the world."""

import dataclasses
import datetime as dt
from math import exp

import numpy as np
import pytest

import simlib
from simlib.analysis.log_outlook import LogOutlook
from simlib.engines.ensemble import forecast
from simlib.errors import Unsupported
from simlib.evidence.exact_filter import Filter
from simlib.evidence.log_intake import dated, prepare
from simlib.evidence.walk import ImpossibleRow
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Forbid
from simlib.scenario.row_meaning import read_rows

WORLD = """
format: 1
id: clocks
title: Two clocks
as_of: 2031-04-01
horizon: 30 days
actors: {n: North, s: South}
variables:
  stage: {levels: [calm, warned, done], start: calm}
  mood:
    levels: [mild, grim]
    hidden: true
    start: {grim: {value: 40%, low: 20%, high: 60%, because: assumed}, mild: rest}
assumptions:
  warn_rate: {label: Warnings, value: 0.05 per day, because: assumed}
  act_rate: {label: Acts, value: 0.2 per day, because: assumed}
  back_rate: {label: Calmings, value: 0.1 per day, because: assumed}
moves:
  warn:
    actor: n
    label: Warn
    when: {stage: calm}
    rate: warn_rate
    times: [{by: {value: 3, low: 2, high: 4, because: assumed}, when: {mood: grim}, between: [2031-04-08, 2031-04-20]}]
    outcomes: {loud: {then: {stage: warned}}, soft: {chance: {value: 30%, because: assumed}, then: {mood: grim}}}
  calm-down: {actor: s, label: Calm down, when: {stage: warned}, rate: back_rate, then: {stage: calm}}
  act: {actor: n, label: Act, when: {stage: warned}, rate: act_rate, outcomes: {acted: {then: {stage: done}}}}
  drill: {actor: s, label: Drill, rate: back_rate, then: {mood: mild}}
endings: {acted: {when: {stage: done}, label: North acts}}
ladders: {l: [{rung: calm}, {rung: done, when: {stage: done}}]}
questions:
  warning: {label: North warns, when: {stage: warned or above}, resolves: papers, decides: editors}
  drills: {label: South drills, move: drill, resolves: papers, decides: editors}
  quiet: {label: A week without a drill, lull: {days: 7, moves: [drill]}, resolves: papers, decides: editors}
evidence:
  seen: {drill: {chance: {value: 60%, low: 40%, high: 80%, because: assumed}, within: 5 days}}
  rows:
    - {row: order, set: {stage: warned}}
    - {row: hint, is: drill, ratio: 3, because: hearsay}
"""


FLAG = "  {}: {{levels: [no, yes], hidden: true, start: no}}\n"
FLAGS = (
    ("variables:\n", "variables:\n" + FLAG.format("drilled") + FLAG.format("alarmed")),
    ("then: {mood: mild}", "then: {mood: mild, drilled: yes}"),
    ("{loud: {then: {stage: warned}}", "{loud: {then: {stage: warned, alarmed: yes}}"),
    ("set: {stage: warned}", "set: {stage: warned, alarmed: yes}"),
    ("when: {stage: warned or above}, resolves", "when: {alarmed: yes}, resolves"),
    ("move: drill, resolves", "when: {drilled: yes}, resolves"),
)  # fmt: skip
"""What makes the state remember that a question has been answered: an independent way to the same probability."""


def day(number):
    return dt.date(2031, 4, number)


def clocks(folder, changes=()):
    """Return the world of this file, with changes of its text."""
    text = WORLD
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return simlib.load(folder)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return clocks(tmp_path_factory.mktemp("clocks"))


@pytest.fixture(scope="module")
def remembering(tmp_path_factory):
    return clocks(tmp_path_factory.mktemp("flags"), FLAGS)


ROWS = (
    LogRow("drill", day(3)),
    LogRow("warn", day(9), outcome="soft", known_on=day(12)),
    LogRow("hint", day(11), precision="week"),
    LogRow("warn", day(14), outcome="loud"),
    LogRow("calm-down", day(17)),
    LogRow("drill", day(18), known_on=day(21)),
)


@pytest.mark.parametrize("morning", [1, 4, 10, 13, 15, 18, 19, 22, 30])
def test_a_morning_has_the_forecast_of_the_whole_engine_from_the_state_that_the_log_leaves(world, remembering, morning):
    readings = read_rows(world, ROWS)
    outlook = LogOutlook(world)
    outlook.on(day(25), readings)  # what other mornings met is used again, and changes nothing
    got = outlook.on(day(morning), readings)
    prepared, passed, _ = prepare(remembering, readings, day(morning), got.complete_to, False)
    expected = forecast(dated(remembering, prepared, passed, day(morning)), times=1)
    assert outlook.probability("ending:acted", got) == pytest.approx(
        expected.endings["acted"].probability[-1], abs=1e-8
    )
    for name in ("warning", "drills"):
        answer = outlook.probability(f"question:{name}", got)
        assert answer == pytest.approx(expected.questions[name].probability[-1], abs=1e-8)
        assert (got.happened(f"question:{name}") is not None) == (answer > 1 - 1e-9)
    assert len(got.taken) == len(prepared.timetable.rows)


def test_states_that_other_mornings_met_change_no_distribution(world):
    readings = read_rows(world, ROWS)
    first = Filter(world, readings, day(25))
    again, alone = Filter(world, readings, day(12), graph=first.graph), Filter(world, readings, day(12))
    order = [[level.tolist() for level in each.end_levels] for each in (again, alone)]
    assert sorted(order[0]) == sorted(order[1])
    mixed = again.run().end[[order[0].index(levels) for levels in order[1]]]
    assert mixed == pytest.approx(alone.run().end, abs=1e-15)


def test_a_question_that_the_log_answers_is_a_yes_with_its_day(world):
    readings, outlook = read_rows(world, ROWS), LogOutlook(world)
    before, after = outlook.on(day(14), readings), outlook.on(day(15), readings)
    assert before.happened("question:warning") is None
    assert after.happened("question:warning") == day(14)
    assert before.happened("question:drills") == after.happened("question:drills") == day(3)
    calm_again = outlook.on(day(19), readings)
    assert outlook.probability("question:warning", calm_again) == 1
    assert calm_again.happened("question:warning") == day(14)


def test_what_came_and_went_within_one_day_has_happened(world):
    rows = read_rows(world, [LogRow("warn", day(5), outcome="loud"), LogRow("calm-down", day(5))])
    assert LogOutlook(world).on(day(6), rows).happened("question:warning") == day(5)


def test_a_doubtful_row_answers_nothing(world):
    rows = read_rows(world, [LogRow("hint", day(5))])
    outlook = LogOutlook(world)
    after, silence = outlook.on(day(6), rows), outlook.on(day(6), ())
    assert after.happened("question:drills") is None
    assert outlook.probability("question:drills", silence) < outlook.probability("question:drills", after) < 1


def test_the_static_forecast_is_that_of_the_scenario(world):
    solved, outlook = simlib.solve(world), LogOutlook(world)
    assert outlook.static("ending:acted") == pytest.approx(solved.endings["acted"].probability[-1], abs=1e-8)
    assert outlook.static("question:drills") == pytest.approx(solved.questions["drills"].probability[-1], abs=1e-8)


def test_a_question_about_a_lull_is_named_as_unanswered(world):
    outlook = LogOutlook(world)
    assert outlook.unanswered == ("quiet",)
    with pytest.raises(Unsupported, match="more than the state on one day"):
        outlook.measure("question:quiet")


def test_an_outside_change_may_lead_where_no_move_leads(world):
    """Nobody warns here, so that "warned" is no state of the solver's until the log says so."""
    mute = world.replace(moves={name: move for name, move in world.moves.items() if name in ("act", "drill")})
    outlook = LogOutlook(mute)
    told = outlook.on(day(7), read_rows(mute, [LogRow("order", day(5))]))
    assert outlook.probability("ending:acted", told) == pytest.approx(
        1 - exp(-0.2 * 25), abs=1e-8
    )  # none was seen on the 5th
    assert told.happened("question:warning") == day(5)
    assert told.happened("question:drills") is None


def test_whoever_is_there_at_the_end_has_got_there(world):
    readings, outlook = read_rows(world, [LogRow("warn", day(28), outcome="loud")]), LogOutlook(world)
    last = outlook.on(outlook.last, readings)
    silent = dataclasses.replace(last, answers={})
    share = last.levels(0, 3)[1:].sum()
    assert outlook.probability("question:warning", silent) == pytest.approx(share)
    assert share > 0.5


def test_an_impossible_row_of_ones_own_is_left_out_with_the_row_that_it_blocks(world):
    readings, outlook = read_rows(world, ROWS), LogOutlook(world)
    alone, blocking = read_rows(world, [LogRow("act", day(6)), LogRow("warn", day(12), outcome="loud")])
    told = outlook.on(day(20), readings, (alone, blocking))
    assert [(each.reading, each.blocked) for each in told.left_out] == [(alone, alone), (blocking, readings[3])]
    assert np.all(told.left_out[0].levels[:, 0] == 0)
    assert outlook.on(day(6), readings, (alone,)).left_out == ()
    plain = outlook.on(day(20), readings)
    assert told.probabilities == pytest.approx(plain.probabilities)


def test_an_impossible_row_of_the_log_is_an_error(world):
    with pytest.raises(ImpossibleRow):
        LogOutlook(world).on(day(20), read_rows(world, [LogRow("act", day(6))]))


def test_what_cannot_be_scrubbed_is_refused(world):
    with pytest.raises(Unsupported, match="without interventions"):
        LogOutlook(world.replace(interventions=(Forbid("act", None),)))
    with pytest.raises(Unsupported, match="2031-03-01 is before the first possible day; choose"):
        LogOutlook(world, dt.date(2031, 3, 1))


def test_a_story_that_ended_the_day_before_is_over_on_the_next_morning(world):
    rows = read_rows(world, [LogRow("warn", day(5), outcome="loud"), LogRow("act", day(8))])
    outlook = LogOutlook(world)
    assert outlook.on(day(8), rows).ended is None
    assert outlook.on(day(9), rows).ended == ("acted", day(8))
    assert outlook.on(day(12), rows).ended == ("acted", day(8))
