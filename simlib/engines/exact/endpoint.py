"""Histories given how they end: as many examples of a rare ending as of a common one, with the right law.

Given that a chain is in a set of states at the horizon, its path is drawn by endpoint-conditioned uniformisation
(Hobolth & Stone 2009, *Ann. Appl. Stat.* 3, 1204): first the number of jumps of the uniformised chain, then their
times, uniform and sorted, then each next state in proportion to the jump probability times what is still to come.
Nothing is rejected and nothing blows up near the horizon. Firings that change nothing do not move the state, so given
the path they are independent Poisson processes and are added afterwards.

Doubt comes first: given the ending, a draw θ of the assumptions has weight π(θ) P_θ(ending), so draws are reweighted
before any path is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simlib.control import in_transition
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.observables import Measure, asked_for
from simlib.engines.exact.poisson import FINE, poisson, truncation
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import StateSpace
from simlib.engines.exact.uniformization import Push
from simlib.engines.montecarlo.histories import Histories
from simlib.errors import SimlibError, Unsupported
from simlib.machine import priors
from simlib.machine.schedule import Segment
from simlib.machine.tables import sums_by
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

_MOST_NUMBERS = 300_000_000
"""Numbers of backward vectors kept (2.4 GB): states times steps."""


@dataclass(frozen=True)
class _Span:
    """One segment made ready: b[k] (K + 1, N) is what each state is worth k jumps before the end of the segment."""

    segment: Segment
    duration: float
    uniform: float
    jumps: list[Jump]
    pair_values: Floats
    stay: Floats
    idle: Floats
    worth: Floats
    before: Floats
    after_actions: list[Floats]
    space: StateSpace
    rates: Floats
    chances: Floats


def backward_steps(space: StateSpace, pair_rates: Floats, uniform: float, value: Floats, last: int) -> Floats:
    """Return what each state is worth k = 0 ... `last` jumps of the uniformised chain before `value` (last + 1, N).

    Raises Unsupported when that would not fit into memory.
    """
    if (last + 1) * len(space) > _MOST_NUMBERS:
        raise Unsupported(
            f"looking back from an ending needs {last + 1:,} steps of {len(space):,} states at once; "
            "draw ordinary histories and keep those that end so, or shorten the horizon"
        )
    stay = 1 - sums_by(space.source, pair_rates[space.pair], len(space)) / uniform
    push = Push(space, pair_rates / uniform, stay, None)
    worth = np.empty((last + 1, len(space)))
    worth[0] = value
    for step in range(last):
        worth[step + 1] = push(worth[step])
    return worth


class Conditioned:
    """A solver at one θ, ready to draw histories given that a measure of the horizon is hit.

    `target` is "ending:ID", "level:VARIABLE=LEVEL" or "rung:LADDER=RUNG" (as in `gradient`).
    Raises Unsupported when the backward vectors would not fit, SimlibError when the target cannot be hit.
    """

    def __init__(self, solver: Solver, theta: Floats, target: str, centre: Floats | None = None) -> None:
        self.solver, self.space, self.tables = solver, solver.space, solver.tables
        self.theta, self.centre, self.target = theta, centre, target
        asked = asked_for(solver, target)
        if asked.terminal is None:
            raise Unsupported(f"histories can be drawn given an ending, a level or a rung, not given {target!r}")
        self.start = solver.start(theta, centre)
        self._idle_known: dict[tuple[int, float], tuple[list[tuple[int, int]], Floats]] = {}
        self.spans = self._spans(asked)
        self.probability = float(self.start @ self.spans[0].before)
        if self.probability <= 0:
            raise SimlibError(f"{target!r} cannot happen by the horizon, so there is no history to draw")

    def _spans(self, measure: Measure) -> list[_Span]:
        assert measure.terminal is not None
        value, result = measure.terminal, []
        for segment in reversed(self.solver.segments):
            span = self._span(segment, value)
            result.append(span)
            value = span.before
        return result[::-1]

    def _span(self, segment: Segment, value: Floats) -> _Span:
        space, duration = self.space.held(segment.held), segment.end - segment.start
        rates = self.tables.rates(self.theta, segment, self.centre)
        chances = self.tables.chances(self.theta, self.centre, segment)
        pair_rates = space.pair_rates(rates, chances)
        exit_rate = sums_by(space.source, pair_rates[space.pair], len(space))
        uniform = max(float(exit_rate.max(initial=0.0)), 1e-3 / max(duration, 1e-9))
        last = truncation(uniform * duration, FINE) if duration else 0
        stay = 1 - exit_rate / uniform
        worth = backward_steps(space, pair_rates, uniform, value, last)
        jumps = self.solver.jumps(self.theta, segment, self.centre)
        current = poisson(np.arange(last + 1), np.array([uniform * duration]))[0] @ worth
        values = [current]
        for jump in reversed(jumps):
            current = jump.pull(current)
            values.append(current)
        idle = self._total_rate(rates) - exit_rate
        return _Span(
            segment,
            duration,
            uniform,
            jumps,
            pair_rates / uniform,
            stay,
            np.maximum(idle, 0.0),
            worth,
            values[-1],
            values[::-1][1:],
            space,
            rates,
            chances,
        )

    def _total_rate(self, rates: Floats) -> Floats:
        """Return the rate of all firings in each state (N,), those that change nothing included."""
        total = np.zeros(len(self.space))
        for move in range(len(self.tables.move_ids)):
            total += rates[self.tables.local_index(move, self.space.levels)]
        total[self.space.ended] = 0.0
        return total

    # ---------------------------------------------------------------- drawing

    @in_transition
    def draw(
        self,
        count: int,
        *,
        seed: int = 0,
        progress: Callable[[float], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Histories:
        """Return `count` independent histories given the target; the first ones do not depend on `count`."""
        from simlib.errors import Cancelled

        told = []
        for number in range(count):
            told.append(_Path(self, np.random.default_rng([seed, number])).walk())
            if progress and number % 20 == 19:
                progress((number + 1) / count)
            if cancel is not None and cancel():
                raise Cancelled("drawing histories was cancelled")
        return joined(self.solver, told, seed)

    def idle_firing(self, x: int, span: _Span, dice: np.random.Generator) -> tuple[int, int]:
        """Return (move, outcome) of one firing that is no edge from the state x, drawn by rate."""
        key = (x, span.segment.start)
        if key not in self._idle_known:
            self._idle_known[key] = self._idle_pairs(x, span)
        pairs, weights = self._idle_known[key]
        return pairs[_pick(weights, dice)]

    def _idle_pairs(self, x: int, span: _Span) -> tuple[list[tuple[int, int]], Floats]:
        """Return (move, outcome) of the firings that leave the state x as it is, and their rates."""
        rates, levels = span.rates, self.space.levels[[x]]
        pairs, weights = [], []
        for move in range(len(self.tables.move_ids)):
            rate = rates[int(self.tables.local_index(move, levels)[0])]
            for outcome in range(*(int(o) for o in self.tables.outcome_start[move : move + 2])):
                if rate > 0 and np.array_equal(self.tables.after(outcome, levels), levels):
                    pairs.append((move, outcome))
                    weights.append(rate * span.chances[outcome])
        return pairs, np.array(weights)


@dataclass(frozen=True, slots=True)
class _Event:
    day: float
    move: int
    outcome: int
    intervention: int
    state: int


class _Path:
    """One history under way."""

    def __init__(self, given: Conditioned, dice: np.random.Generator) -> None:
        self.given, self.dice = given, dice
        self.state = _pick(given.start * given.spans[0].before, dice)
        self.events = [_Event(0.0, -1, -1, -1, self.state)]

    def walk(self) -> list[_Event]:
        for span in self.given.spans:
            for jump, later in zip(span.jumps, span.after_actions, strict=True):
                self._act(span, jump, later)
            if span.duration:
                self._jump_through(span)
        return self.events

    def _act(self, span: _Span, jump: Jump, later: Floats) -> None:
        place = np.searchsorted(jump.able, self.state)
        if place >= len(jump.able) or jump.able[place] != self.state:
            return
        weights = np.array([chance * later[target[place]] for _, chance, target in jump.branches])
        branch, _, target = jump.branches[_pick(weights, self.dice)]
        moved = int(target[place]) != self.state
        self.state = int(target[place])
        if jump.action.move >= 0 or moved:
            self.events.append(_Event(span.segment.start, jump.action.move, branch, jump.action.number, self.state))

    def _jump_through(self, span: _Span) -> None:
        counts = np.arange(len(span.worth))
        law = poisson(counts, np.array([span.uniform * span.duration]))[0] * span.worth[:, self.state]
        jumps = _pick(law, self.dice)
        times = np.sort(self.dice.uniform(0.0, span.duration, jumps))
        since = 0.0
        for number, time in enumerate(times):
            event = self._next(span, jumps - number - 1)
            if event is None:
                continue
            self._idle(span, since, float(time))
            since = float(time)
            move, outcome, self.state = event
            self.events.append(_Event(span.segment.start + float(time), move, outcome, -1, self.state))
        self._idle(span, since, span.duration)

    def _next(self, span: _Span, remaining: int) -> tuple[int, int, int] | None:
        """Return (move, outcome, state) of the next jump, None for one of the clock that changes nothing."""
        space, worth = span.space, span.worth[remaining]
        edges = slice(int(space.edge_start[self.state]), int(space.edge_start[self.state + 1]))
        weights = span.pair_values[space.pair[edges]] * worth[space.target[edges]]
        chosen = _pick(np.append(weights, span.stay[self.state] * worth[self.state]), self.dice)
        if chosen == len(weights):
            return None
        edge = edges.start + chosen
        outcome = int(space.pair_outcome[space.pair[edge]])
        return int(self.given.tables.outcome_move[outcome]), outcome, int(space.target[edge])

    def _idle(self, span: _Span, since: float, until: float) -> None:
        rate = span.idle[self.state]
        if rate * (until - since) < 1e-14:
            return
        number = self.dice.poisson(rate * (until - since))
        for time in np.sort(self.dice.uniform(since, until, number)):
            move, outcome = self.given.idle_firing(self.state, span, self.dice)
            self.events.append(_Event(span.segment.start + float(time), move, outcome, -1, self.state))


def _pick(weights: Floats, dice: np.random.Generator) -> int:
    """Return an index drawn in proportion to the weights."""
    total = np.cumsum(weights)
    return int(min(np.searchsorted(total, dice.random() * total[-1], side="right"), len(weights) - 1))


def joined(solver: Solver, told: list[list[_Event]], seed: int) -> Histories:
    """Return drawn paths in the shape of replayed histories, numbered from 0."""
    space, rows = solver.space, [event for events in told for event in events]
    last = np.array([events[-1].state for events in told])
    ended = [next((e.day for e in events if space.ended[e.state]), np.inf) for events in told]

    def column(name: str) -> Ints:
        return np.array([getattr(event, name) for event in rows], dtype=np.int64)

    return Histories(
        scenario=solver.scenario,
        horizon=solver.horizon,
        seed=seed,
        replicates=np.arange(len(told)),
        start=np.cumsum([0, *(len(events) for events in told)]),
        time=np.array([event.day for event in rows]),
        move=column("move"),
        outcome=column("outcome"),
        intervention=column("intervention"),
        levels=space.levels[column("state")].astype(np.int8),
        ending=space.ending[last],
        ending_time=np.array(ended),
    )


@in_transition
def histories_given(
    scenario: Scenario,
    target: str,
    count: int = 20,
    *,
    seed: int = 0,
    draws: int = 0,
    horizon: float | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Histories:
    """Return `count` histories given that `target` ("ending:ID", ...) holds at the horizon.

    With `draws`, the assumptions of each history are drawn too: from so many draws of the priors, reweighted by how
    likely each makes the target. Raises what `Conditioned` does, ScenarioError for an unknown target, Cancelled.
    """
    solver = Solver(scenario, times=1, horizon=horizon, cancel=cancel)
    centre = priors.theta(scenario)
    if not draws:
        return Conditioned(solver, centre, target).draw(count, seed=seed, progress=progress, cancel=cancel)
    thetas = priors.draws(scenario, draws, seed=seed)
    weights = np.empty(draws)
    for number, theta in enumerate(thetas):
        weights[number] = _answer(solver, theta, centre, target)
        if progress:
            progress((number + 1) / (2 * draws))
    chosen = [_pick(weights, np.random.default_rng([seed, number, 1])) for number in range(count)]
    told: dict[int, list[_Event]] = {}
    for done, draw in enumerate(sorted(set(chosen))):
        given = Conditioned(solver, thetas[draw], target, centre)
        for number, own in enumerate(chosen):
            if own == draw:
                told[number] = _Path(given, np.random.default_rng([seed, number])).walk()
        if progress:
            progress(0.5 + (done + 1) / (2 * len(set(chosen))))
    return joined(solver, [told[number] for number in range(count)], seed)


def _answer(solver: Solver, theta: Floats, centre: Floats, target: str) -> float:
    forecast = solver.solve(theta, centre=centre)
    kind, _, rest = target.partition(":")
    if kind == "ending":
        return float(forecast.endings[rest].probability[-1])
    outer, _, inner = rest.partition("=")
    return float({"level": forecast.variables, "rung": forecast.ladders}[kind][outer][inner][-1])
