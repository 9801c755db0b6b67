"""Refusal of interventions that contradict each other on any day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from simlib.errors import Problem, ScenarioError
from simlib.scenario.model import Forbid, Force, Hold, Intervention, Pin, Policy, Scenario
from simlib.scenario.views.wording import intervention_in_words


def refuse_clash(scenario: Scenario, before: Iterable[Intervention], item: Intervention) -> None:
    """Raise ScenarioError if `item` repeats or ever contradicts an intervention in `before`."""
    for other in before:
        if other == item or _contradict(other, item, scenario.as_of) or _contradict(item, other, scenario.as_of):
            words = intervention_in_words(other, scenario)
            what = "is in the list already" if other == item else f"clashes with {words}"
            expected = "withdraw the earlier intervention first, or choose dates that do not overlap"
            raise ScenarioError(Problem("", 0, intervention_in_words(item, scenario), what, expected))


def _contradict(one: Intervention, other: Intervention, start: dt.date) -> bool:
    """Return whether `one` makes `other` impossible on some day, without testing the converse.

    A move that is forbidden in every state cannot be forced, and cannot be made by a standing rule. A variable that is
    held at a level cannot be held again, or set to another level.
    """
    match one, other:
        case Forbid(), Force() | Policy() if one.move == other.move and one.when.always:
            return _overlap(one, other, start)
        case Hold(), Hold() if one.variable == other.variable:
            return _overlap(one, other, start)
        case Hold(), Pin() if one.variable == other.variable and one.level != other.level:
            return _overlap(one, other, start)
    return False


def _overlap(one: Intervention, other: Intervention, start: dt.date) -> bool:
    (first, until), (begins, ends) = _span(one, start), _span(other, start)
    return first < ends and begins < until


def _span(item: Intervention, start: dt.date) -> tuple[dt.date, dt.date]:
    first = item.date or start
    if isinstance(item, Force | Pin):
        return first, first + dt.timedelta(days=1)
    return first, item.until or dt.date.max
