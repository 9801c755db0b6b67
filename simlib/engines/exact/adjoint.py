"""Gradients of exact answers in all assumptions, at the cost of a few solutions.

A measure is m(θ) = p₀ᵀ u(0). Here u(t) is the value of each state at time t, and solves the backward equation -u' = Q u
+ r. The derivative of m needs no separate solution for each assumption:

    ∂m/∂θ = (∂p₀/∂θ)ᵀ u(0) + ∫ p(t)ᵀ (∂Q/∂θ u(t) + ∂r/∂θ) dt,

so one forward and one backward solution, kept at Gauss-Legendre nodes, serve all assumptions at once. An edge from x to
y adds p(x) (u(y) - u(x)) to its pair (table entry, outcome), which determines its rate. The chain rule leads from the
few thousand pairs to the assumptions, through the hazards and the joint normalisation of the chances. This is adjoint
sensitivity (Cao, Li, Petzold & Serban 2003).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels, one_blas_thread
from simlib.engines.exact.chain import Rating
from simlib.engines.exact.generator import Generator
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.observables import Gains, Observable, observable
from simlib.engines.exact.poisson import FINE
from simlib.engines.exact.quests import NO_QUEST
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import StateSpace, Taboo
from simlib.engines.exact.uniformization import backward
from simlib.errors import Problem, ScenarioError
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.firing_counter import COUNTED
from simlib.machine.interventions import Segment
from simlib.machine.measures import By, Measure, conditional, days_by, find
from simlib.machine.tables import sums_by
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

_NODES_AT_ONCE = 16
"""Number of nodes in one sum over the edges. Their values take two cache lines for each state."""

_ORDER = 12
"""Number of Gauss-Legendre nodes in each panel, one of the parts into which `quadrature` cuts a span."""

_FIRST_PANEL, _GROWTH = 5.0, 6.0
"""Length of the first panel, in mean times between jumps, and the ratio of each panel to the one before."""


def gradient(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    values: Mapping[str, float] | None = None,
    by: By = None,
    ignore_windows: bool = False,
    solver: Solver | None = None,
    control: Control = UNWATCHED,
) -> pd.DataFrame:
    """Return the exact derivative of each measure with respect to each assumption.

    If an intervention assumes a value for a while, this value also changes with its assumption, as in draws of the
    priors.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures. Default: all endings.
        values: Assumption values that replace stated ones, by name, in base units.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        ignore_windows: Whether to treat calendar windows as always open.
        solver: An existing solver of the scenario.
        control: Progress callback and cancellation.

    Returns:
        A table with the columns measure, day, assumption, label, value (base units), answer, derivative (∂/∂θ on the
        plain scale) and elasticity (∂ log / ∂ log).

    Raises:
        ScenarioError: For an unknown measure or a target outside the forecast.
        TooManyStates: When there are too many states.
        Cancelled: When `control` cancels the work.
    """
    import pandas as pd

    if solver is None:
        asked = with_events(scenario, find(scenario, measures) if measures is not None else (), days_by(scenario, by))
        solver = Solver(asked, times=1, ignore_windows=ignore_windows, control=control)
    theta = priors.theta(scenario, values)
    endings = [f"ending:{name}" for name in scenario.endings]
    names = [measure.name for measure in find(scenario, endings if measures is None else measures)]
    rows = []
    adjoint = Adjoint(solver, theta, by=by, control=control)
    for number, name in enumerate(names):
        answer, derivative = adjoint.of(name)
        for assumption, value, slope in zip(scenario.assumptions.values(), theta, derivative, strict=True):
            rows.append(
                {
                    "measure": name,
                    "day": adjoint.by_day,
                    "assumption": assumption.id,
                    "label": assumption.label,
                    "value": value,
                    "answer": answer,
                    "derivative": slope,
                    "elasticity": slope * value / answer if answer > 0 else np.nan,
                }
            )
        control.report((number + 1) / len(names))
    return pd.DataFrame(rows)


@dataclass
class _AdjointSpan:
    """A segment, cut off at the target day, with quadrature nodes for integrals over it.

    `nodes` (J,) are days from its start, with `weights` (J,).
    """

    segment: Segment
    duration: float
    nodes: Floats
    weights: Floats
    rating: Rating
    space: StateSpace
    jumps: list[Jump]


class Adjoint:
    """The gradients of measures at one θ (the values of the assumptions).

    Forward solutions are kept, so another measure costs only one backward solution. `tolerance` bounds the truncation
    error of each solution.
    """

    def __init__(
        self, solver: Solver, theta: Floats, *, by: By = None, tolerance: float = FINE, control: Control = UNWATCHED
    ) -> None:
        self.solver, self.theta, self.tolerance = solver, theta, tolerance
        self._cancelling = Control(cancel=control.cancel)
        self.tables, self.space, self.chain = solver.tables, solver.space, solver.chain(theta)
        self.by_day = solver.horizon if by is None else days_by(solver.scenario, by)
        if self.by_day > solver.horizon:
            what = f"{self.by_day:g} lies outside the forecast"
            raise ScenarioError(Problem("", 0, "by", what, f"expected at most {solver.horizon:g} days"))
        self.spans = [self._span(segment) for segment in self._segments()]
        self._forward: dict[str, list[tuple[Floats, Floats]]] = {}

    def _segments(self) -> list[Segment]:
        """Return the segments that begin before the target day, and any with interventions on it."""
        return [s for s in self.solver.segments if s.start < self.by_day or (s.start == self.by_day and s.actions)]

    def _span(self, segment: Segment) -> _AdjointSpan:
        duration = max(min(segment.end, self.by_day) - segment.start, 0.0)
        space, rating = self.space.held(segment.held, self.tables), self.chain.rating(segment)
        uniform = Generator.build(space.incoming, rating.pair_rates, None, duration).uniform
        return _AdjointSpan(segment, duration, *quadrature(duration, uniform), rating, space, self.chain.jumps(segment))

    # ---------------------------------------------------------------- solving

    def of(self, name: str) -> tuple[float, Floats]:
        """Return (answer, derivative (A,)) of a named measure."""
        chosen = find(self.solver.scenario, name)[0]
        if chosen.kind == "question" and chosen.of in self.solver.counted:
            solver, control = self.solver.counted[chosen.of], self._cancelling
            counting = Adjoint(solver, self.theta, by=self.by_day, tolerance=self.tolerance, control=control)
            return counting.of(f"ending:{COUNTED}")
        with one_blas_thread():
            if chosen.kind == "given":
                return self._of_given(chosen)
            return self._of(observable(self.solver, name))

    def _of_given(self, measure: Measure) -> tuple[float, Floats]:
        """Return a conditional probability and its derivative, by the quotient rule."""
        questions = self.solver.scenario.questions
        parts = {}
        for name in (measure.condition, measure.both):
            joint = questions[name].joint
            assert joint is not None, name
            solved = [self._of(Observable(q.name, quest=q)) for q in self.solver.passes(name, joint)]
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
        if measure.quest.taboo.inside is not None:
            value[measure.quest.taboo.inside] = 1.0
        answer = float(self.chain.start() @ value)
        derivative = self._chain(per_pair, forced) + self._start_part(value)
        for worth in measure.worths:
            if worth.amount >= 0:
                derivative[worth.amount] += self._expected(worth, forward)
        return answer, derivative

    def _expected(self, worth: Gains, forward: list[tuple[Floats, Floats]]) -> float:
        """Return the expected number of times that the amount of `worth` is gained.

        This is the part of the derivative with respect to the amount that does not come through the rates.
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
        """Return how much one firing of each outcome adds to the measure (O,)."""
        total = np.zeros(len(self.tables.outcome_ids))
        for worth in measure.worths:
            total += worth.scale(self.theta) * worth.by_outcome
        return total

    def _solve_forward(self, measure: Observable) -> list[tuple[Floats, Floats]]:
        """Return the distributions p over the states, carried forward through all spans.

        There is one entry for each span: p before the interventions at its start (N,), and p at its nodes (J, N). A
        last entry holds p at the end.
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
        """Carry the value of each state back from the end of a span to its start.

        Return it with the derivative of the measure with respect to the rate of each pair (P,) in this span.
        """
        sums = np.zeros(len(self.space.pair_entry))
        if span.duration == 0:
            return value, sums
        taboo = measure.quest.at(span.segment.start)
        pair_rates, kill = self.chain.without(taboo, span.rating.pair_rates)
        reward = None
        if measure.worths:
            reward = self._by_firings(span, self._worth(measure))
            for each in measure.worths:
                reward = reward + each.scale(self.theta) * each.by_state
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
        weighted = vectors * span.weights[:, None]
        if taboo.inside is not None:
            weighted = np.where(taboo.inside, 0.0, weighted)
        _edge_sums(span.space, weighted, worth[:-1], sums)
        self._add_firings(measure, taboo, weighted, worth[:-1], sums)
        return worth[-1], sums

    def _add_firings(self, measure: Observable, taboo: Taboo, weighted: Floats, worth: Floats, sums: Floats) -> None:
        """Complete `sums` for firings that have a value of their own.

        A firing in the taboo stops the history, and its value is 1. Other firings may gain an amount.
        """
        if taboo.firings:
            marked = self.chain.marked(taboo)
            gain = np.sum(weighted * (1 - worth), axis=0)
            sums[marked] = sum(self._by_pair(move, gain) for move in taboo.moves)[marked]  # type: ignore[index]
        value = self._worth(measure)
        for move in np.unique(self.tables.outcome_move[value > 0]).tolist():
            sums += self._by_pair(move, np.sum(weighted, axis=0)) * value[self.space.pair_outcome]

    def _by_pair(self, move: int, by_state: Floats) -> Floats:
        """Return, for each pair of a move (P,), the sum of `by_state` (N,) over some states.

        These are the states at the table entry of the pair that are no ending. Pairs of other moves get 0.
        """
        entry = self.tables.local_index(move, self.space.levels)
        gain = np.where(self.space.ended, 0.0, by_state)
        per_entry = sums_by(entry, gain, int(self.tables.table_start[-1]))
        return np.where(self.chain.pairs(move), per_entry[self.space.pair_entry], 0.0)

    # ---------------------------------------------------------------- interventions

    def _back_over_actions(
        self, measure: Observable, span: _AdjointSpan, before: Floats, value: Floats, forced: Floats
    ) -> Floats:
        """Carry the value of each state back over the interventions at a span's start.

        The derivatives of the measure with respect to the chances in these interventions are added to `forced` (B,).
        """
        jumps, taboo, firing = span.jumps, measure.quest.acting(span.segment.start), self._worth(measure)
        vectors, current = [], before
        for jump in jumps:
            vectors.append(current)
            current = taboo.clear(jump.apply(current, taboo))
        for jump, vector in zip(reversed(jumps), reversed(vectors), strict=True):
            if taboo.inside is not None:
                value = np.where(taboo.inside, 1.0, value)
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

    # ---------------------------------------------------------------- the chain rule

    def _chain(self, per_pair: list[Floats], forced: Floats) -> Floats:
        """Apply the chain rule: from the rates of pairs and the chances to the assumptions (A,).

        For each span, `per_pair` holds the derivatives with respect to the rates of pairs (P,), and `forced` those with
        respect to the chances of forced and dated moves (B,).
        """
        tables, extended = self.tables, self.tables.standing.extended(self.theta)
        derivative, count = np.zeros(len(extended)), len(self.theta)
        for span, sums, by_firing in zip(self.spans, per_pair, forced, strict=True):
            by_chance = by_firing.copy()
            if span.duration:
                branch, rates, chances = self.space.pair_branch, span.rating.rates, span.rating.chances
                by_entry = sums_by(self.space.pair_entry, sums * chances[branch], len(rates))
                by_chance += sums_by(branch, sums * rates[self.space.pair_entry], len(by_chance))
                for row in tables.index(span.segment):
                    np.add.at(derivative, row, _over(by_entry * rates, extended[row]))
            derivative[:count] += self._chance_part(by_chance, span.segment)
            by_factor = self._by_log_weight(by_chance, span.rating.chances)
            for row in tables.branch_factors(span.segment):
                np.add.at(derivative, row, _over(by_factor, extended[row]))
        derivative[:count] = tables.standing.per_median(derivative[:count], self.theta)
        for assumption, place, slope in tables.standing.slopes(self.theta):
            derivative[assumption] += slope * derivative[place]
        return derivative[:count]

    def _chance_part(self, by_chance: Floats, segment: Segment) -> Floats:
        """Return ∂/∂θ given ∂/∂chance (B,) in a segment, leaving out factors on outcomes.

        A value that an intervention assumes in this segment changes with θ, too.
        """
        theta, _ = self.tables.standing.in_place(self.theta, segment)
        branches, weight = self.tables.branches, self.tables.weights(self.theta, segment)
        result = self._share_part(theta, by_chance, branches.chance, branches.start, weight)
        for assumption, slope in self.tables.standing.moving(segment, self.theta).items():
            result[assumption] *= slope
        return result

    def _by_log_weight(self, by_chance: Floats, chances: Floats) -> Floats:
        """Return ∂/∂ log weight (B,) given ∂/∂chance (B,).

        Chances are weights normalised within a context, so a larger weight lowers all other chances there.
        """
        starts = self.tables.branches.start
        mean = np.add.reduceat(by_chance * chances, starts[:-1])
        return (by_chance - np.repeat(mean, np.diff(starts))) * chances

    def _share_part(
        self, theta: Floats, by_share: Floats, chance: Ints, starts: Ints, weights: Floats | None = None
    ) -> Floats:
        """Return ∂/∂θ given ∂/∂share.

        In each group of shares, one may take what the others leave, or all may be normalised to sum to one.
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

    def _start_part(self, value: Floats) -> Floats:
        """Return the part of the derivative (A,) that comes from the start, (∂p₀/∂θ)ᵀ u(0).

        u(0) is `value` (N,), the value of each state at time 0. A joint start does not depend on θ.
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
        """Return, for each start state, the index of its level of a variable in the start shares."""
        first, last = self.tables.start_start[variable : variable + 2]
        own = self.tables.start_level[first:last]
        return first + np.argmax(levels[:, variable][:, None] == own[None, :], axis=1)


def _over(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)


def _edge_sums(space: StateSpace, weighted: Floats, worth: Floats, sums: Floats) -> None:
    """Add Σ_j p_j(x) (u_j(y) - u_j(x)) of every edge x → y to the number of its pair in `sums`.

    At each node j, `weighted` (J, N) is p times the quadrature weight, and `worth` (J, N) is u.
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


def quadrature(duration: float, uniform: float) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights on [0, duration], dense near both ends.

    p changes fast just after the start of a span and u just before its end, on the scale 1/Λ of the fastest jumps. The
    first panel at each end has a length of a few 1/Λ. Panels grow geometrically towards the middle.
    """
    if duration <= 0:
        return np.zeros(0), np.zeros(0)
    edges, length = [0.0], _FIRST_PANEL / uniform
    while edges[-1] + length < duration / 2:
        edges.append(edges[-1] + length)
        length *= _GROWTH
    half = np.array(edges)
    cuts = np.concatenate([half, duration - half[::-1]])
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    width = np.diff(cuts)[:, None] / 2
    centre = (cuts[:-1] + cuts[1:])[:, None] / 2
    return (centre + width * points).ravel(), (width * weights).ravel()
