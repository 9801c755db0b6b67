"""The effect of each row of a log on a forecast, split into time, state and assumptions.

A row of a log is the report of an event. The effects add up in log-odds, ln(p / (1 - p)), from the forecast before the
log to the forecast after it. Both forecasts have the same deadline. A question counts events from the scenario's first
day on. If the log reports such an event, the forecast ends at 100%.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import in_threads
from simlib.analysis.log_odds_steps import errors, log_odds, steps
from simlib.analysis.log_values import questions_for, starting_in
from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.errors import Unsupported
from simlib.evidence.closings import Replay, Stages
from simlib.evidence.log_intake import Events, Intake, take_in
from simlib.evidence.settled_questions import answer_so_far
from simlib.evidence.timetable import Fact, OpenRow
from simlib.formatting import counted, long_date, percent, quoted
from simlib.machine.measures import Measure, find
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RowEffect", "RowEffects", "row_effects"]

ATTRIBUTION_DRAWS = 200
"""Default number of draws (sets of assumption values)."""

LEAST_REPORTED_CHANGE = 0.05
"""A smaller change of the log-odds is reported as no change."""

ONE_WAY = 0.05
"""Parts against the largest part are mentioned if their sum exceeds this share of the change."""


@dataclass(frozen=True, slots=True)
class RowEffect:
    """The effect of one row of a log (report of an event) on a forecast, in log-odds.

    date: the date of the event.
    words: a description of the event.
    stands_for: the number of rows in the log with the same meaning and the same possible days. They count as one here.
    time: the effect of the days since the previous row.
    state: the effect of the row through the states of the world that are still possible.
    assumptions: the effect of the row through the weights of the assumption values.
    error: the 95% half-width of `state` plus `assumptions`, due to the finite number of draws.
    before, after: the forecasts before and after all rows whose possible days end on the same day as those of this row.
    """

    date: dt.date
    words: str
    stands_for: int
    time: float
    state: float
    assumptions: float
    error: float
    before: float
    after: float

    @property
    def effect(self) -> float:
        """The effect of the row itself (`state` plus `assumptions`) and not of time, in log-odds."""
        return self.state + self.assumptions


@dataclass(frozen=True)
class RowEffects(Answer):
    """The effect of each row of a log (report of an event) on the forecast of one measure.

    In log-odds, `at_end` minus `before` is the sum of all parts of `rows`, plus `rest`.

    by: the deadline of the forecast, which is the last day of the scenario.
    by_day: the days from the end of the log to the deadline.
    since: the first day of the log.
    before, before_error: the forecast on the first day of the log, without any row, and its 95% half-width.
    at_end, at_end_error: the forecast from the whole log, and its 95% half-width.
    rows: the effects of the rows.
    rest: the effect of the time after the last row, in log-odds.
    settled: the day on which the log answers the question with yes (None: no such answer).
    """

    kind: ClassVar[str] = "row_effects"

    scenario: ScenarioKey
    measure: Measure
    by: dt.date
    by_day: float
    since: dt.date
    before: float
    before_error: float
    at_end: float
    at_end_error: float
    rows: tuple[RowEffect, ...]
    rest: float
    provenance: Mapping[str, Any]
    settled: dt.date | None = None

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence."""
        return f"How did each row of the log change the forecast of {self.measure.words} by {long_date(self.by)}?"

    @property
    def change(self) -> float:
        """The change of the forecast from before the log to the end of the log, in log-odds."""
        return log_odds(self.at_end) - log_odds(self.before)

    @property
    def waiting(self) -> float:
        """The effect of time alone, before, between and after the rows, in log-odds."""
        return self.rest + sum(row.time for row in self.rows)

    def sentences(self) -> list[str]:
        """Say how far the forecast moved, which part is the largest, and how the parts add up.

        A part is a row, or time alone. The largest part is given as a share of the change, unless other parts clearly
        work against the largest part.
        """
        first, last = f"{percent(self.before)} on {long_date(self.since)}", f"{percent(self.at_end)} on "
        moved = f"moved from {first} to {last}{long_date(self.as_of)}"
        texts = [f"{self.measure.words} by {long_date(self.by)}: the forecast {moved}."]
        texts += [f"The log has answered the question: yes, on {long_date(self.settled)}."] if self.settled else []
        if not self.rows:
            return [*texts, "No row of the log affects this forecast."]
        still = abs(self.change) < LEAST_REPORTED_CHANGE
        texts += ["The forecast has hardly changed."] if still else []
        main = max(self.rows, key=lambda row: abs(row.effect))
        row_leads = abs(main.effect) > abs(self.waiting)
        if row_leads:
            size, named = main.effect, f"one row, {_named(main)}: {_size(main)}"
        else:
            size, named = self.waiting, f"the time that passed without a row: {self.waiting:+z.2f} in log-odds"
        if still and abs(size) < LEAST_REPORTED_CHANGE:
            return texts
        state, taught = (sum(getattr(row, line) for row in self.rows) for line in ("state", "assumptions"))
        texts.append(f"The largest part is {named}{self._beside(size)}")
        texts.append(
            f"In log-odds (+0.69 doubles the odds) the change is {self.change:+z.2f}: {state:+z.2f} by what the rows "
            f"say about the state, {taught:+z.2f} by what they teach about the assumptions, {self.waiting:+z.2f} by "
            "time alone."
        )
        return [*texts, *self._extremes(main if row_leads else None)]

    def _beside(self, size: float) -> str:
        """Return the end of the sentence about the largest part of the change.

        This text states the share of the largest part in the change, or says that other parts work against the largest
        part.
        """
        if abs(self.change) < LEAST_REPORTED_CHANGE:
            return ". The other parts cancel it."
        share = size / self.change
        if share < 0:
            return ". The other parts outweigh it."
        against = sum(abs(part) for part in (self.waiting, *(row.effect for row in self.rows)) if part * size < 0)
        if against > ONE_WAY * abs(self.change):
            return ". Other parts work against it."
        return f", {percent(min(share, 1.0))} of the change."

    def _extremes(self, main: RowEffect | None) -> list[str]:
        up = max(self.rows, key=lambda row: row.effect)
        down = min(self.rows, key=lambda row: row.effect)
        result = []
        for row, verb, fits in (
            (up, "raised", up.effect > LEAST_REPORTED_CHANGE),
            (down, "lowered", down.effect < -LEAST_REPORTED_CHANGE),
        ):
            if fits and row is not main:
                result.append(f"The row that {verb} it most: {_named(row)} ({_size(row)}).")
        return result

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each row of the log.

        The columns include the three parts of the effect of the row, and the forecasts before and after the row.
        """
        import pandas as pd

        return pd.DataFrame(self.data()["rows"])

    def data(self) -> dict[str, Any]:
        """Return the forecasts before and after the log, and the three parts of each row's effect."""
        names = ("date", "words", "stands_for", "time", "state", "assumptions", "error", "before", "after")
        rows = [pick(row, *names) for row in self.rows]
        ends = pick(self, "since", "before", "before_error", "at_end", "at_end_error", "rest", "settled")
        return {"measure": self.measure.name, **ends, "change": self.change, "rows": rows}


def _size(row: RowEffect) -> str:
    return f"{row.effect:+z.2f} ± {row.error:.2f} in log-odds"


def _named(row: RowEffect) -> str:
    several = f" ({counted(row.stands_for, 'row')})" if row.stands_for > 1 else ""
    return f"{quoted(row.words.rstrip('.'))}, {long_date(row.date)}{several}"


def row_effects(
    scenario: Scenario,
    events: Events = None,
    *,
    measure: str | None = None,
    as_of: dt.date | None = None,
    learn: bool = True,
    draws: int = ATTRIBUTION_DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> RowEffects:
    """Return how each row of a log changed a forecast, in three parts that add up.

    A row of a log is the report of an event. The window of a row holds the days on which its event may have happened.
    Rows are taken in the order in which their windows end. If several windows end on one day, the effect of each row is
    its mean over all orders of these rows. If more than five windows end on one day, their rows are only taken in the
    order of the log. The forecast without a row allows every number of events from 0 to the number that this row
    reports.

    Args:
        scenario: The scenario. Its `evidence` says how its log is to be read.
        events: Events to add to the log that is stored with the scenario: a file, or rows.
        measure: A probability, such as "question:truce". Default: the scenario's headline.
        as_of: The date on which the log ends, not after the deadline. Default: the scenario's `as_of`.
        learn: Whether the log also changes the weights of the draws. Otherwise the log only changes the probabilities
            of the states.
        draws: Number of draws (sets of assumption values). `update` with the same number and seed has the same draws.
        seed: Seed of the draws.
        skip_impossible: Whether to leave out rows that the scenario cannot explain.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown measure and a log that cannot be read.
        ImpossibleLog: For a row that no history of the scenario can explain.
        Unsupported: For a measure that is not a probability or depends on whole histories, for a scenario with
            interventions, and for a date after the deadline.
        TooManyStates: If the scenario has too many states for the exact engine.
        NotLearnt: If the posterior is not reliable.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    part = control.part(0.0, 0.5)
    taken = take_in(
        scenario, events, as_of, learn=learn, draws=draws, seed=seed, skip_impossible=skip_impossible, control=part
    )
    return effects_of(taken, measure, control=control.part(0.5, 1.0))


def effects_of(taken: Intake, measure: str | None = None, *, control: Control = UNWATCHED) -> RowEffects:
    """Return the effects of the rows of a log that `take_in` has read.

    Raises the errors of `row_effects`.
    """
    scenario = taken.prepared.scenario
    chosen = find(scenario, measure)[0]
    _refuse(taken, chosen)
    question = questions_for(scenario, [chosen]).get(chosen.question_id)
    replay = Replay(taken.prepared, question)
    followed = _followed(taken, chosen, replay, control)
    weighing, closings = taken.drawn.reweighting, replay.closings
    split = steps(closings, followed, weighing)
    half = errors(closings, followed, weighing)
    items = [item for closing in closings for item in closing.items]
    columns = (items, split.lines.tolist(), half[2:].tolist(), split.before.tolist(), split.after.tolist())
    rows = tuple(
        RowEffect(item.reading.row.date, _words(item), _rows_of(item), time, state, taught, error, before, after)
        for item, (time, state, taught), error, before, after in zip(*columns, strict=True)
    )
    return RowEffects(
        ScenarioKey(scenario.id, scenario.title, scenario.sha256, taken.as_of),
        chosen,
        scenario.by_date(scenario.horizon_days),
        scenario.horizon_days - scenario.day(taken.as_of),
        scenario.date_at(taken.prepared.timetable.start),
        split.begin,
        float(half[0]),
        split.end,
        float(half[1]),
        rows,
        split.rest,
        provenance(
            scenario,
            engine="exact",
            draws=taken.draws,
            seed=taken.seed,
            measure=chosen.name,
            by_day=scenario.horizon_days - scenario.day(taken.as_of),
            **taken.record,
            method=taken.drawn.method,
            k_hat=split.shape if np.isfinite(split.shape) else None,
            effective_draws=split.effective,
        ),
        None if question is None else answer_so_far(taken.prepared, taken.passed, question).on,
    )


def _words(item: OpenRow | Fact) -> str:
    row = item.reading.row
    return row.description or row.word


def _rows_of(item: OpenRow | Fact) -> int:
    return len(item.readings) if isinstance(item, OpenRow) else 1


def _refuse(taken: Intake, measure: Measure) -> None:
    scenario = taken.prepared.scenario
    if not measure.probability or measure.kind == "given":
        raise Unsupported(f"rows have effects on probabilities, not on {measure.words}; name an ending or a question")
    if scenario.interventions:
        raise Unsupported("the effects of rows are only computed without interventions; leave the interventions out")
    if taken.prepared.timetable.stop >= scenario.horizon_days:
        last = scenario.by_date(scenario.horizon_days)
        raise Unsupported(f"{taken.as_of} is after the last day of the forecast, {last}; choose an earlier date")


def _followed(taken: Intake, measure: Measure, replay: Replay, control: Control) -> list[list[Stages] | None]:
    """Return each draw's forecasts after each row of the log (None: the draw excludes the log)."""
    prepared, quiet = taken.prepared, control.silent()
    start = prepared.timetable.start
    solver = Solver(starting_in(prepared, prepared.walk.levels, start, [measure]), times=1)
    event, states = observable(solver, measure.name), solver.space.find(prepared.walk.levels)
    days, since = replay.days - start, min(prepared.timetable.stop, 0.0) - start  # events before `since` do not count

    def follow(theta: Floats) -> list[Stages] | None:
        chain = solver.chain(theta, prepared.centre)
        worth = state_values(solver, chain, event, days, since=since, control=quiet)
        return replay.follow(theta, worth[:, states])

    return in_threads(follow, taken.theta, control=control)
