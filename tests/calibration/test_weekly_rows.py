"""Rows per week beside the learnt model: Poisson laws, what the log shows, and a change of compiler."""

from __future__ import annotations

import datetime as dt

import pytest
from scipy.stats import poisson

import simlib
from simlib.calibration.weekly_rows import rows_per_week
from simlib.errors import Unsupported
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage, Evidence, History
from tests import worlds

RATE = 0.5
START = dt.date(2031, 4, 1)


def steady(seen, weeks=6):
    """A world in which one move happens at a known rate, with a log from some weeks before its date on."""
    world = worlds.World("steady", 120.0).variable("x", "a", start="a").move("call", RATE)
    history = History(START - dt.timedelta(days=7 * weeks), "assumed")
    scenario = world.scenario()
    assert scenario.as_of == START
    return scenario.replace(evidence=Evidence(history=history, seen=(seen,)))


def daily(first, last, every=2):
    return [LogRow("call", START + dt.timedelta(days=day)) for day in range(first, last, every)]


def asked(scenario, rows, days=42, **more):
    return rows_per_week(scenario, rows, as_of=START + dt.timedelta(days=days), learn=False, draws=8, **more)


def test_the_rows_of_a_steady_move_have_the_points_of_poissons_law():
    found = asked(steady(Coverage("call", None, 1.0)), daily(-42, 43))
    assert len(found.weeks) == 12
    expected = tuple(poisson.ppf((0.05, 0.5, 0.95), 7 * RATE))
    for week in found.weeks:
        assert (week.rows.low, week.rows.median, week.rows.high) == pytest.approx(expected, abs=1)
        assert week.rows.observed in (3, 4)
    assert found.before.observed == found.after.observed == 21
    low, high = poisson.ppf((0.05, 0.95), 42 * RATE)
    assert (found.before.low, found.before.high) == pytest.approx((low, high), abs=1)
    assert found.kept == 2000
    assert found.sentences()[0] == (
        f"Before 1 April 2031 the log has 3.5 rows a week. The model gives {found.before.low / 6:.1f} to "
        f"{found.before.high / 6:.1f} (inside)."
    )
    assert not any("may have changed" in text for text in found.sentences())


def test_a_move_shown_with_a_chance_gives_fewer_rows():
    half = asked(steady(Coverage("call", None, 0.5)), daily(-42, 43, 4))
    low, high = poisson.ppf((0.05, 0.95), 42 * RATE / 2)
    assert (half.before.low, half.before.high) == pytest.approx((low, high), abs=1)


def test_late_rows_are_missing_from_the_last_weeks_and_earlier_ones_from_before_the_log_showed_them():
    late = asked(steady(Coverage("call", None, 1.0, within_days=21)), daily(-42, 43))
    assert late.weeks[-1].rows.median < late.weeks[0].rows.median == 3
    since = asked(steady(Coverage("call", None, 1.0, since=START)), daily(0, 43))
    assert since.before.high == 0
    assert since.after.low > 0


def test_a_log_whose_compiler_stops_counting_is_told():
    thinned = [*daily(-42, 0), *daily(0, 43, 14)]
    found = asked(steady(Coverage("call", None, 1.0)), thinned)
    assert (found.before.verdict, found.after.verdict) == ("inside", "below")
    words = "fits the rows differently before and after 1 April 2031: the way of logging may have changed."
    assert words in " ".join(found.sentences())
    assert found.frame()["verdict"].tolist().count("below") >= 3


@pytest.mark.slow
def test_the_learnt_rate_is_used_where_the_log_teaches_it():
    world = worlds.World("taught", 120.0).variable("x", "a", start="a")
    scenario = world.move("call", world.uncertain("rate", "rate", 0.1, 0.02, 0.5)).scenario()
    scenario = scenario.replace(evidence=Evidence(seen=(Coverage("call", None, 1.0),)))
    options = {"as_of": START + dt.timedelta(days=42), "draws": 512}
    before, learnt = (rows_per_week(scenario, daily(0, 43), learn=learn, **options) for learn in (False, True))
    assert before.after.median < 10 < learnt.after.median
    assert learnt.after.verdict == "inside"


def test_it_can_be_saved_and_drawn_and_a_log_without_a_week_is_refused(tmp_path):
    found = asked(steady(Coverage("call", None, 1.0)), daily(-42, 43))
    again = simlib.load_answer(found.save(tmp_path / "rows.json"))
    assert again.to_dict() == found.to_dict()
    assert len(found.plot().patches) == len(found.weeks)
    short = steady(Coverage("call", None, 1.0)).replace(evidence=Evidence(seen=(Coverage("call", None, 1.0),)))
    with pytest.raises(Unsupported, match="no whole week"):
        asked(short, daily(0, 4), days=5)
