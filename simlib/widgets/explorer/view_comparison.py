"""Views side by side: what differs in assumptions, with reasons, and in answers. No widget here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlib.control import Cancel, Control
from simlib.formatting import long_date, percent
from simlib.quantities import show
from simlib.results import ONGOING, Forecast
from simlib.widgets.explorer.engine_cache import AnswerCache
from simlib.widgets.explorer.state import Settings, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOW = "as set now"
FILE = "as in the file"


@dataclass(frozen=True)
class Difference:
    """One assumption (or intervention) that is not the same everywhere: its text in each answer, and why."""

    label: str
    texts: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Comparison:
    """Named answers of one world, the first of them the reference, and what was assumed differently."""

    answers: dict[str, Forecast]
    changes: tuple[Difference, ...]

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
        """Say the comparison in a sentence for each answer."""
        return " ".join(f"{name}: {forecast.sentence()}" for name, forecast in self.answers.items())


def _change(now: float, before: float) -> str:
    points = 100 * (now - before)
    return percent(now) + (f" ({'up' if points > 0 else 'down'} {abs(points):.1f})" if abs(points) >= 0.05 else "")


def compare(answers: AnswerCache, views: Sequence[str], *, cancel: Cancel | None = None) -> Comparison:
    """Compare some views ("": the file as it stands) and, where they differ from all of these, the present settings.

    All are solved over the dates of the present settings.
    """
    state = answers.state
    now = state.settings
    chosen = {
        (_name(state, view)): Settings(view=view, horizon_days=state.machine().horizon_days, as_of=now.as_of)
        for view in dict.fromkeys(views)
    }
    if now != Settings(view=now.view, shown=now.shown, ladder=now.ladder) or now.view not in views:
        chosen[NOW] = now
    results = {name: answers.answer(settings, Control(cancel=cancel)) for name, settings in chosen.items()}
    return Comparison(results, tuple(_differences(state, list(chosen.values()))))


def _name(state: State, view: str) -> str:
    return FILE if not view else state.views[view].title or view


def _differences(state: State, chosen: Sequence[Settings]) -> Iterator[Difference]:
    values = [state.values(settings) for settings in chosen]
    for name, assumption in state.base.assumptions.items():
        each = [part.get(name, assumption.value) for part in values]
        if len(set(each)) > 1:
            texts = tuple(show(value, assumption.kind, assumption.unit) for value in each)
            yield Difference(assumption.label, texts, _because(state, name, chosen))
    items = dict.fromkeys(item for settings in chosen for item in state.machine(settings).interventions)
    for item in items:
        texts = tuple("yes" if item in state.machine(settings).interventions else "no" for settings in chosen)
        if len(set(texts)) > 1:
            yield Difference(state.intervention_text(item), texts, item.because)


def _because(state: State, name: str, chosen: Sequence[Settings]) -> str:
    reasons = []
    for settings in chosen:
        view = state.views.get(settings.view)
        change = next((c for c in view.changes if c.assumption == name), None) if view else None
        if change is not None and change.because and name not in settings.values:
            reasons.append(f"{view.title or view.id}: {change.because}" if view else change.because)
    return "; ".join(dict.fromkeys(reasons)) or f"file: {state.base.assumptions[name].because}"


def horizon(comparison: Comparison) -> str:
    """Return the date by which the compared probabilities hold."""
    first = next(iter(comparison.answers.values()))
    return long_date(first.by_date(float(first.times[-1])))


__all__ = ["FILE", "NOW", "ONGOING", "Comparison", "Difference", "compare", "horizon"]
