"""The answer to the leading question in a sentence, and the other answers in a line.

The leading question is the question or ending that the user chose to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simlib.formatting import counted, percent
from simlib.machine.measures import Measure, every
from simlib.results import ONGOING, Band, Forecast
from simlib.scenario.model import Intervention, Scenario
from simlib.scenario.views.wording import intervention_in_words
from simlib.widgets.explorer.answer_uncertainty import AnswerUncertainty
from simlib.widgets.explorer.state import State
from simlib.widgets.kit.status_line import Part, part

HEADLINE_KINDS = ("question", "ending")
"""The kinds of measures that an explorer can be about."""

MOSTLY = 0.5
"""If an intervention has no effect in at least this share of the histories, the headline says so."""


def band(forecast: Forecast, measure: Measure) -> Band:
    """Return the probability of an ending or a question at each time, with its interval."""
    return (forecast.questions if measure.kind == "question" else forecast.endings)[measure.of]


def last(forecast: Forecast, measure: Measure) -> float:
    """Return the probability of an ending or a question by the horizon."""
    return float(band(forecast, measure).probability[-1])


def sentence(
    forecast: Forecast,
    measure: Measure,
    baseline: Forecast | None = None,
    *,
    uncertainty: AnswerUncertainty | None = None,
    stated: bool = False,
    note: str = "",
) -> list[Part]:
    """Return the answer to the leading question in words, as parts {text, strong}.

    Args:
        forecast: The answer.
        measure: The leading question or ending.
        baseline: The answer with which the forecast is compared, in percentage points.
        uncertainty: The mean and the range of the answer over draws of the assumptions. None: not known yet.
        stated: Whether all assumptions have their stated values.
        note: Sentences about the changes by hand, shown last.
    """
    now = last(forecast, measure)
    label = "No ending" if measure.of == ONGOING else measure.label
    parts = [part(f"{label} by {forecast.by_words}: "), part(percent(now), strong=True)]
    change = change_in_words(forecast, baseline, measure)
    parts.append(part(f" ({change} from {percent(last(baseline, measure))})" if change and baseline else ""))
    parts.append(part(" at the stated values." if stated and not change else "."))
    if uncertainty is not None and measure.name in uncertainty.means:
        mean, low, high = (
            percent(float(p)) for p in (uncertainty.means[measure.name], *uncertainty.spread[measure.name][[0, -1], -1])
        )
        draws = counted(uncertainty.draws, "draw")
        parts.append(part(f" If all assumptions are uncertain: {mean} on average, {low} to {high} in 90% of {draws}."))
    ongoing = forecast.endings.get(ONGOING)
    if ongoing is not None and measure.of != ONGOING:
        parts += [part(" No ending by then: "), part(percent(float(ongoing.probability[-1])), strong=True)]
        parts.append(part("."))
    if note:
        parts.append(part(f" {note}"))
    return [part for part in parts if part["text"]]


def change_in_words(now: Forecast, before: Forecast | None, measure: Measure) -> str:
    """Return a change in percentage points ("up 6.1 points"), or "" for a negligible change.

    A change of a simulated probability is negligible if it is smaller than the error of that probability.
    """
    if before is None:
        return ""
    points, interval = 100 * (last(now, measure) - last(before, measure)), band(now, measure)
    if abs(points) < max(0.05, 50 * float(interval.high[-1] - interval.low[-1])):
        return ""
    return f"{'up' if points > 0 else 'down'} {abs(points):.{0 if abs(points) >= 9.95 else 1}f} points"


def without_effect(state: State, forecast: Forecast | None, item: Intervention) -> float:
    """Return the share of not yet ended histories in which an intervention did nothing.

    `forecast` is the answer that is shown. It may be an answer to earlier settings, or None. The result is 0 if the
    share is unknown.
    """
    items = state.without_values().interventions
    if forecast is None or item not in items or len(forecast.interventions) != len(items):
        return 0.0
    return float(forecast.interventions[items.index(item)].get("without_effect") or 0.0)


def changes_by_hand(state: State, forecast: Forecast | None) -> str:
    """Return sentences on the changes by hand that no slider shows, or "" if there are none.

    The second sentence is about the intervention that most often had no effect (see `without_effect`). It is left out
    if the share of histories without an effect is below `MOSTLY`.
    """
    changes = list(state.by_hand(values=False))
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    changed = f"Changed by hand: {changes[0]}{more}." if changes else ""
    shares = {item: without_effect(state, forecast, item) for item in state.settings.interventions}
    item = max(shares, key=lambda each: shares[each], default=None)
    if item is None or shares[item] < MOSTLY:
        return changed
    words, share = intervention_in_words(item, state.base), percent(shares[item])
    effect = f"{words}: it had no effect in {share} of the histories that had not ended by then."
    return effect if changes == [words] else f"{changed} {effect}"


def answers(
    scenario: Scenario, forecast: Forecast | None, baseline: Forecast | None = None, before: Forecast | None = None
) -> list[dict[str, Any]]:
    """Return the answers to all questions and endings: [{title, items}].

    An item is {name, label, short, value, change, due}. `change` is the difference from `baseline` in percentage
    points. A quick answer leaves out some questions. The items of these questions have values from the earlier answer
    `before`, and `due` is True.
    """
    groups = (("Questions", "question"), ("Endings", "ending"))
    sections = [
        {"title": title, "items": list(_items(scenario, kind, forecast, baseline, before))} for title, kind in groups
    ]
    return [section for section in sections if section["items"]]


def _items(
    scenario: Scenario, kind: Any, forecast: Forecast | None, baseline: Forecast | None, before: Forecast | None
) -> Iterator[dict[str, Any]]:
    group = scenario.questions if kind == "question" else scenario.endings
    for measure in every(scenario, (kind,)):
        short = group[measure.of].short if measure.of in group else ""
        item = {"name": measure.name, "label": measure.label, "short": short, "value": "", "change": "", "due": False}
        if forecast is not None and kind == "question" and measure.of not in forecast.questions:
            item |= {"value": "" if before is None else percent(last(before, measure)), "due": True}
        elif forecast is not None:
            if measure.of == ONGOING:
                item |= {"label": f"No ending by {forecast.by_words}", "short": "No ending by then"}
            points = change_in_words(forecast, baseline, measure).removesuffix(" points")
            change = points.replace("up ", "▲ ").replace("down ", "▼ ")
            item |= {"value": percent(last(forecast, measure)), "change": change}
        yield item
