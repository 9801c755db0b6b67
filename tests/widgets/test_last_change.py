"""The last change: what it was before, and its way to the answer now."""

from __future__ import annotations

import numpy as np
import pytest

from simlib.control import UNWATCHED, Control
from simlib.errors import Cancelled
from simlib.scenario.model import Force
from simlib.widgets.explorer import last_change
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.forecast_shift import mixture
from simlib.widgets.explorer.session import ExplorerSession
from tests.widgets.test_session import Front, said


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(last_change, "SECONDS", 0.2)
    monkeypatch.setattr(last_change, "HOLD", 0.02)


@pytest.fixture
def session(state):
    made = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    made.start()
    assert made.wait(60)
    yield made
    made.close()


def change(session, **values):
    for name, text in values.items():
        session.state.type_value(name, text)
    session.update()
    assert session.wait(30)
    assert session.idle.worker.wait(60)


def test_a_replay_goes_from_the_answer_before_to_the_exact_answer_now(session, state):
    change(session, meeting="every 20 days")
    middle = said(state)
    change(session, meeting="every 5 days")
    seen = len(session.front.pictures)
    session.replay()
    assert session.replays.wait(30)
    played = session.front.pictures[seen:]
    assert len(played) >= 4
    assert played[0].alt.startswith(f"An agreement is signed by 30 May 2031: {middle}.")
    assert all(shown.preview for shown in played[:-1])
    assert all(f"points from {middle})" in shown.alt for shown in played[1:-1] if "points" in shown.alt)
    assert any("points" in shown.alt for shown in played[:-1])
    shares = [float(shown.sentence[1]["text"].rstrip("%")) for shown in played]
    assert shares == sorted(shares)
    assert len(set(shares)) > 2
    last = played[-1]
    assert not last.preview
    assert session.display.shown is session.answers.known(state.settings)
    assert f"An agreement is signed by 30 May 2031: {said(state)}" in last.alt
    assert f"from {said(state, state.against)})" in last.alt
    assert "last change: Talks are offered: " in last.status["text"]
    assert last.status["text"].endswith("every 20 days → every 5 days")


def test_nothing_moves_for_those_who_want_no_motion(session, state):
    change(session, meeting="every 5 days")
    seen = len(session.front.pictures)
    session.replay(moving=False)
    assert session.replays.wait(30)
    before, now = session.front.pictures[seen:]
    assert said(state, state.against) in before.alt
    assert not now.preview
    assert said(state) in now.alt


def test_a_change_stops_the_replay(session, state, monkeypatch):
    change(session, meeting="every 5 days")
    monkeypatch.setattr(last_change, "SECONDS", 60)
    session.replay()
    change(session, meeting="every 9 days")
    assert session.replays.wait(10)
    assert not session.front.last.preview
    assert said(state) in session.front.last.alt


def test_without_a_change_there_is_nothing_to_play(session):
    seen = len(session.front.pictures)
    assert session.last_change == ""
    session.lead("ending:cleared")
    session.replay()
    assert session.replays.wait(10)
    assert session.last_change == ""
    assert not any(shown.preview for shown in session.front.pictures[seen:])


def test_what_it_was_before_is_told_in_words(session, state):
    change(session, meeting="3 a week")
    assert session.last_change.endswith(f"{state.value_text('meeting', state.against)} → 3 a week")
    change(session, meeting="every 5 days")
    assert session.last_change.endswith("3 a week → every 5 days")
    state.intervene(Force("sign", state.base.as_of))
    assert session.last_change == "“Sign an agreement” forced on 1 April 2031"
    state.withdraw(0)
    assert session.last_change == "without “Sign an agreement” forced on 1 April 2031"
    state.choose_view("hasty")
    assert session.last_change == "view: as in the file → Everybody is in a hurry"
    state.undo()
    assert state.value_text("meeting") == "every 5 days"


@pytest.mark.slow
def test_a_mixture_is_a_forecast_between_the_two(session, state):
    before, now = (
        session.answers.answer(state.against),
        session.answers.answer(state.settings.with_value("meeting", 0.5)),
    )
    half = mixture([before, now], [0.75, 0.25])
    total = sum(band.probability for band in half.endings.values())
    np.testing.assert_allclose(total, 1.0)
    for name, band in half.endings.items():
        mixed = 0.75 * before.endings[name].probability + 0.25 * now.endings[name].probability
        np.testing.assert_allclose(band.probability, mixed)


def test_answers_over_other_dates_are_not_mixed(session, state):
    before, longer = (
        session.answers.answer(state.against),
        session.answers.answer(state.against.replace(horizon_days=90)),
    )
    assert list(last_change.frames(before, longer, UNWATCHED, moving=True)) == [before]
    with pytest.raises(Cancelled):
        list(last_change.frames(before, before, Control(cancel=lambda: True), moving=True))
