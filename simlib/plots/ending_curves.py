"""Endings over time: the cumulative probability of each, with a band for its uncertainty.

Without draws from the priors, a band shows the error of the computation. With draws, a band shows the range of the
probability over the draws, which comes from the uncertainty about the assumptions. The caption says what the bands
show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, quoted
from simlib.plots import captions as written
from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.panel import AXIS_GROWTH, LivePanel, SideLabels, beside, changed, outline
from simlib.results import ONGOING, Band, EventGroup, Forecast
from simlib.typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ENDING_UNIT = "probability by the end of the date"

SHADED = 3
"""Largest number of endings for which the range of the draws is shaded. With more, only the likeliest has a shaded
range, and the labels give the other ranges in numbers."""


class EndingsPanel(LivePanel):
    """A line for each ending: its probability by the end of each date.

    Args:
        ax: The axes.
        result: The first forecast.
        show: The ids of the endings and questions to show. Default: every ending.
        room: The width of the labels in pixels. Default: up to the edge of the figure.
        uncertainty: By id, an array (5, T): five quantiles over draws of the assumptions, from 5% to 95%, at T times.
            The bands then reach from the first to the last of these quantiles.
        title: A title in place of the usual one.
        names: Labels in place of the usual ones, by id.
    """

    def __init__(
        self,
        ax: Axes,
        result: Forecast,
        show: Sequence[str] | None = None,
        *,
        room: float | None = None,
        uncertainty: Mapping[str, Floats] | None = None,
        title: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        room = beside(ax) if room is None else room
        self._labels = names or {}
        self.names = [name for name in (show if show is not None else result.endings) if name in _bands(result)]
        only_endings = all(name in result.endings for name in self.names)
        title = title or ("How it may end" if only_endings else "What may happen, and how it may end")
        super().__init__(ax, title, ax.get_window_extent().width + room)
        self.uncertainty = uncertainty or {}
        if show is None:
            self.names = [name for name in self.names if name != ONGOING]
        self.styles = [self._style(result, name) for name in self.names]
        self._make_lines()
        self.labels = SideLabels(ax, self.styles, room=room)
        self.artists += self.labels.artists

    def _style(self, result: Forecast, name: str) -> tuple[str, object]:
        if name == ONGOING:
            return style.GHOST, "solid"
        known = [key for key in result.endings if key != ONGOING] + list(result.questions)
        return style.category(known.index(name))

    def _make_lines(self) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        colours, dashes = [colour for colour, _ in self.styles], [dash for _, dash in self.styles]
        # One collection takes a third of the time of separate lines.
        self.bands = PolyCollection([], facecolors=colours, alpha=0.22, linewidth=0, zorder=2)
        self.ghosts = LineCollection([], colors=colours, linestyles=[(0, (1, 2))], linewidths=1.3, zorder=3)
        self.lines = LineCollection([], colors=colours, linestyles=dashes, linewidths=2, zorder=4, capstyle="butt")
        for collection in (self.bands, self.ghosts, self.lines):
            self.ax.add_collection(collection, autolim=False)
            self.artists.append(collection)

    def update(self, result: Forecast, baseline: Forecast | None = None, *, moving: bool = False) -> bool:
        """Show another forecast. See LivePanel.update."""
        shown, old = _bands(result), {} if baseline is None else _bands(baseline)
        now, before = [shown[name] for name in self.names], [old.get(name) for name in self.names]
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
        sampled = self._shade(result, now)
        redraw = self._say(sampled=sampled, dotted=baseline is not None, moving=moving)
        redraw |= self._fit(result, baseline, moving)
        ends = [float(band.probability[-1]) for band in now]
        olds = [None if band is None else float(band.probability[-1]) for band in before]
        names = [self._labels.get(name, _label(result, name)) for name in self.names]
        short = [self._labels.get(name, _label(result, name, short=True)) for name in self.names]
        values = [changed(new, old) for new, old in zip(ends, olds, strict=True)]
        ranges = [_range(self.uncertainty.get(name)) for name in self.names]
        self.labels.update(ends, names, [value + more for value, more in zip(values, ranges, strict=True)], short)
        return redraw

    def shaded(self, result: Forecast) -> list[str]:
        """Return the ids of the endings and questions with a shaded band for their range over draws."""
        drawn = [name for name in self.names if name in self.uncertainty]
        likeliest = max(drawn, key=lambda name: float(_bands(result)[name].probability[-1]), default="")
        return drawn if len(drawn) <= SHADED else [likeliest]

    def _shade(self, result: Forecast, now: Sequence[Band]) -> bool:
        """Draw the shaded bands, if any, and return whether they show the error of the computation."""
        sampled = not self.uncertainty and any(np.any(band.high - band.low > 1e-4) for band in now)
        if self.uncertainty:
            some = self.shaded(result)
            between = [tuple(self.uncertainty[name][[0, -1]]) if name in some else None for name in self.names]
        else:
            between = [(band.low, band.high) if sampled else None for band in now]
        self.bands.set_verts([np.empty((0, 2)) if pair is None else outline(result.times, *pair) for pair in between])
        self.bands.set_visible(any(pair is not None for pair in between))
        return sampled

    def _say(self, *, sampled: bool, dotted: bool, moving: bool) -> bool:
        notes = [(ENDING_UNIT, "by the end of the date")]
        notes += [("dotted: the baseline", "dotted: baseline")] if dotted else []
        notes += [("band: error of the computation only", "band: 95% error")] if sampled else []
        return self.say(*notes, moving=moving)

    def _fit(self, result: Forecast, baseline: Forecast | None, moving: bool) -> bool:
        redraw = self.date_axis(result)
        both = [result] if baseline is None else [result, baseline]
        highs = [float(b.high.max()) for each in both for name, b in _bands(each).items() if name in self.names]
        highest = max([*highs, *(float(self.uncertainty[name][-1].max()) for name in self.shaded(result))], default=1.0)
        top, need = self.ax.get_ylim()[1], style.round_top(highest)
        if redraw or need > top or (not moving and need < 0.6 * top):
            style.percent_axis(self.ax, style.round_top(AXIS_GROWTH * need) if moving else need)
            return True
        return False


def _bands(result: Forecast) -> dict[str, Band]:
    """Return all endings and questions by id, preferring the ending if an id belongs to both."""
    return {**result.questions, **result.endings}


def _label(result: Forecast, name: str, *, short: bool = False) -> str:
    kind: EventGroup = "endings" if name in result.endings else "questions"
    return result.short_label(kind, name) if short else result.label(kind, name)


def _range(spread: Floats | None) -> str:
    """Return the final 5% and 95% quantiles as text, " (5.4–49%)", or "" if both look alike."""
    if spread is None:
        return ""
    low, high = percent(float(spread[0, -1])), percent(float(spread[-1, -1]))
    return "" if low == high else f" ({low.removesuffix('%')}–{high})"


@lettered
def endings(
    result: Forecast,
    ax: Axes,
    *,
    baseline: Forecast | None = None,
    show: Sequence[str] | None = None,
    uncertainty: Mapping[str, Floats] | None = None,
) -> Axes:
    """Draw the probability of each ending over time.

    The title names the likeliest ending.

    Args:
        result: The forecast.
        ax: The axes.
        baseline: The forecast of the unchanged scenario. Its lines are dotted, and the labels give the difference
            between the two forecasts in percentage points.
        show: The ids of the endings and questions to show. Default: every ending.
        uncertainty: The quantiles of `Ensemble.spread`, by id. Bands then show the range of 90% of the draws of the
            assumptions. Without `uncertainty`, bands show the error of the computation.
    """
    panel = EndingsPanel(ax, result, show, uncertainty=uncertainty)
    panel.update(result, baseline)
    bands = [_bands(result)[name] for name in panel.names]
    notes = [f"{ENDING_UNIT}, {written.basis(result)}"]
    if shaded := panel.shaded(result):
        whole = len(shaded) == len(panel.names)
        which = "band and brackets" if whole else f"in brackets, and as a band for {quoted(_label(result, shaded[0]))}"
        notes += [f"{which}: 5% to 95% of the draws", *written.error(result, bands)]
    elif panel.bands.get_visible():
        notes += [f"band: 95% error of {written.computed_from(result)}, not uncertainty about the assumptions"]
    notes += [] if baseline is None else ["dotted: the baseline"]
    written.head(panel, _finding(result, panel.names, every=show is None), *notes)
    panel.labels.place()  # the title may have made the axes lower
    return ax


def _finding(result: Forecast, names: Sequence[str], *, every: bool) -> str:
    by = result.by_words
    last = {name: float(_bands(result)[name].probability[-1]) for name in names}
    likeliest = max(last, key=lambda name: last[name], default="")
    if not likeliest:
        return f"Nothing ends this by {by}"
    likeliest_one = f"{quoted(_label(result, likeliest))}, {percent(last[likeliest])}"
    others = [name for name in result.contenders if name in last and name != likeliest]
    if others and likeliest in result.contenders:
        more = f"{quoted(_label(result, others[0]))}" if len(others) == 1 else f"{len(others)} others"
        sentence = f"No ending is clearly likeliest by {by}: {likeliest_one}, leads, but {more} may be likelier"
        return sentence + (f"; none yet: {percent(float(result.endings[ONGOING].probability[-1]))}" if every else "")
    if not every:
        return f"{'Likeliest of these by' if len(last) > 1 else 'By'} {by}: {likeliest_one}"
    none = percent(float(result.endings[ONGOING].probability[-1]))
    return f"Likeliest ending by {by}: {likeliest_one}; none yet: {none}"
