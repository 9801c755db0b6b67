"""A panel for one question: fields, a button, progress, a picture, sentences and a table."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.plots.figure import picture_bundle, reduced
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LABEL_STYLE, LINE_LAYOUT, button, html_table, mark, words
from simlib.widgets.kit.components import LivePicture
from simlib.widgets.kit.shown_pictures import Keeper
from simlib.widgets.kit.status_line import status
from simlib.widgets.questions import catalogue
from simlib.widgets.questions.box_panel import BoxPanel
from simlib.widgets.questions.inquiry import COMPUTED, CURRENT, PREVIOUS, STORED, Inquiry, StatusLine
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import ShownAnswer

FIRST_ANSWER_WAIT = 2.0
"""Longest time in seconds that a cell waits for its first answer. An answer that takes longer appears while other cells
run."""


class QuestionPanel(w.VBox):
    """The panel of a question, which first shows the stored answer or else computes one.

    If the answer has boxes (bounds on assumptions), their sliders are in `after`, below the picture.
    """

    def __init__(self, question: PanelQuestion) -> None:
        self.question = question
        self.picture, self._words = LivePicture(), w.HTML()
        self.inputs = {field.name: _input(field) for field in question.fields}
        self.notes = {field.name: w.HTML() for field in question.fields}
        self.inquiry = Inquiry(question, self.show, self.say)
        self.compute = button("Compute", "Compute the answer for the settings above", self.ask, self._guard)
        self.compute.button_style = "primary"
        title = w.HTML(f'<div class="simlib-words"><strong>{html.escape(question.title)}</strong></div>')
        self.after = w.VBox([])
        self._tables = w.Accordion([w.HTML()], titles=("Table",), selected_index=None)
        self.rows = {name: w.VBox([self.inputs[name], note]) for name, note in self.notes.items()}
        inputs = w.HBox([*self.rows.values(), self.compute], layout=LINE_LAYOUT)
        super().__init__([title, inputs, self.picture, self.after, self._words, self._tables])
        for field in self.inputs.values():
            field.observe(lambda _: self._guard(self._changed), "value")
        self._keeper = Keeper(self.model_id, self.kept_picture)
        self._show_fields()
        self.picture.observe(lambda _: self._guard(self.inquiry.cancel), "cancels")
        self.inquiry.start()

    def values(self) -> dict[str, Any]:
        """Return the present settings."""
        return {name: field.value for name, field in self.inputs.items()}

    def _changed(self) -> None:
        self._show_fields()
        self.inquiry.compare(self.values())

    def _show_fields(self) -> None:
        applying = self.question.applying(self.values())
        for name, row in self.rows.items():
            row.layout.display = "" if name in applying else "none"

    def ask(self) -> None:
        """Compute the answer to the present settings."""
        self.inquiry.ask(self.values())

    def show(self, answer: ShownAnswer) -> None:
        """Show an answer."""
        with self.picture.hold_sync():
            self.picture.png, self.picture.size, self.picture.alt = answer.png, list(answer.size), answer.alt
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in answer.sentences)
        self._words.value = f'<div class="simlib-words"><ul style="margin: 0">{items}</ul></div>'
        further = answer.more.get("tables", [])
        tables = [html_table(answer.head, answer.rows, answer.numbers)]
        tables += [html_table(each["head"], each["rows"]) for each in further]
        self._tables.children = [w.HTML(table) for table in tables]
        self._tables.titles = ("Table", *(each["title"] for each in further))
        self._show_boxes(answer)
        self._keeper.later()

    def _show_boxes(self, answer: ShownAnswer) -> None:
        for old in self.after.children:
            old.close_down()
        boxes = isinstance(self.question, catalogue.UnderWhichAssumptions) and answer.more
        self.after.children = [BoxPanel(self.question.scenario, answer, self.picture)] if boxes else []

    def say(self, line: StatusLine) -> None:
        """Show a status message, dim an answer to other settings, and mark a refused value's field."""
        self.picture.stale = stale = self.inquiry.is_stale
        mark(stale, "simlib-stale", self.after, self._words, self._tables)
        self.picture.status = dict(status(line.text, line.kind, line.share))
        answer = self.inquiry.answer if line in (CURRENT, STORED, COMPUTED) else None
        remarks = answer.more.get("remarks", {}) if answer else {}
        for field in self.question.fields:
            wrong, place = field.label == line.at, self.inputs[field.name]
            what = line.text.removeprefix(f"{field.label}: ").removesuffix(f" ({PREVIOUS})")
            note = words(what, "simlib-words simlib-error") if wrong else words(remarks.get(field.label, ""))
            self.notes[field.name].value = note if wrong or field.label in remarks else ""
            mark(wrong, "simlib-wrong", place)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the answer that is being computed. Return False after `timeout` seconds."""
        return self.inquiry.worker.wait(timeout)

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - Jupyter alone would only log the error
            self.inquiry.fail(error)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live panel and, for readers without a kernel, a picture and sentences."""
        self.wait(FIRST_ANSWER_WAIT)
        return dict(super()._repr_mimebundle_(**kwargs) or {}) | self.kept_picture()

    def kept_picture(self) -> dict[str, Any]:
        """Return the picture and the sentences for a notebook, or {} if there is no answer yet."""
        answer = self.inquiry.answer
        if answer is None:
            return {}
        return picture_bundle(reduced(answer.png, answer.size[0]), answer.alt)[0] | {
            "text/plain": "\n".join(answer.sentences)
        }


def _input(field: Field) -> Any:
    common = {"description": field.label, "tooltip": field.tip or field.label, "style": LABEL_STYLE}
    if field.options:
        width = "max-content" if max(len(text) for text, _ in field.options) < 60 else "620px"
        layout = w.Layout(width=width, max_width="100%")
        return w.Dropdown(options=list(field.options), value=field.value, layout=layout, **common)
    if isinstance(field.value, dt.date):
        layout = w.Layout(width="max-content")
        return w.DatePicker(value=field.value, layout=layout, **common)  # bounds would silently change a date
    layout = w.Layout(width=f"{len(field.label) + 14}ch")
    if isinstance(field.value, float):
        return w.FloatText(value=field.value, step=0.1, layout=layout, **common)
    return w.IntText(value=field.value, layout=layout, **common)  # bounds would silently change a number


def __getattr__(name: str) -> Callable[..., QuestionPanel]:
    """Return the function that makes the panel of a question, such as `WhatIf`."""
    if name not in catalogue.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kind: type[PanelQuestion] = getattr(catalogue, name)

    def make(scenario: Scenario | str | Path, **settings: Any) -> QuestionPanel:
        return QuestionPanel(kind(scenario, **settings))

    make.__name__, make.__doc__ = name, f"Return a panel for the question: {kind.title}"
    return make


__all__ = ["QuestionPanel"]
__all__ += catalogue.__all__
