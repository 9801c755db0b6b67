"""Lint rule about strands of a scenario that change none of its answers.

A *strand* is either all moves of one actor, or one assumption over its range. An *answer* is the probability of an
ending or a question. `SMALLEST_CHANGE` is the smallest change of an answer that counts.

The gradient of an answer gives an estimate of how much each strand changes the answer. The estimate is trusted if it
is clearly above `SMALLEST_CHANGE` or, for an assumption, clearly below it. For all other strands, the scenario is
solved at the ends of the strand. The ends of an assumption are its low and its high. An actor has one end, at which the
rates of all its moves are multiplied by 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from simlib.analysis.evaluator import Responses, in_threads
from simlib.analysis.lint.subject import Finding, Subject, note
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.observables import observable
from simlib.formatting import plainly
from simlib.machine import priors
from simlib.machine.firing_counter import COUNTER_ID
from simlib.machine.measures import Measure, every, headline
from simlib.results import ONGOING
from simlib.scenario.model import Assumption, Factor, Scenario
from simlib.scenario.scales import forward
from simlib.typing import Bools, Floats

SMALLEST_CHANGE = 0.01
"""The smallest change of a probability that counts as a change of an answer."""

SLOPE_TRUST_FACTOR = 1.1
"""An estimate from slopes is trusted if it differs from `SMALLEST_CHANGE` by more than this factor."""

NEAR_FORBIDDEN = 2.0
"""An estimate for all moves of an actor is trusted if it is at least this many times `SMALLEST_CHANGE`.

The moves are stopped altogether, so slopes give a poor estimate.
"""

MOST_STATES = 200_000
"""Largest number of reachable states. The rule does not examine larger scenarios."""

STRAND_RUNS = 1_000
"""Replicates at each end of a strand, for questions that only simulated histories can answer.

The error of a change is about half a percentage point.
"""

STRAND_TOLERANCE = 1e-6
"""Bound on the truncation error of each solution."""


def every_strand_moves_an_answer(subject: Subject, control: Control = UNWATCHED) -> Iterator[Finding]:
    """Report each actor or assumption that changes no answer by one percentage point or more.

    Answers are the probabilities of the endings and questions at the horizon. To test an actor, all moves of the actor
    are stopped. To test an assumption, its value goes from its low to its high, while all other assumptions keep their
    stated values. An actor or assumption that changes the mean of an impact by one percent or more is not reported.

    If an actor changes only questions that nobody else's moves can answer, the finding is a note and not a warning. The
    headline (main measure) never counts as such a question.
    """
    if len(subject.space) > MOST_STATES:
        what = f"not checked: actors and assumptions without effect; the scenario has {len(subject.space):,} states"
        yield note("states", what, f"expected at most {MOST_STATES:,}")
        return
    by, numbers = subject.scenario.by_date(subject.scenario.horizon_days), []
    for idle in _Strands(subject, control).idle():
        most = plainly(100 * idle.size, " points")
        if idle.strand.actor:
            name = idle.strand.name
            others = "question that others can answer" if idle.answers_its_own else "question"
            yield Finding(
                "note" if idle.answers_its_own else "warning",
                f"actors.{name}",
                f"up to {by}, all moves of {name!r} together change each ending and each {others} by less than one "
                f"point (largest change: {idle.answer.words}, {most})",
                "expected moves that affect an answer, unless nothing should depend on them",
            )
        else:
            numbers.append(f"{idle.strand.name} ({plainly(100 * idle.size)})")
    control.report(1.0)
    if numbers:
        yield note(
            "assumptions",
            f"none of these assumptions, over its range, changes an ending or question by one point or more up to {by} "
            f"(points in brackets): {', '.join(numbers)}",
            "no need to know them better; if one should matter, connect it to an ending or a question",
        )


@dataclass(frozen=True)
class _Strand:
    """One assumption, or all moves of one actor, varied to see what it changes.

    An assumption is varied over its range. The moves of an actor are switched off by a common factor of 0.

    name: the id of the assumption or of the actor.
    actor: whether the moves of an actor are varied.
    column: the position of the assumption, or of the common factor, among all assumptions.
    ends: the values at which the scenario is solved.
    width: the number that turns a slope into an estimate of how much an answer changes.
    """

    name: str
    actor: bool
    column: int
    ends: tuple[float, ...]
    width: float


@dataclass(frozen=True)
class _Idle:
    """An assumption, or all moves of an actor, that changes no answer by `SMALLEST_CHANGE`.

    If the strand is an actor, questions that only this actor can answer are left out.

    size: the largest change of an answer.
    answer: the answer with the largest change.
    answers_its_own: whether a question that was left out changes by `SMALLEST_CHANGE` or more.
    """

    strand: _Strand
    size: float
    answer: Measure
    answers_its_own: bool


_SWITCH = "moves of "  # ids in a file have no spaces, so none can begin with this


def _with_switches(scenario: Scenario) -> Scenario:
    """Return the scenario with one more factor for the moves of each actor.

    The stated value of the factor is 1. With the factor 0, the actor's moves never happen.
    """
    actors = dict.fromkeys(move.actor for move in scenario)
    switches = {_SWITCH + actor: Assumption(_SWITCH + actor, actor, "factor", 1.0, 1.0, 1.0, "") for actor in actors}
    moves = {
        name: replace(move, factors=(*move.factors, Factor(_SWITCH + move.actor)))
        for name, move in scenario.moves.items()
    }
    return scenario.replace(assumptions={**scenario.assumptions, **switches}, moves=moves, ladders={})


def _strands(world: Scenario) -> Iterator[_Strand]:
    for column, a in enumerate(world.assumptions.values()):
        if a.id.startswith(_SWITCH):
            yield _Strand(a.label, True, column, (0.0,), 1.0)
        elif not a.fixed:
            wide = float(forward(a.kind, a.high) - forward(a.kind, a.low))
            slope = a.value * ((1 - a.value) if a.kind == "chance" else 1.0)
            yield _Strand(a.id, False, column, (a.low, a.high), wide * slope)


class _Strands:
    """All `_Strand` objects of a scenario, and how much each of them changes each answer."""

    def __init__(self, subject: Subject, control: Control) -> None:
        self.world, self.control = _with_switches(subject.scenario), control
        self.stated = priors.theta(self.world)
        self.solver = Solver(self.world, times=1, cap=subject.cap, control=subject.control)
        answers = [m for m in every(self.world, ("ending", "question")) if m.of != ONGOING]
        self.sampled = [m for m in answers if m.kind == "question" and m.of in self.solver.by_histories]
        self.answers = [m for m in answers if m not in self.sampled]
        self.impacts = list(every(self.world, ("impact",)))
        self.strands = list(_strands(self.world))

    def idle(self) -> Iterator[_Idle]:
        if not self.answers or not self.world.moves:
            return
        moved = self._along(self.at_stated[: len(self.answers)])
        actors = np.array([strand.actor for strand in self.strands])
        best = np.where(self.own, -1.0, moved).argmax(axis=1)
        size = np.where(self.own.all(axis=1), np.inf, moved[np.arange(len(self.strands)), best])
        size[self._bears_on_impacts] = np.inf
        near = (size < SMALLEST_CHANGE * np.where(actors, NEAR_FORBIDDEN, SLOPE_TRUST_FACTOR)) & (
            actors | (size >= SMALLEST_CHANGE / SLOPE_TRUST_FACTOR)
        )
        size[near] = self._solved(np.flatnonzero(near).tolist(), best[near].tolist())
        if self.sampled:
            idle = np.flatnonzero(size < SMALLEST_CHANGE)
            size[idle[self._by_histories(idle.tolist()) >= SMALLEST_CHANGE]] = np.inf
        for k in np.flatnonzero(size < SMALLEST_CHANGE):
            own = bool(np.any(moved[k, self.own[k]] >= SMALLEST_CHANGE))
            yield _Idle(self.strands[k], float(size[k]), self.answers[best[k]], own)

    @cached_property
    def at_stated(self) -> Floats:
        """Each answer and impact at the stated values, and its slopes (M + I, 1 + A).

        The rows are M answers and then I impacts. The columns are the value and then the slopes in A assumptions.
        """
        adjoint = Adjoint(self.solver, self.stated, tolerance=STRAND_TOLERANCE, control=self.control)
        part = self.control.part(0.0, 0.6)
        measures = [*self.answers, *self.impacts]
        return np.stack(in_threads(lambda measure: np.append(*adjoint.of(measure.name)), measures, control=part))

    @property
    def _bears_on_impacts(self) -> Bools:
        """Whether each of S strands (S,) changes a mean impact by at least `SMALLEST_CHANGE`.

        The changes are estimated from slopes.
        """
        rows = self.at_stated[len(self.answers) :]
        moved = self._along(rows)
        return np.any((moved > 0) & (moved >= SMALLEST_CHANGE * np.abs(rows[:, 0])), axis=1)

    def _along(self, rows: Floats) -> Floats:
        """Estimate from slopes how much each of S strands changes each of R measures (S, R).

        A row of `rows` (R, 1 + A) has the value and the slopes of one measure, as in `at_stated`.
        """
        slopes = rows[:, [1 + strand.column for strand in self.strands]]
        return np.abs(slopes.T) * np.array([[strand.width] for strand in self.strands])

    def _solved(self, which: Sequence[int], answers: Sequence[int]) -> Floats:
        """Return how much strand number `which[i]` changes answer number `answers[i]`, for each i.

        The scenario is solved at the stated values and at the ends of the strand.
        """
        rows = [(row, a) for k, a in zip(which, answers, strict=True) for row in self._rows(self.strands[k])]
        if not rows:
            return np.zeros(0)
        values = in_threads(self._answer, *zip(*rows, strict=True), control=self.control.part(0.6, 0.8))
        spans = []
        for k, a in zip(which, answers, strict=True):
            ends = [self.at_stated[a, 0], *(values.pop(0) for _ in self.strands[k].ends)]
            spans.append(max(ends) - min(ends))
        return np.array(spans)

    def _rows(self, strand: _Strand) -> list[Floats]:
        at = np.arange(len(self.stated)) == strand.column
        return [np.where(at, end, self.stated) for end in strand.ends]

    def _answer(self, theta: Floats, number: int) -> float:
        answer, solver, name = self.answers[number], self.solver, self.answers[number].name
        if answer.kind == "question" and answer.of in solver.counted:
            solver, name = solver.counted[answer.of], f"ending:{COUNTER_ID}"
        seen, chain = observable(solver, name), solver.chain(theta, self.stated)
        passage = chain.propagate(chain.start(), 0, solver.horizon, taboo=seen.quest.taboo, tolerance=STRAND_TOLERANCE)
        return float(passage.stopped if seen.terminal is None else passage.vector @ seen.terminal)

    def _by_histories(self, which: Sequence[int]) -> Floats:
        """Return each strand's largest change to a question that needs whole histories.

        The changes come from Monte Carlo simulations with common random numbers.
        """
        rows = [self.stated, *(row for k in which for row in self._rows(self.strands[k]))]
        responses = Responses(self.world, self.sampled, engine="montecarlo", runs=STRAND_RUNS)
        stated, *values = responses(np.array(rows), control=self.control.part(0.8, 1.0)).mean(axis=1)
        spans = []
        for k in which:
            ends = [stated, *(values.pop(0) for _ in self.strands[k].ends)]
            spans.append(np.ptp(ends, axis=0).max())
        return np.array(spans)

    # ---------------------------------------------------------------- questions that only one actor can answer

    @cached_property
    def own(self) -> Bools:
        """Whether only a strand's actor can answer a question, for S strands and M answers (S, M)."""
        deciding = [self._deciding(answer) for answer in self.answers]
        return np.array([[s.actor and {s.name} == actors for actors in deciding] for s in self.strands])

    def _deciding(self, answer: Measure) -> set[str]:
        """Return the actors whose moves can answer a question (none for an ending or the headline)."""
        if answer.kind == "ending" or answer == headline(self.world):
            return set()
        question, moves = self.world.questions[answer.of], list(self.world)
        inside = self.solver.passages.taboo(question).inside if question.when else None
        if inside is None:
            return {self.world.moves[move].actor for move in question.moves}
        space = self.solver.space
        entering = inside[space.target] & ~inside[space.source]
        outcomes = np.unique(space.pair_outcome[space.pair[entering]])
        return {moves[move].actor for move in self.solver.tables.outcome_move[outcomes]}
