"""The exact distribution of an impact, if it is a number of firings times one amount.

Other impacts take too many different values: amounts that vary from event to event, several amounts, and amounts per
day or at an ending. Their distribution is counted in histories.
"""

from __future__ import annotations

import numpy as np

from simlib.control import Control
from simlib.engines.exact.chain import Chain
from simlib.engines.exact.count_distribution import OneAmount, count_law, products_of
from simlib.engines.exact.solver import Solver
from simlib.machine.belief import Belief
from simlib.results import FAN, Accumulation, AmountSample
from simlib.typing import Floats


def exact_amounts(
    solver: Solver,
    impact: int,
    found: Accumulation,
    belief: Belief | None,
    steps: int,
    products: float,
    control: Control,
) -> tuple[Floats, AmountSample] | None:
    """Return the fan (3, T) and the distribution of an impact at the last time, None if they would be costly.

    Args:
        solver: The scenario, prepared to be solved.
        impact: Its number.
        found: Its moments.
        belief: The draws of the assumptions. None: the stated values.
        steps: Steps that one solution takes.
        products: Limit on the products for the distribution, over all draws together.
        control: Cancellation.

    Raises:
        Cancelled: When `control` cancels the work.
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
    if products_of(chains[0], found.mean[-1:] / amount, steps) * len(chains) > products:
        return None
    laws = [_law(chain, one, float(found.mean[-1]) / amount, solver.times, control) for chain in chains]
    numbers = max(law.shape[1] for law in laws)
    shares = np.stack([np.pad(law, ((0, 0), (0, numbers - law.shape[1]))) for law in laws])
    amounts = np.outer([chain.theta[one.amount] for chain in chains], np.arange(numbers))
    samples = [AmountSample(amounts, weights, shares[:, time]) for time in range(len(solver.times))]
    fan = np.array([[sample.point(share) for sample in samples] for share in FAN])
    return fan, samples[-1]


def _law(chain: Chain, one: OneAmount, mean: float, times: Floats, control: Control) -> Floats:
    """Return the probability of each number (T, C)."""
    return count_law(chain, one.counts, mean, times, control=Control(cancel=control.cancel)).share
