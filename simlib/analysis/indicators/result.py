"""What to watch for: moves and levels as evidence about an ending or a question.

All numbers are conditional on the situation on the day t of the observation: nothing has ended, and the question is
open. E is the ending, or the answer yes to the question, after t and by the horizon T. A sign is a move or level, and S
says that the sign is seen by t. Then

    likelihood ratio of seeing      P(S | E) / P(S | not E by T),
    likelihood ratio of not seeing  P(not S | E) / P(not S | not E by T),
    change if seen                  P(E | S) - P(E).

Here P(E) is the probability without the observation. P(E | not S) is reported too.

On day t an observer knows that nothing has ended. So histories with another ending before t do not count as "not E".
If these histories counted, every sign of that other ending would be a sign against E.

Shares are plain counts (k of n), so that ratio and change never contradict each other. Only the intervals of the ratios
are computed with half a history added to each count. The ratio is unknown (nan) if no history has both the sign and E,
or if no history has the sign without E. The interval of an unknown ratio is open on one side. A sign is *known* when
the interval of its likelihood ratio excludes 1. Known signs come first, and only known signs are described in
sentences.

The ratios of two indicators must not be multiplied, because indicators are not independent. A sign is evidence, not a
cause. `Indicators.with_forcing` computes what a move causes if it is forced on day t.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.indicators.forcing import Forcing
from simlib.analysis.samples import ShareBand
from simlib.answer import Answer, pick
from simlib.control import UNWATCHED, Control
from simlib.formatting import counted, over_draws, percent, points, quoted
from simlib.machine.measures import Measure
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Indicator", "Indicators", "information", "signs", "write_bits", "write_number", "write_ratio"]
__all__ += ["write_share"]

INDICATOR_HISTORIES = 20_000
"""Default number of histories over all draws together."""

WRONG = 0.05
"""The probability that a move or level which tells nothing is named as a sign."""

EXACT_INTERVAL_WIDTH = 1e-5
"""A number whose interval is no wider than this counts as exact."""

_SHARE_FIELDS = ("seen", "if_seen", "if_not_seen", "ratio_seen", "ratio_not_seen", "false_alarms", "misses")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One move or level as evidence about event E: an ending, or the answer yes to a question.

    S says that the move or level is seen by the day of the observation. All probabilities are among the histories in
    which neither E nor an ending has happened by that day. Most numbers are triples (value, low, high) with a 95%
    interval.

    kind, id, label: "move" or "level", with its id and label.
    before: P(E), without the observation.
    seen: P(S).
    if_seen, if_not_seen: P(E | S) and P(E | not S).
    ratio_seen: the likelihood ratio P(S | E) / P(S | not E) (nan: unknown).
    ratio_not_seen: the likelihood ratio P(not S | E) / P(not S | not E) (nan: unknown).
    information: the expected information about E from the observation, in bits.
    false_alarms: P(S | not E).
    misses: P(not S | E).
    lead_days: the 10, 50 and 90% points of the days from the sighting to E, in histories with S and E.
    if_forced: the change of P(E) if the move is forced on the day of the observation, at the stated values (None: a
    level, or not computed). Equal bounds mean that the change is exact.
    """

    kind: str
    id: str
    label: str
    before: ShareBand
    seen: ShareBand
    if_seen: ShareBand
    if_not_seen: ShareBand
    ratio_seen: ShareBand
    ratio_not_seen: ShareBand
    information: float
    false_alarms: ShareBand
    misses: ShareBand
    lead_days: ShareBand
    if_forced: ShareBand | None = None

    @property
    def change(self) -> float:
        """The change of the probability of the ending or question if the sign is seen."""
        return self.if_seen[0] - self.before[0]

    @property
    def known(self) -> bool:
        """Whether this is a known sign: the interval of its likelihood ratio excludes 1."""
        return not self.ratio_seen[1] <= 1 <= self.ratio_seen[2]

    @property
    def verb(self) -> str:
        """What happens to the sign: a move is "seen", and a level is "reached"."""
        return "seen" if self.kind == "move" else "reached"

    @property
    def evidence(self) -> str:
        """The numbers of the sign as text, which is equal for signs with the same numbers."""
        shares = (self.seen, self.if_seen, self.if_not_seen, self.lead_days)
        return " ".join(f"{value:.9f}" for share in shares for value in share)

    def row(self) -> dict[str, Any]:
        """Return the numbers as one row of a table.

        The columns NAME_low and NAME_high are the bounds of column NAME. The column `doing` is the change of the
        probability if the move is forced (`if_forced`).
        """
        cells = pick(self, "kind", "id", "label", "known") | {"change_if_seen": self.change}
        for name in _SHARE_FIELDS:
            value, low, high = getattr(self, name)
            cells |= {name: value, f"{name}_low": low, f"{name}_high": high}
        early, middle, late = self.lead_days
        return cells | {
            "information_bits": self.information,
            "lead_days_p10": early,
            "lead_days": middle,
            "lead_days_p90": late,
            **dict(zip(("doing", "doing_low", "doing_high"), self.if_forced or (None,) * 3, strict=True)),
        }


@dataclass(frozen=True)
class Indicators(Answer):
    """All public moves and levels as evidence about one ending or question.

    measure: the ending or question.
    look_by_day: the day of the observation, in days after the scenario's `as_of`.
    by_day: the target day of the probabilities, in days after the scenario's `as_of`.
    times_seen: the number of sightings from which a move or level counts as seen.
    before: the probability of the ending or question without the observation, with its 95% interval.
    rows: the moves and levels. Known signs (likelihood ratio known to differ from 1) come first, then the others. Both
        groups are ordered by expected information.
    """

    kind: ClassVar[str] = "indicators"

    scenario: Scenario
    measure: Measure
    look_by_day: float
    by_day: float
    times_seen: int
    before: ShareBand
    rows: tuple[Indicator, ...]
    provenance: Mapping[str, Any]

    @property
    def look_by(self) -> dt.date:
        """The last date on which a sighting (of a move or level) counts."""
        return self.scenario.by_date(self.look_by_day)

    @property
    def by(self) -> dt.date:
        """The target date of the probabilities."""
        return self.scenario.by_date(self.by_day)

    @property
    def exact(self) -> bool:
        """Whether the answer is exact, without sampling."""
        return bool(self.provenance["engine"] == "exact")

    @property
    def signs(self) -> tuple[Indicator, ...]:
        """The known signs (moves and levels), the most informative first.

        A level is left out if a move has the same numbers, because the level would only repeat the move.
        """
        moves = {row.evidence for row in self.rows if row.kind == "move"}
        return tuple(row for row in self.rows if row.known and (row.kind == "move" or row.evidence not in moves))

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its dates."""
        when = f"by {self.by_words}"
        return f"Which sightings by {self.look_by_words} would be signs of {self.measure.words} {when}?"

    @property
    def condition(self) -> str:
        """The condition on the day of the observation: "nothing has ended by 14 April 2031"."""
        until = self.look_by_words
        if self.measure.kind == "ending":
            return f"nothing has ended by {until}"
        return f"nothing has ended and {self.measure.words} has not happened by {until}"

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each move or level.

        The columns NAME_low and NAME_high are the bounds of column NAME.
        """
        import pandas as pd

        return pd.DataFrame([row.row() for row in self.rows])

    def data(self) -> dict[str, Any]:
        """Return the day of the observation and the numbers of each move and level."""
        numbers = pick(self, "look_by", "look_by_day", "times_seen", "before")
        rows = {"doing_at": "the stated values", "indicators": [row.row() for row in self.rows]}
        return {"measure": self.measure.name, "label": self.measure.label} | numbers | rows

    def sentences(self, limit: int = 5) -> list[str]:
        """Describe up to `limit` known signs, then say how the numbers were computed."""
        return [*self._findings(limit), f"Computed {self.made()}."]

    def _findings(self, limit: int) -> list[str]:
        until, by, ending = self.look_by_words, self.by_words, self.measure.kind == "ending"
        if np.isnan(self.before[0]):
            what = "Every history has ended" if ending else "Every history has ended, or the event has happened in it,"
            return [f"{what} by {until}, so there is nothing left to watch for."]
        whose = f"the probability of {self.measure.words}" if ending else "its probability"
        first = f"If {self.condition}, {whose} by {by} is {write_share(self.before)}."
        if self.before[0] in (0.0, 1.0):
            often = "none" if self.before[0] == 0 else "every one"
            which = f"The event happens in {often} of the histories that are still open at the end of {until}"
            return [first, f"{which}, so no move or level can be a sign of the event."]
        if not self.rows:
            return [first, "There is no sign: no public move or level could show whether the event will happen."]
        signs = self.signs
        ratio = "none changes the probability" if self.exact else "all changes are within the 95% errors"
        if not signs:
            return [first, f"No move or level is known to be a sign of the event: {ratio}."]
        lines = [first, *(self._about(row, until) for row in signs[:limit])]
        if not self.exact and len(self.rows) > 1:
            lines.append(self._by_chance(len(self.rows)))
        rest = sum(not row.known for row in self.rows)
        if rest:
            verb = ("tell" if rest > 1 else "tells") if self.exact else "may tell"
            lines.append(
                f"{counted(rest, 'further move or level', 'further moves and levels')} {verb} nothing: {ratio}."
            )
        return lines

    def _by_chance(self, tested: int) -> str:
        """Return a sentence that says how many signs would be listed by chance alone."""
        wrong = WRONG * tested
        some = f"about {round(wrong)}" if wrong >= 1.5 else "about one" if wrong >= 0.75 else "fewer than one"
        whole = f"If none of the {tested} moves and levels were a sign, chance alone would still list {some} as signs."
        return f"Each sign is tested by itself, with a 95% interval. {whole}"

    def _about(self, row: Indicator, until: str) -> str:
        often = f" at least {self.times_seen} times" if self.times_seen > 1 else ""
        return (
            f"If {quoted(row.label)} is {row.verb}{often} by {until}, the probability is "
            f"{write_share(row.if_seen)} ({points(row.change)}); if not, it is {write_share(row.if_not_seen)}. "
            f"It is {row.verb} in {percent(row.seen[0])} of the histories."
        )

    def made(self) -> str:
        """Return a phrase that says how the numbers were computed: "exactly, at the stated values"."""
        if self.exact:
            return "exactly, at the stated values"
        draws, source = self.provenance["draws"], self.provenance
        histories = counted(source["histories"], "history", "histories")
        size = f"{counted(draws, 'draw')}, " if draws else ""
        return f"{over_draws(source)} ({size}{histories}, seed {source['seed']})"

    def with_forcing(self, most: int = 5, *, runs: int | None = None, control: Control = UNWATCHED) -> Indicators:
        """Return this answer, with the effect of forcing each of the first moves in `rows`.

        The moves are forced on the day of the observation. A move that is seen is evidence, for example of a motive. A
        forced move is only a cause, to which others react. The effects are computed at the stated values of the
        assumptions. For an ending, the exact engine computes the effects if the states are few enough. Otherwise the
        effects come from pairs of histories with common random numbers.

        Args:
            most: Number of moves, taken from the top of `rows`.
            runs: Pairs of histories, for Monte Carlo. Default: the number of histories that were counted, or 20,000 if
                none were counted.
            control: Progress callback and cancellation.

        Raises:
            MissingDependency: Without Numba, for a question or when there are too many states for the exact engine.
            Cancelled: When `control` cancels the work.
        """
        pairs = runs or self.provenance.get("histories") or INDICATOR_HISTORIES
        seed = self.provenance.get("seed") or 0
        forcing = Forcing(self.scenario, self.measure, self.look_by_day, pairs, seed, control)
        effects = {}
        for row in [row for row in self.rows if row.kind == "move"][:most]:
            effects[row.id] = forcing.effect(row.id)
            control.report(len(effects) / most)
        rows = tuple(
            dataclasses.replace(row, if_forced=effects.get(row.id) if row.kind == "move" else None) for row in self.rows
        )
        source = {**self.provenance, "doing_engine": forcing.engine} if effects else self.provenance
        return dataclasses.replace(self, rows=rows, provenance=source)


def signs(scenario: Scenario) -> Iterator[tuple[str, str, str, int, int]]:
    """Yield (kind, id, label, index, level) of public moves and of levels of public variables.

    `index` is the position of the move or the variable, and `level` is the position of the level (-1 for a move).
    Levels of counters are left out.
    """
    for index, move in enumerate(scenario):
        if not move.covert:
            yield "move", move.id, move.label, index, -1
    for index, variable in enumerate(scenario.variables.values()):
        for number, level in enumerate(() if variable.hidden or variable.counter else variable.levels):
            yield "level", f"{variable.id}={level}", variable.at(level), index, number


def write_ratio(row: Indicator) -> str:
    """Return the likelihood ratio of a sign as text.

    An unknown ratio (a count is zero) is written as "below" or "above" the bound of its interval, or as "-" if the sign
    is not known.
    """
    value, low, high = row.ratio_seen
    if np.isfinite(value):
        return write_number(value)
    if not row.known:
        return "-"
    return f"below {write_number(high)}" if high < 1 else f"above {write_number(low)}"


def write_number(value: float) -> str:
    """Return a positive number with two significant digits and no exponent: "250", "0.0018"."""
    if value <= 0 or not np.isfinite(value):
        return f"{value:g}"
    size = int(np.floor(np.log10(float(f"{value:.1e}"))))
    return f"{round(value, 1 - size):,.{max(1 - size, 0)}f}"


def write_bits(row: Indicator) -> str:
    """Return the expected information of an observation as text, in bits."""
    return f"{row.information:.2g}" if row.information >= 1e-4 else "below 0.0001"


def write_share(share: ShareBand) -> str:
    """Return a share as text ("-": unknown).

    A share of 0 that is not exact is written as "under" its upper bound, and a share of 1 as "over" its lower bound.
    """
    value, low, high = share
    if not np.isfinite(value):
        return "-"
    if value == 0 and high > EXACT_INTERVAL_WIDTH:
        return f"under {percent(high)}"
    return f"over {percent(low)}" if value == 1 and low < 1 - EXACT_INTERVAL_WIDTH else percent(value)


def information(joint: Floats) -> float:
    """Return the mutual information of two events in bits, from their joint distribution (2, 2)."""
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    return float(np.sum(joint[some] * np.log2(joint[some] / product[some])))
