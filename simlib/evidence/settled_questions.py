"""The probability that the event of a question has happened already, given a log.

The filter runs a second time without the transitions in which the event happens. The total probability is then smaller
than in the first run. The missing share is the probability that the event has happened. Counts of events are read from
the rows that are certain, and lulls (days without an event) from the absence of rows.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simlib.evidence.exact_filter import Filter, Passed, WalkRates
from simlib.evidence.timetable import OpenRow, Span
from simlib.machine.interventions import Segment
from simlib.machine.sums import sums_by
from simlib.scenario.evidence import CERTAIN_REPORT
from simlib.scenario.model import Question
from simlib.typing import Bools, Floats, Ints

SETTLED_TOLERANCE = 1e-9
"""A question is settled if the probability that its event has not happened yet is at most this."""


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question whose event has happened already, certainly or with some probability.

    - probability: the probability that the event has happened, at the values stated in the scenario.
    - on: the day from which the event is certain, or None if it is not certain.
    """

    id: str
    label: str
    probability: float
    on: dt.date | None


@dataclass(frozen=True, eq=False)
class AnswerSoFar:
    """The probability that the event of a question has happened by the end of a log.

    - probability: the probability that the event has happened.
    - on: the day from which the event is certain, or None if it is not certain.
    - open (K,): for each of K states, the probability that the log ends in this state and that the event has not
      happened.
    """

    probability: float
    on: dt.date | None
    open: Floats


@dataclass(frozen=True, eq=False)
class StillOpen:
    """The probability, along a log, that the event of a question has not happened yet.

    S is the number of spans of the filter.

    - rates: the rates of the filter without the transitions in which the event happens.
    - passed: the result of the filter at these rates.
    - share (S + 1,): the probability that the event has not happened by the start of each span and by the end of the
      log, given the log up to this day.
    """

    rates: WalkRates
    passed: Passed
    share: Floats

    @property
    def end(self) -> Floats:
        """The probability (K,) that the log ends in each state and the event has not happened."""
        return np.asarray(self.share[-1] * self.passed.end)


def answered(prepared: Filter, passed: Passed) -> tuple[AnsweredQuestion, ...]:
    """Return the questions whose event may have happened since the scenario's first day.

    A question about a count of events or a lull (days without an event) is returned only if its event is certain.
    `passed` is the result of the filter at the values stated in the scenario.
    """
    questions = prepared.scenario.questions.values()
    answers = ((question, answer_so_far(prepared, passed, question)) for question in questions)
    return tuple(
        AnsweredQuestion(question.id, question.label, answer.probability, answer.on)
        for question, answer in answers
        if answer.probability > SETTLED_TOLERANCE
    )


def answer_so_far(prepared: Filter, passed: Passed, question: Question, since: float = 0.0) -> AnswerSoFar:
    """Return the probability that the event of a question has happened by the end of a log.

    Args:
        prepared: The filter of the log.
        passed: The result of the filter at the values stated in the scenario.
        question: The question.
        since: The first day whose events count, in days after the scenario's date.
    """
    crossing = None
    if question.lull or question.count:
        crossing = (_lull_over if question.lull else _reached)(prepared, question, since)
        share = np.array([1.0 if crossing is None else 0.0])
        still = passed.end
    else:
        still_open = Unanswered(prepared, question, since).carried(prepared.centre, passed)
        share, still = still_open.share, still_open.passed.end
        if share[-1] <= SETTLED_TOLERANCE:
            crossing = float(passed.days()[int(np.flatnonzero(share > SETTLED_TOLERANCE).max(initial=-1)) + 1])
    if crossing is None:
        return AnswerSoFar(float(1 - share[-1]), None, share[-1] * still)
    day = prepared.timetable.day_told(crossing)
    return AnswerSoFar(1.0, prepared.world.date_at(day), np.zeros(len(still)))


class Unanswered:
    """A filter of a log, without the transitions in which the event of a question happens.

    `possible` says whether such a transition is possible given the log. If not, the event has not happened yet. For
    questions about counts, lulls (days without an event) and pairs of events, `possible` is false and says nothing.
    """

    def __init__(self, prepared: Filter, question: Question, since: float = 0.0) -> None:
        """Find the transitions, from the day `since` on, in which the event of the question happens."""
        walk = prepared.walk
        self.prepared, self.outcomes = prepared, _outcomes(prepared, question)
        counts: Bools = np.array([span.start >= since for span in walk.spans], dtype=bool)
        over = prepared.timetable.stop > since
        inside = np.zeros(len(walk.levels), dtype=bool)
        if question.when is not None:
            inside = prepared.tables.holds(question.when, walk.levels)
        self._states_count = np.repeat(counts, np.diff(walk.state_start[:-1]))
        self._ways_count = np.repeat(counts, np.diff(walk.way_start))
        self._ways = inside[_targets(prepared)] & self._ways_count
        self._maps = _into(prepared, inside, np.append(counts, over))
        slots = walk.slot[np.repeat(self._ways_count, np.diff(walk.slot_start))]
        fires = bool(np.any(np.isin(walk.slot_outcome[slots], self.outcomes)))
        self.possible = over and bool(fires or self._ways.any() or self._maps.any() or len(self._silent[0]))

    def carried(self, theta: Floats, passed: Passed) -> StillOpen:
        """Filter the log without the transitions in which the event happens, at values `theta`.

        `passed` is the result of the filter at the same values.
        """
        rates = self.prepared.rates(theta)
        if not self.possible:
            return StillOpen(rates, passed, np.ones(len(passed.masses)))
        rates = dataclasses.replace(
            rates, rate=np.where(self._ways, 0.0, rates.rate), weight=np.where(self._maps, 0.0, rates.weight)
        )
        if len(self.outcomes):
            hidden = np.isin(self.prepared.walk.slot_outcome, self.outcomes)
            without = self.prepared.way_rates(np.where(hidden, 0.0, rates.slots))
            exits = rates.exits + self._silent_rates(theta)
            rates = dataclasses.replace(rates, rate=np.where(self._ways_count, without, rates.rate), exits=exits)
        rest = self.prepared.carry(rates)
        with np.errstate(divide="ignore"):
            share = np.exp(np.cumsum(np.log(rest.masses)) - np.cumsum(np.log(passed.masses)))
        return StillOpen(rates, rest, np.minimum(share, 1.0))

    # ---------------------------------------------------------------- firings that nobody sees and that change nothing

    @cached_property
    def _silent(self) -> tuple[Ints, list[tuple[Segment, Ints, Ints, Floats, Ints]]]:
        """The firings that make the event happen, change no state and may be missing from the log.

        A firing is a move that happens with one of its outcomes.

        Returns:
            The index (K',) of the state in which each firing happens, and a list of parts. A part is for one span (a
            stretch of time without changes of rows or hazards) and one outcome. Each part consists of:

            - the segment, whose calendar windows decide the rates.
            - the entry of each firing in the tables of rates.
            - the branch of each firing in the tables of chances.
            - for each firing, the probability that the log shows it.
            - for each firing, the index of the assumption that multiplies this probability, or -1.
        """
        prepared, places, parts = self.prepared, [np.zeros(0, dtype=np.int64)], []
        walk, tables, timetable = prepared.walk, prepared.tables, prepared.timetable
        for number, span in enumerate(walk.spans):
            first, last = walk.state_start[number : number + 2].tolist()
            if not self._states_count[first:last].any():
                continue
            levels = walk.levels[walk.state[first:last]]
            for outcome in self.outcomes.tolist():
                kind = timetable.coverage[tables.outcome_ids[outcome]]
                seen = timetable.kinds[kind].chance, span.delays[kind]
                entry = tables.local_index(int(tables.outcome_move[outcome]), levels)
                stays = np.all(tables.after(outcome, levels) == levels, axis=1) & tables.possible[entry]
                here = np.flatnonzero(stays & (tables.ending(levels) < 0))
                if len(here) and seen != (1.0, 1.0):
                    places.append(first + here)
                    branch = tables.branch_at(entry[here], np.full(len(here), outcome))
                    parts.append((span.segment, entry[here], branch, *_shown(prepared, *seen, len(here))))
        return np.concatenate(places), parts

    def _silent_rates(self, theta: Floats) -> Floats:
        """Return, for each state of each span, the rate of `_silent` firings that the log omits."""
        tables, known = self.prepared.tables, np.append(theta, 1.0)
        parts = [np.zeros(0)]
        for segment, entry, branch, share, chance in self._silent[1]:
            rates = tables.rates(theta, segment)[entry]
            chances = tables.chances(theta, self.prepared.centre, segment)[branch]
            parts.append(rates * chances * (1.0 - share * known[chance]))
        return sums_by(self._silent[0], np.concatenate(parts), len(self._states_count))


def _shown(prepared: Filter, chance: float | str, delay: float | None, count: int) -> tuple[Floats, Ints]:
    """Return two arrays (count,), each with the same value everywhere.

    The first value is the share of firings that the log shows. The second is the index of the assumption that
    multiplies this share, or -1.
    """
    named = isinstance(chance, str) and delay is not None
    share = 0.0 if delay is None else delay if isinstance(chance, str) else chance * delay
    index = list(prepared.world.assumptions).index(str(chance)) if named else -1
    return np.full(count, share), np.full(count, index)


def _targets(prepared: Filter) -> Ints:
    """Return the index of the machine state to which each transition of the filter leads."""
    walk = prepared.walk
    targets = [np.zeros(0, dtype=np.int64)]
    for span in range(len(walk.spans)):
        first, last = walk.state_start[span : span + 2].tolist()
        pointer: Ints = walk.pointer[first + span : last + span + 1].astype(np.int64)
        targets.append(np.repeat(walk.state[first:last], pointer[1:] - pointer[:-1]))
    return np.concatenate(targets)


def _into(prepared: Filter, inside: Bools, counts: Bools) -> Bools:
    """Mark the entries of the maps between spans that lead to one of the states `inside`.

    A map gives the probabilities at the start of a span from the probabilities at the end of the previous span. If
    `counts` is false for a map, none of its entries is marked.
    """
    walk = prepared.walk
    sizes = [*walk.sizes.tolist(), 1]
    marks = [np.zeros(0, dtype=bool)]
    for place, size in enumerate(sizes):
        own = slice(*walk.map_start[place : place + 2].tolist())
        states = walk.state[walk.state_start[place] + walk.map_target[own].astype(np.int64) // size]
        marks.append(inside[states] & counts[place])
    return np.concatenate(marks)


def _outcomes(prepared: Filter, question: Question) -> Ints:
    names = enumerate(prepared.tables.outcome_ids)
    own = [number for number, firing in names if question.move and question.counts(*firing)]
    return np.array(own, dtype=np.int64)


# ---------------------------------------------------------------- counts and lulls


def _reached(prepared: Filter, question: Question, since: float) -> float | None:
    """Return the day on which the certain rows report as many events as a question asks for.

    Doubtful rows do not count. The result is None if the certain rows report too few events.
    """
    assert question.count is not None
    sure = [row for row in _rows(prepared, since) if row.ratio is CERTAIN_REPORT and _tells(row, question)]
    totals = itertools.accumulate(row.times for row in sure)
    enough = (row for row, total in zip(sure, totals, strict=True) if total >= question.count.at_least)
    return next((prepared.day_taken_in(row) for row in enough), None)


def _rows(prepared: Filter, since: float) -> Iterator[OpenRow]:
    """Yield the rows that the filter takes in and whose event cannot be before day `since`."""
    return (row for row in prepared.timetable.rows if since <= row.start and prepared.day_taken_in(row) is not None)


def _tells(row: OpenRow, question: Question) -> bool:
    return all(question.counts(*firing) for firing in row.firings)


def _lull_over(prepared: Filter, question: Question, since: float) -> float | None:
    """Return the first day on which a lull is certain to have happened, or None.

    A lull of d days has happened once d days have passed without an event that counts. The true day may be earlier,
    because the absence of rows only excludes events that the log always shows. If the story may have ended, the result
    is None.
    """
    assert question.lull is not None
    walk, begin = prepared.walk, None
    if np.any(walk.ended[walk.state[walk.state_start[-2] :]]):
        return None
    for span in walk.spans:
        quiet = span.start >= since and _quiet(prepared, span, question)
        begin = None if not quiet else span.start if begin is None else begin
        if begin is not None and begin + question.lull.days <= span.end:
            return float(math.ceil(begin + question.lull.days))
    return None


def _quiet(prepared: Filter, span: Span, question: Question) -> bool:
    """Return whether the absence of rows proves that no event of a question happened in a span."""
    timetable = prepared.timetable
    for firing, kind in timetable.coverage.items():
        if question.counts(*firing):
            always = timetable.kinds[kind].chance == 1.0 and span.delays[kind] == 1.0
            if not always or any(firing in timetable.rows[row].firings for row in span.open):
                return False
    return True
