"""The reader of the moves of a file, which looks up names, reads numbers and notes problems."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simlib.errors import QuantityError
from simlib.scenario import model
from simlib.scenario.assumptions import UNREAD, Numbers, read_quantity
from simlib.scenario.condition_reader import Reader
from simlib.scenario.document import Document, Place
from simlib.scenario.schema.scenario_shape import EffectsWhenShape, FactorShape, MoveShape, OutcomeShape, WaitShape
from simlib.scenario.waits import stages_of

CLOCKS = ("rate", "takes", "at")
"""The keys that say when a move happens: at a rate, after a wait, or on a date. A move has exactly one."""


class MoveReader:
    """The reader of the moves of one file, given the ids of all `actors`, including `nature`."""

    def __init__(self, document: Document, numbers: Numbers, reader: Reader, actors: Sequence[str]) -> None:
        self.document, self.numbers, self.reader, self.actors = document, numbers, reader, actors

    def move(self, name: str, shape: MoveShape) -> model.Move:
        """Return the move `name`. Anything unreadable is noted in the document and left out."""
        place: Place = ("moves", name)
        self._check_actor(shape.actor, (*place, "actor"))
        self._check_actor(shape.target, (*place, "target"))
        once = self._has_one_clock(shape, place)
        return model.Move(
            id=name,
            actor=shape.actor,
            label=shape.label,
            rate=self.numbers.at((*place, "takes" if shape.takes else "rate")) if once and not shape.at else "",
            target=shape.target,
            when=self.reader.condition(shape.when, (*place, "when")),
            between=self._window(shape.between, (*place, "between")),
            factors=self._factors(shape.times, (*place, "times")),
            outcomes=tuple(self._outcomes(shape, place)),
            covert=shape.covert,
            sources=tuple(shape.sources),
            short=shape.short or "",
            takes=self._wait(shape.takes, (*place, "takes")) if once and shape.takes else None,
            at=shape.at if once else None,
        )

    def _has_one_clock(self, shape: MoveShape, place: Place) -> bool:
        given = [key for key in CLOCKS if getattr(shape, key) is not None]
        for key in given[1:]:
            self.document.note((*place, key), f"both {given[0]!r} and {key!r}", "expected one of them")
        if not given and not any(self.document.has_problem_in((*place, key)) for key in CLOCKS):
            expected = "expected 'rate' (how often), 'takes' (how long a wait) or 'at' (on which day)"
            self.document.note(place, "'rate' is missing", expected)
        for key in ("between", "times") if given == ["at"] else ():
            if getattr(shape, key):
                what = f"{key!r} beside 'at'"
                self.document.note((*place, key), what, "leave it out: on its date a move happens if 'when' holds")
        return len(given) == 1

    def _wait(self, shape: WaitShape, place: Place) -> model.Wait | None:
        median = self.numbers.assumptions.get(self.numbers.at(place))
        bounds = [
            read_quantity(self.document, (*place, name), getattr(shape, name), "duration") for name in ("low", "high")
        ]
        low, high = (None if bound is None else bound.value for bound in bounds)
        if median is None or low is None or high is None:
            return None
        named = not median.inline
        try:
            stages = stages_of(median.value, low, high)
            because, sources = (shape.because or "", tuple(shape.sources)) if named else ("", ())
            return model.Wait(stages, low, high, because, sources)
        except QuantityError as error:
            self.document.note(place, error.what, error.expected)
            return None

    def _factors(self, shapes: Sequence[FactorShape], place: Place) -> tuple[model.Factor, ...]:
        return tuple(self._factor(factor, (*place, index)) for index, factor in enumerate(shapes))

    def _factor(self, shape: FactorShape, place: Place) -> model.Factor:
        if (shape.by is None) == (shape.per is None):
            what = "both 'by' and 'per'" if shape.per else "neither 'by' nor 'per'"
            self.document.note(place, what, "expected exactly one of them")
        if shape.per is not None:
            variable = self.reader.variable(shape.per, (*place, "per"))
            if variable and not variable.counter:
                expected = "expected a variable with levels {from: ..., to: ...}"
                self.document.note((*place, "per"), f"{shape.per!r} is no counter", expected)
            if "outcomes" in place:
                self.document.note(
                    place, "'per' on the odds of an outcome", "expected 'per' only among the factors on the rate"
                )
            if shape.when is not None or shape.between is not None:
                what = f"{'when' if shape.when is not None else 'between'!r} beside 'per'"
                self.document.note(place, what, "leave it out: the rate is always proportional to the counter")
            return model.Factor("", per=shape.per if variable and variable.counter else "")
        return model.Factor(
            UNREAD if shape.by is None else self.numbers.at((*place, "by")),
            self.reader.condition(shape.when, (*place, "when")),
            self._window(shape.between, (*place, "between")),
        )

    def _window(self, written: Sequence[Any] | None, place: Place) -> model.Window | None:
        if written is None:
            return None
        first, last = written
        if first > last:
            what = f"the window ends ({last}) before it begins ({first})"
            self.document.note(place, what, "expected the earlier day first")
            return None
        return model.Window(first, last)

    def _outcomes(self, shape: MoveShape, place: Place) -> Iterator[model.Outcome]:
        if shape.outcomes is None:
            effects = self._effects(shape.then, (*place, "then"))
            yield model.Outcome("done", "done", None, effects)
            return
        if shape.then is not None:
            what = "a move with both 'then' and 'outcomes'"
            self.document.note((*place, "then"), what, "expected 'then' inside an outcome")
        for name, outcome in shape.outcomes.items():
            yield self._outcome(name, outcome, (*place, "outcomes", name))

    def _outcome(self, name: str, shape: OutcomeShape, place: Place) -> model.Outcome:
        chance = None if shape.chance is None else self.numbers.at((*place, "chance"))
        label = shape.label or name.replace("-", " ")
        effects, factors = self._effects(shape.then, (*place, "then")), self._factors(shape.times, (*place, "times"))
        return model.Outcome(name, label, chance, effects, factors)

    def _effects(
        self, written: Mapping[str, str] | Sequence[EffectsWhenShape] | None, place: Place
    ) -> tuple[model.Effect, ...]:
        if not isinstance(written, Sequence):
            return tuple(self._effects_in(written or {}, place))
        return tuple(
            dataclasses.replace(effect, when=when)
            for index, part in enumerate(written)
            for when in (self.reader.condition(part.when, (*place, index, "when")),)
            for effect in self._effects_in(part.set, (*place, index, "set"))
        )

    def _effects_in(self, written: Mapping[str, str], place: Place) -> Iterator[model.Effect]:
        effects = (self._effect(name, text, (*place, name)) for name, text in written.items())
        return (effect for effect in effects if effect)

    def _effect(self, name: str, text: str, place: Place) -> model.Effect | None:
        variable = self.reader.variable(name, place)
        if variable is None:
            return None
        if re.fullmatch(r"[+-]\d{1,3}", text, re.ASCII) and int(text):
            return model.Effect(name, shift=int(text))
        if re.fullmatch(r"[+-][\d.]+" if variable.counter else r"[+-]?[\d.]+", text, re.ASCII):
            what = f"{text!r} shifts nothing" if text.strip("+-0") == "" else f"the number {text!r} is no effect"
            self.document.note(place, what, "expected a level, or a whole number with its sign, such as +1 or -1")
            return None
        return model.Effect(name, level=text) if self.reader.level(variable, text, place) else None

    def _check_actor(self, name: str | None, place: Place) -> None:
        if name is not None:
            self.document.note_unknown("actor", name, place, self.actors)
