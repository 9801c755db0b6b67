"""The exact distribution of an impact that is a count of firings times one fixed amount.

A firing is one happening of a move. For an impact with several amounts, with a random amount, or with amounts per day
or at an ending, too many different values are possible. The distribution of such an impact is counted in simulated
histories instead.
"""

from __future__ import annotations

import numpy as np

from simlib.control import Control
from simlib.engines.exact.count_distribution import PRODUCTS, count_law, products_of
from simlib.engines.exact.solver import Solver
from simlib.machine.belief import Belief
from simlib.machine.rewards import Rewards
from simlib.results import FAN, Accumulation, AmountSample
from simlib.typing import Floats, Ints


def fixed_amount(rewards: Rewards, impact: int) -> tuple[int, Ints] | None:
    """Return an impact's fixed amount, and how many times each outcome adds this amount (O,).

    The amount is given as the index of an assumption. The result is None if the impact is not a count of firings
    (happenings of moves) times one fixed amount.
    """
    impulses = [item for item in rewards.impulses if item.impact == impact]
    others = {item.impact for item in rewards.accruals} | {item.impact for item in rewards.payments}
    amounts = {item.amount for item in impulses}
    if impact in others or len(amounts) != 1 or rewards.spread[min(amounts)] > 0:
        return None
    counts = np.zeros(rewards.outcomes, dtype=np.int64)
    for item in impulses:
        counts[list(item.outcomes)] += 1
    return min(amounts), counts


def exact_amounts(
    solver: Solver, impact: int, accumulation: Accumulation, belief: Belief | None, steps: int, control: Control
) -> tuple[Floats, AmountSample] | None:
    """Return three quantiles (3, T) of an impact at T times, and its distribution at the last.

    The result is None if `fixed_amount` returns None for the impact, or if the distribution would take too many
    multiplications.

    Args:
        solver: The scenario, prepared to be solved.
        impact: The index of the impact.
        accumulation: The mean and the standard deviation of the impact.
        belief: The weighted draws of the assumptions. None: the stated values.
        steps: The number of steps of one solution.
        control: Cancellation, which raises Cancelled.
    """
    form = fixed_amount(solver.state_rewards.rewards, impact)
    if form is None:
        return None
    assumption, counts = form
    if belief is None:
        chains, weights = [solver.chain()], np.ones(1)
    else:
        centre = solver.chain().theta
        chains, weights = [solver.chain(theta, centre, start) for theta, start in belief.rows()], belief.weights
    each = np.array([chain.theta[assumption] for chain in chains])
    amount = float(weights @ each)
    mean, silent = float(accumulation.mean[-1]) / amount, control.silent()
    if products_of(chains[0], np.array([mean]), steps) * len(chains) > PRODUCTS:
        return None
    laws = [count_law(chain, counts, mean, solver.times, control=silent).share for chain in chains]
    numbers = max(law.shape[1] for law in laws)
    shares = np.stack([np.pad(law, ((0, 0), (0, numbers - law.shape[1]))) for law in laws])
    amounts = np.outer(each, np.arange(numbers))
    samples = [AmountSample(amounts, weights, shares[:, time]) for time in range(len(solver.times))]
    fan = np.array([[sample.point(share) for sample in samples] for share in FAN])
    return fan, samples[-1]
