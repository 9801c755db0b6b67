"""Values that a user types: how they are read, and why one is refused."""

from __future__ import annotations

from simlib.errors import Problem, QuantityError, ScenarioError
from simlib.quantities import Quantity, QuantityKind, check_range, parse, spoken
from simlib.scenario.model import Scenario

VALUES = ("assumptions", "moves.", "variables.")
"""A problem whose place begins with one of these may come from the value of an assumption."""


def read(text: str, label: str, kind: QuantityKind, unit: str = "") -> Quantity:
    """Return the quantity that a typed text means (ScenarioError: names the field by `label`)."""
    try:
        quantity = parse(spoken(text).removeprefix("×"), kind, unit)
        check_range(quantity.value, kind, quantity.text)
    except QuantityError as error:
        raise ScenarioError(Problem("", 0, label, error.what, error.expected)) from None
    return quantity


def why_refused(problem: Problem, scenario: Scenario) -> str:
    """Say why a value was refused. Labels replace the names of places in the file."""
    if problem.broken is None:
        return f"{problem.what}; {problem.expected}"
    place, fault = problem.broken
    labels = {f"moves.{move.id}.outcomes": move.label for move in scenario}
    labels |= {f"variables.{variable.id}.start": variable.label for variable in scenario.variables.values()}
    return f"{f'“{labels[place]}”' if place in labels else place}: {fault}; {problem.expected}"
