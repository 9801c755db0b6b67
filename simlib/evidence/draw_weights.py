"""Weights of the draws of a posterior, given the log up to any day.

The draws stay the same, but each further row of the log changes their weights. This change shows how the row changed
the assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.evidence import pareto
from simlib.typing import Floats, Ints


@dataclass(frozen=True, eq=False)
class Reweighting:
    """The reweighting of posterior draws by their log-likelihoods of a part of a log.

    An early part of the log was used to set the *cut* assumptions. The rows of this part may not change these
    assumptions again (see `posterior`).

    - base (D,): for each of D draws, the log of the ratio of the prior density to the density of the proposal.
    - group (D,): the group of each draw. Draws of one group have the same values of the cut assumptions, and their
      weights are normalised within the group.
    - early (D,): the log-likelihood of the rows before day `until`, which were used to set the cut assumptions. None if
      no assumption is cut, or if the log ends by `until`.
    - teaching: whether the log changes the weights. If not, `base` alone gives the weights.
    """

    base: Floats
    group: Ints
    early: Floats | None = None
    until: float = np.inf
    teaching: bool = True

    def at(self, log: Floats, day: float) -> tuple[Floats, float]:
        """Return the weights (D,), which sum to one, and the Pareto shape k of their tail.

        `log` (D,) is the log-likelihood of the log up to `day`, at each draw.
        """
        if not self.teaching:
            return np.exp(self.base - np.logaddexp.reduce(self.base)), -np.inf
        if self.early is None or day <= self.until:
            return self._within_groups(self.base + log)
        weights, shape = self._within_groups(self.base + self.early)
        possible = np.isfinite(self.early)
        later = np.where(possible, log - np.where(possible, self.early, 0.0), -np.inf)
        total, more = pareto.smoothed(np.log(np.maximum(weights, 1e-300)) + later)
        return np.exp(total), max(shape, more)

    def some(self, keep: Ints) -> Reweighting:
        """Return the reweighting of a part of the draws: those whose indices are in `keep`."""
        early = None if self.early is None else self.early[keep]
        group = np.unique(self.group[keep], return_inverse=True)[1]
        return Reweighting(self.base[keep], group, early, self.until, self.teaching)

    def _within_groups(self, ratio: Floats) -> tuple[Floats, float]:
        groups = int(self.group.max(initial=0)) + 1
        if groups == 1:
            log, shape = pareto.smoothed(ratio)
            return np.exp(log), shape
        log = np.array(ratio)
        for number in range(groups):
            own = self.group == number
            log[own] -= np.logaddexp.reduce(log[own])
        smooth, shape = pareto.smoothed(np.where(np.isfinite(log), log, -np.inf))
        weights = np.exp(smooth)
        total = np.bincount(self.group, weights=weights, minlength=groups)
        own_total = total[self.group]
        weights = np.divide(weights, own_total, out=np.zeros_like(weights), where=own_total > 0)
        return weights / weights.sum(), shape
