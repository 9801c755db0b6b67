"""The explorer under a person's hands, in a real browser: what is shown is what the library computes."""

from __future__ import annotations

import re

import pytest

import simlib
from simlib.formatting import percent
from simlib.scenario.loader import load_text
from simlib.scenario.model import Hold, Policy
from simlib.widgets.explorer.autosave import Drafts
from tests.browser.lab import until

NOTEBOOK = "00_start_here.ipynb"
TREATY = "Talks under way are concluded while things are quiet"


def slider(page, label=TREATY):
    return page.page.get_by_role("slider", name=label, exact=True)


def readout(page, label=TREATY):
    return page.page.get_by_role("textbox", name=f"{label}: value", exact=True)


def sentence(page):
    return page.page.locator(".simlib-sentence:visible").first.inner_text()


def percentages(page):
    return re.findall(r"[0-9.]+%", sentence(page))


def treaty(values, **changes):
    world = simlib.load("two-islands")
    from simlib.scenario.views.variation import with_values

    forecast = simlib.solve(with_values(world, values), **changes)
    return f"A treaty is signed by 29 June 2031: {percent(float(forecast.endings['settlement'].probability[-1]))}"


def test_the_keyboard_moves_a_slider_and_the_answer_is_the_library_s(page):
    before = sentence(page)
    assert treaty({}) in before
    slider(page).focus()
    for key in ("PageUp", "PageUp", "ArrowRight", "ArrowRight"):
        page.page.keyboard.press(key)
    page.settle()
    shown = readout(page).input_value()
    assert slider(page).get_attribute("aria-valuetext") == shown
    assert slider(page).input_value() == "72"
    assert treaty({"treaty_rate": page.value("treaty_rate")}) in sentence(page)
    assert "(up " in sentence(page)
    assert "points from" in sentence(page)
    until(lambda: page.alt() == sentence(page), 10, "one answer in words and for those who do not see it")


def test_what_is_refused_stays_in_its_row_with_the_reason(page):
    before = page.value("treaty_rate")
    for text in ("banana", "0"):
        readout(page).fill(text)
        readout(page).press("Enter")
        note = page.page.locator(".simlib-row", has=readout(page)).locator(".simlib-note")
        until(lambda text=text, note=note: repr(text) in note.inner_text(), 10, "the reason")
        assert readout(page).input_value() == text
        assert readout(page).get_attribute("aria-invalid") == "true"
    assert page.value("treaty_rate") == before
    readout(page).fill("every 90 days")
    readout(page).press("Enter")
    until(lambda: readout(page).get_attribute("aria-invalid") == "false", 10, "the value typed")
    assert page.value("treaty_rate") == pytest.approx(1 / 90)


def test_shortcuts_of_the_notebook_do_not_act_on_a_slider(page):
    cells = page.page.locator(".jp-Cell").count()
    slider(page).focus()
    page.page.keyboard.press("d")
    page.page.keyboard.press("d")
    assert page.page.locator(".jp-Cell").count() == cells


def test_the_caribbean_explorer_shows_the_exact_answer_to_its_headline(visit):
    page = visit("01_explorer.ipynb", size=(1400, 1100))
    page.run_all()
    page.settle()
    strongest = page.page.locator("input[type=range]:visible").first
    label = strongest.get_attribute("aria-label")
    world = simlib.load("caribbean-2025")
    (name,) = [a.id for a in world.assumptions.values() if a.label == label]
    strongest.focus()
    for _ in range(3):
        page.page.keyboard.press("PageUp")
    page.settle()
    until(lambda: page.status().startswith("exact"), 30, "the exact answer")
    from simlib.scenario.views.variation import with_values

    exact = simlib.solve(with_values(world, {name: page.value(name)}))
    force = percent(float(exact.questions["force-on-land"].probability[-1]))
    assert f"US force is used on Venezuelan land by 31 January 2026: {force}" in sentence(page)


PARTS = (".simlib-sentence", ".simlib-others", ".simlib-left img", ".simlib-right img", ".simlib-list", ".simlib-about")


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720)])
def test_one_screen_holds_the_headline_both_graphs_and_nine_sliders(lab, visit, size):
    """Unsaved changes are offered on the screen, and nothing moves when the offer is answered."""
    world = lab.folder / "scenarios" / "caribbean-2025"
    Drafts(str(world.resolve()), lab.folder / "state").keep({"settings": {"horizon_days": 60}})
    page = visit("01_explorer.ipynb", size=size, mode="doc")
    page.run_all()
    page.settle()
    page.page.locator(".simlib-board").first.wait_for()
    until(lambda: page.page.locator(".simlib-right img:visible").count(), 30, "the second graph")
    page.settle()
    assert page.page.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollTop") == 0
    bottom = page.page.locator(".jp-WindowedPanel-outer").first.bounding_box()
    edge = bottom["y"] + bottom["height"]
    places = {part: page.page.locator(part).first.bounding_box() for part in PARTS}
    for part, box in places.items():
        assert box["y"] > 0
        assert box["y"] + box["height"] <= edge, part
        assert box["x"] + box["width"] <= size[0]
    within = """() => { const list = document.querySelector('.simlib-list').getBoundingClientRect();
        return [...document.querySelectorAll('.simlib-row')].map(row => row.getBoundingClientRect())
            .filter(row => row.top >= list.top - 1 && row.bottom <= list.bottom + 1).length; }"""
    until(lambda: page.page.evaluate(within) >= 9, 20, "nine sliders on the screen")
    discard = page.page.get_by_role("button", name="Discard them")
    discard.focus()
    page.page.keyboard.press("Enter")
    discard.wait_for(state="hidden")
    page.settle()
    assert {part: page.page.locator(part).first.bounding_box() for part in PARTS} == places
    assert page.page.evaluate("() => Boolean(document.activeElement.closest('.simlib-strip'))"), "the focus stays near"


def test_rows_of_the_page_do_keep_their_height(visit):
    page = visit(NOTEBOOK, size=(1440, 900), mode="doc")
    page.run_all()
    page.settle()
    page.tab("Do")
    page.page.get_by_role("button", name="Make it a rule from then on").click()
    page.page.get_by_text("about every 3 days").last.wait_for()
    rows = page.page.locator(
        ".simlib-scrolls > .widget-vbox > .widget-hbox, .simlib-scrolls > .widget-vbox > .widget-vbox"
    )
    for row in rows.all():
        assert row.bounding_box()["height"] >= 20
        inside = "row => Math.max(...[...row.children].map(child => child.getBoundingClientRect().bottom))"
        assert row.evaluate(inside) <= row.bounding_box()["y"] + row.bounding_box()["height"] + 2
    assert rows.count() >= 5


CUT = """() => [...document.querySelectorAll('.simlib-chip span')]
    .filter(label => label.scrollWidth > label.clientWidth)
    .map(label => label.innerText)"""


def test_other_questions_are_never_cut_and_graphs_follow_the_window(visit):
    page = visit("01_explorer.ipynb", size=(1440, 900), mode="doc")
    page.run_all()
    page.settle(120)
    lines = "() => [...document.querySelectorAll('.simlib-chip span')].map(each => [each.innerText, each.offsetHeight])"
    inside = """() => [...document.querySelectorAll('.simlib-graph img')]
        .every(image => image.offsetWidth <= image.parentElement.clientWidth)"""
    halves = """() => [...document.querySelectorAll('.simlib-graph img')].every(image =>
        Number(image.getAttribute('width')) === image.naturalWidth
        && Math.abs(image.naturalWidth - image.parentElement.clientWidth) < 12)"""
    for width, height in ((1440, 900), (1280, 720)):
        page.page.set_viewport_size({"width": width, "height": height})
        assert page.page.evaluate(inside), "a picture of before never covers its neighbour"
        until(lambda: page.page.evaluate(halves), 20, "graphs as wide as half the window")
        assert page.page.evaluate(CUT) == []
        shown = dict(page.page.evaluate(lines))
        assert {label for label, height in shown.items() if height >= 20} == set(), "one line"
        assert {"Maduro out of power", "Vessel strikes called off"} <= shown.keys()
    page.page.get_by_role("slider", name="A strike on land is ordered").first.focus()
    page.page.keyboard.press("End")
    page.settle(120)
    changes = page.page.locator(".simlib-chip em")
    assert sum(bool(change.inner_text()) for change in changes.all()) >= 4
    assert all(change.is_visible() for change in changes.all() if change.text_content()), "a change is never left out"
    page.page.get_by_role("button", name="Reset all").click()
    page.settle(120)
    page.page.set_viewport_size({"width": 900, "height": 900})
    page.page.locator(".simlib-stacked .simlib-chip").first.wait_for()
    until(lambda: page.page.evaluate(inside), 20, "graphs as wide as the window")
    assert page.page.evaluate(CUT) == []
    chips = page.page.locator(".simlib-chip")
    assert chips.count() >= 5
    for chip in chips.all():
        box = chip.bounding_box()
        assert box["x"] + box["width"] <= 900


def test_a_slider_under_the_pointer_gets_its_quick_answers(page):
    explorer = "[shown for shown in Out.values() if type(shown).__name__ == 'Explorer'][-1]"
    traced = f"[name for name, _ in {explorer}.session._loop.glances._curves]"
    assert "treaty_rate" not in page.ask(traced)
    slider(page).hover()
    until(lambda: "treaty_rate" in page.ask(traced), 20, "a curve along the slider")


def test_after_a_drag_the_picture_belongs_to_where_the_slider_rests(page):
    slider(page).scroll_into_view_if_needed()
    box = slider(page).bounding_box()
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.page.mouse.down()
    for step in range(60):
        page.page.mouse.move(box["x"] + box["width"] * (0.2 + 0.7 * ((step * 7) % 60) / 60), middle)
    page.page.mouse.move(box["x"] + box["width"] * 0.83, middle)
    page.page.mouse.up()
    page.settle()
    assert 78 <= int(slider(page).input_value()) <= 88
    assert treaty({"treaty_rate": page.value("treaty_rate")}) in sentence(page)
    assert page.status().startswith("exact")


def test_a_slider_in_the_hand_stays_there_until_it_is_let_go(page):
    """What the kernel says meanwhile does not move it, here an undo, but it does afterwards."""
    explorer = "[shown for shown in Out.values() if type(shown).__name__ == 'Explorer'][-1]"
    slider(page).scroll_into_view_if_needed()
    box, stated = slider(page).bounding_box(), page.value("treaty_rate")
    middle = box["y"] + box["height"] / 2
    page.page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.7, middle)
    until(lambda: page.value("treaty_rate") > stated, 20, "the move to be heard")
    page.settle()
    held = slider(page).input_value()
    page.ask(f"{explorer}._undo.click()")
    assert page.value("treaty_rate") == stated
    assert slider(page).input_value() == held
    page.page.mouse.up()
    until(lambda: slider(page).input_value() == "50", 20, "the place that the kernel knows")
    assert readout(page).input_value() == "15% within 30 days"


def test_everything_done_while_the_kernel_is_busy_is_heard(page):
    world = simlib.load("two-islands")
    texts = {"treaty_rate": "every 90 days", "patrol_rate": "every 40 days", "offer_rate": "every 70 days"}
    page.page.evaluate("window.written = {}")
    page.busy(3)
    for name, text in texts.items():
        field = readout(page, world.assumptions[name].short_label)
        field.fill(text)
        page.page.keyboard.press("Enter")
        field.evaluate(
            """(node, name) => {
            const { get, set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
            const write = function (text) { (window.written[name] ||= []).push(text); set.call(this, text); };
            Object.defineProperty(node, 'value', { get, set: write, configurable: true }); }""",
            name,
        )
    typed, stated = [1 / 90, 1 / 40, 1 / 70], [world.assumptions[name].value for name in texts]
    until(lambda: [page.value(name) for name in texts] == typed, 30, "all three texts")
    page.settle()
    written = page.page.evaluate("window.written")
    assert {name: set(shown) - {texts[name]} for name, shown in written.items()} == {name: set() for name in written}
    page.busy(3)
    slider(page).focus()
    for _ in texts:
        page.page.keyboard.press("Control+z")
    until(lambda: [page.value(name) for name in texts] == stated, 30, "all three to be undone")


def test_the_picture_changes_in_place_without_moving_anything(page):
    until(lambda: "ends of sliders" not in page.status() and "range" not in page.status(), 60, "the work when idle")
    image = page.page.locator(".simlib-graph img:visible").first
    chip = page.page.locator(".simlib-chip:visible").first
    slider(page).scroll_into_view_if_needed()
    slider(page).focus()
    page.settle()  # JupyterLab draws a cell when it scrolls into view, which shifts the page
    page.page.evaluate("""() => { window.shift = 0; window.chip = document.querySelector('.simlib-chip');
        new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shift += entry.value; }).observe({type: 'layout-shift'}); }""")
    before, words = image.bounding_box(), chip.inner_text()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    page.settle()
    assert image.bounding_box() == before
    assert page.page.evaluate("window.shift") < 0.02
    assert chip.inner_text() != words
    assert page.page.evaluate("window.chip.isConnected"), "only its number changed"


def test_a_replay_does_not_move_where_motion_is_to_be_reduced(page):
    slider(page).focus()
    page.page.keyboard.press("PageUp")
    page.settle()
    pictures = {}
    for motion in ("reduce", "no-preference"):
        page.page.emulate_media(reduced_motion=motion)
        page.page.evaluate("""() => { window.pictures = 0; new MutationObserver(() => { window.pictures += 1; })
            .observe(document.querySelector('.simlib-left img'), {attributes: true, attributeFilter: ['src']}); }""")
        page.page.get_by_role("button", name="Replay").click()
        until(lambda: page.page.evaluate("window.pictures") >= 2, 20, "the replay")
        until(lambda: "last change:" in page.status(), 20, "the end of the replay")
        page.settle()
        pictures[motion] = page.page.evaluate("window.pictures")
    assert pictures["reduce"] <= 3 < pictures["no-preference"], "before, now, and now as sharp as the screen"


def test_a_value_is_typed_with_units_and_reset(page):
    readout(page).fill("30% within 30 days")
    page.page.keyboard.press("Enter")
    page.settle()
    assert treaty({"treaty_rate": "30% within 30 days"}) in sentence(page)
    assert readout(page).input_value() == "30% within 30 days"
    page.page.get_by_role("button", name=f"Reset: {TREATY}").click()
    page.settle()
    assert treaty({}) in sentence(page)
    readout(page).fill("often")
    page.page.keyboard.press("Enter")
    until(lambda: page.page.get_by_text("is not a quantity").count(), 10, "the refusal in words")


def test_undo_and_reset_put_the_slider_back(page):
    slider(page).focus()
    page.page.keyboard.press("End")
    page.settle()
    page.page.get_by_role("button", name="Undo").click()
    page.settle()
    assert slider(page).input_value() == "50"
    page.page.get_by_role("button", name="Redo").click()
    page.settle()
    assert slider(page).input_value() == "100"
    page.page.get_by_role("button", name="Reset all").click()
    page.settle()
    assert slider(page).input_value() == "50"
    assert treaty({}) in sentence(page)


def test_assumptions_are_found_by_searching_and_groups_fold(page):
    page.tab("All assumptions")
    search = page.page.get_by_role("searchbox", name="Search the assumptions")
    search.fill("patrol challenged")
    visible = page.page.locator("input[type=range]:visible")
    until(lambda: visible.count() == 1, 5, "one slider to be left")
    assert visible.first.get_attribute("aria-label") == "A patrol is challenged"
    search.fill("")
    if page.page.get_by_role("button", name="Fold all", exact=True).count():
        page.page.get_by_role("button", name="Fold all", exact=True).click()
        until(lambda: visible.count() == 0, 5, "all groups to be folded")
    page.page.get_by_role("button", name="Unfold all", exact=True).click()
    until(lambda: visible.count() >= 10, 5, "all groups to be open")


def test_pages_open_and_switch_the_world(page):
    page.tab("Do")
    page.page.get_by_role("checkbox", name="Host the signing of a treaty").uncheck()
    page.settle()
    assert "A treaty is signed by 29 June 2031: 0%" in sentence(page)
    page.page.get_by_role("tab", name="One history").click()
    until(lambda: page.page.locator(".simlib-story li").count() > 3, 20, "a story")
    page.tab("Compare views")
    until(lambda: "hawks" in page.page.locator(".simlib-table").first.inner_text(), 30, "the comparison")


def test_a_view_gives_its_own_reasons_beside_the_sliders(page):
    about = page.page.locator(".simlib-about")
    page.page.get_by_role("slider", name="North Island sends a patrol into the strait while things are quiet").focus()
    before = about.inner_text()
    page.page.get_by_label("View", exact=True).select_option(label="The hawks of both islands")
    until(lambda: "Because: The spring exercises begin in April." in about.inner_text(), 20, "the reason of the view")
    page.page.get_by_label("View", exact=True).select_option(label="as in the file")
    until(lambda: about.inner_text() == before, 20, "the reason of the file")


def test_a_variable_is_kept_and_a_move_becomes_a_rule(page):
    page.tab("Do")
    page.page.get_by_role("button", name="Keep it there from then on").click()
    page.page.get_by_role("button", name="Make it a rule from then on").click()
    page.settle()
    world = simlib.load("two-islands")
    first, move = next(iter(world.variables.values())), next(iter(world))
    kept = Hold(first.id, first.levels[0], world.as_of)
    rule = Policy(move.id, 1 / 3, date=world.as_of)
    answer = simlib.solve(world.replace(interventions=(kept, rule))).endings["settlement"].probability[-1]
    assert f"A treaty is signed by 29 June 2031: {percent(float(answer))}" in sentence(page)
    assert page.page.get_by_text("kept at").count() >= 1


def test_a_saved_view_survives_a_reload(visit, page, lab):
    slider(page).focus()
    page.page.keyboard.press("End")
    page.settle()
    page.tab("Save and share")
    page.page.get_by_label("Title of the view").fill("Seen from the browser")
    page.page.get_by_role("button", name="Save as a view").click()
    path = lab.folder / "scenarios" / "two-islands" / "views" / "seen-from-the-browser.yaml"
    until(path.is_file, 20, "the view to be written")
    again = visit(NOTEBOOK, size=(1400, 1100))
    again.run_all()
    again.settle()
    again.page.get_by_label("View", exact=True).select_option(label="Seen from the browser")
    again.page.get_by_label("Leading question").select_option(label="A treaty is signed")
    until(lambda: percentages(again)[:1] == percentages(page)[:1], 30, "the same answer")
    path.unlink()


def test_unsaved_changes_are_offered_after_the_kernel_is_gone(visit, page):
    slider(page).focus()
    page.page.keyboard.press("Home")
    page.settle()
    again = visit(NOTEBOOK, size=(1400, 1100))
    again.run_all()
    again.settle()
    again.page.get_by_role("button", name="Restore them").click()
    again.settle()
    again.page.get_by_label("Leading question").select_option(label="A treaty is signed")
    until(lambda: percentages(again)[:2] == percentages(page)[:2], 30, "the same answer")
    again.page.get_by_role("button", name="Reset all").click()
    again.settle()


def test_the_editor_checks_and_answers_as_one_types(visit):
    page = visit("02_write_a_scenario.ipynb", size=(1400, 1100))
    page.run_all()
    page.settle()
    before = sentence(page)
    area = page.page.get_by_role("textbox", name="Scenario in YAML")
    text = area.input_value()
    area.fill(text.replace("start: partial", "start: partly"))
    problem = page.page.locator(".simlib-problems li").first
    until(lambda: problem.count() and "has no level 'partly'" in problem.inner_text(), 20, "the problem to be told")
    problem.get_by_role("button").click()
    selected = "area => area.value.slice(area.selectionStart, area.selectionEnd)"
    until(lambda: "partly" in area.evaluate(selected), 20, "the line at fault to be selected")
    assert sentence(page) == before
    area.fill(text.replace("every 14 days", "every 10 days"))
    until(lambda: sentence(page) != before, 30, "another answer")
    page.settle()
    world = load_text(text.replace("every 14 days", "every 10 days"))
    agreement = float(simlib.solve(world).endings["agreement"].probability[-1])
    assert f"An agreement is signed by 30 May 2031: {percent(agreement)};" in sentence(page)
    area.fill(text)
    page.settle()
