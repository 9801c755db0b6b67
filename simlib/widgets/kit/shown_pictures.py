"""The latest picture of each live view (widget), stored for when its notebook is saved.

In `simlib lab`, kernels write these pictures to files. The server adds them to a notebook when the notebook is saved,
so that readers without a kernel see pictures.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from simlib.control import Control
from simlib.files import state_folder, write_atomically
from simlib.widgets.kit.latest_worker import LatestWorker, nothing

NOTEBOOKS_VARIABLE = "SIMLIB_LIVE"
"""Environment variable with the folder of the notebooks. `simlib lab` sets it in its server and kernels."""

KEPT = 40
"""Largest number of stored pictures. The oldest are deleted."""

STORING_PAUSE = 0.3
"""Seconds between the last change of a live view and the storing of its picture."""

PICTURE_MEDIA_TYPES = ("image/png", "text/plain")


def is_live() -> bool:
    """Whether this process is a server that `simlib lab` started, or one of its kernels."""
    return bool(os.environ.get(NOTEBOOKS_VARIABLE))


def keep(model: str, picture: Mapping[str, str]) -> None:
    """Store a live view's picture {type: data} under its model's id, and ignore disk errors."""
    folder = _folder()
    try:
        write_atomically(
            folder / f"{model}.json", json.dumps({kind: picture[kind] for kind in PICTURE_MEDIA_TYPES}).encode()
        )
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def find(model: str) -> dict[str, str]:
    """Return the stored picture {type: data} of a live view, by the id of its model, or {}."""
    if not model.isalnum():
        return {}
    try:
        data = json.loads((_folder() / f"{model}.json").read_text(encoding="utf-8"))
        return {kind: str(data[kind]) for kind in PICTURE_MEDIA_TYPES}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


class Keeper:
    """A worker that stores a live view's picture after each change, only within `simlib lab`.

    If a new picture cannot be made, the previous one stays stored.

    Args:
        model: The id of the model of the view.
        picture: Returns the picture as {type: data}, or {} if there is no picture yet.
        rest: Waits until the view no longer changes.
    """

    def __init__(
        self, model: str, picture: Callable[[], Mapping[str, str]], rest: Callable[[], object] = lambda: None
    ) -> None:
        self._model, self._picture, self._rest = model, picture, rest
        self._worker = LatestWorker("simlib-kept")
        self._after: Callable[[], None] | None = None

    def later(self) -> None:
        """Store the picture of the view, `STORING_PAUSE` seconds after the last call of this method."""
        if is_live():
            self._worker.submit(self._keep, nothing, nothing, delay=STORING_PAUSE)

    def now(self, after: Callable[[], None]) -> None:
        """Store the picture as soon as the view no longer changes, and then call `after`."""
        self._after = after
        self._worker.submit(self._keep, nothing, nothing)

    def _keep(self, _: Control) -> None:
        after = self._after
        self._rest()
        picture = self._picture() if is_live() else {}
        if picture:
            keep(self._model, picture)
        if after is not None:
            after()


def _folder() -> Path:
    return state_folder() / "shown"
