"""A view file -> `View`: every problem of the file at once, with its line."""

from __future__ import annotations

from simlib.errors import QuantityError, did_you_mean
from simlib.quantities import parse
from simlib.scenario import document
from simlib.scenario.conditions import Reader
from simlib.scenario.document import Document, Place
from simlib.scenario.fitting import fit
from simlib.scenario.model import Change, Forbid, Force, Intervention, Pin, Policy, Scenario, View
from simlib.scenario.resolve import read_horizon
from simlib.scenario.schema import ChangeShape, ForbidShape, ForceShape, PinShape, PolicyShape, ViewShape
from simlib.scenario.views import misfits


def read_view(text: str, scenario: Scenario, file: str = "view.yaml") -> View:
    """Resolve the text of a view file against its scenario; raises ScenarioError with every problem at once."""
    read = document.read(text, file)
    if not read.readable:
        read.refuse_if_any()
    shape = fit(read, ViewShape)
    reader = _Interventions(read, scenario)
    interventions = [
        reader.intervention(written, ("interventions", index)) for index, written in enumerate(shape.interventions)
    ]
    changes = (_read_change(read, scenario, name, change) for name, change in shape.assumptions.items())
    view = View(
        id=shape.id,
        title=shape.title,
        author=shape.author or "",
        because=shape.because or "",
        changes=tuple(change for change in changes if change),
        interventions=tuple(intervention for intervention in interventions if intervention),
        horizon_days=None if shape.horizon is None else read_horizon(read, shape.horizon),
        ladder=shape.ladder,
    )
    for finding in misfits(scenario, view):
        read.note(*finding)
    read.refuse_if_any()
    return view


def _read_change(read: Document, scenario: Scenario, name: str, shape: ChangeShape) -> Change | None:
    place: Place = ("assumptions", name)
    assumption = scenario.assumptions.get(name)
    if assumption is None:
        read.note(place, f"unknown assumption {name!r}", did_you_mean(name, scenario.assumptions))
        return None
    for index, source in enumerate(shape.sources):
        if source not in scenario.sources:
            expected = did_you_mean(source, scenario.sources) or "expected an id from the scenario's 'sources'"
            read.note((*place, "sources", index), f"unknown source {source!r}", expected)
    numbers = {}
    for part in ("value", "low", "high"):
        written = getattr(shape, part)
        if written is not None:
            try:
                numbers[part] = parse(written, assumption.kind)
            except QuantityError as error:
                read.note((*place, part), error.what, error.expected)
                return None
    values = {part: quantity.value for part, quantity in numbers.items()}
    unit = numbers["value"].unit
    return Change(name, because=shape.because, sources=tuple(shape.sources), unit=unit, **values)


class _Interventions:
    """Reads the interventions of one view file."""

    def __init__(self, read: Document, scenario: Scenario) -> None:
        self.read = read
        self.reader = Reader(read, scenario.variables, scenario.variables)

    def intervention(
        self, shape: ForceShape | ForbidShape | PolicyShape | PinShape, place: Place
    ) -> Intervention | None:
        because = shape.because or ""
        if isinstance(shape, ForceShape):
            return Force(shape.force, shape.on, shape.outcome, because)
        if isinstance(shape, PinShape):
            return Pin(shape.pin, shape.level, shape.on, because)
        when = self.reader.condition(shape.when, (*place, "when"))
        if isinstance(shape, ForbidShape):
            return Forbid(shape.forbid, shape.from_, because, shape.until, when)
        try:
            rate = parse(shape.rate, "rate").value
        except QuantityError as error:
            self.read.note((*place, "rate"), error.what, error.expected)
            return None
        return Policy(shape.policy, rate, when, shape.from_, because, shape.until)
