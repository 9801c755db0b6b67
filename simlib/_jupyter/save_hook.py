"""What is left out of a notebook when it is saved: live views of what also has a picture.

Without its kernel a live view says "model not found", and JupyterLab prefers it to the picture that lies beside it in
the file. So the picture alone is kept; running the cell makes it live again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"

LIVE_ONLY = (VIEW, "text/html")
"""Left out of stored outputs that also have a picture: without a kernel they show nothing, or the same once more."""


def drop_live(output: Any) -> bool:
    """Take the live views out of an output that has a picture; return False for one that has none."""
    data = output.get("data", {})
    if "image/png" not in data:
        return False
    for kind in LIVE_ONLY:
        data.pop(kind, None)
        output.get("metadata", {}).pop(kind, None)
    return True


def before_saving(model: Any, **_: Any) -> None:
    """Store pictures in place of live views (a pre-save hook of Jupyter); other outputs stay as they are.

    The state of widgets goes as well, unless something is left that only it can show.
    """
    if model.get("type") != "notebook":
        return
    notebook = model["content"]
    left = [output for output in _views(notebook) if not drop_live(output)]
    if not left:
        notebook.get("metadata", {}).pop("widgets", None)


def _views(notebook: Any) -> Iterator[Any]:
    for cell in notebook["cells"]:
        yield from (output for output in cell.get("outputs", ()) if VIEW in output.get("data", {}))
