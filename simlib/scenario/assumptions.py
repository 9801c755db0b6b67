"""Read the numbers of a scenario file, with their reasons, into assumptions.

The kind of a number (rate, chance, factor, duration or amount) follows from the place where the file uses it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simlib.errors import QuantityError, did_you_mean
from simlib.quantities import A_KIND, Quantity, QuantityKind, parse
from simlib.scenario.document import Document, Place, dotted
from simlib.scenario.model import Assumption, AssumptionKind
from simlib.scenario.schema.scenario_shape import ScenarioShape, WaitShape
from simlib.scenario.schema.value_shape import AssumptionShape, LiteralShape

REST_WORD = "rest"
"""The word that a file may write for a level's probability: one minus the probabilities of the other levels."""

REWARDS = {"on": "each", "per_day": "amount", "at": "amount"}
"""The lists in an impact of a scenario file, each with the key of the amount in an item of that list."""

PER_DAY = "per day"
"""Words in the unit and in the label of an amount that is added per day."""

UNREAD = ""
"""Stands for the id of an assumption that could not be read. No real id is empty."""


def place_of(assumption: Assumption) -> Place:
    """Return the keys to an assumption's number in the file: in `assumptions`, or at its use."""
    return assumption.place or ("assumptions", assumption.id)


def _is_share(place: Place) -> bool:
    """Return whether a number is the probability of a level at the start (it needs no reason)."""
    return place[0] == "variables" or place[:3] == ("evidence", "history", "start")


@dataclass(frozen=True, slots=True)
class Use:
    """One place in a scenario file where a number is used.

    - `place`: the keys that lead to the place.
    - `kind`: the kind that the number must have, such as "rate".
    - `written`: the text in the file, which is the id of an assumption or the number itself.
    - `id`, `label`: the id and the label of the assumption that is made from a number at this place.
    - `unit`: the unit of an amount.
    """

    place: Place
    kind: AssumptionKind
    written: str | LiteralShape
    id: str
    label: str
    unit: str = ""


def uses_in(shape: ScenarioShape) -> Iterator[Use]:
    """Yield every place in a scenario file where a number is used, in a fixed order.

    The order is: the starts of variables, the moves, the impacts, and the section `evidence`.
    """
    for name, variable in shape.variables.items():
        if isinstance(variable.start, dict):
            of = f"at the start of '{variable.label or name}'"
            for level, share in variable.start.items():
                if share == REST_WORD:
                    continue
                place: Place = ("variables", name, "start", level)
                yield Use(place, "chance", share, f"{name}.start.{level}", f"Share of '{level}' {of}")
    for name, move in shape.moves.items():
        of = f"of '{move.label}'"
        if move.rate is not None:
            yield Use(("moves", name, "rate"), "rate", move.rate, f"{name}.rate", f"Rate {of}")
        if move.takes is not None:
            yield Use(("moves", name, "takes"), "duration", _median(move.takes), f"{name}.takes", f"Median time {of}")
        for index, factor in enumerate(move.times):
            if factor.by is None:
                continue
            place = ("moves", name, "times", index, "by")
            yield Use(place, "factor", factor.by, f"{name}.times.{index + 1}", f"Factor {index + 1} {of}")
        for branch, outcome in (move.outcomes or {}).items():
            if outcome.chance is not None:
                place = ("moves", name, "outcomes", branch, "chance")
                label = f"Chance of '{outcome.label or branch}' as the outcome {of}"
                yield Use(place, "chance", outcome.chance, f"{name}.{branch}.chance", label)
            for index, factor in enumerate(outcome.times):
                if factor.by is None:
                    continue
                place = ("moves", name, "outcomes", branch, "times", index, "by")
                called = outcome.label or branch.replace("-", " ")
                label = f"Factor {index + 1} on the odds of '{called}' as the outcome {of}"
                yield Use(place, "factor", factor.by, f"{name}.{branch}.times.{index + 1}", label)
    yield from _amounts_in(shape)
    yield from _uses_in_evidence(shape)


def _amounts_in(shape: ScenarioShape) -> Iterator[Use]:
    for name, impact in shape.impacts.items():
        lists: dict[str, Sequence[Any]] = {"on": impact.on, "per_day": impact.per_day, "at": impact.at}
        for key, rewards in lists.items():
            unit = f"{impact.unit} {PER_DAY}" if key == "per_day" else impact.unit
            for index, reward in enumerate(rewards):
                what = getattr(reward, "move", None) or getattr(reward, "ending", None) or PER_DAY
                place: Place = ("impacts", name, key, index, REWARDS[key])
                label, written = f"{impact.label}: {what}", getattr(reward, REWARDS[key])
                yield Use(place, "amount", written, f"{name}.{key}.{index + 1}", label, unit)


def _uses_in_evidence(shape: ScenarioShape) -> Iterator[Use]:
    if shape.evidence is None:
        return
    for name, start in (shape.evidence.history.start if shape.evidence.history else {}).items():
        for level, share in start.items() if isinstance(start, dict) else ():
            if share != REST_WORD:
                place: Place = ("evidence", "history", "start", name, level)
                label = f"Share of '{level}' of {name} at the start of the history"
                yield Use(place, "chance", share, f"evidence.history.start.{name}.{level}", label)
    for key, seen in shape.evidence.seen.items():
        if not isinstance(seen, str) and seen.chance is not None:
            label = f"Chance that the log shows '{key}'"
            yield Use(("evidence", "seen", key, "chance"), "chance", seen.chance, f"evidence.seen.{key}", label)


def _median(shape: WaitShape) -> str | LiteralShape:
    if shape.because is None or not re.match(r"[-+.\d]", shape.value):
        return shape.value
    return LiteralShape(value=shape.value, because=shape.because, sources=shape.sources)


class Numbers:
    """All numbers of a scenario file, read into assumptions.

    - `assumptions`: {id: assumption}, without the numbers that could not be read.
    - `of_the_log`: {id: assumption} for the numbers written in the section `evidence`.

    A number written where it is used gets an id that is made from its place in the file.
    """

    def __init__(self, document: Document, shape: ScenarioShape) -> None:
        self.document, self.shape = document, shape
        self.assumptions = self._named()
        self.of_the_log: dict[str, Assumption] = {}
        uses = tuple(uses_in(shape))
        self._ids = {use.place: self._id(use) for use in uses}
        self._inline = {use.id for use in uses}

    def at(self, place: Place) -> str:
        """Return the id of the assumption used at a place, or UNREAD if no valid number is there."""
        return self._ids[place]

    def mentioned(self, name: str) -> bool:
        """Return whether the file has a number with this id, valid or not."""
        return name in self._inline or name in self.document.names("assumptions")

    def _named(self) -> dict[str, Assumption]:
        kinds = _kinds_by_use(self.document, self.shape)
        named = {}
        for name, shape in self.shape.assumptions.items():
            use = kinds.get(name)
            sort: dict[str, Any] = {"kind": None}
            if use:
                sort = {"kind": use.kind, "unit": use.unit, "used_at": use.place}
            place = ("assumptions", name)
            assumption = resolve_literal(self.document, place, shape, name=name, label=shape.label, **sort)
            if assumption:
                named[name] = assumption
        return named

    def _id(self, use: Use) -> str:
        """Return the id of the assumption that is used at a place.

        If a number is written at the place, it becomes a new assumption.
        """
        written = use.written
        if isinstance(written, LiteralShape):
            return self._add(use, written)
        if written in self.document.names("assumptions"):
            return written if written in self.assumptions else UNREAD
        if not _is_share(use.place) or not re.match(r"[-+.\d]", written):
            self._refuse(use, written)
            return UNREAD
        because = self._because(use.place)
        return self._add(use, LiteralShape(value=written, because=because or "no reason given"))

    def _add(self, use: Use, literal: LiteralShape) -> str:
        if use.id in self.assumptions:
            self.document.note(use.place, f"a second number named {use.id!r}", "expected another id for the move")
        assumption = resolve_literal(
            self.document, use.place, literal, name=use.id, label=use.label, kind=use.kind, unit=use.unit
        )
        if assumption is None:
            return UNREAD
        home = self.of_the_log if use.place[0] == "evidence" else self.assumptions
        home[use.id] = dataclasses.replace(assumption, inline=True)
        return use.id

    def _because(self, place: Place) -> str | None:
        if place[0] == "variables":
            return self.shape.variables[str(place[1])].because
        history = self.shape.evidence.history if self.shape.evidence else None
        return history.because if history and place[1] == "history" else None

    def _refuse(self, use: Use, written: str) -> None:
        try:
            parse(written)
        except QuantityError:
            expected = did_you_mean(written, self.shape.assumptions) or "expected {value: ..., because: ...}"
            self.document.note(use.place, f"unknown assumption {written!r}", expected)
        else:
            expected = f"expected {{value: {written}, because: ...}}, or the id of an assumption"
            self.document.note(use.place, f"the number {written!r} has no reason", expected)


def _kinds_by_use(document: Document, shape: ScenarioShape) -> dict[str, Use]:
    """Return the first use of each named assumption, which decides its kind and its unit.

    If an assumption is used as two kinds or in two units, a problem is noted, and the assumption is left out of the
    result. The form of its value then decides its kind.
    """
    first: dict[str, Use] = {}
    torn: dict[str, Use] = {}
    for use in uses_in(shape):
        if isinstance(use.written, str) and use.written in shape.assumptions:
            known = first.setdefault(use.written, use)
            if (known.kind, known.unit) != (use.kind, use.unit):
                torn.setdefault(use.written, use)
    for name, use in torn.items():
        known = first.pop(name)
        one, other = (f"as {A_KIND[x.kind]}" + f" in {x.unit!r}" * bool(x.unit) for x in (known, use))
        what = f"used {one} ({dotted(known.place)}) and {other} ({dotted(use.place)})"
        sort = "kind" if known.kind != use.kind else "unit"
        document.note(("assumptions", name), what, f"expected one {sort}: write two assumptions")
    return first


def resolve_literal(
    document: Document,
    place: Place,
    shape: LiteralShape,
    *,
    name: str,
    label: str,
    kind: AssumptionKind | None,
    unit: str = "",
    used_at: Place = (),
) -> Assumption | None:
    """Return the assumption for a number that is written in the file.

    If the number cannot be read, the problem is noted in the document and the result is None.

    Args:
        document: The file.
        place: The place of the number in the file.
        shape: The number, its range and its reason, as written.
        name: The id of the assumption.
        label: The label, if the file gives none.
        kind: The kind that the number must have. None: the form of the number decides ("2 per week" is a rate), and a
            number without a unit is a factor.
        unit: The unit of an amount.
        used_at: The place where the file uses the number. The message names that place if the number does not fit
            there.
    """
    value = read_quantity(document, (*place, "value"), shape.value, kind, used_at, unit)
    if value is None:
        return None
    kind = kind or _kind_by_notation(document, (*place, "value"), value)
    if kind is None:
        return None
    low, high = _bounds(document, place, shape, kind, used_at, unit) or (value.value, value.value)
    return Assumption(
        id=name,
        label=shape.label or label,
        kind=kind,
        value=value.value,
        low=low,
        high=high,
        because=shape.because,
        sources=tuple(shape.sources),
        unit=value.unit,
        within_days=value.within_days,
        observed=_observed(document, place, shape, kind),
        uses_log_until=shape.uses_log_until,
        spread=_spread(document, place, shape, kind),
        short=(isinstance(shape, AssumptionShape) and shape.short) or "",
        place=place,
    )


def _bounds(
    document: Document, place: Place, shape: LiteralShape, kind: AssumptionKind, used_at: Place, unit: str
) -> tuple[float, float] | None:
    if (shape.low is None) != (shape.high is None):
        given, other = ("low", "high") if shape.high is None else ("high", "low")
        document.note(place, f"{given!r} without {other!r}", "expected both (a prior), or neither (fixed)")
    low, high = (
        read_quantity(document, (*place, bound), written, kind, used_at, unit) if written is not None else None
        for bound, written in (("low", shape.low), ("high", shape.high))
    )
    return (low.value, high.value) if low and high else None


_AMOUNT_WITH_UNIT = re.compile(r"\d[\d.]*\s*[A-Za-z]+")
"""An amount with its unit, such as "4.3 people"."""


def read_quantity(
    document: Document, place: Place, written: str, kind: QuantityKind | None, used_at: Place = (), unit: str = ""
) -> Quantity | None:
    """Return the quantity (number with a unit) that is written at a place of a file.

    If the text cannot be read, the problem is noted in the document and the result is None.

    Args:
        document: The file, which collects the problems.
        place: The place of the text in the file.
        written: The text, such as "2 per week".
        kind: The kind that the quantity must have. None: the form of the text decides.
        used_at: The place that uses the number. The message names it, if it is given.
        unit: The unit of an amount, which the text may leave out.
    """
    try:
        return parse(written, kind, unit)
    except QuantityError as error:
        use = f" ({dotted(used_at)} uses it)" if used_at else ""
        if kind is None and _AMOUNT_WITH_UNIT.fullmatch(written):
            use = ", or an impact that uses the amount"
        document.note(place if place in document.lines else place[:-1], error.what, error.expected + use)
        return None


def plain_number(written: str) -> float:
    """Return the number in a text, or nan if the text is no number or has a unit."""
    try:
        return parse(written, "number").value
    except QuantityError:
        return math.nan


def _kind_by_notation(document: Document, place: Place, quantity: Quantity) -> AssumptionKind | None:
    kind = quantity.kind
    if kind != "number":
        return kind
    if quantity.value > 0:
        return "factor"
    document.note(place, f"{quantity.text!r} is not above zero", "expected a rate, a chance, a factor or a time")
    return None


def _observed(document: Document, place: Place, shape: LiteralShape, kind: AssumptionKind) -> float | None:
    if shape.observed is None:
        return None
    if kind != "rate":
        document.note((*place, "observed"), f"an observed rate for {A_KIND[kind]}", "leave it out: only rates have one")
        return None
    quantity = read_quantity(document, (*place, "observed"), shape.observed, "rate")
    return quantity.value if quantity else None


def _spread(document: Document, place: Place, shape: LiteralShape, kind: AssumptionKind) -> float:
    if shape.spread is None:
        return 0.0
    if kind != "amount":
        document.note(
            (*place, "spread"), f"a spread for {A_KIND[kind]}", "leave it out: only amounts of impacts have one"
        )
        return 0.0
    spread = plain_number(shape.spread)
    if spread >= 0:
        return spread
    what = f"{shape.spread!r} is no standard deviation"
    document.note((*place, "spread"), what, "expected 0 or more, in the unit of the impact")
    return 0.0
