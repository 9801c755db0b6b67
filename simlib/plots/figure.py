"""Figures that show themselves in a notebook with an alternative text, and their small PNGs.

Figures are made without pyplot. They need no window system, have no global state, and need not be closed.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100

SHARP = 2
"""Pixels of a picture for each pixel of the page, while the screen of the reader is not known."""

PICTURE_WIDTH = 720
"""Width of a picture in a notebook, in pixels of the page. It fits into a window of 900 pixels."""


def new_figure(width: int, height: int, words: str = "") -> Figure:
    """Return an empty figure with a size in pixels at 100 dpi and the alternative text `words`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure_class()(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.words = words  # type: ignore[attr-defined]
    return figure


def drawn(
    draw: Callable[[Any], Any], width: int, height: int, box: tuple[float, float, float, float], words: str = ""
) -> Figure:
    """Return a figure of `width` by `height` pixels with one axes, on which `draw` has drawn.

    Args:
        draw: A function that draws on an axes.
        width: The width in pixels.
        height: The height in pixels.
        box: The place of the axes, as (left, bottom, width, height) in shares of the figure.
        words: The alternative text.
    """
    from simlib.plots.lettering import settle

    figure = new_figure(width, height, words)
    draw(figure.add_axes(box))
    settle(figure)
    return figure


@lru_cache(maxsize=1)
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure as Plain

    class WorthAThousandWords(Plain):
        words = ""

        def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
            return picture_bundle(small_png(self), self.words, small_png(self, ratio=SHARP))

    return WorthAThousandWords


@contextmanager
def at_ratio(figure: Figure, ratio: float) -> Iterator[None]:
    """Set a figure to `ratio` pixels for each pixel of the page while the `with` block runs."""
    dpi = figure.dpi
    if ratio != 1:
        figure.set_dpi(dpi * ratio)
    try:
        yield
    finally:
        if ratio != 1:
            figure.set_dpi(dpi)


def small_png(*figures: Figure, ratio: float = 1) -> bytes:
    """Return figures of equal width, one below the other, as one PNG of few colours.

    `ratio` is the width of the PNG in pixels, divided by the width of the figures in pixels.
    """
    from simlib.plots.palette import colours_of

    parts = []
    for figure in figures:
        with at_ratio(figure, ratio):
            figure.canvas.draw()
            parts.append(np.array(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    return _few_colours(np.concatenate(parts), colours_of(*figures))


def stacked(*pictures: bytes) -> bytes:
    """Join PNGs into one picture, from top to bottom."""
    from PIL import Image

    parts = [Image.open(io.BytesIO(png)).convert("RGBA") for png in pictures]
    whole = Image.new("RGBA", (max(part.width for part in parts), sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    return _few_colours(whole)


def reduced(png: bytes, width: int) -> bytes:
    """Return a PNG scaled down to `width` pixels at most, for a file that must stay small."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    if picture.width <= width:
        return png
    size = width, round(picture.height * width / picture.width)
    return _few_colours(picture.convert("RGBA").resize(size, Image.Resampling.BOX))


def png_size(png: bytes) -> tuple[int, int]:
    """Return the width and the height of a PNG in pixels."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def text_picture(width: int, lines: Sequence[str]) -> bytes:
    """Return text as a PNG, `width` pixels wide, with the first line fainter than the others."""
    from simlib.plots import style
    from simlib.plots.lettering import settle

    broken = [(style.wrap(line, int(width / 7.4), 2), bool(number)) for number, line in enumerate(lines)]
    heights = [8 + 17 * (1 + text.count("\n")) for text, _ in broken]
    figure = new_figure(width, sum(heights) + 8)
    top = 6.0
    for (text, strong), height in zip(broken, heights, strict=True):
        place = 12 / width, 1 - top / (sum(heights) + 8)
        size, colour = (style.TITLE_SIZE, style.INK) if strong else (style.TEXT_SIZE, style.FAINT)
        figure.text(*place, text, fontsize=size, color=colour, va="top")
        top += height
    settle(figure)
    return small_png(figure)


def _few_colours(picture: Any, colours: Any = None) -> bytes:
    """Return a picture as PNG with few colours, which include `colours` (N, 3)."""
    from simlib.plots.palette import Palette

    pixels, palette = np.asarray(picture), Palette()
    palette.learn(pixels, colours)
    return palette.png(pixels, 9)


DARK = '[data-jp-theme-light="false"] .simlib-figure { filter: invert(0.93) hue-rotate(180deg); }'
"""Rule of style for a picture in a dark theme: light and dark are exchanged, but hues stay."""


def picture_bundle(png: bytes, words: str, sharp: bytes = b"") -> tuple[dict[str, str], dict[str, Any]]:
    """Return the data {type: content} and the metadata of a picture for a notebook.

    The data is the picture as HTML (for live notebooks) and as PNG, and its alternative text `words`. The HTML has
    `sharp`, the same picture with more pixels, or else `png`. A picture that is too wide for the page scrolls and never
    shrinks. In a dark theme of Jupyter, the HTML shows dark colours.
    """
    data, shown = (base64.b64encode(some).decode("ascii") for some in (png, sharp or png))
    look = f'class="simlib-figure" width="{png_size(png)[0]}" style="max-width: none; background: white"'
    tag = f'<img alt="{html.escape(words)}" src="data:image/png;base64,{shown}" {look}>'
    tag = f'<div style="overflow-x: auto"><style>{DARK}</style>{tag}</div>'
    return {"text/html": tag, "image/png": data, "text/plain": words}, {"image/png": {"alt": words}}
