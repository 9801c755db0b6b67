"""The lesson: every exercise accepts its own solution, refuses others, and computes both from the world."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest

from simlib.widgets import Lesson
from simlib.widgets.classroom.exercise import BadEntry, read_number, read_probability

NUMBERS = range(1, 10)
NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03_a_class.ipynb"


@pytest.fixture(scope="module")
def lesson():
    return Lesson()


def test_the_timetable_and_the_headings_of_the_notebook_are_those_of_the_exercises(lesson):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    table = re.findall(r"^\| (\d+)–(\d+) \| (.+) \| ?(\d*) \|$", text, re.MULTILINE)
    times = [(int(first), int(last)) for first, last, *_ in table]
    assert [first for first, _ in times] == [0, *(last for _, last in times[:-1])]
    assert times[-1][1] == 90
    assert [last - first for first, last in times[1:]] == [exercise.minutes for exercise in lesson.exercises]
    headings = re.findall(r"^## (\d)\. (.+)$", text, re.MULTILINE)
    assert [(number, what) for *_, what, number in table[1:]] == headings
    assert [int(number) for number, _ in headings] == list(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_an_exercise_accepts_its_own_solution(lesson, number):
    exercise = lesson[number]
    verdict = exercise.check(*exercise.answers)
    assert verdict.right is not False, verdict.words
    assert exercise.worked.split(" ")[0] in lesson.solution(number)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        (1, ("80%",)),
        (2, ("9", "Call the patrols home")),
        (3, ("20%", "20%")),
        (4, ("50%",)),
        (5, ("0.6%", "The computer draws at random, so that the two numbers differ by luck.")),
        (6, ("60", "20", "180")),
        (7, ("a cause", "a sign only")),
        (8, ("format: 1\nid: [",)),
        (9, ("Ana",)),
    ],
)
def test_an_exercise_refuses_another_answer(lesson, number, wrong):
    assert lesson[number].check(*wrong).right is False
    assert lesson[number].check(*("" for _ in wrong)).words.startswith("Fill in: ")


def test_answers_are_computed_from_the_world(lesson):
    other = Lesson()
    rate = dataclasses.replace(other.world.assumptions["patrol_rate"], value=2 / 7)
    other.world = other.world.replace(assumptions={**other.world.assumptions, "patrol_rate": rate})
    assert other[1].answers == (f"{100 * (1 - math.exp(-2)):.0f}%",)
    assert lesson[1].answers != other[1].answers
    assert other[2].answers != lesson[2].answers


def test_the_rates_of_the_first_day_are_those_of_a_quiet_day(lesson):
    rates = {move.id: rate for move, rate in lesson.open_moves()}
    assert set(rates) == {"patrol", "recall-patrols", "fire-on-patrol", "offer-talks", "guarantee-south"}
    assert rates["patrol"] == pytest.approx(0.8 / 7)
    assert rates["fire-on-patrol"] == pytest.approx(0.002), "neither hot nor firm"


def test_own_moves_are_checked_where_they_stand(lesson):
    start = lesson[8].fields[0].start
    assert "with 0 of your own moves; write 3 more" in lesson[8].check(start).words
    broken = start.replace("then: {mood: tense}", "then: {mood: rage}")
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "rage" in text)
    assert lesson[8].check(broken).words.startswith(f"Line {line}: ")


def test_the_class_is_scored_by_what_the_log_tells(lesson):
    words = lesson[9].check("Ana 0%\nBen 100%").words
    assert "it happened" in words
    assert "Ben 0.000" in words
    assert "Ana 1.000" in words
    assert "the class together 0.250" in words


@pytest.mark.parametrize(("text", "value"), [("55%", 0.55), ("55", 0.55), ("0.55", 0.55), ("0,5", 0.5), ("1%", 0.01)])
def test_a_probability_is_read_as_people_write_it(text, value):
    assert read_probability(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "half", "-3", "140%"])
def test_an_entry_that_is_no_probability_says_so(text):
    with pytest.raises(BadEntry):
        read_probability(text)
    assert read_number("4,5 days") == 4.5


def test_the_widget_checks_hints_and_prints_a_worksheet(lesson):
    view = lesson.exercise(2)
    view.check()
    assert "Fill in: Wait in days, Move." in view.report.value
    for field, answer in zip(view.fields, lesson[2].answers, strict=True):
        field.value = answer
    view.check()
    assert "Right. " in view.report.value
    view.hint()
    assert "Hint: " in view.report.value
    bundle = view._repr_mimebundle_()
    assert bundle["image/png"]
    assert bundle["text/plain"].startswith("Exercise 2. One history, rolled by hand")
