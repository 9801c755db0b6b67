"""The uncertain assumptions as inputs of an analysis: independent groups, and their ranking.

A *normal score* of 1 is one standard deviation of an assumption on the scale of its prior. That is about 60% of the way
from its value to its 95th percentile. A *swing* is the change of a measure when an assumption moves by one score.

A swing comes from the exact gradient if the states can be enumerated. Otherwise it comes from Monte Carlo under common
random numbers, with the assumption one score up and one score down. A swing is a linear estimate. It is good enough to
choose the assumptions that deserve the full computation (factor screening).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from simlib.analysis.evaluator import Responses
from simlib.arguments import Engine, whole
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.adjoint import Adjoint
from simlib.engines.exact.forecast import Solver
from simlib.errors import DOES_NOT_FIT, Problem, Unsupported, did_you_mean, refuse
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.belief import Belief, belief_of, quantiles
from simlib.machine.measures import By, Measure, days_by
from simlib.machine.priors import insist_on_uncertain
from simlib.scenario.model import Scenario
from simlib.scenario.scales import Z_95TH_PERCENTILE, forward
from simlib.typing import Floats

__all__ = ["SCREENING_RUNS", "Input", "inputs", "largest_shares", "score_slopes", "steepest_of_each", "swings"]
__all__ += ["steepest_first", "tangent_spreads", "with_ranges_of"]

SCREENING_RUNS = 4000
"""Replicates at each of the two values of an assumption when it is screened by Monte Carlo."""


@dataclass(frozen=True)
class Input:
    """One input of an analysis: one assumption, or several that vary together.

    assumptions: the ids of these assumptions.
    columns: the positions of these assumptions among all assumptions of the scenario.
    """

    name: str
    label: str
    assumptions: tuple[str, ...]
    columns: tuple[int, ...]

    @property
    def tied(self) -> bool:
        """Whether the input joins assumptions that are correlated, and not those of a named group."""
        return len(self.assumptions) > 1 and self.name == "+".join(self.assumptions)


def inputs(scenario: Scenario, groups: Mapping[str, Iterable[str]] | None = None) -> list[Input]:
    """Return the uncertain assumptions as independent inputs, correlated ones as one input.

    Args:
        scenario: The scenario.
        groups: Groups of assumptions that form one input each, {name: assumptions}, such as a group for each actor or
            for each source. An assumption in no group is an input by itself, unless it is correlated with others.

    Raises:
        ScenarioError: For an unknown or fixed assumption, and for an assumption in two groups.
        Unsupported: For a group with only some of several correlated assumptions, or when every assumption is fixed.
    """
    position = {name: column for column, name in enumerate(scenario.assumptions)}
    tied = _tied(scenario)
    wanted = {name: tuple(members) for name, members in (groups or {}).items()}
    _refuse_unknown(scenario, wanted)
    for name, members in wanted.items():
        for group in tied:
            if set(group) & set(members) and not set(group) <= set(members):
                raise Unsupported(
                    f"the group {name!r} has only some of the correlated assumptions {', '.join(group)}: shares of a "
                    "spread are only defined for independent inputs; put all of these into one group"
                )
    taken = {member for members in wanted.values() for member in members}
    result = [Input(name, name, members, tuple(position[a] for a in members)) for name, members in wanted.items()]
    for group in tied:
        if not set(group) & taken:
            labels = " + ".join(scenario.assumptions[name].label for name in group)
            result.append(Input("+".join(group), labels, group, tuple(position[name] for name in group)))
    return result


def with_ranges_of(scenario: Scenario, draws: int | Belief, *, seed: int = 0) -> tuple[Scenario, Belief | None]:
    """Return the scenario with values and ranges taken from draws, and the draws as a belief.

    Each uncertain assumption gets the median and the 90% range of its draws. `draws` is a belief (weighted draws) or a
    number of draws of the prior. With 0, return the unchanged scenario, and None. Raises Unsupported for a belief about
    another scenario or date.
    """
    if not isinstance(draws, Belief) and draws == 0:
        return scenario, None
    if not isinstance(draws, Belief):
        whole("draws", draws, 2)  # one draw has no range
    belief = belief_of(scenario, draws, seed=seed)
    points = quantiles(belief.theta, (0.05, 0.5, 0.95), belief.weights).T.tolist()
    ranges = {
        name: a if a.fixed else replace(a, low=low, value=value, high=high)
        for (name, a), (low, value, high) in zip(scenario.assumptions.items(), points, strict=True)
    }
    return scenario.replace(assumptions=ranges), belief


def _tied(scenario: Scenario) -> list[tuple[str, ...]]:
    """Return the uncertain assumptions in groups. Correlated assumptions share a group."""
    names = [assumption.id for assumption in insist_on_uncertain(scenario)]
    group = {name: {name} for name in names}
    for pair in scenario.correlations:
        if pair.rank != 0 and pair.first in group and pair.second in group:
            joined = group[pair.first] | group[pair.second]
            group |= dict.fromkeys(joined, joined)
    return list(dict.fromkeys(tuple(n for n in names if n in group[name]) for name in names))


def _refuse_unknown(scenario: Scenario, groups: Mapping[str, Sequence[str]]) -> None:
    problems, earlier = [], set()
    for name, members in groups.items():
        for member in members:
            assumption = scenario.assumptions.get(member)
            if assumption is None:
                expected = did_you_mean(member, scenario.assumptions)
                problems.append(Problem("", 0, f"group {name!r}", f"{member!r} is not an assumption", expected))
            elif assumption.fixed or member in earlier:
                what = f"{member!r} is fixed" if assumption.fixed else f"{member!r} is in two groups"
                problems.append(Problem("", 0, f"group {name!r}", what, "expected each uncertain assumption once"))
            earlier.add(member)
    refuse(problems)


# -------------------------------------------------------------------- screening


def score_slopes(scenario: Scenario) -> Floats:
    """Return the change of each of A assumptions per normal score, at its stated value (A,).

    The change is in base units, and 0 for fixed assumptions.
    """
    slopes = np.zeros(len(scenario.assumptions))
    for column, a in enumerate(scenario.assumptions.values()):
        if not a.fixed:
            spread = float(forward(a.kind, a.high) - forward(a.kind, a.low)) / (2 * Z_95TH_PERCENTILE)
            slopes[column] = spread * a.value * ((1 - a.value) if a.kind == "chance" else 1.0)
    return slopes


def swings(
    scenario: Scenario,
    measures: Sequence[Measure],
    *,
    by: By = None,
    engine: Engine = "auto",
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Floats:
    """Return the change of M measures per normal score of each of A assumptions (A, M).

    Args:
        scenario: The scenario.
        measures: The measures.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: "auto" is the exact gradient, or Monte Carlo if there are too many states or a measure needs histories.
        seed: Seed of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    day = days_by(scenario, by)
    if engine != "montecarlo":
        try:
            solver = Solver(with_events(scenario, measures, day), times=1, control=control.silent())
        except DOES_NOT_FIT:
            if engine == "exact":
                raise
        else:
            needed = {
                name for m in measures for name in ((m.both, m.condition) if m.kind == "given" else (m.question_id,))
            }
            if engine == "exact" or not needed & solver.by_histories.keys():
                return _swings_by_gradient(solver, scenario, measures, day, control)
    return _swings_by_replicates(scenario, measures, day, seed, control)


def _swings_by_gradient(
    solver: Solver, scenario: Scenario, measures: Sequence[Measure], day: float, control: Control
) -> Floats:
    adjoint = Adjoint(solver, priors.theta(scenario), by=day, control=control.silent())
    columns = []
    for place, measure in enumerate(measures):
        columns.append(adjoint.of(measure.name)[1] * score_slopes(scenario))
        control.report((place + 1) / len(measures))
    return np.stack(columns, axis=1)


def _swings_by_replicates(
    scenario: Scenario, measures: Sequence[Measure], day: float, seed: int, control: Control
) -> Floats:
    free = [column for column, a in enumerate(scenario.assumptions.values()) if not a.fixed]
    scores = np.zeros((2 * len(free), len(scenario.assumptions)))
    scores[np.arange(len(free)), free], scores[len(free) + np.arange(len(free)), free] = 1.0, -1.0
    responses = Responses(scenario, measures, engine="montecarlo", by=day, runs=SCREENING_RUNS, seed=seed)
    values = responses(priors.values_from_scores(scenario, scores), control=control).mean(axis=1)
    result = np.zeros((len(scenario.assumptions), len(measures)))
    result[free] = (values[: len(free)] - values[len(free) :]) / 2
    return result


def tangent_spreads(some: Sequence[Input], swing: Floats, correlation: Floats) -> Floats:
    """Estimate from slopes the standard deviation of M measures that each input causes (I, M).

    `swing` (A, M) is the change of each measure per normal score of each assumption, and `correlation` (A, A) holds the
    correlations of the scores.
    """
    return np.array(
        [
            np.sqrt(
                np.maximum(np.einsum("im,ij,jm->m", swing[cols], correlation[np.ix_(cols, cols)], swing[cols]), 0.0)
            )
            for cols in (list(item.columns) for item in some)
        ]
    )


def steepest_first(scenario: Scenario, some: Sequence[Input], swing: Floats) -> list[Input]:
    """Return the inputs with labels that list correlated assumptions by effect on one measure.

    `swing` (A,) is the change of the measure per normal score of each of A assumptions. The order of the inputs, and of
    the assumptions in each input, stays as it is.
    """
    every, result = list(scenario.assumptions.values()), []
    for item in some:
        ranked = sorted(item.columns, key=lambda column: -abs(swing[column]))
        result.append(replace(item, label=" + ".join(every[c].label for c in ranked)) if item.tied else item)
    return result


def steepest_of_each(spread: Floats, top: int) -> list[int]:
    """Return the indices of the inputs with one of the `top` largest spreads for any measure.

    `spread` (I, M) has the standard deviation that each of I inputs causes in each of M measures.
    """
    return sorted({int(place) for column in spread.T for place in np.argsort(-column, kind="stable")[:top]})


def largest_shares(spread: Floats) -> Floats:
    """Return the largest share of each of I inputs in the variance of any measure (I,).

    `spread` (I, M) has the standard deviation that each input causes in each of M measures.
    """
    variance = spread**2
    return np.asarray((variance / np.maximum(variance.sum(axis=0), 1e-300)).max(axis=1))
