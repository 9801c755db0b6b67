"""The first two moments of impacts, solved together with the distribution over states.

An impact is a quantity that accumulates along a history. Let X be the present state, p(x) the probability of state x, R
the amount accumulated so far, and n(x) = E[R 1{X = x}]. If a firing (one happening of a move) adds the amount Z and a
state adds r per day, then

    n' = n Q + p B + p r,        d/dt E[R²] = Σ_x [2 n(x) ρ(x) + p(x) e(x)],

where Q is the generator of the chain, B(x, y) is the flow from x to y times E[Z], ρ(x) is the mean gain in x per day
(by firings, plus r), and e(x) is the flow out of x times E[Z²]. A firing that changes nothing is a flow from x to x.
One uniformisation serves p and n: n_{k+1} = n_k P + p_k (B + r) / Λ. All terms are positive, so no digits are lost by
cancellation (de Souza e Silva, Gail and Campos 1995, Telek et al. 2004). The amount that an ending adds is added last,
from n and p in the states of that ending.

Sizes: N states, S slots (merged edges), I impacts, O outcomes, T times. A block (N, 4) of the solution has the
distribution p in its first column (*lane*), and the vectors n of up to three impacts in the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.chain import Chain
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.lanes import BLOCK_LANES, Lanes, group_sums, weighted
from simlib.engines.exact.passes import BATCH_STEPS, Watcher
from simlib.engines.exact.states import Incoming, StateSpace
from simlib.machine.interventions import Segment
from simlib.machine.rewards import Rewards
from simlib.machine.sums import sums_by
from simlib.machine.tables import Tables
from simlib.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Gain:
    """The gain per day of each of up to three impacts in a segment, per unit of probability.

    The first of four columns is for the distribution over the states, and stays 0. The others are for the impacts.

    Attributes:
        edges: The edges along which amounts are added.
        values (S, 4): The mean gain along each slot (all edges from one state to another).
        stay (N, 4): The mean gain by firings (happenings of a move) that change nothing, and by amounts per day.
        mean (N, 4): The whole mean gain in each state.
        square (N, 4): The mean sum of the squared amounts that firings add per day in each state.
    """

    edges: Incoming
    values: Floats
    stay: Floats
    mean: Floats
    square: Floats


class StateRewards:
    """The states and firings that add amounts to impacts, for any assumption values.

    States are grouped for the sums of `MomentSums`. States that are not endings form groups of equal gains. The states
    of each ending form one further group.

    Attributes:
        rewards: The impacts.
        paid: For each amount per day, the states (N,) in which the amount is added.
        example: One state of each group of states that are not endings.
        order (N,): The states, group by group.
        group_start: Where the states of each group begin in `order`.
    """

    def __init__(self, tables: Tables, space: StateSpace, rewards: Rewards | None = None) -> None:
        """Group the states by what they add to the impacts of `rewards` (default: all impacts)."""
        self.tables, self.space, self.rewards = tables, space, rewards or Rewards.of(tables)
        going = ~space.ended
        self.paid: list[Bools] = [tables.holds(item.when, space.levels) & going for item in self.rewards.accruals]
        self._entries: dict[int, Ints] = {}
        if not len(self):
            return
        states = np.flatnonzero(going)
        _, example, kind = np.unique(self._kinds()[states], return_index=True, return_inverse=True)
        self.example: Ints = states[example]
        groups = np.array(space.ending + len(example))
        groups[states] = kind
        self.order: Ints = np.argsort(groups, kind="stable")
        self.group_start: Ints = np.searchsorted(groups[self.order], np.arange(len(example) + self.rewards.endings + 1))

    def __len__(self) -> int:
        return len(self.rewards.impacts)

    def _kinds(self) -> Ints:
        """Return a number for each state (N,), so that states with equal numbers add equal amounts."""
        outcomes = [outcome for item in self.rewards.impulses for outcome in item.outcomes]
        moves = np.unique(self.tables.outcome_move[np.array(outcomes, dtype=np.int64)]).tolist()
        kinds = np.zeros(len(self.space), dtype=np.int64)
        for column in [*map(self._entry, moves), *self.paid]:
            values, place = np.unique(column, return_inverse=True)
            if kinds.max(initial=0) > 2**40:
                kinds = np.unique(kinds, return_inverse=True)[1]
            kinds = kinds * len(values) + place
        return kinds

    def per_day(self, theta: Floats, impact: int) -> Floats:
        """Return the amounts per day of an impact in each state (N,) at `theta` (A,).

        Amounts that firings (happenings of moves) add are not included.
        """
        result = np.zeros(len(self.space))
        for item, paid in zip(self.rewards.accruals, self.paid, strict=True):
            result += theta[item.amount] * paid if item.impact == impact else 0.0
        return result

    def by_firings(self, pair_rates: Floats, worth: Floats) -> Floats:
        """Return the mean amount that moves add per day in each state (N,).

        `pair_rates` (P,) are the rates per day of pairs (rate table entry, outcome), and `worth` (O,) is the amount
        that each outcome adds when it happens.
        """
        per_pair, entries = pair_rates * worth[self.space.pair_outcome], int(self.tables.table_start[-1])
        by_entry = sums_by(self.space.pair_entry, per_pair, entries)
        result = np.zeros(len(self.space))
        for move in np.unique(self.tables.outcome_move[worth > 0]).tolist():
            result += by_entry[self._entry(move)]
        result[self.space.ended] = 0.0
        return result

    def _entry(self, move: int) -> Ints:
        if move not in self._entries:
            self._entries[move] = self.tables.local_index(move, self.space.levels)
        return self._entries[move]

    def gain(self, chain: Chain, segment: Segment, impacts: Sequence[int]) -> Gain:
        """Return the daily gain of up to three impacts in a segment, at a chain's assumption values."""
        pair_rates, n = chain.rating(segment).pair_rates, len(self.space)
        outcome, edges = self.space.pair_outcome, self._edges_of(segment.held, tuple(impacts))
        values = np.zeros((len(edges.slot_start), BLOCK_LANES))
        stay, mean, square = np.zeros((3, n, BLOCK_LANES))
        means, squares = self.rewards.by_outcome(chain.theta)
        for lane, impact in enumerate(impacts, start=1):
            fired, paid = self.by_firings(pair_rates, means[impact]), self.per_day(chain.theta, impact)
            values[:, lane] = edges.values(pair_rates * means[impact][outcome])
            stay[:, lane] = np.maximum(fired - sums_by(edges.source, values[:, lane], n), 0.0) + paid
            mean[:, lane] = fired + paid
            square[:, lane] = self.by_firings(pair_rates, squares[impact])
        return Gain(edges, values, stay, mean, square)

    def _edges_of(self, held: tuple[int, ...], impacts: tuple[int, ...]) -> Incoming:
        gains = np.zeros(self.rewards.outcomes, dtype=bool)
        for item in self.rewards.impulses:
            gains[list(item.outcomes)] |= item.impact in impacts
        key = "gains", gains.tobytes()
        return self.space.held(held, self.tables).part(key, gains[self.space.pair_outcome])


class MomentSums(Watcher):
    """Moments of the impacts in a block of four vectors, at T - 1 times and the segment's end.

    Attributes:
        at (T, 1 + endings, 4): The sum of each vector over the states without an ending, then over the states of each
            ending.
        gained (T, 4): The increase of each mean square since the start of the segment, times the jumps per day.
    """

    def __init__(self, states: StateRewards, gain: Gain, times: int) -> None:
        self.states = states
        self.own, self.first = 2 * gain.mean[states.example], gain.square[states.example]
        self.work = BLOCK_LANES * len(states.space)
        self._sums, self._ones = np.zeros((len(states.group_start) - 1, BLOCK_LANES)), np.ones(len(states.example))
        self._rows, groups = np.arange(len(states.example)), 1 + states.rewards.endings
        self.at, self.gained = np.zeros((times, groups, BLOCK_LANES)), np.zeros((times, BLOCK_LANES))
        self._groups, self._gains = np.zeros((BATCH_STEPS, groups, BLOCK_LANES)), np.zeros((BATCH_STEPS, BLOCK_LANES))

    def take(self, row: int, block: Floats) -> None:
        """Store sums of the vectors over groups of states, at one jump of the uniformised chain."""
        group_sums(block, self.states.order, self.states.group_start, self._sums)
        going = len(self._rows)
        self._groups[row, 0], self._groups[row, 1:] = self._ones @ self._sums[:going], self._sums[going:]
        self._gains[row] = weighted(self._sums, self._rows, self.own, self.first)

    def weigh(self) -> None:
        """Multiply the stored sums of each step by its weights, and add them to `at` and `gained`."""
        steps = self.weights.shape[1]
        self.at += np.tensordot(self.weights, self._groups[:steps], axes=1)
        self.gained += self.survivals @ self._gains[:steps]


class Moments:
    """The first two moments of each of I impacts at T report times, over all segments.

    R is the amount of an impact so far, and X the present state. Until `settle` is called, `given` and `square` lack
    the amounts that endings add.

    Attributes:
        given (T, I, endings + 1): E[R 1{ending reached}] for each ending, and then E[R].
        square (T, I): E[R²].
        vectors (I, N): n(x) = E[R 1{X = x}] at present.
        squared (I,): E[R²] at present.
    """

    def __init__(self, states: StateRewards, chain: Chain, times: int) -> None:
        self.states, self.chain = states, chain
        self.mean, self.square_mean = states.rewards.by_outcome(chain.theta)
        impacts = len(states)
        self.vectors = np.zeros((impacts, len(states.space)))
        self.squared = np.zeros(impacts)
        self.given = np.zeros((times, impacts, states.rewards.endings + 1))
        self.square = np.zeros((times, impacts))

    def act(self, jump: Jump, distribution: Floats) -> None:
        """Update the mean and the mean square of each impact for an intervention.

        `distribution` (N,) is the distribution over the states before the intervention.
        """
        able = distribution[jump.able]
        for index, vector in enumerate(self.vectors):
            after = jump.apply(vector)
            for outcome, chance, target in jump.branches:
                if outcome >= 0 and self.mean[index, outcome] > 0:
                    mean, square = self.mean[index, outcome], self.square_mean[index, outcome]
                    after += sums_by(target, chance * mean * able, len(after))
                    self.squared[index] += np.sum(chance * (2 * mean * vector[jump.able] + square * able))
            self.vectors[index] = after

    def over(self, segment: Segment, block: Lanes, impacts: Sequence[int], times: int) -> MomentSums:
        """Prepare a block to compute impacts in a segment, and return the collector of their sums.

        The first vector of the block is the distribution over the states, and each of the others is for one impact.
        """
        gain = self.states.gain(self.chain, segment, impacts)
        block.gain(gain.edges, gain.values, gain.stay)
        return MomentSums(self.states, gain, times)

    def record(self, impacts: Sequence[int], sums: MomentSums, uniform: float, ends: Floats, rows: Ints) -> None:
        """Store the sums of impacts after a segment.

        Args:
            impacts: The indices of the impacts.
            sums: Their sums at the report times of the segment, and at its end.
            uniform: The number of jumps per day.
            ends: The vectors n of the impacts at the end (impacts, N).
            rows: The indices of the report times of the segment.
        """
        for lane, impact in enumerate(impacts, start=1):
            self.given[rows, impact, :-1] = sums.at[:-1, 1:, lane]
            self.given[rows, impact, -1] = sums.at[:-1, :, lane].sum(axis=1)
            squared = self.squared[impact] + sums.gained[:, lane] / uniform
            self.square[rows, impact], self.squared[impact] = squared[:-1], squared[-1]
            self.vectors[impact] = ends[lane - 1]

    def settle(self, ending: Floats) -> None:
        """Add the amounts that impacts receive when an ending is reached.

        `ending` (T, endings) is the probability of each ending by each time.
        """
        mean, square = self.states.rewards.by_ending(self.chain.theta)
        reached = self.given[:, :, :-1]
        self.square += np.sum(2 * mean * reached + square * ending[:, None, :], axis=2)
        gained = mean * ending[:, None, :]
        self.given[:, :, :-1] += gained
        self.given[:, :, -1] += gained.sum(axis=2)
