"""A panel of a question under a person's hands: Compute, progress, Cancel, and the numbers of the library."""

from __future__ import annotations

import ast

import nbformat
import pytest

import simlib
from simlib.analysis.sensitivity.one_at_a_time import drivers
from simlib.formatting import percent
from simlib.scenario.views.variation import with_values
from tests.browser.lab import until

NOTEBOOK = "a_question.ipynb"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
QUICK, LONG = 64, 8192
"""Draws that are answered at once, and draws that take long enough for somebody to change their mind."""


@pytest.fixture
def page(visit, lab):
    """Return a function that opens a notebook with one panel on the teaching world, answered."""
    path = lab.folder / "notebooks" / NOTEBOOK

    def open_panel(call: str):
        source = f"from simlib import widgets\n\nwidgets.{call}"
        cells = [nbformat.v4.new_markdown_cell("A question?"), nbformat.v4.new_code_cell(source)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
        opened = visit(NOTEBOOK, size=(1400, 1100))
        opened.run_all()
        until(lambda: opened.page.locator(".simlib-picture img:visible").count() == 1, 60, "the first answer")
        until(
            lambda: "Computed just now" in opened.status() or "Stored" in opened.status(), 60, "the answer to be told"
        )
        return opened

    yield open_panel
    path.unlink(missing_ok=True)


def sentences(page):
    return page.page.locator(".simlib-words li:visible").all_inner_texts()


def opacities(page):
    """Return how clearly the picture and the sentences are seen."""
    shown = ".simlib-picture img:visible, .simlib-words:has(li):visible"
    return page.page.locator(shown).evaluate_all("nodes => nodes.map(node => Number(getComputedStyle(node).opacity))")


def choose(page, label, value):
    field = page.page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_a_long_answer_shows_its_progress_and_can_be_cancelled(page):
    opened = page(f'HowSure("two-islands", draws={QUICK}, runs=100)')
    before, picture = sentences(opened), opened.page.locator(".simlib-picture img:visible").first
    shown = picture.get_attribute("src")
    assert len(before) == 2
    choose(opened, "Draws from the priors", LONG)
    choose(opened, "Replicates each", 20_000)
    until(lambda: "earlier settings" in opened.status(), 10, "the line that the answer is to earlier settings")
    until(lambda: opacities(opened) == [0.4, 0.4], 5, "the answer to earlier settings to be dimmed")
    opened.page.get_by_role("button", name="Compute").click()
    bar = opened.page.locator("progress:visible")
    until(lambda: "%" in opened.status() and bar.count() == 1, 30, "the progress")
    first = float(bar.first.get_attribute("value"))
    until(lambda: bar.count() and float(bar.first.get_attribute("value")) > first, 30, "the progress to grow")
    opened.page.get_by_role("button", name="Cancel").click()
    until(lambda: opened.status().startswith("Cancelled. The answer below is the previous one"), 30, "the work to stop")
    opened.settle()
    assert sentences(opened) == before
    assert picture.get_attribute("src") == shown
    assert bar.count() == 0
    assert (
        opened.ask("[p for p in Out.values() if type(p).__name__ == 'QuestionPanel'][-1].inquiry.worker.busy")
        == "False"
    )


def test_compute_gives_the_numbers_of_the_library(page):
    opened = page('WhatDrivesIt("two-islands", top=2)')
    choose(opened, "Assumptions tried", 4)
    opened.page.get_by_label("Probability of", exact=True).select_option(label="A treaty is signed")
    before = sentences(opened)
    opened.page.get_by_role("button", name="Compute").click()
    until(lambda: sentences(opened) != before, 60, "another answer")
    expected = drivers(simlib.load("two-islands"), "ending:settlement", top=4)
    assert sentences(opened) == expected.sentences()
    opened.page.get_by_text("Table", exact=True).click()
    table = opened.page.locator(".simlib-table:visible tbody tr")
    until(lambda: table.count() == 4, 10, "the table")
    ends = [[percent(float(bar.at_low[0])), percent(float(bar.at_high[0]))] for bar in expected.ranked()]
    assert [row.locator("td").all_inner_texts()[-2:] for row in table.all()] == ends
    assert opened.page.locator(".simlib-picture img:visible").first.get_attribute("alt") == " ".join(
        expected.sentences()[:3]
    )


def test_choices_that_cannot_be_answered_are_refused_in_words(page):
    opened = page('WhatIf("two-islands", pairs=100)')
    before = sentences(opened)
    opened.page.get_by_label("what happens to it", exact=True).select_option(label="is left as it is")
    opened.page.get_by_role("button", name="Compute").click()
    until(lambda: "nothing is changed" in opened.status(), 30, "the refusal")
    assert "The answer below is the previous one" in opened.status()
    assert sentences(opened) == before


def test_a_quick_answer_follows_a_field_by_itself(page):
    opened = page('WhatIf("two-islands", pairs=100)')
    panel = "[p for p in Out.values() if type(p).__name__ == 'QuestionPanel'][-1]"
    patience = "setattr(__import__('sys').modules['simlib.widgets.questions.inquiry'], 'UNASKED_SECONDS', 60.0)"
    opened.ask(f"({patience}, setattr({panel}.inquiry, '_limit', 60.0))")  # other work on the machine must not decide
    before, shown = sentences(opened), opened.page.locator(".simlib-picture img:visible").first.get_attribute("src")
    opened.page.get_by_label("The move", exact=True).select_option(index=2)
    until(lambda: "Computed just now" in opened.status() and sentences(opened) != before, 60, "the answer by itself")
    assert opened.page.locator(".simlib-picture img:visible").first.get_attribute("src") != shown
    move = opened.page.get_by_label("The move", exact=True).locator("option").nth(2).inner_text()
    move = move.replace("\xa0", " ").split(": ", 1)[1]
    assert any(move in told for told in sentences(opened))
    opened.page.get_by_label("what happens to it", exact=True).select_option(label="is made by a standing rule from")
    until(lambda: any("about every 3 days" in told for told in sentences(opened)), 60, "the rule as it was asked for")


def test_a_box_is_on_sliders_that_answer_as_the_solver_does(page):
    opened = page(f'UnderWhichAssumptions("two-islands", draws={2 * QUICK}, runs=200)')
    within = opened.page.locator(".simlib-within")
    until(lambda: "exact" in within.inner_text() and "inside box 1" in within.inner_text(), 60, "the answer in the box")
    picture, bars = opened.page.locator(".simlib-picture img:visible").first, within.locator(".simlib-band")
    before, shown = within.locator(".simlib-sentence").inner_text(), picture.get_attribute("src")
    slider = within.locator("input[type=range]").first
    track, bar = slider.bounding_box(), bars.first.bounding_box()
    assert track["x"] <= bar["x"] < bar["x"] + bar["width"] <= track["x"] + track["width"] + 1
    slider.focus()
    for _ in range(3):
        opened.page.keyboard.press("PageDown")
    until(lambda: within.locator(".simlib-sentence").inner_text() != before, 10, "the answer to move")
    until(lambda: "exact" in within.inner_text(), 30, "the answer at rest")
    assert picture.get_attribute("src") != shown
    point = "[p for p in Out.values() if type(p).__name__ == 'QuestionPanel'][-1].after.children[0].session"
    values = ast.literal_eval(opened.ask(f"dict({point}.state.settings.values)"))
    measure = ast.literal_eval(opened.ask(f"{point}.discovery.measure.of"))
    forecast = simlib.solve(with_values(simlib.load("two-islands"), values))
    found = (forecast.questions | forecast.endings)[measure].probability[-1]
    assert f": {100 * found:.1f}%" in within.locator(".simlib-sentence").inner_text()
    within.get_by_role("button", name="Back to the stated values").click()
    until(lambda: "(here the same)" in within.inner_text(), 30, "the stated values")
    within.get_by_role("button", name="Save as a view").click()
    until(lambda: "changes nothing" in within.inner_text(), 10, "the refusal to save nothing")
