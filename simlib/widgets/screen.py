"""A figure that moves: only what changed is drawn again, over a stored background, and sent as a small PNG.

A whole draw of a dashboard takes about 100 ms, nine tenths of it for ticks and text that do not change; drawing the
changing artists over the stored background takes a tenth of that. The picture is reduced to a palette taken from the
last whole draw, which makes it a third of the size and quicker to compress than 32-bit colour.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simlib.plots.figure import new_figure
from simlib.widgets.type import can_set, set_text_on

QUICK, SMALL = 6, 9
"""zlib levels of the PNG while a hand moves and at rest. On a palette picture level 6 costs 3 ms more than level 1."""

COLOURS = 96
"""Size of the palette. With 64 to 128 colours a dashboard cannot be told from the original by eye."""


class Moving(Protocol):
    """A figure with its artists that change."""

    figure: Any

    @property
    def artists(self) -> list[Any]:
        """The artists that change from picture to picture."""


class Screen:
    """Turns a moving figure into PNG bytes, quickly when only its changing artists changed."""

    def __init__(self, moving: Moving) -> None:
        from matplotlib.text import Text

        self._figure = moving.figure
        artists = sorted(moving.artists, key=lambda artist: artist.get_zorder())
        for artist in artists:
            artist.set_animated(True)
        self._texts = [artist for artist in artists if isinstance(artist, Text) and can_set(artist)]
        self._drawn = [artist for artist in artists if artist not in self._texts]
        self._background: Any = None
        self._palette = Palette()

    def png(self, *, redraw: bool = False, moving: bool = False) -> bytes:
        """Return the picture as it stands; `redraw` draws the background again, `moving` saves time, not bytes."""
        canvas = self._figure.canvas
        if redraw or self._background is None:
            canvas.draw()
            self._background = canvas.copy_from_bbox(self._figure.bbox)
        else:
            canvas.restore_region(self._background)
        renderer = canvas.get_renderer()
        for artist in self._drawn:
            artist.draw(renderer)
        pixels = np.asarray(canvas.buffer_rgba())
        for text in self._texts:
            set_text_on(pixels, text)
        if (redraw and not moving) or not self._palette.ready:
            self._palette.learn(pixels)
        return self._palette.png(pixels, QUICK if moving else SMALL)


class Palette:
    """Colours learnt from one picture, and a table that maps any colour to the nearest of them."""

    def __init__(self) -> None:
        self._colours: NDArray[np.uint8] = np.empty((0, 3), dtype=np.uint8)
        self._nearest: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)

    @property
    def ready(self) -> bool:
        """Whether a picture was learnt."""
        return len(self._nearest) > 0

    def learn(self, pixels: NDArray[np.uint8]) -> None:
        """Take the palette from an RGBA picture (height, width, 4); pure white always stays white."""
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        learnt = image.quantize(COLOURS - 1, method=Image.Quantize.MEDIANCUT)
        colours = np.array(learnt.getpalette(), dtype=np.uint8).reshape(-1, 3)[: COLOURS - 1]
        self._colours = np.concatenate([colours, [[255, 255, 255]]]).astype(np.uint8)
        self._nearest = _nearest_table(self._colours.astype(np.float32))

    def png(self, pixels: NDArray[np.uint8], level: int = QUICK) -> bytes:
        """Return an RGBA picture (height, width, 4) as a palette PNG."""
        from PIL import Image

        height, width = pixels.shape[:2]
        words = np.ascontiguousarray(pixels).view("<u4").reshape(height, width)
        index = ((words & 0xF8) << 7) | ((words >> 6) & 0x3E0) | ((words >> 19) & 0x1F)
        image = Image.fromarray(self._nearest[index])
        image.putpalette(self._colours.tobytes())
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=level)
        return buffer.getvalue()


def _nearest_table(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the nearest colour for every 5-bit-per-channel colour (32768,)."""
    levels = np.round(np.arange(32) * 255 / 31).astype(np.float32)
    red, green, blue = np.meshgrid(levels, levels, levels, indexing="ij")
    cells = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    distance = (colours**2).sum(axis=1) - 2 * cells @ colours.T
    return np.argmin(distance, axis=1).astype(np.uint8)


def still(
    draw: Callable[[Any], Any], width: int, height: int, *, left: int = 50, right: int = 20
) -> tuple[bytes, tuple[int, int]]:
    """Draw one plot with a title and an axis below, in pixels, and return it as PNG with its size.

    `left` is room for labels.
    """
    top, bottom = 48, 40
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    return still_figure(draw, width, height, box)


def still_figure(
    draw: Callable[[Any], Any], width: int, height: int, box: tuple[float, float, float, float] = (0, 0, 1, 1)
) -> tuple[bytes, tuple[int, int]]:
    """Draw on one axes that fills `box` of a figure of some pixels, and return it as PNG with its size."""
    figure = new_figure(width, height)
    draw(figure.add_axes(box))
    figure.canvas.draw()
    palette, pixels = Palette(), np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    palette.learn(pixels)
    return palette.png(pixels, SMALL), (width, height)
