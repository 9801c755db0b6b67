"""What is asked for by name, and how the states tell it: for gradients, and for histories given how they end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simlib.engines.exact.solver import Solver
from simlib.errors import Problem, ScenarioError, did_you_mean
from simlib.results import ONGOING
from simlib.typing import Bools, Floats


@dataclass(frozen=True)
class Measure:
    """One number the gradient is taken of, and how it is computed.

    `name` is "ending:ID", "question:ID", "level:VARIABLE=LEVEL", "rung:LADDER=RUNG" or "moves:ID" (expected count).
    """

    name: str
    terminal: Floats | None = None
    inside: Bools | None = None
    fired: Bools | None = None
    move: int = -1
    counted: Bools | None = None


def asked_for(solver: Solver, name: str) -> Measure:
    """Return how a named measure is computed; raises ScenarioError with the nearest known name."""
    kind, _, rest = name.partition(":")
    found = {"ending": _ending, "question": _question, "level": _level, "rung": _rung, "moves": _moves}.get(kind)
    if found is None:
        raise _unknown(name, kind, ["ending:ID", "question:ID", "level:VARIABLE=LEVEL", "rung:LADDER=RUNG", "moves:ID"])
    return found(solver, name, rest)


def _ending(solver: Solver, name: str, ending: str) -> Measure:
    known = [*solver.scenario.endings, ONGOING]
    if ending not in known:
        raise _unknown(name, ending, known)
    index = -1 if ending == ONGOING else known.index(ending)
    return Measure(name, terminal=(solver.space.ending == index).astype(float))


def _question(solver: Solver, name: str, question_id: str) -> Measure:
    questions = solver.scenario.questions
    if question_id not in questions:
        raise _unknown(name, question_id, questions)
    question = questions[question_id]
    if question.when is not None:
        return Measure(name, inside=solver.tables.holds(question.when, solver.space.levels))
    pairs = solver.question_pairs(question)
    return Measure(name, fired=pairs, move=solver.tables.move(question.move or ""))


def _level(solver: Solver, name: str, text: str) -> Measure:
    variable, _, level = text.partition("=")
    if variable not in solver.tables.variable_ids:
        raise _unknown(name, variable, solver.tables.variable_ids)
    index = solver.tables.variable(variable)
    if level not in solver.tables.level_ids[index]:
        raise _unknown(name, level, solver.tables.level_ids[index])
    return Measure(name, terminal=(solver.space.levels[:, index] == solver.tables.level(variable, level)).astype(float))


def _rung(solver: Solver, name: str, text: str) -> Measure:
    ladder, _, rung = text.partition("=")
    ladders = solver.scenario.ladders
    if ladder not in ladders:
        raise _unknown(name, ladder, ladders)
    names = [step.id for step in ladders[ladder].rungs]
    if rung not in names:
        raise _unknown(name, rung, names)
    rungs = solver.tables.rungs(solver.space.levels)[list(ladders).index(ladder)]
    return Measure(name, terminal=(rungs == names.index(rung)).astype(float))


def _moves(solver: Solver, name: str, move: str) -> Measure:
    if move not in solver.tables.move_ids:
        raise _unknown(name, move, solver.tables.move_ids)
    index = solver.tables.move(move)
    return Measure(name, counted=solver.tables.entry_move[solver.space.pair_entry] == index, move=index)


def _unknown(measure: str, name: str, known: Iterable[str]) -> ScenarioError:
    known = list(known)
    return ScenarioError(Problem("", 0, f"measure {measure!r}", f"{name!r} is not known", did_you_mean(name, known)))
