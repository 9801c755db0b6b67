"""Distributions carried through time by a Chebyshev series instead of Poisson sums.

The series takes about half as many products as the Poisson sums of the module `passes`, but it needs a chain with few
cycles. Let Q be the generator of the chain and p(t) the distribution over its states. With P = I + Q/Λ, z = Λt and
modified Bessel functions I_k (Tal-Ezer and Kosloff 1984, Bergamaschi and Vianello 2000),

    p(t) = Σ_k c_k(z) y_k,    c_0 = exp(-z) I_0(z),    c_k = 2 exp(-z) I_k(z),    y_{k+1} = 2 y_k P - y_{k-1}.

The sum up to K solves p' = p Q with a residual of Λ/2 (c_{K+1} y_K - c_K y_{K+1}). The flow of probability never
increases the sum of the absolute values of an error. So the error of any probability is at most (|y_K| ∫Λc_{K+1} +
|y_{K+1}| ∫Λc_K) / 2. This bound is reported. The terms have both signs. If cycles let the y_k grow, too many digits are
lost, and `TooCyclic` is raised.

In a chain without cycles, the eigenvalues of P are its diagonal, and the y_k stay small if all eigenvalues are at least
-1. So Λ may be as small as half of the largest exit rate of a state. A smaller Λ needs fewer products.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.generator import refuse_a_job_of_hours
from simlib.engines.exact.lanes import Lanes
from simlib.engines.exact.passes import BATCH_STEPS, Advance, Carried, Watcher
from simlib.engines.exact.poisson import TOLERANCE
from simlib.engines.exact.uniformization import add, blocks
from simlib.typing import Floats

LEAPS = 0.6, 1.0
"""Values of Λ, as shares of the largest exit rate of a state, in the order in which they are tried."""

_GROWTH = 1e3
"""Largest factor by which the terms may grow.

If the terms grow by this factor, three of fifteen digits are lost, and the bound on the truncation error still holds.
"""

_MORE = 3
"""Number of terms that are added at a time, until the error bound is below the tolerance."""

_NOTHING = 1e-20
"""Coefficients below this size are left out of the sum by which all coefficients are normalized."""


class TooCyclic(Exception):
    """The error raised if the Chebyshev terms grow so much that their sum has too few digits."""


def coefficients(means: Floats, last: int) -> tuple[Floats, Floats]:
    """Return the coefficients c_k and the integrals of Λ c_k over time, for k up to `last` + 1.

    Both are arrays (T, last + 2). `means` (T,) are z = Λt at T times t.
    """
    top = max(last + 2, _length(float(means.max(initial=0.0)), _NOTHING))
    ratio, ratios = np.zeros(len(means)), np.empty((len(means), top))
    for k in range(top, 0, -1):  # the ratios I_k / I_{k-1} by downward recurrence, which is stable
        ratio = means / (2 * k + means * ratio)
        ratios[:, k - 1] = ratio
    series = np.concatenate([np.ones((len(means), 1)), 2 * np.cumprod(ratios, axis=1)], axis=1)
    series /= series.sum(axis=1, keepdims=True)
    spent = 2 * _from_above(_from_above(series) - series)
    spent[:, 0] /= 2
    return series[:, : last + 2], spent[:, : last + 2]


def _from_above(terms: Floats) -> Floats:
    return terms[:, ::-1].cumsum(axis=1)[:, ::-1]


def _length(mean: float, small: float) -> int:
    """Return a number of terms after which coefficients c_k at z = `mean` are at most `small`."""
    low, high = 1, 16
    while _term(high, mean) > math.log(small):
        low, high = high, 2 * high
    return bisect_left(range(high), True, lo=low, key=lambda k: _term(k, mean) <= math.log(small))


def _term(k: int, mean: float) -> float:
    """Return an upper bound on log(c_k) at z = `mean`, by Debye's expansion."""
    return math.hypot(k, mean) - mean - k * math.asinh(k / mean) if mean > 0 else -math.inf


def carry(
    block: Lanes,
    start: Floats,
    times: Floats,
    *,
    watchers: Sequence[Watcher] = (),
    onward: bool = True,
    tolerance: float = TOLERANCE,
    pool: ThreadPoolExecutor | None = None,
    control: Control = UNWATCHED,
) -> Carried:
    """Carry a block of vectors (N, width) through a segment of time, as `passes.carry` does.

    Args:
        block: The rates of the segment, made with a `leap` above 0 and without impacts.
        start: The vectors (N, width) at the beginning of the segment.
        times: Days within the segment (T,), of which the last is its end.
        watchers: The objects that read the vectors at every step.
        onward: Whether to compute the vectors at the end. Otherwise the result has zeros in their place.
        tolerance: Bound on the truncation error.
        pool: A helper thread for half of each large step. None: no helper.
        control: Progress callback and cancellation, which raises Cancelled.

    Raises TooCyclic when too many digits are lost, and Unsupported for rates so high that the work would take hours.
    """
    refuse_a_job_of_hours(block.uniform, len(block.values), times[-1])
    means = block.uniform * times
    small = tolerance / max(means[-1], 1.0)
    likely, last = _length(means[-1], small), _length(means[-1], small / _GROWTH)
    weights, survivals = coefficients(means, last)
    older, vectors, end = np.zeros_like(start), start.copy(), np.zeros_like(start)
    before, hit, terms = np.zeros((1, block.width)), np.zeros((1, block.width)), np.zeros((last + 1, block.width))
    block.take_out(vectors, hit)
    advance = Advance(block, watchers, pool)
    for steps in [*blocks(likely, BATCH_STEPS), *(likely + 1 + more for more in blocks(last - likely - 1, _MORE))]:
        for watcher in watchers:
            watcher.weights, watcher.survivals = weights[:, steps], survivals[:, steps]
        for row, k in enumerate(steps.tolist()):
            terms[k] = hit
            if onward:
                add(end, weights[-1, k], vectors)
            onto = 2 * hit - before
            advance(row, vectors, older)
            block.finish(vectors, older, onto)
            if k == 0:
                older, onto = older / 2, onto / 2
            older, vectors, before, hit = vectors, older, hit, onto
        for watcher in watchers:
            watcher.weigh()
        control.report((int(steps[-1]) + 1) / (last + 1))
        control.check()
        tails = _tails(survivals, int(steps[-1]), _size(older, before), _size(vectors, hit))
        if tails.max() <= tolerance:
            break
    return Carried(end, weights[:, : steps[-1] + 1] @ terms[: steps[-1] + 1], tails, int(steps[-1]) + 1)


def _tails(survivals: Floats, step: int, older: float, newer: float) -> Floats:
    """Return a bound on the error at each time (T,) if the series ends at term K = `step`.

    `older` and `newer` are the sizes |y_K| and |y_{K+1}|. Raises TooCyclic if one of them is too large.
    """
    if not max(older, newer) <= _GROWTH:
        raise TooCyclic
    return (survivals[:, step + 1] * older + survivals[:, step] * newer) / 2


def _size(vectors: Floats, hit: Floats) -> float:
    """Return the largest column sum of absolute values, with the stopped probability as a row."""
    return float((np.ones(len(vectors)) @ np.abs(vectors) + np.abs(hit[0])).max())
