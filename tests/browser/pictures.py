"""Screenshots of the notebooks, as a person sees them: for the README, and to be looked at."""

from __future__ import annotations

import io
import time
from pathlib import Path

from tests.browser.lab import Lab, Page, browser

SHOTS = {"explorer": ("01_explorer.ipynb", (1320, 1040)), "editor": ("02_write_a_scenario.ipynb", (1320, 980))}


def take(folder: Path) -> None:
    """Take the screenshots of `SHOTS` and write them, reduced to a palette, as `folder/NAME.png`."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    lab = Lab()
    try:
        with browser() as chromium:
            for name, (notebook, size) in SHOTS.items():
                page = Page(chromium, lab, notebook, size=size)
                page.run_all()
                page.settle()
                if name == "explorer":
                    move_a_slider(page)
                png = page.shot_of_widget()
                page.close()
                picture = Image.open(io.BytesIO(png)).convert("RGB")
                picture.quantize(192, method=Image.Quantize.MEDIANCUT).save(folder / f"{name}.png", optimize=True)
    finally:
        lab.close()


def move_a_slider(page: Page) -> None:
    """Move the strongest slider a good way, so that there is a ghost to see."""
    slider = page.page.locator("input[type=range]:visible").first
    slider.focus()
    for _ in range(3):
        page.page.keyboard.press("PageUp")
        time.sleep(0.1)
    page.settle()
