"""The scenario a command line means: a file, seen through a view, with the changes that options ask for."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from simlib.errors import Problem, ScenarioError
from simlib.quantities import show
from simlib.scenario.loader import load
from simlib.scenario.model import Intervention, Scenario
from simlib.scenario.views import command_text as views_text
from simlib.scenario.views import variation as views

Thing = TypeVar("Thing")

_READERS: dict[str, Callable[[str, Scenario], Intervention | tuple[Intervention, ...]]] = {
    "force": views_text.parse_force,
    "repeat": views_text.parse_repeat,
    "forbid": views_text.parse_forbid,
    "delay": views_text.parse_delay,
    "policy": views_text.parse_policy,
    "pin": views_text.parse_pin,
    "hold": views_text.parse_hold,
    "assume": views_text.parse_assume,
}


def stated(arguments: Namespace) -> Scenario:
    """Return the scenario at PATH, seen through --view, without further changes."""
    return load(arguments.path, view=arguments.view)


def changed(arguments: Namespace, base: Scenario) -> Scenario:
    """Return `base` with every change that options ask for; raises ScenarioError with all reasons at once.

    Values that leave the ranges of the file are noted on standard error.
    """
    values, wrong = _attempt(lambda: views.parse_values(arguments.values, base))
    if values is None:  # read those that can be read, so that what is wrong with them is told as well
        alone = (_attempt(partial(views.parse_values, [text], base))[0] for text in arguments.values)
        values = {name: value for pair in alone if pair for name, value in pair.items()}
    scenario, more = _attempt(lambda: views.with_values(base, values))
    wrong, horizon = wrong + more, getattr(arguments, "horizon", None)
    if horizon is not None:
        farther, more = _attempt(lambda: views.with_horizon(scenario or base, _days(horizon)))
        scenario, wrong = farther, wrong + more
    acts: list[Intervention] = []
    for kind, text in getattr(arguments, "interventions", ()):
        act, more = _attempt(partial(_READERS[kind], text, scenario or base))
        acts += act if isinstance(act, tuple) else [act] if act else []
        wrong = wrong + more
    if wrong or scenario is None:
        raise ScenarioError(wrong)
    changed = views.with_interventions(scenario, acts)
    for sentence in views.outside_range(base, changed):
        note(sentence)
    return changed


def with_reasons(base: Scenario, scenario: Scenario) -> Scenario:
    """Return `scenario` with the true reason beside each number that options changed: who set it, what was there.

    For telling only: the reason is part of the hash.
    """
    told = f"the view {base.view}" if base.view else "the file"
    numbers = dict(scenario.assumptions)
    for name, now in numbers.items():
        old = base.assumptions[name]
        if (now.value, now.low, now.high) != (old.value, old.low, old.high):
            reason = ", assumed" if old.because == "assumed" else f" because {old.because}" if old.because else ""
            because = f"set on the command line; {told} states {show(old.value, old.kind, old.unit)}{reason}"
            numbers[name] = dataclasses.replace(now, because=because, sources=())
    return scenario.replace(assumptions=numbers)


def note(sentence: str) -> None:
    """Say something on standard error that is no error."""
    sys.stderr.write(f"note: {sentence}\n")


def _days(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _attempt(act: Callable[[], Thing]) -> tuple[Thing | None, list[Problem]]:
    try:
        return act(), []
    except ScenarioError as error:
        return None, list(error.problems)
