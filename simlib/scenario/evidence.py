"""The `evidence:` section of a scenario: how its event log is to be read.

It says from which day the log counts (`History`) and which firings the log would show (`Coverage`). It also says what a
row means if its word is not enough (`RowRule`). Its numbers are assumptions of their own (`Scenario.log_assumptions`):
they weigh the log and change no forecast.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from simlib.scenario.condition import Condition

Shares = tuple[tuple[str, str | None], ...]
"""(level, assumption id) of a start. One entry may have None and takes the rest."""

CERTAIN = None
"""The ratio of a row that is certain."""


@dataclass(frozen=True, slots=True)
class History:
    """The day from which the log is taken in, and the start on that day.

    `start` lists (variable, shares) where it differs from `start` of the scenario.
    """

    since: dt.date
    because: str
    start: tuple[tuple[str, Shares], ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether the log would show a firing of a move.

    With `outcome`, it is about that outcome alone. `chance` is 0 (never), 1 (always), or the id of an assumption.
    `within_days` is how long it may take until a firing shows. Before `since` the log shows nothing of the move.
    """

    move: str
    outcome: str | None
    chance: float | str
    within_days: int = 0
    since: dt.date | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule for the meaning of some rows of the log.

    A row fits if its column `move` holds one of `words`, and if it has the date, actor, target and confidence named by
    the rule.

    At most one of these is given: `ignore` (a reason), `level` (a fact about the state), `setting` (an outside change:
    (variable, level)). Without any, the row is a firing, of the move `move` if given, with one of `outcomes` if given.
    `ratio` is the likelihood ratio P(row | it is true) / P(row | it is false).
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

    Of the `rules`, the first that fits a row decides. `confidence` gives the likelihood ratio for each word in that
    column (None: certain).
    """

    history: History | None = None
    seen: tuple[Coverage, ...] = ()
    rules: tuple[RowRule, ...] = ()
    confidence: tuple[tuple[str, float | None], ...] = ()
