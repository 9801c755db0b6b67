"""The likeliest path classes on a ladder, searched exactly or counted in sampled histories.

A ladder is a scale of escalation, and its rungs are the levels. A path class is the order in which histories first
visit the rungs, together with the ending on the target day (or none).
"""

from __future__ import annotations

import itertools
from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from simlib.analysis.paths.request import (
    PATH_HISTORIES,
    cannot_happen,
    engine_over,
    known_ending,
    known_ladder,
    never_happens,
    rungs_of_rows,
)
from simlib.analysis.paths.result import Branch, PathClass, Paths
from simlib.analysis.paths.search import PathSearch
from simlib.analysis.samples import Sample, sampled
from simlib.answer import provenance
from simlib.arguments import PATH_CLASSES, Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.solver import Solver
from simlib.engines.montecarlo.replay import Histories
from simlib.machine.belief import Belief
from simlib.machine.measures import By, days_by
from simlib.results import ONGOING
from simlib.scenario.model import Scenario

__all__ = ["Branch", "PathClass", "Paths", "counted_paths", "courses", "paths", "searched_paths"]

MOST_PREFIXES = 400
"""The exact search follows at most this many beginnings of paths (rungs visited first, in order)."""


def paths(
    scenario: Scenario,
    *,
    given: str | None = None,
    ladder: str | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Paths:
    """Return the 20 most probable path classes of a ladder, by an exact search or by counting.

    A path class holds all histories that first visit the rungs (levels) of the ladder in the same order, and that have
    the same ending (or none) on the target day.

    Args:
        scenario: The scenario, with its interventions.
        given: An ending to condition on, such as "ending:open-war".
        ladder: The id of the ladder. Default: the ladder that the scenario shows first.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: "exact" searches at the stated values, "montecarlo" counts histories. "auto" searches if `draws` is 0
            and the states are few enough.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). 0: the values
            stated in the scenario.
        runs: Histories of each draw that Monte Carlo simulates. Default: as many as make 5,000 in all.
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Returns:
        The classes. The sentences of the answer say if the exact search stopped before these classes were certain.

    Raises:
        ScenarioError: For unknown names, a day outside the forecast, no ladder, or an ending that cannot happen.
        Unsupported: For a `given` that is not an ending, a belief about another scenario or date, and "exact" over
            draws.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    days = days_by(scenario, by)
    which: dict[str, Any] = {"given": given, "ladder": known_ladder(scenario, ladder)}
    if given:
        known_ending(scenario, given)
    play = partial(sampled, scenario, draws, PATH_HISTORIES, runs, by=days, seed=seed, control=control)
    return exact_where_it_fits(
        engine_over(draws, engine),
        lambda: searched_paths(scenario, **which, by=days, control=control),
        lambda: counted_paths(play(), **which),
    )


def searched_paths(
    scenario: Scenario,
    *,
    ladder: str | None = None,
    given: str | None = None,
    by: By = None,
    top: int = PATH_CLASSES,
    control: Control = UNWATCHED,
) -> Paths:
    """Search exactly for the `top` most probable path classes, at the stated values.

    Args:
        scenario: The scenario, with its interventions.
        ladder: The id of the ladder. Default: the ladder that the scenario shows first.
        given: An ending to condition on, such as "ending:open-war".
        by: The target: a date, or days after `as_of`. Default: the horizon.
        top: Number of classes.
        control: Progress callback and cancellation.

    Raises the errors of `paths`.
    """
    ladder, target = known_ladder(scenario, ladder), known_ending(scenario, given) if given else None
    days = days_by(scenario, by)
    solver = Solver(scenario, times=1, by=days, control=control.silent())
    wanted = -1 if target is None else list(scenario.endings).index(target.of)
    outcome = PathSearch(solver, ladder, wanted, control).run(top, MOST_PREFIXES)
    if target is not None and outcome.total <= 0:
        raise cannot_happen(scenario, target, days)
    ids, endings = [step.id for step in scenario.ladders[ladder].rungs], [*scenario.endings, ONGOING]
    scale = 1.0 if target is None else outcome.total
    error = outcome.error / max(scale, 1e-300)
    classes = tuple(
        PathClass(
            tuple(ids[r] for r in rungs), endings[ending], mass / scale, mass / scale, min(mass / scale + error, 1.0)
        )
        for mass, rungs, ending in outcome.classes
    )
    entered = dict(outcome.prefixes)
    tree = tuple(
        Branch(tuple(ids[r] for r in rungs), mass / scale, mass / entered.get(rungs[:-1], outcome.total))
        for rungs, mass in outcome.prefixes
    )
    size = {"prefixes": len(outcome.prefixes), "states": len(solver.space), "by_day": days, "top": top}
    covered, rest = sum(c.probability for c in classes), (outcome.left / scale, outcome.unassigned / scale)
    source = provenance(scenario, engine="exact", draws=0, **size)
    return Paths(scenario, ladder, days, target, scale, classes, covered, tree, *rest, source)


def counted_paths(
    played: Histories | Sample, *, ladder: str | None = None, given: str | None = None, top: int = PATH_CLASSES
) -> Paths:
    """Return the most frequent path classes of sampled histories, each with its 95% interval.

    A path class holds all histories that first visit the rungs (levels) of the ladder in the same order, and that have
    the same ending (or none) on the target day. If the histories come from several draws (sets of assumption values),
    each history has the weight of its draw. The intervals then allow for histories that share a draw.

    Args:
        played: The histories.
        ladder: The id of the ladder. Default: the ladder that the scenario shows first.
        given: An ending, such as "ending:open-war". Histories with another ending, or with none, are left out.
        top: Number of classes.

    Raises:
        ScenarioError: For unknown names, and if no history has the ending.
        Unsupported: For a `given` that is not an ending.
    """
    drawn = Sample.of(played)
    histories = drawn.histories
    scenario, ladder = histories.scenario, known_ladder(histories.scenario, ladder)
    target = known_ending(scenario, given) if given else None
    pairs = courses(histories, ladder)
    inside = np.array([target is None or ending == target.of for _, ending in pairs], dtype=bool)
    whole = float(drawn.weight[inside].sum())
    if target is not None and not whole:
        raise never_happens(histories, target)
    weights: Counter[tuple[tuple[str, ...], str]] = Counter()
    prefixes: Counter[tuple[str, ...]] = Counter()
    for place in np.flatnonzero(inside).tolist():
        pair, weight = pairs[place], float(drawn.weight[place])
        weights[pair] += weight  # type: ignore[assignment]
        for depth in range(len(pair[0])):
            prefixes[pair[0][: depth + 1]] += weight  # type: ignore[assignment]
    classes = tuple(
        PathClass(*pair, *drawn.share(np.array([each == pair for each in pairs]), inside))
        for pair, _ in weights.most_common(top)
    )
    tree = tuple(
        Branch(rungs, weight / whole, weight / prefixes.get(rungs[:-1], whole))
        for rungs, weight in sorted(prefixes.items(), key=lambda item: -item[1])
    )
    source = drawn.provenance | {"histories": int(inside.sum()), "by_day": histories.horizon, "top": top}
    given_probability, covered = whole / float(drawn.weight.sum()), sum(c.probability for c in classes)
    subject, source = (scenario, ladder, histories.horizon, target), provenance(scenario, **source)
    return Paths(*subject, given_probability, classes, covered, tree, 0.0, 0.0, source)


def courses(played: Histories, ladder: str) -> list[tuple[tuple[str, ...], str]]:
    """Return each history's rungs on a ladder, in the order of first visits, and its ending."""
    names, rungs = [rung.id for rung in played.scenario.ladders[ladder].rungs], rungs_of_rows(played, ladder)
    endings = [*played.scenario.endings, ONGOING]
    return [
        (tuple(names[r] for r in dict.fromkeys(rungs[first:last].tolist())), endings[ending])
        for (first, last), ending in zip(itertools.pairwise(played.start), played.ending, strict=True)
    ]
