"""Pictures as blocks of a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simlib.report.markup import Block

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast

__all__ = ["TALL", "annex_figure", "figure_block"]

_SHARPNESS = 1.5
"""Pixels of an image along one side, for each pixel on the screen."""

_WIDTH, _HEIGHT, TALL = 720, 440, 520
"""Pixels on screen: width and height of a picture in the annex, and height of one with ten rows."""


def figure_block(
    words: str,
    draw: Callable[[Axes], Any],
    width: int,
    height: int,
    box: tuple[float, float, float, float],
    *,
    foot: str = "",
) -> Block:
    """Return a block with the picture that `draw` makes on an axes.

    Args:
        words: The picture in words.
        draw: A function that draws on an axes.
        width: The width in pixels on the screen.
        height: The height in pixels on the screen.
        box: Left edge, lower edge, width and height of the axes, as shares of the picture.
        foot: A line below the picture.
    """
    from simlib.plots.captions import sign
    from simlib.plots.figure import drawn, small_png

    figure = drawn(draw, width, height, box, words)
    if foot:
        sign(figure, foot)
    return Block("figure", words, png=small_png(figure, ratio=_SHARPNESS), width=width)


def annex_figure(
    forecast: Forecast, draw: Callable[[Axes], Any], words: str, *, right: int = 30, height: int = _HEIGHT
) -> Block:
    """Return a block with a wide picture and a foot on the forecast.

    Args:
        forecast: The forecast, for the foot.
        draw: A function that draws on an axes.
        words: The picture in words.
        right: The room for labels at the right, in pixels.
        height: The height in pixels on the screen.
    """
    from simlib.plots.captions import foot

    left, bottom, top = 70, 54, 106
    across, up = _WIDTH - left - right, height - bottom - top
    box = (left / _WIDTH, bottom / height, across / _WIDTH, up / height)
    return figure_block(words, draw, _WIDTH, height, box, foot=foot(forecast))
