"""One history on a ladder: its rung (level of escalation) over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from simlib.plots import style
from simlib.plots.row_layout import letters, lines_within
from simlib.typing import Ints

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
    """Draw one history as steps over the rungs (levels) of a ladder.

    If the axes are too low for the names of all rungs, only the rungs between the lowest and the highest of the history
    are shown. Only the rungs that the history visits are then named. If these names do not fit either, those that occur
    most often in `rungs` are named.

    Args:
        days: The times of the start and of N - 1 events, in days after `as_of` (N,).
        rungs: The rung from each of these times on, as an index into `names` (N,).
        names: The names of the rungs, the lowest first.
        ax: The axes.
        as_of: The first day.
        horizon: The length of the history in days.
        title: The title of the picture. Default: "One history".
        ended: Whether the last event is the ending. The line then stops at this event, with a square.
    """
    at, height = np.asarray(days, dtype=float), np.asarray(rungs, dtype=float)
    shown, named = _shown(height.astype(int), len(names), ax)
    whole = len(shown) == len(names)
    ends = "" if not ended else "; the square is its ending" if whole else "; square: the ending"
    style.dress(ax, "", f"{'the rung over time' if whole else 'rungs reached'}; each dot is a move{ends}")
    style.entitle(ax, title or "One history", lines=1, letters=0.7 * letters(ax))
    ax.grid(visible=False, axis="x")
    last = at[-1] if ended else horizon
    ax.step(np.append(at, last), np.append(height, height[-1]), where="post", color=style.BLUE, linewidth=2, zorder=3)
    ax.plot(at[1:], height[1:], "o", color=style.VERMILION, markersize=3.5, zorder=4)
    if ended:
        ax.plot(at[-1], height[-1], "s", color=style.INK, markersize=8, zorder=5)
    style.date_axis(ax, as_of, horizon)
    ax.set_yticks(named, [style.wrap(names[rung], 27, 1) for rung in named])
    ax.set_ylim(shown[0] - 0.4, shown[-1] + 0.4)
    return ax


def _shown(rungs: Ints, count: int, ax: Axes) -> tuple[range, list[int]]:
    """Return the rungs to draw, and the rungs whose names are written.

    If there is no room for all names, only rungs that the history visits are named. If these names do not fit either,
    the most visited rungs are named.
    """
    room = max(lines_within(ax), 1)
    if count <= room:
        return range(count), list(range(count))
    shown = range(rungs.min(), rungs.max() + 1)
    visited, times = np.unique(rungs, return_counts=True)
    named: list[int] = []
    for rung in visited[np.argsort(-times, kind="stable")]:
        if all(abs(rung - other) >= len(shown) / room for other in named):
            named.append(int(rung))
    return shown, named
