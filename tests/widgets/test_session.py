"""The desk: what is shown when, and that what is shown at rest belongs to what is set at rest."""

from __future__ import annotations

import dataclasses
import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

import simlib
from simlib.control import UNWATCHED
from simlib.engines.ensemble import over_priors
from simlib.errors import Problem, ScenarioError
from simlib.formatting import percent
from simlib.machine import measures
from simlib.scenario.model import Force
from simlib.widgets.explorer import glances, headline, idle, preview_loop, second_graph
from simlib.widgets.explorer import slider_order as influence
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.autosave import Drafts, folder
from simlib.widgets.explorer.reach import Reach
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.explorer.state import State
from simlib.widgets.kit.status_line import sentence
from tests.worlds import World

BY_MAY = "An agreement is signed by 30 May 2031: "


class Front:
    """Remembers what it was told to show."""

    def __init__(self):
        self.pictures, self.states, self.stills = [], [], []
        self.settings = self.orders = self.rests = self.reaches = 0

    def show(self, shown):
        self.pictures.append(shown)
        self.states.append(shown.status)

    def show_status(self, status):
        self.states.append(status)

    def show_settings(self):
        self.settings += 1

    def show_order(self):
        self.orders += 1

    def show_reach(self):
        self.reaches += 1

    def show_still(self, shown):
        self.stills.append(shown)

    def refresh_page(self):
        self.rests += 1

    @property
    def last(self):
        return self.pictures[-1]


@pytest.fixture
def slow(monkeypatch):
    """No glance is ever as quick as a preview, so that there is one."""
    monkeypatch.setattr(glances, "QUICK_SECONDS", -1.0)


@pytest.fixture
def session(state, slow):
    made = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    made.start()
    assert made.wait(60, previews=True)
    yield made
    made.close()


def said(state, settings=None):
    forecast = simlib.solve(state.scenario(settings))
    return percent(float(forecast.endings["agreement"].probability[-1]))


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_the_first_answer_is_exact_and_in_words(session, state):
    shown = session.front.pictures[0]  # under load, the range of the answer may follow already
    assert not shown.preview
    assert shown.status["text"] == "exact, 8 states"
    assert shown.alt == f"{BY_MAY}{said(state)} at the stated values. No ending by then: 18%."
    assert size(shown.left) == size(shown.right) == shown.size
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
    assert f"An agreement is signed by 30 May 2031: {said(state)} (up " in session.front.last.alt
    assert f" points from {said(state, state.against)})" in session.front.last.alt


def test_after_a_drag_the_picture_at_rest_belongs_to_the_value_at_rest(session, state):
    for value in np.linspace(0.03, 0.4, 25):
        state.set_value("meeting", float(value))
        session.update(moving=True)
    assert session.wait(30)
    exact = [shown for shown in session.front.pictures if not shown.preview]
    assert len(exact) <= 4
    assert said(state) in session.front.last.alt
    assert session.display.shown is session.answers.known(state.settings)


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


@pytest.fixture
def quick(state, monkeypatch):
    """A session in which the answer at rest is only computed once the slider is let go."""
    monkeypatch.setattr(glances, "QUICK_SECONDS", 60.0)
    monkeypatch.setattr(preview_loop, "SLIDER_PAUSE", 600.0)
    made = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    made.start()
    assert made.wait(60, previews=True)
    yield made
    made.close()


def move(session, value, name="meeting"):
    session.state.set_value(name, value)
    session.update(moving=True)


def test_a_quick_world_is_exact_under_the_hand_and_has_no_preview(quick, state):
    move(quick, 0.2)
    assert quick.wait_shown(30)
    assert not any(shown.preview for shown in quick.front.pictures)
    assert f"signed by 30 May 2031: {said(state)} (up" in quick.front.last.alt
    assert quick.front.last.status["text"] == "exact, 8 states"
    assert quick.answers.known(state.settings) is None, "nothing but a glance was computed"


def test_the_picture_at_rest_is_the_last_moving_one_to_the_byte(quick, state):
    for value in (0.05, 0.06, 0.05):  # the dotted baseline comes with the first rest
        move(quick, value)
        assert quick.wait_shown(30)
        moving = quick.front.last
        quick.let_go()
        assert quick.wait(30)
    assert quick.front.last is not moving
    assert (quick.front.last.left, quick.front.last.right) == (moving.left, moving.right)
    assert quick.answers.known(state.settings) is quick.display.shown


def test_a_slider_that_is_let_go_is_at_rest_at_once(quick):
    rests = quick.front.rests
    move(quick, 0.2)
    assert quick.wait_shown(30)
    assert quick.front.rests == rests
    quick.let_go()
    assert quick.wait(30)
    assert quick.front.rests == rests + 1


def test_along_a_slider_in_hand_no_answer_is_solved_and_the_last_one_stays_the_same(quick, state):
    quick.hold("meeting")
    assert quick._loop._tracing.wait(30)
    solved = quick.answers.engines(state.settings).glances
    for value in (0.07, 0.06, 0.05):  # the dotted baseline comes with the first rest
        move(quick, value)
        assert quick.wait_shown(30)
        assert quick.answers.engines(state.settings).glances == solved
        moving = quick.front.last
        assert f"signed by 30 May 2031: {said(state)} (" in moving.alt
        quick.let_go()
        assert quick.wait(30)
    assert (quick.front.last.left, quick.front.last.right) == (moving.left, moving.right)


def test_a_slider_in_hand_is_prepared_again_after_another_change(quick, state):
    quick.hold("meeting")
    quick.state.intervene(Force("sign", state.base.as_of))
    quick.update()
    quick.let_go()
    assert quick.wait(30, previews=True)
    assert quick._loop._tracing.wait(30)
    solved = quick.answers.engines(state.settings).glances
    move(quick, 0.05)
    assert quick.wait_shown(30)
    assert quick.answers.engines(state.settings).glances == solved > 0


def test_a_slider_that_is_not_there_is_not_prepared(quick, state):
    quick.hold("nothing of the kind")
    assert quick._loop._tracing.wait(30)
    assert not quick._loop.glances._curves


def held_back(glances, monkeypatch):
    """Hold every glance back. Return two events: one has begun, all may go on."""
    started, release, glance = threading.Event(), threading.Event(), glances.glance

    def slow(*arguments, **options):
        started.set()
        assert release.wait(20)
        return glance(*arguments, **options)

    monkeypatch.setattr(glances, "glance", slow)
    return started, release


def test_of_a_fast_drag_some_glances_are_shown_and_the_last_one_is(quick, state, monkeypatch):
    started, release = held_back(quick._loop.glances, monkeypatch)
    before = len(quick.front.pictures)
    move(quick, 0.03)
    assert started.wait(10)
    for value in np.linspace(0.04, 0.4, 20):
        move(quick, float(value))
    release.set()
    assert quick.wait_shown(30)
    shown = quick.front.pictures[before:]
    assert len(shown) == 2, "the one that ran, and the last one"
    first, last = (said(state, state.settings.with_value("meeting", value)) for value in (0.03, 0.4))
    assert f"signed by 30 May 2031: {first}" in shown[0].alt
    assert f"signed by 30 May 2031: {last}" in shown[1].alt


def test_a_glance_at_older_values_does_not_cover_what_was_undone(quick, state, monkeypatch):
    started, release = held_back(quick._loop.glances, monkeypatch)
    move(quick, 0.2)
    assert started.wait(10)
    state.undo()
    quick.update()
    release.set()
    assert quick.wait(30)
    assert f"signed by 30 May 2031: {said(state)} at the stated values." in quick.front.last.alt


def test_a_glance_that_waits_for_its_turn_does_not_cover_what_was_undone(quick, state, monkeypatch):
    returned, glance = threading.Event(), quick._loop.glances.glance

    def told(*arguments, **options):
        try:
            return glance(*arguments, **options)
        finally:
            returned.set()

    monkeypatch.setattr(quick._loop.glances, "glance", told)
    with quick.lock:
        move(quick, 0.2)
        assert returned.wait(10)
        time.sleep(0.1)  # it waits for the lock now
        state.undo()
        quick.update()
    assert quick.wait(30)
    assert f"signed by 30 May 2031: {said(state)} at the stated values." in quick.front.last.alt


def test_moves_are_counted_under_the_hand_only_where_they_are_shown(quick):
    move(quick, 0.2)
    assert quick.wait_shown(30)
    assert not quick.display.shown.moves
    quick.turn(tab="moves")
    assert quick.front.last.right is None, "the picture there is stays until moves are counted"
    move(quick, 0.3)
    assert quick.wait_shown(30)
    assert quick.display.shown.moves
    assert quick.front.last.right


def paused_world():
    """A world that asks for a lull, which only histories can answer."""
    world = World("strikes", 40.0).variable("sea", "calm", "rough", start="calm")
    world = world.move("strike", 0.1).move("storm", 0.05, {"sea": "rough"}).lull("pause", 15, "strike")
    return world.question("rough", {"sea": "rough"}).scenario()


def test_while_a_slider_moves_a_simulated_question_has_its_last_value_and_says_so(monkeypatch):
    monkeypatch.setattr(glances, "QUICK_SECONDS", 60.0)
    state = State(paused_world())
    state.change(state.settings.replace(lead="question:rough"))
    session = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    session.start()
    assert session.wait(60, previews=True)

    def pause():
        (item,) = [item for item in session.front.last.answers[0]["items"] if item["name"] == "question:pause"]
        return item

    before = pause()
    assert not before["due"]
    move(session, 0.01, "strike.rate")
    assert session.wait_shown(30)
    assert pause() == before | {"due": True, "change": ""}
    assert session.wait(30)
    assert not pause()["due"]
    assert pause()["value"] != before["value"]
    session.close()


def test_a_change_below_the_error_of_a_simulated_answer_is_not_named():
    world = paused_world()
    (measure,) = measures.find(world, "question:pause")
    before = simlib.simulate(world, runs=200)
    at_once = simlib.simulate(world, runs=200, values={"strike.rate": 0.1001})
    far = simlib.simulate(world, runs=200, values={"strike.rate": 0.03})
    assert headline.last(before, measure) != headline.last(at_once, measure)
    assert headline.change_in_words(at_once, before, measure) == ""
    assert headline.change_in_words(far, before, measure).startswith("up ")


def test_a_leading_question_that_is_simulated_has_a_preview(monkeypatch):
    monkeypatch.setattr(glances, "QUICK_SECONDS", 60.0)
    state = State(paused_world())
    state.change(state.settings.replace(lead="question:pause"))
    session = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    session.start()
    assert session.wait(60, previews=True)
    move(session, 0.01, "strike.rate")
    assert session.front.last.preview
    assert session.wait(30)
    assert not session.front.last.preview
    words = session.front.last.status["text"]
    assert words.startswith("simulated, ±")
    assert words.endswith("(95%); other questions exact, 2 states")
    session.close()


def lull_world():
    """A world with a question that only simulation can answer, and one that has a gradient."""
    world = World("strikes", 40.0).variable("sea", "calm", "rough", start="calm")
    world.move("storm", world.uncertain("gusts", "rate", 0.05, 0.02, 0.1), {"sea": "rough"})
    world.move("strike", world.uncertain("pace", "rate", 0.1, 0.05, 0.2))
    return world.lull("pause", 15, "strike").question("rough", {"sea": "rough"}).scenario()


def test_without_slopes_of_the_leading_question_all_sliders_are_solved(monkeypatch):
    monkeypatch.setattr(idle, "SOLVED", 1)
    state = State(lull_world())
    for lead, solved in (("question:rough", 1), ("question:pause", 2)):
        state.change(state.settings.replace(lead=lead))
        session = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
        session.start()
        assert session.wait(60)
        assert session.idle.worker.wait(60)
        assert sum(exact for *_, exact in session.reach.of().values()) == solved
        assert next(slider.id for slider in session.ordered()) == ("gusts" if lead == "question:rough" else "pace")
        session.close()


class Ordered(Front):
    """Remembers the order of the sliders that it was told to show."""

    def show_order(self):
        self.order = [slider.id for slider in self.session.ordered()]


def test_a_question_chosen_by_a_click_orders_its_sliders_once_their_ends_are_solved():
    state, front = State(lull_world()), Ordered()
    session = front.session = ExplorerSession(state, front, answers=AnswerCache(state, threads=1))

    def settle():
        assert session.wait(60)
        assert session.idle.worker.wait(60)

    session.start()
    session.lead("question:rough")
    settle()
    assert front.order == ["gusts", "pace"]
    session.lead("question:pause")
    settle()
    assert front.order == ["pace", "gusts"]
    state.undo()
    session.update()
    assert front.order == ["gusts", "pace"]
    session.move("gusts", 80)
    session.lead("question:pause")
    settle()
    front.order = []
    session.move("gusts", 70)
    session.take_influence()
    settle()
    assert front.order == [], "the sliders stay where they are under the hand"
    session.close()


@pytest.mark.slow
def test_going_back_to_a_known_answer_shows_it_at_once(session, state):
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    state.undo()
    session.update()
    assert not session.front.last.preview
    assert session.front.last.alt.startswith(f"{BY_MAY}{said(state)} at the stated values.")


def test_what_goes_wrong_is_said_and_the_last_good_picture_stays(session, state, monkeypatch):
    before = len(session.front.pictures)

    def broken(*_, **__):
        raise ScenarioError([])

    monkeypatch.setattr(session._loop.previews, "preview", broken)
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
    assert session.front.states[-1]["text"] == "cancelled: move a slider to compute again"


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


def test_another_size_is_drawn_at_once_and_nothing_is_computed(session):
    known = session.display.shown
    session.resize((820, 280))
    assert session.front.last.size == size(session.front.last.left) == (820, 280)
    assert session.display.shown is known


def test_another_ending_leads_at_once_and_has_its_own_order(session, state):
    assert session.idle.worker.wait(60)
    first = [slider.id for slider in session.ordered()]
    session.lead("ending:cleared")
    assert session.front.last.alt.startswith("The bridge is cleared by force by 30 May 2031: 3.3%")
    assert session.graphs._graphs["left"][1].panel.names == ["cleared"]
    assert [slider.id for slider in session.ordered()] != first
    state.undo()
    session.update()
    assert session.front.last.alt.startswith("An agreement is signed by 30 May 2031: ")


def test_the_likeliest_answer_is_drawn(session, state):
    forecast = simlib.solve(state.base)
    assert session.graphs.tab == "endings"
    panel = session.graphs._graphs["right"][1].panel
    assert "ongoing" in panel.names
    assert f"{percent(float(forecast.endings['ongoing'].probability[-1]))}  No ending yet" in [
        text.get_text() for text in panel.labels.texts
    ]


@pytest.mark.slow
def test_every_second_graph_is_drawn(session, state):
    for tab in [each["id"] for each in session.graphs.tabs]:
        session.turn(tab)
        assert session.idle.worker.wait(60)  # the drivers come from the answers under the sliders
        assert session.wait(60)
        if tab in ("endings", "ladder", "moves"):
            assert size(session.front.last.right) == session.graphs.size
        else:
            assert size(session.front.stills[-1].png)[0] == session.graphs.size[0]
            assert session.front.stills[-1].alt
    assert any("the story begins" in line for line in session.front.stills[-1].story)


def test_a_history_of_the_chosen_ending_is_told(session, state):
    session.turn("history")
    session.turn(choice="cleared")
    assert session.wait(60)
    first = session.front.stills[-1].story
    assert "the story ends: The bridge is cleared by force" in first[-1]
    session.turn(step=1)
    assert session.wait(60)
    assert session.front.stills[-1].story != first
    state.switch("clear", on=False)
    session.update()
    assert session.wait(60)
    assert session.front.stills[-1].story == ["None of 4,000 sampled histories ends this way at these values."]


def test_a_history_leaves_room_for_its_events_in_a_low_window(session):
    session.resize((400, 140))
    session.turn("history")
    assert session.wait(60)
    assert session.front.stills[-1].story
    assert 60 < size(session.front.stills[-1].png)[1] <= 150 - second_graph.EVENT_LIST_HEIGHT
    assert not any(status["kind"] == "error" for status in session.front.states)


def test_a_tab_says_that_its_picture_is_coming_or_why_there_is_none(session, monkeypatch):
    session.turn("drivers")
    assert second_graph.DRAWING in session.front.stills
    assert session.wait(60)
    monkeypatch.setattr(second_graph, "history", lambda *_: 1 / 0)
    session.turn("history")
    assert session.wait(60)
    assert not session.front.stills[-1].png
    assert "could not be drawn" in session.front.stills[-1].story[0]
    assert session.front.states[-1]["kind"] == "error"


def test_the_drivers_are_the_answers_under_the_sliders_at_the_present_settings(session, state):
    session.turn("drivers")
    state.set_value("signing", 0.1)
    session.update()
    assert session.wait(60)
    assert session.idle.worker.wait(60)
    assert session.display.stills.wait(60)
    now = float(session.display.shown.endings["agreement"].probability[-1])
    name, (low, high, solved) = max(session.reach.of().items(), key=lambda end: max(abs(p - now) for p in end[1][:2]))
    words = f"{state.base.assumptions[name].short_label} ({100 * (low - now):+.1f} to {100 * (high - now):+.1f})"
    assert solved
    assert f"high end: {words}" in session.front.stills[-1].alt


def test_what_the_sliders_could_do_is_solved_at_rest(session, state):
    assert session.idle.worker.wait(60)
    name = next(slider.id for slider in session.ordered() if slider.id != "meeting")
    ends = [
        said(state, state.settings.with_value(name, value))
        for value in (state.base.assumptions[name].low, state.base.assumptions[name].high)
    ]
    assert session.reach.texts()[name][:2] == ends
    own = session.reach.texts()["meeting"]
    state.set_value("meeting", 0.2)
    session.update(moving=True)
    assert session.reach.texts() == {"meeting": own}
    assert session.wait(60)
    assert session.idle.worker.wait(60)
    assert session.reach.texts()[name][:2] != ends


def test_the_ends_of_moved_sliders_are_solved_before_all_others(session, state, monkeypatch):
    state.set_value("signing", 0.1)
    state.set_value("meeting", 0.2)
    monkeypatch.setattr(session.idle, "_uncertainty", lambda *_: 1 / 0)
    session.reach = session.display.reach = Reach(session.answers)
    session.update()
    assert session.wait(60)
    assert session.idle.worker.wait(60)
    assert {name for name, (_, _, solved) in session.reach.of().items() if solved} == {"signing", "meeting"}


def test_the_gradient_says_at_first_about_where_a_slider_would_bring_the_answer(session, state, monkeypatch):
    monkeypatch.setattr(session.idle, "_ends", lambda *_: None)
    state.set_value("signing", 0.1)
    session.update()
    assert session.wait(60)
    assert session.idle.worker.wait(60)
    for name, (low, high, solved) in session.reach.of().items():
        assert not solved
        assumption = state.base.assumptions[name]
        for value, guess in ((assumption.low, low), (assumption.high, high)):
            exact = simlib.solve(state.scenario(state.settings.with_value(name, value))).endings["agreement"]
            assert guess == pytest.approx(exact.probability[-1], abs=0.1)


def test_the_range_of_the_answer_is_that_of_its_draws(session, state):
    assert session.idle.worker.wait(60)
    draws = over_priors(state.base, draws=16)
    mean = percent(float(draws.mixture().endings["agreement"].probability[-1]))
    low, high = (percent(float(end)) for end in draws.spread("agreement")[[0, -1], -1])
    words = f" If all assumptions are uncertain: {mean} on average, {low} to {high} in 90% of 16 draws."
    assert words in session.front.last.alt
    assert session.graphs._graphs["left"][1].panel.bands.get_visible()


def test_a_typed_value_that_cannot_be_read_stays_with_the_reason(session, state):
    assert not session.type_value("meeting", "often")
    assert session.refused["meeting"]["text"] == "often"
    assert "'often' is not a quantity; expected a rate" in session.refused["meeting"]["why"]
    assert session.type_value("meeting", "every 17 days")
    assert session.refused == {}


def test_a_slider_that_breaks_a_sum_of_chances_says_so_in_its_row(state):
    """The picture stays, and the mark goes with the next change that fits."""
    meet, chance = state.base.moves["meet"], state.base.assumptions["meet.accepted.chance"]
    storm = dataclasses.replace(meet.outcomes[1], id="stormy", chance="stormy")
    stormy = dataclasses.replace(chance, id="stormy", label="A storm", inline=False, value=0.2, low=0.05, high=0.6)
    state.base = state.base.replace(
        moves={**state.base.moves, "meet": dataclasses.replace(meet, outcomes=(*meet.outcomes, storm))},
        assumptions={**state.base.assumptions, "stormy": stormy},
    )
    session = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    session.start()
    assert session.wait(60)
    shown = session.front.last
    session.move("stormy", 100)
    assert session.wait(60)
    assert session.refused["stormy"]["text"] == "60%"
    why = "“Offer talks”: the chances sum to 1.2; expected at most 1"
    assert session.refused["stormy"]["why"] == why
    assert session.front.states[-1]["text"] == "not computed: the marked value does not fit the others"
    assert session.front.last is shown
    session.move("meet.accepted.chance", 0)
    assert session.wait(60)
    assert session.refused == {}
    assert session.front.last.status["text"].startswith("exact")
    session.close()


def test_another_horizon_moves_the_ghost_too(session, state):
    state.set_value("meeting", 0.2)
    state.change(state.settings.replace(horizon_days=20.0))
    session.update()
    assert session.wait(30)
    assert session.front.last.alt.startswith("An agreement is signed by 20 April 2031: ")
    forecast, baseline = session.display.forecasts()
    assert baseline.times[-1] == forecast.times[-1] == 20


def test_the_sliders_are_ordered_by_the_gradient_once_and_it_is_kept(session, state):
    assert session.idle.worker.wait(60)
    assert session.front.orders == 2
    found = influence.find_stored(state.base, [folder() / "cache"])
    assert found is not None
    ranked = [
        sorted(some.weights(state.base, "ending:agreement").items(), key=lambda item: -item[1])
        for some in (found, session.idle.influence)
    ]
    assert [name for name, _ in ranked[0]] == [name for name, _ in ranked[1]]
    assert [slider.id for slider in session.ordered()] == [n for n, _ in ranked[0] if n in session.sliders]
    again = ExplorerSession(State(state.base), Front(), answers=AnswerCache(state))
    again.start()
    assert again.wait(60)
    assert again.idle.influence == found
    assert again.front.orders == 1
    assert "16 draws" in again.front.last.alt
    again.close()


def test_the_order_does_not_change_under_a_hand_that_began(state, slow):
    session = ExplorerSession(state, Front(), answers=AnswerCache(state, threads=1))
    session.start()
    state.set_value("meeting", 0.2)
    session.update()
    assert session.wait(30)
    assert session.idle.worker.wait(60)
    assert session.idle.influence is not None
    assert session.front.orders == 1
    session.close()


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert text.endswith("no ending yet 18%.")


def test_an_error_of_an_older_value_does_not_mark_the_present_one(quick, state, monkeypatch):
    glance = quick._loop.glances.glance
    began, go_on = threading.Event(), threading.Event()

    def fails_once(settings, *arguments, **options):
        if settings.values["meeting"] == 0.1:
            began.set()
            assert go_on.wait(20)
            raise ScenarioError(Problem("", 0, "values", "does not fit", "expected less"))
        return glance(settings, *arguments, **options)

    monkeypatch.setattr(quick._loop.glances, "glance", fails_once)
    move(quick, 0.1)
    assert began.wait(10)
    move(quick, 0.2)
    quick.let_go()
    go_on.set()
    assert quick.wait(30)
    assert "error" not in [status["kind"] for status in quick.front.states[-3:]]
    assert f"signed by 30 May 2031: {said(state)}" in quick.front.last.alt


def test_an_end_of_a_slider_that_does_not_fit_is_left_out(quick, state, monkeypatch):
    theta = quick.answers.theta
    low = state.base.assumptions["meeting"].low

    def picky(settings):
        if settings.values.get("meeting") == low:
            raise ScenarioError(Problem("", 0, "values", "does not fit", "expected more"))
        return theta(settings)

    monkeypatch.setattr(quick.answers, "theta", picky)
    move(quick, 0.2)
    assert quick.wait_shown(30)
    quick.let_go()
    assert quick.wait(30)
    assert quick.idle.worker.wait(60)
    assert not quick.refused
    assert quick.front.states[-1]["kind"] != "error"


def test_a_closed_session_shows_nothing_more(session, state):
    front = session.front
    before = len(front.pictures)
    session.close()
    session.redraw()
    assert len(front.pictures) == before


def test_a_view_saved_again_gives_its_new_answer(session, state):
    view = state.views["hasty"]
    state.choose_view("hasty")
    old = said(state)
    state.add_view(dataclasses.replace(view, interventions=()))
    assert said(state) != old
    session.update()
    assert session.wait(30)
    assert f"signed by 30 May 2031: {said(state)}" in session.front.last.alt
