"""What is on screen is what is kept: a saved notebook holds the answer that was shown when it was saved."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser.lab import SHARED, Lab, Page, until

FIRST, EDITOR = SHARED, "02_write_a_scenario.ipynb"
TREATY = "Talks under way are concluded while things are quiet"
RANGE = re.compile(r" If all assumptions are uncertain: .*? draws\.")
SAVED = "() => !jupyterapp.shell.currentWidget.context.model.dirty"


@pytest.fixture(scope="module")
def lab():
    """A JupyterLab as `simlib lab` starts it: there a hook stores what is shown."""
    running = Lab(live=True)
    yield running
    running.close()


def save(page: Page) -> None:
    """Press Ctrl+S where the focus is, and wait until nothing is left to save."""
    page.page.evaluate("() => { jupyterapp.shell.currentWidget.context.model.dirty = true; }")
    page.page.keyboard.press("Control+s")
    until(lambda: page.page.evaluate(SAVED), 30, "the notebook to be saved")


def stored(lab: Lab, name: str) -> list[str]:
    """Return the words beside every picture in the file of a notebook."""
    cells = json.loads((lab.folder / "notebooks" / name).read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert not [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output["data"]]
    return ["".join(output["metadata"]["image/png"]["alt"]) for output in outputs]


def kept(lab: Lab) -> list[str]:
    """Return the words beside every picture that a live view has kept."""
    files = (lab.folder / "state" / "shown").glob("*.json")
    return [json.loads(file.read_text(encoding="utf-8"))["text/plain"] for file in files]


def holds(lab: Lab, page: Page, name: str) -> bool:
    """Say whether the file holds the answer on the screen, once that is at rest.

    The range over the draws is left out: it is found in the idle time, and so perhaps after the notebook was saved.
    """
    page.settle()
    return any(RANGE.sub("", page.alt()) in RANGE.sub("", words) for words in stored(lab, name))


def test_the_answer_to_a_slider_just_moved_is_saved(lab, page):
    slider = page.page.get_by_role("slider", name=TREATY, exact=True)
    slider.focus()
    before = page.alt()
    for _ in range(3):
        page.page.keyboard.press("PageUp")
    save(page)
    assert holds(lab, page, FIRST)
    assert page.alt() != before
    assert slider.evaluate("node => node === document.activeElement")


def test_a_value_typed_and_not_yet_entered_is_taken_before_saving(lab, page):
    readout = page.page.get_by_role("textbox", name=f"{TREATY}: value", exact=True)
    before = page.alt()
    readout.fill("every 90 days")
    save(page)
    assert page.value("treaty_rate") == pytest.approx(1 / 90)
    assert holds(lab, page, FIRST)
    assert page.alt() != before


def test_what_a_button_of_the_explorer_did_is_saved(lab, page):
    page.tab("Do")
    before = page.alt()
    page.page.get_by_role("button", name="Make it a rule from then on").click()
    save(page)
    assert holds(lab, page, FIRST)
    assert page.alt() != before
    assert any("about every 3 days" in words for words in stored(lab, FIRST))


def test_the_editor_saves_its_answer(lab, visit):
    page = visit(EDITOR, size=(1400, 1100))
    area = page.page.get_by_role("textbox", name="Scenario in YAML")
    until(area.count, 60, "the notebook to run by itself")
    page.settle()
    text, before = area.input_value(), page.alt()
    area.fill(text.replace("every 14 days", "every 10 days"))
    until(lambda: page.alt() != before, 30, "another answer")
    until(lambda: page.alt() in " ".join(kept(lab)), 30, "the picture to be kept for the file")
    save(page)
    assert holds(lab, page, EDITOR)
    area.fill(text)
    page.settle()
