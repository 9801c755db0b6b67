"""Draw histories from their exact distribution given an ending, even a very improbable one.

Given that a chain is in a set of states at the horizon, its path is drawn by endpoint-conditioned uniformisation
(Hobolth & Stone 2009, *Ann. Appl. Stat.* 3, 1204). First the number of jumps of the uniformised chain is drawn, then
the times of the jumps, uniform and sorted. Then each next state is drawn in proportion to its value times the
probability of the jump to it. The value of a state is the probability that the chain, now in this state, is in the set
at the horizon. No path is rejected, and no rate grows without bound near the horizon. Given the path, firings
(happenings of moves) that change nothing are independent Poisson processes, which are added afterwards.

With several draws θ of the assumption values, one draw is chosen first for each history, in proportion to its prior
weight π(θ) times P_θ(ending).
Sizes: N states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.chain import Chain, Rating
from simlib.engines.exact.generator import Push, jumps_per_day
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.observables import observable
from simlib.engines.exact.poisson import FINE_TOLERANCE, pmf, truncation
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import StateSpace
from simlib.engines.montecarlo.replay import Histories
from simlib.errors import Problem, ScenarioError, Unsupported
from simlib.machine import priors
from simlib.machine.belief import Belief, belief_of
from simlib.machine.interventions import Segment
from simlib.machine.measures import By, find, of_forecast
from simlib.machine.sums import sums_by
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

_MOST_NUMBERS = 300_000_000
"""Largest number of values (states times steps) that are kept for one segment (2.4 GB)."""


@dataclass(frozen=True, eq=False)
class _Stretch:
    """One segment, prepared for drawing histories, with values of states (see the module).

    Attributes:
        uniform: The number of jumps per day.
        jumps: The interventions at the start of the segment.
        pair_values: The probability that a jump belongs to each pair (rate table entry, outcome).
        stay (N,): The probability that a jump changes nothing.
        idle (N,): The rate per day of firings (happenings of a move) that leave the state as it is.
        worth (K + 1, N): Row k has the values of the states when k jumps remain in the segment.
        before (N,): The value of each state before the interventions.
        after_actions: The value of each state (N,) after each intervention.
    """

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
    rating: Rating


def backward_steps(space: StateSpace, pair_values: Floats, stay: Floats, value: Floats, last: int) -> Floats:
    """Return the values of states (last + 1, N) at 0, 1, ..., `last` jumps before a given time.

    Args:
        space: The states.
        pair_values: The probability (P,) that a jump belongs to each pair (rate table entry, outcome).
        stay: The probability (N,) that a jump changes nothing.
        value: The values (N,) of the states at the given time.
        last: The largest number of jumps.

    Raises Unsupported if the result would not fit into memory.
    """
    if (last + 1) * len(space) > _MOST_NUMBERS:
        raise Unsupported(
            f"drawing histories given an ending needs {last + 1:,} steps of {len(space):,} states in memory; "
            "draw ordinary histories and keep those with that ending, or shorten the horizon"
        )
    push = Push(space, pair_values, stay, None)
    worth = np.empty((last + 1, len(space)))
    worth[0] = value
    for step in range(last):
        worth[step + 1] = push(worth[step])
    return worth


class EndpointSampler:
    """Draws histories at given assumption values, conditional on an event at the horizon.

    Args:
        solver: The scenario, prepared to be solved.
        chain: Its Markov chain at the assumption values.
        measure: "ending:ID", "level:VARIABLE=LEVEL" or "rung:LADDER=RUNG".

    Raises:
        Unsupported: For another kind of measure, or if the values of the states would not fit into memory.
        ScenarioError: If the measure cannot hold at the horizon.
    """

    def __init__(self, solver: Solver, chain: Chain, measure: str) -> None:
        self.solver, self.chain, self.space, self.tables = solver, chain, solver.space, solver.tables
        terminal = observable(solver, measure).terminal
        if terminal is None:
            raise Unsupported(f"histories can be drawn given an ending, a level or a rung, not given {measure!r}")
        self.start = chain.start()
        self._idle_cache: dict[tuple[int, float], tuple[list[tuple[int, int]], Floats]] = {}
        self.spans: list[_Stretch] = []
        for segment in reversed(solver.segments):
            self.spans.insert(0, self._span(segment, self.spans[0].before if self.spans else terminal))
        self.probability = float(self.start @ self.spans[0].before)
        if self.probability <= 0:
            what = f"{measure!r} has the probability 0 at the horizon, so there is no history to draw"
            raise ScenarioError(Problem("", 0, "given", what, "expected an ending that can happen"))

    def _span(self, segment: Segment, value: Floats) -> _Stretch:
        space, duration = self.space.held(segment.held, self.tables), segment.end - segment.start
        rating = self.chain.rating(segment)
        exit_rate = sums_by(space.source, rating.pair_rates[space.pair], len(space))
        uniform = jumps_per_day(exit_rate, duration)
        pair_values, stay = rating.pair_rates / uniform, 1 - exit_rate / uniform
        last = truncation(uniform * duration, FINE_TOLERANCE) if duration else 0
        worth = backward_steps(space, pair_values, stay, value, last)
        jumps = self.chain.jumps(segment)
        current = pmf(np.arange(last + 1), np.array([uniform * duration]))[0] @ worth
        values = [current]
        for jump in reversed(jumps):
            current = jump.pull(current)
            values.append(current)
        return _Stretch(
            segment=segment,
            duration=duration,
            uniform=uniform,
            jumps=jumps,
            pair_values=pair_values,
            stay=stay,
            idle=np.maximum(self._total_rate(rating.rates) - exit_rate, 0.0),
            worth=worth,
            before=values[-1],
            after_actions=values[::-1][1:],
            space=space,
            rating=rating,
        )

    def _total_rate(self, rates: Floats) -> Floats:
        total = np.zeros(len(self.space))
        for move in range(len(self.tables.move_ids)):
            total += rates[self.tables.local_index(move, self.space.levels)]
        total[self.space.ended] = 0.0
        return total

    # ---------------------------------------------------------------- drawing

    def draw(self, count: int, *, seed: int = 0, control: Control = UNWATCHED) -> Histories:
        """Return `count` independent histories in which the measure holds.

        With the same seed, a smaller `count` gives the first histories of a larger `count`. Raises Cancelled when
        `control` cancels the work.
        """
        paths = []
        for number in range(count):
            paths.append(self.path(seed, number))
            if number % 20 == 19:
                control.report((number + 1) / count)
            control.check()
        return _histories_of(self.solver, paths, seed)

    def path(self, seed: int, number: int) -> list[_PathEvent]:
        """Return the events of history number `number`."""
        return _Path(self, np.random.default_rng([seed, number])).walk()

    def idle_firing(self, x: int, span: _Stretch, rng: np.random.Generator) -> tuple[int, int]:
        """Draw a firing (move, outcome) that leaves state x as it is, in proportion to its rate."""
        key = (x, span.segment.start)
        if key not in self._idle_cache:
            self._idle_cache[key] = self._idle_pairs(x, span)
        pairs, weights = self._idle_cache[key]
        return pairs[_pick(weights, rng)]

    def _idle_pairs(self, x: int, span: _Stretch) -> tuple[list[tuple[int, int]], Floats]:
        rates, levels = span.rating.rates, self.space.levels[[x]]
        pairs, weights = [], []
        for move in range(len(self.tables.move_ids)):
            rate = rates[int(self.tables.local_index(move, levels)[0])]
            for outcome in range(*(int(o) for o in self.tables.outcome_start[move : move + 2])):
                if rate > 0 and np.array_equal(self.tables.after(outcome, levels), levels):
                    pairs.append((move, outcome))
                    weights.append(rate * span.rating.chances[self.tables.branch(outcome, levels)[0]])
        return pairs, np.array(weights)


@dataclass(frozen=True, slots=True)
class _PathEvent:
    day: float
    move: int
    outcome: int
    intervention: int
    state: int


class _Path:
    def __init__(self, sampler: EndpointSampler, rng: np.random.Generator) -> None:
        self.sampler, self.rng = sampler, rng
        self.state = _pick(sampler.start * sampler.spans[0].before, rng)
        self.events = [_PathEvent(0.0, -1, -1, -1, self.state)]

    def walk(self) -> list[_PathEvent]:
        for span in self.sampler.spans:
            for jump, later in zip(span.jumps, span.after_actions, strict=True):
                self._act(span, jump, later)
            if span.duration:
                self._jump_through(span)
        return self.events

    def _act(self, span: _Stretch, jump: Jump, later: Floats) -> None:
        place = np.searchsorted(jump.able, self.state)
        if place >= len(jump.able) or jump.able[place] != self.state:
            return
        able = jump.able.shape
        weights = np.array(
            [np.broadcast_to(chance, able)[place] * later[target[place]] for _, chance, target in jump.branches]
        )
        branch, _, target = jump.branches[_pick(weights, self.rng)]
        moved = int(target[place]) != self.state
        self.state = int(target[place])
        if jump.action.move >= 0 or moved:
            self.events.append(_PathEvent(span.segment.start, jump.action.move, branch, jump.action.number, self.state))

    def _jump_through(self, span: _Stretch) -> None:
        counts = np.arange(len(span.worth))
        law = pmf(counts, np.array([span.uniform * span.duration]))[0] * span.worth[:, self.state]
        jumps = _pick(law, self.rng)
        times = np.sort(self.rng.uniform(0.0, span.duration, jumps))
        since = 0.0
        for number, time in enumerate(times):
            event = self._next(span, jumps - number - 1)
            if event is None:
                continue
            self._idle(span, since, float(time))
            since = float(time)
            move, outcome, self.state = event
            self.events.append(_PathEvent(span.segment.start + float(time), move, outcome, -1, self.state))
        self._idle(span, since, span.duration)

    def _next(self, span: _Stretch, remaining: int) -> tuple[int, int, int] | None:
        """Draw the next jump: (move, outcome, new state), or None if the jump changes nothing."""
        space, worth = span.space, span.worth[remaining]
        edges = slice(int(space.edge_start[self.state]), int(space.edge_start[self.state + 1]))
        weights = span.pair_values[space.pair[edges]] * worth[space.target[edges]]
        chosen = _pick(np.append(weights, span.stay[self.state] * worth[self.state]), self.rng)
        if chosen == len(weights):
            return None
        edge = edges.start + chosen
        outcome = int(space.pair_outcome[space.pair[edge]])
        return int(self.sampler.tables.outcome_move[outcome]), outcome, int(space.target[edge])

    def _idle(self, span: _Stretch, since: float, until: float) -> None:
        rate = span.idle[self.state]
        if rate * (until - since) < 1e-14:
            return
        number = self.rng.poisson(rate * (until - since))
        for time in np.sort(self.rng.uniform(since, until, number)):
            move, outcome = self.sampler.idle_firing(self.state, span, self.rng)
            self.events.append(_PathEvent(span.segment.start + float(time), move, outcome, -1, self.state))


def _pick(weights: Floats, rng: np.random.Generator) -> int:
    total = np.cumsum(weights)
    return int(min(np.searchsorted(total, rng.random() * total[-1], side="right"), len(weights) - 1))


def _histories_of(solver: Solver, paths: list[list[_PathEvent]], seed: int) -> Histories:
    """Convert drawn paths to `Histories`, without the hidden moves that count stages of a wait."""
    scenario, space = solver.scenario, solver.space
    last = np.array([events[-1].state for events in paths])
    paths = [[event for event in events if event.move < len(scenario.moves)] for events in paths]
    rows = [event for events in paths for event in events]
    ended = [next((e.day for e in events if space.ended[e.state]), np.inf) for events in paths]

    def column(name: str) -> Ints:
        return np.array([getattr(event, name) for event in rows], dtype=np.int64)

    return Histories(
        scenario=scenario,
        horizon=solver.horizon,
        seed=seed,
        replicates=np.arange(len(paths)),
        start=np.cumsum([0, *(len(events) for events in paths)]),
        time=np.array([event.day for event in rows]),
        move=column("move"),
        outcome=column("outcome"),
        intervention=column("intervention"),
        levels=space.levels[column("state"), : len(scenario.variables)],
        ending=space.ending[last],
        ending_time=np.array(ended),
        values=scenario.changed_values(),
    )


def histories_given(
    scenario: Scenario,
    measure: str,
    count: int = 20,
    *,
    by: By = None,
    draws: int | Belief = 0,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Histories:
    """Draw histories conditional on an event at the target day.

    Args:
        scenario: The scenario, with its interventions.
        measure: "ending:ID", "level:VARIABLE=LEVEL" or "rung:LADDER=RUNG".
        count: Number of histories.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        draws: A number of draws of the prior, or a belief (weighted draws). Each history uses the assumption values of
            one draw, which is chosen in proportion to its weight times P(measure). 0: the stated values.
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For an unknown measure or a target outside the forecast.
        ScenarioError: When the measure cannot hold at the target.
        Unsupported: For another kind of measure, or if the values of the states would not fit into memory.
        TooManyStates: When there are too many states.
        Cancelled: When `control` cancels the work.
    """
    solver = Solver(scenario, times=1, by=by, control=control)
    if not draws:
        return EndpointSampler(solver, solver.chain(), measure).draw(count, seed=seed, control=control)
    centre, belief = priors.theta(scenario), belief_of(scenario, draws, seed=seed)
    name, weights = find(scenario, measure)[0], belief.weights / belief.weights.max()
    for number, (theta, start) in enumerate(belief.rows()):
        forecast = solver.solve(theta, centre=centre, start=start)
        weights[number] *= of_forecast(forecast, name)[0][-1]
        control.report((number + 1) / (2 * belief.draws))
        control.check()
    chosen = [_pick(weights, np.random.default_rng([seed, number, 1])) for number in range(count)]
    paths: dict[int, list[_PathEvent]] = {}
    for done, draw in enumerate(sorted(set(chosen))):
        start = None if belief.start is None else belief.start[draw]
        sampler = EndpointSampler(solver, solver.chain(belief.theta[draw], centre, start), measure)
        paths |= {number: sampler.path(seed, number) for number, own in enumerate(chosen) if own == draw}
        control.report(0.5 + (done + 1) / (2 * len(set(chosen))))
    return _histories_of(solver, [paths[number] for number in range(count)], seed)
