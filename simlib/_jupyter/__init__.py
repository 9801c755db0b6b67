"""Configuration of a JupyterLab that is started by `simlib lab`. Nothing depends on it.

`simlib.lab` puts this folder first on the path of Jupyter's configuration, for that server only.

- `jupyter_server_config.json`: Ctrl-C stops it at once, and it says only the address and what goes wrong.
- This module is a server extension, enabled for that server only: it switches Nagle's algorithm off on the kernel
  websockets, on which the server otherwise holds small messages back for up to 40 ms. If Jupyter changes and the
  way in is gone, it does nothing.
- It also stores pictures in place of live views in the notebooks that are saved; see `simlib._jupyter.save_hook`.
- `labconfig/` sets two defaults that people can change in Lab's settings: messages of sliders run in the kernel's main
  thread, in order, and Lab asks nobody for news.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from simlib._jupyter.save_hook import before_saving


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "simlib._jupyter"}]


def _load_jupyter_server_extension(server: Any) -> None:
    try:
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

        _send_at_once(KernelWebsocketHandler)
    except (ImportError, AttributeError) as error:
        server.log.debug("simlib: kernel messages keep Nagle's delay: %s", error)
    try:
        server.contents_manager.register_pre_save_hook(before_saving)
    except Exception as error:  # noqa: BLE001  (a notebook that keeps its live views is better than no server)
        server.log.debug("simlib: notebooks are saved with their live views: %s", error)


def _send_at_once(handler: Any) -> None:
    """Make every websocket of a handler class send small messages at once, from the moment it opens."""
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
