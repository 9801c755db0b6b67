"""Interventions as indices, and the stretches of time between changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """An intervention, as indices: set `variable` to `level`, or fire `move` with `outcome`.

    An outcome of -1 is left to chance.
    """

    variable: int = -1
    level: int = -1
    move: int = -1
    outcome: int = -1
    number: int = 0
    """Position in `Scenario.interventions`: names the stream of a forced firing and its line in the report."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time [start, end) in days within which no calendar window opens or closes.

    `actions` happen at `start`, in order, before anything else. `closed` marks windows that are not open. `standing`
    lists the interventions in force by their number in the scenario: prohibitions, policies, and values assumed for a
    while. `held` are the variables that no move changes.
    """

    start: float
    end: float
    actions: tuple[Action, ...]
    closed: tuple[int, ...]
    standing: tuple[int, ...]
    held: tuple[int, ...] = ()

    @property
    def rating(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The key of the hazards: segments with the same key have the same rates."""
        return self.closed, self.standing
