"""`Solver`: a scenario made ready to be solved exactly at many assumption values.

Calendar windows and interventions cut time into segments; a forced move or a pinned variable is a linear map between
two of them; a spread start is a distribution over states. A question whose condition can stop holding, or that asks
for a move, is followed by a pass of its own in which the probability that has answered it is taken out.
"""

from __future__ import annotations

import dataclasses
import time as clock
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import one_blas_thread
from simlib.engines.exact.chain import Chain, Passage
from simlib.engines.exact.impulses import Jump
from simlib.engines.exact.marginals import Features
from simlib.engines.exact.reachable import CAP, enumerate_states
from simlib.engines.exact.taboo import NOTHING, Taboo
from simlib.engines.exact.uniformization import Flow
from simlib.machine import priors
from simlib.machine.measures import By, days_by
from simlib.machine.schedule import Segment
from simlib.machine.tables import Tables, grid
from simlib.machine.timeline import cut
from simlib.results import ONGOING, Band, Forecast
from simlib.scenario.model import Hold, Pin, Question, Scenario
from simlib.typing import Bools, Floats

TOLERANCE = 1e-9
"""Default bound on what truncation may lose of any probability."""

_SMALL, _RELATIVE = 1e-6, 1e-3
"""Answers below the first are solved again until their relative error is below the second."""

_ROUNDS = 4
_THREADS = 2


@dataclass
class _Quest:
    """A question that needs a pass of its own, because what it asks for can stop being true."""

    question: Question
    taboo: Taboo


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

    def __init__(
        self,
        scenario: Scenario,
        *,
        times: int | Iterable[float] = 60,
        by: By = None,
        ignore_windows: bool = False,
        cap: int = CAP,
        control: Control = UNWATCHED,
    ) -> None:
        """Find states, segments and partitions.

        Args:
            scenario: The scenario, with its interventions.
            times: A number of equal steps, or the report times in days after `as_of`.
            by: The horizon: a date, or days after `as_of`. Default: that of the scenario.
            ignore_windows: Whether calendar windows are left out.
            cap: Largest number of reachable states.
            control: Who may stop the search for states. Its threads (default 2) serve each solution.

        Raises:
            TooManyStates: Above `cap`.
            ScenarioError: For an intervention or a target day that does not fit.
            Unsupported: When the states cannot be numbered.
        """
        self.scenario = scenario
        self.horizon = days_by(scenario, by)
        self.times = grid(self.horizon, times)
        self.tables = Tables(scenario, ignore_windows=ignore_windows)
        self.segments = cut(self.tables, self.horizon)
        self.space = enumerate_states(self.tables, cap=cap, control=control)
        self.threads = control.threads or _THREADS
        self.quests: list[_Quest] = []
        closed = {}
        for question in scenario.questions.values():
            taboo = self.taboo(question)
            if taboo.inside is not None and self._stays(taboo.inside):
                closed[question.id] = taboo.inside
            else:
                self.quests.append(_Quest(question, taboo))
        self.features = Features(self.tables, self.space, closed)

    def chain(self, theta: Floats | None = None, centre: Floats | None = None, start: Floats | None = None) -> Chain:
        """Return the states at assumption values `theta` (A,), default the stated ones. See `Chain`."""
        values = priors.theta(self.scenario) if theta is None else np.asarray(theta, dtype=float)
        return Chain(self.tables, self.space, self.segments, values, centre, start)

    # ---------------------------------------------------------------- answers

    def solve(
        self,
        theta: Floats | None = None,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        tolerance: float = TOLERANCE,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return the forecast at assumption values.

        Args:
            theta: Values (A,) in base units. Default: the stated ones.
            centre: The stated values, when `theta` is a draw around them.
            start: Distribution (N,) over the states at the start. Default: that of the scenario.
            tolerance: Bound on what truncation may lose. Answers below 1e-6 are solved again, more finely.
            control: Callbacks for progress and cancelling.
        """
        chain = self.chain(theta, centre, start)
        begun = clock.perf_counter()
        onward = dataclasses.replace(control, progress=_Furthest(control))
        for _ in range(_ROUNDS):
            solution = self._run(chain, tolerance, onward)
            bands = self._bands(solution)
            finer = self._finer(bands, tolerance, settled=solution.steps >= len(self.space))
            if finer >= tolerance:
                break
            tolerance = finer
        return self._forecast(chain.theta, solution, bands, clock.perf_counter() - begun)

    def run(
        self, theta: Floats, *, centre: Floats | None = None, tolerance: float = TOLERANCE, control: Control = UNWATCHED
    ) -> Solution:
        """Carry the start through all segments once. Returns raw sums over the partitions."""
        return self._run(self.chain(theta, centre), tolerance, control)

    def _run(self, chain: Chain, tolerance: float, control: Control) -> Solution:
        with one_blas_thread(), ThreadPoolExecutor(self.threads) as pool:
            return _Run(self, chain, tolerance, pool if self.threads > 1 else None, control).all_segments()

    def propagate(
        self,
        vector: Floats,
        start: float,
        stop: float,
        *,
        theta: Floats | None = None,
        centre: Floats | None = None,
        taboo: Taboo = NOTHING,
        control: Control = UNWATCHED,
    ) -> Passage:
        """Carry a distribution over the states from one time to another. See `Chain.propagate`.

        Args:
            vector: Distribution (N,) over the states at `start`, in the order of `space`.
            start: Days after `as_of`. At 0 the distribution is that before any intervention (`Chain.start`).
            stop: Days after `as_of`; the interventions at that time have acted.
            theta: Assumption values (A,). Default: the stated ones.
            centre: The stated values, when `theta` is a draw around them.
            taboo: States and firings that stop a history.
            control: Callbacks for progress and cancelling.

        Raises:
            ValueError: For times outside the horizon or in the wrong order.
            Cancelled: When `control` says so.
        """
        return self.chain(theta, centre).propagate(vector, start, stop, taboo=taboo, control=control)

    # ---------------------------------------------------------------- questions

    def taboo(self, question: Question) -> Taboo:
        """Return what answers a question, as what stops a history."""
        if question.when is not None:
            return Taboo(self.tables.holds(question.when, self.space.levels))
        move, outcome = question.move or "", question.outcome
        return Taboo(None, self.tables.move(move), -1 if outcome is None else self.tables.outcome(move, outcome))

    def _stays(self, inside: Bools) -> bool:
        """Say whether nothing ever leaves the set a question asks for: then occupancy is first passage."""
        if any(isinstance(item, Pin | Hold) for item in self.scenario.interventions):
            return False
        return not np.any(inside[self.space.source] & ~inside[self.space.target])

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

    def _finer(self, bands: dict[str, dict[str, Band]], tolerance: float, *, settled: bool) -> float:
        """Return the tolerance that small answers ask for: a thousandth of the smallest that is not yet so precise.

        A zero may stand for a path with more jumps than were summed. It is `settled` once every path that visits no
        state twice has been summed: then the answer is impossible, or smaller than any number.
        """
        finer = tolerance
        for band in [*bands["endings"].values(), *bands["questions"].values()]:
            for small, loose in zip(band.probability, band.high - band.probability, strict=True):
                if small < _SMALL and loose > _RELATIVE * small and (small > 0 or not settled):
                    finer = min(finer, _RELATIVE * small if small > 0 else tolerance * 1e-12)
        return max(finer, 1e-290)

    def _forecast(
        self, theta: Floats, solution: Solution, bands: dict[str, dict[str, Band]], seconds: float
    ) -> Forecast:
        scenario = self.scenario
        bound = float(max([solution.tails.max(), *(t.max() for t in solution.hit_tails.values())]))
        moves = {name: solution.counts[:, index] for index, name in enumerate(scenario.moves)}
        return Forecast(
            scenario=ScenarioKey.of(scenario),
            horizon_days=self.horizon,
            engine="exact",
            times=self.times,
            endings=bands["endings"],
            questions=bands["questions"],
            variables=self.features.variables(solution.at),
            ladders=self.features.ladders(solution.at),
            moves=moves,
            assumptions=dict(zip(scenario.assumptions, theta.tolist(), strict=True)),
            provenance=provenance(
                scenario,
                engine="exact",
                runs=None,
                seed=None,
                draws=0,
                horizon_days=self.horizon,
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


class _Furthest:
    """Reports only what is further than before, since a solution may be made again more finely."""

    def __init__(self, control: Control) -> None:
        self.control, self.share = control, 0.0

    def __call__(self, share: float) -> None:
        if share > self.share:
            self.share = share
            self.control.report(share)


def _bounded(probability: Floats, tails: Floats) -> Band:
    p = np.clip(probability, 0.0, 1.0)
    return Band(p, p.copy(), np.minimum(p + tails, 1.0))


class _Run:
    """One solution under way: the start at one θ, carried from segment to segment."""

    def __init__(
        self, solver: Solver, chain: Chain, tolerance: float, pool: ThreadPoolExecutor | None, control: Control
    ) -> None:
        self.solver, self.chain, self.tolerance, self.pool, self.control = solver, chain, tolerance, pool, control
        self.main = chain.start()
        times, moves = len(solver.times), len(solver.tables.move_ids)
        self.vectors = {quest.question.id: self.main.copy() for quest in solver.quests}
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
            for jump in self.chain.jumps(segment):
                self._act(jump)
            self._carry(segment)
        return self.result

    def _rows(self, segment: Segment) -> NDArray[np.intp]:
        """Report times that fall in a segment. The horizon itself belongs to the last one."""
        times, last = self.solver.times, segment is self.solver.segments[-1]
        return np.flatnonzero((times >= segment.start) & ((times < segment.end) | (last & (times <= segment.end))))

    def _carry(self, segment: Segment) -> None:
        rows, duration = self._rows(segment), segment.end - segment.start
        local = self.solver.times[rows] - segment.start
        rating = self.chain.rating(segment)  # before the threads that share it
        horizon = max(self.solver.horizon, 1e-300)
        tolerance = self.tolerance * max(duration / horizon, 1e-12)
        silent = Control(cancel=self.control.cancel)
        passes = {
            quest.question.id: self._submit(
                partial(
                    self.chain.flow,
                    self.vectors[quest.question.id],
                    segment,
                    duration,
                    local,
                    taboo=quest.taboo,
                    tolerance=tolerance,
                    control=silent,
                )
            )
            for quest in self.solver.quests
        }
        main = self.chain.flow(
            self.main,
            segment,
            duration,
            np.append(local, duration),
            cells=self.solver.features.cells,
            bins=self.solver.features.bins,
            tolerance=tolerance,
            pool=self.pool,
            control=self.control.part(segment.start / horizon, segment.end / horizon),
        )
        self._record(main, rows, rating.rates)
        for name, result in passes.items():
            self._record_quest(name, result(), rows)

    def _submit(self, work: Callable[[], Flow]) -> Callable[[], Flow]:
        return work if self.pool is None else self.pool.submit(work).result

    def _record(self, main: Flow, rows: NDArray[np.intp], rates: Floats) -> None:
        self.result.at[rows] = main.at[:-1]
        expected = self.solver.features.expected_moves(main.until, rates)
        self.result.counts[rows] = self.count + expected[:-1]
        self.count = self.count + expected[-1]
        self.result.tails[rows] = self.lost[""] + main.tails[:-1]
        self.lost[""] += main.end_tail
        self.main = main.end
        self.result.steps += main.steps

    def _record_quest(self, name: str, quest: Flow, rows: NDArray[np.intp]) -> None:
        self.result.hits[name][rows] = self.hit[name] + quest.hits
        self.result.hit_tails[name][rows] = self.lost[name] + quest.tails
        self.hit[name] += quest.end_hits
        self.lost[name] += quest.end_tail
        self.vectors[name] = quest.end

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
        for quest in self.solver.quests:
            name, vector = quest.question.id, self.vectors[quest.question.id]
            if quest.taboo.inside is not None:  # what is inside already, before the intervention, has been hit
                self.hit[name] += float(vector[quest.taboo.inside].sum())
                vector = quest.taboo.clear(vector)
            self.hit[name] += jump.stopped(vector, quest.taboo)
            self.vectors[name] = jump.apply(vector, quest.taboo)
