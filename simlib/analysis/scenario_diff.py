"""The changes between two versions or views of a scenario, and between their forecasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simlib.answer import Answer, ScenarioKey, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.forecast import solve
from simlib.errors import SimlibError
from simlib.formatting import long_date, percent, points, quoted
from simlib.quantities import show
from simlib.results import Forecast
from simlib.scenario.explanation import explain
from simlib.scenario.model import SECTIONS, Assumption, Correlation, Scenario
from simlib.scenario.wording import (
    ITEM_FIELD_NAMES,
    SCENARIO_FIELD_NAMES,
    act_in_words,
    field_in_words,
    label_of,
    prior_in_words,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Alteration", "Diff", "Version", "diff"]

_IN_THE_FILE = {"horizon_days": "horizon", "factors": "times", "effects": "then", "at_endings": "at"}
"""The key in the file of each field that has another name in Python."""

BOUND, RELATIVE = 1e-9, 1e-3
"""The largest absolute error of an exact probability, and the largest relative error of a small one."""

_MANY = ("times", "outcomes", "between", "levels", "rungs", "sources")
"""Keys of the file whose words in a sentence are plural."""

_LONG = (":", ";", " from ", ", or ")
"""Marks in a text which show that it is too long for the form "from ... to ..."."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One difference between two scenarios.

    where: the place in the scenario file.
    before, after: the texts of both scenarios at this place, "" if there is none.
    sentence: the difference in words.
    """

    where: str
    before: str
    after: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Version:
    """One of the two compared scenarios.

    scenario: the key of the scenario.
    view: the name of the view (named set of changes) that was applied, "" for none.
    last_day: the last day of the forecast.
    """

    scenario: ScenarioKey
    view: str
    last_day: dt.date

    @classmethod
    def of(cls, scenario: Scenario) -> Version:
        """Return the key, the view and the last day of a scenario."""
        return cls(ScenarioKey.of(scenario), scenario.view or "", scenario.by_date(scenario.horizon_days))


@dataclass(frozen=True)
class Diff(Answer):
    """The changes from one scenario to another, and the forecasts of both by a common date.

    before, after: the two scenarios.
    changes: every difference.
    forecasts: the two forecasts. None if no forecasts were asked for, or if the scenarios are `apart`.
    apart: whether forecasts were asked for, but one scenario begins after the other has ended.
    """

    kind: ClassVar[str] = "diff"

    before: Version
    after: Version
    changes: tuple[Alteration, ...]
    provenance: Mapping[str, Any]
    forecasts: tuple[Forecast, Forecast] | None = None
    apart: bool = False

    @property
    def scenario(self) -> ScenarioKey:
        """The scenario after the changes."""
        return self.after.scenario

    @property
    def by(self) -> dt.date | None:
        """The date of both forecasts, or None if no forecasts were made."""
        if self.forecasts is None:
            return None
        first = self.forecasts[0]
        return first.by_date(float(first.times[-1]))

    @property
    def by_day(self) -> float | None:
        """The date of both forecasts, in days after the first day of the `after` scenario."""
        return None if self.forecasts is None else float(self.forecasts[1].times[-1])

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        one, other = self.names
        text = f"What changed from {quoted(one)} to {quoted(other)}"
        return f"{text}?" if self.by is None else f"{text}, and how does that change the forecast by {self.by_words}?"

    @property
    def names(self) -> tuple[str, str]:
        """The names of the scenarios: views or titles that differ, else "before" and "after"."""
        one, other = self.before, self.after
        if one.scenario.id == other.scenario.id and one.view != other.view:
            return one.view or "as it stands", other.view or "as it stands"
        titles = one.scenario.title, other.scenario.title
        return titles if titles[0] != titles[1] else ("before", "after")

    def finding(self) -> str:
        """Say which ending or question changes most between the two forecasts.

        Raises SimlibError if there are no forecasts.
        """
        if self.forecasts is None:
            raise SimlibError("there are no forecasts to compare; call diff() with forecast=True")
        events = (row[1:] for row in _both(*self.forecasts) if row[0] != "impacts")
        both = [(label, p, q) for label, p, q in events if p is not None and q is not None]
        label, p, q = max(both, key=lambda pair: abs(pair[2] - pair[1]), default=("", 0.0, 0.0))
        if _same(p, q):
            return f"The probabilities by {self.by_words} do not change"
        return f"{quoted(label)} changes most: from {percent(p)} to {percent(q)} by {self.by_words}"

    def frame(self, what: Literal["changes", "forecast"] = "changes") -> pd.DataFrame:
        """Return a table with one row for each change.

        With "forecast", the table has one row for each ending, question and impact of the two forecasts.
        """
        import pandas as pd

        if what == "forecast":
            return pd.DataFrame(self._forecast_rows(), columns=["kind", "label", "before", "after"])
        rows = [{"where": c.where, "before": c.before, "after": c.after} for c in self.changes]
        return pd.DataFrame(rows, columns=["where", "before", "after"])

    def _forecast_rows(self) -> list[dict[str, Any]]:
        return [
            {"kind": kind.removesuffix("s"), "label": label, "before": p, "after": q}
            for kind, label, p, q in (_both(*self.forecasts) if self.forecasts else ())
        ]

    def sentences(self) -> list[str]:
        """Describe every change, and compare what the two scenarios forecast for their common date."""
        lines = [str(change) for change in self.changes] or ["Nothing differs."]
        if self.apart:
            one, other = sorted((self.before, self.after), key=lambda version: version.scenario.as_of)
            lines.append(
                f"One scenario ends on {long_date(one.last_day)}, before the other begins on "
                f"{long_date(other.scenario.as_of)}: there is no date by which to compare their forecasts."
            )
        if self.forecasts is None:
            return lines
        earlier = ", the earlier of the two last days" if self.before.last_day != self.after.last_day else ""
        lines.append(f"The forecast by {self.by_words}{earlier}, at the stated values:")
        return lines + [f"{label}: {_moved(kind, p, q)}" for kind, label, p, q in _both(*self.forecasts)]

    def data(self) -> dict[str, Any]:
        """Return the changes and forecasts as plain data, without the keys that all answers share."""
        sides = {
            name: {"id": side.scenario.id, "view": side.view, "sha256": side.scenario.sha256}
            for name, side in (("before", self.before), ("after", self.after))
        }
        data: dict[str, Any] = sides | {"changes": self.frame().to_dict("records")}
        if self.forecasts is not None:
            data |= {"forecast": self._forecast_rows()}
        return data


def diff(before: Scenario, after: Scenario, *, forecast: bool = True, control: Control = UNWATCHED) -> Diff:
    """Return the changes between two scenarios and, with `forecast`, exact forecasts of both.

    The date of both forecasts is the earlier of the two horizons. If one scenario begins after the other has ended, no
    forecasts are made.

    Raises the errors of `solve`.
    """
    changes = tuple(_changes(before, after))
    sides = Version.of(before), Version.of(after)
    end = min(side.last_day for side in sides)
    apart = end < max(before.as_of, after.as_of)
    solved = forecast and not apart
    subject = {"before_sha256": before.sha256, "before_view": before.view, "forecast": forecast}
    if not solved:
        return Diff(*sides, changes, provenance(after, **subject), apart=forecast and apart)
    both = _solved(before, end, control.part(0.0, 0.5)), _solved(after, end, control.part(0.5, 1.0))
    source = provenance(after, engine="exact", by_day=float(both[1].times[-1]), **subject)
    return Diff(*sides, changes, source, both)


def _solved(world: Scenario, end: dt.date, control: Control) -> Forecast:
    day = min(float((end - world.as_of).days + 1), world.horizon_days)
    return solve(world, times=[day], control=control)


def _changes(before: Scenario, after: Scenario) -> Iterator[Alteration]:
    for name, called in SCENARIO_FIELD_NAMES.items():
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            texts = [field_in_words(name, one, before), field_in_words(name, other, after)]
            yield _altered(_IN_THE_FILE.get(name, name), f"The {called}", *texts)
    yield from _interventions(before, after)
    yield from _correlations(before, after)
    for group in SECTIONS:
        one, other = getattr(before, group), getattr(after, group)
        for name in [*one, *(n for n in other if n not in one)]:
            if one.get(name) != other.get(name):
                yield from _item(group, name, before, after)
        shared = [n for n in one if n in other]
        if group in ("endings", "moves", "ladders") and shared != [n for n in other if n in one]:
            orders = ([label_of(one[n]) for n in names] for names in (shared, (n for n in other if n in one)))
            texts = [", ".join(quoted(label) for label in labels) for labels in orders]
            yield _altered(f"{group} (order)", f"The order of the {group}", *texts)


def _altered(where: str, what: str, before: str, after: str) -> Alteration:
    changes = f"{what} change{'' if where.rsplit('.', 1)[-1] in _MANY else 's'}"
    if any(mark in f" {text}" for text in (before, after) for mark in _LONG):
        return Alteration(where, before, after, f"{changes}. Before: {before}. Now: {after}.")
    return Alteration(where, before, after, f"{changes} from {before} to {after}.")


def _interventions(before: Scenario, after: Scenario) -> Iterator[Alteration]:
    one, other = ([act_in_words(item, world) for item in world.interventions] for world in (before, after))
    yield from (Alteration("interventions", text, "", f"Removed: {text}.") for text in one if text not in other)
    yield from (Alteration("interventions", "", text, f"Added: {text}.") for text in other if text not in one)
    if one != other and sorted(one) == sorted(other):
        yield _altered("interventions (order)", "The order of the interventions", " | ".join(one), " | ".join(other))


def _correlations(before: Scenario, after: Scenario) -> Iterator[Alteration]:
    sides = [{(c.first, c.second): c for c in world.correlations} for world in (before, after)]
    for pair in dict.fromkeys([*sides[0], *sides[1]]):
        old, new = (side.get(pair) for side in sides)
        if old == new:
            continue
        world = after if new else before
        what = " and ".join(quoted(world.assumptions[name].label) for name in pair)
        texts = [_correlation(c) if c else "" for c in (old, new)]
        where = f"correlations.{', '.join(pair)}"
        if old and new:
            yield _altered(where, f"The correlation of {what}", *texts)
        else:
            words = f"are now correlated ({texts[1]})" if new else f"are no longer correlated ({texts[0]})"
            yield Alteration(where, texts[0], texts[1], f"{what} {words}.")


def _correlation(pair: Correlation) -> str:
    parts = (f"rank {pair.rank:g}", f"because: {pair.because}" * bool(pair.because), ", ".join(pair.sources))
    return "; ".join(part for part in parts if part)


def _item(group: str, name: str, before: Scenario, after: Scenario) -> Iterator[Alteration]:
    one, other = (getattr(world, group).get(name) for world in (before, after))
    where, thing = f"{group}.{name}", group.removesuffix("s")
    if one is None or other is None:
        texts = ["" if item is None else label_of(item) for item in (one, other)]
        words = _explained(after if one is None else before, group, name) or texts[0] or texts[1]
        sentence = f"{'New' if one is None else 'Removed'}: the {thing} {words.rstrip('.')}."
        yield Alteration(where, texts[0], texts[1], sentence)
        return
    what, names = f"{thing} {quoted(label_of(one))}", tuple(one.__dataclass_fields__)
    if isinstance(one, Assumption):
        names = ("label", "because", "sources", "observed", "uses_log_until")
        texts = [prior_in_words(item) for item in (one, other)]
        if texts[0] != texts[1]:
            yield _altered(where, f"The {what}", *texts)
    for field in names:
        if getattr(one, field) != getattr(other, field):
            texts = [
                field_in_words(field, getattr(item, field), world) for item, world in ((one, before), (other, after))
            ]
            if field in ("hidden", "covert"):
                words = f"The {what} is {'now' if getattr(other, field) else 'no longer'} {field}."
                yield Alteration(f"{where}.{field}", texts[0], texts[1], words)
                continue
            called = f"The {ITEM_FIELD_NAMES.get(field, field)} {'for' if field == 'because' else 'of'} the {what}"
            yield _altered(f"{where}.{_IN_THE_FILE.get(field, field)}", called, *texts)


def _explained(world: Scenario, group: str, name: str) -> str:
    return next((line.sentence for line in explain(world) if (line.section, line.id) == (group, name)), "")


def _both(first: Forecast, last: Forecast) -> Iterator[tuple[str, str, float | None, float | None]]:
    for kind in ("endings", "questions", "impacts"):
        one, other = getattr(first, kind), getattr(last, kind)
        for name in dict.fromkeys([*one, *other]):
            label = (first if name in one else last).label(kind, name)
            if kind == "impacts":
                label = f"{label} ({(one if name in one else other)[name].unit})"
            what = "mean" if kind == "impacts" else "probability"
            values = (float(getattr(items[name], what)[-1]) if name in items else None for items in (one, other))
            yield (kind, label, *values)  # type: ignore[misc]


def _same(before: float, after: float) -> bool:
    return abs(after - before) <= 2 * min(BOUND, RELATIVE * max(before, after))


def _moved(kind: str, before: float | None, after: float | None) -> str:
    missing = {"endings": "no such ending", "questions": "not asked", "impacts": "not counted"}[kind]
    write = (lambda value: show(value, "amount")) if kind == "impacts" else percent
    one, other = (missing if value is None else write(value) for value in (before, after))
    if before is None or after is None or (kind == "impacts" and one != other):
        return f"{one} → {other}"
    if kind == "impacts" or _same(before, after):
        return f"{one}, as before"
    return f"{one} → {other} ({points(after - before)})"
