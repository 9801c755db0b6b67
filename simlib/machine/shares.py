"""Probabilities in groups, normalized so that each group sums to one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simlib.errors import Problem, ScenarioError
from simlib.machine.interventions import odds_ratio
from simlib.typing import Floats, Ints

__all__ = ["by_log_weight", "normalized_shares"]


def normalized_shares(
    theta: Floats,
    centre: Floats | None,
    chance: Ints,
    starts: Ints,
    place: Callable[[int, Floats], Problem],
    weight: Floats | None = None,
) -> Floats:
    """Return probabilities (S,) that sum to one within each group.

    Args:
        theta: The assumption values (A,).
        centre: The medians of the assumptions (A,), if `theta` is a random draw. In that case, each median is
            multiplied by the odds of the drawn value over the odds of the median, and the group is normalized. None:
            the values in `theta` are the probabilities.
        chance: For each probability (S,) the index of its assumption, or -1 for one minus the sum of the others in its
            group.
        starts (groups + 1,): The index of the first probability of each group, and at the end the number S.
        place: A function from the index of a group and the sums of all groups to the `Problem` that the error below
            reports.
        weight: Factors (S,) by which the probabilities are multiplied before a group is normalized.

    Raises:
        ScenarioError: If a group has a -1, and its other probabilities sum to more than one.
    """
    stated = theta if centre is None else centre
    given = chance >= 0
    share = np.where(given, np.append(stated, 0.0)[chance], 0.0)
    rest = 1.0 - np.add.reduceat(share, starts[:-1])
    group = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    takes_rest = np.bincount(group[~given], minlength=len(starts) - 1) > 0
    if np.any(takes_rest & (rest < -1e-9)):
        raise ScenarioError(place(int(np.argmax(takes_rest & (rest < -1e-9))), 1.0 - rest))
    share = np.where(given, share, np.maximum(rest, 0.0)[group])
    if centre is not None:
        share = share * np.where(given, odds_ratio(theta, centre)[chance], 1.0)
    whole = takes_rest & (centre is None)
    if weight is not None:
        share = share * weight
        whole &= ~np.logical_or.reduceat(weight != 1, starts[:-1])
    total = np.add.reduceat(share, starts[:-1])
    return share / np.where(whole, 1.0, total)[group]


def by_log_weight(by_log: Floats, shares: Floats, starts: Ints) -> Floats:
    """Turn derivatives for the logs of shares into those for the logs of weights, both (S,).

    `by_log` (S,) are the derivatives with respect to the logs of the `shares`. A share is a weight divided by the sum
    of the weights of its group. `starts` (groups + 1,) has the index of the first share of each group. The log of a
    weight is a sum of two kinds of terms: the logit of a chance, and the logs of factors. So the result is also the
    derivative with respect to each of these terms.
    """
    return by_log - shares * np.repeat(np.add.reduceat(by_log, starts[:-1]), np.diff(starts))
