"""The forecast on each day of a log, at the stated values, fast enough for a slider.

A forecast on a day is a sum over the states of the world: the probability of each state times the value of the state.
The probabilities of the states follow from the rows (reports of events) that are public on that day. The value of a
state is the probability of the asked ending or event from that state until the deadline. The values are solved once for
all days. The probabilities of the states are computed anew for each day, because rows may become public late.

A question asks whether its event happens between the first day and the deadline. Its forecast includes the probability
that the event has happened already. Once the log leaves no doubt that the event has happened, the answer is yes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.errors import Unsupported
from simlib.evidence.exact_filter import Filter, world_of
from simlib.evidence.log_intake import last_day, taken_in, told_ending
from simlib.evidence.settled_questions import AnswerSoFar, answer_so_far
from simlib.evidence.state_graph import StateGraph
from simlib.evidence.timetable import beginning
from simlib.evidence.walk import ImpossibleRow
from simlib.machine import priors
from simlib.machine.measures import Measure, every, find, headline
from simlib.machine.tables import Tables
from simlib.scenario.model import Scenario, StartState
from simlib.scenario.row_meaning import Reading
from simlib.typing import Floats, Ints

__all__ = ["DayOutlook", "LeftOut", "LogOutlook"]


@dataclass(frozen=True)
class LeftOut:
    """A row of the log that was left out on a day, because no history fits all rows.

    reading: the meaning of the row that was left out.
    blocked: the meaning of the row that no possible state fitted at the end of its window. This row may be the row that
        was left out, or another row. The window holds the days on which the event of the row may have happened.
    levels (N, V): the N states that were possible just before the end of this window, as levels of the V variables.
    """

    reading: Reading
    blocked: Reading
    levels: Ints


@dataclass(frozen=True)
class DayOutlook:
    """The possible states of the world and the answered questions on a morning, given a log.

    states (K, V): the K states that the log leaves possible, as levels of the V variables.
    probabilities (K,): the probability of each of these states.
    answers: {"question:ID": the answer of the log so far}.
    taken: the meanings of the rows that were used.
    left_out: the user's rows that were left out because no history fits all rows.
    complete_to: the last day on which the absence of rows counts as evidence.
    ended: the id and the day of the ending that the log reports (None: no ending yet).
    """

    day: dt.date
    states: Ints
    probabilities: Floats
    answers: dict[str, AnswerSoFar]
    taken: tuple[Reading, ...]
    left_out: tuple[LeftOut, ...]
    complete_to: dt.date
    ended: tuple[str, dt.date] | None

    def happened(self, name: str) -> dt.date | None:
        """Return the day on which the log answers a question with yes (None: not yet).

        `name` is the name of the measure, such as "question:truce".
        """
        return self.answers[name].on if name in self.answers else None

    def levels(self, place: int, size: int) -> Floats:
        """Return the probability of each level (size,) of the variable with index `place`."""
        return np.asarray(np.bincount(self.states[:, place], weights=self.probabilities, minlength=size), dtype=float)


class LogOutlook:
    """A scenario prepared for a forecast on every day of a log.

    first: the first day on which a forecast can be made.
    deadline: the last day of the forecast.
    last: the last day on which a forecast can be made, which is the day after the deadline.
    measures: the endings and questions that can be forecast.
    unanswered: the ids of the other questions, which depend on whole histories and not only on the state of a day.
    """

    def __init__(self, scenario: Scenario, first: dt.date | None = None) -> None:
        """Find the states of the scenario. A measure is solved on the first request for it.

        Args:
            scenario: The scenario, without interventions.
            first: The first day on which a forecast can be made. This day may lie before the scenario's first day if
                `evidence` has a `history` that begins by then. Default: the scenario's first day.

        Raises:
            Unsupported: For a scenario with interventions, and for a first day that is too early.
            TooManyStates: If the scenario has too many states for the exact engine.
        """
        if scenario.interventions:
            raise Unsupported("a log can only be read in a scenario without interventions; remove them")
        self.scenario, self.first = scenario, first or scenario.as_of
        if scenario.day(self.first) < beginning(scenario):
            history = scenario.date_at(beginning(scenario))
            raise Unsupported(f"{self.first} is before the first possible day; choose {history} or a later day")
        self.deadline = scenario.by_date(scenario.horizon_days)
        self.last = self.deadline + dt.timedelta(days=1)
        self._starts: dict[bytes, Ints] = {}
        tables = Tables(world_of(scenario))
        self._graph = StateGraph(tables)
        for world in (Tables(scenario), tables):
            self._known(world.start_states()[0])
        self._prepare()

    @property
    def days(self) -> list[dt.date]:
        """Every day on which a forecast can be made, including the day after the deadline."""
        return [self.first + dt.timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def measure(self, name: str | None = None) -> Measure:
        """Return one of `measures` by name (default: the headline if among them, else the first).

        Raises Unsupported for a question that depends on whole histories.
        """
        lead = headline(self.scenario)
        wanted = find(self.scenario, name)[0] if name else lead if lead in self.measures else self.measures[0]
        if wanted not in self.measures:
            raise Unsupported(f"{wanted.words} depends on more than the state on one day; choose another question")
        return wanted

    def static(self, name: str) -> float:
        """Return the first day's forecast of a measure, without any row of the log."""
        if self.first == self.scenario.as_of:
            tables = Tables(self.scenario)
            levels, shares = tables.start_states(priors.theta(self.scenario))
            return self._worth(name, self.first, levels, shares)
        start = self.on(self.first, ())
        return self._worth(name, self.first, start.states, start.probabilities)

    def probability(self, name: str, day: DayOutlook) -> float:
        """Return a measure's forecast on a day (1 once the log says that the event has happened)."""
        if name not in day.answers:
            return self._worth(name, day.day, day.states, day.probabilities)
        still = day.answers[name].open
        return float(1 - still.sum()) + self._worth(name, day.day, day.states, still)

    # ---------------------------------------------------------------- values

    def _known(self, levels: Ints) -> bool:
        """Add states (N, V) to the possible start states. Return whether any of them is new."""
        before = len(self._starts)
        for row in np.asarray(levels, dtype=np.int64):
            self._starts.setdefault(row.tobytes(), row)
        return len(self._starts) > before

    def _prepare(self) -> None:
        scenario = self.scenario
        variables = Tables(scenario).variables
        starts = [
            tuple((v.id, v.levels[at]) for v, at in zip(variables, row, strict=True)) for row in self._starts.values()
        ]
        world = scenario.replace(
            as_of=self.first,
            horizon_days=float((self.last - self.first).days),
            joint_start=tuple(StartState(levels, 1 / len(starts)) for levels in starts),
            evidence=None,
        )
        some = {name: q for name, q in scenario.questions.items() if not (q.lull or q.count or q.joint)}
        self.unanswered = tuple(name for name in scenario.questions if name not in some)
        world = world.replace(questions=some)
        self._solver = Solver(world, times=1)
        self.measures = tuple(every(world, ("question", "ending")))
        self._values: dict[str, Floats] = {}

    def _values_of(self, name: str) -> Floats:
        """Return a measure's probability for each morning and each state on that morning (days, N).

        The last morning is the one after the deadline.
        """
        if name not in self._values:
            event, solver = observable(self._solver, self.measure(name).name), self._solver
            days = np.arange(solver.horizon + 1)
            self._values[name] = state_values(solver, solver.chain(), event, days)
        return self._values[name]

    def _worth(self, name: str, day: dt.date, levels: Ints, shares: Floats) -> float:
        """Return a measure's forecast on a day when states (K, V) have probabilities `shares` (K,)."""
        space = self._solver.space
        places = space.find(levels, otherwise=np.full(len(levels), -1))
        if np.any(places < 0):  # a change from outside led to a state that no move reaches
            self._known(levels[places < 0])
            self._prepare()
            return self._worth(name, day, levels, shares)
        return float(self._values_of(name)[(day - self.first).days, places] @ shares)

    # ---------------------------------------------------------------- the log

    def on(self, day: dt.date, readings: Iterable[Reading], own: Sequence[Reading] = ()) -> DayOutlook:
        """Return the possible states of the world and the answered questions on a day.

        Args:
            day: The day, from `first` to `last`.
            readings: The meanings of the rows of the log.
            own: The meanings of further rows, added by the user. As long as no history fits all rows, one more of the
                user's rows is left out. It is the row that no history fits, if the user added that row, and otherwise
                the last of the user's rows before that row.

        Raises:
            ImpossibleRow: If no history fits the rows, and no row of `own` can be left out.
            MissingDependency: Without Numba.
        """
        given, user_rows, since = list(readings), list(own), self.scenario.day(self.first)
        left_out: list[LeftOut] = []
        while True:
            rows = [*given, *user_rows]
            complete_to = last_day([reading.row for reading in rows], day)
            try:
                prepared = Filter(self.scenario, rows, day, complete_to=complete_to, also=[since], graph=self._graph)
                passed = prepared.run()
                break
            except ImpossibleRow as error:
                fault = _at_fault(error, user_rows)
                if fault is None:
                    raise
                left_out.append(LeftOut(fault, error.row.reading, error.levels))
                user_rows.remove(fault)
        return DayOutlook(
            day,
            prepared.end_levels,
            passed.end,
            {
                f"question:{name}": answer_so_far(prepared, passed, question, since)
                for name, question in self.scenario.questions.items()
            },
            tuple(sorted(taken_in(prepared), key=lambda r: (r.row.public_on, r.row.date, r.row.line))),
            tuple(left_out),
            complete_to,
            told_ending(prepared),
        )


def _at_fault(error: ImpossibleRow, own: Sequence[Reading]) -> Reading | None:
    failed = error.row.reading
    if failed in own:
        return failed
    before = [reading for reading in own if reading.row.window[0] <= failed.row.window[1]]
    return before[-1] if before else None
