"""Lint rules about shifts: effects that move a variable by a number of levels.

A shift may go further than its author meant, or beyond the last level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simlib.analysis.lint.subject import Finding, Subject, warning
from simlib.scenario.model import Effect


@dataclass(frozen=True, slots=True)
class _Step:
    """An effect of a move, and the changes of level (before, after) that it can cause."""

    move: str
    outcome: str
    effect: Effect
    levels: frozenset[tuple[int, int]]

    @property
    def leads_to(self) -> int | None:
        reached = {after for _, after in self.levels}
        return reached.pop() if len(reached) == 1 else None


def no_shift_is_larger_than_its_variable(subject: Subject) -> Iterator[Finding]:
    """Report each shift that always stops at the first or the last level."""
    for move in subject.scenario:
        for outcome in move.outcomes:
            for effect in outcome.effects:
                levels = subject.scenario.variables[effect.variable].levels
                if effect.shift is not None and abs(effect.shift) >= len(levels):
                    end = levels[-1] if effect.shift > 0 else levels[0]
                    yield warning(
                        f"moves.{move.id}.outcomes.{outcome.id}.then.{effect.variable}",
                        f"{effect.variable!r} has {len(levels)} levels: shift {effect.shift:+d} always ends at {end!r}",
                        f"expected at most {len(levels) - 1}, or the level {end!r} by name",
                    )


def no_shift_goes_where_another_move_leads(subject: Subject) -> Iterator[Finding]:
    """Report each upward shift to a level to which another move always leads.

    A shift of +1 acts at every level at which its move can happen. If another move always leads to a certain level, a
    shift that also reaches this level was probably not meant to act at the level from which the shift gets there. A
    shift that can lead to only one level is not reported.
    """
    steps = list(_steps(subject))
    for step in steps:
        if step.leads_to is not None or (step.effect.shift or 0) <= 0:
            continue
        variable = subject.scenario.variables[step.effect.variable]
        for before, after in sorted(step.levels):
            others = {s.move for s in steps if s.effect.variable == variable.id and s.leads_to == after} - {step.move}
            if after > before and others:
                ways = " and ".join(repr(name) for name in sorted(others))
                high, low = variable.levels[after], variable.levels[before]
                yield warning(
                    f"moves.{step.move}.outcomes.{step.outcome}.then.{variable.id}",
                    f"shift {step.effect.shift:+d} of {step.move!r} goes from {low!r} to {high!r}, the level to which "
                    f"{ways} always lead{'s' * (len(others) == 1)}",
                    f"expected a condition (set: ..., when: ...) that leaves out {low!r}, or a level by name",
                )


def _steps(subject: Subject) -> Iterator[_Step]:
    """Yield each effect that changes a level in some reachable state before any ending."""
    tables, states = subject.tables, subject.going
    for index, move in enumerate(subject.scenario):
        possible = states[tables.possible[tables.local_index(index, states)]]
        for outcome in move.outcomes:
            for effect in outcome.effects:
                variable = subject.scenario.variables[effect.variable]
                before = np.unique(possible[tables.holds(effect.when, possible), tables.variable(variable.id)])
                if effect.level is not None:
                    after = np.full_like(before, variable.levels.index(effect.level))
                else:
                    after = np.clip(before + (effect.shift or 0), 0, len(variable.levels) - 1)
                levels = frozenset((int(a), int(b)) for a, b in zip(before, after, strict=True) if a != b)
                if levels:
                    yield _Step(move.id, outcome.id, effect, levels)
