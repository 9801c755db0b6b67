"""A hook that replaces live views (widgets) by their pictures when a notebook is saved.

Without its kernel, a live view only says "model not found". If a file holds a live view and its picture, JupyterLab
shows the live view. The hook therefore stores only the picture. Running the cell makes the view live again. The picture
shows the present state of the view if `shown_pictures` knows this state, and otherwise the state after the last run of
the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simlib.widgets.kit.shown_pictures import find

WIDGET_MEDIA_TYPE = "application/vnd.jupyter.widget-view+json"

LIVE_ONLY = (WIDGET_MEDIA_TYPE, "text/html")
"""Types of data that are removed from outputs with a picture. Without a kernel, these types show nothing or the same
picture."""


def drop_live(output: Any) -> bool:
    """Remove the live view of an output that has a picture, and return whether it has a picture.

    The HTML of an output with a picture is removed too. The plain text of the output becomes the alternative text of
    the picture.
    """
    data = output.get("data", {})
    if "image/png" not in data:
        return False
    for kind in LIVE_ONLY:
        data.pop(kind, None)
        output.get("metadata", {}).pop(kind, None)
    words = "".join(data.get("text/plain", ""))  # either one text or a list of lines
    # nbconvert's classic template reads the alternative text here. Its lab template writes none for a PNG, because its
    # block `data_png` reads only size and background. HTML would keep the text, but some viewers show no pictures in
    # HTML.
    output.setdefault("metadata", {}).setdefault("image/png", {})["alt"] = words
    return True


def before_saving(model: Any, **_: Any) -> None:
    """Store pictures in place of live views. The function is a pre-save hook of Jupyter.

    Outputs without a live view stay as they are, and so do live views without a picture. The state of widgets is
    removed too, unless some live view has no picture.
    """
    if model.get("type") != "notebook":
        return
    notebook = model["content"]
    for output in _views(notebook):
        output["data"] |= find(output["data"][WIDGET_MEDIA_TYPE].get("model_id", ""))
    left = [output for output in _views(notebook) if not drop_live(output)]
    if not left:
        notebook.get("metadata", {}).pop("widgets", None)


def _views(notebook: Any) -> Iterator[Any]:
    for cell in notebook["cells"]:
        yield from (output for output in cell.get("outputs", ()) if WIDGET_MEDIA_TYPE in output.get("data", {}))
