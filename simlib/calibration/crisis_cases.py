"""Past crises in event data: when each began, and when a kind of event first happened in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, ScenarioError, did_you_mean, refuse
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario

SEARCHED = ("case", "actor", "target", "code", "category", "source")
"""Columns of event data by which rows can be selected."""

ENDED = "ended"
"""The cause recorded for a case that ended before the event happened (a competing risk)."""


@dataclass(frozen=True)
class CaseHistories:
    """Past cases (crises), each with the days from its onset to its first event or to its end.

    All arrays have shape (cases,). An event is taken to happen at noon of its day.

    - first_day: days from the onset to the first event, or to the end of the case if there was no event.
    - happened: 1 if the event happened in the case, 0 if not.
    - events: number of events in the case.
    - last_day: length of the record of the case in days.
    """

    names: tuple[str, ...]
    first_day: Floats
    happened: Floats
    events: Floats
    last_day: Floats

    @property
    def causes(self) -> list[str]:
        """For each case, "event", or `ENDED` if the case ended without an event."""
        return ["event" if came else ENDED for came in self.happened]


@dataclass(frozen=True)
class CrisisRecord:
    """The days of a crisis on which an event happened, counted from its first day (day 0).

    - days: the days after day 0 that have an event, in rising order.
    - last_day: the day with which the record ends.
    """

    name: str
    days: tuple[int, ...]
    last_day: int

    def until(self, day: int) -> CrisisRecord:
        """Return the part of the record up to the end of a day."""
        return CrisisRecord(self.name, tuple(d for d in self.days if d <= day), min(self.last_day, day))


def read_selection(text: str) -> dict[str, tuple[str, ...]]:
    """Read a selection of rows of event data, such as "actor=USA,category=strike|mobilise".

    The result maps columns to their permitted values. A row fits if each column has one of its permitted values.

    Raises:
        ScenarioError: For a column that cannot be searched, or a part without a value.
    """
    selection: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for part in text.split(","):
        column, equals, values = (piece.strip() for piece in part.partition("="))
        if column not in SEARCHED:
            expected = did_you_mean(column, SEARCHED)
            problems.append(Problem("", 0, f"selection {text!r}", f"there is no column {column!r}", expected))
        elif not equals or not values:
            problems.append(Problem("", 0, f"selection {text!r}", f"{column} has no value", "expected COLUMN=VALUE"))
        else:
            selection[column] = tuple(value.strip() for value in values.split("|"))
    refuse(problems)
    return selection


def selected(frame: pd.DataFrame, selection: Mapping[str, tuple[str, ...]]) -> pd.Series:
    """Return whether each row of event data fits a selection.

    If a row has several actors or targets, it is enough that one of them is permitted.
    """
    import pandas as pd

    fits = pd.Series(True, index=frame.index)
    for column, values in selection.items():
        wanted = {value.casefold() for value in values}
        words = frame[column].astype(str).str.casefold()
        unique = {word: bool(wanted & {part.strip() for part in word.split(";")}) for word in words.unique()}
        fits &= words.map(unique)
    return fits


def case_histories(
    frame: pd.DataFrame, event: Mapping[str, tuple[str, ...]], crisis_class: Mapping[str, tuple[str, ...]]
) -> CaseHistories:
    """Return the cases of a class, each with the days from its first row to its first event.

    Rows whose date is less precise than a day are left out. The record of a case ends with its last row.

    Args:
        frame: Event data as `simlib.data.read` returns them.
        event: The selection of rows that count as the event.
        crisis_class: A case belongs to the class if this selection fits one of its rows. An empty selection fits all
            cases.

    Raises:
        ScenarioError: If no case of the class has a row whose date is exact to the day.
    """
    cases, day, is_event = _dated_rows(frame, event, crisis_class)
    last_day = day.groupby(cases, observed=True).max() + 1.0
    first = day[is_event].groupby(cases[is_event], observed=True).min().reindex(last_day.index)
    count = is_event.groupby(cases, observed=True).sum()
    happened: Floats = np.asarray(first.notna(), dtype=np.float64)
    length: Floats = np.asarray(last_day, dtype=np.float64)
    when = np.where(happened == 1, np.asarray(first, dtype=np.float64) + 0.5, length)
    names = tuple(str(name) for name in last_day.index)
    return CaseHistories(names, when, happened, np.asarray(count, dtype=np.float64), length)


def crisis_records(
    frame: pd.DataFrame, event: Mapping[str, tuple[str, ...]], crisis_class: Mapping[str, tuple[str, ...]]
) -> tuple[CrisisRecord, ...]:
    """Return the days on which the event happened, for each case (past crisis) of a class.

    The arguments are those of `case_histories`, and the cases are chosen in the same way.

    Raises:
        ScenarioError: If no case of the class has a row whose date is exact to the day.
    """
    cases, day, is_event = _dated_rows(frame, event, crisis_class)
    last_day = day.groupby(cases, observed=True).max()
    later = is_event & (day > 0)
    days = day[later].groupby(cases[later], observed=True).unique()
    return tuple(
        CrisisRecord(str(name), tuple(sorted(int(d) for d in days.get(name, ()))), int(last))
        for name, last in last_day.items()
    )


def _dated_rows(
    frame: pd.DataFrame, event: Mapping[str, tuple[str, ...]], crisis_class: Mapping[str, tuple[str, ...]]
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return three columns with an entry for each used row: its case, its day, and a mark.

    The day counts from the onset of the case. The mark says whether the row reports the event. Only rows whose date is
    exact to the day are used. A case belongs to the class if one of these rows fits `crisis_class`.
    """
    dated = frame[(frame["precision"] == "day") & (frame["case"].astype(str) != "")]
    members = dated.loc[selected(dated, crisis_class), "case"].unique()
    dated = dated[dated["case"].isin(members)].assign(case=lambda rows: rows["case"].astype(str))
    if dated.empty:
        raise ScenarioError(
            Problem("", 0, "class", "no row whose date is exact to the day fits the class", "expected a wider class")
        )
    onset = dated.groupby("case", observed=True)["date"].transform("min")
    day = (dated["date"] - onset).dt.days.astype(float)
    return dated["case"], day, selected(dated, event)


def simulated_cases(
    scenario: Scenario, cases: int, *, each: int = 1, seed: int = 0, control: Control = UNWATCHED
) -> pd.DataFrame:
    """Return simulated histories in the form of event data, to test a method on a known process.

    The first row of a case is its start, and the last row is its ending or the horizon. The category of a row is the id
    of its move, or "" for a row without a move.

    Args:
        scenario: The scenario whose histories stand for past crises.
        cases: Number of draws of the assumptions from their priors.
        each: Number of histories (cases) for each draw.
        seed: Seed of the draws and of the histories.
        control: Progress callback and cancellation.

    Returns:
        A frame with the columns of `simlib.data.read` that `case_histories` uses.
    """
    import pandas as pd

    from simlib.engines.montecarlo.replay import replayed
    from simlib.engines.montecarlo.simulator import Simulator
    from simlib.machine.belief import belief_of

    simulator, belief = Simulator(scenario, times=1), belief_of(scenario, cases, seed=seed)
    number, day, category = [], [], []
    moves = np.array([*scenario.moves, ""])
    for draw, theta in enumerate(belief.theta):
        at = simulator.values(theta, simulator.stated)
        played = replayed(simulator, range(draw * each, (draw + 1) * each), at, seed=seed)
        number += [np.repeat(played.replicates, np.diff(played.start)), played.replicates]
        day += [played.time, np.where(np.isfinite(played.ending_time), played.ending_time, played.horizon)]
        category += [moves[played.move], np.full(len(played), "")]
        control.check()
        control.report((draw + 1) / cases)
    frame = pd.DataFrame({"case": np.concatenate(number).astype(str), "category": np.concatenate(category)})
    whole_days = pd.to_timedelta(np.floor(np.concatenate(day)), unit="D")
    unused = dict.fromkeys(("actor", "target", "code"), "")
    return frame.assign(
        date=pd.Timestamp(scenario.as_of) + whole_days, precision="day", source=scenario.title, **unused
    )
