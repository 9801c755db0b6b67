"""Notes under sliders: a value outside its range, and a change without any effect."""

from __future__ import annotations

from simlib.results import Forecast
from simlib.widgets.explorer.forecast_shift import same_answer
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State, structure

Rest = tuple[Settings, Forecast]
"""Settings at which the sliders stopped, and the full answer there."""


def outside_range(state: State) -> dict[str, str]:
    """Return {assumption: note} for each changed value outside its range in the scenario."""
    notes = {}
    for name, value in state.values().items():
        assumption = state.base.assumptions[name]
        if not assumption.fixed and not assumption.low <= value <= assumption.high:
            notes[name] = "outside its range in the scenario"
    return notes


def without_effect(state: State, before: Rest, now: Rest) -> dict[str, str]:
    """Return {assumption: note} if one assumption alone changed, and no answer changed."""
    (earlier, old), (settings, forecast) = before, now
    if structure(state.without_values(earlier)) != structure(state.without_values(settings)):
        return {}
    mine, theirs = state.values(settings), state.values(earlier)
    moved = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
    if len(moved) != 1 or not same_answer(old, forecast):
        return {}
    return {moved[0]: "changes nothing: what depends on it does not happen at the values of the other sliders"}
