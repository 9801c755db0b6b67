"""Conditions on the state, and windows on the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

Clause = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on the state, which holds if at least one of its `clauses` holds.

    A clause is `((variable_id, (level, ...)), ...)`. It holds if every variable is at one of its levels. `ALWAYS` has
    one empty clause. A condition without clauses never holds.
    """

    clauses: tuple[Clause, ...] = ((),)

    def __str__(self) -> str:
        clauses = (", ".join(f"{name}={'|'.join(runs(levels))}" for name, levels in clause) for clause in self.clauses)
        return "always" if self.always else " or ".join(clauses) or "never"

    def holds(self, state: Mapping[str, str]) -> bool:
        """Say whether the condition holds in a state {variable_id: level}."""
        return any(all(state[variable] in levels for variable, levels in clause) for clause in self.clauses)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables in the condition, each once, in order of appearance."""
        return tuple(dict.fromkeys(variable for clause in self.clauses for variable, _ in clause))

    @property
    def always(self) -> bool:
        """True if one of the clauses is empty, so that the condition holds in every state."""
        return () in self.clauses


ALWAYS = Condition()


def runs(levels: tuple[str, ...]) -> list[str]:
    """Return levels unchanged, but each run of consecutive numbers as one text such as "5 to 9"."""
    if not all(level.isdecimal() for level in levels):
        return list(levels)
    numbers = [int(level) for level in levels]
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return [f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Window:
    """The first and the last day on which something applies, both included."""

    first: dt.date
    last: dt.date
