"""A block of vectors, carried through a segment once for all report times in the segment.

A block (N, width) has `width` vectors over N states, side by side. Carrying a block through a segment is called a pass.
Each *step* of a pass is one jump of the uniformised chain. At each step, only a few sums over states are kept. After
each *batch* of up to 64 steps, the kept sums are weighted by the Poisson probabilities of the steps at each report
time.

Sizes: N states, T times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.control import UNWATCHED, Control
from simlib.engines.exact.backend import kernels
from simlib.engines.exact.generator import refuse_a_job_of_hours
from simlib.engines.exact.lanes import Lanes
from simlib.engines.exact.poisson import TOLERANCE, pmf, survival, truncation
from simlib.engines.exact.uniformization import add, blocks
from simlib.machine.sums import sums_by
from simlib.typing import Floats

BATCH_STEPS = 64
"""Largest number of steps (jumps) in a batch. After each batch, sums are weighted, and cancellation is checked."""

_WORTH_A_THREAD = 150_000
"""A step that reads fewer numbers than this uses one thread, because a second one would cost more than it saves."""

_FEW = 2
"""Up to this many report times, one histogram of summed vectors costs less than a histogram at every step."""


class Watcher(ABC):
    """A reader of the vectors before every step of a pass, for weighted sums over the steps.

    A step is one jump of the uniformised chain. Steps come in batches of up to 64.

    Attributes:
        weights (T, steps): The probability of exactly k jumps by each of T times, for each step k of this batch.
        survivals (T, steps): The probability of more than k jumps.
        work: How many numbers are read in a step, as a measure of the cost.
    """

    weights: Floats
    survivals: Floats
    work: int

    @abstractmethod
    def take(self, row: int, block: Floats) -> None:
        """Read the block of vectors (N, width) at the step with position `row` in its batch."""

    @abstractmethod
    def weigh(self) -> None:
        """Add up what `take` stored for each step of this batch, times the weights of the step."""


class Histograms(Watcher):
    """Histograms of the distribution over the states, summed into columns, at T times.

    Columns are defined in `marginals`. The distribution p is the first vector of the block.

    Args:
        cells: The bins of each state (N, groups).
        reading: The sparse matrix that turns bins into columns (columns, bins).
        times: The number of times, T.

    Attributes:
        at (T, columns): The columns at each time.
        until (T, columns): The integrals of the columns up to each time, times the number of jumps per day.
    """

    def __init__(self, cells: NDArray[np.uint32], reading: Any, times: int) -> None:
        self.cells, self.reading, self.work = cells, reading, cells.size
        columns, bins = reading.shape
        self.at, self.until = np.zeros((2, times, columns))
        self._steps = np.zeros((BATCH_STEPS, bins))

    def take(self, row: int, block: Floats) -> None:
        """Store the histogram of the first vector of the block at one step."""
        self._steps[row] = 0.0
        count(block, self.cells, self._steps[row])

    def weigh(self) -> None:
        """Add up the columns of each step of this batch, times the weights of the step."""
        columns = (self.reading @ self._steps[: self.weights.shape[1]].T).T
        self.at += self.weights @ columns
        self.until += self.survivals @ columns


class FewHistograms(Watcher):
    """The columns of `Histograms` for one or two times, computed from sums of whole vectors."""

    def __init__(self, cells: NDArray[np.uint32], reading: Any, times: Floats) -> None:
        self.cells, self.reading = cells, reading
        self.first, self.place = np.unique(times, return_index=True, return_inverse=True)[1:]
        self.work = 2 * len(self.first) * len(cells)
        self._at, self._until = np.zeros((2, len(self.first), len(cells), 1))

    def take(self, row: int, block: Floats) -> None:
        """Multiply the block of one step by its weights, and add the products to the sums."""
        for at, until, column in zip(self._at, self._until, self.first, strict=True):
            add(at, self.weights[column, row], block)
            add(until, self.survivals[column, row], block)

    def weigh(self) -> None:
        """Do nothing, because `take` has already applied the weights."""

    @property
    def at(self) -> Floats:
        """The columns at each time (T, columns)."""
        return self._counted(self._at)

    @property
    def until(self) -> Floats:
        """The integrals of the columns up to each time, times the jumps per day (T, columns)."""
        return self._counted(self._until)

    def _counted(self, blocks: Floats) -> Floats:
        tables = np.zeros((len(blocks), self.reading.shape[1]))
        for table, block in zip(tables, blocks, strict=True):
            count(block, self.cells, table)
        columns: Floats = (self.reading @ tables.T).T[self.place]
        return columns


def histograms(cells: NDArray[np.uint32], reading: Any, times: Floats, width: int) -> Histograms | FewHistograms:
    """Return the watcher that computes columns at T times from histograms of the first vector."""
    if width == 1 and len(np.unique(times)) <= _FEW:
        return FewHistograms(cells, reading, times)
    return Histograms(cells, reading, len(times))


def count(block: Floats, cells: NDArray[np.uint32], out: Floats) -> None:
    """Add the histogram of the first vector, with bins `cells` (N, groups), to `out` (bins,)."""
    if kernels is not None:
        kernels.histogram(block, cells, out)
        return
    for group in cells.T:
        out += sums_by(group, block[:, 0], len(out))


@dataclass
class Carried:
    """The result of carrying a block of `width` vectors through a segment, at T times.

    The last time is the end of the segment.

    Attributes:
        end (N, width): The vectors at the end.
        hits (T, width): The probability of the histories that were stopped in the segment by each time.
        tails (T,): The bound on the truncation error.
        steps: The number of steps.
    """

    end: Floats
    hits: Floats
    tails: Floats
    steps: int


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
    """Carry a block of `width` vectors over N states through a segment of time.

    Args:
        block: The rates of the segment.
        start: The vectors (N, width) at the beginning of the segment.
        times: Days within the segment (T,), of which the last is its end.
        watchers: The objects that read the vectors at every step.
        onward: Whether to compute the vectors at the end. Otherwise the result has zeros in their place.
        tolerance: Bound on the truncation error.
        pool: A helper thread for half of each large step. None: no helper.
        control: Progress callback and cancellation, which raises Cancelled.

    Raises Unsupported for rates so high that the solution would take hours.
    """
    refuse_a_job_of_hours(block.uniform, len(block.values), times[-1])
    last, means = truncation(block.uniform * times[-1], tolerance), block.uniform * times
    vectors, spare, end = start.copy(), np.empty_like(start), np.zeros_like(start)
    hit, hits, batch = (
        np.zeros((1, block.width)),
        np.zeros((len(times), block.width)),
        np.zeros((BATCH_STEPS, block.width)),
    )
    block.take_out(vectors, hit)
    advance = Advance(block, watchers, pool)
    for steps in blocks(last, BATCH_STEPS):
        weights, survivals = pmf(steps, means), survival(steps, means)
        for watcher in watchers:
            watcher.weights, watcher.survivals = weights, survivals
        for row in range(len(steps)):
            batch[row] = hit
            if onward:
                add(end, weights[-1, row], vectors)
            advance(row, vectors, spare)
            block.finish(vectors, spare, hit)
            vectors, spare = spare, vectors
        hits += weights @ batch[: len(steps)]
        for watcher in watchers:
            watcher.weigh()
        control.report((int(steps[-1]) + 1) / (last + 1))
        control.check()
    return Carried(end, hits, survival(np.array([last]), means)[:, 0], last + 1)


class Advance:
    """One step of a pass, which shows the vectors to all watchers and computes the next ones.

    In large steps, a second thread computes the last rows of the result at the same time. The results are the same, bit
    for bit, with and without this thread.
    """

    def __init__(self, block: Lanes, watchers: Sequence[Watcher], pool: ThreadPoolExecutor | None) -> None:
        self.block, self.watchers = block, watchers
        watching, entries = sum(watcher.work for watcher in watchers), block.incoming.start
        self.cut, self.pool = block.states, None
        if pool is not None and kernels is not None and block.work + watching >= _WORTH_A_THREAD:
            own = max(entries[-1] - watching // block.width, 0) // 2
            self.cut, self.pool = int(np.searchsorted(entries, own)), pool

    def __call__(self, row: int, vectors: Floats, result: Floats) -> None:
        """Show `vectors` to the watchers as step `row`, and write those after one jump to `result`."""
        rest = None
        if self.pool is not None:
            rest = self.pool.submit(self.block.step, vectors, result, self.cut, self.block.states)
        for watcher in self.watchers:
            watcher.take(row, vectors)
        self.block.step(vectors, result, 0, self.cut)
        if rest is not None:
            rest.result()
