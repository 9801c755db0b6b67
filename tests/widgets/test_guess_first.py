"""Guess first: nothing of the forecast is shown before the guess is kept."""

import re

import pytest

import simlib
from simlib.calibration.guesses import read_guesses
from simlib.errors import SimlibError
from simlib.formatting import percent
from simlib.widgets import GuessFirst
from tests.calibration.test_backtest import write


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "world").mkdir()
    return simlib.load(write(tmp_path / "world"))


def test_the_forecast_is_shown_only_after_the_guess_is_kept(world):
    panel = GuessFirst(world, question="warned")
    stated = float(simlib.solve(world, times=1).questions["warned"].probability[-1])
    shown = panel.message.value + panel.earlier.value + panel._repr_mimebundle_()["text/plain"]
    assert percent(stated) not in shown
    assert (read_guesses(), panel.after.children) == ((), ())
    panel.percent.value = 40
    panel.keep.click()
    (kept,) = read_guesses()
    assert (kept.question, kept.probability, kept.forecast) == ("warned", 0.4, stated)
    assert f"{percent(stated)}. You said 40%" in panel.message.value
    assert "You made 1 guess; 1 can be scored." in panel.earlier.value
    (explorer,) = panel.after.children
    assert explorer.state.lead.name == "question:warned"
    explorer.session.close()


def test_a_number_that_is_no_probability_stays_as_typed_and_is_refused_at_its_field(world):
    panel = GuessFirst(world, question="warned")
    for wrong in (150, -1, float("nan")):
        panel.percent.value = wrong
        assert "is no probability, so nothing is kept; expected 0% to 100%" in panel.note.value
        assert "simlib-wrong" in panel.percent._dom_classes
    panel.percent.value = 150
    panel.keep.click()
    assert panel.percent.value == 150
    assert (read_guesses(), panel.after.children) == ((), ())
    panel.percent.value = 100
    assert panel.note.value == ""
    assert "simlib-wrong" not in panel.percent._dom_classes


def test_a_later_guess_is_marked_and_has_no_score(world):
    panel = GuessFirst(world, question="warned")
    for given in (40, 60):
        panel.percent.value = given
        panel.keep.click()
    first, later = re.findall("<tr>(<td.*?)</tr>", panel.earlier.value)
    assert "later guess" not in first
    assert "<td>North warns (a later guess, not counted)</td>" in later
    assert [text.endswith('<td class="number"></td>') for text in (first, later)] == [False, True]
    panel.after.children[0].session.close()


def test_an_error_is_shown_in_the_panel_and_a_world_without_questions_is_refused(world, monkeypatch):
    panel = GuessFirst(world)
    monkeypatch.setattr("simlib.widgets.explorer.guess_first.keep_guess", lambda guess: 1 / 0)
    panel.keep.click()
    assert "division by zero" in panel.message.value
    assert panel.after.children == ()
    with pytest.raises(SimlibError, match="asks no question"):
        GuessFirst(world.replace(questions={}))
