"""Scenario discovery: assumptions under which an outcome is likely, as boxes and a tree.

The method follows Lempert, Groves, Popper & Bankes (2006) and Bryant & Lempert (2010). The assumptions are drawn from
their priors, and each draw is forecast. Draws in which the measure reaches a threshold are the *cases of interest*. The
patient rule induction method (PRIM; Friedman and Fisher 1999) begins with all draws and peels off thin slices. It
always removes the slice that leaves the highest share of cases of interest. At the end it moves bounds out again where
too much was removed. The result is a *box*: a region of assumption values, given by bounds on some assumptions.

- The *coverage* of a box is the share of all cases of interest that lie in the box.
- The *density* of a box is the share of its draws that are cases of interest.
- The *quasi-p-value* of a bound says how easily chance alone would give the gain in density that the bound brings.

Coverage and density are counted in the draws in which the box was found, so both are usually a little too high. In
fresh draws of fictional worlds, coverage and density were lower by 1 to 4 points for boxes found in 1,000 draws, and by
1 to 14 points for boxes found in 100 draws. The share of all draws that lie in the box has no such bias.

A regression tree divides the same draws into a few regions (leaves), so that the measure differs most between regions.

Slices are cut by the ranks of the draws and not by their values, so the unit and scale of an assumption do not matter.
If draws have weights, every share, mean, quantile and rank is weighted. A quasi-p-value then counts the effective
number of draws in the box.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from simlib.analysis.discovery.prim import RawBox, RawLeaf, find_boxes, grow
from simlib.analysis.discovery.result import Bound, Box, Discovery, Leaf
from simlib.analysis.evaluator import Responses
from simlib.answer import pick, provenance
from simlib.arguments import DISCOVERY_DRAWS, DISCOVERY_RUNS, Engine
from simlib.control import UNWATCHED, Control
from simlib.errors import SimlibError
from simlib.formatting import counted
from simlib.machine import measures
from simlib.machine.belief import Belief, belief_of, drawn_from, quantiles
from simlib.machine.measures import By, days_by
from simlib.scenario.model import Scenario
from simlib.typing import Bools, Floats

__all__ = ["discover"]

BOXES, DEPTH = 2, 2
"""The number of boxes to find, and the depth of the tree."""


def discover(
    scenario: Scenario,
    measure: str | None = None,
    *,
    threshold: float | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = DISCOVERY_DRAWS,
    runs: int = DISCOVERY_RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Discovery:
    """Find assumption values at which a measure is at least `threshold`, as boxes and a tree.

    A box is a region given by bounds on some assumptions. The tree is a regression tree. If every draw has the same
    answer, there is nothing to discover. The result then has no boxes, and its sentences say so.

    Args:
        scenario: The scenario, with its interventions.
        measure: The name of a measure, such as "ending:ID". Default: the headline.
        threshold: A draw is a case of interest if the measure is at least this number. Default: the upper
            quartile over the draws.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine: "exact", "montecarlo", or "auto".
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). The weights of
            a belief enter every share and quantile.
        runs: Monte Carlo replicates for each draw, rounded up to a multiple of eight.
        seed: Seed of the draws and of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For an unknown measure or a target outside the forecast.
        Unsupported: For a belief about another scenario or date, and for "exact" if the measure depends on whole
            histories.
        SimlibError: When the answers differ, but all of them reach the threshold, or none does.
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    (sought,), day = measures.find(scenario, measure), days_by(scenario, by)
    belief = belief_of(scenario, draws, seed=seed)
    theta, weights = belief.theta, belief.weights / belief.weights.max()
    responses = Responses(scenario, [sought], engine=engine, rows=belief.draws, by=day, runs=runs, seed=seed)
    blocks = responses(theta, belief.start, control=control)[:, :, 0]
    answers = blocks.mean(axis=1)
    cut = float(quantiles(answers, (0.75,), weights)[0]) if threshold is None else float(threshold)
    drawn = pick(responses, "engine") | drawn_from(belief, seed)
    source = provenance(scenario, seed=seed, runs=responses.runs or None, by_day=day, **drawn)
    subject, noise = (scenario, scenario.by_date(day), day, sought, cut, threshold is None), _noise(blocks, weights)
    result = Discovery(*subject, theta, weights, answers, noise, (), (), (), source)
    return result if result.constant else _with_regions(result)


def _with_regions(bare: Discovery) -> Discovery:
    """Return the discovery with its boxes and its tree.

    Raises SimlibError if every draw reaches the threshold, or if none does.
    """
    answers, weights, sought = bare.answers, bare.weights, bare.measure
    interesting = answers >= bare.threshold
    if interesting.all() or not interesting.any():
        raise SimlibError(
            f"{sought.words} is {'never' if not interesting.any() else 'always'} at least "
            f"{_threshold(sought, bare.threshold)} in {counted(len(answers), 'draw')} (from "
            f"{sought.write(answers.min())} to {sought.write(answers.max())}); choose a threshold in between"
        )
    every = bare.scenario.assumptions
    free = [column for column, a in enumerate(every.values()) if not a.fixed]
    names, values = [list(every)[column] for column in free], bare.theta[:, free]
    ranks = _ranks(values, weights)
    boxes, trajectory = (
        tuple(_box(raw, names, values, interesting, weights) for raw in some)
        for some in find_boxes(ranks, interesting, weights, count=BOXES)
    )
    leaves = tuple(_leaf(raw, names, values, bare) for raw in grow(ranks, answers, DEPTH, weights))
    return dataclasses.replace(bare, boxes=tuple(b for b in boxes if b.bounds), leaves=leaves, trajectory=trajectory)


def _threshold(sought: measures.Measure, cut: float) -> str:
    return f"{100 * cut:.3g}%" if sought.probability else f"{cut:.3g}"


def _noise(blocks: Floats, weights: Floats) -> float:
    """Return the standard deviation of the Monte Carlo noise in the answer at a typical draw.

    `blocks` (D, K) has the answers at D draws, in K blocks of replicates. A single block is exact and has no noise.
    """
    count = blocks.shape[1]
    if count == 1:
        return 0.0
    return float(np.sqrt(np.average(blocks.var(axis=1, ddof=1), weights=weights) / count))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Return each value's weighted rank in its column, between 0 and 1, the same for ties."""
    ranks = np.empty_like(values)
    for column, own in enumerate(values.T):
        _, place = np.unique(own, return_inverse=True)
        mass = np.bincount(place, weights)
        ranks[:, column] = ((np.cumsum(mass) - mass / 2) / weights.sum())[place]
    return ranks


def _box(raw: RawBox, names: Sequence[str], values: Floats, interesting: Bools, weights: Floats) -> Box:
    """Turn a box whose bounds are ranks into a box whose bounds are assumption values.

    Each bound is the value of the outermost draw in the box. Coverage and density count all draws within these bounds,
    including draws that also lie in an earlier box.
    """
    bounds, members = [], np.ones(len(values), dtype=bool)
    for dimension, name in enumerate(names):
        low, high = np.isfinite(raw.low[dimension]), np.isfinite(raw.high[dimension])
        if low or high:
            own = values[raw.members, dimension]
            bounds.append(
                Bound(
                    name,
                    float(own.min()) if low else None,
                    float(own.max()) if high else None,
                    float(raw.p_values[:, dimension].max()),
                )
            )
            column = values[:, dimension]
            members &= ((column >= own.min()) | ~low) & ((column <= own.max()) | ~high)
    hits, mass = float(weights[members & interesting].sum()), float(weights[members].sum())
    bounds.sort(key=lambda bound: bound.p_value)
    return Box(tuple(bounds), hits / float(weights[interesting].sum()), hits / mass, mass / float(weights.sum()))


def _leaf(raw: RawLeaf, names: Sequence[str], values: Floats, bare: Discovery) -> Leaf:
    conditions = tuple(
        (names[dimension], above, float(quantiles(values[:, dimension], (cut,), bare.weights)[0]))
        for dimension, above, cut in raw.conditions
    )
    own, weights = bare.answers[raw.members], bare.weights[raw.members]
    mean, density = (float(np.average(x, weights=weights)) for x in (own, own >= bare.threshold))
    return Leaf(conditions, float(weights.sum() / bare.weights.sum()), mean, density)
