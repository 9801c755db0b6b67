"""Sampled histories over draws of the assumptions, and shares of histories with intervals.

A draw is one set of assumption values. Histories of the same draw are not independent. The intervals allow for this
dependence.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.replay import Histories, replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.machine import priors
from simlib.machine.belief import Belief, belief_if_any, drawn_from
from simlib.machine.measures import By
from simlib.machine.tables import Tables
from simlib.results import Band
from simlib.scenario.model import Question, Scenario
from simlib.typing import Bools, Floats, Ints

__all__ = ["Sample", "question_times", "sample", "sampled", "selected", "share"]

ShareBand = tuple[float, float, float]
"""A share and its 95% interval: value, low, high."""


@dataclass(frozen=True, eq=False)
class Sample:
    """R sampled histories over draws of the assumptions, or at the stated values (one draw).

    histories: the R histories.
    draw (R,): the number of the draw to which each history belongs.
    weight (R,): the weight of each history: 1 if the draws have equal weights. Otherwise the weights sum to the
    effective number of histories.
    provenance: the engine, seed and sizes with which the sample was drawn.
    """

    histories: Histories
    draw: Ints
    weight: Floats
    provenance: dict[str, Any]

    @classmethod
    def of(cls, played: Histories | Sample) -> Sample:
        """Return a sample unchanged, and histories as a sample at one draw."""
        if isinstance(played, Sample):
            return played
        size = len(played)
        source = {"engine": "montecarlo", "seed": played.seed, "draws": 0, "runs": size, "histories": size}
        source["values"] = played.values
        return cls(played, np.zeros(size, dtype=np.int64), np.ones(size), source)

    def __len__(self) -> int:
        return len(self.histories)

    def only(self, chosen: Ints) -> Sample:
        """Return the sample of the histories with these indices, each with its draw and its weight."""
        return dataclasses.replace(
            self, histories=selected(self.histories, chosen), draw=self.draw[chosen], weight=self.weight[chosen]
        )

    def share(self, event: Bools, among: Bools) -> ShareBand:
        """Return the share of the histories `among` (R,) with an event (R,), and its 95% interval.

        At one draw, the interval is Wilson's. Over several draws see the function `share`.
        """
        if len(np.unique(self.draw)) > 1:
            return share(event, among, self.draw, self.weight)
        band = Band.wilson(self.weight[event & among].sum(), self.weight[among].sum())
        return float(band.probability), float(band.low), float(band.high)


def sample(
    scenario: Scenario,
    *,
    by: By = None,
    draws: int | Belief = 0,
    runs: int = 1,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Sample:
    """Sample histories at the stated values or over draws of the assumptions.

    Args:
        scenario: The scenario, with its interventions.
        by: The horizon: a date, or days after `as_of`. Default: the horizon of the scenario.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). 0: the values
            stated in the scenario.
        runs: Histories of each draw.
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For a horizon or an intervention that does not fit the scenario.
        Unsupported: For a belief about another scenario or date.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    simulator, centre = Simulator(scenario, times=1, by=by), priors.theta(scenario)
    belief = belief_if_any(scenario, draws, seed=seed)
    rows = [(centre, None)] if belief is None else list(belief.rows())
    alone, parts = Control(cancel=control.cancel, threads=1), []
    for number, (theta, start) in enumerate(rows):
        own = range(number * runs, (number + 1) * runs)
        parts.append(replayed(simulator, own, simulator.values(theta, centre, start), seed=seed, control=alone))
        control.report((number + 1) / len(rows))
        control.check()
    source = {"engine": "montecarlo", "seed": seed, "runs": runs, "histories": len(rows) * runs}
    source |= drawn_from(belief, seed)
    weights = _weights(belief)
    return Sample(_joined(parts), np.repeat(np.arange(len(rows)), runs), np.repeat(weights, runs), source)


def _weights(belief: Belief | None) -> Floats:
    if belief is None:
        return np.ones(1)
    relative = belief.weights / belief.weights.max()
    return np.asarray(relative * (relative.sum() / np.sum(relative**2)))


_BY_HISTORY = ("replicates", "ending", "ending_time")
_BY_ROW = ("time", "move", "outcome", "intervention", "levels")


def _joined(parts: list[Histories]) -> Histories:
    counts, names = np.concatenate([np.diff(part.start) for part in parts]), (*_BY_HISTORY, *_BY_ROW)
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return dataclasses.replace(parts[0], start=np.concatenate([[0], np.cumsum(counts)]), **columns)


def sampled(
    scenario: Scenario, draws: int | Belief, histories: int, runs: int | None, *, by: By, seed: int, control: Control
) -> Sample:
    """Sample `runs` histories of each draw. If `runs` is None, sample about `histories` in all.

    Args:
        scenario: The scenario.
        draws: Number of draws from the priors, or the belief that gives them. 0: the stated values.
        histories: The number of histories of all draws together, if `runs` is None.
        runs: Histories of each draw, or None.
        by: The day up to which histories run, in days after the start or as a date. None: the horizon.
        seed: The seed of the draws and of the histories.
        control: Progress callback and cancellation.

    Raises the errors of `sample`.
    """
    several = draws.draws if isinstance(draws, Belief) else max(draws, 1)
    each = -(-histories // several) if runs is None else runs
    return sample(scenario, by=by, draws=draws, runs=each, seed=seed, control=control)


def selected(played: Histories, chosen: Ints) -> Histories:
    """Return the histories with these indices, in the order of the indices."""
    sizes = np.diff(played.start)[chosen]
    rows = np.repeat(played.start[:-1][chosen] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    rows = rows + np.arange(len(rows))
    return dataclasses.replace(
        played,
        start=np.concatenate([[0], np.cumsum(sizes)]),
        **{name: getattr(played, name)[chosen] for name in _BY_HISTORY},
        **{name: getattr(played, name)[rows] for name in _BY_ROW},
    )


def question_times(played: Histories, question: Question) -> Floats:
    """Return the day when each history (R,) first answers a question with yes (infinity: never)."""
    tables = Tables(played.scenario)
    if question.when is not None:
        rows = tables.holds(question.when, played.levels)
        return np.asarray(np.minimum.reduceat(np.where(rows, played.time, np.inf), played.start[:-1]))
    counts = np.array([question.counts(*name) for name in tables.outcome_ids] + [False])
    rows, over = counts[played.outcome], np.minimum(played.ending_time, played.horizon)
    return np.array(
        [
            question.first_time(played.time[first:last][rows[first:last]].tolist(), end)
            for (first, last), end in zip(itertools.pairwise(played.start), over, strict=True)
        ]
    )


def share(event: Bools, among: Bools, draw: Ints, weight: Floats) -> ShareBand:
    """Return the weighted share of the histories `among` with an event, and its 95% interval.

    The interval is Wilson's, for the effective number of histories. The effective number is below the number of
    histories if the share varies much between draws.

    Args:
        event: Whether each of the R histories has the event (R,).
        among: Whether each history counts (R,).
        draw: The number of the draw (set of assumption values) to which each history belongs (R,).
        weight: The weight of each history (R,).
    """
    n = float(weight[among].sum())
    if n == 0:
        return (np.nan, 0.0, 1.0)
    hits = np.bincount(draw, weights=weight * (event & among))
    size = np.bincount(draw, weights=weight * among)
    p = hits.sum() / n
    occupied = size > 0
    clusters = int(occupied.sum())
    variance = np.sum((hits - p * size)[occupied] ** 2) / n**2 * clusters / max(clusters - 1, 1)
    independent = p * (1 - p) / n
    trials = n if clusters < 2 or variance <= independent else n * independent / variance
    band = Band.wilson(np.array([p * trials]), np.array([trials]))
    return float(p), float(band.low[0]), float(band.high[0])
