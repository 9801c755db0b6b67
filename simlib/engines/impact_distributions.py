"""Distributions of impacts: solved exactly if that is cheap, else counted in histories.

An impact is a quantity that accumulates along a history, such as casualties.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from simlib.control import Control
from simlib.engines.exact.amounts import exact_amounts
from simlib.engines.exact.forecast import Solver
from simlib.errors import MissingDependency
from simlib.machine.belief import Belief
from simlib.results import AmountSample, Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

__all__ = ["with_distributions"]


def with_distributions(
    forecast: Forecast,
    scenario: Scenario,
    frame: dict[str, Any],
    solver: Solver | None,
    belief: Belief | None,
    job: tuple[int, int, Control],
    accrued: Sequence[Floats] = (),
) -> Forecast:
    """Return a forecast with the whole distribution of each impact (accumulated quantity).

    A distribution is solved exactly if that is cheap, else counted in simulated histories. An impact that has its
    distribution already is not simulated again. Without Numba only solved distributions are added.

    Args:
        forecast: The forecast.
        scenario: Its scenario.
        frame: The options `times`, `by` and `ignore_windows` of the forecast.
        solver: The exact solver of the scenario. None: the forecast was made by simulation.
        belief: The draws of the assumptions. None: the stated values.
        job: The number of replicates (with a belief: of each draw), their seed, and the control (progress and
            cancellation).
        accrued: For each draw, the amounts (R, T, I) of I impacts by T times in R replicates. Empty: simulate them
            anew.
    """
    laws = {name: (impact.fan, impact.sample) for name, impact in forecast.impacts.items()}
    if solver is not None:
        steps = forecast.provenance["steps"]
        for index, (name, impact) in enumerate(forecast.impacts.items()):
            law = exact_amounts(solver, index, impact, belief, steps, job[2])
            laws[name] = laws[name] if law is None else law
    if any(sample is None for _, sample in laws.values()):
        wanted = [name for name, (_, sample) in laws.items() if sample is None]
        if accrued and belief is not None:
            laws |= _distributions(scenario, wanted, np.stack(accrued), belief.weights)
        else:
            laws |= _counted(scenario, frame, belief, job, wanted)
    impacts = {
        name: dataclasses.replace(impact, fan=laws[name][0], sample=laws[name][1])
        for name, impact in forecast.impacts.items()
    }
    return dataclasses.replace(forecast, impacts=impacts)


def _counted(
    scenario: Scenario, frame: dict[str, Any], belief: Belief | None, job: tuple[int, int, Control], names: list[str]
) -> dict[str, tuple[Floats, AmountSample]]:
    """Simulate new histories, and return {impact: (quantiles over time, distribution)}.

    Without Numba, the result is {}. At the stated values, each history counts as a draw of equal weight.
    """
    from simlib.engines.montecarlo.simulator import Simulator

    try:
        simulator = Simulator(scenario, **frame)
    except MissingDependency:
        return {}
    runs, seed, control = job
    options: dict[str, Any] = {"runs": runs, "seed": seed, "control": control}
    if belief is None:
        amounts = simulator.run(**options).accrued[:, None]
        return _distributions(scenario, names, amounts, np.full(runs, 1 / runs))
    counts = [
        simulator.run(theta, centre=simulator.stated, start=start, first=draw * runs, **options)
        for draw, (theta, start) in enumerate(belief.rows())
    ]
    return _distributions(scenario, names, np.stack([each.accrued for each in counts]), belief.weights)


def _distributions(
    scenario: Scenario, names: list[str], amounts: Floats, weights: Floats
) -> dict[str, tuple[Floats, AmountSample]]:
    """Return {impact: (quantiles over time, distribution at the last time)}.

    `amounts` (D, R, T, I) are the amounts of I impacts by T report times, in R replicates of each of D draws.
    """
    from simlib.engines.montecarlo.counts import distribution

    places = {name: index for index, name in enumerate(scenario.impacts)}
    return {name: distribution(amounts[..., places[name]], weights) for name in names}
