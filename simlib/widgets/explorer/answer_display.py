"""The answer that an explorer shows: two graphs, sentences and the status line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from simlib.results import Forecast
from simlib.widgets.explorer import headline
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.answer_uncertainty import AnswerUncertainty
from simlib.widgets.explorer.front import ExplorerFront, ShownGraphs
from simlib.widgets.explorer.graph_pair import GraphPair
from simlib.widgets.explorer.preview_loop import answer_status
from simlib.widgets.explorer.reach import Reach
from simlib.widgets.explorer.second_graph import Still
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.kit.status_line import Part, status

INTERVAL_NOTE = "bands are 95% intervals"
"""What the status line of a Monte Carlo answer says about its error."""


class AnswerDisplay:
    """Draws answers, and shows them in the front.

    The session holds the lock when it calls `show`.

    Args:
        answers: The engines and answers, with the present settings.
        graphs: The two graphs.
        reach: The answers at both ends of each slider.
        front: The view that shows the pictures.
        lock: The lock of the session.
        fail: Called with the error if the second graph cannot be drawn.

    Attributes:
        shown: The answer that is shown, or None.
        status: Its status line.
        last_rest: The last settings whose full answer was shown, with that answer.
        uncertainties: The ranges of answers over draws of the assumptions, by `AnswerCache.key`.
    """

    def __init__(
        self,
        answers: AnswerCache,
        graphs: GraphPair,
        reach: Reach,
        front: ExplorerFront,
        lock: threading.RLock,
        fail: Callable[[Exception], None],
    ) -> None:
        self.state, self.answers, self.graphs, self.reach = answers.state, answers, graphs, reach
        self.front, self.lock = front, lock
        self._fail = fail
        self.stills = LatestWorker("simlib-graphs", patient=True)
        self.shown: Forecast | None = None
        self.status: Part = status("")
        self.last_rest: tuple[Settings, Forecast] | None = None
        self.uncertainties: dict[Hashable, AnswerUncertainty] = {}

    def show(self, forecast: Forecast, line: Part, *, moving: bool = False, ghost: Forecast | None = None) -> None:
        """Draw a forecast, with `ghost` (None: the forecast at the baseline) as dotted lines."""
        preview = line["kind"] == "preview"
        moving |= preview
        baseline, uncertainty = ghost or self._baseline(), None if preview else self._uncertainty()
        spread = None if uncertainty is None else uncertainty.spread.get(self.state.lead.name)
        left, size = self.graphs.left(forecast, baseline, spread, moving=moving)
        right = self.graphs.right(forecast, baseline, moving=moving)
        self.shown, self.status = forecast, line
        self.front.show(
            ShownGraphs(
                left=left,
                right=right,
                size=size,
                sentence=self._sentence(forecast, baseline, uncertainty),
                answers=headline.answers(self.state.base, forecast, baseline, self.last_rest and self.last_rest[1]),
                status=line,
                preview=preview,
                alt_right=self.graphs.right_in_words(forecast) if right and not moving else "",
            )
        )

    def show_again(self) -> None:
        """Draw the shown answer again, for example in another size."""
        if self.shown is not None:
            self.show(self.shown, self.status)

    def status_of(self, forecast: Forecast) -> Part:
        """Return the status line of a full answer."""
        return answer_status(forecast, INTERVAL_NOTE, self.state.lead)

    def add_to_status(self, words: str) -> None:
        """Show `words` after the status line of the answer ("": the status line alone)."""
        line = self.status["text"] + (f"; {words}" if words else "")
        self.front.show_status(status(line, self.status["kind"]))

    def draw_still(self) -> None:
        """Draw the second graph on another thread, unless it is drawn together with the first graph."""
        if self.shown is None:
            return
        draw = self.graphs.still(self.shown, self._baseline(), self.reach.anew())
        if draw is None:
            return
        chosen = self.graphs.tab, self.graphs.choice

        def done(drawn: Still) -> None:
            with self.lock:
                if chosen == (self.graphs.tab, self.graphs.choice):
                    self.front.show_still(drawn)

        def failed(error: Exception) -> None:
            with self.lock:
                self.front.show_still(Still(b"", "", ["This graph could not be drawn. The reason is on the left."]))
                self._fail(error)

        self.stills.submit(lambda _: draw(), done, failed)

    def forecasts(self) -> tuple[Forecast, Forecast | None]:
        """Return full answers at the present settings and the baseline (None: both are the same)."""
        settings, baseline = self.state.settings, self.answers.answer(self.state.baseline)
        forecast = self.answers.answer(settings)
        return forecast, None if self.state.is_baseline else baseline

    def answer_in_words(self) -> str:
        """Return the answer to the leading question at the present settings, in words."""
        return "".join(part["text"] for part in self._sentence(*self.forecasts(), self._uncertainty()))

    def _baseline(self) -> Forecast | None:
        return None if self.state.is_baseline else self.answers.known(self.state.baseline)

    def _uncertainty(self) -> AnswerUncertainty | None:
        return self.uncertainties.get(self.answers.key(self.state.settings))

    def _sentence(
        self, forecast: Forecast, baseline: Forecast | None, uncertainty: AnswerUncertainty | None
    ) -> list[Part]:
        stated = not self.state.values()
        return headline.sentence(
            forecast,
            self.state.lead,
            baseline,
            uncertainty=uncertainty,
            stated=stated,
            note=headline.changes_by_hand(self.state, self.shown),
        )
