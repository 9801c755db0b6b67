"""The session of an explorer, which connects settings, engines and the front (widgets).

Answers are compared with the answer at the baseline, by default the file as it stands. An error is shown in the status
line, and the last good picture stays. One lock guards the figures and the state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from simlib.control import Control
from simlib.errors import ScenarioError
from simlib.machine.measures import Measure
from simlib.results import Forecast
from simlib.widgets.explorer import last_change, second_graph, slider_notes
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.answer_display import AnswerDisplay
from simlib.widgets.explorer.answer_uncertainty import AnswerUncertainty
from simlib.widgets.explorer.answer_uncertainty import find_stored as find_uncertainty
from simlib.widgets.explorer.autosave import Drafts, find_settings, keep_settings
from simlib.widgets.explorer.front import ExplorerFront, Nobody
from simlib.widgets.explorer.graph_pair import INITIAL_GRAPH_SIZE, GraphPair
from simlib.widgets.explorer.graphs import Size
from simlib.widgets.explorer.idle import IdleWork, places
from simlib.widgets.explorer.preview_loop import PreviewLoop, preview_status
from simlib.widgets.explorer.reach import Ends, Reach
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.slider_order import find_stored
from simlib.widgets.explorer.sliders import SLIDER_STEPS, grouped, sliders_of
from simlib.widgets.explorer.state import State, type_into
from simlib.widgets.explorer.typed_values import VALUES, why_refused
from simlib.widgets.kit.latest_worker import LatestWorker, nothing
from simlib.widgets.kit.status_line import failure, status


class ExplorerSession:
    """One open explorer. It takes the changes of the user, and computes and draws the answers.

    Args:
        state: The scenario and the present settings.
        front: The view that shows answers, pictures and settings.
        size: The width and height of a graph in pixels of the page.
        ratio: The number of pixels of a picture for each pixel of the page, when no slider moves.
        answers: The engines and answers. Default: new ones.
        drafts: The stored unsaved settings. Default: those of the scenario.
    """

    def __init__(
        self,
        state: State,
        front: ExplorerFront,
        *,
        size: Size = INITIAL_GRAPH_SIZE,
        ratio: float = 1.0,
        answers: AnswerCache | None = None,
        drafts: Drafts | None = None,
    ) -> None:
        self.state, self.front = state, front
        self.answers = answers or AnswerCache(state)
        self.graphs = GraphPair(state, self.answers, size, ratio)
        self.drafts = drafts or Drafts.of(state.base)
        self.sliders = sliders_of(state.base)
        self.lock = threading.RLock()
        self.reach = Reach(self.answers)
        self.display = AnswerDisplay(self.answers, self.graphs, self.reach, front, self.lock, self.fail)
        self.worker, self.pages = LatestWorker("simlib-answers"), LatestWorker("simlib-pages")
        self.replays = LatestWorker("simlib-replay")
        self.notes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.refused: dict[str, dict[str, str]] = {}
        self._moved = self._misfit = self._held = ""
        self._ordered_at = state.settings
        self.in_hand = False
        self.idle = IdleWork(self.answers, self)
        self._loop = PreviewLoop(self.answers, self, self.worker, self.lock)

    # ---------------------------------------------------------------- changes

    def start(self) -> None:
        """Put the sliders in order, and request the first answer without waiting for it."""
        with self.lock:
            self.draft = find_settings(self.drafts, self.state)
            self.idle.influence = find_stored(self.state.base, places())
            uncertainty = find_uncertainty(self.state.base, places()) if self.state.belief is None else None
            if uncertainty is not None:
                self.display.uncertainties[self.answers.key(self.state.against)] = uncertainty
            self._put_in_order()
            self.front.show_settings()
            self._loop.update()

    def close(self) -> None:
        """Stop all work. Nothing is shown any more."""
        with self.lock:
            self.front = self.display.front = Nobody()
        for worker in self._workers:
            worker.close()
        self._loop.close()

    @property
    def _workers(self) -> tuple[LatestWorker, ...]:
        return self.worker, self.idle.worker, self.pages, self.display.stills, self.replays

    def wait(self, timeout: float = 60.0, *, previews: bool = False) -> bool:
        """Wait until the full answer is shown and, with `previews`, until previews are prepared.

        Returns False after `timeout` seconds.
        """
        done = self.wait_shown(timeout) and self.worker.wait(timeout) and self.display.stills.wait(timeout)
        done = done and self.replays.wait(timeout)
        return done and (not previews or self._loop.wait(timeout))

    def wait_shown(self, timeout: float = 60.0) -> bool:
        """Wait at most `timeout` seconds for all quick answers, and return whether they are shown."""
        return self._loop.glancing.wait(timeout)

    def restore(self) -> None:
        """Change to the unsaved settings of an earlier session, and delete their draft."""
        with self.lock:
            if self.draft is not None:
                self.reasons, settings = dict(self.draft.reasons), self.draft.settings
                self.state.change(settings)
                keep_settings(self.drafts, self.state, self.reasons)
                self.drafts.drop(self.draft.data)
                self.draft = None
                self.update()

    def discard(self) -> None:
        """Delete the unsaved settings of an earlier session."""
        with self.lock:
            if self.draft is not None:
                self.drafts.drop(self.draft.data)
            self.draft = None

    def update(self, *, moving: bool = False) -> None:
        """Show the full answer to the present settings or, until it is known, a quick answer.

        While a slider moves (`moving`), axes do not shrink. The full answer is computed after the slider has stopped.
        """
        with self.lock:
            for worker in self._workers:
                worker.cancel()
            self.in_hand = moving
            self.refused.pop(self._misfit, None)
            self._misfit = ""
            self.notes = slider_notes.outside_range(self.state)
            if self.state.settings.lead != self._ordered_at.lead:
                self._put_in_order()
            self.front.show_settings()
            self._loop.update()

    def hold(self, name: str) -> None:
        """Prepare quick answers along the slider on which the pointer or the focus is."""
        with self.lock:
            self._held = name if name in self.sliders else ""
            if self._held:
                self._loop.trace(name)

    def let_go(self) -> None:
        """Redraw in full quality, and compute the full answer at once."""
        with self.lock:
            self.in_hand = False
            if self.display.status["kind"] != "preview" and not self._loop.glancing.busy:
                self.display.show_again()
            self._loop.rest()

    @property
    def prepared(self) -> bool:
        """Whether the answer at the baseline settings is known."""
        return self.answers.known(self.state.baseline) is not None

    def prepare(self, control: Control) -> None:
        """Compute the answer at the baseline settings."""
        self.answers.answer(self.state.baseline, control)

    def cancel(self) -> None:
        """Stop the computation of the full answer. The picture stays."""
        with self.lock:
            self.worker.cancel()
            self.idle.worker.cancel()
            self.front.show_status(status("cancelled: move a slider to compute again", "preview"))

    def resize(self, size: Size, ratio: float = 1.0) -> None:
        """Draw the graphs in another size.

        When no slider moves, the pictures have `ratio` pixels for each pixel of the page.
        """
        with self.lock:
            self.graphs.size, self.graphs.ratio = size, ratio
            self.redraw()

    def redraw(self) -> None:
        """Draw the answer again, for example in another size or with another second graph."""
        with self.lock:
            self.display.show_again()
            self.display.draw_still()

    def guard(self, action: Callable[[], object]) -> None:
        """Run an action. If it raises an error, show the error in the status line."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - Jupyter alone would only log the error
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Show an error in the status line or, if a slider caused it, beside that slider."""
        with self.lock:
            line = failure(error)
            problem = next(iter(error.problems), None) if isinstance(error, ScenarioError) else None
            if problem and problem.where.startswith(VALUES) and self._moved in self.state.values():
                self._misfit, text = self._moved, self.state.value_text(self._moved)
                self.refused[self._moved] = {"text": text, "why": why_refused(problem, self.state.base)}
                self.front.show_settings()
                line = status("not computed: the marked value does not fit the others", "error")
            self.front.show_status(line)

    def move(self, name: str, position: int) -> None:
        """Change the assumption whose slider moved to a position, and show the answer."""
        with self.lock:
            slider = self.sliders.get(name)
            if slider and 0 <= position <= SLIDER_STEPS and position != slider.position(self.state.value(name)):
                self.refused.pop(name, None)
                self._moved = name
                if self.state.set_value(name, float(slider.grid[position])):
                    self.update(moving=True)
        self._loop.wait_turn()

    def type_value(self, name: str, text: str) -> bool:
        """Set an assumption from a typed text, and return whether its value changed.

        A refused text stays in its field.
        """
        changed = type_into(self.state, self.refused, name, text)
        if not changed:
            self.front.show_settings()
        return changed

    # ---------------------------------------------------------------- the leading question and the second graph

    def lead(self, name: str) -> None:
        """Choose the leading question or ending."""
        with self.lock:
            if name != self.state.lead.name and self.state.change(self.state.settings.replace(lead=name)):
                self.update()

    def turn(self, tab: str = "", choice: str | None = None, step: int = 0) -> None:
        """Show another tab or choice of the second graph, or a history `step` places further."""
        with self.lock:
            self.graphs.turn(tab, choice, step)
            if not step and not self.graphs.is_live(self.display.shown):
                self.front.show_still(second_graph.DRAWING)
            self.front.show_settings()
            self.redraw()

    # ---------------------------------------------------------------- the last change

    @property
    def last_change(self) -> str:
        """The last change in words, with the old value, or "" if nothing was changed."""
        before = self.state.before
        return "" if before is None else last_change.in_words(self.state, before)

    def replay(self, *, moving: bool = True) -> None:
        """Animate the last change, from the earlier to the present answer, until the next change.

        The earlier answer stays as dotted lines. Without `moving`, only the earlier and the present answer are shown.
        """
        with self.lock:
            settings, before = self.state.settings, self.state.before
            line = status(f"replay of the last change, {self.last_change}", "preview")
        if before is None:
            return

        def job(control: Control) -> None:
            old, now = self.answers.answer(before, control.silent()), self.answers.answer(settings)
            for frame in last_change.frames(old, now, control, moving=moving):
                with self.lock:
                    control.check()
                    self.display.show(frame, line, ghost=old)
            with self.lock:
                control.check()
                rest = self.display.status_of(now)["text"]
                self.display.show(now, status(f"{rest}; last change: {self.last_change}"))
                self.display.draw_still()

        self.replays.submit(job, nothing, self.fail)

    # ---------------------------------------------------------------- showing

    @property
    def leading(self) -> Measure:
        """The measure of the leading question or ending."""
        return self.state.lead

    @property
    def counts_moves(self) -> bool:
        """Whether the second graph counts moves."""
        return self.graphs.counts_moves

    def show_waiting(self) -> None:
        """Show that the first answer is being computed."""
        words = "computing; a first run also compiles, which takes about 35 seconds"
        self.front.show_status(status(words, "busy", 0.0))

    def show_progress(self, share: float) -> None:
        """Show the share (0 to 1) of the computation of the full answer that is done."""
        self.front.show_status(status("computing the exact answer", "busy", share))

    def show_preview(self, forecast: Forecast) -> None:
        """Show a quick Monte Carlo answer."""
        self.display.show(forecast, preview_status(forecast))

    def show_moving(self, forecast: Forecast) -> None:
        """Show an exact answer while a slider moves."""
        self.display.show(forecast, self.display.status_of(forecast), moving=self.in_hand)

    def show_at_rest(self, settings: Settings, forecast: Forecast) -> None:
        """Show the full answer to `settings`, now that no slider moves, and start the idle work."""
        self.in_hand = False
        if self.display.last_rest is not None:
            self.notes |= slider_notes.without_effect(self.state, self.display.last_rest, (settings, forecast))
        self.display.last_rest = (settings, forecast)
        self.state.rest()
        self.display.show(forecast, self.display.status_of(forecast))
        self.display.draw_still()
        self.front.show_settings()
        keep_settings(self.drafts, self.state, self.reasons)
        self.front.refresh_page()
        self.hold(self._held)
        ranged = self.answers.key(settings) in self.display.uncertainties
        self.idle.begin(settings, forecast, ranged=ranged, shown=lambda: [slider.id for slider in self.ordered()])

    def keep_reason(self, name: str, text: str) -> None:
        """Store the user's reason for the change of an assumption or move in the draft."""
        with self.lock:
            self.reasons[name] = text
            keep_settings(self.drafts, self.state, self.reasons)

    def submit(self, job: Callable[[Control], object]) -> None:
        """Run slow work for the open page on a worker's thread. A newer request cancels the work."""
        self.pages.submit(job, nothing, self.fail)

    # ---------------------------------------------------------------- results of the work at rest

    def ordered(self) -> list[Any]:
        """Return the sliders. Those that change the answer to the leading question most come first."""
        weights = self._weights()
        return sorted(self.sliders.values(), key=lambda slider: -weights.get(slider.id, 0.0))

    def groups(self) -> list[Any]:
        """Return the sliders under their headings. Most headings are actors."""
        return grouped(self.sliders, self._weights())

    def _weights(self) -> Mapping[str, float]:
        """Return how much each assumption changes the answer to the leading question, if known."""
        if self._ranks_by_ends():
            return {name: abs(high - low) for name, (low, high, _) in self.reach.of().items()}
        return self.idle.influence.weights(self.state.base, self.state.lead.name) if self.idle.influence else {}

    def _ranks_by_ends(self) -> bool:
        """Whether the leading question has no gradient, and the ends of all sliders are known."""
        influence = self.idle.influence
        sloped = influence is not None and self.state.lead.name in influence.slopes
        return not sloped and self.reach.of().keys() >= self.sliders.keys()

    def _put_in_order(self) -> None:
        self._ordered_at = self.state.settings
        self.front.show_order()

    def take_influence(self) -> None:
        """Put the sliders in order of influence, unless settings changed since the last ordering."""
        with self.lock:
            if self.state.settings == self._ordered_at:
                self.front.show_order()

    def take_reach(self, settings: Settings, measure: str, reach: Mapping[str, Ends]) -> None:
        """Store the answer to the leading question at both ends of each slider, and show it."""
        with self.lock:
            if settings == self.state.settings and measure == self.state.lead.name:
                self.reach.add(reach)
                if self._ranks_by_ends() and settings == self._ordered_at:
                    self.front.show_order()  # only now is it known which sliders matter
                self.front.show_reach()
                if self.graphs.tab == "drivers":
                    self.display.draw_still()

    def take_uncertainty(self, settings: Settings, result: AnswerUncertainty) -> None:
        """Store the range of the answers over draws of the assumptions, and show it."""
        with self.lock:
            self.display.uncertainties[self.answers.key(settings)] = result
            if settings == self.state.settings:
                self.redraw()

    def tell_idle(self, settings: Settings, words: str) -> None:
        """Add `words`, the progress of the idle work, to the status line."""
        with self.lock:
            if settings == self.state.settings:
                self.display.add_to_status(words)
