"""The figures that each command writes with `--out`, without those that would be empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.cli.output.files import Picture, slug

if TYPE_CHECKING:
    from simlib.analysis.dated_forecasts import ForecastSeries
    from simlib.analysis.discovery.result import Discovery
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.paths.medoids import TypicalHistories
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.pooling import Pool
    from simlib.analysis.row_attribution import RowEffects
    from simlib.analysis.scenario_diff import Diff
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.sensitivity.sobol_indices import Sobol
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.analysis.uncertainty.perfect_information import Evppi
    from simlib.analysis.uncertainty.result import Uncertainty
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.analysis.whatif.result import Comparison
    from simlib.calibration.dated_scores import Backtest
    from simlib.evidence.lessons import Lessons

FIGURE_ROWS = 10
"""Largest number of rows in a figure with a row for each item."""


def compare(result: Comparison, measures: Sequence[str], *, cumulative: bool) -> Iterator[Picture]:
    """Yield pictures of the effects of variants, changed endings, and dates of interventions.

    With `cumulative`, the effects are drawn as steps, each on top of the steps before it.
    """
    from simlib.plots.flip_matrix import flips
    from simlib.plots.plan_calendar import calendar, rows_of
    from simlib.plots.waterfall_bars import effects, waterfall

    kind, draw = ("waterfall", waterfall) if cumulative else ("effects", effects)
    for measure in measures:
        yield Picture(
            f"{kind}-{slug(measure)}",
            partial(draw, result, measure=measure),
            200 + 55 * (len(result.effects) + cumulative),
        )
    for number, (name, effect) in enumerate(result.effects.items(), start=1):
        if effect.flips is not None and len(effect.flips.matrix):
            stem = f"flips-{slug(name)}" if len(result.effects) == 1 else f"flips-{number}-{slug(name)}"
            yield Picture(stem, partial(flips, result, variant=name), 620, left=190, bottom=110)
    booked = rows_of(result)
    if booked:
        yield Picture("calendar", partial(calendar, result), 170 + round(44 * booked), left=40)


def drivers(result: Drivers, sobol: Sobol | None) -> Iterator[Picture]:
    """Yield a tornado diagram of each measure and, if there are any, its Sobol indices.

    A tornado diagram shows the measure with one assumption at a time at its low and at its high value.
    """
    from simlib.plots.sobol_bars import shares
    from simlib.plots.tornado_bars import tornado

    for measure in result.measures:
        rows = min(len(result.ranked(measure.name)), FIGURE_ROWS)
        if rows:
            picture = partial(tornado, result, measure=measure.name)
            yield Picture(f"tornado-{slug(measure.name)}", picture, 150 + 46 * rows)
    if sobol is None:
        return
    for name, about in sobol.measures.items():
        if about.shares:
            height = 160 + 52 * min(len(about.shares), FIGURE_ROWS)
            yield Picture(f"shares-{slug(name)}", partial(shares, sobol, measure=name), height)


def uncertainty(
    result: Uncertainty, worths: Mapping[str, Evppi], fan: Fan | None, observations: Mapping[str, Evsi]
) -> Iterator[Picture]:
    """Yield pictures of the spread of the answer, its causes, and the value of information.

    If there is a `fan`, also yield a picture of the range of the rung (level of escalation) over time.
    """
    from simlib.plots import value_bars
    from simlib.plots.fan_charts import nested_fan
    from simlib.plots.uncertainty_charts import distribution, split

    for measure in result.measures:
        draw = partial(distribution, result, measure=measure.name)
        yield Picture(f"uncertainty-{slug(measure.name)}", draw, 480, left=80)
    shares = sum(spread.share is not None for spread in result.spreads.values())
    if shares:
        yield Picture("split", partial(split, result), 150 + 46 * shares)
    if fan is not None:
        yield Picture("nested-fan", partial(nested_fan, fan), 560, left=70, right=300)
    for name, worth in worths.items():
        if worth.worths:
            height = 150 + 46 * min(len(worth.worths), value_bars.VALUE_ROWS)
            yield Picture(name, partial(value_bars.evppi_bars, worth), height)
    for name, seen in observations.items():
        height = 150 + 46 * min(len(seen.observations), value_bars.VALUE_ROWS)
        yield Picture(name, partial(value_bars.evsi_bars, seen), height)


def paths(result: Paths, typical: TypicalHistories | None) -> Iterator[Picture]:
    """Yield bars, a tree and a flow diagram of the most probable paths, and typical histories."""
    from simlib.plots import path_charts as plots

    if result.classes:
        height = 150 + 46 * min(len(result.classes), FIGURE_ROWS)
        yield Picture("classes", partial(plots.path_classes, result), height, right=70)
    if result.tree:
        leaves = len({b.rungs for b in result.tree if b.entered >= 0.01 and len(b.rungs) <= 5})
        yield Picture("tree", partial(plots.path_tree, result), 160 + 38 * leaves, right=60, bottom=20)
        yield Picture("sankey", partial(plots.sankey, result), 620, top=100, bottom=20)
    if typical is not None:
        yield Picture("histories", partial(plots.ladder_histories, typical), 640, left=190, top=110, bottom=115)


def indicators(results: Sequence[Indicators], of_all: Sequence[Indicators]) -> Iterator[Picture]:
    """Yield a picture of the signs of each ending or question, then a map of all signs.

    Each of `results` gets its own picture, and the map shows all of `of_all`.
    """
    from simlib.plots import indicator_bars as plots

    for result in results:
        if result.rows:
            height = 200 + 46 * min(len(result.signs or result.rows), plots.INDICATOR_ROWS)
            yield Picture(f"indicators-{slug(result.measure.name)}", partial(plots.indicators, result), height, top=125)
    some = [result for result in of_all if result.rows]
    if len(some) > 1:
        signs = min(len({row.id for result in some for row in result.signs}), 14)
        draw = partial(plots.indicator_map, some)
        yield Picture("indicator-map", draw, 300 + 38 * signs, left=260, top=135, bottom=100)


def discover(result: Discovery) -> Iterator[Picture]:
    """Yield a picture of each box, with the two main assumptions of the box as axes.

    A box is a set of ranges of a few assumptions, within which the chosen result is likely. A later box is left out if
    the result is no more likely within it than among all draws.
    """
    from simlib.plots.box_charts import box

    stem = f"box-{slug(result.measure.name)}"
    for number, region in enumerate(result.boxes):
        # a later box is found outside the earlier ones; among all draws, which the plot shows, it may be no denser
        if number and region.density <= result.base_rate:
            continue
        draw: Any = partial(box, result, number=number)
        yield Picture(stem if number == 0 else f"{stem}-{number + 1}", draw, 660, left=210, top=110, bottom=90)


def pool(result: Pool) -> Iterator[Picture]:
    """Yield one picture of the forecasts by all views, and of their two kinds of average."""
    from simlib.plots.pool_bars import pools

    below = 70 + 22 * ((len(result.weights) + 5) // 4)
    yield Picture("pool", partial(pools, result), 120 + 46 * len(result.items) + below, bottom=below)


def backtest(result: Backtest) -> Iterator[Picture]:
    """Yield a picture of each question's forecasts over time, then one picture of all scores."""
    from simlib.plots.backtest_charts import forecasts_by_day, scores_by_question

    questions = [name for name in result.labels if result.of(name)]
    for name in questions:
        yield Picture(f"backtest-{slug(name)}", partial(forecasts_by_day, result, question=name), 520, right=190)
    yield Picture("scores", partial(scores_by_question, result), 180 + 52 * len(questions), right=190)


def series(result: ForecastSeries) -> Iterator[Picture]:
    """Yield one picture of the forecasts that would have been made on each date of a series."""
    from simlib.plots.series_lines import series as lines

    yield Picture("series", partial(lines, result), 540, right=240)


def lessons(result: Lessons) -> Iterator[Picture]:
    """Yield one picture of priors and posteriors of the assumptions that the log changed most."""
    from simlib.plots.prior_posterior_bars import height_of, prior_and_posterior

    yield Picture("learn", partial(prior_and_posterior, result), height_of(result), right=276)


def row_effects(result: RowEffects) -> Iterator[Picture]:
    """Yield one picture of how much each row of the log changes the forecast."""
    from simlib.plots.row_effect_bars import row_bars

    yield Picture("rows", partial(row_bars, result), 760)


def diff(result: Diff) -> Iterator[Picture]:
    """Yield one picture of the endings and questions that both forecasts have, side by side."""
    from simlib.plots.comparison_bars import both_forecasts, in_common

    if result.forecasts is None:
        return
    rows = len(in_common(result.forecasts, ongoing=True, questions=True))
    yield Picture("forecasts", partial(both_forecasts, result), 150 + 86 * rows)
