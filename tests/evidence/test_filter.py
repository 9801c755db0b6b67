"""The filter against dense matrix exponentials, its gradient against differences, and what must change nothing."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simlib.engines.reference import Reference
from simlib.evidence.exact_filter import Filter, world_of
from simlib.evidence.log_intake import dated, taken_in
from simlib.evidence.walk import ImpossibleRow
from simlib.machine import priors
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage, Evidence, RowRule
from simlib.scenario.loader import load
from simlib.scenario.row_meaning import coverages, read_rows
from tests.evidence import dense
from tests.strategies import worlds
from tests.worlds import World, branching_world, clocks, condition, date, shown_at_once

PRECISIONS = ("day", "day", "week")


def simulated_log(world, dice, days, *, chance=1.0):
    """A history of the world told as a log: every firing that is covered becomes a row (with a chance)."""
    seen = {firing for firing, how in coverages(world).items() if how.chance}
    story = Reference(world, horizon=float(days)).run(dice)
    events = [event for event in story.events if (event.move, event.outcome) in seen and dice.random() < chance]
    return tuple(
        LogRow(event.move, date(int(event.time)), dice.choice(PRECISIONS), outcome=event.outcome, line=number)
        for number, event in enumerate(events, start=2)
    )


def oracle(scenario, readings, days):
    """The dense answer to the same log."""
    world = world_of(scenario)
    rows = {}
    for number, reading in enumerate(readings):
        first, last = (scenario.day(day) for day in reading.row.window)
        key = (frozenset(reading.firings), max(first, 0.0), min(last, float(days)))
        key += (None,) if reading.ratio is None else (reading.ratio, number)
        rows[key] = rows.get(key, 0) + reading.row.times
    listed = [(key[0], key[1], key[2], times, key[3]) for key, times in rows.items()]
    shown = {firing: how.chance for firing, how in coverages(scenario).items()}
    return dense.weigh(world, listed, shown, float(days))


def agree(scenario, rows, days, tolerance=1e-10):
    readings = read_rows(scenario, rows)
    ours = Filter(scenario, readings, date(days))
    passed = ours.run()
    log, states = oracle(scenario, readings, days)
    assert passed.log_likelihood == pytest.approx(log, abs=tolerance)
    names = list(scenario.variables)
    found = {tuple(row): p for row, p in zip(ours.end_levels.tolist(), passed.end, strict=True)}
    for state, p in states:
        levels = tuple(scenario.variables[name].levels.index(state[name]) for name in names)
        assert found.get(levels, 0.0) == pytest.approx(p, abs=tolerance)
    return ours


@pytest.mark.parametrize("seed", range(4))
def test_two_islands_against_dense_exponentials(seed):
    world = load("two-islands").replace(evidence=Evidence(seen=(Coverage("break-contact", None, 0.5),)))
    rows = simulated_log(world, random.Random(seed), 21)
    assert rows
    agree(world, rows[:6], 21)


@pytest.mark.parametrize("speed", [1, 20, 200])
def test_a_fast_world_over_three_weeks_against_dense_exponentials(speed):
    """Hundreds of jumps are expected in a span, and the log has almost no probability: it is as exact as a slow one."""
    seen = (Coverage("event", None, 1.0), Coverage("first", None, 0.0))
    world = clocks(per_day=1 / speed).replace(evidence=Evidence(seen=seen))
    rows = [LogRow("event", date(12)), LogRow("second", date(2), "week")]
    agree(world, rows, 21, 1e-9)


def test_rows_with_the_same_days_after_the_cut_at_both_ends_are_one_row():
    world = clocks(per_day=0.5).replace(evidence=Evidence(seen=(Coverage("event", None, 1.0),)))
    rows = [LogRow("event", date(2), "week"), LogRow("event", date(3), "week")]
    ours = agree(world, rows, 6)
    assert [row.times for row in ours.timetable.rows] == [2]


def drums(*, guard=None):
    """Drums beat and lanterns are lit until the ford is crossed. Everything shows, and the crossing ends the story."""
    world = (
        World("drums")
        .variable("ford", "held", "crossed", start="held")
        .variable("lantern", "dark", "lit", start="dark")
    )
    world.move("beat", 0.5, when=guard).move("cross", 0.2, {"ford": "crossed"}, when={"ford": "held"})
    world.move("light", 0.3, {"lantern": "lit"}, when={"lantern": "dark"}).ending("over", {"ford": "crossed"})
    shown = tuple(Coverage(move, None, 1.0) for move in ("beat", "cross", "light"))
    return world.scenario().replace(evidence=Evidence(seen=shown))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("dated", [0, 2, 4])
def test_a_row_is_taken_in_where_its_window_is_open_as_the_story_ends(dated, times):
    """The story ends on day 2. The drums have beaten on some day of a week that began before."""
    rows = [LogRow("cross", date(2)), LogRow("beat", date(dated), "week", times=times)]
    ours = agree(drums(), rows, 8)
    assert ours.walk.story_end.day == 3
    assert taken_in(ours, late=True) == []


def test_a_row_that_needs_a_day_after_the_end_of_the_story_is_not_taken_in():
    impossible = drums(guard={"lantern": "lit"})
    rows = [LogRow("cross", date(2)), LogRow("beat", date(4), "week")]
    ours = agree(impossible, rows[:1], 8)
    late = Filter(impossible, read_rows(impossible, rows), date(8))
    assert late.run().log_likelihood == pytest.approx(ours.run().log_likelihood)
    assert [reading.row.word for reading in taken_in(late, late=True)] == ["beat"]
    with pytest.raises(ImpossibleRow):
        Filter(impossible, read_rows(impossible, [rows[0], LogRow("beat", date(1), "week")]), date(8))


def test_of_joined_rows_only_those_dated_before_the_end_of_the_story_must_have_happened():
    """As of day 6 both weeks are cut to the same days. The lantern is lit once, and on day 3 the story is over."""
    lit = [LogRow("light", date(day), "week", line=line) for line, day in enumerate((2, 3), start=2)]
    rows = [LogRow("cross", date(2)), *lit]
    ours = agree(drums(), rows[:2], 6)
    joined = Filter(drums(), read_rows(drums(), rows), date(6))
    assert joined.run().log_likelihood == pytest.approx(ours.run().log_likelihood, abs=1e-12)
    assert [reading.row.date for reading in taken_in(joined, late=True)] == [date(3)]
    assert [reading.row.word for reading in taken_in(joined)] == ["cross", "light"]
    beaten = [rows[0], *(LogRow("beat", date(day), "week", line=line) for line, day in enumerate((2, 3), start=2))]
    assert taken_in(agree(drums(), beaten, 6), late=True) == []


def test_a_level_that_was_seen_before_the_end_of_the_story_counts():
    world = drums()
    seen = (*world.evidence.seen[:2], Coverage("light", None, 0.0))
    rule = RowRule(("dark",), level=condition({"lantern": "dark"}), ratio=4.0)
    world = world.replace(evidence=Evidence(seen=seen, rules=(rule,)))
    rows = read_rows(world, [LogRow("cross", date(2)), LogRow("dark", date(2), "week")])
    before, after = (Filter(world, rows[:number], date(8)) for number in (1, 2))
    assert before.end_levels.tolist() == after.end_levels.tolist() == [[1, 0], [1, 1]]
    odds = [passed.end[1] / passed.end[0] for passed in (before.run(), after.run())]
    assert odds[1] == pytest.approx(odds[0] / 4)


def doubtful_and_partly_seen(world, dice):
    """The world with a coverage of each kind, and some rows in doubt. No filter weighs moves on a date."""
    assume(not any(move.at for move in world))
    seen = tuple(Coverage(move.id, None, dice.choice((0.0, 0.3, 1.0))) for move in world if dice.random() < 0.7)
    rules = tuple(RowRule((move.id,), ratio=dice.choice((None, 4.0))) for move in world)
    return world.replace(evidence=Evidence(seen=seen, rules=rules), interventions=())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(max_states=12, interventions=False, waits=False), st.integers(0, 1000))
def test_random_worlds_and_logs_against_dense_exponentials(world, seed):
    dice = random.Random(seed)
    world = doubtful_and_partly_seen(world, dice)
    rows = simulated_log(world, dice, 6)[:4]
    agree(world, rows, 6, 1e-9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(max_states=24, interventions=False, waits=False), st.integers(0, 1000))
def test_the_gradient_against_differences(world, seed):
    dice = random.Random(seed)
    world = doubtful_and_partly_seen(world, dice)
    chance = dataclasses.replace(next(iter(world.assumptions.values())), id="d", kind="chance", value=0.4, low=0.2)
    seen = [dataclasses.replace(how, chance="d") if 0 < how.chance < 1 else how for how in world.evidence.seen]
    world = world.replace(
        evidence=dataclasses.replace(world.evidence, seen=tuple(seen)),
        log_assumptions={"d": dataclasses.replace(chance, high=0.7)},
    )
    rows = simulated_log(world.replace(assumptions={**world.assumptions, **world.log_assumptions}), dice, 8)[:5]
    ours = Filter(world, read_rows(world, rows), date(8))
    z = np.random.default_rng(seed).normal(size=len(ours.world.assumptions))
    try:
        _, slope = ours.gradient(z)
    except ImpossibleRow:
        return
    for place in range(len(z)):
        step = np.zeros(len(z))
        step[place] = 1e-5 * max(1.0, abs(z[place]))
        ends = priors.values_from_scores(ours.world, np.stack([z + step, z - step]))
        rise = (ours.run(ends[0]).log_likelihood - ours.run(ends[1]).log_likelihood) / (2 * step[place])
        assert slope[place] == pytest.approx(rise, abs=1e-7 * max(1.0, abs(rise)))
    assert not np.any(slope[~ours.free])


def test_chances_and_effects_that_depend_on_the_state():
    world = branching_world().replace(interventions=(), questions={}, ladders={}, evidence=Evidence())
    wide = {a.id: dataclasses.replace(a, low=a.value / 1.3, high=a.value * 1.3) for a in world.assumptions.values()}
    world = world.replace(assumptions=wide)
    rows = simulated_log(world, random.Random(27), 8)[:6]
    assert {row.outcome for row in rows} == {"hit", "spared"}
    ours = agree(world, rows, 8, 1e-9)
    centre = np.full(len(ours.world.assumptions), 0.3)
    slope = ours.gradient(centre)[1]
    for name in ("strike.miss.times.1", "strike.hit.times.1", "strike.hit.times.2", "strike.hit.chance"):
        place = list(world.assumptions).index(name)
        step = 1e-5 * (np.arange(len(centre)) == place)
        ends = priors.values_from_scores(ours.world, np.stack([centre + step, centre - step]))
        rise = (ours.run(ends[0]).log_likelihood - ours.run(ends[1]).log_likelihood) / 2e-5
        assert slope[place] == pytest.approx(rise, abs=1e-7), name
    assert np.count_nonzero(np.abs(slope) > 1e-4) > 6


def test_everything_ignorable_gives_the_prior_back():
    world = load("two-islands")
    never = tuple(Coverage(move.id, None, 0.0) for move in world)
    ours = Filter(world.replace(evidence=Evidence(seen=never)), (), date(20))
    passed, slope = ours.gradient(np.zeros(len(ours.world.assumptions)))
    assert passed.log_likelihood == pytest.approx(0.0, abs=1e-12)
    assert np.abs(slope).max() < 1e-12


def test_the_order_of_rows_within_a_day_does_not_matter():
    world = load("two-islands")
    rows = [LogRow("fire-on-patrol", date(2)), LogRow("patrol", date(2)), LogRow("offer-talks", date(2))]
    logs = [
        Filter(world, read_rows(world, order), date(5)).run().log_likelihood
        for order in (rows, rows[::-1], rows[1:] + rows[:1])
    ]
    assert logs[1] == pytest.approx(logs[0], abs=1e-12)
    assert logs[2] == pytest.approx(logs[0], abs=1e-12)


@pytest.mark.parametrize("split", [3, 8, 13])
def test_splitting_the_log_at_a_date_and_going_on_gives_the_same_information(split):
    world = shown_at_once(load("two-islands"))
    rows = read_rows(world, simulated_log(world, random.Random(5), 20))
    rows = [dataclasses.replace(reading, row=dataclasses.replace(reading.row, precision="day")) for reading in rows]
    whole = Filter(world, rows, date(20)).run()
    first = Filter(world, rows, date(split))
    passed = first.run()
    later = dated(world, first, passed, date(split))
    second = Filter(later, [reading for reading in rows if reading.row.date >= date(split)], date(20)).run()
    assert passed.log_likelihood + second.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-11)
