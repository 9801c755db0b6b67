"""Impacts as arrays: how much each outcome, condition and ending adds to each impact.

An impact is a quantity that accumulates over a simulated history, such as casualties. Sizes: I impacts, O outcomes (of
all moves together), A assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simlib.machine.tables import Tables
from simlib.scenario.model import Condition
from simlib.typing import Floats

__all__ = ["Accrual", "Impulse", "Payment", "Rewards"]


class Impulse(NamedTuple):
    """An amount that is added to an impact each time a move happens with one of `outcomes`.

    `impact` and `outcomes` are indices, with outcomes numbered over all moves. `amount` is the index of the assumption
    that gives the mean amount. `stream` names the stream of random numbers from which a random amount is drawn.
    """

    impact: int
    outcomes: tuple[int, ...]
    amount: int
    stream: str


class Accrual(NamedTuple):
    """An amount per day that is added to an impact while the condition `when` holds.

    `impact` is an index, and `amount` is the index of the assumption that gives the amount per day.
    """

    impact: int
    when: Condition
    amount: int


class Payment(NamedTuple):
    """An amount that is added to an impact once, when an ending is reached.

    `impact` and `ending` are indices, and `amount` is the index of the assumption that gives the mean amount. `stream`
    names the stream of random numbers from which a random amount is drawn.
    """

    impact: int
    ending: int
    amount: int
    stream: str


@dataclass(frozen=True)
class Rewards:
    """The impacts: quantities that accumulate over a simulated history, such as casualties.

    Attributes:
        impacts (I,): The ids of the impacts.
        impulses: The amounts that are added when moves happen.
        accruals: The amounts that are added per day while conditions hold.
        payments: The amounts that are added when endings are reached.
        spread (A,): The standard deviation of each amount from event to event, 0 for other assumptions.
        outcomes, endings: The numbers of outcomes and endings.
    """

    impacts: tuple[str, ...]
    impulses: tuple[Impulse, ...]
    accruals: tuple[Accrual, ...]
    payments: tuple[Payment, ...]
    spread: Floats
    outcomes: int
    endings: int

    @classmethod
    def of(cls, tables: Tables) -> Rewards:
        """Return the impacts of a compiled scenario."""
        scenario = tables.scenario
        impulses: list[Impulse] = []
        accruals: list[Accrual] = []
        payments: list[Payment] = []
        for index, impact in enumerate(scenario.impacts.values()):
            for number, item in enumerate(impact.on):
                stream = f"{impact.id}:{number}:{item.move}:{item.outcome or ''}"
                outcomes = _outcomes(tables, item.move, item.outcome)
                impulses.append(Impulse(index, outcomes, tables.assumption(item.each), stream))
            accruals += [Accrual(index, item.when, tables.assumption(item.amount)) for item in impact.per_day]
            for number, each in enumerate(impact.at_endings):
                ending, stream = list(scenario.endings).index(each.ending), f"{impact.id}:{number}:{each.ending}"
                payments.append(Payment(index, ending, tables.assumption(each.amount), stream))
        spread = np.array([assumption.spread for assumption in scenario.assumptions.values()], dtype=float)
        sizes = len(tables.outcome_ids), len(scenario.endings)
        return cls(tuple(scenario.impacts), tuple(impulses), tuple(accruals), tuple(payments), spread, *sizes)

    def by_outcome(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return the mean and mean square (I, O) of what each outcome adds to each impact."""
        rows = [(item.impact, list(item.outcomes), item.amount) for item in self.impulses]
        return self._moments(theta, rows, self.outcomes)

    def by_ending(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return the mean and mean square (I, endings) of what each ending adds to each impact."""
        rows = [(item.impact, [item.ending], item.amount) for item in self.payments]
        return self._moments(theta, rows, self.endings)

    def _moments(self, theta: Floats, rows: list[tuple[int, list[int], int]], columns: int) -> tuple[Floats, Floats]:
        # Several amounts of one outcome or ending are independent, so their means and their variances add.
        mean, variance = np.zeros((2, len(self.impacts), columns))
        for impact, places, amount in rows:
            mean[impact, places] += theta[amount]
            variance[impact, places] += self.spread[amount] ** 2
        return mean, variance + mean**2


def _outcomes(tables: Tables, move: str, outcome: str | None) -> tuple[int, ...]:
    if outcome is not None:
        return (tables.outcome(move, outcome),)
    index = tables.move(move)
    return tuple(range(int(tables.outcome_start[index]), int(tables.outcome_start[index + 1])))
