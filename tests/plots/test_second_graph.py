"""Pictures of the explorer's second graph keep their texts apart, and their bars agree with the mean."""

from __future__ import annotations

import dataclasses
import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

import simlib
from simlib.engines.reference import sample
from simlib.plots import story
from simlib.plots.figure import new_figure
from simlib.plots.impact_charts import consequence_rows, given_ending, head_lines
from tests.worlds import World


@pytest.fixture(scope="module")
def world():
    return World.of(simlib.load("two-islands")).impact("hurt", on=[("patrol", None, 4.0, 3.0)]).scenario()


@pytest.fixture(scope="module")
def forecast(world):
    return simlib.solve(world)


def axes(width, height, top=0):
    return new_figure(width, height).add_axes((0.02, 0.02, 0.96, (height - top) / height - 0.02))


def test_the_bar_of_no_ending_is_the_mean_amount_in_histories_without_one(world, forecast):
    given = given_ending(forecast, "hurt")
    open_still = np.array([run.impacts["hurt"] for run in sample(world, 1000, seed=3) if run.ending is None])
    assert given["ongoing"] == pytest.approx(open_still.mean(), abs=4 * open_still.std() / len(open_still) ** 0.5)
    simulated = simlib.simulate(world, runs=4000, seed=1)
    ongoing = given_ending(simulated, "hurt")["ongoing"]
    assert ongoing == pytest.approx(given["ongoing"], rel=0.1)


@pytest.mark.parametrize("height", [150, 300])
def test_rows_of_consequences_do_not_overlap(forecast, height):
    head = head_lines(forecast, height)
    ax = consequence_rows(forecast, axes(600, height, 17 * head + 6), head=head)
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts if text.get_ha() == "right"), key=lambda box: box.y0)
    assert boxes
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))
    assert max(text.get_window_extent().y1 for text in ax.texts) <= height


def test_of_many_endings_the_likeliest_have_bars(forecast):
    ax = consequence_rows(forecast, axes(600, 100, 60), head=3)
    names = [text.get_text() for text in ax.texts if text.get_ha() == "right"]
    chances = {forecast.label("endings", name): band.probability[-1] for name, band in forecast.endings.items()}
    assert len(names) == 2 < len(chances)
    assert set(names) == set(sorted(chances, key=chances.get)[-2:])
    assert any("mean given the 2 likeliest of 3 endings" in text.get_text() for text in ax.texts)


def test_if_one_label_is_too_long_all_bars_have_short_labels(forecast):
    long = {"settlement": "A treaty is signed by both governments under the eyes of the League"}
    labels = forecast.labels | {
        "endings": forecast.labels["endings"] | long,
        "short_endings": {"open-war": "War", "settlement": "Treaty"},
    }
    ax = consequence_rows(dataclasses.replace(forecast, labels=labels), axes(600, 300, 60))
    assert {text.get_text() for text in ax.texts if text.get_ha() == "right"} == {"No ending yet", "War", "Treaty"}


@pytest.mark.parametrize("height", [40, 60, 90, 200])
def test_names_of_rungs_do_not_overlap(height):
    rungs, names = np.array([2, 3, 4, 6, 5, 6]), [f"rung {n}" for n in range(9)]
    ax = new_figure(500, height + 80).add_axes((0.3, 40 / (height + 80), 0.6, height / (height + 80)))
    story(np.arange(6.0), rungs, names, ax, as_of=dt.date(2025, 1, 1), horizon=10.0)
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert boxes
    assert all(low.y1 <= high.y0 + 2 for low, high in pairwise(sorted(boxes, key=lambda box: box.y0)))
