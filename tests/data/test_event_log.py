"""Event data as the log of a scenario."""

import datetime as dt

import pandas as pd
import pytest

from simlib.data.event_log import LOG_COLUMNS, as_log
from simlib.errors import ScenarioError


@pytest.fixture
def frame():
    rows = [
        ("2031-04-03", "day", "North", "South", "17", "threaten"),
        ("2031-04-03", "day", "North", "South", "17", "threaten"),
        ("2031-04-02", "day", "South;East", "North", "19", "strike"),
        ("2031-04-04", "day", "North", "West", "19", "strike"),
        ("2031-04-05", "year", "North", "South", "19", "strike"),
        ("2031-04-06", "day", "North", "South", "99", ""),
    ]
    frame = pd.DataFrame(rows, columns=["date", "precision", "actor", "target", "code", "category"])
    return frame.assign(date=pd.to_datetime(frame["date"]), source="made up", known_on=pd.NaT)


def test_rows_between_the_actors_become_a_log_with_equal_rows_counted(frame):
    log = as_log(frame, ["north", "South"])
    assert list(log.columns) == list(LOG_COLUMNS)
    assert log[["date", "actor", "move", "times"]].to_numpy().tolist() == [
        ["2031-04-02", "South;East", "strike", 1],
        ["2031-04-03", "North", "threaten", 2],
    ]


def test_one_actor_keeps_all_that_it_does_within_the_days(frame):
    log = as_log(frame, ["North"], first=dt.date(2031, 4, 4), last=dt.date(2031, 4, 5))
    assert log["target"].tolist() == ["West"]


@pytest.mark.parametrize(("actors", "words"), [(["Nowhere"], "no actor 'Nowhere'"), (["East", "West"], "no dated row")])
def test_what_makes_no_log_is_refused(frame, actors, words):
    with pytest.raises(ScenarioError, match=words):
        as_log(frame, actors)


def test_a_log_is_never_replaced(tmp_path, capsys):
    from simlib.cli import main
    from tests.data.test_reader import MIDIP

    (tmp_path / "midip.csv").write_text(MIDIP, encoding="utf-8")
    command = ["data", str(tmp_path / "midip.csv"), "--actors", "USA", "--to", str(tmp_path / "log.csv")]
    assert main(command) == 0
    assert "mobilise: 1" in capsys.readouterr().out
    before = (tmp_path / "log.csv").read_text(encoding="utf-8")
    assert before.splitlines()[0] == ",".join(LOG_COLUMNS)
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "log.csv").read_text(encoding="utf-8") == before
    assert main([*command[:2], "--to", "x.csv"]) == 2
    assert "needs actors" in capsys.readouterr().err
