"""`Chain`: a scenario as a Markov chain at given assumption values.

Time is cut into segments. Within a segment the rates are constant, and `Chain.flow` carries a distribution through it.
At the start of a segment, interventions act as linear maps (`Chain.jumps`). `Chain.propagate` combines the two, from
one time to another.

A *pair* is an entry of the rate tables with an outcome of its move. The pair determines the rate of an edge between two
states. A *firing* is one happening of a move. A *taboo* is a set of states and firings that stop a history. Sizes: N
states, P pairs, A assumptions, K start states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.generator import Generator, Kill
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.poisson import FINE_TOLERANCE
from simlib.engines.exact.states import EMPTY_TABOO, StateSpace, Taboo
from simlib.engines.exact.uniformization import Flow, flow
from simlib.machine.interventions import Segment
from simlib.machine.sums import sums_by
from simlib.machine.tables import Tables
from simlib.typing import Bools, Floats


@dataclass(frozen=True, eq=False)
class Rating:
    """The rates of one segment of time.

    Attributes:
        rates: The hazard per day of each rate table entry.
        chances: The chance of each branch (an outcome under given conditions).
        pair_rates: The rate of each pair (rate table entry, outcome): hazard times chance.
    """

    rates: Floats
    chances: Floats
    pair_rates: Floats


@dataclass(frozen=True, eq=False)
class Passage:
    """A distribution over N states, carried from one time to another.

    Attributes:
        vector (N,): The distribution at the later time, without the histories that were stopped.
        stopped: The probability of the histories that were stopped on the way.
        tail: A bound on the truncation error of every probability.
    """

    vector: Floats
    stopped: float
    tail: float


class Chain:
    """A scenario as a Markov chain at given assumption values.

    Args:
        tables: The rate tables of the scenario.
        space: Its reachable states.
        segments: Its segments of time.
        theta: The assumption values (A,).
        centre: The stated values (A,), if `theta` is a draw around them.
        start: The probabilities (K,) of the start states of the tables. Default: the scenario's.
    """

    def __init__(
        self,
        tables: Tables,
        space: StateSpace,
        segments: Sequence[Segment],
        theta: Floats,
        centre: Floats | None = None,
        start: Floats | None = None,
    ) -> None:
        self.tables, self.space, self.segments = tables, space, segments
        self.theta, self.centre = theta, centre
        self.own_start = start
        self._last: tuple[object, Rating] | None = None

    def start(self) -> Floats:
        """Return the distribution over the states (N,) at day 0, before any intervention."""
        levels, probability = self.tables.start_states(self.theta, self.centre)
        probability = probability if self.own_start is None else self.own_start
        return sums_by(self.space.find(levels), probability, len(self.space))

    def rating(self, segment: Segment) -> Rating:
        """Return the rates of a segment: the same object for successive segments with equal rates."""
        if self._last is None or self._last[0] != segment.rating:
            rates = self.tables.rates(self.theta, segment, self.centre)
            chances = self.tables.chances(self.theta, self.centre, segment)
            self._last = segment.rating, Rating(rates, chances, self.space.pair_rates(rates, chances))
        return self._last[1]

    def jumps(self, segment: Segment) -> list[Jump]:
        """Return the interventions at the start of a segment as linear maps, in order."""
        chances = self.rating(segment).chances if segment.actions else np.zeros(0)
        return [Jump(self.tables, self.space, action, chances, segment) for action in segment.actions]

    def pairs(self, move: int, outcome: int = -1) -> Bools:
        """Return which pairs (P,) of rate table entry and outcome belong to a move or to `outcome`."""
        if outcome >= 0:
            return self.space.pair_outcome == outcome
        return self.tables.entry_move[self.space.pair_entry] == move

    def marked(self, taboo: Taboo) -> Bools:
        """Return which pairs (rate table entry, outcome) stop a history when they happen (P,)."""
        marks = [self.pairs(move, outcome) for move, outcome in taboo.firings]
        return np.logical_or.reduce(marks)

    def hazard(self, pair_rates: Floats, move: int, pairs: Bools) -> Floats:
        """Return the hazard per day in each state (N,) of the marked `pairs` of a move.

        Outcomes that leave the state as it is are included. `pair_rates` (P,) are the rates of all pairs, and `pairs`
        (P,) marks those that count.
        """
        entry_rates = sums_by(self.space.pair_entry, pair_rates * pairs, int(self.tables.table_start[-1]))
        fire: Floats = entry_rates[self.tables.local_index(move, self.space.levels)]
        fire[self.space.ended] = 0.0
        return fire

    def stopping_hazard(self, taboo: Taboo, pair_rates: Floats) -> Floats:
        """Return the hazard per day in each state (N,) of the firings that stop a history."""
        result = np.zeros(len(self.space))
        for move in taboo.moves:
            result += self.hazard(pair_rates, move, self.marked(taboo) & self.pairs(move))
        return result

    def without(self, taboo: Taboo, pair_rates: Floats) -> tuple[Floats, Kill]:
        """Return the rates of all pairs, with 0 for pairs that stop a history, and a `Kill`.

        The `Kill` says what stops a history within a segment: a state of the taboo, or the hazard of the pairs that got
        the rate 0.
        """
        if not taboo.firings:
            return pair_rates, Kill(taboo.inside)
        rest = np.where(self.marked(taboo), 0.0, pair_rates)
        return rest, Kill(taboo.inside, self.stopping_hazard(taboo, pair_rates))

    def flow(
        self, vector: Floats, segment: Segment, duration: float, *, taboo: Taboo = EMPTY_TABOO, **options: Any
    ) -> Flow:
        """Carry a distribution (N,) through `duration` days of a segment, without its interventions.

        A history stops when it enters a state of `taboo`, or at a firing (happening of a move) listed there. The other
        options are passed to `uniformization.flow`.
        """
        pair_rates, kill = self.without(taboo, self.rating(segment).pair_rates)
        incoming = self.space.held(segment.held, self.tables).incoming
        generator = Generator.build(incoming, pair_rates, kill.fire, duration)
        return flow(generator, vector, duration, kill=kill, **options)

    def propagate(
        self,
        vector: Floats,
        start: float,
        stop: float,
        *,
        taboo: Taboo = EMPTY_TABOO,
        tolerance: float = FINE_TOLERANCE,
        control: Control = UNWATCHED,
    ) -> Passage:
        """Carry a distribution over the states from one time to another, interventions included.

        Interventions at `stop` are applied and interventions at `start` are not, because a distribution at a time
        already includes the effects of the interventions at that time. Interventions at time 0 always act, because
        `Chain.start` is the distribution before them. So two calls, one after the other, give the same result as one
        call over the whole time.

        Args:
            vector: Distribution (N,) over the states at `start`, in the order of the state space.
            start: Days after `as_of`.
            stop: Days after `as_of`, not before `start` and not after the horizon.
            taboo: States and firings (happenings of a move) that stop a history. The resulting distribution leaves out
                the stopped histories.
            tolerance: Bound on the truncation error in each segment.
            control: Progress callback and cancellation.

        Raises:
            ValueError: For times outside the horizon or in the wrong order.
            Cancelled: When `control` cancels the work.
        """
        if not 0 <= start <= stop <= self.segments[-1].end:
            raise ValueError(f"expected 0 ≤ start ≤ stop ≤ {self.segments[-1].end:g} days, not {start:g} and {stop:g}")
        left = taboo.clear(vector)
        stopped, tail = float(vector.sum() - left.sum()), 0.0
        for segment in self.segments:
            if start < segment.start <= stop or segment.start == start == 0:
                for jump in self.jumps(segment):
                    stopped += jump.stopped(left, taboo)
                    after = jump.apply(left, taboo)
                    left = taboo.clear(after)
                    stopped += float(after.sum() - left.sum())
            duration = min(stop, segment.end) - max(start, segment.start)
            if duration > 0:
                share = ((max(start, segment.start) - start) / (stop - start), duration / (stop - start))
                part = control.part(share[0], sum(share))
                done = self.flow(left, segment, duration, taboo=taboo, tolerance=tolerance, control=part)
                left, stopped, tail = done.end, stopped + done.hits, tail + done.tail
        return Passage(left, stopped, tail)
