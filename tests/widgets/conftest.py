"""A small world on disk, with a view, and a place of its own for what is kept between sessions."""

from __future__ import annotations

import pytest

from simlib.widgets.editor.session import TEMPLATE
from simlib.widgets.explorer import answer_uncertainty, idle
from simlib.widgets.explorer.state import State

VIEW = """\
format: 1
id: hasty
title: Everybody is in a hurry
because: spring comes early
assumptions:
  meeting: {value: 2 per month, because: the council meets in April}
interventions:
  - {forbid: clear, because: the police are elsewhere}
"""


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Nothing is kept in anybody's home."""
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """The work at rest begins soon, and a range has few draws."""
    monkeypatch.setattr(idle, "IDLE_PAUSE", 0.02)
    monkeypatch.setattr(answer_uncertainty, "UNCERTAINTY_DRAWS", 16)


@pytest.fixture
def bridge(tmp_path):
    """The folder of a world of eight states."""
    folder = tmp_path / "bridge"
    (folder / "views").mkdir(parents=True)
    (folder / "scenario.yaml").write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "views" / "hasty.yaml").write_text(VIEW, encoding="utf-8")
    return folder


@pytest.fixture
def state(bridge):
    """That world under somebody's hands."""
    return State(bridge)
