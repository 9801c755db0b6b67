"""Questions about a scenario and their settings (fields)."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from simlib.answer import plain_json
from simlib.control import Control
from simlib.errors import Problem, ScenarioError
from simlib.formatting import long_date
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario, View
from simlib.widgets.questions.shown_answers import ShownAnswer

Choice = str | float | dt.date


@dataclass(frozen=True)
class Field:
    """One setting of a question: a choice, or a date or a number within limits.

    - `name`, `label`: the name in code, and the name for people.
    - `value`: the value that the field has at first.
    - `options`: the options of a choice, as (label, value).
    - `low`, `high`: the limits of a date or a number. If `low` is an int, only whole numbers are allowed.
    - `tip`: an explanation for people, or "".
    - `applies`: a function that says, from all settings, whether the field matters. Fields that do not matter are
      hidden.
    """

    name: str
    label: str
    value: Choice
    options: tuple[tuple[str, str], ...] = ()
    low: float | dt.date | None = None
    high: float | dt.date | None = None
    tip: str = ""
    applies: Callable[[Mapping[str, Any]], bool] = lambda _: True

    def _holds(self, value: Any) -> bool:
        low: Any = self.low
        return bool(type(value) is type(low) and low <= value <= self.high)

    def _read(self, value: Any) -> Any:
        if isinstance(value, str) and isinstance(self.low, dt.date):
            return dt.date.fromisoformat(value)
        return float(value) if type(value) is int and isinstance(self.low, float) else value

    def _expected(self) -> str:
        if self.options:
            return "expected one of " + ", ".join(value for _, value in self.options)
        if isinstance(self.low, dt.date) and isinstance(self.high, dt.date):
            return f"expected one from {long_date(self.low)} to {long_date(self.high)}"
        return f"expected between {self.low} and {self.high}"

    def check(self, value: Any) -> Choice:
        """Return the value with the field's type, or raise ScenarioError if it is not allowed."""
        if self.options and value in {known for _, known in self.options}:
            return str(value)
        read = None if self.options else self._read(value)
        if read is not None and self._holds(read):
            return read
        missing = value is None and isinstance(self.low, dt.date)
        text = long_date(read) if isinstance(read, dt.date) else repr(value)
        what = "no date is given" if missing else f"{text} does not fit"
        raise ScenarioError(Problem("", 0, self.label, what, self._expected()))


class PanelQuestion(ABC):
    """One question about one scenario.

    A subclass has a `name` for files and a `title` for people. `settings` replace the values that fields have at first.
    Raises ScenarioError if a setting is unknown or has a wrong value.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    edition: ClassVar[int] = 1
    """A number that grows whenever the content of the answers changes, so that older stored answers are not shown."""
    by_itself: ClassVar[bool] = False
    """Whether a change of a setting starts a quick computation, without a click on Compute."""

    def __init__(self, scenario: Scenario | str | Path, **settings: Any) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        own = self.make_fields()
        unknown = set(settings) - {field.name for field in own}
        if unknown:
            known = ", ".join(field.name for field in own)
            raise ScenarioError(Problem("", 0, ", ".join(sorted(unknown)), "is no setting", f"expected {known}"))
        self.fields = tuple(
            replace(field, value=field.check(settings[field.name])) if field.name in settings else field
            for field in own
        )

    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question, with the values that they have at first. Default: none."""
        return []

    @abstractmethod
    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compute the answer for the settings `chosen`.

        Raises SimlibError or ValueError if there is no answer, and Cancelled if `control` asks to stop.
        """

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the scenarios that the answer depends on."""
        del chosen
        return [self.scenario.sha256]

    @property
    def chosen(self) -> dict[str, Choice]:
        """The values that the fields have at first."""
        return {field.name: field.value for field in self.fields}

    def check(self, chosen: Mapping[str, Any]) -> dict[str, Choice]:
        """Return the chosen values with the right types, or raise ScenarioError for a wrong value."""
        return {field.name: field.check(chosen[field.name]) for field in self.fields}

    def applying(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chosen values of the fields that matter, given all settings."""
        return {field.name: chosen[field.name] for field in self.fields if field.applies(chosen)}

    def key(self, chosen: Mapping[str, Any]) -> str:
        """Return the file name of the answer, with a hash of everything that the answer depends on."""
        parts = [self.edition, self.name, self.worlds(chosen), self.applying(chosen)]
        text = json.dumps(plain_json(parts), sort_keys=True)
        return f"answer-{self.name}-{self.scenario.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"


class PlannedQuestion(PanelQuestion):
    """A question about plans, given as views or paths of files, and kept in `plans` {id: view}."""

    def __init__(
        self, scenario: Scenario | str | Path, plans: Sequence[View | str | Path] = (), **settings: Any
    ) -> None:
        self.given = plans
        self.plans: dict[str, View] = {}
        super().__init__(scenario, **settings)
