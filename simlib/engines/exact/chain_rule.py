"""The chain rule of gradients: from rates, chances and start states to the assumptions.

An assumption acts on a measure through the hazards of moves, through the chances of their outcomes, and through the
probabilities of the start states. The module `adjoint` finds the derivatives with respect to these hazards, chances and
probabilities. `ChainRule` turns these derivatives into derivatives with respect to the assumptions.

A *pair* is a pair of a rate table entry and an outcome, which determines the rate of an edge. A *branch* is an outcome
of a move under given conditions, which determine the chance of the outcome. Sizes: A assumptions, B branches, N states,
P pairs.
"""

from __future__ import annotations

import numpy as np

from simlib.engines.exact.chain import Rating
from simlib.engines.exact.states import StateSpace
from simlib.machine.interventions import Segment
from simlib.machine.shares import by_log_weight
from simlib.machine.sums import ratio_or_zero, sums_by
from simlib.machine.tables import Tables
from simlib.typing import Floats, Ints

__all__ = ["ChainRule"]


class ChainRule:
    """The derivatives of a measure at assumption values `theta` (A,), added up over segments."""

    def __init__(self, tables: Tables, space: StateSpace, theta: Floats) -> None:
        self.tables, self.space, self.theta = tables, space, theta
        self._extended = tables.standing.extended(theta)
        self._derivative = np.zeros(len(self._extended))

    def add(self, segment: Segment, rating: Rating, by_pair: Floats | None, by_firing: Floats) -> None:
        """Add the derivatives that come from one segment.

        `by_pair` (P,) are the derivatives with respect to the rates of pairs of rate table entry and outcome. `by_pair`
        is None if the segment has length 0. `by_firing` (B,) are the derivatives with respect to the outcome chances of
        moves that are forced or have a fixed date.
        """
        tables, derivative, count = self.tables, self._derivative, len(self.theta)
        by_chance = by_firing.copy()
        if by_pair is not None:
            branch, rates, chances = self.space.pair_branch, rating.rates, rating.chances
            by_entry = sums_by(self.space.pair_entry, by_pair * chances[branch], len(rates))
            by_chance += sums_by(branch, by_pair * rates[self.space.pair_entry], len(by_chance))
            for row in tables.index(segment):
                np.add.at(derivative, row, ratio_or_zero(by_entry * rates, self._extended[row]))
        derivative[:count] += self._chance_part(by_chance, segment)
        by_factor = by_log_weight(by_chance * rating.chances, rating.chances, tables.branches.start)
        for row in tables.branch_factors(segment):
            np.add.at(derivative, row, ratio_or_zero(by_factor, self._extended[row]))

    def total(self) -> Floats:
        """Return the derivatives (A,) with respect to the assumptions, of all segments added so far.

        The part that comes from the start probabilities is not included.
        """
        standing, derivative, count = self.tables.standing, self._derivative.copy(), len(self.theta)
        derivative[:count] = standing.per_median(derivative[:count], self.theta)
        for assumption, place, slope in standing.slopes(self.theta):
            derivative[assumption] += slope * derivative[place]
        return derivative[:count]

    def of_start(self, value: Floats) -> Floats:
        """Return the derivative's part (A,) from the start probabilities, (∂p₀/∂θ)ᵀ u(0).

        u(0) is `value` (N,): the value of each state at time 0. If the scenario lists its start states (a joint start),
        their probabilities do not depend on θ, and this part is 0.
        """
        tables = self.tables
        if tables.scenario.joint_start:
            return np.zeros(len(self.theta))
        shares = tables.start_shares(self.theta)
        levels, _ = tables.start_states()
        worth = value[self.space.find(levels)]
        by_share = np.zeros(len(shares))
        picks = np.stack([self._pick(levels, v) for v in range(len(tables.sizes))], axis=1)
        for v in range(len(tables.sizes)):
            others = np.delete(picks, v, axis=1)
            np.add.at(by_share, picks[:, v], worth * np.prod(shares[others], axis=1))
        return self._share_part(self.theta, by_share, tables.start_chance, tables.start_start)

    def _pick(self, levels: Ints, variable: int) -> Ints:
        """Return the place in `tables.start_level` of each start state's level of `variable`."""
        first, last = self.tables.start_start[variable : variable + 2]
        own = self.tables.start_level[first:last]
        return first + np.argmax(levels[:, variable][:, None] == own[None, :], axis=1)

    def _chance_part(self, by_chance: Floats, segment: Segment) -> Floats:
        """Turn derivatives with respect to outcome chances (B,) into those for assumptions (A,).

        Factors that change the chances of outcomes are assumptions, too. `add` computes their derivatives.
        """
        theta, _ = self.tables.standing.in_place(self.theta, segment)
        branches, weight = self.tables.branches, self.tables.weights(self.theta, segment)
        result = self._share_part(theta, by_chance, branches.chance, branches.start, weight)
        for assumption, slope in self.tables.standing.moving(segment, self.theta).items():
            result[assumption] *= slope
        return result

    def _share_part(
        self, theta: Floats, by_share: Floats, chance: Ints, starts: Ints, weights: Floats | None = None
    ) -> Floats:
        """Turn derivatives with respect to normalized shares into those for assumptions (A,).

        The shares are those that `shares.normalized_shares` computes from the assumption values.
        """
        result = np.zeros(len(theta))
        weights = np.ones(len(chance)) if weights is None else weights
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            index, slope, weight = chance[first:last], by_share[first:last], weights[first:last]
            given = index >= 0
            if np.all(given) or np.any(weight != 1):
                part = weight * np.where(given, theta[index], 1 - theta[index[given]].sum())
                own = weight * (slope - slope @ part / part.sum()) / part.sum()
            else:
                own = slope
            np.add.at(result, index[given], own[given] - own[~given].sum())
        return result
