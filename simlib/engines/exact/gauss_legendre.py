"""Gauss-Legendre nodes and weights for integrals over a time interval, dense near both ends."""

from __future__ import annotations

import numpy as np

from simlib.typing import Floats

__all__ = ["quadrature"]

_ORDER = 12
"""Number of Gauss-Legendre nodes in each panel. `quadrature` cuts a stretch of time into panels."""

_FIRST_PANEL, _PANEL_GROWTH = 5.0, 6.0
"""Length of the first panel, in mean times between jumps, and the ratio of the lengths of successive panels."""


def quadrature(duration: float, uniform: float) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes (J,) and weights (J,) on [0, duration], dense near both ends.

    The nodes are for integrals of p(t)ᵀ u(t) over a segment. The distribution p changes fast just after the start of
    the segment, and the values u change fast just before its end. Both change on the time scale 1/Λ of the fastest
    jumps (Λ is `uniform`). So the interval is cut into panels that are a few 1/Λ long at both ends, and grow
    geometrically towards the middle.
    """
    if duration <= 0:
        return np.zeros(0), np.zeros(0)
    edges, length = [0.0], _FIRST_PANEL / uniform
    while edges[-1] + length < duration / 2:
        edges.append(edges[-1] + length)
        length *= _PANEL_GROWTH
    half = np.array(edges)
    cuts = np.concatenate([half, duration - half[::-1]])
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    width = np.diff(cuts)[:, None] / 2
    centre = (cuts[:-1] + cuts[1:])[:, None] / 2
    return (centre + width * points).ravel(), (width * weights).ravel()
