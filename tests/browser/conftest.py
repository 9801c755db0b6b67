"""A JupyterLab and a browser for all tests of this folder, or the reason why there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

from tests.browser.lab import CHROMIUM, SHARED, Lab, Page, browser

NEEDED = ("playwright", "jupyterlab", "ipywidgets", "anywidget")


def why_not() -> str:
    """Return why no browser can be driven here, "" if one can."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (pip install -e '.[notebooks,test]')"
    if not CHROMIUM or not os.access(CHROMIUM, os.X_OK):
        return "no Chromium found (Debian: apt install chromium; or set CHROMIUM to its path)"
    return ""


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder, and skip them with the reason where there is no browser."""
    reason = why_not()
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def lab():
    """A JupyterLab on a copy of the notebooks."""
    running = Lab()
    yield running
    running.close()


@pytest.fixture(scope="package")
def chromium():
    """The distribution's Chromium."""
    with browser() as running:
        yield running


@pytest.fixture
def visit(lab, chromium):
    """Open a notebook in a fresh page; whatever went wrong on it fails the test."""
    pages = []

    def open_notebook(name, **options):
        pages.append(Page(chromium, lab, name, **options))
        return pages[-1]

    yield open_notebook
    complaints = [complaint for page in pages for complaint in page.errors()]
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def opened(lab, chromium):
    """A copy of the first notebook, open for all tests of a module: opening it takes longer than most tests."""
    notebooks = lab.folder / "notebooks"
    shutil.copy2(notebooks / "00_start_here.ipynb", notebooks / SHARED)
    page = Page(chromium, lab, SHARED, size=(1400, 1100))
    yield page
    page.close()


@pytest.fixture
def page(lab, opened):
    """The explorer on the teaching world, made anew and at rest; whatever goes wrong on it fails the test."""
    opened.forget()
    shutil.rmtree(lab.folder / "state" / "drafts", ignore_errors=True)
    opened.run_all()
    opened.settle()
    opened.page.get_by_label("Leading question").select_option(label="A treaty is signed")
    opened.settle()
    yield opened
    assert opened.errors() == []
