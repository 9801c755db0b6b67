"""One rule of the language, one bad file, the words and the line its message must have."""

import re
from pathlib import Path

import pytest

from simlib.errors import Problem, ScenarioError
from simlib.scenario.loader import load, load_text
from simlib.scenario.views.view_reader import read_view

HERE = Path(__file__).parent
EXPECTATION = re.compile(r"# expect (?P<line>\d+): (?P<words>.+)")


def expected(text: str) -> list[tuple[int, str]]:
    """What the comments at the top of a bad file promise: line and words of every problem, in the file's order."""
    found = [EXPECTATION.fullmatch(line) for line in text.splitlines()]
    return [(int(match["line"]), match["words"]) for match in found if match]


def check(told: tuple[Problem, ...], wanted: list[tuple[int, str]]) -> None:
    assert wanted, "a bad file says what it expects"
    assert len(told) == len(wanted), "\n".join(map(str, told))
    for problem, (line, words) in zip(told, wanted, strict=True):
        assert problem.line == line, problem
        assert str(problem).startswith(f"{problem.file}:{line}: {words}"), f"{problem}\n{words}"


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(HERE.glob("bad/*.yaml")), ids=lambda file: file.stem)
def test_a_bad_scenario_is_refused_with_the_right_words_at_the_right_line(file):
    text = file.read_text(encoding="utf-8")
    wanted = expected(text)
    with pytest.raises(ScenarioError, match=re.escape(wanted[0][1])) as caught:
        load_text(text)
    check(caught.value.problems, wanted)


@pytest.mark.parametrize("file", sorted(HERE.glob("bad_views/*.yaml")), ids=lambda file: file.stem)
def test_a_bad_view_is_refused_with_the_right_words_at_the_right_line(file):
    text = file.read_text(encoding="utf-8")
    wanted = expected(text)
    with pytest.raises(ScenarioError, match=re.escape(wanted[0][1])) as caught:
        read_view(text, load(HERE / "bridge"))
    check(caught.value.problems, wanted)


def test_the_good_files_that_the_bad_ones_vary_are_good():
    world = load(HERE / "bridge", view="angry-valley")
    assert world.view == "angry-valley"
