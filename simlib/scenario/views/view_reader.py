"""Read a view file (a named set of changes of a scenario) into a `View`."""

from __future__ import annotations

from collections.abc import Sequence

from simlib.errors import did_you_mean
from simlib.scenario import document
from simlib.scenario.assumptions import read_quantity
from simlib.scenario.condition_reader import Reader
from simlib.scenario.document import Document, Place
from simlib.scenario.model import Assume, Change, Forbid, Force, Hold, Intervention, Pin, Policy, Scenario, View
from simlib.scenario.resolver import read_horizon
from simlib.scenario.scalars import Refusal
from simlib.scenario.schema.misfits import fit
from simlib.scenario.schema.view_shape import (
    AssumeShape,
    ChangeShape,
    DelayShape,
    ForbidShape,
    ForceShape,
    HoldShape,
    PinShape,
    PolicyShape,
    RepeatShape,
    ViewShape,
)
from simlib.scenario.views.variation import misfits, repeated

EntryShape = ForceShape | RepeatShape | ForbidShape | DelayShape | PolicyShape | PinShape | HoldShape | AssumeShape


def read_view(text: str, scenario: Scenario, file: str = "view.yaml") -> View:
    """Return the view in the text of a view file: a named set of changes of `scenario`.

    Messages call the file `file`. Raises ScenarioError with every problem at once.
    """
    read = document.read(text, file)
    if not read.readable:
        read.refuse_if_any()
    shape = fit(read, ViewShape)
    horizon_days = None if shape.horizon is None else read_horizon(read, shape.horizon)
    reader = _Interventions(read, scenario, horizon_days)
    written = [reader.interventions(entry, ("interventions", index)) for index, entry in enumerate(shape.interventions)]
    changes = (_read_change(read, scenario, name, change) for name, change in shape.assumptions.items())
    view = View(
        id=shape.id,
        title=shape.title,
        author=shape.author or "",
        because=shape.because or "",
        changes=tuple(change for change in changes if change),
        interventions=tuple(intervention for entry in written for intervention in entry),
        horizon_days=horizon_days,
        ladder=shape.ladder,
    )
    entry_of = [index for index, entry in enumerate(written) for _ in entry]
    noted = set[Place]()
    for place, what, expected in misfits(scenario, view):
        here = _in_file(place, entry_of, shape.interventions)
        repeated = here[0] == "interventions" and isinstance(shape.interventions[int(here[1])], RepeatShape)
        if not (repeated and here in noted):  # every date of a repeated move has the same fault
            read.note(here, what, expected)
        noted.add(here)
    read.refuse_if_any()
    return view


_WRITTEN = {DelayShape: {"forbid": "delay"}, RepeatShape: {"force": "repeat", "on": "from"}}
"""{form of an entry: {key of the intervention that it becomes: the key in the file}}, where the two differ."""


def _in_file(place: Place, entry_of: Sequence[int], entries: Sequence[EntryShape]) -> Place:
    """Return the place in the view file that corresponds to a place in the `View`.

    The two can differ, because one of the `entries` of the file may have become several interventions, or an
    intervention whose keys have other names. `entry_of` gives the number of the entry for each intervention.
    """
    if len(place) < 2 or place[0] != "interventions" or not isinstance(place[1], int):
        return place
    number = entry_of[place[1]]
    written = _WRITTEN.get(type(entries[number]), {})
    return ("interventions", number, *(written.get(str(key), key) for key in place[2:]))


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
            number = read_quantity(read, (*place, part), written, assumption.kind, unit=assumption.unit)
            if number is None:
                return None
            numbers[part] = number
    values = {part: quantity.value for part, quantity in numbers.items()}
    unit = numbers["value"].unit
    return Change(name, because=shape.because, sources=tuple(shape.sources), unit=unit, **values)


class _Interventions:
    def __init__(self, read: Document, scenario: Scenario, horizon_days: float | None) -> None:
        self.read, self.scenario, self.horizon_days = read, scenario, horizon_days
        self.reader = Reader(read, scenario.variables, scenario.variables)

    def interventions(self, shape: EntryShape, place: Place) -> tuple[Intervention, ...]:
        because = shape.because or ""
        match shape:
            case ForceShape():
                return (Force(shape.force, shape.on, shape.outcome, because),)
            case RepeatShape():
                return self._repeated(shape, place)
            case DelayShape():
                return (Forbid(shape.delay, None, because, shape.until),)
            case PinShape():
                return (Pin(shape.pin, shape.level, shape.on, because),)
            case HoldShape():
                return (Hold(shape.hold, shape.level, shape.from_, because, shape.until),)
            case AssumeShape():
                return self._assumed(shape, place)
        when = self.reader.condition(shape.when, (*place, "when"))
        if isinstance(shape, ForbidShape):
            return (Forbid(shape.forbid, shape.from_, because, shape.until, when),)
        rate = read_quantity(self.read, (*place, "rate"), shape.rate, "rate")
        if rate is None:
            return ()
        return (Policy(shape.policy, rate.value, when, shape.from_, because, shape.until, rate.unit),)

    def _assumed(self, shape: AssumeShape, place: Place) -> tuple[Intervention, ...]:
        assumption = self.scenario.assumptions.get(shape.assume)
        if assumption is None:
            what = f"unknown assumption {shape.assume!r}"
            self.read.note((*place, "assume"), what, did_you_mean(shape.assume, self.scenario.assumptions))
            return ()
        when = self.reader.condition(shape.when, (*place, "when"))
        quantity = read_quantity(self.read, (*place, "value"), shape.value, assumption.kind, unit=assumption.unit)
        if quantity is None:
            return ()
        because = shape.because or ""
        return (Assume(assumption.id, quantity.value, when, shape.from_, because, shape.until, quantity.unit),)

    def _repeated(self, shape: RepeatShape, place: Place) -> tuple[Intervention, ...]:
        every = read_quantity(self.read, (*place, "every"), shape.every, "duration")
        if every is None:
            return ()
        first = Force(shape.repeat, shape.from_ or self.scenario.as_of, shape.outcome, shape.because or "")
        try:
            return repeated(first, every.value, shape.until, self.scenario, self.horizon_days)
        except Refusal as refusal:
            self.read.note(place, refusal.what, refusal.expected)
            return ()
