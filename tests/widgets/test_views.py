"""The widgets themselves, without a browser: what a person does reaches the state, what follows reaches the screen."""

from __future__ import annotations

import base64
import datetime as dt
import io
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

import simlib
from simlib.formatting import percent
from simlib.scenario.model import Force, Pin
from simlib.widgets import Editor, Explorer
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.sliders import SLIDER_STEPS
from simlib.widgets.kit import components as parts

LOGIC = (
    *("explorer.answer_cache", "explorer.view_comparison", "explorer.session", "explorer.sliders", "explorer.autosave"),
    *("explorer.headline", "explorer.answer_uncertainty", "explorer.graphs", "explorer.idle", "explorer.second_graph"),
    *("explorer.sampled_history", "explorer.slider_order", "explorer.saving", "explorer.state"),
    *("kit.latest_worker", "kit.blitting", "kit.glyph_cache", "editor.session"),
)


@pytest.fixture
def explorer(bridge):
    made = Explorer(bridge)
    assert made.session.wait(60)
    yield made
    made.session.close()


NUMBERS = itertools.count(1000)
"""Numbers of actions, above those that the tests give themselves."""


def rest(explorer):
    assert explorer.session.wait(60)
    assert explorer.session.pages.wait(60)


def act(widget, **action):
    """Do what a user does in the browser."""
    widget.actions = [{**action, "page": "a", "n": next(NUMBERS)}]


def page(explorer, title):
    explorer._page.value = title
    rest(explorer)
    return explorer._pages[title]


def agreement(scenario):
    return percent(float(simlib.solve(scenario).endings["agreement"].probability[-1]))


@pytest.mark.slow
def test_logic_imports_no_widget():
    code = "import sys, importlib\n" + "\n".join(f"importlib.import_module('simlib.widgets.{name}')" for name in LOGIC)
    code += "\nprint([name for name in ('ipywidgets', 'anywidget', 'traitlets', 'IPython') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_explorer_opens_with_the_answer_and_a_slider_for_every_uncertain_number(explorer):
    assert agreement(explorer.state.base) in explorer.board.alt
    shown = [slider["id"] for group in explorer.sliders.groups for slider in group["sliders"]]
    assert sorted(shown) == sorted(name for name, a in explorer.state.base.assumptions.items() if not a.fixed)
    assert set(explorer.sliders.positions.values()) == {SLIDER_STEPS // 2}
    slider = explorer.sliders.groups[0]["sliders"][0]
    assert len(slider["texts"]) == SLIDER_STEPS + 1
    assert slider["because"]


def test_moving_a_slider_moves_the_assumption_and_then_the_picture(explorer):
    before = explorer.board.left
    act(explorer.sliders, what="move", id="meeting", position=80)
    assert explorer.state.value("meeting") == explorer.session.sliders["meeting"].grid[80]
    rest(explorer)
    assert explorer.board.left != before
    assert agreement(explorer.state.scenario()) in explorer.board.alt
    assert explorer.sliders.changed == ["meeting"]
    assert not explorer._undo.disabled
    assert not explorer.board.preview


def test_the_slider_in_hand_is_told_to_the_session(explorer, monkeypatch):
    held = []
    monkeypatch.setattr(explorer.session, "hold", held.append)
    explorer.sliders.held = "meeting"
    assert held == ["meeting"]


def test_what_is_done_between_two_messages_is_heard_once_and_in_order(explorer):
    actions = [
        {"what": "move", "id": "meeting", "position": 80, "n": 4},
        {"what": "type", "id": "closing", "text": "every 17 days", "n": 5},
        {"what": "type", "id": "clearing", "text": "soon", "n": 6},
        {"what": "reset", "id": "meeting", "n": 7},
    ]
    explorer.sliders.actions = [{**action, "page": "a"} for action in actions]
    assert explorer.sliders.heard == {"a": 7}
    assert explorer.state.settings.values == {"closing": 1 / 17}
    assert set(explorer.sliders.refused) == {"clearing"}
    explorer.board.actions = [{"what": "undo", "value": True, "page": "a", "n": number} for number in (1, 2)]
    assert set(explorer.state.settings.values) == {"meeting"}
    last = {"what": "move", "id": "meeting", "position": 70, "page": "a", "n": 8}
    explorer.sliders.actions = [*explorer.sliders.actions[1:], last]
    assert explorer.state.settings.values == {"meeting": explorer.session.sliders["meeting"].grid[70]}


def test_two_pages_on_one_kernel_are_both_heard(explorer):
    """Each may act before it hears of the action of the other, so both begin with the same number."""
    for page, position in (("a", 80), ("b", 60)):
        explorer.sliders.actions = [{"what": "move", "id": "meeting", "position": position, "page": page, "n": 1}]
    rest(explorer)
    assert explorer.sliders.heard == {"a": 1, "b": 1}
    assert explorer.sliders.positions["meeting"] == 60


def test_the_page_is_told_of_moves_only_when_the_slider_stops(explorer, monkeypatch):
    """Each message would cost a part of a frame. The number of the last move comes with the positions."""
    told, both = [], {"positions", "heard"}
    monkeypatch.setattr(explorer.sliders, "_send", lambda message, buffers=None: told.append(message["state"]))
    for number, position in enumerate((80, 82, 84), start=1):
        action = {"what": "move", "id": "meeting", "position": position, "page": "a", "n": number}
        explorer.sliders.set_state({"actions": [action]})
    assert not [state for state in told if both & set(state)]
    rest(explorer)
    assert explorer.sliders.heard == {"a": 3}
    assert [both & set(state) for state in told if both & set(state)] == [both]


def test_an_answer_at_rest_does_not_tell_the_page_where_a_slider_was_before(explorer):
    """While it is shown, it holds the lock, and the next move waits."""
    act(explorer.sliders, what="move", id="meeting", position=80)
    rest(explorer)
    told, holds = [], threading.Event()
    explorer.sliders.observe(lambda change: told.append(change["new"]["meeting"]), "positions")

    def show():
        with explorer.session.lock:
            holds.set()
            while explorer.sliders.actions[-1]["position"] != 85:
                time.sleep(0.01)
            explorer.show_settings()

    at_rest = threading.Thread(target=show)
    at_rest.start()
    assert holds.wait(20)
    act(explorer.sliders, what="move", id="meeting", position=85)
    at_rest.join()
    rest(explorer)
    assert told == [85]


@pytest.mark.slow
def test_undo_redo_and_reset_put_the_sliders_back(explorer):
    act(explorer.sliders, what="move", id="meeting", position=80)
    rest(explorer)
    explorer._undo.click()
    assert explorer.sliders.positions["meeting"] == SLIDER_STEPS // 2
    explorer._redo.click()
    assert explorer.sliders.positions["meeting"] == 80
    assert not explorer._reset.disabled
    explorer._reset.click()
    assert explorer.sliders.positions["meeting"] == SLIDER_STEPS // 2
    assert explorer.sliders.changed == []


def test_a_typed_value_is_taken_exactly_and_shown(explorer):
    act(explorer.sliders, what="type", id="meeting", text="every 17 days")
    assert explorer.state.value("meeting") == 1 / 17
    assert explorer.sliders.overrides == {"meeting": "every 17 days"}
    act(explorer.sliders, what="reset", id="meeting")
    assert explorer.sliders.overrides == {}
    act(explorer.sliders, what="type", id="meeting", text="often")
    assert explorer.sliders.refused["meeting"]["text"] == "often"
    assert "'often' is not a quantity" in explorer.sliders.refused["meeting"]["why"]
    act(explorer.sliders, what="move", id="meeting", position=60)
    assert explorer.sliders.refused == {}


def test_another_answer_leads_in_one_click(explorer):
    act(explorer.board, what="lead", value="ending:cleared")
    rest(explorer)
    assert explorer.board.lead == "ending:cleared"
    assert explorer.board.alt.startswith("The bridge is cleared by force by 30 May 2031: ")
    ((title, items),) = [(group["title"], group["items"]) for group in explorer.board.answers]
    assert title == "Endings"
    assert [item["name"] for item in items][-1] == "ending:ongoing"
    assert (items[-1]["label"], items[-1]["short"]) == ("No ending by 30 May 2031", "No ending by then")
    act(explorer.board, what="lead", value="ending:ongoing")
    rest(explorer)
    assert explorer.board.alt.startswith("No ending by 30 May 2031: ")


def test_a_reason_of_ones_own_is_kept(explorer):
    act(explorer.sliders, what="reason", id="meeting", text="they met twice")
    assert explorer.session.reasons == {"meeting": "they met twice"}


@pytest.mark.slow
def test_a_view_is_chosen_and_undone(explorer):
    explorer._view.value = "hasty"
    rest(explorer)
    assert explorer.state.settings == Settings(view="hasty")
    assert agreement(explorer.state.scenario()) in explorer.board.alt
    assert explorer.sliders.changed == ["meeting"]
    assert explorer.sliders.view_reasons == {"meeting": "the council meets in April"}
    assert explorer._reset.disabled  # a view is no change by hand
    explorer._undo.click()
    assert explorer._view.value == "(file)"
    assert explorer.sliders.view_reasons == {}


@pytest.mark.slow
def test_another_world_is_opened_in_place(explorer):
    first = explorer.session
    explorer._choose.value = "two-islands"
    rest(explorer)
    assert explorer.state.base.id == "two-islands"
    assert "A ship of North Island is hit" in explorer.board.alt
    assert explorer.session is not first
    act(explorer.sliders, what="move", id="treaty_rate", position=90)
    rest(explorer)
    assert explorer.sliders.changed == ["treaty_rate"]


def test_the_stored_form_has_a_picture_and_words(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"].startswith("A blockade of the valley bridge. An agreement is signed by 30 May 2031: ")
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).width == 640
    assert agreement(explorer.state.base) in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_picture_for_the_notebook_waits_for_an_answer_that_is_half_shown(explorer):
    whole, made = explorer.board.alt, []
    storing = threading.Thread(target=lambda: made.append(explorer.picture()))
    with explorer.session.lock:
        explorer.board.alt = "Half shown."
        storing.start()
        storing.join(1.0)
        explorer.board.alt = whole
    storing.join()
    assert made[0]["text/plain"].endswith(whole)


@pytest.mark.slow
def test_a_narrow_window_is_drawn_for(explorer):
    explorer.board.room = [460, 200, 1]
    assert explorer.board.size == [460, 200]
    assert Image.open(io.BytesIO(explorer.board.left)).size == (460, 200)


@pytest.mark.slow
def test_a_dense_screen_is_drawn_for_at_rest_and_what_is_stored_has_the_size_of_the_page(explorer):
    explorer.board.room = [460, 200, 2]
    assert explorer.board.size == [460, 200]
    for png in (explorer.board.left, explorer.board.right):
        assert Image.open(io.BytesIO(png)).size == (920, 400)
    explorer.session.update(moving=True)
    assert Image.open(io.BytesIO(explorer.board.left)).size == (460, 200)
    explorer.session.update()
    assert explorer.session.wait(20)
    assert Image.open(io.BytesIO(explorer.board.left)).size == (920, 400)
    stored = base64.b64decode(explorer.picture()["image/png"])
    assert Image.open(io.BytesIO(stored)).width == 460


def test_switches_reach_the_engines(explorer):
    switches = page(explorer, "Do")
    switches._moves.checked = [name for name in switches._moves.checked if name != "sign"]
    rest(explorer)
    assert explorer.state.settings.off == ("sign",)
    assert explorer.board.alt.count("An agreement is signed by 30 May 2031: 0%") == 1
    switches._move.value = "meet"
    switches._outcome.value = "accepted"
    switches.children[1].children[3].click()
    switches._variable.value = "blockade"
    switches._level.value = "full"
    switches.children[3].children[3].click()
    assert [type(item) for item in explorer.state.settings.interventions] == [Force, Pin]
    switches._horizon.value = "30"
    rest(explorer)
    assert switches._horizon.value == "30"
    assert explorer.board.alt.startswith("An agreement is signed by 30 April 2031")
    assert [line.children[0].description for line in switches._list.children[1:]] == ["Withdraw"] * 4
    switches._list.children[1].children[0].click()
    assert [type(item) for item in explorer.state.settings.interventions] == [Pin]
    switches._state.value = ("blockade", "full")
    switches._often.value = "twice weekly"
    switches.children[2].children[2].click()
    switches.children[3].children[4].click()
    rest(explorer)
    rule, kept = explorer.state.settings.interventions[1:]
    assert (rule.move, rule.rate, str(rule.when)) == ("meet", 2 / 7, "blockade=full")
    assert (kept.variable, kept.level) == ("blockade", "full")
    assert "by a standing rule, about 2 per week from 1 April 2031" in switches._list.children[2].children[1].value
    assert "kept at full from 1 April 2031" in switches._list.children[3].children[1].value


def test_a_rule_is_listed_as_it_was_typed_and_dates_are_refused_in_words(explorer):
    switches = page(explorer, "Do")
    switches._often.value = "every 3 days"
    switches.children[2].children[2].click()
    rest(explorer)
    assert "by a standing rule, about every 3 days from 1 April 2031" in switches._list.children[1].children[1].value
    switches._move_date.value = dt.date(2031, 12, 24)
    switches.children[1].children[3].click()
    said = switches._said["move"].value
    assert "24 December 2031 is after the horizon; expected a day from 1 April 2031 to " in said
    assert "2031-" not in said


def test_looking_at_a_page_changes_nothing(explorer):
    for title in explorer._pages:
        page(explorer, title)
    assert explorer.state.settings == Settings()
    assert not explorer.state.can_undo


def test_another_start_comes_with_a_word_of_what_stays(explorer):
    switches = page(explorer, "Do")
    assert "stay those of" not in switches._start_note.value
    switches._start.value = dt.date(1999, 1, 1)
    rest(explorer)
    assert "stay those of 1 April 2031" in switches._start_note.value
    assert explorer.state.heading() == "with a change: begins on 1 January 1999"
    assert switches._move_date.value == switches._level_date.value == dt.date(1999, 1, 1)
    switches._move_date.value = dt.date(1999, 2, 1)
    switches._start.value = dt.date(1999, 1, 5)
    rest(explorer)
    assert switches._move_date.value == dt.date(1999, 2, 1)
    assert switches._level_date.value == dt.date(1999, 1, 5)


@pytest.mark.parametrize(("day", "words"), [(None, "no date is given"), (dt.date(2031, 7, 15), "15 July 2031")])
def test_a_date_that_is_missing_or_out_of_range_is_refused_in_words(explorer, day, words):
    switches = page(explorer, "Do")
    switches._move_date.value = switches._level_date.value = day
    for line, places in ((1, (3, 4)), (2, (2,)), (3, (3, 4))):
        for place in places:
            switches.children[line].children[place].click()
            assert words in switches.children[line].children[-1].value
    assert explorer.state.settings == Settings()


def test_what_is_typed_on_the_page_stays_and_is_refused_in_its_row(explorer):
    doing = page(explorer, "Do")
    for text, words in (
        ("soon", "Horizon: &#x27;soon&#x27; is not a quantity"),
        ("20 years", "expected 1 to 3,650 days"),
    ):
        doing._horizon.value = text
        assert words in doing.children[4].children[-1].value
        assert doing._horizon.value == text
        assert "simlib-wrong" in doing._horizon._dom_classes
    doing._horizon.value = "2 months"
    rest(explorer)
    assert explorer.state.without_values().horizon_days == pytest.approx(365.25 / 6)
    assert "simlib-wrong" not in doing._horizon._dom_classes
    assert doing._horizon.value == "2 months"
    doing._often.value = "0 per week"
    doing.children[2].children[2].click()
    assert "How often: &#x27;0 per week&#x27; is not above zero" in doing.children[2].children[-1].value
    assert doing._often.value == "0 per week"
    assert not explorer.state.settings.interventions


def test_a_move_that_is_forced_is_not_switched_off(explorer):
    doing = page(explorer, "Do")
    doing._move.value = "meet"
    doing.children[1].children[3].click()
    rest(explorer)
    doing._moves.checked = [name for name in doing._moves.checked if name != "meet"]
    assert "clashes with “Offer talks” forced on 1 April 2031" in doing.children[5].value
    assert "meet" in doing._moves.checked
    assert explorer.state.settings.off == ()
    doing._moves.checked = [name for name in doing._moves.checked if name != "sign"]
    assert doing.children[5].value == ""
    assert explorer.state.settings.off == ("sign",)


def test_a_horizon_before_an_intervention_is_refused_and_changes_nothing(explorer):
    doing = page(explorer, "Do")
    doing._level_date.value = dt.date(2031, 5, 20)
    doing._level.index = 1
    doing.children[3].children[3].click()
    rest(explorer)
    before = explorer.state.settings
    doing._horizon.value = "10 days"
    said = doing.children[4].children[-1].value
    assert "blockade set to partial on 20 May 2031: 20 May 2031 is after the horizon" in said
    doing._start.value = dt.date(2032, 1, 1)
    assert "set to partial on 20 May 2031: 20 May 2031 is before the forecast" in doing.children[4].children[-1].value
    assert explorer.state.settings == before


@pytest.mark.slow
def test_the_comparison_begins_with_the_question_that_leads(explorer):
    compare = page(explorer, "Compare views")
    for name in ("ending:cleared", "ending:agreement"):
        act(explorer.board, what="lead", value=name)
        rest(explorer)
        label = explorer.state.lead.label
        assert compare._tables.value.split("<tbody>")[1].startswith(f"<tr><td>{label}</td>")
        assert compare._picture.alt.startswith(f"{label} by 30 May 2031: ")


def test_the_last_change_is_offered_for_a_replay(explorer):
    assert explorer.board.last_change == ""
    act(explorer.sliders, what="type", id="meeting", text="every 17 days")
    rest(explorer)
    assert explorer.board.last_change == "Talks are offered: 1 per month → every 17 days"
    answer = explorer.board.alt
    act(explorer.board, what="replay", value=False)
    assert explorer.session.replays.wait(30)
    assert explorer.board.status["text"].endswith("last change: Talks are offered: 1 per month → every 17 days")
    assert explorer.board.alt.partition(")")[0] == answer.partition(")")[0]


@pytest.mark.slow
def test_the_explorer_opens_on_a_date_of_the_log():
    world = simlib.load("two-islands")
    later = Path(world.path) / "later.csv"
    made = Explorer("two-islands", as_of="2031-05-01", events=later)
    rest(made)
    update = simlib.update(world, later, as_of=dt.date(2031, 5, 1), learn=False)
    hit = simlib.solve(update.scenario).questions
    assert percent(float(hit[made.state.lead.of].probability[-1])) in made.board.alt
    assert "15 rows of the log were taken in" in made._log.children[-1].value  # 4 are of the scenario's own log
    assert len(simlib.read_log(later)) + len(simlib.read_log(world.path)) == 32
    assert made.session.idle.worker.wait(60)
    assert "16 draws" in made.board.alt
    assert made.state.belief.as_of == update.belief.as_of
    made.session.close()


def test_a_clash_is_refused_in_its_row_with_labels(explorer):
    doing = page(explorer, "Do")
    doing._move.value = "meet"
    doing.children[1].children[4].click()
    doing.children[2].children[2].click()
    said = doing.children[2].children[-1].value
    assert "by a standing rule" in said
    assert f"clashes with “{explorer.state.base.moves['meet'].label}” forbidden from 1 April 2031" in said
    doing.children[1].children[3].click()
    assert "clashes with “" in doing.children[1].children[-1].value
    assert len(explorer.state.settings.interventions) == 1
    for _ in range(2):
        doing.children[3].children[4].click()
    assert "is in the list already" in doing.children[3].children[-1].value
    doing._level.index = 1
    doing.children[3].children[4].click()
    assert "clashes with" in doing.children[3].children[-1].value


def test_a_forced_move_that_is_not_possible_says_so_where_it_was_asked_for_and_in_the_headline(explorer):
    doing = page(explorer, "Do")
    doing._move.value = "sign"
    doing.children[1].children[3].click()
    rest(explorer)
    assert "no effect in 100% of the histories" in doing._list.children[1].children[1].value
    assert "it had no effect in 100% of the histories" in explorer.board.alt


def test_every_control_of_the_switches_says_what_it_is(explorer):
    switches = page(explorer, "Do")
    lines = [line for line in switches.children if hasattr(line, "children")]
    fields = [each for line in lines for each in line.children if hasattr(each, "description")]
    named = [each.description for each in fields if each.description]
    assert len(named) == len(set(named))
    assert "on" not in named


def test_views_are_compared_beside_each_other(explorer):
    compare = page(explorer, "Compare views")
    assert "Everybody is in a hurry" in compare._tables.value
    assert "the council meets in April" in compare._tables.value
    assert compare._picture.png[:4] == b"\x89PNG"


def test_what_strangers_wrote_is_shown_as_text(explorer):
    compare = page(explorer, "Compare views")
    view = explorer.state.views["hasty"]
    import dataclasses

    changes = tuple(dataclasses.replace(change, because="<script>alert(1)</script>") for change in view.changes)
    explorer.state.views["hasty"] = dataclasses.replace(view, changes=changes)
    compare.schedule()
    rest(explorer)
    assert "<script>" not in compare._tables.value
    assert "&lt;script&gt;" in compare._tables.value


def test_a_view_is_saved_with_its_reasons_and_taken_up(explorer, bridge):
    act(explorer.sliders, what="move", id="meeting", position=80)
    rest(explorer)
    keep = page(explorer, "Save and share")
    keep._title.value = "How the mayor sees it"
    keep._reasons.children[0].children[1].value = "she said so"
    keep._save()
    rest(explorer)
    path = bridge / "views" / "how-the-mayor-sees-it.yaml"
    assert "she said so" in path.read_text()
    assert explorer.state.settings == Settings(view="how-the-mayor-sees-it")
    assert str(path) in keep._report.value
    keep._guard(keep._save)
    assert "is there already" in keep._report.value


def test_a_view_saved_while_another_one_is_chosen_becomes_the_chosen_one(explorer):
    explorer._view.value = "hasty"
    act(explorer.sliders, what="move", id="closing", position=80)
    rest(explorer)
    told = explorer.board.alt
    keep = page(explorer, "Save and share")
    keep._title.value = "In more of a hurry"
    keep._save()
    rest(explorer)
    assert explorer._view.value == explorer.state.settings.view == "in-more-of-a-hurry"
    assert explorer.board.alt.partition(".")[0] == told.partition(".")[0]


def test_undo_forgets_a_text_that_was_refused(explorer):
    act(explorer.sliders, what="type", id="meeting", text="soon")
    assert explorer.session.refused
    act(explorer.board, what="undo", value=True)
    assert not explorer.sliders.refused


@pytest.mark.slow
def test_exports_are_written_beside_the_notebook(explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keep = page(explorer, "Save and share")
    explorer.state.switch("sign", on=False)
    keep._figure("svg")
    svg = next((tmp_path / "exports").glob("*.svg")).read_text(encoding="utf-8")
    assert "“Sign an agreement” forbidden" in svg
    keep._csv()
    keep._paragraph()
    kinds = sorted(path.suffix for path in (tmp_path / "exports").iterdir())
    assert kinds == [".csv", ".svg", ".txt"]
    assert explorer.state.scenario().sha256[:16] in keep._shared.value


@pytest.mark.slow
def test_a_copied_explorer_opens_with_the_same_answer(explorer):
    act(explorer.sliders, what="move", id="meeting", position=80)
    act(explorer.sliders, what="type", id="closing", text="every 17 days")
    act(explorer.sliders, what="type", id="clearing", text="twice a month")
    act(explorer.board, what="lead", value="ending:cleared")
    explorer.state.intervene(Force("meet", explorer.state.base.as_of))
    explorer.state.switch("sign", on=False)
    explorer.session.update()
    rest(explorer)
    keep = page(explorer, "Save and share")
    keep._code()
    said = explorer.board.copied["words"]
    assert '"closing": "every 17 days"' in said
    space = {}
    exec(said.replace("\n\nExplorer(", "\n\nmade = Explorer("), space)  # noqa: S102 - to see that it runs
    made = space["made"]
    rest(made)
    assert made.state.settings == explorer.state.settings
    assert made.board.alt.partition(")")[0] == explorer.board.alt.partition(")")[0]
    made.session.close()


@pytest.mark.slow
def test_unsaved_changes_are_offered_and_restored(explorer, bridge):
    act(explorer.sliders, what="move", id="meeting", position=80)
    rest(explorer)
    again = Explorer(bridge)
    assert again.board.offer == f"{again.session.draft.saved_at.astimezone():%d %b, %H:%M}"
    act(again.board, what="restore", value=True)
    rest(again)
    assert again.sliders.positions["meeting"] == 80
    assert again.board.offer == ""
    again.session.close()


@pytest.mark.slow
def test_discarded_changes_are_not_offered_again(explorer, bridge):
    act(explorer.sliders, what="move", id="meeting", position=80)
    rest(explorer)
    again = Explorer(bridge)
    act(again.board, what="discard", value=True)
    assert again.board.offer == ""
    again.session.close()
    last = Explorer(bridge)
    assert last.board.offer == ""
    last.session.close()


def test_a_missing_world_is_refused_in_words():
    with pytest.raises(simlib.ScenarioError, match="there is no such scenario"):
        Explorer("no-such-world")


@pytest.mark.slow
def test_the_editor_shows_problems_with_lines_and_keeps_the_picture():
    editor = Editor()
    picture = editor.diagram.png
    assert editor.sheet.problems == []
    editor.sheet.text = editor.sheet.text.replace("start: partial", "start: partly")
    line = next(number for number, text in enumerate(editor.sheet.text.splitlines(), 1) if "partly" in text)
    assert editor.sheet.problems[0]["line"] == line
    assert editor.problem_list.problems == editor.sheet.problems
    editor.problem_list.chosen = {"line": line, "n": 1}
    assert editor.sheet.go == {"line": line, "n": 1}
    assert editor.picture.status["kind"] == "error"
    assert editor.diagram.png == picture
    assert "the answer and the pictures are for the last valid text" in editor.picture.status["text"]
    assert (editor.picture.stale, editor.diagram.stale) == (True, True)
    editor.sheet.text = editor.session.saved_text.replace("every 14 days", "every 10 days")
    assert editor.session.worker.wait(60)
    assert editor.sheet.problems == []
    assert (editor.picture.stale, editor.diagram.stale) == (False, False)
    assert agreement(editor.session.reading.scenario) in editor.picture.alt
    assert "State diagram" in editor._repr_mimebundle_()["text/plain"]
    editor.session.worker.close()


def test_the_editor_saves_and_says_where(tmp_path):
    editor = Editor()
    editor._guard(editor._save)
    assert "no folder was given" in editor._report.value
    editor._folder.value = str(tmp_path / "mine")
    editor._guard(editor._save)
    assert (tmp_path / "mine" / "scenario.yaml").is_file()
    editor._guard(editor._explore)
    assert isinstance(editor._below.children[0], Explorer)
    editor.sheet.text = editor.sheet.text.replace("start: partial", "start: partly")
    editor._guard(editor._save)
    draft = tmp_path / "mine" / "scenario.draft.yaml"
    assert f"Saved as draft {draft}, because the text has 1 problem." in editor._report.value
    editor._guard(editor._explore)
    assert "the text has 1 problem; mend it first" in editor._report.value
    editor.session.worker.close()


def test_our_own_scripts_ship_with_the_package():
    static = Path(parts.__file__).parents[1] / "static"
    assert {path.name for path in static.iterdir()} >= {
        "board.js",
        "picture.js",
        "sliders.js",
        "checks.js",
        "editor.js",
        "problems.js",
        "shared.js",
        "simlib.css",
    }
