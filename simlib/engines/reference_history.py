"""One history of the reference engine: its events, its ending and its impacts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["Event", "Run", "WorldState"]

WorldState = dict[str, str]


@dataclass(frozen=True)
class Event:
    """An event of a history: a move with its outcome, or a variable that an intervention set.

    Attributes:
        time: The time, in days after `as_of`.
        move, outcome: The ids of the move and its outcome, None for a variable that was set.
        state: The state after the event.
        intervention: The intervention that caused the event, by position in the scenario's list. None: no intervention.
    """

    time: float
    move: str | None
    outcome: str | None
    state: WorldState
    intervention: int | None = None


@dataclass
class Run:
    """One history, finished or in progress.

    Attributes:
        start: The state at the start.
        state: The present state.
        events: The events in order.
        ending: The id of the ending, None if there is none so far.
        ending_time: The time of the ending, in days after `as_of`, infinity for none.
        without_effect: {position in the scenario's list: whether the intervention had no effect}, for interventions
            that force a move or set a variable.
        work: The remaining work of each move that takes some time and is possible now.
        impacts: The accumulated amount of each impact.
        noted: The day up to which `impacts` includes amounts per day.
    """

    start: WorldState
    state: WorldState
    events: list[Event] = field(default_factory=list)
    ending: str | None = None
    ending_time: float = math.inf
    without_effect: dict[int, bool] = field(default_factory=dict)
    work: dict[str, float] = field(default_factory=dict)
    impacts: dict[str, float] = field(default_factory=dict)
    noted: float = 0.0
