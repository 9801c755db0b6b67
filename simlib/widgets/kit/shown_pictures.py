"""The pictures of live views: kernels write them, and the server stores them with a notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from simlib.control import Control
from simlib.files import state_folder, write_atomically
from simlib.widgets.kit.latest_worker import LatestWorker

LIVE = "SIMLIB_LIVE"
"""Environment variable with the folder of notebooks, set in a server of `simlib lab` and in its kernels."""

KEPT = 40
"""Number of pictures that are kept, the latest ones."""

PAUSE = 0.3
"""Seconds after the last change of a live view before its picture is kept."""

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
    """Return the picture of a live view as {kind: data}, empty if none is kept."""
    if not model.isalnum():
        return {}
    try:
        data = json.loads((_folder() / f"{model}.json").read_text(encoding="utf-8"))
        return {kind: str(data[kind]) for kind in KINDS}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


class Keeper:
    """Keeps the picture of a live view after each change, if notebooks are saved with such pictures.

    `picture` returns it, empty if there is none yet, and `rest` waits until the view is at rest.
    """

    def __init__(
        self, model: str, picture: Callable[[], Mapping[str, str]], rest: Callable[[], object] = lambda: None
    ) -> None:
        self._model, self._picture, self._rest = model, picture, rest
        self._worker = LatestWorker("simlib-kept")
        self._after: Callable[[], None] | None = None

    def later(self) -> None:
        """Keep the picture soon: something has changed."""
        if is_live():
            self._worker.submit(self._keep, _nothing, _nothing, delay=PAUSE)

    def now(self, after: Callable[[], None]) -> None:
        """Keep the picture of the answer to the present settings, and call `after` then."""
        self._after = after
        self._worker.submit(self._keep, _nothing, _nothing)

    def _keep(self, _: Control) -> None:
        after = self._after
        self._rest()
        picture = self._picture() if is_live() else {}
        if picture:
            keep(self._model, picture)
        if after is not None:
            after()


def _nothing(_: object) -> None:
    pass  # without a new picture, the previous one stays stored


def _folder() -> Path:
    return state_folder() / "shown"
