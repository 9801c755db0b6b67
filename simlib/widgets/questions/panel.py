"""A panel for one question: controls, Compute, progress and Cancel, a picture, sentences, a table. A thin view.

Everything that decides anything is in `simlib.widgets.questions.inquiry` (how a question is asked) and
`simlib.widgets.questions.catalogue` (the questions).
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.plots.figure import picture_bundle
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LINE, WIDE, button, html_table
from simlib.widgets.kit.components import Picture
from simlib.widgets.kit.status import status
from simlib.widgets.questions import catalogue as questions
from simlib.widgets.questions import sweep_grid as sweeping
from simlib.widgets.questions.box_panel import BoxPanel
from simlib.widgets.questions.inquiry import Answer, Control, Inquiry, Line, Question

PATIENCE = 2.0
"""Seconds that a cell waits for its first answer; afterwards the answer comes while other cells run."""


class Panel(w.VBox):
    """The panel of a question. The answer that is kept for it is shown at once, others when Compute is pressed.

    `after` has room below the picture for what goes on from an answer.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.picture, self._words, self._table = Picture(), w.HTML(), w.HTML()
        self.inputs = {control.name: _input(control) for control in question.controls}
        self.inquiry = Inquiry(question, self.show, self.say)
        self.compute = button("Compute", f"{question.title} With the choices above", self.ask, self._guard)
        self.compute.button_style = "primary"
        title = w.HTML(f'<div class="simlib-words"><strong>{html.escape(question.title)}</strong></div>')
        self.after = w.VBox([])
        more = w.Accordion([self._table], titles=("Table",), selected_index=None)
        asked = w.HBox([*self.inputs.values(), self.compute], layout=LINE)
        super().__init__([title, asked, self.picture, self.after, self._words, more])
        for control in self.inputs.values():
            control.observe(lambda _: self._guard(lambda: self.inquiry.touched(self.values())), "value")
        self.picture.observe(lambda _: self._guard(self.inquiry.cancel), "cancelled")
        self.inquiry.start()

    def values(self) -> dict[str, Any]:
        """Return what is chosen now."""
        return {name: control.value for name, control in self.inputs.items()}

    def ask(self) -> None:
        """Work out the answer to what is chosen now."""
        self.inquiry.ask(self.values())

    def show(self, answer: Answer) -> None:
        """Show an answer."""
        with self.picture.hold_sync():
            self.picture.png, self.picture.size, self.picture.alt = answer.png, list(answer.size), answer.alt
        items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in answer.sentences)
        self._words.value = f'<div class="simlib-words"><ul style="margin: 0">{items}</ul></div>'
        self._table.value = html_table(answer.head, answer.rows, answer.numbers)
        self._go_on(answer)

    def _go_on(self, answer: Answer) -> None:
        """Put the boxes of an answer that has some on sliders."""
        for old in self.after.children:
            old.close_down()
        boxes = isinstance(self.question, questions.UnderWhichAssumptions) and answer.more
        self.after.children = [BoxPanel(self.question.scenario, answer, self.picture)] if boxes else []

    def say(self, line: Line) -> None:
        """Show how it stands."""
        self.picture.status = dict(status(line.text, line.kind, line.share))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the answer that is being worked out; return False after `timeout` seconds."""
        return self.inquiry.worker.wait(timeout)

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error in a callback would vanish into the log
            self.inquiry.fail(error)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live panel, and for readers without a kernel its picture and its sentences."""
        self.wait(PATIENCE)
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        answer = self.inquiry.answer
        if answer is not None:
            bundle |= picture_bundle(answer.png, answer.alt)[0]
            bundle["text/plain"] = "\n".join(answer.sentences)
        return bundle


def _input(control: Control) -> Any:
    common = {"description": control.label, "tooltip": control.tip or control.label, "style": WIDE}
    if control.options:
        width = "max-content" if max(len(text) for text, _ in control.options) < 60 else "620px"
        layout = w.Layout(width=width, max_width="100%")
        return w.Dropdown(options=list(control.options), value=control.value, layout=layout, **common)
    if isinstance(control.value, dt.date):
        layout = w.Layout(width="max-content")
        return w.DatePicker(value=control.value, layout=layout, **common)  # bounds would move a date without a word
    layout = w.Layout(width=f"{len(control.label) + 14}ch")
    bounds = {"value": control.value, "min": control.low, "max": control.high, "layout": layout}
    if isinstance(control.value, float):
        return w.BoundedFloatText(step=0.1, **bounds, **common)
    return w.BoundedIntText(**bounds, **common)


def _panel(kind: type[Question]) -> Callable[..., Panel]:
    def make(scenario: Scenario | str | Path, **settings: Any) -> Panel:
        return Panel(kind(scenario, **settings))

    make.__name__, make.__doc__ = kind.__name__, f"Return a panel that asks: {kind.title}"
    return make


WhatIf = _panel(questions.WhatIf)
Drivers = _panel(questions.WhatDrivesIt)
SharesOfDoubt = _panel(questions.SharesOfDoubt)
HowSure = _panel(questions.HowSure)
ChanceWithinDoubt = _panel(questions.ChanceWithinDoubt)
WorthKnowing = _panel(questions.WorthKnowing)
Plans = _panel(questions.Plans)
ByWhichPath = _panel(questions.ByWhichPath)
WherePathsDiverge = _panel(questions.WherePathsDiverge)
OnTheWayTo = _panel(questions.OnTheWayTo)
WhatToWatchFor = _panel(questions.WhatToWatchFor)
SignsOfEveryEnding = _panel(questions.SignsOfEveryEnding)
WorthSeeing = _panel(questions.WorthSeeing)
UnderWhichAssumptions = _panel(questions.UnderWhichAssumptions)
Sweep = _panel(sweeping.Sweep)

__all__ = [
    "ByWhichPath",
    "ChanceWithinDoubt",
    "Drivers",
    "HowSure",
    "OnTheWayTo",
    "Panel",
    "Plans",
    "SharesOfDoubt",
    "SignsOfEveryEnding",
    "Sweep",
    "UnderWhichAssumptions",
    "WhatIf",
    "WhatToWatchFor",
    "WherePathsDiverge",
    "WorthKnowing",
    "WorthSeeing",
]
