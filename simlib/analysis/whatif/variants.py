"""Variants of a scenario: what may be changed, and put together."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simlib.errors import Unsupported
from simlib.scenario.model import Condition, Forbid, Force, Hold, Intervention, Ladder, Lasting, Rung, Scenario, View
from simlib.scenario.views.variation import apply_view, with_interventions, with_values
from simlib.scenario.views.wording import intervention_in_words, kind_of_force

Variant = Scenario | View | Intervention | Mapping[str, Any] | Iterable[Any]
"""A changed scenario, a view, an intervention, {assumption: value}, or several of these in any order."""

COUNTERFACTUAL = (
    "What is forced, forbidden, kept or a policy is done to the world, not inferred from it: the others react only "
    "through the state, and nobody asks why it was done or left out."
)


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
    for _, same in itertools.groupby(changed.interventions[len(base.interventions) :], kind_of_force):
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
