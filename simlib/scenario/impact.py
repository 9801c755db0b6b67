"""Impacts: consequences that accumulate until an ending is reached, such as deaths or costs.

An impact is a sum of amounts. The literature calls such a sum an accumulated reward (de Souza e Silva, Gail and Campos
1995, and the reward structures of PRISM and Storm).

- An impulse reward is an amount added each time a move happens.
- A rate reward is an amount added for each day on which a condition holds.
- A terminal reward is an amount added once, when an ending is reached.

Nothing is added after an ending.

References: de Souza e Silva, E., Gail, H. R. and Campos, R. V. (1995) Calculating transient distributions of cumulative
reward, SIGMETRICS. Telek, M., Horváth, A. and Horváth, G. (2004) Analysis of inhomogeneous Markov reward models, Linear
Algebra and its Applications 386.
"""

from __future__ import annotations

from dataclasses import dataclass

from simlib.scenario.condition import ALWAYS, Condition


@dataclass(frozen=True, slots=True)
class ImpulseReward:
    """An amount that is added to an impact each time a move happens.

    With `outcome`, only events with that outcome count. `each` is the id of the assumption that gives the mean amount.
    The assumption's `spread` is the standard deviation of the amount from event to event.
    """

    move: str
    each: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class RateReward:
    """An amount added to an impact per day, while a condition holds and no ending is reached.

    `amount` is the id of the assumption that gives the amount.
    """

    amount: str
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class TerminalReward:
    """An amount that is added to an impact once, when an ending is reached.

    `amount` is the id of the assumption that gives the mean amount. The assumption's `spread` is the standard deviation
    of the amount.
    """

    ending: str
    amount: str


@dataclass(frozen=True, slots=True)
class Impact:
    """One consequence that accumulates, such as deaths: the sum of all amounts below, in `unit`.

    - `on`: amounts added each time a move happens.
    - `per_day`: amounts added per day.
    - `at_endings`: amounts added when an ending is reached.
    """

    id: str
    label: str
    unit: str
    on: tuple[ImpulseReward, ...] = ()
    per_day: tuple[RateReward, ...] = ()
    at_endings: tuple[TerminalReward, ...] = ()

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The ids of the assumptions used by `on`, `per_day` and `at_endings`, each once."""
        each, daily = (item.each for item in self.on), (item.amount for item in self.per_day)
        return tuple(dict.fromkeys([*each, *daily, *(item.amount for item in self.at_endings)]))
