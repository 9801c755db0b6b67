"""The scenario that a command asks for: loaded, with its view and other changes applied."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.errors import Problem, collect, refuse
from simlib.scenario.loader import load
from simlib.scenario.model import Intervention, Scenario
from simlib.scenario.views import variation
from simlib.scenario.views.command_text import parse_intervention, with_settings


def stated(request: Request) -> Scenario:
    """Return the scenario at PATH, with the view of `--view` applied, and no other change."""
    return load(request.path, view=request.view)


def changed(request: Request, base: Scenario) -> Scenario:
    """Return the scenario `base` with every change that the options ask for.

    For each value outside its range in the file, a note is printed to standard error. Raises ScenarioError, which lists
    every problem.
    """
    scenario = base
    interventions: list[Intervention] = []
    problems: list[Problem] = []
    with collect(problems):
        scenario = with_settings(base, request.settings)
    if request.horizon is not None:
        with collect(problems):
            scenario = variation.with_horizon(scenario, _days(request.horizon))
    for kind, text in request.interventions:
        with collect(problems):
            interventions += parse_intervention(kind, text, scenario)
    refuse(problems)
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
