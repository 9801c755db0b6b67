"""Boxes and trees over points in the unit cube: the patient rule induction method and a shallow regression tree.

What they are for: `simlib.analysis.discovery.scenario_discovery`. Here are only points, cases of interest and answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simlib.typing import Bools, Floats

_PEEL = 0.05
"""Share of the draws in the box that one peel may take off."""

_SMALLEST = 0.03
"""Share of all draws below which a box is not made smaller."""

_CHANCE = 0.05
"""Bounds with a larger quasi-p-value are dropped."""


@dataclass(frozen=True)
class RawBox:
    """A box in rank space: low and high (D,), its members, and a quasi-p-value for each side (2, D)."""

    low: Floats
    high: Floats
    members: Bools
    p_values: Floats


def find_boxes(points: Floats, interesting: Bools, count: int = 1) -> tuple[list[RawBox], tuple[RawBox, ...]]:
    """Return up to `count` boxes, each found among the cases that the earlier ones leave, and the first trajectory.

    Boxes in which cases of interest are no denser than among all points are left out.

    `points` are (n, D) numbers in (0, 1), `interesting` (n,). The trajectory holds the box after every peel.
    """
    remaining = np.ones(len(points), dtype=bool)
    found: list[RawBox] = []
    trajectory: tuple[RawBox, ...] = ()
    for number in range(count):
        if interesting[remaining].mean() in (0, 1) or remaining.sum() < 20:
            break
        box, steps = _prim(points, interesting, remaining)
        trajectory = steps if number == 0 else trajectory
        if box is None or interesting[box.members].mean() <= interesting.mean():
            break
        found.append(box)
        remaining &= ~box.members
    return found, trajectory


def _prim(points: Floats, interesting: Bools, among: Bools) -> tuple[RawBox | None, tuple[RawBox, ...]]:
    sides = np.stack([np.full(points.shape[1], -np.inf), np.full(points.shape[1], np.inf)])
    boxes = [sides]
    while (smaller := _peel(points, interesting, among, boxes[-1])) is not None:
        boxes.append(smaller)
    scored = [_score(points, interesting, among, box) for box in boxes]
    # The best compromise: the harmonic mean of coverage and density (their F measure).
    best = int(np.argmax([2 * c * d / max(c + d, 1e-300) for c, d, _ in scored]))
    steps = tuple(
        RawBox(
            low,
            high,
            among & _inside(points, np.stack([low, high])),
            _p_values(points, interesting, among, np.stack([low, high])),
        )
        for low, high in boxes
    )
    if best == 0:
        return None, steps
    box = _paste(points, interesting, among, boxes[best])
    box, p_values = _restrict(points, interesting, among, box)
    if not np.any(np.isfinite(box)):
        return None, steps
    return RawBox(box[0], box[1], among & _inside(points, box), p_values), steps


def _inside(points: Floats, box: Floats) -> Bools:
    return np.asarray(np.all((points >= box[0]) & (points <= box[1]), axis=1))


def _score(points: Floats, interesting: Bools, among: Bools, box: Floats) -> tuple[float, float, float]:
    members = among & _inside(points, box)
    hits = float((members & interesting).sum())
    return hits / max(float(interesting[among].sum()), 1), hits / max(float(members.sum()), 1), float(members.mean())


def _peel(points: Floats, interesting: Bools, among: Bools, box: Floats) -> Floats | None:
    """Return the box after the peel that leaves the densest rest, None when it would get too small."""
    members = among & _inside(points, box)
    if members.sum() * (1 - _PEEL) < max(_SMALLEST * len(points), 10):
        return None
    best, density = None, interesting[members].mean()
    for side in range(2):
        cuts = np.quantile(points[members], _PEEL if side == 0 else 1 - _PEEL, axis=0)
        for dimension, cut in enumerate(cuts):
            keeps = members & ((points[:, dimension] > cut) if side == 0 else (points[:, dimension] < cut))
            if keeps.sum() and interesting[keeps].mean() > density:
                best, density = box.copy(), interesting[keeps].mean()
                best[side, dimension] = points[keeps, dimension].min() if side == 0 else points[keeps, dimension].max()
    return best


def _paste(points: Floats, interesting: Bools, among: Bools, box: Floats) -> Floats:
    """Move bounds back out while that does not lower the density."""
    improved = True
    while improved:
        improved = False
        density = _score(points, interesting, among, box)[1]
        for side, dimension in np.argwhere(np.isfinite(box)):
            wider = box.copy()
            wider[side, dimension] += (-1 if side == 0 else 1) * _PEEL / 2
            if not 0 < wider[side, dimension] < 1:
                wider[side, dimension] = -np.inf if side == 0 else np.inf
            more = _score(points, interesting, among, wider)
            if more[1] >= density and more[2] > _score(points, interesting, among, box)[2]:
                box, density, improved = wider, more[1], True
    return box


def _restrict(points: Floats, interesting: Bools, among: Bools, box: Floats) -> tuple[Floats, Floats]:
    """Drop bounds that chance alone would explain, the weakest first; return the box and its quasi-p-values."""
    while True:
        p_values = _p_values(points, interesting, among, box)
        if not np.any(np.isfinite(box)) or p_values.max() <= _CHANCE:
            return box, p_values
        box = box.copy()
        side, dimension = np.unravel_index(int(np.argmax(p_values)), p_values.shape)
        box[side, dimension] = -np.inf if side == 0 else np.inf


def _p_values(points: Floats, interesting: Bools, among: Bools, box: Floats) -> Floats:
    """Return for each bound the chance of so many hits in the box at the density found without that bound (2, D)."""
    from scipy.stats import binom

    members = among & _inside(points, box)
    hits, size = int((members & interesting).sum()), int(members.sum())
    result = np.zeros_like(box)
    for side, dimension in np.argwhere(np.isfinite(box)):
        wider = box.copy()
        wider[side, dimension] = -np.inf if side == 0 else np.inf
        result[side, dimension] = binom.sf(hits - 1, size, _score(points, interesting, among, wider)[1])
    return result


# -------------------------------------------------------------------- a shallow tree

_LEAST_LEAF = 0.05


@dataclass(frozen=True)
class RawLeaf:
    """Conditions in rank space (dimension, at least?, cut) and the members of a leaf (n,)."""

    conditions: tuple[tuple[int, bool, float], ...]
    members: Bools


def grow(points: Floats, answers: Floats, depth: int) -> list[RawLeaf]:
    """Return the leaves of a regression tree (least squares; Breiman et al. 1984) of at most `depth` splits deep."""
    leaves = [RawLeaf((), np.ones(len(points), dtype=bool))]
    for _ in range(depth):
        leaves = [part for leaf in leaves for part in _split(points, answers, leaf)]
    return sorted(leaves, key=lambda leaf: -float(answers[leaf.members].mean()))


def _split(points: Floats, answers: Floats, leaf: RawLeaf) -> list[RawLeaf]:
    """Return the two halves of the best split, or the leaf itself where no split leaves two large enough."""
    rows = np.flatnonzero(leaf.members)
    least = max(int(_LEAST_LEAF * len(points)), 2)
    best: tuple[float, int, float] | None = None
    for dimension in range(points.shape[1]):
        order = rows[np.argsort(points[rows, dimension], kind="stable")]
        y = answers[order] - answers[order].mean()
        left = np.cumsum(y)[:-1]
        size = np.arange(1, len(y))
        gain = left**2 * (1 / size + 1 / (len(y) - size))
        distinct = np.diff(points[order, dimension]) > 0
        allowed = (size >= least) & (len(y) - size >= least) & distinct
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
