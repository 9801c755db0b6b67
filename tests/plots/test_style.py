"""Layout that every picture relies on: dates on axes, labels apart, text as it is."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import simlib
from simlib.plots import style

heights = st.lists(st.floats(0, 100), min_size=1, max_size=12)


@given(heights, st.floats(0.5, 8))
def test_labels_are_apart_within_their_room_and_in_their_order(wanted, gap):
    placed = style.spread(wanted, gap, 0, 100)
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(placed[order]) >= gap - 1e-9)
    assert placed.min() >= -1e-9
    assert placed.max() <= 100 + 1e-9


def test_labels_that_have_room_stay_where_they_are():
    assert style.spread([10, 30, 80], 5, 0, 100) == pytest.approx([10, 30, 80])


def test_two_labels_at_one_height_move_apart_evenly():
    assert style.spread([50, 50], 6, 0, 100) == pytest.approx([47, 53])


def test_labels_of_different_heights_are_apart_by_half_the_sum_of_them():
    placed = style.spread([50, 50], [4, 10], 0, 100)
    assert placed[1] - placed[0] == pytest.approx(7)


def test_more_labels_than_room_share_it_evenly():
    placed = style.spread([1, 2, 3], 60, 0, 100)
    assert placed == pytest.approx([0, 50, 100])


@given(st.floats(1e-6, 1.0))
def test_a_probability_axis_ends_a_little_above_what_it_shows(highest):
    top = style.round_top(highest)
    assert highest <= top <= max(2.6 * highest, 0.001)


@pytest.mark.parametrize(
    ("top", "texts"),
    [(1.0, "0% 20% 40% 60% 80% 100%"), (0.15, "0% 5% 10% 15%"), (0.002, "0.00% 0.05% 0.10% 0.15% 0.20%")],
)
def test_ticks_are_round_percentages(top, texts):
    ax = Figure().subplots()
    style.percent_axis(ax, top)
    assert " ".join(text.get_text() for text in ax.get_yticklabels()) == texts


def test_ticks_between_whole_percentages_are_not_rounded():
    assert style.percent_ticks([0.075, 0.1, 0.125]) == ["7.5%", "10.0%", "12.5%"]


def ticks(as_of, horizon, width=600):
    ax = Figure().subplots()
    style.date_axis(ax, as_of, horizon, width)
    return dict(zip(ax.get_xticks(), (text.get_text() for text in ax.get_xticklabels()), strict=True))


def test_a_tick_stands_at_the_end_of_its_date():
    marked = ticks(dt.date(2025, 11, 3), 90)
    assert marked[90.0] == "31 Jan"
    assert marked[28.0].startswith("30 Nov")
    assert next(iter(marked.values())).endswith("2025")
    assert marked[74.0] == "15 Jan\n2026"


@pytest.mark.parametrize("horizon", [0.5, 1, 2, 7, 30, 89.5, 365, 3650])
def test_the_horizon_is_always_marked_and_ticks_keep_their_distance(horizon):
    marked = list(ticks(dt.date(2031, 4, 1), horizon))
    assert marked[-1] == np.ceil(horizon)
    assert len(marked) <= 600 / 58 + 1
    assert len(marked) < 2 or np.diff(marked).min() >= 0.5 * horizon / 12


def test_no_two_of_many_categories_look_alike():
    looks = {style.category(k) for k in range(32)}
    assert len(looks) == 32


def test_ordered_colours_darken_from_the_first_to_the_last():
    light = [int(c[1:3], 16) * 0.3 + int(c[3:5], 16) * 0.59 + int(c[5:7], 16) * 0.11 for c in style.ordered(6)]
    assert light == sorted(light, reverse=True)


def test_a_long_label_loses_its_middle_and_keeps_its_beginning_and_end():
    assert style.wrap("one two three four five", 9, 2) == "one two …\nfive"
    assert style.wrap("one two", 20, 1) == "one two"
    assert style.wrap("one two three", 6, 1) == "one …"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-islands", "caribbean-2025", "cuba-1962", "falklands-1982", "kuwait-1994"])
@pytest.mark.parametrize("width", [28, 36, 60])
def test_no_two_labels_of_a_world_read_alike_once_shortened(name, width):
    world = simlib.load(name)
    for group in (world.endings, world.questions):
        labels = {each.label for each in group.values()}
        assert len({style.wrap(label, width, 1) for label in labels}) == len(labels)
    for some in ({move.short or move.label for move in world}, {a.short_label for a in world.assumptions.values()}):
        short = style.shorten(sorted(some), width)
        assert len(set(short)) == len(some)
        assert max(map(len, short)) <= width


@pytest.mark.parametrize(("change", "text"), [(0.061, "▲ 6.1"), (-0.123, "▼ 12"), (0.0004, "± 0")])
def test_differences_have_a_direction_and_are_in_points(change, text):
    assert style.points(change) == text
