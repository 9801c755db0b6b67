"""What changed between two versions of a scenario, or two views of it, in words; and what that did to the forecast."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simlib.control import in_transition
from simlib.engines.exact.forecast import solve
from simlib.formatting import long_date, percent, points
from simlib.results import Forecast
from simlib.scenario.explanation import explain
from simlib.scenario.model import Assumption, Correlation, Scenario
from simlib.scenario.wording import FIELDS, THINGS, WHOLE, act_in_words, field_in_words, label_of, prior_in_words

if TYPE_CHECKING:
    import pandas as pd

_IN_THE_FILE = {"horizon_days": "horizon", "factors": "times", "effects": "then"}
"""What the file calls a field, where that is another word."""

BOUND, RELATIVE = 1e-9, 1e-3
"""What exact answers are computed to, absolute and for rare endings relative."""

_MANY = ("times", "outcomes", "between", "levels", "rungs", "sources")
"""Fields that people speak of in the plural."""

_LONG = (":", ";", " from ", ", or ")
"""What a value has that is too long for "from ... to ..."."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: where (`assumptions.hot_factor`), both sides ("" where it is not there), a sentence."""

    where: str
    before: str
    after: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Diff:
    """The changes from one scenario to another, and both forecasts by one date.

    There are none (None) where they were not asked for, or `apart`: one begins after the other has ended.
    """

    before: Scenario
    after: Scenario
    changes: tuple[Change, ...]
    forecasts: tuple[Forecast, Forecast] | None = None
    apart: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """What the two sides are called: by their views, else by their titles, else before and after."""
        one, other = self.before, self.after
        if one.id == other.id and one.view != other.view:
            return one.view or "as it stands", other.view or "as it stands"
        return (one.title, other.title) if one.title != other.title else ("before", "after")

    def finding(self) -> str:
        """Say which ending or question changes most, with the date; raises ValueError without forecasts."""
        if self.forecasts is None:
            raise ValueError("there are no forecasts to compare; expected a difference with forecasts")
        by = long_date(_last(self.forecasts[0]))
        both = [(label, p, q) for _, label, p, q in _both(*self.forecasts) if p is not None and q is not None]
        label, p, q = max(both, key=lambda pair: abs(pair[2] - pair[1]), default=("", 0.0, 0.0))
        if _same(p, q):
            return f"No ending or question is likelier or less likely by {by}"
        return f"By {by} “{label}” changes most: from {percent(p)} to {percent(q)}"

    def frame(self) -> pd.DataFrame:
        """Return one row for each change: where, before, after."""
        import pandas as pd

        rows = [{"where": c.where, "before": c.before, "after": c.after} for c in self.changes]
        return pd.DataFrame(rows, columns=["where", "before", "after"])

    def sentences(self) -> list[str]:
        """Tell every change, then what they do to endings and questions by the earlier of the two horizons."""
        told = [str(change) for change in self.changes] or ["Nothing differs."]
        if self.apart:
            one, other = sorted((self.before, self.after), key=lambda world: world.as_of)
            told.append(
                f"One ends on {long_date(one.by_date(one.horizon_days))}, before the other begins on "
                f"{long_date(other.as_of)}: there is no date by which to compare their forecasts."
            )
        if self.forecasts is None:
            return told
        first, last = self.forecasts
        ends = [world.by_date(world.horizon_days) for world in (self.before, self.after)]
        earlier = ", the earlier of the two last days" if ends[0] != ends[1] else ""
        told.append(f"What that does to the forecast by {long_date(_last(first))}{earlier}, at the stated values:")
        return told + [f"{label}: {_moved(kind, p, q)}" for kind, label, p, q in _both(first, last)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        data: dict[str, Any] = {
            "before": {"id": self.before.id, "view": self.before.view, "sha256": self.before.sha256},
            "after": {"id": self.after.id, "view": self.after.view, "sha256": self.after.sha256},
            "changes": self.frame().to_dict("records"),
        }
        if self.forecasts is not None:
            data["forecast"] = [
                {"kind": kind.removesuffix("s"), "label": label, "before": p, "after": q}
                for kind, label, p, q in _both(*self.forecasts)
            ]
            data["by"] = _last(self.forecasts[0]).isoformat()
        return data


@in_transition
def diff(
    before: Scenario,
    after: Scenario,
    *,
    forecast: bool = True,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Diff:
    """Return what differs between two scenarios, and, with `forecast`, both exact forecasts at the stated values.

    Both are by the earlier of the two last days; where one begins after the other ends there are none. Raises what
    `solve` raises.
    """
    changes = tuple(_changes(before, after))
    end = min(world.by_date(world.horizon_days) for world in (before, after))
    apart = end < max(before.as_of, after.as_of)
    if not forecast or apart:
        return Diff(before, after, changes, apart=forecast and apart)
    first = _solved(before, end, cancel)
    if progress:
        progress(0.5)
    return Diff(before, after, changes, (first, _solved(after, end, cancel)))


def _solved(world: Scenario, end: dt.date, cancel: Callable[[], bool] | None) -> Forecast:
    day = min(float((end - world.as_of).days + 1), world.horizon_days)
    return solve(world, times=[day], cancel=cancel)


def _last(forecast: Forecast) -> dt.date:
    return forecast.by_date(float(forecast.times[-1]))


def _changes(before: Scenario, after: Scenario) -> Iterator[Change]:
    for name, called in WHOLE.items():
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            texts = [field_in_words(name, one, before), field_in_words(name, other, after)]
            yield _went(_IN_THE_FILE.get(name, name), f"The {called}", *texts)
    yield from _interventions(before, after)
    yield from _correlations(before, after)
    for group in THINGS:
        one, other = getattr(before, group), getattr(after, group)
        for name in [*one, *(n for n in other if n not in one)]:
            if one.get(name) != other.get(name):
                yield from _item(group, name, before, after)
        shared = [n for n in one if n in other]
        if group in ("endings", "moves", "ladders") and shared != [n for n in other if n in one]:
            orders = ([label_of(one[n]) for n in names] for names in (shared, (n for n in other if n in one)))
            texts = [", ".join(f"“{label}”" for label in labels) for labels in orders]
            yield _went(f"{group} (order)", f"The order of the {group}", *texts)


def _went(where: str, what: str, before: str, after: str) -> Change:
    changes = f"{what} change{'' if where.rsplit('.', 1)[-1] in _MANY else 's'}"
    if any(mark in f" {text}" for text in (before, after) for mark in _LONG):
        return Change(where, before, after, f"{changes}. Before: {before}. Now: {after}.")
    return Change(where, before, after, f"{changes} from {before} to {after}.")


def _interventions(before: Scenario, after: Scenario) -> Iterator[Change]:
    one, other = ([act_in_words(item, world) for item in world.interventions] for world in (before, after))
    yield from (Change("interventions", text, "", f"No longer done: {text}.") for text in one if text not in other)
    yield from (Change("interventions", "", text, f"Newly done: {text}.") for text in other if text not in one)
    if one != other and sorted(one) == sorted(other):
        yield _went("interventions (order)", "The order of what is done", " | ".join(one), " | ".join(other))


def _correlations(before: Scenario, after: Scenario) -> Iterator[Change]:
    sides = [{(c.first, c.second): c for c in world.correlations} for world in (before, after)]
    for pair in dict.fromkeys([*sides[0], *sides[1]]):
        old, new = (side.get(pair) for side in sides)
        if old == new:
            continue
        world = after if new else before
        what = " and ".join(f"“{world.assumptions[name].label}”" for name in pair)
        texts = [_correlation(c) if c else "" for c in (old, new)]
        where = f"correlations.{', '.join(pair)}"
        if old and new:
            yield _went(where, f"The correlation of {what}", *texts)
        else:
            told = f"are now correlated ({texts[1]})" if new else f"are no longer correlated ({texts[0]})"
            yield Change(where, texts[0], texts[1], f"{what} {told}.")


def _correlation(pair: Correlation) -> str:
    parts = (f"rank {pair.rank:g}", f"because: {pair.because}" * bool(pair.because), ", ".join(pair.sources))
    return "; ".join(part for part in parts if part)


def _item(group: str, name: str, before: Scenario, after: Scenario) -> Iterator[Change]:
    one, other = (getattr(world, group).get(name) for world in (before, after))
    where, thing = f"{group}.{name}", THINGS[group]
    if one is None or other is None:
        texts = ["" if item is None else label_of(item) for item in (one, other)]
        told = _explained(after if one is None else before, group, name) or texts[0] or texts[1]
        yield Change(where, texts[0], texts[1], f"{'New' if one is None else 'Gone'}: the {thing} {told.rstrip('.')}.")
        return
    what, names = f"{thing} “{label_of(one)}”", tuple(one.__dataclass_fields__)
    if isinstance(one, Assumption):
        names = ("label", "because", "sources", "observed", "uses_log_until")
        texts = [prior_in_words(item) for item in (one, other)]
        if texts[0] != texts[1]:
            yield _went(where, f"The {what}", *texts)
    for field in names:
        if getattr(one, field) != getattr(other, field):
            texts = [
                field_in_words(field, getattr(item, field), world) for item, world in ((one, before), (other, after))
            ]
            if field in ("hidden", "covert"):
                told = f"The {what} is {'now' if getattr(other, field) else 'no longer'} {field}."
                yield Change(f"{where}.{field}", texts[0], texts[1], told)
                continue
            called = f"The {FIELDS.get(field, field)} {'for' if field == 'because' else 'of'} the {what}"
            yield _went(f"{where}.{_IN_THE_FILE.get(field, field)}", called, *texts)


def _explained(world: Scenario, group: str, name: str) -> str:
    """Return the sentence that explains a thing of a scenario, "" where there is none."""
    return next((line.sentence for line in explain(world) if (line.section, line.id) == (group, name)), "")


def _both(first: Forecast, last: Forecast) -> Iterator[tuple[str, str, float | None, float | None]]:
    for kind in ("endings", "questions"):
        one, other = getattr(first, kind), getattr(last, kind)
        for name in dict.fromkeys([*one, *other]):
            label = (first if name in one else last).label(kind, name)
            values = (float(bands[name].probability[-1]) if name in bands else None for bands in (one, other))
            yield (kind, label, *values)  # type: ignore[misc]


def _same(before: float, after: float) -> bool:
    """Say whether two exact answers differ by no more than both are computed to."""
    return abs(after - before) <= 2 * min(BOUND, RELATIVE * max(before, after))


def _moved(kind: str, before: float | None, after: float | None) -> str:
    if before is None or after is None:
        missing = "no such ending" if kind == "endings" else "not asked"
        one, other = (missing if value is None else percent(value) for value in (before, after))
        return f"{one} → {other}"
    if _same(before, after):
        return f"{percent(before)}, as before"
    return f"{percent(before)} → {percent(after)} ({points(after - before)})"
