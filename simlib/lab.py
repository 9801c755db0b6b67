"""JupyterLab on the notebooks, wherever it is called from: `simlib lab`, or `python -m simlib.lab`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from simlib import _jupyter
from simlib.shipped import in_clone, notebooks_folder

FIRST_NOTEBOOK = "01_explorer.ipynb"
COPY = "simlib-notebooks"


def open_lab(arguments: Sequence[str] = ()) -> int:
    """Start JupyterLab on the explorer notebook and stay until it is stopped; the exit code.

    `arguments` are Jupyter's own (`--no-browser`, `--port 8890`, ...) and win over the defaults set here.
    """
    try:
        from jupyterlab.labapp import main
    except ImportError:
        print('JupyterLab is not installed here: pip install "simlib[notebooks]"', file=sys.stderr)
        return 1
    notebooks = writable_notebooks()
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, [str(Path(_jupyter.__file__).parent), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    return main([*_defaults(notebooks), *arguments]) or 0


def writable_notebooks(here: Path | None = None) -> Path:
    """The folder of notebooks to work in: the clone's own, else a copy in `here` (default: the current folder).

    A copy that is there already keeps what its owner changed; only missing files are added.
    """
    shipped = notebooks_folder()
    if in_clone() and os.access(shipped, os.W_OK):
        return shipped
    copy = (here or Path.cwd()).resolve() / COPY
    missing = [file for file in sorted(shipped.rglob("*")) if file.is_file() and not _twin(file, copy).exists()]
    for file in missing:
        _twin(file, copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, _twin(file, copy))
    print(f"The notebooks are in {copy}" + (" (copied there just now)." if missing else "."))
    return copy


def _twin(file: Path, copy: Path) -> Path:
    return copy / file.relative_to(notebooks_folder())


def _defaults(notebooks: Path) -> list[str]:
    """Jupyter's options; in a clone its root is the clone, so that scenarios can be edited beside the notebooks."""
    root = notebooks.parent if notebooks == notebooks_folder() else notebooks
    first = (notebooks / FIRST_NOTEBOOK).relative_to(root).as_posix()
    options = [
        f"--ServerApp.root_dir={root}",
        f"--FileContentsManager.preferred_dir={notebooks.relative_to(root).as_posix()}",
        f"--LabApp.default_url=/lab/workspaces/simlib/tree/{first}",
        "--ServerApp.answer_yes=True",  # Ctrl-C stops it without asking
        "--log-level=WARN",  # the address, and what goes wrong
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # as in containers; it listens to this machine only, with a token
    return options


if __name__ == "__main__":
    sys.exit(open_lab(sys.argv[1:]))
