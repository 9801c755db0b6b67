"""The two graphs of an explorer: what they show, how large they are, and their pictures.

The left graph shows the leading question. The user chooses the second graph with its tabs. A graph is kept until its
size, question, tab or view changes. Until then, only the parts that change are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

from simlib.results import Forecast
from simlib.typing import Floats
from simlib.widgets.explorer import second_graph
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.graphs import LIVE_GRAPHS, Graph, Size, lead_graph, live_graph
from simlib.widgets.explorer.reach import Ends
from simlib.widgets.explorer.second_graph import Still
from simlib.widgets.explorer.state import State

INITIAL_GRAPH_SIZE: Size = (640, 300)
"""Size of each graph in pixels, until the browser reports the available room."""


class GraphPair:
    """The graphs of one explorer, with the choices of the user.

    Args:
        state: The scenario and the present settings.
        answers: The engines and answers.
        size: The width and height of a graph in pixels of the page.
        ratio: The number of pixels of a picture for each pixel of the page, when no slider moves.
    """

    def __init__(self, state: State, answers: AnswerCache, size: Size = INITIAL_GRAPH_SIZE, ratio: float = 1.0) -> None:
        self.state, self.answers, self.size, self.ratio = state, answers, size, ratio
        self.tab, self._picked, self._number = self.tabs[0]["id"], dict[str, str](), 0
        self._graphs: dict[str, tuple[Hashable, Graph]] = {}

    # ---------------------------------------------------------------- the choices of the user

    @property
    def tabs(self) -> list[second_graph.ShownChoice]:
        """The tabs of the second graph that apply to the scenario: [{id, label}]."""
        return second_graph.tabs(self.state)

    @property
    def choices(self) -> list[second_graph.ShownChoice]:
        """The choices within the open tab: [{id, label}]."""
        return second_graph.choices(self.state, self.tab)

    @property
    def choice(self) -> str:
        """The id of the present choice within the open tab."""
        first = next((choice["id"] for choice in self.choices), "")
        return self._picked.get(self.tab, (self.state.ladder() or first) if self.tab == "ladder" else first)

    def turn(self, tab: str = "", choice: str | None = None, step: int = 0) -> None:
        """Choose another tab, another choice in the tab, or a history `step` places further."""
        self.tab = tab or self.tab
        if choice is not None:
            self._picked[self.tab] = choice
        self._number = 0 if choice is not None else self._number + step

    @property
    def counts_moves(self) -> bool:
        """Whether the second graph counts moves."""
        return self.tab == "moves"

    # ---------------------------------------------------------------- pictures

    def left(
        self, forecast: Forecast, baseline: Forecast | None, uncertainty: Floats | None, *, moving: bool
    ) -> tuple[bytes, Size]:
        """Return the picture of the leading question as PNG, and its size.

        Args:
            forecast: The answer.
            baseline: The answer that is drawn as dotted lines.
            uncertainty: Five percentiles (5, T) of the answer over draws, at T times. A band shows them. None: no band.
            moving: Whether a slider moves.
        """
        measure, first = self.state.lead, self._first(forecast)
        key = (self.size, measure.name, self.state.settings.view, self.state.base.as_of)
        graph = self._graph("left", key, lambda: lead_graph(first, self.size, measure))
        graph.panel.uncertainty = {} if uncertainty is None else {measure.of: uncertainty}
        return graph.png(forecast, baseline, moving=moving, ratio=1.0 if moving else self.ratio), graph.size

    def right(self, forecast: Forecast, baseline: Forecast | None, *, moving: bool) -> bytes | None:
        """Return the second graph as PNG, or None if it is drawn later (see `left` and `still`)."""
        if not self.is_live(forecast):
            return None
        first, key = self._first(forecast), (self.size, self.tab, self.choice, self.state.settings.view)
        graph = self._graph("right", key, lambda: live_graph(first, self.size, self.tab, self.choice))
        return graph.png(forecast, baseline, moving=moving, ratio=1.0 if moving else self.ratio)

    def right_in_words(self, forecast: Forecast) -> str:
        """Describe a second graph that follows the sliders, for readers who cannot see it."""
        return f"{second_graph.TABS[self.tab]}. {forecast.sentences()[0]}"

    def is_live(self, forecast: Forecast | None) -> bool:
        """Whether the second graph can be drawn together with the first.

        The forecast must contain the counts of moves if the graph shows them. A quick forecast may lack them.
        """
        return self.tab in LIVE_GRAPHS and (not self.counts_moves or bool(forecast and forecast.moves))

    def still(
        self, forecast: Forecast, baseline: Forecast | None, ends: Mapping[str, Ends]
    ) -> Callable[[], Still] | None:
        """Return a function that draws the second graph, or None if it is empty or follows sliders.

        The function may run on another thread. It draws the graph that is chosen now, at the present settings.

        Args:
            forecast: The answer to the present settings.
            baseline: The answer with which `forecast` is compared.
            ends: The answers to the leading question at both ends of each slider.
        """
        base, settings, size, choice, ratio = self.state.base, self.state.settings, self.size, self.choice, self.ratio
        if self.tab == "drivers":
            return partial(second_graph.drivers, base, self.state.lead, ends, forecast, size, ratio)
        if self.tab == "history":
            return partial(second_graph.history, self.answers, settings, size, choice, self._number, ratio)
        if self.tab == "consequences" and forecast.impacts:
            return partial(second_graph.consequences, self.answers, settings, forecast, baseline, size, choice, ratio)
        return None

    def _first(self, forecast: Forecast) -> Forecast:
        """Return the answer for which a graph is laid out: the baseline's, if known, or `forecast`."""
        return self.answers.known(self.state.baseline) or forecast

    def _graph(self, place: str, key: Hashable, make: Callable[[], Graph]) -> Any:
        if place not in self._graphs or self._graphs[place][0] != key:
            self._graphs[place] = key, make()
        return self._graphs[place][1]
