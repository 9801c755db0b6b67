"""The clock of crises: closed forms, recovered from simulated crises, censored right, pasted into a world."""

import datetime as dt
import json
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simlib
from simlib.calibration import tempo_clock, tempo_fit
from simlib.calibration.crisis_cases import CrisisRecord, crisis_records
from simlib.calibration.tempo_clock import TempoClock
from simlib.calibration.tempo_fit import fit_tempo
from simlib.cli import main
from simlib.errors import SimlibError

# Fourteen of a hundred hot crises cool in a day; an event comes on one hot day in four.
TWO = TempoClock(np.array([0.3, 0.02]), np.array([0.15]), 0.25, np.array([0.8, 0.2]), 0.4)
CLOCKS = TempoClock(np.array([0.33, 0.11]), np.array([0.125]), 0.0, np.array([0.6, 0.4]), 0.0)
"""The hot and quiet world of the filter's closed forms."""


def simulated(clock: TempoClock, crises: int, days: int, seed: int) -> list[CrisisRecord]:
    """Crises drawn event by event in continuous time, each watched for a random number of days."""
    dice = np.random.default_rng(seed)
    records = []
    for name in range(crises):
        level = dice.choice(len(clock.rates), p=clock.start)
        active = np.exp(clock.spread * dice.normal())
        last, time, seen = int(dice.integers(days // 2, days)), 0.0, set()
        while True:
            rates = np.array([active * clock.rates[level], clock.cooling[level] if level < len(clock.cooling) else 0])
            time += dice.exponential(1 / rates.sum())
            if time >= last:
                break
            if dice.random() < rates[1] / rates.sum():
                level += 1
            elif int(time) not in seen:
                seen.add(int(time))
                level = 0 if dice.random() < clock.reset else level
        records.append(CrisisRecord(str(name), tuple(sorted(day + 1 for day in seen)), last))
    return records


def test_a_silence_and_one_event_have_their_closed_forms():
    # Hot for u days, then quiet: the integral over the day of cooling, by hand.
    hot, quiet, cool = 0.33, 0.11, 0.125
    stay = 0.6 * math.exp(-(hot + cool) * 10)
    cooled = 0.6 * cool * (math.exp(-quiet * 10) - math.exp(-(hot + cool) * 10)) / (hot + cool - quiet)
    silent = stay + cooled + 0.4 * math.exp(-quiet * 10)
    found = CLOCKS.log_likelihood([CrisisRecord("a", (), 10)])[0]
    assert found == pytest.approx(math.log(silent), abs=1e-12)
    assert found == pytest.approx(-1.562770, abs=1e-6)
    one_level = TempoClock(np.array([0.2, 0.2]), np.array([0.1]), 0.3, np.array([0.5, 0.5]), 0.0)
    day = math.log(1 - math.exp(-0.2))
    assert one_level.log_likelihood([CrisisRecord("b", (2, 3), 7)])[0] == pytest.approx(2 * day - 1.0, abs=1e-12)


def test_a_day_with_an_event_and_one_without_are_all_there_is():
    without, with_event = TWO.day_matrices()
    np.testing.assert_allclose((without + with_event).sum(axis=2), 1, atol=1e-13)
    scipy_linalg = pytest.importorskip("scipy.linalg")
    matrix = np.array([[[-3.0, 2, 1], [0.5, -40, 39.5], [0, 0, 0]]])
    np.testing.assert_allclose(tempo_clock.exponentials(matrix), scipy_linalg.expm(matrix), atol=1e-13)


def test_the_forecasts_of_the_days_multiply_to_the_likelihood():
    record = CrisisRecord("a", (1, 2, 9, 30), 41)
    forecast = TWO.next_day(record)
    happened = np.isin(np.arange(1, 42), record.days)
    total = np.log(np.where(happened, forecast, 1 - forecast)).sum()
    assert TWO.log_likelihood([record])[0] == pytest.approx(total, abs=1e-12)
    # Each forecast knows the days before only.
    np.testing.assert_array_equal(TWO.next_day(record.until(9)), forecast[:9])


def test_the_clock_is_recovered_from_simulated_crises():
    fit = fit_tempo(simulated(TWO, crises=500, days=120, seed=3), levels=2)
    found = tempo_fit.flat(fit.clock)
    np.testing.assert_allclose(found, tempo_fit.flat(TWO), rtol=0.25, atol=0.05)
    inside = (tempo_fit.flat(fit.low) <= tempo_fit.flat(TWO)) & (tempo_fit.flat(TWO) <= tempo_fit.flat(fit.high))
    assert inside.sum() >= 5  # of seven intervals with a level of 90%


def test_the_activity_of_busy_crises_is_integrated_well():
    busy = TempoClock(TWO.rates, TWO.cooling, TWO.reset, TWO.start, 1.0)
    records = simulated(busy, 60, 200, seed=4)
    assert np.mean([len(record.days) for record in records]) > 8
    z = np.linspace(-6, 6, 301)
    dense = TempoClock(TWO.rates, TWO.cooling, TWO.reset, TWO.start, 1.0)
    weights = np.exp(-(z**2) / 2)
    dense.__dict__["activity"] = np.exp(z), weights / weights.sum()
    assert busy.log_likelihood(records) == pytest.approx(dense.log_likelihood(records), abs=0.1)  # 3.3 with 7 points


@pytest.mark.parametrize("days", [(), (1, 3)])
def test_a_record_that_stops_early_is_as_likely_as_all_that_may_follow(days):
    stopped = TWO.log_likelihood([CrisisRecord("a", days, 3)])[0]
    futures = [CrisisRecord("a", days + later, 5) for later in ((), (4,), (5,), (4, 5))]
    assert np.exp(TWO.log_likelihood(futures)).sum() == pytest.approx(math.exp(stopped), rel=1e-12)


def test_even_events_are_fitted_by_their_share_of_days():
    """With equal levels the likeliest rate has a closed form: -log(1 - share of event-days)."""
    dice = np.random.default_rng(2)
    happened = dice.random((60, 50)) < 0.1
    records = [
        CrisisRecord(str(k), tuple(int(d) for d in np.flatnonzero(row) + 1), 50) for k, row in enumerate(happened)
    ]
    share = happened.mean()
    best = happened.sum() * math.log(share) + (~happened).sum() * math.log(1 - share)
    fit = fit_tempo(records, levels=2)
    assert best - 1e-6 <= fit.log_likelihood <= best + 6  # five more values buy little where there is nothing to find
    assert fit.clock.next_day(CrisisRecord("new", (), 50)).mean() == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize(
    ("records", "levels", "words"),
    [
        ([CrisisRecord("a", (1,), 9)] * 5, 2, "at least 20 crises .*: 5 crises with 5 event-days"),
        ([CrisisRecord("a", (), 9)] * 30, 2, "30 crises with 0 event-days"),
        ([CrisisRecord("a", (1,), 9)] * 30, 4, "2 or 3 levels, not with 4"),
        ([CrisisRecord("a", (4, 4), 9)] * 30, 2, "the days of crisis a must rise"),
        ([CrisisRecord("a", (12,), 9)] * 30, 2, "the days of crisis a must rise"),
    ],
)
def test_what_cannot_be_fitted_is_refused(records, levels, words):
    with pytest.raises(SimlibError, match=words):
        fit_tempo(records, levels=levels)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 3])
def test_the_fit_can_be_pasted_into_a_scenario(tmp_path, levels):
    fit = fit_tempo(simulated(TWO, crises=60, days=80, seed=4), levels=levels, source="made up")
    world = (
        "format: 1\nid: w\ntitle: W\nas_of: 2031-04-01\nhorizon: 9 days\nactors: {a: A}\n"
        f"{fit.assumptions()}endings: {{}}\nladders: {{l: [{{rung: calm}}, {{rung: hot, when: {{tempo: hot}}}}]}}\n"
    )
    (tmp_path / "scenario.yaml").write_text(world, encoding="utf-8")
    scenario = simlib.load(tmp_path)
    quiet = scenario.assumptions["event_rate"]
    assert quiet.value == pytest.approx(fit.clock.rates[-1], rel=0.01)
    assert quiet.low < quiet.value < quiet.high
    assert "60 past crises, made up" in quiet.because
    assert scenario.assumptions["hot_factor"].value * quiet.value == pytest.approx(fit.clock.rates[0], rel=0.02)


def test_event_days_are_counted_from_the_onset_and_once():
    columns = ["case", "date", "precision", "actor", "target", "code", "category", "source"]
    rows = [
        ("1", "1970-01-01", "day", "A", "C", "x", "threaten", "s"),
        ("1", "1970-01-03", "day", "A", "C", "x", "strike", "s"),
        ("1", "1970-01-03", "day", "C", "A", "x", "strike", "s"),
        ("1", "1970-01-11", "day", "C", "A", "x", "offer", "s"),
        ("2", "1980-05-01", "day", "B", "D", "x", "strike", "s"),
    ]
    frame = pd.DataFrame(rows, columns=columns).assign(date=lambda table: pd.to_datetime(table["date"]))
    records = crisis_records(frame, {"category": ("strike",)}, {})
    assert records == (CrisisRecord("1", (2,), 10), CrisisRecord("2", (), 0))


def test_the_command_line_fits_a_clock(tmp_path, capsys):
    head = "crisno,sent,date,event_type,categories,think,actor,target,conditional,in_window,text"
    rows = [
        f"{record.name},1,{dt.date(1970, 1, 1) + dt.timedelta(day)},action,strike,,A,B,False,True,x"
        for record in simulated(TWO, crises=25, days=40, seed=6)
        for day in (0, *record.days)
    ]
    (tmp_path / "icbe.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    assert main(["rates", str(tmp_path / "icbe.csv"), "--event", "category=strike", "--clock"]) == 0
    told = capsys.readouterr().out
    assert "A source chose which events to record" in told
    assert "reset_chance: {label:" in told


@pytest.mark.slow
@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
def test_the_clock_of_real_crises(capsys):
    file = Path(os.environ["SIMLIB_DATA"]) / "icbe_dated_events.csv"
    words = "statement|offer|negotiate|treaty|aid|de-escalate|threaten|mobilise|sanction|blockade|strike"
    assert main(["rates", str(file), "--event", f"category={words}", "--clock", "--json", "-"]) == 0
    clock = json.loads(capsys.readouterr().out)["clock"]["clock"]
    hot, warm, quiet = clock["rates"]
    assert hot > 3 * warm > 9 * quiet
