"""A picture for a slider over days: the forecast on every morning, and the state on one.

Left: the forecast on each morning. A strong line shows the mornings up to the chosen one, and a pale line the later
mornings. Right: the level of each variable on the chosen morning. A hidden variable has a bar with the probabilities of
its levels.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import long_date, percent
from simlib.plots import style
from simlib.plots.figure import new_figure
from simlib.plots.lettering import put, settle
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.text import Text

    from simlib.scenario.model import Variable

VARIABLE_HEIGHT, HEAD_HEIGHT, LEAST_PICTURE_HEIGHT = 34, 58, 330
"""Heights in pixels: of one variable, of the room above the first variable, and of the smallest picture."""

_LEFT, _BOTTOM, _TOP, _BOARD_GAP, _RIGHT = 50, 58, 60, 40, 14
_BAR = 0.42
"""Width of a bar of probabilities, as a share of the width of the right side of the picture."""

_WORTH_TELLING = 0.005
"""Least probability of a level that is named."""


@dataclass(frozen=True)
class Tick:
    """The mark of a row (an event of the log) on the time axis.

    - `day`: when the event happened, in days after the first morning of the picture.
    - `known`: the first morning on which the forecast uses the row, in the same unit.
    - `own`: whether the user added the row.
    """

    day: float
    known: float
    own: bool = False


@dataclass(frozen=True)
class Morning:
    """The forecast and the state of the world, as known on one morning.

    - `place`: the number of the morning, from 0.
    - `date`: its date.
    - `forecast`: the probability that is shown.
    - `levels`: by id of a variable, the probability of each of its levels.
    """

    place: int
    date: dt.date
    forecast: float
    levels: Mapping[str, Floats]


def height_of(variables: Sequence[Variable]) -> int:
    """Return the height in pixels that the picture of all variables needs."""
    return max(LEAST_PICTURE_HEIGHT, HEAD_HEIGHT + VARIABLE_HEIGHT * len(variables) + 12)


class LogBoard:
    """A figure of the forecast over time (left) and the state on one morning (right).

    - `figure`: a plain Figure of `width` by `height` pixels.
    - `artists`: the parts that change with the morning. `Screen` draws only these again.

    Args:
        variables: The variables whose levels are shown.
        first: The date of the first morning.
        mornings: The number of mornings.
        width: The width in pixels. The height follows from the number of variables.
        title: The title of the left part.
    """

    def __init__(
        self, variables: Sequence[Variable], first: dt.date, mornings: int, width: int, *, title: str = ""
    ) -> None:
        self.variables = variables
        self.width, self.height = width, height_of(variables)
        self.figure = new_figure(self.width, self.height)
        room = round(0.58 * width) - _LEFT - _BOARD_GAP
        inside = (self.height - _BOTTOM - _TOP) / self.height
        self._ax = self.figure.add_axes((_LEFT / width, _BOTTOM / self.height, room / width, inside))
        self._values: Floats = np.full(mornings, np.nan)
        style.dress(self._ax, style.wrap(title, max(24, int(room / 7.6)), 2))
        style.date_axis(self._ax, first + dt.timedelta(days=1), float(mornings - 1))
        self._ax.set_xlabel(
            "morning of the forecast; ticks: rows of the log, your own in orange", fontsize=style.SMALL_SIZE
        )
        self._ax.xaxis.label.set_color(style.FAINT)
        self._make_lines()
        self._make_side(_LEFT + room + _BOARD_GAP)
        settle(self.figure)

    # ---------------------------------------------------------------- left: the forecast over time

    def _make_lines(self) -> None:
        from matplotlib.collections import LineCollection

        ax, blue = self._ax, style.BLUE
        self._static = ax.axhline(0, color=style.GHOST, linestyle=(0, (5, 3)), linewidth=1.3, zorder=2)
        self._static_label = ax.text(0, 0, "", fontsize=style.SMALL_SIZE, color=style.FAINT, ha="left", va="bottom")
        (self._later,) = ax.plot([], [], color=style.SKY, linewidth=1.2, alpha=0.75, zorder=3, drawstyle="steps-post")
        down = ax.get_xaxis_transform()
        self._pale = LineCollection([], colors=style.GHOST, linewidths=0.8, transform=down, zorder=3, clip_on=False)
        self._dark = LineCollection([], colors=style.INK, linewidths=1.5, transform=down, zorder=4, clip_on=False)
        self._hand = LineCollection([], colors=style.VERMILION, linewidths=2.4, transform=down, zorder=5, clip_on=False)
        for ticks in (self._pale, self._dark, self._hand):
            ax.add_collection(ticks, autolim=False)
        (self._line,) = ax.plot([], [], color=blue, linewidth=2.2, zorder=5, drawstyle="steps-post")
        self._now = ax.axvline(0, color=style.INK, linewidth=1.0, zorder=4, clip_on=False)
        (self._dot,) = ax.plot([], [], "o", color=blue, markersize=7, markeredgecolor="white", zorder=6, clip_on=False)
        self._number = ax.text(
            0, 0, "", fontsize=style.TITLE_SIZE, color=blue, fontweight="bold", va="center", zorder=7
        )
        self._ticks: tuple[Tick, ...] = ()
        self.artists: list[Artist] = [self._dark, self._hand, self._line, self._now, self._dot, self._number]

    def lay_out(self, values: Floats, static: float, ticks: Sequence[Tick]) -> None:
        """Draw the parts that do not depend on the chosen morning.

        Args:
            values: The forecast of each morning (N,), NaN if it is not computed yet.
            static: The forecast that is never updated.
            ticks: The marks of the rows (events of the log).
        """
        self._values, self._ticks = values, tuple(ticks)
        known = values[np.isfinite(values)]
        style.percent_axis(self._ax, style.round_top(max([static, *known.tolist()])))
        self._later.set_data(np.arange(len(values)), values)
        self._static.set_ydata([static, static])
        right = self._is_clearer_right(static)
        self._static_label.set_position((len(values) - 1 if right else 0, static))
        self._static_label.set_horizontalalignment("right" if right else "left")
        put(self._static_label, f" never updated: {percent(static)} ")
        self._pale.set_segments([_tick(tick.day, 0.025) for tick in ticks])

    def _is_clearer_right(self, static: float) -> bool:
        """Return whether the curve stays farther from `static` in its last third than in its first."""
        third = max(len(self._values) // 3, 1)
        near = [np.nanmin(np.abs(part - static), initial=1.0) for part in (self._values[:third], self._values[-third:])]
        return bool(near[1] > near[0])

    # ---------------------------------------------------------------- right: the state on one morning

    def _make_side(self, left: int) -> None:
        from matplotlib.patches import Rectangle

        room = self.width - left - _RIGHT
        side = self.figure.add_axes((left / self.width, 0, room / self.width, 1))
        side.set(xlim=(0, room), ylim=(self.height, 0))
        side.axis("off")
        self._heading = side.text(0, 22, "", fontsize=style.TITLE_SIZE, color=style.INK, fontweight="bold", va="center")
        key = "dashed: hidden variable; bars: lowest level first"
        side.text(0, 40, key, fontsize=style.SMALL_SIZE, color=style.FAINT, va="center")
        self._bar, self._levels, self._bars = _BAR * room, {}, {}
        letters = int(room / 6.2)
        for number, variable in enumerate(self.variables):
            top = HEAD_HEIGHT + VARIABLE_HEIGHT * number
            label = style.wrap(variable.label, letters - 3, 1)
            side.text(8, top + 4, label, fontsize=style.SMALL_SIZE, color=style.FAINT, va="center")
            dash = (0, (2, 2)) if variable.hidden else "solid"
            side.plot([1, 1], [top - 3, top + 25], color=style.GHOST, linewidth=1.6, linestyle=dash)
            at = 8 + (self._bar + 8 if variable.hidden else 0)
            text = side.text(at, top + 20, "", fontsize=style.TEXT_SIZE, color=style.INK, va="center")
            self._levels[variable.id] = text
            self.artists.append(text)
            if variable.hidden:
                colours = style.ordered(len(variable.levels))
                bars = [
                    Rectangle((8, top + 13), 0, 13, facecolor=c, edgecolor=style.FAINT, linewidth=0.6) for c in colours
                ]
                for bar in bars:
                    side.add_patch(bar)
                self._bars[variable.id] = bars
                self.artists += bars
        self._letters = {True: int((room - self._bar - 16) / 6.6), False: int((room - 8) / 6.6)}
        self.artists.append(self._heading)

    def move(self, morning: Morning) -> None:
        """Draw the parts that depend on the chosen morning."""
        place, value = morning.place, morning.forecast
        day, top = float(place), self._ax.get_ylim()[1]
        past = np.arange(place + 1)
        self._line.set_data(past, self._values[: place + 1])
        self._now.set_xdata([day, day])
        self._dot.set_data([day], [value])
        rightmost = place > 0.8 * (len(self._values) - 1)
        self._number.set_horizontalalignment("right" if rightmost else "left")
        shift = 0.018 * (len(self._values) - 1)
        self._number.set_position((day - shift if rightmost else day + shift, self._beside(value, top)))
        put(self._number, percent(value))
        known = [tick for tick in self._ticks if tick.known <= day]
        self._dark.set_segments([_tick(tick.day, 0.045) for tick in known if not tick.own])
        self._hand.set_segments([_tick(tick.day, 0.07) for tick in self._ticks if tick.own])
        put(self._heading, f"The state on {long_date(morning.date)}")
        for variable in self.variables:
            self._show_levels(variable, morning.levels[variable.id])

    def _beside(self, value: float, top: float) -> float:
        """Return the height of the text for a dot at `value`: above or, if there is no room, below."""
        above, below = value + 0.06 * top, value - 0.06 * top
        static = float(np.asarray(self._static.get_ydata())[0])
        crowded = abs(above - static) < 0.05 * top or above > 0.98 * top
        return below if crowded and below > 0.08 * top else min(above, 0.97 * top)

    def _show_levels(self, variable: Variable, shares: Floats) -> None:
        text: Text = self._levels[variable.id]
        letters = self._letters[variable.hidden]
        words = level_words(variable, shares)
        put(text, words if len(words) <= letters else style.wrap(level_words(variable, shares, 1), letters, 1))
        edge = 8.0
        for bar, share in zip(self._bars.get(variable.id, ()), shares, strict=False):
            bar.set_x(edge)
            bar.set_width(self._bar * float(share))
            edge += self._bar * float(share)


def level_words(variable: Variable, shares: Floats, most: int = 2) -> str:
    """Write the likeliest levels of a variable: "hot 82%, quiet 18%", or "patrols" if certain."""
    likely = [int(place) for place in np.argsort(-shares, kind="stable")[:most]]
    if shares[likely[0]] >= 1 - _WORTH_TELLING and not variable.hidden:
        return variable.words(variable.levels[likely[0]])
    places = [place for place in likely if shares[place] >= _WORTH_TELLING]
    return ", ".join(f"{variable.words(variable.levels[place])} {percent(float(shares[place]))}" for place in places)


def _tick(day: float, height: float) -> list[tuple[float, float]]:
    return [(day, 0.0), (day, height)]
