"""Describe parts of a scenario in words, for lists of differences between two scenarios."""

from __future__ import annotations

import datetime as dt
from typing import Any

from simlib.formatting import long_date
from simlib.quantities import show
from simlib.scenario.condition_wording import condition_in_words, factor_time_in_words, firings_in_words, shift_in_words
from simlib.scenario.model import (
    Assumption,
    Condition,
    Effect,
    Factor,
    ImpulseReward,
    Intervention,
    Lull,
    Outcome,
    RateReward,
    Repeats,
    Rung,
    Scenario,
    TerminalReward,
    Wait,
    Window,
)
from simlib.scenario.views.wording import intervention_in_words

ITEM_FIELD_NAMES = {
    "because": "reason",
    "short": "short label",
    "level_labels": "labels of levels",
    "when": "condition",
    "between": "dates",
    "takes": "waiting time",
    "at": "date",
    "factors": "factors on the rate",
    "observed": "observed rate",
    "spread": "standard deviation from event to event",
    "on": "amounts with moves",
    "per_day": "amounts per day",
    "at_endings": "amounts at endings",
    "uses_log_until": "last log day used",
    "resolves": "resolution rule",
    "decides": "referee",
    "url": "address",
}
"""The names of the fields of items in words. A field that is not listed is called by its own name."""

_PROSE = ("because", "label", "short", "title", "description", "reference_class", "resolves", "note")

SCENARIO_FIELD_NAMES = {
    "title": "title",
    "description": "description",
    "reference_class": "reference class",
    "as_of": "first day",
    "horizon_days": "horizon",
    "ladder": "ladder shown first",
    "headline": "headline measure",
}
"""The names in words of the fields that concern the whole scenario."""


def label_of(item: Any) -> str:
    """Return the label or the title of an item of a scenario, or its id if it has neither."""
    return str(getattr(item, "label", "") or getattr(item, "title", "") or item.id)


def prior_in_words(assumption: Assumption) -> str:
    """Write an assumption's value and its range: "3 per week (90% range 1 to 9 per week)"."""
    value, low, high = (
        show(x, assumption.kind, assumption.unit) for x in (assumption.value, assumption.low, assumption.high)
    )
    return value if assumption.fixed else f"{value} (90% range {low} to {high})"


def field_in_words(name: str, value: Any, scenario: Scenario) -> str:
    """Write in words the value of the field `name` of a scenario or of one of its items."""
    match name:
        case "start":
            return _start(value, scenario)
        case "horizon_days":
            return show(value, "duration")
        case "observed" if value is not None:
            return show(value, "rate")
        case "rate" if value:
            return _number(value, scenario)
        case "actor" | "target" if value in scenario.actors:
            return scenario.actors[value].label
        case "move" if value in scenario.moves:
            return f"“{scenario.moves[value].label}”"
        case "ladder" if value in scenario.ladders:
            return f"“{scenario.ladders[value].label}”"
        case "sources":
            return "; ".join(scenario.sources[s].title if s in scenario.sources else s for s in value) or "none"
    return f"“{value.rstrip('.')}”" if name in _PROSE and value else _value(value, scenario)


def _value(value: Any, scenario: Scenario) -> str:
    if isinstance(value, tuple):
        return ("; " if value and hasattr(value[0], "__dataclass_fields__") else ", ").join(
            _value(item, scenario) for item in value
        ) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return long_date(value)
    if hasattr(value, "__dataclass_fields__"):
        return _part(value, scenario)
    return "none" if value in (None, "") else str(value)


def _part(part: Any, scenario: Scenario) -> str:
    match part:
        case Condition():
            return condition_in_words(part, scenario, labels=True)
        case Lull() | Repeats():
            return firings_in_words(part, scenario, labels=True)
        case Window():
            return f"from {long_date(part.first)} to {long_date(part.last)}"
        case Factor():
            if part.per:
                return f"proportional to “{scenario.variables[part.per].label}”"
            return f"{_number(part.by, scenario)}{factor_time_in_words(part, scenario, labels=True)}"
        case Effect():
            return _effect(part, scenario)
        case Outcome():
            chance = f"with the chance {_number(part.chance, scenario)}" if part.chance else "otherwise"
            odds = "".join(f", odds times {_part(factor, scenario)}" for factor in part.factors)
            then = ", ".join(_effect(effect, scenario) for effect in part.effects) or "nothing changes"
            return f"“{part.label}” {chance}{odds}: {then}"
        case Wait():
            stages = "1 stage" if part.stages == 1 else f"{part.stages} stages"
            return f"90% of waits {show(part.low, 'duration')} to {show(part.high, 'duration')}; {stages}"
        case Rung():
            return f"“{part.label or part.id}”{_only(' once', part.when, scenario)}"
        case ImpulseReward():
            outcome = f" with the outcome {part.outcome}" if part.outcome else ""
            return f"{_number(part.each, scenario)} each time “{scenario.moves[part.move].label}”{outcome}"
        case RateReward():
            return f"{_number(part.amount, scenario)}{_only(' while', part.when, scenario)}"
        case TerminalReward():
            return f"{_number(part.amount, scenario)} on reaching “{scenario.endings[part.ending].label}”"
    raise TypeError(f"no words for {type(part).__name__}")


def _only(word: str, condition: Condition, scenario: Scenario) -> str:
    return "" if condition.always else f"{word} {_part(condition, scenario)}"


def _effect(effect: Effect, scenario: Scenario) -> str:
    name = f"“{scenario.variables[effect.variable].label}”"
    where = _only(" where", effect.when, scenario)
    if effect.level is not None:
        return f"{name} to {scenario.variables[effect.variable].words(effect.level)}{where}"
    return f"{name} {shift_in_words(effect, scenario)}{where}"


def _number(name: str, scenario: Scenario) -> str:
    number = scenario.assumptions[name]
    return f"“{number.label}” ({show(number.value, number.kind, number.unit)})"


def _start(start: tuple[tuple[str, str | None], ...], scenario: Scenario) -> str:
    if len(start) == 1:
        return start[0][0]
    return ", ".join(
        f"{level} with {_number(share, scenario)}" if share else f"otherwise {level}" for level, share in start
    )


def act_in_words(item: Intervention, scenario: Scenario) -> str:
    """Describe an intervention (a change that comes from outside) with its reason."""
    return intervention_in_words(item, scenario) + (f", because: {item.because}" if item.because else "")
