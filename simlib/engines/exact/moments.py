"""Impacts in the exact engine: their first two moments, carried beside the distribution.

Let p(x) be the probability of state x and n(x) = E[R 1{X = x}], with R what has accumulated so far. Where a firing
gains the amount Z and a state gains r per day,

    n' = n Q + p B + p r,        d/dt E[R²] = Σ_x [2 n(x) ρ(x) + p(x) e(x)],

B(x, y) the flow from x to y times E[Z], ρ(x) what x gains per day in the mean (by its firings, and r), e(x) the flow
out of x times E[Z²]. A firing that changes nothing is a flow from x to x. One uniformisation serves both equations:
(p, n) is a row vector of a chain in blocks, n_{k+1} = n_k P + p_k (B + r) / Λ, and nothing cancels. What reaching an
ending gains is added from n and p inside that ending (de Souza e Silva, Gail and Campos 1995, Telek et al. 2004).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.chain import Chain
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.states import Incoming, StateSpace
from simlib.engines.exact.uniformization import Generator, MomentSums
from simlib.machine.interventions import Segment
from simlib.machine.rewards import Rewards
from simlib.machine.tables import Tables, sums_by
from simlib.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Gain:
    """What one impact gains in the states of a segment.

    `edges` are those whose firing gains something, and `values` (S,) the mean gain per day along each. By state, each
    (N,) and per day: `stay` is gained without leaving the state, `mean` is gained in all, and `square` is the mean of
    the squared amounts.
    """

    edges: Incoming
    values: Floats
    stay: Floats
    mean: Floats
    square: Floats


class StateRewards:
    """The impacts of a scenario over its states, without assumption values."""

    def __init__(self, tables: Tables, space: StateSpace) -> None:
        self.tables, self.space, self.rewards = tables, space, Rewards.of(tables)
        going = ~space.ended
        self.paid: list[Bools] = [tables.holds(item.when, space.levels) & going for item in self.rewards.accruals]
        self.ended: Ints = np.argsort(space.ending, kind="stable")[np.count_nonzero(going) :]
        self.reached, self._first = np.unique(space.ending[self.ended], return_index=True)
        self._edges: dict[tuple[tuple[int, ...], int], Incoming] = {}

    def __len__(self) -> int:
        return len(self.rewards.impacts)

    def by_ending(self, vector: Floats) -> Floats:
        """Return the sums of a vector (N,) over the states of each ending."""
        result = np.zeros(self.rewards.endings)
        if len(self.ended):
            result[self.reached] = np.add.reduceat(vector[self.ended], self._first)
        return result

    def per_day(self, theta: Floats, impact: int) -> Floats:
        """Return what each state gains of an impact per day spent there (N,)."""
        result = np.zeros(len(self.space))
        for item, paid in zip(self.rewards.accruals, self.paid, strict=True):
            result += theta[item.amount] * paid if item.impact == impact else 0.0
        return result

    def by_firings(self, chain: Chain, pair_rates: Floats, worth: Floats) -> Floats:
        """Return what each state gains per day (N,) by firings whose outcomes are `worth` so much (O,)."""
        result, by_pair = np.zeros(len(self.space)), pair_rates * worth[self.space.pair_outcome]
        for move in np.unique(self.tables.outcome_move[worth > 0]).tolist():
            result += chain.hazard(by_pair, move, chain.pairs(move))
        return result

    def gain(self, chain: Chain, segment: Segment, impact: int) -> Gain:
        """Return what an impact gains in a segment at the assumption values of a chain."""
        mean, square = (each[impact] for each in self.rewards.by_outcome(chain.theta))
        pair_rates = chain.rating(segment).pair_rates
        fired, edges = self.by_firings(chain, pair_rates, mean), self._edges_of(segment.held, impact)
        values = edges.values(pair_rates * mean[self.space.pair_outcome])
        leaving, paid = sums_by(edges.source, values, len(self.space)), self.per_day(chain.theta, impact)
        stay = np.maximum(fired - leaving, 0.0) + paid
        return Gain(edges, values, stay, fired + paid, self.by_firings(chain, pair_rates, square))

    def _edges_of(self, held: tuple[int, ...], impact: int) -> Incoming:
        if (held, impact) not in self._edges:
            space, gains = self.space.held(held, self.tables), np.zeros(self.rewards.outcomes, dtype=bool)
            for item in self.rewards.impulses:
                gains[list(item.outcomes)] |= item.impact == impact
            some = gains[space.pair_outcome[space.pair]]
            start = np.concatenate([[0], np.cumsum(some)])[space.edge_start]
            part = dataclasses.replace(space, edge_start=start, target=space.target[some], pair=space.pair[some])
            self._edges[held, impact] = Incoming.build(part)
        return self._edges[held, impact]


class MomentPass:
    """The moments of all impacts on their way through one segment, a step at a time."""

    sums: MomentSums

    def __init__(self, states: StateRewards, gains: list[Gain], vectors: Floats) -> None:
        self.states, self.gains, self.vectors = states, gains, vectors.copy()
        self.columns = (states.rewards.endings + 1) * len(gains)

    def begin(self, generator: Generator, times: int) -> None:
        """Get ready for a pass with the rates of `generator` that reports at so many times."""
        self.generator = generator
        self.sources = [
            Generator(gain.edges, generator.uniform, gain.values / generator.uniform, gain.stay / generator.uniform)
            for gain in self.gains
        ]
        self.sums = MomentSums(times, self.columns, len(self.gains), len(generator.diagonal))
        self._after, self._gained = np.empty((2, *self.vectors.shape))
        self._nothing = np.zeros(len(generator.diagonal))

    def take(self, row: int, weight: float, distribution: Floats) -> None:
        """Note the moments at one step, with the weight of the end of the segment."""
        for index, (gain, source) in enumerate(zip(self.gains, self.sources, strict=True)):
            vector = self.vectors[index]
            self.sums.take(row, index, self._by_ending(vector), 2 * (vector @ gain.mean) + distribution @ gain.square)
            self.sums.keep_end(index, weight, vector)
            source.step(distribution, self._gained[index])

    def step(self, vector: Floats, result: Floats, first: int, last: int) -> None:
        """Advance the distribution and the moments by one jump, in rows [first, last)."""
        vectors, results, gains = [vector, *self.vectors], [result, *self._after], [self._nothing, *self._gained]
        self.generator.step_all(vectors, results, gains, first, last)

    def swap(self) -> None:
        """Go on from the moments after the jump."""
        self.vectors, self._after = self._after, self.vectors

    def _by_ending(self, vector: Floats) -> Floats:
        """Return the sums of a vector (N,) over the states of each ending, and over all states."""
        return np.append(self.states.by_ending(vector), vector.sum())


class Moments:
    """The first two moments of every impact at the report times, over all segments.

    given (T, I, endings + 1): the mean where each ending has been reached, and the mean of all. square (T, I): the mean
    square. Neither has what reaching an ending gains before `settle`.
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
        """Apply an intervention. `distribution` (N,) is that before it."""
        able = distribution[jump.able]
        for index, vector in enumerate(self.vectors):
            after = jump.apply(vector)
            for outcome, chance, target in jump.branches:
                if outcome >= 0 and self.mean[index, outcome] > 0:
                    mean, square = self.mean[index, outcome], self.square_mean[index, outcome]
                    after += sums_by(target, chance * mean * able, len(after))
                    self.squared[index] += np.sum(chance * (2 * mean * vector[jump.able] + square * able))
            self.vectors[index] = after

    def over(self, segment: Segment) -> MomentPass:
        """Return the pass through a segment."""
        gains = [self.states.gain(self.chain, segment, index) for index in range(len(self.states))]
        return MomentPass(self.states, gains, self.vectors)

    def record(self, done: MomentPass, rows: Ints) -> None:
        """Take over what a pass found at the report times of these rows, and then at the end of its segment."""
        sums = done.sums
        self.given[rows] = sums.at[: len(rows)].reshape(len(rows), *self.given.shape[1:])
        squared = self.squared + sums.gained / done.generator.uniform
        self.square[rows], self.squared = squared[: len(rows)], squared[-1]
        self.vectors = sums.ends

    def settle(self, ending: Floats) -> None:
        """Add what reaching an ending gains, given the probability of each by each time (T, endings)."""
        mean, square = self.states.rewards.by_ending(self.chain.theta)
        reached = self.given[:, :, :-1]
        self.square += np.sum(2 * mean * reached + square * ending[:, None, :], axis=2)
        gained = mean * ending[:, None, :]
        self.given[:, :, :-1] += gained
        self.given[:, :, -1] += gained.sum(axis=2)
