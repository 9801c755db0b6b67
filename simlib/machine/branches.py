"""The branches of all moves: each outcome in each context, with chance, factors and effects.

A *context* of a move is one combination of truth values of the conditions on its outcomes' factors and effects. An
outcome in one context is a *branch*. A branch has one chance and one list of effects. Most moves have no such
conditions, so they have one context, and one branch for each outcome. Each combination of levels that a move reads (an
entry of its local table) belongs to one context, so the engines need not check the conditions on outcomes.

Sizes: M moves, E table entries, C contexts and B branches (of all moves together), K the largest number of factors of
one outcome, V variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from simlib.machine.state_index import StateIndex
from simlib.scenario.model import Condition, Effect, Factor, Move, Window
from simlib.typing import Bools, Ints


class Branches:
    """The branches of all moves, ordered by move, then by context, then by outcome.

    A context is a combination of truth values of the conditions on a move's outcomes. A branch is one outcome in one
    context. The sizes are those of the module docstring. The extended θ is the vector of assumption values, followed by
    other numbers (`Standing.extended`).

    Attributes:
        entry (E,): The first branch in the context of each table entry. The branch of outcome k comes k places later.
        start (C + 1,): The index of the first branch of each context.
        move (C,): The move of each context.
        outcome (B,): The outcome of each branch, numbered over all moves.
        state (B, V): An example of a state in the context of each branch.
        chance (B,): The index of the assumption that is the chance, or -1 if the chance is one minus the sum of the
            others.
        factor (K, B): The factors on the chance, as indices into the extended θ.
        window (K, B): The index of the calendar period in which each factor applies, -1 if it always applies.
        effect_start (B + 1,): The index of the first effect of each branch.
        effect_variable: The variable that each effect changes.
        effect_shifts: Whether each effect shifts the variable (True) or sets it (False).
        effect_amount: The number of levels by which each effect shifts the variable, or the level that it sets.
    """

    def __init__(
        self, states: StateIndex, assumption: Mapping[str, int], window: Callable[[Window | None], int]
    ) -> None:
        """Start with no moves.

        `assumption` has the index of each assumption in θ. `window` returns the index of a period of the calendar.
        """
        self._states, self._assumption, self._window, self._outcomes = states, assumption, window, 0
        self._entries: list[Ints] = []
        self._examples: list[Ints] = []
        self._factors: list[list[Factor]] = []
        self._effects: list[list[Effect]] = []
        self._start, self._move, self._outcome, self._chance = [0], [0][:0], [0][:0], [0][:0]

    def add(self, move: Move, local: Ints, further: Iterable[Condition]) -> None:
        """Add the branches of the next move: each of its outcomes in each of its contexts.

        The rows of `local` (entries, V) are states, one for each combination of levels of the variables that the move
        reads. `further` are conditions of interventions on which the chances of the outcomes also depend.
        """
        context, examples = self._contexts(move, local, further)
        count = len(move.outcomes)
        self._entries.append(self._start[-1] + context * count)
        for state in examples:
            for place, outcome in enumerate(move.outcomes):
                self._examples.append(state)
                self._outcome.append(self._outcomes + place)
                self._chance.append(-1 if outcome.chance is None else self._assumption[outcome.chance])
                self._factors.append([f for f in outcome.factors if self._states.holds(f.when, state[None])[0]])
                self._effects.append([e for e in outcome.effects if self._states.holds(e.when, state[None])[0]])
            self._start.append(self._start[-1] + count)
            self._move.append(len(self._entries) - 1)
        self._outcomes += count

    def _contexts(self, move: Move, local: Ints, further: Iterable[Condition]) -> tuple[Ints, Ints]:
        conditions = [factor.when for outcome in move.outcomes for factor in outcome.factors]
        conditions += [effect.when for outcome in move.outcomes for effect in outcome.effects]
        telling = [when for when in (*conditions, *further) if not when.always]
        if not telling:
            return np.zeros(len(local), dtype=np.int64), local[:1]
        pattern = np.stack([self._states.holds(when, local) for when in telling], axis=1)
        _, example, context = np.unique(pattern, axis=0, return_index=True, return_inverse=True)
        return context.reshape(-1).astype(np.int64), local[example]

    def close(self) -> None:
        """Build the arrays, after the last move has been added."""
        none = np.zeros(0, dtype=np.int64)
        self.entry: Ints = np.concatenate([none, *self._entries])
        self.start, self.move, self.outcome, self.chance = (
            _ints(x) for x in (self._start, self._move, self._outcome, self._chance)
        )
        self.state: Ints = np.stack(self._examples) if self._examples else none.reshape(0, 0)
        self.factor, self.window = self._factor_arrays()
        effects = [effect for some in self._effects for effect in some]
        self.effect_start = _ints(np.cumsum([0, *(len(some) for some in self._effects)]))
        self.effect_variable = _ints([self._states.variable(e.variable) for e in effects])
        self.effect_shifts: Bools = np.array([e.shift is not None for e in effects], dtype=bool)
        self.effect_amount = _ints(
            [e.shift if e.shift is not None else self._states.level(e.variable, e.level or "") for e in effects]
        )

    def _factor_arrays(self) -> tuple[Ints, Ints]:
        width = max((len(some) for some in self._factors), default=0)
        factor = np.full((width, len(self._factors)), len(self._assumption), dtype=np.int64)
        window = np.full_like(factor, -1)
        for branch, some in enumerate(self._factors):
            for row, each in enumerate(some):
                factor[row, branch] = self._assumption[each.by]
                window[row, branch] = self._window(each.between)
        return factor, window


def _ints(numbers: Sequence[int] | Ints) -> Ints:
    return np.asarray(numbers, dtype=np.int64)
