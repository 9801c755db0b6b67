"""Rules of a second reading that look at the states that can come about: one rule, one small function."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simlib.analysis.lint.subject import Finding, Reading
from simlib.quantities import show
from simlib.scenario.model import Question

Findings = Iterator[Finding]


def every_level_can_be_reached(reading: Reading) -> Findings:
    """A level no history can come to is a leftover, or something that should lead there is missing."""
    for index, variable in enumerate(reading.scenario.variables.values()):
        reached = np.unique(reading.levels[:, index])
        for level in np.setdiff1d(np.arange(len(variable.levels)), reached):
            yield Finding(
                "warning",
                f"variables.{variable.id}.levels",
                f"{variable.levels[level]!r} can never be reached",
                "expected a start or an outcome that leads there; remove it otherwise",
            )


def every_move_can_happen(reading: Reading) -> Findings:
    """A guard that no history meets; a window that never opens has a rule of its own."""
    for index, move in enumerate(reading.scenario.moves.values()):
        if reading.ever_open(move) and len(reading.entries(index)[0]) == 0:
            yield Finding(
                "warning",
                f"moves.{move.id}.when",
                f"{move.id!r} is never possible: no history meets its guard",
                "expected a guard that can come true before an ending",
            )


def every_outcome_can_happen(reading: Reading) -> Findings:
    """A branch whose chance is nothing at the stated values."""
    for (move, outcome), chance in zip(reading.tables.outcome_ids, reading.chances, strict=True):
        if chance > 0:
            continue
        rest = reading.scenario.moves[move].outcome(outcome).chance is None
        why = "the other chances leave nothing for it" if rest else "its chance is 0"
        yield Finding(
            "warning",
            f"moves.{move}.outcomes.{outcome}",
            f"{outcome!r} never happens: {why}",
            "expected a positive chance; remove it otherwise",
        )


def every_effect_shows_somewhere(reading: Reading) -> Findings:
    """Effects that only ever set what already holds, or push against the end of the levels."""
    space = reading.space
    moved = np.unique(space.pair_outcome[space.pair[reading.live_edges]])
    for index, (name, outcome_id) in enumerate(reading.tables.outcome_ids):
        move = reading.scenario.moves[name]
        able = reading.live_outcomes[index] and len(reading.entries(reading.tables.move(name))[0]) > 0
        if able and move.outcome(outcome_id).effects and index not in moved:
            yield Finding(
                "note",
                f"moves.{name}.outcomes.{outcome_id}",
                f"{outcome_id!r} has effects that never change anything: they hold wherever {name!r} can happen",
                "expected an effect that shows in some state",
            )


def every_ending_can_be_reached(reading: Reading) -> Findings:
    """An ending nobody comes to, one hidden behind those before it in the file, or one that holds from the start."""
    names = list(reading.scenario.endings)
    reached = np.unique(reading.space.ending[reading.reached])
    for index, ending in enumerate(reading.scenario.endings.values()):
        where = f"endings.{ending.id}"
        if index not in reached:
            holds = reading.tables.holds(ending.when, reading.levels)
            masks = np.unique(reading.space.ending[reading.reached][holds])
            hidden = ", ".join(repr(names[mask]) for mask in masks)
            what = f"is always taken first by {hidden}, earlier in the file" if hidden else "can never be reached"
            yield Finding("warning", where, f"{ending.id!r} {what}", "expected a history that ends so")
        elif np.all(reading.tables.ending(reading.start[0]) == index):
            yield Finding(
                "error",
                where,
                f"{ending.id!r} holds from the start: its probability is 1 by structure",
                "expected a story that begins before its end",
            )


def every_rung_can_be_reached(reading: Reading) -> Findings:
    """A rung no history stands on: the ladder may be a standard one, so this is no more than a note."""
    rungs = reading.tables.rungs(reading.levels)
    for ladder, reached in zip(reading.scenario.ladders.values(), rungs, strict=True):
        for index, rung in enumerate(ladder.rungs):
            if not np.any(reached == index):
                yield Finding(
                    "note",
                    f"ladders.{ladder.id}.{rung.id}",
                    f"no history ever stands on the rung {rung.id!r}",
                    "expected a state of which it is the highest rung, unless the ladder is a standard one",
                )


def no_state_is_a_dead_end(reading: Reading) -> Findings:
    """States that nothing leads out of, and that are no ending: the story stops without saying how it ended."""
    space = reading.space
    exits = np.bincount(space.source[reading.live_edges], minlength=len(space))
    stuck = np.flatnonzero((exits == 0) & reading.reached & ~space.ended)
    if len(stuck):
        states = "1 state has" if len(stuck) == 1 else f"{len(stuck):,} states have"
        endings = "is no ending" if len(stuck) == 1 else "are no ending"
        yield Finding(
            "warning",
            "moves",
            f"{states} no way out and {endings} (of {len(reading.levels):,} that can come about), "
            f"such as {reading.state(space.levels[stuck[0]])}",
            "expected a move that leads out of it, or an ending",
        )


def no_move_is_busier_than(reading: Reading, events_per_day: float) -> Findings:
    """A move that, in some state, would happen more than so many times a day: a unit or a factor too many."""
    tables = reading.tables
    by_segment = np.array([tables.rates(reading.theta, segment) for segment in reading.segments])
    busiest = by_segment.max(axis=0)
    for index, move in enumerate(reading.scenario.moves.values()):
        entries, rows = reading.entries(index)
        if len(entries) == 0 or busiest[entries].max() <= events_per_day:
            continue
        at = int(np.argmax(busiest[entries]))
        state = reading.state(reading.going[rows[at]], tables.move_variables[index])
        yield Finding(
            "warning",
            f"moves.{move.id}.rate",
            f"{move.id!r} would happen {show(float(busiest[entries[at]]), 'rate', 'per day')}"
            + (f" with {state}" if state else ""),
            f"expected at most {events_per_day:g} per day; check the units and the factors",
        )


def no_question_is_settled_by_structure(reading: Reading) -> Findings:
    """A named question whose answer is 0 or 1 whatever the numbers: no forecast, and ruinous when it is scored."""
    for question in reading.scenario.questions.values():
        if not _can_happen(reading, question):
            what = "can never happen: its probability is 0 by structure"
        elif question.when is not None and np.all(reading.tables.holds(question.when, reading.start[0])):
            what = "has happened at the start: its probability is 1 by structure"
        else:
            continue
        yield Finding(
            "error",
            f"questions.{question.id}",
            f"{question.id!r} {what}",
            "expected a question that could go either way",
        )


def _can_happen(reading: Reading, question: Question) -> bool:
    tables = reading.tables
    if question.when is not None:
        return bool(np.any(tables.holds(question.when, reading.levels)))
    move = question.move or ""
    if len(reading.entries(tables.move(move))[0]) == 0:
        return False
    outcomes = [question.outcome] if question.outcome else [o.id for o in reading.scenario.moves[move].outcomes]
    return any(reading.live_outcomes[tables.outcome(move, outcome)] for outcome in outcomes)
