"""Moves: how often they happen, with which outcomes, and what the outcomes change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from simlib.errors import did_you_mean
from simlib.scenario.condition import ALWAYS, Condition, Window
from simlib.scenario.resolved_form import SPARSE

NATURE = "nature"
"""The actor that always exists, for events that nobody decides."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that multiplies a move's rate or an outcome's odds while a condition holds.

    - `by`: the id of the assumption that gives the number ("" with `per`).
    - `when`: the condition on the state.
    - `between`: the days on which the factor applies (None: all days).
    - `per`: the id of a counter (a variable with numbers as levels). The present number of the counter is the factor
      ("": `by` gives the factor).
    """

    by: str
    when: Condition = ALWAYS
    between: Window | None = None
    per: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Effect:
    """Sets a variable to a level, or moves it up or down by some levels.

    - `level`: the new level (None with `shift`).
    - `shift`: the number of levels, negative for down (None with `level`). The lowest and the highest level are never
      passed.
    - `when`: the effect happens only if this condition holds just before the outcome.

    Two effects of one outcome never change the same variable in the same state.
    """

    variable: str
    level: str | None = None
    shift: int | None = None
    when: Condition = field(default=ALWAYS, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of the possible outcomes of a move.

    - `chance`: the id of the assumption that gives the probability (None: one minus the probabilities of the other
      outcomes).
    - `effects`: what the outcome changes.
    - `factors`: multipliers of the odds of the outcome against the others. With factors, the probabilities of all
      outcomes are scaled to sum to 1.
    """

    id: str
    label: str
    chance: str | None
    effects: tuple[Effect, ...] = ()
    factors: tuple[Factor, ...] = field(default=(), metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a move takes once it is possible, and how much this time varies by chance.

    - `stages`: the number of exponential stages in a row (an Erlang distribution) with which a wait comes closest to
      `low` and `high`.
    - `low`, `high`: the 5th and 95th percentiles of one wait, in days, as the file states them.
    - `because`, `sources`: the reason for the percentiles. If the median is not a named assumption, both are empty: the
      reason of the median then covers all three numbers.
    """

    stages: int
    low: float
    high: float
    because: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Something that an actor does, or that happens by itself (actor `nature`).

    The move is possible while all of these hold:

    - its condition `when` holds.
    - the day lies in the period `between` of the move, if the move has one.
    - the counters to which its rate is proportional are above 0.

    A move happens in one of three ways:

    - By default, its hazard per day is `rate` (the id of an assumption) times the factors that apply.
    - With `takes`, it happens some time after it became possible. `rate` is the id of the assumption that gives the
      median of this time, in days.
    - With `at` (a date), it happens at 00:00 of that date if `when` holds. `rate` is then "".

    If `covert` is true, nobody observes the move.
    """

    id: str
    actor: str
    label: str
    rate: str
    target: str | None = None
    when: Condition = ALWAYS
    between: Window | None = None
    factors: tuple[Factor, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    covert: bool = False
    sources: tuple[str, ...] = ()
    short: str = field(default="", metadata=SPARSE)
    takes: Wait | None = field(default=None, metadata=SPARSE)
    at: dt.date | None = field(default=None, metadata=SPARSE)

    @property
    def unseen(self) -> bool:
        """Whether this is a move of `nature` that nobody observes."""
        return self.covert and self.actor == NATURE

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The ids of the assumptions that the move uses, each once.

        The order is: the rate, the factors on the rate, the chances of outcomes, the factors on outcomes.
        """
        chances = (outcome.chance for outcome in self.outcomes if outcome.chance is not None)
        of_outcomes = (factor.by for outcome in self.outcomes for factor in outcome.factors)
        numbers = [self.rate, *(factor.by for factor in self.factors), *chances, *of_outcomes]
        return tuple(dict.fromkeys(filter(None, numbers)))

    @property
    def per(self) -> tuple[str, ...]:
        """The ids of the counters to which the rate of the move is proportional."""
        return tuple(factor.per for factor in self.factors if factor.per)

    def placed_factors(self) -> Iterator[tuple[tuple[str | int, ...], Factor]]:
        """Yield (keys within the move, factor), first for the rate, then for the outcomes."""
        for index, factor in enumerate(self.factors):
            yield ("times", index), factor
        for outcome in self.outcomes:
            for index, factor in enumerate(outcome.factors):
                yield ("outcomes", outcome.id, "times", index), factor

    def placed_windows(self) -> Iterator[tuple[tuple[str | int, ...], Window]]:
        """Yield (keys within the move, period) for each calendar period in the move and its factors."""
        if self.between:
            yield ("between",), self.between
        for place, factor in self.placed_factors():
            if factor.between:
                yield (*place, "between"), factor.between

    def without_windows(self) -> Move:
        """Return the move without calendar limits, so that it and its factors apply on any day."""
        factors, *of_outcomes = (
            tuple(replace(factor, between=None) for factor in some)
            for some in (self.factors, *(outcome.factors for outcome in self.outcomes))
        )
        pairs = zip(self.outcomes, of_outcomes, strict=True)
        outcomes = tuple(replace(outcome, factors=some) for outcome, some in pairs)
        return replace(self, between=None, factors=factors, outcomes=outcomes)

    def outcome(self, outcome_id: str) -> Outcome:
        """Return the outcome with this id. Raises KeyError if there is none."""
        for outcome in self.outcomes:
            if outcome.id == outcome_id:
                return outcome
        raise KeyError(outcome_id)


def move_and_outcome(name: str) -> tuple[str, str]:
    """Split "MOVE" or "MOVE:OUTCOME" into the ids of move and outcome ("" for any outcome)."""
    move, _, outcome = name.partition(":")
    return move, outcome


def unknown_outcome(move: str, outcome: str, known: Iterable[str]) -> tuple[str, str]:
    """Return the problem and the expectation for an outcome that a move does not have."""
    return f"{move!r} has no outcome {outcome!r}", did_you_mean(outcome, known)
