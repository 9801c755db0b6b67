"""Worlds without endings, or without public moves: `paths` and `indicators` answer, or refuse in a sentence."""

from __future__ import annotations

import pytest

from simlib.cli import main

WORLD = """\
format: 1
id: small
title: A small world
as_of: 2031-04-01
horizon: 60 days
actors: {farmers: The farmers, council: The council}
variables:
  blockade: {levels: [lifted, partial, full], start: partial}
  talks: {levels: [none, open], start: none}
assumptions:
  closing: {label: A lane is closed, value: every 20 days, low: every 50 days, high: every 8 days, because: assumed}
  meeting: {label: Talks are offered, value: 1 per month, low: 0.3 per month, high: 3 per month, because: assumed}
moves:
  close: {actor: farmers, label: Close a lane, when: {blockade: partial}, rate: closing, then: {blockade: full}COVERT}
  meet: {actor: council, label: Offer talks, when: {talks: none}, rate: meeting, then: {talks: open}COVERT}
endings: ENDINGS
ladders: {lanes: [{rung: free}, {rung: all closed, when: {blockade: full}}]}
questions:
  full: {label: The bridge is fully blocked, when: {blockade: full}, resolves: the radio says so}
"""
BLOCKED = "{blocked: {when: {blockade: full}, label: The bridge is blocked}}"
FEW = ["--draws", "10", "--runs", "20"]


@pytest.fixture
def write(tmp_path):
    def write(*, endings="{}", covert=False):
        home = tmp_path / "small"
        home.mkdir()
        text = WORLD.replace("ENDINGS", endings).replace("COVERT", ", covert: true" if covert else "")
        (home / "scenario.yaml").write_text(text)
        return str(home)

    return write


def ask(capsys, *argv):
    code = main([*argv])
    printed = capsys.readouterr()
    assert "unexpected error" not in printed.err
    return code, printed.out, printed.err


@pytest.mark.slow
@pytest.mark.parametrize("options", [FEW, ["--draws", "0"], ["--engine", "exact"]])
def test_without_endings_the_first_question_is_watched_for(options, write, tmp_path, capsys):
    code, out, _ = ask(capsys, "indicators", write(), *options, "--out", str(tmp_path / "out"))
    assert code == 0
    assert "If nothing has ended and “The bridge is fully blocked” has not happened by 14 April 2031, its proba" in out
    assert (tmp_path / "out" / "indicators-question-full.csv").exists()
    assert (tmp_path / "out" / "indicators-question-full.png").exists()


def test_without_endings_there_are_paths_but_none_to_an_ending(write, capsys):
    world = write()
    code, out, _ = ask(capsys, "paths", world, "--runs", "50")
    assert code == 0
    assert "take the path “free → all closed” by 30 May 2031 and have not ended." in out
    code, _, err = ask(capsys, "paths", world, "--given", "question:full")
    assert code == 2
    assert "--given: question:full is no ending of the scenario; the scenario has none" in err
    code, _, err = ask(capsys, "indicators", world, "--measure", "ending:blocked")
    assert code == 2
    assert "'blocked' is not known" in err


@pytest.mark.parametrize("options", [FEW, ["--engine", "exact"]])
def test_without_public_moves_levels_are_signs(options, write, tmp_path, capsys):
    code, out, err = ask(
        capsys,
        "indicators",
        write(endings=BLOCKED, covert=True),
        *("--measure", "ending:blocked", *options, "--out", str(tmp_path / "out")),
    )
    assert code == 0
    assert "If nothing has ended by 14 April 2031, the probability of “The bridge is blocked” by 30 May 2031 is" in out
    assert "forcing" not in err


@pytest.mark.slow
def test_without_public_moves_there_are_paths(write, capsys):
    code, out, _ = ask(capsys, "paths", write(endings=BLOCKED, covert=True), "--given", "blocked", "--waypoints")
    assert code == 0
    assert (
        "Of the histories that end in “The bridge is blocked” by 30 May 2031 (95% of all), "
        "100% take the path “free → all" in out
    )
