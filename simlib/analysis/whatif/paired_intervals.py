"""95% intervals for the difference of two scenarios under common random numbers.

Endings and questions are compared within each replicate, which gives Tango's (1998) score interval for a difference of
two paired proportions. It is valid even if few pairs differ, or none. Other measures, and all measures over draws of
the assumptions, are compared block by block. Intervals by blocks use Student's t.

Reference: Tango, T. (1998) Equivalence test and confidence interval for the difference in proportions for the
paired-sample design, Statistics in Medicine 17. Cochran, W. (1977) Sampling Techniques, section 6.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from simlib.analysis.evaluator import student_95
from simlib.machine.measures import Measure, conditional
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats

__all__ = ["by_blocks", "paired", "pooled_shares"]


def pooled_shares(both: Floats, given: Floats, weights: Floats, measure: Measure) -> Floats:
    """Return values for B blocks (B, T) whose weighted mean is the conditional probability.

    This mean is P(event and condition) / P(condition), so blocks in which the condition is more probable count more.
    The deviations of the values from the mean are those of the ratio estimator (Cochran 1977), and give its error.

    Args:
        both: The probability of event and condition in each block at each of T times (B, T).
        given: The probability of the condition (B, T).
        weights: The weight of each block (B,).
        measure: The measure, named in the error message.

    Raises:
        SimlibError: If the condition has probability 0 in all blocks at the last time.
    """
    part = weights / weights.sum()
    condition = part @ given
    share = conditional(part @ both, condition, measure)
    return np.asarray(share + np.divide(both - share * given, condition, out=np.zeros_like(both), where=condition > 0))


def by_blocks(
    blocks: Floats, probability: bool, weights: Floats, *, effective: float, runs: float | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return (mean, low, high), each (T,): the weighted mean over blocks and its 95% interval.

    The interval uses Student's t. With one effective block, the half-width is infinite.

    Args:
        blocks: The difference in each of B blocks at each of T times (B, T).
        probability: Whether the differences are of probabilities. The interval is then clipped to [-1, 1].
        weights: The weight of each block (B,).
        effective: The effective number of blocks.
        runs: The number of replicates in all blocks, None for exact blocks. If all differences are 0, the half-width
            follows from this number (as in the rule of three). For exact blocks it is 0.
    """
    share = weights / weights.sum()
    mean = share @ blocks
    if effective <= 1:
        half = np.full_like(mean, np.inf)
    else:
        half = student_95(effective) * np.sqrt(share**2 @ (blocks - mean) ** 2 * effective / (effective - 1))
    floor = 0.0 if runs is None else Z_TWO_SIDED_95**2 / (runs + Z_TWO_SIDED_95**2)
    half = np.where(np.all(blocks == 0, axis=0), floor, half)
    low, high = mean - half, mean + half
    return (mean, np.maximum(low, -1.0), np.minimum(high, 1.0)) if probability else (mean, low, high)


def paired(gained: ArrayLike, lost: ArrayLike, pairs: int) -> tuple[Floats, Floats, Floats]:
    """Return (difference, low, high) of two paired proportions, with Tango's 95% score interval.

    Args:
        gained: The number of pairs in which only the second scenario has the event.
        lost: The number of pairs in which only the first scenario has the event. Arrays broadcast.
        pairs: The number of all pairs.
    """
    b, c = np.broadcast_arrays(np.asarray(gained, dtype=float), np.asarray(lost, dtype=float))
    difference = (b - c) / pairs
    low = _difference_at(Z_TWO_SIDED_95, b, c, pairs, np.full(b.shape, -1.0), difference)
    high = _difference_at(-Z_TWO_SIDED_95, b, c, pairs, difference, np.full(b.shape, 1.0))
    return difference, low, high


def _score(b: Floats, c: Floats, pairs: int, d: Floats) -> Floats:
    """Return Tango's statistic for the hypothesis that the difference is d. It falls as d rises."""
    first, second, third = 2.0 * pairs, -b - c + (2.0 * pairs - b + c) * d, -c * d * (1 - d)
    only_first = (np.sqrt(np.maximum(second**2 - 4 * first * third, 0.0)) - second) / (2 * first)
    variance = pairs * (2 * only_first + d * (1 - d))
    above = b - c - pairs * d
    with np.errstate(divide="ignore", invalid="ignore"):
        score = above / np.sqrt(np.maximum(variance, 0.0))
    return np.where(above == 0, 0.0, np.where(variance > 0, score, np.copysign(np.inf, above)))


def _difference_at(z: float, b: Floats, c: Floats, pairs: int, least: Floats, most: Floats) -> Floats:
    """Return the difference between `least` and `most` at which Tango's statistic is z."""
    from scipy.optimize.elementwise import find_root

    root = find_root(lambda d, b, c: _score(b, c, pairs, d) - z, (least, most), args=(b, c))
    return np.where(least == most, least, root.x)
