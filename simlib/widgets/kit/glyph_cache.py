"""Quick drawing of changing text: a word is rendered once, and its opacity mask is reused.

Matplotlib lays out and rasterises every glyph whenever it draws. For twenty labels this takes longer than all lines and
areas together. Labels use only a few different words and digits, so the mask of nearly every word is stored already.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlib.plots.style import figure_of

if TYPE_CHECKING:
    from matplotlib.text import Text

_PAD = 2
LEADING = 1.08
"""Distance between two lines of text, in font sizes. Matplotlib has this distance at a line spacing of 1.05."""


class Word(NamedTuple):
    """A rendered word or line of text.

    - `mask` (height, width): the opacity of each pixel, from 0 to 255.
    - `ascent`: the number of rows of pixels above the baseline.
    - `advance`: the distance in pixels from the start of the word to the space after it.
    """

    mask: NDArray[np.uint16]
    ascent: int
    advance: float


@lru_cache(maxsize=4096)
def word(text: str, size: float, weight: str | int, dpi: float) -> Word:
    """Render a word horizontally with matplotlib. `size` is in points."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    font = FontProperties(size=size, weight=weight)
    em = size * dpi / 72
    ascent, height, width = int(1.3 * em) + _PAD, int(1.8 * em) + 2 * _PAD, int(1.4 * em * len(text)) + 4 * _PAD
    renderer = RendererAgg(width, height, dpi)  # drawing without a figure takes a third of the time
    ink = renderer.new_gc()
    ink.set_foreground("black")
    renderer.draw_text(ink, _PAD, ascent, text, font, 0)
    alpha = np.asarray(renderer.buffer_rgba())[..., 3]
    advance, _, _ = renderer.get_text_width_height_descent(text, font, ismath=False)
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not len(rows):
        return Word(np.zeros((1, _PAD), dtype=np.uint16), 1, advance)
    top, bottom, right = int(rows[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    return Word(alpha[top:bottom, :right].astype(np.uint16), ascent - top, advance)


def can_set(text: Text) -> bool:
    """Whether `set_text_on` can draw this text.

    Such a text is horizontal, opaque and without a box. It is vertically aligned at its centre or baseline.
    """
    upright = not text.get_rotation() and text.get_verticalalignment() in ("center", "baseline")
    return upright and text.get_alpha() in (None, 1) and text.get_bbox_patch() is None


def set_text_on(pixels: NDArray[np.uint8], text: Text) -> None:
    """Draw a matplotlib text at its place into the RGBA picture `pixels` (height, width, 4)."""
    from matplotlib.colors import to_rgb

    lines = text.get_text().split("\n")
    if not text.get_visible() or not any(lines):
        return
    x, y = text.get_transform().transform(text.get_unitless_position())
    size, weight, dpi = float(text.get_fontsize()), text.get_fontweight(), figure_of(text).dpi
    em = size * dpi / 72
    leading = LEADING * em
    extra = (len(lines) - 1) * leading
    below = -extra if text.get_verticalalignment() == "baseline" else 0.36 * em - extra / 2
    top = pixels.shape[0] - y + below
    colour = np.array([round(255 * part) for part in to_rgb(text.get_color())], dtype=np.uint16)
    for number, line in enumerate(lines):
        _set_line(pixels, line, x, top + number * leading, text.get_horizontalalignment(), colour, (size, weight, dpi))


def _set_line(
    pixels: NDArray[np.uint8],
    text: str,
    x: float,
    baseline: float,
    ha: str,
    colour: NDArray[np.uint16],
    font: tuple[float, str | int, float],
) -> None:
    if not text.strip():
        return
    item = line(text, *font)
    x -= {"right": item.advance, "center": item.advance / 2}.get(ha, 0.0)
    _blend(pixels, item, round(x) - _PAD, round(baseline) - item.ascent, colour)


@lru_cache(maxsize=512)
def line(text: str, size: float, weight: str | int, dpi: float) -> Word:
    """Render a line word by word, or letter by letter in words with digits, which seldom repeat."""
    if "\u2068" in text:  # a text with right-to-left words is rendered as a whole
        return word(text, size, weight, dpi)
    space = 0.318 * size * dpi / 72
    x, placed = 0.0, []
    for part in text.split(" "):
        for piece in part if any(map(str.isdigit, part)) else [part] if part else []:
            item = word(piece, size, weight, dpi)
            placed.append((round(x), item))
            x += item.advance
        x += space
    ascent = max(item.ascent for _, item in placed)
    below = max(item.mask.shape[0] - item.ascent for _, item in placed)
    mask = np.zeros((ascent + below, max(at + item.mask.shape[1] for at, item in placed)), dtype=np.uint16)
    for at, item in placed:
        (height, width), top = item.mask.shape, ascent - item.ascent
        under = mask[top : top + height, at : at + width]
        np.maximum(under, item.mask, out=under)
    return Word(mask, ascent, x - space)


def _blend(pixels: NDArray[np.uint8], item: Word, left: int, top: int, colour: NDArray[np.uint16]) -> None:
    height, width = item.mask.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, pixels.shape[1]), min(top + height, pixels.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cover = item.mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    mixed = pixels[y0:y1, x0:x1, :3] * (255 - cover)  # at most 255 * 255, so 16 bits are enough
    mixed += colour * cover
    mixed //= 255
    pixels[y0:y1, x0:x1, :3] = mixed
