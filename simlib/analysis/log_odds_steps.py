"""The change of a forecast through a log, split into three additive parts for each row.

All parts are in log-odds. Each row of a log reports one event, with a window of days in which the event happened. A row
*closes* at the end of its window. From that moment on, only histories that contain the event are possible. A draw is
one set of assumption values, with a weight and a probability of each state. The parts are computed in this order:

1. time: until just before the row closes, time passes and no other row closes. This changes the probabilities of the
   states and the weights of the draws.
2. state: the row changes the probabilities of the states of each draw, at unchanged weights.
3. assumptions: the row changes the weights.

If several rows close on the same day, the parts of each row are means over all orders of these rows (Shapley values).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simlib.evidence.closings import Closing, Stages
from simlib.evidence.draw_weights import Reweighting
from simlib.machine.belief import effective_number
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Bools, Floats

LOG_ODDS_MARGIN = 1e-9
"""Probabilities are kept this far from 0 and 1, so that the log-odds of a settled question are finite."""

_BLOCKS = 10
"""Number of blocks of draws. The jackknife leaves out each block once and so estimates the error of every number."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The change of a forecast by each of the R rows of a log, in the order in which they close.

    begin, end: the probabilities before and after the log.
    lines (R, 3): for each row the three parts of its effect (time, state and assumptions), in log-odds.
    before, after (R,): for each row, the probabilities just before and just after all rows that close on its day.
    rest: the effect of the time after the last row, in log-odds.
    shape: the shape parameter of the tail of the weights of the draws, at the point of the log where it is largest. If
        it is large, the weights are unreliable.
    effective: the effective number of draws at the point of the log where this number is smallest.
    """

    begin: float
    end: float
    lines: Floats
    before: Floats
    after: Floats
    rest: float
    shape: float
    effective: float

    def numbers(self) -> Floats:
        """Return the numbers for which `errors` gives half-widths.

        These are `begin`, `end`, and for each row the sum of its parts *state* and *assumptions*.
        """
        return np.concatenate([[self.begin, self.end], self.lines[:, 1:].sum(axis=1)])


def log_odds(p: float) -> float:
    """Return the log-odds of a probability after clipping the probability to [1e-9, 1 - 1e-9]."""
    inside = min(max(p, LOG_ODDS_MARGIN), 1 - LOG_ODDS_MARGIN)
    return math.log(inside / (1 - inside))


def steps(closings: Sequence[Closing], draws: Sequence[Sequence[Stages] | None], weighing: Reweighting) -> Steps:
    """Split the effect of each row of a log into three parts: time, state, and assumptions.

    Args:
        closings: The days on which rows close, with these rows.
        draws: For each draw the result of `Replay.follow` (None: the log is impossible).
        weighing: The function from log-likelihoods to weights of the draws.
    """
    return _EffectSplit(closings, draws, weighing).steps()


def errors(closings: Sequence[Closing], draws: Sequence[Sequence[Stages] | None], weighing: Reweighting) -> Floats:
    """Return the 95% half-widths of `Steps.numbers` that are due to the finite number of draws.

    The arguments are those of `steps`. A jackknife leaves out each of ten blocks of draws once.
    """
    own = weighing.group if len(np.unique(weighing.group)) > 1 else np.arange(len(draws))
    estimates = []
    for block in range(_BLOCKS):
        keep = np.flatnonzero(own % _BLOCKS != block)
        estimates.append(
            _EffectSplit(closings, [draws[place] for place in keep.tolist()], weighing.some(keep)).steps().numbers()
        )
    away = np.array(estimates) - np.mean(estimates, axis=0)
    return np.asarray(Z_TWO_SIDED_95 * np.sqrt((_BLOCKS - 1) / _BLOCKS * np.sum(away**2, axis=0)))


class _EffectSplit:
    def __init__(
        self, closings: Sequence[Closing], draws: Sequence[Sequence[Stages] | None], weighing: Reweighting
    ) -> None:
        self.closings, self.weighing = closings, weighing
        followed = next(draw for draw in draws if draw is not None)
        self.logs, self.forecasts = [], []
        for place, stage in enumerate(followed):
            none = Stages(np.full(len(stage.log), -np.inf), np.zeros(len(stage.log)))
            own = [none if draw is None else draw[place] for draw in draws]
            self.logs.append(np.stack([each.log for each in own]))
            self.forecasts.append(np.stack([each.forecast for each in own]))
        self.shape, self.effective = -np.inf, np.inf

    def steps(self) -> Steps:
        last = self._weights(0, 0, self.closings[0].day if self.closings else np.inf)
        begin = now = log_odds(self._mean(last, 0, 0))
        lines, before, after = [], [], []
        for place, closing in enumerate(self.closings, start=1):
            count = len(closing.items)
            start, after_all, by_state, whole = self._at(place, closing)
            lines += [
                [(start - now) / count, state, total - state] for state, total in zip(by_state, whole, strict=True)
            ]
            now = after_all
            before += [_probability(start)] * count
            after += [_probability(now)] * count
        final = self._weights(len(self.closings) + 1, 0, np.inf)
        end = log_odds(self._mean(final, len(self.closings) + 1, 0))
        table = np.array(lines).reshape(-1, 3)
        return Steps(
            _probability(begin),
            _probability(end),
            table,
            np.array(before),
            np.array(after),
            end - now,
            self.shape,
            self.effective,
        )

    def _at(self, place: int, closing: Closing) -> tuple[float, float, list[float], list[float]]:
        """Return the log-odds before and after rows that close on one day, and two lists of effects.

        Both lists have an effect for each row. In the first list, a row acts only through the state. The second list
        has the total effect of the row.
        """
        stages = self.logs[place].shape[1]
        before = self._weights(place, 0, closing.day)
        state = [log_odds(self._mean(before, place, stage)) for stage in range(stages)]
        total = [
            log_odds(self._mean(self._weights(place, stage, closing.day), place, stage)) for stage in range(stages)
        ]
        rows = len(closing.sets)

        def each(worth: Sequence[float]) -> list[float]:
            facts = [worth[stage] - worth[stage - 1] for stage in range(rows, stages)]
            return _shares(closing.sets, worth[:rows]) + facts

        return total[0], total[-1], each(state), each(total)

    def _weights(self, place: int, stage: int, day: float) -> Floats:
        weights, shape = self.weighing.at(self.logs[place][:, stage], day)
        self.shape = max(self.shape, shape)
        self.effective = min(self.effective, effective_number(weights))
        return weights

    def _mean(self, weights: Floats, place: int, stage: int) -> float:
        return float(weights @ self.forecasts[place][:, stage])


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def _shares(sets: Bools, worth: Sequence[float]) -> list[float]:
    """Return the Shapley value of each row (R,): its part in the change of the log-odds.

    `sets` (S, R) marks the rows in each set. `worth` (S,) has the log-odds after the rows of each set. If each set only
    adds the next row to the set before it, the result is the change by each row in this order.
    """
    count = sets.shape[1]
    if len(sets) < 2**count:
        return [worth[number + 1] - worth[number] for number in range(count)]
    by_set = {tuple(taken.tolist()): value for taken, value in zip(sets, worth, strict=True)}
    result = []
    for row in range(count):
        share = 0.0
        for taken, value in by_set.items():
            if not taken[row]:
                size = sum(taken)
                weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
                share += weight * (by_set[(*taken[:row], True, *taken[row + 1 :])] - value)
        result.append(share)
    return result
