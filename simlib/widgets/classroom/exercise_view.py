"""An exercise in a notebook: the question, the fields, and the buttons *Check* and *Hint*.

Without a kernel, the exercise is a picture with lines to write on, so that a printed notebook is a worksheet.
"""

from __future__ import annotations

import html
from functools import partial
from typing import Any

import ipywidgets as w

from simlib.plots import style
from simlib.plots.figure import PICTURE_WIDTH, new_figure, picture_bundle, small_png
from simlib.plots.lettering import settle
from simlib.widgets.classroom.exercise import Blank, Exercise
from simlib.widgets.explorer.pages import LINE_LAYOUT, button, guarded, words

_LETTERS, _LINE = 98, 19
_CHOOSE = "choose …"


class ExerciseView(w.VBox):
    """An exercise as a widget, with its fields and its buttons."""

    def __init__(self, number: int, exercise: Exercise) -> None:
        self.number, self.exercise = number, exercise
        self.fields = [_widget(field) for field in exercise.fields]
        self.report = w.HTML()
        guard = partial(guarded, self.report)
        actions = [button("Check", f"Check exercise {number}", self.check, guard)]
        if exercise.hint:
            actions.append(button("Hint", f"A hint for exercise {number}", self.hint, guard))
        asks = w.HTML(words(exercise.asks))
        super().__init__(
            [
                w.HTML(f"<strong>{html.escape(self.title)}</strong>"),
                asks,
                *self.fields,
                w.HBox(actions, layout=LINE_LAYOUT),
                self.report,
            ]
        )
        self.add_class("simlib-explorer")

    @property
    def title(self) -> str:
        """The heading of the exercise."""
        return f"Exercise {self.number}. {self.exercise.title} ({self.exercise.minutes} minutes)"

    def check(self) -> None:
        """Show whether the entries are right."""
        verdict = self.exercise.check(*("" if f.value == _CHOOSE else str(f.value) for f in self.fields))
        mark = {True: "Right. ", False: "", None: ""}[verdict.right]
        self.report.value = words(
            mark + verdict.words, "simlib-words" if verdict.right is not False else "simlib-words simlib-error"
        )

    def hint(self) -> None:
        """Show the hint."""
        self.report.value = words(f"Hint: {self.exercise.hint}")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live exercise for Jupyter, with a worksheet for readers without a kernel."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        text = f"{self.title}: {self.exercise.asks}"
        return bundle | picture_bundle(self._worksheet(), text)[0]

    def _worksheet(self) -> bytes:
        body = style.wrap(self.exercise.asks, _LETTERS, 20)
        lines = [self.title, *body.splitlines(), *(f"{field.label}: {'_' * 28}" for field in self.exercise.fields)]
        figure = new_figure(PICTURE_WIDTH, 24 + _LINE * len(lines), self.title)
        for row, line in enumerate(lines):
            weight = "bold" if row == 0 else "normal"
            place = 1 - (12 + _LINE * (row + 0.5)) / (24 + _LINE * len(lines))
            figure.text(0.015, place, line, fontsize=style.TEXT_SIZE, va="center", weight=weight, color=style.INK)
        settle(figure)
        return small_png(figure)


def _widget(field: Blank) -> Any:
    wide = {"description_width": "initial"}
    if field.kind == "choice":
        options = [_CHOOSE, *field.options]
        return w.Dropdown(
            options=options, description=field.label, style=wide, layout=w.Layout(width="min(46rem, 98%)")
        )
    if field.kind == "text":
        rows = max(6, field.start.count("\n") + 8)
        box = w.Layout(width="min(46rem, 98%)")
        return w.Textarea(value=field.start, description=field.label, rows=rows, style=wide, layout=box)
    return w.Text(
        description=field.label, placeholder="your answer", style=wide, layout=w.Layout(width="min(30rem, 98%)")
    )
