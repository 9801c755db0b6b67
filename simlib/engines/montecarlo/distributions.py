"""Accumulated amounts of impacts in simulated histories, at stated values or at draws of the assumptions."""

from __future__ import annotations

from typing import Any

import numpy as np

from simlib.control import Control
from simlib.engines.montecarlo.simulator import Simulator
from simlib.machine.belief import Belief
from simlib.typing import Floats


def histories_of_impacts(
    simulator: Simulator, belief: Belief | None, runs: int, seed: int, control: Control
) -> tuple[Floats, Floats]:
    """Simulate histories. Return the accumulated amounts (D, R, T, I) and the weights of draws (D,).

    The amounts are for I impacts by T report times, in R replicates of each of D draws. Without a belief, R histories
    are simulated at the stated values. Each of these histories counts as a draw of equal weight, so the shape is (R, 1,
    T, I).

    Args:
        simulator: The scenario, prepared to be simulated.
        belief: The weighted draws of the assumptions. None: the stated values.
        runs: Number of replicates of each draw. The first replicate of draw d has the number d × `runs`.
        seed: Seed of the replicates.
        control: Number of threads, and cancellation, which raises Cancelled.
    """
    if belief is None:
        amounts = simulator.run(runs=runs, seed=seed, control=control).accrued
        return amounts[:, None], np.full(runs, 1 / runs)
    common: dict[str, Any] = {"centre": simulator.stated, "seed": seed, "control": control}
    parts = [
        simulator.run(theta, start=start, runs=runs, first=d * runs, **common).accrued
        for d, (theta, start) in enumerate(belief.rows())
    ]
    return np.stack(parts), belief.weights
