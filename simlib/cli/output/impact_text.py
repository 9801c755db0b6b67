"""Impacts as terminal text: expected amounts by date, ranges, and means given an ending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from simlib.cli.output.text_table import Row, table
from simlib.formatting import percent_within
from simlib.quantities import show
from simlib.results import AFTERWARDS, FAN, Accumulation, Estimate, Forecast


def impact_tables(forecast: Forecast, at: Sequence[int], head: Sequence[Sequence[str]], how: str) -> Iterator[str]:
    """Yield the tables of the impacts of a forecast.

    Args:
        forecast: The forecast.
        at: Indices of the report times to show as columns.
        head: The dates above the columns.
        how: Words after the title that say which values of the assumptions the forecast uses.
    """
    impacts = forecast.impacts
    if not impacts:
        return
    labels = {name: f"{forecast.label('impacts', name)} ({impact.unit})" for name, impact in impacts.items()}
    title = f"Impacts: expected amount by the end of the date{how}"
    if any(impact.error[-1] > 0 for impact in impacts.values()):
        title += ", with its 95% error"
    yield table(title, head, [Row(labels[name], _means(impact, at)) for name, impact in impacts.items()])
    rows = [Row(labels[name], _spread(impact)) for name, impact in impacts.items()]
    columns = ["chance", "assumptions", "5%", "median", "95%", "worst 5%"]
    title = f"Impacts by {forecast.by_words}{how}: standard deviations (by chance, and by the assumptions)"
    title += ", and points of the distribution with their 95% interval"
    yield table(title, [columns], rows) + "".join(_sources(impacts, labels))
    for name, impact in impacts.items():
        more = impact.exceedances()
        if more:
            words, chances = zip(*more.values(), strict=True)
            shares = [percent_within(*chance) for chance in chances]
            yield table(f"{labels[name]}: probability", [words], [Row("", shares)])
    yield _given(forecast, labels)


def _sources(impacts: Mapping[str, Accumulation], labels: Mapping[str, str]) -> Iterator[str]:
    for name, impact in impacts.items():
        if impact.sample is not None:
            yield f"\n  {labels[name]}: {impact.sample.source}"


def _means(impact: Accumulation, at: Sequence[int]) -> list[str]:
    return [show(impact.mean[i], "amount") + (f" ±{impact.error[i]:.2g}" if impact.error[i] > 0 else "") for i in at]


def _spread(impact: Accumulation) -> list[str]:
    cells = [show(float(x[-1]), "amount") for x in (impact.chance, impact.doubt)]
    if impact.sample is None:
        return [*cells, *[""] * 4]
    return [*cells, *(_known(impact.sample.quantile(share)) for share in FAN), _known(impact.sample.worst())]


def _known(number: Estimate) -> str:
    value, low, high = (show(part, "amount") for part in number)
    return value if low == value == high else f"{value} [{low}–{high}]"


def _given(forecast: Forecast, labels: dict[str, str]) -> str:
    reached = {
        ending
        for impact in forecast.impacts.values()
        for ending, mean in impact.given.items()
        if np.isfinite(mean[-1]) and mean[-1] >= 0
    }
    endings = [name for name in forecast.endings if name in reached]
    rows = [
        Row(forecast.label("endings", ending), [_mean_given(impact, ending) for impact in forecast.impacts.values()])
        for ending in endings
    ]
    title = f"Impacts: expected amount given the ending reached by {forecast.by_words}. {AFTERWARDS}"
    return table(title, [list(labels.values())], rows) if rows else ""


def _mean_given(impact: Accumulation, ending: str) -> str:
    mean, half = float(impact.given[ending][-1]), float(impact.given_error[ending][-1])
    return show(mean, "amount") + (f" ±{half:.2g}" if half > 0 else "")
