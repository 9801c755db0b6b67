"""Plans: named sets of interventions, read from view files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from simlib.errors import Problem, ScenarioError
from simlib.scenario import document
from simlib.scenario.load import load_view, view_files
from simlib.scenario.model import Intervention, Scenario, View

Plan = tuple[Intervention, ...]


def load_plans(scenario: Scenario, names: Iterable[str | os.PathLike[str]]) -> dict[str, Plan]:
    """Return plans by their ids, each a view of the scenario or the path of a view file that only intervenes.

    Raises ScenarioError with every reason at once: what is wrong in a file, a view that also changes assumptions or the
    horizon (plans of a sweep differ in what is done, not in what is believed), a view that does nothing, two of one id.
    """
    plans: dict[str, Plan] = {}
    problems: list[Problem] = []
    for name in names:
        try:
            view = _view(scenario, os.fspath(name))
        except ScenarioError as error:
            problems += error.problems
            continue
        if view.id in plans:
            problems.append(Problem(os.fspath(name), 0, "", f"a second plan called {view.id!r}", "expected another id"))
        problems += _no_plan(scenario, os.fspath(name), view)
        plans[view.id] = view.interventions
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return plans


def _view(scenario: Scenario, name: str) -> View:
    if not Path(name).is_file() and (Path(name).suffix in (".yaml", ".yml") or os.sep in name):
        raise ScenarioError(Problem(name, 0, "", "there is no such file", "expected a view file, or the id of a view"))
    return load_view(scenario, name)


def _no_plan(scenario: Scenario, name: str, view: View) -> Iterator[Problem]:
    """Yield why a view is no plan, where its file says so."""
    wrong = []
    if view.changes:
        wrong.append(("assumptions", "a plan changes no assumption", "expected only interventions (`assume` is one)"))
    if view.horizon_days is not None:
        wrong.append(("horizon", "a plan has no horizon of its own", "expected one horizon for the whole sweep"))
    if not view.interventions and not view.changes:
        wrong.append(("interventions", "a plan that does nothing", "expected at least one intervention"))
    if not wrong:
        return
    file, read = _file_of(scenario, name, view)
    for where, what, expected in wrong:
        yield Problem(file, read.line((where,)), where, what, expected)


def _file_of(scenario: Scenario, name: str, view: View) -> tuple[str, document.Document]:
    for path in [Path(name)] if Path(name).is_file() else view_files(scenario):
        read = document.read(document.read_file(path, str(path)), str(path))
        if read.data["id"] == view.id:
            return str(path), read
    raise AssertionError(name)
