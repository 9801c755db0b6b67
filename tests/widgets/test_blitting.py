"""Pictures for the screen: quick frames equal whole draws, small PNGs keep what matters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from simlib.plots import style
from simlib.plots.forecast_figure import Dashboard
from simlib.plots.palette import COLOURS, Palette
from simlib.widgets.kit.blitting import Screen, still
from simlib.widgets.kit.glyph_cache import can_set, set_text_on, word
from tests.plots.forecasts import forecast


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_quick_frame_is_what_a_whole_draw_gives():
    board = Dashboard(forecast(), 640)
    board.update(forecast(), forecast(0.8))
    screen = Screen(board)
    screen.png()
    redraw = board.update(forecast(1.02), forecast(0.8), moving=True)
    assert not redraw
    quick, whole = pixels(screen.png(moving=True)), pixels(screen.png(redraw=True))
    assert np.mean(np.abs(quick - whole).max(axis=2) > 60) < 0.0005


def test_a_frame_is_small_and_of_the_size_of_the_board():
    board = Dashboard(forecast(), 900)
    board.update(forecast())
    png = Screen(board).png()
    image = Image.open(io.BytesIO(png))
    assert image.size == (board.width, board.height)
    assert image.mode == "P"
    assert len(png) < 45_000


def test_colours_that_mean_something_are_kept_exactly():
    picture = np.full((40, 40 * len(style.CATEGORY_COLOURS), 4), 255, np.uint8)
    wanted = []
    for k, colour in enumerate(style.CATEGORY_COLOURS):
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        picture[18:22, 40 * k : 40 * k + 20, :3] = rgb
        wanted.append(rgb)
    noise = np.random.default_rng(0).integers(0, 255, (12, picture.shape[1], 3))
    picture[:12, :, :3] = noise
    palette = Palette()
    palette.learn(picture)
    found = pixels(palette.png(picture))
    assert [found[20, 40 * k + 5].tolist() for k in range(len(wanted))] == wanted
    assert found[30, 5].tolist() == [255, 255, 255]
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= COLOURS


def test_every_cell_of_a_grid_keeps_its_colour():
    shades = np.stack([np.linspace(10, 250, 100), np.linspace(40, 220, 100), np.linspace(90, 60, 100)], axis=1)
    cells = np.round(shades).astype(np.uint8).reshape(10, 10, 3).repeat(10, axis=0).repeat(10, axis=1)
    picture = np.full((140, 100, 4), 255, np.uint8)
    picture[:100, :, :3] = cells
    picture[100:, :, :3] = np.random.default_rng(0).integers(0, 255, (40, 100, 3))
    palette = Palette()
    palette.learn(picture)
    found = pixels(palette.png(picture)).astype(int)
    assert np.abs(found[:100] - cells).max() <= 8


@pytest.mark.parametrize(("va", "ha"), [("center", "left"), ("center", "right"), ("baseline", "center")])
@pytest.mark.parametrize("text", ["Treaty 34% ▲ 6.1", "one line\nand another"])
def test_quick_text_stands_where_matplotlib_puts_it(va, ha, text):
    drawn = []
    for quick in (False, True):
        figure = Figure(figsize=(3, 1.2), dpi=100, facecolor="white")
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        label = figure.text(0.5, 0.5, text, va=va, ha=ha, fontsize=9, linespacing=1.05)
        if quick:
            label.set_visible(False)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())
        if quick:
            label.set_visible(True)
            set_text_on(picture, label)
        rows, columns = np.nonzero(picture[..., 0] < 128)
        drawn.append((rows.min(), rows.max(), columns.min(), columns.max()))
    assert np.abs(np.subtract(*drawn)).max() <= 2


def test_text_set_in_another_manner_is_left_to_matplotlib():
    figure = Figure()
    assert can_set(figure.text(0, 0, "a", va="center"))
    assert not can_set(figure.text(0, 0, "a", va="top"))
    assert not can_set(figure.text(0, 0, "a", va="center", rotation=90))
    assert not can_set(figure.text(0, 0, "a", va="center", alpha=0.5))


def test_words_are_rendered_once():
    word.cache_clear()
    board = Dashboard(forecast(), 640)
    board.update(forecast())
    screen = Screen(board)
    screen.png()
    made = word.cache_info().misses
    screen.png()
    assert word.cache_info().misses == made


def test_text_beyond_the_edge_is_cut_not_an_error():
    figure = Figure(figsize=(1, 1), dpi=100)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    label = figure.text(0.97, 1.0, "far out there", va="center")
    canvas.draw()
    set_text_on(np.asarray(canvas.buffer_rgba()), label)


def test_a_still_picture_has_the_size_asked_for():
    png, size = still(lambda ax: ax.plot([0, 1]), 300, 200)
    assert size == (300, 200)
    assert Image.open(io.BytesIO(png)).size == size
