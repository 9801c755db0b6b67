"""Gradients of exact answers with respect to assumptions, at the cost of a few solutions.

The value of a measure (a probability, or an expected number or amount) is m(θ) = p₀ᵀ u(0). Here p₀ is the distribution
over the states at the start, and u(t) is the expected contribution to the measure from time t on, for each state at
time t. With the generator Q and the gain r per day, u solves the backward equation -u' = Q u + r. The derivative of m
needs no separate solution for each assumption:

    ∂m/∂θ = (∂p₀/∂θ)ᵀ u(0) + ∫ p(t)ᵀ (∂Q/∂θ u(t) + ∂r/∂θ) dt,

so one forward and one backward solution, kept at Gauss-Legendre nodes, serve all assumptions at once. The rate of an
edge from state x to state y depends only on its *pair*: an entry of a move's rate table and an outcome of this move.
The edge adds p(x) (u(y) - u(x)) to the derivative with respect to this rate. `ChainRule` turns the derivatives for the
few thousand pairs into derivatives with respect to the assumptions. This is adjoint sensitivity (Cao, Li, Petzold &
Serban 2003).

Sizes: N states, P pairs, J nodes, A assumptions, O outcomes, B branches (outcomes under given conditions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels, one_blas_thread
from simlib.engines.exact.chain import Rating
from simlib.engines.exact.chain_rule import ChainRule
from simlib.engines.exact.gauss_legendre import quadrature
from simlib.engines.exact.generator import Generator
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.observables import Gains, Observable, observable
from simlib.engines.exact.poisson import FINE_TOLERANCE
from simlib.engines.exact.quests import NO_QUEST
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import StateSpace, Taboo
from simlib.engines.exact.uniformization import backward
from simlib.errors import Problem, ScenarioError
from simlib.machine.firing_counter import COUNTER_ID
from simlib.machine.interventions import Segment
from simlib.machine.measures import By, Measure, conditional, days_by, find
from simlib.machine.sums import sums_by
from simlib.typing import Floats

_NODES_AT_ONCE = 16
"""Number of nodes that one sweep over the edges sums together. 16 values of a state fill two cache lines."""


@dataclass
class _AdjointSpan:
    """A segment of time up to the target day, and the rule to compute integrals over it.

    The integral of a function is the sum of its values at the `nodes` (J,), each times one of the `weights` (J,). The
    nodes are in days after the start of the segment.
    """

    segment: Segment
    duration: float
    nodes: Floats
    weights: Floats
    rating: Rating
    space: StateSpace
    jumps: list[Jump]


class Adjoint:
    """The gradients of measures at one vector of assumption values.

    Forward solutions are kept, so most further measures cost only one backward solution.

    Args:
        solver: The exact engine of the scenario.
        theta: The assumption values (A,).
        by: The target day, in days after the start or as a date. None: the horizon.
        tolerance: Bound on the truncation error of each solution.
        control: Cancelling, which raises Cancelled.

    Raises ScenarioError for a target after the horizon of the solver.
    """

    def __init__(
        self,
        solver: Solver,
        theta: Floats,
        *,
        by: By = None,
        tolerance: float = FINE_TOLERANCE,
        control: Control = UNWATCHED,
    ) -> None:
        self.solver, self.theta, self.tolerance = solver, theta, tolerance
        self._cancelling = control.silent()
        self.tables, self.space, self.chain = solver.tables, solver.space, solver.chain(theta)
        self.by_day = solver.horizon if by is None else days_by(solver.scenario, by)
        if self.by_day > solver.horizon:
            what = f"{self.by_day:g} lies outside the forecast"
            raise ScenarioError(Problem("", 0, "by", what, f"expected at most {solver.horizon:g} days"))
        self.spans = [self._span(segment) for segment in self._segments()]
        self._forward: dict[str, list[tuple[Floats, Floats]]] = {}

    def _segments(self) -> list[Segment]:
        return [s for s in self.solver.segments if s.start < self.by_day or (s.start == self.by_day and s.actions)]

    def _span(self, segment: Segment) -> _AdjointSpan:
        duration = max(min(segment.end, self.by_day) - segment.start, 0.0)
        space, rating = self.space.held(segment.held, self.tables), self.chain.rating(segment)
        uniform = Generator.build(space.incoming, rating.pair_rates, None, duration).uniform
        return _AdjointSpan(segment, duration, *quadrature(duration, uniform), rating, space, self.chain.jumps(segment))

    # ---------------------------------------------------------------- solving

    def of(self, name: str) -> tuple[float, Floats]:
        """Return the value of a measure, and its derivative with respect to each assumption (A,).

        Raises ScenarioError for an unknown name, Unsupported for a question that only simulated histories can answer,
        and Cancelled.
        """
        chosen = find(self.solver.scenario, name)[0]
        if chosen.kind == "question" and chosen.of in self.solver.counted:
            solver, control = self.solver.counted[chosen.of], self._cancelling
            counting = Adjoint(solver, self.theta, by=self.by_day, tolerance=self.tolerance, control=control)
            return counting.of(f"ending:{COUNTER_ID}")
        with one_blas_thread():
            if chosen.kind == "given":
                return self._of_given(chosen)
            return self._of(observable(self.solver, name))

    def _of_given(self, measure: Measure) -> tuple[float, Floats]:
        questions = self.solver.scenario.questions
        parts = {}
        for name in (measure.condition, measure.both):
            joint = questions[name].joint
            assert joint is not None, name
            solved = [self._of(Observable(q.name, quest=q)) for q in self.solver.passages.of_joint(name, joint)]
            signs = (1.0, 1.0, -1.0)[: len(solved)]
            answers, slopes = zip(*solved, strict=True)
            parts[name] = float(np.dot(signs, answers)), np.asarray(np.tensordot(signs, np.stack(slopes), 1))
        (given, of_given), (both, of_both) = parts[measure.condition], parts[measure.both]
        answer = float(conditional(np.array([max(both, 0.0)]), np.array([given]), measure)[0])
        return answer, (of_both - answer * of_given) / given

    def _of(self, measure: Observable) -> tuple[float, Floats]:
        forward = self._solve_forward(measure)
        value = np.zeros(len(self.space)) if measure.terminal is None else measure.terminal.copy()
        for worth in measure.worths:
            value += worth.scale(self.theta) * worth.at_end
        per_pair = [np.zeros(0)] * len(self.spans)
        forced = np.zeros((len(self.spans), len(self.tables.branches.outcome)))
        for index in reversed(range(len(self.spans))):
            span, (before, vectors) = self.spans[index], forward[index]
            value, per_pair[index] = self._back_through(measure, span, vectors, value)
            value = self._back_over_actions(measure, span, before, value, forced[index])
        value = measure.quest.taboo.met(value)
        answer = float(self.chain.start() @ value)
        rule = ChainRule(self.tables, self.space, self.theta)
        for span, by_pair, by_firing in zip(self.spans, per_pair, forced, strict=True):
            rule.add(span.segment, span.rating, by_pair if span.duration else None, by_firing)
        derivative = rule.total() + rule.of_start(value)
        for worth in measure.worths:
            if worth.amount >= 0:
                derivative[worth.amount] += self._expected(worth, forward)
        return answer, derivative

    def _expected(self, worth: Gains, forward: list[tuple[Floats, Floats]]) -> float:
        """Return the expected number of times (or days) that an amount is added to the measure.

        This is the derivative of the measure with respect to the amount, at fixed rates.
        """
        total = float(forward[-1][0] @ worth.at_end)
        for span, (before, vectors) in zip(self.spans, forward, strict=False):
            vector = before
            for jump in span.jumps:
                share = sum(chance * worth.by_outcome[o] for o, chance, _ in jump.branches if o >= 0)
                total += float(np.sum(share * vector[jump.able]))
                vector = jump.apply(vector)
            per_day = worth.by_state + self._by_firings(span, worth.by_outcome)
            total += float(span.weights @ (vectors @ per_day)) if span.duration else 0.0
        return total

    def _by_firings(self, span: _AdjointSpan, worth: Floats) -> Floats:
        return self.solver.state_rewards.by_firings(span.rating.pair_rates, worth)

    def _worth(self, measure: Observable) -> Floats:
        total = np.zeros(len(self.tables.outcome_ids))
        for worth in measure.worths:
            total += worth.scale(self.theta) * worth.by_outcome
        return total

    def _solve_forward(self, measure: Observable) -> list[tuple[Floats, Floats]]:
        """Carry the distribution over states forward to the target day, and return it in each span.

        Each span (segment up to the target day) gets a pair: the distribution (N,) before its interventions, and the
        distributions (J, N) at its quadrature nodes. One more pair has the distribution at the target day, and no
        nodes.
        """
        quest, key = measure.quest, "" if measure.quest is NO_QUEST else measure.name
        if key not in self._forward:
            vector = self.chain.start()
            result = []
            for span in self.spans:
                taboo = quest.acting(span.segment.start)
                before = vector = taboo.clear(vector)
                for jump in span.jumps:
                    vector = taboo.clear(jump.apply(vector, taboo))
                taboo = quest.at(span.segment.start)
                vector = taboo.clear(vector)
                vectors = np.zeros((0, len(vector)))
                if span.duration:
                    done = self.chain.flow(
                        vector,
                        span.segment,
                        span.duration,
                        taboo=taboo,
                        tolerance=self.tolerance,
                        nodes=span.nodes,
                        control=self._cancelling,
                    )
                    vector, vectors = done.end, done.vectors
                result.append((before, vectors))
            self._forward[key] = [*result, (vector, np.zeros((0, len(vector))))]
        return self._forward[key]

    def _back_through(
        self, measure: Observable, span: _AdjointSpan, vectors: Floats, value: Floats
    ) -> tuple[Floats, Floats]:
        """Return the values of states (N,) at the start of a span, given the values at its end.

        Also return an array (P,): the derivative of the measure with respect to the rate of each pair (rate table
        entry, outcome) in this span. `vectors` (J, N) are the distributions at the quadrature nodes, from the forward
        solution.
        """
        sums = np.zeros(len(self.space.pair_entry))
        if span.duration == 0:
            return value, sums
        taboo = measure.quest.at(span.segment.start)
        pair_rates, kill = self.chain.without(taboo, span.rating.pair_rates)
        reward = self._by_firings(span, self._worth(measure))
        for each in measure.worths:
            reward += each.scale(self.theta) * each.by_state
        worth = backward(
            span.space,
            pair_rates,
            value,
            span.duration,
            np.append(span.duration - span.nodes, span.duration),
            kill=kill,
            reward=reward,
            tolerance=self.tolerance,
            control=self._cancelling,
        )
        weighted = taboo.clear(vectors * span.weights[:, None])
        _edge_sums(span.space, weighted, worth[:-1], sums)
        self._add_firings(measure, taboo, weighted, worth[:-1], sums)
        return worth[-1], sums

    def _add_firings(self, measure: Observable, taboo: Taboo, weighted: Floats, worth: Floats, sums: Floats) -> None:
        """Correct the derivatives `sums` (P,) for moves that answer the question or add amounts."""
        if taboo.firings:
            marked = self.chain.marked(taboo)
            gain = np.sum(weighted * (1 - worth), axis=0)
            sums[marked] = sum(self._by_pair(move, gain) for move in taboo.moves)[marked]  # type: ignore[index]
        value = self._worth(measure)
        for move in np.unique(self.tables.outcome_move[value > 0]).tolist():
            sums += self._by_pair(move, np.sum(weighted, axis=0)) * value[self.space.pair_outcome]

    def _by_pair(self, move: int, by_state: Floats) -> Floats:
        """Return the sum of `by_state` (N,) over the states of each pair of a move.

        The states of a pair are those, except endings, in which the move takes its rate from the pair's entry in the
        rate table. Other moves' pairs get 0.
        """
        entry = self.tables.local_index(move, self.space.levels)
        gain = np.where(self.space.ended, 0.0, by_state)
        per_entry = sums_by(entry, gain, int(self.tables.table_start[-1]))
        return np.where(self.chain.pairs(move), per_entry[self.space.pair_entry], 0.0)

    # ---------------------------------------------------------------- interventions

    def _back_over_actions(
        self, measure: Observable, span: _AdjointSpan, before: Floats, value: Floats, forced: Floats
    ) -> Floats:
        """Return the values of states (N,) before a span's interventions, from those after them.

        The derivatives with respect to the chances of outcomes are added to `forced` (B,). Only moves that an
        intervention forces or that have a fixed date contribute to `forced`.
        """
        jumps, taboo, firing = span.jumps, measure.quest.acting(span.segment.start), self._worth(measure)
        vectors, current = [], before
        for jump in jumps:
            vectors.append(current)
            current = taboo.clear(jump.apply(current, taboo))
        for jump, vector in zip(reversed(jumps), reversed(vectors), strict=True):
            value = taboo.met(value)
            pulled = value.copy()
            pulled[jump.able] = 0.0
            for outcome, chance, target in jump.branches:
                worth = value[target] + (firing[outcome] if outcome >= 0 else 0.0)
                if taboo.stops(jump.action.move, outcome):
                    worth = np.ones_like(worth)
                pulled[jump.able] += chance * worth
                if outcome >= 0 and jump.action.outcome < 0:
                    branch = self.tables.branch(outcome, self.space.levels[jump.able])
                    for each in np.unique(branch):
                        forced[each] += float(vector[jump.able][branch == each] @ worth[branch == each])
            value = pulled
        return value


def _edge_sums(space: StateSpace, weighted: Floats, worth: Floats, sums: Floats) -> None:
    """Compute a term for each edge x → y, and add the term to sums[pair of the edge].

    The term of an edge is Σ_j weighted[j, x] (worth[j, y] - worth[j, x]).
    """
    if kernels is None:
        for p, u in zip(weighted, worth, strict=True):
            gain = p[space.source] * (u[space.target] - u[space.source])
            sums += sums_by(space.pair, gain, len(sums))
        return
    for first in range(0, len(weighted), _NODES_AT_ONCE):
        some = slice(first, first + _NODES_AT_ONCE)
        p, u = np.ascontiguousarray(weighted[some].T), np.ascontiguousarray(worth[some].T)
        kernels.edge_sums(p, u, space.edge_start, space.target, space.pair, sums, 0, len(space))
