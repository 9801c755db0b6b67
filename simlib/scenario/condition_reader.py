"""Read level sets and conditions of a file into `Condition`.

A level set is a level, a list of levels, `X or above`, `X or below`, or `not X`. A condition is a mapping
{variable: level set} of which all must hold, or a list of such mappings of which any may hold.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from simlib.errors import did_you_mean, nearest
from simlib.scenario.document import Document, Place
from simlib.scenario.model import ALWAYS, Clause, Condition, Variable


class Reader:
    """Reads conditions of one document against its variables, and notes errors.

    `known` holds every variable the file names, also those too broken to be in `variables`: references to them are
    accepted, because the variable itself is already reported.
    """

    def __init__(self, document: Document, variables: Mapping[str, Variable], known: Container[str]) -> None:
        self.document, self.variables, self.known = document, variables, known

    def condition(self, written: Any, place: Place) -> Condition:
        """Return the condition written at a place.

        An empty value is no condition, which always holds.
        """
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
        """Return the levels in the variable's own order.

        It is () where that is not known (and noted).
        """
        variable = self.variable(name, place)
        if variable is None:
            return ()
        if isinstance(written, str):
            levels = self._phrase(variable, written, place)
        else:
            if not written:
                self.document.note(place, "an empty list of levels can never hold", "expected at least one level")
            levels = self._list(variable, written, place)
        return tuple(level for level in variable.levels if level in levels)

    def variable(self, name: str, place: Place) -> Variable | None:
        """Return a variable by name.

        It is None where there is no such variable. This is noted, unless the variable itself is broken.
        """
        if name not in self.variables and name not in self.known:
            known = self.known if isinstance(self.known, Mapping) else self.variables
            self.document.note(place, f"unknown variable {name!r}", did_you_mean(name, known))
        return self.variables.get(name)

    def _list(self, variable: Variable, written: list[str], place: Place) -> tuple[str, ...]:
        levels: list[str] = []
        for index, name in enumerate(written):
            if name in levels:
                self.document.note((*place, index), f"the level {name!r} is listed twice", "keep one")
            if self.level(variable, name, (*place, index)):
                levels.append(name)
        return tuple(levels)

    def level(self, variable: Variable, name: str, place: Place) -> bool:
        """Say whether a name is a level of a variable, and note it if not."""
        if name in variable.levels:
            return True
        self.document.note(place, f"{variable.id!r} has no level {name!r}", did_you_mean(name, variable.levels))
        return False

    def _phrase(self, variable: Variable, written: str, place: Place) -> tuple[str, ...]:
        phrases = phrases_of(variable)
        if written in phrases:
            return phrases[written]
        close = nearest(written, phrases)
        expected = f"did you mean {close!r}?" if close else did_you_mean(written, variable.levels)
        self.document.note(place, f"{variable.id!r} has no level {written!r}", expected)
        return ()


def phrases_of(variable: Variable) -> dict[str, tuple[str, ...]]:
    """Return every phrase for levels of a variable, with the levels that it means."""
    levels = variable.levels
    phrases: dict[str, tuple[str, ...]] = {level: (level,) for level in levels}
    for index, level in enumerate(levels):
        phrases[f"{level} or above"] = levels[index:]
        phrases[f"{level} or below"] = levels[: index + 1]
        phrases[f"not {level}"] = (*levels[:index], *levels[index + 1 :])
    return phrases
