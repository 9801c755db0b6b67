"""Two versions of a scenario: the probability of each ending and question in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.errors import SimlibError
from simlib.plots.comparison_bars import comparison
from simlib.plots.lettering import lettered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.scenario_diff import Diff


@lettered
def both_forecasts(result: Diff, ax: Axes) -> Axes:
    """Draw both forecasts, row by row, under the finding; return the axes. Raises SimlibError without forecasts."""
    if result.forecasts is None:
        raise SimlibError("there are no forecasts to draw; ask for the difference with forecasts")
    sides = dict(zip(result.names, result.forecasts, strict=True))
    return comparison(sides, ax, ongoing=True, questions=True, title=result.finding(), made="at the stated values")
