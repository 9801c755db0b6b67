"""Fast pictures of changing figures: only the artists that change are drawn again.

Drawing a whole dashboard takes about 100 ms. Nine tenths of this time go to ticks and text that do not change. Drawing
only the changing artists over a stored background takes about 10 ms. The colours of the picture are then reduced to the
palette of the last complete drawing. The PNG is then a third as large as in 32-bit colour, and quicker to compress.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from simlib.plots.figure import at_ratio, drawn, small_png
from simlib.plots.palette import Palette, colours_of
from simlib.widgets.kit.glyph_cache import can_set, set_text_on

COMPRESSION_LEVEL = 4
"""Compression level (zlib) of the PNG. Level 4 takes 3 ms and makes 39 kB. Level 8 takes 15 ms and makes 34 kB.

A picture at rest has the same level, so that it is not sent again if it equals the last moving picture.
"""


class MovingFigure(Protocol):
    """A figure of which some artists change from picture to picture."""

    figure: Any

    @property
    def artists(self) -> list[Any]:
        """The artists that change from picture to picture."""


class Screen:
    """Draws a changing figure as PNG again and again, quickly if only its `artists` change."""

    def __init__(self, moving: MovingFigure) -> None:
        from matplotlib.text import Text

        self._figure = moving.figure
        artists = sorted(moving.artists, key=lambda artist: artist.get_zorder())
        for artist in artists:
            artist.set_animated(True)
        self._texts = [artist for artist in artists if isinstance(artist, Text) and can_set(artist)]
        self._drawn = [artist for artist in artists if artist not in self._texts]
        self._backgrounds: dict[float, Any] = {}
        self._palette = Palette()

    def png(self, *, redraw: bool = False, moving: bool = False, ratio: float = 1.0) -> bytes:
        """Return the present picture as PNG.

        Args:
            redraw: Whether to draw the background again. A new palette is then taken from the picture, unless `moving`
                is set.
            moving: Whether a slider moves. The old palette is then used.
            ratio: The number of pixels of the picture for each pixel of the page.
        """
        with at_ratio(self._figure, ratio):
            return self._png(redraw=redraw, moving=moving, ratio=ratio)

    def _png(self, *, redraw: bool, moving: bool, ratio: float) -> bytes:
        canvas = self._figure.canvas
        if redraw:
            self._backgrounds.clear()
        if ratio not in self._backgrounds:
            canvas.draw()
            self._backgrounds[ratio] = canvas.copy_from_bbox(self._figure.bbox)
        else:
            canvas.restore_region(self._backgrounds[ratio])
        renderer = canvas.get_renderer()
        for artist in self._drawn:
            artist.draw(renderer)
        pixels = np.asarray(canvas.buffer_rgba())
        for text in self._texts:
            set_text_on(pixels, text)
        if (redraw and not moving) or not self._palette.ready:
            self._palette.learn(pixels, colours_of(self._figure))
        return self._palette.png(pixels, COMPRESSION_LEVEL)


def still(
    draw: Callable[[Any], Any], width: int, height: int, *, left: int = 50, right: int = 20, ratio: float = 1.0
) -> tuple[bytes, tuple[int, int]]:
    """Draw one plot with a title above and an axis below. Return a PNG and its size.

    Args:
        draw: A function that draws on an axes.
        width: The width in pixels of the page.
        height: The height in pixels of the page.
        left: The left margin in pixels of the page.
        right: The right margin in pixels of the page.
        ratio: The number of pixels of the PNG for each pixel of the page.
    """
    top, bottom = 48, 40
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    return still_figure(draw, width, height, box, ratio)


def still_figure(
    draw: Callable[[Any], Any],
    width: int,
    height: int,
    box: tuple[float, float, float, float] = (0, 0, 1, 1),
    ratio: float = 1.0,
) -> tuple[bytes, tuple[int, int]]:
    """Draw on a figure with one axes. Return a PNG of the figure and its size.

    Args:
        draw: A function that draws on an axes.
        width: The width in pixels of the page.
        height: The height in pixels of the page.
        box: The place of the axes, as (left, bottom, width, height) in shares of the figure.
        ratio: The number of pixels of the PNG for each pixel of the page.
    """
    return small_png(drawn(draw, width, height, box), ratio=ratio), (width, height)
