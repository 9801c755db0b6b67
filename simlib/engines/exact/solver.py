"""`Solver`: a scenario prepared to be solved exactly at many assumption values.

Calendar windows and interventions cut time into segments. A forced move or a pinned variable is a linear map between
two segments. An uncertain start state is a distribution over states. A question about a move, or about a condition that
can become false again, needs a separate copy of the distribution. The probability of the histories in which the answer
has become yes is removed from this copy.
"""

from __future__ import annotations

import dataclasses
import time as clock
from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np

from simlib.arguments import DEFAULT_RUNS
from simlib.arguments import tolerance as check_tolerance
from simlib.control import UNWATCHED, Control, helper_threads
from simlib.engines.exact.backend import kernels, one_blas_thread
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.chebyshev import TooCyclic
from simlib.engines.exact.count_distribution import PRODUCTS, firing_laws, products_of
from simlib.engines.exact.first_passages import FirstPassages
from simlib.engines.exact.marginals import Features
from simlib.engines.exact.moments import StateRewards
from simlib.engines.exact.poisson import TOLERANCE
from simlib.engines.exact.quests import Quest, seated
from simlib.engines.exact.reachable import STATE_CAP, enumerate_states
from simlib.engines.exact.run import Prepared, Solution, SolutionRun
from simlib.engines.exact.solution_forecast import bands_of, finer_tolerance, forecast_of
from simlib.errors import DOES_NOT_FIT
from simlib.machine import priors
from simlib.machine.firing_counter import with_counter
from simlib.machine.measures import By, days_by
from simlib.machine.report_times import grid
from simlib.machine.tables import Tables
from simlib.machine.timeline import cut
from simlib.results import Forecast
from simlib.scenario.model import Joint, Question, Scenario
from simlib.typing import Bools, Floats

_Scope = tuple[bool, str | None]
"""What `Solver.glance` computes: whether it counts moves, and which question it must answer (None: all)."""

_ROUNDS = 4
_THREADS = 2


class Solver:
    """A scenario prepared to be solved at many assumption values.

    A solver finds the states, the segments of time, and the groups of states that answers report only once.

    Attributes:
        horizon: The horizon in days after `as_of`.
        times: The report times (T,) in days after `as_of`.
        space: The reachable states (N) and the edges between them.
        passages: Finds the states and firings that make the answer to a question yes.
        quests: The questions that have a separate copy of the distribution.
        counted: For each question about a count, the solver of the scenario with a counter.
        by_histories: The questions that only simulated histories can answer.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        times: int | Iterable[float] = 60,
        by: By = None,
        ignore_windows: bool = False,
        cap: int = STATE_CAP,
        control: Control = UNWATCHED,
    ) -> None:
        """Find the reachable states, and prepare all arrays that do not depend on assumption values.

        Args:
            scenario: The scenario, with its interventions.
            times: A number of equal steps up to the horizon, or the report times in days after `as_of`.
            by: The horizon: a date, or days after `as_of`. Default: the scenario's horizon.
            ignore_windows: Whether to ignore the calendar windows of moves and factors.
            cap: Largest number of reachable states.
            control: Cancellation of the search for states, and the number of threads of each solution (default 2).

        Raises:
            TooManyStates: Above `cap` reachable states.
            Unsupported: When the levels of the variables combine to too many states to be numbered.
            ScenarioError: For an intervention or a horizon outside the scenario's dates.
            Cancelled: When `control` cancels the search.
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
        self.passages = FirstPassages(self.tables, self.space)
        self.features = Features(self.tables, self.space, self._place_questions(cap, control))
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

    def _place_questions(self, cap: int, control: Control) -> dict[str, Bools]:
        """Choose each question's method, and return {id: states (N,)} where the state alone answers.

        The returned states are those in which the answer is yes.
        """
        closed, undecided = {}, self.passages.undecided()
        for question in self.scenario.questions.values():
            if question.joint is not None:
                self._join(question, question.joint, undecided)
            elif question.lull or question.count:
                self._prepare(question, cap, control)
            else:
                taboo = self.passages.taboo(question)
                if taboo.inside is not None and self.passages.stays(taboo.inside):
                    closed[question.id] = taboo.inside
                else:
                    self.quests.append(Quest(question.id, taboo))
        return closed

    def _join(self, question: Question, joint: Joint, undecided: set[tuple[tuple[str, str], float | None]]) -> None:
        """Prepare a question about one or two events, to be solved exactly or else by simulation.

        For two events, the exact solution uses P(A and B) = P(A) + P(B) - P(A or B).
        """
        if (joint.first, joint.until) in undecided:
            self.by_histories[question.id] = question
            return
        self.quests += self.passages.of_joint(question.id, joint)
        self.joint[question.id] = joint

    def _prepare(self, question: Question, cap: int, control: Control) -> None:
        """Prepare a question about how often moves happen, or about days without them (a lull).

        A question about a count gets a separate solver, whose scenario has a counter. Questions about a lull are
        answered by simulated histories, and so is a question about a count if its solver would have too many states.
        """
        if question.lull is None:
            frame: dict[str, Any] = {"times": self.times, "by": self.horizon, "cap": cap, "control": control}
            try:
                counting = with_counter(self.scenario, question)
                self.counted[question.id] = Solver(counting, ignore_windows=self.tables.ignore_windows, **frame)
                return
            except DOES_NOT_FIT:
                pass
        self.by_histories[question.id] = question

    def chain(self, theta: Floats | None = None, centre: Floats | None = None, start: Floats | None = None) -> Chain:
        """Return the Markov chain at assumption values `theta` (A,), by default the stated values.

        If `theta` is a draw, `centre` (A,) holds the stated values. `start` (K,) replaces the scenario's probabilities
        of the start states.
        """
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
        runs: int = DEFAULT_RUNS,
        seed: int = 0,
        first: int = 0,
        ranges: bool = False,
        products: float = PRODUCTS,
        control: Control = UNWATCHED,
    ) -> Forecast:
        """Return the forecast at assumption values.

        Questions that need simulated histories (`by_histories`) are answered by Monte Carlo. The provenance names these
        questions.

        Args:
            theta: Assumption values (A,) in base units. Default: the stated values.
            centre: The stated values, when `theta` is a draw around them.
            start: Probabilities (K,) of the start states of the tables. Default: the scenario's.
            tolerance: Bound on the truncation error. Answers below 1e-6 are solved again with a smaller bound.
            runs: Replicates for the questions that need histories.
            seed: Seed of the replicates.
            first: Number of the first replicate.
            ranges: Whether to add the distribution of the number of times that each move happens (`Forecast.firings`).
                If the exact distributions would take more than `products` multiplications, they are estimated from
                replicates instead (or left out, without Numba).
            products: Limit on the multiplications for all these distributions together. 0: always estimate from
                replicates.
            control: Progress callback and cancellation, which raises Cancelled.

        Raises MissingDependency without Numba, if a question needs histories.
        """
        chain, tolerance = self.chain(theta, centre, start), check_tolerance(tolerance)
        with helper_threads(1, control.silent()) as (beside, watched):
            work = partial(self._replicates, chain, runs, seed, first, watched)
            waiting = beside.submit(work) if self.by_histories else None
            forecast = self._solve_exactly(chain, tolerance, control)
            if ranges and self.law_products(forecast) <= products:
                forecast, ranges = self._with_laws(forecast, chain, control), False
            if waiting is None and not (ranges and kernels is not None):
                return forecast
            return self._with_histories(forecast, work() if waiting is None else waiting.result(), seed)

    def _solve_exactly(self, chain: Chain, tolerance: float, control: Control) -> Forecast:
        """Return the forecast without the questions that need simulated histories.

        If a result is too imprecise, solve again with a smaller tolerance.
        """
        begun = clock.perf_counter()
        onward = dataclasses.replace(control, progress=_Furthest(control))
        most = max(len(solver.space) for solver in (self, *self.counted.values()))
        for _ in range(_ROUNDS):
            solution = self._run(chain, tolerance, onward)
            bands = bands_of(self.scenario, solution)
            finer = finer_tolerance(bands, tolerance, settled=solution.steps >= most)
            if finer >= tolerance:
                break
            tolerance = finer
        return forecast_of(self._prepared, chain.theta, solution, bands, clock.perf_counter() - begun)

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
        """Return a quick forecast with no impacts and no question that needs simulated histories.

        The truncation error has the same bound as in `solve`, but answers below 1e-6 are not solved again.

        Args:
            theta: The assumption values (A,).
            centre: As in `solve`.
            start: As in `solve`.
            moves: Whether the forecast includes the variables and the counts of moves.
            lead: None: all questions are answered. Otherwise the question with this id is certain to be answered, and
                other questions that cost extra time may be missing. With "" all such questions may be missing.
            control: Cancelling, which raises Cancelled.
        """
        chain, begun = self.chain(theta, centre, start), clock.perf_counter()
        scope = moves, lead
        solution = self._run(chain, TOLERANCE, control, scope=scope)
        bands = bands_of(self.scenario, solution, both_sides=self._glanced(scope).leap > 0)
        return forecast_of(self._prepared, chain.theta, solution, bands, clock.perf_counter() - begun)

    def law_products(self, forecast: Forecast) -> float:
        """Estimate how many multiplications the exact distributions of all moves' counts would take.

        `forecast` gives the expected counts and the number of steps of one solution.
        """
        return products_of(self.chain(), _expected_counts(forecast), forecast.provenance["steps"])

    def _with_laws(self, forecast: Forecast, chain: Chain, control: Control) -> Forecast:
        silent = control.silent()
        laws = firing_laws(chain, _expected_counts(forecast), float(self.times[-1]), control=silent)
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
        moves, lead = scope
        if scope not in self._glances:
            whole = self._prepared.without_impacts()
            whole = whole if lead is None else whole.in_one_block(lead)
            self._glances[scope] = whole if moves else dataclasses.replace(whole, features=self._without_moves)
        return self._glances[scope]

    @cached_property
    def _without_moves(self) -> Features:
        return Features(self.tables, self.space, self.features.flagged, answers_only=True)

    @cached_property
    def _simulator(self) -> Any:
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
        """Carry the start distribution through all segments once, and return the raw answers.

        Args:
            theta: The assumption values (A,).
            centre: As in `solve`.
            start: As in `solve`.
            tolerance: Bound on the truncation error.
            control: Cancelling, which raises Cancelled.
        """
        return self._run(self.chain(theta, centre, start), check_tolerance(tolerance), control)

    def _run(self, chain: Chain, tolerance: float, control: Control, *, scope: _Scope | None = None) -> Solution:
        with one_blas_thread(), helper_threads(self.threads, control) as (pool, _):
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
        silent = control.silent()
        for name, solver in self.counted.items():
            if scope is not None and scope[1] not in (None, name):
                continue
            counting = solver._run(solver.beside(chain), tolerance, silent, scope=scope and (scope[0], None))
            solution.hits[name] = counting.features.of_ending(counting.at)[:, 0]
            solution.hit_tails[name] = counting.tails
            solution.steps = max(solution.steps, counting.steps)
        return solution

    def beside(self, chain: Chain) -> Chain:
        """Return this solver's chain at another chain's assumption values and start probabilities."""
        return self.chain(chain.theta, chain.centre, chain.own_start)


def _expected_counts(forecast: Forecast) -> Floats:
    return np.array([mean[-1] for mean in forecast.moves.values()])


class _Furthest:
    """A progress callback that passes on only growth, because a repeated solution restarts at 0."""

    def __init__(self, control: Control) -> None:
        self.control, self.share = control, 0.0

    def __call__(self, share: float) -> None:
        if share > self.share:
            self.share = share
            self.control.report(share)
