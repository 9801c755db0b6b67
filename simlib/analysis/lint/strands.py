"""Lint rule about strands: parts of a scenario that change none of its answers.

A strand is all moves of one actor, or one assumption over its range. Exact slopes decide about strands far from the
line, one gradient for each answer. Strands near it are solved. To forbid moves is to multiply their rates by 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from simlib.analysis.evaluator import Responses, in_threads
from simlib.analysis.lint.subject import Finding, Subject
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.forecast import Solver
from simlib.formatting import plainly
from simlib.machine import priors
from simlib.machine.measures import Measure, every, headline
from simlib.results import ONGOING
from simlib.scenario.model import Assumption, Factor, Scenario
from simlib.scenario.scales import forward
from simlib.typing import Bools, Engine, Floats

LINE = 0.01
"""An answer that moves by less than this probability is not moved."""

NEAR = 1.25
"""A change judged by slope is trusted beyond this factor of the line. Nearer to it, both ends are solved."""

NEAR_FORBIDDEN = 3.0
"""The same for the moves of an actor. They are stopped, not changed a little, so small ones are always solved."""

MOST_STATES = 200_000
"""Reachable states up to which strands are examined."""

RUNS = 4_000
"""Replicates at each end for a question that only histories answer, with common random numbers."""


def every_strand_moves_an_answer(subject: Subject) -> Iterator[Finding]:
    """Report each actor, and each assumption, that moves no ending and no question by one point by the horizon.

    A question that only this actor's moves can answer does not count for it, unless it is the headline: to answer it
    is no bearing on anything else. An assumption goes from its low to its high, the others at their stated values.
    """
    world = _with_switches(subject.scenario)
    if len(subject.space) > MOST_STATES:
        what = f"not checked: strands that move no answer; the world has {len(subject.space):,} states"
        yield Finding("note", "states", what, f"expected at most {MOST_STATES:,}")
        return
    by = world.by_date(world.horizon_days)
    idle = _idle(world, subject)
    for strand, (size, answer) in idle.items():
        if _is_switch(strand):
            yield Finding(
                "warning",
                f"actors.{strand.label}",
                f"all moves of {strand.label!r} together move no ending, and no question that others can answer, by "
                f"one point by {by} (at most {answer.words}: {plainly(100 * size, ' points')})",
                "expected moves with a bearing on an answer; remove them otherwise",
            )
    numbers = {s.id: size for s, (size, _) in idle.items() if not _is_switch(s)}
    if numbers:
        sizes = ", ".join(f"{name} ({plainly(100 * size)})" for name, size in numbers.items())
        yield Finding(
            "note",
            "assumptions",
            f"over its range none of these moves an ending or a question by one point by {by} (points): {sizes}",
            "no need to know them better; a part of the story that should matter is missing a bearing",
        )


_SWITCH = "moves of "  # with spaces: no id of a file looks like this


def _is_switch(strand: Assumption) -> bool:
    return strand.id.startswith(_SWITCH)


def _with_switches(scenario: Scenario) -> Scenario:
    """Return the scenario with a factor of 1 on all moves of each actor: 0 forbids them."""
    actors = dict.fromkeys(move.actor for move in scenario)
    switches = {_SWITCH + actor: Assumption(_SWITCH + actor, actor, "factor", 1.0, 1.0, 1.0, "") for actor in actors}
    moves = {
        name: replace(move, factors=(*move.factors, Factor(_SWITCH + move.actor)))
        for name, move in scenario.moves.items()
    }
    return scenario.replace(assumptions={**scenario.assumptions, **switches}, moves=moves, ladders={})


def _idle(world: Scenario, subject: Subject) -> dict[Assumption, tuple[float, Measure]]:
    """Return the strands that move no answer, each with how far it moves one at most, and which."""
    solver = Solver(world, times=1, cap=subject.cap, control=subject.control)
    every_answer = [m for m in every(world, ("ending", "question")) if m.of != ONGOING]
    sampled = [m for m in every_answer if m.kind == "question" and m.of in solver.by_histories]
    answers = [m for m in every_answer if m not in sampled]
    strands = [a for a in world.assumptions.values() if _is_switch(a) or not a.fixed]
    if not answers or not world.moves:
        return {}
    columns = [list(world.assumptions).index(strand.id) for strand in strands]
    moved = np.abs(_slopes(solver, answers, subject)[:, columns].T) * np.array([[_width(s)] for s in strands])
    own = _own(solver, strands, answers)
    best = np.where(own, -1.0, moved).argmax(axis=1)
    size = np.where(own.all(axis=1), np.inf, moved[np.arange(len(strands)), best])
    switches = np.array([_is_switch(s) for s in strands])
    near = (size < LINE * np.where(switches, NEAR_FORBIDDEN, NEAR)) & (switches | (size >= LINE / NEAR))
    asked, place = np.unique(best[near], return_inverse=True)
    solved = _moved(world, strands, [answers[k] for k in asked], "exact", near, subject)
    size[near] = solved[np.arange(len(solved)), place]
    if sampled and np.any(idle := size < LINE):
        others = _moved(world, strands, sampled, "montecarlo", idle, subject).max(axis=1)
        size[idle] = np.where(others < LINE, size[idle], others)
    return {strands[k]: (float(size[k]), answers[best[k]]) for k in np.flatnonzero(size < LINE)}


def _width(strand: Assumption) -> float:
    """Return the change of θ at the slope of the stated value from low to high, on the scale of the prior."""
    if _is_switch(strand):
        return 1.0
    wide = float(forward(strand.kind, strand.high) - forward(strand.kind, strand.low))
    return wide * strand.value * ((1 - strand.value) if strand.kind == "chance" else 1.0)


def _slopes(solver: Solver, answers: Sequence[Measure], subject: Subject) -> Floats:
    """Return the exact slope of each answer in each assumption (M, A)."""
    adjoint = Adjoint(solver, priors.theta(solver.scenario), control=subject.control)
    return in_threads(lambda answer: adjoint.of(answer.name)[1], answers, control=subject.control)


def _own(solver: Solver, strands: Sequence[Assumption], answers: Sequence[Measure]) -> Bools:
    """Mark the questions (S, M) that only the moves of one actor can answer, in the row of that actor."""
    deciding = [_deciding(solver, answer) for answer in answers]
    return np.array([[{s.id} == {_SWITCH + actor for actor in actors} for actors in deciding] for s in strands])


def _deciding(solver: Solver, answer: Measure) -> set[str]:
    """Return the actors whose moves can answer a question. For an ending and the headline, none."""
    if answer.kind == "ending" or answer == headline(solver.scenario):
        return set()
    question, moves = solver.scenario.questions[answer.of], list(solver.scenario)
    if question.when is None:
        return {solver.scenario.moves[move].actor for move in question.moves}
    inside, space = solver.taboo(question).inside, solver.space
    if inside is None:
        return set()
    entering = inside[space.target] & ~inside[space.source]
    outcomes = np.unique(space.pair_outcome[space.pair[entering]])
    return {moves[move].actor for move in solver.tables.outcome_move[outcomes]}


def _moved(
    world: Scenario,
    strands: Sequence[Assumption],
    answers: Sequence[Measure],
    engine: Engine,
    which: Bools,
    subject: Subject,
) -> Floats:
    """Return how far some strands move each answer (S, M), over their ranges or with their moves forbidden."""
    some, names, stated = (
        [s for s, asked in zip(strands, which, strict=True) if asked],
        list(world.assumptions),
        priors.theta(world),
    )
    if not some:
        return np.zeros((0, len(answers)))
    rows = np.tile(stated, (1 + 2 * len(some), 1))
    for place, strand in enumerate(some):
        ends = (0.0, 1.0) if _is_switch(strand) else (strand.low, strand.high)
        rows[1 + 2 * place : 3 + 2 * place, names.index(strand.id)] = ends
    values = Responses(world, answers, engine=engine, runs=RUNS)(rows, control=subject.control).mean(axis=1)
    return np.array([np.ptp(values[[0, 1 + 2 * place, 2 + 2 * place]], axis=0) for place in range(len(some))])
