"""`Solver`: a scenario prepared to be solved exactly at many assumption values.

Calendar windows and interventions cut time into segments. A forced move or a pinned variable is a linear map between
two segments. An uncertain start is a distribution over states. A question about a move, or about a condition that can
become false again, has a separate vector. The probability that has answered the question is taken out of this vector.
"""

from __future__ import annotations

import dataclasses
import math
import time as clock
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import numpy as np

from simlib import results
from simlib.answer import ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels, one_blas_thread
from simlib.engines.exact.chain import Chain, Passage
from simlib.engines.exact.chebyshev import TooCyclic
from simlib.engines.exact.count_distribution import PRODUCTS, firing_laws, products_of
from simlib.engines.exact.marginals import Features
from simlib.engines.exact.moments import StateRewards
from simlib.engines.exact.quests import Quest, seated
from simlib.engines.exact.reachable import CAP, enumerate_states
from simlib.engines.exact.run import Prepared, Solution, SolutionRun
from simlib.engines.exact.states import NOTHING, Taboo
from simlib.errors import TooManyStates, Unsupported
from simlib.machine import priors
from simlib.machine.firing_counter import with_counter
from simlib.machine.measures import By, days_by
from simlib.machine.report_times import grid
from simlib.machine.tables import Tables
from simlib.machine.timeline import cut
from simlib.results import ONGOING, Accumulation, Band, Forecast
from simlib.scenario.model import Hold, Joint, Pin, Question, Scenario
from simlib.typing import Bools, Floats

TOLERANCE = 1e-9
"""Default bound on the truncation error of any probability."""

RUNS = 10_000
"""Default number of replicates, for the questions that need histories."""

_SMALL, _RELATIVE = 1e-6, 1e-3
"""Answers below `_SMALL` are solved again until their relative error is below `_RELATIVE`."""

_Scope = tuple[bool, str | None]
"""The contents of a glance: whether it counts moves, and the question that it must answer (None: all questions)."""

_ROUNDS = 4
_THREADS = 2


class Solver:
    """A scenario prepared to be solved at many assumption values.

    States, segments and partitions are found once.

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
            by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
            ignore_windows: Whether to treat calendar windows as always open.
            cap: Largest number of reachable states.
            control: Cancellation of the search for states, and the number of threads of each solution (default 2).

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
        self.quests: list[Quest] = []
        self.joint: dict[str, Joint] = {}
        self.counted: dict[str, Solver] = {}
        self.by_histories: dict[str, Question] = {}
        closed, undecided = {}, self._undecided()
        for question in scenario.questions.values():
            if question.joint is not None:
                self._join(question, question.joint, undecided)
                continue
            if question.lull or question.count:
                self._prepare(question, cap, control)
                continue
            taboo = self.taboo(question)
            if taboo.inside is not None and self._stays(taboo.inside):
                closed[question.id] = taboo.inside
            else:
                self.quests.append(Quest(question.id, taboo))
        self.features = Features(self.tables, self.space, closed)
        self._glances: dict[_Scope, Prepared] = {}
        self.state_rewards = StateRewards(self.tables, self.space)
        self._prepared = Prepared(
            scenario,
            self.tables,
            self.space,
            self.segments,
            self.horizon,
            self.times,
            self.features,
            self.state_rewards,
            seated(len(self.state_rewards), self.quests),
        )

    def _undecided(self) -> set[tuple[tuple[str, str], float | None]]:
        """Return (first event, day) of each question about two events that cannot be solved exactly.

        Simulated histories answer such a question. They then also answer the question about its first event alone. A
        conditional probability is the ratio of these two, so both must come from the same histories.
        """
        result = set()
        for question in self.scenario.questions.values():
            if question.joint is not None:
                try:
                    self.passes(question.id, question.joint)
                except Unsupported:
                    result.add((question.joint.first, question.joint.until))
        return result

    def _join(self, question: Question, joint: Joint, undecided: set[tuple[tuple[str, str], float | None]]) -> None:
        """Add the passes for the probability of two events: P(A and B) = P(A) + P(B) - P(A or B).

        If its first event is among the `undecided`, simulated histories answer the question instead.
        """
        if (joint.first, joint.until) in undecided:
            self.by_histories[question.id] = question
            return
        self.quests += self.passes(question.id, joint)
        self.joint[question.id] = joint

    def passes(self, name: str, joint: Joint) -> list[Quest]:
        """Return the pass for one event by a day, or three passes for two events: first, second, and either.

        Raises Unsupported for an event that no single state or firing decides.
        """
        until = math.inf if joint.until is None else joint.until
        first = self.event(joint.first)
        if joint.then is None:
            return [Quest(name, first, until)]
        then = self.event(joint.then)
        either = Quest(f"{name} either", first | then, until, then)
        return [Quest(f"{name} first", first, until), Quest(f"{name} then", then), either]

    def _prepare(self, question: Question, cap: int, control: Control) -> None:
        """Prepare a question about a count, or about a lull (a number of days without a firing).

        A question about a count gets a solver of the scenario with a counter of firings. If this would have too many
        states, simulated histories answer the question. They always answer a question about a lull.
        """
        if question.lull is None:
            frame: dict[str, Any] = {"times": self.times, "by": self.horizon, "cap": cap, "control": control}
            try:
                counting = with_counter(self.scenario, question)
                self.counted[question.id] = Solver(counting, ignore_windows=self.tables.ignore_windows, **frame)
                return
            except TooManyStates:
                pass
        self.by_histories[question.id] = question

    def chain(self, theta: Floats | None = None, centre: Floats | None = None, start: Floats | None = None) -> Chain:
        """Return the chain at assumption values `theta` (A,), by default the stated ones. See `Chain`."""
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
        runs: int = RUNS,
        seed: int = 0,
        first: int = 0,
        ranges: bool = False,
        products: float = PRODUCTS,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return the forecast at assumption values.

        Questions that need histories (`by_histories`) are answered by Monte Carlo, as the provenance says.

        Args:
            theta: Values (A,) in base units. Default: the stated ones.
            centre: The stated values, when `theta` is a draw around them.
            start: Probabilities (K,) of the start states of the tables. Default: the scenario's.
            tolerance: Bound on the truncation error. Answers below 1e-6 are solved again with a smaller bound.
            runs: Replicates for the questions that need histories.
            seed: Seed of the replicates.
            first: Number of the first replicate.
            ranges: Whether to add the distribution of the number of firings of each move (`Forecast.firings`). If the
                exact distributions take too many products, they are counted in replicates (without Numba: left out).
            products: Limit on the products (multiplications) for all these distributions together. 0: always count.
            control: Progress callback and cancellation.

        Raises:
            MissingDependency: Without Numba, if a question needs histories.
            Cancelled: When `control` cancels the work.
        """
        chain = self.chain(theta, centre, start)
        work = partial(self._replicates, chain, runs, seed, first, Control(cancel=control.cancel))
        with ThreadPoolExecutor(1) as beside:
            waiting = beside.submit(work) if self.by_histories else None
            forecast = self._solve_exactly(chain, tolerance, control)
            if ranges and self.law_products(forecast) <= products:
                forecast, ranges = self._with_laws(forecast, chain, control), False
            if waiting is None and not (ranges and kernels is not None):
                return forecast
            return self._with_histories(forecast, work() if waiting is None else waiting.result(), seed)

    def _solve_exactly(self, chain: Chain, tolerance: float, control: Control) -> Forecast:
        """Return the forecast without the questions that need histories."""
        begun = clock.perf_counter()
        onward = dataclasses.replace(control, progress=_Furthest(control))
        most = max(len(solver.space) for solver in (self, *self.counted.values()))
        for _ in range(_ROUNDS):
            solution = self._run(chain, tolerance, onward)
            bands = self._bands(solution)
            finer = self._finer(bands, tolerance, settled=solution.steps >= most)
            if finer >= tolerance:
                break
            tolerance = finer
        return self._forecast(chain.theta, solution, bands, clock.perf_counter() - begun)

    def glance(
        self,
        theta: Floats,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        moves: bool = True,
        lead: str | None = None,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return a quick forecast, without impacts and without the questions that need histories.

        Without `moves`, the counts of moves and the variables are missing, too. `lead` is None, the id of a question,
        or "". If it is not None, questions that cost extra time may be missing, except the question `lead`. The
        truncation error has the same bound as in `solve`, but answers below 1e-6 are not solved again.

        Raises Cancelled when `control` cancels the work.
        """
        chain, begun = self.chain(theta, centre, start), clock.perf_counter()
        scope = moves, lead
        solution = self._run(chain, TOLERANCE, control, scope=scope)
        bands = self._bands(solution, both_sides=self._glanced(scope).leap > 0)
        return self._forecast(chain.theta, solution, bands, clock.perf_counter() - begun)

    def law_products(self, forecast: Forecast) -> float:
        """Estimate the multiplications for the exact distributions of firings of all moves together."""
        means = np.array([mean[-1] for mean in forecast.moves.values()])
        return products_of(self.chain(), means, forecast.provenance["steps"])

    def _with_laws(self, forecast: Forecast, chain: Chain, control: Control) -> Forecast:
        """Return the forecast with the exact distribution of the number of firings of each move."""
        means = np.array([mean[-1] for mean in forecast.moves.values()])
        laws = firing_laws(chain, means, float(self.times[-1]), control=Control(cancel=control.cancel))
        source = dict(forecast.provenance) | {"firings_by": "exact"}
        return dataclasses.replace(forecast, firings=laws, provenance=source)

    def _replicates(self, chain: Chain, runs: int, seed: int, first: int, control: Control) -> Forecast:
        own = {"centre": chain.centre, "start": chain.own_start}
        counts = self._simulator.run(chain.theta, **own, runs=runs, seed=seed, first=first, control=control)
        forecast: Forecast = self._simulator.forecast(counts)
        return forecast

    def _with_histories(self, forecast: Forecast, counted: Forecast, seed: int) -> Forecast:
        runs = counted.provenance["runs"]
        questions = {**forecast.questions} | {name: counted.questions[name] for name in self.by_histories}
        source = {"by_histories": list(self.by_histories), "histories": runs, "histories_seed": seed}
        return dataclasses.replace(
            forecast,
            questions={name: questions[name] for name in self.scenario.questions},
            firings=forecast.firings or counted.firings,
            provenance={"firings_by": "histories"} | dict(forecast.provenance) | source,
        )

    def _glanced(self, scope: _Scope) -> Prepared:
        """Return the prepared parts for `glance` with the arguments (moves, lead)."""
        moves, lead = scope
        if scope not in self._glances:
            whole = self._prepared.without_impacts()
            whole = whole if lead is None else whole.in_one_block(lead)
            self._glances[scope] = whole if moves else dataclasses.replace(whole, features=self._without_moves)
        return self._glances[scope]

    @cached_property
    def _without_moves(self) -> Features:
        """The partitions and columns for `glance` without `moves`."""
        return Features(self.tables, self.space, self.features.flagged, answers_only=True)

    @cached_property
    def _simulator(self) -> Any:
        """The Monte Carlo engine for the questions that need histories."""
        from simlib.engines.montecarlo.simulator import Simulator

        wanted = self.by_histories
        if any(question.joint for question in wanted.values()):  # joint questions refer to other questions
            wanted = dict(self.scenario.questions)
        lean = self.scenario.replace(impacts={}, questions=wanted, ladders={})
        return Simulator(lean, times=self.times, by=self.horizon, ignore_windows=self.tables.ignore_windows)

    def run(
        self,
        theta: Floats,
        *,
        centre: Floats | None = None,
        start: Floats | None = None,
        tolerance: float = TOLERANCE,
        control: Control = UNWATCHED,
    ) -> Solution:
        """Carry the start through all segments once. Returns raw sums over the partitions."""
        return self._run(self.chain(theta, centre, start), tolerance, control)

    def _run(self, chain: Chain, tolerance: float, control: Control, *, scope: _Scope | None = None) -> Solution:
        with one_blas_thread(), ThreadPoolExecutor(self.threads) as pool:
            work = chain, tolerance, pool if self.threads > 1 else None, control
            solution = None
            while solution is None:
                try:
                    world = self._prepared if scope is None else self._glanced(scope)
                    solution = SolutionRun(world, *work).all_segments()
                except TooCyclic:
                    assert scope is not None
                    self._glances[scope] = self._glanced(scope).calmer()
        for name, joint in self.joint.items():
            if joint.then is not None and f"{name} first" in solution.hits:
                first, then, either = (solution.hits.pop(f"{name} {part}") for part in ("first", "then", "either"))
                solution.hits[name] = np.maximum(first + then - either, 0.0)
                tails = [solution.hit_tails.pop(f"{name} {part}") for part in ("first", "then", "either")]
                solution.hit_tails[name] = np.sum(tails, axis=0)
        silent = Control(cancel=control.cancel)
        for name, solver in self.counted.items():
            if scope is not None and scope[1] not in (None, name):
                continue
            counting = solver._run(solver.beside(chain), tolerance, silent, scope=scope and (scope[0], None))
            solution.hits[name] = counting.features.of_ending(counting.at)[:, 0]
            solution.hit_tails[name] = counting.tails
            solution.steps = max(solution.steps, counting.steps)
        return solution

    def beside(self, chain: Chain) -> Chain:
        """Return a chain of this solver with the assumption values and the start of another chain."""
        return self.chain(chain.theta, chain.centre, chain.own_start)

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
            start: Days after `as_of`. For 0, `vector` is the distribution before any intervention (`Chain.start`).
            stop: Days after `as_of`. The interventions at that time are included.
            theta: Assumption values (A,). Default: the stated ones.
            centre: The stated values, when `theta` is a draw around them.
            taboo: States and firings that stop a history.
            control: Progress callback and cancellation.

        Raises:
            ValueError: For times outside the horizon or in the wrong order.
            Cancelled: When `control` cancels the work.
        """
        return self.chain(theta, centre).propagate(vector, start, stop, taboo=taboo, control=control)

    # ---------------------------------------------------------------- questions

    def taboo(self, question: Question) -> Taboo:
        """Return the taboo set of a question: the states and firings that answer it.

        Raises Unsupported for a lull (days without a firing), a count or two events, because no single state or firing
        answers them.
        """
        if question.lull or question.count or question.joint:
            what = "a lull" if question.lull else "a count" if question.count else "two events"
            raise Unsupported(f"“{question.label}” asks for {what}, which no single state or firing answers")
        if question.when is not None:
            return Taboo(self.tables.holds(question.when, self.space.levels))
        move, outcome = question.move or "", question.outcome
        return Taboo(None, ((self.tables.move(move), -1 if outcome is None else self.tables.outcome(move, outcome)),))

    def event(self, place: tuple[str, str]) -> Taboo:
        """Return the taboo set of an event: an ending, or a question that a state or a firing answers."""
        kind, name = place
        if kind == "question":
            return self.taboo(self.scenario.questions[name])
        return Taboo(self.space.ending == list(self.scenario.endings).index(name))

    def _stays(self, inside: Bools) -> bool:
        """Say whether every history that enters a set of states stays there.

        If so, the probability of being there at a time is the probability of having been there by then.
        """
        if any(isinstance(item, Pin | Hold) for item in self.scenario.interventions):
            return False
        return not np.any(inside[self.space.source] & ~inside[self.space.target])

    # ---------------------------------------------------------------- from sums to a forecast

    def _bands(self, solution: Solution, *, both_sides: bool = False) -> dict[str, dict[str, Band]]:
        """Return the answers with their truncation errors.

        If all terms are positive, the answers can only be too low. With `both_sides`, terms have both signs, so that
        the answers can also be too high.
        """
        bounded = partial(_bounded, both_sides=both_sides)
        ending = solution.features.of_ending(solution.at)
        closed = solution.features.flags(solution.at)
        names = [*self.scenario.endings, ONGOING]
        return {
            "endings": {name: bounded(ending[:, i], solution.tails) for i, name in enumerate(names)},
            "questions": {
                name: bounded(solution.hits[name], solution.hit_tails[name])
                if name in solution.hits
                else bounded(closed[name], solution.tails)
                for name in self.scenario.questions
                if name in solution.hits or name in closed
            },
        }

    def _finer(self, bands: dict[str, dict[str, Band]], tolerance: float, *, settled: bool) -> float:
        """Return a tolerance that makes small answers precise: a thousandth of the smallest one.

        An answer of 0 may mean that its paths have more jumps than were summed. Zeros are `settled` once all paths that
        visit no state twice have been summed. Then an answer of 0 is impossible, or too small for a floating-point
        number.
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
        moves = dict(zip(scenario.moves, solution.counts.T, strict=False))  # a glance may have counted none
        return Forecast(
            scenario=ScenarioKey.of(scenario),
            horizon_days=self.horizon,
            engine="exact",
            times=self.times,
            endings=bands["endings"],
            questions=bands["questions"],
            variables=solution.features.variables(solution.at),
            ladders=solution.features.ladders(solution.at),
            moves=moves,
            days=solution.features.days(solution.until),
            assumptions=dict(zip(scenario.assumptions, theta.tolist(), strict=True)),
            provenance=provenance(
                scenario,
                engine="exact",
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
            impacts=self._impacts(solution),
        )

    def _impacts(self, solution: Solution) -> dict[str, Accumulation]:
        zero, moments = np.zeros(len(self.times)), solution.moments
        ending = solution.features.of_ending(solution.at)[:, :-1]
        result = {}
        for index, name in enumerate(moments.states.rewards.impacts):
            impact = self.scenario.impacts[name]
            mean = moments.given[:, index, -1]
            with np.errstate(divide="ignore", invalid="ignore"):
                given = np.where(ending > 0, moments.given[:, index, :-1] / ending, np.nan)
            chance = np.sqrt(np.maximum(moments.square[:, index] - mean**2, 0.0))
            by_ending = dict(zip(self.scenario.endings, given.T.copy(), strict=True))
            error = dict.fromkeys(by_ending, zero)
            result[impact.id] = Accumulation(impact.unit, mean, chance, zero, zero, by_ending, error)
        return result

    def _report(self, solution: Solution) -> tuple[dict[str, object], ...]:
        return tuple(
            {"intervention": str(item), "because": item.because, "without_effect": solution.without_effect.get(number)}
            for number, item in enumerate(self.scenario.interventions)
        )


class _Furthest:
    """Progress that never falls, even when a solution is repeated with a finer tolerance."""

    def __init__(self, control: Control) -> None:
        self.control, self.share = control, 0.0

    def __call__(self, share: float) -> None:
        if share > self.share:
            self.share = share
            self.control.report(share)


def _bounded(probability: Floats, tails: Floats, *, both_sides: bool) -> Band:
    p = np.clip(probability, 0.0, 1.0)
    low = np.maximum(p - tails, 0.0) if both_sides else p.copy()
    return Band(p, low, np.minimum(p + tails, 1.0))
