"""The `evidence:` section of a scenario: how its event log is to be read.

It says from which day the log is used (`History`) and which firings the log shows (`Coverage`). It also says what a row
means if its word does not say enough (`RowRule`). Numbers written in this section are kept apart from the other
assumptions, in `Scenario.log_assumptions`, because they are used only to weigh the log.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from simlib.scenario.condition import Condition

Shares = tuple[tuple[str, str | None], ...]
"""The start of a variable: pairs (level, id of the assumption that gives its share).

One level may have None in place of an id, and takes the rest.
"""

CERTAIN = None
"""Stands for the likelihood ratio of a row that is certain."""


@dataclass(frozen=True, slots=True)
class History:
    """The day from which the log is used, and how the variables start on that day.

    `start` lists (variable, shares) for each variable whose start differs from its start in the scenario.
    """

    since: dt.date
    because: str
    start: tuple[tuple[str, Shares], ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether the log shows a firing of a move.

    With `outcome`, only firings with that outcome are meant. `chance` is 0 (never), 1 (always), or the id of an
    assumption. `within_days` is the longest time until the log shows a firing. Before `since` the log does not show the
    move.
    """

    move: str
    outcome: str | None
    chance: float | str
    within_days: int = 0
    since: dt.date | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule that says what certain rows of the log mean.

    A row fits the rule if one of `words` is in its column `move`, and if it has the date, actor, target and confidence
    that the rule names.

    A rule has at most one of `ignore` (the reason why the row is left out), `level` (a condition that holds) and
    `setting` (a change from outside, as (variable, level)). If it has none of them, the row is a firing of `move`, or
    of the move that its word names. `outcomes` are the outcomes that the firing may have had. `ratio` is the likelihood
    ratio P(row | its report is true) / P(row | its report is false).
    """

    words: tuple[str, ...]
    date: dt.date | None = None
    actor: str | None = None
    target: str | None = None
    confidence: str | None = None
    move: str | None = None
    outcomes: tuple[str, ...] = ()
    level: Condition | None = None
    setting: tuple[tuple[str, str], ...] = ()
    ratio: float | None = CERTAIN
    ignore: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How the event log of a scenario is to be read.

    The first of the `rules` that fits a row decides what the row means. `confidence` gives a likelihood ratio for each
    word in the log's column of that name (None: certain).
    """

    history: History | None = None
    seen: tuple[Coverage, ...] = ()
    rules: tuple[RowRule, ...] = ()
    confidence: tuple[tuple[str, float | None], ...] = ()
