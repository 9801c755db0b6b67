"""One solution in progress: the start distribution, carried from segment to segment.

The engine carries several vectors over the N states: the distribution, a vector for each impact, and a copy of the
distribution for some questions (*quests*). Up to four vectors form a block, in which each is a column (a *lane*).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from simlib.control import Control
from simlib.engines.exact import chebyshev
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.lanes import BLOCK_LANES, Lanes
from simlib.engines.exact.marginals import Features
from simlib.engines.exact.moments import Moments, MomentSums, StateRewards
from simlib.engines.exact.passes import Carried, FewHistograms, Histograms, Watcher, carry, histograms
from simlib.engines.exact.quests import Quest, Seats, seated
from simlib.engines.exact.states import EMPTY_TABOO, StateSpace
from simlib.machine.interventions import Segment
from simlib.machine.tables import Tables
from simlib.scenario.model import Pin, Scenario
from simlib.typing import Floats, Ints

_FINER = 1e-2
"""The tolerance is multiplied by this number in a scenario with impacts.

Impacts grow with the number of jumps, so they need more terms of the series. The smaller tolerance applies to every
block, so that an answer does not depend on the block of its vector.
"""


@dataclass
class Solution:
    """The raw answers of one solution at T report times.

    Attributes:
        features: How results are computed from columns (weighted sums of histogram bins).
        at (T, columns): The columns at each time.
        until (T, columns): The integrals of the columns over the days up to each time.
        counts (T, moves): The expected number of times that each move has happened.
        hits: For each question with a separate vector (a quest), the probability (T,) that its answer is yes.
        tails (T,): The bound on the truncation error.
        hit_tails: For each quest, the bound (T,) on its truncation error.
        moments: The means and mean squares of the impacts.
        without_effect: The probability that an intervention on a day had no effect, given that no ending had been
            reached before. The keys are positions in the scenario's list of interventions. None: an ending was certain
            before the intervention.
        steps: The number of steps (products with the transition matrix) that the distribution took.
    """

    features: Features
    at: Floats
    until: Floats
    counts: Floats
    hits: dict[str, Floats]
    tails: Floats
    hit_tails: dict[str, Floats]
    moments: Moments
    without_effect: dict[int, float | None] = field(default_factory=dict)
    steps: int = 0


@dataclass(frozen=True, eq=False)
class Prepared:
    """The parts that all solutions of one scenario share, at all assumption values.

    Attributes:
        features: How results are computed from sums over states.
        rewards: Which states and firings add amounts to the impacts.
        blocks: The vectors of each block.
    """

    scenario: Scenario
    tables: Tables
    space: StateSpace
    segments: Sequence[Segment]
    horizon: float
    times: Floats
    features: Features
    rewards: StateRewards
    blocks: list[Seats]
    leap: float = 0.0
    """If above 0, the faster series of `chebyshev` is used, with this value of `chebyshev.LEAPS`.

    This series cannot carry impacts, and raises `TooCyclic` for some chains.
    """

    def without_impacts(self) -> Prepared:
        """Return a copy without impacts, which uses the faster series of `chebyshev`."""
        none = replace(self.rewards.rewards, impacts=(), impulses=(), accruals=(), payments=())
        rewards = StateRewards(self.tables, self.space, none)
        # Questions about firings cost most, so they come last, in a block that can have a separate thread.
        quests = sorted(self.quests, key=lambda quest: bool(quest.taboo.firings))
        return replace(self, rewards=rewards, blocks=seated(0, quests), leap=chebyshev.LEAPS[0])

    def in_one_block(self, lead: str) -> Prepared:
        """Return a copy with only as many questions as fit into one block beside the distribution.

        The question `lead` is chosen first, then questions about states, then questions about firings (happenings of a
        move).
        """
        passes: dict[str, list[Quest]] = {}
        for quest in self.quests:
            alone = quest.name in self.scenario.questions  # if not, it is one part of a question about two events
            passes.setdefault(quest.name if alone else quest.name.rpartition(" ")[0], []).append(quest)
        chosen: list[Quest] = []
        for name in sorted(passes, key=lambda name: (name != lead, any(quest.taboo.firings for quest in passes[name]))):
            if len(chosen) + len(passes[name]) < BLOCK_LANES:
                chosen += passes[name]
        return replace(self, blocks=seated(0, chosen))

    def calmer(self) -> Prepared:
        """Return a copy for a chain in which the terms of the `chebyshev` series grow too much.

        The copy has the next larger number of jumps per day. If there is no larger number, it uses the ordinary series.
        """
        return replace(self, leap=next((leap for leap in chebyshev.LEAPS if leap > self.leap), 0.0))

    @property
    def quests(self) -> list[Quest]:
        """All questions that have a separate vector."""
        return [quest for seats in self.blocks for quest in seats.quests]


@dataclass
class _Done:
    block: Lanes
    carried: Carried
    moments: MomentSums | None
    histograms: Histograms | FewHistograms | None


class SolutionRun:
    """One solution in progress.

    Args:
        world: The parts that do not depend on assumption values.
        chain: The Markov chain at the assumption values.
        tolerance: Bound on the truncation error.
        pool: Helper threads. None: all work is done on this thread.
        control: Progress callback and cancellation.
    """

    def __init__(
        self, world: Prepared, chain: Chain, tolerance: float, pool: ThreadPoolExecutor | None, control: Control
    ) -> None:
        self.world, self.chain, self.tolerance, self.pool, self.control = world, chain, tolerance, pool, control
        self.carry = chebyshev.carry if world.leap else carry
        self.main = chain.start()
        times, moves = len(world.times), len(world.tables.move_ids)
        self.vectors = {quest.name: self.main.copy() for quest in world.quests}
        self.hit = dict.fromkeys(self.vectors, 0.0)
        self.lost = {"": 0.0} | dict.fromkeys(self.vectors, 0.0)
        self.forced, self.spent = np.zeros(moves), np.zeros(world.features.columns)
        self.result = Solution(
            features=world.features,
            at=np.zeros((times, world.features.columns)),
            until=np.zeros((times, world.features.columns)),
            counts=np.zeros((times, 0 if world.features.answers_only else moves)),
            hits={name: np.zeros(times) for name in self.vectors},
            tails=np.zeros(times),
            hit_tails={name: np.zeros(times) for name in self.vectors},
            moments=Moments(world.rewards, chain, times),
        )

    def all_segments(self) -> Solution:
        """Carry all vectors through all segments, and return the raw answers at the report times."""
        for segment in self.world.segments:
            for jump in self.chain.jumps(segment):
                self._act(jump, segment.start)
            self._carry(segment)
        self.result.moments.settle(self.world.features.of_ending(self.result.at)[:, :-1])
        return self.result

    def _rows(self, segment: Segment) -> Ints:
        times, last = self.world.times, segment is self.world.segments[-1]
        return np.flatnonzero((times >= segment.start) & ((times < segment.end) | (last & (times <= segment.end))))

    def _carry(self, segment: Segment) -> None:
        """Carry all vectors through a segment, all blocks but the first on helper threads."""
        rows = self._rows(segment)
        self.chain.rating(segment)  # computed before the threads start, because they share it
        self.world.space.held(segment.held, self.world.tables).incoming  # noqa: B018 - cached there, too
        horizon = max(self.world.horizon, 1e-300)
        part = self.control.part(segment.start / horizon, segment.end / horizon)
        silent = self.control.silent()
        first, *others = self.world.blocks
        work = [partial(self._pass, seats, segment, rows, None, silent) for seats in others]
        waiting = [each if self.pool is None else self.pool.submit(each).result for each in work]
        done = [self._pass(first, segment, rows, None if others else self.pool, part), *(each() for each in waiting)]
        for seats, each in zip(self.world.blocks, done, strict=True):
            self._record(seats, each, rows)

    def _pass(
        self, seats: Seats, segment: Segment, rows: Ints, pool: ThreadPoolExecutor | None, control: Control
    ) -> _Done:
        features, duration = self.world.features, segment.end - segment.start
        before = [EMPTY_TABOO] * (seats.main + len(seats.impacts))
        taboos = [*before, *(quest.at(segment.start) for quest in seats.quests)]
        block = Lanes(self.chain, segment, duration, taboos, leap=self.world.leap)
        vectors = [self.main] * seats.main + [self.result.moments.vectors[impact] for impact in seats.impacts]
        vectors += [self.vectors[quest.name] for quest in seats.quests]
        start = np.zeros((block.states, block.width))
        start[:, : len(vectors)] = np.stack(vectors, axis=1)
        times = np.append(self.world.times[rows] - segment.start, duration)
        counted = moments = None
        watchers: list[Watcher] = []
        if seats is self.world.blocks[0]:
            reading = features.reading(self.chain.rating(segment).rates)
            counted = histograms(features.cells, reading, times, block.width)
            watchers.append(counted)
        if seats.impacts:
            moments = self.result.moments.over(segment, block, seats.impacts, len(times))
            watchers.append(moments)
        finer = _FINER if any(each.impacts for each in self.world.blocks) else 1.0
        share = max(duration / max(self.world.horizon, 1e-300), 1e-12) * finer
        tolerance = self.tolerance * share
        onward = segment is not self.world.segments[-1]
        carried = self.carry(
            block, start, times, watchers=watchers, onward=onward, tolerance=tolerance, pool=pool, control=control
        )
        return _Done(block, carried, moments, counted)

    def _record(self, seats: Seats, done: _Done, rows: Ints) -> None:
        carried, ends = done.carried, done.carried.end.T.copy()
        if done.histograms is not None:
            self.main = ends[0]
            self._record_main(done.histograms, carried, done.block.uniform, rows)
        if done.moments is not None:
            self.result.moments.record(seats.impacts, done.moments, done.block.uniform, ends[1:], rows)
        for lane, quest in enumerate(seats.quests, start=seats.main + len(seats.impacts)):
            name = quest.name
            self.result.hits[name][rows] = self.hit[name] + carried.hits[:-1, lane]
            self.result.hit_tails[name][rows] = self.lost[name] + carried.tails[:-1]
            self.hit[name] += float(carried.hits[-1, lane])
            self.lost[name] += float(carried.tails[-1])
            self.vectors[name] = ends[lane]

    def _record_main(self, counted: Histograms | FewHistograms, carried: Carried, uniform: float, rows: Ints) -> None:
        self.result.at[rows], until = counted.at[:-1], counted.until / uniform
        self.result.until[rows] = self.spent + until[:-1]
        self.spent = self.spent + until[-1]
        if not self.world.features.answers_only:
            self.result.counts[rows] = self.forced + self.world.features.moves(self.result.until[rows])
        self.result.tails[rows] = self.lost[""] + carried.tails[:-1]
        self.lost[""] += float(carried.tails[-1])
        self.result.steps += carried.steps

    def _act(self, jump: Jump, day: float) -> None:
        action = jump.action
        going = self.main[~self.world.space.ended].sum()
        if action.move >= 0:
            fired = float(self.main[jump.able].sum())
            self.forced[action.move] += fired
            if action.number >= 0:
                self.result.without_effect[action.number] = 1 - fired / going if going > self.tolerance else None
        elif isinstance(self.world.scenario.interventions[action.number], Pin):
            self.result.without_effect[action.number] = (
                jump.unmoved(self.main) / going if going > self.tolerance else None
            )
        self.result.moments.act(jump, self.main)
        self.main = jump.apply(self.main)
        for quest in self.world.quests:
            name, vector = quest.name, self.vectors[quest.name]
            taboo = quest.acting(day)
            # Histories in the taboo set before the intervention have answered the question. They are taken out first.
            if taboo.inside is not None:
                self.hit[name] += float(vector[taboo.inside].sum())
                vector = taboo.clear(vector)
            self.hit[name] += jump.stopped(vector, taboo)
            after = jump.apply(vector, taboo)
            self.vectors[name] = taboo.clear(after)
            if day == quest.until:
                self.hit[name] += float(after.sum() - self.vectors[name].sum())
            else:
                self.vectors[name] = after
