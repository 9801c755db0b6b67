"""Whether a log has answered a question already: how likely its event has happened by then.

The filter walks a second time without the ways that answer the question: into its states, or along its firings. The
probability that is lost on the way has answered it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.evidence.backend import load_kernels
from simlib.evidence.exact_filter import Filter
from simlib.machine.tables import sums_by
from simlib.scenario.model import Question
from simlib.typing import Bools, Floats, Ints

SETTLED = 1e-9
"""A question is settled where the probability that its event has not happened yet is at most this."""


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question whose event has happened already with some probability, at the stated values.

    `on` is the day on which the log settles it, None where it leaves a doubt.
    """

    id: str
    label: str
    probability: float
    on: dt.date | None


def answered(prepared: Filter) -> tuple[AnsweredQuestion, ...]:
    """Return the questions whose event may have happened since the scenario's first day.

    Lulls and counts, which no single state or firing answers, are left out.
    """
    if prepared.timetable.stop <= 0:
        return ()
    return tuple(_answered(prepared))


def settled_on(prepared: Filter, question: str) -> dt.date | None:
    """Return the day on which the log settles a question, None where it does not."""
    found = (one.on for one in answered(prepared) if one.id == question)
    return next(found, None)


def _answered(prepared: Filter) -> Iterator[AnsweredQuestion]:
    for question in prepared.scenario.questions.values():
        if question.lull or question.count or question.joint:
            continue
        left, day = _left(prepared, question)
        if left < 1 - SETTLED:
            on = prepared.scenario.by_date(day) if day is not None and left <= SETTLED else None
            yield AnsweredQuestion(question.id, question.label, 1 - left, on)


def _left(prepared: Filter, question: Question) -> tuple[float, float | None]:
    """Return the probability that the event has not happened yet, and the day on which none is left."""
    walk, theta = prepared.walk, prepared.centre
    slots = prepared._rates(theta)
    arguments: Any = prepared._arguments(slots, prepared._start(theta))
    start, (rate, exits), spans, ways, maps = arguments
    counts = np.array([span.start >= 0 for span in walk.spans], dtype=bool)
    inside = np.zeros(len(walk.machine), dtype=bool)
    if question.when is not None:
        inside = prepared.tables.holds(question.when, walk.machine)
        rate = np.where(inside[_targets(prepared)] & np.repeat(counts, np.diff(walk.way_start)), 0.0, rate)
    else:
        kept = np.where(np.isin(walk.slot_outcome, _outcomes(prepared, question)), 0.0, slots)
        without = sums_by(prepared._way_of, kept[walk.slot], len(walk.source))
        rate = np.where(np.repeat(counts, np.diff(walk.way_start)), without, rate)
        exits = exits + _silent(prepared, question, theta) * np.repeat(counts, np.diff(walk.state_start[:-1]))
    *places, weight = maps
    weight = np.where(_into(prepared, inside, counts), 0.0, weight)
    kept_states, masses = np.zeros(int(walk.grid_start[-1])), np.ones(len(walk.days) + 1)
    failed = load_kernels().forward(start, (rate, exits), spans, ways, (*places, weight), kept_states, masses)
    if failed >= 0:
        day = prepared.timetable.stop if failed == len(walk.spans) else walk.spans[failed].start
        return 0.0, float(day)
    return float(np.exp(np.log(masses).sum() - prepared.run(theta).log_likelihood)), None


def _targets(prepared: Filter) -> Ints:
    """Return the machine state to which each way leads."""
    walk = prepared.walk
    found = [np.zeros(0, dtype=np.int64)]
    for span in range(len(walk.spans)):
        first, last = walk.state_start[span : span + 2].tolist()
        pointer: Ints = walk.pointer[first + span : last + span + 1].astype(np.int64)
        found.append(np.repeat(walk.state[first:last], pointer[1:] - pointer[:-1]))
    return np.concatenate(found)


def _into(prepared: Filter, inside: Bools, counts: Bools) -> Bools:
    """Say which parts of the maps between spans lead into states that answer, once they count."""
    walk = prepared.walk
    sizes = [*walk.sizes.tolist(), 1]
    found = [np.zeros(0, dtype=bool)]
    for place, size in enumerate(sizes):
        own = slice(*walk.map_start[place : place + 2].tolist())
        states = walk.state[walk.state_start[place] + walk.map_target[own].astype(np.int64) // size]
        found.append(inside[states] & (True if place == len(counts) else counts[place]))
    return np.concatenate(found)


def _outcomes(prepared: Filter, question: Question) -> list[int]:
    """Return the outcomes whose firing answers a question, as indices."""
    return [
        number
        for number, (move, outcome) in enumerate(prepared.tables.outcome_ids)
        if move == question.move and question.outcome in (None, outcome)
    ]


def _silent(prepared: Filter, question: Question, theta: Floats) -> Floats:
    """Return for each state of each span the rate of firings that answer, change nothing and are not shown."""
    walk, tables, timetable = prepared.walk, prepared.tables, prepared.timetable
    assumptions = list(prepared.world.assumptions)
    result = [np.zeros(0)]
    for number, span in enumerate(walk.spans):
        levels = walk.machine[walk.state[slice(*walk.state_start[number : number + 2].tolist())]]
        rates = tables.rates(theta, span.segment)
        chances = tables.chances(theta, prepared.centre, span.segment)
        total = np.zeros(len(levels))
        for outcome in _outcomes(prepared, question):
            kind = timetable.coverage[tables.outcome_ids[outcome]]
            how, delay = timetable.kinds[kind].chance, span.delays[kind]
            chance = float(theta[assumptions.index(how)]) if isinstance(how, str) else how
            unseen = 1.0 if delay is None else 1.0 - chance * delay
            entry = tables.local_index(int(tables.outcome_move[outcome]), levels)
            stays = np.all(tables.after(outcome, levels) == levels, axis=1) & tables.possible[entry]
            branch = tables.branch_at(entry, np.full(len(entry), outcome))
            total += np.where(stays, rates[entry] * chances[branch] * unseen, 0.0)
        total[tables.ending(levels) >= 0] = 0.0
        result.append(total)
    return np.concatenate(result)
