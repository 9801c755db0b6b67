"""Reasons why an intervention (a change from outside) does not fit a scenario."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence

from simlib.errors import did_you_mean
from simlib.quantities import why_impossible
from simlib.scenario import checks
from simlib.scenario.assumptions import place_of
from simlib.scenario.checks import Misfit
from simlib.scenario.condition_reader import no_such_level
from simlib.scenario.document import Place, dotted
from simlib.scenario.model import Assume, Condition, Forbid, Force, Hold, Intervention, Lasting, Pin, Policy, Scenario
from simlib.scenario.moves import unknown_outcome
from simlib.scenario.scales import shifted


def wrong_intervention(scenario: Scenario, intervention: Intervention, horizon_days: float) -> Iterator[Misfit]:
    """Yield a problem for each reason why an intervention does not fit a scenario.

    A problem is (place in the entry of a view file, fault, expected input).
    """
    match intervention:
        case Pin() | Hold():
            key = type(intervention).__name__.lower()
            yield from _wrong_level(scenario, intervention.variable, intervention.level, (key,), ("level",))
        case Assume():
            yield from _wrong_assumption(scenario, intervention)
        case _:
            yield from _wrong_move(scenario, intervention)
    if isinstance(intervention, Lasting):
        yield from _wrong_span(scenario, intervention)
    if isinstance(intervention, Forbid | Policy | Assume):
        yield from _wrong_condition(scenario, intervention.when)
    if isinstance(intervention, Policy) and not 0 < intervention.rate < math.inf:
        yield ("rate",), f"a rate of {intervention.rate:g} per day", "expected a rate above zero"
    if intervention.date is None:
        return
    key = "from" if isinstance(intervention, Lasting) else "on"
    if not 0 <= scenario.day(intervention.date) < horizon_days:
        yield (key,), *why_outside(scenario, intervention.date, horizon_days)


def why_outside(scenario: Scenario, date: dt.date, horizon_days: float) -> tuple[str, str]:
    """Return (fault, expected input) for a date that is outside a forecast of `horizon_days`."""
    side = "before the forecast begins" if date < scenario.as_of else "after the horizon"
    return f"{date} is {side}", f"expected a day from {scenario.as_of} to {scenario.by_date(horizon_days)}"


def overlapping_holds(scenario: Scenario, interventions: Sequence[Intervention]) -> Iterator[tuple[int, Misfit]]:
    """Yield (position in `interventions`, problem) for each `Hold` that overlaps an earlier one.

    A `Hold` keeps a variable at a level for a time. Two of them overlap if they keep the same variable at the same
    time.
    """
    before: list[Hold] = []
    for index, item in enumerate(interventions):
        if not isinstance(item, Hold):
            continue
        first = item.date or scenario.as_of
        for other in before:
            begins, ends = other.date or scenario.as_of, other.until
            if (
                other.variable == item.variable
                and (ends is None or first < ends)
                and (item.until is None or begins < item.until)
            ):
                span = f"from {begins} until {ends}" if ends else f"from {begins} on"
                what = f"{item.variable!r} is already kept at {other.level!r} {span}"
                yield index, (("hold",), what, "expected holds of one variable that do not overlap")
                break
        before.append(item)


def _wrong_assumption(scenario: Scenario, intervention: Assume) -> Iterator[Misfit]:
    name, assumption = intervention.assumption, scenario.assumptions.get(intervention.assumption)
    if assumption is None:
        yield ("assume",), f"unknown assumption {name!r}", did_you_mean(name, scenario.assumptions)
        return
    if assumption.kind == "amount":
        yield (
            ("assume",),
            f"{name!r} is an amount",
            "expected an assumption of a move; an amount can change only for the whole forecast",
        )
    elif not any(name in move.assumptions for move in scenario):
        what = f"{name!r} is used only before the story begins, or nowhere"
        yield ("assume",), what, "expected an assumption of a move; a start can change only for the whole forecast"
    if assumption.kind == "chance" and not intervention.when.always:
        what = f"{name!r} is a chance, and a chance cannot depend on the state"
        yield ("when",), what, "leave the condition out, or choose a rate or a factor"
    fault = why_impossible(intervention.value, assumption.kind)
    if fault:
        yield ("value",), *fault
        return
    changed = scenario.replace(assumptions={**scenario.assumptions, name: shifted(assumption, intervention.value)})
    own = place_of(assumption)
    for place, what, expected in checks.misfits_of(changed, checks.NUMBER_RULES):
        yield ("value",), what if place == own else f"with this value, {dotted(place)}: {what}", expected


def _wrong_span(scenario: Scenario, intervention: Lasting) -> Iterator[Misfit]:
    first, until = intervention.date or scenario.as_of, intervention.until
    if until is not None and until <= first:
        what = f"it ends ({until}) before it begins ({first})"
        yield ("until",), what, "expected a later day: the first day on which it no longer applies"


def _wrong_condition(scenario: Scenario, when: Condition) -> Iterator[Misfit]:
    for clause in when.clauses:
        for name, levels in clause:
            for level in levels:
                yield from _wrong_level(scenario, name, level, ("when",), ("when", name))


def _wrong_level(scenario: Scenario, name: str, level: str, at_name: Place, at_level: Place) -> Iterator[Misfit]:
    variable = scenario.variables.get(name)
    if variable is None:
        yield at_name, f"unknown variable {name!r}", did_you_mean(name, scenario.variables)
    elif level not in variable.levels:
        yield (at_level, *no_such_level(variable, level))


def _wrong_move(scenario: Scenario, intervention: Force | Forbid | Policy) -> Iterator[Misfit]:
    move = scenario.moves.get(intervention.move)
    if move is None:
        key = type(intervention).__name__.lower()
        yield (key,), f"unknown move {intervention.move!r}", did_you_mean(intervention.move, scenario.moves)
    elif isinstance(intervention, Force) and intervention.outcome is not None:
        outcomes = [outcome.id for outcome in move.outcomes]
        if intervention.outcome not in outcomes:
            yield (("outcome",), *unknown_outcome(move.id, intervention.outcome, outcomes))
