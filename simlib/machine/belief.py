"""`Belief`: weighted draws of the assumptions.

The prior is one belief. The posterior given an event log is another. A function that works over draws takes either a
number of draws of the prior, or a belief. Methods that need independent draws of the prior (Sobol indices, EVPPI) take
only a number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simlib.errors import Unsupported
from simlib.machine import priors
from simlib.scenario.model import Scenario
from simlib.typing import Floats


@dataclass(frozen=True, eq=False)
class Belief:
    """A set of weighted draws of the assumptions of one scenario, as of a date.

    `assumptions` (A,) names the columns of `theta` (D, A), in base units. `weights` (D,) sum to one. `start` is None if
    each draw starts as the scenario says. Otherwise it holds the probability of each state of the scenario's
    `joint_start` (D, K). `name` says where the belief comes from: "prior", or the name of a log.
    """

    name: str
    as_of: dt.date
    assumptions: tuple[str, ...]
    theta: Floats
    weights: Floats
    start: Floats | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.theta.ndim != 2 or self.theta.shape != (len(self.weights), len(self.assumptions)):
            raise ValueError(
                f"theta has the shape {self.theta.shape}; expected ({len(self.weights)}, {len(self.assumptions)}): "
                "a row for each weight, a column for each assumption"
            )
        if self.start is not None and (self.start.ndim != 2 or len(self.start) != len(self.weights)):
            raise ValueError(f"start has the shape {self.start.shape}; expected ({len(self.weights)}, start states)")
        if not (np.all(self.weights >= 0) and np.isclose(self.weights.sum(), 1.0)):
            raise ValueError(f"weights must be 0 or more and sum to 1; they sum to {self.weights.sum():g}")

    @classmethod
    def prior(cls, scenario: Scenario, draws: int, *, seed: int = 0) -> Belief:
        """Return equally weighted draws of the prior, from a scrambled Sobol sequence."""
        theta = priors.draws(scenario, draws, seed=seed)
        return cls("prior", scenario.as_of, tuple(scenario.assumptions), theta, np.full(draws, 1 / draws), seed=seed)

    @property
    def draws(self) -> int:
        """The number of draws, D."""
        return len(self.weights)

    @property
    def is_prior(self) -> bool:
        """Whether the belief is made of equally weighted draws of the prior."""
        return self.name == "prior"

    @property
    def equal(self) -> bool:
        """Whether all draws weigh the same."""
        return bool(np.all(self.weights == self.weights[0]))

    def rows(self) -> Iterator[tuple[Floats, Floats | None]]:
        """Yield for each draw its values (A,) and its probabilities of the start states.

        The probabilities are None if the draw starts as the scenario says.
        """
        for number, theta in enumerate(self.theta):
            yield theta, None if self.start is None else self.start[number]

    @property
    def effective_draws(self) -> float:
        """The effective number of draws: one over the sum of the squared weights (Kish 1965)."""
        return float(1 / np.sum(self.weights**2))


def belief_of(scenario: Scenario, draws: int | Belief, *, seed: int = 0) -> Belief:
    """Return a belief: `draws` draws of the prior, or the given belief if it fits the scenario.

    Raises Unsupported if the assumptions, the date or the start states of the belief are not those of the scenario.
    """
    if not isinstance(draws, Belief):
        return Belief.prior(scenario, draws, seed=seed)
    if draws.assumptions != tuple(scenario.assumptions):
        raise Unsupported(f"the belief “{draws.name}” is about other assumptions than those of {scenario.id!r}")
    if draws.as_of != scenario.as_of:
        raise Unsupported(
            f"the belief “{draws.name}” is as of {draws.as_of} and the scenario as of {scenario.as_of}; "
            "ask about the scenario of the same update"
        )
    states = 0 if draws.start is None else draws.start.shape[1]
    if draws.start is not None and states != len(scenario.joint_start):
        raise Unsupported(
            f"joint start states: {states:,} in the belief “{draws.name}”, "
            f"{len(scenario.joint_start) or 'none'} in the scenario; ask about the scenario of the same update"
        )
    return draws


def insist_on_prior(draws: int | Belief | None, question: str) -> None:
    """Raise Unsupported for a belief if a method needs independent draws of the prior.

    `question` names the method.
    """
    if isinstance(draws, Belief):
        raise Unsupported(
            f"{question} needs independent draws of the prior, but the belief “{draws.name}” has other draws; "
            "give a number of draws"
        )


def quantiles(values: Floats, points: Sequence[float], weights: Floats | None = None) -> Floats:
    """Return weighted quantiles over draws, (D, ...) -> (points, ...).

    With equal weights, or none, the method is NumPy's linear interpolation. Otherwise a quantile is the mean of the
    weighted quantile function, a step function, over the window [p (n - 1) / n, p (n - 1) / n + 1 / n]. n is the
    effective number of draws (Akinshin 2023).
    """
    if weights is None or np.all(weights == weights[0]):
        return np.asarray(np.quantile(values, points, axis=0))
    share = weights / weights.sum()
    count = 1 / np.sum(share**2)
    begin = np.asarray(points) * (count - 1) / count
    flat = values.reshape(len(values), -1)
    result = np.empty((len(begin), flat.shape[1]))
    for column, own in enumerate(flat.T):
        order = np.argsort(own, kind="stable")
        knots = np.append(0.0, np.cumsum(share[order]))
        area = np.append(0.0, np.cumsum(share[order] * own[order]))
        result[:, column] = count * (np.interp(begin + 1 / count, knots, area) - np.interp(begin, knots, area))
    return result.reshape(len(begin), *values.shape[1:])
