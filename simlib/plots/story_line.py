"""One history on a ladder: its rung (level of escalation) over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from simlib.plots import style
from simlib.plots.row_layout import letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def story(
    days: ArrayLike,
    rungs: ArrayLike,
    names: Sequence[str],
    ax: Axes,
    *,
    as_of: dt.date,
    horizon: float,
    title: str = "",
    ended: bool = False,
) -> Axes:
    """Draw one history as steps over the rungs (levels) of a ladder, and return the axes.

    Args:
        days: The times of the start and of N - 1 events, in days after `as_of` (N,).
        rungs: The rung from each of these times on, as an index into `names` (N,).
        names: The names of the rungs, the lowest first.
        ax: The axes.
        as_of: The first day.
        horizon: The length of the history in days.
        title: The title.
        ended: Whether the last event is the ending. The line then stops at this event, with a square.
    """
    at, height = np.asarray(days, dtype=float), np.asarray(rungs, dtype=float)
    ends = "; the square is its ending" if ended else ""
    style.dress(ax, "", f"the rung over time; each dot is a move{ends}")
    style.entitle(ax, title or "One history", lines=1, letters=0.7 * letters(ax))
    ax.grid(visible=False, axis="x")
    last = at[-1] if ended else horizon
    ax.step(np.append(at, last), np.append(height, height[-1]), where="post", color=style.BLUE, linewidth=2, zorder=3)
    ax.plot(at[1:], height[1:], "o", color=style.VERMILION, markersize=3.5, zorder=4)
    if ended:
        ax.plot(at[-1], height[-1], "s", color=style.INK, markersize=8, zorder=5)
    style.date_axis(ax, as_of, horizon)
    ax.set_yticks(range(len(names)), [style.wrap(name, 27, 1) for name in names])
    ax.set_ylim(-0.4, len(names) - 0.6)
    return ax
