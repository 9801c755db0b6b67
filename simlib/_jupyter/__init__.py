"""The configuration and an extension of the JupyterLab server that `simlib lab` starts.

`simlib._jupyter.lab` puts this folder first on the path of Jupyter's configuration, for that server only. No analysis
needs the configuration.

- This module switches off Nagle's algorithm on the kernel websockets, because this algorithm delays small messages by
  up to 40 ms. If a later version of Jupyter does not allow this change, the delay stays.
- This module also registers `simlib._jupyter.save_hook`, which stores pictures of live views in saved notebooks.
- `jupyter_server_config.json` lets Ctrl-C stop the server at once, and makes the server print only its address and
  errors.
- `labextensions/` has an extension of JupyterLab in plain JavaScript. The extension runs an unchanged copy of a shipped
  notebook when the copy is opened, so that its sliders are live at once. This module tells the extension where these
  copies are.
- `labconfig/` sets two defaults that people can change in the settings of JupyterLab: the kernel's main thread handles
  the messages of sliders in order, and JupyterLab does not look for news. `labconfig/` also keeps the icon of the
  browser tab the same while the kernel is busy. Otherwise the browser would load an icon twice for each picture of a
  moving slider, and show a third fewer pictures.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
from pathlib import Path
from typing import Any

from simlib._jupyter.save_hook import before_saving
from simlib.scenario.library import notebooks_folder
from simlib.widgets.kit.shown_pictures import NOTEBOOKS_VARIABLE


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "simlib._jupyter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    try:
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

        _send_at_once(KernelWebsocketHandler)
    except (ImportError, AttributeError) as error:
        server.log.debug("simlib: kernel messages keep Nagle's delay: %s", error)
    _name_shipped(server)
    try:
        server.contents_manager.register_pre_save_hook(before_saving)
    except Exception as error:  # noqa: BLE001  (a notebook that keeps its live views is better than no server)
        server.log.debug("simlib: notebooks are saved with their live views: %s", error)


def _name_shipped(server: Any) -> None:
    """Tell the web pages of this server where the unchanged copies of the shipped notebooks are.

    The paths of these copies are relative to the root folder of the server.
    """
    if not os.environ.get(NOTEBOOKS_VARIABLE):
        return
    try:
        root = Path(server.root_dir).resolve()
        paths = [
            path.relative_to(root).as_posix() for path in unchanged(Path(os.environ[NOTEBOOKS_VARIABLE]).resolve())
        ]
        server.web_app.settings.setdefault("page_config_data", {})["simlibNotebooks"] = paths
    except (OSError, ValueError, AttributeError) as error:
        server.log.debug("simlib: notebooks do not run by themselves: %s", error)


def unchanged(folder: Path) -> list[Path]:
    """Return the notebooks of a folder that match a shipped notebook in name and in code."""
    shipped = {path.name: path for path in notebooks_folder().glob("*.ipynb")}
    return [path for path in sorted(folder.glob("*.ipynb")) if path.name in shipped and _same(path, shipped[path.name])]


def _same(path: Path, original: Path) -> bool:
    try:
        return path.samefile(original) or _code(path) == _code(original)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _code(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _send_at_once(handler: Any) -> None:
    """Change a websocket handler class so that its sockets send small messages without delay."""
    open_as_before = handler.open

    @functools.wraps(open_as_before)
    async def open_without_delay(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            self.set_nodelay(True)
        except Exception as error:  # noqa: BLE001  (a slower slider is better than no kernel)
            self.log.debug("simlib: kernel messages keep Nagle's delay: %s", error)
        opened = open_as_before(self, *args, **kwargs)
        if inspect.isawaitable(opened):
            await opened

    handler.open = open_without_delay
