"""`update`: a log of two islands is taken in, and the questions are asked as of a later date."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

import simlib
from simlib.evidence.belief_update import ImpossibleLog
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Evidence, RowRule
from tests.worlds import shown_at_once

APRIL_12 = dt.date(2031, 4, 12)


def april(day, word, **more):
    return LogRow(word, dt.date(2031, 4, day), line=day, file="later.csv", **more)


HIT = april(9, "fire-on-patrol", outcome="ship-hit")
LOG = (april(3, "patrol"), april(6, "patrol"), HIT, april(11, "gossip"))


@pytest.fixture(scope="module")
def islands():
    return simlib.load("two-islands").replace(path="")  # without its folder, it has no log of its own


@pytest.fixture(scope="module")
def clashes(islands):
    return simlib.update(islands, LOG, as_of=APRIL_12, draws=64)


def test_the_scenario_of_an_update_starts_where_the_log_leaves_it_and_ends_on_the_same_day(islands, clashes):
    assert clashes.scenario.as_of == APRIL_12
    assert clashes.scenario.by_date(clashes.scenario.horizon_days) == islands.by_date(islands.horizon_days)
    standoff = clashes.levels()["standoff"]
    assert standoff["clashes"][0] == 0
    assert standoff["clashes"][1] == pytest.approx(1.0)  # breaking contact would show
    assert clashes.levels()["tempo"]["hot"][1] > 0.6


@pytest.mark.slow
def test_every_engine_starts_each_draw_where_the_log_leaves_it(clashes):
    exact = simlib.forecast(clashes.scenario, draws=clashes.belief, times=[10.0, 30.0])
    sampled = simlib.forecast(clashes.scenario, draws=clashes.belief, times=[10.0, 30.0], engine="montecarlo", runs=300)
    for name, band in exact.endings.items():
        assert np.all(sampled.endings[name].low <= band.probability + 0.01), name
        assert np.all(sampled.endings[name].high >= band.probability - 0.01), name
    assert exact.variables["standoff"]["clashes"][0] < 1
    first = simlib.forecast(clashes.scenario, draws=clashes.belief, times=[1e-9])
    assert first.variables["standoff"]["clashes"][0] == pytest.approx(1.0)


@pytest.mark.slow
def test_the_reference_engine_starts_there_too(clashes):
    from simlib.engines.reference import sample

    hot = np.mean([run.start["tempo"] == "hot" for run in sample(clashes.scenario, 400)])
    stated = sum(s.probability for s in clashes.scenario.joint_start if dict(s.levels)["tempo"] == "hot")
    assert hot == pytest.approx(stated, abs=0.08)


def test_a_belief_is_refused_for_another_date_and_for_other_states(islands, clashes):
    with pytest.raises(simlib.Unsupported, match="as of 2031-04-12 and the scenario as of 2031-04-01"):
        simlib.forecast(islands, draws=clashes.belief)
    with pytest.raises(simlib.Unsupported, match=r"joint start states: 4 in the belief .*, none in the scenario"):
        simlib.forecast(islands.replace(as_of=APRIL_12), draws=clashes.belief)


def test_rows_are_listed_by_what_became_of_them(islands):
    rules = (RowRule(("rumour",), ignore="nobody believes it"),)
    world = islands.replace(evidence=Evidence(rules=rules))
    late = april(4, "patrol", known_on=APRIL_12)
    found = simlib.update(
        world, (*LOG, april(5, "rumour"), late, april(20, "patrol")), as_of=APRIL_12, draws=4, learn=False
    )
    assert [reading.row for reading in found.taken] == list(LOG[:3])
    assert [reading.row.word for reading in found.left_out] == ["rumour"]
    assert [reading.row.word for reading in found.unmapped] == ["gossip"]
    assert [reading.row.date.day for reading in found.unknown] == [4, 20]
    assert "Not taken in: 1 left out for a reason, 1 without a meaning in this scenario, 2 not yet known then." in (
        found.sentences()
    )
    assert found.complete_to == dt.date(2031, 4, 11)


def test_the_absence_of_rows_after_the_last_day_of_the_log_is_no_evidence(islands):
    short = simlib.update(islands, (april(3, "patrol"),), as_of=APRIL_12, draws=4, learn=False)
    long = simlib.update(
        islands, (april(3, "patrol"),), as_of=APRIL_12, complete_to=dt.date(2031, 4, 11), draws=4, learn=False
    )
    assert short.complete_to == dt.date(2031, 4, 3)
    assert short.levels()["standoff"]["patrols"][1] < 1
    assert long.levels()["standoff"]["patrols"][1] == pytest.approx(1.0)


def test_the_log_is_weighed_once_at_the_stated_values(islands, monkeypatch):
    from simlib.evidence.exact_filter import Filter

    asked, run = [], Filter.run
    monkeypatch.setattr(Filter, "run", lambda self, theta=None: (asked.append(theta), run(self, theta))[1])
    found = simlib.update(islands, (april(3, "patrol"),), as_of=APRIL_12, draws=4, learn=False)
    assert sum(theta is None for theta in asked) == 1
    assert found.scenario.joint_start


def test_a_level_that_moved_is_told_with_one_colon(clashes):
    told = [sentence for sentence in clashes.sentences() if "After the log" in sentence]
    assert (
        "After the log, “Standoff in the strait: clashes” has the probability 100%; on 1 April 2031 it was 0%." in told
    )
    assert all(sentence.count(":") == 1 for sentence in told)


def test_an_impossible_row_is_named_with_its_reason_and_remedies_and_can_be_left_out(islands):
    rows = (april(3, "patrol"), april(5, "land-troops"), april(6, "patrol"))
    with pytest.raises(ImpossibleLog) as refused:
        simlib.update(islands, rows, as_of=APRIL_12, draws=4, learn=False)
    told = str(refused.value)
    assert told.startswith("later.csv:5: 2031-04-05 land-troops: impossible in this scenario: land-troops is possible")
    for words in ("while standoff is clashes", "possible just before: standoff patrols", "(after 2031-04-03 patrol)"):
        assert words in told
    for remedy in ("ignore", "outcomes", "history.start", "set"):
        assert remedy in told
    found = simlib.update(islands, rows, as_of=APRIL_12, draws=4, learn=False, skip_impossible=True)
    assert [reading.row.word for reading in found.impossible] == ["land-troops"]


@pytest.mark.parametrize(("late", "words"), [(1, "1 row after that was"), (2, "2 rows after that were")])
def test_a_story_that_ended_is_no_error(islands, late, words):
    rows = (HIT, april(10, "land-troops"), *[april(11, "patrol")] * late)
    found = simlib.update(islands, rows, as_of=APRIL_12, draws=4, learn=False)
    assert found.ended == ("open-war", dt.date(2031, 4, 10))
    assert [reading.row.word for reading in found.after_the_end] == ["patrol"] * late
    assert f"The story ended on 10 April 2031: Open war; {words} not taken in." in found.sentences()


def test_an_outside_change_moves_the_state_and_teaches_nothing(islands):
    from simlib.evidence.exact_filter import Filter
    from simlib.scenario.row_meaning import read_rows

    rules = (RowRule(("truce",), setting=(("standoff", "calm"),)),)
    never = tuple(simlib.scenario.evidence.Coverage(move.id, None, 0.0) for move in islands)
    world = islands.replace(evidence=Evidence(rules=rules, seen=never))
    truce = Filter(world, read_rows(world, [april(12, "truce")]), dt.date(2031, 4, 13), also=(11.0,))
    passed, slope = truce.gradient(np.zeros(len(truce.world.assumptions)))
    assert passed.log_likelihood == pytest.approx(0.0, abs=1e-12)
    assert np.abs(slope).max() < 1e-12
    calm = truce.walk.levels[:, 0] == 0
    assert passed.filtered(passed.days().tolist().index(11.0))[calm].sum() > 0.5


def test_an_observed_level_counts_as_much_as_its_ratio(islands):
    rule = RowRule(("report",), level=simlib.scenario.model.Condition(((("resolve", ("firm",)),),)), ratio=4.0)
    never = tuple(simlib.scenario.evidence.Coverage(move.id, None, 0.0) for move in islands)
    world = islands.replace(evidence=Evidence(rules=(rule,), seen=never))
    before = simlib.update(world, (), as_of=dt.date(2031, 4, 2), draws=4, learn=False).levels()["resolve"]["firm"][1]
    after = simlib.update(world, (april(1, "report"),), as_of=dt.date(2031, 4, 2), draws=4, learn=False)
    odds = after.belief.start[
        :, after.scenario.joint_start and [dict(s.levels)["resolve"] == "firm" for s in after.scenario.joint_start]
    ].sum(axis=1)
    plain = simlib.update(world, (), as_of=dt.date(2031, 4, 2), draws=4, learn=False)
    firm = plain.belief.start[:, [dict(s.levels)["resolve"] == "firm" for s in plain.scenario.joint_start]].sum(axis=1)
    assert odds / (1 - odds) == pytest.approx(4 * firm / (1 - firm))
    assert before > 0


def test_an_update_can_be_saved_and_loaded(tmp_path, clashes):
    again = simlib.load_answer(clashes.save(tmp_path / "update.json"))
    assert again.scenario == clashes.scenario
    assert again.to_dict() == clashes.to_dict()
    assert np.array_equal(again.belief.start, clashes.belief.start)
    assert again.frame().equals(clashes.frame())


def test_an_update_of_an_update_goes_on_where_it_left_off(islands):
    """Exactly so where nothing shows late: what comes to light after the first date is lost to the second update."""
    rows, options = (*LOG, april(15, "break-contact")), {"draws": 4, "learn": False}
    world = shown_at_once(islands)
    first = simlib.update(world, rows, as_of=APRIL_12, complete_to=dt.date(2031, 4, 11), **options)
    whole = simlib.update(world, rows, as_of=dt.date(2031, 4, 20), **options)
    later = simlib.update(first.scenario, rows, as_of=dt.date(2031, 4, 20), **options)
    assert later.log_likelihood + first.log_likelihood == pytest.approx(whole.log_likelihood)
    assert dataclasses.replace(later.scenario, joint_start=()) == dataclasses.replace(whole.scenario, joint_start=())


def at_the_end(answer, name="open-war"):
    return float(answer.endings[name].probability[-1])


@pytest.mark.slow
def test_every_question_starts_where_the_log_leaves_the_state(clashes):
    """War within a fortnight of a clash, by each question: the same number, far above that of the scenario itself."""
    world, belief = clashes.scenario, clashes.belief
    war = at_the_end(simlib.forecast(world, draws=belief, by=14.0, times=[14.0]))
    assert war > 3 * at_the_end(simlib.forecast(simlib.load("two-islands"), by=14.0, times=[14.0]))
    spread = simlib.uncertainty(world, "open-war", by=14.0, draws=belief)
    assert spread.spreads["ending:open-war"].mean.value == pytest.approx(war, rel=0.02)
    found = simlib.compare(world, {"no-landing": simlib.Forbid("land-troops")}, by=14.0, draws=belief, runs=8)
    assert found.effects["no-landing"].differences["ending:open-war"].before[-1] == pytest.approx(war, rel=1e-6)
    region = simlib.discover(world, "open-war", by=14.0, draws=belief, threshold=war)
    assert np.average(region.answers, weights=region.weights) == pytest.approx(war, rel=1e-6)
    signs = simlib.indicators(world.replace(horizon_days=14.0), "open-war", look_by=1.0, draws=belief, runs=200)
    assert signs.before[0] == pytest.approx(war, rel=0.3)
    seen = simlib.evsi(world, "open-war", look_by=3.0, by=14.0, draws=belief)
    assert seen.mean == pytest.approx(war, abs=0.02)
    assert simlib.drivers(world, "open-war", by=14.0, draws=belief).sentences()
    assert simlib.paths(world, given="ending:open-war", by=14.0).sentences()


def test_paths_over_a_belief_are_counted(clashes):
    from simlib.analysis.paths.classes import counted_paths
    from simlib.analysis.samples import sample

    told = sample(clashes.scenario, by=14.0, draws=clashes.belief, runs=20)
    found = counted_paths(told, given="ending:open-war")
    war = at_the_end(simlib.forecast(clashes.scenario, draws=clashes.belief, by=14.0, times=[14.0]))
    assert found.provenance["draws"] == clashes.belief.draws
    assert found.given_probability == pytest.approx(war, abs=0.08)


ENDS = """
format: 1
id: ends
title: Two steps
as_of: 2031-04-01
horizon: 30 days
actors: {n: North}
variables: {stage: {levels: [calm, warned, done], start: calm}}
assumptions: {rate: {label: Steps, value: 0.1 per day, because: assumed}}
moves:
  warn: {actor: n, label: Warn, when: {stage: calm}, rate: rate, outcomes: {warned: {then: {stage: warned}}}}
  act: {actor: n, label: Act, when: {stage: warned}, rate: rate, outcomes: {acted: {then: {stage: done}}}}
endings: {acted: {when: {stage: done}, label: North acts}}
ladders: {l: [{rung: calm}, {rung: done, when: {stage: done}}]}
evidence:
  history: {from: 2031-03-03, because: the first step}
  rows: [{row: coup, set: {stage: done}}]
"""


@pytest.fixture
def ends(tmp_path):
    (tmp_path / "scenario.yaml").write_text(ENDS, encoding="utf-8")
    return simlib.load(tmp_path)


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        ([LogRow("warn", dt.date(2031, 3, 5)), LogRow("act", dt.date(2031, 3, 8))], dt.date(2031, 3, 8)),
        ([LogRow("coup", dt.date(2031, 3, 10))], dt.date(2031, 3, 10)),
        ([LogRow("warn", dt.date(2031, 3, 20)), LogRow("act", dt.date(2031, 3, 31))], dt.date(2031, 3, 31)),
    ],
)
def test_a_story_that_ended_before_the_first_day_tells_its_day(ends, rows, day):
    assert simlib.update(ends, rows, draws=2, learn=False).ended == ("acted", day)


def test_a_date_before_the_history_is_refused_with_the_first_day_of_the_history(ends):
    with pytest.raises(simlib.Unsupported, match=r"2031-02-01 is before the first day of the history \(2031-03-03\)"):
        simlib.update(ends, (), as_of=dt.date(2031, 2, 1), draws=2, learn=False)


def test_events_are_added_to_the_log_beside_the_scenario(ends, tmp_path):
    """In every function that takes events. A row that is in both counts once."""
    head, rows = "date,move\n", {"warn": "2031-03-05,warn\n", "act": "2031-04-08,act\n"}
    (tmp_path / "events.csv").write_text(head + rows["warn"], encoding="utf-8")
    (tmp_path / "later.csv").write_text(head + rows["warn"] + rows["act"], encoding="utf-8")
    day, act = dt.date(2031, 4, 12), [LogRow("act", dt.date(2031, 4, 8))]
    for events in ("later.csv", tmp_path / "later.csv", act):
        assert len(simlib.update(ends, events, as_of=day, draws=2, learn=False).taken) == 2
        assert len(simlib.row_effects(ends, events, as_of=dt.date(2031, 4, 9), learn=False, draws=2).rows) == 2
        assert simlib.forecast_series(ends, events, dates=[day]).dates[0].rows == 2
    assert simlib.learn(ends, act, as_of=day, draws=64).rows == 2
    assert len(simlib.update(ends, as_of=day, draws=2, learn=False).taken) == 1
    alone = simlib.update(ends.replace(path=""), [LogRow("warn", dt.date(2031, 3, 5))], draws=2, learn=False)
    assert len(alone.taken) == 1
