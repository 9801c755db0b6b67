"""Impacts: consequences that accumulate along a history, such as deaths, costs or people displaced.

An impact is what the field calls an accumulated reward (de Souza e Silva, Gail and Campos 1995, and the reward
structures of PRISM and Storm). An impulse reward is gained each time a move fires. A rate reward is gained for each day
on which a condition holds. A terminal reward is gained once, when an ending is reached. What happens after an ending is
not counted.

References: de Souza e Silva, E., Gail, H. R. and Campos, R. V. (1995) Calculating transient distributions of cumulative
reward, SIGMETRICS. Telek, M., Horváth, A. and Horváth, G. (2004) Analysis of inhomogeneous Markov reward models, Linear
Algebra and its Applications 386.
"""

from __future__ import annotations

from dataclasses import dataclass

from simlib.scenario.condition import ALWAYS, Condition


@dataclass(frozen=True, slots=True)
class ImpulseReward:
    """An amount gained each time a move fires, or each time it fires with one outcome.

    `each` is the id of the assumption that gives the mean amount. The assumption's `spread` is the standard deviation
    from event to event.
    """

    move: str
    each: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class RateReward:
    """An amount gained per day while a condition holds and the story has not ended."""

    amount: str
    when: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class TerminalReward:
    """An amount gained once, when an ending is reached.

    The assumption's `spread` is the standard deviation of the amount.
    """

    ending: str
    amount: str


@dataclass(frozen=True, slots=True)
class Impact:
    """One consequence in its own unit, the sum of its rewards."""

    id: str
    label: str
    unit: str
    on: tuple[ImpulseReward, ...] = ()
    per_day: tuple[RateReward, ...] = ()
    at_endings: tuple[TerminalReward, ...] = ()

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions that the rewards name, each once, in the order of the file."""
        each, daily = (item.each for item in self.on), (item.amount for item in self.per_day)
        return tuple(dict.fromkeys([*each, *daily, *(item.amount for item in self.at_endings)]))
