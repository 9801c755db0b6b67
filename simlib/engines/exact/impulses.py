"""Forced moves, and variables set by an intervention, as linear maps of distributions."""

from __future__ import annotations

import numpy as np

from simlib.engines.exact.states import EMPTY_TABOO, StateSpace, Taboo
from simlib.machine.interventions import Action, Segment
from simlib.machine.sums import sums_by
from simlib.machine.tables import Tables
from simlib.typing import Floats, Ints


class Jump:
    """One intervention, or one move with a fixed date, as a linear map of distributions (N,).

    An intervention that sets a variable is called a pin. Variables that another intervention holds do not change.

    Args:
        tables: The compiled scenario.
        space: The N states.
        action: The intervention or the move with a fixed date.
        chances: The chances of all branches (outcomes under given conditions), in the order of the tables.
        segment: The segment of time that begins with the action.

    Attributes:
        able (K,): The states in which the intervention acts.
        branches: One triple for each outcome: its index (-1 for a pin), its chance, and the state (K,) that follows
            each of the K states. The chance is one number, or one number for each of the K states.
    """

    def __init__(self, tables: Tables, space: StateSpace, action: Action, chances: Floats, segment: Segment) -> None:
        self.tables, self.space, self.action = tables, space, action
        alive = ~space.ended
        self.branches: list[tuple[int, float | Floats, Ints]] = []
        if action.move < 0:
            self.able = np.flatnonzero(alive)
            levels = space.levels[self.able].copy()
            levels[:, action.variable] = action.level
            self.branches.append((-1, 1.0, space.find(tables.settled(levels.astype(np.int64)))))
            return
        held = segment.held
        guard = (tables.unruled(segment) if action.number < 0 else tables.possible)[
            tables.local_index(action.move, space.levels)
        ]
        self.able = np.flatnonzero(alive & guard)
        first, last = (int(x) for x in tables.outcome_start[action.move : action.move + 2])
        chosen = range(first, last) if action.outcome < 0 else [action.outcome]
        for outcome in chosen:
            chance = self._chance(outcome, chances) if action.outcome < 0 else 1.0
            after = tables.after(outcome, space.levels[self.able], held)
            # While a variable is held, states with another level have no probability, so their targets do not matter.
            target = space.find(after, otherwise=self.able if held else None)
            self.branches.append((outcome, chance, target))

    def _chance(self, outcome: int, chances: Floats) -> float | Floats:
        branch = self.tables.branch(outcome, self.space.levels[self.able])
        return float(chances[branch[0]]) if len(np.unique(branch)) == 1 else chances[branch]

    def apply(self, vector: Floats, taboo: Taboo = EMPTY_TABOO) -> Floats:
        """Return the distribution (N,) after the intervention, without outcomes that are in `taboo`."""
        result = vector.copy()
        result[self.able] = 0.0
        for outcome, chance, target in self.branches:
            if not taboo.stops(self.action.move, outcome):
                result += sums_by(target, chance * vector[self.able], len(vector))
        return result

    def stopped(self, vector: Floats, taboo: Taboo) -> float:
        """Return the probability that the intervention stops a history, given `vector` (N,) before."""
        shares = [chance for outcome, chance, _ in self.branches if taboo.stops(self.action.move, outcome)]
        share, before = sum(shares), vector[self.able]
        return float(share @ before) if isinstance(share, np.ndarray) else share * float(before.sum())

    def pull(self, value: Floats, taboo: Taboo = EMPTY_TABOO) -> Floats:
        """Return the value of states (N,) before the intervention, given their value (N,) after it.

        A history that an outcome stops (`taboo`) has the value 1.
        """
        result, move = value.copy(), self.action.move
        result[self.able] = sum(
            chance * (1.0 if taboo.stops(move, outcome) else value[target]) for outcome, chance, target in self.branches
        )
        return result

    def unmoved(self, vector: Floats) -> float:
        """Return the probability that no ending is reached and the new level is already there.

        `vector` (N,) is the distribution over the states before the intervention, which must be a pin (set a variable).
        """
        return float(vector[self.able][self.branches[0][2] == self.able].sum())
