"""Answers read back from files: every kind of answer there is."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

from simlib import answer
from simlib.answer import Answer

__all__ = ["load_answer"]

HOMES = (
    "simlib.answer",
    "simlib.results",
    "simlib.quantities",
    "simlib.scenario.condition",
    "simlib.scenario.model",
    "simlib.scenario.views.interventions",
    "simlib.machine.measures",
    "simlib.machine.belief",
    "simlib.engines.ensemble",
    "simlib.engines.montecarlo.replay",
    "simlib.analysis.samples",
    "simlib.analysis.whatif.comparison",
    "simlib.analysis.whatif.contrast",
    "simlib.analysis.whatif.coupling",
    "simlib.analysis.whatif.divergence",
    "simlib.analysis.whatif.variants",
    "simlib.analysis.sensitivity.screening",
    "simlib.analysis.sensitivity.one_at_a_time",
    "simlib.analysis.sensitivity.sobol_indices",
    "simlib.analysis.uncertainty.estimates",
    "simlib.analysis.uncertainty.sampling",
    "simlib.analysis.uncertainty.fans",
    "simlib.analysis.uncertainty.propagation",
    "simlib.analysis.uncertainty.perfect_information",
    "simlib.analysis.uncertainty.sample_information",
    "simlib.analysis.paths.result",
    "simlib.analysis.paths.waypoints",
    "simlib.analysis.paths.rung_times",
    "simlib.analysis.paths.medoids",
    "simlib.analysis.indicators.result",
    "simlib.analysis.discovery.scenario_discovery",
    "simlib.analysis.lint.subject",
    "simlib.analysis.lint.rules",
    "simlib.analysis.pooling",
    "simlib.analysis.scenario_diff",
    "simlib.calibration.reference_classes",
)
"""The modules whose dataclasses a file may hold; nothing else is ever built."""


def load_answer(path: str | Path) -> Answer:
    """Read an answer that `save` wrote, bit for bit; raises SimlibError for any other file."""
    found = (vars(importlib.import_module(home)) for home in HOMES)
    classes = {each for names in found for each in names.values() if isinstance(each, type)}
    return answer.load_answer(path, [each for each in classes if dataclasses.is_dataclass(each)])
