"""The widgets of simlib: pictures that change in place, sliders, check boxes and text.

All sliders of a panel share one widget model, so a notebook with sixty assumptions opens as quickly as one with six.
Screen readers announce labels, values and answers. JupyterLab's single-key shortcuts do nothing while a slider has the
focus.

In the docstrings, `n` is a counter that the sender increases, so that two equal events in a row differ.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parents[1] / "static"


def _script(name: str) -> str:
    """Return a script with `shared.js` before it, because each widget loads only one file."""
    return "".join((_STATIC / part).read_text(encoding="utf-8") for part in ("shared.js", name))


def _png_url(png: bytes, _: object) -> str:
    """Return a picture as a data URL, which needs no loading, or "" for no picture."""
    return f"data:image/png;base64,{b64encode(png).decode()}" if png else ""


class LivePicture(anywidget.AnyWidget):
    """A PNG that changes in place, with a sentence above and a status line.

    The kernel sets:

    - `png` and `size`, the picture and its width and height in pixels of the page.
    - `sentence`, a list of parts {text, strong}.
    - `alt`, the text for screen readers.
    - `preview`, whether the picture is a quick estimate.
    - `stale`, whether the picture and the sentence are for other settings. Then they are dimmed.
    - `status` {text, kind, share}. A share from 0 to 1 shows a progress bar and a Cancel button.

    The browser sets:

    - `room`, the width that is available for the picture, in pixels of the page.
    - `ratio`, the number of pixels of the screen for each pixel of the page.
    - `cancels`, the number of clicks on Cancel.
    """

    _esm = _script("picture.js")
    _css = _STATIC / "simlib.css"
    png = traitlets.Bytes().tag(sync=True, to_json=_png_url)
    size = traitlets.List([900, 600]).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    sentence: Any = traitlets.List().tag(sync=True)
    preview = traitlets.Bool(default_value=False).tag(sync=True)
    stale = traitlets.Bool(default_value=False).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    room = traitlets.Int(0).tag(sync=True, echo_update=False)
    ratio = traitlets.Float(1.0).tag(sync=True, echo_update=False)
    cancels = traitlets.Int(0).tag(sync=True, echo_update=False)


class ActionWidget(anywidget.AnyWidget):
    """A widget that hears every action of the user exactly once, however busy the kernel is.

    A synced value alone would lose actions, because a busy kernel gets only the latest value.

    - `actions` [{page, n, what, ...}]: the actions that the kernel may not have heard yet, in order. The browser sets
      them. Two pages may show one widget, so each page has an id and numbers its own actions.
    - `heard` {page: n}: the number of the last action of each page that the kernel has carried out. The kernel sets
      these numbers. Of the moves of a slider, the kernel reports only the last, when the slider stops, because each
      message costs time.
    """

    actions: Any = traitlets.List().tag(sync=True, echo_update=False)
    heard = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._acting, self._done = threading.local(), dict[str, int]()
        super().__init__(**traits)

    def listen(
        self, act: Callable[[dict[str, Any]], object], lock: Callable[[], AbstractContextManager[object]]
    ) -> None:
        """Call `act` with each action of the user, and change the widget under the lock `lock()`."""

        def hear(change: dict[str, Any]) -> None:
            for action in change["new"]:
                if action["n"] > self._done.get(action["page"], 0):
                    self._acting.latest = {action["page"]: action["n"]}
                    act(action)
                    with lock():
                        self._done |= self._acting.latest
                        if action["what"] != "move":
                            self._tell()
                    self._acting.latest = {}

        self.observe(hear, "actions")

    def _tell(self) -> None:
        self.heard = self._done | getattr(self._acting, "latest", {})

    @contextmanager
    def hold_sync(self, *, tell: bool = True) -> Iterator[None]:
        """Send changes in the `with` block as one message, by default with an up-to-date `heard`."""
        with super().hold_sync():
            yield
            if tell:
                self._tell()


class Board(ActionWidget):
    """The forecast in the explorer: a sentence, a line of other answers, and two graphs.

    The kernel sets:

    - `answers` [{title, items: [{name, label, short, value, change, due}]}], and `lead`, the name of the item that the
      sentence and the left graph show.
    - `tabs` and `choices` [{id, label}], the tabs of the second graph and the choices within the open tab, and `tab`
      and `choice`, the ids of the chosen ones.
    - `size`, the width and height of each graph in pixels of the page.
    - `last_change`, a description of the change that a replay shows.
    - `offer`, day and time of unsaved changes that the user may restore or discard, or "".
    - `copied` {words, n}, a text for the clipboard.
    - `receipt` {page, n}, the last "settle" request that was read, or the last "keep" request whose picture was stored.

    The browser sets:

    - `room`: the width and height available for each graph, and the pixels of the screen for each pixel of the page.
    - `actions` [{page, n, what, value}] (see `ActionWidget`), where `what` is "lead", "tab", "choice", "step",
      "cancel", "undo", "redo", "replay", "restore", "discard", "settle" or "keep". The value of "replay" says
      whether the picture may move.
    """

    _esm = _script("board.js")
    _css = _STATIC / "simlib.css"
    left = traitlets.Bytes().tag(sync=True, to_json=_png_url)
    right = traitlets.Bytes().tag(sync=True, to_json=_png_url)
    size = traitlets.List([640, 300]).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    alt_right = traitlets.Unicode().tag(sync=True)
    sentence: Any = traitlets.List().tag(sync=True)
    answers: Any = traitlets.List().tag(sync=True)
    lead = traitlets.Unicode().tag(sync=True)
    preview = traitlets.Bool(default_value=False).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    tabs: Any = traitlets.List().tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True)
    choices: Any = traitlets.List().tag(sync=True)
    choice = traitlets.Unicode().tag(sync=True)
    story: Any = traitlets.List().tag(sync=True)
    last_change = traitlets.Unicode().tag(sync=True)
    offer = traitlets.Unicode().tag(sync=True)
    receipt = traitlets.Dict().tag(sync=True)
    copied = traitlets.Dict().tag(sync=True)
    room: Any = traitlets.List([0, 0, 1]).tag(sync=True, echo_update=False)


class Sliders(ActionWidget):
    """Sliders for assumptions, in groups.

    The kernel sets:

    - `groups`, a list of groups with their sliders.
    - `changed`, the ids of changed assumptions.
    - `own_reasons`, whether there is a field for the user's reason.
    - `searching`, whether there is a field for searching.

    The kernel also sets the following, each by the id of a slider:

    - `positions`: the position of the slider. The browser leaves a slider in the user's hand where it is.
    - `overrides`: the text to show if the value is not one of the slider's positions, or was typed.
    - `notes`: a line under the slider.
    - `reach` [left, right, sentence]: the answer to the leading question at the left end of the slider, this answer at
      the right end, and a sentence on both.
    - `refused`: a typed text that was refused, with the reason: {text, why}.
    - `reasons`: the user's reason for changing the value.
    - `view_reasons`: the reason of the chosen view, shown in place of the reason in the scenario.

    The browser sets:

    - `actions` [{page, n, what, id, ...}] (see `ActionWidget`), where `what` is "move" (with `position`), "let go",
      "type" (with `text`), "reset" or "reason" (with `text`).
    - `held`, the id of the slider on which the pointer or the focus is.
    """

    _esm = _script("sliders.js")
    _css = _STATIC / "simlib.css"
    groups: Any = traitlets.List().tag(sync=True)
    positions = traitlets.Dict().tag(sync=True)
    overrides = traitlets.Dict().tag(sync=True)
    notes = traitlets.Dict().tag(sync=True)
    changed: Any = traitlets.List().tag(sync=True)
    reach = traitlets.Dict().tag(sync=True)
    refused = traitlets.Dict().tag(sync=True)
    reasons = traitlets.Dict().tag(sync=True)
    view_reasons = traitlets.Dict().tag(sync=True)
    own_reasons = traitlets.Bool(default_value=False).tag(sync=True)
    searching = traitlets.Bool(default_value=True).tag(sync=True)
    held = traitlets.Unicode("").tag(sync=True, echo_update=False)


class Checks(anywidget.AnyWidget):
    """Check boxes in groups.

    - `groups` [{title, items: [{id, label}]}], the boxes.
    - `checked`, the ids of the checked boxes. Both the kernel and the browser set them.
    """

    _esm = _script("checks.js")
    _css = _STATIC / "simlib.css"
    groups: Any = traitlets.List().tag(sync=True)
    checked: Any = traitlets.List().tag(sync=True)


class Mornings(anywidget.AnyWidget):
    """A slider over days.

    - `label`: the name of the slider.
    - `texts`: the date of each position.
    - `place`: the chosen position. Both the kernel and the browser set it.
    - `news`: the positions with new rows (events) of the log. The slider marks these positions, and two buttons go to
      the previous and to the next of these positions.
    """

    _esm = _script("mornings.js")
    _css = _STATIC / "simlib.css"
    label = traitlets.Unicode("Morning").tag(sync=True)
    texts: Any = traitlets.List().tag(sync=True)
    place = traitlets.Int(0).tag(sync=True, echo_update=False)
    news: Any = traitlets.List().tag(sync=True)


class Sheet(anywidget.AnyWidget):
    """A text editor with line numbers.

    - `text`: the text. Both the kernel and the browser set it.
    - `problems` [{line, text, kind}]: the problems of the text. The editor marks their lines.
    - `go` {line, n}: a line that the editor should select.
    """

    _esm = _script("editor.js")
    _css = _STATIC / "simlib.css"
    text = traitlets.Unicode().tag(sync=True)
    problems: Any = traitlets.List().tag(sync=True)
    go = traitlets.Dict({"line": 0, "n": 0}).tag(sync=True)


class ProblemList(anywidget.AnyWidget):
    """A list of the problems of a text, `problems` [{line, text, kind}].

    The browser sets `chosen` {line, n} when the user clicks a problem.
    """

    _esm = _script("problems.js")
    _css = _STATIC / "simlib.css"
    problems: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Dict({"line": 0, "n": 0}).tag(sync=True, echo_update=False)
