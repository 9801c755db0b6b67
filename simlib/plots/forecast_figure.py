"""A whole forecast in one picture of any width: endings, a ladder and expected moves.

The explorer, stored notebooks and exports show the same figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simlib.plots import style
from simlib.plots.ending_curves import EndingsPanel
from simlib.plots.figure import PICTURE_WIDTH, new_figure
from simlib.plots.ladders import LadderPanel
from simlib.plots.lettering import put, settle
from simlib.plots.move_counts import MovesPanel
from simlib.plots.panel import LivePanel
from simlib.results import ONGOING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simlib.results import Forecast

WIDTHS = (420, 1400)
"""Narrowest and widest picture, in pixels at 100 dpi."""
TWO_COLUMNS = 960
"""At this width and above, the panels stand in two columns."""

_FIGURE_HEAD, _PANEL_GAP, _TITLE, _FOOT = 56, 26, 44, 40
_AXIS, _LABEL_ROOM = 46, (185, 0.45)
"""Width of the axis on the left in pixels. Least width of the labels on the right in pixels, and their largest width
as a share of the panel."""


_BARS = 8
"""Largest number of moves that are drawn as bars."""


class Dashboard:
    """A figure with the panels of one scenario, which shows one forecast after another.

    Args:
        result: The first forecast.
        width: The width in pixels. It is kept between 420 and 1,400.
        show: The ids of the endings and questions that are drawn. None: all endings.
        ladder: The id of the ladder that is drawn. None: the first.

    Attributes:
        figure: The figure, on the Agg canvas.
        artists: The parts that change from forecast to forecast.
    """

    def __init__(
        self,
        result: Forecast,
        width: int = PICTURE_WIDTH,
        *,
        show: Sequence[str] | None = None,
        ladder: str | None = None,
    ) -> None:
        self.width = max(WIDTHS[0], min(int(width), WIDTHS[1]))
        rows = min(_BARS, len(result.acts))
        room = _label_room(self.width, result, show)
        heights = _heights(self.width, len(show or result.endings), rows, ladder=bool(result.ladders))
        self._boxes, height = _boxes(self.width, room, heights)
        self.figure: Figure = new_figure(self.width, height, result.sentences(limit=len(result.endings))[0])
        self.height = height
        self.panels: list[LivePanel] = [
            EndingsPanel(self._axes("endings"), result, show, room=room),
            MovesPanel(self._axes("moves"), result, rows=rows),
        ]
        if result.ladders:
            self.panels.append(LadderPanel(self._axes("ladder"), result, ladder, room=room))
        self._head(result)
        settle(self.figure)

    def _axes(self, name: str) -> Axes:
        left, top, width, height = self._boxes[name]
        w, h = self.width, self.height
        return self.figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))

    def _head(self, result: Forecast) -> None:
        y = 1 - 16 / self.height
        self.title = self.figure.text(12 / self.width, y, "", fontsize=style.TITLE_SIZE, color=style.FAINT, va="center")
        below = 1 - 40 / self.height
        self.note = self.figure.text(
            12 / self.width, below, "", fontsize=style.SMALL_SIZE, color=style.INK, va="center", linespacing=1.05
        )
        self._title(result)

    def _title(self, result: Forecast) -> bool:
        view = "" if self.note.get_text() else result.provenance.get("view") or ""
        whole = result.scenario.title + (f" · {view}" if view else "")
        # A long title is set a little smaller before it is cut.
        fits = (self.width - 100) / 8.3
        text = style.wrap(whole, int(fits / 0.8), 1)
        before = self.title.get_text()
        put(self.title, text)
        self.title.set_fontsize(style.TITLE_SIZE * min(1.0, max(fits / len(text), 0.8)))
        return before != self.title.get_text()

    @property
    def artists(self) -> list:
        """The artists that change from forecast to forecast."""
        return [self.note, *(artist for panel in self.panels for artist in panel.artists)]

    def update(
        self, result: Forecast, baseline: Forecast | None = None, *, note: str = "", moving: bool = False
    ) -> bool:
        """Show another forecast, and return whether parts outside `artists` changed too.

        Args:
            result: The forecast.
            baseline: The forecast of the unchanged scenario, drawn as dotted lines and hollow bars.
            note: A description of the changes, in at most two lines below the title.
            moving: Whether a slider moves. The limits of the axes then only grow.
        """
        put(self.note, style.wrap(note, int((self.width - 24) / 5.8), 2) if note else "")
        changes = [panel.update(result, baseline, moving=moving) for panel in self.panels]
        return self._title(result) or any(changes)


def _column(width: int) -> int:
    return (width - _PANEL_GAP) // 2 if width >= TWO_COLUMNS else width


def _label_room(width: int, result: Forecast, show: Sequence[str] | None) -> int:
    """Return the width in pixels of the longest label on two lines, within `_LABEL_ROOM`."""
    names = [name for name in (show or result.endings) if name != ONGOING or show]
    labels = [result.label("endings" if name in result.endings else "questions", name) for name in names]
    for ladder, rungs in result.ladders.items():
        labels += [result.short_label("rungs", f"{ladder}={rung}") for rung in rungs]
    need = 26 + 7.1 * (max(map(len, labels), default=0) + 14) / 2
    return int(max(_LABEL_ROOM[0], min(need, _LABEL_ROOM[1] * _column(width))))


def _heights(width: int, endings: int, rows: int, *, ladder: bool) -> dict[str, int]:
    wide = width >= TWO_COLUMNS
    heights = {"endings": max(250 if wide else 230, min(36 * endings, 340)), "moves": 38 * max(rows, 3)}
    return heights | ({"ladder": 250 if wide else 200} if ladder else {})


def _boxes(width: int, labels: int, heights: dict[str, int]) -> tuple[dict[str, tuple[int, int, int, int]], int]:
    """Return {panel: (left, top, width, height)} and the height of the figure, in pixels."""
    boxes, top, timed = {}, _FIGURE_HEAD, [name for name in ("endings", "ladder") if name in heights]
    for row in ([timed] if width >= TWO_COLUMNS else [[name] for name in timed]) + [["moves"]]:
        tall = max(heights[name] for name in row)
        for place, name in enumerate(row):
            left = place * (_column(width) + _PANEL_GAP)
            inset = (left + _AXIS, _column(width) - _AXIS - labels) if name in timed else (14, width - 28)
            boxes[name] = (inset[0], top + _TITLE, inset[1], tall)
        top += _TITLE + tall + _FOOT
    return boxes, top


def dashboard(
    result: Forecast,
    *,
    baseline: Forecast | None = None,
    width: int = PICTURE_WIDTH,
    show: Sequence[str] | None = None,
    ladder: str | None = None,
    note: str = "",
) -> Figure:
    """Return a figure of a forecast: endings, a ladder and expected moves.

    Args:
        result: The forecast.
        baseline: The forecast of the unchanged scenario, drawn as dotted lines and hollow bars.
        width: The width in pixels. It is kept between 420 and 1,400.
        show: The ids of the endings and questions to show. Default: all endings.
        ladder: The id of the ladder (scale of levels of escalation) to show. Default: the first.
        note: A description of the changes, below the title.
    """
    board = Dashboard(result, width, show=show, ladder=ladder)
    board.update(result, baseline, note=note)
    return board.figure
