"""The test out of time, on fictional crises: the library's filter says the same, and nothing later is looked at."""

import dataclasses
import datetime as dt
import os

import numpy as np
import pandas as pd
import pytest

from benchmarks.outoftime import first_strike, rivals, war
from benchmarks.outoftime.crises import Crisis, data_folder, read_crises
from benchmarks.outoftime.cut import Cut
from benchmarks.outoftime.generic_world import generic_world, next_day_by_filter
from benchmarks.outoftime.strike_world import StrikeWorld, fit_strike_world
from simlib.calibration.crisis_cases import CrisisRecord
from simlib.calibration.tempo_clock import TempoClock

CLOCK = TempoClock(np.array([0.31, 0.06, 0.0126]), np.array([0.167, 0.0158]), 0.22, np.array([0.85, 0.12, 0.03]), 0.43)
WORLD = StrikeWorld(CLOCK, np.array([0.04, 0.006, 0.001]), np.array([0.015, 0.012, 0.004]), 0.1)
RECORD = CrisisRecord("made up", (1, 2, 6), 9)


def crisis(number=1, trigger="1950-03-01", days=(1, 2, 6), last=9, struck=None):
    record = CrisisRecord(str(number), tuple(days), last)
    return Crisis(number, pd.Timestamp(trigger), 7, False, record, struck)


@pytest.mark.parametrize("day", [0, 2, 5, 8])
def test_the_filter_of_the_library_gives_the_same_next_day(day):
    world = generic_world(CLOCK, dt.date(2031, 4, 2))
    probability, log_likelihood = next_day_by_filter(world, RECORD, day)
    assert probability == pytest.approx(CLOCK.next_day(RECORD)[day], abs=1e-9)
    seen = CLOCK.log_likelihood([RECORD.until(day)])[0] if day else 0.0
    assert log_likelihood == pytest.approx(seen, abs=1e-12)


def test_a_cut_forgets_what_comes_later():
    before, after = crisis(days=(1, 2, 6), last=400, struck=6), crisis(2, "1951-06-01")
    cut = Cut([before, after], 1951)
    assert cut.later == [after]
    assert cut.open_then == {1: True, 2: True}
    assert cut.past == [crisis(days=(1, 2, 6), last=305, struck=6)]
    assert before.before(pd.Timestamp("1950-03-05")) == crisis(days=(1, 2), last=3)


def test_the_days_of_crises_know_their_gaps_and_earlier_events():
    days = rivals.Days((RECORD, CrisisRecord("b", (), 3)))
    assert days.event.tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert days.gap.tolist() == [1, 1, 1, 2, 3, 4, 1, 2, 3, 1, 2, 3]
    keep = np.exp(-1 / 3)
    expected = [keep, keep + keep**2, keep + keep**2 + keep**3]
    np.testing.assert_allclose(days.decayed(3.0)[:3], expected)
    np.testing.assert_allclose(days.answered(keep ** np.arange(10), 1.0), days.decayed(3.0), atol=1e-12)


def test_a_frailty_that_is_hardly_one_changes_nothing():
    days = rivals.Days((RECORD,))
    hazard = np.full(9, 0.2)
    plain = rivals.log_bernoulli(days.event, hazard).sum()
    assert rivals.with_frailty(days, hazard, 140.0)[0] == pytest.approx(plain, abs=0.02)
    # A Gamma frailty has a closed form where nothing happens: (1 + total / shape) ** -shape.
    silent = rivals.Days((CrisisRecord("b", (), 9),))
    assert rivals.with_frailty(silent, hazard, 1.5)[0] == pytest.approx(-1.5 * np.log(1 + 1.8 / 1.5), abs=1e-10)


def test_the_score_of_a_first_strike_adds_up_over_all_that_may_happen():
    hazard = first_strike.incidence(np.full(6, 0.2), np.zeros(6))
    assert hazard[-1] == pytest.approx(1 - 0.8**6)
    law = [first_strike.score(np.full(6, 0.2), crisis(struck=day, last=5)) for day in (0, 1, 2, 3, 4, 5, None)]
    assert np.exp(law).sum() == pytest.approx(1, abs=1e-12)


def test_one_day_of_the_world_goes_somewhere():
    silent, told, struck, ended = WORLD.day
    np.testing.assert_allclose((silent + told).sum(axis=2) + struck + ended, 1, atol=1e-12)
    # Without strikes and ends the days are those of the clock.
    still = StrikeWorld(CLOCK, np.zeros(3), np.zeros(3), 0.0)
    np.testing.assert_allclose(still.day[:2], CLOCK.day_matrices(), atol=1e-13)
    by_day = WORLD.incidence(WORLD.start, range(1, 400))
    assert np.all(np.diff(by_day) >= 0)
    # By the hazards the world agrees with itself: the first day is the incidence of a day.
    assert WORLD.hazards(3)[1] == pytest.approx(by_day[0])


def test_strike_rates_are_recovered_where_the_levels_are_one():
    flat = dataclasses.replace(CLOCK, rates=np.full(2, 0.1), cooling=np.array([0.05]), start=np.array([0.5, 0.5]))
    dice = np.random.default_rng(3)
    past = []
    for number in range(150):
        struck, ended = dice.geometric(0.05), dice.geometric(0.03)
        day = int(min(struck, ended))
        past.append(crisis(number, days=(), last=int(ended), struck=day if struck <= ended else None))
    world = fit_strike_world(past, flat, [False] * len(past))
    assert world.incidence(world.start, [400])[0] == pytest.approx(0.05 / (0.05 + 0.03 - 0.0015), abs=0.08)


def test_war_shares_know_earlier_years_only():
    years = np.repeat(np.arange(1900, 1960), 5)
    disputes = pd.DataFrame({"start": years, "end": years, "war": years >= 1950})
    table = war.forecasts(disputes)
    assert len(table) == 5 * (1960 - 1920)
    assert (table["all"].to_numpy()[: 5 * 31] < 0.005).all()  # the first wars are forecast before they come
    assert table["last 30 years"].iloc[-1] > table["all"].iloc[-1]


def test_without_the_files_a_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.delenv("SIMLIB_DATA", raising=False)
    with pytest.raises(SystemExit, match="SIMLIB_DATA names no folder"):
        data_folder()
    monkeypatch.setenv("SIMLIB_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"has no icbe_dated_events\.csv, icb1v14\.csv"):
        data_folder()


@pytest.mark.slow
@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
def test_the_real_crises_are_those_that_were_counted():
    crises = read_crises(data_folder())
    quiet = [each for each in crises if not each.in_war and each.break_code not in (8, 9)]
    assert (len(crises), len(quiet)) == (406, 200)
    assert sum(each.first_strike is not None for each in quiet) == 85
