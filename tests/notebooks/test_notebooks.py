"""The notebooks: short, without logic or widget state, readable without a kernel, and they run."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.browser.conftest import why_not

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EVERY = NOTEBOOKS + sorted(FOLDER.glob("solutions/*.ipynb"))
RUN_HERE = EVERY if why_not() else [path for path in EVERY if path not in NOTEBOOKS]
"""Where there is a browser, `tests/browser` runs the others in it."""

MOST_CELLS, MOST_LINES, MOST_BYTES = 12, 10, 400_000
SECONDS_PER_CELL = 180
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.While, ast.If, ast.Try)

every_notebook = pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def prose(path):
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")


def test_there_are_notebooks_in_the_order_of_their_questions():
    numbers = [int(path.name[:2]) for path in NOTEBOOKS]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0


@every_notebook
def test_cells_are_few_and_short_and_hold_no_logic(path):
    cells = code_cells(path)
    assert 1 <= len(cells) <= MOST_CELLS
    for cell in cells:
        assert len(cell.source.splitlines()) <= MOST_LINES
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, LOGIC)]


@every_notebook
def test_prose_asks_before_and_finds_after(path):
    cells = nbformat.read(path, as_version=4).cells
    kinds = [cell.cell_type for cell in cells]
    assert kinds[-1] == "markdown"
    assert kinds[0] == "markdown" or path.name == "01_explorer.ipynb"  # the explorer has the first screen to itself
    assert "code code" not in " ".join(kinds) or kinds.count("markdown") >= kinds.count("code")
    assert "?" in prose(path)


@every_notebook
def test_no_widget_state_is_stored_and_the_file_is_small(path):
    assert path.stat().st_size < MOST_BYTES
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in raw["metadata"]
    assert "application/vnd.jupyter.widget" not in path.read_text(encoding="utf-8")


@every_notebook
def test_it_can_be_read_without_a_kernel(path):
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures
    for output in pictures:
        data = output.data
        assert output.metadata["image/png"]["alt"] == data["text/plain"]  # for whoever converts it to a web page
        assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width >= 400
        assert len(data["text/plain"]) > 40


@every_notebook
def test_its_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", prose(path)):
        assert target.startswith("https://") or (path.parent / target).is_file(), target


def test_the_first_notebook_leads_to_all_others():
    text = prose(FOLDER / "00_start_here.ipynb")
    assert [path.name for path in NOTEBOOKS[1:] if f"]({path.name})" not in text] == []


@pytest.mark.notebook
@pytest.mark.parametrize("path", RUN_HERE, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_in_a_fresh_kernel(path, tmp_path, monkeypatch):
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path))
    root = str(FOLDER.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=SECONDS_PER_CELL, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)
