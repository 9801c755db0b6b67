"""The material of a report: the forecast, and the answers to further questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.control import UNWATCHED, Control
from simlib.report import assumption_blocks as ledger
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Engine

if TYPE_CHECKING:
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.sensitivity.one_at_a_time import Drivers
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.calibration.predictive_check import PriorPredictive
    from simlib.calibration.reference_classes import BaseRates
    from simlib.engines.ensemble import Ensemble

__all__ = ["Material", "gather"]

WATCHED = 14.0
"""Days within which signs are observed, unless half the horizon is nearer."""

_HISTORIES = 5_000
"""Histories in which paths are counted where they cannot be computed."""

_SIGN_DRAWS, _SIGN_HISTORIES, _OBSERVATION_DRAWS = 200, 8_000, 128
"""Draws and histories (of all draws together) behind the signs of an ending, and draws behind those of a question."""


@dataclass(frozen=True)
class Material:
    """The forecast of a report, and the answers beside it (None: not asked).

    `draws` are the draws of which the forecast is the mean. `seeing` is how observed moves change a question.
    `past_crises` and `past` compare with past crises, and with the event log.
    Where the scenario was changed, `what_if` holds a sentence that says so and lists each change, and `baseline` holds
    the forecast of the scenario as it stands. `ledger` is the scenario whose reasons are listed, where it is another.
    """

    scenario: Scenario
    forecast: Forecast
    draws: Ensemble | None = None
    tornado: Drivers | None = None
    paths: Paths | None = None
    indicators: tuple[Indicators, ...] = ()
    seeing: Evsi | None = None
    past_crises: BaseRates | None = None
    past: PriorPredictive | None = None
    what_if: tuple[str, ...] = ()
    ledger: Scenario | None = None
    baseline: Forecast | None = None


def gather(
    scenario: Scenario,
    forecast: Forecast,
    *,
    draws: Ensemble | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Material:
    """Answer the further questions, about the headline and the likeliest ending.

    `draws` are those of which the forecast is the mean. The engine is that of the forecast. Where the forecast leaves
    calendar windows out, so do all answers. A scenario without endings or questions has fewer answers. Raises what the
    questions raise.
    """
    from simlib.analysis.indicators.watch_list import indicators
    from simlib.analysis.sensitivity.one_at_a_time import drivers
    from simlib.analysis.uncertainty.sample_information import evsi
    from simlib.analysis.whatif.variants import without_windows
    from simlib.calibration.predictive_check import has_log, prior_predictive
    from simlib.calibration.reference_classes import base_rates, classes_of
    from simlib.machine.measures import headline

    world = ledger.readable(without_windows(scenario) if forecast.provenance.get("ignore_windows") else scenario)
    ranked = sorted(scenario.endings, key=lambda name: -forecast.endings[name].probability[-1])
    question = [headline(scenario, ("question",)).name] if scenario.questions else []
    lead = [headline(scenario).name] if scenario.questions or scenario.endings else []
    about = [*lead, *(f"ending:{name}" for name in ranked[:1]), *question]
    uncertain = any(not assumption.fixed for assumption in scenario.assumptions.values())
    day = min(WATCHED, scenario.horizon_days / 2)
    sign_draws = _SIGN_DRAWS if uncertain else 0
    engine: Any = forecast.engine
    steps: dict[str, Callable[..., Any]] = {}
    if uncertain and about:
        steps["tornado"] = partial(
            drivers, world, dict.fromkeys(about), engine="auto" if engine == "exact" else engine, seed=seed
        )
    if scenario.ladders:
        steps["paths"] = partial(_paths, world, engine, seed)
    if uncertain and question and any(not move.covert for move in scenario):
        steps["seeing"] = partial(evsi, world, question[0], look_by=day, draws=_OBSERVATION_DRAWS, seed=seed)
    if classes_of(world):
        steps["past_crises"] = partial(base_rates, world, seed=seed)
    if has_log(world):
        steps["past"] = partial(prior_predictive, world, seed=seed)
    signs: list[Callable[..., Any]] = [
        partial(
            indicators,
            world,
            f"ending:{name}",
            look_by=day,
            engine="montecarlo",
            draws=sign_draws,
            runs=_SIGN_HISTORIES // max(sign_draws, 1),
            seed=seed,
        )
        for name in ranked[:2]
    ]
    answers = []
    every: list[Callable[..., Any]] = [*steps.values(), *signs]
    for number, step in enumerate(every):
        answers.append(step(control=control.part(number / len(every), (number + 1) / len(every))))
        control.report((number + 1) / len(every))
    named = dict(zip(steps, answers, strict=False))
    return Material(scenario, forecast, draws, indicators=tuple(answers[len(steps) :]), **named)


def _paths(world: Scenario, engine: Engine, seed: int, *, control: Control) -> Paths:
    from simlib.analysis.paths.classes import paths

    return paths(world, engine=engine, top=8, runs=_HISTORIES, seed=seed, control=control)
