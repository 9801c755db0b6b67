"""Write a view, or changed values of a scenario, back to YAML files. Comments and order are kept.

The new text is checked by reading it again. Then it replaces the file in one step. So the old file stays as it was if
the program crashes, the disk is full or a value cannot be written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.quantities import write
from simlib.scenario import document, yaml_editing
from simlib.scenario.assumptions import place_of
from simlib.scenario.condition import runs
from simlib.scenario.document import Document, Place
from simlib.scenario.loader import find, load_text
from simlib.scenario.model import (
    FORMAT,
    Assume,
    Assumption,
    Change,
    Condition,
    Forbid,
    Force,
    Hold,
    Intervention,
    Lasting,
    Move,
    Pin,
    Policy,
    Scenario,
    View,
)
from simlib.scenario.views.view_reader import read_view

# Views


def save_view(scenario: Scenario, view: View, path: str | os.PathLike[str], *, new: bool = False) -> Path:
    """Write a view (a named set of changes) of `scenario` to a file, and return its path.

    An existing file must be a view of this scenario. Its comments and order are kept, and only differences are
    rewritten. Raises ScenarioError if the view does not fit the scenario, or if the existing file is not such a view.
    With `new`, raises FileExistsError if the file exists, even if another process has just written it.
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
    _put(data, "format", FORMAT)
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


# Values


def save_values(scenario: Scenario, path: str | os.PathLike[str] | None = None) -> Path:
    """Write value, low and high of each assumption into the scenario file, and return the path of the file.

    Only the numbers that differ are rewritten. The rest of the file is kept, byte for byte. `path` is the folder or
    file to write into (default: the folder from which the scenario was read). Raises ScenarioError if the file has
    other assumptions than `scenario`.
    """
    given = Path(path if path is not None else scenario.path)
    file = find(given) if given.is_dir() else given
    text = document.read_file(file, str(file))
    base = load_text(text, str(file))
    if list(base.assumptions) != list(scenario.assumptions):
        what = "the file has other assumptions than the scenario to be saved"
        raise ScenarioError(Problem(str(file), 0, "assumptions", what, "expected the file the scenario was read from"))
    read = document.read(text, str(file))
    edits = [edit for name in base.assumptions for edit in _edits(read, base, scenario, name)]
    edits += [edit for move in base for edit in _wait_edits(read, move, base, scenario)]
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    load_text(text, str(file))
    if edits:
        write_atomically(file, text)
    return file


def _edits(read: Document, base: Scenario, scenario: Scenario, name: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, new text) for each part of the file that must change for one assumption."""
    old, new = base.assumptions[name], scenario.assumptions[name]
    changed = [part for part in ("value", "low", "high") if getattr(old, part) != getattr(new, part)]
    if not changed:
        return
    place = place_of(base, old)
    texts = {part: write(getattr(new, part), new.kind, new.unit) for part in ("value", "low", "high")}
    if (*place, "value") not in read.spans:
        start, end = read.spans[place]
        yield start, end, texts["value"] if new.fixed else _mapping(texts, new.because)
        return
    if place[-1] == "takes":  # low and high beside it describe single waits, not the prior of the median
        yield (*read.spans[(*place, "value")], texts["value"])
        return
    for part in changed:
        if (*place, part) in read.spans:
            yield (*read.spans[(*place, part)], texts[part])
    if not new.fixed and (*place, "low") not in read.spans:
        end = read.spans[(*place, "value")][1]
        yield end, end, _more(read, place, texts)


def _wait_edits(read: Document, move: Move, base: Scenario, scenario: Scenario) -> Iterator[tuple[int, int, str]]:
    """Yield the edits that multiply the percentiles of a wait by the same factor as its median.

    So the number of stages of the wait stays the same.
    """
    if move.takes is None:
        return
    old, new = base.assumptions[move.rate], scenario.assumptions[move.rate]
    for part in ("low", "high") if new.value != old.value else ():
        days = getattr(move.takes, part) * new.value / old.value
        yield (*read.spans[("moves", move.id, "takes", part)], write(days, "duration", new.unit))


def _mapping(texts: dict[str, str], because: str) -> str:
    numbers = ", ".join(f"{part}: {text}" for part, text in texts.items())
    return f"{{{numbers}, because: {because!r}}}"


def _more(read: Document, place: Place, texts: dict[str, str]) -> str:
    """Return the text that must follow a value to give it a low and a high end.

    Within braces the text continues the line. Otherwise it begins new lines.
    """
    if read.text[read.spans[place][0]] == "{":
        return f", low: {texts['low']}, high: {texts['high']}"
    start = read.spans[(*place, "value")][0]
    line = read.text[read.text.rfind("\n", 0, start) + 1 : start]
    indent = " " * (len(line) - len(line.lstrip(" -")))
    return f"\n{indent}low: {texts['low']}\n{indent}high: {texts['high']}"
