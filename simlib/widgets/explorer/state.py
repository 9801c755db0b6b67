"""The state of an explorer: a scenario, its present settings, and steps of undo and redo."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from simlib.errors import Problem, ScenarioError, did_you_mean
from simlib.formatting import long_date
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure, find, headline
from simlib.quantities import show
from simlib.scenario.loader import load, load_views
from simlib.scenario.model import Forbid, Intervention, Scenario, View
from simlib.scenario.views.variation import apply_view, with_horizon, with_interventions, with_values
from simlib.scenario.views.wording import describe, intervention_in_words
from simlib.widgets.explorer.clashes import refuse_clash
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.typed_values import read, why_refused

UNDO = 500
"""Number of steps that can be undone."""


def structure(scenario: Scenario) -> Hashable:
    """Return a key of interventions, horizon and start date, which decide the engine."""
    return scenario.interventions, scenario.horizon_days, scenario.as_of


class State:
    """One scenario with its present settings, the steps of undo and redo, and a baseline.

    Raises ScenarioError if the scenario or the view is unknown or has problems.
    """

    def __init__(
        self, scenario: Scenario | str | Path, view: str | None = None, *, belief: Belief | None = None
    ) -> None:
        self.belief = belief
        """The belief about the assumptions after a log of events, if the scenario comes from an update."""
        self.base: Scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.views: dict[str, View] = load_views(self.base) if self.base.path else {}
        self._check_view(view or "")
        self.settings = Settings(view=view or "")
        self.against = Settings()
        """The settings of the baseline, which is drawn as dotted lines (default: the file as it stands)."""
        self._past: list[Settings] = []
        self._future: list[Settings] = []
        self._merge = ""
        self._typed: dict[tuple[str, float], str] = {}
        self._resolve = lru_cache(maxsize=64)(self._resolved)

    @classmethod
    def of(
        cls,
        scenario: Scenario | str | Path,
        view: str | None = None,
        *,
        changes: Mapping[str, str | float] | None = None,
        lead: str = "",
        settings: Mapping[str, Any] | None = None,
        belief: Belief | None = None,
    ) -> State:
        """Return a state with the given settings, which have the form that `saving.code` writes.

        Args:
            scenario: The name of a shipped scenario, a path, or a Scenario.
            view: The id of a view.
            changes: Values of assumptions, as texts with units or as numbers in base units.
            lead: The name of the leading measure, which the explorer is about.
            settings: All other settings, as `Settings.to_dict` writes them.
            belief: The belief about the assumptions after an update.

        Raises ScenarioError.
        """
        state = cls(scenario, view, belief=belief)
        try:
            given = Settings.from_dict(dict(settings or {}))
        except (KeyError, TypeError, ValueError) as error:
            raise ScenarioError(
                Problem("", 0, "settings", f"cannot be read: {error}", "expected settings from “Copy as code”")
            ) from None
        if lead:
            find(state.base, lead)
        state.settings = given.replace(view=view or "", lead=lead)
        changed = with_values(state.base, dict(changes or {}))
        values = {name: changed.assumptions[name].value for name in changes or {}}
        state.settings = state.settings.replace(values=values)
        for name, text in (changes or {}).items():
            if isinstance(text, str):
                state._typed[name, values[name]] = text
        state.scenario()
        return state

    # ---------------------------------------------------------------- changes

    def change(self, settings: Settings, *, merge: str = "") -> bool:
        """Change to other settings as one step of undo, and return whether anything changed.

        Consecutive changes with the same `merge` word are one step, until `rest` is called.
        """
        if settings == self.settings:
            return False
        if not (merge and merge == self._merge):
            self._past = [*self._past[-UNDO:], self.settings]
        self._merge, self._future = merge, []
        self.settings = settings
        return True

    def rest(self) -> None:
        """End the present step of undo, so that the next change begins a new step."""
        self._merge = ""

    def undo(self) -> bool:
        """Undo one step. Return False if there is nothing to undo."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Redo one step. Return False if there is nothing to redo."""
        return self._step(self._future, self._past)

    def _step(self, source: list[Settings], target: list[Settings]) -> bool:
        if not source:
            return False
        target.append(self.settings)
        self.settings = source.pop()
        self._merge = ""
        return True

    @property
    def before(self) -> Settings | None:
        """The latest earlier settings that may have another answer, or None."""
        now = self.settings.for_answer()
        return next((old for old in reversed(self._past) if old.for_answer() != now), None)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self._future)

    def set_value(self, name: str, value: float) -> bool:
        """Change one assumption by hand to a value in base units, or back to that of the view."""
        default = self.view_values(self.settings.view).get(name, self.base.assumptions[name].value)
        settings = self.settings.with_value(name, None if value == default else value)
        return self.change(settings, merge=f"value {name}")

    def type_value(self, name: str, text: str) -> bool:
        """Set one assumption from a text such as "30%", and return whether its value changed.

        Raises ScenarioError if the text is no quantity of the right kind, or if the value in it does not fit the values
        of other assumptions.
        """
        assumption = self.base.assumptions[name]
        value = read(text, assumption.label, assumption.kind, assumption.unit).value
        self.scenario(self.settings.with_value(name, value))
        self.rest()
        self._typed[name, value] = text.strip()
        changed = self.set_value(name, value)
        self.rest()
        return changed

    def reset_value(self, name: str) -> bool:
        """Reset one assumption to its value in the view. Return False if it has this value already."""
        return self.change(self.settings.with_value(name, None))

    def reset(self) -> bool:
        """Undo every change by hand. The view, the ladder shown and the leading measure stay."""
        old = self.settings
        return self.change(Settings(view=old.view, ladder=old.ladder, lead=old.lead))

    def choose_view(self, view: str) -> bool:
        """Choose a view ("" for the file) and drop all changes by hand, or raise ScenarioError."""
        self._check_view(view)
        return self.change(Settings(view=view, lead=self.settings.lead))

    def _check_view(self, view: str) -> None:
        if view and view not in self.views:
            expected = did_you_mean(view, self.views) or "it has no views"
            raise ScenarioError(Problem("", 0, self.base.id, f"there is no view {view!r}", expected))

    def switch(self, move: str, *, on: bool) -> bool:
        """Switch a move on or off for the whole forecast.

        Raises ScenarioError if the move is switched off while an intervention forces the move or lets it happen by a
        standing rule.
        """
        if not on:
            refuse_clash(self.base, self.settings.interventions, Forbid(move))
        off = [name for name in self.settings.off if name != move] + ([] if on else [move])
        return self.change(self.settings.replace(off=tuple(name for name in self.base.moves if name in off)))

    def choose(self, **choices: Any) -> bool:
        """Change fields of the settings, or raise ScenarioError if an intervention no longer fits."""
        settings = self.settings.replace(**choices)
        self.without_values(settings)
        return self.change(settings)

    def intervene(self, item: Intervention) -> bool:
        """Add an intervention. Raises ScenarioError if it does not fit, or clashes with another one."""
        refuse_clash(self.base, self.without_values().interventions, item)
        _with_interventions(self.without_values(), (item,))
        return self.change(self.settings.replace(interventions=(*self.settings.interventions, item)))

    def withdraw(self, number: int) -> bool:
        """Remove the intervention at position `number` of those made by hand."""
        others = tuple(item for k, item in enumerate(self.settings.interventions) if k != number)
        return self.change(self.settings.replace(interventions=others))

    # ---------------------------------------------------------------- values, scenarios and words

    def view_title(self, view: str) -> str:
        """Return the title of a view ("": the file as it stands)."""
        return (self.views[view].title or view) if view else "as in the file"

    def view_values(self, view: str) -> dict[str, float]:
        """Return the values that a view changes, in base units."""
        return {change.assumption: change.value for change in self.views[view].changes} if view else {}

    def view_reasons(self) -> dict[str, str]:
        """Return the reasons that the chosen view gives for its values."""
        view = self.views.get(self.settings.view)
        return {change.assumption: change.because for change in view.changes if change.because} if view else {}

    def add_view(self, view: View) -> None:
        """Add a view, or replace the view with the same id."""
        self.views = {**self.views, view.id: view}
        self._resolve.cache_clear()

    def values(self, settings: Settings | None = None) -> dict[str, float]:
        """Return the values that the view or a change by hand gives to assumptions, in base units."""
        settings = self.settings if settings is None else settings
        return self.view_values(settings.view) | dict(settings.values)

    def value(self, name: str) -> float:
        """Return the value of one assumption at the present settings, in base units."""
        return self.values().get(name, self.base.assumptions[name].value)

    def value_text(self, name: str, settings: Settings | None = None) -> str:
        """Return the value of one assumption with its unit. A typed value stays as it was typed."""
        assumption = self.base.assumptions[name]
        value = self.values(settings).get(name, assumption.value)
        return self._typed.get((name, value)) or show(value, assumption.kind, assumption.unit)

    def was_typed(self, name: str) -> bool:
        """Whether the present value of an assumption was typed."""
        return (name, self.value(name)) in self._typed

    def without_values(self, settings: Settings | None = None) -> Scenario:
        """Return the scenario with the interventions, horizon and start date of the settings.

        Its assumptions have the values in the file. Raises ScenarioError if an intervention no longer fits.
        """
        settings = self.settings if settings is None else settings
        return self._resolve(settings.for_answer().replace(values={}), values=False)

    def scenario(self, settings: Settings | None = None) -> Scenario:
        """Return the scenario with all settings and values of assumptions, or raise ScenarioError."""
        settings = self.settings if settings is None else settings
        return self._resolve(settings.for_answer(), values=True)

    def _resolved(self, settings: Settings, *, values: bool) -> Scenario:
        scenario = self.base
        if settings.as_of is not None:
            scenario = scenario.replace(as_of=settings.as_of)
        view = self.views[settings.view] if settings.view else None
        if view is not None:
            scenario = apply_view(scenario, view if values else dataclasses.replace(view, changes=()))
        if settings.horizon_days is not None:
            scenario = with_horizon(scenario, settings.horizon_days)
        scenario = _with_interventions(scenario, settings.interventions)
        scenario = scenario.replace(
            interventions=scenario.interventions + tuple(Forbid(move, because="switched off") for move in settings.off)
        )
        return with_values(scenario, dict(settings.values)) if values and settings.values else scenario

    @property
    def baseline(self) -> Settings:
        """The settings that answers are compared with, at the present start date and horizon."""
        return self.against.replace(horizon_days=self.without_values().horizon_days, as_of=self.settings.as_of)

    @property
    def is_baseline(self) -> bool:
        """Whether the present settings and the baseline give the same answer."""
        mine, theirs = structure(self.without_values()), structure(self.without_values(self.baseline))
        return mine == theirs and self.values() == self.values(self.against)

    def ladder(self) -> str | None:
        """Return the id of the ladder that is shown, or None without ladders."""
        chosen = self.settings.ladder or self.without_values().ladder
        return chosen if chosen in self.base.ladders else next(iter(self.base.ladders), None)

    def differences(self, settings: Settings | None = None) -> Iterator[str]:
        """Yield each difference between the settings and the file as it stands, in words."""
        settings = self.settings if settings is None else settings
        yield from describe(self.base, self.scenario(settings))
        if settings.as_of is not None:
            yield f"begins on {long_date(settings.as_of)} instead of {long_date(self.base.as_of)}"

    @property
    def lead(self) -> Measure:
        """The measure that the explorer is about: the user's choice or the headline of the scenario."""
        return find(self.base, self.settings.lead)[0] if self.settings.lead else headline(self.base)

    @property
    def shown(self) -> tuple[str, ...] | None:
        """The ids of the curves in an exported figure: the leading question and every ending.

        If the leading measure is an ending, the result is None, which stands for all endings.
        """
        return (self.lead.of, *self.base.endings) if self.lead.kind == "question" else None

    @property
    def untouched(self) -> bool:
        """Whether no change by hand affects an answer."""
        return self.settings.for_answer() == Settings(view=self.settings.view)

    def start_in_words(self) -> str:
        """Say what a change of the start date leaves as it is ("": the date was not changed)."""
        if self.settings.as_of in (None, self.base.as_of):
            return ""
        return (
            f"The assumptions and the starting state stay those of {long_date(self.base.as_of)}. "
            "Only the time from the start to events with a fixed date changes."
        )

    def by_hand(self, settings: Settings | None = None, *, values: bool = True) -> Iterator[str]:
        """Yield each change by hand in a few words (values of assumptions only with `values`)."""
        settings = self.settings if settings is None else settings
        forbidden = (Forbid(move) for move in settings.off)
        yield from (intervention_in_words(item, self.base) for item in (*settings.interventions, *forbidden))
        if settings.horizon_days is not None:
            yield f"horizon of {settings.horizon_days:g} days"
        if settings.as_of is not None:
            yield f"begins on {long_date(settings.as_of)}"
        for name in settings.values if values else ():
            yield f"{self.base.assumptions[name].label}: {self.value_text(name, settings)}"

    def heading(self) -> str:
        """Return a line that names the view and changes by hand, or "" for the file as it stands."""
        changes = list(self.by_hand())
        count = "a change" if len(changes) == 1 else f"{len(changes)} changes"
        parts = [f"view “{self.view_title(self.settings.view)}”"] if self.settings.view else []
        parts += [f"with {count}: {'; '.join(changes)}"] if changes else []
        return ", ".join(parts)


def type_into(state: State, refused: dict[str, dict[str, str]], name: str, text: str) -> bool:
    """Set an assumption from a typed text. Return whether its value changed.

    A text that is refused stays in its field. Such texts are kept in `refused` as {name: {text, why}}.
    """
    refused.pop(name, None)
    try:
        return state.type_value(name, text)
    except ScenarioError as error:
        refused[name] = {"text": text, "why": why_refused(error.problems[0], state.base)}
        return False


def _with_interventions(scenario: Scenario, items: tuple[Intervention, ...]) -> Scenario:
    """Add interventions to a scenario, or raise ScenarioError with the refused ones in words."""
    try:
        return with_interventions(scenario, items)
    except ScenarioError as error:
        words = {}
        for item in items:
            with contextlib.suppress(KeyError):  # an intervention may name an unknown move
                words[str(item)] = intervention_in_words(item, scenario)
        problems = [dataclasses.replace(each, where=words.get(each.where, each.where)) for each in error.problems]
        raise ScenarioError(problems) from None
