"""Second graphs drawn only when the sliders stop: consequences, drivers and one history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.formatting import percent
from simlib.machine.measures import Measure
from simlib.results import NO_ENDING, ONGOING, Forecast
from simlib.scenario.model import Scenario
from simlib.widgets.explorer import headline, sampled_history
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.graphs import BAR_ROW_HEIGHT, BOTTOM_MARGIN, TOP_MARGIN, Size, at_least_smallest
from simlib.widgets.explorer.reach import Ends
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State
from simlib.widgets.kit.blitting import still, still_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVE_HISTORIES = 4_000
"""Number of simulated histories from which the range of an impact is computed."""

RUNG = 14
"""Height in pixels of a rung with its name in the picture of one history."""

EVENT_LIST_HEIGHT = 40
"""Least height in pixels of the list of events below that picture."""

ALTERNATIVE_TEXT_ASSUMPTIONS = 3
"""Number of assumptions that the alternative text names."""

ShownChoice = dict[str, str]

TABS = {
    "endings": "Endings",
    "ladder": "Ladder",
    "moves": "Moves",
    "consequences": "Consequences",
    "drivers": "Drivers",
    "history": "One history",
}


@dataclass(frozen=True)
class Still:
    """A second graph that is drawn only when the sliders stop.

    - `png`: the picture, empty if there is none.
    - `alt`: the picture in words.
    - `story`: sentences to show with the picture or in its place.
    """

    png: bytes
    alt: str
    story: list[str] = field(default_factory=list)


DRAWING = Still(b"", "", ["Drawing …"])
"""What a second graph shows until its picture is there."""


def tabs(state: State) -> list[ShownChoice]:
    """Return the tabs of the second graph that apply to the scenario: [{id, label}]."""
    base = state.base
    there = {"ladder": base.ladders, "consequences": base.impacts, "endings": base.endings}
    return [{"id": name, "label": label} for name, label in TABS.items() if there.get(name, True)]


def choices(state: State, tab: str) -> list[ShownChoice]:
    """Return the choices within a tab, such as the ladders: [{id, label}]."""
    base = state.base
    if tab == "ladder":
        return [{"id": ladder.id, "label": ladder.label} for ladder in base.ladders.values()]
    if tab == "consequences":
        return [{"id": impact.id, "label": impact.label} for impact in base.impacts.values()]
    if tab == "history":
        endings = [{"id": ending.id, "label": ending.label} for ending in base.endings.values()]
        return [{"id": "", "label": "any ending"}, *endings, {"id": ONGOING, "label": NO_ENDING.lower()}]
    return []


def consequences(
    answers: AnswerCache,
    settings: Settings,
    forecast: Forecast,
    baseline: Forecast | None,
    size: Size,
    impact: str,
    ratio: float = 1.0,
) -> Still:
    """Draw the mean and the range of each impact, and the mean of one impact given each ending.

    Args:
        answers: The engines, for the range of each impact if `forecast` is exact.
        settings: The present settings.
        forecast: The answer at these settings.
        baseline: The forecast of the unchanged scenario, if it is to be shown.
        size: The width and height of the picture in pixels of the page.
        impact: The id of the impact whose mean is shown given each ending.
        ratio: The number of pixels of the picture for each pixel of the page.
    """
    from simlib.plots.impact_charts import IMPACT_LINE_HEIGHT, consequence_rows, head_lines, in_words

    spans: dict[str, tuple[float, float]] = {}
    sampled = answers.sampled(settings, MOVE_HISTORIES) if forecast.engine == "exact" else forecast
    for name, amounts in (sampled.impacts if sampled else {}).items():
        if amounts.fan is not None:
            spans[name] = float(amounts.fan[0][-1]), float(amounts.fan[-1][-1])
    width, height = at_least_smallest(size)
    head = head_lines(forecast, height)
    top = IMPACT_LINE_HEIGHT * head + 6
    box = 12 / width, 8 / height, 1 - 24 / width, (height - top - 8) / height
    draw = partial(consequence_rows, forecast, impact=impact, spans=spans, baseline=baseline, head=head)
    png, _ = still_figure(draw, width, height, box, ratio)
    alt = ". ".join(in_words(forecast, name, spans.get(name)) for name in forecast.impacts)
    return Still(png, f"By {forecast.by_words}: {alt}.")


def drivers(
    scenario: Scenario, measure: Measure, ends: Mapping[str, Ends], forecast: Forecast, size: Size, ratio: float = 1.0
) -> Still:
    """Draw how far the strongest assumptions change the answer to the leading question.

    Args:
        scenario: The scenario, for the labels of its assumptions.
        measure: The leading question or ending.
        ends: The probabilities of `measure` at both ends of each slider (see `reach`). If there are none yet, the
            result is a sentence instead of a picture.
        forecast: The answer at the present settings.
        size: The width and height of the picture in pixels of the page.
        ratio: The number of pixels of the picture for each pixel of the page.
    """
    import pandas as pd

    from simlib.plots.driver_bars import drivers as bars

    if forecast.engine != "exact":
        return Still(b"", "", ["The drivers need the exact engine, and this scenario has too many states for it."])
    if not ends:
        return Still(b"", "", ["The drivers at these settings are being computed …"])
    now = headline.last(forecast, measure)
    changes = [
        (scenario.assumptions[name].short_label, low - now, high - now, solved)
        for name, (low, high, solved) in ends.items()
    ]
    changes.sort(key=lambda row: min(row[1], row[2], 0.0) - max(row[1], row[2], 0.0))  # the widest bars first
    frame = pd.DataFrame(changes, columns=["label", "at_low", "at_high", "solved"])
    title = f"What moves the answer most: {measure.label}"
    width, height = at_least_smallest(size)
    rows = max(2, (height - TOP_MARGIN - BOTTOM_MARGIN) // (BAR_ROW_HEIGHT + 4))
    about = "" if frame["solved"][:rows].all() else "; ≈ estimated"
    note = f"change in points from {percent(now)} (low end hatched{about})"
    png, _ = still(lambda ax: bars(frame, ax, title=title, note=note, rows=rows), width, height, left=14, ratio=ratio)
    first = frame.head(ALTERNATIVE_TEXT_ASSUMPTIONS)
    reached = zip(first["label"], first["at_low"], first["at_high"], strict=True)
    strongest = "; ".join(f"{label} ({100 * low:+.1f} to {100 * high:+.1f})" for label, low, high in reached)
    return Still(png, f"{title}. Changes in points, at the low and at the high end: {strongest}.")


def history(
    answers: AnswerCache, settings: Settings, size: Size, ending: str, number: int, ratio: float = 1.0
) -> Still:
    """Draw and describe a simulated history (see `sampled_history.tell`).

    Args:
        answers: The engines that simulate histories.
        settings: The present settings.
        size: The width and height of the picture and its list of events in pixels of the page.
        ending: The id of the ending that the history has. "": any.
        number: The place of the history among those with this ending, from 0.
        ratio: The number of pixels of the picture for each pixel of the page.
    """
    from simlib.plots import story

    sample = sampled_history.tell(answers, settings, ending=ending, number=number)
    if sample is None:
        return Still(
            b"", "", [f"None of {sampled_history.ENDING_HISTORIES:,} sampled histories ends this way at these values."]
        )
    state = answers.state
    scenario = state.without_values(settings)
    label = NO_ENDING.lower() if sample.ending == ONGOING else state.base.endings[sample.ending].label
    head = sampled_history.heading(sample, label)
    title = f"History {sample.number + 1:,}: {label}"
    dates: dict[str, Any] = {"as_of": scenario.as_of, "horizon": scenario.horizon_days, "title": title}

    def draw(ax: Axes) -> object:
        return story(sample.days, sample.rungs, sample.rung_names, ax, ended=sample.ending != ONGOING, **dates)

    width, height = at_least_smallest(size)
    height = min(TOP_MARGIN + BOTTOM_MARGIN + RUNG * len(sample.rung_names), height - EVENT_LIST_HEIGHT)
    box = 180 / width, BOTTOM_MARGIN / height, 1 - 200 / width, (height - TOP_MARGIN - BOTTOM_MARGIN) / height
    png, _ = still_figure(draw, width, height, box, ratio)
    return Still(png, head, sample.turning_points())
