"""The base of live plots: artists that are made once, and then moved for each new forecast.

A panel can be drawn whole, like any other matplotlib axes. A live picture draws only `artists` again, over a stored
background, which is an order of magnitude quicker than a whole drawing. `update` returns whether the stored background
must be drawn again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simlib.plots import style
from simlib.plots.lettering import put
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from simlib.results import Forecast


AXIS_GROWTH = 1.6
"""While a slider is dragged, an axis that is too short becomes this many times as long as needed. So it seldom changes,
which matters because a new background takes as long as ten pictures."""

BELOW = 24.0
"""Labels that are together higher than their axes may reach this many pixels below the axes."""


class LivePanel(ABC):
    """One plot on one axes.

    - `artists`: the parts that change with the forecast.
    - `reach`: the width in pixels for the title and for the caption below the title.
    """

    def __init__(self, ax: Axes, title: str, reach: float) -> None:
        from matplotlib.transforms import offset_copy

        self.ax, self.reach = ax, reach
        style.dress(ax)
        style.entitle(ax, title, lines=1, letters=0.88 * self.letters(style.TITLE_SIZE))  # bold letters are wider
        above = offset_copy(ax.transAxes, fig=style.figure_of(ax), y=7, units="points")
        self.caption = ax.text(
            0, 1, "", transform=above, fontsize=style.SMALL_SIZE, color=style.FAINT, va="baseline", clip_on=False
        )
        self.artists: list[Artist] = []
        self._span: tuple[object, ...] = ()

    def letters(self, size: float = style.SMALL_SIZE) -> int:
        """Return how many letters of `size` points fit into `reach`."""
        return max(20, int(self.reach / (size * style.figure_of(self.ax).dpi / 72 * 0.53)))

    def say(self, *notes: tuple[str, str], moving: bool) -> bool:
        """Set the caption to notes (long wording, short wording), and return whether it changed.

        The short wordings are used if the long ones do not fit. While a slider is `moving`, the caption stays the same,
        because it belongs to the background.
        """
        long, short = map("; ".join, zip(*notes, strict=True))
        words = long if len(long) <= self.letters() else short
        if moving or words == self.caption.get_text():
            return False
        self.caption.set_text(words)
        return True

    def date_axis(self, result: Forecast) -> bool:
        """Write the dates of a forecast at the horizontal axis, and return whether they changed."""
        span = (result.as_of, float(result.times[-1]))
        if span == self._span:
            return False
        style.date_axis(self.ax, *span)
        self._span = span
        return True

    @abstractmethod
    def update(self, result: Forecast, baseline: Forecast | None = None, *, moving: bool = False) -> bool:
        """Show another forecast, and return whether the background (limits, ticks, titles) changed.

        `baseline` is the forecast of the unchanged scenario, for comparison. While a slider is `moving`, the limits of
        the axes only grow, so that nothing jumps.
        """


def outline(times: Floats, low: Floats, high: Floats) -> Floats:
    """Return the outline (2T, 2) of the area between two curves (T,)."""
    return np.concatenate([np.column_stack([times, low]), np.column_stack([times, high])[::-1]])


def beside(ax: Axes) -> float:
    """Return the pixels from the right side of an axes to the edge of its figure."""
    return float(style.figure_of(ax).bbox.width - ax.get_window_extent().x1)


class SideLabels:
    """Labels on the right of an axes, moved apart so that they never overlap.

    Before each label is a short line in the style of its curve or area. A thin grey line leads to the short line from
    the end of the curve. `styles` has the colour and the dash pattern of each short line. `room` is the width of lines
    and labels in pixels (default: up to the edge of the figure).
    """

    def __init__(
        self, ax: Axes, styles: Sequence[tuple[str, object]], *, room: float | None = None, linewidth: float = 2
    ) -> None:
        from matplotlib.collections import LineCollection
        from matplotlib.transforms import offset_copy

        edge, figure = ax.get_yaxis_transform(), style.figure_of(ax)
        room = beside(ax) if room is None else room
        self.ax, self.width = ax, max(10, int((room - 22) / (style.TEXT_SIZE * figure.dpi / 72 * 0.58)))
        text_at = offset_copy(edge, fig=figure, x=20 * 72 / figure.dpi, units="points")
        self.texts = [
            ax.text(
                1,
                0,
                "",
                transform=text_at,
                fontsize=style.TEXT_SIZE,
                color=style.INK,
                va="center",
                ha="left",
                linespacing=1.05,
                clip_on=False,
            )
            for _ in styles
        ]
        self.lines = LineCollection(
            [],
            colors=[style.GHOST] * len(styles) + [colour for colour, _ in styles],
            linestyles=["solid"] * len(styles) + [dash for _, dash in styles],
            linewidths=[0.7] * len(styles) + [linewidth] * len(styles),
            transform=edge,
            clip_on=False,
            capstyle="butt",
            zorder=4,
        )
        ax.add_collection(self.lines, autolim=False)
        self._labels: list[list[str]] = []
        self._heights: Sequence[float] = ()

    @property
    def artists(self) -> list[Artist]:
        """The lines and the texts."""
        return [self.lines, *self.texts]

    def update(
        self, heights: Sequence[float], names: Sequence[str], values: Sequence[str], short: Sequence[str] = ()
    ) -> None:
        """Write each label as near to its height as its neighbours allow.

        Args:
            heights: The wanted heights of the N labels (N,), in data units.
            names: The names in the labels.
            values: The text before each name.
            short: Shorter names, for names that do not fit.
        """
        wordings = zip(values, names, short or names, strict=True)
        self._labels = [[f"{value}  {words}" for words in both] for value, *both in wordings]
        self._heights = heights
        self.place()

    def place(self) -> None:
        """Place the labels anew, after a change of the axes."""
        heights, (bottom, top) = self._heights, self.ax.get_ylim()
        box = self.ax.get_window_extent()
        texts, sizes = self._fit(self._labels, box.height)
        sizes *= (top - bottom) / box.height
        half = float(sizes.max(initial=0.0)) / 2
        # Labels that are together higher than the axes reach below it, beside its dates.
        below = min(max(float(sizes.sum()) - (top - bottom), 0.0), BELOW * (top - bottom) / box.height)
        low = bottom + half * 0.6 - below
        places = style.spread(heights, sizes, low, max(top - half * 0.4, low))
        reach = 17 / box.width
        for artist, text, place in zip(self.texts, texts, places, strict=True):
            put(artist, text)
            artist.set_y(place)
        self.lines.set_segments(
            [
                *([(1.0, height), (1 + reach / 3, place)] for height, place in zip(heights, places, strict=True)),
                *([(1 + reach / 3, place), (1 + reach, place)] for place in places),
            ]
        )

    def _fit(self, labels: Sequence[Sequence[str]], room: float) -> tuple[list[str], NDArray]:
        """Return a text for each label, and the heights of the texts in pixels.

        The text of a label is its first wording that fits on at most three lines. If the texts are together higher than
        `room` pixels, fewer lines are tried.
        """
        line_px = style.TEXT_SIZE * style.figure_of(self.ax).dpi / 72 * 1.22
        texts: list[str] = []
        sizes = np.empty(0)
        for lines in (3, 2, 1):
            texts = [style.wrap_one(wordings, self.width, lines) for wordings in labels]
            sizes = np.array([line_px * (1 + text.count("\n")) + 2 for text in texts])
            if sizes.sum() <= room:
                break
        return texts, sizes


def changed(new: float, old: float | None) -> str:
    """Write a probability and its change from the old one in percentage points: "34% ▲ 6.1"."""
    from simlib.formatting import percent

    text = percent(new)
    difference = "" if old is None else style.points(new - old)
    return text if difference in ("", "± 0") else f"{text} {difference}"
