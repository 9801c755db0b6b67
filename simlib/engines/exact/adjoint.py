"""Gradients of exact answers with respect to every assumption, for about the cost of a few solves.

A measure is m(θ) = p₀ᵀ u(0), with u(t) what the state at t is worth: u solves the backward equation -u' = Q u + r.
Its derivative needs no further solve per assumption:

    ∂m/∂θ = (∂p₀/∂θ)ᵀ u(0) + ∫ p(t)ᵀ (∂Q/∂θ u(t) + ∂r/∂θ) dt,

so one forward and one backward solution, held at Gauss-Legendre nodes, serve all assumptions at once: every edge adds
p(x) (u(y) - u(x)) to the pair (table entry, outcome) that rates it, and a chain rule over the few thousand pairs
does the rest (adjoint sensitivity; Cao, Li, Petzold & Serban 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.control import in_transition
from simlib.engines.exact.backend import kernels, one_blas_thread
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.observables import Measure, asked_for
from simlib.engines.exact.poisson import FINE
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import StateSpace
from simlib.engines.exact.uniformization import Generator, Kill, backward, flow
from simlib.errors import Problem, ScenarioError
from simlib.machine import priors
from simlib.machine.schedule import Segment
from simlib.machine.tables import sums_by
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

_NODES_AT_ONCE = 16
"""Nodes summed over the edges together: two cache lines of each state."""

_ORDER = 12
"""Gauss-Legendre nodes per panel."""

_FIRST_PANEL, _GROWTH = 5.0, 6.0
"""Length of the first panel in mean times between jumps, and how much longer each next one is."""


@in_transition
def gradient(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    values: Mapping[str, float] | None = None,
    day: float | None = None,
    horizon: float | None = None,
    ignore_windows: bool = False,
    solver: Solver | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Return the exact derivative of each measure, by `day` (default: the horizon), with respect to each assumption.

    What an intervention assumes for a while moves along with its assumption, as it does in a draw of the priors.
    Columns: measure, day, assumption, label, value (base units), answer, derivative (∂/∂θ on the plain scale) and
    elasticity (∂ log / ∂ log). `measures` default to all endings. Raises ScenarioError for an unknown measure.
    """
    import pandas as pd

    solver = solver or Solver(scenario, times=1, horizon=horizon, ignore_windows=ignore_windows, cancel=cancel)
    theta = priors.theta(scenario, values)
    names = [f"ending:{e}" for e in scenario.endings] if measures is None else measures
    names = [names] if isinstance(names, str) else list(names)
    rows = []
    adjoint = Adjoint(solver, theta, day, cancel)
    for number, name in enumerate(names):
        answer, derivative = adjoint.of(name)
        for assumption, value, slope in zip(scenario.assumptions.values(), theta, derivative, strict=True):
            rows.append(
                {
                    "measure": name,
                    "day": adjoint.day,
                    "assumption": assumption.id,
                    "label": assumption.label,
                    "value": value,
                    "answer": answer,
                    "derivative": slope,
                    "elasticity": slope * value / answer if answer > 0 else np.nan,
                }
            )
        if progress:
            progress((number + 1) / len(names))
    return pd.DataFrame(rows)


@dataclass
class _Span:
    """A segment up to the day asked for, with its quadrature: `nodes` days into it, `weights` (J,)."""

    segment: Segment
    duration: float
    nodes: Floats
    weights: Floats
    pair_rates: Floats
    space: StateSpace
    jumps: list[Jump]


class Adjoint:
    """Gradients at one θ; forward solutions are kept, so that further measures cost one backward solution each."""

    @in_transition
    def __init__(
        self, solver: Solver, theta: Floats, day: float | None = None, cancel: Callable[[], bool] | None = None
    ) -> None:
        self.solver, self.theta, self.cancel = solver, theta, cancel
        self.tables, self.space = solver.tables, solver.space
        self.day = solver.horizon if day is None else float(day)
        if not 0 <= self.day <= solver.horizon:
            raise ScenarioError(
                Problem(
                    "", 0, "day", f"{self.day:g} lies outside the forecast", f"expected 0 to {solver.horizon:g} days"
                )
            )
        self.spans = [self._span(segment) for segment in self._segments()]
        self._forward: dict[str, list[tuple[Floats, Floats]]] = {}

    def _segments(self) -> list[Segment]:
        """Return the segments that matter by the day asked for (its own interventions included)."""
        return [s for s in self.solver.segments if s.start < self.day or (s.start == self.day and s.actions)] or [
            Segment(0.0, 0.0, (), (), ())
        ]

    def _span(self, segment: Segment) -> _Span:
        duration = max(min(segment.end, self.day) - segment.start, 0.0)
        space, pair_rates = self.space.held(segment.held), self.solver.pair_rates(self.theta, segment)
        nodes, weights = quadrature(duration, Generator.build(space.incoming, pair_rates, None, duration).uniform)
        jumps = self.solver.jumps(self.theta, segment)
        return _Span(segment, duration, nodes, weights, pair_rates, space, jumps)

    # ---------------------------------------------------------------- solving

    def of(self, name: str) -> tuple[float, Floats]:
        """Return (answer, derivative (A,)) of a named measure."""
        with one_blas_thread():
            return self._of(asked_for(self.solver, name))

    def _of(self, measure: Measure) -> tuple[float, Floats]:
        forward = self._solve_forward(measure)
        value = np.zeros(len(self.space)) if measure.terminal is None else measure.terminal.copy()
        per_pair = [np.zeros(0)] * len(self.spans)
        forced = np.zeros((len(self.spans), len(self.tables.outcome_chance)))
        for index in reversed(range(len(self.spans))):
            span, (before, vectors) = self.spans[index], forward[index]
            value, per_pair[index] = self._back_through(measure, span, vectors, value)
            value = self._back_over_actions(measure, span, before, value, forced[index])
        if measure.inside is not None:
            value[measure.inside] = 1.0
        answer = float(self.solver.start(self.theta) @ value)
        derivative = self._chain(per_pair, forced) + self._start_part(value)
        return answer, derivative

    def _solve_forward(self, measure: Measure) -> list[tuple[Floats, Floats]]:
        """Return for each span (p before its actions (N,), p at the nodes (J, N))."""
        own = measure.inside is not None or measure.fired is not None
        key = measure.name if own else ""
        if key not in self._forward:
            vector = self.solver.start(self.theta)
            result = []
            for span in self.spans:
                before = vector = self._clear(measure, vector)
                for jump in span.jumps:
                    vector = self._clear(measure, self._jump_forward(measure, jump, vector))
                done = self._flow(measure, span, vector)
                result.append((before, done[0]))
                vector = done[1]
            self._forward[key] = result
        return self._forward[key]

    def _flow(self, measure: Measure, span: _Span, vector: Floats) -> tuple[Floats, Floats]:
        if span.duration == 0:
            return np.zeros((0, len(vector))), vector
        pair_rates, kill = self._killed(measure, span)
        fire = None if kill is None else kill.fire
        generator = Generator.build(span.space.incoming, pair_rates, fire, span.duration)
        result = flow(
            generator,
            vector,
            span.duration,
            np.zeros(0),
            kill=kill,
            tolerance=FINE,
            nodes=span.nodes,
            cancel=self.cancel,
        )
        return result.vectors, result.end

    def _killed(self, measure: Measure, span: _Span) -> tuple[Floats, Kill | None]:
        if measure.fired is not None:
            fire = self.solver.occurs(span.pair_rates, measure.move, measure.fired)
            return np.where(measure.fired, 0.0, span.pair_rates), Kill(fire=fire)
        return span.pair_rates, None if measure.inside is None else Kill(inside=measure.inside)

    def _clear(self, measure: Measure, vector: Floats) -> Floats:
        return vector if measure.inside is None else np.where(measure.inside, 0.0, vector)

    def _back_through(self, measure: Measure, span: _Span, vectors: Floats, value: Floats) -> tuple[Floats, Floats]:
        """Carry the value of the end of a span back to its start; return it and Σ p (u' - u) by pair (P,)."""
        sums = np.zeros(len(self.space.pair_entry))
        if span.duration == 0:
            return value, sums
        pair_rates, kill = self._killed(measure, span)
        reward = None
        if measure.counted is not None:
            reward = self.solver.occurs(span.pair_rates, measure.move, measure.counted)
        times = np.append(span.duration - span.nodes, span.duration)
        worth = backward(
            span.space,
            pair_rates,
            value,
            span.duration,
            times,
            kill=kill,
            reward=reward,
            tolerance=FINE,
            cancel=self.cancel,
        )
        weighted = vectors * span.weights[:, None]
        if measure.inside is not None:
            weighted = np.where(measure.inside, 0.0, weighted)
        _edge_sums(span.space, weighted, worth[:-1], sums)
        self._add_firings(measure, weighted, worth[:-1], sums)
        return worth[-1], sums

    def _add_firings(self, measure: Measure, weighted: Floats, worth: Floats, sums: Floats) -> None:
        """Give firings of a counted or asked-for move their own worth: one more count, or the question answered."""
        if measure.move < 0:
            return
        if measure.fired is not None:
            sums[measure.fired] = 0.0
            gain = np.sum(weighted * (1 - worth), axis=0)
        else:
            gain = np.sum(weighted, axis=0)
        gain = np.where(self.space.ended, 0.0, gain)
        entry = self.tables.local_index(measure.move, self.space.levels)
        per_entry = sums_by(entry, gain, int(self.tables.table_start[-1]))
        marked = measure.fired if measure.fired is not None else measure.counted
        assert marked is not None
        sums[marked] += per_entry[self.space.pair_entry[marked]]

    # ---------------------------------------------------------------- interventions

    def _jump_forward(self, measure: Measure, jump: Jump, vector: Floats) -> Floats:
        if measure.fired is not None and jump.action.move == measure.move:
            return jump.apply(vector, only_other_than=self._outcome(measure))
        return jump.apply(vector)

    def _outcome(self, measure: Measure) -> str | None:
        return self.solver.scenario.questions[measure.name.partition(":")[2]].outcome

    def _back_over_actions(
        self, measure: Measure, span: _Span, before: Floats, value: Floats, forced: Floats
    ) -> Floats:
        """Carry the value back over the interventions at the start of a span, adding to ∂m/∂chance (O,)."""
        jumps = span.jumps
        vectors, current = [], before
        for jump in jumps:
            vectors.append(current)
            current = self._clear(measure, self._jump_forward(measure, jump, current))
        for jump, vector in zip(reversed(jumps), reversed(vectors), strict=True):
            if measure.inside is not None:
                value = np.where(measure.inside, 1.0, value)
            pulled = value.copy()
            pulled[jump.able] = 0.0
            for branch, chance, target in jump.branches:
                worth = value[target]
                if jump.action.move == measure.move and measure.counted is not None:
                    worth = worth + 1.0
                if measure.fired is not None and jump.action.move == measure.move:
                    worth = np.ones_like(worth) if jump.answers(branch, self._outcome(measure)) else worth
                pulled[jump.able] += chance * worth
                if branch >= 0 and jump.action.outcome < 0:
                    forced[branch] += float(vector[jump.able] @ worth)
            value = pulled
        return value

    # ---------------------------------------------------------------- the chain rule

    def _chain(self, per_pair: list[Floats], forced: Floats) -> Floats:
        """Turn sums by pair into derivatives by assumption: θ rates entries, and chances share them out."""
        tables, extended = self.tables, self.tables.standing.extended(self.theta)
        derivative = np.zeros(len(extended))
        for span, sums, by_firing in zip(self.spans, per_pair, forced, strict=True):
            by_chance = by_firing.copy()
            if span.duration:
                rates = tables.rates(self.theta, span.segment)
                outcome, chances = self.space.pair_outcome, tables.chances(self.theta, segment=span.segment)
                by_entry = sums_by(self.space.pair_entry, sums * chances[outcome], len(rates))
                by_chance += sums_by(outcome, sums * rates[self.space.pair_entry], len(by_chance))
                for row in tables.index(span.segment):
                    np.add.at(derivative, row, _over(by_entry * rates, extended[row]))
            derivative[: len(self.theta)] += self._chance_part(by_chance, span.segment)
        for assumption, place, slope in tables.standing.slopes(self.theta):
            derivative[assumption] += slope * derivative[place]
        return derivative[: len(self.theta)]

    def _chance_part(self, by_chance: Floats, segment: Segment) -> Floats:
        """Return ∂/∂θ given ∂/∂chance (O,) in a segment; what is assumed there in place of θ moves along."""
        theta, _ = self.tables.standing.in_place(self.theta, segment)
        result = self._share_part(theta, by_chance, self.tables.outcome_chance, self.tables.outcome_start)
        for assumption, slope in self.tables.standing.moving(segment, self.theta).items():
            result[assumption] *= slope
        return result

    def _share_part(self, theta: Floats, by_share: Floats, chance: Ints, starts: Ints) -> Floats:
        """Return ∂/∂θ given ∂/∂share: one branch takes the rest, or, where none does, all are scaled to sum to one."""
        result = np.zeros(len(theta))
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
            index, slope = chance[first:last], by_share[first:last]
            given = index >= 0
            if np.all(given) and last > first:
                total = theta[index].sum()
                own = (slope - slope @ theta[index] / total) / total
            else:
                own = slope[given] - slope[~given].sum()
            np.add.at(result, index[given], own)
        return result

    def _start_part(self, value: Floats) -> Floats:
        """Return (∂p₀/∂θ)ᵀ u(0)."""
        tables = self.tables
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
        """Return which share each start state takes for a variable."""
        first, last = self.tables.start_start[variable : variable + 2]
        own = self.tables.start_level[first:last]
        return first + np.argmax(levels[:, variable][:, None] == own[None, :], axis=1)


def _over(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)


def _edge_sums(space: StateSpace, weighted: Floats, worth: Floats, sums: Floats) -> None:
    """Add Σ over the nodes of p(x) (u(y) - u(x)) of every edge to its pair."""
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
    """Return Gauss-Legendre nodes and weights on [0, duration], in panels that grow away from both ends.

    p changes fast just after the start of a span and u just before its end, on the scale 1/Λ of the fastest jumps;
    panels begin at a few such times and grow geometrically towards the middle.
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
