"""Answers as panels show them: their pictures, and their files.

Each answer is stored under a hash of the scenario and of all settings, so that it is shown at once the next time. The
answers that the notebooks show at first come with simlib.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simlib.files import stored_json, write_atomically
from simlib.plots.figure import PICTURE_WIDTH, SHARP, small_png
from simlib.scenario.library import notebooks_folder
from simlib.widgets.explorer.autosave import folder

SHOWN_ANSWER_FORMAT = 2
"""Version of the file format. A file of another version is ignored."""

TITLE_MARGIN = 94
"""Pixels above a plot, for a title of up to three lines and a caption."""

STORED_ANSWERS = 60
"""Number of answers that stay stored between sessions. The oldest are deleted."""


@dataclass(frozen=True)
class ShownAnswer:
    """An answer: sentences, a table and a picture.

    - `sentences`: the answer in words.
    - `head`, `rows`: the headings and the lines of the table.
    - `numbers`: how many of the last columns of the table hold numbers.
    - `png`: the picture, with `SHARP` pixels for each pixel of the page.
    - `size`: the width and the height of the picture, in pixels of the page.
    - `more`: JSON data for panels that show more, such as sliders or remarks.
    """

    sentences: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    png: bytes
    size: tuple[int, int]
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alt(self) -> str:
        """The text for readers who cannot see the picture."""
        return " ".join(self.sentences[:3])


@dataclass(frozen=True)
class Drawing:
    """A function that draws on axes, and the height and the margins of its picture in pixels."""

    draw: Callable[[Any], Any]
    height: int
    left: int = 50
    bottom: int = 40
    top: int = TITLE_MARGIN
    right: int = 20


def stack_drawings(*drawings: Drawing) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of the drawings, one below the other, and its size in pixels of the page."""
    from simlib.plots.figure import drawn

    figures = []
    for drawing in drawings:
        inside = (PICTURE_WIDTH - drawing.left - drawing.right, drawing.height - drawing.top - drawing.bottom)
        box = (
            drawing.left / PICTURE_WIDTH,
            drawing.bottom / drawing.height,
            inside[0] / PICTURE_WIDTH,
            inside[1] / drawing.height,
        )
        figures.append(drawn(drawing.draw, PICTURE_WIDTH, drawing.height, box))
    return small_png(*figures, ratio=SHARP), (PICTURE_WIDTH, sum(drawing.height for drawing in drawings))


def write_answer(answer: ShownAnswer, file: Path) -> None:
    """Write an answer to a file. If writing fails, the file stays unchanged."""
    data = {
        "format": SHOWN_ANSWER_FORMAT,
        "sentences": answer.sentences,
        "head": answer.head,
        "rows": answer.rows,
        "numbers": answer.numbers,
        "size": answer.size,
        "png": base64.b64encode(answer.png).decode("ascii"),
    } | ({"more": answer.more} if answer.more else {})
    write_atomically(file, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())


def read_answer(file: Path) -> ShownAnswer | None:
    """Return the answer in a file, or None if the file is missing or cannot be read."""
    return stored_json([file], SHOWN_ANSWER_FORMAT, _read)


def _read(data: Any) -> ShownAnswer:
    return ShownAnswer(
        tuple(data["sentences"]),
        tuple(data["head"]),
        tuple(tuple(row) for row in data["rows"]),
        data["numbers"],
        base64.b64decode(data["png"]),
        tuple(data["size"]),
        data.get("more", {}),
    )


def answer_folders() -> list[Path]:
    """Return the folders of stored answers: that of simlib itself, then that of the user."""
    return [notebooks_folder() / ".stored", folder() / "answers"]


def store_in_home(answer: ShownAnswer, name: str) -> None:
    """Store an answer in the user's folder, delete the oldest ones, and ignore disk errors."""
    home = folder() / "answers"
    try:
        write_answer(answer, home / name)
        for old in sorted(home.glob("answer-*.json"), key=lambda file: file.stat().st_mtime)[:-STORED_ANSWERS]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # the answer is shown even if it cannot be stored
