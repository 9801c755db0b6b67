"""The pictures themselves: what they show, that it can be read, and that moving them is drawing them anew."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from simlib import plots
from simlib.plots import style
from simlib.plots.ending_curves import EndingsPanel
from simlib.plots.forecast_figure import Dashboard
from tests.plots.forecasts import MOVES, RUNGS, forecast


@pytest.fixture
def ax():
    return Figure(figsize=(9, 6), dpi=100).add_axes((0.07, 0.1, 0.66, 0.76))


def boxes(figure, texts):
    figure.canvas.draw()
    return [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]


def tick_labels(axes):
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            if low <= place <= high:
                yield label


def overlaps(one, other):
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return wide > 1 and high > 2


def lines(ax):
    """The polylines (N, 2) of an axes, those of collections too."""
    return [path.vertices for some in ax.collections if isinstance(some, LineCollection) for path in some.get_paths()]


def areas(ax):
    """The outlines (N, 2) of the filled areas that can be seen."""
    shown = [some for some in ax.collections if isinstance(some, PolyCollection) and some.get_visible()]
    return [path.vertices for some in shown for path in some.get_paths()]


def test_endings_are_drawn_by_the_numbers_and_labelled_at_the_end(ax):
    result = forecast()
    assert plots.endings(result, ax) is ax
    drawn = [line[:, 1] for line in lines(ax) if len(line) == len(result.times)]
    for name in ("treaty", "war", "quiet", "third"):
        assert any(np.array_equal(result.endings[name].probability, y) for y in drawn)
    said = " ".join(text.get_text() for text in ax.texts)
    assert "27%  A treaty is signed and kept" in said.replace("\n", " ")
    assert "probability by the end of the date" in said


def test_a_short_label_takes_the_place_of_one_that_does_not_fit(ax):
    """Nothing is left out of a label as long as its short one fits."""
    result = forecast()
    short = {"treaty": "Treaty signed", "war": "War", "quiet": "Quiet", "third": "A third"}
    short_labels = result.labels | {"short_endings": short}
    plots.endings(dataclasses.replace(result, labels=short_labels), ax)
    assert "27%  A treaty is signed and kept" in " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    narrow = Figure(figsize=(3.6, 1.6), dpi=100).add_axes((0.1, 0.3, 0.45, 0.4))
    plots.endings(dataclasses.replace(result, labels=short_labels), narrow)
    said = [text.get_text() for text in narrow.texts]
    assert any(words.endswith("Treaty signed") for words in said)
    assert not any("…" in words for words in said)


def eight_endings():
    result = forecast()
    every = {f"e{k}": result.endings["treaty"] for k in range(8)} | {"ongoing": result.endings["ongoing"]}
    return dataclasses.replace(result, endings=every, labels={})


def middles(figure, axes):
    """The middles of the labels beside an axes, in pixels, from the lowest."""
    return sorted((box.y0 + box.y1) / 2 for box in boxes(figure, axes.texts) if box.x0 > axes.bbox.x1)


def test_labels_are_apart_also_where_a_title_makes_the_axes_lower():
    figure = Figure(figsize=(5.4, 2), dpi=100)
    axes = plots.endings(eight_endings(), figure.add_axes((0.1, 0.2, 0.4, 0.75)))
    assert min(b - a for a, b in itertools.pairwise(middles(figure, axes))) > 16
    assert axes._left_title.get_window_extent().y1 <= 200


def test_more_labels_than_the_axes_are_high_reach_below_it():
    """Eight endings beside a low graph keep 12 pixels each, under which their letters touch."""
    figure = Figure(figsize=(5.4, 1.6), dpi=100)
    axes = figure.add_axes((0.1, 0.22, 0.4, 0.55))
    EndingsPanel(axes, eight_endings()).update(eight_endings())
    found = middles(figure, axes)
    assert len(found) == 8
    assert min(b - a for a, b in itertools.pairwise(found)) > 12
    assert found[0] > 8


def test_the_ghost_is_the_baseline_and_differences_have_a_direction(ax):
    before, now = forecast(1.0), forecast(1.5)
    plots.endings(now, ax, baseline=before)
    drawn = [line[:, 1] for line in lines(ax)]
    assert any(np.array_equal(before.endings["war"].probability, y) for y in drawn)
    assert any("▲" in text.get_text() for text in ax.texts)


def test_the_interval_of_a_sampled_answer_is_shown_and_that_of_an_exact_one_is_not():
    for runs, shown in ((400, True), (0, False)):
        figure = Figure()
        axes = plots.endings(forecast(runs=runs), figure.subplots())
        assert bool(areas(axes)) == shown


def test_questions_and_no_ending_yet_can_be_shown_and_unknown_names_are_left_out(ax):
    plots.endings(forecast(), ax, show=("shots", "ongoing", "no-such-thing"))
    said = " ".join(text.get_text() for text in ax.texts)
    assert "Shots are fired" in said
    assert "No ending yet" in said
    assert ax.get_ylim()[1] == 1.0


def test_a_ladder_is_stacked_to_one(ax):
    plots.ladder_fan(forecast(), ax)
    tops = [area[:, 1].max() for area in areas(ax)]
    assert len(tops) == len(RUNGS)
    assert max(tops) == pytest.approx(1.0)


def test_moves_are_the_most_frequent_ones_with_their_numbers(ax):
    plots.moves(forecast(), ax, rows=3)
    widths = [bar[:, 0].max() for bar in areas(ax)]
    assert widths == pytest.approx([12.0, 6.0, 4.0])
    said = [text.get_text() for text in ax.texts]
    assert "12.0" in said
    assert "North: does thing number 0" in said


def test_moves_show_their_interval_and_what_changed(ax):
    plots.moves(forecast(2.0, runs=100), ax, baseline=forecast(), rows=2)
    assert any("▲ ×2" in text.get_text() for text in ax.texts)
    spans = [line[:, 0] for line in lines(ax) if len(line) == 2]
    assert any(x[0] == pytest.approx(21.6) and x[1] == pytest.approx(26.4) for x in spans)


@pytest.mark.slow
@pytest.mark.parametrize("width", [420, 560, 640, 700, 820, 960, 1100, 1400])
def test_a_dashboard_of_any_width_has_no_overlaps_and_nothing_cut_off(width):
    result = forecast(1.7)
    board = Dashboard(result, width)
    board.update(result, forecast())
    texts = [text for axes in board.figure.axes for text in axes.texts]
    texts += [label for axes in board.figure.axes for label in tick_labels(axes)]
    texts += [axes.title for axes in board.figure.axes] + [axes._left_title for axes in board.figure.axes]
    found = boxes(board.figure, texts)
    for k, one in enumerate(found):
        assert one.x0 >= -1, (width, one)
        assert one.x1 <= board.width + 1, (width, one)
        assert not [other for other in found[k + 1 :] if overlaps(one, other)], (width, one)


def test_moving_a_dashboard_draws_what_a_new_one_would():
    first, then, ghost = forecast(1.0), forecast(1.4), forecast(0.8)
    moved, fresh = Dashboard(first, 900), Dashboard(first, 900)
    moved.update(first, ghost)
    moved.update(forecast(0.9), ghost)
    moved.update(then, ghost, note="x")
    fresh.update(then, ghost, note="x")
    for board in (moved, fresh):
        board.figure.canvas.draw()
    assert np.array_equal(*(np.asarray(board.figure.canvas.buffer_rgba()) for board in (moved, fresh)))


def test_limits_only_grow_while_something_moves():
    panel = EndingsPanel(Figure().subplots(), forecast())
    panel.update(forecast(1.0))
    top = panel.ax.get_ylim()[1]
    assert panel.update(forecast(0.2), moving=True) is False
    assert panel.ax.get_ylim()[1] == top
    assert panel.update(forecast(3.0), moving=True) is True
    assert panel.update(forecast(0.2)) is True
    assert panel.ax.get_ylim()[1] < top


def test_what_was_changed_is_written_below_the_title_and_fits():
    board = Dashboard(forecast(), 640)
    board.update(forecast(), note="with 9 changes: " + "; ".join(f"Thing {k}: 3 per week" for k in range(9)))
    board.figure.canvas.draw()
    note, title = board.note.get_window_extent(), board.title.get_window_extent()
    assert board.note.get_text().startswith("with 9 changes: Thing 0: 3 per week; Thing 1")
    assert note.x1 <= board.width
    assert note.y1 <= title.y0
    assert note.y0 >= max(axes._left_title.get_window_extent().y1 for axes in board.figure.axes)


@pytest.mark.parametrize("dpi", [100, 200])
def test_the_lines_to_the_labels_end_before_them_at_any_resolution(dpi):
    board = Dashboard(forecast(), 900)
    board.update(forecast(1.7), forecast())
    board.figure.set_dpi(dpi)
    board.figure.canvas.draw()
    for panel in (panel for panel in board.panels if hasattr(panel, "labels")):
        ends = panel.ax.get_yaxis_transform().transform([segment[-1] for segment in panel.labels.lines.get_segments()])[
            :, 0
        ]
        assert max(ends) < min(text.get_window_extent().x0 for text in panel.labels.texts)
        leaders = panel.labels.lines.get_color()[: len(panel.labels.texts)]
        assert {to_hex(colour) for colour in leaders} == {style.GHOST}  # a leader is no part of its curve


def test_dates_stand_below_their_ticks_whatever_horizon_was_shown_before(ax):
    for horizon in (90, 30, 90):
        style.date_axis(ax, forecast().as_of, horizon)
        ax.get_figure().canvas.draw()
    sides = [label.get_horizontalalignment() for label in ax.get_xticklabels()]
    assert sides == ["center"] * (len(sides) - 1) + ["right"]


def test_another_horizon_redraws_the_axis():
    panel = EndingsPanel(Figure().subplots(), forecast())
    panel.update(forecast())
    assert panel.update(forecast(horizon=30)) is True
    assert panel.ax.get_xlim()[1] == 30


def test_a_choice_of_endings_is_kept():
    board = Dashboard(forecast(), 900, show=("war",))
    board.update(forecast())
    said = [text.get_text() for axes in board.figure.axes for text in axes.texts]
    assert any("Open war" in text for text in said)
    assert not any("treaty" in text for text in said)


def test_labels_of_strangers_are_shown_as_they_are():
    odd = r"Costs $\frac$ and 50% <b>"
    result = dataclasses.replace(forecast(), labels={"endings": {"war": odd}, "moves": dict.fromkeys(MOVES, odd)})
    figure = plots.dashboard(result)
    figure.canvas.draw()
    assert odd in figure.words


@pytest.mark.slow
def test_a_figure_says_in_words_what_it_shows():
    data, details = plots.dashboard(forecast())._repr_mimebundle_()
    assert data["text/plain"].startswith("“A treaty is signed and kept” by 29 June 2031: ")
    assert 'alt="“A treaty is signed and kept” by 29 June 2031: ' in data["text/html"]
    assert details["image/png"]["alt"] == data["text/plain"]


def test_a_comparison_has_a_number_for_each_ending_and_answer(ax):
    plots.comparison({"file": forecast(), "hawks": forecast(2.0)}, ax)
    said = " ".join(text.get_text() for text in ax.texts)
    assert said.count("%  file") == said.count("%  hawks") == 4


def test_a_story_that_ends_stops_at_a_mark(ax):
    plots.story([0, 10, 20], [1, 2, 0], RUNGS, ax, as_of=forecast().as_of, horizon=90, ended=True)
    assert max(line.get_xdata().max() for line in ax.lines) == 20
    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "s"] == [[[20, 0]]]


def test_a_story_steps_over_the_rungs(ax):
    plots.story([0, 10, 20], [1, 2, 0], RUNGS, ax, as_of=forecast().as_of, horizon=90)
    assert list(ax.lines[0].get_xdata()) == [0, 10, 20, 90]
    assert list(ax.lines[0].get_ydata()) == [1, 2, 0, 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == list(RUNGS)


def test_every_ending_has_a_colour_of_its_own(ax):
    plots.endings(forecast(), ax)
    drawn = next(some for some in ax.collections if isinstance(some, LineCollection) and some.get_linewidth()[0] == 2)
    colours = [to_hex(colour).upper() for colour in drawn.get_color()]
    assert sorted(colour.upper() for colour in style.CATEGORY_COLOURS[:4]) == sorted(colours)


def captions(ax):
    """Title and caption of an axes, each on one line."""
    return [text.replace("\n", " ") for text in (ax.get_title(loc="left"), ax.texts[0].get_text())]


def over_priors(result, draws=40):
    return dataclasses.replace(result, stated=result, provenance=result.provenance | {"draws": draws})


def test_a_written_picture_states_the_finding_and_captions_only_what_is_drawn(ax):
    plots.endings(forecast(), ax)
    title, caption = captions(ax)
    assert title == "Likeliest ending by 29 June 2031: “A treaty is signed and kept”, 27%; none yet: 55%"
    assert caption == "probability by the end of the date, at the stated values"


def test_a_written_picture_names_the_band_for_what_it_is(ax):
    result = forecast(runs=400)
    result = dataclasses.replace(result, provenance={"view": "", "runs": 400})
    plots.endings(result, ax, baseline=forecast())
    _, caption = captions(ax)
    assert "band: 95% error of 400 replicates, not uncertainty about the assumptions; dotted: the baseline" in caption


def test_draws_are_drawn_as_doubt_and_the_error_is_named_apart(ax):
    result = over_priors(forecast(runs=400))
    uncertainty = {name: np.outer((0.2, 0.5, 1.0, 1.4, 2.0), band.probability) for name, band in result.endings.items()}
    plots.endings(result, ax, show=("treaty", "war"), uncertainty=uncertainty)
    tops = [area[:, 1].max() for area in areas(ax)]
    assert tops == pytest.approx([2 * result.endings[name].probability[-1] for name in ("treaty", "war")])
    _, caption = captions(ax)
    assert "over the priors (40 draws); band and brackets: 5% to 95% of the draws; error of the mean over 40" in caption
    assert any("27% (5.4–54%)" in text.get_text() for text in ax.texts)
    assert ax.get_ylim()[1] >= max(tops)


def test_of_many_endings_only_the_likeliest_is_shaded(ax):
    result = over_priors(forecast())
    uncertainty = {name: np.outer((0.2, 0.5, 1.0, 1.4, 2.0), band.probability) for name, band in result.endings.items()}
    plots.endings(result, ax, uncertainty=uncertainty)
    assert sum(len(area) > 0 for area in areas(ax)) == 1
    assert "as a band for “A treaty is signed and kept”" in captions(ax)[1]


def test_written_moves_have_their_error_beside_them_and_no_hollow_bar_unless_drawn(ax):
    plots.moves(forecast(runs=100), ax, rows=2)
    title, caption = captions(ax)
    assert title == "Most frequent move by 29 June 2031: “North: does thing number 0”, 12.0 times on average"
    assert "line and ±: 95% error" in caption
    assert "hollow" not in caption
    assert "12.0 ±1.2" in [text.get_text() for text in ax.texts]


def test_a_written_ladder_says_which_rung_is_likeliest(ax):
    plots.ladder_fan(over_priors(forecast()), ax, baseline=forecast(2.0))
    title, caption = captions(ax)
    assert title.startswith("Escalation in the strait: likeliest at the end of 29 June 2031 is “shows of force”, ")
    assert caption.endswith("at the end of the date, over the priors (40 draws); dotted: the baseline")


@pytest.mark.slow
@pytest.mark.parametrize("width", [420, 680, 960])
def test_a_dashboard_captions_what_is_drawn_once_the_hand_rests(width):
    board = Dashboard(forecast(), width)
    board.update(forecast())
    said = [captions(panel.ax)[1] for panel in board.panels]
    assert not any("baseline" in caption or "error" in caption for caption in said)
    assert not board.update(forecast(1.01), forecast(), moving=True)
    assert board.update(forecast(1.01), forecast())
    assert all("baseline" in captions(panel.ax)[1] for panel in board.panels)
    assert not board.update(forecast(1.02), forecast())
    board.update(forecast(1.3, runs=500), forecast(runs=500))
    found = boxes(board.figure, [panel.caption for panel in board.panels])
    assert max(box.x1 for box in found) <= board.width
    assert all("error" in captions(panel.ax)[1] for panel in board.panels if type(panel).__name__ != "LadderPanel")


@pytest.mark.parametrize("width", [480, 960])
def test_numbers_beside_written_moves_are_not_cut_off(width):
    figure = Figure(figsize=(width / 100, 5.6), dpi=100)
    axes = plots.moves(forecast(1.87, runs=100), figure.add_axes((0.06, 0.11, 0.86, 0.73)), baseline=forecast())
    assert max(box.x1 for box in boxes(figure, axes.texts)) <= width
