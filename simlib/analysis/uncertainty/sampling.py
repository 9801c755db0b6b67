"""Adaptive sampling: draws and replicates grow until the quantiles are known well enough.

A draw is a set of assumption values, and replicates are simulated histories. Draws come in sequences, and replicates
come in blocks, so that the errors from both can be estimated (see `simlib.analysis.uncertainty.propagation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.analysis.evaluator import Responses, half_widths
from simlib.analysis.uncertainty.estimates import (
    GROUPS,
    Number,
    Stage,
    Weighting,
    effective,
    estimate,
    mean,
    quantile,
    uncertainty_share,
    variance_over_draws,
    without_noise,
)
from simlib.control import Control
from simlib.errors import ArgumentError, Cancelled
from simlib.formatting import quoted
from simlib.machine import priors
from simlib.machine.belief import Belief, belief_of
from simlib.machine.measures import Measure, conditional_at_draws
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

FEWEST_EFFECTIVE_DRAWS = 4 * GROUPS
"""Fewest effective draws from which an error can be estimated."""


@dataclass(frozen=True, eq=False)
class Spread:
    """The range of one measure P over D draws of the assumptions.

    stated: P at the stated values of the assumptions.
    mean: the mean of P over the draws, which is the forecast to publish.
    variance: the variance of P over the draws.
    share: the part of all uncertainty that the assumptions cause, Var(P) / (p̄(1 - p̄)) with the mean p̄ (None: P is an
    expected count or amount).
    quantiles: the quantiles of P over the draws, {q: P}.
    answers (D,): P at each draw, without the noise of the replicates.
    scale (D,): the weight of each draw, divided by the mean weight (None: equal weights).

    For a conditional probability, each draw is weighted by the probability of the condition at this draw (Bayes' rule).
    The mean of P is then P(event and condition) / P(condition) over all draws.
    """

    measure: Measure
    stated: Number
    mean: Number
    variance: Number
    share: Number | None
    quantiles: Mapping[float, Number]
    answers: Floats
    scale: Floats | None = None

    @property
    def weights(self) -> Floats:
        """The weight of each draw (D,). They sum to one."""
        scale = np.ones(len(self.answers)) if self.scale is None else self.scale
        return scale / len(scale)

    @property
    def effective_draws(self) -> float:
        """The number of draws of equal weight that would tell as much as these weighted draws."""
        return effective(len(self.answers), self.scale)

    @property
    def deviation(self) -> float:
        """The standard deviation of the measure over the draws."""
        return float(np.sqrt(max(self.variance.value, 0.0)))

    def interval(self, q: float) -> str:
        """Write the 95% interval of quantile `q`, without values below 0 or probabilities above 1."""
        low, high = np.clip(self.quantiles[q].interval, 0.0, 1.0 if self.measure.probability else np.inf).tolist()
        return f"{self.measure.write(low)} to {self.measure.write(high)}"


def prior_scores(scenario: Scenario, size: int, seed: int) -> tuple[Floats, Ints]:
    """Return normal scores (D, A) of draws from the prior, and their sequence numbers (D,).

    The draws come from eight independently scrambled Sobol sequences. `size` is the number of draws, rounded up to a
    multiple of eight.
    """
    each = -(-size // GROUPS)
    seeds = range(seed * GROUPS, (seed + 1) * GROUPS)
    scores = np.concatenate([priors.scores(scenario, each, seed=own, shuffled=True) for own in seeds])
    return scores, np.repeat(np.arange(GROUPS), each)


def insist_on_effective(spread: Spread, least: int) -> None:
    """Raise ArgumentError if a measure has fewer than `least` effective draws.

    A conditional probability weights its draws by the probability of the condition, which may leave few effective
    draws.
    """
    if round(spread.effective_draws, 6) < least:
        expected = f"expected at least {least} for {spread.measure.words}"
        if spread.scale is not None:
            expected += f", where the draws count like {spread.effective_draws:.3g} draws of equal weight"
        raise ArgumentError("draws", len(spread.answers), expected)


def checked_belief(scenario: Scenario, belief: Belief) -> Belief:
    """Return a belief, after checking that it fits the scenario and has enough draws.

    Raises Unsupported for a belief about another scenario or date, and ValueError for too few effective draws.
    """
    if round(belief.effective_draws, 6) < FEWEST_EFFECTIVE_DRAWS:
        raise ValueError(
            f"the belief {quoted(belief.name)} has {belief.effective_draws:.3g} effective draws; expected at least "
            f"{FEWEST_EFFECTIVE_DRAWS} draws"
        )
    return belief_of(scenario, belief)


class Sampling:
    """Answers at draws of the assumptions, to which draws and replicates can be added.

    All earlier answers are kept.

    Args:
        scenario: The scenario, with its interventions.
        at_draws: The function that answers at draws.
        at_stated: The function that answers at the stated values.
        seed: The seed of the draws.
        limit: The largest number of draws. It also limits the number of replicates in all.
        control: Progress callback, cancellation and number of threads.
    """

    def __init__(
        self, scenario: Scenario, at_draws: Responses, at_stated: Responses, *, seed: int, limit: int, control: Control
    ) -> None:
        self.scenario, self.at_draws, self.at_stated = scenario, at_draws, at_stated
        self.seed, self.limit, self.control = seed, limit, control
        self.batches = [range(at_draws.runs)]
        self.scores = self.theta = np.zeros((0, len(scenario.assumptions)))
        self.weighting = Weighting(np.zeros(0, dtype=np.int64))
        self.starts: Floats | None = None
        self.answers = np.zeros((0, at_draws.blocks, len(at_draws.measures)))
        self.stated = at_stated(at_stated.centre[None, :], control=control.silent())
        self.spent, self.budget = 0, limit * max(at_draws.runs, 1)

    @property
    def runs(self) -> int:
        """The number of replicates (simulated histories) of each draw so far, 0 when exact."""
        return self.batches[-1].stop

    @property
    def draws(self) -> int:
        """The number of draws (sets of assumption values) so far."""
        return len(self.theta)

    def take_prior(self, size: int) -> None:
        """Add draws of the prior until there are `size` draws in all."""
        every, group = prior_scores(self.scenario, size, self.seed)
        done = self.draws // GROUPS
        fresh = np.arange(len(every)) % (len(every) // GROUPS) >= done
        scores = every[fresh]
        theta = priors.values_from_scores(self.scenario, scores)
        self._append(theta)
        self.scores = np.concatenate([self.scores, scores])
        self.weighting = Weighting(np.concatenate([self.weighting.group, group[fresh]]))

    def take_belief(self, belief: Belief) -> None:
        """Add the draws of a belief, with their start states."""
        self.starts = belief.start
        self._append(belief.theta)
        self.weighting = Weighting.of_belief(belief.weights)

    def _append(self, theta: Floats) -> None:
        fresh = [self._answer(theta, batch) for batch in self.batches]
        weights = [max(len(batch), 1) for batch in self.batches]
        average = np.average(np.stack(fresh), axis=0, weights=weights)
        self.theta = np.concatenate([self.theta, theta])
        self.answers = np.concatenate([self.answers, average])

    def until_known(
        self, measures: Sequence[Measure], quantiles: Sequence[float], tolerance: float, *, answer_when_cancelled: bool
    ) -> tuple[dict[str, Spread], list[Stage]]:
        """Add draws and replicates until quantiles are known to a tolerance, or the budget is spent.

        Args:
            measures: The measures.
            quantiles: The wanted quantiles, between 0 and 1.
            tolerance: The wanted half-width, relative to the mean for an expected count.
            answer_when_cancelled: Whether to return the last finished stage if the work is cancelled.

        Returns:
            The range of each measure, by name. Then the errors at the beginning and after each doubling.

        Raises:
            Cancelled: When the work is cancelled, unless `answer_when_cancelled`.
        """
        stages: list[Stage] = []
        while True:
            spreads = self.spreads(measures, quantiles)
            stages.append(self._stage(spreads.values()))
            few = any(spread.effective_draws < FEWEST_EFFECTIVE_DRAWS for spread in spreads.values())
            try:
                if (stages[-1].error <= tolerance and not few) or not self._grow(stages[-1], few):
                    return spreads, stages
            except Cancelled:
                if not answer_when_cancelled:
                    raise
                return spreads, stages

    def _grow(self, stage: Stage, few: bool) -> bool:
        """Double the replicates or the draws, whichever cause the larger error.

        If there are too `few` effective draws, the draws are doubled. Returns False, without doubling, if that would
        exceed the budget.
        """
        if stage.of_replicates > stage.of_draws and not few:
            if 2 * self.draws * self.runs > self.budget:
                return False
            self._take_replicates()
            return True
        size = min(2 * self.draws, self.limit)
        if size <= self.draws or size * max(self.runs, 1) > self.budget:
            return False
        self.take_prior(size)
        return True

    def _take_replicates(self) -> None:
        batch = range(self.runs, 2 * self.runs)
        self.answers = (self.answers + self._answer(self.theta, batch)) / 2
        if self.at_stated.runs:
            fresh = self.at_stated(self.at_stated.centre[None, :], replicates=batch)
            self.stated = (self.stated + fresh) / 2
        self.batches.append(batch)

    def _answer(self, theta: Floats, batch: range) -> Floats:
        before, work = self.spent, len(theta) * max(len(batch), 1)
        self.spent += work
        total = max(self.budget, self.spent)
        part = self.control.part(before / total, min(self.spent / total, 1.0))
        return self.at_draws(theta, self.starts, replicates=batch, control=part)

    def spreads(self, measures: Sequence[Measure], quantiles: Sequence[float]) -> dict[str, Spread]:
        """Return the range of each measure over the draws so far, by name of the measure.

        The measures of `at_draws` must include these measures or, for a conditional probability, the questions about
        its condition and about both events.
        """
        stated = self.shares(measures, self.stated)
        halves, means, answers = half_widths(stated)[0], stated[0].mean(axis=0), self.shares(measures, self.answers)
        return {
            measure.name: spread_of(
                measure,
                Number(float(means[i]), float(halves[i]), float(halves[i])),
                answers[:, :, i],
                self.weighting.given(self._of(f"question:{measure.condition}", self.answers).mean(axis=1))
                if measure.kind == "given"
                else self.weighting,
                quantiles,
            )
            for i, measure in enumerate(measures)
        }

    def shares(self, measures: Sequence[Measure], answers: Floats) -> Floats:
        """Return measures (D, K, M), from answers (D, K, ...) to the measures of `at_draws`."""
        columns = [
            conditional_at_draws(
                self._of(f"question:{m.both}", answers), self._of(f"question:{m.condition}", answers), m
            )
            if m.kind == "given"
            else self._of(m.name, answers)
            for m in measures
        ]
        return np.stack(columns, axis=-1)

    def _of(self, name: str, answers: Floats) -> Floats:
        return answers[:, :, [measure.name for measure in self.at_draws.measures].index(name)]

    def _stage(self, spreads: Iterable[Spread]) -> Stage:
        errors = [(number, _unit(spread)) for spread in spreads for number in spread.quantiles.values()]
        worst, unit = max(errors, key=lambda pair: pair[0].half / pair[1])
        return Stage(self.draws, self.runs, worst.of_draws / unit, worst.of_replicates / unit)


def _unit(spread: Spread) -> float:
    """Return the number by which an error is divided before errors are compared.

    It is 1 for a probability, and the mean for an expected count.
    """
    return 1.0 if spread.measure.probability else max(abs(spread.mean.value), 1e-300)


def spread_of(
    measure: Measure, stated: Number, values: Floats, weighting: Weighting, quantiles: Sequence[float]
) -> Spread:
    """Return the range of a measure over draws.

    Args:
        measure: The measure.
        stated: The measure at the stated values of the assumptions.
        values: The measure (D, K) at each of D draws, in K blocks of replicates.
        weighting: The groups and weights of the draws.
        quantiles: The wanted quantiles, strictly between 0 and 1.
    """
    return Spread(
        measure,
        stated,
        estimate(mean, values, weighting),
        estimate(variance_over_draws, values, weighting),
        estimate(uncertainty_share, values, weighting) if measure.probability else None,
        {q: quantile(values, weighting, q) for q in quantiles},
        without_noise(values, weighting.scale),
        weighting.scale,
    )
