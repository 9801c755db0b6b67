"""Rebuild the outputs of the notebooks and the stored order of their sliders.

    python docs/rebuild_notebooks.py [NAME ...] [--pictures]

Outputs are static pictures and words, so that a notebook can be read without a kernel. Widget state is never stored.
The computations are exact or seeded, so outputs change only if the code or a scenario changes.
With --pictures it also takes the screenshots of the README, which need Chromium.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simlib import load
from simlib._jupyter.save_hook import drop_live
from simlib.plots.palette import Palette
from simlib.scenario.library import shipped_scenarios
from simlib.widgets.explorer import answer_uncertainty, slider_order
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State

HERE = Path(__file__).resolve().parents[1] / "notebooks"
STORED = HERE / ".stored"
PICTURES = HERE / "pictures"
THUMBNAIL = (340, 211)
SECONDS_PER_CELL = 180


def notebooks(names: list[str]) -> list[Path]:
    """Return the notebooks whose names begin with one of the given names (no name: all)."""
    every = sorted(HERE.glob("[0-9][0-9]_*.ipynb")) + sorted(HERE.glob("solutions/*.ipynb"))
    return [path for path in every if not names or any(path.name.startswith(name) for name in names)]


def store_influence() -> None:
    """Store for each scenario the gradient that orders its sliders and the range of its answers.

    Files of other versions of a scenario are deleted.
    """
    worlds = [load(name) for name in shipped_scenarios()]
    stores = (slider_order.INFLUENCE_STORE, answer_uncertainty.UNCERTAINTY_STORE)
    wanted = {store.file_name(world) for world in worlds for store in stores}
    for old in [file for store in stores for file in STORED.glob(f"{store.name}-*.json")]:
        if old.name not in wanted:
            old.unlink()
    for world in worlds:
        if slider_order.find_stored(world, [STORED]) is None:
            slider_order.compute(world).save(world, STORED)
        if answer_uncertainty.find_stored(world, [STORED]) is None:
            answers = AnswerCache(State(world))
            found = answer_uncertainty.compute(answers, Settings(), answers.answer(Settings()))
            if found is not None:
                found.save(world, STORED)


def execute(path: Path) -> nbformat.NotebookNode:
    """Run a notebook in a fresh kernel and return it. Raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    return notebook


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook with static outputs, and without what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": {"name": "python"},
    }
    number = 0
    for cell in notebook.cells:
        cell.metadata = {name: value for name, value in cell.metadata.items() if name in ("tags", "jupyter")}
        if cell.cell_type != "code":
            continue
        number += 1
        cell.execution_count = number
        for output in cell.outputs:
            _clean_output(output, number)
    return notebook


def _clean_output(output: Any, number: int) -> None:
    if output.output_type == "execute_result":
        output.execution_count = number
    if drop_live(output):
        data = output.data
        data["image/png"] = data["image/png"].replace("\n", "")


def take_pictures() -> None:
    """Take in a real browser the screenshots that the README shows."""
    from tests.browser.pictures import take

    take(PICTURES)


def thumbnail(path: Path) -> None:
    """Save a small copy of the first plot of a notebook, for the list in the first notebook."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    data = next(output.data["image/png"] for output in outputs if "image/png" in output.get("data", {}))
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    wide, high = picture.size
    part = picture.crop((0, 0, wide, min(high, int(0.62 * wide)))).resize(THUMBNAIL, Image.Resampling.LANCZOS)
    pixels, palette = np.array(part.convert("RGBA")), Palette()
    palette.learn(pixels)
    (PICTURES / f"{path.stem}.png").write_bytes(palette.png(pixels, 9))


def main() -> None:
    """Rebuild the notebooks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="first letters of a notebook's name (default: all)")
    parser.add_argument("--pictures", action="store_true", help="also take the screenshots")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        os.environ["SIMLIB_STATE_DIR"] = state  # the drafts of the user must not appear
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
        store_influence()
        for path in notebooks(arguments.names):
            print(path.name, flush=True)
            nbformat.write(clean(execute(path)), path)
            if path.name != "00_start_here.ipynb" and path.parent == HERE:  # these need no small picture
                thumbnail(path)
        if arguments.pictures:
            take_pictures()


if __name__ == "__main__":
    main()
