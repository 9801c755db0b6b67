"""The graphs of the explorer: the leading question over time, and one that the user chooses.

A graph that changes while a slider moves is a live panel (`plots.panel`) on its own figure. Only its changed parts are
drawn again (see `kit.blitting`). Other second graphs are drawn when the sliders stop (see `second_graph`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simlib.machine.measures import Measure
from simlib.plots.ending_curves import EndingsPanel
from simlib.plots.figure import new_figure
from simlib.plots.ladders import LadderPanel
from simlib.plots.lettering import settle
from simlib.plots.move_counts import MovesPanel
from simlib.plots.panel import LivePanel
from simlib.results import Forecast
from simlib.widgets.kit.blitting import Screen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Size = tuple[int, int]

SMALLEST_GRAPH_SIZE = (260, 150)
"""Least width and height of a graph in pixels of the page."""

TOP_MARGIN, BOTTOM_MARGIN, LEFT_MARGIN = 42, 32, 46
"""Margins around the axes in pixels of the page."""

BAR_ROW_HEIGHT = 27
"""Height in pixels of a row of bars with its label."""

LIVE_GRAPHS = ("ladder", "endings", "moves")
"""Second graphs that change while a slider moves."""


def at_least_smallest(size: Size) -> Size:
    """Return a size of which neither side is below that of `SMALLEST_GRAPH_SIZE`."""
    return max(size[0], SMALLEST_GRAPH_SIZE[0]), max(size[1], SMALLEST_GRAPH_SIZE[1])


class Graph:
    """One panel that follows the sliders, on its own figure."""

    def __init__(
        self, size: Size, make: Callable[[Axes], LivePanel], *, left: int = LEFT_MARGIN, right: int = 14
    ) -> None:
        width, height = at_least_smallest(size)
        self.size = width, height
        self.figure = new_figure(width, height)
        box = (
            left / width,
            BOTTOM_MARGIN / height,
            (width - left - right) / width,
            (height - TOP_MARGIN - BOTTOM_MARGIN) / height,
        )
        self.panel = make(self.figure.add_axes(box))
        settle(self.figure)
        self._screen: Screen | None = None

    @property
    def artists(self) -> list[Any]:
        """The matplotlib artists that change from answer to answer."""
        return self.panel.artists

    def png(self, result: Forecast, baseline: Forecast | None, *, moving: bool, ratio: float = 1.0) -> bytes:
        """Return the picture of an answer as PNG.

        Args:
            result: The answer.
            baseline: The answer that is drawn as dotted lines.
            moving: Whether a slider moves. The axes then do not shrink.
            ratio: Number of pixels of the picture for each pixel of the page.
        """
        fresh = self._screen is None
        if self._screen is None:
            self.panel.update(result, baseline)
            self._screen = Screen(self)
        changed = self.panel.update(result, baseline, moving=moving and not fresh)
        return self._screen.png(redraw=changed or fresh, moving=moving, ratio=ratio)


def lead_graph(result: Forecast, size: Size, measure: Measure) -> Graph:
    """Return the graph of the leading question."""
    room = int(min(150, 0.3 * size[0]))
    name = {measure.of: ""}
    return Graph(
        size, lambda ax: EndingsPanel(ax, result, [measure.of], room=room, title=measure.label, names=name), right=room
    )


def live_graph(result: Forecast, size: Size, tab: str, choice: str) -> Graph:
    """Return the second graph for a tab of `LIVE_GRAPHS`. `choice` is the ladder to show."""
    room = int(min(330, 0.5 * size[0]))
    if tab == "ladder":
        return Graph(size, lambda ax: LadderPanel(ax, result, choice or None, room=room), right=room)
    if tab == "endings":
        return Graph(size, lambda ax: EndingsPanel(ax, result, list(result.endings), room=room), right=room)
    rows = max(3, (size[1] - TOP_MARGIN - BOTTOM_MARGIN) // BAR_ROW_HEIGHT)
    return Graph(size, lambda ax: MovesPanel(ax, result, rows=rows), left=14, right=14)
