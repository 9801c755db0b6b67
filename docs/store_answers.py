"""Compute and store the answers that the notebooks show when they are opened.

    python docs/store_answers.py [NAME ...]

The script runs the cells of each notebook in this process. If there is no stored answer for exactly the scenario and
settings of a panel, it waits for the answer and stores it. Without NAME it also deletes stored answers that no panel
shows any more. Run `rebuild_notebooks.py` afterwards to make the outputs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell

HERE = Path(__file__).resolve().parents[1] / "notebooks"
STORED = HERE / ".stored"


def panels(path: Path) -> list:
    """Run the cells of a notebook and return the panels that they show."""
    from simlib.widgets.questions.panel import QuestionPanel

    shell, shown = InteractiveShell(), []
    shell.display_trap.hook = shown.append
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source, store_history=False).raise_error()
            for panel in (value for value in shown if isinstance(value, QuestionPanel)):
                panel.wait()  # one panel after the other, because two at once would share the cores
    return [value for value in shown if isinstance(value, QuestionPanel)]


def main() -> None:
    """Store the answers that are missing."""
    from simlib.widgets.questions.shown_answers import read_answer, write_answer

    names = sys.argv[1:]
    wanted = set()
    for path in sorted(HERE.glob("[0-9][0-9]_*.ipynb")):
        if names and not any(path.name.startswith(name) for name in names):
            continue
        for panel in panels(path):
            name = panel.question.key(panel.question.chosen)
            wanted.add(name)
            if panel.inquiry.answer is None:
                raise SystemExit(f"{path.name}: {panel.picture.status['text']}")
            if read_answer(STORED / name) is None:
                write_answer(panel.inquiry.answer, STORED / name)
                print(path.name, name, flush=True)
    for old in STORED.glob("answer-*.json"):
        if not names and old.name not in wanted:
            old.unlink()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    with tempfile.TemporaryDirectory() as state:
        os.environ["SIMLIB_STATE_DIR"] = state
        os.chdir(HERE)
        main()
