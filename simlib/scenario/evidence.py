"""The section `evidence` of a scenario: how its event log is to be read.

- `History`: from which day the log is used.
- `Coverage`: how likely the log is to show a move when the move happens.
- `RowRule`: what a row of the log means, if the word in its column `move` does not say enough.

Numbers written in this section are used only to compute the likelihood of the log. They are kept apart from the other
assumptions, in `Scenario.log_assumptions`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from simlib.scenario.condition import Condition

StartShares = tuple[tuple[str, str | None], ...]
"""The start of a variable: pairs (level, id of the assumption that gives the probability of that level).

One level may have None in place of an id. Its probability is then one minus the sum of the others.
"""

CERTAIN_REPORT = None
"""Stands in place of a likelihood ratio if the report of a row is certainly true."""


@dataclass(frozen=True, slots=True)
class History:
    """The day from which the event log is used, and how the variables start on that day.

    `start` has a pair (variable, start) for each variable whose start on that day differs from `Variable.start`.
    """

    since: dt.date
    because: str
    start: tuple[tuple[str, StartShares], ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How likely the event log is to show a move when the move happens.

    - `move`, `outcome`: the move. If `outcome` is given, only events with that outcome are meant.
    - `chance`: the probability that the log shows the move, or the id of the assumption that gives the probability.
      With 0, the log need not show the move, so a missing row says nothing.
    - `within_days`: the longest time from the move to its row in the log, in days.
    - `since`: the first day from which the log shows the move (None: from the beginning of the log).
    - `because`: the reason.
    """

    move: str
    outcome: str | None
    chance: float | str
    within_days: int = 0
    since: dt.date | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule that says what certain rows of the event log mean.

    A row fits the rule if the word in its column `move` is one of `words`. If the rule has a `date`, an `actor`, a
    `target` or a `confidence`, the row must have the same value.

    At most one of these is given:

    - `ignore`: the reason why the row is left out.
    - `level`: a condition on the state. The row reports that this condition holds.
    - `setting`: a change from outside, as pairs (variable, level).

    If none of these three is given, the row reports that `move` happened. If the rule has no `move`, the word of the
    row is the id of the move that happened. `outcomes` are the outcomes that the move may have had. `ratio` is the
    likelihood ratio P(row | its report is true) / P(row | its report is false). None: the `confidence` of the row
    decides. If the row has no `confidence`, its report is certain.
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
    ratio: float | None = CERTAIN_REPORT
    ignore: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How the event log of a scenario is to be read.

    - `history`: the day from which the log is used, and how the variables start on that day.
    - `seen`: how likely the log is to show each move when the move happens.
    - `rules`: what rows mean. The first rule that fits a row decides.
    - `confidence`: pairs (word, likelihood ratio) for the words in the column `confidence`. A ratio of None means that
      the report of the row is certainly true.
    """

    history: History | None = None
    seen: tuple[Coverage, ...] = ()
    rules: tuple[RowRule, ...] = ()
    confidence: tuple[tuple[str, float | None], ...] = ()
