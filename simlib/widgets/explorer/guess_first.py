"""A panel that stores the user's own probability before it shows the forecast."""

from __future__ import annotations

import datetime as dt
import html
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.calibration.guesses import Guess, keep_guess, read_guesses, score_guesses
from simlib.engines.ensemble import forecast
from simlib.errors import SimlibError
from simlib.formatting import long_date, percent
from simlib.plots.figure import PICTURE_WIDTH, picture_bundle, text_picture
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.pages import LABEL_STYLE, LINE_LAYOUT, button, guarded, html_table, mark, words

GUESS_COLUMNS = ("question", "by", "happened", "your guess", "the forecast", "your Brier score", "the forecast's")

LATER_GUESS_NOTE = " (a later guess, not counted)"
"""What follows the label of a question that the user had guessed at before."""


class GuessFirst(w.VBox):
    """A panel that asks for your probability before it shows the forecast.

    After your guess, the panel also shows the scores of your earlier guesses, and the explorer.

    Args:
        scenario: The name of a shipped scenario, a path, or a Scenario.
        question: The question to begin with. Default: the headline if it is a question, else the first question.

    Raises:
        ScenarioError: If the scenario is unknown.
        SimlibError: If the scenario has no questions.
    """

    def __init__(self, scenario: str | Path | Scenario = "two-islands", *, question: str = "") -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        if not self.scenario.questions:
            raise SimlibError("this scenario asks no question, so there is nothing to guess")
        self.by = self.scenario.by_date(self.scenario.horizon_days)
        options = [(one.label, one.id) for one in self.scenario.questions.values()]
        first = question or self.scenario.headline.removeprefix("question:")
        first = first if first in self.scenario.questions else options[0][1]
        wide: dict[str, Any] = {"style": LABEL_STYLE}
        self.question = w.Dropdown(
            description="Question", options=options, value=first, layout=w.Layout(width="max-content"), **wide
        )
        self.percent = w.FloatText(  # bounds would silently change a number
            description="Your probability (%)", value=50, step=1, layout=w.Layout(width="34ch"), **wide
        )
        self.note = w.HTML()
        self.percent.observe(lambda _: self._fits(), "value")
        until = f"By {long_date(self.by)}, as of {long_date(self.scenario.as_of)}: how likely is this event?"
        self.message, self.earlier, self.after = w.HTML(words(until)), w.HTML(), w.VBox([])
        guard = partial(guarded, self.message)
        self.keep = button("Keep my guess, then show the forecast", "A kept guess cannot be changed", self.show, guard)
        self.keep.button_style = "primary"
        row = w.HBox([self.question, w.VBox([self.percent, self.note]), self.keep], layout=LINE_LAYOUT)
        super().__init__([row, self.message, self.earlier, self.after])
        self.add_class("simlib-words")

    def _fits(self) -> bool:
        """Return whether the typed number is a probability, and show an error if it is not."""
        given = self.percent.value
        fits = 0 <= given <= 100
        mark(not fits, "simlib-wrong", self.percent)
        refusal = f"{given:g}% is no probability, so nothing is kept; expected 0% to 100%"
        self.note.value = "" if fits else words(refusal, "simlib-words simlib-error")
        return fits

    def show(self) -> None:
        """Store the guess, then show the forecast, the scores of all guesses, and the explorer."""
        if not self._fits():
            return
        name, given = self.question.value, self.percent.value / 100
        one = self.scenario.questions[name]
        stated = float(forecast(self.scenario, times=1).questions[name].probability[-1])
        guess = Guess(
            name,
            one.label,
            self.scenario.id,
            self.scenario.sha256,
            self.scenario.path,
            self.scenario.as_of,
            self.by,
            given,
            stated,
            dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        )
        file = keep_guess(guess)
        gap = 100 * (given - stated)
        apart = f"{abs(gap):.0f} points {'above' if gap > 0 else 'below'} it" if abs(gap) >= 0.5 else "the same"
        self.message.value = words(
            f"{one.label} by {long_date(self.by)}: the forecast at the stated values is {percent(stated)}. "
            f"You said {percent(given)}, {apart}. Your guess is kept in {file}."
        )
        self._show_scores()
        if not self.after.children:
            from simlib.widgets.explorer.view import Explorer

            self.after.children = [Explorer(self.scenario, lead=f"question:{name}")]

    def _show_scores(self) -> None:
        scores = score_guesses(read_guesses())
        rows = [
            (
                row.guess.label + ("" if counts else LATER_GUESS_NOTE),
                long_date(row.guess.by),
                "not known" if row.happened is None else "yes" if row.happened else "no",
                percent(row.guess.probability),
                percent(row.guess.forecast),
                *(f"{value:.3f}" if counts and value is not None else "" for value in (row.brier, row.forecast_brier)),
            )
            for row, counts in zip(scores.rows, scores.counts, strict=True)
        ]
        text = " ".join(scores.sentences())
        self.earlier.value = f'<div class="simlib-words">{html.escape(text)}</div>' + html_table(GUESS_COLUMNS, rows, 4)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the live panel and, for readers without a kernel, a picture of the question."""
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        label = self.scenario.questions[self.question.value].label
        sentence = f"How likely is “{label}” by {long_date(self.by)}?"
        picture = text_picture(
            PICTURE_WIDTH, ["This is a picture. Run this cell to guess, then see the forecast.", sentence]
        )
        bundle |= picture_bundle(picture, sentence)[0]
        bundle["text/plain"] = sentence
        return bundle
