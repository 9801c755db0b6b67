"""`Belief`: weighted draws of the assumption values.

The prior is one belief. The posterior given an event log is another. A function with an argument `draws` takes either a
belief, or the number of draws to take from the prior. Some methods, such as Sobol indices and EVPPI (expected value of
partial perfect information), need independent draws of the prior. They take only a number, and `simlib.arguments`
refuses a belief by its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simlib.arguments import read_dates
from simlib.errors import ArgumentError, Unsupported
from simlib.machine import priors
from simlib.scenario.model import Scenario
from simlib.typing import Floats

__all__ = ["Belief"]


@dataclass(frozen=True, eq=False)
class Belief:
    """D weighted draws of the values of a scenario's A assumptions, as of a date.

    Attributes:
        name: Where the belief comes from: "prior" (then the weights are equal and `start` is None), or the
            name of an event log.
        as_of: The `as_of` of the scenario to which the draws belong.
        assumptions (A,): The ids of the assumptions, which are the columns of `theta`.
        theta (D, A): The assumption values, in base units (rates per day).
        weights (D,): The weights of the draws, which sum to one.
        start (D, K): For each draw, the probabilities of the K states of the scenario's `joint_start`. None: the
            probabilities of the scenario, for every draw.
        seed: The seed of the draws, None if they have none.
        source: The record from which the belief can be made again. Empty: only `name` and `seed` are known.
    """

    name: str
    as_of: dt.date
    assumptions: tuple[str, ...]
    theta: Floats
    weights: Floats
    start: Floats | None = None
    seed: int | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        read_dates(self, "as_of")
        for name in ("theta", "weights", "start"):
            if not isinstance(getattr(self, name), np.ndarray) and (name, self.start) != ("start", None):
                raise ArgumentError(name, getattr(self, name), "expected an array of numbers")
        if self.theta.ndim != 2 or self.theta.shape != (len(self.weights), len(self.assumptions)):
            raise ValueError(
                f"theta has the shape {self.theta.shape}; expected ({len(self.weights)}, {len(self.assumptions)}): "
                "a row for each weight, a column for each assumption"
            )
        if self.start is not None and (self.start.ndim != 2 or len(self.start) != len(self.weights)):
            raise ValueError(f"start has the shape {self.start.shape}; expected ({len(self.weights)}, start states)")
        if not (np.all(self.weights >= 0) and np.isclose(self.weights.sum(), 1.0)):
            raise ValueError(f"weights must be 0 or more and sum to 1; they sum to {self.weights.sum():g}")
        if self.is_prior and not (self.equal and self.start is None):
            raise ArgumentError("name", self.name, "expected equal weights and no start, or another name")

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
        """Whether all draws have the same weight."""
        return bool(np.all(self.weights == self.weights[0]))

    def rows(self) -> Iterator[tuple[Floats, Floats | None]]:
        """Yield (assumption values (A,), probabilities (K,) of `joint_start` states) for each draw.

        The probabilities are None if the belief has no `start`.
        """
        for number, theta in enumerate(self.theta):
            yield theta, None if self.start is None else self.start[number]

    @property
    def effective_draws(self) -> float:
        """The effective sample size of the weighted draws, 1 / Σ weights² (Kish 1965)."""
        return effective_number(self.weights)


def effective_number(weights: Floats) -> float:
    """Return the effective sample size (Σ weights)² / Σ weights² of weighted draws (Kish 1965)."""
    return float(weights.sum() ** 2 / np.sum(weights**2))


def drawn_from(belief: Belief | None, seed: int | None = None) -> dict[str, Any]:
    """Return the items of a provenance that say where the draws of an answer come from.

    The item `belief_source` says how the draws were made. It is left out if the question would make the same draws
    again, from their number and `seed`. Without a belief, the answer is at the stated values.
    """
    if belief is None:
        return {"draws": 0, "belief": None}
    record = {"seed": belief.seed, **belief.source}
    own = belief.is_prior and seed is not None and record == {"seed": seed}
    return {"draws": belief.draws, "belief": belief.name} | ({} if own else {"belief_source": record})


def belief_of(scenario: Scenario, draws: int | Belief, *, seed: int = 0) -> Belief:
    """Return `draws` if it is a belief, otherwise a belief with that many draws of the prior.

    Raises Unsupported if the belief has other assumptions, another date or other start states than the scenario.
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


def belief_if_any(scenario: Scenario, draws: int | Belief, *, seed: int = 0) -> Belief | None:
    """Return the same as `belief_of`, or None for 0 draws, which stand for the stated values."""
    return belief_of(scenario, draws, seed=seed) if isinstance(draws, Belief) or draws else None


def quantiles(values: Floats, points: Sequence[float], weights: Floats | None = None) -> Floats:
    """Return weighted quantiles (points, ...) over the D draws in the first axis of `values`.

    With equal weights, the quantiles are those of `numpy.quantile`. Otherwise, the quantile at p is the average of the
    weighted quantile function (a step function) between p (n - 1) / n and p (n - 1) / n + 1 / n (Akinshin 2023). Here n
    is the `effective_number` of draws.

    Args:
        values: Values at each draw (D, ...).
        points: The probabilities p of the quantiles, between 0 and 1.
        weights: The weights of the draws (D,). None: equal weights.
    """
    if weights is None or np.all(weights == weights[0]):
        return np.asarray(np.quantile(values, points, axis=0))
    share, count = weights / weights.sum(), effective_number(weights)
    begin = np.asarray(points) * (count - 1) / count
    flat = values.reshape(len(values), -1)
    result = np.empty((len(begin), flat.shape[1]))
    for column, own in enumerate(flat.T):
        order = np.argsort(own, kind="stable")
        knots = np.append(0.0, np.cumsum(share[order]))
        area = np.append(0.0, np.cumsum(share[order] * own[order]))
        result[:, column] = count * (np.interp(begin + 1 / count, knots, area) - np.interp(begin, knots, area))
    return result.reshape(len(begin), *values.shape[1:])
