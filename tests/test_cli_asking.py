"""The questions on the command line: sentences, JSON, tables, and clear refusals. On the teaching world."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from simlib.cli import main

CASES = {
    "compare": ["--forbid", "patrol", "--runs", "500", "--measure", "ending:open-war"],
    "drivers": ["--measure", "ending:open-war", "--top", "3"],
    "uncertainty": ["--measure", "ending:open-war", "--draws", "128"],
    "paths": ["--given", "open-war", "--passages"],
    "indicators": ["--ending", "open-war", "--draws", "20", "--runs", "400", "--doing", "1"],
    "discover": ["--measure", "ending:settlement", "--draws", "60", "--runs", "60"],
    "diff": ["--other-view", "hawks"],
}


@pytest.mark.parametrize("question", CASES)
def test_a_question_is_told_stored_and_tabled(question, tmp_path, capsys):
    assert main([question, "two-islands", *CASES[question], "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip()
    stored = json.loads((tmp_path / f"{question}.json").read_text())
    assert stored
    tables = sorted(path.stem for path in tmp_path.glob("*.csv"))
    assert set(tables) <= set(stored)
    assert all(len(pd.read_csv(tmp_path / f"{name}.csv").columns) > 1 for name in tables)


def test_json_to_standard_output_is_only_json(capsys):
    assert main(["diff", "two-islands", "--no-forecast", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)["diff"]
    assert told["changes"] == []
    assert told["before"] == told["after"]


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["compare", "two-islands"], 2, "nothing to compare the scenario with"),
        (["paths", "two-islands", "--given", "open-wor"], 2, "did you mean 'open-war'"),
        (["paths", "two-islands", "--ladder", "nolad"], 2, "'nolad' is not known"),
        (["indicators", "two-islands", "--ending", "peace"], 2, "'peace' is not known"),
        (["drivers", "two-islands", "--measure", "ending:wor"], 2, "wor"),
        (["sweep", "two-islands", "--out", "x"], 2, "expected one of --sobol, --grid, --views"),
        (["sweep", "two-islands", "--out", "x", "--grid", "patrol_rate"], 2, "cannot be read"),
        (["discover", "two-islands", "--draws", "20", "--runs", "10", "--threshold", "2"], 1, "choose a threshold"),
    ],
)
def test_a_bad_question_is_refused_in_words(argv, code, words, capsys):
    assert main(argv) == code
    assert words in capsys.readouterr().err


def test_a_sweep_is_done_once(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install "simlib[scale]"')
    argv = ["sweep", "two-islands", "--out", str(tmp_path / "s"), "--grid", "hot_factor=2,4", "--runs", "50"]
    assert main(argv) == 0
    assert "2 of 2 points" in capsys.readouterr().out
    assert main(argv) == 0
    assert "(0 now, 2 before)" in capsys.readouterr().out
