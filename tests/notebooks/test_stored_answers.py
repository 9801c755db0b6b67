"""Stored answers are those that the code gives today: they are kept by world and settings, not by code.

The questions that are answered in a moment are asked again; the others stand on the same library.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from simlib.control import UNWATCHED
from simlib.machine import measures
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.widgets.explorer import answer_uncertainty, slider_order
from simlib.widgets.questions import catalogue as questions
from simlib.widgets.questions import shown_answers as asking
from simlib.widgets.questions.question import PanelQuestion
from simlib.widgets.questions.shown_answers import ShownAnswer

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
STORED = NOTEBOOKS / ".stored"
WORLD = "caribbean-2025"
AGAIN = "python docs/store_answers.py, then docs/rebuild_notebooks.py, and read the prose"

QUICK = {
    "drivers": lambda: questions.WhatDrivesIt(WORLD),
    "by which path": lambda: questions.ByWhichPath(WORLD),
    "where paths diverge": lambda: questions.WherePathsDiverge(WORLD),
    "what if": lambda: questions.WhatIf(WORLD, move="carrier-arrives"),
    "what to watch for": lambda: questions.WhatToWatchFor(WORLD, ending="ground-war"),
}


def stale(question: PanelQuestion, stored: ShownAnswer) -> list[str]:
    """Return what a stored answer says that the library no longer does, and what it says instead."""
    now = question.answer(question.chosen, UNWATCHED)
    found = []
    for old, new in ((stored.sentences, now.sentences), (stored.rows, now.rows), ((stored.head,), (now.head,))):
        found += [f"stored {a!r}, now {b!r}" for a, b in itertools.zip_longest(old, new) if a != b]
    return found + ([] if stored.size == now.size else [f"a picture of {stored.size} instead of {now.size}"])


@pytest.fixture(autouse=True)
def _beside_the_notebooks(monkeypatch):
    monkeypatch.chdir(NOTEBOOKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_quick_answer_is_what_the_library_gives_today(name):
    question = QUICK[name]()
    stored = asking.read_answer(STORED / question.key(question.chosen))
    assert stored is not None, f"nothing stored for these settings: {AGAIN}"
    assert stale(question, stored) == [], AGAIN


@pytest.mark.parametrize("name", shipped_scenarios())
def test_an_explorer_finds_its_ranges_and_the_order_of_its_sliders_stored(name):
    """Otherwise it computes them after it was opened, while its user moves the sliders."""
    world = load(name)
    found = answer_uncertainty.find_stored(world, [STORED])
    assert found is not None, AGAIN
    assert found.draws == answer_uncertainty.UNCERTAINTY_DRAWS
    assert {measure.name for measure in measures.every(world, ("ending", "question"))} == set(found.means)
    assert set(found.spread) == set(found.means)
    assert slider_order.find_stored(world, [STORED]) is not None, AGAIN


@pytest.mark.slow
def test_every_panel_of_a_notebook_finds_its_answer_stored(monkeypatch):
    """A panel without one would work it out before the eyes of a reader, and change what is stored at each rebuild."""
    import nbformat

    from simlib.widgets.questions import panel as panels

    asked: list[PanelQuestion] = []
    monkeypatch.setattr(panels, "QuestionPanel", asked.append)
    panel_import = re.compile(rf"from simlib.widgets import .*\b({'|'.join(questions.__all__)})\b")
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        if any(panel_import.search(source) for source in cells):
            exec("\n".join(cells), {})  # noqa: S102 - our own notebooks, which hold calls of panels and no logic
    assert len(asked) > 15
    names = {question.key(question.chosen) for question in asked}
    assert sorted(name for name in names if not (STORED / name).is_file()) == [], AGAIN
    assert sorted({file.name for file in STORED.glob("answer-*.json")} - names) == [], "stored, but asked nowhere"


@pytest.mark.slow
def test_a_stale_answer_is_found():
    question = questions.ByWhichPath("two-islands")
    now = question.answer(question.chosen, UNWATCHED)
    assert stale(question, now) == []
    old = ShownAnswer(
        ("Once upon a time.", *now.sentences[1:]), now.head, now.rows[:-1], now.numbers, now.png, now.size
    )
    assert len(stale(question, old)) == 2
    assert "Once upon a time" in stale(question, old)[0]
