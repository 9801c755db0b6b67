"""Colours on the page, in the light theme and, as the browser turns them, in the dark one: what can be told apart."""

from __future__ import annotations

import io
import itertools
import re
from importlib.resources import files

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from simlib.plots import style
from simlib.plots.figure import new_figure, small_png

APART = 5.0
"""Least distance of two rungs in CIELAB: twice what a careful eye sees side by side."""

GROUND = np.ones(3)


def light(colour):
    return np.array(to_rgb(colour))


def dark(colour):
    """A colour as the style sheet turns it in a dark theme (Filter Effects Module Level 1: invert, hue-rotate)."""
    css = (files("simlib.widgets") / "static" / "simlib.css").read_text(encoding="utf-8")
    (share,) = re.findall(r"img \{ filter: invert\(([0-9.]+)\) hue-rotate\(180deg\); \}", css)
    amount, weights = float(share), np.array([0.213, 0.715, 0.072])
    turned = amount + (1 - 2 * amount) * np.array(to_rgb(colour))
    return np.clip(2 * weights @ turned - turned, 0, 1)


def contrast(one, other):
    low, high = sorted((style.luminance(one), style.luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(colour):
    """CIELAB of a colour, D65."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    mix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(mix @ linear / [0.9505, 1, 1.089], 1e-3))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def far(one, other):
    return float(np.linalg.norm(lab(one) - lab(other)))


themes = pytest.mark.parametrize("theme", [light, dark])


@themes
@pytest.mark.parametrize("count", range(2, 13))
def test_rungs_are_apart_and_each_differs_more_from_the_ground_than_the_one_below(count, theme):
    shown = [theme(colour) for colour in style.ordered(count)]
    assert min(far(*pair) for pair in itertools.combinations(shown, 2)) > APART
    ground = style.luminance(theme("white"))
    steps = [abs(style.luminance(colour) - ground) for colour in shown]
    assert steps == sorted(steps)


@themes
def test_words_can_be_read_on_the_ground(theme):
    inks = [style.INK, style.FAINT, style.BLUE, *map(style.for_text, style.CATEGORY_COLOURS)]
    assert min(contrast(theme(ink), theme("white")) for ink in inks) >= style.READABLE


@themes
@pytest.mark.parametrize("most", [style.HEAT_COLOUR, style.RISE, style.FALL])
def test_numbers_can_be_read_in_cells_of_any_depth_and_more_is_further_from_the_ground(most, theme):
    cells = [theme(style.tint(most, depth)) for depth in np.linspace(0, 1, 41)]
    assert min(contrast(theme("black"), cell) for cell in cells) >= style.READABLE
    away = [abs(style.luminance(cell) - style.luminance(theme("white"))) for cell in cells]
    assert away == sorted(away)


@themes
def test_categories_are_apart(theme):
    shown = [theme(colour) for colour in style.CATEGORY_COLOURS]
    assert min(far(*pair) for pair in itertools.combinations(shown, 2)) > APART
    assert min(contrast(colour, theme("white")) for colour in shown) > 2.2


def test_a_picture_keeps_the_colour_of_every_mark_however_small_and_many():
    rungs = style.ordered(12)
    figure = new_figure(700, 200)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(np.random.default_rng(1).random((40, 40)), aspect="auto", extent=(0, 12, 0, 0.5))
    for place, colour in enumerate(rungs):
        ax.plot([place + 0.5], [0.75], "s", markersize=4, color=colour)
    ax.set(xlim=(0, 12), ylim=(0, 1))
    shown = np.asarray(Image.open(io.BytesIO(small_png(figure))).convert("RGB"))
    found = [shown[50, round(700 * (place + 0.5) / 12)] / 255 for place in range(12)]
    assert np.abs(np.array(found) - [to_rgb(colour) for colour in rungs]).max() < 1 / 255
