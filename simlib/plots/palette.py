"""PNGs of few colours, which are a third of the usual size and quicker to compress.

Colours with a meaning are always kept exactly. Other colours (shades of edges, areas) are learnt from a picture.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = 64
"""Number of colours in total, if few are kept exactly. With 64 to 128 a picture looks like the original."""

FILLS, MOST_FILLS, LEARNT = 16, 150, 16
"""The `FILLS` most frequent colours are kept exactly. So is any other colour that fills a visible part (such as a cell
of a grid), up to `MOST_FILLS` in all. At least `LEARNT` further colours are learnt."""

SEEN = 0.001
"""Share of a picture above which a colour counts as a visible area."""


def _core() -> NDArray[np.uint8]:
    """Return the colours in every palette: those of `style`, their pale tints, and white."""
    from matplotlib.colors import to_rgb

    full = np.array(
        [to_rgb(c) for c in (*style.CATEGORY_COLOURS, style.INK, style.FAINT, style.GRID_COLOUR, style.GHOST)]
    )
    both = np.concatenate([full, (full + 1) / 2, [[1.0, 1.0, 1.0]]])
    return np.unique(np.round(255 * both).astype(np.uint8), axis=0)


def _frequent(image: Any) -> NDArray[np.uint8]:
    area = image.width * image.height
    counted = sorted(image.getcolors(maxcolors=area), reverse=True)[:MOST_FILLS]
    return np.array(
        [colour for rank, (count, colour) in enumerate(counted) if rank < FILLS or count > SEEN * area], dtype=np.uint8
    )


def colours_of(*figures: Figure) -> NDArray[np.uint8]:
    """Return the N opaque colours (N, 3) of all marks and areas in figures, even the smallest."""
    from matplotlib.collections import Collection
    from matplotlib.colors import to_rgba_array
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    artists = [artist for figure in figures for artist in figure.findobj()]
    arrays = [to_rgba_array(some.get_facecolor()) for some in artists if isinstance(some, Patch | Collection)]
    lines = [some for some in artists if isinstance(some, Line2D)]
    arrays += [to_rgba_array([line.get_color(), line.get_markerfacecolor()]) for line in lines]
    colours = np.unique(np.round(255 * np.concatenate(arrays)).astype(np.uint8), axis=0)
    opaque: NDArray[np.uint8] = colours[colours[:, 3] == 255, :3][:MOST_FILLS]
    return opaque


class Palette:
    """Colours learnt from one picture, and a table that maps any colour to the nearest of them."""

    def __init__(self) -> None:
        self._colours: NDArray[np.uint8] = np.empty((0, 3), dtype=np.uint8)
        self._nearest: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)

    @property
    def ready(self) -> bool:
        """Whether `learn` has taken the palette from a picture."""
        return len(self._nearest) > 0

    def learn(self, pixels: NDArray[np.uint8], exact: NDArray[np.uint8] | None = None) -> None:
        """Take the palette from an RGBA picture (height, width, 4), and keep `exact` (N, 3) exactly."""
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        core = np.unique(_core() if exact is None else np.concatenate([_core(), exact]), axis=0)
        core = np.unique(np.concatenate([core, _frequent(image)[: 256 - LEARNT - len(core)]]), axis=0)
        free = max(COLOURS - len(core), LEARNT)
        learnt = image.quantize(free, method=Image.Quantize.MEDIANCUT)
        colours = np.array(learnt.getpalette(), dtype=np.uint8).reshape(-1, 3)[:free]
        self._colours = np.concatenate([core, colours])
        self._nearest = _nearest_table(self._colours.astype(np.float32))
        red, green, blue = (core.astype(np.int64) >> 3).T
        self._nearest[(red << 10) | (green << 5) | blue] = np.arange(len(core), dtype=np.uint8)

    def png(self, pixels: NDArray[np.uint8], level: int = 6) -> bytes:
        """Return an RGBA picture (height, width, 4) as a palette PNG."""
        from PIL import Image

        height, width = pixels.shape[:2]
        words = np.ascontiguousarray(pixels).view("<u4").reshape(height, width)
        # 5 bits of each channel; bytes lie in memory as red, green, blue, alpha
        index, part = (words << 7) & 0x7C00, words >> 6
        part &= 0x3E0
        index |= part
        np.right_shift(words, 19, out=part)
        part &= 0x1F
        index |= part
        image = Image.fromarray(np.take(self._nearest, index))
        image.putpalette(self._colours.tobytes())
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=level)
        return buffer.getvalue()


def _nearest_table(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index of the nearest of `colours` (N, 3) for each of 32,768 colours of 15 bits."""
    levels = np.round(np.arange(32) * 255 / 31).astype(np.float32)
    red, green, blue = np.meshgrid(levels, levels, levels, indexing="ij")
    cells = np.stack([red, green, blue], axis=-1).reshape(-1, 3)
    distance = (colours**2).sum(axis=1) - 2 * cells @ colours.T
    return np.argmin(distance, axis=1).astype(np.uint8)
