"""Sliders for a box (bounds on some assumptions), below its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from simlib.analysis.discovery.boxes import from_compact_data
from simlib.errors import SimlibError
from simlib.plots.figure import PICTURE_WIDTH
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LABEL_STYLE, LINE_LAYOUT, button, words
from simlib.widgets.kit.components import LivePicture, Sliders
from simlib.widgets.kit.status_line import Part
from simlib.widgets.questions.box_session import BOX_BOARD_HEIGHT, BoxSession
from simlib.widgets.questions.shown_answers import ShownAnswer


class BoxPanel(w.VBox):
    """Sliders for values of assumptions, and the answer at these values.

    The values make up a point, which is drawn on `picture`, the picture of the answer. The values can be saved as a
    view.
    """

    def __init__(self, scenario: Scenario, answer: ShownAnswer, picture: LivePicture) -> None:
        super().__init__([])
        self.add_class("simlib-within")
        self.picture, self._words, self._live = picture, answer.alt, True
        self.session: BoxSession | None = None
        try:
            self.session = BoxSession(from_compact_data(scenario, answer.more), self)
        except SimlibError as error:
            self.children = [w.HTML(words(f"No sliders: {error}. Press Compute to find the boxes again."))]
            return
        self._build(self.session)
        self._listen(self.session)
        self.session.start()

    def _build(self, point: BoxSession) -> None:
        self.sliders, self.answer = Sliders(), LivePicture(size=[0, 0])
        options = [(choice.label, choice.name) for choice in point.choices]
        self.choice = w.Dropdown(
            description="Go to", options=options, style=LABEL_STYLE, layout=w.Layout(width="auto", max_width="100%")
        )
        self.to_middle = button(
            "Set to the middle of the box", "The median of each prior between the bounds", point.to_middle, self._guard
        )
        self.to_stated = button("Back to the stated values", "The values in the file", point.to_stated, self._guard)
        self.title = w.Text(description="Title", placeholder="inside box 1", style=LABEL_STYLE)
        self.because = w.Text(
            description="Because",
            placeholder="the box of these values",
            style=LABEL_STYLE,
            layout=w.Layout(flex="1 1 300px"),
        )
        self.save = button("Save as a view", "Write these values beside the scenario", self._save, self._guard)
        self.report = w.HTML()
        self.children = [
            w.HBox([self.choice, self.to_middle, self.to_stated], layout=LINE_LAYOUT),
            self.answer,
            self.sliders,
            w.HBox([self.title, self.because, self.save], layout=LINE_LAYOUT),
            self.report,
        ]
        self._show_sliders()

    def _listen(self, point: BoxSession) -> None:
        self.choice.observe(lambda change: self._guard(lambda: self._choose(change["new"])), "value")
        self.sliders.listen(lambda action: self._guard(lambda: self._act(point, action)), lambda: point.lock)

    @staticmethod
    def _act(point: BoxSession, action: dict[str, Any]) -> None:
        name = action["id"]
        match action["what"]:
            case "move":
                point.move(name, action["position"])
            case "let go":
                point.let_go()
            case "type":
                point.type_value(name, action["text"])
            case "reset":
                point.reset(name)

    def _choose(self, name: str) -> None:
        assert self.session is not None
        self.session.chosen = next(choice for choice in self.session.choices if choice.name == name)
        self._show_sliders()
        self.session.choose(name)

    def _show_sliders(self) -> None:
        point = self.session
        assert point is not None
        sliders = [
            {
                "id": name,
                "label": slider.assumption.label,
                "texts": slider.texts,
                "band": point.stretch(name),
                **slider.about(point.state.base),
            }
            for name, slider in point.sliders.items()
        ]
        title = f"Assumptions of {point.chosen.name}; the bar under a slider shows the range of the box"
        self.sliders.groups = [{"title": title, "sliders": sliders}]

    def close_down(self) -> None:
        """Stop all work, because another answer replaces this one."""
        self._live = False
        if self.session is not None:
            self.session.close()

    # ---------------------------------------------------------------- showing (see `BoxFront`)

    def show(self, png: bytes, sentence: list[Part], line: Part) -> None:
        """Show the picture, a sentence on the answer at the sliders' values, and a status line."""
        if not self._live:
            return
        with self.answer.hold_sync():
            self.answer.sentence, self.answer.status = [dict(part) for part in sentence], dict(line)
            self.answer.preview = line["kind"] == "preview"
        with self.picture.hold_sync():
            self.picture.png, self.picture.size = png, [PICTURE_WIDTH, BOX_BOARD_HEIGHT]
            self.picture.alt = self._words + " " + "".join(part["text"] for part in sentence)

    def show_line(self, line: Part) -> None:
        """Show a status line. The picture and the answer stay."""
        self.answer.status = dict(line)

    def show_settings(self) -> None:
        """Set the sliders to the present values of the assumptions."""
        point = self.session
        if point is None:
            return
        values, moved = point.values(), point.state.values()
        with self.sliders.hold_sync():
            self.sliders.positions = {name: slider.position(values[name]) for name, slider in point.sliders.items()}
            self.sliders.overrides = {
                name: point.state.value_text(name)
                for name, slider in point.sliders.items()
                if not slider.on_grid(values[name])
            }
            self.sliders.changed = [name for name in point.sliders if name in moved]
            self.sliders.notes = {name: point.note(name) for name in point.sliders}
            self.sliders.refused = dict(point.refused)

    # ---------------------------------------------------------------- actions of the user

    def _save(self) -> None:
        assert self.session is not None
        self.report.value = words("")
        self.report.value = words(self.session.save(self.title.value or self.title.placeholder, self.because.value))

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - Jupyter alone would only log the error
            assert self.session is not None
            self.session.fail(error)
