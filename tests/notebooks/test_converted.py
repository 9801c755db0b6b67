"""Notebooks as web pages: every picture of ours says in words what it shows."""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from simlib._jupyter.save_hook import drop_live

ROOT = Path(__file__).resolve().parents[2]
CELLS = (
    "import simlib\nfrom simlib import plots\nfrom simlib.widgets import Explorer, HowSure",
    'plots.state_diagram(simlib.load("two-islands"))',
    'Explorer("two-islands")',
    'panel = HowSure("two-islands", draws=64, runs=100)\npanel.wait(120)\npanel',
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook with a figure, an explorer and a panel, run in a fresh kernel."""
    folder = tmp_path_factory.mktemp("state")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "SIMLIB_STATE_DIR": str(folder), "PYTHONPATH": path}
    client = NotebookClient(notebook, timeout=180, kernel_name="python3")
    client.create_kernel_manager()
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
    return notebook


def said(notebook, template):
    """The alternative texts of the pictures ("": none) in a notebook that nbconvert made a web page of."""
    exporter = pytest.importorskip("nbconvert").HTMLExporter(template_name=template)
    page, _ = exporter.from_notebook_node(notebook)
    tags = re.findall(r"<img[^>]*>", page)
    found = [re.search(r'alt="([^"]*)"', tag) for tag in tags]
    return [" ".join(html.unescape(words[1]).split()) if words else "" for words in found]


@pytest.mark.slow
def test_the_words_of_every_picture_survive(executed):
    outputs = [output for cell in executed.cells for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(outputs) == 3
    words = said(executed, "lab")
    assert len(words) == 3
    assert words[0].startswith("State diagram of ")
    assert all("%" in text for text in words[1:])
    for output in outputs:
        drop_live(output)
    stored = [" ".join(output.data["text/plain"].split()) for output in outputs]
    assert said(executed, "classic") == stored


@pytest.mark.parametrize(
    "template",
    [
        "classic",
        pytest.param(
            "lab",
            marks=pytest.mark.xfail(
                strict=True, reason="nbconvert: the lab template writes no alternative text for a PNG (block data_png)"
            ),
        ),
    ],
)
def test_the_words_of_a_picture_that_is_stored_as_png_survive(template):
    words = "A ship is hit by 29 June 2031: 32%."
    output = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": words})
    assert drop_live(output)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    assert said(notebook, template) == [words]
