"""Load scenarios and views from their files.

The result is either a complete resolved `Scenario`, or an error with all problems of the file at once. A file passes
four steps. `document` turns the text into plain data with lines. `schema` checks the keys and the types of the values.
`resolver` looks up names and reads numbers. `checks` applies the static rules.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.errors import Problem, ScenarioError, collect, did_you_mean, refuse
from simlib.scenario import checks, document
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.scenario.model import View

__all__ = ["load"]

SCENARIO_FILE = "scenario.yaml"
FILES = (SCENARIO_FILE, "scenario.yml")
"""Names that a scenario file may have in its folder. The first file that exists is read."""

VIEWS = "views"
"""The name of the folder of views in the folder of a scenario."""


@dataclass(frozen=True)
class Stream:
    """The text of a scenario that came through a pipe. A pipe can be read only once."""

    name: str
    """The name of the stream in messages."""
    text: str


def read_stream(path: str) -> Stream | str:
    """Return the text from standard input (`-`) or from a pipe. Return any other path unchanged.

    Raises ScenarioError if the input is too large or is not text.
    """
    if path == "-":
        stdin = getattr(sys.stdin, "buffer", None)
        raw = stdin.read(document.MAX_BYTES + 1) if stdin else b""
        return Stream("standard input", document.decode(raw, "standard input"))
    if Path(path).is_fifo():
        return Stream(path, document.read_file(Path(path), path))
    return path


def load(path: str | os.PathLike[str] | Stream, view: str | None = None) -> Scenario:
    """Load a scenario from its folder, its file or a pipe, or by the name of a shipped scenario.

    With `view`, the view of that name is applied. A view is a named set of changes. Raises ScenarioError with every
    problem of the file or the view at once.
    """
    if isinstance(path, Stream):
        scenario = load_text(path.text, path.name)
    else:
        file = find(path)
        scenario = load_text(document.read_file(file, str(file)), str(file)).replace(path=str(file.parent))
    if view is None:
        return scenario
    from simlib.scenario.views.variation import apply_view

    return apply_view(scenario, load_view(scenario, view))


def find(path: str | os.PathLike[str]) -> Path:
    """Return a scenario's file, given its folder, its file or the name of a shipped scenario.

    Raises ScenarioError if there is no such file.
    """
    from simlib.scenario.library import shipped_scenarios

    place, shown = Path(path), str(path)
    for name in FILES:
        if (place / name).is_file():
            return place / name
    if place.is_file() or place.is_fifo():
        return place
    shipped = shipped_scenarios()
    if shown in shipped:
        return shipped[shown] / SCENARIO_FILE
    if place.is_dir():
        raise ScenarioError(
            Problem(shown, 0, "", f"a folder without a {SCENARIO_FILE}", f"expected {SCENARIO_FILE} in it")
        )
    expected = f"expected a scenario folder or file, or the name of a shipped one; {did_you_mean(shown, shipped)}"
    raise ScenarioError(Problem(shown, 0, "", "there is no such scenario", expected.removesuffix("; ")))


def load_text(text: str, file: str = SCENARIO_FILE) -> Scenario:
    """Load a scenario from the text of its file. Messages call the file `file`.

    Raises ScenarioError with every problem at once.
    """
    read = document.read(text, file)
    if not read.readable:
        read.refuse_if_any()
    from simlib.scenario.resolver import resolve
    from simlib.scenario.schema.misfits import fit
    from simlib.scenario.schema.scenario_shape import ScenarioShape

    shape = fit(read, ScenarioShape)
    scenario = resolve(read, shape)
    dated = read.data.get("as_of") == shape.as_of.isoformat()
    rules = [rule for rule in checks.SCENARIO_RULES if dated or rule not in checks.DATE_RULES]
    for misfit in checks.misfits_of(scenario, rules):
        read.note(*misfit)
    read.refuse_if_any()
    return scenario


def load_views(where: str | os.PathLike[str] | Stream | Scenario) -> dict[str, View]:
    """Load all views of a scenario, as {id: view} in the order of their file names.

    A view is a named set of changes. `where` is the scenario, or its path, as for `load`. Raises ScenarioError with the
    problems of all view files at once.
    """
    problems: list[Problem] = []
    views = _read_views(where if isinstance(where, Scenario) else load(where), problems)
    refuse(problems)
    return {view.id: view for view in views}


def _read_views(scenario: Scenario, problems: list[Problem]) -> list[View]:
    from simlib.scenario.views.view_reader import read_view

    views: list[View] = []
    for file in view_files(scenario):
        with collect(problems):
            view = read_view(document.read_file(file, str(file)), scenario, str(file))
            if view.id in [other.id for other in views]:
                problems.append(Problem(str(file), 1, "id", f"a second view called {view.id!r}", "expected another id"))
            views.append(view)
    return views


def view_files(scenario: Scenario) -> list[Path]:
    """Return the view files of a scenario, in alphabetical order."""
    folder = Path(scenario.path, VIEWS)
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if scenario.path else []


def load_view(scenario: Scenario, name: str) -> View:
    """Load a view (a named set of changes) of a scenario by its id or by the path of its file.

    Raises ScenarioError if there is no such view, or if its file has problems.
    """
    from simlib.scenario.views.view_reader import read_view

    if Path(name).is_file():
        return read_view(document.read_file(Path(name), name), scenario, name)
    problems: list[Problem] = []
    views = _read_views(scenario, problems)
    matches = [view for view in views if view.id == name]
    if len(matches) == 1:
        return matches[0]
    refuse(problems)
    expected = did_you_mean(name, [view.id for view in views]) or "it has no views"
    raise ScenarioError(Problem(scenario.path, 0, "", f"{scenario.id!r} has no view {name!r}", expected))
