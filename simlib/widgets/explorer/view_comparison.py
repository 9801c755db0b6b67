"""Views side by side: their assumptions with reasons, and their forecasts. No widget here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlib.control import Cancel, Control
from simlib.formatting import percent
from simlib.quantities import show
from simlib.results import Forecast
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.state import Settings, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOW = "as set now"
FILE = "as in the file"


@dataclass(frozen=True)
class Disagreement:
    """An assumption or an intervention that is not the same in all answers: its text in each, and the reasons."""

    label: str
    texts: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class ViewComparison:
    """Forecasts of one scenario by name, of which the first is the reference, and the assumptions that differ."""

    answers: dict[str, Forecast]
    changes: tuple[Disagreement, ...]

    def answer_rows(self) -> Iterator[list[str]]:
        """Yield one row for each ending: label, then its probability in each answer, with the difference in points."""
        first = next(iter(self.answers.values()))
        for name in first.endings:
            values = [float(forecast.endings[name].probability[-1]) for forecast in self.answers.values()]
            yield [first.label("endings", name), percent(values[0]), *(_change(v, values[0]) for v in values[1:])]

    def change_rows(self) -> Iterator[list[str]]:
        """Yield one row for each difference: label, its text in each answer, because."""
        for change in self.changes:
            yield [change.label, *change.texts, change.because]

    def draw(self, ax: Axes) -> Axes:
        """Draw the comparison."""
        from simlib.plots import comparison

        return comparison(self.answers, ax)

    def height(self) -> int:
        """Return how high the drawing should be, in pixels."""
        endings = len(next(iter(self.answers.values())).endings) - 1
        return int(endings * (len(self.answers) + 1.6) * 19)

    def words(self) -> str:
        """Return a sentence for each forecast."""
        return " ".join(f"{name}: {forecast.sentences()[0]}" for name, forecast in self.answers.items())


def _change(now: float, before: float) -> str:
    points = 100 * (now - before)
    return percent(now) + (f" ({'up' if points > 0 else 'down'} {abs(points):.1f})" if abs(points) >= 0.05 else "")


def compare_views(answers: AnswerCache, views: Sequence[str], *, cancel: Cancel | None = None) -> ViewComparison:
    """Compare some views ("": the file as it stands), and the present settings where they differ.

    All forecasts are over the dates of the present settings.
    """
    state = answers.state
    now = state.settings
    chosen = {
        (_name(state, view)): Settings(view=view, horizon_days=state.machine().horizon_days, as_of=now.as_of)
        for view in dict.fromkeys(views)
    }
    if not state.untouched or now.view not in views:
        chosen[NOW] = now
    results = {name: answers.answer(settings, Control(cancel=cancel)) for name, settings in chosen.items()}
    return ViewComparison(results, tuple(_disagreements(state, list(chosen.values()))))


def _name(state: State, view: str) -> str:
    return FILE if not view else state.views[view].title or view


def _disagreements(state: State, chosen: Sequence[Settings]) -> Iterator[Disagreement]:
    values = [state.values(settings) for settings in chosen]
    for name, assumption in state.base.assumptions.items():
        each = [part.get(name, assumption.value) for part in values]
        if len(set(each)) > 1:
            texts = tuple(show(value, assumption.kind, assumption.unit) for value in each)
            yield Disagreement(assumption.label, texts, _because(state, name, chosen))
    items = dict.fromkeys(item for settings in chosen for item in state.machine(settings).interventions)
    for item in items:
        texts = tuple("yes" if item in state.machine(settings).interventions else "no" for settings in chosen)
        if len(set(texts)) > 1:
            yield Disagreement(intervention_in_words(item, state.base), texts, item.because)


def _because(state: State, name: str, chosen: Sequence[Settings]) -> str:
    reasons = []
    for settings in chosen:
        view = state.views.get(settings.view)
        change = next((c for c in view.changes if c.assumption == name), None) if view else None
        if change is not None and change.because and name not in settings.values:
            reasons.append(f"{view.title or view.id}: {change.because}" if view else change.because)
    return "; ".join(dict.fromkeys(reasons)) or f"file: {state.base.assumptions[name].because}"


def horizon(comparison: ViewComparison) -> str:
    """Return the date by which the compared probabilities hold."""
    first = next(iter(comparison.answers.values()))
    return first.by_words


__all__ = ["FILE", "NOW", "Disagreement", "ViewComparison", "compare_views", "horizon"]
