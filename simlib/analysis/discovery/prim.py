"""Boxes (PRIM) and regression trees over weighted points in the unit cube.

The module `simlib.analysis.discovery.scenario_discovery` explains the purpose of boxes and trees. A point is a draw of
the assumptions, with each value replaced by its rank between 0 and 1. A *case of interest* is a point that a box should
contain. A *peel* cuts a thin slice off one side of a box. Weights are divided by the largest weight, so that equal
weights are all exactly 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.machine.belief import effective_number, quantiles
from simlib.typing import Bools, Floats

__all__ = ["RawBox", "RawLeaf", "find_boxes", "grow"]

_PEEL = 0.05
"""The largest share of the points in a box that one peel (removal of a slice) may take off."""

_SMALLEST = 0.03
"""The least share of all points that must remain in a box after a peel (removal of a slice)."""

_CHANCE = 0.05
"""A bound with a larger quasi-p-value is dropped: chance alone could explain its gain in density."""


@dataclass(frozen=True)
class RawBox:
    """A box among n points with D coordinates.

    Each coordinate is the rank of an assumption value, scaled to between 0 and 1.

    low, high (D,): the bounds of the box, infinite where there is no bound.
    members (n,): whether each point lies in the box.
    p_values (2, D): for each low and each high bound, how easily chance alone would explain the bound
    (quasi-p-value).
    """

    low: Floats
    high: Floats
    members: Bools
    p_values: Floats


@dataclass(frozen=True)
class _Cases:
    """The n weighted points in which one search looks for a box.

    interesting (n,): True for a case of interest.
    among (n,): True for a point that the search uses. Points in boxes that were found earlier are not used.
    """

    points: Floats
    weights: Floats
    interesting: Bools
    among: Bools

    def inside(self, box: Floats) -> Bools:
        return np.asarray(self.among & np.all((self.points >= box[0]) & (self.points <= box[1]), axis=1))

    def mass(self, members: Bools) -> float:
        return float(self.weights[members].sum())

    def density(self, members: Bools) -> float:
        return self.mass(members & self.interesting) / max(self.mass(members), 1e-300)

    def score(self, box: Floats) -> tuple[float, float, float]:
        """Return (coverage, density, mass) of a box with the low and the high bounds `box` (2, D).

        coverage: the share of the search's cases of interest that lie in the box.
        density: the share of the points in the box that are cases of interest.
        mass: the weight of the points in the box, divided by the weight of all points.
        """
        members = self.inside(box)
        hits = self.mass(members & self.interesting)
        whole = self.mass(self.among & self.interesting)
        return hits / max(whole, 1e-300), self.density(members), self.mass(members) / float(self.weights.sum())


def find_boxes(
    points: Floats, interesting: Bools, weights: Floats | None = None, *, count: int = 1
) -> tuple[list[RawBox], tuple[RawBox, ...]]:
    """Find boxes in which cases of interest are dense. Return the boxes and a trajectory.

    Each search leaves out the points in earlier boxes. The searches end when cases of interest are no denser in the
    next box than among all points. The trajectory is the series of boxes of the first search. It begins with a box of
    all points, and each later box lacks one more thin slice.

    Args:
        points: The ranks of n points in D coordinates, between 0 and 1 (n, D).
        interesting: Whether each point is a case of interest (n,).
        weights: The weights of the points (n,). Default: equal weights.
        count: The largest number of boxes.
    """
    weights = np.ones(len(points)) if weights is None else weights / weights.max()
    remaining = np.ones(len(points), dtype=bool)
    everywhere = _Cases(points, weights, interesting, remaining.copy())
    boxes: list[RawBox] = []
    trajectory: tuple[RawBox, ...] = ()
    for number in range(count):
        if remaining.sum() < 20:
            break
        box, steps = _prim(_Cases(points, weights, interesting, remaining.copy()))
        trajectory = steps if number == 0 else trajectory
        if box is None or everywhere.density(box.members) <= everywhere.density(everywhere.among):
            break
        boxes.append(box)
        remaining &= ~box.members
    return boxes, trajectory


def _prim(cases: _Cases) -> tuple[RawBox | None, tuple[RawBox, ...]]:
    dimensions = cases.points.shape[1]
    boxes = [np.stack([np.full(dimensions, -np.inf), np.full(dimensions, np.inf)])]
    while (smaller := _peel(cases, boxes[-1])) is not None:
        boxes.append(smaller)
    # The best compromise has the largest harmonic mean of coverage and density (F measure).
    best = int(np.argmax([2 * c * d / max(c + d, 1e-300) for c, d, _ in map(cases.score, boxes)]))
    steps = tuple(RawBox(box[0], box[1], cases.inside(box), _p_values(cases, box)) for box in boxes)
    if best == 0:
        return None, steps
    box, p_values = _restrict(cases, _paste(cases, boxes[best]))
    if not np.any(np.isfinite(box)):
        return None, steps
    return RawBox(box[0], box[1], cases.inside(box), p_values), steps


def _peel(cases: _Cases, box: Floats) -> Floats | None:
    """Return the box without the thin slice whose removal raises the density of the box most.

    Return None if too few points would be left, or if no cut raises the density.
    """
    members, points = cases.inside(box), cases.points
    least = _SMALLEST * float(cases.weights.sum())
    if cases.mass(members) * (1 - _PEEL) < least or members.sum() * (1 - _PEEL) < 10:
        return None
    best, density = None, cases.density(members)
    for side in range(2):
        (cuts,) = quantiles(points[members], (_PEEL if side == 0 else 1 - _PEEL,), cases.weights[members])
        for dimension, cut in enumerate(cuts):
            rest = members & ((points[:, dimension] > cut) if side == 0 else (points[:, dimension] < cut))
            if rest.any() and cases.density(rest) > density:
                best, density = box.copy(), cases.density(rest)
                best[side, dimension] = points[rest, dimension].min() if side == 0 else points[rest, dimension].max()
    return best


def _paste(cases: _Cases, box: Floats) -> Floats:
    """Widen the box, one bound and one step at a time, as long as its density does not fall."""
    improved = True
    while improved:
        improved = False
        density = cases.score(box)[1]
        for side, dimension in np.argwhere(np.isfinite(box)):
            wider = box.copy()
            wider[side, dimension] += (-1 if side == 0 else 1) * _PEEL / 2
            if not 0 < wider[side, dimension] < 1:
                wider = _without(box, side, dimension)
            more = cases.score(wider)
            if more[1] >= density and more[2] > cases.score(box)[2]:
                box, density, improved = wider, more[1], True
    return box


def _restrict(cases: _Cases, box: Floats) -> tuple[Floats, Floats]:
    """Remove the bounds that chance alone could explain.

    Returns the new box and the quasi-p-value of each of its bounds (2, D).
    """
    while True:
        p_values = _p_values(cases, box)
        if not np.any(np.isfinite(box)) or p_values.max() <= _CHANCE:
            return box, p_values
        side, dimension = np.unravel_index(int(np.argmax(p_values)), p_values.shape)
        box = _without(box, int(side), int(dimension))


def _without(box: Floats, side: int, dimension: int) -> Floats:
    wider = box.copy()
    wider[side, dimension] = -np.inf if side == 0 else np.inf
    return wider


def _p_values(cases: _Cases, box: Floats) -> Floats:
    """Return the quasi-p-value of each low and high bound (2, D), 0 where there is no bound.

    Suppose that the true share of cases of interest is the share in the box without this bound. The quasi-p-value is
    the probability that the box would then contain at least the observed number of cases of interest. Weighted draws
    count as their effective number of draws (Kish 1965).
    """
    from scipy.stats import binom

    members = cases.inside(box)
    own = cases.weights[members]
    size = round(effective_number(own)) if len(own) else 0
    hits = round(cases.density(members) * size)
    result = np.zeros_like(box)
    for side, dimension in np.argwhere(np.isfinite(box)):
        result[side, dimension] = binom.sf(hits - 1, size, cases.score(_without(box, side, dimension))[1])
    return result


# -------------------------------------------------------------------- a shallow tree

_LEAST_LEAF = 0.05
"""The least share of all points in a leaf."""


@dataclass(frozen=True)
class RawLeaf:
    """One leaf of a tree that divides n points: its conditions, and the points in it.

    conditions: triples (dimension, at_least, cut). The coordinate is at least `cut` if `at_least` is true, else it is
    below `cut`.
    members (n,): whether each point lies in the leaf.
    """

    conditions: tuple[tuple[int, bool, float], ...]
    members: Bools


def grow(points: Floats, answers: Floats, depth: int, weights: Floats | None = None) -> list[RawLeaf]:
    """Return the leaves of a regression tree of depth `depth` (Breiman and others 1984).

    The leaf with the highest mean answer comes first.

    Args:
        points: The ranks of n points in D coordinates, between 0 and 1 (n, D).
        answers: The number that the tree explains, at each point (n,).
        depth: The number of rounds. In each round every leaf is split in two.
        weights: The weights of the points (n,). Default: equal weights.
    """
    weights = np.ones(len(points)) if weights is None else weights / weights.max()
    leaves = [RawLeaf((), np.ones(len(points), dtype=bool))]
    for _ in range(depth):
        leaves = [part for leaf in leaves for part in _split(points, answers, weights, leaf)]
    return sorted(leaves, key=lambda leaf: -float(np.average(answers[leaf.members], weights=weights[leaf.members])))


def _split(points: Floats, answers: Floats, weights: Floats, leaf: RawLeaf) -> list[RawLeaf]:
    """Split a leaf into two leaves at the cut that lowers the sum of squared errors most.

    If no split is allowed, the result is the leaf itself. Each new leaf must have at least the share `_LEAST_LEAF` of
    all points.
    """
    rows = np.flatnonzero(leaf.members)
    few, light = max(int(_LEAST_LEAF * len(points)), 2), _LEAST_LEAF * float(weights.sum())
    best: tuple[float, int, float] | None = None
    for dimension in range(points.shape[1]):
        order = rows[np.argsort(points[rows, dimension], kind="stable")]
        w, y = weights[order], answers[order] - np.average(answers[order], weights=weights[order])
        left, mass = np.cumsum(w * y)[:-1], np.cumsum(w)
        mass, rest = mass[:-1], mass[-1] - mass[:-1]
        number = np.arange(1, len(y))
        gain = left**2 * (1 / np.maximum(mass, 1e-300) + 1 / np.maximum(rest, 1e-300))
        distinct = np.diff(points[order, dimension]) > 0
        allowed = (number >= few) & (len(y) - number >= few) & distinct
        if np.any(w != w[0]):
            allowed &= (mass >= light) & (rest >= light)
        if np.any(allowed):
            place = int(np.argmax(np.where(allowed, gain, -1.0)))
            cut = float((points[order[place], dimension] + points[order[place + 1], dimension]) / 2)
            if gain[place] > 0 and (best is None or gain[place] > best[0]):
                best = (float(gain[place]), dimension, cut)
    if best is None:
        return [leaf]
    _, dimension, cut = best
    above = points[:, dimension] >= cut
    return [
        RawLeaf((*leaf.conditions, (dimension, True, cut)), leaf.members & above),
        RawLeaf((*leaf.conditions, (dimension, False, cut)), leaf.members & ~above),
    ]
