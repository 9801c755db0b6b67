"""Screenshots of the notebooks, as a person sees them: for the README, and to be looked at."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab, Page, browser, until


@dataclass(frozen=True)
class Shot:
    """One picture to take: of which notebook, in which window and theme, a slider moved or not."""

    notebook: str
    size: tuple[int, int]
    dark: bool = False
    moved: bool = False


SHOTS = {
    "explorer": Shot("01_explorer.ipynb", (1320, 1040), moved=True),
    "explorer-dark": Shot("01_explorer.ipynb", (1320, 1040), dark=True, moved=True),
    "explorer-narrow": Shot("01_explorer.ipynb", (700, 1040), moved=True),
    "editor": Shot("02_write_a_scenario.ipynb", (1320, 980)),
}


def take(folder: Path) -> None:
    """Take the screenshots of `SHOTS` and write them, in few colours, as `folder/NAME.png`."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    with browser() as chromium:
        for name, shot in SHOTS.items():
            lab = Lab("dark" if shot.dark else "light")  # each with a state of its own: nobody's drafts are to be seen
            try:
                picture = Image.open(io.BytesIO(_png(chromium, lab, shot))).convert("RGB")
            finally:
                lab.close()
            # Maximum coverage keeps rare colours. Median cut could give two lines of a graph the same colour.
            few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(folder / f"{name}.png", optimize=True)


def _png(chromium: Any, lab: Lab, shot: Shot) -> bytes:
    page = Page(chromium, lab, shot.notebook, size=shot.size, dark=shot.dark)
    page.run_all()
    page.settle()
    if shot.moved:
        move_a_slider(page)
    png = page.shot_of_widget()
    page.close()
    return png


def move_a_slider(page: Page) -> None:
    """Move the strongest slider a good way, so that there is a ghost to see."""
    slider = page.page.locator("input[type=range]:visible").first
    slider.focus()
    for _ in range(3):
        page.page.keyboard.press("PageUp")
        time.sleep(0.1)
    page.settle()
    until(lambda: "on average" in page.alt(), 180, "the range of the answer")
