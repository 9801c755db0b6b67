"""Assumptions as sliders: their positions, values, groups and reasons.

The middle of a slider is the stated value of the assumption, the median of its prior.
The ends are the 5th and the 95th percentile. Between an end and the middle the positions are evenly spaced: on the
logit scale for chances, and on the log scale for all other assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from simlib.formatting import long_date
from simlib.machine import priors
from simlib.quantities import show
from simlib.scenario.model import Assumption, Scenario
from simlib.scenario.scales import Z_95TH_PERCENTILE, forward
from simlib.typing import Floats

SLIDER_STEPS = 100
"""Number of the last position of a slider. The first is 0, and the stated value is in the middle."""

SHARED, START = "Several actors", "How it starts"


@dataclass(frozen=True)
class Slider:
    """One assumption as a slider.

    - `assumption`: the assumption.
    - `group`: the heading of the slider, mostly an actor.
    - `uses`: phrases that say where the scenario uses the assumption.
    """

    assumption: Assumption
    group: str
    uses: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        """The id of the assumption."""
        return self.assumption.id

    @cached_property
    def grid(self) -> Floats:
        """The values at all positions (SLIDER_STEPS + 1,), in base units."""
        from scipy.special import ndtr

        z = np.linspace(-Z_95TH_PERCENTILE, Z_95TH_PERCENTILE, SLIDER_STEPS + 1)
        values = np.array(priors.quantile(self.assumption, ndtr(z)))
        values[[0, SLIDER_STEPS // 2, SLIDER_STEPS]] = self.assumption.low, self.assumption.value, self.assumption.high
        return values

    @cached_property
    def texts(self) -> list[str]:
        """The value at each position, with its unit."""
        return [show(float(value), self.assumption.kind, self.assumption.unit) for value in self.grid]

    def position(self, value: float) -> int:
        """Return the position nearest to `value` on the log or logit scale."""
        if value == self.assumption.value:
            return SLIDER_STEPS // 2
        scale = forward(self.assumption.kind, self.grid)
        if not np.isfinite(scale).all():
            scale, target = self.grid, value
        else:
            target = forward(self.assumption.kind, float(np.clip(value, self.grid[0], self.grid[-1])))
        return int(np.argmin(np.abs(scale - target)))

    def on_grid(self, value: float) -> bool:
        """Whether some position has exactly this value."""
        return bool(self.grid[self.position(value)] == value)

    def about(self, scenario: Scenario) -> dict[str, str | list[str]]:
        """Return {because, sources, prior, uses}: the texts that explain the assumption."""
        a = self.assumption
        low, value, high = (show(number, a.kind, a.unit) for number in (a.low, a.value, a.high))
        mean = show(priors.describe(a)["mean"], a.kind, a.unit)
        spread = f"5th percentile {low} · median {value} · 95th percentile {high} · mean {mean}"
        prior = f"fixed at {value}" if a.fixed else spread
        sources = [_source(scenario, name) for name in a.sources]
        return {"because": a.because, "sources": sources, "prior": prior, "uses": list(self.uses)}


def _source(scenario: Scenario, name: str) -> str:
    source = scenario.sources.get(name)
    if source is None:
        return name
    return source.title + (f", {long_date(source.date)}" if source.date else "")


def sliders_of(scenario: Scenario) -> dict[str, Slider]:
    """Return a slider for every assumption that has a range and is used, in file order."""
    actors, uses = _users(scenario)
    result = {}
    for name, assumption in scenario.assumptions.items():
        if not assumption.fixed and name in uses:
            owners = actors.get(name, set())
            group = START if not owners else SHARED if len(owners) > 1 else scenario.actors[next(iter(owners))].label
            result[name] = Slider(assumption, group, tuple(uses[name]))
    return result


def _users(scenario: Scenario) -> tuple[dict[str, set[str]], dict[str, list[str]]]:
    """Return {assumption: actors whose moves use it} and {assumption: texts on its uses}."""
    actors: dict[str, set[str]] = {}
    uses: dict[str, list[str]] = {}

    def note(assumption: str, actor: str | None, phrase: str) -> None:
        if actor is not None:
            actors.setdefault(assumption, set()).add(actor)
        if phrase not in uses.setdefault(assumption, []):
            uses[assumption].append(phrase)

    for move in scenario:
        if move.rate:
            note(move.rate, move.actor, f"{'median time' if move.takes else 'rate'} of: {move.label}")
        for factor in (each for each in move.factors if each.by):
            note(factor.by, move.actor, f"multiplies: {move.label}")
        for outcome in move.outcomes:
            if outcome.chance is not None:
                note(outcome.chance, move.actor, f"chance of {outcome.label or outcome.id}: {move.label}")
            for factor in outcome.factors:
                note(factor.by, move.actor, f"odds of {outcome.label or outcome.id}: {move.label}")
    for variable in scenario.variables.values():
        for level, share in variable.start:
            if share is not None:
                note(share, None, f"starts at {variable.words(level)}: {variable.label}")
    return actors, uses


@dataclass(frozen=True)
class Group:
    """Sliders with a common heading, the most influential first."""

    title: str
    sliders: tuple[Slider, ...]


def grouped(sliders: Mapping[str, Slider], influence: Mapping[str, float] | None = None) -> list[Group]:
    """Return the sliders under their headings, by falling `influence` (default: file order)."""
    weight = influence or {}
    members: dict[str, list[Slider]] = {}
    for slider in sliders.values():
        members.setdefault(slider.group, []).append(slider)
    groups = [
        Group(title, tuple(sorted(some, key=lambda slider: -weight.get(slider.id, 0.0))))
        for title, some in members.items()
    ]
    return sorted(groups, key=lambda group: -max(weight.get(slider.id, 0.0) for slider in group.sliders))
