"""Variants of a scenario: what may be changed, put together, and said in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from simlib.errors import Unsupported
from simlib.formatting import in_days, long_date
from simlib.quantities import show
from simlib.scenario.explanation import condition_in_words
from simlib.scenario.model import (
    Assume,
    Condition,
    Forbid,
    Force,
    Hold,
    Intervention,
    Ladder,
    Lasting,
    Pin,
    Policy,
    Rung,
    Scenario,
    View,
)
from simlib.scenario.views.variation import apply_view, with_interventions, with_values

Variant = Scenario | View | Intervention | Mapping[str, Any] | Iterable[Any]
"""A changed scenario, a view, an intervention, {assumption: value}, or several of these in any order."""

COUNTERFACTUAL = (
    "What is forced, forbidden, kept or a policy is done to the world, not inferred from it: the others react only "
    "through the state, and nobody asks why it was done or left out."
)

TOLD_ONE_BY_ONE = 3
"""Dates of one forced move that are told each; more are told as one."""


def delay(move: str, until: dt.date, because: str = "") -> Forbid:
    """Return the intervention that keeps a move from happening before `until`, and allows it from that day on."""
    return Forbid(move, None, because, until=until)


def repeat(move: str, dates: Iterable[dt.date], outcome: str | None = None, because: str = "") -> tuple[Force, ...]:
    """Return the interventions that make a move happen on each of several dates, where it is possible then."""
    return tuple(Force(move, date, outcome, because) for date in dates)


def variant_of(scenario: Scenario, spec: Variant) -> Scenario:
    """Return the scenario with everything a variant asks for; values and views before interventions.

    Raises ScenarioError for what does not fit, Unsupported for a scenario of another structure.
    """
    if isinstance(spec, Scenario):
        return _alike(scenario, spec)
    parts = list(_flat(spec))
    views = [part for part in parts if isinstance(part, View)]
    values = {name: value for part in parts if isinstance(part, Mapping) for name, value in part.items()}
    changed = apply_view(scenario, views) if views else scenario
    changed = with_values(changed, values) if values else changed
    interventions = [part for part in parts if isinstance(part, Intervention)]
    return with_interventions(changed.replace(horizon_days=scenario.horizon_days), interventions)


def _flat(spec: Any) -> Iterable[Any]:
    if isinstance(spec, View | Intervention | Mapping):
        yield spec
    elif isinstance(spec, Iterable) and not isinstance(spec, str | bytes | Scenario):
        for part in spec:
            yield from _flat(part)
    else:
        raise TypeError(
            f"{spec!r} is no variant; expected a scenario, a view, an intervention, a mapping of assumption values, or "
            "a list of these"
        )


def _alike(scenario: Scenario, other: Scenario) -> Scenario:
    """Refuse a scenario in which the numbers of the baseline mean something else."""
    for what in ("variables", "assumptions", "moves", "endings", "questions", "ladders"):
        one, two = list(getattr(scenario, what)), list(getattr(other, what))
        if one != two:
            raise Unsupported(
                f"{other.id!r} has other {what} than {scenario.id!r}; only worlds of one structure can be compared by "
                "the same dice: solve each, and compare what they share"
            )
    return other.replace(horizon_days=scenario.horizon_days)


def with_ladder_over(scenario: Scenario, variable: str) -> tuple[Scenario, str]:
    """Return the scenario with a ladder whose rungs are the levels of a variable, and the name of that ladder."""
    found, name = scenario.variables[variable], f"levels of {variable}"
    first, *later = found.levels
    rungs = (Rung(first), *(Rung(level, Condition((((variable, (level,)),),))) for level in later))
    return scenario.replace(ladders={**scenario.ladders, name: Ladder(name, found.label, rungs)}), name


def without_windows(scenario: Scenario) -> Scenario:
    """Return the scenario with every calendar window always open; what is done from or until a date stays."""
    moves = {
        move.id: dataclasses.replace(
            move, between=None, factors=tuple(dataclasses.replace(factor, between=None) for factor in move.factors)
        )
        for move in scenario
    }
    return scenario.replace(moves=moves)


@dataclass(frozen=True)
class Booking:
    """One intervention on the calendar: `first` and `last` day in days after `as_of`; alike where it acts at once.

    `waits`: it acts only while a condition holds. `again`: the further days of a move that is forced more than once;
    `acts`: what is done, in words, on the first day and on each of these.
    """

    kind: Literal["force", "forbid", "policy", "pin", "hold", "assume"]
    words: str
    first: float
    last: float
    waits: bool = False
    again: tuple[float, ...] = ()
    acts: tuple[str, ...] = ()


def bookings(base: Scenario, changed: Scenario) -> tuple[Booking, ...]:
    """Return the interventions that a variant adds, as stretches of the calendar up to the horizon."""
    result = []
    for _, same in itertools.groupby(changed.interventions[len(base.interventions) :], _kind_of_force):
        item, *more = same
        first = 0.0 if item.date is None else changed.day(item.date)
        last, waits = first, False
        if isinstance(item, Lasting):
            last = changed.horizon_days if item.until is None else min(changed.day(item.until), changed.horizon_days)
            waits = not isinstance(item, Hold) and not item.when.always
        kind: Any = type(item).__name__.lower()
        words = intervention_in_words(item, changed) + (f", and {len(more)} times more" if more else "")
        again = tuple(changed.day(each.date) for each in more if each.date is not None)
        acts = tuple(intervention_in_words(each, changed) for each in (item, *more))
        result.append(Booking(kind, words, first, last, waits, again, acts))
    return tuple(result)


# -------------------------------------------------------------------- in words


def describe(base: Scenario, changed: Scenario) -> tuple[str, ...]:
    """Say what a variant changes: values first, then interventions in their order."""
    parts = []
    for name, old in base.assumptions.items():
        new = changed.assumptions[name]
        if new.value != old.value:
            before, after = (show(a.value, a.kind, a.unit or old.unit) for a in (old, new))
            parts.append(f"{old.label}: {before} → {after}")
        elif (new.low, new.high) != (old.low, old.high):
            low, high = (show(value, new.kind, new.unit or old.unit) for value in (new.low, new.high))
            parts.append(f"{old.label}: now between {low} and {high}")
    if changed.horizon_days != base.horizon_days:
        parts.append(f"horizon: {in_days(base.horizon_days)} → {in_days(changed.horizon_days)}")
    return (*parts, *_in_words(changed.interventions[len(base.interventions) :], changed))


def what_if(base: Scenario, changed: Scenario, *, windows: bool = True) -> tuple[str, ...]:
    """Say that `changed` is a what-if, and what was changed; nothing where nothing was. `windows`: they are kept."""
    parts = [*describe(base, changed), *([] if windows else ["calendar windows are left out"])]
    if changed.view and changed.view != base.view:
        seen = f"This is a what-if, seen through the view “{changed.view}”"
        head = f"{seen}. Changed from the scenario as it stands:" if parts else f"{seen}; no number differs."
        return (head, *parts)
    return ("This is a what-if, not the scenario as it stands. Changed:", *parts) if parts else ()


def _in_words(items: Sequence[Intervention], scenario: Scenario) -> Iterator[str]:
    """Yield each intervention in words, a move forced again and again as one."""
    for _, same in itertools.groupby(items, _kind_of_force):
        group = list(same)
        if isinstance(group[0], Force) and len(group) > TOLD_ONE_BY_ONE:
            last = long_date(max(item.date for item in group if isinstance(item, Force)))
            yield f"{intervention_in_words(group[0], scenario)} and {len(group) - 1} times more, the last on {last}"
        else:
            yield from (intervention_in_words(item, scenario) for item in group)


def _kind_of_force(item: Intervention) -> tuple[str, str | None, str] | Intervention:
    return (item.move, item.outcome, item.because) if isinstance(item, Force) else item


def intervention_in_words(item: Intervention, scenario: Scenario) -> str:
    """Say an intervention with the labels of its scenario."""
    match item:
        case Pin():
            variable = scenario.variables[item.variable]
            return f"{variable.label} set to {variable.words(item.level)} on {long_date(item.date)}"
        case Hold():
            variable = scenario.variables[item.variable]
            return f"{variable.label} kept at {variable.words(item.level)}{_span(item)}"
        case Assume():
            assumption = scenario.assumptions[item.assumption]
            value = show(item.value, assumption.kind, item.unit or assumption.unit)
            return f"{assumption.label}: {value}{_span(item)}{_only_while(item.when, scenario)}"
    move = scenario.moves[item.move]
    match item:
        case Force():
            branch = f" ({move.outcome(item.outcome).label})" if item.outcome else ""
            return f"“{move.label}”{branch} forced on {long_date(item.date)}"
        case Forbid():
            return f"“{move.label}” forbidden{_span(item)}{_only_while(item.when, scenario)}"
        case Policy():
            rule = f"“{move.label}” as a rule, about {show(item.rate, 'rate')}"
            return f"{rule}{_span(item)}{_only_while(item.when, scenario)}"


def _span(item: Lasting) -> str:
    return (f" from {long_date(item.date)}" if item.date else "") + (
        f" until {long_date(item.until)}" if item.until else ""
    )


def _only_while(when: Condition, scenario: Scenario) -> str:
    return "" if when.always else f" while {condition_in_words(when, scenario, labels=True)}"
