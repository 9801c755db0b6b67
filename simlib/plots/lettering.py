"""Text in pictures as it is written, in its direction, and in a font that has its letters.

Labels come from scenarios and may contain anything. Matplotlib alone makes three mistakes:

- Text between dollar signs becomes mathematics.
- A number beside a right-to-left word loses its percent sign.
- Letters that the font lacks become boxes.

`settle` prevents these mistakes for all text in an artist (axes, a figure, a legend), and `put` for one text whose
words change. `lettered` is a decorator for functions that draw on axes.
"""

from __future__ import annotations

import functools
import logging
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.text import Text

__all__ = ["directed", "lettered", "put", "settle"]

DrawOptions = ParamSpec("DrawOptions")

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}](?:[{_RIGHT_TO_LEFT}0-9 \u00a0'’-]*[{_RIGHT_TO_LEFT}])?")
_ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
"""The characters that begin and end an isolate (Unicode Standard Annex 9), to be removed."""

_SHAPES = (3, 11)
"""The first version of matplotlib that sets words from right to left."""

_USELESS = re.compile("color|last resort", re.IGNORECASE)
"""Matches the names of fonts that matplotlib cannot draw, and of fonts with a box for every letter."""

_UNKNOWN = "?"
"""The sign in place of a letter that no font has."""


def lettered(draw: Callable[DrawOptions, Axes]) -> Callable[DrawOptions, Axes]:
    """Decorate a function that draws on axes, so that `settle` is called on the axes."""

    @functools.wraps(draw)
    def draw_lettered(*args: DrawOptions.args, **options: DrawOptions.kwargs) -> Axes:
        ax = draw(*args, **options)
        settle(ax)
        return ax

    return draw_lettered


def settle(artist: Artist) -> None:
    """Let every text in an artist (axes, a figure, a legend) appear exactly as it was given.

    Dollar signs are plain, right-to-left words keep their order, and another font supplies missing letters.
    """
    from matplotlib.axis import Axis
    from matplotlib.text import Text

    for axis in artist.findobj(Axis):
        _settle_ticks(axis)
    for text in artist.findobj(Text):
        _settle_text(text)


def put(text: Text, words: str) -> None:
    """Set the words of one text, and `settle` the text."""
    text.set_text(words)
    _settle_text(text)


def directed(words: str) -> str:
    """Put Unicode isolates around right-to-left words, to keep numbers beside them in place."""
    return _RUN.sub(lambda run: f"\u2068{run[0]}\u2069", words.translate(_ISOLATES))


def _settle_text(text: Text) -> None:
    text.set_parse_math(False)
    words = text.get_text()
    if words.isascii():
        return
    families = [*text.get_fontfamily()]
    shown, more = _shown(words, text.get_fontproperties())
    if shown != words:
        text.set_text(shown)
    if new := [family for family in more if family not in families]:
        text.set_fontfamily(families + new)


def _settle_ticks(axis: Axis) -> None:
    """Change the tick labels of an axis so that their letters can be drawn.

    The labels are set through the axis, because matplotlib overwrites their texts whenever it draws.
    """
    labels = axis.get_ticklabels()
    words = [label.get_text() for label in labels]
    if all(text.isascii() for text in words):
        return
    shown = [_shown(text, label.get_fontproperties())[0] for text, label in zip(words, labels, strict=True)]
    if shown != words:
        axis.set_ticklabels(shown)


# -------------------------------------------------------------------- fonts


def _shown(words: str, font: Any) -> tuple[str, tuple[str, ...]]:
    """Return a text in drawable form, and the names of fonts for the letters that `font` lacks."""
    import matplotlib as mpl
    from matplotlib import font_manager

    path = str(font_manager.findfont(font))
    homes = {letter: _family(letter) for letter in dict.fromkeys(words) if _lacks(path, letter)}
    homeless = "".join(letter for letter, family in homes.items() if family is None)
    if homeless:
        _tell_once()
        words = re.sub(f"[{re.escape(homeless)}]", _UNKNOWN, words)
    if mpl.__version_info__ >= _SHAPES:
        words = directed(words)
    return words, tuple(dict.fromkeys(family for family in homes.values() if family))


def _lacks(path: str, letter: str) -> bool:
    """Return whether a font file lacks a letter other than a space, control or direction mark."""
    return unicodedata.category(letter)[0] not in "CZ" and ord(letter) not in _letters(path)


@functools.cache
def _letters(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that cannot be read has no letters
        return frozenset()


@functools.cache
def _family(letter: str) -> str | None:
    """Return the name of an installed font that has `letter` (upright sans-serif first) or None."""
    from matplotlib import font_manager

    some = (font for font in font_manager.fontManager.ttflist if not _USELESS.search(font.name))
    upright = sorted(some, key=lambda font: (font.style != "normal", "sans" not in font.name.lower(), font.name))
    return next((font.name for font in upright if ord(letter) in _letters(font.fname)), None)


@functools.cache
def _tell_once() -> None:
    logging.getLogger("simlib").warning(
        "note: no font on this computer has all letters of the labels, so pictures show “%s” for some; the Noto fonts "
        "have them (Debian and Ubuntu: fonts-noto-core, and fonts-noto-cjk for Chinese, Japanese and Korean)",
        _UNKNOWN,
    )
