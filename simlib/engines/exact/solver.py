"""`Solver`: a scenario made ready to be solved exactly at many assumption values.

Calendar windows and interventions cut time into segments; a forced move or a pinned variable is a linear map between
two of them; a spread start is a distribution over states. A question whose condition can stop holding, or that asks
for a move, is followed by a pass of its own in which the probability that has answered it is taken out.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simlib import answer, results
from simlib.control import in_transition
from simlib.engines.exact.backend import one_blas_thread
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.marginals import Features
from simlib.engines.exact.reachable import CAP, enumerate_states
from simlib.engines.exact.uniformization import Flow, Generator, Kill, flow
from simlib.machine import priors
from simlib.machine.schedule import Action, Segment
from simlib.machine.tables import Tables, grid, sums_by
from simlib.machine.timeline import cut
from simlib.results import ONGOING, Band, Forecast
from simlib.scenario.model import Hold, Pin, Question, Scenario
from simlib.typing import Bools, Floats, Ints

TOLERANCE = 1e-9
"""Default bound on what truncation may lose of any probability."""

_SMALL, _RELATIVE = 1e-6, 1e-3
_ROUNDS = 4


@dataclass
class Passage:
    """A question that needs a pass of its own, because what it asks for can stop being true."""

    question: Question
    inside: Bools | None = None
    pairs: Bools | None = None


@dataclass
class Solution:
    """Raw answers at the report times (T,): one pass over all segments. `tails` bounds every probability."""

    at: Floats
    counts: Floats
    hits: dict[str, Floats]
    tails: Floats
    hit_tails: dict[str, Floats]
    without_effect: dict[int, float | None] = field(default_factory=dict)
    steps: int = 0


class Solver:
    """A scenario made ready to be solved at many assumption values: states, segments and partitions are found once.

    Raises TooManyStates, ScenarioError and Unsupported when it is built.
    """

    @in_transition
    def __init__(
        self,
        scenario: Scenario,
        *,
        times: int | Iterable[float] = 60,
        horizon: float | None = None,
        ignore_windows: bool = False,
        cap: int = CAP,
        threads: int = 2,
        cancel: Callable[[], bool] | None = None,
    ) -> None:
        self.scenario = scenario
        self.horizon = scenario.horizon_days if horizon is None else float(horizon)
        self.times = grid(self.horizon, times)
        self.tables = Tables(scenario, ignore_windows=ignore_windows)
        self.segments = cut(self.tables, self.horizon)
        self.space = enumerate_states(self.tables, cap=cap, cancel=cancel)
        self.threads = threads
        self.passages: list[Passage] = []
        closed = {}
        for question in scenario.questions.values():
            passage = self._passage(question)
            if passage.inside is not None and self._stays(passage.inside):
                closed[question.id] = passage.inside
            else:
                self.passages.append(passage)
        self.features = Features(self.tables, self.space, closed)
        self._start_states: Ints = self.space.find(self.tables.start_states()[0])

    # ---------------------------------------------------------------- answers

    @in_transition
    def solve(
        self,
        theta: Floats | None = None,
        *,
        centre: Floats | None = None,
        tolerance: float = TOLERANCE,
        progress: Callable[[float], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Forecast:
        """Return the forecast at assumption values `theta` (A,); with `centre`, θ is a draw around those values."""
        theta = priors.theta(self.scenario) if theta is None else np.asarray(theta, dtype=float)
        begun = clock.perf_counter()
        for _ in range(_ROUNDS):
            solution = self.run(theta, centre=centre, tolerance=tolerance, progress=progress, cancel=cancel)
            bands = self._bands(solution)
            finer = self._finer(bands, tolerance)
            if finer >= tolerance:
                break
            tolerance = finer
        return self._forecast(theta, solution, bands, clock.perf_counter() - begun)

    @in_transition
    def run(
        self,
        theta: Floats,
        *,
        centre: Floats | None = None,
        tolerance: float = TOLERANCE,
        progress: Callable[[float], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Solution:
        """Carry the start through all segments once; returns raw sums over the partitions."""
        with one_blas_thread(), ThreadPoolExecutor(max(self.threads, 1)) as pool:
            free = pool if self.threads > 1 else None
            run = _Run(self, theta, centre, tolerance=tolerance, pool=free, progress=progress, cancel=cancel)
            return run.all_segments()

    def start(self, theta: Floats, centre: Floats | None = None) -> Floats:
        """Return the start distribution over the states (N,)."""
        _, probability = self.tables.start_states(theta, centre)
        return sums_by(self._start_states, probability, len(self.space))

    def pair_rates(self, theta: Floats, segment: Segment, centre: Floats | None = None) -> Floats:
        """Return hazard per day times chance of every pair (P,) in a segment."""
        chances = self.tables.chances(theta, centre, segment)
        return self.space.pair_rates(self.tables.rates(theta, segment, centre), chances)

    def jumps(self, theta: Floats, segment: Segment, centre: Floats | None = None) -> list[Jump]:
        """Return what acts at the start of a segment, in order."""
        chances = self.tables.chances(theta, centre, segment)
        return [Jump(self.tables, self.space, action, chances, segment.held) for action in segment.actions]

    def occurs(self, pair_rates: Floats, move: int, pairs: Bools) -> Floats:
        """Return with what hazard per day the marked pairs of a move fire in each state (N,), self-loops included."""
        entry_rates = sums_by(self.space.pair_entry, pair_rates * pairs, int(self.tables.table_start[-1]))
        fire: Floats = entry_rates[self.tables.local_index(move, self.space.levels)]
        fire[self.space.ended] = 0.0
        return fire

    # ---------------------------------------------------------------- questions

    def _passage(self, question: Question) -> Passage:
        if question.when is None:
            return Passage(question, pairs=self.question_pairs(question))
        return Passage(question, inside=self.tables.holds(question.when, self.space.levels))

    def _stays(self, inside: Bools) -> bool:
        """Say whether nothing ever leaves the set a question asks for: then occupancy is first passage."""
        if any(isinstance(item, Pin | Hold) for item in self.scenario.interventions):
            return False
        return not np.any(inside[self.space.source] & ~inside[self.space.target])

    def question_pairs(self, question: Question) -> Bools:
        """Return which pairs (P,) answer a question about a move or one of its outcomes."""
        if question.outcome is not None:
            return self.space.pair_outcome == self.tables.outcome(question.move or "", question.outcome)
        return self.tables.entry_move[self.space.pair_entry] == self.tables.move(question.move or "")

    # ---------------------------------------------------------------- from sums to a forecast

    def _bands(self, solution: Solution) -> dict[str, dict[str, Band]]:
        ending = self.features.of_ending(solution.at)
        closed = self.features.flags(solution.at)
        names = [*self.scenario.endings, ONGOING]
        return {
            "endings": {name: _bounded(ending[:, i], solution.tails) for i, name in enumerate(names)},
            "questions": {
                name: _bounded(solution.hits[name], solution.hit_tails[name])
                if name in solution.hits
                else _bounded(closed[name], solution.tails)
                for name in self.scenario.questions
            },
        }

    def _finer(self, bands: dict[str, dict[str, Band]], tolerance: float) -> float:
        """Return the tolerance that small answers ask for: a thousandth of the smallest that is not yet so precise."""
        finer = tolerance
        for band in [*bands["endings"].values(), *bands["questions"].values()]:
            p, doubt = band.probability, band.high - band.probability
            for small, loose in zip(p, doubt, strict=True):
                if small < _SMALL and loose > _RELATIVE * small:
                    finer = min(finer, _RELATIVE * small if small > 0 else tolerance * 1e-12)
        return max(finer, 1e-290)

    def _forecast(
        self, theta: Floats, solution: Solution, bands: dict[str, dict[str, Band]], seconds: float
    ) -> Forecast:
        scenario = self.scenario
        bound = float(max([solution.tails.max(), *(t.max() for t in solution.hit_tails.values())]))
        moves = {name: solution.counts[:, index] for index, name in enumerate(scenario.moves)}
        return Forecast(
            scenario=scenario.id,
            title=scenario.title,
            as_of=scenario.as_of,
            horizon_days=self.horizon,
            engine="exact",
            times=self.times,
            endings=bands["endings"],
            questions=bands["questions"],
            variables=self.features.variables(solution.at),
            ladders=self.features.ladders(solution.at),
            moves=moves,
            assumptions=dict(zip(scenario.assumptions, theta.tolist(), strict=True)),
            provenance=answer.provenance(
                scenario,
                engine="exact",
                runs=None,
                seed=None,
                draws=0,
                truncation_bound=bound,
                steps=solution.steps,
                edges=self.space.edges,
                ignore_windows=self.tables.ignore_windows,
                seconds=round(seconds, 3),
            ),
            labels=results.labels(scenario),
            states=len(self.space),
            interventions=self._report(solution),
        )

    def _report(self, solution: Solution) -> tuple[dict[str, object], ...]:
        return tuple(
            {"intervention": str(item), "because": item.because, "without_effect": solution.without_effect.get(number)}
            for number, item in enumerate(self.scenario.interventions)
        )


def _bounded(probability: Floats, tails: Floats) -> Band:
    p = np.clip(probability, 0.0, 1.0)
    return Band(p, p.copy(), np.minimum(p + tails, 1.0))


class _Run:
    """One solution under way: the machine at one θ, carried from segment to segment."""

    @in_transition
    def __init__(
        self,
        solver: Solver,
        theta: Floats,
        centre: Floats | None,
        *,
        tolerance: float,
        pool: ThreadPoolExecutor | None,
        progress: Callable[[float], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.solver, self.theta, self.centre, self.tolerance = solver, theta, centre, tolerance
        self.pool, self.progress, self.cancel = pool, progress, cancel
        self.main = solver.start(theta, centre)
        times, moves = len(solver.times), len(solver.tables.move_ids)
        self.passages = solver.passages
        self.vectors = {p.question.id: self.main.copy() for p in self.passages}
        self.hit = dict.fromkeys(self.vectors, 0.0)
        self.lost = {"": 0.0} | dict.fromkeys(self.vectors, 0.0)
        self.count = np.zeros(moves)
        self.result = Solution(
            at=np.zeros((times, solver.features.bins)),
            counts=np.zeros((times, moves)),
            hits={name: np.zeros(times) for name in self.vectors},
            tails=np.zeros(times),
            hit_tails={name: np.zeros(times) for name in self.vectors},
        )

    def all_segments(self) -> Solution:
        for segment in self.solver.segments:
            for jump in self.solver.jumps(self.theta, segment, self.centre):
                self._act(jump)
            self._carry(segment)
        return self.result

    def _rows(self, segment: Segment) -> NDArray[np.intp]:
        """Report times that fall in a segment; the horizon itself belongs to the last one."""
        times, last = self.solver.times, segment is self.solver.segments[-1]
        return np.flatnonzero((times >= segment.start) & ((times < segment.end) | (last & (times <= segment.end))))

    def _carry(self, segment: Segment) -> None:
        solver, rows = self.solver, self._rows(segment)
        local = solver.times[rows] - segment.start
        duration = segment.end - segment.start
        pair_rates = solver.pair_rates(self.theta, segment, self.centre)
        passed = [
            (passage.question.id, self._submit(partial(self._pass, passage, segment, pair_rates, local)))
            for passage in self.passages
        ]
        generator = Generator.build(solver.space.held(segment.held).incoming, pair_rates, None, duration)
        main = flow(
            generator,
            self.main,
            duration,
            np.append(local, duration),
            cells=solver.features.cells,
            bins=solver.features.bins,
            tolerance=self._share(segment),
            pool=self.pool,
            cancel=self.cancel,
            progress=self._progress(segment),
        )
        self._record(main, rows, solver.tables.rates(self.theta, segment, self.centre))
        for name, result in passed:
            self._record_passage(name, result(), rows)

    def _share(self, segment: Segment) -> float:
        """Return the part of the tolerance that a segment may use up."""
        return self.tolerance * max((segment.end - segment.start) / max(self.solver.horizon, 1e-300), 1e-12)

    def _submit(self, work: Callable[[], Flow]) -> Callable[[], Flow]:
        return work if self.pool is None else self.pool.submit(work).result

    def _progress(self, segment: Segment) -> Callable[[float], None] | None:
        if self.progress is None:
            return None
        horizon, report = max(self.solver.horizon, 1e-300), self.progress
        return lambda part: report((segment.start + part * (segment.end - segment.start)) / horizon)

    def _pass(self, passage: Passage, segment: Segment, pair_rates: Floats, local: Floats) -> Flow:
        solver, fire, duration = self.solver, None, segment.end - segment.start
        if passage.pairs is not None:
            move = solver.tables.move(passage.question.move or "")
            fire = solver.occurs(pair_rates, move, passage.pairs)
            pair_rates = np.where(passage.pairs, 0.0, pair_rates)
        generator = Generator.build(solver.space.held(segment.held).incoming, pair_rates, fire, duration)
        return flow(
            generator,
            self.vectors[passage.question.id],
            duration,
            local,
            kill=Kill(passage.inside, fire),
            tolerance=self._share(segment),
            cancel=self.cancel,
        )

    def _record(self, main: Flow, rows: NDArray[np.intp], rates: Floats) -> None:
        self.result.at[rows] = main.at[:-1]
        expected = self.solver.features.expected_moves(main.until, rates)
        self.result.counts[rows] = self.count + expected[:-1]
        self.count = self.count + expected[-1]
        self.result.tails[rows] = self.lost[""] + main.tails[:-1]
        self.lost[""] += main.end_tail
        self.main = main.end
        self.result.steps += main.steps

    def _record_passage(self, name: str, passed: Flow, rows: NDArray[np.intp]) -> None:
        self.result.hits[name][rows] = self.hit[name] + passed.hits
        self.result.hit_tails[name][rows] = self.lost[name] + passed.tails
        self.hit[name] += passed.end_hits
        self.lost[name] += passed.end_tail
        self.vectors[name] = passed.end

    def _act(self, jump: Jump) -> None:
        """Apply one intervention to every vector under way."""
        action = jump.action
        going = self.main[~self.solver.space.ended].sum()
        if action.move >= 0:
            fired = float(self.main[jump.able].sum())
            self.count[action.move] += fired
            self.result.without_effect[action.number] = 1 - fired / going if going > self.tolerance else None
        elif isinstance(self.solver.scenario.interventions[action.number], Pin):
            self.result.without_effect[action.number] = (
                jump.unmoved(self.main) / going if going > self.tolerance else None
            )
        self.main = jump.apply(self.main)
        for passage in self.passages:
            self._act_on(passage, jump, action)

    def _act_on(self, passage: Passage, jump: Jump, action: Action) -> None:
        name = passage.question.id
        vector = self.vectors[name]
        if passage.inside is not None:  # what is inside already, before the intervention, has been hit
            self.hit[name] += float(vector[passage.inside].sum())
            vector = np.where(passage.inside, 0.0, vector)
        if passage.question.move is not None and action.move == self.solver.tables.move(passage.question.move):
            share = jump.share_of(passage.question.outcome)
            self.hit[name] += share * float(vector[jump.able].sum())
            self.vectors[name] = jump.apply(vector, only_other_than=passage.question.outcome)
        else:
            self.vectors[name] = jump.apply(vector)
