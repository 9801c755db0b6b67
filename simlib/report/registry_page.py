"""The page about the registered forecasts: scores, forecasts, rules and receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from simlib.calibration.registry_score import OWN_FORECASTER, RegistryScore, called
from simlib.calibration.scores import calibration_curve
from simlib.files import write_atomically
from simlib.formatting import long_date, percent
from simlib.plots.figure import drawn, small_png
from simlib.plots.registry_charts import calibration, registered
from simlib.report.markup import Block, to_html

__all__ = ["write_registry_page"]

FEWEST_CURVE_FORECASTS = 10
"""Fewest settled forecasts for a calibration curve. With fewer it would show only noise."""

_RESAMPLES, _SEED = 1000, 0


def write_registry_page(score: RegistryScore, path: str | Path) -> Path:
    """Write the registered forecasts of a scenario as one HTML page, and return its path."""
    target = Path(path)
    write_atomically(target, to_html(_blocks(score)))
    return target


def _blocks(score: RegistryScore) -> Iterator[Block]:
    yield Block("title", f"Registered forecasts: {score.scenario.title}")
    yield Block("list", items=tuple(score.sentences()))
    if not score.rows:
        return
    yield Block("figure", " ".join(score.sentences()), png=_picture(registered, score, 260 + 44 * len(score.rows)))
    yield Block("heading", "Forecasts, rivals and scores")
    yield Block("table", items=tuple(_table(score)))
    settled = score.settled
    if len(settled) >= FEWEST_CURVE_FORECASTS:
        given = [row.forecast.probability for row in settled]
        curve = calibration_curve(given, [row.verdict == "yes" for row in settled], resamples=_RESAMPLES, seed=_SEED)
        yield Block("heading", "Calibration")
        yield Block("figure", "Calibration curve with its 90% band.", png=_picture(calibration, curve, 520))
    yield Block("heading", "Rules")
    yield Block(
        "table", items=(("No.", "Rule", "Who decides", "Void when", "Reason for the base rate"), *_rules(score))
    )
    yield Block("heading", "Receipts")
    yield Block(
        "text",
        f"Each record holds the hash of the record before it. The last hash vouches for all records: {score.receipt}",
    )
    yield Block("table", items=(("No.", "Registered", "Scenario", "simlib", "Receipt"), *_receipts(score)))


def _table(score: RegistryScore) -> Iterator[tuple[str, ...]]:
    rivals, names = score.rivals, [called(name) for name in score.rivals]
    yield (
        "No.",
        "Question",
        "By",
        "Forecast",
        "5–95%",
        *rivals,
        "Verdict",
        "Brier",
        *(f"Brier, {name}" for name in names),
    )
    for row in score.rows:
        one = row.forecast
        yield (
            *(str(one.number), one.label, long_date(one.by), percent(one.probability)),
            f"{percent(one.low)} to {percent(one.high)}",
            *(percent(one.rivals[name]) if name in one.rivals else "" for name in rivals),
            row.verdict or "open",
            *(f"{row.brier[name]:.3f}" if name in row.brier else "" for name in (OWN_FORECASTER, *rivals)),
        )


def _rules(score: RegistryScore) -> Iterator[tuple[str, ...]]:
    for one in (row.forecast for row in score.rows):
        yield (str(one.number), one.rule, one.decides, one.void_when, one.because)


def _receipts(score: RegistryScore) -> Iterator[tuple[str, ...]]:
    for one in (row.forecast for row in score.rows):
        yield (str(one.number), one.registered_at, one.scenario_sha256[:12], one.version, one.receipt)


def _picture(draw: Callable[..., object], subject: object, height: int) -> bytes:
    return small_png(drawn(partial(draw, subject), 1000, height, (0.08, 0.12, 0.84, 0.72)))
