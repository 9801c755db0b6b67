"""Asks Storm about an exported model: the second opinion on the exact engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simlib.export import prism
from simlib.export.names import Names
from simlib.scenario.model import Scenario

PROBABILITY, COUNT = 1e-10, 1e-7
"""How close Storm must come: absolute for probabilities, relative for expected counts.

Against dense matrix exponentials, Storm's probabilities were within 1e-12 and its expected counts within 2e-8 of their
size; the precision that its settings offer moved neither.
"""


ONLY = {"constants": {}, "levels": {}, "weight": 1.0}
"""The start of a world whose start is known."""


@cache
def stormpy() -> Any:
    """Return the package; skips the test where it is not installed."""
    module = pytest.importorskip("stormpy", reason="stormpy (the model checker Storm) is not installed")
    developer = pytest.importorskip("stormpy.developer", reason="stormpy before 2.0 has another interface")
    developer.set_log_level(developer.LogLevel.ERR)
    return module


class Checked:
    """One scenario through its exported file, over all its starts with their weights.

    Calendar windows are left out. A model is built from one start; a start that another one reaches is a state of that
    model, so that few are built.
    """

    def __init__(self, scenario: Scenario, folder: Path, *, rewards: bool = True) -> None:
        self.storm, self.names, self.scenario, self.rewards = stormpy(), Names(scenario), scenario, rewards
        model, *listed = prism.write(scenario, folder, ignore_windows=True)
        self.program = self.storm.parse_prism_program(str(model), prism_compatibility=True, simplify=False)
        rows = json.loads(listed[0].read_text())["starts"] if listed else [ONLY]
        self.models: list[Any] = []
        self.levels: list[np.ndarray] = []
        self.starts = [(*self._state(row), row["weight"]) for row in rows]

    def _state(self, row: Mapping[str, Any]) -> tuple[Any, int]:
        """Return a model and the number of its state that is a start."""
        start = [
            v.first + v.levels.index(row["levels"].get(name, v.start[0][0]))
            for name, v in self.scenario.variables.items()
        ]
        start += [0 for _ in self.names.waiting]
        for model, levels in zip(self.models, self.levels, strict=True):
            found = np.flatnonzero(np.all(levels == start, axis=1))
            if len(found):
                return model, int(found[0])
        self.models.append(self._build(row["constants"]))
        self.levels.append(self._levels(self.models[-1]))
        (first,) = self.models[-1].initial_states
        assert self.levels[-1][first].tolist() == start
        return self.models[-1], first

    def _build(self, constants: Mapping[str, int]) -> Any:
        options = self.storm.BuilderOptions()
        options.set_build_all_labels()
        if self.rewards:
            options.set_build_all_reward_models()
        options.set_build_state_valuations()
        chosen, _ = self.storm.instantiate_constants(self.program, constants)
        return self.storm.build_model(chosen, options=options)

    def _levels(self, model: Any) -> np.ndarray:
        """Return the level index of every variable, then the stage of every wait, in every state (N, V)."""
        values = model.state_valuations
        columns = {variable.name: values.get_int64_values(variable) for variable in values.get_all_variables()}
        return np.column_stack(
            [columns[name] for name in [*self.names.variable.values(), *self.names.waiting.values()]]
        )

    def labels(self) -> set[str]:
        """The labels of the model, less the two that every model has."""
        return set(self.models[0].labeling.get_labels()) - {"init", "deadlock"}

    def states(self) -> int:
        """The number of states reachable from any start."""
        return len(np.unique(np.concatenate(self.levels), axis=0))

    def probability(self, label: str, times: Sequence[float]) -> np.ndarray:
        """The probability that the label has held by each time (T,)."""
        return np.array([self._value(f'P=? [F<={time!r} "{label}"]') for time in map(float, times)])

    def count(self, reward: str, times: Sequence[float]) -> np.ndarray:
        """The expected number of times a move has fired by each time (T,)."""
        return np.array([self._value(f'R{{"{reward}"}}=? [C<={time!r}]') for time in map(float, times)])

    def _value(self, text: str) -> float:
        (asked,) = self.storm.parse_properties(text)
        environment = self.storm.environments.Environment()
        results = {id(model): self.storm.model_checking(model, asked, environment=environment) for model in self.models}
        return float(sum(weight * results[id(model)].get_value(state) for model, state, weight in self.starts))
