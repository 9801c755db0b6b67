"""simlib: forecasts of how a crisis may go, from a scenario written as data.

A scenario holds actors, variables with ordered levels, moves (actions and events) with hazards, and endings. `solve`
(exact) and `simulate` (Monte Carlo) are the two engines. `forecast` chooses between them. Most other functions answer
one question each and return an `Answer`. No heavy package is imported before it is needed. Functions that are imported
from `simlib` itself check their arguments (`simlib.arguments`).
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from simlib import package

__version__ = package.VERSION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.dated_forecasts import forecast_series
    from simlib.analysis.discovery.scenario_discovery import discover
    from simlib.analysis.indicators.watch_list import indicators
    from simlib.analysis.lint.rules import lint
    from simlib.analysis.paths.classes import paths
    from simlib.analysis.paths.medoids import typical_histories
    from simlib.analysis.paths.stays import rung_times
    from simlib.analysis.paths.waypoint_shares import waypoints
    from simlib.analysis.pooling import pool
    from simlib.analysis.row_attribution import row_effects
    from simlib.analysis.scenario_diff import diff
    from simlib.analysis.sensitivity.exact_slopes import elasticities
    from simlib.analysis.sensitivity.one_at_a_time import drivers
    from simlib.analysis.sensitivity.sobol_indices import sobol
    from simlib.analysis.uncertainty.fans import fan
    from simlib.analysis.uncertainty.perfect_information import evppi, evppi_from
    from simlib.analysis.uncertainty.propagation import Precision, uncertainty
    from simlib.analysis.uncertainty.sample_information import evsi
    from simlib.analysis.whatif.comparison import compare
    from simlib.analysis.whatif.variants import delay, repeat, vary
    from simlib.answer import Answer
    from simlib.calibration.dated_scores import backtest
    from simlib.calibration.forecast_registry import register, resolve
    from simlib.calibration.predictive_check import prior_predictive
    from simlib.calibration.reference_classes import base_rates
    from simlib.calibration.registry_score import score_registry
    from simlib.calibration.weekly_rows import rows_per_week
    from simlib.control import Control
    from simlib.engines.ensemble import forecast
    from simlib.engines.exact.forecast import solve
    from simlib.engines.montecarlo.replay import histories
    from simlib.engines.montecarlo.simulator import simulate
    from simlib.errors import Cancelled, ScenarioError, SimlibError, TooManyStates, Unsupported
    from simlib.evidence.belief_update import update
    from simlib.evidence.lessons import learn
    from simlib.machine.belief import Belief
    from simlib.plots import plot
    from simlib.report.writer import write_report
    from simlib.results import Forecast
    from simlib.saved_answers import load_answer
    from simlib.scenario.event_log import LogRow, read_log
    from simlib.scenario.explanation import explain
    from simlib.scenario.loader import load
    from simlib.scenario.model import Assume, Forbid, Force, Hold, Pin, Policy, Scenario, View

_HOMES = {
    "simlib.errors": ("Cancelled", "ScenarioError", "SimlibError", "TooManyStates", "Unsupported"),
    "simlib.control": ("Control",),
    "simlib.scenario.loader": ("load",),
    "simlib.scenario.explanation": ("explain",),
    "simlib.scenario.model": ("Assume", "Forbid", "Force", "Hold", "Pin", "Policy", "Scenario", "View"),
    "simlib.answer": ("Answer",),
    "simlib.results": ("Forecast",),
    "simlib.machine.belief": ("Belief",),
    "simlib.scenario.event_log": ("LogRow", "read_log"),
    "simlib.evidence.belief_update": ("update",),
    "simlib.evidence.lessons": ("learn",),
    "simlib.engines.ensemble": ("forecast",),
    "simlib.engines.exact.forecast": ("solve",),
    "simlib.engines.montecarlo.simulator": ("simulate",),
    "simlib.engines.montecarlo.replay": ("histories",),
    "simlib.analysis.whatif.variants": ("delay", "repeat", "vary"),
    "simlib.analysis.whatif.comparison": ("compare",),
    "simlib.analysis.sensitivity.exact_slopes": ("elasticities",),
    "simlib.analysis.sensitivity.one_at_a_time": ("drivers",),
    "simlib.analysis.sensitivity.sobol_indices": ("sobol",),
    "simlib.analysis.uncertainty.propagation": ("Precision", "uncertainty"),
    "simlib.analysis.uncertainty.fans": ("fan",),
    "simlib.analysis.uncertainty.perfect_information": ("evppi", "evppi_from"),
    "simlib.analysis.uncertainty.sample_information": ("evsi",),
    "simlib.analysis.paths.classes": ("paths",),
    "simlib.analysis.paths.waypoint_shares": ("waypoints",),
    "simlib.analysis.paths.stays": ("rung_times",),
    "simlib.analysis.paths.medoids": ("typical_histories",),
    "simlib.analysis.dated_forecasts": ("forecast_series",),
    "simlib.analysis.row_attribution": ("row_effects",),
    "simlib.analysis.indicators.watch_list": ("indicators",),
    "simlib.analysis.discovery.scenario_discovery": ("discover",),
    "simlib.analysis.pooling": ("pool",),
    "simlib.analysis.scenario_diff": ("diff",),
    "simlib.analysis.lint.rules": ("lint",),
    "simlib.saved_answers": ("load_answer",),
    "simlib.calibration.reference_classes": ("base_rates",),
    "simlib.calibration.dated_scores": ("backtest",),
    "simlib.calibration.forecast_registry": ("register", "resolve"),
    "simlib.calibration.registry_score": ("score_registry",),
    "simlib.calibration.predictive_check": ("prior_predictive",),
    "simlib.calibration.weekly_rows": ("rows_per_week",),
    "simlib.plots": ("plot",),
    "simlib.report.writer": ("write_report",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Assume",
    "Belief",
    "Cancelled",
    "Control",
    "Forbid",
    "Force",
    "Forecast",
    "Hold",
    "LogRow",
    "Pin",
    "Policy",
    "Precision",
    "Scenario",
    "ScenarioError",
    "SimlibError",
    "TooManyStates",
    "Unsupported",
    "View",
    "__version__",
    "backtest",
    "base_rates",
    "compare",
    "delay",
    "diff",
    "discover",
    "drivers",
    "elasticities",
    "evppi",
    "evppi_from",
    "evsi",
    "explain",
    "fan",
    "forecast",
    "forecast_series",
    "histories",
    "indicators",
    "learn",
    "lint",
    "load",
    "load_answer",
    "paths",
    "plot",
    "pool",
    "prior_predictive",
    "read_log",
    "register",
    "repeat",
    "resolve",
    "row_effects",
    "rows_per_week",
    "rung_times",
    "score_registry",
    "simulate",
    "sobol",
    "solve",
    "typical_histories",
    "uncertainty",
    "update",
    "vary",
    "waypoints",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from simlib.arguments import checked

    value = getattr(importlib.import_module(_HOME[name]), name)
    value = checked(value) if inspect.isfunction(value) else value
    globals()[name] = value
    return value


def _draw(answer: Answer, ax: Axes | None, **options: Any) -> Axes:
    return __getattr__("plot")(answer, ax, **options)


package.draw = _draw


def __dir__() -> list[str]:
    return sorted(__all__)
