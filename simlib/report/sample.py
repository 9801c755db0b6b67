"""The forecast of a report, simulated in part if solving all of it would take minutes.

The assumption values are drawn from the priors in several scrambled Sobol sequences. This allows an estimate of the
error of each end of a range.

Every question costs another exact computation. So in a large scenario only the endings and the headline are solved
exactly. The other questions, the impacts and the numbers of moves are counted in histories simulated with the same
values.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from simlib.analysis.uncertainty.estimates import GROUPS
from simlib.analysis.uncertainty.sampling import prior_scores
from simlib.arguments import Engine
from simlib.control import Control
from simlib.engines.ensemble import Ensemble, forecast, over_priors
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import headline
from simlib.machine.report_times import daily_steps
from simlib.results import Forecast
from simlib.scenario.model import Scenario

__all__ = ["ReportOptions", "grouped_prior", "sampled"]

REPORT_EXACT_WORK = 8_000_000
"""Largest product of states, questions and sets of assumption values for which everything is solved exactly."""

HISTORIES_PER_DRAW = 100
"""Number of histories simulated with each set of assumption values."""


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """The options of the forecasts in a report.

    - `engine`: the exact engine or Monte Carlo.
    - `draws`: a belief (weighted sets of assumption values), or the number of sets to draw from the priors. With 0 the
      stated values are used.
    - `runs`: the number of Monte Carlo replicates with each set.
    - `seed`: the seed of the draws and of the replicates.
    - `ignore_windows`: whether calendar windows are left out.
    """

    engine: Engine
    draws: int | Belief
    runs: int
    seed: int
    ignore_windows: bool


def grouped_prior(scenario: Scenario, draws: int, seed: int) -> Belief:
    """Return equally weighted sets of assumption values, drawn from the priors.

    The sets come from `GROUPS` separately scrambled Sobol sequences, one after the other. The number of sets is
    `draws`, rounded up so that all sequences are equally long.
    """
    scores, _ = prior_scores(scenario, max(draws, GROUPS), seed)
    theta, size = priors.values_from_scores(scenario, scores), len(scores)
    names, weights, source = tuple(scenario.assumptions), np.full(size, 1 / size), {"sequences": GROUPS}
    return Belief("prior", scenario.as_of, names, theta, weights, seed=seed, source=source)


def sampled(world: Scenario, options: ReportOptions, control: Control) -> tuple[Forecast, Ensemble | None]:
    """Return the forecast, and the forecasts of which it is the mean (None: there are no draws)."""
    common: dict[str, Any] = vars(options) | {"times": daily_steps(world.horizon_days)}
    sets = common.pop("draws")
    if sets == 0:
        return forecast(world, **common, control=control), None
    belief = sets if isinstance(sets, Belief) else grouped_prior(world, sets, options.seed)
    stated = forecast(world, **common, control=control.part(0.0, 0.05))
    work = (stated.states or 0) * (1 + len(world.questions)) * belief.draws
    if options.engine != "exact" or work <= REPORT_EXACT_WORK:
        draws = over_priors(world, draws=belief, **common, control=control.part(0.05, 1.0))
    else:
        draws = _in_part(world, belief, stated, common, control.part(0.05, 1.0))
    mean, way = draws.mixture(), draws.forecasts[0].provenance
    counted = {key: way[key] for key in ("by_histories", "firings_by", "histories_seed") if key in way}
    if "histories" in way:
        counted["histories"] = way["histories"] * len(draws.forecasts)
    return dataclasses.replace(mean, provenance=dict(mean.provenance) | counted), draws


def _in_part(world: Scenario, belief: Belief, stated: Forecast, common: dict[str, Any], control: Control) -> Ensemble:
    """Solve the endings and, if possible, the headline at each draw, and simulate all else."""
    lead = headline(world)
    leading = {lead.of: world.questions[lead.of]} if lead.kind == "question" else {}
    lean = world.replace(questions=leading, impacts={})
    options = common | {"draws": belief}
    exact = over_priors(lean, **options | {"runs": 2}, control=control.part(0.0, 0.9))
    histories = options | {"engine": "montecarlo", "runs": HISTORIES_PER_DRAW}
    counted = over_priors(world, **histories, control=control.part(0.9, 1.0))
    solved = set(leading) - set(exact.stated.provenance.get("by_histories", ()))
    draws = [_joined(one, other, solved) for one, other in zip(exact.forecasts, counted.forecasts, strict=True)]
    return Ensemble(world, belief, tuple(draws), stated, exact.seed, counted.impacts)


def _joined(exact: Forecast, counted: Forecast, solved: set[str]) -> Forecast:
    questions = {name: exact.questions[name] if name in solved else band for name, band in counted.questions.items()}
    source = dict(exact.provenance) | {
        "by_histories": [name for name in questions if name not in solved],
        "histories": counted.provenance["runs"],
        "histories_seed": counted.provenance["seed"],
        "firings_by": "histories",
    }
    return dataclasses.replace(
        exact,
        questions=questions,
        provenance=source,
        impacts=counted.impacts,
        firings=counted.firings,
        labels=counted.labels,
    )
