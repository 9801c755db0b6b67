"""What changed between two versions of a scenario, or two views of it, in words; and what that did to the forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simlib.engines.exact import solve
from simlib.quantities import show
from simlib.results import Forecast, long_date, percent
from simlib.scenario.explain import part_in_words
from simlib.scenario.model import Assumption, Correlation, Scenario

if TYPE_CHECKING:
    import pandas as pd

_GROUPS = ("sources", "actors", "variables", "assumptions", "moves", "endings", "ladders", "questions")
_WHOLE = ("title", "description", "reference_class", "as_of", "horizon_days", "ladder")
_IN_THE_FILE = {"horizon_days": "horizon", "factors": "times", "effects": "then"}
"""What the file calls a field, where that is another word."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs: where (`assumptions.hot_factor`), and both sides in words ("" where it is not there)."""

    where: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"{self.where}: added: {self.after}"
        return f"{self.where}: {self.before} → {self.after}" if self.after else f"{self.where}: removed: {self.before}"


@dataclass(frozen=True)
class Diff:
    """The changes from one scenario to another, and both forecasts (None where they were not asked for)."""

    before: Scenario
    after: Scenario
    changes: tuple[Change, ...]
    forecasts: tuple[Forecast, Forecast] | None = None

    def frame(self) -> pd.DataFrame:
        """Return one row for each change: where, before, after."""
        import pandas as pd

        rows = [{"where": c.where, "before": c.before, "after": c.after} for c in self.changes]
        return pd.DataFrame(rows, columns=["where", "before", "after"])

    def sentences(self) -> list[str]:
        """Tell every change, then what they did to endings and questions by the later of the two horizons."""
        told = [str(change) for change in self.changes] or ["Nothing differs."]
        if self.forecasts is None:
            return told
        first, last = self.forecasts
        days = (f"by {long_date(f.by_date(float(f.times[-1])))}" for f in self.forecasts)
        when = " and ".join(dict.fromkeys(days))
        told.append(f"What that does to the forecast, {when}, at the stated values:")
        return told + [f"{label}: {_moved(p, q)}" for label, p, q in _both(first, last)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        data: dict[str, Any] = {
            "before": {"id": self.before.id, "view": self.before.view, "sha256": self.before.sha256},
            "after": {"id": self.after.id, "view": self.after.view, "sha256": self.after.sha256},
            "changes": self.frame().to_dict("records"),
        }
        if self.forecasts is not None:
            data["forecast"] = [{"label": label, "before": p, "after": q} for label, p, q in _both(*self.forecasts)]
        return data


def diff(
    before: Scenario,
    after: Scenario,
    *,
    forecast: bool = True,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Diff:
    """Return what differs between two scenarios, and, with `forecast`, both exact forecasts at the stated values.

    Raises what `solve` raises.
    """
    changes = tuple(_changes(before, after))
    if not forecast:
        return Diff(before, after, changes)
    first = solve(before, times=1, cancel=cancel)
    if progress:
        progress(0.5)
    return Diff(before, after, changes, (first, solve(after, times=1, cancel=cancel)))


def _changes(before: Scenario, after: Scenario) -> Iterator[Change]:
    for name in _WHOLE:
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            yield Change(_IN_THE_FILE.get(name, name), _words(name, one, before), _words(name, other, after))
    yield from _interventions(before, after)
    yield from _correlations(before, after)
    for group in _GROUPS:
        one, other = getattr(before, group), getattr(after, group)
        for name in [*one, *(n for n in other if n not in one)]:
            if one.get(name) != other.get(name):
                yield from _item(f"{group}.{name}", (one.get(name), before), (other.get(name), after))
        shared = [n for n in one if n in other]
        if group in ("endings", "moves", "ladders") and shared != [n for n in other if n in one]:
            yield Change(f"{group} (order)", ", ".join(shared), ", ".join(n for n in other if n in one))


def _interventions(before: Scenario, after: Scenario) -> Iterator[Change]:
    one, other = ([part_in_words(item, world) for item in world.interventions] for world in (before, after))
    yield from (Change("interventions", text, "") for text in one if text not in other)
    yield from (Change("interventions", "", text) for text in other if text not in one)
    if one != other and sorted(one) == sorted(other):
        yield Change("interventions (order)", " | ".join(one), " | ".join(other))


def _correlations(before: Scenario, after: Scenario) -> Iterator[Change]:
    one, other = ({f"{c.first}, {c.second}": _correlation(c) for c in world.correlations} for world in (before, after))
    for pair in dict.fromkeys([*one, *other]):
        if one.get(pair) != other.get(pair):
            yield Change(f"correlations.{pair}", one.get(pair, ""), other.get(pair, ""))


def _correlation(pair: Correlation) -> str:
    parts = (f"rank {pair.rank:g}", f"because: {pair.because}" * bool(pair.because), ", ".join(pair.sources))
    return "; ".join(part for part in parts if part)


def _item(where: str, before: tuple[Any, Scenario], after: tuple[Any, Scenario]) -> Iterator[Change]:
    (one, world), (other, then) = before, after
    if one is None or other is None:
        yield Change(where, _label(one), _label(other))
        return
    names = tuple(one.__dataclass_fields__)
    if isinstance(one, Assumption):
        names = ("label", "because", "sources", "observed", "uses_log_until")
        if _prior(one) != _prior(other):
            yield Change(where, _prior(one), _prior(other))
    for name in names:
        if getattr(one, name) != getattr(other, name):
            texts = _words(name, getattr(one, name), world), _words(name, getattr(other, name), then)
            yield Change(f"{where}.{_IN_THE_FILE.get(name, name)}", *texts)


def _label(item: Any) -> str:
    return "" if item is None else (getattr(item, "label", "") or getattr(item, "title", "") or item.id)


def _prior(assumption: Assumption) -> str:
    value, low, high = (show(x, assumption.kind, assumption.unit) for x in
                        (assumption.value, assumption.low, assumption.high))  # fmt: skip
    return value if assumption.fixed else f"{value} (90% range {low} to {high})"


def _words(name: str, value: Any, scenario: Scenario) -> str:
    """Say the value of a field, as its file or a sentence would."""
    if name == "start":
        return _start(value)
    if name == "horizon_days":
        return show(value, "duration")
    if name == "observed" and value is not None:
        return show(value, "rate")
    if isinstance(value, tuple):
        return ("; " if name in ("factors", "outcomes", "rungs") else ", ").join(
            _words("", item, scenario) for item in value
        ) or "none"  # fmt: skip
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "__dataclass_fields__"):
        return part_in_words(value, scenario)
    return "none" if value in (None, "") else str(value)


def _start(start: tuple[tuple[str, str | None], ...]) -> str:
    if len(start) == 1:
        return start[0][0]
    return ", ".join(f"{level} with {share}" if share else f"otherwise {level}" for level, share in start)


def _both(first: Forecast, last: Forecast) -> Iterator[tuple[str, float | None, float | None]]:
    for kind in ("endings", "questions"):
        one, other = getattr(first, kind), getattr(last, kind)
        for name in dict.fromkeys([*one, *other]):
            label = (first if name in one else last).label(kind, name)
            values = (float(bands[name].probability[-1]) if name in bands else None for bands in (one, other))
            yield (label, *values)  # type: ignore[misc]


def _moved(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return (
            f"{'not asked' if before is None else percent(before)} → {'not asked' if after is None else percent(after)}"
        )
    points = 100 * (after - before)
    return f"{percent(before)} → {percent(after)} ({points:+.2g} points)" if points else f"{percent(before)}, as before"
