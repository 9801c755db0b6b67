"""One call of the Monte Carlo kernel, and the empty arrays that it fills."""

from __future__ import annotations

import numpy as np

from simlib.engines.montecarlo.arrays import FIRINGS, Output, Track, Values, make_work
from simlib.engines.montecarlo.kernel_input import Flat, load_kernel
from simlib.errors import SimlibError

MAX_EVENTS = 10_000_000
"""The engine gives up if one replicate has more events than this, because such high rates are a mistake."""


def call(
    flat: Flat, values: Values, output: Output, key: np.uint64, first: int, history: Track | None = None
) -> int | None:
    """Run the kernel for as many replicates as `output` has room for.

    Args:
        flat: The scenario as arrays.
        values: The rates and chances at the assumption values.
        output: The arrays to fill.
        key: The key of the seed (`streams.seed_key`).
        first: The number of the first replicate.
        history: The table to which events are written. None: events are not kept.

    Returns:
        The number of rows written, or None if `history` was too short.

    Raises:
        SimlibError: If a replicate has more than `MAX_EVENTS` events.
    """
    kernel = load_kernel()
    history = empty_track(flat, 0, 0) if history is None else history
    status, stopped, rows = kernel.run(
        flat.layout,
        flat.structure,
        values,
        make_work(flat.layout, flat.structure),
        output,
        history,
        key,
        first,
        len(output.ending),
        MAX_EVENTS,
    )
    if status == kernel.TOO_MANY_EVENTS:
        days = f"{flat.structure.segment_end[-1]:g} days"
        raise SimlibError(
            f"replicate {first + stopped} had more than {MAX_EVENTS:,} events within {days}; "
            "some rates are far too high: look for a rate per minute or hour, or factors with a large product"
        )
    return None if status == kernel.HISTORY_FULL else int(rows)


def allocate(flat: Flat, runs: int) -> Output:
    """Return empty arrays for the kernel's output of `runs` replicates."""
    size, actions = (len(flat.grid) + 1) * flat.layout.width, len(flat.action_numbers)
    return Output(
        np.zeros(size, np.int64),
        np.zeros(actions, np.int64),
        np.zeros(actions, np.int64),
        np.zeros(len(flat.structure.entry) * FIRINGS, np.int64),
        np.empty(runs, np.int32),
        np.empty(runs),
        np.empty((runs, flat.layout.questions)),
        np.empty(runs, np.int64),
        np.empty((runs, len(flat.grid), flat.layout.impacts)),
    )


def empty_track(flat: Flat, replicates: int, rows: int) -> Track:
    """Return empty arrays for the histories of replicates, with room for `rows` rows in all."""
    return Track(
        np.zeros(replicates + 1, np.int64),
        np.empty(rows),
        np.empty(rows, np.int64),
        np.empty(rows, np.int64),
        np.empty((rows, flat.layout.words), np.uint64),
    )
