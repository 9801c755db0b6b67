"""What to watch for? What seeing a move or a level by day t, or not seeing it, says of an ending by the horizon T.

Everything is counted among histories in which nothing has ended by t, over the priors: with E the ending in (t, T] and
S the sighting by t,

    likelihood ratio of seeing      P(S | E) / P(S | not E by T),
    likelihood ratio of not seeing  P(not S | E) / P(not S | not E by T),
    change if seen                  P(E | S) - P(E),

the change from what is believed while watching, before anything is seen or missed; what is believed where S is not seen
is told beside it, and never the difference between the two.

Whoever still watches on day t knows that nothing has ended. Histories that another ending closed before are no "not E"
to learn from: every sign of that other ending would pass for a sign against E.

Shares are plain counts (k of n) throughout, so that ratio and change never contradict each other; half a history is
added to counts only inside the intervals of the ratios. Where no history was both seen and E, or none seen and not E,
the ratio is not known (nan) and its interval open on that side. A sign is *known* when the interval of its likelihood
ratio leaves out 1; only those are told, and they come first.

Ratios of two indicators must not be multiplied: indicators are not independent; update on both together. Seeing is
evidence, doing is cause: `doing` forces a move on day t instead, at the stated values, and the two changes are printed
side by side. Histories of one draw share their assumptions, so intervals are taken over draws, not over histories.

Counted in sampled histories, or by the exact engine (see `signs_exactly`): then at the stated values, seen once, and
without lead times.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.indicators.forced import Doing
from simlib.analysis.indicators.sightings import sampled, sightings
from simlib.control import in_transition
from simlib.engines.montecarlo.replay import Histories
from simlib.errors import Problem, ScenarioError, Unsupported, did_you_mean
from simlib.formatting import counted, long_date, percent, points
from simlib.results import Z_TWO_SIDED_95, Band
from simlib.scenario.model import Scenario
from simlib.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


SURE = 1e-5
"""Intervals no wider than this are of exact numbers."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One observable and what it says of the ending; every probability has a 95% interval (low, high).

    before: P(E), before looking. seen: P(S). if_seen, if_not_seen: P(E | S), P(E | not S). ratio_seen, ratio_not_seen:
    likelihood ratios, nan where the histories do not tell them.
    information: expected bits about E from looking. false_alarms: P(S | not E); misses: P(not S | E).
    lead_days: 10, 50 and 90% points of the days from the first sighting to the ending, where both happen.
    doing: what forcing the move on day t adds to P(E), at the stated values (None: a level, or not asked for); exact
    where its bounds are alike, else from the same dice in both worlds.
    """

    kind: str
    id: str
    label: str
    before: tuple[float, float, float]
    seen: tuple[float, float, float]
    if_seen: tuple[float, float, float]
    if_not_seen: tuple[float, float, float]
    ratio_seen: tuple[float, float, float]
    ratio_not_seen: tuple[float, float, float]
    information: float
    false_alarms: tuple[float, float, float]
    misses: tuple[float, float, float]
    lead_days: tuple[float, float, float]
    doing: tuple[float, float, float] | None = None

    @property
    def change(self) -> float:
        """The change if seen: the probability of the ending where it is seen less that before looking."""
        return self.if_seen[0] - self.before[0]

    @property
    def known(self) -> bool:
        """Say whether seeing it is known to tell anything: the interval of its likelihood ratio leaves out 1."""
        return not self.ratio_seen[1] <= 1 <= self.ratio_seen[2]


@dataclass(frozen=True)
class Indicators:
    """The indicators of one ending at day `day` for the horizon `horizon`: known ones first, then by information."""

    scenario: Scenario
    ending: str
    day: float
    horizon: float
    times_seen: int
    before: tuple[float, float, float]
    rows: tuple[Indicator, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Say whether nothing was sampled."""
        return self.details.get("engine") == "exact"

    @property
    def signs(self) -> tuple[Indicator, ...]:
        """The indicators that are known to tell anything, the most informative first."""
        return tuple(row for row in self.rows if row.known)

    def frame(self) -> pd.DataFrame:
        """Return one row per indicator, probabilities and ratios with _low and _high beside them."""
        import pandas as pd

        return pd.DataFrame([self._row(row) for row in self.rows])

    def _row(self, row: Indicator) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": row.kind,
            "id": row.id,
            "label": row.label,
            "known": row.known,
            "change_if_seen": row.change,
        }
        for name in ("seen", "if_seen", "if_not_seen", "ratio_seen", "ratio_not_seen", "false_alarms", "misses"):
            value, low, high = getattr(row, name)
            told |= {name: value, f"{name}_low": low, f"{name}_high": high}
        early, middle, late = row.lead_days
        return told | {
            "information_bits": row.information,
            "lead_days_p10": early,
            "lead_days": middle,
            "lead_days_p90": late,
            **dict(zip(("doing", "doing_low", "doing_high"), row.doing or (None,) * 3, strict=True)),
        }

    def sentences(self, limit: int = 5) -> list[str]:
        """Tell the signs that say most of the ending, in sentences with dates."""
        ending = self.scenario.endings[self.ending].label
        until, by = (long_date(self.scenario.by_date(day)) for day in (self.day, self.horizon))
        made = self.made()
        if np.isnan(self.before[0]):
            return [f"{made}: everything has ended by {until}, so what to watch for cannot be told."]
        before = write_share(self.before)
        told = [f"{made}: if nothing has ended by {until}, the probability of “{ending}” by {by} is {before}."]
        if self.before[0] in (0.0, 1.0):
            often = "none" if self.before[0] == 0 else "every one"
            which = f"It happens in {often} of the histories that are still open then"
            return [*told, f"{which}, so what seeing a move or a level says of it cannot be told."]
        signs = self.signs
        told += [f"{self._about(row, until)}." for row in signs[:limit]]
        rest = len(self.rows) - len(signs)
        if not signs:
            told.append(
                "No move or level is known to be a sign of it: the 95% interval of every likelihood ratio includes 1."
            )
        elif rest:
            others = counted(rest, "further move or level", "further moves and levels")
            one = "the likelihood ratio is 1" if self.exact else "the 95% interval of the likelihood ratio includes 1"
            told.append(
                f"{others} {'tell' if rest > 1 else 'tells'} nothing: {one}."
                if self.exact
                else f"{others} may tell nothing: {one}."
            )
        return told

    def _about(self, row: Indicator, until: str) -> str:
        often = f" at least {self.times_seen} times" if self.times_seen > 1 else ""
        seen = f"{'seen' if row.kind == 'move' else 'reached'}{often}"
        low, high = row.ratio_seen[1:]
        interval = f", 95% interval {write_number(low)} to {write_number(high)}"
        ratio = write_ratio(row) if self.exact else f"{write_ratio(row)}{interval}"
        return (
            f"Where “{row.label}” has been {seen} by {until}, it is {write_share(row.if_seen)} (change if seen: "
            f"{points(row.change)}); where not, {write_share(row.if_not_seen)} "
            f"(likelihood ratio {ratio if np.isfinite(row.ratio_seen[0]) else write_ratio(row)}); it is {seen} with "
            f"probability {percent(row.seen[0])}"
        )

    def made(self) -> str:
        """Say what was counted: over the priors or at the stated values, how many histories, which seed."""
        draws, histories = self.details.get("draws", 0), self.details.get("histories", 0)
        if self.exact:
            return "At the stated values, exactly"
        over = f"Over the priors ({counted(draws, 'draw')}, " if draws else "At the stated values ("
        return f"{over}{counted(histories, 'history', 'histories')}, seed {self.details.get('seed', 0)})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; a number that cannot be had is None."""
        rows = [
            {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in self._row(row).items()}
            for row in self.rows
        ]
        return {
            "scenario": self.scenario.id,
            "scenario_sha256": self.scenario.sha256,
            "ending": self.ending,
            "day": self.day,
            "horizon_days": self.horizon,
            "times_seen": self.times_seen,
            "before": list(self.before),
            "doing_at": "the stated values",
            "indicators": rows,
            **self.details,
        }


def write_ratio(row: Indicator) -> str:
    """Write the likelihood ratio of seeing; where a count of zero leaves it open, its bound, or "-"."""
    value, low, high = row.ratio_seen
    if np.isfinite(value):
        return write_number(value)
    if not row.known:
        return "-"
    return f"below {write_number(high)}" if high < 1 else f"above {write_number(low)}"


def write_number(value: float) -> str:
    """Write a number above zero to two digits, without an exponent: "250", "0.0018"."""
    if value <= 0 or not np.isfinite(value):
        return f"{value:g}"
    size = int(np.floor(np.log10(float(f"{value:.1e}"))))
    return f"{round(value, 1 - size):,.{max(1 - size, 0)}f}"


def write_bits(row: Indicator) -> str:
    """Write the expected information of looking for it, in bits."""
    return f"{row.information:.2g}" if row.information >= 1e-4 else "below 0.0001"


def write_share(share: tuple[float, float, float]) -> str:
    """Write a share; where every history or none was counted, how far it may be from that; "-" where it is unknown."""
    value, low, high = share
    if not np.isfinite(value):
        return "-"
    if value == 0 and high > SURE:
        return f"under {percent(high)}"
    return f"over {percent(low)}" if value == 1 and low < 1 - SURE else percent(value)


@in_transition
def indicators(
    scenario: Scenario,
    ending: str,
    *,
    day: float = 14.0,
    horizon: float | None = None,
    times_seen: int = 1,
    draws: int = 500,
    runs: int = 20_000,
    seed: int = 0,
    doing: int = 0,
    engine: str = "montecarlo",
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Indicators:
    """Return what each public move and each level of a public variable says of an ending, seen or not seen by `day`.

    `times_seen` is the threshold: how many sightings count as an alarm; each entry into a level is one, and so is
    standing in it from the start. `draws` of the priors (0: at the stated values) share the `runs` histories. `doing`
    asks for that many of the most informative moves what forcing them on `day` would do, exactly where the states fit.
    `engine` "exact" takes the stated values, without `draws` and `runs`; `times_seen` must be 1.

    Raises ScenarioError, ValueError for a day past the horizon, TooManyStates, Unsupported, Cancelled.
    """
    if ending not in scenario.endings:
        raise ScenarioError(
            Problem("", 0, "ending", f"{ending!r} is not known", did_you_mean(ending, scenario.endings))
        )
    length = _length(scenario, day, horizon)
    if engine == "exact":
        result = _exactly(scenario, ending, day, length, times_seen, progress, cancel)
    else:
        told, group = sampled(
            scenario, horizon=length, draws=draws, runs=runs, seed=seed, progress=progress, cancel=cancel
        )
        details = {"draws": draws, "histories": len(told), "seed": seed}
        result = _counted(told, group, ending, day, times_seen, details)
    moves = [row.id for row in result.rows if row.kind == "move"][:doing]
    done = Doing(scenario, ending, day, length, runs, seed)
    forced = {move: done.adds(move) for move in moves}
    rows = (dataclasses.replace(row, doing=forced.get(row.id) if row.kind == "move" else None) for row in result.rows)
    told_how = {"doing_engine": done.engine} if forced else {}
    return dataclasses.replace(result, rows=tuple(rows), details={**result.details, **told_how})


def _exactly(
    scenario: Scenario,
    ending: str,
    day: float,
    horizon: float,
    times_seen: int,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> Indicators:
    from simlib.analysis.indicators.exact import Watch

    if times_seen != 1:
        raise Unsupported("by the exact engine a sign is seen once; how often it is seen is counted in histories")
    watch = Watch(scenario, ending, day, horizon, cancel)
    rows = tuple(watch.rows(progress)) if watch.open > 0 else ()
    return Indicators(scenario, ending, day, horizon, 1, watch.before(), rows, {"engine": "exact", "draws": 0})


@in_transition
def of_every_ending(
    scenario: Scenario,
    *,
    day: float = 14.0,
    horizon: float | None = None,
    times_seen: int = 1,
    draws: int = 500,
    runs: int = 20_000,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[Indicators]:
    """Return the indicators of each ending, in the order of the file, all counted in the same histories.

    Raises ValueError for a day past the horizon, Cancelled.
    """
    length = _length(scenario, day, horizon)
    told, group = sampled(scenario, horizon=length, draws=draws, runs=runs, seed=seed, progress=progress, cancel=cancel)
    details = {"draws": draws, "histories": len(told), "seed": seed}
    return [_counted(told, group, ending, day, times_seen, details) for ending in scenario.endings]


def _length(scenario: Scenario, day: float, horizon: float | None) -> float:
    length = scenario.horizon_days if horizon is None else float(horizon)
    if not 0 < day < length:
        raise ValueError(f"the day to look by must lie between 0 and the horizon of {length:g} days, not {day:g}")
    return length


def _counted(
    told: Histories, group: Ints, ending: str, day: float, times_seen: int, details: Mapping[str, Any]
) -> Indicators:
    """Return the indicators of one ending as they show in sampled histories, known signs first."""
    index = list(told.scenario.endings).index(ending)
    open_still = told.ending_time > day
    happens = (told.ending == index) & open_still
    counter = _Counter(happens[open_still], group[open_still])
    rows = []
    for kind, name, label, first in sightings(told, times_seen):
        seen = first[open_still] <= day
        if 0 < seen.sum() < len(seen):
            both = happens & (first <= day)
            lead = told.ending_time[both] - first[both]
            rows.append(counter.row(kind, name, label, seen, lead))
    rows.sort(key=lambda row: (not row.known, -row.information))
    return Indicators(told.scenario, ending, day, told.horizon, times_seen, counter.before(), tuple(rows), details)


class _Counter:
    """Shares of histories with intervals that allow for draws in common."""

    def __init__(self, happens: Bools, group: Ints) -> None:
        self.happens, self.group = happens, group

    def before(self) -> tuple[float, float, float]:
        return self.share(self.happens, np.ones(len(self.happens), dtype=bool))

    def share(self, event: Bools, among: Bools) -> tuple[float, float, float]:
        """Return the share of `event` in `among`: a ratio of sums over draws, Wilson's interval with its variance."""
        n = float(among.sum())
        if n == 0:
            return (np.nan, 0.0, 1.0)
        hits = np.bincount(self.group, weights=event & among)
        size = np.bincount(self.group, weights=among)
        p = hits.sum() / n
        used = size > 0
        clusters = int(used.sum())
        variance = np.sum((hits - p * size)[used] ** 2) / n**2 * clusters / max(clusters - 1, 1)
        independent = p * (1 - p) / n
        trials = n if clusters < 2 or variance <= independent else n * independent / variance
        band = Band.wilson(np.array([p * trials]), np.array([trials]))
        return float(p), float(band.low[0]), float(band.high[0])

    def row(self, kind: str, name: str, label: str, seen: Bools, lead: Floats) -> Indicator:
        happens, every = self.happens, np.ones(len(self.happens), dtype=bool)
        among_true, among_false = self.share(seen, happens), self.share(seen, ~happens)
        days = np.quantile(lead, (0.1, 0.5, 0.9)) if len(lead) else np.full(3, np.nan)
        return Indicator(
            kind=kind,
            id=name,
            label=label,
            before=self.before(),
            seen=self.share(seen, every),
            if_seen=self.share(happens, seen),
            if_not_seen=self.share(happens, ~seen),
            ratio_seen=self._ratio(seen),
            ratio_not_seen=self._ratio(~seen),
            information=information(np.array([[np.mean(s & h) for h in (happens, ~happens)] for s in (seen, ~seen)])),
            false_alarms=among_false,
            misses=(1 - among_true[0], 1 - among_true[2], 1 - among_true[1]),
            lead_days=(float(days[0]), float(days[1]), float(days[2])),
        )

    def _ratio(self, seen: Bools) -> tuple[float, float, float]:
        """Return P(seen | E) / P(seen | not E) with Katz's log interval, in which half a history is added to counts."""
        true, false = float(self.happens.sum()), float((~self.happens).sum())
        hits, alarms = float((seen & self.happens).sum()), float((seen & ~self.happens).sum())
        if true == 0 or false == 0:
            return np.nan, 0.0, np.inf
        ratio = (hits / true) / (alarms / false) if hits and alarms else np.nan
        a, b = (hits + 0.5) / (true + 1), (alarms + 0.5) / (false + 1)
        # Draws in common make the counts less informative than independent histories; the wider of the two shares
        # gives the factor by which the variance grows.
        grows = max(self._design(seen, self.happens), self._design(seen, ~self.happens))
        reach = np.exp(Z_TWO_SIDED_95 * np.sqrt(grows * ((1 - a) / (hits + 0.5) + (1 - b) / (alarms + 0.5))))
        return ratio, float(a / b / reach) if hits else 0.0, float(a / b * reach) if alarms else np.inf

    def _design(self, event: Bools, among: Bools) -> float:
        n = float(among.sum())
        hits, size = (np.bincount(self.group, weights=x) for x in (event & among, among))
        p = hits.sum() / n
        if not 0 < p < 1:
            return 1.0
        return max(float(np.sum((hits - p * size) ** 2)) / (n * p * (1 - p)), 1.0)


def information(joint: Floats) -> float:
    """Return the mutual information in bits of a joint distribution (2, 2)."""
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    return float(np.sum(joint[some] * np.log2(joint[some] / product[some])))
