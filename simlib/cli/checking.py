"""`simlib check`: problems of the files, then a second reading of what loads."""

from __future__ import annotations

import sys
from argparse import Namespace

from simlib.errors import Problem, ScenarioError
from simlib.scenario.load import load, load_views
from simlib.scenario.model import Scenario, View
from simlib.scenario.views import apply_view


def check(arguments: Namespace) -> int:
    """Load a scenario and its views, then read it again for what is legal but doubtful; returns the exit code.

    Raises ScenarioError with the problems of all files at once.
    """
    scenario = load(arguments.path)
    views = _views(scenario)
    sys.stdout.write(_inventory(scenario, views))
    return 0


def _views(scenario: Scenario) -> dict[str, View]:
    """Load every view and apply it: one by one each may be right and not fit the world."""
    views = load_views(scenario)
    problems: list[Problem] = []
    for view in views.values():
        try:
            apply_view(scenario, view)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return views


def _inventory(scenario: Scenario, views: dict[str, View]) -> str:
    parts = [_many(len(getattr(scenario, kind)), kind) for kind in KINDS]
    named = f": {', '.join(views)}" if views else ""
    return f"{scenario.id}: no problems. {', '.join(parts)}; {_many(len(views), 'views')}{named}.\n"


KINDS = ("actors", "variables", "assumptions", "moves", "endings", "ladders", "questions", "sources")


def _many(number: int, plural: str) -> str:
    return f"{number} {plural if number != 1 else plural.removesuffix('s')}"
