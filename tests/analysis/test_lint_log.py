"""What check says about the log beside a scenario."""

import pytest

from simlib.analysis.lint import log_rules
from simlib.analysis.lint.subject import Subject
from simlib.scenario.library import scenarios_folder
from simlib.scenario.loader import load

HEAD = "date,actor,move,outcome\n"
FOLDER = scenarios_folder() / "two-islands"


def findings(tmp_path, rows, *, text=None):
    text = (FOLDER / "scenario.yaml").read_text(encoding="utf-8") if text is None else text
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "events.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    subject = Subject(load(tmp_path))
    return [str(finding) for rule in log_rules.LOG_RULES for finding in rule(subject)]


def test_the_shipped_log_is_sound():
    subject = Subject(load("two-islands"))
    assert [str(finding) for rule in log_rules.LOG_RULES for finding in rule(subject)] == []


def test_a_move_with_rows_that_is_not_covered_is_reported(tmp_path):
    (told,) = findings(tmp_path, ["2031-03-14,south,offer-talks,", "2031-03-18,north,patrol,"])
    assert "1 row of the log is a firing of 'offer-talks', which is not named" in told


def test_a_number_that_counts_rows_without_a_date_is_noted(tmp_path):
    text = (FOLDER / "scenario.yaml").read_text(encoding="utf-8")
    text = text.replace("Half of all clashes at sea were over within a week", "two rows in the log")
    (told,) = findings(tmp_path, ["2031-03-18,north,patrol,"], text=text)
    assert "'disengage_rate' counts rows of the log without uses_log_until" in told


def test_an_impossible_row_is_reported(tmp_path):
    told = findings(tmp_path, ["2031-03-14,north,land-troops,"])
    assert any("land-troops: impossible in this scenario" in line for line in told)


@pytest.mark.parametrize("row", ["2031-03-34,north,patrol,", "2031-03-14,north,patrol,sunk"])
def test_a_log_that_cannot_be_read_is_an_error(tmp_path, row):
    (told,) = findings(tmp_path, [row])
    assert told.startswith("error: events.csv:2")
