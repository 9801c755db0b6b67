"""Turn event data about chosen actors into the event log of a scenario (`events.csv`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, get_args

from simlib.errors import Problem, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

LOG_COLUMNS = (
    *("date", "date_precision", "actor", "target", "move", "times"),
    *("description", "source_name", "source_url", "confidence", "known_on"),
)
"""The columns of an event log that are filled from event data. `simlib.scenario.event_log` has the complete list."""

DatePrecision = Literal["day", "week", "month"]

PRECISIONS: tuple[DatePrecision, ...] = get_args(DatePrecision)
"""The precisions that a date in an event log may have. Rows of event data dated only to a year are left out."""


def as_log(
    frame: pd.DataFrame, actors: Collection[str], *, first: dt.date | None = None, last: dt.date | None = None
) -> pd.DataFrame:
    """Return the rows of event data in which the actors act on each other, as an event log.

    The oldest row comes first. The column `move` holds the category of the event (see `simlib.data.category_table`).
    The user replaces this category by a move of the scenario. Equal rows of one day become one row, and the column
    `times` says how many rows they were. Rows without a category, or dated only to a year, are left out.

    Args:
        frame: Event data as `read` returns them.
        actors: Names or codes as the file writes them. With one actor, all rows in which this actor acts are kept.
        first: First day to keep. Default: all days.
        last: Last day to keep. Default: all days.

    Raises:
        ScenarioError: For an actor that the file does not have, and if no row is left.
    """
    wanted = {actor.casefold() for actor in actors}
    _insist_on_actors(frame, actors)
    acting, aimed_at = _names(frame["actor"], wanted), _names(frame["target"], wanted)
    keep = acting & (aimed_at | (len(wanted) == 1))
    keep &= frame["precision"].isin(PRECISIONS) & (frame["category"] != "")
    keep &= (frame["date"] >= str(first)) if first else True
    keep &= (frame["date"] <= str(last)) if last else True
    rows = frame[keep]
    if rows.empty:
        what = f"no dated row with a known category is left for the actors {', '.join(actors)}"
        raise ScenarioError(Problem("", 0, "data", what, "expected other actors or days"))
    log = rows.assign(
        date=rows["date"].dt.strftime("%Y-%m-%d"),
        date_precision=rows["precision"].astype(str),
        move=rows["category"].astype(str),
        description=rows["source"].astype(str) + ", code " + rows["code"].astype(str),
        source_name=rows["source"].astype(str),
        known_on=rows["known_on"].dt.strftime("%Y-%m-%d").fillna(""),
        source_url="",
        confidence="medium",
    ).astype({"actor": str, "target": str})
    keys = [column for column in LOG_COLUMNS if column != "times"]
    counted = log.groupby(keys, as_index=False).size().rename(columns={"size": "times"})
    return counted[list(LOG_COLUMNS)].sort_values("date", kind="stable").reset_index(drop=True)


def _insist_on_actors(frame: pd.DataFrame, actors: Collection[str]) -> None:
    known = {
        part.strip().casefold()
        for column in ("actor", "target")
        for name in frame[column].unique()
        for part in str(name).split(";")
    }
    unknown = [actor for actor in actors if actor.casefold() not in known]
    if unknown:
        some = sorted(known - {""})[:8]
        expected = (
            f"expected a name as the file writes it, such as {', '.join(some)}"
            if some
            else "expected a file with actors"
        )
        raise ScenarioError([Problem("", 0, "actors", f"the file has no actor {name!r}", expected) for name in unknown])


def _names(column: pd.Series, wanted: Collection[str]) -> pd.Series:
    fits = {name: any(part.strip().casefold() in wanted for part in str(name).split(";")) for name in column.unique()}
    return column.astype(str).map(fits).astype(bool)
