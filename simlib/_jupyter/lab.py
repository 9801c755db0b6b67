"""Start JupyterLab on the notebooks of simlib, from any folder.

The commands `simlib lab` and `python -m simlib._jupyter.lab` start JupyterLab in this way.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from simlib.scenario.library import in_clone, notebooks_folder
from simlib.widgets.kit.shown_pictures import NOTEBOOKS_VARIABLE

_HERE = Path(__file__).parent
FIRST_NOTEBOOK = "01_explorer.ipynb"
COPY = "simlib-notebooks"
# Jupyter's options for the place where it starts. If the user gives one of them, simlib adds none.
ELSEWHERE = ("--notebook-dir", "--ServerApp.root_dir", "--FileContentsManager.preferred_dir", "--LabApp.default_url")


def open_lab(arguments: Sequence[str] = ()) -> int:
    """Start JupyterLab on the explorer notebook, and return its exit code when it stops.

    `arguments` are options of Jupyter, such as `--no-browser` or `--port 8890`. These options override the settings of
    simlib.
    """
    try:
        from jupyterlab.labapp import main
    except ImportError:
        how = 'install it in the clone of simlib with: python -m pip install -e ".[notebooks]"'
        print(f"JupyterLab is not installed; {how}", file=sys.stderr)
        return 1
    notebooks = writable_notebooks()
    os.environ[NOTEBOOKS_VARIABLE] = str(notebooks)
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        filter(None, [str(_HERE), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    return main([*_defaults(notebooks, arguments), *arguments]) or 0


def writable_notebooks(here: Path | None = None) -> Path:
    """Return a writable folder of notebooks: the folder in the clone of simlib, or else a copy.

    The copy is made in `here` (default: the current folder). If the copy exists already, only missing files are added,
    so that notebooks changed by the user are kept.
    """
    shipped = notebooks_folder()
    if in_clone() and os.access(shipped, os.W_OK):
        return shipped
    copy = (here or Path.cwd()).resolve() / COPY
    copy.mkdir(parents=True, exist_ok=True)
    missing = [file for file in sorted(shipped.rglob("*")) if file.is_file() and not _twin(file, copy).exists()]
    for file in missing:
        _twin(file, copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, _twin(file, copy))
    print(f"The notebooks are in {copy}" + (" (copied there just now)." if missing else "."))
    return copy


def _twin(file: Path, copy: Path) -> Path:
    return copy / file.relative_to(notebooks_folder())


def _defaults(notebooks: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command-line options for Jupyter.

    If the notebooks are in their original folder, Jupyter's root folder is the parent of that folder, so that scenarios
    can be edited too.
    """
    # Without `--allow-root` Jupyter refuses to run as root, the usual user of a container. The option is safe, because
    # the server listens to this machine only and asks for a token.
    options = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    if any(argument.startswith(ELSEWHERE) for argument in arguments):
        return options
    root = notebooks.parent if notebooks == notebooks_folder() else notebooks
    first = (notebooks / FIRST_NOTEBOOK).relative_to(root).as_posix()
    return [
        *options,
        f"--ServerApp.root_dir={root}",
        f"--FileContentsManager.preferred_dir={notebooks.relative_to(root).as_posix()}",
        f"--LabApp.extra_labextensions_path={_HERE / 'labextensions'}",
        f"--LabApp.default_url=/doc/tree/{first}",  # single-document mode gives the notebook 285 more pixels
    ]


if __name__ == "__main__":
    sys.exit(open_lab(sys.argv[1:]))
