"""Plots of what if, what drives it and how sure: each says its finding, dates and units, and fits on its figure."""

from __future__ import annotations

import dataclasses
import itertools
import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes

mpl.use("Agg")

from matplotlib import pyplot as plt

from simlib.analysis.discovery.result import Bound, Box
from simlib.analysis.discovery.scenario_discovery import discover
from simlib.analysis.indicators.watch_list import indicators_of_endings
from simlib.analysis.paths.classes import paths
from simlib.analysis.paths.medoids import typical_of
from simlib.analysis.sensitivity.exact_slopes import elasticities
from simlib.analysis.sensitivity.one_at_a_time import drivers
from simlib.analysis.sensitivity.sobol_indices import Index, sobol
from simlib.analysis.uncertainty.fans import Fan, ladder_fan, measure_fan
from simlib.analysis.uncertainty.perfect_information import evppi_from
from simlib.analysis.uncertainty.propagation import uncertainty
from simlib.analysis.uncertainty.sample_information import evsi
from simlib.analysis.whatif.comparison import compare
from simlib.analysis.whatif.variants import delay
from simlib.answer import ScenarioKey
from simlib.engines.ensemble import over_priors
from simlib.engines.exact.endpoint import histories_given
from simlib.engines.montecarlo.replay import histories
from simlib.formatting import long_date, percent
from simlib.plots import fan_charts, style
from simlib.plots import path_charts as plots
from simlib.plots.box_charts import BoxBoard, box
from simlib.plots.driver_bars import slopes
from simlib.plots.flip_matrix import _write as shown_share
from simlib.plots.flip_matrix import flips
from simlib.plots.indicator_bars import indicator_map, indicators
from simlib.plots.path_charts import ladder_histories
from simlib.plots.plan_calendar import BOOKING_LOOKS, calendar, rows_of
from simlib.plots.sobol_bars import shares
from simlib.plots.tornado_bars import tornado
from simlib.plots.uncertainty_charts import distribution, split
from simlib.plots.value_bars import evppi_bars, evsi_bars
from simlib.plots.waterfall_bars import effects, waterfall
from simlib.quantities import show
from simlib.scenario.model import Condition, Force, Pin, Policy
from tests.worlds import World, date, tempo_world


@pytest.fixture(scope="module")
def scenario():
    world = tempo_world()
    doubted = {
        name: dataclasses.replace(
            world.assumptions[name], low=world.assumptions[name].value / 2, high=world.assumptions[name].value * 2
        )
        for name in ("clash.rate", "patrol.rate", "sign.rate")
    }
    return world.replace(assumptions=dict(world.assumptions) | doubted)


@pytest.fixture(scope="module")
def comparison(scenario):
    variants = {
        "a clash on the tenth day": Force("clash", date(9), "large"),
        "no talks before the twentieth day": delay("invite", date(19)),
        "quiet from the start": Pin("tempo", "quiet", date(0)),
        "calm heads": [{"clash.rate": 0.02}, Policy("withdraw", 0.5, Condition(((("standoff", ("clashes",)),),)))],
    }
    return compare(scenario, variants, engine="montecarlo", runs=2000)


@pytest.fixture(scope="module")
def carried(scenario):
    return uncertainty(scenario, ["war", "treaty", "moves:patrol"], draws=128)


@pytest.fixture(scope="module")
def draws(scenario):
    return over_priors(scenario, draws=16, times=6)


def drawn(plot, result, **options):
    """Draw on a figure of the usual size; return (axes, every text on it). Nothing may stick out of the figure."""
    figure, ax = plt.subplots(figsize=(8, 5), dpi=100)
    figure.subplots_adjust(left=0.14, right=0.8, top=0.75, bottom=0.2)
    assert plot(result, ax, **options) is ax
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    title = ax.title if ax.title.get_text() else ax._left_title
    box = title.get_window_extent()
    assert box.x0 >= 0
    assert box.y1 <= height
    assert box.x1 <= width * 1.02
    texts = [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]
    plt.close(figure)
    return ax, "\n".join(texts)


def outside(figure):
    """Return the texts of a figure that stick out of it."""
    figure.canvas.draw()
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    labels = [
        tick.label1
        for axis in axes
        for tick in axis.get_major_ticks()
        if min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]
    titles = [title for ax in figure.axes for title in (ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts)]
    boxes = [(text.get_text(), text.get_window_extent()) for text in labels + titles if text.get_text()]
    width, height = figure.canvas.get_width_height()
    return [words for words, at in boxes if at.x0 < 0 or at.y0 < 0 or at.x1 > width or at.y1 > height]


@pytest.fixture(scope="module")
def wordy(scenario):
    """The scenario with labels that take two lines of a title."""
    more = "a label so long that no picture of it has room for the whole of it in a line, by 2032"
    parts = {
        part: {
            key: dataclasses.replace(item, label=f"{item.label}, {more}")
            for key, item in getattr(scenario, part).items()
        }
        for part in ("assumptions", "moves", "endings", "questions")
    }
    return scenario.replace(**parts)


def test_texts_of_a_picture_with_long_labels_lie_in_the_figure(wordy):
    variants = {
        f"{name} in another world, which has a long name for its many changes": Pin("tempo", name, date(0))
        for name in ("quiet", "hot")
    }
    compared = compare(wordy, variants, engine="montecarlo", runs=500)
    by_draw = {
        effects: compared,
        flips: compared,
        calendar: compared,
        tornado: drivers(wordy, "war"),
        slopes: elasticities(wordy, "war"),
        evsi_bars: evsi(wordy, "war", draws=64, runs=200),
        evppi_bars: evppi_from(uncertainty(wordy, "war", draws=128), "war"),
        indicators: indicators_of_endings(wordy, look_by=10.0, draws=0, runs=1000)[0],
        plots.path_classes: paths(wordy),
    }
    for draw, result in by_draw.items():
        figure, ax = plt.subplots(figsize=(7.2, 5.2), dpi=100)
        figure.subplots_adjust(left=0.22, right=0.97, top=0.87, bottom=0.26)
        draw(result, ax)
        assert not outside(figure), draw.__name__
    plt.close("all")


def test_texts_of_a_board_with_a_box_lie_in_the_figure_and_in_their_axes(wordy):
    found = discover(wordy, "ending:war", engine="exact", draws=64)
    bounds = (Bound("clash.rate", 0.09, None, 0.0), Bound("patrol.rate", 0.2, 0.3, 0.0))
    board = BoxBoard(found, Box(bounds, 0.6, 0.5, 0.25), 720, 560)
    assert not outside(board.figure)
    main, strip = board.figure.axes
    assert strip.get_position().y1 == main.get_position().y1
    frame = main.get_window_extent()
    assert all(
        frame.x0 <= label.get_window_extent().x0 <= label.get_window_extent().x1 <= frame.x1 for label in main.texts[1:]
    )
    ticks = [label.get_window_extent() for label in main.get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(ticks))


def test_effects_go_from_the_baseline_to_each_variant(comparison):
    ax, text = drawn(effects, comparison, measure="ending:war")
    found = {name: effect.differences["ending:war"] for name, effect in comparison.effects.items()}
    baseline, *bars = ax.patches
    before = float(next(iter(found.values())).before[-1])
    assert baseline.get_width() == pytest.approx(before)
    for bar, difference in zip(bars, found.values(), strict=True):
        assert bar.get_x() == pytest.approx(before)
        assert bar.get_width() == pytest.approx(float(difference.change[-1]))
        assert bool(bar.get_hatch()) == (difference.change[-1] < 0)
    for words, difference in zip(ax.texts[4::2], found.values(), strict=True):  # beside the new value
        after = float(difference.after[-1])
        falls = difference.moved and 0.4 * before < after < before
        assert words.get_ha() == ("right" if falls else "left")
        assert not falls or words.xy[0] <= after
    assert "war: “calm heads” takes it from" in text.replace("\n", " ")
    assert "probability by 30 May 2031, at the stated values" in text


def test_a_waterfall_piles_up_to_a_total(scenario):
    one, two = {"clash.rate": 0.1}, {"patrol.rate": 0.4}
    piled = compare(scenario, {"one": one, "two": [one, two]}, runs=0)
    ax, text = drawn(waterfall, piled, measure="moves:patrol")
    baseline, one, two, total = ax.patches
    assert one.get_x() == pytest.approx(baseline.get_width())
    assert two.get_x() == pytest.approx(one.get_x() + one.get_width())
    assert total.get_x() == 0
    assert total.get_width() == pytest.approx(two.get_x() + two.get_width())
    assert "2 changes together take it from" in text.replace("\n", " ")
    assert "All together" in text


def test_a_flip_matrix_counts_histories_in_round_numbers(comparison):
    ax, text = drawn(flips, comparison, variant="a clash on the tenth day")
    assert re.search(r"about \d+ in 100 histories end differently", text.replace("\n", " "))
    found = comparison.effects["a clash on the tenth day"].flips
    cells = [patch for patch in ax.patches if patch.get_width() == 1]
    assert len(cells) == np.count_nonzero(found.matrix.sum(axis=0) + found.matrix.sum(axis=1)) ** 2
    assert sum(bool(cell.get_hatch()) for cell in cells) == np.sqrt(len(cells))


def test_the_note_under_the_title_of_a_flip_matrix_fits_a_narrow_picture(comparison):
    figure, ax = plt.subplots(figsize=(6.2, 6), dpi=100)
    flips(comparison, ax, variant="a clash on the tenth day")
    figure.canvas.draw()
    (note,) = (text for text in ax.texts if "hatched" in text.get_text())
    assert note.get_window_extent().x1 <= 620


def test_small_shares_in_a_flip_matrix_have_the_same_digits():
    assert [shown_share(share) for share in (2e-6, 6e-4, 1.4e-3, 4e-3, 0.012, 0.76)] == [
        "1 in 500,000",
        "0.06%",
        "0.14%",
        "0.40%",
        "1.2%",
        "76%",
    ]


def test_flips_need_replicates(scenario):
    without = compare(scenario, {"v": {"clash.rate": 0.1}}, runs=0)
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="there are no flips to draw"):
        flips(without, ax)
    plt.close("all")


def test_a_calendar_shows_what_is_done_and_when(comparison):
    ax, text = drawn(calendar, comparison)
    assert "4 interventions in 4 plans, 1 April 2031 to 30 May 2031" in text.replace("\n", " ")
    spans = sorted((bar.get_x(), bar.get_width(), bar.get_facecolor()[3]) for bar in ax.patches)
    assert spans == [(0.0, 19.0, 1.0), (0.0, 60.0, 0.3)]
    assert "pale: while the rule's condition holds" in text.replace("\n", " ")
    assert [line.get_xdata()[0] for line in ax.lines] == [9.0, 0.0]
    of_effects = {style.SKY, style.ORANGE, "////"}  # these say "falls" and "rises" in the picture above
    assert not any(of_effects & set(look) for look in BOOKING_LOOKS.values())


def test_a_calendar_says_a_long_rule_whole(comparison):
    """A label may take several lines, for which the rows below make room."""
    rule = "“Offer talks” as a rule, about every 7 days while “Use of force between the two sides” is suspended, " * 2
    effects = {
        label: dataclasses.replace(
            effect, bookings=tuple(dataclasses.replace(each, words=rule.strip()) for each in effect.bookings)
        )
        for label, effect in comparison.effects.items()
    }
    long = dataclasses.replace(comparison, effects=effects)
    assert "in 4 plans, " in drawn(calendar, long)[1].replace("\n", " ")
    assert drawn(calendar, long)[1].replace("\n", " ").count(rule.strip()) == 4
    height = (162 + 38 * rows_of(long)) / 100
    figure, ax = plt.subplots(figsize=(7.2, height), dpi=100)
    figure.subplots_adjust(left=0.07, right=0.97, top=1 - 0.9 / height, bottom=0.4 / height)
    calendar(long, ax)
    boxes = [label.get_window_extent() for label in ax.texts] + [bar.get_window_extent() for bar in ax.patches]
    plt.close(figure)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert rows_of(long) > rows_of(comparison) + 1


def test_a_calendar_marks_what_has_no_effect():
    world = World("valley", 30.0).variable("place", "valley", "pass", "plain", start="valley")
    world.move("climb", 0.05, {"place": "pass"}, when={"place": "valley"})
    world.move("descend", 0.3, {"place": "plain"}, when={"place": "pass"})
    twice = [Force("descend", date(0)), Force("descend", date(20))]
    variants = {"too early": Force("descend", date(0)), "on the way": Force("climb", date(0)), "twice": twice}
    found = compare(world.ending("out", {"place": "plain"}).scenario(), variants, runs=0)
    ax, text = drawn(calendar, found)
    assert [line.get_markerfacecolor() == "white" for line in ax.lines] == [True, False, True, False]
    assert "hollow: no effect in any history" in text
    assert text.count("(no effect)") == 1
    assert "(no effect 1 of 2 times)" in text
    _, text = drawn(calendar, dataclasses.replace(found, effects={"on the way": found.effects["on the way"]}))
    assert "no effect" not in text


def test_the_title_of_an_empty_answer_says_so_in_words(comparison, scenario):
    nothing = {"as it is": dataclasses.replace(comparison.effects[next(iter(comparison.effects))], bookings=())}
    empty = dataclasses.replace(comparison, effects=nothing)
    assert "No interventions, 1 April 2031 to 30 May 2031" in drawn(calendar, empty)[1].replace("\n", " ")
    none = dataclasses.replace(paths(scenario), classes=())
    assert "No orders of rungs cover 0% of" in drawn(plots.path_classes, none)[1].replace("\n", " ")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_tornado_reaches_from_low_to_high(scenario, engine):
    result = drivers(scenario, ["war", "moves:patrol"], engine=engine, runs=2000)
    ax, text = drawn(tornado, result)
    bar = result.ranked()[0]
    ends = {ax.patches[0].get_width(), ax.patches[1].get_width()}
    assert ends == {float(bar.at_low[0] - result.stated[0]), float(bar.at_high[0] - result.stated[0])}
    assert f"with “{bar.assumption.label}”" in text.replace("\n", " ")
    assert "probability by 30 May 2031; line: as stated" in text
    ticks = {tick: label.get_text() for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)}
    assert all(float(label.removesuffix("%")) == pytest.approx(100 * tick) for tick, label in ticks.items())
    _, text = drawn(tornado, result, measure="moves:patrol")
    assert "expected number by 30 May 2031" in text


def test_slopes_are_bars_of_the_elasticities(scenario):
    result = elasticities(scenario, ["war", "moves:patrol"])
    ax, text = drawn(slopes, result, measure="ending:war")
    elasticity = result.elasticity("ending:war")
    assert ax.patches[0].get_width() == max(elasticity, key=abs)
    assert "raises it most" in text.replace("\n", " ")
    note = "change in % for 1% more of the assumption, from the slope; at the stated values: 47% by 30 May 2031"
    assert note in text.replace("\n", " ")
    none = dataclasses.replace(result, derivatives={"ending:war": 0 * elasticity}, measures=result.measures[:1])
    assert "no assumption changes it" in drawn(slopes, none)[1].replace("\n", " ")


@pytest.mark.slow
def test_shares_show_what_is_known_and_what_is_not(scenario):
    result = sobol(scenario, "war", draws=64)
    _, text = drawn(shares, result)
    assert "of the spread of “war” comes" in text.replace("\n", " ")
    assert "alone" in text
    found = result.measures["ending:war"]
    share = next(share for share in found.shares if share.total.known)
    hidden = dataclasses.replace(share, first=dataclasses.replace(share.first, known=False))
    unknown = dataclasses.replace(result, measures={"ending:war": dataclasses.replace(found, shares=(hidden,))})
    ax, text = drawn(shares, unknown)
    assert "not known alone" in text
    assert len(ax.patches) == 1
    hidden = dataclasses.replace(hidden, total=hidden.first)
    unknown = dataclasses.replace(result, measures={"ending:war": dataclasses.replace(found, shares=(hidden,))})
    ax, text = drawn(shares, unknown)
    assert "no share of the spread is known" in text
    assert len(ax.patches) == 0


@pytest.mark.slow
def test_the_title_names_the_largest_share_also_where_it_is_known_with_interactions_only(scenario):
    result = sobol(scenario, "war", draws=64)
    found = result.measures["ending:war"]
    small, large = (Index(size, size - 0.05, size + 0.05, known=True) for size in (0.1, 0.55))
    one = dataclasses.replace(found.shares[0], first=small, total=small)
    group = dataclasses.replace(one.input, label="Readiness + Order + Days", assumptions=("a", "b", "c"))
    other = dataclasses.replace(one, input=group, first=dataclasses.replace(large, known=False), total=large)
    both = dataclasses.replace(found, shares=(other, one))
    _, text = drawn(shares, dataclasses.replace(result, measures={"ending:war": both}))
    title = "About half of the spread of “war” comes, with interactions, from “Readiness” and 2 assumptions tied to it"
    assert title in text.replace("\n", " ")


@pytest.mark.slow
def test_doubt_is_drawn_over_the_draws(carried):
    ax, text = drawn(distribution, carried)
    assert "over the priors, between" in text.replace("\n", " ")
    assert "at each of 128 draws" in text
    assert np.array_equal(ax.lines[0].get_xdata(), np.sort(carried.spread().answers))
    _, text = drawn(distribution, carried, measure="moves:patrol")
    assert "expected number by" in text


def test_the_split_into_doubt_and_chance_adds_to_one(carried):
    ax, text = drawn(split, carried)
    widths = [bar.get_width() for bar in ax.patches]
    assert [a + b for a, b in zip(widths[::2], widths[1::2], strict=True)] == pytest.approx([1, 1])
    assert re.search(r"At most \S+% of the uncertainty comes from the assumptions", text.replace("\n", " "))


def test_of_a_single_answer_the_split_is_not_called_the_most(scenario):
    one = uncertainty(scenario, "war", draws=32)
    _, text = drawn(split, one)
    share = percent(one.spread().share.value)
    assert f"{share} of the uncertainty comes from the assumptions, for “war”" in text.replace("\n", " ")
    assert "At most" not in text


def test_what_to_find_out_next_is_on_top(carried, scenario):
    result = evppi_from(carried, "war")
    ax, text = drawn(evppi_bars, result)
    assert f"find out next about “{result.worths[0].assumption.label}”" in text.replace("\n", " ")
    assert "no source" in text
    assert "share of the value of knowing all assumptions" in text
    assert f"{result.worths[0].of_all}; " in text
    assert "1e" not in text
    unknown = dataclasses.replace(result, worths=tuple(dataclasses.replace(w, share_error=1.0) for w in result.worths))
    _, text = drawn(evppi_bars, unknown)
    assert "for no single assumption is the gain from knowing it larger than the error of this gain" in text.replace(
        "\n", " "
    )
    assert f"not known yet ({unknown.worths[0].of_all}); " in text
    ax, text = drawn(evppi_bars, result)
    assert ax.patches[0].get_width() == max(bar.get_width() for bar in ax.patches)
    seen = evsi(scenario, "war", draws=128, runs=400)
    ax, text = drawn(evsi_bars, seen)
    assert f"if “{seen.observations[0].label}” is seen" in text.replace("\n", " ")
    assert f"dashed line: without watching, {percent(seen.if_open)}" in text.replace("\n", " ")
    assert [line.get_xdata()[0] for line in ax.lines if line.is_dashed()] == [seen.if_open]
    dull = tuple(
        dataclasses.replace(one, brier=dataclasses.replace(one.brier, value=0.0, half=1.0)) for one in seen.observations
    )
    doubtful = dataclasses.replace(seen, observations=dull)
    _, text = drawn(evsi_bars, doubtful)
    assert text.count("gain smaller than its error") == len(dull[:8])
    assert "for no observation is the gain larger than the error of this gain" in text.replace("\n", " ")
    assert doubtful.sentences()[0] == "No observation improves the forecast by more than the error of the estimate."


@pytest.mark.slow
def test_fans_keep_chance_and_doubt_apart(draws):
    _, text = drawn(fan_charts.fan, ladder_fan(draws))
    key = "mean of 16 draws; hatched: where a border between rungs lies in 90% of the draws, crossed: in 50%"
    assert key in text.replace("\n", " ")
    assert re.search(r"height on 30 May 2031: \d+% for “war”", text.replace("\n", " "))
    _, text = drawn(fan_charts.fan, measure_fan(draws, "treaty"))
    assert "treaty:" in text
    assert "dotted: stated values" in text


def test_bands_of_a_fan_that_would_lie_on_each_other_are_left_out():
    border = np.array([[0.95, 0.9], [0.5, 0.4], [0.48, 0.35]])
    spread = border[None] + np.array([-0.1, -0.05, 0, 0.05, 0.1])[:, None, None] * np.array([0, 1])
    fan = Fan(
        scenario=ScenarioKey("w", "W", "", date(0)),
        by=date(29),
        by_day=30.0,
        label="Height",
        names=("a", "b", "c", "d"),
        times=np.array([1.0, 30.0]),
        mean=border,
        stated=border,
        quantiles=spread,
        draws=100,
        provenance={},
    )
    ax, text = drawn(fan_charts.nested_fan, fan)
    assert "Height on 30 April 2031: 40% for “c” or above, 30% to 50% over the draws" in text.replace("\n", " ")
    assert "where there is room" in text
    assert sum(line.is_dashed() for line in ax.lines) == 4
    hatched = [band for band in ax.collections if band.get_hatch()]
    assert len(hatched) == 4
    assert {band._hatch_linewidth for band in hatched} == {fan_charts.HATCH}


def test_a_fan_changes_no_setting_that_another_thread_may_draw_with(draws, monkeypatch):
    seen, fill_between = set(), Axes.fill_between

    def seeing(*arguments, **options):
        seen.add(mpl.rcParams["hatch.linewidth"])
        return fill_between(*arguments, **options)

    monkeypatch.setattr(Axes, "fill_between", seeing)
    drawn(fan_charts.fan, ladder_fan(draws))
    assert seen == {mpl.rcParams["hatch.linewidth"]}


def test_a_heat_map_has_what_is_known_to_change_and_nothing_else(scenario):
    found = indicators_of_endings(scenario, look_by=10.0, draws=0, runs=4000)
    ax, text = drawn(indicator_map, found)
    known = [(row.id, result.measure.of) for result in found for row in result.signs]
    telling = max((row for result in found for row in result.signs), key=lambda row: row.information)
    of_it = [row.change for result in found for row in result.signs if row.id == telling.id]
    assert f"“{telling.label}”, seen by 10 April 2031, is the best sign: “" in text.replace("\n", " ")
    assert f"{abs(100 * max(of_it, key=abs)):.0f} points" in text
    assert "change if seen by 10 April 2031, in points" in text.replace("\n", " ")
    assert "moves" not in text
    assert len(known) == sum(cell.get_text()[:1] in ("▲", "▼") for cell in ax.texts)
    assert {label.get_text().replace("\n", " ") for label in ax.get_yticklabels()} == {
        row.label for result in found for row in result.rows if (row.id, result.measure.of) in known
    }
    _, text = drawn(indicator_map, [dataclasses.replace(result, rows=()) for result in found])
    assert "No move or level seen by 10 April 2031 is known to be a sign of anything" in text.replace("\n", " ")


def test_signs_of_an_ending_are_drawn_with_what_every_mark_is(scenario):
    found = indicators_of_endings(scenario, look_by=10.0, draws=0, runs=4000)[0]
    ax, text = drawn(indicators, found)
    text = text.replace("\n", " ")
    best = found.signs[0]  # the one that says most, not the rarest
    assert (
        f"{percent(found.before[0])} before looking, {percent(best.if_seen[0])} if “{best.label}” is {best.verb}"
        in text
    )
    for words in ("dashed line: before looking", "whiskers its 95% interval", "hollow: if not", "(4,000 histories"):
        assert words in text
    marks = [
        float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() in "^o" and len(line.get_xdata()) == 1
    ]
    assert marks[1::2] == sorted(marks[1::2], reverse=True)  # each second mark: if seen


def test_a_level_that_only_repeats_a_move_is_no_second_sign(scenario):
    found = indicators_of_endings(scenario, look_by=10.0, draws=0, runs=4000)[0]
    move = next(row for row in found.signs if row.kind == "move")
    level = dataclasses.replace(move, kind="level", id="mood=same", label="Mood: same")
    twice = dataclasses.replace(found, rows=(level, *found.rows))
    assert twice.signs == found.signs
    assert "same" not in " ".join(twice.sentences())
    alone = dataclasses.replace(found, rows=(level,))
    _, text = drawn(indicators, alone)
    assert "“Mood: same” is reached (the most telling sign)" in text.replace("\n", " ")
    assert "Mood: same (reached in" in text


@pytest.mark.slow
def test_pictures_of_paths_given_an_ending_say_so(scenario):
    label, by = scenario.endings["war"].label, long_date(scenario.by_date(scenario.horizon_days))
    plain, given = paths(scenario), paths(scenario, given="war")
    so, these = "of the histories that end this way", "of the histories with this ending that begin this way"
    for draw, share in ((plots.path_classes, so), (plots.path_tree, these), (plots.sankey, so)):
        _, text = drawn(draw, given)
        text = text.replace("\n", " ")
        assert f"the histories that end in “{label}”" in text
        assert share in text
        assert by in text
        assert "that end" not in drawn(draw, plain)[1].replace("\n", " ")
    assert f"Of the histories that end in “{label}”: from “" in drawn(plots.path_tree, given)[1].replace("\n", " ")


def test_histories_on_a_ladder_tell_the_likeliest_path_of_all_and_pick_out_one_for_each(scenario):
    label, by = scenario.endings["war"].label, long_date(scenario.by_date(scenario.horizon_days))
    given, every = paths(scenario, given="war"), paths(scenario)
    played = {given.given: histories_given(scenario, "ending:war", 200), None: histories(scenario, 200)}
    for result, begins in ((given, f"Of the histories that end in “{label}” by {by}, "), (every, "")):
        found = typical_of(played[result.given], result)
        ax, text = drawn(ladder_histories, found)
        text = text.replace("\n", " ")
        assert re.search(rf"{percent(result.classes[0].probability)} of all .* (until|by) {by}", text) or result.given
        assert f"{begins}{percent(result.classes[0].probability)}" in text
        assert "at the stated values" in text
        assert "a path: the order of first visits to rungs" in text
        names = [entry.get_text() for entry in ax.get_legend().get_texts()]
        assert [name.split(" (")[0].split(": ")[0] for name in names] == [
            " → ".join(path.rungs) for path, _ in found.typical
        ]


def test_every_bar_of_a_flow_is_named_however_thin(scenario):
    ax, text = drawn(plots.sankey, paths(scenario, by=5.0))
    assert min(bar.get_height() for bar in ax.patches) < 0.012
    labels = [label for label in ax.texts if label.get_text().endswith("%")]
    assert len(labels) == len(ax.patches)
    ends = sorted((round(label.xyann[0], 3), label.xyann[1]) for label in labels)
    assert all(b - a > 0.01 for (x, a), (other, b) in itertools.pairwise(ends) if x == other)
    assert "never leave “" in text.replace("\n", " ")


def test_a_box_is_shaded_inside_its_bounds_which_are_named_and_its_ticks_are_round(scenario):
    found = discover(scenario, "ending:war", engine="exact", draws=64)
    sides = {"clash.rate": (0.01, None), "patrol.rate": (0.2, 0.3), "sign.rate": (0.001, None)}
    bounds = tuple(Bound(name, *pair, 0.0) for name, pair in sides.items())
    ax, text = drawn(box, dataclasses.replace(found, boxes=(Box(bounds, 0.6, 0.5, 0.25),)))
    text = text.replace("\n", " ")
    (inside,) = (patch for patch in ax.patches if patch.get_width())
    assert (inside.get_x(), inside.get_x() + inside.get_width()) == (0.01, pytest.approx(ax.get_xlim()[1]))
    assert (inside.get_y(), inside.get_y() + inside.get_height()) == pytest.approx((0.2, 0.3))
    for rate, side in ((0.01, "least"), (0.2, "least"), (0.3, "most")):
        unit = scenario.assumptions["clash.rate" if rate == 0.01 else "patrol.rate"].unit
        assert f"at {side} {show(rate, 'rate', unit)}" in text
    by = long_date(found.by)
    assert f"by {by} in 50% of the draws in the box, and in {percent(found.base_rate)} of all" in text
    assert "the box, which holds 60% of all triangles, and has bounds on 1 further assumption too" in text
    assert "both axes are logarithmic" in text
    ticks = [label.get_text().split(" ")[0] for label in ax.get_xticklabels()]
    assert len(ticks) >= 2
    assert all(len(tick.strip("0.")) <= 2 for tick in ticks)
