"""The pictures that live views show: kernels write them, and the server stores them with a notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from simlib.files import state_folder, write_atomically

LIVE = "SIMLIB_LIVE"
"""The variable that names the folder of the notebooks in a server that `simlib lab` started, and in its kernels."""

KEPT = 40
"""Number of pictures that are kept, the latest ones."""

KINDS = ("image/png", "text/plain")


def is_live() -> bool:
    """Whether this kernel, or this server, belongs to a server that `simlib lab` started."""
    return bool(os.environ.get(LIVE))


def keep(model: str, picture: Mapping[str, str]) -> None:
    """Keep the picture of a live view, by the id of its model. A full disk must not stop the work."""
    folder = _folder()
    try:
        write_atomically(folder / f"{model}.json", json.dumps({kind: picture[kind] for kind in KINDS}).encode())
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def find(model: str) -> dict[str, str]:
    """Return the picture of a live view as {kind: data}, empty where none is kept."""
    if not model.isalnum():
        return {}
    try:
        data = json.loads((_folder() / f"{model}.json").read_text(encoding="utf-8"))
        return {kind: str(data[kind]) for kind in KINDS}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _folder() -> Path:
    return state_folder() / "shown"
