"""Describe interventions (changes from outside) and changed values of a scenario in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from simlib.formatting import in_days, long_date
from simlib.quantities import show
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.model import Assume, Condition, Forbid, Force, Hold, Intervention, Lasting, Pin, Policy, Scenario

LISTED_DATES = 3
"""Largest number of dates of a forced move that are listed one by one."""


def describe(base: Scenario, changed: Scenario) -> tuple[str, ...]:
    """Describe in words how `changed` differs from `base`: values, horizon, then interventions.

    Of the interventions, only those that `changed` has after those of `base` are described, in their order.
    """
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
    """Return lines which say that `changed` is hypothetical, and list its changes from `base`.

    If nothing is changed, the result is (). `windows` is False if limits to calendar dates are ignored, which counts as
    a change.
    """
    parts = [*describe(base, changed), *([] if windows else ["calendar windows are left out"])]
    if changed.view and changed.view != base.view:
        head = f"This is a what-if through the view “{changed.view}”"
        head += ". Changed from the scenario as it stands:" if parts else "; nothing differs from the scenario."
        return (head, *parts)
    return ("This is a what-if, not the scenario as it stands. Changed:", *parts) if parts else ()


def _in_words(items: Sequence[Intervention], scenario: Scenario) -> Iterator[str]:
    """Yield each intervention in words. A move that is forced many times is described once."""
    for _, same in itertools.groupby(items, kind_of_force):
        group = list(same)
        if isinstance(group[0], Force) and len(group) > LISTED_DATES:
            last = long_date(max(item.date for item in group if isinstance(item, Force)))
            yield f"{intervention_in_words(group[0], scenario)} and {len(group) - 1} more times, the last on {last}"
        else:
            yield from (intervention_in_words(item, scenario) for item in group)


def kind_of_force(item: Intervention) -> tuple[str, str | None, str] | Intervention:
    """Return a key for an intervention, equal for forced moves that differ only in their dates.

    Any other intervention is its own key.
    """
    return (item.move, item.outcome, item.because) if isinstance(item, Force) else item


def intervention_in_words(item: Intervention, scenario: Scenario) -> str:
    """Describe an intervention (a change from outside) with the labels of its scenario."""
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
            rule = f"“{move.label}” by a standing rule, about {show(item.rate, 'rate', item.unit)}"
            return f"{rule}{_span(item)}{_only_while(item.when, scenario)}"


def _span(item: Lasting) -> str:
    return (f" from {long_date(item.date)}" if item.date else "") + (
        f" until {long_date(item.until)}" if item.until else ""
    )


def _only_while(when: Condition, scenario: Scenario) -> str:
    return "" if when.always else f" while {condition_in_words(when, scenario, labels=True)}"
