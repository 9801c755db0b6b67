"""Conditions on the state, and periods of the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

Clause = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds in a state if at least one of its `clauses` holds.

    A clause is `((variable_id, (level, ...)), ...)`. A clause holds if every variable in it is at one of the levels
    listed with the variable. `ALWAYS` has one empty clause, which always holds. A condition without clauses never
    holds.
    """

    clauses: tuple[Clause, ...] = ((),)

    def __str__(self) -> str:
        clauses = (", ".join(f"{name}={'|'.join(runs(levels))}" for name, levels in clause) for clause in self.clauses)
        return "always" if self.always else " or ".join(clauses) or "never"

    def holds(self, state: Mapping[str, str]) -> bool:
        """Return whether the condition holds in a state {variable_id: level}."""
        return any(all(state[variable] in levels for variable, levels in clause) for clause in self.clauses)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables in the condition, each once, in order of appearance."""
        return tuple(dict.fromkeys(variable for clause in self.clauses for variable, _ in clause))

    @property
    def always(self) -> bool:
        """Whether the condition holds in every state because one of its clauses is empty."""
        return () in self.clauses


ALWAYS = Condition()


def runs(levels: tuple[str, ...]) -> list[str]:
    """Return levels as texts, in which consecutive numbers are joined: "5 to 9".

    Levels that are not numbers are returned unchanged.
    """
    if not all(level.isdecimal() for level in levels):
        return list(levels)
    numbers = [int(level) for level in levels]
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return [f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Window:
    """A period of the calendar, given by its first and its last day, which both belong to it."""

    first: dt.date
    last: dt.date
