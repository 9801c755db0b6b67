"""Variants with changed values, views and interventions, and the calendar of interventions."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simlib.errors import Unsupported
from simlib.scenario.model import Condition, Forbid, Force, Hold, Intervention, Ladder, Lasting, Rung, Scenario, View
from simlib.scenario.views.variation import apply_view, with_interventions, with_values
from simlib.scenario.views.wording import intervention_in_words, kind_of_force

__all__ = ["COUNTERFACTUAL", "Booking", "Variant", "bookings", "delay", "repeat", "vary", "without_windows"]

Variant = Scenario | View | Intervention | Mapping[str, Any] | Iterable[Any]
"""A changed scenario, a view, an intervention, {assumption: value}, or a list of changes in any order."""

COUNTERFACTUAL = (
    "Interventions come from outside. Others react to the new situation, not to a motive: a forbidden move deters "
    "nobody, a forced one sends no signal."
)


def delay(move: str, until: dt.date, *, because: str = "") -> Forbid:
    """Return an intervention that forbids a move from the start, and allows it from `until` on."""
    return Forbid(move, None, because, until=until)


def repeat(move: str, dates: Iterable[dt.date], *, outcome: str | None = None, because: str = "") -> tuple[Force, ...]:
    """Return interventions that force a move on each of several dates.

    If the move is not possible on one of the dates, the intervention of that date has no effect.
    """
    return tuple(Force(move, date, outcome, because) for date in dates)


def vary(scenario: Scenario, *changes: Variant, ignore_windows: bool = False) -> Scenario:
    """Return the scenario with changes applied: first views, then values, then interventions.

    The horizon stays that of `scenario`.

    Args:
        scenario: The scenario to change.
        changes: Views, interventions, {assumption: value}, lists of these, or one changed scenario.
        ignore_windows: Whether all moves are possible on every date, without their calendar windows.

    Raises:
        ScenarioError: When a change does not fit the scenario.
        Unsupported: When a changed scenario has other variables, assumptions, moves, endings, questions or ladders.
        TypeError: When a change is of none of these kinds.
    """
    if len(changes) == 1 and isinstance(changes[0], Scenario):
        changed = _same_structure(scenario, changes[0])
    else:
        parts = list(_flat(changes))
        views = [part for part in parts if isinstance(part, View)]
        values = {name: value for part in parts if isinstance(part, Mapping) for name, value in part.items()}
        changed = apply_view(scenario, views) if views else scenario
        changed = with_values(changed, values) if values else changed
        interventions = [part for part in parts if isinstance(part, Intervention)]
        changed = with_interventions(changed.replace(horizon_days=scenario.horizon_days), interventions)
    return without_windows(changed) if ignore_windows else changed


def _flat(spec: Any) -> Iterable[Any]:
    if isinstance(spec, View | Intervention | Mapping):
        yield spec
    elif isinstance(spec, Iterable) and not isinstance(spec, str | bytes | Scenario):
        for part in spec:
            yield from _flat(part)
    else:
        raise TypeError(
            f"{spec!r} is not a variant; expected a scenario, a view, an intervention, a mapping of assumption values, "
            "or a list of these"
        )


def _same_structure(scenario: Scenario, other: Scenario) -> Scenario:
    """Return `other` with the horizon of `scenario`.

    Raises Unsupported unless both scenarios have the same names of variables, assumptions, moves and other parts.
    """
    for what in ("variables", "assumptions", "moves", "endings", "questions", "ladders"):
        one, two = list(getattr(scenario, what)), list(getattr(other, what))
        if one != two:
            raise Unsupported(
                f"{other.id!r} has other {what} than {scenario.id!r}; expected a scenario of the same structure; else "
                "solve each scenario, and compare what they share"
            )
    return other.replace(horizon_days=scenario.horizon_days)


def with_ladder_over(scenario: Scenario, variable: str) -> tuple[Scenario, str]:
    """Return the scenario with a ladder over the levels of a variable, and the ladder's name."""
    climbed, name = scenario.variables[variable], f"levels of {variable}"
    first, *later = climbed.levels
    rungs = (Rung(first), *(Rung(level, Condition((((variable, (level,)),),))) for level in later))
    return scenario.replace(ladders={**scenario.ladders, name: Ladder(name, climbed.label, rungs)}), name


def without_windows(scenario: Scenario) -> Scenario:
    """Return the scenario without the calendar windows that limit its moves to certain dates."""
    return scenario.replace(moves={move.id: move.without_windows() for move in scenario})


@dataclass(frozen=True)
class Booking:
    """One intervention on the calendar. All days are days after `as_of`.

    kind: the kind of intervention.
    words: the intervention in words.
    first, last: the first and the last day on which the intervention acts. Both days are equal if the intervention acts
    on one day only.
    waits: whether the intervention acts only while a condition holds.
    again: the further days of a move that is forced more than once.
    acts: the interventions on `first` and on the days of `again`, one by one, in words.
    """

    kind: Literal["force", "forbid", "policy", "pin", "hold", "assume"]
    words: str
    first: float
    last: float
    waits: bool = False
    again: tuple[float, ...] = ()
    acts: tuple[str, ...] = ()


def bookings(base: Scenario, changed: Scenario) -> tuple[Booking, ...]:
    """Return the interventions that `changed` adds to `base`, with their days up to the horizon."""
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
