"""Every notebook in a real JupyterLab: it runs, nothing goes wrong, and it leaves a screenshot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser import test_accessibility
from tests.browser.lab import ROOT

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
SHOTS = Path(os.environ.get("SIMLIB_SCREENSHOTS", ROOT / "out" / "screenshots"))

WITHOUT_ALT = """() => [...document.querySelectorAll('.jp-OutputArea img')]
    .filter(img => !(img.alt || '').trim()).length"""
CUT_OFF = """() => [...document.querySelectorAll(
      '.simlib-explorer label, .simlib-head, .simlib-explorer button, .widget-label')]
    .filter(node => node.getClientRects().length && node.scrollWidth > node.clientWidth + 1)
    .map(node => node.innerText)"""
NAMELESS = """() => [...document.querySelectorAll('.jp-OutputArea input, .jp-OutputArea select, .jp-OutputArea button')]
    .filter(node => node.getClientRects().length)
    .filter(node => !(node.getAttribute('aria-label') || (node.labels && node.labels.length)
      || node.textContent.trim() || node.title))
    .map(node => node.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_opens_with_pictures_and_runs_and_everything_on_it_can_be_read(visit, name):
    page = visit(name, size=(1440, 900))
    assert page.page.locator(".jp-OutputArea img").count() > 0, "before a kernel ran it"
    page.run_all()
    page.settle()
    page.shot(SHOTS / f"{Path(name).stem}.png")
    assert page.page.evaluate(WITHOUT_ALT) == 0
    assert page.page.evaluate(CUT_OFF) == []
    assert page.page.evaluate(NAMELESS) == []
    if name in test_accessibility.NOTEBOOKS:
        test_accessibility.assert_axe_finds_nothing_and_every_text_can_be_read(page)


def test_the_explorer_reads_in_the_dark_and_in_a_narrow_window(visit):
    page = visit("01_explorer.ipynb", size=(760, 900), dark=True)
    page.theme("JupyterLab Dark")
    page.run_all()
    page.settle()
    page.shot(SHOTS / "01_explorer-dark-narrow.png")
    assert page.page.evaluate(CUT_OFF) == []
    picture = page.page.locator(".simlib-left img").first.bounding_box()
    slider = page.page.locator("input[type=range]:visible").first.bounding_box()
    assert picture["y"] + picture["height"] < slider["y"], "one above the other"
    assert slider["y"] - picture["y"] < 500, "on one screen"
    assert picture["width"] <= 700
