"""Sliders for a box of a discovery, below its picture: a thin view of `simlib.widgets.questions.box_session`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from simlib.analysis.discovery.boxes import from_compact_data
from simlib.errors import SimlibError
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LINE, WIDE, button, words
from simlib.widgets.kit.components import Dials, Picture
from simlib.widgets.kit.status import Part
from simlib.widgets.questions.box_session import HEIGHT, BoxSession
from simlib.widgets.questions.inquiry import WIDTH, Answer


class BoxPanel(w.VBox):
    """A choice of box, the answer at a point, sliders that move it, and what can be kept of it.

    The point is drawn on `picture`, that of the answer.
    """

    def __init__(self, scenario: Scenario, answer: Answer, picture: Picture) -> None:
        super().__init__([])
        self.add_class("simlib-within")
        self.picture, self._words, self._live = picture, answer.alt, True
        self.session: BoxSession | None = None
        try:
            self.session = BoxSession(from_compact_data(scenario, answer.more), self)
        except SimlibError as error:
            self.children = [w.HTML(words(f"No sliders: {error}. Compute finds the boxes again."))]
            return
        self._build(self.session)
        self._listen(self.session)
        self.session.start()

    def _build(self, session: BoxSession) -> None:
        self.dials, self.answer = Dials(), Picture(size=[0, 0])
        options = [(choice.label, choice.name) for choice in session.choices]
        self.choice = w.Dropdown(
            description="Go to", options=options, style=WIDE, layout=w.Layout(width="auto", max_width="100%")
        )
        self.to_middle = button(
            "Set to the middle of the box",
            "The median of each prior between the bounds",
            session.to_middle,
            self._guard,
        )
        self.to_stated = button("Back to the stated values", "As the file has them", session.to_stated, self._guard)
        self.title = w.Text(description="Title", placeholder="inside box 1", style=WIDE)
        self.because = w.Text(
            description="Because", placeholder="which box it is from", style=WIDE, layout=w.Layout(flex="1 1 300px")
        )
        self.save = button("Save as a view", "Write these values beside the scenario", self._save, self._guard)
        self.report = w.HTML()
        self.children = [
            w.HBox([self.choice, self.to_middle, self.to_stated], layout=LINE),
            self.answer,
            self.dials,
            w.HBox([self.title, self.because, self.save], layout=LINE),
            self.report,
        ]
        self._show_dials()

    def _listen(self, session: BoxSession) -> None:
        heard: tuple[tuple[Any, str, Callable[[Any], object]], ...] = (
            (self.choice, "value", self._choose),
            (self.dials, "positions", session.move),
            (self.dials, "typed", lambda typed: session.do(session.state.type_value, typed["id"], typed["text"])),
            (self.dials, "asked", lambda asked: session.do(session.state.reset_value, asked["id"])),
        )
        for widget, trait, action in heard:
            widget.observe(lambda change, action=action: self._guard(lambda: action(change["new"])), trait)

    def _choose(self, name: str) -> None:
        assert self.session is not None
        self.session.chosen = next(choice for choice in self.session.choices if choice.name == name)
        self._show_dials()
        self.session.choose(name)

    def _show_dials(self) -> None:
        session = self.session
        assert session is not None
        shown = [
            {
                "id": name,
                "label": dial.assumption.label,
                "texts": dial.texts,
                "band": session.stretch(name),
                **dial.about(session.state.base),
            }
            for name, dial in session.dials.items()
        ]
        title = f"Assumptions of {session.chosen.name}; the bar under a slider is the box"
        self.dials.groups = [{"title": title, "open": True, "first": len(shown), "dials": shown}]

    def close_down(self) -> None:
        """Stop all work: another answer takes its place."""
        self._live = False
        if self.session is not None:
            self.session.close()

    # ---------------------------------------------------------------- showing (see `box_session.BoxFront`)

    def show(self, png: bytes, sentence: list[Part], line: Part) -> None:
        """Show the picture with the point, the answer there in parts, and how it is known."""
        if not self._live:
            return
        with self.answer.hold_sync():
            self.answer.sentence, self.answer.status = [dict(part) for part in sentence], dict(line)
            self.answer.preview = line["kind"] == "preview"
        with self.picture.hold_sync():
            self.picture.png, self.picture.size = png, [WIDTH, HEIGHT]
            self.picture.alt = self._words + " " + "".join(part["text"] for part in sentence)

    def show_line(self, line: Part) -> None:
        """Show how it stands."""
        self.answer.status = dict(line)

    def show_settings(self) -> None:
        """Put the sliders where the point is."""
        session = self.session
        if session is None:
            return
        values, moved = session.values(), session.state.values()
        with self.dials.hold_sync():
            self.dials.positions = {name: dial.position(values[name]) for name, dial in session.dials.items()}
            self.dials.overrides = {
                name: session.state.shows(name)
                for name, dial in session.dials.items()
                if not dial.on_grid(values[name])
            }
            self.dials.changed = [name for name in session.dials if name in moved]
            self.dials.notes = {name: session.note(name) for name in session.dials}

    # ---------------------------------------------------------------- what a person asks for

    def _save(self) -> None:
        assert self.session is not None
        self.report.value = words("")
        self.report.value = words(self.session.save(self.title.value or self.title.placeholder, self.because.value))

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error in a callback would vanish into the log
            assert self.session is not None
            self.session.fail(error)
