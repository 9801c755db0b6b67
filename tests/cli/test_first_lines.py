"""What a person reads first: the answer to the question asked about, and a table within 25 lines."""

from __future__ import annotations

import itertools
import re
import shutil

import pytest

from simlib.cli import main
from simlib.cli.options.parser import COMMANDS
from simlib.scenario.library import scenarios_folder
from tests.data.test_reader import MIDI, MIDIP

MOST_LINES = 25
"""Lines above the first table."""

SHIP = "“A ship of North Island is hit” by 29 June 2031"
HEADLINE = f"^{SHIP}.*[0-9]%"
ISLANDS = {
    "check": ([], r"^two-islands: the file fits the format"),
    "explain": ([], r"^Scenario\n  two-islands: A fictional dispute"),
    "explain --move patrol": (
        ["--move", "patrol"],
        r"Sail a patrol.*\nIt happens 12.6 times on average by 29 June 2031",
    ),
    "run": ([], HEADLINE),
    "run --draws 8": (["--draws", "16"], HEADLINE),
    "export": (["--to", "prism", "--ignore-windows", "--out", "OUT"], r"two-islands\.sm$"),
    "compare": (
        ["--forbid", "patrol", "--runs", "500"],
        r"forbidden\): “A ship of North Island is hit” falls from 30% to .*",
    ),
    "drivers": ([], f"{HEADLINE}.*\\n“.*” moves it most: to .*% at its low value, and to .*% at its high value"),
    "uncertainty": (["--draws", "128"], HEADLINE),
    "paths": ([], r"^42% of all histories take the path “.+” by 29 June 2031"),
    "paths --given": (["--given", "--runs", "200"], r"^Of the histories that end in “Open war” by 29 June 2031"),
    "indicators": (
        ["--draws", "64"],
        r"“A ship of North Island is hit” has not happened by .*, its probability by 29 June 2031 is",
    ),
    "discover": (
        ["--draws", "64", "--runs", "64"],
        r"“A ship of North Island is hit” reaches .*% by 29 June 2031 in .*% of the draws",
    ),
    "pool": ([], HEADLINE),
    "diff": (["--other-view", "hawks"], f"{SHIP}: 43% after the changes, 30% before"),
    "report": (["--draws", "32", "--out", "OUT/report.html"], r"report\.html$"),
    "sweep": (["--grid", "hot_factor=2,3", "--runs", "50", "--out", "OUT/swept"], r"^2 of 2 points are in"),
    "update": (["--no-learn", "--draws", "32"], f"{HEADLINE} after the log"),
    "learn": (["--draws", "64"], r"^The log teaches"),
    "register": (["--draws", "32"], r"registered|^Nothing new to register"),
    "resolve": (["2", "yes", "--on", "2031-04-04", "--source", "Gazette"], r"^Forecast 2 is settled: yes"),
    "score": ([], r"^2 forecasts: 1 settled"),
}
"""The further options of a command on two-islands, and what its first two lines say."""

FILES = {"data": ([], MIDIP, r"1 row"), "rates": (["--event", "category=strike"], MIDI, r"[0-9]")}


def opening(text: str) -> str:
    return "\n".join(text.splitlines()[:2])


def above(text: str) -> int:
    """How many lines stand above the first table, whose rows are indented."""
    return len(list(itertools.takewhile(lambda line: not line.startswith("  "), text.splitlines())))


@pytest.mark.slow
@pytest.mark.parametrize("name", ISLANDS)
def test_the_answer_comes_first_and_a_table_within_25_lines(name, tmp_path, capsys):
    options, says = ISLANDS[name]
    world = shutil.copytree(scenarios_folder() / "two-islands", tmp_path / "two-islands")
    argv = [name.split()[0], str(world), *(option.replace("OUT", str(tmp_path)) for option in options)]
    assert main(argv) == 0
    told = capsys.readouterr().out
    assert re.search(says, opening(told), re.MULTILINE), opening(told)
    assert above(told) <= MOST_LINES


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_events_is_answered_at_once(name, tmp_path, capsys):
    options, text, says = FILES[name]
    (file := tmp_path / ("MIDIP.csv" if name == "data" else "MIDI.csv")).write_text(text, encoding="utf-8")
    assert main([name, str(file), *options]) == 0
    told = capsys.readouterr().out
    assert re.search(says, opening(told)), opening(told)
    assert above(told) <= MOST_LINES


@pytest.mark.slow
def test_a_past_crisis_is_scored_in_the_first_line(capsys):
    assert main(["backtest", "cuba-1962", "--every", "6"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Mean Brier score of ")
    assert re.search(r"  first +constant +base\n +ahead +days +yes +updated +forecast +rate +rate\n", told)
    assert above(told) <= MOST_LINES


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [["drivers"], ["paths"], ["pool"], ["run"], ["compare", "--forbid", "strike-on-land", "--runs", "500"]],
    ids=lambda argv: argv[0],
)
def test_a_large_scenario_is_told_as_briefly(argv, capsys):
    assert main([argv[0], "caribbean-2025", *argv[1:]]) == 0
    told = capsys.readouterr().out
    led = (
        "44% of all histories stay on “strikes at sea”" if argv == ["paths"] else "US force is used on Venezuelan land"
    )
    assert led in told.splitlines()[0]
    assert above(told) <= MOST_LINES


def test_every_command_that_answers_is_asked():
    asked = {name.split()[0] for name in (*ISLANDS, *FILES)} | {"backtest"}
    assert asked == {command.name for command in COMMANDS} - {"lab"}
