"""Take in a log: filter it as of a date, and draw the assumptions from their posterior.

`update`, `learn` and `row_effects` all use this module, so that their numbers agree.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.errors import ArgumentError, SimlibError
from simlib.evidence.exact_filter import Filter, Passed
from simlib.evidence.impossibility import ImpossibleLog, explain_impossible
from simlib.evidence.posterior import Learning, Posterior
from simlib.evidence.timetable import Fact, OpenRow
from simlib.evidence.walk import ImpossibleRow
from simlib.formatting import long_date
from simlib.machine import priors
from simlib.scenario.event_log import LOG_FILE, LogRow, read_log
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading, read_rows
from simlib.typing import Floats

WEEKS, FAR = 3, 3.0
"""Rows per week are compared before and after a day if there are at least `WEEKS` weeks on both sides.

A change by `FAR` standard errors or more is reported.
"""

_EXPECTED_EVENTS = "expected the path of a log, or rows such as those of `simlib.read_log`"

Events = str | os.PathLike[str] | Iterable[LogRow] | None


@dataclass(frozen=True, eq=False)
class Intake:
    """A log that was filtered as of a date, and draws of the assumptions.

    - prepared: the filter, which computes the likelihood of the log and the probabilities of the states.
    - passed: the result of the filter at the values stated in the scenario.
    - drawn: weighted draws of the normal scores of the assumptions.
    - theta (D, A): values of A assumptions at D draws, including the assumptions of `evidence`.
    - impossible: rows that were left out because the scenario cannot explain them, with their meanings.
    - complete_to: the last day on which the absence of rows counts as evidence.
    - learn, draws, seed: as given to `take_in`.
    - record: which log was read, and how, as `log_record` returns it.
    """

    prepared: Filter
    passed: Passed
    drawn: Posterior
    theta: Floats
    impossible: tuple[Reading, ...]
    as_of: dt.date
    complete_to: dt.date
    learn: bool
    draws: int
    seed: int
    record: dict[str, Any]


def take_in(
    scenario: Scenario,
    events: Events,
    as_of: dt.date | None = None,
    complete_to: dt.date | None = None,
    *,
    learn: bool,
    draws: int,
    seed: int = 0,
    skip_impossible: bool = False,
    control: Control = UNWATCHED,
) -> Intake:
    """Filter a log of events as of a date, and draw the assumptions.

    Args:
        scenario: The scenario, before the log.
        events: A file or rows to add to the log in the scenario's folder. None: nothing is added.
        as_of: The date of the update. Only events that were public before it count. None: the date of the scenario.
        complete_to: The last day on which the absence of rows counts as evidence. None: as in `update`.
        learn: Whether the draws come from the posterior. Otherwise they come from the prior.
        draws: Number of draws.
        seed: The seed of the draws.
        skip_impossible: Whether rows that are impossible in the scenario are left out. Otherwise they raise an error.
        control: Progress, cancelling and threads.

    Raises the errors of `update`.
    """
    rows = whole_log(scenario, events)
    as_of = as_of or scenario.as_of
    complete_to = complete_to or last_day(rows, as_of)
    prepared, passed, impossible = prepare(scenario, read_rows(scenario, rows), as_of, complete_to, skip_impossible)
    learning = Learning(prepared, draws, seed, control)
    drawn = learning.posterior() if learn else learning.prior()
    theta = priors.values_from_scores(prepared.world, drawn.scores)
    record = log_record(rows, as_of, complete_to, learn=learn, skip_impossible=skip_impossible)
    return Intake(prepared, passed, drawn, theta, impossible, as_of, complete_to, learn, draws, seed, record)


def log_record(
    rows: Sequence[LogRow], as_of: dt.date, complete_to: dt.date, *, learn: bool, skip_impossible: bool
) -> dict[str, Any]:
    """Return the items of a provenance that say which log was read, and how.

    Args:
        rows: The rows of the log.
        as_of: The date of the update, or the last of several dates.
        complete_to: The last day on which the absence of rows counts as evidence in the update of that date.
        learn: Whether the draws come from the posterior.
        skip_impossible: Whether rows that are impossible in the scenario are left out.
    """
    return {
        **rows_record(rows),
        "as_of": as_of,
        "complete_to": complete_to,
        "learn": learn,
        "skip_impossible": skip_impossible,
        **({"belief": belief_name(as_of)} if learn else {}),
    }


def rows_record(rows: Sequence[LogRow]) -> dict[str, Any]:
    """Return the hash and the number of the rows of a log.

    The hash depends on every column and on the order of the rows, but not on the file that holds them.
    """
    cells = [dataclasses.asdict(row) | {"file": "", "line": 0} for row in rows]
    text = json.dumps(cells, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return {"log_sha256": hashlib.sha256(text.encode()).hexdigest(), "log_rows": len(rows)}


def belief_name(as_of: dt.date) -> str:
    """Return the name of the belief to which a log leads, as of a date."""
    return f"log to {as_of}"


def whole_log(scenario: Scenario, further: Events) -> tuple[LogRow, ...]:
    """Return the log in the scenario's folder, if any, followed by the rows `further`.

    `further` may be rows or a file. The path of a file may be relative to the scenario's folder or to the working
    directory. A row that occurs in both parts counts once.

    Raises:
        SimlibError: If `further` is None and the scenario has no folder.
        ScenarioError: For a log that is missing or cannot be read.
    """
    if not isinstance(further, str | os.PathLike | None):
        further = _rows(further)
    if not scenario.path:
        if further is None:
            raise SimlibError(f"the scenario has no folder with a log; give the events, or put {LOG_FILE} beside it")
        return read_log(further) if isinstance(further, str | os.PathLike) else tuple(further)
    path = Path(scenario.path)
    folder = path if path.is_dir() else path.parent
    own = read_log(folder / LOG_FILE) if further is None or (folder / LOG_FILE).is_file() else ()
    if isinstance(further, str | os.PathLike):
        further = read_log(folder / further if (folder / further).is_file() else further)
    known = {dataclasses.replace(row, file="", line=0) for row in own}
    return (*own, *(row for row in further or () if dataclasses.replace(row, file="", line=0) not in known))


def _rows(events: Iterable[LogRow]) -> tuple[LogRow, ...]:
    try:
        rows = tuple(events)
    except TypeError:
        raise ArgumentError("events", events, _EXPECTED_EVENTS) from None
    for row in rows:
        if not isinstance(row, LogRow):
            raise ArgumentError("events", row, _EXPECTED_EVENTS)
    return rows


def last_day(rows: Iterable[LogRow], as_of: dt.date) -> dt.date:
    """Return the last day on which a log is complete: the day when its last row became public.

    If the day before `as_of` is earlier, return that day.
    """
    days = [row.public_on for row in rows]
    return min([max(days, default=dt.date.min), as_of - dt.timedelta(days=1)])


def change_of_pace(rows: Iterable[LogRow], day: dt.date) -> str:
    """Return a warning if the weekly number of rows changes much on the given day, otherwise "".

    The update would read a change of the log's author or method as a change in the world. Rows cluster, so the standard
    error takes the spread from week to week into account.
    """
    weeks = [(row.date - day).days // 7 for row in rows for _ in range(row.times)]
    counts = np.bincount(np.array(weeks, dtype=np.int64) - min(weeks, default=0)) if weeks else np.zeros(0)
    split = -min(weeks, default=0)
    before, after = counts[: max(split, 0)], counts[max(split, 0) :]
    if min(len(before), len(after)) < WEEKS:
        return ""
    rates = before.mean(), after.mean()
    spread = max(1.0, *(part.var(ddof=1) / max(part.mean(), 1e-9) for part in (before, after)))
    error = np.sqrt(spread * (rates[0] / len(before) + rates[1] / len(after)))
    if abs(rates[1] - rates[0]) < FAR * error:
        return ""
    return (
        f"The log has {rates[0]:.1f} events a week before {long_date(day)} and {rates[1]:.1f} from then on. If its "
        "author or method changed then, the update takes that for a change in the world: check the log."
    )


def prepare(
    scenario: Scenario, readings: Iterable[Reading], as_of: dt.date, complete_to: dt.date, skip_impossible: bool
) -> tuple[Filter, Passed, tuple[Reading, ...]]:
    """Filter a log at the values stated in the scenario.

    Args:
        scenario: The scenario.
        readings: The rows of the log with their meanings.
        as_of: The date of the filter. Events on this date or later do not count.
        complete_to: The last day on which a missing row means that nothing happened.
        skip_impossible: Whether to leave out rows that the scenario cannot explain. If not, the first such row raises
            ImpossibleLog.

    Returns:
        The filter, its result, and the readings that were left out.
    """
    left, skipped = list(readings), []
    while True:
        try:
            prepared = Filter(scenario, left, as_of, complete_to=complete_to)
            passed = prepared.run()
        except ImpossibleRow as error:
            if not skip_impossible:
                raise ImpossibleLog(explain_impossible(scenario, left, error)) from None
            skipped.append(error.row.reading)
            left.remove(error.row.reading)
        else:
            return prepared, passed, tuple(skipped)


def dated(scenario: Scenario, prepared: Filter, passed: Passed, as_of: dt.date) -> Scenario:
    """Return the scenario as of a date, starting in the states that are possible given the log.

    The last day of the horizon stays the same. If the date is after this day, the horizon keeps its length.
    """
    rest = scenario.horizon_days - scenario.day(as_of)
    evidence = dataclasses.replace(scenario.evidence, history=None) if scenario.evidence else None
    return scenario.replace(
        as_of=as_of,
        horizon_days=rest if rest > 0 else scenario.horizon_days,
        joint_start=prepared.start_after(passed),
        evidence=evidence,
    )


def taken_in(prepared: Filter, *, late: bool = False) -> list[Reading]:
    """Return the readings (rows with meanings) that the filter uses, those about moves first.

    If `late` is true, return the readings that the filter does not use because they come after the end of the story.
    """
    items: list[OpenRow | Fact] = [*prepared.timetable.rows, *prepared.timetable.facts]
    return [reading for item in items if (prepared.day_taken_in(item) is None) == late for reading in item.readings]


def told_ending(prepared: Filter) -> tuple[str, dt.date] | None:
    """Return the ending that the log reports, with its day, or None if the story goes on."""
    story_end = prepared.walk.story_end
    if story_end is None:
        return None
    index = int(prepared.tables.ending(prepared.walk.levels[[story_end.state]])[0])
    day = prepared.timetable.day_told(story_end.day)
    return list(prepared.world.endings)[index], prepared.world.date_at(day)
