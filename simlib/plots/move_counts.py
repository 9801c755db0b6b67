"""Expected moves: the mean and the 90% range of how often each move happens by the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import is_whole, quoted
from simlib.plots import captions as written
from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.panel import AXIS_GROWTH, LivePanel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast

MOVE_ROWS = 10


class MovesPanel(LivePanel):
    """A bar, a label and a number for each chosen move. Hollow bars show the unchanged scenario.

    Args:
        ax: The axes.
        result: The first forecast.
        show: The ids of the moves. Default: the `rows` most frequent of `result.acts` (moves that somebody makes or
            observes). The moves and their order never change later, so that no bar changes its place while a slider
            moves.
        rows: The largest number of moves, if `show` is not given.
        errors: Whether to write the error of each mean beside the mean, and the range over histories if it is known.
    """

    def __init__(
        self,
        ax: Axes,
        result: Forecast,
        show: Sequence[str] | None = None,
        rows: int = MOVE_ROWS,
        *,
        errors: bool = False,
    ) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        self.names = list(show) if show is not None else list(result.acts[:rows])
        part = show is None and len(self.names) < len(result.acts)
        title = f"Expected moves: the {rows} most frequent of {len(result.acts)}" if part else "Expected moves"
        super().__init__(ax, title, ax.get_window_extent().width + 24)
        self.has_errors, self.has_spans = errors, errors and bool(result.firings)
        ax.grid(visible=False, axis="y")
        ax.spines["left"].set_visible(False)
        places = np.arange(len(self.names), dtype=float)
        self.bars = PolyCollection([], facecolors=[style.BLUE], linewidth=0, zorder=2)
        self.ghosts = LineCollection([], colors=[style.INK], linestyles=[(0, (1, 1))], linewidths=1.1, zorder=3)
        self.errors = LineCollection([], colors=[style.INK], linewidths=1.2, zorder=4)
        for collection in (self.bars, self.ghosts, self.errors):
            ax.add_collection(collection, autolim=False)
        self.texts = [
            ax.text(0, place + 0.2, "", fontsize=style.TEXT_SIZE, color=style.INK, va="center", zorder=5)
            for place in places
        ]
        width = int(ax.get_window_extent().width / 6.2)
        labels = style.shorten([result.short_label("moves", name) for name in self.names], width)
        for place, label in zip(places, labels, strict=True):
            ax.annotate(
                label,
                (0, place - 0.08),
                (0, 0),
                textcoords="offset points",
                fontsize=style.SMALL_SIZE,
                color=style.INK,
                va="bottom",
                annotation_clip=False,
            )
        ax.set_yticks([])
        ax.set_ylim(len(places) - 0.45, -0.6)
        self.artists += [self.bars, self.ghosts, self.errors, *self.texts]
        self._top = 0.0

    def update(self, result: Forecast, baseline: Forecast | None = None, *, moving: bool = False) -> bool:
        """Show another forecast. See LivePanel.update."""
        counts = np.array([_count(result, name) for name in self.names])
        olds = np.array([np.nan if baseline is None else _count(baseline, name) for name in self.names])
        halves = np.array([_half(result, name) for name in self.names])
        redraw = self._fit(counts + halves, olds, moving)
        rows = [k + 0.2 for k in range(len(counts))]
        self.bars.set_verts([_box(count, row, 0.36) for count, row in zip(counts, rows, strict=True)])
        self.ghosts.set_segments(
            [_box(old, row, 0.5) for old, row in zip(olds, rows, strict=True) if not np.isnan(old)]
        )
        self.errors.set_segments(
            [
                [(max(count - half, 0.0), row), (count + half, row)]
                for count, half, row in zip(counts, halves, rows, strict=True)
                if half
            ]
        )
        gap = 5 * self._top / self.ax.get_window_extent().width
        for name, text, count, half, old in zip(self.names, self.texts, counts, halves, olds, strict=True):
            text.set_x(max(count + half, np.nan_to_num(old)) + gap)
            error = f" ±{_number(half)}" if half and self.has_errors else ""
            text.set_text(
                _number(count) + error + _change(count, old) + (_span(result, name) if self.has_spans else "")
            )
        return self._say(result, sampled=bool(halves.any()), hollow=baseline is not None, moving=moving) or redraw

    def _say(self, result: Forecast, *, sampled: bool, hollow: bool, moving: bool) -> bool:
        day = float(result.times[-1])
        by = result.by_date(day)
        on = f"{by.day} {by:%b %Y}" if is_whole(day) else result.by_words
        notes = [(f"mean number by {on}", f"mean by {on}")]
        notes += [("hollow: the baseline", "hollow: baseline")] if hollow else []
        notes += [("line: error of the computation", "line: error")] if sampled else []
        return self.say(*notes, moving=moving)

    def _fit(self, ends: np.ndarray, olds: np.ndarray, moving: bool) -> bool:
        longest = max(float(np.max(ends, initial=0.0)), float(np.max(np.nan_to_num(olds), initial=0.0)), 1e-9)
        text = (24 if self.has_spans else 13) * style.TEXT_SIZE * style.figure_of(self.ax).dpi / 72
        share = 1 - text / self.ax.get_window_extent().width
        need = longest / max(share, 0.4) if self.has_errors else 1.22 * longest
        if self._top and need <= self._top and (moving or need > 0.5 * self._top):
            return False
        self._top = need * (AXIS_GROWTH if moving else 1.05)
        self.ax.set_xlim(0, self._top)
        return True


def _box(length: float, middle: float, height: float) -> list[tuple[float, float]]:
    """Return the corners of a horizontal bar from 0 on, with the first repeated at the end."""
    low, high = middle - height / 2, middle + height / 2
    return [(0.0, low), (length, low), (length, high), (0.0, high), (0.0, low)]


def _count(result: Forecast, name: str) -> float:
    return float(result.moves[name][-1]) if name in result.moves else 0.0


def _half(result: Forecast, name: str) -> float:
    if not result.error or name not in result.error["moves"]:
        return 0.0
    return float(result.error["moves"][name][-1])


def _number(count: float) -> str:
    if count == 0:
        return "0"
    return f"{count:.0f}" if count >= 99.5 else f"{count:.1f}" if count >= 0.995 else f"{count:.2g}"


def _span(result: Forecast, name: str) -> str:
    """Return the 5th to 95th percentile of how often a move happens as text, or "" if unknown."""
    span = result.firing_range(name) if result.firings and name in result.firings else None
    return "" if span is None else f"  [{span.points[0][0]:g}-{span.points[2][0]:g}]"


def _change(count: float, old: float) -> str:
    if np.isnan(old) or abs(count - old) <= 0.005 * max(old, 1e-12):
        return ""
    arrow = "▲" if count > old else "▼"
    return f"  {arrow} ×{count / old:.3g}" if old > 0 and count > 0 else f"  {arrow}"


@lettered
def moves(
    result: Forecast,
    ax: Axes,
    *,
    baseline: Forecast | None = None,
    show: Sequence[str] | None = None,
    rows: int = MOVE_ROWS,
) -> Axes:
    """Draw the expected number of each chosen move by the last date of the forecast.

    Args:
        result: The forecast.
        ax: The axes.
        baseline: The forecast of the unchanged scenario, which hollow bars show.
        show: The ids of the moves. None: the most frequent moves.
        rows: The largest number of moves, if `show` is None.
    """
    panel = MovesPanel(ax, result, show, rows, errors=True)
    panel.update(result, baseline)
    by = result.by_words
    most = max(panel.names, key=lambda name: _count(result, name), default="")
    notes = [f"mean number by the end of {by}, {written.basis(result)}"]
    if any(_half(result, name) for name in panel.names):
        notes.append(f"line and ±: 95% error of {written.computed_from(result)}, not uncertainty about the assumptions")
    if result.firings:
        notes.append("in brackets: 5th to 95th percentile of the number itself, by chance")
    notes += [] if baseline is None else ["hollow: the baseline"]
    finding = "none"
    if most:
        finding = f"{quoted(result.label('moves', most))}, {_number(_count(result, most))} times on average"
    written.head(panel, f"Most frequent move by {by}: {finding}", *notes)
    return ax
