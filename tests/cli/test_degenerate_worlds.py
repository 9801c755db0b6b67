"""Worlds in which something is missing: every command answers, or refuses in a sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.cli import main

COMMANDS = {
    "check": [],
    "explain": [],
    "run": ["--draws", "10"],
    "compare": ["--forbid", "push", "--runs", "50"],
    "drivers": [],
    "uncertainty": ["--draws", "128"],
    "paths": [],
    "indicators": ["--draws", "10", "--runs", "20"],
    "discover": ["--draws", "64", "--runs", "10"],
    "pool": ["--views", "baseline,baseline-again"],
    "diff": ["--other-view", "baseline-again"],
    "report": ["--out", "report.html"],
    "export": ["--to", "prism", "--out", "prism"],
}

VIEW = {"format": 1, "id": "baseline-again", "title": "Again", "author": "A teacher", "because": "to compare with"}


@st.composite
def degenerate(draw) -> dict:
    """Draw a world that may lack endings, public moves, visible variables, questions, ladders, ranges or moves."""
    covert, hidden, moves = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 2))
    wide = {"low": "every 30 days", "high": "every 3 days"} if draw(st.booleans()) else {}
    push = {"actor": "somebody", "label": "Push", "covert": covert, "rate": "pushing", "then": {"door": "open"}}
    knock = {
        "actor": "somebody",
        "label": "Knock",
        "covert": covert,
        "rate": {"value": "1 per day", "because": "assumed"},
    }
    door = {"levels": ["shut", "open"], "start": draw(st.sampled_from(["shut", "open"]))}
    world = {
        "format": 1,
        "id": "door",
        "title": "A door",
        "as_of": "2031-04-01",
        "horizon": draw(st.sampled_from(["10 days", "12 hours"])),
        "actors": {"somebody": "Somebody"},
        "variables": {"door": door | ({"hidden": True} if hidden else {})},
        "assumptions": {"pushing": {"label": "Pushes", "value": "every 9 days", "because": "assumed"} | wide},
        "moves": dict(list({"push": push, "knock": knock}.items())[:moves]),
        "endings": {"open": {"when": {"door": "open"}, "label": "It is open"}} if draw(st.booleans()) else {},
    }
    if draw(st.booleans()):
        world["questions"] = {"opened": {"label": "It was open", "when": {"door": "open"}, "resolves": "a look"}}
    if draw(st.booleans()):
        world["ladders"] = {"doors": [{"rung": "closed"}, {"rung": "ajar", "when": {"door": "open"}}]}
    return world


@pytest.mark.slow
@given(world=degenerate())
@settings(max_examples=12, deadline=None)
def test_every_command_answers_or_refuses_in_a_sentence(world):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "door")
        (folder / "views").mkdir(parents=True)
        (folder / "scenario.yaml").write_text(json.dumps(world))
        (folder / "views" / "baseline-again.yaml").write_text(json.dumps(VIEW))
        for command, options in COMMANDS.items():
            where = [str(Path(name, option)) if option in ("report.html", "prism") else option for option in options]
            code, out, err = run([command, str(folder), *where])
            assert code in (0, 1, 2), (command, err)
            assert "unexpected error" not in err, (command, err)
            assert "Traceback" not in err, (command, err)
            assert out.strip() or err.strip(), command


def run(argv: list[str]) -> tuple[int, str, str]:
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(argv)
    return code, out.getvalue(), err.getvalue()
