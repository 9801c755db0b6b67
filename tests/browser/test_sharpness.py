"""Pictures on screens of any density, width and theme: sharp, as wide as they were drawn, and dark in the dark."""

from __future__ import annotations

import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from tests.browser.lab import until

SHOWN = """() => [...document.querySelectorAll(':is(.simlib-picture, .simlib-graph) img')]
  .filter(img => img.checkVisibility() && img.naturalWidth)
  .map(img => ({natural: img.naturalWidth, shown: img.clientWidth, drawn: Number(img.getAttribute('width')),
                tall: img.naturalHeight / img.clientHeight}))
"""

NOTEBOOK = "pictures.ipynb"
FIGURE = 'import simlib\nsimlib.solve(simlib.load("two-islands")).plot().figure'
CALLS = ('Explorer("two-islands")', 'HowSure("two-islands", draws=64, runs=100)', FIGURE)
ALL = ":is(.simlib-graph, .simlib-picture) img:visible, img.simlib-figure:visible"
SIZES = ((1440, 900), (1280, 720), (900, 800))


@pytest.fixture
def page(visit, lab):
    """Return a function that opens an explorer, a panel and a figure on a screen of a density."""
    path = lab.folder / "notebooks" / NOTEBOOK
    cells = [nbformat.v4.new_code_cell(f"from simlib.widgets import *\n{call}") for call in CALLS]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)

    def open_page(ratio):
        opened = visit(NOTEBOOK, size=SIZES[0], mode="doc", ratio=ratio)
        opened.run_all()
        opened.settle()
        until(lambda: len(pictures(opened)) == 3, 60, "three pictures")
        return opened

    yield open_page
    path.unlink()


def pictures(page):
    return page.page.evaluate(SHOWN)


def sharp(page):
    """Whether every picture has two pixels for each of the page, and is as wide as it was drawn."""
    return {(one["natural"] / one["shown"], one["tall"], one["shown"] - one["drawn"]) for one in pictures(page)} == {
        (2, 2, 0)
    }


def test_on_a_dense_screen_of_any_width_pictures_have_two_pixels_for_each_of_the_page(page):
    opened = page(2)
    for width, height in SIZES:
        opened.page.set_viewport_size({"width": width, "height": height})
        until(lambda: sharp(opened), 60, f"sharp pictures at {width}")
        room = opened.page.evaluate("document.querySelector('.simlib-explorer').clientWidth")
        assert max(one["shown"] for one in pictures(opened)) <= room
    slider = opened.page.locator("input[type=range]:visible").first
    slider.focus()
    words = opened.page.locator(".simlib-sentence:visible").first
    before = words.inner_text()
    opened.page.keyboard.press("PageUp")
    until(lambda: words.inner_text() != before, 20, "another answer")
    until(lambda: sharp(opened), 30, "sharp pictures at rest")


def test_pictures_follow_the_theme(page):
    opened = page(1)
    for theme, ground in (("JupyterLab Light", 255), ("JupyterLab Dark", 18), ("JupyterLab Light", 255)):
        opened.theme(theme)
        images = opened.page.locator(ALL).all()
        assert len(images) == 4
        for image in images:
            image.scroll_into_view_if_needed()
            shot = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"))
            assert int(np.bincount(shot.ravel()).argmax()) == ground
