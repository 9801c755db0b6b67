"""One probability over time with its range, small enough to stand beside a headline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simlib.formatting import percent
from simlib.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.uncertainty.fans import Fan
    from simlib.typing import Floats


def outlook_fan(result: Fan, ax: Axes, *, baseline: Floats | None = None) -> Axes:
    """Draw the mean of a probability and its 5–95% range over time, without a title.

    `baseline` (T,) holds the probability in the unchanged scenario at the T times of `result`.
    """
    low, mean, high = result.quantiles[0, 0], result.mean[0], result.quantiles[4, 0]
    ax.fill_between(result.times, low, high, color=style.BLUE, alpha=0.22, linewidth=0)
    ax.plot(result.times, mean, color=style.BLUE, linewidth=2.2)
    if baseline is not None:
        ax.plot(result.times, baseline, color=style.INK, linewidth=1.3, linestyle=(0, (3, 2)))
    end = float(result.times[-1])
    style.dress(ax)
    style.date_axis(ax, result.as_of, end)
    style.percent_axis(ax, style.round_top(max(float(high.max()), 0.01)))
    names = (("high end", high), ("average", mean), ("low end", low))
    for name, series in names:
        text = f" {percent(float(series[-1]))} {name}"
        ax.annotate(text, (end, float(series[-1])), va="center", fontsize=style.TEXT, annotation_clip=False)
    return ax
