"""Read saved answers of every kind."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

from simlib import answer
from simlib.answer import Answer

__all__ = ["load_answer"]

_INFORMATION = ("reasons_and_sources", "perfect_information", "sample_information")
_PACKAGES = {
    "simlib": ("answer", "results", "quantities"),
    "simlib.scenario": ("condition", "model", "evidence", "event_log", "row_meaning", "views.interventions"),
    "simlib.machine": ("measures", "belief"),
    "simlib.engines": ("ensemble", "montecarlo.replay"),
    "simlib.evidence": ("belief_update", "lessons", "settled_questions"),
    "simlib.calibration": (
        *("reference_classes", "predictive_check", "weekly_rows", "forecast_registry", "registry_score"),
        *("historical_record", "day_by_day", "dated_scores"),
    ),
    "simlib.analysis": (
        "samples",
        "pooling",
        "scenario_diff",
        "dated_forecasts",
        "row_attribution",
        "discovery.result",
        "indicators.result",
    ),
    "simlib.analysis.lint": ("subject", "rules"),
    "simlib.analysis.paths": ("result", "waypoint_shares", "stays", "medoids"),
    "simlib.analysis.sensitivity": ("screening", "exact_slopes", "one_at_a_time", "sobol_indices"),
    "simlib.analysis.uncertainty": ("estimates", "sampling", "fans", "result", *_INFORMATION),
    "simlib.analysis.whatif": ("result", "contrast", "coupling", "divergence", "variants"),
}
ANSWER_MODULES = [f"{package}.{name}" for package, names in _PACKAGES.items() for name in names]
"""The modules whose dataclasses a saved answer may hold. Loading a file builds no other class."""


def load_answer(path: str | Path, name: str | None = None) -> Answer:
    """Return an answer from a file that `Answer.save`, `--json` or `--out` wrote, bit for bit.

    A file may hold several answers, each under a name. `name` is then the name of one of them. Raises SimlibError if
    the file cannot be read, if it holds no answer, if no answer has this name, or if the file holds several answers and
    `name` is None.
    """
    modules = (vars(importlib.import_module(home)) for home in ANSWER_MODULES)
    classes = {each for names in modules for each in names.values() if isinstance(each, type)}
    return answer.load_answer(path, [each for each in classes if dataclasses.is_dataclass(each)], name)
