"""Draws from the priors under way: sequences and replicates grow until what is asked is known well enough.

Why draws come in sequences and replicates in blocks is told in `simlib.analysis.uncertainty.propagation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.analysis.evaluator import Responses, half_widths
from simlib.analysis.uncertainty.estimates import (
    Number,
    Stage,
    doubt_share,
    estimate,
    quantile,
    variance_over_draws,
    without_noise,
)
from simlib.control import Control, in_transition
from simlib.errors import Cancelled
from simlib.machine import priors
from simlib.machine.measures import Measure
from simlib.scenario.model import Scenario
from simlib.typing import Floats, Ints

Progress = Callable[[float], None]
Cancel = Callable[[], bool]

SCRAMBLES = 8
"""Independent Sobol sequences, whose disagreement is the error."""


@dataclass(frozen=True)
class Spread:
    """What the priors make of one measure.

    stated: at the stated values. mean: over the priors, the forecast that is published. variance: of P over the draws.
    doubt: its share Var(P) / (p̄(1 - p̄)), None for an expected count. quantiles {q: P}. draws (D,): P at each draw, with
    the noise within draws taken out of their spread.
    """

    measure: Measure
    stated: Number
    mean: Number
    variance: Number
    doubt: Number | None
    quantiles: Mapping[float, Number]
    draws: Floats

    @property
    def deviation(self) -> float:
        """Standard deviation of P over the priors."""
        return float(np.sqrt(max(self.variance.value, 0.0)))


class Carried:
    """Draws under way: sequences and replicates grow, and what has been answered stays."""

    @in_transition
    def __init__(
        self,
        scenario: Scenario,
        responses: Responses,
        one: Responses,
        seed: int,
        limit: int,
        progress: Progress | None,
        cancel: Cancel | None,
        threads: int | None = None,
    ) -> None:
        self.scenario, self.responses, self.one, self.seed, self.limit = scenario, responses, one, seed, limit
        self.progress, self.cancel, self.threads = progress, cancel, threads
        self.batches = [range(responses.runs)]
        self.scores = np.zeros((0, len(scenario.assumptions)))
        self.sequence = np.zeros(0, dtype=np.int64)
        self.answers = np.zeros((0, responses.blocks, len(responses.measures)))
        self.stated = one(one.centre[None, :], control=Control(cancel=cancel))
        self.spent, self.budget = 0, limit * max(responses.runs, 1)

    @property
    def runs(self) -> int:
        """Replicates of each draw so far; 0 when exact."""
        return self.batches[-1].stop

    @property
    def theta(self) -> Floats:
        """The draws (D, A)."""
        return priors.values_from_scores(self.scenario, self.scores)

    def until_known(
        self, measures: Sequence[Measure], quantiles: Sequence[float], tolerance: float, keep: bool
    ) -> tuple[dict[str, Spread], list[Stage]]:
        """Grow until the quantiles are known to a tolerance or nothing more may be spent; return what is known."""
        stages: list[Stage] = []
        while True:
            spreads = self.spreads(measures, quantiles)
            stages.append(self.stage(spreads))
            try:
                if stages[-1].error <= tolerance or not self.grow(stages[-1]):
                    return spreads, stages
            except Cancelled:
                if not keep:
                    raise
                return spreads, stages

    def grow(self, stage: Stage) -> bool:
        """Double what is the larger part of the error, the replicates or the draws; False where that is too much."""
        if stage.of_dice > stage.of_draws:
            if 2 * len(self.scores) * self.runs > self.budget:
                return False
            self._take_replicates()
            return True
        size = min(2 * len(self.scores), self.limit)
        if size <= len(self.scores) or size * max(self.runs, 1) > self.budget:
            return False
        self.take_draws(size)
        return True

    def take_draws(self, size: int) -> None:
        """Take the sequences to `size` draws together, rounded up to the same number for each."""
        each, done = -(-size // SCRAMBLES), len(self.scores) // SCRAMBLES
        rows = np.concatenate(
            [
                priors.scores(self.scenario, each, seed=self.seed * SCRAMBLES + sequence)[done:]
                for sequence in range(SCRAMBLES)
            ]
        )
        values = priors.values_from_scores(self.scenario, rows)
        new = self._averaged([self._answer(values, batch) for batch in self.batches])
        self.scores = np.concatenate([self.scores, rows])
        self.sequence = np.concatenate([self.sequence, np.repeat(np.arange(SCRAMBLES), each - done)])
        self.answers = np.concatenate([self.answers, new])

    def _take_replicates(self) -> None:
        batch = range(self.runs, 2 * self.runs)
        self.answers = (self.answers + self._answer(self.theta, batch)) / 2
        if self.one.runs:
            self.stated = (self.stated + self.one(self.one.centre[None, :], replicates=batch)) / 2
        self.batches.append(batch)

    def _averaged(self, answers: list[Floats]) -> Floats:
        """Return answers of all replicates from those of each batch."""
        weights = [max(len(batch), 1) for batch in self.batches]
        return np.asarray(np.average(np.stack(answers), axis=0, weights=weights))

    def _answer(self, theta: Floats, batch: range) -> Floats:
        before, work = self.spent, len(theta) * max(len(batch), 1)
        self.spent += work
        told, total = self.progress, max(self.budget, self.spent)

        def report(share: float) -> None:
            if told:
                told(min((before + share * work) / total, 1.0))

        return self.responses(theta, replicates=batch, control=Control(report, self.cancel, self.threads))

    def spreads(self, measures: Sequence[Measure], quantiles: Sequence[float]) -> dict[str, Spread]:
        """Return what the draws say of each measure so far."""
        halves, means = half_widths(self.stated)[0], self.stated[0].mean(axis=0)
        return {
            m.name: _spread(
                m,
                Number(float(means[i]), float(halves[i]), float(halves[i])),
                self.answers[:, :, i],
                self.sequence,
                quantiles,
            )
            for i, m in enumerate(measures)
        }

    def stage(self, spreads: Mapping[str, Spread]) -> Stage:
        """Return how well the worst known quantile is known so far."""
        scaled = [(number, _scale(spread)) for spread in spreads.values() for number in spread.quantiles.values()]
        worst, scale = max(scaled, key=lambda pair: pair[0].half / pair[1])
        return Stage(len(self.scores), self.runs, worst.of_draws / scale, worst.of_dice / scale)


def _scale(spread: Spread) -> float:
    """Return what an error is told against: 1 for a probability, the mean of an expected count."""
    return 1.0 if spread.measure.probability else max(abs(spread.mean.value), 1e-300)


def _spread(measure: Measure, stated: Number, values: Floats, sequence: Ints, quantiles: Sequence[float]) -> Spread:
    """Return what draws (D, K) say of a measure; the sequences are replications of one estimate."""
    mean = estimate(lambda x: float(x.mean()), values, sequence)
    variance = estimate(variance_over_draws, values, sequence)
    doubt = estimate(doubt_share, values, sequence) if measure.probability else None
    known = {q: quantile(values, sequence, q) for q in quantiles}
    return Spread(measure, stated, mean, variance, doubt, known, without_noise(values))
