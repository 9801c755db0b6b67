"""Checks of a request for paths: its engine, its ladder, and the ending to condition on."""

from __future__ import annotations

from simlib.arguments import Engine
from simlib.engines.montecarlo.replay import Histories
from simlib.errors import Problem, ScenarioError, Unsupported, did_you_mean
from simlib.formatting import long_date, quoted
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure, find
from simlib.machine.tables import Tables
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.typing import Ints

PATH_HISTORIES = 5_000
"""Default number of histories that are counted."""


def engine_over(draws: int | Belief, engine: Engine) -> Engine:
    """Return the engine for a question about paths: Monte Carlo for draws, else `engine`.

    Raises Unsupported if `engine` is "exact" although there are draws.
    """
    if not isinstance(draws, Belief) and draws == 0:
        return engine
    if engine == "exact":
        over = f"the belief {quoted(draws.name)}" if isinstance(draws, Belief) else "draws of the priors"
        raise Unsupported(f"the exact engine follows paths at the stated values, not over {over}; use Monte Carlo")
    return "montecarlo"


def known_ladder(scenario: Scenario, ladder: str | None) -> str:
    """Return the id of a ladder (default: the ladder that the scenario shows first).

    Raises ScenarioError for an unknown name, and for a scenario without ladders.
    """
    if not scenario.ladders:
        expected = "expected a scenario with a ladder"
        raise ScenarioError(Problem("", 0, "ladder", f"{scenario.id!r} has no ladder", expected))
    name = ladder or scenario.ladder or next(iter(scenario.ladders))
    if name not in scenario.ladders:
        raise ScenarioError(Problem("", 0, "ladder", f"{name!r} is not known", did_you_mean(name, scenario.ladders)))
    return name


def known_ending(scenario: Scenario, name: str) -> Measure:
    """Return the measure of the ending to condition on, such as "ending:open-war".

    Raises ScenarioError for an unknown name, and Unsupported for a measure that is not an ending.
    """
    (target,) = find(scenario, name)
    if target.kind != "ending" or target.of == ONGOING:
        raise Unsupported(f"paths can be conditional on an ending, such as ending:ID, not on {target.name!r}")
    return target


def cannot_happen(scenario: Scenario, given: Measure, day: float) -> ScenarioError:
    """Return the error for an ending that has probability zero by a day."""
    what = f"{given.words} cannot happen by {long_date(scenario.by_date(day))}: no history leads there"
    return ScenarioError(Problem("", 0, "given", what, "expected an ending that can happen"))


def never_happens(histories: Histories, given: Measure) -> ScenarioError:
    """Return the error for an ending that no sampled history has."""
    what = f"none of the {len(histories):,} histories ends in {given.words}"
    return ScenarioError(Problem("", 0, "given", what, "expected more histories, or histories drawn given that ending"))


def rungs_of_rows(histories: Histories, ladder: str) -> Ints:
    """Return the index of the rung (level) of a ladder at each row of the histories (N,).

    Each history has one row for its start and one for each event.
    """
    return Tables(histories.scenario).rungs(histories.levels)[list(histories.scenario.ladders).index(ladder)]
