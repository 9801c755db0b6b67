"""The exact search for the most probable path classes over a ladder.

A path class is the order in which histories first visit the rungs (levels) of a ladder, together with the ending on the
target day. A prefix is the beginning of such an order. While histories follow a prefix, they stay on its rungs.
Probability that reaches a new rung flows into the prefix that is one rung longer. The prefix with the largest inflow is
expanded first. No class that begins with a prefix can be more probable than the inflow of the prefix. So the classes
found are certain to be the most probable ones, unless the search is cut short. The probability that is not yet assigned
to a class is always known.

A segment is a stretch of time without a dated intervention. Each segment has one uniformised chain, and every prefix is
followed along the steps of the chain. So the probability that leaves a prefix at a step enters the longer prefix at the
same step.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.control import Control
from simlib.engines.exact.endpoint import backward_steps
from simlib.engines.exact.generator import Generator
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.poisson import FINE_TOLERANCE, pmf, survival, truncation
from simlib.engines.exact.solver import Solver
from simlib.machine.interventions import Segment
from simlib.typing import Floats, Ints


@dataclass(frozen=True)
class _SearchSpan:
    """A stretch of time between dated interventions, with the uniformised Markov chain in it.

    weights (steps,): the probability of exactly k steps in the stretch.
    entry (steps,): the probability of at least k steps.
    worth (steps, N): P(at least k steps, and the wanted ending | state after k steps), for N states. It is None if any
    ending will do.
    jumps: the interventions at the start of the stretch.
    """

    segment: Segment
    generator: Generator
    weights: Floats
    entry: Floats
    worth: Floats | None
    jumps: list[Jump]

    @property
    def first(self) -> int:
        """The number of the moment just before all interventions at the start of the span.

        The moment after each intervention has the next number. The moment after all of them has the number -1.
        """
        return -len(self.jumps) - 1


@dataclass
class _Prefix:
    """The beginning of a path: the rungs visited so far, in order of first visits.

    entered: the probability that a history visits these rungs first, and has the wanted ending.
    inflow: for each key (span, step), a list of pairs (states in which the last rung is entered, their probabilities).
    Steps below 0 are the moments around the interventions at the start of the span, numbered as in `_SearchSpan.first`.
    """

    rungs: tuple[int, ...]
    entered: float
    inflow: dict[tuple[int, int], list[tuple[Ints, Floats]]]


@dataclass(frozen=True)
class SearchResult:
    """The result of the search for the most probable path classes.

    Rungs and endings are indices. The last index of endings stands for no ending.

    classes: (probability, rungs in order of first visits, ending), the most probable first.
    prefixes: (rungs visited first, probability of visiting them first) for each beginning of a path that the search
        found.
    total: the probability of the wanted ending (about 1 if any ending will do).
    error: a bound on the truncation error of each probability.
    left: a bound on the probability of each class that the search did not reach.
    unassigned: the total probability of the classes that the search did not reach.
    """

    classes: list[tuple[float, tuple[int, ...], int]]
    prefixes: list[tuple[tuple[int, ...], float]]
    total: float
    error: float
    left: float
    unassigned: float


class PathSearch:
    """A search for the most probable orders of first visits to the rungs of a ladder.

    `wanted` is the index of the ending that the histories must have (-1: any ending, or none).
    """

    def __init__(self, solver: Solver, ladder: str, wanted: int, control: Control) -> None:
        self.solver, self.chain, self.control = solver, solver.chain(), control
        scenario, space = solver.scenario, solver.space
        self.rung = solver.tables.rungs(space.levels)[list(scenario.ladders).index(ladder)]
        self.rungs = len(scenario.ladders[ladder].rungs)
        self.endings = len(scenario.endings) + 1
        self.ending = np.where(space.ended, space.ending, len(scenario.endings))
        self.wanted = wanted
        self.states_of = [np.flatnonzero(self.rung == r) for r in range(self.rungs)]
        self.spans = self._spans()

    def _spans(self) -> list[_SearchSpan]:
        value = (self.ending == self.wanted).astype(float) if self.wanted >= 0 else None
        result = []
        for segment in reversed(self.solver.segments):
            result.append(self._span(segment, value))
            value = self._worth_between(result[-1], -1)
        return result[::-1]

    def _span(self, segment: Segment, value: Floats | None) -> _SearchSpan:
        """Return a stretch of time, given P(wanted ending | state) at its end (N,)."""
        solver, duration = self.solver, segment.end - segment.start
        space, pair_rates = solver.space.held(segment.held, solver.tables), self.chain.rating(segment).pair_rates
        generator = Generator.build(space.incoming, pair_rates, None, duration)
        last = truncation(generator.uniform * duration, FINE_TOLERANCE) if duration else 0
        steps, mean = np.arange(last + 1), np.array([generator.uniform * duration])
        weights = pmf(steps, mean)[0]
        entry = np.append(1.0, survival(steps[:-1], mean)[0])
        worth = None
        if value is not None:
            back = backward_steps(space, pair_rates / generator.uniform, generator.diagonal, value, last)
            worth = np.array([np.append(weights[k:], np.zeros(k)) for k in range(last + 1)]) @ back
        return _SearchSpan(segment, generator, weights, entry, worth, self.chain.jumps(segment))

    def run(self, top: int, most: int) -> SearchResult:
        """Search until the `top` most probable classes are certain, or `most` prefixes are expanded.

        A prefix is the beginning of a path: the rungs visited so far.
        """
        queue = [(-p.entered, number, p) for number, p in enumerate(self._roots())]
        total = sum(p.entered for _, _, p in queue)
        heapq.heapify(queue)
        ticket = itertools.count(len(queue))
        classes: list[tuple[float, tuple[int, ...], int]] = []
        tree: list[tuple[tuple[int, ...], float]] = []
        while queue and len(tree) < most:
            best = sorted((mass for mass, _, _ in classes), reverse=True)[:top]
            if len(best) == top and best[-1] >= -queue[0][0]:
                break
            _, _, prefix = heapq.heappop(queue)
            tree.append((prefix.rungs, prefix.entered))
            stays, children = self._expand(prefix)
            classes += [(mass, prefix.rungs, ending) for ending, mass in stays if mass > 0]
            for child in children:
                heapq.heappush(queue, (-child.entered, next(ticket), child))
            self.control.report(min(sum(mass for mass, _, _ in classes) / max(total, 1e-300), 1.0))
            self.control.check()
        tree += [(p.rungs, p.entered) for _, _, p in queue]
        left, unassigned = (-queue[0][0], -sum(mass for mass, _, _ in queue)) if queue else (0.0, 0.0)
        first = sorted(classes, key=lambda item: -item[0])[:top]
        return SearchResult(first, tree, total, FINE_TOLERANCE * len(self.spans), left, unassigned)

    def _roots(self) -> list[_Prefix]:
        start, span, result = self.chain.start(), self.spans[0], []
        before = self._worth_between(span, -1)
        for rung in np.unique(self.rung[start > 0]):
            states = np.flatnonzero((self.rung == rung) & (start > 0))
            mass = start[states]
            worth = 1.0 if before is None else before[states]
            result.append(_Prefix((int(rung),), float(np.sum(mass * worth)), {(0, span.first): [(states, mass)]}))
        return result

    def _expand(self, prefix: _Prefix) -> tuple[list[tuple[int, float]], list[_Prefix]]:
        """Return the paths that visit only the rungs of this prefix, and the next longer prefixes.

        A prefix is the beginning of a path. Each path is returned as a pair (ending, probability).
        """
        outside = ~np.isin(self.rung, prefix.rungs)
        new = [r for r in range(self.rungs) if r not in prefix.rungs and len(self.states_of[r])]
        children = {r: _Prefix((*prefix.rungs, r), 0.0, {}) for r in new}
        vector = np.zeros(len(self.rung))
        for place, span in enumerate(self.spans):
            self._pour(prefix, (place, span.first), vector)
            for number, jump in enumerate(span.jumps):
                vector, moment = jump.apply(vector), (place, span.first + number + 1)
                self._spill(children, vector, outside, moment, self._worth_between(span, number))
                self._pour(prefix, moment, vector)
            vector = self._carry(prefix, children, place, vector, outside)
        mass = np.bincount(self.ending, weights=vector, minlength=self.endings)
        stays = [(e, float(mass[e])) for e in range(self.endings) if self.wanted in (-1, e)]
        return stays, [child for child in children.values() if child.entered > 0]

    def _worth_between(self, span: _SearchSpan, number: int) -> Floats | None:
        """Return the worth of a span just after intervention `number` (-1: before all)."""
        if span.worth is None:
            return None
        value = span.worth[0]
        for jump in reversed(span.jumps[number + 1 :]):
            value = jump.pull(value)
        return value

    def _carry(self, prefix: _Prefix, children: dict[int, _Prefix], place: int, vector: Floats, outside: Any) -> Floats:
        span = self.spans[place]
        end, spare = np.zeros_like(vector), np.empty_like(vector)
        for step, weight in enumerate(span.weights):
            if step:
                span.generator.step(vector, spare)
                vector, spare = spare, vector
                worth = None if span.worth is None else span.worth[step]
                self._spill(children, vector, outside, (place, step), worth, float(span.entry[step]))
                self._pour(prefix, (place, step), vector)
            end += weight * vector
        return end

    @staticmethod
    def _pour(prefix: _Prefix, key: tuple[int, int], vector: Floats) -> None:
        for states, mass in prefix.inflow.get(key, ()):
            vector[states] += mass

    def _spill(
        self,
        children: dict[int, _Prefix],
        vector: Floats,
        outside: Any,
        key: tuple[int, int],
        worth: Floats | None,
        reached: float = 1.0,
    ) -> None:
        """Move the probability of states on new rungs out of `vector` and into the longer prefixes.

        Both `vector` and `children` are changed in place.
        """
        for rung, child in children.items():
            states = self.states_of[rung]
            mass = vector[states]
            some = np.flatnonzero(mass)
            if len(some):
                states, mass = states[some], mass[some]
                child.inflow.setdefault(key, []).append((states, mass))
                child.entered += float(mass.sum() * reached) if worth is None else float(mass @ worth[states])
        vector[outside] = 0.0
