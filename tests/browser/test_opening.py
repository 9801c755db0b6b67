"""A shipped notebook runs when it is opened, also if its kernel still runs, and the page stays where it is."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab, Page, until

FIRST = "00_start_here.ipynb"
PLACE = """() => [jupyterapp.shell.currentWidget.content.activeCellIndex,
  document.querySelector('.jp-WindowedPanel-outer').scrollTop]"""


@pytest.fixture(scope="module")
def page(chromium):
    """A notebook opened in JupyterLab as `simlib lab` starts it."""
    lab = Lab(live=True)
    opened = Page(chromium, lab, FIRST, mode="doc", size=(1440, 900))
    yield opened
    opened.close()
    lab.close()


def live(page):
    slider = page.page.get_by_role("slider")  # the stored pictures have none
    until(slider.count, 60, "the notebook to run by itself")
    page.settle()
    return page.errors() == []


def test_a_notebook_runs_when_it_is_opened_and_stays_at_its_title(page):
    assert live(page)
    assert page.page.evaluate(PLACE) == [0, 0]


def test_after_a_reload_it_is_live_again_and_stays_where_the_person_scrolled(page):
    page.page.reload(wait_until="domcontentloaded")
    page.page.wait_for_selector(".jp-WindowedPanel-outer .jp-Cell", timeout=60_000)
    page.page.mouse.move(700, 300)
    page.page.mouse.wheel(0, 300)
    assert live(page)
    cell, top = page.page.evaluate(PLACE)
    assert cell == 0
    assert 0 < top <= 600
