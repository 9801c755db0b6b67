"""Interventions as linear maps over the states: what a forced move or a pinned variable does to a distribution."""

from __future__ import annotations

import numpy as np

from simlib.engines.exact.states import StateSpace
from simlib.machine.schedule import Action
from simlib.machine.tables import Tables, sums_by
from simlib.typing import Floats, Ints


class Jump:
    """One intervention as a linear map over the states.

    able (N,): where a forced move's guard holds. branches: (outcome index, chance, target of each able state). No
    forced move changes the variables in `held`.
    """

    def __init__(
        self, tables: Tables, space: StateSpace, action: Action, chances: Floats, held: tuple[int, ...] = ()
    ) -> None:
        self.tables, self.space, self.action = tables, space, action
        alive = ~space.ended
        self.branches: list[tuple[int, float, Ints]] = []
        if action.move < 0:
            self.able = np.flatnonzero(alive)
            levels = space.levels[self.able].copy()
            levels[:, action.variable] = action.level
            self.branches.append((-1, 1.0, space.find(levels)))
            return
        guard = tables.possible[tables.local_index(action.move, space.levels)]
        self.able = np.flatnonzero(alive & guard)
        first, last = (int(x) for x in tables.outcome_start[action.move : action.move + 2])
        chosen = range(first, last) if action.outcome < 0 else [action.outcome]
        for outcome in chosen:
            chance = float(chances[outcome]) if action.outcome < 0 else 1.0
            after = tables.after(outcome, space.levels[self.able], held)
            # While something is held, states with another level have no probability, and where they lead is open.
            target = space.find(after, otherwise=self.able if held else None)
            self.branches.append((outcome, chance, target))

    def apply(self, vector: Floats, *, only_other_than: str | None = "") -> Floats:
        """Return the distribution after the intervention.

        With `only_other_than` None every firing is taken out; with an outcome id, the firings with that outcome are.
        """
        result = vector.copy()
        result[self.able] = 0.0
        for outcome, chance, target in self.branches:
            if only_other_than != "" and self.answers(outcome, only_other_than):
                continue
            result += sums_by(target, chance * vector[self.able], len(vector))
        return result

    def pull(self, value: Floats) -> Floats:
        """Return what states are worth before the intervention (N,), given what they are worth after it."""
        result = value.copy()
        result[self.able] = sum(chance * value[target] for _, chance, target in self.branches)
        return result

    def share_of(self, outcome: str | None) -> float:
        """Return with what chance a firing has the outcome asked for (None: any)."""
        return sum(chance for branch, chance, _ in self.branches if self.answers(branch, outcome))

    def unmoved(self, vector: Floats) -> float:
        """Return the probability that a pin finds its variable at the level it sets, among histories still going."""
        return float(vector[self.able][self.branches[0][2] == self.able].sum())

    def answers(self, branch: int, outcome: str | None) -> bool:
        """Say whether a branch is the outcome asked for (None: any)."""
        return outcome is None or self.tables.outcome_ids[branch][1] == outcome
