"""An exercise of a lesson: a question, fields, and a check of the entries."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from simlib.errors import SimlibError

__all__ = ["BadEntry", "Blank", "Exercise", "Grade", "read_number", "read_probability"]

BlankKind = Literal["line", "choice", "text"]


class BadEntry(SimlibError):
    """An entry that cannot be read as an answer."""


@dataclass(frozen=True, slots=True)
class Blank:
    """One field to fill in.

    - `label`: the name of the field.
    - `kind`: "line", "choice" (one of `options`) or "text" (several lines).
    - `options`: the options of a choice.
    - `start`: the text that the field has at first.
    """

    label: str
    kind: BlankKind = "line"
    options: tuple[str, ...] = ()
    start: str = ""


@dataclass(frozen=True, slots=True)
class Grade:
    """Whether an answer is right (None if there is no right answer), and the words to show."""

    right: bool | None
    words: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise of a lesson.

    - `title`, `minutes`: the title, and the time that a learner needs.
    - `asks`: the question.
    - `fields`: the fields to fill in.
    - `judge`: a function that takes one entry for each field and returns the verdict.
    - `answers`: one entry for each field. `judge` accepts these entries.
    - `worked`: the solution in words.
    - `hint`: a hint, or "".
    """

    title: str
    minutes: int
    asks: str
    fields: tuple[Blank, ...]
    judge: Callable[[Sequence[str]], Grade]
    answers: tuple[str, ...]
    worked: str
    hint: str = ""

    def check(self, *entries: str) -> Grade:
        """Judge one entry for each field, and count a missing or unreadable entry as not right."""
        given = [entry.strip() for entry in entries]
        missing = [field.label for field, entry in zip(self.fields, given, strict=True) if not entry]
        if missing:
            return Grade(False, f"Fill in: {', '.join(missing)}.")
        try:
            return self.judge(given)
        except BadEntry as error:
            return Grade(False, str(error))


def read_number(text: str) -> float:
    """Read a number, such as "4.5" or "4,5 days". Raises BadEntry."""
    match = re.fullmatch(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*(?:days?|%)?\s*", text)
    if match is None:
        raise BadEntry(f"“{text}” is no number; write one such as 4.5.")
    return float(match[1].replace(",", "."))


def read_probability(text: str) -> float:
    """Read a probability. "55%", "55" and "0.55" mean the same. Raises BadEntry for other texts."""
    value = read_number(text)
    value = value / 100 if "%" in text or value > 1 else value
    if value > 1:
        raise BadEntry(f"“{text}” is more than 100%.")
    return value
