"""The shipped worlds of the past: dated, sourced, honest about what they are, and solved alike by both engines."""

import csv
import datetime as dt
import os
from pathlib import Path

import pytest

from simlib.analysis.lint.rules import lint
from simlib.calibration.forecast_terms import read_terms
from simlib.calibration.historical_record import RECORD_FILE, read_record
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import simulate
from simlib.evidence.belief_update import update
from simlib.scenario.event_log import read_log
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.scenario.row_meaning import read_rows

PAST = {
    name: path for name, path in shipped_scenarios().items() if (path / RECORD_FILE).is_file() and name != "two-islands"
}
MOST_STATES = 5_000


@pytest.fixture(scope="module", params=PAST)
def folder(request):
    return PAST[request.param]


@pytest.fixture(scope="module")
def world(folder):
    return load(folder)


@pytest.fixture(scope="module")
def forecast(world):
    return solve(world, times=1)


def rows_of(folder):
    return read_log(folder / "events.csv") + read_log(folder / "later.csv")


def test_the_readme_says_on_top_that_it_is_a_demonstration(folder):
    first = " ".join((folder / "README.md").read_text(encoding="utf-8").split("\n\n")[1].split())
    assert "demonstration" in first
    assert "knew the end" in first


def test_it_is_compact_and_every_number_has_a_reason_and_a_range(world):
    assert 10 <= len(world.moves) <= 16
    named = [each for each in world.assumptions.values() if not each.inline]
    assert 15 <= len(named) <= 30
    for each in world.assumptions.values():
        assert each.because, each.id
        assert each.low < each.value < each.high, each.id
        assert each.sources or "assumed" in each.because, each.id


def test_its_questions_can_be_settled_and_none_is_certain(world, forecast):
    assert 3 <= len(world.questions) <= 5
    assert world.headline in {f"question:{name}" for name in world.questions}
    for name, question in world.questions.items():
        assert question.resolves
        assert question.decides
        assert 0.01 < forecast.questions[name].probability[-1] < 0.97, name
    assert set(read_terms(world)) == set(world.questions) == set(read_record(world).answers)


def test_both_engines_agree(world, forecast):
    assert forecast.states <= MOST_STATES
    played = simulate(world, runs=4_000, times=1, seed=3)
    for kind in ("endings", "questions"):
        for name, band in getattr(played, kind).items():
            exact = float(getattr(forecast, kind)[name].probability[-1])
            error = (exact * (1 - exact) / 4_000) ** 0.5
            assert abs(band.probability[-1] - exact) < 4 * error + 1e-9, name


def test_its_log_is_dated_sourced_and_split_at_the_first_day(folder, world):
    before, later = read_log(folder / "events.csv"), read_log(folder / "later.csv")
    assert 15 <= len(before) + len(later) <= 40
    assert all(row.date < world.as_of for row in before)
    assert all(row.date >= world.as_of for row in later)
    assert all(row.source_name and row.description and row.confidence for row in before + later)
    assert [row.date for row in before] == sorted(row.date for row in before)
    assert [row.date for row in later] == sorted(row.date for row in later)
    with (folder / "later.csv").open(encoding="utf-8", newline="") as lines:
        actors = {row["actor"] for row in csv.DictReader(lines)} - {""}
    assert actors <= set(world.actors)


def test_every_row_has_a_meaning_and_the_whole_log_is_possible(folder, world):
    readings = read_rows(world, rows_of(folder))
    assert [str(reading.row) for reading in readings if not reading.mapped] == []
    record = read_record(world)
    after = update(world, rows_of(folder), as_of=record.complete_to, learn=False, draws=4)
    assert not after.impossible
    assert not after.unmapped
    assert len(after.taken) >= 7


def test_the_record_agrees_with_the_log(folder, world):
    """Each question that happened was open the day before, and the log of its day answers it."""
    rows = rows_of(folder)
    for name, answer in read_record(world).answers.items():
        if answer.happened is None:
            continue
        told = {row.word for row in rows if row.date == answer.happened}
        assert told & set(world.moves), f"{name}: the log has no move on {answer.happened}"
        for day, expected in ((answer.happened, False), (answer.happened + dt.timedelta(days=1), True)):
            after = update(world, rows, as_of=max(day, world.as_of), learn=False, draws=2).scenario
            when = world.questions[name].when
            if when.clauses:
                states = [dict(state.levels) for state in after.joint_start if state.probability > 0]
                assert all(when.holds(state) is expected for state in states), name


def test_check_finds_no_mistake(world):
    assert [str(finding) for finding in lint(world) if finding.severity != "note"] == []


BASE_RATES = {
    "cuba-1962": (1961, 45, ["4 of 59", "20 of 59", "29 of 77"]),
    "falklands-1982": (1981, 90, ["69 of 157", "116 of 189", "64 of 126", "9 of 189"]),
    "kuwait-1994": (1993, 60, ["98 of 209", "50 of 209"]),
}
"""The last year of the crises counted, the days of the horizon, and the counts that the terms give."""


KINDS = ("blockade", "strike", "deescalate")


def counts_of(data, last_year, days):
    """Recount ICB and ICBe: crises outside wars from 1945 on, by events within so many days of the trigger."""
    with (data / "icb1v14.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["iwcmb"] == "1" and 1945 <= int(row["yrtrig"]) <= last_year]
    lengths = [int(row["brexit"]) for row in rows]
    violence = [int(row["viol"]) for row in rows]
    first: dict[str, dict[str, int]] = {}
    members = {row["crisno"] for row in rows}
    with (data / "icbe_dated_events.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["crisno"] in members and row["in_window"] == row["icb_dates_exact"] == "True":
                day = (dt.date.fromisoformat(row["date"]) - dt.date.fromisoformat(row["icb_trigger"])).days
                seen = first.setdefault(row["crisno"], {})
                for category in row["categories"].split(";") if row["event_type"] == "action" else ():
                    seen[category] = min(seen.get(category, day), day)
    dated = {kind: sum(seen.get(kind, days) < days for seen in first.values()) for kind in KINDS}
    return {
        *(f"{number} of {len(first)}" for number in dated.values()),
        f"{sum(length <= days for length in lengths)} of {len(lengths)}",
        f"{sum(each >= 3 for each in violence)} of {sum(each >= 2 for each in violence)}",
        f"{violence.count(4)} of {len(violence)}",
    }


@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
@pytest.mark.parametrize("name", BASE_RATES)
def test_the_base_rates_are_counted_in_the_real_files(name):
    last_year, days, expected = BASE_RATES[name]
    terms = (PAST[name] / "forecasts" / "terms.csv").read_text(encoding="utf-8")
    assert [count for count in expected if count not in terms] == []
    assert set(expected) <= counts_of(Path(os.environ["SIMLIB_DATA"]), last_year, days)


def test_every_past_world_has_its_base_rates_counted():
    assert set(BASE_RATES) == set(PAST)
