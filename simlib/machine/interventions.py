"""Interventions: acts on a day, and standing interventions in force between two dates.

A standing intervention forbids a move, sets the rate of a move (a policy), or gives an assumption another value. An act
on a day forces a move or sets a variable, which may then be held at its level.

The rate tables (see `tables`) hold indices into the *extended* θ. The extended θ is θ, the vector of assumption values,
followed by further numbers in this order:

    1 and 0
    the rates of the policies
    the values that interventions give to assumptions
    the factors that turn a median wait into the rate of a stage of the wait
    the values that a counter (a variable whose levels are whole numbers) can take

Where a standing intervention applies, a table entry points at one of these numbers instead of an assumption.

Sizes: A assumptions, E table entries, F places for factors in a table entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simlib.machine.clocks import clock_id
from simlib.scenario.model import Assume, Condition, Forbid, Move, Policy, Scenario, Wait
from simlib.scenario.waits import percentiles
from simlib.typing import Bools, Floats, Ints

Applies = Callable[[Forbid | Policy | Assume], Bools]


@dataclass(frozen=True, slots=True)
class Action:
    """An event on a given day: `variable` is set to `level`, or `move` happens with `outcome`.

    All four are indices, or -1 if not used. If `move` is given and `outcome` is -1, the outcome is drawn at random.
    """

    variable: int = -1
    level: int = -1
    move: int = -1
    outcome: int = -1
    number: int = 0
    """Position of the intervention in `Scenario.interventions`, or -1 for a move to which the file gives a date."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time in which no intervention and no period of the calendar begins or ends.

    Attributes:
        start, end: Days after `as_of`. The end is not part of the segment.
        actions: What interventions and dated moves do at `start`, in order, before anything else happens.
        closed: The indices of the periods of the calendar (`Tables.windows`) that do not include this stretch.
        standing: The positions in `Scenario.interventions` of the prohibitions, policies (new rates) and assumed values
            in force.
        held: The indices of the variables that interventions hold at a level, so that no move changes them.
    """

    start: float
    end: float
    actions: tuple[Action, ...]
    closed: tuple[int, ...]
    standing: tuple[int, ...]
    held: tuple[int, ...] = ()

    @property
    def rating(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A key for the rates: two segments with the same key have the same rates."""
        return self.closed, self.standing


class Standing:
    """Interventions that last for a time: prohibitions, policies (new rates) and assumed values.

    `items` is {position in `Scenario.interventions`: intervention}. The *extended* θ is the vector of assumption
    values, followed by other numbers that can multiply a rate (see the module docstring). In the extended θ, the
    numbers 0, 1, 2, ... (values of counters) begin at index `numbers_from`.
    """

    def __init__(self, scenario: Scenario) -> None:
        listed = enumerate(scenario.interventions)
        self.items = {number: item for number, item in listed if isinstance(item, Forbid | Policy | Assume)}
        self._assumption = {name: index for index, name in enumerate(scenario.assumptions)}
        policies = [number for number, item in self.items.items() if isinstance(item, Policy)]
        self._policies = {number: place for place, number in enumerate(policies, start=len(self._assumption) + 2)}
        self._assumed = {number: item for number, item in self.items.items() if isinstance(item, Assume)}
        self._targets = np.array([self._assumption[item.assumption] for item in self._assumed.values()], dtype=np.int64)
        kinds = [scenario.assumptions[item.assumption].kind for item in self._assumed.values()]
        proportional = {variable for move in scenario for variable in move.per}
        self._numbers = 1 + max((int(scenario.variables[name].levels[-1]) for name in proportional), default=-1)
        self._chances = np.array([kind == "chance" for kind in kinds], dtype=bool)
        self._waits = np.array([a.kind == "duration" for a in scenario.assumptions.values()], dtype=bool)
        self._stages = sorted({move.takes.stages for move in scenario if move.takes is not None})
        self._first_value = len(self._assumption) + 2 + len(self._policies)
        self._places = {number: place for place, number in enumerate(self._assumed, start=self._first_value)}
        self._first_stage = self._first_value + len(self._assumed)
        self.numbers_from = self._first_stage + len(self._stages)

    def variables(self, move: Move) -> list[str]:
        """Return the ids of the variables in the conditions of interventions that concern a move."""
        return [name for item in self.items.values() if concerns(item, move) for name in item.when.variables]

    def conditions(self, move: Move) -> list[Condition]:
        """Return the conditions of interventions that change a factor on the outcomes of a move."""
        named = {factor.by for outcome in move.outcomes for factor in outcome.factors}
        return [item.when for item in self._assumed.values() if item.assumption in named]

    def assume(self, index: Ints, segment: Segment, applies: Applies) -> None:
        """Let indices point at the values that interventions give to assumptions, in place.

        `index` (F, E) refers to the extended θ (see `extended`). `applies(item)` returns at which table entries (E,)
        the condition of the intervention `item` holds.
        """
        stated = index.copy()
        for number in self._assumed_in(segment):
            item = self._assumed[number]
            place = self._places[number]
            index[(stated == self._assumption[item.assumption]) & applies(item)] = place

    def rewrite(self, index: Ints, segment: Segment, applies: Applies, ticks: Bools) -> None:
        """Let indices into the extended θ point at the numbers in force in a segment, in place.

        First come the values that interventions give to assumptions, then policies, then prohibitions, which override
        the others. Under a policy or a prohibition, the wait for a move that takes some time does not advance.

        Args:
            index: The indices (F, E), by row (0: the base rate, then factors) and by table entry.
            segment: The stretch of time.
            applies: A function that returns at which table entries (E,) an intervention applies.
            ticks: Which table entries (E,) belong to hidden moves that advance a wait by one stage.
        """
        self.assume(index, segment, applies)
        one = len(self._assumption)
        others = set(segment.standing) - self._assumed.keys()
        for number in sorted(others, key=lambda number: (number not in self._policies, number)):
            entries = applies(self.items[number])
            index[0, entries] = self._policies.get(number, one + 1)
            index[0, entries & ticks] = one + 1
            index[1:, entries] = one

    def pace(self, takes: Wait) -> int:
        """Return the index of a factor in the extended θ: a stage's rate is factor / median wait."""
        return self._first_stage + self._stages.index(takes.stages)

    def extended(self, theta: Floats, centre: Floats | None = None) -> Floats:
        """Return the extended θ: `theta` (A,) and then the numbers listed in the module docstring.

        A median wait is replaced by its inverse. If `theta` is a random draw, `centre` (A,) holds the medians that the
        scenario states. A value that an intervention gives to an assumption is then multiplied by theta / centre of the
        assumption. For a chance, its odds are multiplied by the odds ratio instead.
        """
        policies = [item.rate for item in self.items.values() if isinstance(item, Policy)]
        values, paces = self._values(theta, centre), [percentiles(stages)[1] for stages in self._stages]
        if paces:
            theta = np.where(self._waits, 1 / np.where(self._waits, theta, 1.0), theta)
            values = np.where(self._waits[self._targets], 1 / values, values)
        return np.concatenate([theta, (1.0, 0.0), policies, values, paces, np.arange(self._numbers)])

    @property
    def signs(self) -> Floats:
        """The exponent of each assumption (A,) in a hazard: -1 for a median wait, 1 for any other."""
        return np.where(self._waits, -1.0, 1.0)

    def per_median(self, derivative: Floats, theta: Floats) -> Floats:
        """Turn derivatives with respect to the extended θ into those with respect to θ, both (A,).

        `derivative` belongs to the first A numbers of the extended θ, which contain the inverse of each median wait.
        """
        return derivative * np.where(self._waits, -1 / np.where(self._waits, theta, 1.0) ** 2, 1.0)

    def _values(self, theta: Floats, centre: Floats | None) -> Floats:
        """Return the values that interventions give to assumptions.

        With `centre`, each value shifts with its assumption. The value is multiplied by the ratio of `theta` to
        `centre` or, for a chance, its odds by the ratio of their odds.
        """
        values = np.array([item.value for item in self._assumed.values()], dtype=float)
        if centre is None or len(values) == 0:
            return values
        ratio = np.divide(theta, centre, out=np.ones_like(theta), where=centre != 0)[self._targets]
        odds = values * odds_ratio(theta, centre)[self._targets]
        return np.where(self._chances, odds / (odds + 1 - values), values * ratio)

    def slopes(self, theta: Floats) -> list[tuple[int, int, float]]:
        """Return derivatives with respect to θ of values that interventions give to assumptions.

        Such a value shifts with the drawn value of its assumption, as `extended` describes. Each item of the list is
        (index of the assumption, index of the value in the extended θ, derivative of the extended θ at that index).
        """
        at, values = theta[self._targets], self._values(theta, None)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(self._chances, values * (1 - values) / (at * (1 - at)), values / at)
            slope = np.where(self._waits[self._targets], -1 / (values * at), slope)
        slope = np.where(np.isfinite(slope), slope, 0.0)
        places = range(self._first_value, self._first_stage)
        return list(zip(self._targets.tolist(), places, slope.tolist(), strict=True))

    def moving(self, segment: Segment, theta: Floats) -> dict[int, float]:
        """Return {index: derivative} of each assumption that interventions change in a segment.

        The derivatives are those of `slopes`. If several interventions give a value to one assumption, the last of them
        counts.
        """
        slopes = dict(zip(self._assumed, self.slopes(theta), strict=True))
        return {slopes[number][0]: slopes[number][2] for number in self._assumed_in(segment)}

    def in_place(
        self, theta: Floats, segment: Segment | None, centre: Floats | None = None
    ) -> tuple[Floats, Floats | None]:
        """Return `theta` and `centre` (A,), with the values that interventions set in a segment."""
        numbers = [] if segment is None else self._assumed_in(segment)
        if not numbers:
            return theta, centre
        now, middle = theta.copy(), None if centre is None else centre.copy()
        values = dict(zip(self._assumed, self._values(theta, centre), strict=True))
        for number in numbers:
            place = self._assumption[self._assumed[number].assumption]
            now[place] = values[number]
            if middle is not None:
                middle[place] = self._assumed[number].value
        return now, middle

    def _assumed_in(self, segment: Segment) -> list[int]:
        return [number for number in segment.standing if number in self._assumed]


def concerns(item: Forbid | Policy | Assume, move: Move) -> bool:
    """Return whether an intervention can change a move's hazard, wait or chances of outcomes."""
    if isinstance(item, Assume):
        return item.assumption in {move.rate, *(factor.by for _, factor in move.placed_factors())}
    return move.id in (item.move, clock_id(item.move))


def odds_ratio(theta: Floats, centre: Floats) -> Floats:
    """Return the odds in `theta` (A,) divided by the odds in `centre` (A,), followed by a 1.

    Where the two chances are equal, the ratio is 1, even at 0 and 1. So a chance that is fixed at 0 or 1 does not
    change.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = theta * (1 - centre) / (centre * (1 - theta))
    return np.append(np.where(theta == centre, 1.0, ratio), 1.0)
