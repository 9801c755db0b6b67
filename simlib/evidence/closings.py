"""The likelihood of a log and the forecast with and without each row, at one draw.

A row of the log reports firings, that is, moves that happened. A row is *open* on the days on which these firings may
have happened, and *closes* at the end of the last of these days. While a row is open, the filter counts the firings
that the row may report. When the row closes, only histories with the reported number of firings stay (for a doubtful
row, also those with none). Just before the row closes, the filter still holds the other histories, so it also gives the
forecast without the row.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from simlib.evidence.crossings import digits, effect_of_fact, factor_of_row
from simlib.evidence.exact_filter import Filter, Passed, WalkRates
from simlib.evidence.settled_questions import Unanswered
from simlib.evidence.timetable import Fact, OpenRow
from simlib.machine.sums import sums_by
from simlib.scenario.model import Question
from simlib.typing import Bools, Floats, Ints

TOGETHER = 5
"""If at most this many rows close on one day, the forecast is computed for every subset of them.

If more rows close, they are added one by one in the order of the log.
"""


@dataclass(frozen=True, eq=False)
class Closing:
    """A day on which rows of a log close, or on which a fact about the state is checked.

    A row closes after the last day on which its event may have happened. The rows and facts of the day are added to the
    log in *stages*, with results for each stage. Each of the first S stages includes some of the R rows: the first
    stage none, stage S all. Then each further stage adds one of the F facts.

    - place: index of the span (stretch of time) that begins on this day, or, at the end of the log, the number of
      spans.
    - day: the day, counted from the scenario's date.
    - rows: the R rows.
    - sets (S, R): whether each stage includes each row.
    - weight (S, C): factor on the probability of each of C combinations of counts, at each stage. A count is the number
      of firings (moves that happened) that an open row has received so far.
    - facts: F triples (fact, next state, factor). Next state and factor have an entry for each of N states of the
      scenario.
    """

    place: int
    day: float
    rows: tuple[OpenRow, ...]
    sets: Bools
    weight: Floats
    facts: tuple[tuple[Fact, Ints, Floats], ...]

    @property
    def items(self) -> tuple[OpenRow | Fact, ...]:
        """The rows that close, then the facts that are checked."""
        return (*self.rows, *(fact for fact, _, _ in self.facts))


@dataclass(frozen=True, eq=False)
class Stages:
    """The results at each stage of a `Closing`, at one draw of the assumptions.

    Each stage includes some of the rows and facts of the day. The first S stages differ in the rows, and each of the F
    further stages adds one fact.

    - log (S + F,): log-likelihood of the log up to the stage.
    - forecast (S + F,): mean of the forecasts from all states (see `Replay.follow`), given the log up to the stage.
    """

    log: Floats
    forecast: Floats


class Replay:
    """Likelihoods and forecasts at each stage of adding log rows, at any assumption values.

    `days` (J,) are the first day of the log, the days of the `closings` and the last day. If there is a `question`, the
    forecast includes the probability that its event has happened already, since the scenario's first day.
    """

    def __init__(self, prepared: Filter, question: Question | None = None) -> None:
        self.prepared, self.walk = prepared, prepared.walk
        self._open = None if question is None else Unanswered(prepared, question)
        walk, timetable = prepared.walk, prepared.timetable
        self._index = {row.tobytes(): number for number, row in enumerate(walk.levels)}
        end = timetable.stop if walk.story_end is None else walk.story_end.day
        starts = [span.start for span in walk.spans]
        closings = (self._closing(place, day) for place, day in enumerate([*starts, end]))
        self.closings = [closing for closing in closings if closing.items]
        self.days: Floats = np.array([[*starts, end][0], *(closing.day for closing in self.closings), end])

    def _closing(self, place: int, day: float) -> Closing:
        timetable = self.prepared.timetable
        rows = [timetable.rows[row] for row in self.walk.spans[place - 1].open] if place else []
        times = [row.times for row in rows]
        counts = digits(np.arange(math.prod(most + 1 for most in times)), times)
        closing = [at for at, row in enumerate(rows) if self.prepared.day_taken_in(row) == day]
        factors = np.array([factor_of_row(rows[at], counts[:, at]) for at in closing]).reshape(-1, len(counts))
        sets = _stages(len(closing))
        weight = np.prod(np.where(sets[:, :, None], factors[None], 1.0), axis=1)
        facts = [fact for fact in timetable.facts if self.prepared.day_taken_in(fact) == day]
        effects = tuple((fact, *self._effect(fact)) for fact in facts)
        return Closing(place, day, tuple(rows[at] for at in closing), sets, weight, effects)

    def _effect(self, fact: Fact) -> tuple[Ints, Floats]:
        """Return each state's next state (N,) at a fact, and the factor (N,) on its probability."""
        walk = self.walk
        levels, factor = effect_of_fact(fact, self.prepared.tables, walk.levels, walk.ended)
        return self._numbers(levels, np.arange(len(levels))), factor

    def _numbers(self, levels: Ints, otherwise: Ints) -> Ints:
        """Return the number of each state (n,), given its levels (n, V).

        A state that is not possible gets its entry of `otherwise`.
        """
        rows = np.ascontiguousarray(levels, dtype=self.walk.levels.dtype)
        return np.array([self._index.get(row.tobytes(), other) for row, other in zip(rows, otherwise, strict=True)])

    def follow(self, theta: Floats, worth: Floats) -> list[Stages] | None:
        """Return log-likelihoods and forecasts at the start, each closing and the end, at one draw.

        Args:
            theta: Values of the assumptions (A,), including the assumptions of `evidence`.
            worth: Forecast from each state of the scenario on each of `days`, shape (J, N).

        Returns:
            One `Stages` for the start, for each closing and for the end. None if the log is impossible at these values.
        """
        prepared, walk = self.prepared, self.walk
        rates = prepared.rates(theta)
        passed = prepared.carry(rates)
        if np.isinf(passed.log_likelihood):
            return None
        log = np.cumsum(np.log(passed.masses))
        starts = prepared.tables.start_states()[0]
        first = sums_by(self._numbers(starts, np.zeros(len(starts), dtype=np.int64)), rates.start, len(walk.levels))
        result = [Stages(np.zeros(1), np.array([first @ worth[0]]))]
        still = self._open.carried(theta, passed) if self._open is not None and self._open.possible else None
        for number, closing in enumerate(self.closings, start=1):
            before = first[:, None] if closing.place == 0 else self._end_of_span(closing, rates, passed)
            mass, value = _through(closing, before, worth[number])
            if still is not None and closing.place:
                left = self._end_of_span(closing, still.rates, still.passed) * still.share[closing.place - 1]
                open_mass, later = _through(closing, left, worth[number])
                value = mass - open_mass + later
            known = log[closing.place - 1] if closing.place else 0.0
            with np.errstate(divide="ignore", invalid="ignore"):
                result.append(Stages(known + np.log(mass), np.where(mass > 0, value / mass, 0.0)))
        states = walk.state[walk.state_start[-2] :]
        end = passed.end if still is None else still.end
        result.append(Stages(log[-1:], np.array([1 - end.sum() + end @ worth[-1][states]])))
        return result

    def _end_of_span(self, closing: Closing, rates: WalkRates, passed: Passed) -> Floats:
        """Return the probability (N, S) of states before the closing, for each of `closing.sets`.

        It is the joint probability of the state and of the rows in the set.
        """
        walk, place = self.walk, closing.place
        by_stage = self.prepared.before(place, rates, passed) @ closing.weight.T
        result = np.zeros((len(walk.levels), by_stage.shape[1]))
        result[walk.state[slice(*walk.state_start[place - 1 : place + 1])]] = by_stage
        return result


def _stages(count: int) -> Bools:
    """Return S subsets of `count` rows as an array (S, count) that marks the rows of each.

    If there are at most `TOGETHER` rows, every subset is returned. Otherwise the first subset is empty, and each
    further subset has one row more than the subset before it.
    """
    if count <= TOGETHER:
        return np.array(list(itertools.product((False, True), repeat=count)), dtype=bool).reshape(2**count, count)
    return np.tri(count + 1, count, -1, dtype=bool)


def _through(closing: Closing, before: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """Return two arrays (S + F,), with a value for each of S sets of rows and then of F facts.

    The first array has the probability that is left. The second array has the sum over the states of this probability
    times the forecast. `worth` has the forecast from each state.
    """
    mass, value = [before.sum(axis=0)], [worth @ before]
    now = before[:, -1]
    for _, becomes, weight in closing.facts:
        now = sums_by(becomes, now * weight, len(now))
        mass.append(now.sum(keepdims=True))
        value.append(worth[None] @ now)
    return np.concatenate(mass), np.concatenate(value)
