"""Read conditions on the state, as files write them, into `Condition`.

A condition is a mapping {variable: level set}, which holds if every variable is at a level in its set. A condition may
also be a list of such mappings, which holds if at least one of them holds. A level set is a level, a list of levels, `X
or above`, `X or below` or `not X`, where X is a level. For a counter (a variable whose levels are whole numbers) a
level set may also be `X to Y`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from simlib.errors import did_you_mean, nearest
from simlib.scenario.document import Document, Place
from simlib.scenario.model import ALWAYS, Clause, Condition, Variable


class Reader:
    """Reads the conditions in a file. Problems are noted in the document.

    - `variables`: the variables that could be read, by id.
    - `known`: the ids of all variables in the file. A condition may name a variable that could not be read, because
      that problem is already reported.
    """

    def __init__(self, document: Document, variables: Mapping[str, Variable], known: Container[str]) -> None:
        self.document, self.variables, self.known = document, variables, known

    def condition(self, written: Any, place: Place) -> Condition:
        """Return the condition written at a place of the file (`ALWAYS` if nothing is written)."""
        if written is None:
            return ALWAYS
        if isinstance(written, dict):
            return Condition((self._clause(written, place),))
        if not written:
            self.document.note(place, "an empty list of conditions can never hold", "expected at least one condition")
            return ALWAYS
        return Condition(tuple(self._clause(clause, (*place, index)) for index, clause in enumerate(written)))

    def _clause(self, written: Mapping[str, Any], place: Place) -> Clause:
        pairs = ((name, self._level_set(name, levels, (*place, name))) for name, levels in written.items())
        return tuple((name, levels) for name, levels in pairs if levels)

    def _level_set(self, name: str, written: str | list[str], place: Place) -> tuple[str, ...]:
        variable = self.variable(name, place)
        if variable is None:
            return ()
        if isinstance(written, str):
            levels = self._phrase(variable, written, place)
        else:
            if not written:
                self.document.note(place, "an empty list of levels can never hold", "expected at least one level")
            levels = self._list(variable, written, place)
        some = set(levels)
        return tuple(level for level in variable.levels if level in some)

    def variable(self, name: str, place: Place) -> Variable | None:
        """Return the variable with this id, or None if it could not be read.

        An id that the file does not have is noted as a problem.
        """
        if name not in self.variables and name not in self.known:
            known = self.known if isinstance(self.known, Mapping) else self.variables
            self.document.note(place, f"unknown variable {name!r}", did_you_mean(name, known))
        return self.variables.get(name)

    def _list(self, variable: Variable, written: list[str], place: Place) -> tuple[str, ...]:
        levels: list[str] = []
        for index, name in enumerate(written):
            some = self._phrase(variable, name, (*place, index)) if variable.counter else (name,)
            if set(some) & set(levels):
                self.document.note((*place, index), f"the level {name!r} is listed twice", "keep one")
            if variable.counter or self.level(variable, name, (*place, index)):
                levels += some
        return tuple(levels)

    def level(self, variable: Variable, name: str, place: Place) -> bool:
        """Return True if a variable has this level. Otherwise, note the problem."""
        if name in variable.levels:
            return True
        self.document.note(place, *no_such_level(variable, name))
        return False

    def _phrase(self, variable: Variable, written: str, place: Place) -> tuple[str, ...]:
        if variable.counter:
            numbers = _numbers(variable, written)
            if not numbers:
                self.document.note(place, *no_such_level(variable, written, sets=True))
            return numbers
        phrases = phrases_of(variable)
        if written in phrases:
            return phrases[written]
        close = nearest(written, phrases)
        expected = f"did you mean {close!r}?" if close else did_you_mean(written, variable.levels)
        self.document.note(place, f"{variable.id!r} has no level {written!r}", expected)
        return ()


def no_such_level(variable: Variable, name: str, *, sets: bool = False) -> tuple[str, str]:
    """Return both halves of a message: that a variable lacks a level, and which levels it has.

    With `sets`, the second half also shows how to write several levels of a counter (a variable whose levels are whole
    numbers).
    """
    if not variable.counter:
        return f"{variable.id!r} has no level {name!r}", did_you_mean(name, variable.levels)
    expected = f"expected a number from {variable.levels[0]} to {variable.levels[-1]}"
    more = ", 'X or above', 'X or below', 'X to Y' or 'not X'" if sets else ""
    return f"the counter {variable.id!r} has no number {name!r}", expected + more


def _numbers(variable: Variable, written: str) -> tuple[str, ...]:
    """Return the numbers of a counter that a text means ("5", "5 or above", "5 to 9", "not 5").

    Return () for any other text, and for a phrase with a number that the counter does not have.
    """
    match = re.fullmatch(
        r"(?P<no>not )?(?P<one>\d+)(?: (?P<word>to (?P<other>\d+)|or above|or below))?", written, re.ASCII
    )
    if match is None or (match["no"] and match["word"]):
        return ()
    levels, word = variable.levels, match["word"] or ""
    named = [match["one"], *([match["other"]] if match["other"] else [])]
    if not set(named) <= set(levels):
        return ()
    first, last = levels.index(named[0]), levels.index(named[-1])
    if match["no"]:
        return (*levels[:first], *levels[first + 1 :])
    first, last = (0 if word == "or below" else first), (len(levels) - 1 if word == "or above" else last)
    return levels[first : last + 1]


def phrases_of(variable: Variable) -> dict[str, tuple[str, ...]]:
    """Return {phrase: levels} for the phrases that name levels, such as "X or above" or "not X"."""
    levels = variable.levels
    phrases: dict[str, tuple[str, ...]] = {level: (level,) for level in levels}
    for index, level in enumerate(levels):
        phrases[f"{level} or above"] = levels[index:]
        phrases[f"{level} or below"] = levels[: index + 1]
        phrases[f"not {level}"] = (*levels[:index], *levels[index + 1 :])
    return phrases
