"""Lint rules about the reachable states of a scenario: one small function for each rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from simlib.analysis.lint.subject import Finding, Subject, error, note, warning
from simlib.engines.exact.reachable import enumerate_states
from simlib.errors import DOES_NOT_FIT
from simlib.machine.firing_counter import with_counter
from simlib.machine.tables import Tables
from simlib.quantities import show
from simlib.scenario.model import Question
from simlib.scenario.waits import percentiles, spread
from simlib.typing import Floats

_TOO_RARE = 1e-9
"""A question is reported if the number of events that it asks for has a smaller probability than this."""

_COUNTING = 200_000
"""Largest number of states for the check whether the moves can happen as often as a question asks."""


def every_level_can_be_reached(subject: Subject) -> Iterator[Finding]:
    """Report each level of a variable that no history can reach.

    Either the level is not needed, or a start or an outcome that should lead to it is missing.
    """
    for index, variable in enumerate(subject.scenario.variables.values()):
        reached = np.unique(subject.levels[:, index])
        if variable.counter:
            continue
        for level in np.setdiff1d(np.arange(len(variable.levels)), reached):
            yield warning(
                f"variables.{variable.id}.levels",
                f"{variable.levels[level]!r} can never be reached",
                "expected a start or an outcome that leads there; else remove the level",
            )


def every_move_can_happen(subject: Subject) -> Iterator[Finding]:
    """Report each move whose guard (condition) never holds, unless its window never opens."""
    for index, move in enumerate(subject.scenario.moves.values()):
        if subject.ever_open(move) and len(subject.entries(index)[0]) == 0:
            yield warning(
                f"moves.{move.id}.when",
                f"{move.id!r} is never possible: no history meets its condition",
                "expected a condition that can come true before an ending",
            )


def every_outcome_can_happen(subject: Subject) -> Iterator[Finding]:
    """Report each outcome whose chance is 0 at the stated values."""
    for (move, outcome), chance in zip(subject.tables.outcome_ids, subject.chances, strict=True):
        if chance > 0 or move not in subject.scenario.moves:
            continue
        rest = subject.scenario.moves[move].outcome(outcome).chance is None
        why = "the other chances leave nothing for it" if rest else "its chance is 0"
        yield warning(
            f"moves.{move}.outcomes.{outcome}",
            f"{outcome!r} never happens: {why}",
            "expected a positive chance; else remove the outcome",
        )


def every_effect_shows_somewhere(subject: Subject) -> Iterator[Finding]:
    """Report each outcome that can happen, but whose effects never change anything.

    Each such effect only sets a level that already holds, or shifts a variable past its first or last level.
    """
    space = subject.space
    moved = np.unique(space.pair_outcome[space.pair[subject.live_edges]])
    for index, (name, outcome_id) in enumerate(subject.tables.outcome_ids):
        move = subject.tables.moves[subject.tables.move(name)]
        able = subject.live_outcomes[index] and len(subject.entries(subject.tables.move(name))[0]) > 0
        if able and move.outcome(outcome_id).effects and index not in moved:
            yield note(
                f"moves.{name}.outcomes.{outcome_id}",
                f"{outcome_id!r} has effects, but they change nothing in any state in which {name!r} can happen",
                "expected an effect that changes at least one of these states",
            )


def every_ending_can_be_reached(subject: Subject) -> Iterator[Finding]:
    """Report each ending that no history can reach, and each ending that holds from the start.

    An ending is also out of reach if another ending always holds at the same time and comes earlier in the file.
    """
    names = list(subject.scenario.endings)
    reached = np.unique(subject.space.ending[subject.reached])
    for index, ending in enumerate(subject.scenario.endings.values()):
        where = f"endings.{ending.id}"
        if index not in reached:
            holds = subject.tables.holds(ending.when, subject.levels)
            masks = np.unique(subject.space.ending[subject.reached][holds])
            hidden = ", ".join(repr(names[mask]) for mask in masks)
            why = f", because {hidden} always holds too and comes earlier in the file" if hidden else ""
            yield warning(where, f"{ending.id!r} can never be reached{why}", "expected a history that reaches it")
        elif np.all(subject.tables.ending(subject.start[0]) == index):
            yield error(
                where,
                f"{ending.id!r} holds from the start: its probability is 1, whatever the rates",
                "expected a start at which the ending does not hold yet",
            )


def every_rung_can_be_reached(subject: Subject) -> Iterator[Finding]:
    """Note each rung (level of an escalation ladder) that no history reaches.

    The ladder may be a standard one, so this is not a warning.
    """
    rungs = subject.tables.rungs(subject.levels)
    for ladder, reached in zip(subject.scenario.ladders.values(), rungs, strict=True):
        for index, rung in enumerate(ladder.rungs):
            if not np.any(reached == index):
                yield note(
                    f"ladders.{ladder.id}.{rung.id}",
                    f"no history ever reaches the rung {rung.id!r}",
                    "expected a state in which this is the highest rung, unless the ladder was made for many scenarios",
                )


def no_state_is_a_dead_end(subject: Subject) -> Iterator[Finding]:
    """Report dead ends: states in which nothing has ended and that no move can leave.

    A history that reaches a dead end stays in that state, without an ending.
    """
    space = subject.space
    exits = np.bincount(space.source[subject.live_edges], minlength=len(space))
    stuck = np.flatnonzero((exits == 0) & subject.reached & ~space.ended)
    if len(stuck):
        states = "1 has" if len(stuck) == 1 else f"{len(stuck):,} have"
        endings = "is not an ending" if len(stuck) == 1 else "are not endings"
        yield warning(
            "moves",
            f"of {len(subject.levels):,} reachable states, {states} no way out and {endings}, "
            f"such as {subject.state(space.levels[stuck[0]])}",
            "expected for each such state a move that leads out of it, or an ending that holds in it",
        )


def no_move_is_busier_than(subject: Subject, events_per_day: float) -> Iterator[Finding]:
    """Report each move that would happen more than `events_per_day` times a day in some state.

    The usual reason is a wrong unit, or a superfluous factor.
    """
    for index, move in enumerate(subject.scenario.moves.values()):
        often = _often(subject, index)
        if not np.any(often > events_per_day):
            continue
        at = int(np.argmax(often))
        state = subject.state(subject.going[subject.entries(index)[1][at]], subject.tables.move_variables[index])
        yield warning(
            f"moves.{move.id}.rate",
            f"{move.id!r} would happen {show(float(often[at]), 'rate', 'per day')}"
            + (f" with {state}" if state else ""),
            f"expected at most {events_per_day:g} per day; check the units and the factors",
        )


def no_count_is_out_of_reach(subject: Subject) -> Iterator[Finding]:
    """Report each question that asks for more events than are likely, even at the highest rates."""
    from scipy.stats import poisson

    for question in subject.scenario.questions.values():
        if question.count is None:
            continue
        free = [subject.tables.move(move) for move in question.moves if subject.scenario.moves[move].at is None]
        dated = len(question.moves) - len(free)
        per_day = sum(float(_often(subject, move).max(initial=0.0)) for move in free)
        most = dated + per_day * subject.scenario.horizon_days
        if poisson.sf(question.count.at_least - 1 - dated, most - dated) < _TOO_RARE:
            yield warning(
                f"questions.{question.id}.count",
                f"{question.id!r} asks for at least {question.count.at_least} firings, but the highest rates give "
                f"about {most:.3g} by the horizon",
                "expected a smaller number of firings",
            )


def _often(subject: Subject, index: int) -> Floats:
    """Return how often per day a move happens at its peak rate, at each of `Subject.entries`."""
    takes = subject.tables.moves[index].takes
    return subject.peak_rates[subject.entries(index)[0]] / (percentiles(takes.stages)[1] if takes else 1.0)


def hidden_clocks_are_listed(subject: Subject) -> Iterator[Finding]:
    """Note the length and number of stages of the waiting time of each move that has `takes`.

    A wait of several exponential stages in a row is a hidden clock. If there are hidden clocks, a further note gives
    the number of states with and without them.
    """
    waits = [(move, move.takes) for move in subject.scenario if move.takes is not None]
    for move, wait in waits:
        median = subject.scenario.assumptions[move.rate]
        low, high = (show(days, "duration", median.unit) for days in spread(wait.stages, median.value))
        stages = (
            f"a hidden clock of {wait.stages} stages" if wait.stages > 1 else "one exponential stage, without a clock"
        )
        what = f"90% of the waits for {move.id!r} last {low} to {high}, modelled as {stages}"
        yield note(f"moves.{move.id}.takes", what)
    if subject.tables.clocks:
        at_once = {
            move.id: dataclasses.replace(move, takes=dataclasses.replace(wait, stages=1)) for move, wait in waits
        }
        plain = subject.scenario.replace(moves=dict(subject.scenario.moves) | at_once)
        without = len(enumerate_states(Tables(plain), cap=subject.cap, control=subject.control))
        clocks = "a hidden clock" if len(subject.tables.clocks) == 1 else f"{len(subject.tables.clocks)} hidden clocks"
        what = f"{len(subject.space):,} states with {clocks}, {without:,} without"
        yield note("moves", what, "expected fewer stages (low and high further apart) if these are too many states")


def no_question_is_settled_by_structure(subject: Subject) -> Iterator[Finding]:
    """Report each question whose probability is 0 or 1, whatever the rates.

    Such a question needs no forecast, and a probability of 0 or 1 can ruin a score.
    """
    for question in subject.scenario.questions.values():
        if not _can_happen(subject, question):
            what = "can never happen: its probability is 0, whatever the rates"
        elif question.when is not None and np.all(subject.tables.holds(question.when, subject.start[0])):
            what = "has happened at the start: its probability is 1, whatever the rates"
        else:
            continue
        yield error(
            f"questions.{question.id}", f"{question.id!r} {what}", "expected a question that could go either way"
        )


def _can_happen(subject: Subject, question: Question) -> bool:
    tables = subject.tables
    if question.when is not None:
        return bool(np.any(tables.holds(question.when, subject.levels)))
    if question.lull is not None:
        return question.lull.days <= subject.scenario.horizon_days
    possible = [move for move in question.moves if len(subject.entries(tables.move(move))[0])]
    fires = any(
        subject.live_outcomes[tables.outcome(move, outcome.id)]
        for move in possible
        for outcome in subject.scenario.moves[move].outcomes
        if question.counts(move, outcome.id)
    )
    return fires and (question.count is None or _often_enough(subject, question))


def _often_enough(subject: Subject, question: Question) -> bool:
    """Return whether the moves can happen as often as a question asks.

    If there are too many states to find out, the result is True.
    """
    counting = Tables(with_counter(subject.scenario, question))
    try:
        space = enumerate_states(counting, cap=min(subject.cap, _COUNTING), control=subject.control)
    except DOES_NOT_FIT:
        return True
    return bool(np.any(space.ending == 0))  # the counter is the first ending
