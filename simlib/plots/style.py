"""One look for every picture: colours, dates, percentages, and labels that never overlap.

Categories have the colours of Okabe and Ito, and ordered levels have the colours of cividis. Readers with the common
kinds of colour blindness, and readers of a grey print, can tell these colours apart. Nothing is shown by colour alone.
Positions of labels are computed in pixels of the axes, so that a figure is readable on a screen at 100 dpi and on
paper.
"""

from __future__ import annotations

import datetime as dt
import math
import textwrap
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simlib.formatting import by_date
from simlib.plots.lettering import settle

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, OCHRE, BLACK = "#E69F00", "#56B4E9", "#8C7A00", "#222222"
CATEGORY_COLOURS = (VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY, OCHRE, BLACK)
"""The colours of Okabe and Ito. Their yellow is replaced by a darker one that can be seen on white."""

INK, FAINT, GRID_COLOUR, GHOST = "#222222", "#6b6b6b", "#e4e4e4", "#8a8a8a"
HEAT_COLOUR, RISE, FALL = "#66abd2", "#e9aa1c", "#66bbeb"
"""Colours of the cells with the largest value, the largest rise and the largest fall. Black text is readable on these
colours and on all their tints, in the light theme and in the dark theme."""

DASHES = ("solid", (0, (5, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1.5, 1.5)))
SMALL_SIZE, TEXT_SIZE, TITLE_SIZE = 8.0, 9.0, 10.5
"""Sizes of type in points. The smallest size is 11 pixels of the page."""

TITLE_LINES = 3
"""Most lines of a title in its usual size."""

TEXT_MARGIN = 3.0
"""Least distance in pixels between a text and the edge of its figure."""

READABLE = 4.5
"""Least contrast of text with its background."""


def category(index: int) -> tuple[str, object]:
    """Return a category's colour and dash pattern, a pair that is unique among the first 32."""
    return CATEGORY_COLOURS[index % len(CATEGORY_COLOURS)], DASHES[index // len(CATEGORY_COLOURS) % len(DASHES)]


def ordered(count: int) -> list[str]:
    """Return `count` cividis colours from light (the first) to dark (the last)."""
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    colours = mpl.colormaps["cividis_r"](np.linspace(0.04, 1.0, max(count, 2)))
    return [to_hex(colour) for colour in colours[:count]]


def tint(colour: str, depth: float) -> str:
    """Return a colour between white (`depth` 0) and `colour` (`depth` 1)."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = (1 - depth * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def for_text(colour: str) -> str:
    """Darken a colour until text in it has a contrast of 4.5 to white (WCAG 2.2, 1.4.3)."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    while 1.05 / (luminance(np.array([red, green, blue])) + 0.05) < READABLE:
        red, green, blue = 0.98 * red, 0.98 * green, 0.98 * blue
    return to_hex((red, green, blue))


def luminance(colour: NDArray) -> float:
    """Return the relative luminance of a colour (red, green, blue, each 0 to 1) by WCAG 2.2."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def figure_of(artist: Artist) -> Figure:
    """Return the figure in which an axes or a text stands."""
    figure = artist.get_figure(root=True)
    assert figure is not None
    return figure


def dress(ax: Axes, title: str = "", unit: str = "") -> Axes:
    """Give an axes the common look: open frame, pale grid, title, and below it the note `unit`."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GHOST)
    ax.tick_params(labelsize=SMALL_SIZE, colors=FAINT, length=3, pad=3)
    ax.grid(color=GRID_COLOUR, linewidth=0.8)
    ax.set_axisbelow(True)
    if title:
        entitle(ax, title, lines=len(unit.splitlines()))
    if unit:
        ax.annotate(
            unit,
            (0, 1),
            (0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=SMALL_SIZE,
            color=FAINT,
            ha="left",
            va="bottom",
        )
    return ax


def entitle(ax: Axes, title: str, *, lines: int, letters: float | None = None) -> None:
    """Write the title of an axes, and leave room below the title for a caption of `lines` lines.

    A title of more than `TITLE_LINES` lines is set in small type. With `letters`, the title gets a single line with
    room for this number of letters of the usual size. The type of the title then shrinks as needed, and its middle is
    left out if even small type does not fit. An axes becomes lower if its title would not fit into the figure.
    """
    pad = 9 + (0 if not lines else 11 + 1.4 * SMALL_SIZE * (lines - 1))
    size = TITLE_SIZE if title.count("\n") < TITLE_LINES else SMALL_SIZE
    if letters is not None:
        size = TITLE_SIZE * min(1.0, max(letters / max(len(title), 1), SMALL_SIZE / TITLE_SIZE))
        title = wrap(title, max(12, int(letters * TITLE_SIZE / size)), 1)
    text = ax.set_title(title, loc="left", fontsize=size, color=INK, fontweight="bold", pad=pad)
    settle(text)
    height, box = figure_of(ax).bbox.height, ax.get_position()
    over = (text.get_window_extent().y1 + TEXT_MARGIN) / height - 1
    if 0 < over < box.height:
        ax.set_position((box.x0, box.y0, box.width, box.height - over))
        ax.set_in_layout(True)  # matplotlib excludes an axes whose position was set


_TICK_STEPS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25)


def percent_axis(ax: Axes, top: float, *, horizontal: bool = False) -> None:
    """Mark the vertical (or `horizontal`) axis in percent, from 0 to the probability `top`."""
    step = next(step for step in _TICK_STEPS if top / step <= 5.01)
    ticks = np.arange(0, top + step / 2, step)
    texts = percent_ticks(ticks)
    if horizontal:
        ax.set_xlim(0, top)
        ax.set_xticks(ticks, texts)
    else:
        ax.set_ylim(0, top)
        ax.set_yticks(ticks, texts)


def percent_ticks(ticks: Sequence[float] | NDArray) -> list[str]:
    """Write probabilities in percent, all with the fewest decimals at which none is rounded."""
    percents = 100 * np.asarray(ticks)
    exact = (digits for digits in range(6) if np.allclose(percents, percents.round(digits), rtol=0, atol=1e-9))
    digits = next(exact, 6)
    return [f"{value:.{digits}f}%" for value in percents]


def round_top(highest: float) -> float:
    """Return a round number above `highest` at which a probability axis should end."""
    for top in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
        if highest * 1.04 <= top:
            return top
    return 1.0


def date_axis(ax: Axes, as_of: dt.date, horizon: float, width_px: float | None = None) -> None:
    """Write dates at the horizontal axis, which is in days after `as_of`.

    A tick stands at the end of its date. The last date, at `horizon` days, is always written. `width_px` (default: the
    width of the axes) decides how many dates fit.
    """
    ax.set_xlim(0, horizon)
    width = width_px if width_px is not None else ax.get_window_extent().width
    dates = _tick_dates(as_of, horizon, max(2, int(width // 58)))
    years = {date.year for date in dates}
    texts = []
    for number, date in enumerate(dates):
        new_year = number == 0 or date.year != dates[number - 1].year
        year = f"\n{date.year}" if number == 0 or (len(years) > 1 and new_year) else ""
        texts.append(f"{date.day} {date:%b}{year}")
    ax.set_xticks([(date - as_of).days + 1.0 for date in dates], texts)
    labels = ax.get_xticklabels()
    for label in labels:  # matplotlib reuses the labels of the previous axis
        label.set_horizontalalignment("right" if label is labels[-1] else "center")


def _tick_dates(as_of: dt.date, horizon: float, most: int) -> list[dt.date]:
    last = by_date(as_of, horizon)
    days = [as_of + dt.timedelta(days=d) for d in range((last - as_of).days + 1)]
    rules = (
        lambda d: d.day > 0,
        lambda d: d.toordinal() % 2 == 0,
        lambda d: d.weekday() == 6,
        lambda d: d.day == 15 or _month_end(d),
        _month_end,
        lambda d: _month_end(d) and d.month % 3 == 0,
        lambda d: d.month == 12 and d.day == 31,
        lambda d: d.month == 12 and d.day == 31 and d.year % 5 == 0,
    )
    dates: list[dt.date] = []
    for rule in rules:
        dates = [day for day in days if rule(day)]
        if len(dates) <= most - 1:
            break
    gap = dt.timedelta(days=math.ceil(1.15 * len(days) / most))  # the last date is written to the left of its tick
    return [date for date in dates if last - date >= gap] + [last]


def _month_end(date: dt.date) -> bool:
    return (date + dt.timedelta(days=1)).day == 1


def spread(
    wanted: Sequence[float] | NDArray, gap: float | Sequence[float] | NDArray, low: float, high: float
) -> NDArray:
    """Move positions apart as little as needed, so that labels at them do not overlap.

    Args:
        wanted: The wanted positions of N labels (N,).
        gap: The least distance of neighbours, or the height of each label (N,). Two labels with heights are at least
            half the sum of their heights apart. All gaps shrink in proportion if not all positions fit.
        low: The lowest position that is allowed.
        high: The highest position that is allowed.

    Returns:
        The new positions (N,), in the same order.
    """
    from scipy.optimize import isotonic_regression

    wanted = np.asarray(wanted, dtype=float)
    if len(wanted) == 0:
        return wanted
    sizes = np.broadcast_to(np.asarray(gap, dtype=float), wanted.shape)
    order = np.argsort(wanted, kind="stable")
    gaps = (sizes[order][1:] + sizes[order][:-1]) / 2
    room = high - low
    if gaps.sum() > room > 0:
        gaps = gaps * (room / gaps.sum())
    offset = np.concatenate([[0.0], np.cumsum(gaps)])
    base = isotonic_regression(np.clip(wanted[order], low, high) - offset).x
    base = np.clip(base, low, max(high - offset[-1], low))
    result = np.empty_like(wanted)
    result[order] = base + offset
    return result


def wrap(text: str, width: int, lines: int = 2) -> str:
    """Break a label into at most `lines` lines of `width` characters.

    A label that does not fit loses words from its middle, because labels that begin alike often differ at the end.
    """
    broken = _lines(text, width)
    words = text.split()
    for count in range(len(words) - 1, 1, -1):
        if len(broken) <= lines:
            break
        tail = count // 3 or 1
        short = " ".join([*words[: count - tail], "…", *words[-tail:]])
        if len(short) <= width * lines:
            broken = _lines(short, width)
    if len(broken) > lines:
        broken = tuple(textwrap.wrap(text, width, max_lines=lines, placeholder=" …", break_on_hyphens=False))
    return "\n".join(broken) or text


def wrap_one(wordings: Sequence[str], width: int, lines: int) -> str:
    """Return the first of `wordings` that fits, broken by `wrap`, or else the last, shortened."""
    whole = (words for words in wordings if len(_lines(words, width)) <= lines)
    return wrap(next(whole, wordings[-1]), width, lines)


@lru_cache(maxsize=4096)  # while a slider moves, the same labels are broken again for each picture
def _lines(text: str, width: int) -> tuple[str, ...]:
    return tuple(textwrap.wrap(text, width, break_on_hyphens=False))


def shorten(labels: Sequence[str], width: int) -> list[str]:
    """Shorten labels to one line of `width` characters each.

    A label that is too long loses words from its middle. If two labels would then be equal, both lose their common
    first and last words instead.
    """
    short = [wrap(label, width, 1) for label in labels]
    for text in {text for text in short if short.count(text) > 1}:
        places = [place for place, other in enumerate(short) if other == text]
        words = [labels[place].split() for place in places]
        fewest = min(map(len, words)) - 1
        head = next((n for n in range(fewest) if len({each[n] for each in words}) > 1), fewest)
        tail = next((n for n in range(fewest - head) if len({each[-1 - n] for each in words}) > 1), fewest - head)
        for place, each in zip(places, words, strict=True):
            own = ["…" * (head > 0), *each[head : len(each) - tail], "…" * (tail > 0)]
            short[place] = wrap(" ".join(filter(None, own)), width, 1)
    return short


def points(change: float) -> str:
    """Write a difference of probabilities in percentage points with a direction: "▲ 4.2"."""
    size = abs(100 * change)
    if size < 0.05:
        return "± 0"
    return f"{'▲' if change > 0 else '▼'} {size:.{0 if size >= 9.95 else 1}f}"
