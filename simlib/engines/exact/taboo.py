"""Taboo sets (Chung 1960): states or firings at which a history is stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.typing import Bools, Floats


@dataclass(frozen=True, eq=False)
class Taboo:
    """States and firings that stop a history; the remaining probability has met none of them.

    `inside` (N,) marks the states (None: no state). `move` is the index of the move whose firing stops a history
    (-1: no move); with `outcome`, an index among all outcomes, only its firings with that outcome do (-1: all).
    """

    inside: Bools | None = None
    move: int = -1
    outcome: int = -1

    def clear(self, vector: Floats) -> Floats:
        """Return the part of a distribution (N,) outside the states that stop it."""
        return vector if self.inside is None else np.where(self.inside, 0.0, vector)

    def stops(self, move: int, outcome: int) -> bool:
        """Say whether a firing of a move with an outcome stops a history."""
        return move == self.move >= 0 and self.outcome in (-1, outcome)


NOTHING = Taboo()
"""Nothing stops a history."""
