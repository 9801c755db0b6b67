"""Describe conditions on the state, and events that consist of moves, in words."""

from __future__ import annotations

from simlib.formatting import counted, in_days, listed, long_date
from simlib.scenario.condition import Condition, runs
from simlib.scenario.model import Effect, Factor, Lull, Repeats, Scenario, Variable


def condition_in_words(condition: Condition, scenario: Scenario, *, labels: bool = False) -> str:
    """Describe a condition on the state: "standoff is patrols or above and tempo is hot".

    A condition that always holds is "always". With `labels`, variables and levels are named by their labels, not by
    their ids.
    """
    if condition.always:
        return "always"
    clauses = [
        " and ".join(
            f"{_called(scenario.variables[name], labels)} is {_levels(scenario.variables[name], levels, labels)}"
            for name, levels in clause
        )
        for clause in condition.clauses
    ]
    return ", or ".join(clauses)


def factor_time_in_words(factor: Factor, scenario: Scenario, *, labels: bool = False) -> str:
    """Describe when a factor applies: " while tempo is hot from 1 April 2031 to 1 May 2031".

    The text begins with a space. For a factor that always applies the text is "". With `labels`, variables and levels
    are named by their labels, not by their ids.
    """
    held = "" if factor.when.always else f" while {condition_in_words(factor.when, scenario, labels=labels)}"
    if factor.between is None:
        return held
    return f"{held} from {long_date(factor.between.first)} to {long_date(factor.between.last)}"


def firings_in_words(condition: Lull | Repeats, scenario: Scenario, *, labels: bool = False) -> str:
    """Describe a lull (days without certain moves), or how often certain moves have happened.

    Examples: "28 days pass without strike or raid", "strike has happened 3 times". With `labels`, moves are named by
    their labels, not by their ids.
    """
    names = [f"“{scenario.moves[name].label}”" if labels else name for name in condition.moves]
    some = listed(names, "or")
    if isinstance(condition, Lull):
        return f"{in_days(condition.days)} pass without {some}"
    return f"{some} has happened {counted(condition.at_least, 'time')}"


def shift_in_words(effect: Effect, scenario: Scenario) -> str:
    """Describe an effect that moves a variable by some levels: "up 2 levels".

    For a counter (a variable whose levels are whole numbers) the text is "up by 2".
    """
    shift = effect.shift or 0
    way, size = "up" if shift > 0 else "down", abs(shift)
    return f"{way} by {size}" if scenario.variables[effect.variable].counter else f"{way} {counted(size, 'level')}"


def _called(variable: Variable, labels: bool) -> str:
    return f"“{variable.label}”" if labels and variable.label else variable.id


def _levels(variable: Variable, levels: tuple[str, ...], labels: bool) -> str:
    if variable.counter:
        return _numbers(variable, levels)
    if labels:
        called = {level: variable.words(level) for level in variable.levels}
        return _known_levels(tuple(called.values()), tuple(called[level] for level in levels))
    return _known_levels(variable.levels, levels)


def _known_levels(every: tuple[str, ...], levels: tuple[str, ...]) -> str:
    some = len(levels)
    if some == len(every):
        return "at any level"
    if some == 1:
        return levels[0]
    if some > 2 and levels == every[-some:]:
        return f"{levels[0]} or above"
    if some > 2 and levels == every[:some]:
        return f"{levels[-1]} or below"
    if some == len(every) - 1 and some > 2:
        return "not " + next(level for level in every if level not in levels)
    return listed(levels, "or")


def _numbers(variable: Variable, levels: tuple[str, ...]) -> str:
    if len(levels) > 1 and levels == variable.levels[-len(levels) :] and len(levels) < len(variable.levels):
        return f"{levels[0]} or above"
    if len(levels) > 1 and levels == variable.levels[: len(levels)] and len(levels) < len(variable.levels):
        return f"{levels[-1]} or below"
    missing = set(variable.levels) - set(levels)
    return f"not {missing.pop()}" if len(missing) == 1 and len(levels) > 1 else listed(runs(levels), "or")
