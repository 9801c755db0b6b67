"""Resolve the short form of a scenario, as people write it, into a `Scenario`.

Every reference is looked up and every number is read. Anything unreadable is noted in the document and left out, so
that all other parts of the file are still checked. If a problem was noted, the scenario lacks parts of its file and
must not be used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simlib.errors import did_you_mean
from simlib.scenario import model
from simlib.scenario.assumptions import REST_WORD, Numbers, plain_number, read_quantity
from simlib.scenario.condition_reader import Reader
from simlib.scenario.document import Document, Place
from simlib.scenario.evidence import Evidence
from simlib.scenario.evidence_reader import EvidenceReader
from simlib.scenario.model import Scenario, Variable
from simlib.scenario.move_reader import MoveReader
from simlib.scenario.moves import unknown_outcome
from simlib.scenario.schema.scenario_shape import (
    ActorShape,
    CounterShape,
    ImpactShape,
    LadderShape,
    LullShape,
    RepeatsShape,
    RungShape,
    ScenarioShape,
    VariableShape,
)

MAX_HORIZON_DAYS = 36_525
"""Largest horizon in days: a century."""


def resolve(document: Document, shape: ScenarioShape) -> Scenario:
    """Return the scenario in a document that fits the schema.

    Unknown names and unreadable numbers are noted in the document and left out.
    """
    return _Resolver(document, shape).scenario()


class _Resolver:
    """The maker of a scenario, which reads each section after the sections to which it refers."""

    def __init__(self, document: Document, shape: ScenarioShape) -> None:
        self.document, self.shape = document, shape
        self.numbers = Numbers(document, shape)
        levels = {name: self._variable(name, variable) for name, variable in shape.variables.items()}
        self.reader = Reader(document, levels, document.names("variables"))
        self.variables = {
            name: dataclasses.replace(
                variable, start=self._shares(variable, shape.variables[name].start, ("variables", name, "start"))
            )
            for name, variable in levels.items()
        }

    def scenario(self) -> Scenario:
        shape = self.shape
        reads = MoveReader(self.document, self.numbers, self.reader, (*shape.actors, model.NATURE))
        moves = {name: reads.move(name, move) for name, move in shape.moves.items()}
        return Scenario(
            id=shape.id,
            title=shape.title,
            as_of=shape.as_of,
            horizon_days=read_horizon(self.document, shape.horizon) or 1.0,
            actors=self._actors(),
            variables=self.variables,
            assumptions=self.numbers.assumptions,
            moves=moves,
            endings=self._endings(),
            ladders={name: self._ladder(name, ladder) for name, ladder in shape.ladders.items()},
            questions=self._questions(),
            impacts={name: self._impact(name, impact) for name, impact in shape.impacts.items()},
            sources={
                name: model.Source(name, source.title, source.date, source.url or "", source.note or "")
                for name, source in shape.sources.items()
            },
            correlations=tuple(self._correlations()),
            description=shape.description or "",
            reference_class=shape.reference_class or "",
            ladder=self._first_ladder(),
            headline=self._headline(),
            evidence=self._evidence(moves),
            log_assumptions=self.numbers.of_the_log,
        )

    # Variables

    def _variable(self, name: str, shape: VariableShape) -> Variable:
        labels: tuple[tuple[str, str], ...] = ()
        if isinstance(shape.levels, CounterShape):
            levels = self._numbers(name, shape.levels)
        else:
            levels = self._levels(name, [entry if isinstance(entry, str) else entry.level for entry in shape.levels])
            labels = tuple((entry.level, entry.label) for entry in shape.levels if not isinstance(entry, str))
        return Variable(
            name,
            shape.label or name.replace("-", " "),
            levels,
            start=(),
            hidden=shape.hidden,
            because=shape.because or "",
            sources=tuple(shape.sources),
            level_labels=labels,
            counter=isinstance(shape.levels, CounterShape),
        )

    def _levels(self, name: str, listed: Sequence[str]) -> tuple[str, ...]:
        for index, level in enumerate(listed):
            if level in listed[:index]:
                place: Place = ("variables", name, "levels", index)
                self.document.note(place, f"the level {level!r} is listed twice", "keep one")
        return tuple(dict.fromkeys(listed))

    def _numbers(self, name: str, ends: CounterShape) -> tuple[str, ...]:
        if ends.from_ >= ends.to:
            what = f"a counter from {ends.from_} to {ends.to}"
            self.document.note(("variables", name, "levels"), what, "expected 'to' above 'from'")
        return tuple(str(number) for number in range(ends.from_, max(ends.to, ends.from_ + 1) + 1))

    def _evidence(self, moves: Mapping[str, model.Move]) -> Evidence | None:
        shape = self.shape.evidence
        if shape is None:
            return None
        return EvidenceReader(self.document, self.reader, self.numbers, moves, self._shares).read(shape)

    def _shares(self, variable: Variable, written: Any, place: Place) -> tuple[tuple[str, str | None], ...]:
        """Return the possible starting levels of a variable, in the form of `Variable.start`."""
        if isinstance(written, str):
            known = self.reader.level(variable, written, place)
            return ((written if known else variable.levels[0], None),)
        for level in written:
            self.reader.level(variable, level, (*place, level))
        return tuple(
            (level, None if share == REST_WORD else self.numbers.at((*place, level)))
            for level, share in written.items()
        )

    # Actors

    def _actors(self) -> dict[str, model.Actor]:
        actors = {
            name: model.Actor(name, actor.label if isinstance(actor, ActorShape) else actor)
            for name, actor in self.shape.actors.items()
        }
        return actors if model.NATURE in actors else {model.NATURE: model.Actor(model.NATURE, "Nature")} | actors

    # Endings, questions, impacts, ladders, correlations

    def _endings(self) -> dict[str, model.Ending]:
        endings = {}
        for name, shape in self.shape.endings.items():
            place: Place = ("endings", name, "when")
            self._refuse_empty(shape.when, place)
            when = self.reader.condition(shape.when, place)
            endings[name] = model.Ending(name, shape.label, when, shape.because or "", shape.short or "")
        return endings

    def _refuse_empty(self, written: Any, place: Place) -> None:
        empty = written == {} or (isinstance(written, list) and {} in written)
        if empty and not self.document.has_problem_in(place):
            self.document.note(place, "an empty condition holds from the first day", "expected {variable: levels}")

    def _questions(self) -> dict[str, model.Question]:
        questions = {}
        for name, shape in self.shape.questions.items():
            place: Place = ("questions", name)
            given = [key for key in ("when", "move", "lull", "count") if getattr(shape, key) is not None]
            if len(given) > 1 or not (given or self.document.has_problem_in(place)):
                what = " and ".join(map(repr, given)) if given else "no 'when', 'move', 'lull' or 'count'"
                self.document.note(place, what, "expected exactly one of 'when', 'move', 'lull' and 'count'")
            if shape.when is not None:
                self._refuse_empty(shape.when, (*place, "when"))
            self._check_event(shape.move, shape.outcome, place)
            when = None if shape.when is None else self.reader.condition(shape.when, (*place, "when"))
            questions[name] = model.Question(
                name,
                shape.label,
                when,
                shape.move,
                shape.outcome,
                shape.resolves,
                shape.decides or "",
                self._lull(shape.lull, (*place, "lull")),
                self._repeats(shape.count, (*place, "count")),
                short=shape.short or "",
            )
        return questions

    def _lull(self, shape: LullShape | None, place: Place) -> model.Lull | None:
        return None if shape is None else model.Lull(self._moves_named(shape.moves, place), shape.days)

    def _repeats(self, shape: RepeatsShape | None, place: Place) -> model.Repeats | None:
        if shape is None:
            return None
        if (shape.move is None) == (shape.moves is None):
            what = "both 'move' and 'moves'" if shape.move else "neither 'move' nor 'moves'"
            self.document.note(place, what, "expected exactly one of them")
        self._check_event(shape.move, None, place)
        listed = (shape.move,) if shape.move is not None else self._moves_named(shape.moves or (), place)
        return model.Repeats(listed, shape.at_least)

    def _moves_named(self, names: Sequence[str], place: Place) -> tuple[str, ...]:
        if not names and not self.document.has_problem_in(place):
            self.document.note((*place, "moves"), "no move is listed", "expected ids of moves")
        for index, name in enumerate(names):
            here = (*place, "moves", index)
            if name in names[:index]:
                self.document.note(here, f"the move {name!r} is listed twice", "keep one")
            else:
                self.document.note_unknown("move", name, here, self.shape.moves)
        return tuple(dict.fromkeys(names))

    def _check_event(self, move: str | None, outcome: str | None, place: Place) -> None:
        if move is None:
            if outcome is not None:
                self.document.note((*place, "outcome"), "an outcome without its move", "expected 'move' beside it")
            return
        self.document.note_unknown("move", move, (*place, "move"), self.shape.moves)
        if move not in self.shape.moves:
            return
        outcomes = self.shape.moves[move].outcomes or ("done",)
        if outcome is not None and outcome not in outcomes:
            self.document.note((*place, "outcome"), *unknown_outcome(move, outcome, outcomes))

    def _impact(self, name: str, shape: ImpactShape) -> model.Impact:
        place: Place = ("impacts", name)
        if not (shape.on or shape.per_day or shape.at):
            self.document.note(place, "nothing is counted", "expected 'on', 'per_day' or 'at'")
        for index, impulse in enumerate(shape.on):
            self._check_event(impulse.move, impulse.outcome, (*place, "on", index))
        for index, terminal in enumerate(shape.at):
            ending = (*place, "at", index, "ending")
            self.document.note_unknown("ending", terminal.ending, ending, self.shape.endings)
        return model.Impact(
            name,
            shape.label,
            shape.unit,
            on=tuple(
                model.ImpulseReward(impulse.move, self.numbers.at((*place, "on", index, "each")), impulse.outcome)
                for index, impulse in enumerate(shape.on)
            ),
            per_day=tuple(
                model.RateReward(
                    self.numbers.at((*place, "per_day", index, "amount")),
                    self.reader.condition(rate.when, (*place, "per_day", index, "when")),
                )
                for index, rate in enumerate(shape.per_day)
            ),
            at_endings=tuple(
                model.TerminalReward(terminal.ending, self.numbers.at((*place, "at", index, "amount")))
                for index, terminal in enumerate(shape.at)
            ),
        )

    def _ladder(self, name: str, shape: LadderShape | list[RungShape]) -> model.Ladder:
        rungs = shape.rungs if isinstance(shape, LadderShape) else shape
        place: Place = ("ladders", name, "rungs") if isinstance(shape, LadderShape) else ("ladders", name)
        label = (isinstance(shape, LadderShape) and shape.label) or name.replace("-", " ")
        return model.Ladder(name, label, tuple(self._rungs(rungs, place)))

    def _rungs(self, shapes: Sequence[RungShape], place: Place) -> Iterator[model.Rung]:
        before: set[str] = set()
        for index, rung in enumerate(shapes):
            here = (*place, index)
            if rung.rung in before:
                self.document.note((*here, "rung"), f"the rung {rung.rung!r} is listed twice", "keep one")
            before.add(rung.rung)
            if index == 0 and rung.when is not None:
                self.document.note((*here, "when"), "the first rung has a condition", "expected none: it always holds")
            if index and not rung.when:
                what = f"the rung {rung.rung!r} has no condition"
                self.document.note(here, what, "expected 'when': only the first rung always holds")
            when = self.reader.condition(rung.when if index else None, (*here, "when"))
            yield model.Rung(rung.rung, when, rung.label or rung.rung, rung.short or "")

    def _first_ladder(self) -> str:
        ladders, wanted = self.shape.ladders, self.shape.ladder
        if wanted is None:
            return next(iter(ladders), "")
        if wanted not in ladders and wanted not in self.document.names("ladders"):
            expected = did_you_mean(wanted, ladders) or "expected an id from 'ladders'"
            self.document.note(("ladder",), f"unknown ladder {wanted!r}", expected)
        return wanted

    def _headline(self) -> str:
        """Return the main measure as "question:ID" or "ending:ID", or "" if the file names none.

        If the name is unknown or not unique, a problem is noted, and the result is "" too.
        """
        wanted = self.shape.headline
        if wanted is None:
            return ""
        homes = [kind for kind in ("question", "ending") if wanted in self.document.names(f"{kind}s")]
        if len(homes) == 1:
            return f"{homes[0]}:{wanted}"
        if homes:
            what, expected = "is both a question and an ending", "expected another id for one of them"
        else:
            known = [*self.shape.questions, *self.shape.endings]
            what, expected = "is no question and no ending", did_you_mean(wanted, known)
        self.document.note(("headline",), f"{wanted!r} {what}", expected)
        return ""

    def _correlations(self) -> Iterator[model.Correlation]:
        for index, shape in enumerate(self.shape.correlations):
            place: Place = ("correlations", index)
            known = [self._is_assumption(name, (*place, "of", at)) for at, name in enumerate(shape.of)]
            rank = self._rank(shape.rank, (*place, "rank"))
            if all(known) and rank is not None:
                first, second = shape.of
                yield model.Correlation(first, second, rank, shape.because, tuple(shape.sources))

    def _is_assumption(self, name: str, place: Place) -> bool:
        known = self.numbers.assumptions
        if name not in known and not self.numbers.mentioned(name):
            self.document.note(place, f"unknown assumption {name!r}", did_you_mean(name, known))
        return name in known

    def _rank(self, written: str, place: Place) -> float | None:
        rank = plain_number(written)
        if -1 < rank < 1:
            return rank
        what = f"{written!r} is no rank correlation"
        self.document.note(place, what, "expected a number between -1 and 1, such as 0.4")
        return None


def read_horizon(document: Document, written: str) -> float | None:
    """Return a horizon, such as "90 days", in days.

    A text that cannot be read, or that means more than a century, is noted as a problem in the document. The result is
    then None.
    """
    horizon = read_quantity(document, ("horizon",), written, "duration")
    if horizon is not None and horizon.value > MAX_HORIZON_DAYS:
        document.note(("horizon",), f"{written!r} is more than a century", "expected at most 100 years")
        return None
    return None if horizon is None else horizon.value
