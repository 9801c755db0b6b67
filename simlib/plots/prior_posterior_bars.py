"""Prior beside posterior: the range of each assumption before and after learning from a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.evidence.lessons import HARDLY_CHANGED, UNDECIDED, Lessons
from simlib.formatting import counted, long_date, percent
from simlib.plots import style
from simlib.plots.row_layout import heading, name, rows
from simlib.quantities import show
from simlib.scenario.scales import Z_95TH_PERCENTILE, forward

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.evidence.belief_update import Update
    from simlib.evidence.lessons import LearntAssumption
    from simlib.scenario.model import Assumption

LEARNT_ROWS = 12
"""Largest number of assumptions in the picture."""

ASSUMPTION_LABEL_LETTERS = 72
"""Letters in a line of a label in a picture of the usual width."""

_REACH = 2.6
"""The axis goes this far to both sides of the median of the prior, in standard deviations of the prior."""


def chosen(result: Update | Lessons, most: int = LEARNT_ROWS) -> list[LearntAssumption]:
    """Return up to `most` of the assumptions that the log could change, the most changed first."""
    some = [each for each in result.learnt if each.reach != "untouched"]
    return sorted(some, key=lambda each: each.strength)[:most]


def height_of(result: Update | Lessons) -> int:
    """Return the height in pixels that a picture of all assumptions with whole labels needs."""
    numbers, some = result.numbers, chosen(result)
    row = 42 if all(len(numbers[each.id].short_label) <= ASSUMPTION_LABEL_LETTERS for each in some) else 52
    return 170 + row * max(len(some), 1)


def prior_and_posterior(result: Update | Lessons, ax: Axes, *, most: int = LEARNT_ROWS) -> Axes:
    """Draw the range (5 to 95%) and the median of each assumption before and after the log.

    At most `most` assumptions are drawn, the most changed first. The unit of the axis is described in `scores`.
    """
    learnt, numbers = chosen(result, most), result.numbers
    count, every = sum(each.taught for each in result.learnt), counted(len(result.learnt), "uncertain assumption")
    title = f"The log teaches {f'something about {count} of' if count else 'hardly anything about'} {every}"
    title = title if result.learnt else "The assumptions were not updated with the log"
    title += f", as of {long_date(result.as_of)}" if isinstance(result, Lessons) else ""
    note = (
        "grey: 5 to 95% and median before the log; colour: after it (dark: moved or narrower, dashed: the draws "
        "cannot decide, pale: hardly changed)"
    )
    heading(ax, title, note)
    rows(ax, len(learnt))
    for place, each in enumerate(learnt):
        a = numbers[each.id]
        name(ax, place, a.short_label, bold=each.taught)
        _range(ax, place + 0.1, np.array([-Z_95TH_PERCENTILE, 0.0, Z_95TH_PERCENTILE]), style.GHOST)
        undecided = each.change == UNDECIDED
        colour = style.BLUE if each.taught or undecided else style.SKY
        _range(ax, place + 0.28, scores(a, each.posterior), colour, (0, (1, 0.5)) if undecided else "solid")
        old, new = (show(points[1], a.kind, a.unit) for points in (each.prior, each.posterior))
        text = f"{old} → {new}" if old != new else f"{old}, as before"
        verdict = "" if each.change == HARDLY_CHANGED else f"\n{each.change}, {percent(each.spread)} of the spread"
        ax.annotate(
            style.wrap(text, 44, 1) + verdict,
            (1, place + 0.2),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=style.SMALL_SIZE,
            color=style.INK if each.taught else style.FAINT,
            annotation_clip=False,
        )
    ax.set_xlim(-_REACH, _REACH)
    ax.set_xticks([-Z_95TH_PERCENTILE, 0, Z_95TH_PERCENTILE], ["5% before the log", "median", "95% before the log"])
    return ax


def scores(number: Assumption, points: tuple[float, float, float]) -> np.ndarray:
    """Return the distances of `points` from the prior's median, in standard deviations.

    The `points` are in base units. Distances are measured on the scale of `forward` (log or logit). Below and above its
    median, a prior may have different standard deviations.
    """
    low, middle, high = (float(forward(number.kind, x)) for x in (number.low, number.value, number.high))
    away = np.array([float(forward(number.kind, x)) for x in points]) - middle
    return np.asarray(Z_95TH_PERCENTILE * np.where(away >= 0, away / (high - middle), away / (middle - low)))


def _range(ax: Axes, place: float, points: np.ndarray, colour: str, line: Any = "solid") -> None:
    low, middle, high = np.clip(points, -_REACH, _REACH)
    ax.plot([low, high], [place, place], color=colour, linewidth=5, linestyle=line, solid_capstyle="butt", zorder=3)
    ax.plot([middle], [place], "o", color="white", markeredgecolor=colour, markersize=6, markeredgewidth=1.6, zorder=4)
