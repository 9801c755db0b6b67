"""The exact filter: the likelihood of a log, and the states given the log.

`Filter` prepares a log once. `Filter.run` then *weighs* the log at given values of the assumptions: it computes the
log-likelihood and the distribution over the states. `Filter.gradient` also returns the derivative of the log-likelihood
with respect to the normal scores of the assumptions. To weigh the log at other rates, a caller changes the result of
`Filter.rates` and gives it to `Filter.carry`. Nothing is simulated, and the unknown order of events within a day is
integrated out.

The terms (span, open row, count, grid, way, slot) are defined in the module `walk`. A crossing is the boundary between
two spans.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simlib.evidence.backend import load_kernels
from simlib.evidence.exploration import WALK_STATE_CAP, explore
from simlib.evidence.state_graph import StateGraph
from simlib.evidence.timetable import Fact, OpenRow, arrange, closes
from simlib.evidence.walk import ImpossibleRow, NoProbability, Walk
from simlib.machine import priors
from simlib.machine.interventions import Segment
from simlib.machine.shares import by_log_weight
from simlib.machine.sums import ratio_or_zero, sums_by
from simlib.machine.tables import Tables
from simlib.scenario.model import Scenario, StartState
from simlib.scenario.row_meaning import Reading
from simlib.typing import Floats, Ints


def world_of(scenario: Scenario) -> Scenario:
    """Return the scenario as the filter uses it.

    If `evidence` describes a history, its start probabilities replace those of the scenario. The assumptions of
    `evidence` are added. Interventions are left out, because they belong to the forecast.
    """
    history = scenario.evidence.history if scenario.evidence else None
    variables = dict(scenario.variables)
    for name, shares in history.start if history else ():
        variables[name] = dataclasses.replace(variables[name], start=shares)
    return scenario.replace(
        variables=variables,
        assumptions={**scenario.assumptions, **scenario.log_assumptions},
        interventions=(),
        joint_start=() if history else scenario.joint_start,
    )


@dataclass(frozen=True, eq=False)
class WalkRates:
    """The rates of the transitions in a `Walk`, at given values of the assumptions.

    - slots: the rate of each slot (term of a rate): hazard × chance × weight.
    - start: the probability of each start state.
    - rate: the rate of each way (transition).
    - exits: the exit rate of each machine state of each span.
    - weight: the factor of each entry of the maps between the grids of neighbouring spans.
    """

    slots: Floats
    start: Floats
    rate: Floats
    exits: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class Passed:
    """The likelihood of a log and the distributions over its states, at given assumption values.

    There are S spans (stretches of time). T is the number of cells in the grids of all spans and at the end of the log
    together.

    - log_likelihood: the log-likelihood of the rows of the log and of the absence of other rows.
    - masses (S + 1,): for the start of each span and for the end, the likelihood of the log since the start of the
      previous span, given the log up to that start. After a likelihood of 0, all later ones are 0.
    - cells (T,): the distribution at the start of each span and at the end, given the log so far.
    """

    walk: Walk
    log_likelihood: float
    masses: Floats
    cells: Floats

    @property
    def end(self) -> Floats:
        """The probability (K,) of each state of `Filter.end_levels` at the end of the log."""
        return self.cells[self.walk.grid_start[-2] :]

    def days(self) -> Floats:
        """Return the first day of each span, and the day after the last span, shape (S + 1,)."""
        return np.array([span.start for span in self.walk.spans] + [span.end for span in self.walk.spans[-1:]])

    def filtered(self, place: int) -> Floats:
        """Return each machine state's probability (N,) at a span's start, given the log so far.

        `place` is the number of the span (a stretch of time). The number of spans stands for the end of the log.
        """
        walk = self.walk
        states = walk.state[slice(*walk.state_start[place : place + 2])]
        grid = self.cells[slice(*walk.grid_start[place : place + 2])].reshape(len(states), -1)
        return sums_by(states, grid.sum(axis=1), len(walk.levels))


class Filter:
    """The likelihood of one log, and the states given the log, at many assumption values."""

    def __init__(
        self,
        scenario: Scenario,
        readings: Iterable[Reading],
        as_of: dt.date,
        *,
        complete_to: dt.date | None = None,
        also: Sequence[float] = (),
        graph: StateGraph | None = None,
        cap: int = WALK_STATE_CAP,
    ) -> None:
        """Find the states that are possible given the log.

        Args:
            scenario: The scenario, with its `evidence`.
            readings: What the rows of the log mean.
            as_of: The date of the answer. Only events that happened and were public before this date count.
            complete_to: The last day on which the absence of rows counts as evidence. Default: the day before `as_of`.
            also: Further days, counted from the scenario's `as_of`, for which the distribution is kept.
            graph: The `graph` of an earlier filter of the same scenario, whose states are used again to save time.
            cap: Largest number of states that may be possible at a time.

        Raises:
            ImpossibleRow: For the first row after which no state is possible.
            Unsupported: For more than `cap` possible states at a time, for a date before the history, and for a move
                with a fixed date before `as_of`.
            MissingDependency: If Numba cannot be imported.
        """
        self._kernels = load_kernels()
        self.scenario, self.readings = scenario, tuple(readings)
        self.graph = graph or StateGraph(Tables(world_of(scenario)))
        self.tables, self.world = self.graph.tables, self.graph.tables.scenario
        last = complete_to or as_of - dt.timedelta(days=1)
        self.timetable = arrange(self.tables, self.readings, as_of, last, also)
        self.walk = explore(self.graph, self.timetable, cap=cap)
        while self.walk.story_end and self.walk.story_end.across:
            self.timetable = self.timetable.split(self.walk.story_end.across, self.walk.story_end.day)
            self.walk = explore(self.graph, self.timetable, cap=cap)
        self.centre = priors.theta(self.world)
        walk = self.walk
        self._way_of: Ints = np.repeat(np.arange(len(walk.source)), np.diff(walk.slot_start))
        self._group_of: Ints = np.repeat(np.arange(len(walk.group_start) - 1), np.diff(walk.group_start))
        self._branch = self.tables.branch_at(walk.slot_entry, walk.slot_outcome)
        self._segments = [Segment(0.0, 0.0, (), *rating) for rating in walk.ratings]
        self._spans = (walk.days, walk.sizes, walk.state_start, walk.grid_start)
        rows = (walk.stride, walk.times, walk.fresh, walk.row_start)
        self._ways = (walk.pointer, walk.way_start, walk.source, walk.row, rows)
        self._maps = (walk.map_start, walk.map_source, walk.map_target)

    def day_taken_in(self, item: OpenRow | Fact) -> float | None:
        """Return the day on which the filter uses a row or fact, None if the story ends too early."""
        story_end, day = self.walk.story_end, closes(item)
        if story_end is None or day <= story_end.day:
            return day
        return story_end.day if item in story_end.early else None

    @property
    def end_levels(self) -> Ints:
        """The levels (K, V) of the machine states that are possible at the end of the log."""
        return self.walk.levels[self.walk.state[self.walk.state_start[-2] :]]

    def start_after(self, passed: Passed) -> tuple[StartState, ...]:
        """Return the possible states at the end of the log, with probabilities, to start a forecast."""
        variables = self.tables.variables
        return tuple(
            StartState(tuple((v.id, v.levels[level]) for v, level in zip(variables, row, strict=True)), float(p))
            for row, p in zip(self.end_levels, passed.end, strict=True)
        )

    @cached_property
    def free(self) -> Floats:
        """Whether each of A assumptions of `world` may change the probability of the log."""
        walk, tables = self.walk, self.tables
        used = np.zeros(len(tables.standing.extended(self.centre)), dtype=bool)
        for rating, segment in enumerate(self._segments):
            used[tables.index(segment)[:, walk.slot_entry[walk.slot_rating == rating]]] = True
        branches = tables.branches
        contexts = np.repeat(np.arange(len(branches.start) - 1), np.diff(branches.start))
        met = np.isin(contexts, contexts[self._branch])
        used[branches.chance[met & (branches.chance >= 0)]] = True
        for segment in self._segments:
            used[tables.branch_factors(segment)[:, met]] = True
        if not self.world.joint_start:
            used[tables.start_chance[tables.start_chance >= 0]] = True
        used[walk.weights.assumption[walk.weights.assumption >= 0]] = True
        fixed = np.array([a.fixed for a in self.world.assumptions.values()], dtype=bool)
        return used[: len(fixed)] & ~fixed

    # ---------------------------------------------------------------- at given values

    def run(self, theta: Floats | None = None) -> Passed:
        """Compute the likelihood of the log and the distributions over its states.

        Args:
            theta: Values (A,) of the assumptions of `world`. Default: the values stated in the scenario.

        Raises:
            ImpossibleRow: If the log has probability 0 at these values because of a row.
            NoProbability: If the log has probability 0 for another reason.
        """
        theta = self.centre if theta is None else theta
        return self._weighed(self.rates(theta))

    def rates(self, theta: Floats) -> WalkRates:
        """Return the rates at values `theta` (A,) of the assumptions."""
        walk = self.walk
        parts = [(self.tables.rates(theta, s), self.tables.chances(theta, self.centre, s)) for s in self._segments]
        slots = self._shown(theta)[walk.slot_weight]
        for rating, (rates, chances) in enumerate(parts):
            own = walk.slot_rating == rating
            slots[own] *= rates[walk.slot_entry[own]] * chances[self._branch[own]]
        groups = sums_by(self._group_of, slots[walk.group_slot], len(walk.group_start) - 1)
        start = self.tables.start_states(theta, self.centre)[1]
        return WalkRates(slots, start, self.way_rates(slots), groups[walk.exit_group], walk.map_weight)

    def way_rates(self, slots: Floats) -> Floats:
        """Return the rate of each way (transition), given the rate of each slot (term of a rate)."""
        return sums_by(self._way_of, slots[self.walk.slot], len(self.walk.source))

    def carry(self, rates: WalkRates) -> Passed:
        """Compute the likelihood of the log and the distributions over its states at given rates.

        No error is raised if the log has probability 0.
        """
        walk = self.walk
        cells, masses = np.zeros(int(walk.grid_start[-1])), np.zeros(len(walk.days) + 1)
        self._kernels.forward(*self._arguments(rates), cells, masses)
        with np.errstate(divide="ignore"):
            return Passed(walk, float(np.log(masses).sum()), masses, cells)

    def before(self, crossing: int, rates: WalkRates, passed: Passed) -> Floats:
        """Return the probabilities at the end of the span before `crossing`, just before rows close.

        The result has the shape of the grid of that span: (machine states, combinations of counts). The probabilities
            at the start of that span sum to 1. At the end of the span the sum is smaller, by the probability of
            histories that contradict the log.
        """
        walk, span = self.walk, crossing - 1
        own, states, grid = (
            slice(*starts[span : span + 2].tolist()) for starts in (walk.way_start, walk.state_start, walk.grid_start)
        )
        inside = self._kernels._ways_of(span, self._spans, self._ways)
        vector = self._kernels._flow(passed.cells[grid], walk.days[span], inside, rates.rate[own], rates.exits[states])
        return np.asarray(vector).reshape(-1, int(walk.sizes[span]))

    def gradient(self, z: Floats) -> tuple[Passed, Floats]:
        """Return the result of `run`, and the derivative (A,) of the log-likelihood.

        `z` (A,) are the normal scores of the assumptions of `world`. The derivative is with respect to these scores.
        Raises the same errors as `run`.
        """
        theta = priors.values_from_scores(self.world, z)
        rates = self.rates(theta)
        passed = self._weighed(rates)
        walk = self.walk
        values = np.zeros_like(passed.cells)
        by_way, by_exit = np.zeros(len(walk.source)), np.zeros(len(walk.exit_group))
        by_start = np.zeros(len(rates.start))
        self._kernels.backward(
            *self._arguments(rates), passed.cells, passed.masses, values, (by_way, by_exit, by_start)
        )
        by_group = sums_by(walk.exit_group, by_exit, len(walk.group_start) - 1)
        by_slot = sums_by(walk.slot, by_way[self._way_of], len(rates.slots))
        by_slot += sums_by(walk.group_slot, by_group[self._group_of], len(rates.slots))
        derivative = self._by_scale(theta, by_slot * rates.slots) + self._by_start(theta, by_start)
        return passed, derivative * priors.slopes(self.world, z)

    # ---------------------------------------------------------------- rates and their derivatives

    def _shown(self, theta: Floats) -> Floats:
        weights = self.walk.weights
        return np.asarray(weights.constant + weights.slope * np.append(theta, 0.0)[weights.assumption])

    def _arguments(self, rates: WalkRates) -> tuple[object, ...]:
        return rates.start, (rates.rate, rates.exits), self._spans, self._ways, (*self._maps, rates.weight)

    def _weighed(self, rates: WalkRates) -> Passed:
        """Do the same as `carry`, but raise an error if the log has probability 0 at these rates."""
        passed = self.carry(rates)
        if not passed.masses[-1] > 0:
            self._refuse(int(np.argmin(passed.masses > 0)), passed.cells)
        return passed

    def _refuse(self, crossing: int, cells: Floats) -> None:
        """Raise ImpossibleRow if a row or fact was taken in at this crossing, else NoProbability.

        No probability is left at `crossing`, the border between two spans.
        """
        day = self.timetable.stop if crossing == len(self.walk.spans) else self.walk.spans[crossing].start
        items: list[OpenRow | Fact] = [*self.timetable.rows, *self.timetable.facts]
        closing = [item for item in items if self.day_taken_in(item) == day]
        if not closing:
            raise NoProbability(
                f"the absence of other rows up to day {day:g} has probability 0 at these rates; check the rates"
            )
        before = Passed(self.walk, 0.0, cells, cells).filtered(crossing - 1)
        raise ImpossibleRow(closing[0], self.walk.levels[np.flatnonzero(before)], day)

    def _by_scale(self, theta: Floats, weighed: Floats) -> Floats:
        """Return the derivatives (A,) of the log-likelihood by assumption, through the rates only.

        `weighed` is the derivative with respect to the log of the rate of each slot. The result is with respect to the
        logit of an assumption that is a chance, and with respect to the log of any other assumption.
        """
        walk, tables = self.walk, self.tables
        result = np.zeros(len(tables.standing.extended(theta)))
        for rating, segment in enumerate(self._segments):
            own = walk.slot_rating == rating
            by_entry = sums_by(walk.slot_entry[own], weighed[own], int(tables.table_start[-1]))
            for row in tables.index(segment):
                result += sums_by(row, by_entry, len(result))
            branches = tables.branches
            by_branch = sums_by(self._branch[own], weighed[own], len(branches.chance))
            chances = tables.chances(theta, self.centre, segment)
            by_weight = by_log_weight(by_branch, chances, branches.start)
            _add_named(result, by_weight, branches.chance)
            for row in tables.branch_factors(segment):
                result += sums_by(row, by_weight, len(result))
        result[: len(theta)] *= tables.standing.signs
        kinds, shown = walk.weights, self._shown(theta)
        named = kinds.assumption >= 0
        by_weight = sums_by(walk.slot_weight, ratio_or_zero(weighed, shown[walk.slot_weight]), len(shown))
        index = kinds.assumption[named]
        chance = theta[index]
        np.add.at(result, index, (by_weight * kinds.slope)[named] * chance * (1 - chance))
        return result[: len(theta)]

    def _by_start(self, theta: Floats, by_start: Floats) -> Floats:
        """Return the derivatives (A,) of the log-likelihood by assumption, through the start only.

        For an assumption that is a start share, the derivative is with respect to its logit. For any other assumption,
        it is 0.
        """
        tables = self.tables
        result = np.zeros(len(theta))
        if self.world.joint_start or not np.any(tables.start_chance >= 0):
            return result
        levels, probability = tables.start_states(theta, self.centre)
        by_share = np.zeros(len(tables.start_chance))
        for variable in range(len(tables.sizes)):
            first, last = tables.start_start[variable : variable + 2]
            for place in range(first, last):
                here = levels[:, variable] == tables.start_level[place]
                by_share[place] = by_start[here] @ probability[here]
        shares = tables.start_shares(theta, self.centre)
        _add_named(result, by_log_weight(by_share, shares, tables.start_start), tables.start_chance)
        return result


def _add_named(result: Floats, values: Floats, chance: Ints) -> None:
    np.add.at(result, chance[chance >= 0], values[chance >= 0])
