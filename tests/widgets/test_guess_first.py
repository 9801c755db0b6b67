"""Guess first: nothing of the forecast is shown before the guess is kept."""

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
    shown = panel.told.value + panel.earlier.value + panel._repr_mimebundle_()["text/plain"]
    assert percent(stated) not in shown
    assert (read_guesses(), panel.after.children) == ((), ())
    panel.percent.value = 40
    panel.keep.click()
    (kept,) = read_guesses()
    assert (kept.question, kept.probability, kept.forecast) == ("warned", 0.4, stated)
    assert f"{percent(stated)}. You said 40%" in panel.told.value
    assert "You made 1 guess; 1 can be scored." in panel.earlier.value
    (explorer,) = panel.after.children
    assert explorer.state.lead.name == "question:warned"
    explorer.session.close()


def test_an_error_is_shown_in_the_panel_and_a_world_without_questions_is_refused(world, monkeypatch):
    panel = GuessFirst(world)
    monkeypatch.setattr("simlib.widgets.explorer.guess_first.keep_guess", lambda guess: 1 / 0)
    panel.keep.click()
    assert "division by zero" in panel.told.value
    assert panel.after.children == ()
    with pytest.raises(SimlibError, match="asks no question"):
        GuessFirst(world.replace(questions={}))
