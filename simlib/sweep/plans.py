"""Plans of a sweep: named sets of interventions, read from files of views."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from simlib.errors import Problem, ScenarioError, collect, refuse
from simlib.scenario import document
from simlib.scenario.loader import load_view, view_files
from simlib.scenario.model import Scenario, View
from simlib.scenario.views.interventions import Plan

__all__ = ["load_plans", "plan_views"]

Given = str | os.PathLike[str] | View


def load_plans(scenario: Scenario, given: Iterable[Given]) -> dict[str, Plan]:
    """Return {id: interventions} of a sweep's plans, from views that contain only interventions.

    A view is given by its id, by the path of its file, or as a `View`. Raises the same errors as `plan_views`.
    """
    return {name: view.interventions for name, view in plan_views(scenario, given).items()}


def plan_views(scenario: Scenario, given: Iterable[Given]) -> dict[str, View]:
    """Return {id: view} of the views that serve as plans of a sweep.

    A view is given by its id, by the path of its file, or as a `View`. A plan may add interventions, but may not change
    anything else.

    Raises ScenarioError, which lists all problems:

    - errors in a file.
    - a view that changes assumptions or the horizon.
    - a view without interventions.
    - two views with the same id.
    """
    plans: dict[str, View] = {}
    problems: list[Problem] = []
    for each in given:
        name = each.id if isinstance(each, View) else os.fspath(each)
        with collect(problems):
            view = each if isinstance(each, View) else _view(scenario, name)
            if view.id in plans:
                problems.append(Problem(name, 0, "", f"a second plan called {view.id!r}", "expected another id"))
            problems += _no_plan(scenario, name, view)
            plans[view.id] = view
    refuse(problems)
    return plans


def _view(scenario: Scenario, name: str) -> View:
    if not Path(name).is_file() and (Path(name).suffix in (".yaml", ".yml") or os.sep in name):
        raise ScenarioError(Problem(name, 0, "", "there is no such file", "expected a view file, or the id of a view"))
    return load_view(scenario, name)


def _no_plan(scenario: Scenario, name: str, view: View) -> Iterator[Problem]:
    wrong = []
    if view.changes:
        wrong.append(("assumptions", "a plan cannot change assumptions", "expected interventions, such as `assume`"))
    if view.horizon_days is not None:
        wrong.append(("horizon", "a plan cannot have a horizon of its own", "expected one horizon for the whole sweep"))
    if not view.interventions and not view.changes:
        wrong.append(("interventions", "the plan has no interventions", "expected at least one intervention"))
    if not wrong:
        return
    read = _file_of(scenario, name, view)
    for where, what, expected in wrong:
        yield Problem(read.file if read else name, read.line((where,)) if read else 0, where, what, expected)


def _file_of(scenario: Scenario, name: str, view: View) -> document.Document | None:
    for path in [Path(name)] if Path(name).is_file() else view_files(scenario):
        read = document.read(document.read_file(path, str(path)), str(path))
        if isinstance(read.data, dict) and read.data.get("id") == view.id:
            return read
    return None
