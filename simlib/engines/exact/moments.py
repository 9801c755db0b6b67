"""The first two moments of impacts, solved together with the distribution over states.

Let p(x) be the probability of state x, R the amount accumulated so far, and n(x) = E[R 1{X = x}]. If a firing gains the
amount Z and a state gains r per day, then

    n' = n Q + p B + p r,        d/dt E[R²] = Σ_x [2 n(x) ρ(x) + p(x) e(x)],

where B(x, y) is the flow from x to y times E[Z], ρ(x) is the mean gain in x per day (by firings, plus r), and e(x) is
the flow out of x times E[Z²]. A firing that changes nothing is a flow from x to x. One uniformisation serves p and n:
n_{k+1} = n_k P + p_k (B + r) / Λ. All terms are positive, so nothing cancels (de Souza e Silva, Gail and Campos 1995,
Telek et al. 2004). The amount gained by reaching an ending is added at the end, from n and p in the states of that
ending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.chain import Chain
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.lanes import WIDTH, Lanes, group_sums, weighted
from simlib.engines.exact.passes import STEPS, Watcher
from simlib.engines.exact.states import Incoming, StateSpace
from simlib.machine.interventions import Segment
from simlib.machine.rewards import Rewards
from simlib.machine.tables import Tables, sums_by
from simlib.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Gain:
    """The gains of up to three impacts in a segment, by lane.

    The first lane is the distribution. `edges` are the edges whose firing gains an amount, and `values` (S, 4) is the
    mean gain per day along each. The other arrays are by state (N, 4) and per day: `stay` is the gain without leaving
    the state, `mean` the total gain, and `square` the gain of squared amounts.
    """

    edges: Incoming
    values: Floats
    stay: Floats
    mean: Floats
    square: Floats


class StateRewards:
    """The impacts of a scenario over its states, without assumption values.

    States are grouped for the sums of `MomentSums`. States without an ending are grouped by their possible gains, and
    each of these groups has an `example` state. The states of each ending form one further group.
    """

    def __init__(self, tables: Tables, space: StateSpace, rewards: Rewards | None = None) -> None:
        """Take the impacts of `rewards`, by default all impacts of the scenario."""
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
        """Return a group number for each state (N,).

        The states of a group gain the same: by the same firings at the same rates, and the same amounts per day.
        """
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
        """Return the gain of an impact per day spent in each state (N,)."""
        result = np.zeros(len(self.space))
        for item, paid in zip(self.rewards.accruals, self.paid, strict=True):
            result += theta[item.amount] * paid if item.impact == impact else 0.0
        return result

    def by_firings(self, pair_rates: Floats, worth: Floats) -> Floats:
        """Return the mean gain per day from firings in each state (N,).

        `worth` (O,) is the gain from one firing of each outcome.
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
        """Return the gains of impacts in a segment, at the assumption values of a chain."""
        pair_rates, n = chain.rating(segment).pair_rates, len(self.space)
        outcome, edges = self.space.pair_outcome, self._edges_of(segment.held, tuple(impacts))
        values = np.zeros((len(edges.slot_start), WIDTH))
        stay, mean, square = np.zeros((3, n, WIDTH))
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
    """The moments of the impacts of one block at T times.

    The last time is the end of the segment. at (T, 1 + endings, 4): the sum of each lane over the states without an
    ending, then over the states of each ending. gained (T, 4): Λ times the increase of the mean square.
    """

    def __init__(self, states: StateRewards, gain: Gain, times: int) -> None:
        self.states = states
        self.own, self.first = 2 * gain.mean[states.example], gain.square[states.example]
        self.work = WIDTH * len(states.space)
        self._sums, self._ones = np.zeros((len(states.group_start) - 1, WIDTH)), np.ones(len(states.example))
        self._rows, groups = np.arange(len(states.example)), 1 + states.rewards.endings
        self.at, self.gained = np.zeros((times, groups, WIDTH)), np.zeros((times, WIDTH))
        self._groups, self._gains = np.zeros((STEPS, groups, WIDTH)), np.zeros((STEPS, WIDTH))

    def take(self, row: int, block: Floats) -> None:
        """Keep the sums of one step."""
        group_sums(block, self.states.order, self.states.group_start, self._sums)
        going = len(self._rows)
        self._groups[row, 0], self._groups[row, 1:] = self._ones @ self._sums[:going], self._sums[going:]
        self._gains[row] = weighted(self._sums, self._rows, self.own, self.first)

    def weigh(self) -> None:
        """Add the kept sums with their weights."""
        steps = self.weights.shape[1]
        self.at += np.tensordot(self.weights, self._groups[:steps], axes=1)
        self.gained += self.survivals @ self._gains[:steps]


class Moments:
    """The first two moments of every impact at the report times, over all segments.

    given (T, I, endings + 1): E[R 1{ending reached}] for each ending, and E[R]. square (T, I): E[R²]. Both lack the
    amounts gained by reaching an ending until `settle` adds them. vectors (I, N): n(x) = E[R 1{X = x}] at present.
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
        """Apply an intervention. `distribution` (N,) is the distribution before the intervention."""
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
        """Let the lanes after the first carry impacts, and return the watcher that sums them."""
        gain = self.states.gain(self.chain, segment, impacts)
        block.gain(gain.edges, gain.values, gain.stay)
        return MomentSums(self.states, gain, times)

    def record(self, impacts: Sequence[int], sums: MomentSums, uniform: float, ends: Floats, rows: Ints) -> None:
        """Store the sums of impacts from a pass with Λ = `uniform` jumps per day.

        The sums are those at the report times `rows`, followed by those at the end of the segment. `ends` (impacts, N)
        are the vectors n at the end.
        """
        for lane, impact in enumerate(impacts, start=1):
            self.given[rows, impact, :-1] = sums.at[:-1, 1:, lane]
            self.given[rows, impact, -1] = sums.at[:-1, :, lane].sum(axis=1)
            squared = self.squared[impact] + sums.gained[:, lane] / uniform
            self.square[rows, impact], self.squared[impact] = squared[:-1], squared[-1]
            self.vectors[impact] = ends[lane - 1]

    def settle(self, ending: Floats) -> None:
        """Add the amounts gained by reaching endings, given the probability of each by each time (T, endings)."""
        mean, square = self.states.rewards.by_ending(self.chain.theta)
        reached = self.given[:, :, :-1]
        self.square += np.sum(2 * mean * reached + square * ending[:, None, :], axis=2)
        gained = mean * ending[:, None, :]
        self.given[:, :, :-1] += gained
        self.given[:, :, -1] += gained.sum(axis=2)
