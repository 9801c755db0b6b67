"""Waiting times: how long a move takes once it is possible.

A wait consists of k exponential stages in a row, all with the same rate (an Erlang distribution). The spread of the
waits sets k, and their median sets the rate. With six stages and a median of 12 days, for example, 90% of the waits
last from 5.5 to 22 days. The median is an assumption, which people may change. The number of stages never changes.

References: Erlang, A. K. (1917) Solution of some problems in the theory of probabilities. Cox, D. R. (1955) A use of
complex probabilities in the theory of stochastic processes, Proc. Camb. Phil. Soc. 51.
"""

from __future__ import annotations

import functools
import math

from simlib.errors import QuantityError
from simlib.quantities import show
from simlib.scenario.scales import Z_95TH_PERCENTILE

MOST_STAGES = 100
"""Largest number of stages of a wait.

With a wait of k stages, each state in which the move is possible becomes k states.
"""

FIT = 1.75
"""Largest ratio between a percentile in the file and the same percentile of the fitted distribution.

A wait whose spread lies between those of one stage and of two stages is fitted within a ratio of 1.69.
"""


@functools.cache
def percentiles(stages: int) -> tuple[float, float, float]:
    """Return the 5th, 50th and 95th percentiles of a sum of `stages` exponentials of mean 1."""
    from scipy.special import gammaincinv

    low, median, high = (float(gammaincinv(stages, p)) for p in (0.05, 0.5, 0.95))
    return low, median, high


def spread(stages: int, median: float) -> tuple[float, float]:
    """Return the 5th and 95th percentiles of a wait of `stages` exponentials with this median."""
    low, middle, high = percentiles(stages)
    return median * low / middle, median * high / middle


def stages_of(median: float, low: float, high: float) -> int:
    """Return the number of exponential stages that brings a wait closest to `low` and `high`.

    The wait is the sum of its stages and has the given median. The ratios of its 5th and 95th percentiles to `low` and
    `high` say how close it comes.

    Raises QuantityError if the percentiles are in the wrong order, if they need more stages than `MOST_STAGES`, or if
    no number of stages comes near them.
    """
    if not low < median < high:
        order = ", ".join(show(days, "duration") for days in (low, median, high))
        raise QuantityError(f"low, value and high are {order}", "expected low < value < high")
    log_ratio = math.log(high / low)
    stages = 1 + math.ceil(max((2 * Z_95TH_PERCENTILE / log_ratio) ** 2, 1.0))
    if stages > 2 * MOST_STAGES:
        raise _too_narrow(median, stages)
    best = min(range(1, 2 * stages), key=lambda k: _misfit(k, median, low, high))
    if best > MOST_STAGES:
        raise _too_narrow(median, best)
    if _misfit(best, median, low, high) > math.log(FIT):
        raise QuantityError(
            f"no waiting time with the median {show(median, 'duration')} has the range {_days(low, high)}",
            f"the nearest has {_days(*spread(best, median))}; if the move can happen at any moment, give it a 'rate'",
        )
    return best


def _misfit(stages: int, median: float, low: float, high: float) -> float:
    return max(abs(math.log(a / b)) for a, b in zip(spread(stages, median), (low, high), strict=True))


def _too_narrow(median: float, stages: int) -> QuantityError:
    widest = _days(*spread(MOST_STAGES, median))
    return QuantityError(
        f"low and high are so close together that the wait would need about {stages:,} stages",
        f"expected at most {MOST_STAGES}, giving {widest} around {show(median, 'duration')}; for a fixed day use 'at'",
    )


def _days(low: float, high: float) -> str:
    return f"{show(low, 'duration')} to {show(high, 'duration')}"
