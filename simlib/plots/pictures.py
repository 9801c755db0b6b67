"""The picture of each kind of answer, found by its class."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from simlib.errors import Unsupported
from simlib.plots.figure import new_figure
from simlib.plots.lettering import settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PICTURES", "plot"]

PICTURES: dict[str, str] = {
    "Backtest": "simlib.plots.backtest_charts:forecasts_by_day",
    "BaseRates": "simlib.plots.rate_charts:beside_past_crises",
    "Comparison": "simlib.plots.waterfall_bars:effects",
    "Diff": "simlib.plots.comparison_bars:both_forecasts",
    "Discovery": "simlib.plots.box_charts:box",
    "Drivers": "simlib.plots.tornado_bars:tornado",
    "Elasticities": "simlib.plots.driver_bars:slopes",
    "Evppi": "simlib.plots.value_bars:evppi_bars",
    "Evsi": "simlib.plots.value_bars:evsi_bars",
    "Fan": "simlib.plots.fan_charts:fan",
    "Forecast": "simlib.plots.ending_curves:endings",
    "Indicators": "simlib.plots.indicator_bars:indicators",
    "Paths": "simlib.plots.path_charts:path_classes",
    "Pool": "simlib.plots.pool_bars:pools",
    "RegistryScore": "simlib.plots.registry_charts:registered",
    "Lessons": "simlib.plots.prior_posterior_bars:prior_and_posterior",
    "RowsPerWeek": "simlib.plots.weekly_rows_chart:weekly_rows",
    "RowEffects": "simlib.plots.row_effect_bars:row_bars",
    "ForecastSeries": "simlib.plots.series_lines:series",
    "Sobol": "simlib.plots.sobol_bars:shares",
    "TypicalHistories": "simlib.plots.path_charts:ladder_histories",
    "Uncertainty": "simlib.plots.uncertainty_charts:distribution",
    "Update": "simlib.plots.prior_posterior_bars:prior_and_posterior",
}
"""The function that draws the answers of each class, as "module:name". Its module is imported at its first use."""

_SIZE, _BOX = (1000, 600), (0.08, 0.12, 0.62, 0.72)
_LESSONS = (1000, 700), (0.03, 0.08, 0.68, 0.76)  # twelve assumptions, each with a label and a verdict
_OWN_SIZES = {
    "Lessons": _LESSONS,
    "RowsPerWeek": ((720, 440), (0.08, 0.14, 0.89, 0.66)),  # no labels at the right
    "Update": _LESSONS,
}
"""Size of a new figure in pixels, and the box of its axes as shares of the figure: left, bottom, width, height. The
figure has room for a title above the axes and for labels at the right."""


def plot(answer: Any, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw an answer on axes (default: the axes of a new figure), and return the axes.

    `options` go to the function that draws the picture. Raises Unsupported for an answer that has no picture.
    """
    names = [cls.__name__ for cls in type(answer).__mro__]
    home = next((PICTURES[name] for name in names if name in PICTURES), None)
    if home is None:
        raise Unsupported(f"there is no picture of a {names[0]}; there are pictures of {', '.join(PICTURES)}")
    module, _, name = home.partition(":")
    if ax is None:
        size, box = _OWN_SIZES.get(names[0], (_SIZE, _BOX))
        ax = new_figure(*size, " ".join(answer.sentences())).add_axes(box)
    drawn: Axes = getattr(importlib.import_module(module), name)(answer, ax, **options)
    settle(drawn)
    return drawn
