"""Prior and posterior of the assumptions that a log of events changed most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simlib.evidence.lessons import UNCHANGED, UNDECIDED
from simlib.formatting import counted, long_date
from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.row_layout import heading, name, number, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.evidence.lessons import Lessons

ROWS = 9


@lettered
def priors_and_posteriors(result: Lessons, ax: Axes, *, most: int = ROWS) -> Axes:
    """Draw the range of each assumption before (grey) and after (colour) learning from a log.

    Values are normal scores: the prior has mean 0 and standard deviation 1. A bar is the mean ± 1.645 standard
    deviations, which is the range from 5 to 95% of a normal distribution. A dot shows the mean after learning.
    """
    some = result.ranked()[:most]
    taught = sum(each.taught for each in result.learnt)
    little = "nothing" if all(each.change == UNCHANGED for each in result.learnt) else "hardly anything"
    title = f"The log teaches about {counted(taught, 'assumption')}" if taught else f"The log teaches {little}"
    note = (
        "unit: standard deviation of the prior; bar: mean ± 1.645 standard deviations (5 to 95% of a normal "
        "distribution); grey: before the log, colour: after it; dot: mean after the log (filled: moved or narrower, "
        "grey: the draws cannot decide, hollow: hardly changed)"
    )
    heading(ax, f"{title}, as of {long_date(result.as_of)}", note)
    rows(ax, len(some))
    ax.axvline(0, color=style.GHOST, linewidth=1)
    reach = 1.645
    for row, each in enumerate(some):
        name(ax, row, result.numbers[each.id].short_label)
        ax.plot([-1.645, 1.645], [row + 0.12] * 2, color=style.GHOST, linewidth=5, solid_capstyle="butt")
        ends = np.array([each.mean - 1.645 * each.spread, each.mean + 1.645 * each.spread])
        ax.plot(ends, [row + 0.3] * 2, color=style.BLUE, linewidth=5, solid_capstyle="butt")
        face = style.INK if each.taught else style.GHOST if each.change == UNDECIDED else "white"
        ax.plot(each.mean, row + 0.3, "o", color=style.INK, markerfacecolor=face)
        reach = max(reach, float(np.abs(ends).max()))
        number(ax, float(ends[1]), row + 0.3, f"{each.mean:+.2f}, spread ×{each.spread:.2f}", faint=not each.taught)
    ax.set_xlim(-1.15 * reach, 1.7 * reach)
    return ax
