"""The state of the sliders for a box (set of bounds on assumptions) of scenario discovery.

The values of the sliders and the stated values of all other assumptions together make up the point. The point starts in
the middle of the box. Quick answers follow moving sliders (see `simlib.widgets.explorer.preview_loop`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from simlib.analysis.discovery.boxes import middle, outside, side
from simlib.analysis.discovery.result import Bound, Box, Discovery
from simlib.control import Control
from simlib.errors import Problem, ScenarioError
from simlib.formatting import percent, quoted
from simlib.machine import measures
from simlib.plots.box_charts import BoxBoard, axes_of
from simlib.plots.figure import PICTURE_WIDTH, SHARP
from simlib.quantities import show
from simlib.results import Forecast
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.scenario.scales import forward
from simlib.widgets.explorer import saving
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.preview_loop import PreviewLoop, answer_status, preview_status
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.sliders import SLIDER_STEPS, Slider, sliders_of
from simlib.widgets.explorer.state import State, type_into
from simlib.widgets.kit.blitting import Screen
from simlib.widgets.kit.latest_worker import LatestWorker
from simlib.widgets.kit.status_line import Part, failure, part, status

BOX_BOARD_HEIGHT = 560
"""Height of the picture in pixels."""

INTERVAL = "± is half of a 95% interval"

APART = 0.05
"""Least gain in density (share of likely draws) between two boxes that are offered. The boxes come from one search,
which makes a box smaller step by step ("peels" it)."""


@dataclass(frozen=True)
class BoxChoice:
    """A box that the user can choose, its name, and its label in the list."""

    name: str
    label: str
    box: Box


def choices(discovery: Discovery) -> list[BoxChoice]:
    """Return the boxes to choose from: those found, then steps of the search for the first box."""
    result = [BoxChoice(f"box {n}", _label(f"Box {n}", box), box) for n, box in enumerate(discovery.boxes, start=1)]
    density = discovery.base_rate
    for step, box in enumerate(discovery.trajectory):
        if box.density >= density + APART:  # the first step must be denser than all draws, so it has a bound
            density = box.density
            result.append(BoxChoice(f"the box after {step} peels", _label(f"Box 1 after {step} peels", box), box))
    return result


def _label(name: str, box: Box) -> str:
    bounds = "1 bound" if len(box.bounds) == 1 else f"{len(box.bounds)} bounds"
    share = f"likely in {percent(box.density)} of its draws, contains {percent(box.coverage)} of all likely draws"
    return f"{name}: {share}, {bounds}"


class BoxFront(Protocol):
    """The view that shows a box: widgets, or a substitute in a test."""

    def show(self, png: bytes, sentence: list[Part], line: Part) -> None:
        """Show the picture, a sentence on the answer at the sliders' values, and a status line."""

    def show_line(self, line: Part) -> None:
        """Show a status line."""

    def show_settings(self) -> None:
        """Set the sliders to the present values of the assumptions."""


class BoxSession:
    """The chosen box, the sliders, and the answer at the point."""

    def __init__(self, discovery: Discovery, front: BoxFront) -> None:
        self.discovery, self.front = discovery, front
        self.state = State(discovery.scenario)
        self.answers = AnswerCache(self.state)
        self.choices = choices(discovery)
        self.chosen = self.choices[0]
        self.worker, self.lock = LatestWorker("simlib-boxes"), threading.RLock()
        self.stated: Forecast | None = None
        self._every = sliders_of(discovery.scenario)
        self._screen: Screen | None = None
        self._board: BoxBoard | None = None
        self.refused: dict[str, dict[str, str]] = {}
        self._fresh, self.in_hand = True, False
        self._loop = PreviewLoop(self.answers, self, self.worker, self.lock)

    # ---------------------------------------------------------------- the point

    @property
    def box(self) -> Box:
        """The chosen box."""
        return self.chosen.box

    @property
    def sliders(self) -> dict[str, Slider]:
        """The sliders, by assumption. The assumptions with a bound in the chosen box come first."""
        names = dict.fromkeys([*(bound.assumption for bound in self.box.bounds), *axes_of(self.discovery, self.box)])
        known = self.discovery.scenario.assumptions
        return {name: self._every.get(name) or Slider(known[name], "") for name in names}

    def bound(self, name: str) -> Bound | None:
        """Return the bound of the chosen box on an assumption, or None if the box does not bound it."""
        return next((bound for bound in self.box.bounds if bound.assumption == name), None)

    def values(self) -> dict[str, float]:
        """Return the present values of all assumptions, in base units."""
        return {name: self.state.value(name) for name in self.discovery.scenario.assumptions}

    def note(self, name: str) -> str:
        """Say an assumption's bounds in the box, whether its value is outside, and its 90% range."""
        a, bound = self.discovery.scenario.assumptions[name], self.bound(name)
        between = f"90% range {show(a.low, a.kind, a.unit)} to {show(a.high, a.kind, a.unit)}"
        if bound is None:
            return f"Not bounded by the box · {between}"
        ends = (("at least", bound.low), ("at most", bound.high))
        bounds = " and ".join(f"{words} {show(x, a.kind, a.unit)}" for words, x in ends if x is not None)
        where = ("", " – the point is above it", " – the point is below it")[side(bound, self.state.value(name))]
        return f"The box: {bounds}{where} · {between}"

    def stretch(self, name: str) -> tuple[float, float] | None:
        """Return the first and last slider position inside the box, or None without a bound."""
        bound, slider = self.bound(name), self.sliders[name]
        if bound is None:
            return None
        scale = np.clip(forward(slider.assumption.kind, slider.grid), -1e9, 1e9)
        places = np.arange(SLIDER_STEPS + 1.0)
        low, high = (None if x is None else forward(slider.assumption.kind, x) for x in (bound.low, bound.high))
        return (
            0.0 if low is None else float(np.interp(low, scale, places)),
            float(SLIDER_STEPS) if high is None else float(np.interp(high, scale, places)),
        )

    # ---------------------------------------------------------------- changes

    def start(self) -> None:
        """Set the values to the middle of the first box, and request the answer."""
        self.to_middle()

    def choose(self, name: str) -> None:
        """Choose another box, and set the values to its middle."""
        with self.lock:
            self.chosen = next(choice for choice in self.choices if choice.name == name)
            self._board = None
            self.to_middle(anew=True)

    def to_middle(self, *, anew: bool = False) -> None:
        """Set values to the middle of the box, and assumptions without bounds to stated values.

        With `anew`, the answer is computed even if no value changes.
        """
        self._go(Settings(values=middle(self.discovery.scenario, self.box)), anew=anew)

    def to_stated(self) -> None:
        """Set all assumptions to their stated values, which are those of the scenario."""
        self._go(Settings())

    def _go(self, settings: Settings, *, anew: bool = False) -> None:
        with self.lock:
            self.refused.clear()
            if self.state.change(settings) or anew:
                self.update()
            else:
                self.front.show_settings()

    def type_value(self, name: str, text: str) -> None:
        """Set an assumption from a typed text, which stays in its field if it is refused."""
        with self.lock:
            self._show_change(type_into(self.state, self.refused, name, text))

    def reset(self, name: str) -> None:
        """Reset an assumption to its stated value."""
        with self.lock:
            self.refused.pop(name, None)
            self._show_change(self.state.reset_value(name))

    def _show_change(self, changed: bool) -> None:
        if changed:
            self.update()
        else:
            self.front.show_settings()

    def move(self, name: str, position: int) -> None:
        """Set an assumption to the value at a position of its slider."""
        with self.lock:
            slider = self.sliders.get(name)
            if slider and 0 <= position <= SLIDER_STEPS and position != slider.position(self.state.value(name)):
                self.refused.pop(name, None)
                if self.state.set_value(name, float(slider.grid[position])):
                    self.update(moving=True)
        self._loop.wait_turn()

    def let_go(self) -> None:
        """Compute the full answer without delay."""
        with self.lock:
            self.in_hand = False
            self._loop.rest()

    def update(self, *, moving: bool = False) -> None:
        """Show the answer at the present values, and a quick estimate until the answer is computed."""
        with self.lock:
            self.worker.cancel()
            self.front.show_settings()
            self.in_hand = moving
            self._loop.update()

    @property
    def leading(self) -> measures.Measure:
        """The measure (probability or expected number) for which boxes were searched."""
        return self.discovery.measure

    @property
    def counts_moves(self) -> bool:
        """Whether boxes were searched for a level's probability, or a number of days or moves."""
        return self.leading.kind in ("level", "days", "moves")

    @property
    def prepared(self) -> bool:
        """Whether the answer at the stated values of the assumptions is known."""
        return self.stated is not None

    def prepare(self, control: Control) -> None:
        """Draw the box, and compute the answer at the stated values of the assumptions."""
        with self.lock:
            self._draw()
        self.stated = self.stated or self.answers.answer(Settings(), control)

    def fail(self, error: Exception) -> None:
        """Show an error. The last answer stays."""
        self.front.show_line(failure(error))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the full answer is shown and quick estimates are prepared.

        Return False after `timeout` seconds.
        """
        return self._loop.glancing.wait(timeout) and self.worker.wait(timeout) and self._loop.wait(timeout)

    def close(self) -> None:
        """Stop all work."""
        self.worker.close()
        self._loop.close()

    # ---------------------------------------------------------------- showing

    def sentence(self, forecast: Forecast) -> list[Part]:
        """Describe the answer at the present values of the assumptions, as parts {text, strong}."""
        discovery = self.discovery
        assert self.stated is not None
        (here, half), (stated, stated_half) = (_read(each, discovery.measure) for each in (forecast, self.stated))
        about = "about " if forecast.engine == "preview" else ""
        change, base = 100 * (here - stated), percent(discovery.base_rate)
        moved = "the same" if abs(change) < 0.05 else f"{'up' if change > 0 else 'down'} {abs(change):.1f} points"
        reached = "at or above" if here >= discovery.threshold else "below"
        where = "outside" if outside(self.box, self.values()) else "inside"
        by = discovery.by_words
        return [
            part(f"At the values below, {quoted(discovery.measure.label)} by {by}: "),
            part(about + _written(here, half), strong=True),
            part(
                f", {reached} the {percent(discovery.threshold)} from which it counts as likely. At the stated values: "
                f"{_written(stated, stated_half)} (here {moved}). The point lies "
            ),
            part(f"{where} {self.chosen.name}", strong=True),
            part(f". In it {percent(self.box.density)} of the draws reach the threshold, against {base} of all draws."),
        ]

    def _draw(self) -> BoxBoard:
        if self._board is None:
            self._board = BoxBoard(self.discovery, self.box, PICTURE_WIDTH, BOX_BOARD_HEIGHT)
            self._screen, self._fresh = Screen(self._board), True
        return self._board

    def show_waiting(self) -> None:
        """Show that the first answer is being computed."""
        self.front.show_line(status("computing the answer at this point", "busy"))

    def show_progress(self, share: float) -> None:
        """Do nothing, so that the quick estimate stays until the answer is computed."""

    def show_preview(self, forecast: Forecast) -> None:
        """Show a quick estimate, once the answer at the stated values is known."""
        if self.stated is None:
            self.show_waiting()
        else:
            self._show(forecast, preview_status(forecast), moving=True)

    def show_moving(self, forecast: Forecast) -> None:
        """Show an answer while a slider moves."""
        self._show(forecast, answer_status(forecast, INTERVAL), moving=self.in_hand)

    def show_at_rest(self, settings: Settings, forecast: Forecast) -> None:
        """Show the answer, now that no slider moves."""
        del settings
        self._show(forecast, answer_status(forecast, INTERVAL))
        self.state.rest()

    def _show(self, forecast: Forecast, line: Part, *, moving: bool = False) -> None:
        board = self._draw()
        assert self._screen is not None
        board.move(self.values(), _read(forecast, self.discovery.measure)[0])
        png = self._screen.png(redraw=self._fresh, moving=moving, ratio=1 if moving else SHARP)
        self._fresh = False
        self.front.show(png, self.sentence(forecast), line)

    # ---------------------------------------------------------------- saving

    def save(self, title: str, because: str = "") -> str:
        """Save the values of the point as a view beside the scenario, and return a message.

        Raises ScenarioError if no value was changed, if the scenario differs from its file, or if writing fails.
        """
        base, values = self.state.base, self.state.settings.values
        if base.path and load(base.path).sha256 != base.sha256:
            what = "was changed before the question was asked, and a view would leave those changes out"
            raise ScenarioError(Problem("", 0, base.id, what, "ask about the unchanged scenario"))
        if not values:
            raise ScenarioError(Problem("", 0, title, "changes nothing", "move a slider first"))
        inside = "outside" if outside(self.box, self.values()) else "inside"
        reason = (
            because.strip() or f"{inside} {self.chosen.name} for {self.discovery.measure.words}, by scenario discovery"
        )
        view = saving.view_of(self.state, title, because=reason, reasons=dict.fromkeys(values, reason))
        return _opened(saving.save(self.state, view), base.id, view.id)


def _opened(path: Path, scenario: str, view: str) -> str:
    home = path.parent.parent
    name = scenario if shipped_scenarios().get(scenario) == home else str(home)
    return (
        f"Saved as {path}. To open it: Explorer({name!r}, view={view!r}) in notebook 01, or on the command line: "
        f"simlib run {name} --view {view}"
    )


def _read(forecast: Forecast, measure: measures.Measure) -> tuple[float, float]:
    """Return an answer, and half of its 95% interval (0: it is exact or a quick estimate)."""
    value, low, high = (float(x[-1]) for x in measures.of_forecast(forecast, measure))
    sampled = forecast.engine not in ("exact", "preview")
    return value, (high - low) / 2 if sampled else 0.0


def _written(value: float, half: float) -> str:
    text = f"{100 * value:.1f}%" if 0.0005 <= value < 0.9995 else percent(value)
    return f"{text} ± {100 * half:.1f} points" if half else text
