"""Histories with a given ending: drawn under this condition, or selected from a sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from simlib.analysis.paths.request import PATH_HISTORIES, never_happens
from simlib.analysis.samples import Sample, sampled
from simlib.arguments import exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.endpoint import histories_given
from simlib.machine.belief import Belief, belief_if_any, drawn_from
from simlib.machine.measures import By, Measure
from simlib.scenario.model import Scenario

CONDITIONAL_HISTORIES = 2_000
"""Largest number of histories that are drawn under the condition of an ending, and the default number."""


def ending_histories(
    scenario: Scenario,
    given: Measure | None,
    *,
    by: By = None,
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Sample:
    """Sample histories that end as `given` says, or histories with any ending if it is None.

    Args:
        scenario: The scenario, with its interventions.
        given: The ending. None: any.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        draws: A number of draws of the prior, or a belief (weighted draws). 0: the stated values.
        runs: Histories of each draw. Default: as many as make 5,000 in all. With `given`, the exact engine draws
            histories with this ending if it can. `runs` is then the number of all histories, at most 2,000 (the
            default).
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Raises ScenarioError if no sampled history has the ending, and the errors of `sampled` and `histories_given`.
    """
    how: dict[str, Any] = {"by": by, "seed": seed, "control": control}
    play = partial(sampled, scenario, draws, PATH_HISTORIES, runs, **how)
    if given is None:
        return play()

    def selected() -> Sample:
        sample = play()
        some = selected_given(sample, given)
        if not len(some):
            raise never_happens(sample.histories, given)
        return some

    draw = partial(drawn_given, scenario, given, draws=draws, runs=runs, **how)
    return exact_where_it_fits("auto", draw, selected)


def drawn_given(
    scenario: Scenario, given: Measure, *, draws: int | Belief, runs: int | None, seed: int, **how: Any
) -> Sample:
    """Draw histories under the condition of an ending.

    A rare ending takes no more time than a common one.

    The arguments are those of `ending_histories`. Raises the errors of `histories_given`.
    """
    count = min(runs or CONDITIONAL_HISTORIES, CONDITIONAL_HISTORIES)
    belief = belief_if_any(scenario, draws, seed=seed)
    sample = Sample.of(histories_given(scenario, given.name, count, draws=belief or 0, seed=seed, **how))
    over = drawn_from(belief, seed) | ({"runs": None} if belief else {})
    return replace(sample, provenance=sample.provenance | over | {"given": given.name})


def selected_given(sample: Sample, given: Measure) -> Sample:
    """Return the histories of a sample that have an ending."""
    index = list(sample.histories.scenario.endings).index(given.of)
    some = sample.only(np.flatnonzero(sample.histories.ending == index))
    return replace(some, provenance=sample.provenance | {"given": given.name, "histories": len(some)})
