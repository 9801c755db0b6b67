"""A figure that shows itself in a notebook, with its answer in words for those who do not see it.

Made without pyplot: no window system, no global state, nothing left open.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100


def new_figure(width: int, height: int, words: str = "") -> Figure:
    """Return an empty figure of some pixels at 100 dpi; `words` describe it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure_class()(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.words = words  # type: ignore[attr-defined]
    return figure


@lru_cache(maxsize=1)
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure as Plain

    class WorthAThousandWords(Plain):
        """A matplotlib figure with alternative text."""

        words = ""

        def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
            return picture_bundle(small_png(self), self.words)

    return WorthAThousandWords


def small_png(figure: Figure) -> bytes:
    """Return a figure as a PNG of few colours."""
    from simlib.plots.palette import Palette

    figure.canvas.draw()
    pixels, palette = np.asarray(figure.canvas.buffer_rgba()), Palette()  # type: ignore[attr-defined]
    palette.learn(pixels)
    return palette.png(pixels, 9)


def stacked(*pictures: bytes) -> bytes:
    """Return PNGs one below the other, as one."""
    return _joined(pictures, across=False)


def beside(*pictures: bytes) -> bytes:
    """Return PNGs one beside the other, as one."""
    return _joined(pictures, across=True)


def png_size(png: bytes) -> tuple[int, int]:
    """Return the width and the height of a PNG in pixels."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def text_picture(width: int, lines: Sequence[str]) -> bytes:
    """Return lines of text as a PNG of a width in pixels, the first line fainter than the others."""
    from simlib.plots import style
    from simlib.plots.lettering import settle

    broken = [(style.wrap(line, int(width / 7.4), 2), bool(number)) for number, line in enumerate(lines)]
    heights = [8 + 17 * (1 + text.count("\n")) for text, _ in broken]
    figure = new_figure(width, sum(heights) + 8)
    top = 6.0
    for (text, strong), height in zip(broken, heights, strict=True):
        place = 12 / width, 1 - top / (sum(heights) + 8)
        size, colour = (style.TITLE, style.INK) if strong else (style.TEXT, style.FAINT)
        figure.text(*place, text, fontsize=size, color=colour, va="top")
        top += height
    settle(figure)
    return small_png(figure)


def _joined(pictures: Sequence[bytes], *, across: bool) -> bytes:
    from PIL import Image

    from simlib.plots.palette import Palette

    parts = [Image.open(io.BytesIO(png)).convert("RGBA") for png in pictures]
    wide, high = ([part.size[axis] for part in parts] for axis in (0, 1))
    size = (sum(wide), max(high)) if across else (max(wide), sum(high))
    whole = Image.new("RGBA", size, "white")
    place = 0
    for part in parts:
        whole.paste(part, (place, 0) if across else (0, place))
        place += part.size[0 if across else 1]
    palette = Palette()
    palette.learn(np.asarray(whole))
    return palette.png(np.asarray(whole), 9)


def picture_bundle(png: bytes, words: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return a picture for a notebook, as HTML with alternative text where that is live, and as PNG."""
    data = base64.b64encode(png).decode("ascii")
    look = "max-width: 100%; background: white"
    tag = f'<img alt="{html.escape(words)}" src="data:image/png;base64,{data}" style="{look}">'
    return {"text/html": tag, "image/png": data, "text/plain": words}, {"image/png": {"alt": words}}
