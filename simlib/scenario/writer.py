"""Write a view to a YAML file. If the file exists, its comments and its order are kept.

The new text is checked by reading it again. Then it replaces the file in one step. So the old file stays as it was if
the program crashes, the disk is full or a value cannot be written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from simlib.files import write_atomically
from simlib.quantities import write
from simlib.scenario import document, yaml_editing
from simlib.scenario.condition import runs
from simlib.scenario.model import (
    SCENARIO_FORMAT,
    Assume,
    Assumption,
    Change,
    Condition,
    Forbid,
    Force,
    Hold,
    Intervention,
    Lasting,
    Pin,
    Policy,
    Scenario,
    View,
)
from simlib.scenario.views.view_reader import read_view


def save_view(scenario: Scenario, view: View, path: str | os.PathLike[str], *, new: bool = False) -> Path:
    """Write a view (a named set of changes) of `scenario` to a file, and return its path.

    An existing file must be a view of this scenario. The comments and the order of the file are kept, and only
    differences are rewritten. Raises ScenarioError if the view does not fit the scenario, or if the existing file is
    not such a view. With `new`, raises FileExistsError if the file exists, even if another process has just written it.
    """
    file = Path(path)
    old = document.read_file(file, str(file)) if file.exists() and not new else ""
    before = read_view(old, scenario, str(file)) if old else None
    if before == view:
        return file
    data = yaml_editing.editable(old)
    _set_head(data, view, before)
    _set_changes(data, view, before, scenario)
    _set_interventions(data, view, before, scenario)
    text = yaml_editing.text_of(data, like=old)
    read_view(text, scenario, str(file))
    write_atomically(file, text, new=new)
    return file


def _set_head(data: Any, view: View, before: View | None) -> None:
    horizon = "" if view.horizon_days is None else write(view.horizon_days, "duration")
    unchanged = before is not None and before.horizon_days == view.horizon_days
    _put(data, "format", SCENARIO_FORMAT)
    for key, value in (("id", view.id), ("title", view.title), ("author", view.author), ("because", view.because)):
        if before is None or getattr(before, key) != value:
            _put(data, key, value)
    if not unchanged:
        _put(data, "horizon", horizon)
    if before is None or before.ladder != view.ladder:
        _put(data, "ladder", view.ladder or "")


def _put(data: Any, key: str, value: Any) -> None:
    if value in ("", [], {}):
        data.pop(key, None)
    else:
        data[key] = value


def _set_changes(data: Any, view: View, before: View | None, scenario: Scenario) -> None:
    old = {change.assumption: change for change in before.changes} if before else {}
    new = {change.assumption: change for change in view.changes}
    written = data.setdefault("assumptions", {})
    for name in old.keys() - new.keys():
        del written[name]
    for name, change in new.items():
        entry = written.setdefault(name, {})
        _set_change(entry, change, old.get(name), scenario.assumptions[name])
    if not new:
        del data["assumptions"]


def _set_change(entry: Any, change: Change, before: Change | None, assumption: Assumption) -> None:
    for part in ("value", "low", "high"):
        number = getattr(change, part)
        if before is None or getattr(before, part) != number:
            unit = change.unit or assumption.unit
            _put(entry, part, "" if number is None else _scalar(number, assumption.kind, unit))
    because = change.because or "assumed"
    if before is None or before.because != because:
        _put(entry, "because", because)
    if before is None or before.sources != change.sources:
        _put(entry, "sources", list(change.sources))


def _scalar(value: float, kind: Any, unit: str) -> str | int | float:
    text = write(value, kind, unit)
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def _set_interventions(data: Any, view: View, before: View | None, scenario: Scenario) -> None:
    new, standing = list(view.interventions), list(before.interventions) if before else []
    written = data.get("interventions", [])
    if standing != new and len(written) != len(
        standing
    ):  # one entry for a repeated move stands for several interventions
        written[:] = [yaml_editing.in_one_line(_entry(intervention, scenario)) for intervention in standing]
    for index in reversed(range(len(standing))):
        if standing[index] not in new:
            del written[index], standing[index]
    if standing != [intervention for intervention in new if intervention in standing]:
        written, standing = [], []
    for index, intervention in enumerate(new):
        if standing[index : index + 1] != [intervention]:
            written.insert(index, yaml_editing.in_one_line(_entry(intervention, scenario)))
            standing.insert(index, intervention)
    _put(data, "interventions", written)


def _entry(intervention: Intervention, scenario: Scenario) -> dict[str, Any]:
    entry: dict[str, Any]
    match intervention:
        case Force():
            entry = {"force": intervention.move, "outcome": intervention.outcome, "on": intervention.date}
        case Pin():
            entry = {"pin": intervention.variable, "level": intervention.level, "on": intervention.date}
        case Forbid():
            entry = {"forbid": intervention.move} | _while(intervention)
        case Policy():
            rate = write(intervention.rate, "rate", intervention.unit)
            entry = {"policy": intervention.move, "rate": rate} | _while(intervention)
        case Hold():
            entry = {"hold": intervention.variable, "level": intervention.level} | _span(intervention)
        case Assume():
            assumption = scenario.assumptions[intervention.assumption]
            value = _scalar(intervention.value, assumption.kind, intervention.unit or assumption.unit)
            entry = {"assume": assumption.id, "value": value} | _while(intervention)
    return {key: value for key, value in (entry | {"because": intervention.because}).items() if value not in ("", None)}


def _while(intervention: Forbid | Policy | Assume) -> dict[str, Any]:
    when = None if intervention.when.always else _written_condition(intervention.when)
    return {"when": when} | _span(intervention)


def _span(intervention: Lasting) -> dict[str, Any]:
    return {"from": intervention.date, "until": intervention.until}


def _written_condition(condition: Condition) -> Any:
    clauses = [
        {name: some[0] if len(some) == 1 else some for name, some in ((name, runs(levels)) for name, levels in clause)}
        for clause in condition.clauses
    ]
    return clauses[0] if len(clauses) == 1 else clauses
