"""The scenario of a command line: loaded, with a view (named changes) applied, and changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from simlib.cli.options.request import Request
from simlib.errors import Problem, ScenarioError
from simlib.scenario.loader import load
from simlib.scenario.model import Intervention, Scenario
from simlib.scenario.views import variation
from simlib.scenario.views.command_text import parse_intervention

Thing = TypeVar("Thing")


def stated(request: Request) -> Scenario:
    """Return the scenario at PATH, with the view of `--view` applied, and no other change."""
    return load(request.path, view=request.view)


def changed(request: Request, base: Scenario) -> Scenario:
    """Return the scenario `base` with every change that the options ask for.

    For each value outside its range in the file, a note is printed to standard error. Raises ScenarioError, which lists
    every problem.
    """
    values, wrong = variation.split_values(request.settings, base)
    scenario, more = _attempt(lambda: variation.with_values(base, values))
    wrong = wrong + more
    if request.horizon is not None:
        scenario, more = _attempt(partial(variation.with_horizon, scenario or base, _days(request.horizon)))
        wrong = wrong + more
    interventions: list[Intervention] = []
    for kind, text in request.interventions:
        readable, more = _attempt(partial(parse_intervention, kind, text, scenario or base))
        interventions += readable or ()
        wrong = wrong + more
    if wrong or scenario is None:
        raise ScenarioError(wrong)
    varied = variation.with_interventions(scenario, interventions)
    for sentence in variation.outside_range(base, varied):
        note(sentence)
    return varied


def note(sentence: str) -> None:
    """Write a note to standard error. Unlike an error, a note does not end the command."""
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
