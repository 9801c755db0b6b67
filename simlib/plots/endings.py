"""Endings over time: the cumulative incidence of each, with its interval and the ghost of a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.plots import style
from simlib.plots.panel import GROWTH, Panel, SideLabels, changed
from simlib.results import ONGOING, Band, Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EndingsPanel(Panel):
    """Lines of P(ending by the end of the date). `show` picks endings and questions by id (default: every ending)."""

    def __init__(
        self, ax: Axes, result: Forecast, show: Sequence[str] | None = None, *, room: float | None = None
    ) -> None:
        super().__init__(ax)
        self.names = [name for name in (show if show is not None else result.endings) if _band(result, name)]
        if show is None:
            self.names = [name for name in self.names if name != ONGOING]
        style.dress(ax, "How it may end", "probability by the end of the date; dotted: the baseline")
        self.styles = [self._style(result, name) for name in self.names]
        self._make_lines()
        self.labels = SideLabels(ax, self.styles, room=room)
        self.artists += self.labels.artists
        self._span: tuple[object, ...] = ()

    def _style(self, result: Forecast, name: str) -> tuple[str, object]:
        if name == ONGOING:
            return style.GHOST, "solid"
        known = [key for key in result.endings if key != ONGOING] + list(result.questions)
        return style.category(known.index(name))

    def _make_lines(self) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        colours, dashes = [colour for colour, _ in self.styles], [dash for _, dash in self.styles]
        # One collection for all lines: a third of the time of as many lines drawn one by one.
        self.bands = PolyCollection([], facecolors=colours, alpha=0.22, linewidth=0, zorder=2)
        self.ghosts = LineCollection([], colors=colours, linestyles=[(0, (1, 2))], linewidths=1.3, zorder=3)
        self.lines = LineCollection([], colors=colours, linestyles=dashes, linewidths=2, zorder=4, capstyle="butt")
        for made in (self.bands, self.ghosts, self.lines):
            self.ax.add_collection(made, autolim=False)
            self.artists.append(made)

    def update(self, result: Forecast, baseline: Forecast | None = None, *, moving: bool = False) -> bool:
        """Show another answer; see Panel.update."""
        now = [_need(result, name) for name in self.names]
        before = [_band(baseline, name) for name in self.names]
        self.lines.set_segments([np.column_stack([result.times, band.probability]) for band in now])
        self.ghosts.set_segments(
            [
                np.empty((0, 2))
                if baseline is None or band is None
                else np.column_stack([baseline.times, band.probability])
                for band in before
            ]
        )
        self.ghosts.set_visible(baseline is not None)
        sampled = any(np.any(band.high - band.low > 1e-4) for band in now)
        self.bands.set_verts([_outline(result.times, band) for band in now] if sampled else [])
        self.bands.set_visible(sampled)
        redraw = self._fit(result, baseline, moving)
        ends = [float(_need(result, name).probability[-1]) for name in self.names]
        olds = [_last(baseline, name) for name in self.names]
        names = [_label(result, name) for name in self.names]
        self.labels.update(ends, names, [changed(new, old) for new, old in zip(ends, olds, strict=True)])
        return redraw

    def _fit(self, result: Forecast, baseline: Forecast | None, moving: bool) -> bool:
        span = (result.as_of, float(result.times[-1]))
        redraw = span != self._span
        if redraw:
            style.date_axis(self.ax, *span)
            self._span = span
        both = [result] if baseline is None else [result, baseline]
        bands = [band for forecast in both for name in self.names if (band := _band(forecast, name))]
        highest = max((float(band.high.max()) for band in bands), default=1.0)
        top, need = self.ax.get_ylim()[1], style.round_top(highest)
        if redraw or need > top or (not moving and need < 0.6 * top):
            style.percent_axis(self.ax, style.round_top(GROWTH * need) if moving else need)
            return True
        return False


def _band(result: Forecast | None, name: str) -> Band | None:
    if result is None:
        return None
    return result.endings.get(name) or result.questions.get(name)


def _need(result: Forecast, name: str) -> Band:
    band = _band(result, name)
    if band is None:
        raise KeyError(name)
    return band


def _last(result: Forecast | None, name: str) -> float | None:
    band = _band(result, name)
    return None if band is None else float(band.probability[-1])


def _label(result: Forecast, name: str) -> str:
    return result.label("endings" if name in result.endings else "questions", name)


def _outline(times: np.ndarray, band: Band) -> np.ndarray:
    there = np.column_stack([times, band.low])
    back = np.column_stack([times, band.high])[::-1]
    return np.concatenate([there, back])


def endings(result: Forecast, ax: Axes, *, baseline: Forecast | None = None, show: Sequence[str] | None = None) -> Axes:
    """Draw the probability of each ending over time; `show` picks endings and questions by id; return the axes.

    Bands are the intervals of the computation (Monte Carlo), not doubt about the assumptions; the dotted lines are
    `baseline`, and the labels give the difference to it in percentage points.
    """
    EndingsPanel(ax, result, show).update(result, baseline)
    return ax
