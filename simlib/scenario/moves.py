"""Moves: how often they happen, with which outcomes, and what they change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from simlib.scenario.condition import ALWAYS, Condition, Window
from simlib.scenario.resolved_form import SPARSE

NATURE = "nature"
"""The actor that always exists, for events that nobody decides."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A multiplier of a move's rate or of an outcome's odds, applied while a condition holds.

    A factor with a window applies only while the window is open. If `per` names a counter, the factor is the number of
    that counter, and `by` is "".
    """

    by: str
    when: Condition = ALWAYS
    between: Window | None = None
    per: str = field(default="", metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Effect:
    """Sets a variable to a level, or shifts it by a number of levels.

    Exactly one of `level` and `shift` is given. A shift stops at the lowest or the highest level. With `when`, the
    effect happens only if that condition holds just before the outcome. Two effects of one outcome never change the
    same variable in the same state.
    """

    variable: str
    level: str | None = None
    shift: int | None = None
    when: Condition = field(default=ALWAYS, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One branch of a move.

    `chance` is an assumption id, or None for the branch that takes the rest. Each of the `factors` that apply
    multiplies the odds of the outcome against the others. Then the chances of the outcomes are scaled to sum to 1.
    """

    id: str
    label: str
    chance: str | None
    effects: tuple[Effect, ...] = ()
    factors: tuple[Factor, ...] = field(default=(), metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class Wait:
    """The waiting time of a move that takes a while, and how much it varies by chance.

    `low` and `high` are the 5th and 95th percentiles of one wait, in days, as stated in the file. An
    Erlang distribution with `stages` exponential stages in a row comes closest to them. If the median is a named
    assumption, which has its own reason, `because` and `sources` explain the percentiles. Otherwise they are empty.
    """

    stages: int
    low: float
    high: float
    because: str = ""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Something that an actor does, or that happens by itself (actor `nature`).

    The move is possible while `when` holds and its window `between`, if it has one, is open. If its rate is
    proportional to a counter, that counter must be above 0. The hazard per day is `rate` times the factors that apply.
    If `covert` is true, nobody observes the move. With `takes`, `rate` is the id of the median time, in days, from the
    moment at which the move becomes possible until it happens. With `at`, the move happens at 00:00 of that day if
    `when` holds, and `rate` is "".
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
        """Whether this is a move of nature that nobody observes."""
        return self.covert and self.actor == NATURE

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions that the rate, the factors and the chances name, each once, in that order."""
        chances = (outcome.chance for outcome in self.outcomes if outcome.chance is not None)
        of_outcomes = (factor.by for outcome in self.outcomes for factor in outcome.factors)
        numbers = [self.rate, *(factor.by for factor in self.factors), *chances, *of_outcomes]
        return tuple(dict.fromkeys(filter(None, numbers)))

    @property
    def per(self) -> tuple[str, ...]:
        """The counters to which the rate of the move is proportional."""
        return tuple(factor.per for factor in self.factors if factor.per)

    def placed_factors(self) -> Iterator[tuple[tuple[str | int, ...], Factor]]:
        """Yield every factor with its place in the move, those on the rate before those on outcomes."""
        for index, factor in enumerate(self.factors):
            yield ("times", index), factor
        for outcome in self.outcomes:
            for index, factor in enumerate(outcome.factors):
                yield ("outcomes", outcome.id, "times", index), factor

    def placed_windows(self) -> Iterator[tuple[tuple[str | int, ...], Window]]:
        """Yield every calendar window, of the move and of its factors, with its place in the move."""
        if self.between:
            yield ("between",), self.between
        for place, factor in self.placed_factors():
            if factor.between:
                yield (*place, "between"), factor.between

    def without_windows(self) -> Move:
        """Return the move without calendar windows, so that it and all its factors apply at any time."""
        factors, *of_outcomes = (
            tuple(replace(factor, between=None) for factor in some)
            for some in (self.factors, *(outcome.factors for outcome in self.outcomes))
        )
        pairs = zip(self.outcomes, of_outcomes, strict=True)
        outcomes = tuple(replace(outcome, factors=some) for outcome, some in pairs)
        return replace(self, between=None, factors=factors, outcomes=outcomes)

    def outcome(self, outcome_id: str) -> Outcome:
        """Return the outcome with this id.

        Raises KeyError if there is none.
        """
        for outcome in self.outcomes:
            if outcome.id == outcome_id:
                return outcome
        raise KeyError(outcome_id)
