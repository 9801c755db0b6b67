"""The material of a report: the forecast, and the answers to further questions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.arguments import Engine
from simlib.control import UNWATCHED, Control
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure, headline
from simlib.report import assumption_blocks as ledger
from simlib.report.change_list import Changes
from simlib.report.sample import ReportOptions, sampled
from simlib.results import Forecast
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.pooling import Pool, PooledItem
    from simlib.analysis.sensitivity.one_at_a_time import Bar, Drivers
    from simlib.analysis.uncertainty.perfect_information import Evppi
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.analysis.uncertainty.sampling import Spread
    from simlib.calibration.predictive_check import PriorPredictive
    from simlib.calibration.reference_classes import BaseRates
    from simlib.engines.ensemble import Ensemble

__all__ = ["Material", "gather", "pooled_views"]

_SIGN_DRAWS, _SIGN_HISTORIES = 200, 8_000
"""Sets of assumption values for the signs of an ending, and histories over all these sets together."""

_OBSERVATION_DRAWS = 128
"""Number of sets of assumption values with which the signs of the headline are found."""

_VIEW_DRAWS, _VIEW_HISTORIES = 128, 100
"""Sets of assumption values for each view, and histories with each set if the view is not solved exactly."""

_PATHS = 8
"""Number of path classes in a report."""

_MOST_SOLVED = 1_000_000
"""A view is solved exactly if its number of states times its number of sets of assumption values is at most this."""

REPORT_VIEW_NAME = "This report"
"""The name of the report's own forecast among the views."""


@dataclass(frozen=True)
class Material:
    """All that a report shows: a forecast, and the answers to further questions about it.

    An answer that was not asked for is None. The headline is the main question of the scenario, or its main ending.

    - `scenario`: the scenario of the report.
    - `forecast`: the mean of the forecasts in `draws`, or the forecast at the stated values.
    - `draws`: the forecasts with many sets of assumption values.
    - `spread`: the range of the headline over these sets.
    - `worth`: the value of knowing each assumption.
    - `tornado`: the effect of each assumption on the headline and the most probable ending.
    - `evident`: the ids of the assumptions on which the headline obviously depends, such as the rate of the only move
      that leads to its event.
    - `paths`: the most probable paths.
    - `indicators`: the signs of the most probable endings.
    - `seeing`: how much each move would change the headline if it were seen.
    - `views`: the report's forecast pooled with those of the views.
    - `past_crises`: the scenario compared with past crises.
    - `past`: the scenario compared with its own log of events.
    - `changes`: the changes since an earlier report.
    - `what_if`: for a changed scenario, a sentence that says so, then each change.
    - `baseline`: for a changed scenario, the forecast of the unchanged one.
    - `ledger`: the scenario whose reasons are listed. None: `scenario`.
    """

    scenario: Scenario
    forecast: Forecast
    draws: Ensemble | None = None
    spread: Spread | None = None
    worth: Evppi | None = None
    tornado: Drivers | None = None
    evident: frozenset[str] = frozenset()
    paths: Paths | None = None
    indicators: tuple[Indicators, ...] = ()
    seeing: Evsi | None = None
    views: Pool | None = None
    past_crises: BaseRates | None = None
    past: PriorPredictive | None = None
    changes: Changes | None = None
    what_if: tuple[str, ...] = ()
    ledger: Scenario | None = None
    baseline: Forecast | None = None

    @property
    def lead(self) -> Measure:
        """The measure of the headline."""
        return headline(self.scenario)

    def strongest(self, most: int) -> list[Bar]:
        """Return up to `most` assumptions that matter to the headline, the strongest first.

        Assumptions whose effect is self-evident are left out.
        """
        tornado = self.tornado
        if tornado is None:
            return []
        bars = [bar for bar in tornado.ranked() if bar.assumption.id not in self.evident]
        return [bar for bar in bars if tornado.matters(tornado.measures[0], bar)][:most]

    def range_of(self, kind: str, name: str) -> tuple[float, float]:
        """Return the 5–95% range of the probability of an ending or question over `draws`.

        `kind` is "ending" or "question", and `name` is an id.
        """
        assert self.draws is not None
        points = self.draws.spread(name, "questions" if kind == "question" else "endings")[:, -1]
        return float(points[0]), float(points[-1])

    def view_item(self) -> PooledItem:
        """Return the probability of the headline in each view and in both pools of the views."""
        assert self.views is not None
        return next(item for item in self.views.items if (item.kind, item.id) == (self.lead.kind, self.lead.of))


def gather(
    scenario: Scenario,
    forecast: Forecast,
    *,
    draws: Ensemble | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Material:
    """Return the material of a report: answers about the headline and most probable endings.

    The answers leave calendar windows out if the forecast does.

    Args:
        scenario: The scenario.
        forecast: The forecast of the report, which is the mean of `draws` if there are any.
        draws: The forecasts at draws of the assumptions. If the draws were learnt from a log, nothing is compared with
            past crises or with the log, because neither comparison covers the time after the log.
        seed: The seed of the answers that draw or simulate.
        control: Progress, cancelling and threads.

    Raises any SimlibError that a question raises.
    """
    from simlib.analysis.indicators.watch_list import indicators
    from simlib.analysis.sensitivity.direct_rates import self_evident
    from simlib.analysis.whatif.variants import without_windows

    world = ledger.readable(without_windows(scenario) if forecast.provenance.get("ignore_windows") else scenario)
    ranked = sorted(scenario.endings, key=lambda name: -forecast.endings[name].probability[-1])
    belief = draws.belief if draws is not None and not draws.belief.is_prior else None
    steps = _steps(world, forecast, ranked, belief, seed)
    sign_draws = _SIGN_DRAWS if scenario.uncertain else 0
    size = belief.draws if belief else max(sign_draws, 1)
    common: dict[str, Any] = {"draws": belief or sign_draws, "runs": -(-_SIGN_HISTORIES // size)}
    common |= {"engine": "montecarlo", "seed": seed}
    signs = [partial(indicators, world, f"ending:{name}", **common) for name in ranked[:2]]
    answers = []
    every: list[Callable[..., Any]] = [*steps.values(), *signs]
    for number, step in enumerate(every):
        answers.append(step(control=control.part(number / len(every), (number + 1) / len(every))))
        control.report((number + 1) / len(every))
    named = dict(zip(steps, answers, strict=False))
    named |= {} if draws is None else _ranges(scenario, draws)
    named |= {"indicators": tuple(answers[len(steps) :]), "evident": self_evident(scenario, headline(scenario))}
    return Material(scenario, forecast, draws, **named)


def _steps(
    world: Scenario, forecast: Forecast, ranked: list[str], belief: Belief | None, seed: int
) -> dict[str, Callable[..., Any]]:
    """Return {field of `Material`: function that computes it} for further parts of a report."""
    from simlib.analysis.sensitivity.one_at_a_time import drivers
    from simlib.analysis.uncertainty.sample_information import evsi
    from simlib.calibration.predictive_check import has_log, prior_predictive
    from simlib.calibration.reference_classes import base_rates, classes_of

    engine: Any = forecast.engine
    lead = [headline(world)] if world.questions or world.endings else []
    about = dict.fromkeys([*(measure.name for measure in lead), *(f"ending:{name}" for name in ranked[:1])])
    steps: dict[str, Callable[..., Any]] = {}
    if world.uncertain and about:
        way: Engine = "auto" if engine == "exact" else engine
        steps["tornado"] = partial(drivers, world, about, engine=way, draws=belief or 0, seed=seed)
    if world.ladders:
        steps["paths"] = partial(_likeliest_paths, world, engine, seed)
    if world.uncertain and lead and any(not move.covert for move in world):
        steps["seeing"] = partial(evsi, world, lead[0].name, draws=belief or _OBSERVATION_DRAWS, seed=seed)
    if classes_of(world) and belief is None:
        steps["past_crises"] = partial(base_rates, world, seed=seed)
    if has_log(world) and belief is None:
        steps["past"] = partial(prior_predictive, world, seed=seed)
    return steps


def _likeliest_paths(world: Scenario, engine: Engine, seed: int, *, control: Control) -> Paths:
    from simlib.analysis.paths.classes import counted_paths, searched_paths
    from simlib.analysis.paths.request import PATH_HISTORIES
    from simlib.analysis.samples import sample

    if engine == "exact":
        return searched_paths(world, top=_PATHS, control=control)
    return counted_paths(sample(world, runs=PATH_HISTORIES, seed=seed, control=control), top=_PATHS)


def _ranges(scenario: Scenario, draws: Ensemble) -> dict[str, Any]:
    """Return the fields `spread` and `worth` of `Material`, each only if the draws allow it."""
    from simlib.analysis.uncertainty.perfect_information import LEAST_DRAWS, evppi_from
    from simlib.analysis.uncertainty.propagation import uncertainty_of
    from simlib.analysis.uncertainty.sampling import FEWEST_EFFECTIVE_DRAWS

    lead = headline(scenario)
    if not scenario.uncertain or draws.belief.effective_draws < FEWEST_EFFECTIVE_DRAWS:
        return {}
    answer = uncertainty_of(draws, lead.name)
    named: dict[str, Any] = {"spread": answer.spread(lead.name)}
    if draws.belief.is_prior and draws.belief.draws >= LEAST_DRAWS and answer.spread().variance.value > 0:
        named["worth"] = evppi_from(answer)
    return named


def pooled_views(
    material: Material, views: dict[str, Scenario], options: ReportOptions, control: Control
) -> Pool | None:
    """Pool the report's forecast of the headline with the forecast of each view.

    Each view is forecast over its own priors. Return None without views, or if the report's forecast is at the stated
    values.
    """
    from simlib.analysis.pooling import pool_forecasts

    if not views or material.draws is None or material.lead.kind not in ("question", "ending"):
        return None
    ours, lead = material.forecast, material.lead
    questions = {lead.of: material.scenario.questions[lead.of]} if lead.kind == "question" else {}
    large = (material.draws.stated.states or 10**9) * _VIEW_DRAWS > _MOST_SOLVED
    settings = dataclasses.replace(options, draws=_VIEW_DRAWS, runs=_VIEW_HISTORIES)
    settings = dataclasses.replace(settings, engine="montecarlo") if large else settings
    forecasts = {REPORT_VIEW_NAME: _narrow(ours, lead)}
    for number, (name, view) in enumerate(views.items()):
        lean = view.replace(questions=questions, impacts={}, ladders={}, horizon_days=material.scenario.horizon_days)
        part = control.part(number / len(views), (number + 1) / len(views))
        forecasts[name] = _narrow(sampled(lean, settings, part)[0], lead)
    return pool_forecasts(forecasts)


def _narrow(forecast: Forecast, lead: Measure) -> Forecast:
    return dataclasses.replace(forecast, questions={n: b for n, b in forecast.questions.items() if n == lead.of})
