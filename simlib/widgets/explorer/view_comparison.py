"""A comparison of views: their forecasts, and the assumptions that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlib.control import Cancel, Control
from simlib.formatting import percent
from simlib.machine.measures import Measure
from simlib.quantities import show
from simlib.results import Forecast
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer import headline
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOW = "as set now"


@dataclass(frozen=True)
class Disagreement:
    """An assumption or intervention in which views differ.

    - `label`: the label of the assumption, or the intervention in words.
    - `texts`: the value of the assumption in each view, or "yes" or "no" for whether a view has the intervention.
    - `because`: the reasons of the views.
    """

    label: str
    texts: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class ViewComparison:
    """Forecasts of one scenario under several views.

    - `answers`: {title of the view: forecast}. The reference comes first, then the others by falling probability of
      `measure`.
    - `changes`: the assumptions and interventions in which the views differ.
    - `measure`: the leading question or ending.
    """

    answers: dict[str, Forecast]
    changes: tuple[Disagreement, ...]
    measure: Measure

    @property
    def by(self) -> str:
        """The date of the compared probabilities, in words."""
        return next(iter(self.answers.values())).by_words

    def answer_rows(self) -> Iterator[list[str]]:
        """Yield one row for each question and ending, the leading one first.

        A row holds the label of the question or ending, then its probability in each forecast, with its difference from
        the first forecast in points.
        """
        first = next(iter(self.answers.values()))
        rows = [("questions", name) for name in first.questions] + [("endings", name) for name in first.endings]
        for kind, name in sorted(rows, key=lambda row: row != self._leading):
            values = [float(getattr(forecast, kind)[name].probability[-1]) for forecast in self.answers.values()]
            yield [first.label(kind, name), percent(values[0]), *(_change(v, values[0]) for v in values[1:])]

    @property
    def _leading(self) -> tuple[str, str]:
        return f"{self.measure.kind}s", self.measure.of

    def change_rows(self) -> Iterator[list[str]]:
        """Yield a row for each difference between the views: label, text in each view, and reasons."""
        for change in self.changes:
            yield [change.label, *change.texts, change.because]

    def draw(self, ax: Axes) -> Axes:
        """Draw the probability of the leading question or ending under each view."""
        from simlib.plots import comparison

        return comparison(self.answers, ax, only=self._leading)

    def height(self) -> int:
        """Return the height of the plot in pixels, without its title and axis."""
        return (len(self.answers) + 2) * 19

    def words(self) -> str:
        """Return the probability of the leading question or ending under each view, in a sentence."""
        label, *values = next(self.answer_rows())
        pairs = zip(self.answers, values, strict=True)
        return f"{label} by {self.by}: " + "; ".join(f"{value} {name}" for name, value in pairs) + "."


def _change(now: float, before: float) -> str:
    points = 100 * (now - before)
    return percent(now) + (f" ({'up' if points > 0 else 'down'} {abs(points):.1f})" if abs(points) >= 0.05 else "")


def compare_views(answers: AnswerCache, views: Sequence[str], *, cancel: Cancel | None = None) -> ViewComparison:
    """Compare the forecasts under several views, given by their ids ("": the file as it stands).

    The first view is the reference. The present settings are added if they differ from each of these views. All
    forecasts have the present start date and horizon.
    """
    state, measure = answers.state, answers.state.lead
    now = state.settings
    chosen = {
        state.view_title(view): Settings(view=view, horizon_days=state.without_values().horizon_days, as_of=now.as_of)
        for view in dict.fromkeys(views)
    }
    if not state.untouched or now.view not in views:
        chosen[NOW] = now
    results = {name: answers.answer(settings, Control(cancel=cancel)) for name, settings in chosen.items()}
    first, *others = results
    order = [first, *sorted(others, key=lambda name: -headline.last(results[name], measure))]
    changes = _disagreements(state, [chosen[name] for name in order])
    return ViewComparison({name: results[name] for name in order}, tuple(changes), measure)


def _disagreements(state: State, chosen: Sequence[Settings]) -> Iterator[Disagreement]:
    values = [state.values(settings) for settings in chosen]
    for name, assumption in state.base.assumptions.items():
        each = [part.get(name, assumption.value) for part in values]
        if len(set(each)) > 1:
            texts = tuple(show(value, assumption.kind, assumption.unit) for value in each)
            yield Disagreement(assumption.label, texts, _because(state, name, chosen))
    items = dict.fromkeys(item for settings in chosen for item in state.without_values(settings).interventions)
    for item in items:
        texts = tuple("yes" if item in state.without_values(settings).interventions else "no" for settings in chosen)
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


__all__ = ["NOW", "Disagreement", "ViewComparison", "compare_views"]
