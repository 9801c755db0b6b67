"""The project's own widgets: a picture that changes in place, sliders, check boxes and text. No logic here.

They are anywidgets: one model each, however many sliders there are, so that a notebook with sixty assumptions opens as
quickly as one with six. Screen readers announce labels, values and answers, and focused sliders do not react to
JupyterLab's single-key shortcuts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parents[1] / "static"


def _script(name: str) -> str:
    """Return a script with the shared code in front of it, because each widget loads one file."""
    return "".join((_STATIC / part).read_text(encoding="utf-8") for part in ("shared.js", name))


class LivePicture(anywidget.AnyWidget):
    """A PNG that changes in place, with a sentence above it and a status line.

    `sentence` is a list of {text, strong} parts, and `alt` is the text for screen readers. `status` is {text, kind,
    share}: a share from 0 to 1 shows a progress bar and a Cancel button, which adds one to `cancels`. `room` is the
    width that the browser has for the picture, and `ratio` the pixels of its screen for each pixel of the page.
    """

    _esm = _script("picture.js")
    _css = _STATIC / "simlib.css"
    png = traitlets.Bytes().tag(sync=True)
    size = traitlets.List([900, 600]).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    sentence: Any = traitlets.List().tag(sync=True)
    preview = traitlets.Bool(default_value=False).tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    room = traitlets.Int(0).tag(sync=True, echo_update=False)
    ratio = traitlets.Float(1.0).tag(sync=True, echo_update=False)
    cancels = traitlets.Int(0).tag(sync=True, echo_update=False)


class Board(anywidget.AnyWidget):
    """The answer of the explorer: a sentence, a line of other answers, and two graphs, one with tabs.

    `answers` are [{title, items: [{name, label, value, change}]}], and `lead` is the name of the one that leads. `tabs`
    and `choices` are [{id, label}]. `size` is that of both graphs. The browser sets `room`, the width and the height
    that it has for each graph and the pixels of its screen for each pixel of the page, and `request` {what, value, n}:
    "lead", "tab", "choice", "step", "cancel", "replay" (whether things may move), "settle" or "keep". `kept` is the `n`
    of the last "settle" that was read, or of the last "keep" whose picture was kept for the notebook. `last_change`
    describes the change that a replay shows. `copied` {words, n} goes to the clipboard.
    """

    _esm = _script("board.js")
    _css = _STATIC / "simlib.css"
    left = traitlets.Bytes().tag(sync=True)
    right = traitlets.Bytes().tag(sync=True)
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
    kept = traitlets.Int(0).tag(sync=True)
    copied = traitlets.Dict().tag(sync=True)
    room: Any = traitlets.List([0, 0, 1]).tag(sync=True, echo_update=False)
    request = traitlets.Dict({"n": 0}).tag(sync=True, echo_update=False)


class Dials(anywidget.AnyWidget):
    """Sliders by group: `groups` describes them, and `positions` holds where they stand (both ways).

    `overrides` are readouts of values between two positions, `notes` are lines under sliders, and `changed` are the ids
    that differ from the view. `reach` holds for each slider the answers at its two ends, and words on how well they are
    known: [left, right, words]. `refused` are typed texts that could not be read, with the reason: {text, why}. With
    `own_reasons`, a person can write down why a value was changed. `searching` shows a field for searching. The browser
    sets `typed` {id, text, n} and `request` {what, id, n}, and adds one to `let_go` when the pointer leaves a slider
    that it moved.
    """

    _esm = _script("dials.js")
    _css = _STATIC / "simlib.css"
    groups: Any = traitlets.List().tag(sync=True)
    positions = traitlets.Dict().tag(sync=True, echo_update=False)
    overrides = traitlets.Dict().tag(sync=True)
    notes = traitlets.Dict().tag(sync=True)
    changed: Any = traitlets.List().tag(sync=True)
    reach = traitlets.Dict().tag(sync=True)
    refused = traitlets.Dict().tag(sync=True)
    reasons = traitlets.Dict().tag(sync=True)
    own_reasons = traitlets.Bool(default_value=False).tag(sync=True)
    searching = traitlets.Bool(default_value=True).tag(sync=True)
    typed = traitlets.Dict({"n": 0}).tag(sync=True, echo_update=False)
    request = traitlets.Dict({"n": 0}).tag(sync=True, echo_update=False)
    let_go = traitlets.Int(0).tag(sync=True, echo_update=False)


class Checks(anywidget.AnyWidget):
    """Check boxes by group: `groups` [{title, items: [{id, label}]}], `checked` ids (both ways)."""

    _esm = _script("checks.js")
    _css = _STATIC / "simlib.css"
    groups: Any = traitlets.List().tag(sync=True)
    checked: Any = traitlets.List().tag(sync=True)


class Mornings(anywidget.AnyWidget):
    """A slider over days: `texts` holds the day of each position, and `place` the chosen one (both ways).

    `news` are the positions with something new: they are marked, and two buttons lead from one to the next.
    """

    _esm = _script("mornings.js")
    _css = _STATIC / "simlib.css"
    label = traitlets.Unicode("Morning").tag(sync=True)
    texts: Any = traitlets.List().tag(sync=True)
    place = traitlets.Int(0).tag(sync=True, echo_update=False)
    news: Any = traitlets.List().tag(sync=True)


class Sheet(anywidget.AnyWidget):
    """A text editor with line numbers. It marks lines with `problems` [{line, text, kind}]. `go` selects one."""

    _esm = _script("editor.js")
    _css = _STATIC / "simlib.css"
    text = traitlets.Unicode().tag(sync=True)
    problems: Any = traitlets.List().tag(sync=True)
    go = traitlets.Dict({"line": 0, "n": 0}).tag(sync=True)


class ProblemList(anywidget.AnyWidget):
    """The `problems` of a text [{line, text, kind}]. The browser sets `chosen` {line, n} when one is clicked."""

    _esm = _script("problems.js")
    _css = _STATIC / "simlib.css"
    problems: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Dict({"line": 0, "n": 0}).tag(sync=True, echo_update=False)
