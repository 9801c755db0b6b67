"""Rows per week in the event log, beside rows per week in simulated histories.

The comparison is a posterior predictive check (Gelman, Meng and Stern 1996). Histories are simulated from the start of
the log, with assumptions drawn from the posterior. The scenario's `evidence` says which events become rows of the log
(all, a share, or only those from a date on) and with how much delay. Histories that end before the log does are left
out. If the model fits the rows on only one side of the scenario's date, the way in which the log is compiled has
probably changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.calibration.predictive_check import Beside, beside
from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.replay import Histories, replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Unsupported
from simlib.evidence.exact_filter import Filter
from simlib.evidence.log_intake import Events, Intake, take_in
from simlib.formatting import counted, long_date
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RowsPerWeek", "WeekOfRows", "rows_per_week"]

WEEKLY_DRAWS, WEEKLY_HISTORIES = 200, 2000
"""Default number of draws of the assumptions, and total number of histories."""

FEWEST_LASTING_HISTORIES = 20
"""At least this many simulated histories must last as long as the log."""


@dataclass(frozen=True, slots=True)
class WeekOfRows:
    """A whole week: its first day, and its number of rows in the log and simulated histories."""

    first: dt.date
    rows: Beside


@dataclass(frozen=True)
class RowsPerWeek(Answer):
    """The number of rows in each whole week, in a log and in simulated histories.

    - until: last day of the compared period.
    - weeks: the rows of each whole week.
    - before: the number of rows in all whole weeks that begin before the scenario's date, or None without such a week.
    - after: the number of rows in all whole weeks from the scenario's date on, or None without such a week.
    - kept: number of histories that do not end before the log ends.
    """

    kind: ClassVar[str] = "rows_per_week"

    scenario: ScenarioKey
    until: dt.date
    weeks: tuple[WeekOfRows, ...]
    before: Beside | None
    after: Beside | None
    kept: int
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that this check answers."""
        return f"Does the model give as many rows a week as the log of “{self.scenario.title}” has?"

    def sentences(self) -> list[str]:
        """Compare the log's and the model's rows per week, before and after the scenario's date."""
        outside = [week for week in self.weeks if week.rows.verdict in ("below", "above")]
        many = counted(len(self.weeks), "whole week")
        texts = [*self._parts()]
        texts.append(
            f"{len(outside)} of {many} {'lies' if len(outside) == 1 else 'lie'} outside the range of the model. About "
            "one in ten would by chance alone."
        )
        if self.before and self.after and self.before.verdict != self.after.verdict:
            start = long_date(self.scenario.as_of)
            finding = f"The model fits the rows differently before and after {start}"
            texts.append(f"{finding}: the way of logging may have changed.")
        how = "learnt from the log" if self.provenance["learn"] else "drawn from their ranges"
        return [*texts, f"Range: nine in ten of {self.kept:,} histories that outlast the log, with assumptions {how}."]

    def _parts(self) -> Iterator[str]:
        day = self.scenario.as_of
        sides = ((f"Before {long_date(day)}", self.before, -1), (f"From {long_date(day)} on", self.after, 1))
        for name, rows, side in sides:
            if rows is not None:
                weeks = sum((week.first >= day) == (side > 0) for week in self.weeks)
                seen, low, high = (f"{value / weeks:.1f}" for value in (rows.observed, rows.low, rows.high))
                yield f"{name} the log has {seen} rows a week. The model gives {low} to {high} ({rows.verdict})."

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each whole week."""
        import pandas as pd

        return pd.DataFrame({"first": week.first} | week.rows.row() for week in self.weeks)

    def data(self) -> dict[str, Any]:
        """Return the weeks, and the totals before and after the scenario's date."""
        sides = {name: rows and rows.row() for name, rows in (("before", self.before), ("after", self.after))}
        return pick(self, "until", "kept") | sides | {"weeks": self.frame().to_dict("records")}


def rows_per_week(
    scenario: Scenario,
    events: Events = None,
    *,
    as_of: dt.date | None = None,
    learn: bool = True,
    draws: int = WEEKLY_DRAWS,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> RowsPerWeek:
    """Compare the number of rows of a log in each week with the number in simulated histories.

    Args:
        scenario: The scenario. Its `evidence` says which events become rows of the log.
        events: Events to add to the scenario's log, as a file or rows.
        as_of: Only events that happened and were public before this date count. Default: the scenario's date.
        learn: Whether the assumptions are drawn from the posterior. If not, they are drawn from the priors.
        draws: Number of draws of the assumptions.
        seed: Seed of the draws and of the histories.
        skip_impossible: Whether rows that the scenario cannot explain are left out.
        control: Progress callback and cancellation.

    Raises:
        Unsupported: If the log has no whole week, or if too few histories last as long as the log.
        ScenarioError, ImpossibleLog, NotLearnt, Cancelled: As in `simlib.update`.
    """
    part = control.part(0.0, 0.5)
    taken = take_in(
        scenario, events, as_of, learn=learn, draws=draws, seed=seed, skip_impossible=skip_impossible, control=part
    )
    prepared = taken.prepared
    start, end = _span(taken)
    edges = 7 * np.arange(np.ceil(start / 7), np.floor(end / 7) + 1)
    if len(edges) < 2:
        raise Unsupported(f"the log of {scenario.id!r} has no whole week to be counted")
    played = _played(taken, edges, end, seed, control.part(0.5, 1.0))
    if len(played) < FEWEST_LASTING_HISTORIES:
        raise Unsupported(
            f"{len(played)} of {WEEKLY_HISTORIES:,} histories outlast the log; at least {FEWEST_LASTING_HISTORIES} must"
        )
    seen = _seen(prepared, edges, end)
    later = edges[:-1] >= 0

    def side(which: Any) -> Beside | None:
        return beside(seen[which].sum(), played[:, which].sum(axis=1), "inverted_cdf") if np.any(which) else None

    weeks = tuple(
        WeekOfRows(scenario.date_at(edge), beside(seen[number], played[:, number], "inverted_cdf"))
        for number, edge in enumerate(edges[:-1].tolist())
    )
    size = {"draws": draws, "histories": WEEKLY_HISTORIES}
    source = provenance(scenario, engine="montecarlo", seed=seed, **size, **taken.record)
    until, histories = scenario.date_at(end - 1), len(played)
    return RowsPerWeek(ScenarioKey.of(scenario), until, weeks, side(~later), side(later), histories, source)


def _span(taken: Intake) -> tuple[float, float]:
    """Return the start and the end of the compared period, in days after the scenario's date.

    The period ends with the log, or on the day on which the log reaches an ending, whichever comes first.
    """
    prepared = taken.prepared
    end = min(prepared.timetable.stop, prepared.scenario.day(taken.complete_to) + 1)
    story = prepared.walk.story_end
    return prepared.timetable.start, float(end if story is None else min(end, story.day))


def _seen(prepared: Filter, edges: Floats, end: float) -> Floats:
    """Return the number of rows of the log in each week, shape (weeks,).

    If `evidence` says that the log never shows a kind of event, rows of this kind are left out. A row dated by a range
    of days counts in the week that contains the middle of the range.
    """
    timetable, counts = prepared.timetable, np.zeros(len(edges) - 1)
    for row in timetable.rows:
        week = int(np.searchsorted(edges, (row.start + row.end) / 2, side="right")) - 1
        shown = any(timetable.kinds[timetable.coverage[firing]].chance != 0 for firing in row.firings)
        if shown and 0 <= week < len(counts) and row.start < end:
            counts[week] += row.times
    return counts


def _played(taken: Intake, edges: Floats, end: float, seed: int, control: Control) -> Floats:
    """Simulate histories, and count the rows that a log of each history would have in each week.

    The result has shape (histories, weeks). Histories that end before day `end` are left out.
    """
    prepared, start = taken.prepared, taken.prepared.timetable.start
    world = prepared.world.replace(
        as_of=prepared.world.date_at(start),
        horizon_days=prepared.timetable.stop - start,
        questions={},
        ladders={},
        impacts={},
    )
    simulator, dice = Simulator(world, times=1), np.random.default_rng([seed, 7])
    steps = (np.arange(WEEKLY_HISTORIES) + dice.random()) / WEEKLY_HISTORIES
    chosen = np.minimum(np.searchsorted(np.cumsum(taken.drawn.weights), steps), len(taken.theta) - 1)
    numbers, runs = np.unique(chosen, return_counts=True)
    parts, first = [], 0
    for place, (number, count) in enumerate(zip(numbers.tolist(), runs.tolist(), strict=True)):
        theta = taken.theta[number]
        at = simulator.values(theta, simulator.stated)
        played = replayed(simulator, range(first, first + count), at, seed=seed)
        parts.append(_rows_of(prepared, played, theta, edges, end, dice))
        first += count
        control.check()
        control.report((place + 1) / len(numbers))
    return np.concatenate(parts)


def _rows_of(
    prepared: Filter, played: Histories, theta: Floats, edges: Floats, end: float, dice: np.random.Generator
) -> Floats:
    """Draw a log for each simulated history, and count the rows of the log in each week.

    The result has shape (histories, weeks). Histories that end before day `end` are left out.
    """
    timetable, start = prepared.timetable, prepared.timetable.start
    chance, within, since = _shown(prepared, theta)
    fired = np.flatnonzero(played.outcome >= 0)
    owner = np.repeat(np.arange(len(played)), np.diff(played.start))[fired]
    day, outcome = played.time[fired] + start, played.outcome[fired]
    delay = np.ceil(dice.random(len(fired)) * within[outcome])
    shown = (dice.random(len(fired)) < chance[outcome]) & (day >= since[outcome]) & (day < end)
    shown &= np.floor(timetable.stop - day) >= delay
    week: Ints = np.searchsorted(edges, day, side="right") - 1
    shown &= (week >= 0) & (week < len(edges) - 1)
    counts = np.zeros((len(played), len(edges) - 1))
    np.add.at(counts, (owner[shown], week[shown]), 1)
    return counts[played.ending_time + start >= end]


def _shown(prepared: Filter, theta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return three numbers for each outcome of the moves, as three arrays of shape (outcomes,).

    - The probability that the log has a row for the outcome.
    - The longest delay of this row in days.
    - The first day from which the log has such rows.
    """
    world, timetable = prepared.world, prepared.timetable
    names = list(world.assumptions)
    kinds = [timetable.kinds[timetable.coverage[firing]] for firing in prepared.tables.outcome_ids]
    chance = [float(theta[names.index(k.chance)]) if isinstance(k.chance, str) else float(k.chance) for k in kinds]
    since = [world.day(kind.since) if kind.since else -np.inf for kind in kinds]
    return np.array(chance), np.array([float(kind.within_days) for kind in kinds]), np.array(since)
