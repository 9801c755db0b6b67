"""The desk: what is shown when, and that what is shown at rest belongs to what is set at rest."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

import simlib
from simlib.control import UNWATCHED
from simlib.errors import ScenarioError
from simlib.formatting import percent
from simlib.widgets.explorer import session as module
from simlib.widgets.explorer import slider_order as influence
from simlib.widgets.explorer.autosave import Drafts, folder
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.explorer.state import State
from simlib.widgets.kit.status_line import sentence


class Front:
    """Remembers what it was told to show."""

    def __init__(self):
        self.pictures, self.states, self.settings, self.orders, self.rests = [], [], 0, 0, 0

    def show(self, shown):
        self.pictures.append(shown)
        self.states.append(shown.status)

    def show_status(self, status):
        self.states.append(status)

    def show_settings(self):
        self.settings += 1

    def show_order(self):
        self.orders += 1

    def show_drivers(self, png, size, alt):
        self.drivers = alt

    def refresh_page(self):
        self.rests += 1

    @property
    def last(self):
        return self.pictures[-1]


class Slow(AnswerCache):
    """Never as quick as a preview, so that there is one."""

    def is_quick(self, settings):
        return False


@pytest.fixture
def session(state):
    made = ExplorerSession(state, Front(), width=640, answers=Slow(state, threads=1))
    made.start()
    assert made.wait(60)
    yield made
    made.close()


def said(state, settings=None):
    forecast = simlib.solve(state.scenario(settings))
    return percent(float(forecast.endings["agreement"].probability[-1]))


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_the_first_answer_is_exact_and_in_words(session, state):
    shown = session.front.last
    assert not shown.preview
    assert shown.status["text"] == "exact, 8 states"
    assert shown.alt.startswith(f"By 30 May 2031: An agreement is signed {said(state)}; ")
    assert size(shown.png) == shown.size
    assert session.front.rests == 1


def test_a_moved_slider_gives_a_preview_at_once_and_then_the_exact_answer(session, state):
    state.set_value("meeting", 0.2)
    session.update(moving=True)
    preview = session.front.last
    assert preview.preview
    assert preview.status["kind"] == "preview"
    assert "replicates" in preview.status["text"]
    assert session.wait(30)
    assert not session.front.last.preview
    assert f"An agreement is signed {said(state)} (up " in session.front.last.alt
    assert "points)" in session.front.last.alt


def test_after_a_drag_the_picture_at_rest_belongs_to_the_value_at_rest(session, state):
    for value in np.linspace(0.03, 0.4, 25):
        state.set_value("meeting", float(value))
        session.update(moving=True)
    assert session.wait(30)
    exact = [shown for shown in session.front.pictures if not shown.preview]
    assert len(exact) <= 4
    assert said(state) in session.front.last.alt
    assert session.shown is session.answers.known(state.settings)


def test_an_answer_that_comes_too_late_is_not_shown(session, state, monkeypatch):
    started, release = threading.Event(), threading.Event()
    compute = session.answers._compute

    def slow(settings, control):
        if settings.values.get("meeting") == 0.2:
            started.set()
            release.wait(20)
        return compute(settings, UNWATCHED)

    monkeypatch.setattr(session.answers, "_compute", slow)
    state.set_value("meeting", 0.2)
    session.update()
    assert started.wait(10)
    state.set_value("meeting", 0.3)
    session.update()
    release.set()
    assert session.wait(30)
    stale = said(state, state.settings.with_value("meeting", 0.2))
    assert [shown for shown in session.front.pictures if not shown.preview and f"{stale} (" in shown.alt] == []
    assert said(state) in session.front.last.alt


def test_a_quick_world_needs_no_preview(state):
    session = ExplorerSession(state, Front(), width=640, answers=AnswerCache(state, threads=1))
    session.answers.is_quick = lambda settings: True
    session.start()
    state.set_value("meeting", 0.2)
    session.update(moving=True)
    assert not any(shown.preview for shown in session.front.pictures)
    assert said(state) in session.front.last.alt
    session.close()


def test_going_back_to_a_known_answer_shows_it_at_once(session, state):
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    state.undo()
    session.update()
    assert not session.front.last.preview
    assert session.front.last.alt.startswith(f"By 30 May 2031: An agreement is signed {said(state)};")


def test_what_goes_wrong_is_said_and_the_last_good_picture_stays(session, state, monkeypatch):
    before = len(session.front.pictures)

    def broken(*_, **__):
        raise ScenarioError([])

    monkeypatch.setattr(session.answers, "preview", broken)
    state.set_value("meeting", 0.2)
    session.guard(session.update)
    session.guard(lambda: 1 / 0)
    assert len(session.front.pictures) == before
    assert session.front.states[-1] == {"text": "ZeroDivisionError: division by zero", "kind": "error", "share": None}


def test_what_goes_wrong_in_the_worker_is_said_too(session, state, monkeypatch):
    def broken(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(session.answers, "_compute", broken)
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    assert session.front.states[-1]["text"] == "MemoryError: no room"


def test_long_work_shows_its_progress_and_can_be_cancelled(session, state, monkeypatch):
    started = threading.Event()

    def slow(settings, control):
        control.report(0.4)
        started.set()
        while True:
            control.check()
            time.sleep(0.002)

    monkeypatch.setattr(session.answers, "_compute", slow)
    state.set_value("meeting", 0.2)
    session.update()
    assert started.wait(10)
    assert session.front.states[-1]["share"] == 0.4
    session.cancel()
    assert session.wait(10)
    assert session.front.states[-1]["text"] == "cancelled: the picture is still a preview"


def test_a_slider_that_changes_nothing_says_so(session, state):
    state.switch("meet", on=False)
    session.update()
    assert session.wait(30)
    state.rest()
    state.set_value("signing", 0.1)
    session.update(moving=True)
    assert session.wait(30)
    assert session.notes["signing"].startswith("changes nothing: ")
    state.set_value("closing", 0.1)
    session.update(moving=True)
    assert session.wait(30)
    assert not session.notes


def test_a_value_outside_its_range_is_noted_not_refused(session, state):
    state.type_value("meeting", "9 per week")
    session.update()
    assert session.notes == {"meeting": "outside its range in the scenario"}
    assert session.wait(30)
    assert said(state) in session.front.last.alt


def test_another_width_is_drawn_at_once_and_nothing_is_computed(session):
    known = session.shown
    session.resize(820)
    assert session.front.last.size[0] == 820
    assert session.shown is known


def test_only_what_is_asked_for_is_shown(session, state):
    state.change(state.settings.replace(shown=("cleared", "ongoing")))
    session.update()
    names = session._board.panels[0].names
    assert names == ["cleared", "ongoing"]


def test_another_horizon_moves_the_ghost_too(session, state):
    state.set_value("meeting", 0.2)
    state.change(state.settings.replace(horizon_days=20.0))
    session.update()
    assert session.wait(30)
    assert session.front.last.alt.startswith("By 20 April 2031: ")
    forecast, baseline = session.forecasts()
    assert baseline.times[-1] == forecast.times[-1] == 20


def test_the_sliders_are_ordered_by_the_gradient_once_and_it_is_kept(session, state):
    assert session.background.wait(60)
    assert session.front.orders == 2
    assert session.front.drivers.startswith(
        "What this hangs on: An agreement is signed. In points, at low and at high: "
    )
    session.choose_drivers("cleared")
    assert "The bridge is cleared by force" in session.front.drivers
    found = influence.stored(state.base, [folder() / "cache"])
    assert found is not None
    ranked = [
        sorted(some.weights(state.base).items(), key=lambda item: -item[1]) for some in (found, session.influence)
    ]
    assert [name for name, _ in ranked[0]] == [name for name, _ in ranked[1]]
    again = ExplorerSession(State(state.base), Front(), answers=AnswerCache(state))
    again.start()
    assert again.influence == found
    assert again.front.orders == 1
    again.close()


def test_the_order_does_not_change_under_a_hand_that_began(state, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.0)
    session = ExplorerSession(state, Front(), answers=Slow(state, threads=1))
    session.start()
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    assert session.background.wait(60)
    assert session.influence is not None
    assert session.front.orders == 1
    session.close()


def test_what_was_left_unsaved_is_offered_again_and_restored(session, state, bridge):
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    session.keep_reason("meeting", "they met twice")
    session.close()
    again = ExplorerSession(State(bridge), Front(), answers=AnswerCache(State(bridge)))
    again.answers = AnswerCache(again.state)
    again.start()
    assert again.draft.settings == state.settings
    assert again.state.is_baseline
    again.restore()
    assert again.wait(30)
    assert again.state.settings == state.settings
    assert again.reasons == {"meeting": "they met twice"}
    again.close()


def test_what_was_left_unsaved_is_not_lost_by_looking_or_by_changing_something_else(session, state, bridge):
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    world = State(bridge)
    again = ExplorerSession(world, Front(), answers=AnswerCache(world))
    again.start()
    world.set_value("closing", 0.3)
    again.update()
    assert again.wait(30)
    assert again.draft.settings.values == {"meeting": 0.2}
    third = Drafts.of(world.base)
    assert third.find()["settings"]["values"] == {"closing": 0.3}
    again.discard()
    world.reset()
    again.update()
    assert again.wait(30)
    assert third.find() is None
    again.close()


def test_slow_work_that_follows_an_answer_gives_way_to_a_slider(session, state):
    started, stopped = threading.Event(), threading.Event()

    def slow(control):
        started.set()
        while not control.cancelled():
            time.sleep(0.002)
        stopped.set()

    session.submit(slow)
    assert started.wait(10)
    state.set_value("meeting", 0.2)
    session.update(moving=True)
    assert stopped.wait(10)


def test_a_sentence_has_its_numbers_in_bold_and_ends_in_a_full_stop(session, state):
    parts = sentence(simlib.solve(state.base))
    assert [part["text"] for part in parts if part["strong"]] == [said(state), "3.3%", "18%"]
    text = "".join(part["text"] for part in parts)
    assert text.endswith("none of the endings yet 18%.")
