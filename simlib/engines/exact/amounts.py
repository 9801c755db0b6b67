"""The exact distribution of an impact, if the impact is a count of firings times one fixed amount.

A firing is one happening of a move. For an impact with several amounts, with a random amount, or with amounts per day
or at an ending, too many different values are possible. The distribution of such an impact is counted in simulated
histories instead.
"""

from __future__ import annotations

import numpy as np

from simlib.control import Control
from simlib.engines.exact.count_distribution import PRODUCTS, OneAmount, count_law, products_of
from simlib.engines.exact.solver import Solver
from simlib.machine.belief import Belief
from simlib.results import FAN, Accumulation, AmountSample
from simlib.typing import Floats


def exact_amounts(
    solver: Solver, impact: int, found: Accumulation, belief: Belief | None, steps: int, control: Control
) -> tuple[Floats, AmountSample] | None:
    """Return three quantiles of an impact at T times (3, T), and its distribution at the last time.

    The result is None if the impact is not a count of firings (happenings of a move) times one fixed amount, or if the
    distribution would take too many multiplications.

    Args:
        solver: The scenario, prepared to be solved.
        impact: The index of the impact.
        found: The mean and the standard deviation of the impact.
        belief: The weighted draws of the assumptions. None: the stated values.
        steps: The number of steps of one solution.
        control: Cancellation, which raises Cancelled.
    """
    one = OneAmount.of(solver.state_rewards.rewards, impact)
    if one is None:
        return None
    if belief is None:
        chains, weights = [solver.chain()], np.ones(1)
    else:
        centre = solver.chain().theta
        chains, weights = [solver.chain(theta, centre, start) for theta, start in belief.rows()], belief.weights
    amount = float(weights @ [chain.theta[one.amount] for chain in chains])
    mean, silent = float(found.mean[-1]) / amount, Control(cancel=control.cancel)
    if products_of(chains[0], np.array([mean]), steps) * len(chains) > PRODUCTS:
        return None
    laws = [count_law(chain, one.counts, mean, solver.times, control=silent).share for chain in chains]
    numbers = max(law.shape[1] for law in laws)
    shares = np.stack([np.pad(law, ((0, 0), (0, numbers - law.shape[1]))) for law in laws])
    amounts = np.outer([chain.theta[one.amount] for chain in chains], np.arange(numbers))
    samples = [AmountSample(amounts, weights, shares[:, time]) for time in range(len(solver.times))]
    fan = np.array([[sample.point(share) for sample in samples] for share in FAN])
    return fan, samples[-1]
