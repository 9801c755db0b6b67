"""The message about a log row that is impossible in a scenario, with four remedies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simlib.errors import SimlibError
from simlib.evidence.walk import ImpossibleRow
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading

_SHOWN = 3
"""Largest number of earlier rows that the message lists."""

REMEDIES = (
    "leave this row out (`ignore` in evidence.rows, with a reason), give it another outcome (`outcomes`), change "
    "evidence.history.start, or let a row say what changed (`set`)"
)


class ImpossibleLog(SimlibError):
    """A row of a log that no history of the scenario can explain."""


def explain_impossible(scenario: Scenario, readings: Iterable[Reading], error: ImpossibleRow) -> str:
    """Return the message about a row of a log that no state of the scenario can explain.

    The message names the row and the condition that it needs, the levels that were possible just before, earlier rows
    about the same variables, and the remedies.
    """
    reading = error.row.reading
    row = reading.row
    place = f"{row.file}:{row.line}: " if row.file else ""
    if reading.level is not None:
        needs = f"it says that {condition_in_words(reading.level, scenario)}"
        variables = set(reading.level.variables)
    else:
        moves = {move: scenario.moves[move] for move, _ in reading.firings}
        guards = [f"{name} is possible while {condition_in_words(move.when, scenario)}" for name, move in moves.items()]
        needs, variables = ", ".join(guards), {v for move in moves.values() for v in move.when.variables}
    possible = [
        f"{name} {' or '.join(variable.levels[level] for level in np.unique(error.levels[:, place]))}"
        for place, (name, variable) in enumerate(scenario.variables.items())
        if name in variables
    ]
    before = _rows_before(scenario, readings, error, variables)
    return (
        f"{place}{row.date} {row.word}: impossible in this scenario: {needs}; possible just before: "
        f"{', '.join(possible) or 'any level'}{before}; {REMEDIES}"
    )


def _rows_before(scenario: Scenario, readings: Iterable[Reading], error: ImpossibleRow, variables: set[str]) -> str:
    changed = [
        reading.row
        for reading in readings
        if scenario.day(reading.row.date) < error.day and reading is not error.row.reading
        for firing in reading.firings[:1]
        if variables & {effect.variable for effect in scenario.moves[firing[0]].outcome(firing[1]).effects}
    ]
    last = [f"{row.date} {row.word}" for row in sorted(changed, key=lambda row: row.date)[-_SHOWN:]]
    return f" (after {', '.join(last)})" if last else ""
