"""Fields (settings) that several questions share, and the layout of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simlib.control import Control
from simlib.machine.measures import headline
from simlib.scenario.model import Scenario
from simlib.widgets.questions.question import Field
from simlib.widgets.questions.shown_answers import Drawing, ShownAnswer, stack_drawings

NONE = "none"
Rows = Iterable[Iterable[str]]


def shown_answer(
    sentences: Iterable[str],
    head: Sequence[str],
    rows: Rows,
    numbers: int,
    *drawings: Drawing,
    more: Mapping[str, Any] | None = None,
) -> ShownAnswer:
    """Return an answer. Its picture has the drawings, one below the other.

    Args:
        sentences: The answer in words.
        head: The headings of the table.
        rows: The lines of the table.
        numbers: The number of columns with numbers, which are the last ones of the table.
        drawings: The parts of the picture.
        more: JSON data for panels that show more, such as sliders or remarks.
    """
    png, size = stack_drawings(*drawings)
    return ShownAnswer(tuple(sentences), tuple(head), tuple(tuple(row) for row in rows), numbers, png, size, more or {})


def keywords(chosen: Mapping[str, Any], control: Control, *names: str) -> dict[str, Any]:
    """Return the chosen values of `names` and the control as keyword arguments for an analysis."""
    return {name: chosen[name] for name in names} | {"control": control}


def measure(scenario: Scenario, label: str = "Probability of") -> Field:
    """Return the field to choose a question or an ending of the scenario. Questions come first."""
    options = [(q.label, f"question:{q.id}") for q in scenario.questions.values()]
    options += [(e.label, f"ending:{e.id}") for e in scenario.endings.values()]
    return Field("measure", label, headline(scenario).name, tuple(options))


def ending(scenario: Scenario, label: str, *, any_too: bool = False) -> Field:
    """Return the field to choose an ending or, with `any_too`, "any", which then comes first."""
    options = [(e.label, e.id) for e in scenario.endings.values()]
    first = NONE if any_too else headline(scenario, ("ending",)).of
    return Field("ending", label, first, (("any", NONE), *options) if any_too else tuple(options))


def ladder(scenario: Scenario) -> Field:
    """Return the field to choose a ladder (scale of levels), at first the main ladder."""
    options = tuple((ladder.label, ladder.id) for ladder in scenario.ladders.values())
    return Field("ladder", "Ladder", scenario.ladder or options[0][1], options)


def number(name: str, label: str, value: int, low: int, high: int, tip: str = "") -> Field:
    """Return the field for a whole number.

    Args:
        name: The name of the argument.
        label: The label of the field.
        value: The value at first.
        low: The least value.
        high: The largest value.
        tip: What appears when the mouse rests on the field.
    """
    return Field(name, label, value, (), low, high, tip)


def draws(value: int, least: int = 64) -> Field:
    """Return the field for the number of draws from the priors, which is at least `least`."""
    tip = "More draws make the answer more precise, and take longer in proportion"
    return number("draws", "Draws from the priors", value, least, 8192, tip)
