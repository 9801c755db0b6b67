"""A ladder over time: the stacked probabilities of its rungs (levels) on each date."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from simlib.formatting import percent, quoted
from simlib.plots import captions as written
from simlib.plots import style
from simlib.plots.lettering import lettered
from simlib.plots.panel import LivePanel, SideLabels, beside, changed, outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.results import Forecast


RUNG_UNIT = "probability of each rung at the end of the date"


class LadderPanel(LivePanel):
    """The rungs of a ladder, stacked over time from the lowest (lightest) to the highest.

    Dotted lines are the borders between rungs in the baseline (the unchanged scenario). `ladder` is the id of the
    ladder (default: the first), and `room` the width of the labels in pixels.
    """

    def __init__(self, ax: Axes, result: Forecast, ladder: str | None = None, *, room: float | None = None) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        self.ladder = ladder or next(iter(result.ladders))
        self.rungs = list(result.ladders[self.ladder])
        self.names = [result.short_label("rungs", f"{self.ladder}={rung}") for rung in self.rungs]
        room = beside(ax) if room is None else room
        title = result.label("ladders", self.ladder)
        super().__init__(ax, f"Ladder: {title}", ax.get_window_extent().width + room)
        ax.set_axisbelow(False)
        self.colours = style.ordered(len(self.rungs))
        self.areas = PolyCollection([], facecolors=self.colours, edgecolor="white", linewidth=0.6, zorder=2)
        self.ghosts = LineCollection([], colors=[style.VERMILION], linestyles=[(0, (1, 2))], linewidths=1.4, zorder=3)
        for collection in (self.areas, self.ghosts):
            ax.add_collection(collection, autolim=False)
        self.labels = SideLabels(ax, [(colour, "solid") for colour in self.colours], room=room, linewidth=4)
        self.artists += [self.areas, self.ghosts, *self.labels.artists]
        ax.set_ylim(0, 1)
        style.percent_axis(ax, 1.0)

    def update(self, result: Forecast, baseline: Forecast | None = None, *, moving: bool = False) -> bool:
        """Show another forecast. See LivePanel.update."""
        shares = self._shares(result)
        edges = np.concatenate([np.zeros((1, shares.shape[1])), np.cumsum(shares, axis=0)])
        self.areas.set_verts([outline(result.times, low, high) for low, high in itertools.pairwise(edges)])
        old = None if baseline is None or self.ladder not in baseline.ladders else self._shares(baseline)
        borders = np.empty((0, 0)) if old is None else np.cumsum(old, axis=0)[:-1]
        self.ghosts.set_segments([np.column_stack([baseline.times, border]) for border in borders])  # type: ignore[union-attr]
        notes = [(RUNG_UNIT, "by the end of the date")]
        notes += [] if old is None else [("dotted: the baseline", "dotted: the baseline")]
        redraw = self.date_axis(result) | self.say(*notes, moving=moving)
        values = [changed(float(now[-1]), None if old is None else float(old[k][-1])) for k, now in enumerate(shares)]
        self.labels.update((edges[:-1, -1] + edges[1:, -1]) / 2, self.names, values)
        return redraw

    def _shares(self, result: Forecast) -> np.ndarray:
        return np.array([result.ladders[self.ladder][rung] for rung in self.rungs])


@lettered
def ladder_fan(result: Forecast, ax: Axes, *, ladder: str | None = None, baseline: Forecast | None = None) -> Axes:
    """Draw the rungs (levels) of one ladder, stacked over time.

    `ladder` is the id of the ladder (default: the first). Dotted lines show `baseline`, the forecast of the unchanged
    scenario. The title names the rung that is likeliest at the end.
    """
    panel = LadderPanel(ax, result, ladder)
    panel.update(result, baseline)
    last = {rung: float(shares[-1]) for rung, shares in result.ladders[panel.ladder].items()}
    likeliest = max(last, key=lambda rung: last[rung])
    on = result.by_words
    finding = f"{result.label('ladders', panel.ladder)}: likeliest at the end of {on} is {quoted(likeliest)}"
    dotted = [] if baseline is None or panel.ladder not in baseline.ladders else ["dotted: the baseline"]
    written.head(panel, f"{finding}, {percent(last[likeliest])}", f"{RUNG_UNIT}, {written.basis(result)}", *dotted)
    panel.labels.place()  # the title may have made the axes lower
    return ax
