"""Asks Storm about an exported model: the second opinion on the exact engine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simlib.export import prism
from simlib.scenario.model import Scenario

PRECISION = 1e-12
"""Absolute truncation error asked of Storm's uniformisation."""


@cache
def stormpy() -> Any:
    """Return the package, with its precision set once; skips the test where it is not installed."""
    module = pytest.importorskip("stormpy", reason="stormpy (the model checker Storm) is not installed")
    developer = pytest.importorskip("stormpy.developer", reason="stormpy before 2.0 has another interface")
    developer.set_log_level(developer.LogLevel.ERR)
    developer.set_from_exploded_string(["--timebounded:precision", str(PRECISION), "--timebounded:absolute"])
    return module


class Checked:
    """One scenario through its exported file, at every start with its weight."""

    def __init__(self, scenario: Scenario, folder: Path, *, ignore_windows: bool = False) -> None:
        self.storm = stormpy()
        paths = prism.write(scenario, folder, ignore_windows=ignore_windows)
        program = self.storm.parse_prism_program(str(paths[0]), prism_compatibility=True, simplify=False)
        starts = json.loads(paths[1].read_text())["starts"] if len(paths) > 1 else [{"constants": {}, "weight": 1.0}]
        self.program = program
        self.models = list(self._build(program, starts))

    def _build(self, program: Any, starts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, Any]]:
        options = self.storm.BuilderOptions()
        options.set_build_all_labels()
        options.set_build_all_reward_models()
        options.set_build_state_valuations()
        for start in starts:
            chosen, _ = self.storm.instantiate_constants(program, start["constants"])
            yield start["weight"], self.storm.build_model(chosen, options=options)

    def labels(self) -> set[str]:
        """The labels of the model, less the two that every model has."""
        return set(self.models[0][1].labeling.get_labels()) - {"init", "deadlock"}

    def states(self) -> int:
        """The number of states reachable from any start."""
        return len({
            model.state_valuations.to_string(state) for _, model in self.models for state in range(model.nr_states)
        })  # fmt: skip

    def probability(self, label: str, times: Sequence[float]) -> np.ndarray:
        """The probability that the label has held by each time (T,)."""
        return self._values(f'P=? [F<={{}} "{label}"]', times)

    def at(self, label: str, times: Sequence[float]) -> np.ndarray:
        """The probability that the label holds at each time (T,)."""
        return self._values(f'P=? [F[{{0}},{{0}}] "{label}"]', times)

    def count(self, move: str, times: Sequence[float]) -> np.ndarray:
        """The expected number of times a move has fired by each time (T,)."""
        return self._values(f'R{{{{"{move}"}}}}=? [C<={{}}]', times)

    def _values(self, property_form: str, times: Sequence[float]) -> np.ndarray:
        return np.array([self._value(property_form.format(repr(float(time)))) for time in times])

    def _value(self, text: str) -> float:
        asked = self.storm.parse_properties(text)
        return sum(weight * self._check(model, asked[0]) for weight, model in self.models if weight > 0)

    def _check(self, model: Any, asked: Any) -> float:
        environment = self.storm.environments.Environment()
        result = self.storm.model_checking(model, asked, environment=environment)
        return float(result.get_value(model.initial_states[0]))
